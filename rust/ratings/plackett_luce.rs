//! Ratings from rankings: Plackett-Luce by Newton's method.

use faer::linalg::solvers::{Llt, Solve};
use faer::{MatMut, MatRef, Side};

use crate::check;
use crate::elementary::float;
use crate::error::{Error, Result};
use crate::ragged;
use crate::status::Status;
use crate::threads;

/// Sums are those of so many parts, whatever the number of threads.
const PARTS: usize = 8;
/// Halvings of a step before it is given up.
const HALVINGS: usize = 40;
/// A step that moves the strengths by less is rounding.
const ROUNDING: f64 = 1e-9;

/// Rankings, best first.
#[derive(Debug, Clone, Copy)]
pub struct Rankings<'a> {
    /// Number of items.
    pub n_items: usize,
    /// Items of all rankings, one after the other.
    pub items: &'a [i64],
    /// First item of each ranking, and the number of all.
    pub bounds: &'a [usize],
    /// [R], >= 0; `None` is all ones.
    pub weights: Option<&'a [f64]>,
    /// Weight of ½·|theta|²; at 0 the mean of theta is 0.
    pub ridge: f64,
}

/// Where the iteration ended.
#[derive(Debug, Clone)]
pub struct PlackettLuce {
    /// [n]
    pub theta: Vec<f64>,
    /// Without the penalty.
    pub loglik: f64,
    /// Newton steps taken.
    pub iterations: usize,
    /// Largest absolute entry of the gradient / total weight.
    pub residual: f64,
    /// How it ended.
    pub status: Status,
    /// [n, n] negative Hessian of the log-likelihood, without the penalty.
    pub information: Vec<f64>,
    /// [n, n] sum of the squared scores of the rankings, weights squared.
    pub squares: Vec<f64>,
}

/// Log-likelihood, gradient, negative Hessian, and the squares of the scores.
#[derive(Debug, Clone)]
struct Sums {
    value: f64,
    gradient: Vec<f64>,
    information: Vec<f64>,
    squares: Vec<f64>,
}

impl Sums {
    fn new(n: usize) -> Self {
        Self {
            value: 0.0,
            gradient: vec![0.0; n],
            information: vec![0.0; n * n],
            squares: vec![0.0; n * n],
        }
    }

    fn add(&mut self, other: &Self) {
        self.value += other.value;
        for (to, from) in [
            (&mut self.gradient, &other.gradient),
            (&mut self.information, &other.information),
            (&mut self.squares, &other.squares),
        ] {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        }
    }
}

