//! Weighted counts of levels that meet in a profile: cross products of their indicators.

use std::ops::Range;

use super::Codes;
use super::rows::{Rows, at};
use crate::elementary::add;
use crate::error::{Error, Result};
use crate::threads;

/// Sums are those of so many parts, whatever the number of threads.
const PARTS: usize = 16;

/// Cross products of the indicators of levels.
#[derive(Debug, Clone, PartialEq)]
pub struct Products {
    /// [M, M] weight of the rows that show both levels.
    pub gram: Vec<f64>,
    /// [M] weighted sum of the outcomes of the rows that show the level.
    pub totals: Vec<f64>,
}

/// A factor, or two neighbors whose pairs of levels are counted as one: half the columns, a quarter of the additions.
struct Block {
    /// Number of its first cell.
    start: usize,
    /// Flat indices of the levels of each factor.
    factors: Vec<Range<usize>>,
}

impl Block {
    fn cells(&self) -> usize {
        self.factors.iter().map(Range::len).product()
    }

    /// Flat indices of the levels of a cell, the last factor first.
    fn levels(&self, mut cell: usize) -> Vec<usize> {
        let mut levels = Vec::new();
        for range in self.factors.iter().rev() {
            levels.push(range.start + cell % range.len().max(1));
            cell /= range.len().max(1);
        }
        levels
    }
}

/// Joins neighbors while that makes no more than twice as many cells as levels.
fn blocks(rows: Rows<'_>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut end = 0;
    for range in rows.layout.ranges() {
        if let Some(last) = blocks.last_mut()
            && let [other] = last.factors.as_slice()
            && other.len() * range.len() <= 2 * (other.len() + range.len())
        {
            last.factors.push(range);
            end = last.start + last.cells();
            continue;
        }
        let block = Block {
            start: end,
            factors: vec![range],
        };
        end += block.cells();
        blocks.push(block);
    }
    blocks
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
    let part = n.div_ceil(PARTS).max(1);
    let parts: Vec<Range<usize>> = (0..n)
        .step_by(part)
        .map(|start| start..n.min(start + part))
        .collect();
    let blocks = blocks(rows);
    let cells = blocks.last().map_or(0, |last| last.start + last.cells());
    let work = n * (rows.layout.factors() + blocks.len() * blocks.len());
    let sums = threads::map(parts, work, |part| match rows.codes {
        Codes::U8(codes) => products_of(rows, codes, &blocks, part),
        Codes::U16(codes) => products_of(rows, codes, &blocks, part),
    });
    let mut total = Products {
        gram: vec![0.0; cells * cells],
        totals: vec![0.0; cells],
    };
    for sum in sums {
        let sum = sum?;
        add(&mut total.gram, &sum.gram);
        add(&mut total.totals, &sum.totals);
    }
    Ok(of_levels(&total, &blocks, rows.layout.levels()))
}

/// The products of the cells of some rows, of the Gram matrix the upper triangle.
fn products_of<T: Copy + Into<usize>>(
    rows: Rows<'_>,
    codes: &[T],
    blocks: &[Block],
    part: Range<usize>,
) -> Result<Products> {
    let factors = rows.layout.factors();
    let cells = blocks.last().map_or(0, |last| last.start + last.cells());
    let (mut gram, mut totals) = (vec![0.0; cells * cells], vec![0.0; cells]);
    let mut places = vec![0; blocks.len()];
    let profiles = codes.get(part.start * factors..part.end * factors);
    let profiles = profiles.unwrap_or_default().chunks_exact(factors.max(1));
    for (row, profile) in part.zip(profiles) {
        let mut codes = profile.iter();
        let mut inside = true;
        for (place, block) in places.iter_mut().zip(blocks) {
            let mut cell = 0;
            for (range, &code) in block.factors.iter().zip(codes.by_ref()) {
                let code = code.into();
                inside &= code < range.len();
                cell = cell * range.len() + code;
            }
            *place = block.start + cell;
        }
        if !inside {
            return Err(beyond(rows, row, profile));
        }
        let weight = rows.weight(row);
        let outcome = weight * rows.outcome(row);
        for (block, &i) in places.iter().enumerate() {
            if let Some(total) = totals.get_mut(i) {
                *total += outcome;
            }
            let Some(line) = gram.get_mut(i * cells..(i + 1) * cells) else {
                continue;
            };
            for &j in places.get(block..).unwrap_or_default() {
                if let Some(sum) = line.get_mut(j) {
                    *sum += weight;
                }
            }
        }
    }
    Ok(Products { gram, totals })
}

