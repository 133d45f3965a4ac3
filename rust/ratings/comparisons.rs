//! Comparisons gathered per pair, and like ones counted.

use super::counted::{counted, counted_few, from_table};
use super::sorted::sorted;
use crate::check::{any, same_length};
use crate::error::{Error, Result};

/// Tables up to this many pairs fit the cache whatever the number of rows.
const SMALL_TABLE: usize = 1 << 16;
/// Pairs per row up to which a table is filled faster than rows are sorted.
const PAIRS_PER_ROW: usize = 4;
/// Items are numbered from 0: a number beyond this is a mistake.
pub(super) const MOST_ITEMS: usize = 1 << 31;
/// Sums and squares of weights in this range neither over- nor underflow.
const MIN_WEIGHT: f64 = 1e-100;
const MAX_WEIGHT: f64 = 1e100;

/// Rows of comparisons: the score of `first` against `second`.
#[derive(Debug, Clone, Copy)]
pub struct Comparisons<'a> {
    /// Items.
    pub first: &'a [i64],
    /// Their opponents.
    pub second: &'a [i64],
    /// 1 won, 0 lost, 1/2 tie; another number in [0, 1] is that part of a win.
    pub outcomes: &'a [f64],
    /// Weights >= 0; `None`: 1.
    pub weights: Option<&'a [f64]>,
    /// Ids of clusters.
    pub clusters: Option<&'a [i64]>,
    /// Number of items; `None`: the highest item + 1.
    pub n_items: Option<usize>,
}

/// Comparisons that are alike, sorted by cell, outcome, weight and cluster.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Units {
    /// Places of their pairs among the cells.
    pub cell: Vec<i64>,
    /// Scores of the first of the pair.
    pub outcome: Vec<f64>,
    /// Weight of each.
    pub weight: Vec<f64>,
    /// How many.
    pub count: Vec<i64>,
    /// Their clusters, as given; empty without.
    pub cluster: Vec<i64>,
}

/// Pairs that met, the lower item first, sorted, and the sums of each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gathered {
    /// Lower items.
    pub first: Vec<i64>,
    /// Higher items.
    pub second: Vec<i64>,
    /// Weight of the wins of the lower.
    pub wins: Vec<f64>,
    /// Weight of the wins of the higher.
    pub losses: Vec<f64>,
    /// Weight of the ties.
    pub ties: Vec<f64>,
    /// What is alike, counted.
    pub units: Units,
    /// Number of items.
    pub n_items: usize,
}

/// Gathers rows by pair: sums of weights per outcome, and counts of rows that are alike.
///
/// Rows without weights and clusters, and only wins, losses and ties, are counted in a table of pairs, O(M + n^2), as
/// long as it is not large against the rows; others are sorted, O(M log M). Sums are exact before they are rounded, so
/// that neither the order of the rows nor the number of threads changes a bit. The naive equivalent adds each row's
/// weight to its pair.
///
/// ```
/// use prefcore::ratings::{Comparisons, gathered};
/// let (first, second, outcomes) = (&[0, 1, 0], &[1, 0, 2], &[1.0, 1.0, 0.5]);
/// let rows = Comparisons { first, second, outcomes, weights: None, clusters: None, n_items: None };
/// let cells = gathered(rows)?;
/// assert_eq!((cells.wins, cells.losses, cells.ties), (vec![1.0, 0.0], vec![1.0, 0.0], vec![0.0, 1.0]));
/// # Ok::<(), prefcore::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] for columns of different lengths; [`Error::Domain`] at the first item out of range, row whose item
/// meets itself, outcome outside [0, 1], or weight that is neither 0 nor from 1e-100 to 1e100.
pub fn gathered(rows: Comparisons<'_>) -> Result<Gathered> {
    check_lengths(rows)?;
    let plain = rows.weights.is_none() && rows.clusters.is_none();
    if plain
        && rows.n_items.is_none()
        && let Some(cells) = counted_few(rows)
    {
        return Ok(cells);
    }
    let n_items = rows.n_items.unwrap_or_else(|| highest(rows));
    let most = SMALL_TABLE.max(rows.first.len().saturating_mul(PAIRS_PER_ROW));
    if plain
        && n_items.saturating_mul(n_items) <= most
        && let Some(table) = counted(rows, n_items)
    {
        return Ok(from_table(&table, n_items, n_items));
    }
    check_rows(rows, n_items)?;
    Ok(sorted(rows, n_items))
}

/// The highest item + 1, at most [`MOST_ITEMS`].
pub(super) fn highest(rows: Comparisons<'_>) -> usize {
    let most = |items: &[i64]| items.iter().fold(-1, |most: i64, &item| most.max(item));
    let most = most(rows.first).max(most(rows.second));
    let above = usize::try_from(most.saturating_add(1)).unwrap_or(0);
    above.min(MOST_ITEMS)
}

