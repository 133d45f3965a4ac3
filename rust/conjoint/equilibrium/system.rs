//! Second order of both parties at once: Newton's step, and how the equilibrium answers to a change of the slopes.

use faer::linalg::solvers::{PartialPivLu, Solve};
use faer::{Mat, MatRef};

use super::contest::Contest;

/// S = dπ/dz, which is diagonal less a rank of one in each factor, and I − H S with H = dG/dπ.
///
/// S = D − D 1 1' D / (1' D 1) with D = 1/(beta · bend) on the levels in use, for every distance.
pub struct System {
    /// D, [2 M]
    steep: Vec<f64>,
    ranges: Vec<std::ops::Range<usize>>,
    factored: PartialPivLu<f64>,
}

impl System {
    /// O((2 M)³)
    #[must_use]
    pub fn new(contest: &Contest<'_>, policy: &[f64]) -> Self {
        let steep = steepness(contest, policy);
        let ranges: Vec<_> = contest.both.ranges().collect();
        let mut matrix = curvature(contest, policy);
        let n = policy.len();
        for (place, row) in matrix.chunks_exact_mut(n.max(1)).enumerate() {
            answer(&steep, &ranges, row);
            for (column, x) in row.iter_mut().enumerate() {
                *x = f64::from(column == place) - *x;
            }
        }
        let factored = MatRef::from_row_major_slice(&matrix, n, n).partial_piv_lu();
        Self {
            steep,
            ranges,
            factored,
        }
    }

    /// The z with (I − H S) z = right, or none where the system is singular.
    #[must_use]
    pub fn solve(&self, right: &[f64]) -> Option<Vec<f64>> {
        let columns = Mat::from_fn(right.len(), 1, |i, _| {
            right.get(i).copied().unwrap_or_default()
        });
        let solved = self.factored.solve(&columns);
        let solved: Vec<f64> = solved.col(0).iter().copied().collect();
        solved.iter().all(|x| x.is_finite()).then_some(solved)
    }

    /// Change of the policies that answers to a change of the slopes, column by column of [2 M, P].
    #[must_use]
    pub fn responses(&self, slopes: &[f64], count: usize) -> Option<Vec<f64>> {
        let n = self.steep.len();
        let right = MatRef::from_row_major_slice(slopes, n, count);
        let solved = self.factored.solve(right.to_owned());
        let mut changes = vec![0.0; n * count];
        for (place, column) in solved.col_iter().enumerate() {
            let mut column: Vec<f64> = column.iter().copied().collect();
            answer(&self.steep, &self.ranges, &mut column);
            for (out, x) in changes.iter_mut().skip(place).step_by(count).zip(column) {
                *out = x;
            }
        }
        changes.iter().all(|x| x.is_finite()).then_some(changes)
    }
}

/// S times a vector, in place; S is symmetric.
fn answer(steep: &[f64], ranges: &[std::ops::Range<usize>], values: &mut [f64]) {
    for range in ranges {
        let (Some(own), Some(steep)) = (values.get_mut(range.clone()), steep.get(range.clone()))
        else {
            continue;
        };
        let total: f64 = steep.iter().sum();
        let along: f64 = own.iter().zip(steep).map(|(x, d)| x * d).sum();
        let mean = if total > 0.0 { along / total } else { 0.0 };
        for (x, d) in own.iter_mut().zip(steep) {
            *x = d * (*x - mean);
        }
    }
}

fn steepness(contest: &Contest<'_>, policy: &[f64]) -> Vec<f64> {
    let mut steep = Vec::with_capacity(policy.len());
    for (range, reference, beta) in contest.factors() {
        let own = policy.get(range).unwrap_or_default().iter().zip(reference);
        steep.extend(own.map(|(&x, &p)| {
            if x > 0.0 {
                (beta * contest.penalty.bend(x, p)).recip()
            } else {
                0.0
            }
        }));
    }
    steep
}

/// H = [[d²Q/dπdπ, d²Q/dπdρ], [−d²Q/dρdπ, −d²Q/dρdρ]]
fn curvature(contest: &Contest<'_>, policy: &[f64]) -> Vec<f64> {
    let (own, other) = contest.split(policy);
    let m = own.len();
    let (mut mine, mut theirs) = (vec![0.0; m * m], vec![0.0; m * m]);
    let mut cross = vec![0.0; m * m];
    contest
        .duel
        .against(other)
        .add_curvature(own, 1.0, &mut mine);
    contest
        .duel
        .facing(own)
        .add_curvature(other, -1.0, &mut theirs);
    contest.duel.add_cross(own, other, 1.0, &mut cross);
    let width = m.max(1);
    let upper = mine.chunks_exact(width).zip(cross.chunks_exact(width));
    let mut matrix: Vec<f64> = upper.flat_map(|(h, x)| [h, x].concat()).collect();
    for (column, row) in theirs.chunks_exact(width).enumerate() {
        let turned = cross.iter().skip(column).step_by(width).map(|x| -x);
        matrix.extend(turned);
        matrix.extend(row);
    }
    matrix
}
