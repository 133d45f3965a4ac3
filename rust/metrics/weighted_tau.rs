//! Kendall's tau with weights by rank.

use std::mem::swap;
use std::ops::Range;

use crate::check::NanPolicy;
use crate::column::{Column, Lists};
use crate::elementary::float;
use crate::error::{Error, Result};

/// Work of a row in additions: two sorts and two merge sorts.
const WORK_PER_ROW: usize = 128;

/// How the weights of two rows become that of their exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairWeight {
    /// Their sum.
    Sum,
    /// Their product.
    Product,
}

/// Weighted tau-b of every group, the weight of a row being 1 / (1 + its rank); NaN where tau-b is undefined.
///
/// Without `ranks` the mean over two rankings, largest first: by `x`, ties by `y`, and by `y`, ties by `x`. O(n log n)
/// time: the weights of the pairs that a merge sort exchanges. The same as adding up over every two rows.
///
/// # Errors
/// Negative ranks, columns of different lengths, bad offsets, NaN where the policy is to raise.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::{PairWeight, weighted_tau};
/// let (x, y) = (Column::I64(&[3, 2, 1]), Column::I64(&[3, 1, 2]));
/// let tau = weighted_tau(x, y, None, PairWeight::Sum, &[0, 3], NanPolicy::Raise);
/// // Of the weights 1, 1/2, 1/3 the sums over pairs are 3/2, 4/3, 5/6; the last pair is exchanged.
/// assert!((tau.unwrap()[0] - (11.0 / 3.0 - 2.0 * 5.0 / 6.0) / (11.0 / 3.0)).abs() < 1e-15);
/// ```
pub fn weighted_tau(
    x: Column<'_>,
    y: Column<'_>,
    ranks: Option<Column<'_>>,
    by: PairWeight,
    offsets: &[i64],
    nan: NanPolicy,
) -> Result<Vec<f64>> {
    let cost = |n: usize| WORK_PER_ROW * n;
    let Some(ranks) = ranks else {
        let lists = Lists::new([("x", x), ("y", y)], offsets, nan)?;
        let [x, y] = lists.columns();
        return lists.map(cost, |list: &mut List, rows| {
            let first = list.tau([x, y], None, rows.clone(), by);
            let second = list.tau([y, x], None, rows, by);
            Ok(f64::midpoint(first, second))
        });
    };
    check_ranks(ranks)?;
    let lists = Lists::new([("x", x), ("y", y), ("ranks", ranks)], offsets, nan)?;
    let [x, y, ranks] = lists.columns();
    lists.map(cost, |list: &mut List, rows| {
        Ok(list.tau([x, y], Some(ranks), rows, by))
    })
}

fn check_ranks(ranks: Column<'_>) -> Result<()> {
    let mut values = Vec::new();
    ranks.values(0..ranks.len(), &mut values);
    match values.iter().enumerate().find(|(_, rank)| **rank < 0.0) {
        None => Ok(()),
        Some((row, rank)) => Err(Error::domain_at("ranks", [row], ">= 0", rank)),
    }
}

/// A row: its keys and its weight.
#[derive(Debug, Default, Clone, Copy)]
struct Row {
    x: i64,
    y: i64,
    weight: f64,
}

/// One list and the memory to sort it in.
#[derive(Debug, Default)]
struct List {
    x: Vec<i64>,
    y: Vec<i64>,
    ranks: Vec<f64>,
    order: Vec<(i64, i64, usize)>,
    rows: Vec<Row>,
    buffer: Vec<Row>,
}