impl Gathered {
    pub(super) fn push_counts(&mut self, low: usize, high: usize, counts: [u64; 3]) {
        let cell = to_i64(self.first.len());
        for (outcome, count) in [0.0, 0.5, 1.0].into_iter().zip(counts) {
            if count > 0 {
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                self.units.push(cell, outcome, 1.0, count);
            }
        }
        #[allow(clippy::cast_precision_loss)] // exact below 2^53 rows
        let [losses, ties, wins] = counts.map(|count| count as f64);
        self.push(to_i64(low), to_i64(high), [losses, ties, wins]);
    }

    pub(super) fn push(&mut self, first: i64, second: i64, [losses, ties, wins]: [f64; 3]) {
        self.first.push(first);
        self.second.push(second);
        self.wins.push(wins);
        self.losses.push(losses);
        self.ties.push(ties);
    }
}

impl Units {
    pub(super) fn push(&mut self, cell: i64, outcome: f64, weight: f64, count: i64) {
        self.cell.push(cell);
        self.outcome.push(outcome);
        self.weight.push(weight);
        self.count.push(count);
    }
}

/// Refuses columns of other lengths than `first`.
pub(super) fn check_lengths(rows: Comparisons<'_>) -> Result<()> {
    let lengths = [
        ("second", Some(rows.second.len())),
        ("outcomes", Some(rows.outcomes.len())),
        ("weights", rows.weights.map(<[f64]>::len)),
        ("clusters", rows.clusters.map(<[i64]>::len)),
    ];
    lengths.into_iter().try_for_each(|(name, length)| {
        length.map_or(Ok(()), |length| {
            same_length(name, length, "first", rows.first.len())
        })
    })
}

/// Refuses, by name and row, what must not come.
pub(super) fn check_rows(rows: Comparisons<'_>, n_items: usize) -> Result<()> {
    let n = to_i64(n_items);
    for (name, items) in [("first", rows.first), ("second", rows.second)] {
        if any(items, |item| item < 0 || item >= n) {
            let wrong = |&&item: &&i64| item < 0 || item >= n;
            let row = items.iter().position(|item| wrong(&item)).unwrap_or(0);
            let item = items.get(row).copied().unwrap_or(0);
            return Err(Error::domain_at(name, [row], item_range(n), item));
        }
    }
    let same = rows.first.iter().zip(rows.second);
    if let Some((row, (item, _))) = same.enumerate().find(|(_, (one, two))| one == two) {
        let expected = format!("another item than first[{row}]");
        return Err(Error::domain_at(
            "second",
            [row],
            expected,
            format!("{item} in both"),
        ));
    }
    let unit = "a number from 0 to 1";
    in_range(
        "outcomes",
        rows.outcomes,
        |y| (0.0..=1.0).contains(&y),
        unit,
    )?;
    let weights = rows.weights.unwrap_or_default();
    let fits = |w: f64| w == 0.0 || (MIN_WEIGHT..=MAX_WEIGHT).contains(&w);
    in_range(
        "weights",
        weights,
        fits,
        "0 or a number from 1e-100 to 1e100",
    )
}

fn item_range(n: i64) -> String {
    match n {
        0 => "an item, of which there are none".into(),
        _ => format!("an item, 0 to {}", n - 1),
    }
}

fn in_range(
    name: &'static str,
    values: &[f64],
    fits: impl Fn(f64) -> bool,
    expected: &str,
) -> Result<()> {
    if !any(values, |value| !fits(value)) {
        return Ok(());
    }
    let row = values.iter().position(|&value| !fits(value)).unwrap_or(0);
    let value = values.get(row).copied().unwrap_or(0.0);
    Err(Error::domain_at(name, [row], expected, value))
}

