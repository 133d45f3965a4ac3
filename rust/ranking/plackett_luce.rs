//! Likelihood of rankings: Plackett-Luce, and ListMLE, which ranks by labels.

use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use super::lists::{
    Float, ListLossMut, Order, check_labels, check_weights, longest, per_list, read,
};
use super::stages::{Ranked, Stages};
use crate::check;
use crate::error::{Error, Result};
use crate::ragged;

/// Work of a row in compares.
const WORK_PER_ROW: usize = 32;

/// -log of the probability that rows are drawn in the order of `ranking`, one after the other, with probabilities in
/// the proportion of exp(score).
///
/// Σ_{i<k} w_i (log Σ_{j>=i} exp s_j - s_i) over the rows of a ranking, best first. Row indices point into `scores`,
/// offsets bound the rankings; a row may stand in several rankings, but once in each, and rows that stand in none take
/// no part. `out.grad` belongs to the entries of `ranking`. A stage at which only scores of -inf are left adds nothing.
/// O(n) time per ranking.
///
/// # Errors
/// Bad offsets, rows out of range, a row that stands twice in a ranking, columns of other lengths.
///
/// ```
/// use prefcore::ranking::{ListLossMut, plackett_luce};
/// let (mut loss, mut grad, mut n_terms) = ([0.0], [0.0; 2], [0]);
/// let out = ListLossMut { loss: &mut loss, grad: &mut grad, n_terms: &mut n_terms };
/// plackett_luce(&[0.0, 9.0, 0.0], &[2, 0], &[0, 2], None, out)?;
/// assert_eq!((loss[0], grad), (2.0_f64.ln(), [-0.5, 0.5]));
/// # Ok::<(), prefcore::Error>(())
/// ```
pub fn plackett_luce<T: Float>(
    scores: &[T],
    ranking: &[i64],
    offsets: &[i64],
    k: Option<usize>,
    out: ListLossMut<'_, T>,
) -> Result<()> {
    let end = |&&last: &&i64| usize::try_from(last) != Ok(ranking.len());
    if let Some(last) = offsets.last().filter(end) {
        let expected = format!("{}, the length of ranking", ranking.len());
        return Err(Error::domain_at(
            "offsets",
            [offsets.len() - 1],
            expected,
            last,
        ));
    }
    let bounds = ragged::bounds(offsets, ranking.len())?;
    check_ranking(ranking, &bounds, scores.len())?;
    let stages = Stages::new(k, None);
    per_list(&bounds, cost, out, |scratch: &mut Scratch, rows, grad| {
        let ranking = ranking.get(rows).unwrap_or_default().iter();
        let score = |&row: &i64| usize::try_from(row).ok().and_then(|row| scores.get(row));
        scratch.ranked.scores.clear();
        scratch
            .ranked
            .scores
            .extend(ranking.filter_map(score).map(|&score| score.into()));
        let result = stages.run(&mut scratch.ranked);
        grad.extend_from_slice(&scratch.ranked.grad);
        result
    })
}

/// [`plackett_luce`] of lists of one length: ranking g holds places in list g, best first, and `out.grad` belongs to the
/// scores.
///
/// # Errors
/// Lists or rankings that are not all of one length, places out of range or twice in a ranking, columns of other lengths.
pub fn plackett_luce_dense<T: Float>(
    scores: &[T],
    ranking: &[i64],
    lists: [usize; 2],
    k: Option<usize>,
    out: ListLossMut<'_, T>,
) -> Result<()> {
    let [groups, length] = lists;
    check::same_length("scores", scores.len(), "the lists", groups * length)?;
    let ranked = ranking.len() / groups.max(1);
    check::same_length("ranking", ranking.len(), "the lists", groups * ranked)?;
    let bounds: Vec<usize> = (0..=groups).map(|group| group * length).collect();
    let (stages, wrong) = (Stages::new(k, None), AtomicBool::new(false));
    per_list(
        &bounds,
        cost,
        out,
        |scratch: &mut Scratch, rows: Range<usize>, grad| {
            let group = rows.start.checked_div(length).unwrap_or(0);
            let ranking = ranking
                .get(group * ranked..(group + 1) * ranked)
                .unwrap_or_default();
            if !scratch.pick(scores.get(rows).unwrap_or_default(), ranking) {
                wrong.store(true, Relaxed);
                return (0.0, 0);
            }
            let result = stages.run(&mut scratch.ranked);
            grad.resize(length, 0.0);
            for (&place, &slope) in ranking.iter().zip(&scratch.ranked.grad) {
                if let Some(to) = usize::try_from(place)
                    .ok()
                    .and_then(|place| grad.get_mut(place))
                {
                    *to = slope;
                }
            }
            result
        },
    )?;
    if wrong.into_inner() {
        for (group, ranking) in ranking.chunks(ranked.max(1)).enumerate() {
            check_places(ranking, group, length)?;
        }
    }
    Ok(())
}

