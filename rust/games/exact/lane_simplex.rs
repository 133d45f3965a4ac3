//! The simplex method for small symmetric games side by side, one in each lane of a vector.
//!
//! The tableau and the rule for the entering column are those of [`super::simplex`], without its care for ties and cycles:
//! a game that has more than one equilibrium, or takes too many pivots, is left to that module. A lane whose game has
//! ended adds zeros from then on, so no neighbour changes a bit of it.

#![allow(clippy::inline_always)] // the loops must become part of the function that pulp compiles

use pulp::{Arch, Simd, WithSimd};

use super::simplex::{DEGENERATE, OPTIMAL, PIVOT, SHIFT};
use crate::elementary::float;
use crate::lanes::{Aligned, BLOCK, lane, put};

/// Actions up to which games run side by side.
pub const LARGEST: usize = 16;

/// The only equilibrium of a game.
#[derive(Debug)]
pub struct Corner {
    pub strategy: Vec<f64>,
    /// The largest payoff.
    pub scale: f64,
    /// How much worse than the value the best unplayed action is; NaN where all are played.
    pub slack: f64,
    pub pivots: usize,
}

/// The equilibria of games of n <= [`LARGEST`] actions, whose skew matrices stand one after the other in `payoffs`;
/// `None` for those that may have more than one.
pub fn solve(payoffs: &[f64], n: usize) -> Vec<Option<Corner>> {
    let size = (n + 1) * (n + 1) + 5 * n + 5;
    let mut memory = Aligned::default();
    memory.reset(size * BLOCK, 0.0);
    let memory = &mut *memory;
    Arch::new().dispatch(Games { payoffs, n, memory })
}

struct Games<'a> {
    payoffs: &'a [f64],
    n: usize,
    memory: &'a mut [f64],
}

impl WithSimd for Games<'_> {
    type Output = Vec<Option<Corner>>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let (width, n) = (S::F64_LANES, self.n);
        let mut corners = Vec::with_capacity(self.payoffs.len() / (n * n));
        for group in self.payoffs.chunks(n * n * width) {
            load(group, n, width, self.memory);
            let (vectors, _) = S::as_mut_simd_f64s(self.memory);
            if let Some(mut tableaus) = Tableaus::new(simd, n, vectors) {
                tableaus.run(4 * n + 10);
                tableaus.read();
            }
            let games = group.len() / (n * n);
            corners.extend((0..games).map(|k| corner(self.memory, n, (k, width))));
        }
        corners
    }
}

/// Writes each game into its lane of the cells, column by column; its matrix is skew, so a column is a row less its sign.
fn load(payoffs: &[f64], n: usize, width: usize, memory: &mut [f64]) {
    if payoffs.len() < n * n * width {
        memory.fill(0.0);
    }
    for (k, payoff) in payoffs.chunks_exact(n * n).enumerate() {
        let columns = memory.chunks_exact_mut((n + 1) * width);
        for (cells, row) in columns.zip(payoff.chunks_exact(n)) {
            put(cells, k, width, row.iter().copied());
        }
    }
}

/// What [`Tableaus::read`] left at the end of the memory of one lane.
fn corner(memory: &[f64], n: usize, (k, width): (usize, usize)) -> Option<Corner> {
    let mut ends = lane(memory, k, width).skip((n + 1) * (n + 1) + 4 * n + 1);
    let (scale, pivots, least, slack) = (ends.next()?, ends.next()?, ends.next()?, ends.next()?);
    (least > DEGENERATE).then(|| Corner {
        strategy: ends.take(n).collect(),
        scale,
        slack: if slack.is_finite() { slack * scale } else { f64::NAN },
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a count
        pivots: pivots as usize,
    })
}

/// The tableaus of the games of a vector.
struct Tableaus<'a, S: Simd> {
    simd: S,
    n: usize,
    /// [n + 1, n + 1] column by column: n of variables and the right-hand side; the objective is the last of each.
    cells: &'a mut [S::f64s],
    /// [n] squared lengths of the columns.
    lengths: &'a mut [S::f64s],
    /// [n + 1] the entering column, then the factors of a pivot.
    factors: &'a mut [S::f64s],
    /// [n] the variable of each row and column: below n the strategy, from n on the slacks.
    basic: &'a mut [S::f64s],
    nonbasic: &'a mut [S::f64s],
    /// [n + 4] the largest payoff, the number of pivots, the least margin of uniqueness, the slack, the strategy.
    ends: &'a mut [S::f64s],
}

