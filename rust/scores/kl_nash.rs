//! Equilibria of small preference games with a pull to a reference, by extragradient steps.

#![allow(clippy::inline_always)] // a call would not be compiled for the instruction set that `dispatch` has chosen

use pulp::Arch;

use super::Real;
use crate::check;
use crate::elementary::{dispatch, exp_nonpositive};
use crate::error::{Error, Result};
use crate::threads;

/// Games that are solved side by side, one in each lane of the vectors.
const LANES: usize = 8;
type Lanes = [f64; LANES];
/// Work of an exponential in additions.
const WORK_OF_EXP: usize = 8;

/// How the games are played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Steps {
    /// The pull to the reference.
    pub beta: f64,
    /// How far a step goes.
    pub step_size: f64,
    /// Extragradient steps, each of two half steps.
    pub iterations: usize,
}

/// Log-policies of games of n candidates after so many iterations of EGPO, from the reference; −inf where that is.
///
/// h = lsm((1 − c) l + c log ρ + η A eˡ), l ← lsm((1 − c) l + c log ρ + η A eʰ), with A = P − 1/2, c = ηβ and lsm the
/// log-softmax. O(iterations · n²) a game; in f64 and rounded once. Eight games at a time, each in a lane of its own, so
/// neither threads nor the place of a game change a bit. What P holds of candidates whose reference is −inf is not used.
///
/// # Errors
/// Preferences that are not n numbers for each of the reference.
///
/// ```
/// use prefcore::scores::{Steps, kl_nash};
/// let rock_paper_scissors = [0.5, 0.0, 1.0, 1.0, 0.5, 0.0, 0.0, 1.0, 0.5];
/// let steps = Steps { beta: 0.1, step_size: 1.0, iterations: 200 };
/// let logps = kl_nash(&rock_paper_scissors, &[0.0; 3], 3, steps).unwrap();
/// assert!(logps.iter().all(|l: &f64| (l.exp() - 1.0 / 3.0).abs() < 1e-12));
/// ```
pub fn kl_nash<T: Real>(
    preferences: &[T],
    reference: &[T],
    n: usize,
    steps: Steps,
) -> Result<Vec<T>> {
    check::same_length(
        "preferences",
        preferences.len(),
        "n for each of the reference",
        reference.len() * n,
    )?;
    if n == 0 || !reference.len().is_multiple_of(n) {
        let expected = format!("whole games of {n} candidates");
        return Err(Error::shape("reference", expected, reference.len()));
    }
    let mut out = vec![T::default(); reference.len()];
    let work = 2 * n * (n + WORK_OF_EXP) * steps.iterations + n * n;
    let blocks = reference.len().div_ceil(n * LANES);
    let (mut parts, mut rest) = (Vec::new(), out.as_mut_slice());
    for range in threads::split(blocks, |block| block * LANES * work) {
        let numbers = (range.len() * LANES * n).min(rest.len());
        let (own, others) = rest.split_at_mut(numbers);
        parts.push((range.start * LANES, own));
        rest = others;
    }
    threads::map(parts, blocks * LANES * work, |(first, own)| {
        let mut block = Block::new(n);
        for (at, own) in own.chunks_mut(LANES * n).enumerate() {
            let start = (first + at * LANES) * n;
            let games = start..start + own.len();
            let payoffs = preferences.get(games.start * n..games.end * n);
            block.read(
                payoffs.unwrap_or_default(),
                reference.get(games).unwrap_or_default(),
            );
            block.solve(steps);
            block.write(own);
        }
    });
    Ok(out)
}

/// The state of eight games, number by number.
struct Block {
    arch: Arch,
    n: usize,
    /// A, 0 where a candidate takes no part.
    margins: Vec<Lanes>,
    /// log ρ up to a constant, −inf where a candidate takes no part.
    reference: Vec<Lanes>,
    /// l up to a constant, 0 where a candidate takes no part.
    logps: Vec<Lanes>,
    halfway: Vec<Lanes>,
    policy: Vec<Lanes>,
}

impl Block {
    fn new(n: usize) -> Self {
        let column = || vec![[0.0; LANES]; n];
        Self {
            arch: Arch::new(),
            n,
            margins: vec![[0.0; LANES]; n * n],
            reference: column(),
            logps: column(),
            halfway: column(),
            policy: column(),
        }
    }

