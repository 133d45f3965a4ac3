//! Scores of clusters of rows in a regression of outcomes on the levels of profiles.

use std::ops::Range;

use super::Codes;
use super::gram::outer_products;
use super::rows::{Clusters, Rows, at, bump, index};
use crate::check;
use crate::error::Result;

/// What is subtracted from the outcome of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Residual {
    /// The sum over the levels of the profile: one regression on all factors.
    Joint,
    /// The coefficient of the level itself: a regression on each factor alone.
    Separate,
}

/// Scores of clusters: of each level, the weighted sum of the residuals of the rows that show it. O(N·D + G·M)
///
/// Naive equivalent: `X_g' W_g (y_g - X_g coef)` of each cluster. Codes that are no levels are passed over.
///
/// Returns [G, M], row by row.
///
/// # Errors
/// Lengths that do not fit.
pub fn level_scores(
    rows: Rows<'_>,
    coef: &[f64],
    residual: Residual,
    clusters: Clusters<'_>,
) -> Result<Vec<f64>> {
    let m = rows.layout.levels();
    rows.check()?;
    check::same_length("coef", coef.len(), "the levels", m)?;
    per_cluster(rows, clusters, m, |cluster, score| {
        rows.add_scores(coef, residual, clusters.rows(cluster), score);
    })
}

/// Sum over clusters of the outer products of their [`level_scores`], the middle of a sandwich. O(N·D + G·M²)
///
/// Returns [M, M], row by row.
///
/// # Errors
/// Lengths that do not fit.
pub fn level_meat(
    rows: Rows<'_>,
    coef: &[f64],
    residual: Residual,
    clusters: Clusters<'_>,
) -> Result<Vec<f64>> {
    let m = rows.layout.levels();
    rows.check()?;
    check::same_length("coef", coef.len(), "the levels", m)?;
    let work = rows.codes.len() + clusters.len() * m * m;
    let (meat, _) = outer_products(clusters.len(), m, work, |range, gram| {
        for cluster in range {
            rows.add_scores(coef, residual, clusters.rows(cluster), gram.row());
        }
    });
    Ok(meat)
}

impl Rows<'_> {
    /// Adds the scores of rows to those of their levels.
    fn add_scores(
        &self,
        coef: &[f64],
        residual: Residual,
        members: impl Iterator<Item = usize>,
        score: &mut [f64],
    ) {
        match self.codes {
            Codes::U8(codes) => self.add_scores_of(codes, coef, residual, members, score),
            Codes::U16(codes) => self.add_scores_of(codes, coef, residual, members, score),
        }
    }

    fn add_scores_of<T: Copy + Into<usize>>(
        &self,
        codes: &[T],
        coef: &[f64],
        residual: Residual,
        members: impl Iterator<Item = usize>,
        score: &mut [f64],
    ) {
        let (starts, factors) = (self.layout.starts(), self.layout.factors());
        for row in members {
            let profile = codes.get(row * factors..(row + 1) * factors);
            let codes = profile.unwrap_or_default().iter().map(|&code| code.into());
            let places = starts.iter().zip(codes).map(|(start, code)| start + code);
            let (weight, outcome) = (self.weight(row), self.outcome(row));
            match residual {
                Residual::Joint => {
                    let fitted: f64 = places.clone().map(|place| at(coef, place)).sum();
                    let value = weight * (outcome - fitted);
                    places.for_each(|place| bump(score, place, value));
                }
                Residual::Separate => places.for_each(|place| {
                    bump(score, place, weight * (outcome - at(coef, place)));
                }),
            }
        }
    }
}

/// Has `write` fill `width` numbers for each cluster; each by one thread.
pub(super) fn per_cluster(
    rows: Rows<'_>,
    clusters: Clusters<'_>,
    width: usize,
    write: impl Fn(usize, &mut [f64]) + Sync + Send,
) -> Result<Vec<f64>> {
    let count = clusters.len();
    let bounds: Vec<usize> = (0..=count).map(|cluster| cluster * width).collect();
    let mut out = vec![0.0; count * width];
    let tasks = match (clusters.bounds.first(), clusters.bounds.last()) {
        (Some(&first), Some(&last)) => index(last).saturating_sub(index(first)),
        _ => 0,
    };
    let size = rows.codes.len() / clusters.offsets.len().max(1) + 1;
    let cost = tasks.saturating_mul(size) / count.max(1) + width;
    let one = |(): &mut (), range: Range<usize>, out: &mut [f64]| {
        write(range.start / width.max(1), out);
        Ok(())
    };
    crate::ragged::fill(&bounds, |_| cost, &mut out, one)?;
    Ok(out)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::{Clusters, Residual, Rows, level_meat, level_scores};
    use crate::conjoint::{Codes, Layout};

    /// Indicators of the levels of each row.
    fn dense(codes: &[u8], n_levels: &[usize]) -> Vec<Vec<f64>> {
        let one_hot = |row: &[u8]| {
            let mut x = Vec::new();
            for (code, &n) in row.iter().zip(n_levels) {
                x.extend((0..n).map(|level| f64::from(u8::from(usize::from(*code) == level))));
            }
            x
        };
        codes.chunks_exact(n_levels.len()).map(one_hot).collect()
    }

    const CODES: [u8; 12] = [0, 2, 1, 0, 1, 1, 0, 0, 0, 2, 1, 1];
    const OUTCOMES: [f64; 6] = [1.0, 0.0, 0.5, 2.0, -1.0, 3.0];
    const WEIGHTS: [f64; 6] = [1.0, 2.0, 0.0, 0.5, 1.5, 1.0];

    #[test]
    fn scores_are_sums_of_residuals() {
        let layout = Layout::new(&[2, 3]);
        let rows = Rows {
            codes: Codes::U8(&CODES),
            layout: &layout,
            outcomes: &OUTCOMES,
            weights: Some(&WEIGHTS),
        };
        // tasks of two rows; the first cluster holds the last task and the first
        let clusters = Clusters {
            offsets: &[0, 2, 4, 6],
            tasks: Some(&[2, 0, 1]),
            bounds: &[0, 2, 3],
        };
        let coef = [0.1, 0.2, 0.3, 0.4, 0.5];
        let x = dense(&CODES, &[2, 3]);
        for residual in [Residual::Joint, Residual::Separate] {
            let found = level_scores(rows, &coef, residual, clusters).unwrap();
            for (cluster, members) in [vec![4, 5, 0, 1], vec![2, 3]].iter().enumerate() {
                for level in 0..5 {
                    let want: f64 = members
                        .iter()
                        .map(|&r| {
                            let joint: f64 = x[r].iter().zip(coef).map(|(x, b)| x * b).sum();
                            let fitted = match residual {
                                Residual::Joint => joint,
                                Residual::Separate => coef[level],
                            };
                            WEIGHTS[r] * x[r][level] * (OUTCOMES[r] - fitted)
                        })
                        .sum();
                    assert!((found[cluster * 5 + level] - want).abs() < 1e-14);
                }
            }
            let meat = level_meat(rows, &coef, residual, clusters).unwrap();
            for (place, got) in meat.iter().enumerate() {
                let products = found.chunks_exact(5).map(|s| s[place / 5] * s[place % 5]);
                assert!((got - products.sum::<f64>()).abs() < 1e-13);
            }
        }
    }
}
