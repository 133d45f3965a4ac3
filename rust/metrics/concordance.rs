//! Pairs of rows that two columns order alike, differently, or not at all.

use std::ops::Range;

use super::inversions::{sort_counting, sort_in_blocks};
use super::kendall_test::TieSums;
use crate::column::Column;
use crate::elementary::dispatch;

/// Longest list for which comparing every row with every other beats sorting.
const DIRECT_UP_TO: usize = 64;
/// Lists compared directly are padded to whole steps of the vector loop.
const STEP: usize = 8;

/// Counts over the n (n - 1) / 2 pairs of a list of `n` rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Concordance {
    /// Pairs that both columns order alike.
    pub concordant: i64,
    /// Pairs that the columns order differently.
    pub discordant: i64,
    /// Pairs tied in `x`, those tied in both included.
    pub ties_x: i64,
    /// Pairs tied in `y`, those tied in both included.
    pub ties_y: i64,
    /// Pairs tied in both.
    pub ties_xy: i64,
    /// Rows that took part.
    pub n: i64,
}

impl Concordance {
    /// n (n - 1) / 2.
    #[must_use]
    pub fn pairs(&self) -> i64 {
        self.n * (self.n - 1) / 2
    }
}

/// The keys of one list and the memory to count in: one per thread, used for list after list.
pub(super) struct Scratch {
    x: Vec<i64>,
    y: Vec<i64>,
    rows: Vec<i128>,
    rows_buffer: Vec<i128>,
    y_buffer: Vec<i64>,
    vector_unit: pulp::Arch,
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self {
            x: Vec::new(),
            y: Vec::new(),
            rows: Vec::new(),
            rows_buffer: Vec::new(),
            y_buffer: Vec::new(),
            vector_unit: pulp::Arch::new(),
        }
    }

    /// Loads the rows of a list; returns whether all are numbers.
    pub(super) fn load(&mut self, x: Column<'_>, y: Column<'_>, rows: &Range<usize>) -> bool {
        x.keys(rows.clone(), &mut self.x);
        y.keys(rows.clone(), &mut self.y);
        !(x.has_nan(rows.clone()) || y.has_nan(rows.clone()))
    }

    /// Leaves out the loaded rows with a NaN in either column.
    pub(super) fn omit_nan(&mut self, x: Column<'_>, y: Column<'_>, rows: &Range<usize>) {
        let complete = |row| !(x.is_nan(row) || y.is_nan(row));
        for keys in [&mut self.x, &mut self.y] {
            let mut row = rows.clone();
            keys.retain(|_| row.next().is_some_and(complete));
        }
    }

    /// Counts over the loaded list, whose rows may come back in another order.
    pub(super) fn count(&mut self) -> Concordance {
        if self.x.len() <= DIRECT_UP_TO {
            self.count_directly()
        } else {
            self.count_by_sorting()
        }
    }

    /// Smaller number of distinct values of the two columns; sorts them.
    pub(super) fn distinct(&mut self) -> i64 {
        let [of_x, of_y] = [&mut self.x, &mut self.y].map(|keys| {
            keys.sort_unstable();
            to_i64(keys.chunk_by(|a, b| a == b).count())
        });
        of_x.min(of_y)
    }

    /// Sums over the ties of each column; sorts them.
    pub(super) fn tie_sums(&mut self) -> [TieSums; 2] {
        [&mut self.x, &mut self.y].map(|keys| {
            keys.sort_unstable();
            let mut sums = TieSums::default();
            for tied in keys.chunk_by(|a, b| a == b) {
                #[allow(clippy::cast_precision_loss)] // numbers of rows, below 2^53
                let t = tied.len() as f64;
                sums.triples += t * (t - 1.0) * (t - 2.0);
                sums.variance += t * (t - 1.0) * (2.0 * t + 5.0);
            }
            sums
        })
    }

    /// O(n^2) without a branch.
    fn count_directly(&mut self) -> Concordance {
        let n = self.x.len();
        // Padding is never above a key, and pairs are counted where the first row is below the second.
        self.x.resize(n.next_multiple_of(STEP), i64::MIN);
        self.y.resize(n.next_multiple_of(STEP), i64::MIN);
        let (x, y) = (self.x.as_slice(), self.y.as_slice());
        let counts = dispatch(
            self.vector_unit,
            #[inline(always)]
            || compare_all(x, y, n),
        );
        self.x.truncate(n);
        self.y.truncate(n);
        counts
    }

    /// O(n log n): with the rows in order of `x`, then `y`, the discordant pairs are the inversions of `y`.
    fn count_by_sorting(&mut self) -> Concordance {
        let n = self.x.len();
        self.rows.clear();
        self.rows
            .extend(self.x.iter().zip(&self.y).map(|(&x, &y)| join(x, y)));
        sort_in_blocks(&mut self.rows, &mut self.rows_buffer, |rows, _| {
            rows.sort_unstable();
            0
        });
        for ((x, y), &row) in self.x.iter_mut().zip(&mut self.y).zip(&self.rows) {
            (*x, *y) = split(row);
        }
        self.y_buffer.resize(n, 0);
        let mut counts = Concordance {
            discordant: sort_in_blocks(&mut self.y, &mut self.y_buffer, sort_counting),
            ties_x: tied_pairs(&self.x),
            ties_y: tied_pairs(&self.y),
            ties_xy: tied_pairs(&self.rows),
            n: to_i64(n),
            concordant: 0,
        };
        let tied = counts.ties_x + counts.ties_y - counts.ties_xy;
        counts.concordant = counts.pairs() - tied - counts.discordant;
        counts
    }
}

