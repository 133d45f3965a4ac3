//! Weighted counts of levels that meet in a profile: cross products of their indicators.

use std::ops::Range;

use pulp::Arch;

use super::Codes;
use super::rows::{Rows, at, bump};
use super::tables::{Block, Sums, joined, pairs};
use crate::elementary::{add, dispatch};
use crate::error::{Error, Result};
use crate::threads;

/// Sums are those of so many parts, whatever the number of threads.
const PARTS: usize = 16;
/// Rows whose cells are found before they are counted.
const TILE: usize = 512;
/// Entries of the tables of a part: what a core's own cache holds.
const MOST_ENTRIES: usize = 1 << 17;

/// Cross products of the indicators of levels.
#[derive(Debug, Clone, PartialEq)]
pub struct Products {
    /// [M, M] weight of the rows that show both levels.
    pub gram: Vec<f64>,
    /// [M] weighted sum of the outcomes of the rows that show the level.
    pub totals: Vec<f64>,
}

/// The widest blocks whose tables are short beside the rows, and fit in the cache.
fn blocks(rows: Rows<'_>) -> Vec<Block> {
    let room = MOST_ENTRIES.min(rows.outcomes.len() / 4);
    let mut width = 512;
    loop {
        let blocks = joined(rows.layout, width);
        if width == 1
            || pairs(&blocks)
                .map(|(a, b)| a.cells * b.cells)
                .sum::<usize>()
                <= room
        {
            return blocks;
        }
        width /= 2;
    }
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
    let work = n * (rows.layout.factors() + blocks.len() * blocks.len());
    let sums = threads::map(parts, work, |part| match rows.codes {
        Codes::U8(codes) => sums_of(rows, codes, &blocks, part),
        Codes::U16(codes) => sums_of(rows, codes, &blocks, part),
    });
    let mut total = Sums::new(&blocks);
    for sum in sums {
        total.add(&sum?);
    }
    Ok(of_levels(&total, &blocks, rows.layout.levels()))
}

fn sums_of<T: Copy + Default + Ord + Into<u32>>(
    rows: Rows<'_>,
    codes: &[T],
    blocks: &[Block],
    part: Range<usize>,
) -> Result<Sums> {
    let factors = rows.layout.factors();
    let mut sums = Sums::new(blocks);
    let mut columns = vec![T::default(); factors * TILE];
    let mut cells = vec![vec![0; TILE]; blocks.len()];
    let mut values = Vec::with_capacity(TILE);
    for start in part.clone().step_by(TILE) {
        let tile = start..part.end.min(start + TILE);
        let profiles = codes.get(tile.start * factors..tile.end * factors);
        let profiles = profiles.unwrap_or_default();
        turn(profiles, factors, &mut columns);
        let ends = rows.layout.ranges().map(|range| range.len());
        if columns.chunks_exact(TILE).zip(ends).any(beyond) {
            return Err(refused(rows, tile.start, profiles));
        }
        for (cells, block) in cells.iter_mut().zip(blocks) {
            place(&columns, block, cells);
        }
        values.clear();
        let outcomes = rows.outcomes.get(tile.clone()).unwrap_or_default().iter();
        match rows
            .weights
            .map(|weights| weights.get(tile).unwrap_or_default())
        {
            None => values.extend(outcomes.map(|y| [1.0, *y])),
            Some(weights) => values.extend(weights.iter().zip(outcomes).map(|(w, y)| [*w, w * y])),
        }
        sums.count(blocks, &cells, &values);
    }
    Ok(sums)
}

/// Profiles as columns [D, TILE]; what a short tile leaves of those before stays.
fn turn<T: Copy>(profiles: &[T], factors: usize, columns: &mut [T]) {
    for (row, profile) in profiles.chunks_exact(factors.max(1)).enumerate() {
        for (column, &code) in columns.chunks_exact_mut(TILE).zip(profile) {
            if let Some(cell) = column.get_mut(row) {
                *cell = code;
            }
        }
    }
}

/// Whether a column has codes that are no levels.
fn beyond<T: Copy + Default + Ord + Into<u32>>((column, end): (&[T], usize)) -> bool {
    let most = column
        .iter()
        .fold(T::default(), |most, &code| most.max(code));
    most.into() as usize >= end
}