fn beyond<T: Copy + Into<usize>>(rows: Rows<'_>, row: usize, profile: &[T]) -> Error {
    let ends = rows.layout.ranges().map(|range| range.len());
    let pairs = profile.iter().map(|&code| code.into()).zip(ends);
    let found = pairs.enumerate().find(|(_, (code, end))| code >= end);
    let (d, (code, end)) = found.unwrap_or_default();
    Error::domain_at("profiles", [row, d], format!("in 0..{end}"), code)
}

/// Adds what the cells hold to the levels that they are made of.
fn of_levels(cells: &Products, blocks: &[Block], m: usize) -> Products {
    let members: Vec<Vec<usize>> = blocks
        .iter()
        .flat_map(|block| (0..block.cells()).map(|cell| block.levels(cell)))
        .collect();
    let mut found = Products {
        gram: vec![0.0; m * m],
        totals: vec![0.0; m],
    };
    for (own, total) in members.iter().zip(&cells.totals) {
        for &level in own {
            bump(&mut found.totals, level, *total);
        }
    }
    let lines = cells.gram.chunks_exact(members.len().max(1));
    for (own, line) in members.iter().zip(lines) {
        let met = members
            .iter()
            .zip(line)
            .filter(|(_, weight)| **weight != 0.0);
        for (others, weight) in met {
            for &i in own {
                for &j in others {
                    bump(&mut found.gram, i * m + j, *weight);
                }
            }
        }
    }
    mirror(&mut found.gram, m);
    found
}

fn bump(values: &mut [f64], place: usize, by: f64) {
    if let Some(value) = values.get_mut(place) {
        *value += by;
    }
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

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::{Rows, level_products};
    use crate::conjoint::{Codes, Layout};

    #[test]
    fn products_are_counts_of_levels_that_meet() {
        // pairs of factors are joined where they are small: (2, 3), (4, 1), alone 9, (2, 2)
        let n_levels = [2, 3, 4, 1, 9, 2, 2];
        let layout = Layout::new(&n_levels);
        let codes: Vec<u8> = (0..200_usize)
            .flat_map(|row| {
                let level =
                    move |(d, n): (usize, &usize)| u8::try_from((row * (d + 3) / 2 + d) % n);
                n_levels.iter().enumerate().map(level).collect::<Vec<_>>()
            })
            .map(Result::unwrap)
            .collect();
        let outcomes: Vec<f64> = (0..200_u8).map(|row| f64::from(row % 7)).collect();
        let weights: Vec<f64> = (0..200_u8).map(|row| f64::from(row % 3)).collect();
        let rows = Rows {
            codes: Codes::U8(&codes),
            layout: &layout,
            outcomes: &outcomes,
            weights: Some(&weights),
        };
        let m = layout.levels();
        let (mut gram, mut totals) = (vec![0.0; m * m], vec![0.0; m]);
        for (row, profile) in codes.chunks_exact(7).enumerate() {
            let flat: Vec<usize> = (0..7)
                .map(|d| layout.range(d).start + usize::from(profile[d]))
                .collect();
            for &i in &flat {
                totals[i] += weights[row] * outcomes[row];
                for &j in &flat {
                    gram[i * m + j] += weights[row];
                }
            }
        }
        let found = level_products(rows).unwrap();
        assert_eq!(found.gram, gram);
        assert_eq!(found.totals, totals);
        let wide: Vec<u16> = codes.iter().map(|&code| u16::from(code)).collect();
        let codes = Codes::U16(&wide);
        assert_eq!(level_products(Rows { codes, ..rows }).unwrap(), found);
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