    /// Lanes without a game hold zeros.
    fn read<T: Real>(&mut self, preferences: &[T], reference: &[T]) {
        let n = self.n;
        self.margins.fill([0.0; LANES]);
        self.reference.fill([0.0; LANES]);
        let games = preferences
            .chunks_exact(n * n)
            .zip(reference.chunks_exact(n));
        for (lane, (preferences, reference)) in games.enumerate() {
            let top = reference
                .iter()
                .fold(f64::NEG_INFINITY, |top, &l| l.into().max(top));
            put(
                &mut self.reference,
                lane,
                reference.iter().map(|&l| l.into() - top),
            );
            let rows = self.margins.chunks_exact_mut(n);
            for ((row, given), &own) in rows.zip(preferences.chunks_exact(n)).zip(reference) {
                let numbers = given.iter().zip(reference).map(|(&p, &other)| {
                    let absent =
                        own.into() == f64::NEG_INFINITY || other.into() == f64::NEG_INFINITY;
                    if absent { 0.0 } else { p.into() - 0.5 }
                });
                put(row, lane, numbers);
            }
        }
    }

    fn solve(&mut self, steps: Steps) {
        let Self {
            arch,
            n,
            margins,
            reference,
            logps,
            halfway,
            policy,
        } = self;
        dispatch(
            *arch,
            #[inline(always)]
            || {
                logps.copy_from_slice(reference);
                center(logps, policy);
                for _ in 0..steps.iterations {
                    half_step(margins, reference, logps, policy, steps, *n, halfway);
                    center(halfway, policy);
                    half_step(margins, reference, logps, policy, steps, *n, halfway);
                    center(halfway, policy);
                    std::mem::swap(logps, halfway);
                }
            },
        );
    }

    /// l is kept up to a constant, which is taken off here. A game in which nobody takes part is NaN.
    fn write<T: Real>(&self, out: &mut [T]) {
        for (lane, own) in out.chunks_exact_mut(self.n).enumerate() {
            let logps = || {
                let rows = self.logps.iter().zip(&self.reference);
                rows.filter_map(move |(l, reference)| Some((*l.get(lane)?, *reference.get(lane)?)))
                    .map(|(l, reference)| {
                        if reference == f64::NEG_INFINITY {
                            reference
                        } else {
                            l
                        }
                    })
            };
            let log = logps().map(f64::exp).sum::<f64>().ln();
            for (out, l) in own.iter_mut().zip(logps()) {
                *out = T::round(l - log);
            }
        }
    }
}

/// Writes numbers into one lane.
fn put(column: &mut [Lanes], lane: usize, numbers: impl Iterator<Item = f64>) {
    for (lanes, number) in column.iter_mut().zip(numbers) {
        if let Some(place) = lanes.get_mut(lane) {
            *place = number;
        }
    }
}

/// out ← (1 − c) l + c log ρ + η A π.
#[inline(always)]
fn half_step(
    margins: &[Lanes],
    reference: &[Lanes],
    logps: &[Lanes],
    policy: &[Lanes],
    steps: Steps,
    n: usize,
    out: &mut [Lanes],
) {
    let pull = steps.step_size * steps.beta;
    let given = margins.chunks_exact(n).zip(reference).zip(logps);
    for (((row, reference), l), out) in given.zip(out) {
        let mut gains = [0.0; LANES];
        for (margins, policy) in row.iter().zip(policy) {
            for ((gain, margin), p) in gains.iter_mut().zip(margins).zip(policy) {
                *gain = margin.mul_add(*p, *gain);
            }
        }
        for (((out, gain), reference), l) in out.iter_mut().zip(gains).zip(reference).zip(l) {
            *out = steps
                .step_size
                .mul_add(gain, (1.0 - pull) * l + pull * reference);
        }
    }
}