/// Error naming the first place that is out of range or stands there again.
fn check_places(ranking: &[i64], group: usize, length: usize) -> Result<()> {
    let mut seen = vec![false; length];
    for (index, &place) in ranking.iter().enumerate() {
        let at = |expected: String| Error::domain_at("ranking", [group, index], expected, place);
        let seen = usize::try_from(place)
            .ok()
            .and_then(|place| seen.get_mut(place));
        match seen {
            None => return Err(at(format!("in 0..{length}, the places of its list"))),
            Some(true) => return Err(at("a place that stands once in its ranking".into())),
            Some(seen) => *seen = true,
        }
    }
    Ok(())
}

/// [`plackett_luce`] of the rows of each list in the order of their labels, the highest first, equal ones in that of the
/// input.
///
/// `position_weights` are w_i; O(n log n) time per list.
///
/// # Errors
/// Bad offsets, labels that are NaN, weights that do not reach the longest list or are negative, columns of other
/// lengths.
pub fn listmle<T: Float>(
    scores: &[T],
    labels: &[f64],
    offsets: &[i64],
    k: Option<usize>,
    position_weights: Option<&[f64]>,
    out: ListLossMut<'_, T>,
) -> Result<()> {
    let bounds = ragged::bounds(offsets, scores.len())?;
    check_labels(labels, scores.len(), "a number", |label| !label.is_nan())?;
    let needed = longest(&bounds).min(k.unwrap_or(usize::MAX));
    check_weights("position_weights", position_weights, needed)?;
    let stages = Stages::new(k, position_weights);
    per_list(
        &bounds,
        cost,
        out,
        |scratch: &mut Scratch, rows: Range<usize>, grad| {
            scratch
                .order
                .descending(labels.get(rows.clone()).unwrap_or_default());
            read(&mut scratch.input, scores, rows);
            scratch
                .order
                .gather(&mut scratch.ranked.scores, &scratch.input);
            let result = stages.run(&mut scratch.ranked);
            scratch.order.scatter(grad, &scratch.ranked.grad);
            result
        },
    )
}

fn cost(rows: usize) -> usize {
    rows * WORK_PER_ROW
}

fn check_ranking(ranking: &[i64], bounds: &[usize], rows: usize) -> Result<()> {
    let mut last_seen = vec![0_usize; rows]; // 1 + the ranking that a row was last seen in
    for (group, pair) in bounds.windows(2).enumerate() {
        let [start, end] = pair else { continue };
        for place in *start..*end {
            let row = ranking.get(place).copied().unwrap_or(-1);
            let seen = usize::try_from(row)
                .ok()
                .and_then(|row| last_seen.get_mut(row));
            let Some(seen) = seen else {
                let expected = format!("in 0..{rows}");
                return Err(Error::domain_at("ranking", [place], expected, row));
            };
            if *seen == group + 1 {
                let actual = format!("{row} again in ranking {group}");
                let expected = "a row that stands once in its ranking";
                return Err(Error::domain_at("ranking", [place], expected, actual));
            }
            *seen = group + 1;
        }
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Scratch {
    order: Order,
    input: Vec<f64>,
    /// Whether each place of a list has come.
    seen: Vec<bool>,
    ranked: Ranked,
}

impl Scratch {
    /// Takes the scores of a ranking; false where a place is out of range or stands there twice.
    fn pick<T: Float>(&mut self, list: &[T], ranking: &[i64]) -> bool {
        self.seen.clear();
        self.seen.resize(list.len(), false);
        self.ranked.scores.clear();
        for &place in ranking {
            let place = usize::try_from(place).unwrap_or(usize::MAX);
            let (Some(&score), Some(seen)) = (list.get(place), self.seen.get_mut(place)) else {
                return false;
            };
            if *seen {
                return false;
            }
            *seen = true;
            self.ranked.scores.push(score.into());
        }
        true
    }
}
