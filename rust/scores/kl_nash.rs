//! Equilibria of small preference games with a pull to a reference, by extragradient steps.

use super::Real;
use crate::check;
use crate::error::{Error, Result};
use crate::lanes::{self, BLOCK, LANES};
use crate::threads;

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
    let blocks = reference.len().div_ceil(n * BLOCK);
    let (mut parts, mut rest) = (Vec::new(), out.as_mut_slice());
    for range in threads::split(blocks, |block| block * BLOCK * work) {
        let numbers = (range.len() * BLOCK * n).min(rest.len());
        let (own, others) = rest.split_at_mut(numbers);
        parts.push((range.start * BLOCK, own));
        rest = others;
    }
    threads::map(parts, blocks * BLOCK * work, |(first, own)| {
        let mut block = Block::new(n);
        for (at, own) in own.chunks_mut(BLOCK * n).enumerate() {
            let start = (first + at * BLOCK) * n;
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

/// The state of a block of games, as in [`lanes`]; lanes without a game hold zeros.
struct Block {
    n: usize,
    /// A, 0 where a candidate takes no part.
    margins: Vec<f64>,
    /// log ρ up to a constant, −inf where a candidate takes no part.
    reference: Vec<f64>,
    /// l up to a constant.
    logps: Vec<f64>,
    halfway: Vec<f64>,
    policy: Vec<f64>,
    gains: Vec<f64>,
}

impl Block {
    fn new(n: usize) -> Self {
        let column = || vec![0.0; n * BLOCK];
        Self {
            n,
            margins: vec![0.0; n * n * BLOCK],
            reference: column(),
            logps: column(),
            halfway: column(),
            policy: column(),
            gains: column(),
        }
    }

    fn read<T: Real>(&mut self, preferences: &[T], reference: &[T]) {
        let n = self.n;
        self.margins.fill(0.0);
        self.reference.fill(0.0);
        let games = preferences
            .chunks_exact(n * n)
            .zip(reference.chunks_exact(n));
        for (lane, (preferences, reference)) in games.enumerate() {
            let top = reference
                .iter()
                .fold(f64::NEG_INFINITY, |top, &l| l.into().max(top));
            let references = reference.iter().map(|&l| l.into() - top);
            lanes::put(&mut self.reference, lane, BLOCK, references);
            let rows = self.margins.chunks_exact_mut(n * BLOCK);
            for ((row, given), &own) in rows.zip(preferences.chunks_exact(n)).zip(reference) {
                let numbers = given.iter().zip(reference).map(|(&p, &other)| {
                    let absent =
                        own.into() == f64::NEG_INFINITY || other.into() == f64::NEG_INFINITY;
                    if absent { 0.0 } else { p.into() - 0.5 }
                });
                lanes::put(row, lane, BLOCK, numbers);
            }
        }
    }

    fn solve(&mut self, steps: Steps) {
        let pull = steps.step_size * steps.beta;
        let weights = [1.0 - pull, pull, steps.step_size].map(|weight| [weight; LANES]);
        let [own, pull, step] = &weights;
        self.logps.copy_from_slice(&self.reference);
        lanes::exponentiate(&mut self.logps, &mut self.policy, BLOCK);
        for _ in 0..steps.iterations {
            for _half in 0..2 {
                lanes::apply(&self.margins, &self.policy, &mut self.gains);
                let given = (
                    self.logps.as_slice(),
                    self.reference.as_slice(),
                    self.gains.as_slice(),
                );
                lanes::combine(&mut self.halfway, given, (own, pull, step));
                lanes::exponentiate(&mut self.halfway, &mut self.policy, BLOCK);
            }
            std::mem::swap(&mut self.logps, &mut self.halfway);
        }
    }

    /// l is kept up to a constant, which is taken off here. A game in which nobody takes part is NaN.
    fn write<T: Real>(&self, out: &mut [T]) {
        for (lane, own) in out.chunks_exact_mut(self.n).enumerate() {
            let logps = || lanes::lane(&self.logps, lane, BLOCK);
            let log = logps().map(f64::exp).sum::<f64>().ln();
            for (out, l) in own.iter_mut().zip(logps()) {
                *out = T::round(l - log);
            }
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
