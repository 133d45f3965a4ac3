//! The best policy over several starts where the objective is not proven concave, and its answer to the parameters.

use super::ascent::{Ascent, Problem};
use super::newton::Tangent;
use super::norm::interaction_norm;
use super::penalty::Penalty;
use crate::conjoint::expectation::ParameterSlopes;
use crate::elementary::float;
use crate::random::{Draws, key};
use crate::threads;

/// Up to so many starts all combinations are tried.
const ALL_STARTS: usize = 1024;
/// Else so many drawn ones.
const DRAWN_STARTS: usize = 8;
/// A start that comes to the policy known within so many sweeps is given up.
const SHORT: usize = 4;
/// Policies this close are on their way to the same one.
const CLOSE: f64 = 1e-3;
/// Objectives this close are the same.
const SAME: f64 = 1e-13;
/// A probability, or the loss of a level that is not used, below this is an edge: the levels in use are about to change.
const EDGE: f64 = 1e-9;

/// The best policy found.
#[derive(Debug, Clone)]
pub struct Best {
    /// Where it is.
    pub ascent: Ascent,
    /// Whether it is proven to be the only maximum.
    pub concave: bool,
    /// The smallest beta with that proof.
    pub beta_concave: f64,
}

/// Ascends from `init` and the other `starts`, and where the objective is not proven concave from pure policies too.
#[must_use]
pub fn best_policy(problem: &Problem<'_>, starts: &[Vec<f64>], tol: f64, max_iter: usize) -> Best {
    let norm = interaction_norm(problem.party, problem.layout, problem.reference);
    let beta_concave = norm.threshold(problem.penalty, problem.reference);
    let betas = problem.layout.ranges().zip(problem.beta);
    let mut betas = betas.filter(|(range, _)| range.len() > 1);
    let concave = betas.all(|(_, beta)| *beta > beta_concave);
    let first = starts.first().map_or(problem.reference, Vec::as_slice);
    let mut best = problem.ascend(first, tol, max_iter);
    if !concave {
        let mut others: Vec<Vec<f64>> = starts.iter().skip(1).cloned().collect();
        others.extend(pure_starts(problem));
        let known = best.policy.clone();
        let work = others.len() * problem.layout.levels() * 100_000;
        let ends = threads::map(others, work, |start| {
            let mut policy = start;
            for _ in 0..SHORT.min(max_iter) {
                problem.sweep(&mut policy);
                if distance(&policy, &known) < CLOSE {
                    return None;
                }
            }
            Some(problem.ascend(&policy, tol, max_iter))
        });
        for end in ends.into_iter().flatten() {
            if end.objective > best.objective + SAME * (1.0 + best.objective.abs()) {
                best = end;
            }
        }
    }
    Best {
        ascent: best,
        concave,
        beta_concave,
    }
}

fn distance(one: &[f64], other: &[f64]) -> f64 {
    one.iter()
        .zip(other)
        .fold(0.0, |most, (x, y)| most.max((x - y).abs()))
}

/// Every combination of single levels (of sets of levels for L2), or drawn ones where there are too many.
///
/// The first factor's own start does not matter: its best reply comes first.
fn pure_starts(problem: &Problem<'_>) -> Vec<Vec<f64>> {
    let choices: Vec<Vec<Vec<f64>>> = problem
        .layout
        .ranges()
        .enumerate()
        .map(|(d, range)| {
            let reference = problem.reference.get(range).unwrap_or_default();
            match problem.penalty {
                _ if d == 0 => vec![reference.to_vec()],
                Penalty::L2 if reference.len() < 10 => sets(reference),
                _ => levels(reference),
            }
        })
        .collect();
    let count = choices.iter().map(Vec::len).fold(1, usize::saturating_mul);
    if count <= ALL_STARTS {
        return (0..count)
            .map(|place| combination(&choices, |sizes| place / sizes.0 % sizes.1))
            .collect();
    }
    let mut draws = Draws::new(key(0, &[0]));
    (0..DRAWN_STARTS)
        .map(|_| combination(&choices, |sizes| draws.below(sizes.1)))
        .collect()
}