impl Rankings<'_> {
    fn weight(&self, ranking: usize) -> f64 {
        self.weights
            .map_or(1.0, |weights| weights.get(ranking).copied().unwrap_or(0.0))
    }

    /// Weight of the rankings that compare anything.
    fn total(&self) -> f64 {
        let rankings = ragged::ranges(self.bounds).enumerate();
        rankings
            .filter(|(_, items)| items.len() > 1)
            .map(|(r, _)| self.weight(r))
            .sum()
    }

    /// Checks items and weights.
    ///
    /// # Errors
    /// An item outside `0..n_items`, or twice in a ranking; a weight that is negative or not finite.
    pub fn check(&self) -> Result<()> {
        if let Some(weights) = self.weights {
            check::same_length(
                "weights",
                weights.len(),
                "the rankings",
                self.bounds.len().saturating_sub(1),
            )?;
            check::finite_nonnegative("weights", weights)?;
        }
        let mut seen = vec![usize::MAX; self.n_items];
        for (ranking, places) in ragged::ranges(self.bounds).enumerate() {
            for at in places {
                let item = self.items.get(at).copied().unwrap_or(-1);
                let last = usize::try_from(item)
                    .ok()
                    .and_then(|item| seen.get_mut(item));
                let Some(last) = last else {
                    let expected = format!("an item in 0..{}", self.n_items);
                    return Err(Error::domain_at("rankings", [at], expected, item));
                };
                if *last == ranking {
                    let expected = format!("an item that ranking {ranking} does not hold twice");
                    return Err(Error::domain_at("rankings", [at], expected, item));
                }
                *last = ranking;
            }
        }
        Ok(())
    }

    /// All sums at a point, in parts that do not depend on the number of threads.
    fn sums(&self, theta: &[f64]) -> Sums {
        let count = self.bounds.len().saturating_sub(1);
        let size = count.div_ceil(PARTS).max(1);
        let parts: Vec<_> = (0..count)
            .step_by(size)
            .map(|start| start..count.min(start + size))
            .collect();
        let work = self.items.len() * 30;
        let parts = threads::map(parts, work, |rankings| {
            let (mut sums, mut scratch) = (Sums::new(self.n_items), Scratch::default());
            for ranking in rankings {
                let rows = self.bounds.get(ranking..ranking + 2).unwrap_or_default();
                if let [start, end] = rows {
                    let items = self.items.get(*start..*end).unwrap_or_default();
                    scratch.add(items, self.weight(ranking), theta, &mut sums);
                }
            }
            sums
        });
        let mut total = Sums::new(self.n_items);
        for part in &parts {
            total.add(part);
        }
        total
    }

    /// Objective: log-likelihood less penalty.
    fn objective(&self, sums: &Sums, theta: &[f64]) -> f64 {
        sums.value - self.ridge / 2.0 * theta.iter().map(|x| x * x).sum::<f64>()
    }

    /// Gradient of the objective.
    fn gradient(&self, sums: &Sums, theta: &[f64]) -> Vec<f64> {
        sums.gradient
            .iter()
            .zip(theta)
            .map(|(slope, x)| slope - self.ridge * x)
            .collect()
    }

    /// Solution of (information + ridge) step = gradient; without a ridge the mean of the step is 0.
    fn step(&self, sums: &Sums, gradient: &[f64]) -> Option<Vec<f64>> {
        let n = self.n_items;
        let mut matrix = sums.information.clone();
        let diagonal: f64 = matrix.iter().step_by(n + 1).sum();
        let gauge = if self.ridge > 0.0 {
            0.0
        } else {
            diagonal / float(n * n).max(1.0)
        };
        for x in &mut matrix {
            *x += gauge;
        }
        matrix
            .iter_mut()
            .step_by(n + 1)
            .for_each(|x| *x += self.ridge);
        let factor = Llt::new(MatRef::from_row_major_slice(&matrix, n, n), Side::Lower).ok()?;
        let mut step = gradient.to_vec();
        factor.solve_in_place(MatMut::from_column_major_slice_mut(&mut step, n, 1));
        step.iter().all(|x| x.is_finite()).then_some(step)
    }
}

/// Work space of one ranking.
#[derive(Default)]
struct Scratch {
    items: Vec<usize>,
    strength: Vec<f64>,
    /// Of the items from a place on.
    rest: Vec<f64>,
    score: Vec<f64>,
}

impl Scratch {
    /// Adds ln Π s[k] / Σ s[l >= k] of one ranking, s = exp(theta), and its derivatives. O(K²)
    fn add(&mut self, items: &[i64], weight: f64, theta: &[f64], sums: &mut Sums) {
        if items.len() < 2 || weight == 0.0 {
            return;
        }
        self.load(items, theta);
        let n = theta.len();
        let choices = items.len() - 1;
        self.score.clear();
        let (mut inverse, mut inverse_square) = (0.0, 0.0);
        // The sums of 1 / rest and 1 / rest² over the choices up to a place are all that the derivatives need.
        let places = self
            .items
            .iter()
            .zip(&self.strength)
            .zip(&self.rest)
            .enumerate();
        for (place, ((&item, &strength), &rest)) in places {
            let chosen = place < choices;
            if chosen {
                inverse += rest.recip();
                inverse_square += rest.powi(-2);
                sums.value += weight * (strength / rest).ln();
            }
            let score = f64::from(u8::from(chosen)) - strength * inverse;
            self.score.push(score);
            bump(&mut sums.gradient, item, weight * score);
            bump(
                &mut sums.information,
                item * (n + 1),
                weight * strength * inverse,
            );
            let later = self.items.iter().zip(&self.strength).skip(place + 1);
            bump(
                &mut sums.information,
                item * (n + 1),
                -weight * strength * strength * inverse_square,
            );
            for (&other, &their) in later {
                let both = -weight * strength * their * inverse_square;
                bump(&mut sums.information, item * n + other, both);
                bump(&mut sums.information, other * n + item, both);
            }
        }
        for (&item, own) in self.items.iter().zip(&self.score) {
            for (&other, their) in self.items.iter().zip(&self.score) {
                bump(
                    &mut sums.squares,
                    item * n + other,
                    weight * weight * own * their,
                );
            }
        }
    }

