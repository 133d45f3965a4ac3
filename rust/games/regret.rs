//! Self-play by regrets: one regret vector, since both players of a symmetric game hold the same.

use super::payoff::Game;
use super::solution::{Limits, Solution};
use crate::elementary::float;
use crate::status::Status;

/// What becomes of the regrets, and how the strategies are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Regrets add up; every strategy counts the same.
    Plain,
    /// Negative regrets are forgotten; the t-th strategy counts t.
    Plus,
    /// As `Plus`, with the last regret added as a forecast of the next; the t-th strategy counts t².
    Predictive,
}

/// Regret matching of one game from the uniform strategy: O(n²) an iteration.
///
/// x ← (R + m)⁺ / Σ (R + m)⁺ (uniform where that is 0), u = A x, R ← R + u − x·u, clipped at 0 but for [`Rule::Plain`];
/// m is the last regret of [`Rule::Predictive`]. The answer is the average of the strategies, or the last one.
#[must_use]
pub fn regret_matching(game: &Game<'_>, rule: Rule, average: bool, limits: Limits<'_>) -> Solution {
    let n = game.n;
    let mut play = Play {
        regrets: vec![0.0; n],
        last: vec![0.0; n],
        strategy: vec![float(n).recip(); n],
        payoffs: vec![0.0; n],
    };
    let mut mean = Mean::new(&play.strategy);
    let mut record = Record::new(limits.record_at);
    record.keep(0, &mean.strategy);
    let (mut t, mut residual) = (0, f64::INFINITY);
    while t < limits.max_iter && limits.tol.is_none_or(|tol| residual > tol) {
        t += 1;
        play.choose(rule);
        game.apply(&play.strategy, &mut play.payoffs);
        mean.add(
            &play,
            if average {
                weight(rule, t)
            } else {
                f64::INFINITY
            },
        );
        residual = gap(&mean.strategy, &mean.payoffs);
        play.learn(rule);
        record.keep(t, &mean.strategy);
    }
    if t == 0 {
        game.apply(&mean.strategy, &mut mean.payoffs);
        residual = gap(&mean.strategy, &mean.payoffs);
    }
    finish(game, &mean.strategy, record, limits, (t, residual))
}

/// Fictitious play of one game from action 0: a best response to the sum of all responses so far, O(n) an iteration.
///
/// The answer is the share of each action. Of equal responses the lowest number is taken; sums of payoffs are exact where
/// payoffs are multiples of a small power of two.
#[must_use]
pub fn fictitious_play(game: &Game<'_>, limits: Limits<'_>) -> Solution {
    let mut counts = vec![0.0; game.n];
    let mut sums = vec![0.0; game.n];
    let mut record = Record::new(limits.record_at);
    let mut best = 0;
    let mut t = 0;
    loop {
        if let Some(count) = counts.get_mut(best) {
            *count += 1.0;
        }
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum += game.entry(i, best);
        }
        let played = float(t + 1);
        let share = |count: &f64| count / played;
        if record.next() == Some(t) {
            record.keep(t, &counts.iter().map(share).collect::<Vec<_>>());
        }
        let (place, most) = largest(&sums);
        let residual = 2.0 * most / played;
        if t >= limits.max_iter || limits.tol.is_some_and(|tol| residual <= tol) {
            let shares: Vec<f64> = counts.iter().map(share).collect();
            return finish(game, &shares, record, limits, (t, residual));
        }
        best = place;
        t += 1;
    }
}

/// Place and value of the largest entry, the first of equal ones.
fn largest(values: &[f64]) -> (usize, f64) {
    let start = (0, f64::NEG_INFINITY);
    values.iter().enumerate().fold(
        start,
        |best, (place, &value)| {
            if value > best.1 { (place, value) } else { best }
        },
    )
}

fn weight(rule: Rule, t: usize) -> f64 {
    match rule {
        Rule::Plain => 1.0,
        Rule::Plus => float(t),
        Rule::Predictive => float(t) * float(t),
    }
}

