//! Tables of the weights of rows by combinations of levels of several factors.

use std::ops::Range;

use super::Layout;
use crate::elementary::add;

/// Neighboring factors whose levels are counted as one: a row then adds to few tables.
pub struct Block {
    /// Which.
    pub factors: Range<usize>,
    /// Flat indices of the levels of each factor.
    pub levels: Vec<Range<usize>>,
    /// Number of combinations of levels.
    pub cells: usize,
}

impl Block {
    /// Flat indices of the levels of a cell, the last factor first.
    pub fn members(&self, mut cell: usize) -> impl Iterator<Item = usize> {
        self.levels.iter().rev().map(move |range| {
            let level = range.start + cell % range.len().max(1);
            cell /= range.len().max(1);
            level
        })
    }

    /// Flat indices of the levels of all factors.
    pub fn span(&self) -> Range<usize> {
        let first = self.levels.first().map_or(0, |range| range.start);
        first..self.levels.last().map_or(first, |range| range.end)
    }
}

/// Joins neighbors while that makes no more than so many cells.
pub fn joined(layout: &Layout, width: usize) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for (d, range) in layout.ranges().enumerate() {
        if let Some(last) = blocks.last_mut()
            && last.cells * range.len() <= width
        {
            last.cells *= range.len();
            last.factors.end = d + 1;
            last.levels.push(range);
            continue;
        }
        blocks.push(Block {
            factors: d..d + 1,
            cells: range.len(),
            levels: vec![range],
        });
    }
    blocks
}

/// Each two blocks, in the order of their tables.
pub fn pairs<T>(blocks: &[T]) -> impl Iterator<Item = (&T, &T)> {
    let after = |at: usize| blocks.get(at + 1..).unwrap_or_default();
    let each = blocks.iter().enumerate();
    each.flat_map(move |(at, one)| after(at).iter().map(move |other| (one, other)))
}

/// What rows add up to.
pub struct Sums {
    /// Of each block, weight and weighted outcomes of the rows of each cell.
    pub alone: Vec<Vec<[f64; 2]>>,
    /// Of each two blocks, weight of the rows of each two cells, row by row.
    pub both: Vec<Vec<f64>>,
}

impl Sums {
    /// Of no rows.
    pub fn new(blocks: &[Block]) -> Self {
        let alone = blocks.iter().map(|block| vec![[0.0; 2]; block.cells]);
        let both = pairs(blocks).map(|(one, other)| vec![0.0; one.cells * other.cells]);
        Self {
            alone: alone.collect(),
            both: both.collect(),
        }
    }

    /// Adds those of other rows.
    pub fn add(&mut self, part: &Self) {
        for (sum, part) in self.alone.iter_mut().zip(&part.alone) {
            add(sum.as_flattened_mut(), part.as_flattened());
        }
        for (sum, part) in self.both.iter_mut().zip(&part.both) {
            add(sum, part);
        }
    }

    /// Adds rows of which the cell in each block is known, by their weight and weighted outcome.
    pub fn count(&mut self, blocks: &[Block], cells: &[Vec<u32>], values: &[[f64; 2]]) {
        for (table, cells) in self.alone.iter_mut().zip(cells) {
            for (&cell, [weight, outcome]) in cells.iter().zip(values) {
                if let Some([sum, outcomes]) = table.get_mut(cell as usize) {
                    *sum += weight;
                    *outcomes += outcome;
                }
            }
        }
        let widths = pairs(blocks).map(|(_, other)| other.cells);
        let tables = self.both.iter_mut().zip(widths).zip(pairs(cells));
        for ((table, width), (one, other)) in tables {
            for ((&i, &j), [weight, _]) in one.iter().zip(other).zip(values) {
                if let Some(sum) = table.get_mut(i as usize * width + j as usize) {
                    *sum += weight;
                }
            }
        }
    }
}