/// Takes the largest l off, and sets π = eˡ / Σ eˡ; l = −inf becomes 0, which may be multiplied.
#[inline(always)]
fn center(logps: &mut [Lanes], policy: &mut [Lanes]) {
    let mut tops = [f64::NEG_INFINITY; LANES];
    for logps in logps.iter() {
        for (top, l) in tops.iter_mut().zip(logps) {
            *top = if *l > *top { *l } else { *top };
        }
    }
    let mut sums = [0.0; LANES];
    for (logps, policy) in logps.iter_mut().zip(policy.iter_mut()) {
        let lanes = logps.iter_mut().zip(policy).zip(tops).zip(&mut sums);
        for (((l, p), top), sum) in lanes {
            let moved = *l - top;
            *p = exp_nonpositive(moved);
            *sum += *p;
            *l = if moved == f64::NEG_INFINITY {
                0.0
            } else {
                moved
            };
        }
    }
    let scales = sums.map(|sum| 1.0 / sum);
    for policy in policy {
        for (p, scale) in policy.iter_mut().zip(scales) {
            *p *= scale;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::{Steps, kl_nash};
    use crate::Error;
    use crate::elementary::float;

    const STEPS: Steps = Steps {
        beta: 0.2,
        step_size: 1.3,
        iterations: 7,
    };

    /// Eleven games of n candidates: more than fill the lanes, fewer than twice.
    fn games(n: usize) -> (Vec<f64>, Vec<f64>) {
        let number = |at: usize| float(at * 7919 % 101) / 101.0;
        let mut preferences = vec![0.5; 11 * n * n];
        for (game, p) in preferences.chunks_exact_mut(n * n).enumerate() {
            for i in 0..n {
                for j in 0..i {
                    p[i * n + j] = number(game * n * n + i * n + j);
                    p[j * n + i] = 1.0 - p[i * n + j];
                }
            }
        }
        (
            preferences,
            (0..11 * n).map(|at| 3.0 * number(at + 50)).collect(),
        )
    }

    fn log_softmax(u: &[f64]) -> Vec<f64> {
        let log = u.iter().map(|u| u.exp()).sum::<f64>().ln();
        u.iter().map(|u| u - log).collect()
    }

    /// The definition, one game.
    fn naive(p: &[f64], reference: &[f64], n: usize) -> Vec<f64> {
        let rho = log_softmax(reference);
        let pull = STEPS.step_size * STEPS.beta;
        let step = |l: &[f64], against: &[f64]| {
            let gain = |i: usize| {
                (0..n)
                    .map(|j| (p[i * n + j] - 0.5) * against[j].exp())
                    .sum::<f64>()
            };
            let u: Vec<f64> = (0..n)
                .map(|i| (1.0 - pull) * l[i] + pull * rho[i] + STEPS.step_size * gain(i))
                .collect();
            log_softmax(&u)
        };
        let mut l = rho.clone();
        for _ in 0..STEPS.iterations {
            let halfway = step(&l, &l);
            l = step(&l, &halfway);
        }
        l
    }

    #[test]
    fn every_game_is_that_of_the_definition() {
        for n in [1, 2, 5, 9] {
            let (preferences, reference) = games(n);
            let got = kl_nash(&preferences, &reference, n, STEPS).unwrap();
            for (game, got) in got.chunks_exact(n).enumerate() {
                let p = &preferences[game * n * n..(game + 1) * n * n];
                let want = naive(p, &reference[game * n..(game + 1) * n], n);
                assert!(
                    got.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-13),
                    "{got:?} {want:?}"
                );
            }
        }
    }

    #[test]
    fn absent_candidates_are_not_read() {
        let (mut preferences, mut reference) = games(3);
        let small: Vec<f64> = [0, 2, 6, 8].map(|at| preferences[at]).to_vec();
        let want = naive(&small, &[reference[0], reference[2]], 2);
        for at in [1, 3, 4, 5, 7] {
            preferences[at] = f64::NAN;
        }
        reference[1] = f64::NEG_INFINITY;
        let got = kl_nash(&preferences, &reference, 3, STEPS).unwrap();
        assert!((got[0] - want[0]).abs() < 1e-13 && (got[2] - want[1]).abs() < 1e-13);
        assert!(got[1].is_infinite() && got[1] < 0.0);
    }

    #[test]
    fn the_place_in_the_batch_changes_no_bit() {
        let (preferences, reference) = games(5);
        let all = kl_nash(&preferences, &reference, 5, STEPS).unwrap();
        let one = kl_nash(&preferences[9 * 25..10 * 25], &reference[45..50], 5, STEPS).unwrap();
        assert_eq!(all[45..50], one);
    }

    #[test]
    fn other_sizes_are_refused() {
        assert!(matches!(
            kl_nash(&[0.5; 3], &[0.0; 2], 2, STEPS),
            Err(Error::Shape { .. })
        ));
    }
}
