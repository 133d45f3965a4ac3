//! One pass over the tasks: objective, gradient and Hessian at a point.

use std::ops::Range;

use super::answers::{Answers, Form, Link, Reader, predictor, scatter};
use super::columns::Columns;
use super::design::Design;
use super::tile::Tile;
use crate::conjoint::gram::{BLOCKS, Gram, TILE, stride};
use crate::elementary::{add, exp_nonpositive, float, log1p_unit};
use crate::newton::Sums;
use crate::threads;

/// A model of given answers.
#[derive(Debug, Clone, Copy)]
pub struct Model<'a> {
    /// Whose outcomes it explains.
    pub answers: Answers<'a>,
    /// With which unknowns.
    pub columns: &'a Columns,
    /// Rows of tasks of one or two profiles.
    pub design: &'a Design,
    /// One profile a task, two, or more.
    pub form: Form,
    /// Likelihood or squares.
    pub link: Link,
}

/// Loss of a task of one or two profiles, and its derivatives by the linear predictor.
#[derive(Debug, Clone, Copy)]
pub struct Loss {
    /// −log-likelihood, or half the squared residual.
    pub value: f64,
    /// First derivative.
    pub slope: f64,
    /// Second derivative.
    pub curve: f64,
}

impl Link {
    /// Loss of an outcome at a linear predictor.
    #[allow(clippy::inline_always)] // part of the dispatched closure: elsewhere a fused multiply-add is a call
    #[inline(always)]
    #[must_use]
    pub fn loss(self, eta: f64, outcome: f64) -> Loss {
        if let Self::Linear(constant) = self {
            let slope = eta + constant - outcome;
            return Loss {
                value: 0.5 * slope * slope,
                slope,
                curve: 1.0,
            };
        }
        let v = exp_nonpositive(-eta.abs());
        let (rest, inverse) = (log1p_unit(v), 1.0 / (1.0 + v));
        let (p, q) = if eta > 0.0 {
            (inverse, v * inverse)
        } else {
            (v * inverse, inverse)
        };
        let (above, below) = (eta.max(0.0) + rest, (-eta).max(0.0) + rest);
        Loss {
            value: outcome.mul_add(below, (1.0 - outcome) * above),
            slope: (1.0 - outcome).mul_add(p, -(outcome * q)),
            curve: p * q,
        }
    }
}

/// Blocks of 0..n, the same whatever the number of threads.
#[must_use]
pub fn blocks(n: usize) -> Vec<Range<usize>> {
    let size = n.div_ceil(BLOCKS).next_multiple_of(TILE);
    (0..n)
        .step_by(size.max(1))
        .map(|start| start..n.min(start + size))
        .collect()
}

impl Model<'_> {
    /// Objective, gradient and, where asked for, the lower triangle of the Hessian; else it is empty.
    ///
    /// O(T (D + pairs)) without the Hessian, O(T P²) with it. Naive equivalent: X'(p − y) and X' diag(p (1 − p)) X on
    /// the matrix X of left − right.
    #[must_use]
    pub fn sums(&self, point: &[f64], hessian: bool) -> Sums {
        let (tasks, width) = (self.answers.tasks(), point.len());
        let work = tasks * (20 + width * if hessian { width } else { 1 });
        let parts = threads::map(blocks(tasks), work, |block| {
            self.block(point, block, hessian)
        });
        total(parts, width, hessian)
    }

    fn block(&self, point: &[f64], tasks: Range<usize>, hessian: bool) -> Sums {
        let mut gram = hessian.then(|| Gram::new(point.len()));
        let (width, point) = (point.len(), &padded(point));
        let mut gradient = vec![0.0; point.len()];
        let objective = if self.form == Form::Choice {
            self.choices(point, tasks, &mut gradient, gram.as_mut())
        } else {
            self.differences(point, tasks, &mut gradient, gram.as_mut())
        };
        gradient.truncate(width);
        Sums {
            objective,
            gradient,
            hessian: gram.map(Gram::total).unwrap_or_default(),
        }
    }

    fn differences(
        &self,
        point: &[f64],
        tasks: Range<usize>,
        gradient: &mut [f64],
        mut gram: Option<&mut Gram>,
    ) -> f64 {
        let (mut tile, mut objective) = (Tile::new(point.len()), 0.0);
        for start in tasks.clone().step_by(TILE) {
            let own = start..tasks.end.min(start + TILE);
            let kept = own.filter(|&task| self.answers.weight(task) > 0.0);
            objective += tile.read(self, kept, point);
            tile.add(gradient, gram.as_deref_mut());
        }
        objective
    }

    fn choices(
        &self,
        point: &[f64],
        tasks: Range<usize>,
        gradient: &mut [f64],
        mut gram: Option<&mut Gram>,
    ) -> f64 {
        let mut choice = Choice::new(self.answers, self.columns);
        let (mut objective, mut mean) = (0.0, vec![0.0; point.len()]);
        for task in tasks {
            let weight = self.answers.weight(task);
            if weight <= 0.0 {
                continue;
            }
            objective += weight * choice.read(task, point);
            choice.score(weight, gradient);
            let Some(gram) = gram.as_mut() else {
                continue;
            };
            mean.fill(0.0);
            for (profile, share) in choice.profiles() {
                scatter(profile, share, &mut mean);
            }
            for (profile, share) in choice.profiles() {
                let (row, root) = (gram.row(), (weight * share).sqrt());
                row.iter_mut()
                    .zip(&mean)
                    .for_each(|(cell, mean)| *cell = -root * mean);
                scatter(profile, root, row);
            }
        }
        objective
    }
}