    fn load(&mut self, items: &[i64], theta: &[f64]) {
        self.items.clear();
        self.items
            .extend(items.iter().map(|&item| usize::try_from(item).unwrap_or(0)));
        let at = |item: &usize| theta.get(*item).copied().unwrap_or_default();
        let most = self.items.iter().map(at).fold(f64::NEG_INFINITY, f64::max);
        self.strength.clear();
        self.strength
            .extend(self.items.iter().map(|item| (at(item) - most).exp()));
        self.rest.clear();
        self.rest.resize(items.len(), 0.0);
        let mut sum = 0.0;
        for (rest, strength) in self.rest.iter_mut().zip(&self.strength).rev() {
            sum += strength;
            *rest = sum;
        }
    }
}

fn bump(values: &mut [f64], at: usize, by: f64) {
    if let Some(value) = values.get_mut(at) {
        *value += by;
    }
}

/// Maximises Σ weight·ln P(ranking) − ½·ridge·|theta|², P = Π s[k] / Σ s[l >= k], s = exp(theta).
///
/// O(Σ K² + n³) a Newton step; it stops where `residual <= tol`, after one more step. Without a ridge the maximum exists
/// where every item stands above every other through a chain of rankings, which the caller sees to.
///
/// # Errors
/// Those of [`Rankings::check`]; an `init` of another length; no ranking of two items and no ridge.
pub fn plackett_luce(
    rankings: Rankings<'_>,
    init: Option<&[f64]>,
    tol: f64,
    max_iter: usize,
) -> Result<PlackettLuce> {
    rankings.check()?;
    let n = rankings.n_items;
    let mut theta = init.map_or_else(|| vec![0.0; n], <[f64]>::to_vec);
    check::same_length("init", theta.len(), "the items", n)?;
    let total = rankings.total().max(f64::MIN_POSITIVE);
    let alone = rankings.total() <= 0.0 && rankings.ridge <= 0.0; // nothing to compare: theta stays
    let mut sums = rankings.sums(&theta);
    let (mut iterations, mut status) = (0, Status::MaxIter);
    let mut arrived = false;
    let residual_at = |sums: &Sums, theta: &[f64]| {
        let slopes = rankings.gradient(sums, theta);
        slopes
            .iter()
            .fold(0.0, |most: f64, slope| slope.abs().max(most))
            / total
    };
    let mut residual = residual_at(&sums, &theta);
    if alone {
        status = Status::Converged;
    }
    while iterations < max_iter && !alone {
        let gradient = rankings.gradient(&sums, &theta);
        let Some(step) = rankings.step(&sums, &gradient) else {
            status = Status::Stalled;
            break;
        };
        let moved = step.iter().fold(0.0, |most: f64, x| x.abs().max(most));
        let Some((next, next_sums)) = climb(&rankings, &theta, &sums, &step) else {
            status = if moved < ROUNDING {
                Status::Floor
            } else {
                Status::Stalled
            };
            break;
        };
        (theta, sums) = (next, next_sums);
        iterations += 1;
        residual = residual_at(&sums, &theta);
        if arrived && residual <= tol {
            status = Status::Converged;
            break;
        }
        if arrived && moved < ROUNDING {
            status = Status::Floor;
            break;
        }
        arrived = residual <= tol || moved < ROUNDING;
    }
    let Sums {
        value,
        information,
        squares,
        ..
    } = sums;
    Ok(PlackettLuce {
        theta,
        loglik: value,
        iterations,
        residual,
        status,
        information,
        squares,
    })
}

/// The point that the step leads to, halved until the objective does not fall beyond rounding.
fn climb(
    rankings: &Rankings<'_>,
    theta: &[f64],
    sums: &Sums,
    step: &[f64],
) -> Option<(Vec<f64>, Sums)> {
    let here = rankings.objective(sums, theta);
    let slack = 1e-13 * here.abs();
    let mut length = 1.0;
    for _ in 0..HALVINGS {
        let mut next: Vec<f64> = theta
            .iter()
            .zip(step)
            .map(|(x, d)| x + length * d)
            .collect();
        if rankings.ridge <= 0.0 {
            let mean = next.iter().sum::<f64>() / float(next.len().max(1));
            for x in &mut next {
                *x -= mean;
            }
        }
        let there = rankings.sums(&next);
        if rankings.objective(&there, &next) >= here - slack {
            return Some((next, there));
        }
        length /= 2.0;
    }
    None
}