/// One choice of each factor; `pick` gets the product of the numbers of choices before, and the number of choices.
fn combination(
    choices: &[Vec<Vec<f64>>],
    mut pick: impl FnMut((usize, usize)) -> usize,
) -> Vec<f64> {
    let mut before = 1_usize;
    let mut policy = Vec::new();
    for own in choices {
        let place = pick((before, own.len().max(1)));
        policy.extend(own.get(place).into_iter().flatten());
        before = before.saturating_mul(own.len().max(1));
    }
    policy
}

fn levels(reference: &[f64]) -> Vec<Vec<f64>> {
    let used = reference.iter().enumerate().filter(|(_, p)| **p > 0.0);
    used.map(|(level, _)| {
        (0..reference.len())
            .map(|l| f64::from(l == level))
            .collect()
    })
    .collect()
}

/// Even probabilities on every set of levels in use.
fn sets(reference: &[f64]) -> Vec<Vec<f64>> {
    let used: Vec<usize> = (0..reference.len())
        .filter(|l| reference.get(*l).is_some_and(|p| *p > 0.0))
        .collect();
    (1..1_usize << used.len())
        .map(|set| {
            let inside = |l: usize| {
                used.iter()
                    .position(|u| *u == l)
                    .is_some_and(|bit| set >> bit & 1 == 1)
            };
            let share = 1.0 / float(set.count_ones() as usize);
            (0..reference.len())
                .map(|l| if inside(l) { share } else { 0.0 })
                .collect()
        })
        .collect()
}

/// Derivatives by the parameters of the best policy and of its value: [M + 1, P], the value last.
///
/// By the implicit function theorem on the levels in use. Q changes with the policy too: only the objective is flat there.
/// None where a pull is 0, the levels in use are about to change, or the maximum is not strict.
#[must_use]
pub fn sensitivity(problem: &Problem<'_>, best: &Ascent, by: &ParameterSlopes) -> Option<Vec<f64>> {
    if problem.penalty == Penalty::L2 && on_edge(problem, best) {
        return None;
    }
    let tangent = Tangent::new(problem, &best.policy)?;
    let columns: Vec<Vec<f64>> = (0..by.count)
        .map(|p| {
            let slopes: Vec<f64> = by.own.iter().skip(p).step_by(by.count).copied().collect();
            let mut column = tangent.solve(&slopes);
            let along: f64 = column.iter().zip(&best.slopes).map(|(x, g)| x * g).sum();
            column.push(by.value.get(p).copied().unwrap_or_default() + along);
            column
        })
        .collect();
    let rows = 0..=problem.layout.levels();
    Some(
        rows.flat_map(|row| {
            columns
                .iter()
                .filter_map(move |column| column.get(row).copied())
        })
        .collect(),
    )
}

fn on_edge(problem: &Problem<'_>, best: &Ascent) -> bool {
    problem
        .layout
        .ranges()
        .zip(problem.beta)
        .any(|(range, beta)| {
            let parts = (
                best.policy.get(range.clone()),
                best.slopes.get(range.clone()),
                problem.reference.get(range),
            );
            let (Some(own), Some(slopes), Some(reference)) = parts else {
                return false;
            };
            let worth = |k: usize| {
                let at = |values: &[f64]| values.get(k).copied().unwrap_or_default();
                at(slopes) - beta * problem.penalty.slope(at(own), at(reference))
            };
            let used = own.iter().position(|x| *x >= EDGE).map_or(0.0, worth);
            own.iter().zip(reference).enumerate().any(|(k, (&x, &p))| {
                p > 0.0
                    && if x > 0.0 {
                        x < EDGE
                    } else {
                        used - worth(k) < EDGE
                    }
            })
        })
}
