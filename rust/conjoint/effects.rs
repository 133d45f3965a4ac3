//! Regressions of outcomes on the levels of profiles, from codes: cross products, and scores of clusters of rows.

use std::ops::Range;

use super::Codes;
use super::rows::{Clusters, Rows, at, index};
use crate::check;
use crate::error::{Error, Result};
use crate::threads;

/// Sums are those of so many parts, whatever the number of threads.
const PARTS: usize = 16;

/// What is subtracted from the outcome of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Residual {
    /// The sum over the levels of the profile: one regression on all factors.
    Joint,
    /// The coefficient of the level itself: a regression on each factor alone.
    Separate,
}

/// Cross products of the indicators of levels.
#[derive(Debug, Clone, PartialEq)]
pub struct Products {
    /// [M, M] weight of the rows that show both levels.
    pub gram: Vec<f64>,
    /// [M] weighted sum of the outcomes of the rows that show the level.
    pub totals: Vec<f64>,
}

/// Cross products of the indicators of levels, and with the outcomes: weighted counts of levels that meet. O(N·D²)
///
/// Naive equivalent: `X = one-hot rows; (X'WX, X'Wy)`.
///
/// ```
/// use prefcore::conjoint::{Codes, Layout, Rows, level_products};
/// let layout = Layout::new(&[2]);
/// let (codes, outcomes) = (Codes::U8(&[0, 1, 1]), &[1.0, 0.5, 0.0]);
/// let rows = Rows { codes, layout: &layout, outcomes, weights: None };
/// let products = level_products(rows)?;
/// assert_eq!(products.gram, [1.0, 0.0, 0.0, 2.0]);
/// assert_eq!(products.totals, [1.0, 0.5]);
/// # Ok::<(), prefcore::Error>(())
/// ```
///
/// # Errors
/// Lengths that do not fit, a code that is no level of its factor.
pub fn level_products(rows: Rows<'_>) -> Result<Products> {
    rows.check()?;
    let n = rows.outcomes.len();
    let block = n.div_ceil(PARTS).max(1);
    let parts: Vec<Range<usize>> = (0..n)
        .step_by(block)
        .map(|start| start..n.min(start + block))
        .collect();
    let work = n * rows.layout.factors() * rows.layout.factors();
    let sums = threads::map(parts, work, |part| match rows.codes {
        Codes::U8(codes) => products_of(rows, codes, part),
        Codes::U16(codes) => products_of(rows, codes, part),
    });
    let m = rows.layout.levels();
    let mut total = Products {
        gram: vec![0.0; m * m],
        totals: vec![0.0; m],
    };
    for sum in sums {
        let sum = sum?;
        add(&mut total.gram, &sum.gram);
        add(&mut total.totals, &sum.totals);
    }
    mirror(&mut total.gram, m);
    Ok(total)
}

fn add(total: &mut [f64], part: &[f64]) {
    total.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
}

/// The products of some rows, of the Gram matrix the upper triangle.
fn products_of<T: Copy + Into<usize>>(
    rows: Rows<'_>,
    codes: &[T],
    part: Range<usize>,
) -> Result<Products> {
    let (m, factors) = (rows.layout.levels(), rows.layout.factors());
    let levels: Vec<Range<usize>> = rows.layout.ranges().collect();
    let mut places = vec![0; factors];
    let (mut gram, mut totals) = (vec![0.0; m * m], vec![0.0; m]);
    let profiles = codes.get(part.start * factors..part.end * factors);
    let profiles = profiles.unwrap_or_default().chunks_exact(factors.max(1));
    for (row, profile) in part.zip(profiles) {
        let mut inside = true;
        for ((place, &code), range) in places.iter_mut().zip(profile).zip(&levels) {
            *place = range.start + code.into();
            inside &= *place < range.end;
        }
        if !inside {
            return Err(beyond(row, profile, &levels));
        }
        let weight = rows.weight(row);
        let outcome = weight * rows.outcome(row);
        for (d, &i) in places.iter().enumerate() {
            if let Some(total) = totals.get_mut(i) {
                *total += outcome;
            }
            let Some(line) = gram.get_mut(i * m..(i + 1) * m) else {
                continue;
            };
            for &j in places.get(d..).unwrap_or_default() {
                if let Some(sum) = line.get_mut(j) {
                    *sum += weight;
                }
            }
        }
    }
    Ok(Products { gram, totals })
}