/// Counts over the first `n` rows. Every unordered pair that is not tied in a column has one order that rises in it.
///
/// The four counts share one number, 16 bits each: `n` of [`DIRECT_UP_TO`] keeps them below 2^16, and one sum per row
/// instead of four is what makes short lists fast.
#[inline(always)]
#[allow(clippy::inline_always)] // a function of its own would not be compiled for the vector unit
fn compare_all(x: &[i64], y: &[i64], n: usize) -> Concordance {
    const DISCORDANT: i64 = 1 << 16;
    const RISES_X: i64 = 1 << 32;
    const RISES_Y: i64 = 1 << 48;
    let mut total = 0;
    for (&x_i, &y_i) in x.iter().zip(y).take(n) {
        let mut of_row = 0;
        for (&x_j, &y_j) in x.iter().zip(y) {
            let rises_x = -i64::from(x_i < x_j);
            let rises_y = -i64::from(y_i < y_j);
            let falls_y = -i64::from(y_i > y_j);
            of_row += rises_x & (RISES_X | rises_y & 1 | falls_y & DISCORDANT);
            of_row += rises_y & RISES_Y;
        }
        total += of_row;
    }
    let part = |unit: i64| (total / unit) & 0xffff;
    let mut counts = Concordance {
        concordant: part(1),
        discordant: part(DISCORDANT),
        n: to_i64(n),
        ..Concordance::default()
    };
    counts.ties_x = counts.pairs() - part(RISES_X);
    counts.ties_y = counts.pairs() - part(RISES_Y);
    let ordered = counts.concordant + counts.discordant;
    counts.ties_xy = counts.ties_x + counts.ties_y + ordered - counts.pairs();
    counts
}

/// Two keys as one number, ordered by the first, then by the second.
fn join(x: i64, y: i64) -> i128 {
    (i128::from(x) << 64) | (i128::from(y) - i128::from(i64::MIN))
}

#[allow(clippy::cast_possible_truncation)] // the halves that `join` put together
fn split(row: i128) -> (i64, i64) {
    ((row >> 64) as i64, row as i64 ^ i64::MIN)
}

/// Pairs of equal values: each value counts the equal ones before it.
fn tied_pairs<T: PartialEq>(sorted: &[T]) -> i64 {
    let (mut before, mut pairs) = (0, 0);
    for (left, right) in sorted.iter().zip(sorted.iter().skip(1)) {
        before = if left == right { before + 1 } else { 0 };
        pairs += before;
    }
    pairs
}

fn to_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::{Column, Concordance, DIRECT_UP_TO, Scratch};
    use crate::random;

    fn by_definition(x: &[i64], y: &[i64]) -> Concordance {
        let mut counts = Concordance {
            n: i64::try_from(x.len()).unwrap(),
            ..Concordance::default()
        };
        for i in 0..x.len() {
            for j in 0..i {
                match (x[i].cmp(&x[j]) as i8) * (y[i].cmp(&y[j]) as i8) {
                    1 => counts.concordant += 1,
                    -1 => counts.discordant += 1,
                    _ => {
                        counts.ties_x += i64::from(x[i] == x[j]);
                        counts.ties_y += i64::from(y[i] == y[j]);
                        counts.ties_xy += i64::from(x[i] == x[j] && y[i] == y[j]);
                    }
                }
            }
        }
        counts
    }

    /// Lengths around a vector step and around the change of method; one scratch, so that a list sees leftovers of a
    /// longer one. The lowest key is the padding's.
    #[test]
    fn counts_match_the_definition_for_every_length_and_many_ties() {
        let mut list = Scratch::new();
        for n in (0..20).chain(DIRECT_UP_TO - 1..DIRECT_UP_TO + 3).rev() {
            for levels in [1, 2, 5, 1 << 62] {
                let draw = |column| {
                    let key = |row| random::key(levels, &[column, n as u64, row]) % levels;
                    let value = |row| i64::MIN + i64::try_from(key(row)).unwrap();
                    (0..n as u64).map(value).collect::<Vec<i64>>()
                };
                let (x, y) = (draw(0), draw(1));
                assert!(list.load(Column::I64(&x), Column::I64(&y), &(0..n)));
                assert_eq!(
                    list.count(),
                    by_definition(&x, &y),
                    "{n} rows, {levels} levels"
                );
            }
        }
    }

    #[test]
    fn counts_pass_2_to_the_32() {
        let x: Vec<i32> = (0..200_000).collect();
        let y: Vec<i32> = x.iter().map(|value| -value).collect();
        let mut list = Scratch::new();
        assert!(list.load(Column::I32(&x), Column::I32(&y), &(0..x.len())));
        let counts = list.count();
        assert_eq!((counts.concordant, counts.discordant), (0, 19_999_900_000));
    }

    #[test]
    fn distinct_values_are_those_of_the_poorer_column() {
        let mut list = Scratch::new();
        let (x, y) = ([1.0, 3.0, -0.0, 0.0], [4, 4, 4, 5]);
        assert!(list.load(Column::F64(&x), Column::I32(&y), &(0..4)));
        assert_eq!(list.distinct(), 2);
        assert!(list.load(Column::F64(&x), Column::F64(&x), &(0..4)));
        assert_eq!(list.distinct(), 3);
    }
}