impl<'a, S: Simd> Tableaus<'a, S> {
    #[inline(always)]
    fn new(simd: S, n: usize, memory: &'a mut [S::f64s]) -> Option<Self> {
        let (cells, rest) = memory.split_at_mut_checked((n + 1) * (n + 1))?;
        let (lengths, rest) = rest.split_at_mut_checked(n)?;
        let (factors, rest) = rest.split_at_mut_checked(n + 1)?;
        let (basic, rest) = rest.split_at_mut_checked(n)?;
        let (nonbasic, rest) = rest.split_at_mut_checked(n)?;
        let ends = rest.get_mut(..n + 4)?;
        let (shift, one) = (simd.splat_f64s(SHIFT), simd.splat_f64s(1.0));
        let scale = largest(simd, cells, n);
        let inverse = simd.div_f64s(one, scale);
        if let Some(first) = ends.first_mut() {
            *first = scale;
        }
        let mut columns = cells.chunks_exact_mut(n + 1);
        for (cells, length) in columns.by_ref().take(n).zip(lengths.iter_mut()) {
            let [rows @ .., objective] = cells else {
                continue;
            };
            *length = one;
            for cell in rows {
                *cell = simd.negate_mul_add_f64s(*cell, inverse, shift);
                *length = simd.mul_add_f64s(*cell, *cell, *length);
            }
            *objective = simd.neg_f64s(one);
        }
        if let Some([right @ .., _]) = columns.next() {
            right.fill(one);
        }
        for (k, (basic, nonbasic)) in basic.iter_mut().zip(nonbasic.iter_mut()).enumerate() {
            *basic = simd.splat_f64s(float(n + k));
            *nonbasic = simd.splat_f64s(float(k));
        }
        Some(Self {
            simd,
            n,
            cells,
            lengths,
            factors,
            basic,
            nonbasic,
            ends,
        })
    }

    /// Pivots until every game is at its optimum or has taken `limit` pivots; counts them.
    #[inline(always)]
    fn run(&mut self, limit: usize) {
        let simd = self.simd;
        let (none, one) = (simd.splat_f64s(0.0), simd.splat_f64s(1.0));
        let mut pivots = none;
        for _ in 0..limit {
            let column = self.entering();
            let row = self.leaving(column);
            let moves = simd.greater_than_or_equal_f64s(row, none);
            if simd.first_true_m64s(moves) >= S::F64_LANES {
                break;
            }
            pivots = simd.add_f64s(pivots, simd.select_f64s(moves, one, none));
            self.pivot(row, column);
        }
        if let Some(count) = self.ends.get_mut(1) {
            *count = pivots;
        }
    }

    /// The column of the steepest descent; −1 at an optimum.
    #[inline(always)]
    fn entering(&self) -> S::f64s {
        let simd = self.simd;
        let (none, low) = (simd.splat_f64s(0.0), simd.splat_f64s(-OPTIMAL));
        let (mut most, mut place) = (none, simd.splat_f64s(-1.0));
        let columns = self.cells.chunks_exact(self.n + 1).zip(&*self.lengths);
        for (c, (cells, &length)) in columns.enumerate() {
            let Some(&cost) = cells.last() else { continue };
            let steep = simd.div_f64s(simd.mul_f64s(cost, cost), length);
            let steep = simd.select_f64s(simd.less_than_f64s(cost, low), steep, none);
            let more = simd.greater_than_f64s(steep, most);
            most = simd.select_f64s(more, steep, most);
            place = simd.select_f64s(more, simd.splat_f64s(float(c)), place);
        }
        place
    }

    /// The row that limits the entering column most; −1 where there is none. The column is then in `factors`.
    #[inline(always)]
    fn leaving(&mut self, column: S::f64s) -> S::f64s {
        let simd = self.simd;
        let (none, least) = (simd.splat_f64s(0.0), simd.splat_f64s(PIVOT));
        self.factors.fill(none);
        let mut columns = self.cells.chunks_exact(self.n + 1);
        for (c, cells) in columns.by_ref().take(self.n).enumerate() {
            let own = simd.equal_f64s(column, simd.splat_f64s(float(c)));
            for (factor, &cell) in self.factors.iter_mut().zip(cells) {
                *factor = simd.select_f64s(own, cell, *factor);
            }
        }
        let (mut best, mut place) = (simd.splat_f64s(f64::INFINITY), simd.splat_f64s(-1.0));
        let right = columns.next().unwrap_or_default();
        let rows = self.factors.iter().zip(right).take(self.n);
        for (r, (&pivot, &right)) in rows.enumerate() {
            let ratio = simd.div_f64s(simd.max_f64s(right, none), pivot);
            let fits = simd.greater_than_f64s(pivot, least);
            let less = simd.and_m64s(fits, simd.less_than_f64s(ratio, best));
            best = simd.select_f64s(less, ratio, best);
            place = simd.select_f64s(less, simd.splat_f64s(float(r)), place);
        }
        place
    }

