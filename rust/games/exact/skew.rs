//! Equilibria as one system: x >= 0 and s = v − K x >= 0 with K skew, x·s = 0, and the x of each player sum to 1.
//!
//! A symmetric game is its own K, with one player; a rectangular one has K = [0, A; −Aᵀ, 0] and two.

use faer::Mat;
use faer::linalg::solvers::{PartialPivLu, Solve};

use super::super::rectangular::Rectangle;

/// Pivots and unknowns below this count as 0: the solution is then not the only one.
const SINGULAR: f64 = 1e-12;

pub struct Skew {
    /// [n, n], row by row, entries in [-1, 1].
    k: Vec<f64>,
    pub n: usize,
    /// Number of actions of the first player; n of a symmetric game.
    split: usize,
}

impl Skew {
    pub fn symmetric(payoff: &[f64], n: usize) -> Self {
        let k = payoff.to_vec();
        Self { k, n, split: n }
    }

    pub fn two_players(payoff: &[f64], m: usize, n: usize) -> Self {
        let size = m + n;
        let mut k = vec![0.0; size * size];
        for (i, row) in payoff.chunks_exact(n).enumerate() {
            for (j, &x) in row.iter().enumerate() {
                if let Some(cell) = k.get_mut(i * size + m + j) {
                    *cell = x;
                }
                if let Some(cell) = k.get_mut((m + j) * size + i) {
                    *cell = -x;
                }
            }
        }
        Self {
            k,
            n: size,
            split: m,
        }
    }

    pub fn players(&self) -> usize {
        1 + usize::from(self.split < self.n)
    }

    pub fn player(&self, action: usize) -> usize {
        usize::from(action >= self.split)
    }

    /// Number of actions of the player of an action.
    pub fn choices(&self, action: usize) -> usize {
        if action < self.split {
            self.split
        } else {
            self.n - self.split
        }
    }

    /// Row of K.
    pub fn row(&self, i: usize) -> &[f64] {
        self.k.get(i * self.n..(i + 1) * self.n).unwrap_or_default()
    }

    /// K x
    pub fn apply(&self, x: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.n];
        let game = Rectangle {
            values: &self.k,
            n: self.n,
        };
        game.rows(x, &mut out);
        out
    }

    /// [diagonal − K, e; eᵀ, 0] of some actions, with a column of ones for the v of each player.
    pub fn bordered(&self, members: &[usize], diagonal: impl Fn(usize) -> f64) -> Mat<f64> {
        let size = members.len();
        let mut matrix = Mat::zeros(size + self.players(), size + self.players());
        for (at, &j) in members.iter().enumerate() {
            let (row, border) = (self.row(j), size + self.player(j)); // column j of −K is row j of K
            let column = matrix.col_as_slice_mut(at);
            for (cell, &i) in column.iter_mut().zip(members) {
                *cell = row.get(i).copied().unwrap_or(0.0);
            }
            column
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|cell| *cell += diagonal(j));
            column
                .iter_mut()
                .skip(border)
                .take(1)
                .for_each(|cell| *cell = 1.0);
            matrix
                .col_as_slice_mut(border)
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|cell| *cell = 1.0);
        }
        matrix
    }

    /// The right-hand side 0 for each member, 1 for each player.
    pub fn sums(&self, size: usize) -> Mat<f64> {
        Mat::from_fn(
            size + self.players(),
            1,
            |i, _| if i < size { 0.0 } else { 1.0 },
        )
    }

    /// The strategies on this support if they are an equilibrium, and then the only one: the system on the support is
    /// regular, all its actions are played, and all others are worse. O(size³ + n²)
    pub fn certified(&self, members: &[usize]) -> Option<Vec<f64>> {
        let system = self.bordered(members, |_| 0.0);
        let lu = system.partial_piv_lu();
        if !regular(&lu) {
            return None;
        }
        let mut found = self.sums(members.len());
        lu.solve_in_place(&mut found);
        let wrong = self.sums(members.len()) - &system * &found;
        found += lu.solve(&wrong);
        let mut x = vec![0.0; self.n];
        let (played, values) = found.col_as_slice(0).split_at(members.len());
        for (&i, &p) in members.iter().zip(played) {
            if let Some(x) = x.get_mut(i) {
                *x = p;
            }
        }
        let earned = self.apply(&x);
        let value = |i| values.get(self.player(i)).copied().unwrap_or(f64::NAN);
        let strict =
            x.iter().zip(&earned).enumerate().all(|(i, (&x, earned))| {
                x > SINGULAR || (x == 0.0 && value(i) - earned > SINGULAR)
            });
        strict.then_some(x)
    }
}

fn regular(lu: &PartialPivLu<f64>) -> bool {
    let diagonal = lu.U().diagonal();
    let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
    for pivot in diagonal.column_vector().iter() {
        least = least.min(pivot.abs());
        most = most.max(pivot.abs());
    }
    least > SINGULAR * most
}