/// 2 Σ x (max u − u): the duality gap of a strategy whose payoffs are u.
fn gap(strategy: &[f64], payoffs: &[f64]) -> f64 {
    let most = largest(payoffs).1;
    let terms = strategy.iter().zip(payoffs);
    2.0 * terms.map(|(x, u)| x * (most - u)).sum::<f64>()
}

struct Play {
    regrets: Vec<f64>,
    last: Vec<f64>,
    strategy: Vec<f64>,
    payoffs: Vec<f64>,
}

impl Play {
    fn choose(&mut self, rule: Rule) {
        let forecast = f64::from(u8::from(rule == Rule::Predictive));
        let parts = self
            .strategy
            .iter_mut()
            .zip(self.regrets.iter().zip(&self.last));
        let mut total = 0.0;
        for (x, (regret, last)) in parts {
            *x = (regret + forecast * last).max(0.0);
            total += *x;
        }
        let uniform = float(self.strategy.len()).recip();
        for x in &mut self.strategy {
            *x = if total > 0.0 { *x / total } else { uniform };
        }
    }

    fn learn(&mut self, rule: Rule) {
        let value: f64 = self
            .strategy
            .iter()
            .zip(&self.payoffs)
            .map(|(x, u)| x * u)
            .sum();
        let parts = self
            .regrets
            .iter_mut()
            .zip(self.last.iter_mut().zip(&self.payoffs));
        for (regret, (last, u)) in parts {
            *last = u - value;
            *regret += *last;
            if rule != Rule::Plain {
                *regret = regret.max(0.0);
            }
        }
    }
}

/// A weighted mean of the strategies so far and of their payoffs.
struct Mean {
    strategy: Vec<f64>,
    payoffs: Vec<f64>,
    total: f64,
}

impl Mean {
    fn new(strategy: &[f64]) -> Self {
        Self {
            strategy: strategy.to_vec(),
            payoffs: vec![0.0; strategy.len()],
            total: 0.0,
        }
    }

    /// An infinite weight leaves the new strategy alone.
    fn add(&mut self, play: &Play, weight: f64) {
        self.total += weight;
        let share = if weight.is_finite() {
            weight / self.total
        } else {
            1.0
        };
        let toward = |mean: &mut [f64], new: &[f64]| {
            for (mean, new) in mean.iter_mut().zip(new) {
                *mean = if share < 1.0 {
                    *mean + share * (new - *mean)
                } else {
                    *new
                };
            }
        };
        toward(&mut self.strategy, &play.strategy);
        toward(&mut self.payoffs, &play.payoffs);
    }
}

/// Log-policies of the iterations that were asked for.
struct Record<'a> {
    at: std::slice::Iter<'a, usize>,
    path: Vec<f64>,
}

impl<'a> Record<'a> {
    fn new(at: &'a [usize]) -> Self {
        Self {
            at: at.iter(),
            path: Vec::new(),
        }
    }

    fn next(&self) -> Option<usize> {
        self.at.as_slice().first().copied()
    }

    fn keep(&mut self, iteration: usize, policy: &[f64]) {
        while self.next() == Some(iteration) {
            self.at.next();
            self.path.extend(policy.iter().map(|p| p.ln()));
        }
    }
}

fn finish(
    game: &Game<'_>,
    policy: &[f64],
    record: Record<'_>,
    limits: Limits<'_>,
    (iterations, residual): (usize, f64),
) -> Solution {
    let status = match limits.tol {
        None => Status::Fixed,
        Some(tol) if residual <= tol => Status::Converged,
        Some(_) => Status::MaxIter,
    };
    let log_policy: Vec<f64> = policy.iter().map(|p| p.ln()).collect();
    let log_ref = vec![-float(game.n).ln(); game.n];
    let end = (iterations, residual, status);
    Solution {
        path: record.path,
        ..Solution::new(game, log_policy, (0.0, &log_ref), end)
    }
}