    /// Swaps the variables of a row and a column of each game that has both.
    #[inline(always)]
    fn pivot(&mut self, row: S::f64s, column: S::f64s) {
        let simd = self.simd;
        let (none, one) = (simd.splat_f64s(0.0), simd.splat_f64s(1.0));
        let moves = simd.greater_than_or_equal_f64s(row, none);
        let at = |place: S::f64s, k: usize| {
            simd.and_m64s(moves, simd.equal_f64s(place, simd.splat_f64s(float(k))))
        };
        let never = simd.less_than_f64s(none, none);
        let mut marks = [never; LARGEST + 1]; // of each row; the objective never leaves
        let (mut pivot, mut leaves) = (one, none);
        let rows = self.factors.iter_mut().zip(&*self.basic).zip(&mut marks);
        for (r, ((factor, &basic), mark)) in rows.enumerate() {
            *mark = at(row, r);
            pivot = simd.select_f64s(*mark, *factor, pivot);
            leaves = simd.select_f64s(*mark, basic, leaves);
        }
        let inverse = simd.select_f64s(moves, simd.div_f64s(one, pivot), none);
        for (factor, mark) in self.factors.iter_mut().zip(&marks) {
            let other = simd.select_f64s(moves, simd.neg_f64s(*factor), none);
            *factor = simd.select_f64s(*mark, one, other);
        }
        let mut enters = none;
        let columns = self.cells.chunks_exact_mut(self.n + 1).take(self.n);
        let columns = columns.zip(self.nonbasic.iter_mut().zip(self.lengths.iter_mut()));
        for (c, (cells, (label, length))) in columns.enumerate() {
            let own = at(column, c);
            enters = simd.select_f64s(own, *label, enters);
            *label = simd.select_f64s(own, leaves, *label);
            *length = eliminate(simd, cells, (self.factors, &marks), own, inverse);
        }
        if let Some(right) = self.cells.chunks_exact_mut(self.n + 1).nth(self.n) {
            eliminate(simd, right, (self.factors, &marks), never, inverse);
        }
        for (label, mark) in self.basic.iter_mut().zip(&marks) {
            *label = simd.select_f64s(*mark, enters, *label);
        }
    }

    /// Writes what the optimum tells into `ends`.
    #[inline(always)]
    fn read(&mut self) {
        let simd = self.simd;
        let (none, far) = (simd.splat_f64s(0.0), simd.splat_f64s(f64::INFINITY));
        let (mut least, mut slack) = (far, far);
        let (mut rows, mut columns) = (none, none);
        let tableau = self.cells.chunks_exact(self.n + 1);
        let slacks = simd.splat_f64s(float(self.n));
        for (cells, label) in tableau.clone().zip(&*self.nonbasic) {
            let Some(&cost) = cells.last() else { continue };
            let unplayed = simd.less_than_f64s(*label, slacks);
            least = simd.min_f64s(least, cost);
            slack = simd.min_f64s(slack, simd.select_f64s(unplayed, cost, far));
            rows = simd.add_f64s(rows, simd.select_f64s(unplayed, none, cost));
        }
        let right = tableau.last().unwrap_or_default();
        let [_, _, margin, worse, strategy @ ..] = &mut *self.ends else {
            return;
        };
        strategy.fill(none);
        for (&value, &label) in right.iter().zip(&*self.basic) {
            least = simd.min_f64s(least, value);
            for (k, p) in strategy.iter_mut().enumerate() {
                let own = simd.equal_f64s(label, simd.splat_f64s(float(k)));
                *p = simd.select_f64s(own, value, *p);
            }
        }
        for p in strategy.iter() {
            columns = simd.add_f64s(columns, *p);
        }
        for p in strategy {
            *p = simd.div_f64s(*p, columns);
        }
        (*margin, *worse) = (least, simd.div_f64s(slack, rows));
    }
}