fn beyond<T: Copy + Into<usize>>(row: usize, profile: &[T], levels: &[Range<usize>]) -> Error {
    let pairs = profile.iter().map(|&code| code.into()).zip(levels);
    let found = pairs
        .enumerate()
        .find(|(_, (code, range))| *code >= range.len());
    let (d, code, end) = found.map_or((0, 0, 0), |(d, (code, range))| (d, code, range.len()));
    Error::domain_at("profiles", [row, d], format!("in 0..{end}"), code)
}

/// Copies the upper triangle to the lower one.
fn mirror(matrix: &mut [f64], n: usize) {
    for i in 0..n {
        for j in i + 1..n {
            let value = at(matrix, i * n + j);
            if let Some(entry) = matrix.get_mut(j * n + i) {
                *entry = value;
            }
        }
    }
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
    per_cluster(rows, clusters, m, |cluster, places, score| {
        for row in clusters.rows(cluster) {
            rows.places(row, places);
            let weight = rows.weight(row);
            let joint = match residual {
                Residual::Joint => rows.residual(row, places, coef),
                Residual::Separate => rows.outcome(row),
            };
            for &place in places.iter() {
                let own = match residual {
                    Residual::Joint => 0.0,
                    Residual::Separate => at(coef, place),
                };
                if let Some(sum) = score.get_mut(place) {
                    *sum += weight * (joint - own);
                }
            }
        }
    })
}

/// Has `write` fill `width` numbers for each cluster; each by one thread.
pub(super) fn per_cluster(
    rows: Rows<'_>,
    clusters: Clusters<'_>,
    width: usize,
    write: impl Fn(usize, &mut Vec<usize>, &mut [f64]) + Sync + Send,
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
    let one = |places: &mut Vec<usize>, range: Range<usize>, out: &mut [f64]| {
        write(range.start / width.max(1), places, out);
        Ok(())
    };
    crate::ragged::fill(&bounds, |_| cost, &mut out, one)?;
    Ok(out)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::{Clusters, Residual, Rows, level_products, level_scores};
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
    fn products_are_those_of_the_dense_design() {
        let layout = Layout::new(&[2, 3]);
        let rows = Rows {
            codes: Codes::U8(&CODES),
            layout: &layout,
            outcomes: &OUTCOMES,
            weights: Some(&WEIGHTS),
        };
        let found = level_products(rows).unwrap();
        let x = dense(&CODES, &[2, 3]);
        for i in 0..5 {
            let total: f64 = (0..6).map(|r| WEIGHTS[r] * x[r][i] * OUTCOMES[r]).sum();
            assert!((found.totals[i] - total).abs() < 1e-15);
            for j in 0..5 {
                let both: f64 = (0..6).map(|r| WEIGHTS[r] * x[r][i] * x[r][j]).sum();
                assert!((found.gram[i * 5 + j] - both).abs() < 1e-15);
            }
        }
        let wide: Vec<u16> = CODES.iter().map(|&code| u16::from(code)).collect();
        let codes = Codes::U16(&wide);
        assert_eq!(level_products(Rows { codes, ..rows }).unwrap(), found);
    }

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
        }
    }

    #[test]
    fn a_code_beyond_its_levels_is_named() {
        let layout = Layout::new(&[2, 3]);
        let rows = Rows {
            codes: Codes::U8(&[0, 0, 2, 0]),
            layout: &layout,
            outcomes: &[0.0, 1.0],
            weights: None,
        };
        assert_eq!(
            level_products(rows).unwrap_err().to_string(),
            "profiles[1, 0] must be in 0..2, got 2"
        );
        let short = Rows {
            outcomes: &[0.0],
            ..rows
        };
        assert_eq!(
            level_products(short).unwrap_err().to_string(),
            "profiles must have 1 rows of 2 codes like outcomes, got 4"
        );
    }
}
