//! Likelihood of rankings: Plackett-Luce, and ListMLE, which ranks by labels.

use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use pulp::Arch;

use super::lists::{
    self, Float, ListLossMut, Order, check_labels, check_weights, longest, per_list, read,
};
use crate::check;
use crate::elementary::{dispatch, exp_nonpositive, softplus_and_sigmoid};
use crate::error::{Error, Result};

/// Work of a row in compares.
const WORK_PER_ROW: usize = 32;
/// Scores of a list that differ by less have exponentials, sums and ratios of them that f64 can hold.
const SPREAD: f64 = 300.0;
/// A product that has no room for another ratio of them.
const FULL: f64 = 1e150;
/// A loss below which a product has lost digits.
const SMALL: f64 = 0.1;

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
    let bounds = lists::bounds(offsets, ranking.len())?;
    check_ranking(ranking, &bounds, scores.len())?;
    let stages = Stages::new(k, None);
    per_list(&bounds, cost, out, |scratch: &mut Scratch, rows, grad| {
        let ranking = ranking.get(rows).unwrap_or_default().iter();
        let score = |&row: &i64| usize::try_from(row).ok().and_then(|row| scores.get(row));
        scratch.scores.clear();
        scratch
            .scores
            .extend(ranking.filter_map(score).map(|&score| score.into()));
        let result = stages.run(scratch);
        grad.extend_from_slice(&scratch.grad);
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
            let result = stages.run(scratch);
            grad.resize(length, 0.0);
            for (&place, &slope) in scratch.places.iter().zip(&scratch.grad) {
                if let Some(to) = grad.get_mut(place) {
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
    let bounds = lists::bounds(offsets, scores.len())?;
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
            scratch.order.gather(&mut scratch.scores, &scratch.input);
            let result = stages.run(scratch);
            scratch.order.scatter(grad, &scratch.grad);
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

#[derive(Debug)]
struct Scratch {
    arch: Arch,
    order: Order,
    input: Vec<f64>,
    /// Places of a ranking, and whether each place of the list is among them.
    places: Vec<usize>,
    seen: Vec<bool>,
    /// Scores in the order of the ranking, and the derivatives by them.
    scores: Vec<f64>,
    grad: Vec<f64>,
    /// exp(score - largest), and the sum of those that come later.
    exps: Vec<f64>,
    later: Vec<f64>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            arch: Arch::new(),
            order: Order::default(),
            input: Vec::new(),
            places: Vec::new(),
            seen: Vec::new(),
            scores: Vec::new(),
            grad: Vec::new(),
            exps: Vec::new(),
            later: Vec::new(),
        }
    }
}

impl Scratch {
    /// Takes the scores of a ranking; false where a place is out of range or stands there twice.
    fn pick<T: Float>(&mut self, list: &[T], ranking: &[i64]) -> bool {
        self.seen.clear();
        self.seen.resize(list.len(), false);
        self.places.clear();
        self.scores.clear();
        for &place in ranking {
            let place = usize::try_from(place).unwrap_or(usize::MAX);
            let (Some(&score), Some(seen)) = (list.get(place), self.seen.get_mut(place)) else {
                return false;
            };
            if *seen {
                return false;
            }
            *seen = true;
            self.places.push(place);
            self.scores.push(score.into());
        }
        true
    }
}

/// The stages that count, and their weights.
#[derive(Debug, Clone, Copy)]
struct Stages<'a> {
    k: usize,
    weights: Option<&'a [f64]>,
}

impl<'a> Stages<'a> {
    fn new(k: Option<usize>, weights: Option<&'a [f64]>) -> Self {
        Self {
            k: k.unwrap_or(usize::MAX),
            weights,
        }
    }

    /// The weight of a stage; 0 after the first k.
    fn weight(self, stage: usize) -> f64 {
        if stage >= self.k {
            return 0.0;
        }
        let weight = |weights: &[f64]| weights.get(stage).copied().unwrap_or(0.0);
        self.weights.map_or(1.0, weight)
    }

    /// Loss and number of stages with a choice.
    fn run(self, scratch: &mut Scratch) -> (f64, usize) {
        let terms = self.k.min(scratch.scores.len().saturating_sub(1));
        let top = lists::largest(&scratch.scores);
        // NaN where a score is not finite
        let spread = scratch.scores.iter().fold(0.0, |spread: f64, &score| {
            if top - score <= spread {
                spread
            } else {
                top - score
            }
        });
        let loss = if spread < SPREAD {
            self.near(scratch, top)
        } else {
            self.far(scratch)
        };
        (loss, terms)
    }

    /// One exponential a row. With e_i = exp(s_i - top) and later_i = Σ_{j>i} e_j a stage adds log(1 + later_i / e_i).
    fn near(self, scratch: &mut Scratch, top: f64) -> f64 {
        let Scratch {
            arch,
            scores,
            exps,
            later,
            grad,
            ..
        } = scratch;
        exps.clear();
        exps.resize(scores.len(), 0.0);
        dispatch(
            *arch,
            #[inline(always)]
            || {
                for (exp, &score) in exps.iter_mut().zip(&*scores) {
                    *exp = exp_nonpositive(score - top);
                }
            },
        );
        later.clear();
        later.resize(scores.len(), 0.0);
        let mut sum = 0.0;
        for (later, &exp) in later.iter_mut().zip(&*exps).rev() {
            *later = sum;
            sum += exp;
        }
        grad.clear();
        let mut shares = 0.0; // Σ w_i / (e_i + later_i) over earlier stages
        for (stage, (&exp, &later)) in exps.iter().zip(&*later).enumerate() {
            let (weight, share) = (self.weight(stage), 1.0 / (exp + later));
            grad.push(exp * shares - weight * (later * share));
            shares += weight * share;
        }
        self.logarithms(exps, later)
    }

    /// Σ w_i log(1 + later_i / e_i); as the logarithm of a product unless the weights differ or the product is so near
    /// 1 that its rounding would show.
    fn logarithms(self, exps: &[f64], later: &[f64]) -> f64 {
        let ratios = later.iter().zip(exps).map(|(later, exp)| later / exp);
        if self.weights.is_none() {
            let (mut loss, mut product) = (0.0, 1.0);
            for ratio in ratios.clone().take(self.k) {
                product *= 1.0 + ratio;
                if product > FULL {
                    loss += f64::ln(product);
                    product = 1.0;
                }
            }
            loss += f64::ln(product);
            if loss > SMALL {
                return loss;
            }
        }
        let terms = ratios
            .enumerate()
            .map(|(stage, ratio)| self.weight(stage) * ratio.ln_1p());
        terms.sum()
    }

    /// The same with logarithms of the sums, at any scores.
    fn far(self, scratch: &mut Scratch) -> f64 {
        let Scratch {
            scores,
            later,
            grad,
            ..
        } = scratch;
        later.clear();
        later.resize(scores.len(), 0.0);
        let mut log_sum = f64::NEG_INFINITY;
        for (later, &score) in later.iter_mut().zip(&*scores).rev() {
            *later = log_sum;
            log_sum = log_add(score, log_sum);
        }
        grad.clear();
        let (mut loss, mut log_shares) = (0.0, f64::NEG_INFINITY);
        for (stage, (&score, &later)) in scores.iter().zip(&*later).enumerate() {
            let choice = score != f64::NEG_INFINITY || later != f64::NEG_INFINITY;
            let weight = if choice { self.weight(stage) } else { 0.0 };
            let (term, chance) = softplus_and_sigmoid(later - score);
            let own = if weight == 0.0 { 0.0 } else { weight * chance };
            loss += if weight == 0.0 { 0.0 } else { weight * term };
            grad.push((score + log_shares).exp() - own);
            if weight != 0.0 {
                log_shares = log_add(log_shares, weight.ln() - log_add(score, later));
            }
        }
        loss
    }
}

/// log(e^a + e^b)
#[allow(clippy::float_cmp)] // for two infinities, whose difference is NaN
fn log_add(a: f64, b: f64) -> f64 {
    if a == b {
        return a + std::f64::consts::LN_2;
    }
    let (high, low) = if a < b { (b, a) } else { (a, b) };
    high + softplus_and_sigmoid(low - high).0
}

#[cfg(test)]
#[allow(clippy::float_cmp)]
mod tests {
    use super::{Scratch, Stages};

    fn both(scores: &[f64], stages: Stages<'_>) -> [(f64, Vec<f64>); 2] {
        let mut scratch = Scratch {
            scores: scores.to_vec(),
            ..Scratch::default()
        };
        let near = stages.near(&mut scratch, super::lists::largest(scores));
        let near = (near, scratch.grad.clone());
        let far = (stages.far(&mut scratch), scratch.grad.clone());
        [near, far]
    }

    #[test]
    fn both_ways_agree_and_the_gradient_sums_to_0() {
        let scores: Vec<f64> = (0..50_u32)
            .map(|i| f64::from(i * 37 % 101) - 40.0)
            .collect();
        let weights: Vec<f64> = (0..50_u32).map(|i| 1.0 / f64::from(1 + i)).collect();
        for (k, weights) in [(None, None), (Some(7), None), (None, Some(&*weights))] {
            let [near, far] = both(&scores, Stages::new(k, weights));
            assert!((near.0 - far.0).abs() <= 1e-12 * near.0);
            for (a, b) in near.1.iter().zip(&far.1) {
                assert!((a - b).abs() <= 1e-12, "{a} {b}");
            }
            assert!(near.1.iter().sum::<f64>().abs() < 1e-11);
        }
    }

    #[test]
    fn small_losses_keep_their_digits() {
        for (loss, grad) in both(&[40.0, 0.0], Stages::new(None, None)) {
            let want = (-40.0_f64).exp();
            assert!((loss - want).abs() <= 1e-13 * want);
            assert!(grad.iter().all(|g| (g.abs() - want).abs() <= 1e-13 * want));
        }
    }
}