/// Lengths of slices and items below them fit.
#[allow(clippy::cast_possible_wrap)]
pub(super) fn to_i64(length: usize) -> i64 {
    length as i64
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::float_cmp)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Comparisons, Gathered, gathered};
    use crate::random;

    struct Data {
        first: Vec<i64>,
        second: Vec<i64>,
        outcomes: Vec<f64>,
        weights: Vec<f64>,
        clusters: Vec<i64>,
    }

    /// Rows among `n` items, with outcomes in steps of 1 / `steps`.
    fn data(rows: u64, n: u64, steps: u32) -> Data {
        let draw = |row, column, below| random::key(7, &[row, column]) % below;
        let int = |value: u64| i64::try_from(value).unwrap();
        let real = |value: u64| f64::from(u32::try_from(value).unwrap());
        let first: Vec<u64> = (0..rows).map(|row| draw(row, 0, n)).collect();
        let step = |row| 1 + draw(row, 1, n - 1);
        let second = (0..rows)
            .zip(&first)
            .map(|(row, one)| int((one + step(row)) % n));
        let share = |row| real(draw(row, 2, u64::from(steps) + 1)) / f64::from(steps);
        Data {
            second: second.collect(),
            first: first.iter().map(|&item| int(item)).collect(),
            outcomes: (0..rows).map(share).collect(),
            weights: (0..rows).map(|row| real(draw(row, 3, 4)) / 3.0).collect(),
            clusters: (0..rows).map(|row| int(draw(row, 4, 3))).collect(),
        }
    }

    impl Data {
        fn rows(&self, weighted: bool, clustered: bool) -> Comparisons<'_> {
            Comparisons {
                first: &self.first,
                second: &self.second,
                outcomes: &self.outcomes,
                weights: weighted.then_some(&self.weights),
                clusters: clustered.then_some(&self.clusters),
                n_items: None,
            }
        }
    }

    /// Wins, losses and ties of each pair, row by row.
    fn naive(rows: Comparisons<'_>) -> BTreeMap<(i64, i64), [f64; 3]> {
        let mut sums = BTreeMap::new();
        for row in 0..rows.first.len() {
            let (one, two, score) = (rows.first[row], rows.second[row], rows.outcomes[row]);
            let weight = rows.weights.map_or(1.0, |weights| weights[row]);
            if weight == 0.0 {
                continue;
            }
            let score = if one < two { score } else { 1.0 - score };
            let sum: &mut [f64; 3] = sums.entry((one.min(two), one.max(two))).or_default();
            if score == 0.5 {
                sum[2] += weight;
            } else {
                sum[0] += weight * score;
                sum[1] += weight * (1.0 - score);
            }
        }
        sums
    }

    fn check(cells: &Gathered, rows: Comparisons<'_>) {
        let want = naive(rows);
        let pairs: Vec<(i64, i64)> = want.keys().copied().collect();
        let got = cells
            .first
            .iter()
            .copied()
            .zip(cells.second.iter().copied());
        assert!(got.eq(pairs));
        for (place, sums) in want.values().enumerate() {
            let got = [cells.wins[place], cells.losses[place], cells.ties[place]];
            for (got, want) in got.iter().zip(sums) {
                assert!((got - want).abs() <= 1e-12 * want, "{got} {want}");
            }
        }
        let counted: i64 = cells.units.count.iter().sum();
        let kept = (0..rows.first.len()).filter(|&row| rows.weights.is_none_or(|w| w[row] > 0.0));
        assert_eq!(counted, i64::try_from(kept.count()).unwrap());
    }

    #[test]
    fn every_path_is_the_loop_over_rows() {
        for (rows, n, steps) in [
            (0, 2, 2),
            (500, 5, 2),
            (500, 5, 5),
            (300, 400, 2),
            (120_000, 9, 2),
        ] {
            let data = data(rows, n, steps);
            for (weighted, clustered) in
                [(false, false), (true, false), (false, true), (true, true)]
            {
                let rows = data.rows(weighted, clustered);
                check(&gathered(rows).unwrap(), rows);
            }
        }
    }

    #[test]
    fn counting_and_sorting_agree() {
        let data = data(5_000, 6, 2);
        let ones = vec![1.0; 5_000];
        let rows = data.rows(false, false);
        let weights = Some(&ones[..]);
        assert_eq!(
            gathered(rows).unwrap(),
            gathered(Comparisons { weights, ..rows }).unwrap()
        );
    }

    #[test]
    fn the_order_of_rows_does_not_change_a_bit() {
        let mut data = data(3_000, 4, 5);
        let once = gathered(data.rows(true, true)).unwrap();
        data.first.reverse();
        data.second.reverse();
        data.outcomes.reverse();
        data.weights.reverse();
        data.clusters.reverse();
        assert_eq!(gathered(data.rows(true, true)).unwrap(), once);
    }

    #[test]
    fn sums_are_exact() {
        let rows = Comparisons {
            first: &[0; 4],
            second: &[1; 4],
            outcomes: &[1.0; 4],
            weights: Some(&[1e16, 1.0, 1e-30, 1.0]),
            clusters: None,
            n_items: None,
        };
        assert_eq!(gathered(rows).unwrap().wins, [1e16 + 2.0]);
    }

    #[test]
    fn errors_name_the_row() {
        let text = |first: &[i64], second: &[i64], outcomes: &[f64], weights: Option<&[f64]>| {
            let (clusters, n_items) = (None, Some(2));
            let rows = Comparisons {
                first,
                second,
                outcomes,
                weights,
                clusters,
                n_items,
            };
            gathered(rows).unwrap_err().to_string()
        };
        let same = "second[1] must be another item than first[1], got 0 in both";
        assert_eq!(text(&[0, 0], &[1, 0], &[1.0, 1.0], None), same);
        let item = "second[0] must be an item, 0 to 1, got 2";
        assert_eq!(text(&[0], &[2], &[1.0], None), item);
        let outcome = "outcomes[0] must be a number from 0 to 1, got NaN";
        assert_eq!(text(&[0], &[1], &[f64::NAN], None), outcome);
        let weight = "weights[0] must be 0 or a number from 1e-100 to 1e100, got -1";
        assert_eq!(text(&[0], &[1], &[1.0], Some(&[-1.0])), weight);
        let tiny = "weights[0] must be 0 or a number from 1e-100 to 1e100, got 1e-320";
        assert_eq!(text(&[0], &[1], &[1.0], Some(&[1e-320])), tiny);
        let length = "outcomes must have length 1 like first, got 0";
        assert_eq!(text(&[0], &[1], &[], None), length);
    }
}
