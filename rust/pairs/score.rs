//! Builders of pairs from scores alone.

use super::build::{Order, Plan, Scheme};
use super::lists::List;
use super::window::{Score, Window};
use super::{Index, Options, Pairs};
use crate::error::Result;

/// Every two rows of a group with different scores whose gap lies in the window, in the order group, i, j > i.
///
/// O(Σ size²) time over the groups and no memory but the result. The naive equivalent is a double loop over every
/// group that compares and appends.
///
/// ```
/// use prefcore::pairs::{Options, Pairs, all_pairs};
/// let pairs: Pairs<f64, i64> = all_pairs(&[1.0, 3.0, 3.0], &[0, 3], &Options::default())?;
/// assert_eq!((pairs.chosen, pairs.rejected), (vec![1, 2], vec![0, 0]));
/// # Ok::<(), prefcore::Error>(())
/// ```
///
/// # Errors
/// Those of [`Plan::new`].
pub fn all_pairs<T: Score, I: Index>(
    scores: &[T],
    offsets: &[i64],
    options: &Options<'_>,
) -> Result<Pairs<T, I>> {
    Ok(Plan::new(AllPairs, scores, offsets, options)?.collect())
}

/// The first maximum of every group against each strictly lower row whose gap lies in the window, in the order group, j.
///
/// O(n). With `by`: the first maximum of every (group, id).
///
/// # Errors
/// Those of [`Plan::new`].
pub fn best_vs_rest<T: Score, I: Index>(
    scores: &[T],
    offsets: &[i64],
    options: &Options<'_>,
) -> Result<Pairs<T, I>> {
    Ok(Plan::new(BestVsRest, scores, offsets, options)?.collect())
}

/// The pairs of [`all_pairs`].
pub struct AllPairs;

impl Scheme for AllPairs {
    #[inline]
    fn each<T: Score>(
        &self,
        list: List<'_, T>,
        window: Window<T::Gap>,
        _order: &mut Order<T>,
        mut candidate: impl FnMut(usize, usize, T::Gap, bool),
    ) {
        let mut rest = list.scores;
        let mut i = 0;
        while let Some((&score, later)) = rest.split_first() {
            for (skip, &other) in later.iter().enumerate() {
                let gap = score.gap(other);
                let j = i + 1 + skip;
                let swap = score < other;
                let (chosen, rejected) = if swap { (j, i) } else { (i, j) };
                candidate(chosen, rejected, gap, window.holds(gap));
            }
            rest = later;
            i += 1;
        }
    }

    fn work(&self, size: usize) -> usize {
        size.saturating_mul(size.saturating_sub(1)) / 2
    }
}

/// The pairs of [`best_vs_rest`].
pub struct BestVsRest;

impl Scheme for BestVsRest {
    #[inline]
    fn each<T: Score>(
        &self,
        list: List<'_, T>,
        window: Window<T::Gap>,
        _order: &mut Order<T>,
        mut candidate: impl FnMut(usize, usize, T::Gap, bool),
    ) {
        let mut numbers = list
            .scores
            .iter()
            .enumerate()
            .filter(|(_, score)| !score.is_nan());
        let Some((mut best, mut highest)) = numbers.next() else {
            return;
        };
        for (j, score) in numbers {
            if score > highest {
                (best, highest) = (j, score);
            }
        }
        for (j, &other) in list.scores.iter().enumerate() {
            let gap = highest.gap(other);
            candidate(best, j, gap, window.holds(gap));
        }
    }