/// Finds the cells of rows.
fn place<T: Copy + Into<u32>>(columns: &[T], block: &Block, cells: &mut [u32]) {
    dispatch(
        Arch::new(),
        #[inline(always)]
        || {
            cells.fill(0);
            let columns = columns.chunks_exact(TILE).skip(block.factors.start);
            for (column, levels) in columns.zip(&block.levels) {
                let count = u32::try_from(levels.len()).unwrap_or(u32::MAX);
                for (cell, &code) in cells.iter_mut().zip(column) {
                    *cell = *cell * count + code.into();
                }
            }
        },
    );
}

/// Names the first code that is no level, in profiles from row `start` on.
fn refused<T: Copy + Into<u32>>(rows: Rows<'_>, start: usize, profiles: &[T]) -> Error {
    let ends: Vec<usize> = rows.layout.ranges().map(|range| range.len()).collect();
    let codes = profiles.iter().map(|&code| code.into() as usize);
    let mut pairs = codes.zip(ends.iter().copied().cycle()).enumerate();
    let found = pairs.find(|(_, (code, end))| code >= end);
    let (at, (code, end)) = found.unwrap_or_default();
    let place = [start + at / ends.len().max(1), at % ends.len().max(1)];
    Error::domain_at("profiles", place, format!("in 0..{end}"), code)
}

/// Adds what the cells hold to the levels that they are made of.
fn of_levels(sums: &Sums, blocks: &[Block], m: usize) -> Products {
    let mut found = Products {
        gram: vec![0.0; m * m],
        totals: vec![0.0; m],
    };
    for (block, table) in blocks.iter().zip(&sums.alone) {
        for (cell, [weight, outcome]) in table.iter().enumerate() {
            for i in block.members(cell) {
                bump(&mut found.totals, i, *outcome);
                for j in block.members(cell) {
                    bump(&mut found.gram, i * m + j, *weight);
                }
            }
        }
    }
    for ((one, other), table) in pairs(blocks).zip(&sums.both) {
        let half = folded(table, one, other.cells);
        let whole = folded(&half, other, one.span().len());
        let lines = whole.chunks_exact(other.span().len().max(1));
        for (i, line) in one.span().zip(lines) {
            for (j, weight) in other.span().zip(line) {
                bump(&mut found.gram, i * m + j, *weight);
                bump(&mut found.gram, j * m + i, *weight);
            }
        }
    }
    found
}

/// Sums of the lines of a table [cells, width] by the levels of the cells, turned: [width, levels].
fn folded(table: &[f64], block: &Block, width: usize) -> Vec<f64> {
    let span = block.span();
    let mut lines = vec![vec![0.0; width]; span.len()];
    for (cell, line) in table.chunks_exact(width.max(1)).enumerate() {
        for level in block.members(cell) {
            if let Some(sum) = lines.get_mut(level - span.start) {
                add(sum, line);
            }
        }
    }
    let turned = (0..width).flat_map(|column| lines.iter().map(move |line| at(line, column)));
    turned.collect()
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::{Rows, level_products};
    use crate::conjoint::{Codes, Layout};
    use crate::elementary::float;

    #[test]
    fn products_are_counts_of_levels_that_meet() {
        // few rows: each factor alone; more: blocks of several, the rows in several parts, whose last tiles are short
        for rows in [200, 20_011] {
            check(rows);
        }
    }

    fn check(n: usize) {
        let n_levels = [2, 3, 4, 1, 9, 2, 2];
        let layout = Layout::new(&n_levels);
        let codes: Vec<u8> = (0..n)
            .flat_map(|row| {
                let level =
                    move |(d, n): (usize, &usize)| u8::try_from((row * (d + 3) / 2 + d) % n);
                n_levels.iter().enumerate().map(level).collect::<Vec<_>>()
            })
            .map(Result::unwrap)
            .collect();
        let outcomes: Vec<f64> = (0..n).map(|row| float(row % 7)).collect();
        let weights: Vec<f64> = (0..n).map(|row| float(row % 3)).collect();
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