/// Sum of the sums of parts, in their order; without Hessians that of none.
#[must_use]
pub fn total(parts: Vec<Sums>, width: usize, hessian: bool) -> Sums {
    let mut total = Sums {
        objective: 0.0,
        gradient: vec![0.0; width],
        hessian: vec![0.0; if hessian { width * width } else { 0 }],
    };
    for part in parts {
        total.objective += part.objective;
        add(&mut total.gradient, &part.gradient);
        add(&mut total.hessian, &part.hessian);
    }
    total
}

/// One task of several profiles under the softmax of their scores.
#[derive(Debug)]
pub struct Choice<'a> {
    reader: Reader<'a>,
    answers: Answers<'a>,
    columns: Vec<usize>,
    profiles: Vec<Vec<(usize, f64)>>,
    shares: Vec<f64>,
    chosen: Vec<f64>,
}

impl<'a> Choice<'a> {
    /// Over answers.
    #[must_use]
    pub fn new(answers: Answers<'a>, columns: &'a Columns) -> Self {
        Self {
            reader: Reader::new(answers, columns),
            answers,
            columns: Vec::new(),
            profiles: Vec::new(),
            shares: Vec::new(),
            chosen: Vec::new(),
        }
    }

    /// Reads a task at a point; returns its −log-likelihood.
    pub fn read(&mut self, task: usize, point: &[f64]) -> f64 {
        let rows = self.answers.rows(task);
        self.profiles.resize(rows.len(), Vec::new());
        self.shares.clear();
        self.chosen.clear();
        for (row, entries) in rows.zip(&mut self.profiles) {
            self.reader.profile(row, &mut self.columns);
            entries.clear();
            entries.extend(self.columns.iter().map(|&column| (column, 1.0)));
            self.shares.push(predictor(entries, point));
            self.chosen.push(self.answers.outcome(row));
        }
        let most = self.shares.iter().copied().fold(f64::MIN, f64::max);
        let below: f64 = self
            .shares
            .iter()
            .zip(&self.chosen)
            .map(|(score, chosen)| chosen * (most - score))
            .sum();
        self.shares
            .iter_mut()
            .for_each(|score| *score = (*score - most).exp());
        let sum: f64 = self.shares.iter().sum();
        self.shares.iter_mut().for_each(|share| *share /= sum);
        below + sum.ln()
    }

    /// Adds the gradient of the task times a number.
    pub fn score(&self, factor: f64, gradient: &mut [f64]) {
        let shares = self.shares.iter().zip(&self.chosen);
        for (profile, (share, chosen)) in self.profiles.iter().zip(shares) {
            scatter(profile, factor * (share - chosen), gradient);
        }
    }

    /// Entries and chance of each profile.
    pub fn profiles(&self) -> impl Iterator<Item = (&[(usize, f64)], f64)> {
        let entries = self.profiles.iter().map(Vec::as_slice);
        entries.zip(self.shares.iter().copied())
    }

    /// Entries and share of the choices of each profile.
    pub fn chosen(&self) -> impl Iterator<Item = (&[(usize, f64)], f64)> {
        let entries = self.profiles.iter().map(Vec::as_slice);
        entries.zip(self.chosen.iter().copied())
    }
}

/// A point with zeros for the columns beyond the last.
#[must_use]
pub fn padded(point: &[f64]) -> Vec<f64> {
    let mut padded = point.to_vec();
    padded.resize(stride(point.len()), 0.0);
    padded
}

/// Sum of the weights, and how many are positive.
#[must_use]
pub fn weighed(answers: Answers<'_>) -> (f64, usize) {
    match answers.weights {
        Some(weights) => (
            weights.iter().sum(),
            weights.iter().filter(|&&weight| weight > 0.0).count(),
        ),
        None => (float(answers.tasks()), answers.tasks()),
    }
}