    fn work(&self, size: usize) -> usize {
        size
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::{all_pairs, best_vs_rest};
    use crate::check::NanPolicy;
    use crate::pairs::{Options, Pairs};
    use crate::random::key;
    use crate::threads::set_num_threads;

    /// Scores on a coarse grid (ties), sizes 0 to 12, three sources.
    fn data(seed: u64) -> (Vec<f64>, Vec<i64>, Vec<i64>) {
        let mut offsets = vec![0];
        for group in 0..40 {
            let size = i64::try_from(key(seed, &[group]) % 13).unwrap();
            offsets.push(offsets.last().unwrap() + size);
        }
        let rows = 0..u64::try_from(*offsets.last().unwrap()).unwrap();
        let draw = |row, m| u32::try_from(key(seed, &[7, row]) % m).unwrap();
        let scores = rows
            .clone()
            .map(|row| f64::from(draw(row, 9)) / 2.0)
            .collect();
        (
            scores,
            offsets,
            rows.map(|row| i64::from(draw(row, 3))).collect(),
        )
    }

    /// The definition: a double loop with a branch.
    fn naive(
        scores: &[f64],
        offsets: &[i64],
        keep: impl Fn(usize, usize) -> bool,
    ) -> Pairs<f64, i64> {
        let mut pairs = Pairs::default();
        for (group, bounds) in (0..).zip(offsets.windows(2)) {
            for i in bounds[0]..bounds[1] {
                for j in i + 1..bounds[1] {
                    let (a, b) = (usize::try_from(i).unwrap(), usize::try_from(j).unwrap());
                    if (scores[a] > scores[b] || scores[b] > scores[a]) && keep(a, b) {
                        let first = scores[a] > scores[b];
                        pairs.chosen.push(if first { i } else { j });
                        pairs.rejected.push(if first { j } else { i });
                        pairs.margin.push((scores[a] - scores[b]).abs());
                        pairs.group.push(group);
                    }
                }
            }
        }
        pairs
    }

    #[test]
    fn all_pairs_is_the_double_loop() {
        for seed in 0..20 {
            let (scores, offsets, _) = data(seed);
            let gap = |a: usize, b: usize| (scores[a] - scores[b]).abs();
            let window = |min: f64, max: f64, inclusive| Options {
                min_gap: min.into(),
                max_gap: Some(max.into()),
                inclusive,
                ..Options::default()
            };
            let open = all_pairs(&scores, &offsets, &window(0.5, 2.0, false)).unwrap();
            let inside = |a, b| gap(a, b) > 0.5 && gap(a, b) < 2.0;
            assert_eq!(open, naive(&scores, &offsets, inside));
            let closed = all_pairs(&scores, &offsets, &window(0.5, 2.0, true)).unwrap();
            let inside = |a, b| gap(a, b) >= 0.5 && gap(a, b) <= 2.0;
            assert_eq!(closed, naive(&scores, &offsets, inside));
        }
    }

    /// As a set, pairs within (group, source) are the pairs of equal source; best-vs-rest are those of the first maximum.
    #[test]
    fn by_and_best_vs_rest_are_subsets_of_all_pairs() {
        let sorted = |pairs: &Pairs<f64, i64>| {
            let mut rows: Vec<_> = pairs
                .chosen
                .iter()
                .copied()
                .zip(pairs.rejected.clone())
                .collect();
            rows.sort_unstable();
            rows
        };
        for seed in 0..20 {
            let (scores, offsets, source) = data(seed);
            let options = Options {
                by: Some(&source),
                ..Options::default()
            };
            let within = all_pairs(&scores, &offsets, &options).unwrap();
            let same = naive(&scores, &offsets, |a, b| source[a] == source[b]);
            assert_eq!(sorted(&within), sorted(&same));
            assert!(within.group.is_sorted());

            let best = best_vs_rest(&scores, &offsets, &Options::default()).unwrap();
            let is_first_best = |row: usize| {
                let group = offsets.partition_point(|&end| end <= i64::try_from(row).unwrap());
                let start = usize::try_from(offsets[group - 1]).unwrap();
                let end = usize::try_from(offsets[group]).unwrap();
                scores[start..row].iter().all(|&s| s < scores[row])
                    && scores[row..end].iter().all(|&s| s <= scores[row])
            };
            let top = |a: usize, b| is_first_best(if scores[a] > scores[b] { a } else { b });
            assert_eq!(sorted(&best), sorted(&naive(&scores, &offsets, top)));
            assert!(best.group.is_sorted());
        }
    }

    #[test]
    fn a_sample_keeps_the_smallest_keys_of_each_group_in_order() {
        let (scores, offsets, source) = data(3);
        let by = Some(source.as_slice());
        for options in [
            Options::default(),
            Options {
                by,
                ..Options::default()
            },
        ] {
            let full: Pairs<f64, i64> = all_pairs(&scores, &offsets, &options).unwrap();
            let sampling = Options {
                max_pairs_per_group: Some(3),
                seed: 9,
                ..options
            };
            let drawn: Pairs<f64, i64> = all_pairs(&scores, &offsets, &sampling).unwrap();
            let mut expected = Vec::new();
            for group in 0..40 {
                let rows = 0..full.group.len();
                let mut own: Vec<usize> = rows.filter(|&p| full.group[p] == group).collect();
                let key_of = |p: &usize| {
                    let start = offsets[usize::try_from(group).unwrap()];
                    let (a, b) = (full.chosen[*p] - start, full.rejected[*p] - start);
                    key(
                        9,
                        &[group, a.min(b), a.max(b)].map(|x| u64::try_from(x).unwrap()),
                    )
                };
                own.sort_by_key(key_of);
                own.truncate(3);
                own.sort_unstable();
                expected.extend(own.iter().map(|&p| (full.chosen[p], full.rejected[p])));
            }
            let drawn: Vec<_> = drawn.chosen.into_iter().zip(drawn.rejected).collect();
            assert_eq!(drawn, expected);
        }
    }

    /// Enough rows that several threads take part.
    #[test]
    fn the_number_of_threads_changes_nothing() {
        let scores: Vec<u64> = (0..60_000).map(|row| key(1, &[row]) % 50).collect();
        let scores: Vec<i64> = scores
            .into_iter()
            .map(|s| i64::try_from(s).unwrap())
            .collect();
        let offsets: Vec<i64> = (0..=60_000).step_by(10).chain([60_000]).collect();
        let sampling = Options {
            max_pairs_per_group: Some(7),
            ..Options::default()
        };
        set_num_threads(1);
        let all: Pairs<i64, i32> = all_pairs(&scores, &offsets, &Options::default()).unwrap();
        let drawn: Pairs<i64, i32> = all_pairs(&scores, &offsets, &sampling).unwrap();
        for threads in [2, 3, 8] {
            set_num_threads(threads);
            assert_eq!(
                all_pairs(&scores, &offsets, &Options::default()).as_ref(),
                Ok(&all)
            );
            assert_eq!(all_pairs(&scores, &offsets, &sampling).as_ref(), Ok(&drawn));
        }
        set_num_threads(0);
    }

    #[test]
    fn margins_beyond_the_dtype_are_named_only_where_they_are_kept() {
        let scores = [0, i32::MIN, i32::MAX];
        let error = all_pairs::<i32, i64>(&scores, &[0, 3], &Options::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "scores[0] must be so near to scores[1] = -2147483648 that the margin fits the dtype, got 0"
        );
        let max_gap = Some(super::super::Bound::Int(i64::from(i32::MAX)));
        let options = Options {
            max_gap,
            inclusive: true,
            ..Options::default()
        };
        let pairs: Pairs<i32, i64> = all_pairs(&scores, &[0, 3], &options).unwrap();
        assert_eq!(pairs.margin, [i32::MAX]);
    }

    #[test]
    fn nan_is_named_or_omitted() {
        let scores = [1.0, 0.0, f64::NAN, 2.0, f64::NAN];
        let error = |nan| {
            let options = Options {
                nan,
                ..Options::default()
            };
            all_pairs::<f64, i64>(&scores, &[0, 2, 2, 5], &options)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            error(NanPolicy::Raise),
            "scores[2] must be a number, or nan=\"omit\" given, got NaN in group 2 (2 NaN in all)"
        );
        assert!(error(NanPolicy::Propagate).starts_with("nan must be \"raise\" or \"omit\""));
        let options = Options {
            nan: NanPolicy::Omit,
            ..Options::default()
        };
        let best: Pairs<f64, i64> = best_vs_rest(&scores, &[0, 2, 2, 5], &options).unwrap();
        assert_eq!((best.chosen, best.rejected), (vec![0], vec![1]));
    }
}