impl List {
    fn tau(
        &mut self,
        columns: [Column<'_>; 2],
        ranks: Option<Column<'_>>,
        rows: Range<usize>,
        by: PairWeight,
    ) -> f64 {
        self.sort(columns, ranks, rows);
        let tied_first = tied(&self.rows, |a, b| a.x == b.x, by);
        let tied_both = tied(&self.rows, |a, b| (a.x, a.y) == (b.x, b.y), by);
        let all = tied(&self.rows, |_, _| true, by);
        let exchanged = self.exchange(by);
        let tied_second = tied(&self.rows, |a, b| a.y == b.y, by);
        let constant = |key: fn(&Row) -> i64| {
            let mut keys = self.rows.iter().map(key);
            let first = keys.next();
            keys.all(|key| Some(key) == first)
        };
        if constant(|row| row.x) || constant(|row| row.y) {
            return f64::NAN;
        }
        let excess = all - (tied_second + tied_first - tied_both) - 2.0 * exchanged;
        let within = (all - tied_first).sqrt() * (all - tied_second).sqrt();
        (excess / within).clamp(-1.0, 1.0)
    }

    /// Rows in rising order of the first column, then the second, with their weights.
    fn sort(
        &mut self,
        [first, second]: [Column<'_>; 2],
        ranks: Option<Column<'_>>,
        rows: Range<usize>,
    ) {
        first.keys(rows.clone(), &mut self.x);
        second.keys(rows.clone(), &mut self.y);
        let keys = self.x.iter().zip(&self.y).enumerate();
        self.order.clear();
        self.order.extend(keys.map(|(row, (&x, &y))| (x, y, row)));
        self.order.sort_unstable();
        if let Some(ranks) = ranks {
            ranks.values(rows, &mut self.ranks);
        } else {
            // By default the last in rising order has rank 0.
            self.ranks.clear();
            self.ranks.resize(self.order.len(), 0.0);
            for (rank, &(_, _, row)) in self.order.iter().rev().enumerate() {
                if let Some(to) = self.ranks.get_mut(row) {
                    *to = float(rank);
                }
            }
        }
        let ranks = &self.ranks;
        self.rows.clear();
        self.rows.extend(self.order.iter().map(|&(x, y, row)| {
            let rank = ranks.get(row).copied().unwrap_or(f64::NAN);
            let weight = 1.0 / (1.0 + rank);
            Row { x, y, weight }
        }));
    }

    /// Sorts by the second column; returns the weight of the pairs that stood in falling order.
    fn exchange(&mut self, by: PairWeight) -> f64 {
        let n = self.rows.len();
        self.buffer.resize(n, Row::default());
        let (mut width, mut exchanged) = (1, 0.0);
        while width < n {
            let halves = self.rows.chunks(2 * width);
            for (from, to) in halves.zip(self.buffer.chunks_mut(2 * width)) {
                exchanged += merge(from, width, to, by);
            }
            swap(&mut self.rows, &mut self.buffer);
            width *= 2;
        }
        exchanged
    }
}

/// The weight of all pairs within runs of equal rows.
fn tied(rows: &[Row], equal: impl Fn(&Row, &Row) -> bool, by: PairWeight) -> f64 {
    let of_run = |run: &[Row]| {
        let weights = run.iter().map(|row| row.weight);
        match by {
            PairWeight::Sum => weights.sum::<f64>() * float(run.len() - 1),
            // Not (sum² − squares) / 2, which cancels where one weight outweighs the others.
            PairWeight::Product => {
                let add = |(pairs, before), weight| (weight * before + pairs, before + weight);
                weights.fold((0.0, 0.0), add).0
            }
        }
    };
    rows.chunk_by(equal).map(of_run).sum()
}

/// Merges the first `width` rows with the others, both sorted; returns the weight of the pairs in falling order.
fn merge(rows: &[Row], width: usize, merged: &mut [Row], by: PairWeight) -> f64 {
    let (left, right) = rows.split_at(width.min(rows.len()));
    let (mut i, mut j, mut exchanged) = (0, 0, 0.0);
    let mut waiting: f64 = left.iter().map(|row| row.weight).sum();
    let mut places = merged.iter_mut();
    while let (Some(a), Some(b)) = (left.get(i), right.get(j)) {
        let Some(place) = places.next() else { break };
        // No branch depends on the values.
        let falls = b.y < a.y;
        *place = if falls { *b } else { *a };
        let weight = match by {
            PairWeight::Sum => b.weight * float(left.len() - i) + waiting,
            PairWeight::Product => b.weight * waiting,
        };
        exchanged += if falls { weight } else { 0.0 };
        waiting -= if falls { 0.0 } else { a.weight };
        i += usize::from(!falls);
        j += usize::from(falls);
    }
    let rest = left.iter().skip(i).chain(right.iter().skip(j));
    for (place, row) in places.zip(rest) {
        *place = *row;
    }
    exchanged
}