/// The largest payoff of each game.
#[inline(always)]
fn largest<S: Simd>(simd: S, cells: &[S::f64s], n: usize) -> S::f64s {
    let mut most = simd.splat_f64s(0.0);
    for column in cells.chunks_exact(n + 1).take(n) {
        for &cell in column.iter().take(n) {
            most = simd.max_f64s(most, simd.abs_f64s(cell));
        }
    }
    most
}

/// A column after a pivot; its squared length.
#[inline(always)]
fn eliminate<S: Simd>(
    simd: S,
    cells: &mut [S::f64s],
    (factors, marks): (&[S::f64s], &[S::m64s]),
    own: S::m64s,
    inverse: S::f64s,
) -> S::f64s {
    let none = simd.splat_f64s(0.0);
    let mut top = none;
    for (cell, &mark) in cells.iter().zip(marks) {
        top = simd.select_f64s(mark, *cell, top);
    }
    let top = simd.select_f64s(own, inverse, simd.mul_f64s(top, inverse));
    let mut length = simd.splat_f64s(1.0);
    for ((cell, &factor), &mark) in cells.iter_mut().zip(factors).zip(marks) {
        let kept = simd.select_f64s(simd.or_m64s(mark, own), none, *cell);
        *cell = simd.mul_add_f64s(factor, top, kept);
        length = simd.mul_add_f64s(*cell, *cell, length);
    }
    length
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use pulp::{Scalar, WithSimd};

    use super::{Corner, Games, solve};
    use crate::elementary::float;

    /// Skew games of n actions.
    fn games(count: usize, n: usize) -> Vec<f64> {
        let entry = |g: usize, i: usize, j: usize| {
            let number = (g * 7919 + i.min(j) * 1031 + i.max(j) * 313 + 17) * 7877 % 2003;
            (float(number) - 1001.0) * (float(j) - float(i)).signum()
        };
        let at = |k: usize| (k / (n * n), k / n % n, k % n);
        let entries = (0..count * n * n).map(at);
        let entries = entries.map(|(g, i, j)| if i == j { 0.0 } else { entry(g, i, j) });
        entries.collect()
    }

    #[test]
    fn no_action_earns_more_than_the_equilibrium() {
        for n in [2, 5, 8, 16] {
            let payoffs = games(11, n);
            for (payoff, corner) in payoffs.chunks_exact(n * n).zip(solve(&payoffs, n)) {
                let Corner {
                    strategy, slack, ..
                } = corner.unwrap();
                assert!((strategy.iter().sum::<f64>() - 1.0).abs() < 1e-14);
                let earned = |row: &[f64]| row.iter().zip(&strategy).map(|(x, p)| x * p).sum();
                let earned: Vec<f64> = payoff.chunks_exact(n).map(earned).collect();
                assert!(earned.iter().all(|x| *x < 1e-10), "{n}: {earned:?}");
                let unplayed = strategy.iter().zip(&earned).filter(|(p, _)| **p == 0.0);
                let worse = unplayed.fold(f64::NAN, |least, (_, x)| least.min(-x));
                let alike = worse.is_nan() && slack.is_nan() || (worse - slack).abs() < 1e-10;
                assert!(alike, "{n}: {worse} {slack}");
            }
        }
    }

    #[test]
    fn neither_a_neighbour_nor_the_width_of_vectors_changes_a_bit() {
        let n = 7;
        let (payoffs, mut memory) = (games(13, n), vec![0.0; 1_000]);
        let (payoffs, memory) = (payoffs.as_slice(), memory.as_mut_slice());
        let alone = Games { payoffs, n, memory }.with_simd(Scalar);
        let told = |found: &[Option<Corner>]| format!("{found:?}");
        assert_eq!(told(&alone), told(&solve(payoffs, n)));
    }

    #[test]
    fn more_than_one_equilibrium_is_none() {
        assert!(solve(&[0.0; 4], 2).remove(0).is_none());
        let twins = [
            [0.0, 0.0, -1.0, 1.0],
            [0.0, 0.0, -1.0, 1.0],
            [1.0, 1.0, 0.0, -1.0],
            [-1.0, -1.0, 1.0, 0.0],
        ];
        assert!(solve(twins.as_flattened(), 4).remove(0).is_none());
    }
}
