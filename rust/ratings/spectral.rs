//! Ratings that are the leading vector of a matrix of wins, by power iteration on the cells.

use crate::elementary::float;
use crate::status::Status;

/// Half of the mean row sum on the diagonal: the iteration converges on bipartite graphs too.
const SHIFT: f64 = 0.5;
/// Room below a chain's probability of leaving an item, so that it does not go back and forth for ever.
const SLACK: f64 = 1.5;

/// Who beat whom: `up` is the weight of wins of item i over item j, `down` of j over i.
#[derive(Debug, Clone, Copy)]
pub struct Edges<'a> {
    /// Number of items.
    pub items: usize,
    /// [C] i
    pub first: &'a [i64],
    /// [C] j
    pub second: &'a [i64],
    /// [C]
    pub up: &'a [f64],
    /// [C]
    pub down: &'a [f64],
}

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub struct PowerLimits {
    /// Bound of the residual.
    pub tol: f64,
    /// Most iterations.
    pub max_iter: usize,
}

/// A score of each item.
#[derive(Debug, Clone)]
pub struct Centrality {
    /// [n]
    pub score: Vec<f64>,
    /// Iterations done.
    pub iterations: usize,
    /// What the limits bound.
    pub residual: f64,
    /// How it ended.
    pub status: Status,
}

impl Edges<'_> {
    fn each(&self) -> impl Iterator<Item = (usize, usize, f64, f64)> + '_ {
        let number = |item: &i64| usize::try_from(*item).unwrap_or(0);
        let weights = self.up.iter().zip(self.down);
        let pairs = self.first.iter().zip(self.second);
        pairs
            .zip(weights)
            .map(move |((i, j), (up, down))| (number(i), number(j), *up, *down))
    }

    /// out[i] += `share(i, j, up, down).0`, out[j] += `.1`, for all cells.
    fn scatter(&self, out: &mut [f64], share: impl Fn(usize, usize, f64, f64) -> (f64, f64)) {
        for (i, j, up, down) in self.each() {
            let (to_first, to_second) = share(i, j, up, down);
            if let Some(out) = out.get_mut(i) {
                *out += to_first;
            }
            if let Some(out) = out.get_mut(j) {
                *out += to_second;
            }
        }
    }
}

fn at(values: &[f64], item: usize) -> f64 {
    values.get(item).copied().unwrap_or_default()
}

/// Repeats `step`, which replaces the score and returns the residual.
fn iterate(
    start: Vec<f64>,
    limits: PowerLimits,
    mut step: impl FnMut(&mut Vec<f64>) -> f64,
) -> Centrality {
    let mut score = start;
    let mut residual = f64::INFINITY;
    for iterations in 1..=limits.max_iter {
        residual = step(&mut score);
        if residual <= limits.tol {
            return Centrality {
                score,
                iterations,
                residual,
                status: Status::Converged,
            };
        }
    }
    Centrality {
        score,
        iterations: limits.max_iter,
        residual,
        status: Status::MaxIter,
    }
}

/// The Perron vector of the win matrix, of unit length: score = W score / λ. O(cells) an iteration
///
/// The residual is the largest |W score − λ score| / λ. Strong items score high.
#[must_use]
pub fn eigenvector_centrality(cells: Edges<'_>, limits: PowerLimits) -> Centrality {
    let total: f64 = cells.each().map(|(_, _, up, down)| up + down).sum();
    let shift = SHIFT * total / float(cells.items.max(1));
    let start = vec![float(cells.items.max(1)).sqrt().recip(); cells.items];
    iterate(start, limits, |score| {
        let mut next = vec![0.0; score.len()];
        cells.scatter(&mut next, |i, j, up, down| {
            (up * at(score, j), down * at(score, i))
        });
        let value: f64 = next.iter().zip(score.iter()).map(|(y, x)| y * x).sum();
        let off = next
            .iter()
            .zip(score.iter())
            .map(|(y, x)| (y - value * x).abs());
        let residual = if value.is_finite() {
            off.fold(0.0, f64::max) / value
        } else {
            f64::INFINITY // `max` would not see a NaN
        };
        for (y, x) in next.iter_mut().zip(score.iter()) {
            *y += shift * x;
        }
        let length = next.iter().map(|y| y * y).sum::<f64>().sqrt();
        *score = next.iter().map(|y| y / length).collect();
        residual
    })
}

/// The law of a walk that follows a lost comparison to its winner with probability `damping`, and else jumps anywhere.
///
/// The residual bounds the sum of absolute errors. An item that has not lost jumps anywhere. O(cells) an iteration
#[must_use]
pub fn pagerank(cells: Edges<'_>, damping: f64, limits: PowerLimits) -> Centrality {
    let n = float(cells.items.max(1));
    let mut lost = vec![0.0; cells.items];
    cells.scatter(&mut lost, |_, _, up, down| (down, up));
    iterate(vec![n.recip(); cells.items], limits, |score| {
        // Shares first: a score over a tiny sum of losses would overflow.
        let flow = |weight: f64, loser: usize| {
            if weight > 0.0 {
                damping * at(score, loser) * (weight / at(&lost, loser))
            } else {
                0.0
            }
        };
        let idle: f64 = score
            .iter()
            .zip(&lost)
            .filter(|(_, lost)| **lost <= 0.0)
            .map(|(x, _)| x)
            .sum();
        let mut next = vec![(1.0 - damping + damping * idle) / n; score.len()];
        cells.scatter(&mut next, |i, j, up, down| (flow(up, j), flow(down, i)));
        let moved: f64 = next
            .iter()
            .zip(score.iter())
            .map(|(y, x)| (y - x).abs())
            .sum();
        *score = next;
        moved * damping / (1.0 - damping)
    })
}

/// The law of a walk from an item to one that beat it, with the fraction of their comparisons that it won.
///
/// The residual is the sum of |change| of an iteration. O(cells) an iteration
#[must_use]
pub fn rank_centrality(cells: Edges<'_>, limits: PowerLimits) -> Centrality {
    let n = float(cells.items.max(1));
    let fraction = |own: f64, other: f64| if own > 0.0 { own / (own + other) } else { 0.0 };
    let mut leaving = vec![0.0; cells.items];
    cells.scatter(&mut leaving, |_, _, up, down| {
        (fraction(down, up), fraction(up, down))
    });
    let most = SLACK * leaving.iter().copied().fold(0.0, f64::max);
    iterate(vec![n.recip(); cells.items], limits, |score| {
        let mut next = score.clone();
        cells.scatter(&mut next, |i, j, up, down| {
            let to_first =
                (at(score, j) * fraction(up, down) - at(score, i) * fraction(down, up)) / most;
            (to_first, -to_first)
        });
        let moved: f64 = next
            .iter()
            .zip(score.iter())
            .map(|(y, x)| (y - x).abs())
            .sum();
        let total: f64 = next.iter().sum();
        *score = next.iter().map(|y| y / total).collect();
        moved
    })
}
