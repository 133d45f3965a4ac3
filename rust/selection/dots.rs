//! Unit vectors, their products in f32, many at a time, and in f64, one at a time.

#![allow(clippy::inline_always)] // what runs inside `dispatch` must become part of it

use pulp::Arch;

use crate::elementary::dispatch;
use crate::error::{Error, Result};
use crate::threads;

/// Queries of a tile: with [`LANES`] pool rows its sums fill the registers.
pub(super) const QUERIES: usize = 6;
/// Pool rows of a tile, whose sums lie side by side in vector registers.
pub(super) const LANES: usize = 16;
/// Partial sums of a product in f64.
const PARTS: usize = 16;
/// 2^700: brings squares of very small or (its inverse) very large numbers back into the range of f64.
const FAR: f64 = 5.260_135_901_548_374e210;

/// f32 or f64.
pub trait Entry: Copy + Into<f64> + Send + Sync {}
impl Entry for f32 {}
impl Entry for f64 {}

/// Rows of a matrix, and what makes unit vectors of them.
#[derive(Debug)]
pub(super) struct Directions<'a, T> {
    pub values: &'a [T],
    pub columns: usize,
    pub units: Vec<Unit>,
}

/// x · scale · inverse is an entry of the unit vector.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Unit {
    scale: f64,
    inverse: f64,
}

impl<'a, T: Entry> Directions<'a, T> {
    /// Checks and measures the rows.
    ///
    /// # Errors
    /// An entry that is no finite number, a row of zeros, a length that is no multiple of `columns`.
    pub fn new(name: &'static str, values: &'a [T], columns: usize) -> Result<Self> {
        if columns == 0 {
            return Err(Error::shape(name, "at least one column", 0));
        }
        let rows = values.len() / columns;
        if rows * columns != values.len() {
            let expected = format!("rows of {columns} entries");
            return Err(Error::shape(name, expected, values.len()));
        }
        let arch = Arch::new();
        let parts = threads::map(
            threads::split(rows, |row| row * columns),
            values.len(),
            |part| {
                let start = part.start;
                let own = values.get(start * columns..part.end * columns);
                let rows = own.unwrap_or_default().chunks_exact(columns);
                rows.enumerate()
                    .map(|(row, entries)| unit(arch, name, start + row, entries))
                    .collect::<Result<Vec<Unit>>>()
            },
        );
        let mut units = Vec::with_capacity(rows);
        for part in parts {
            units.append(&mut part?);
        }
        Ok(Self {
            values,
            columns,
            units,
        })
    }

    pub fn rows(&self) -> usize {
        self.units.len()
    }

    fn row(&self, row: usize) -> (&[T], Unit) {
        let range = row * self.columns..(row + 1) * self.columns;
        let unit = self.units.get(row).copied().unwrap_or_default();
        (self.values.get(range).unwrap_or_default(), unit)
    }

    /// The unit vector of a row.
    pub fn unit_vector(&self, row: usize) -> Vec<f64> {
        let (entries, unit) = self.row(row);
        entries.iter().map(|&x| unit.of(x)).collect()
    }

    /// Writes the unit vectors of N rows from `row` on entry by entry: N first entries, N second ones, and so on; zeros
    /// behind the last row.
    pub fn interleave<const N: usize>(&self, row: usize, out: &mut Vec<[f32; N]>) {
        let start = out.len();
        out.resize(start + self.columns, [0.0; N]);
        for lane in 0..N.min(self.rows().saturating_sub(row)) {
            let (entries, unit) = self.row(row + lane);
            let places = out.get_mut(start..).unwrap_or_default();
            for (place, &x) in places.iter_mut().zip(entries) {
                if let Some(place) = place.get_mut(lane) {
                    *place = narrow(unit.of(x));
                }
            }
        }
    }

    /// Cosine of the angle between a row and a unit vector, the same for any place of either.
    pub fn cosine(&self, arch: Arch, row: usize, vector: &[f64]) -> f64 {
        let (entries, unit) = self.row(row);
        let product = dispatch(
            arch,
            #[inline(always)]
            || product(entries, vector, unit.scale),
        );
        (product * unit.inverse).clamp(-1.0, 1.0) + 0.0 // -0.0 equals 0.0
    }
}

impl Unit {
    #[inline(always)]
    fn of<T: Entry>(self, x: T) -> f64 {
        x.into() * self.scale * self.inverse
    }
}

#[allow(clippy::cast_possible_truncation)] // rounds
pub(super) fn narrow(x: f64) -> f32 {
    x as f32
}

fn unit<T: Entry>(arch: Arch, name: &'static str, row: usize, entries: &[T]) -> Result<Unit> {
    let square = |scale: f64| {
        dispatch(
            arch,
            #[inline(always)]
            || square(entries, scale),
        )
    };
    let plain = square(1.0);
    let (scale, sum) = if (1e-280..1e280).contains(&plain) {
        (1.0, plain)
    } else if plain < 1.0 {
        (FAR, square(FAR))
    } else {
        (1.0 / FAR, square(1.0 / FAR))
    };
    if sum.is_finite() && sum > 0.0 {
        let inverse = 1.0 / sum.sqrt();
        return Ok(Unit { scale, inverse });
    }
    let mut bad = entries.iter().map(|&x| x.into()).enumerate();
    Err(match bad.find(|(_, x): &(usize, f64)| !x.is_finite()) {
        Some((column, x)) => Error::domain_at(name, [row, column], "a finite number", x),
        None => Error::domain_at(name, [row], "a vector with a direction", "zeros"),
    })
}

#[inline(always)]
fn square<T: Entry>(entries: &[T], scale: f64) -> f64 {
    sum(
        entries,
        #[inline(always)]
        |x, sum| {
            let x = x.into() * scale;
            x.mul_add(x, sum)
        },
    )
}

#[inline(always)]
fn sum<T: Entry>(entries: &[T], add: impl Fn(T, f64) -> f64) -> f64 {
    let mut sums = [0.0; PARTS];
    let (chunks, rest) = entries.as_chunks::<PARTS>();
    for chunk in chunks {
        for (sum, &x) in sums.iter_mut().zip(chunk) {
            *sum = add(x, *sum);
        }
    }
    for (sum, &x) in sums.iter_mut().zip(rest) {
        *sum = add(x, *sum);
    }
    sums.iter().sum()
}

#[inline(always)]
fn product<T: Entry>(entries: &[T], vector: &[f64], scale: f64) -> f64 {
    let mut sums = [0.0; PARTS];
    let (chunks, rest) = entries.as_chunks::<PARTS>();
    let (others, other_rest) = vector.as_chunks::<PARTS>();
    for (chunk, other) in chunks.iter().zip(others) {
        for ((sum, &x), y) in sums.iter_mut().zip(chunk).zip(other) {
            *sum = (x.into() * scale).mul_add(*y, *sum);
        }
    }
    for ((sum, &x), y) in sums.iter_mut().zip(rest).zip(other_rest) {
        *sum = (x.into() * scale).mul_add(*y, *sum);
    }
    sums.iter().sum()
}

/// Products of every query with every pool row of a tile.
#[inline(always)]
pub(super) fn products(
    queries: &[[f32; QUERIES]],
    pool: &[[f32; LANES]],
) -> [[f32; LANES]; QUERIES] {
    let mut sums = [[0.0; LANES]; QUERIES];
    for (query, lanes) in queries.iter().zip(pool) {
        for (sums, &q) in sums.iter_mut().zip(query) {
            for (sum, &x) in sums.iter_mut().zip(lanes) {
                *sum = q.mul_add(x, *sum);
            }
        }
    }
    sums
}
