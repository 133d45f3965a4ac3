//! Some tasks at a time: their rows of the design matrix, and the losses of all at once, in vectors.

use pulp::Arch;

use super::answers::{Answers, Link};
use super::pass::Model;
use crate::conjoint::gram::{Gram, LANES, TILE};
use crate::elementary::dispatch;

/// At most TILE tasks of one or two profiles.
#[derive(Debug)]
pub struct Tile {
    stride: usize,
    tasks: Vec<usize>,
    /// [TILE, stride]
    rows: Vec<f64>,
    weights: [f64; TILE],
    outcomes: [f64; TILE],
    /// Weighted losses.
    values: [f64; TILE],
    /// Of the weighted losses by the linear predictors, which stand here before.
    slopes: [f64; TILE],
    /// Of the weighted second derivatives.
    roots: [f64; TILE],
}

impl Tile {
    /// Of no tasks, with rows of so many numbers.
    #[must_use]
    pub fn new(stride: usize) -> Self {
        let none = [0.0; TILE];
        Self {
            stride,
            tasks: Vec::with_capacity(TILE),
            rows: vec![0.0; stride * TILE],
            weights: none,
            outcomes: none,
            values: none,
            slopes: none,
            roots: none,
        }
    }

    /// Takes other tasks; returns the sum of their losses at a point, padded.
    pub fn read(
        &mut self,
        model: &Model<'_>,
        tasks: impl Iterator<Item = usize>,
        point: &[f64],
    ) -> f64 {
        self.choose(model.answers, tasks);
        dispatch(
            Arch::new(),
            #[inline(always)]
            || {
                let rows = self.rows.chunks_exact_mut(self.stride);
                let places = rows.zip(&mut self.slopes).zip(&self.tasks);
                for ((row, eta), &task) in places {
                    model.design.write(task, row);
                    *eta = dot(row, point);
                }
                self.lose(model.link);
            },
        );
        self.values.iter().take(self.tasks.len()).sum()
    }

    fn choose(&mut self, answers: Answers<'_>, tasks: impl Iterator<Item = usize>) {
        self.tasks.clear();
        self.tasks.extend(tasks);
        let given = self.weights.iter_mut().zip(&mut self.outcomes);
        for ((weight, outcome), &task) in given.zip(&self.tasks) {
            *weight = answers.weight(task);
            *outcome = answers.outcome(answers.rows(task).start);
        }
    }

    #[allow(clippy::inline_always)] // part of the dispatched closure
    #[inline(always)]
    fn lose(&mut self, link: Link) {
        let given = self.weights.iter().zip(&self.outcomes);
        let found = self.values.iter_mut().zip(&mut self.roots);
        for (((value, root), slope), (weight, outcome)) in found.zip(&mut self.slopes).zip(given) {
            let loss = link.loss(*slope, *outcome);
            *value = weight * loss.value;
            *slope = weight * loss.slope;
            *root = (weight * loss.curve).sqrt();
        }
    }

    /// Row and slope of each task.
    pub fn scores(&self) -> impl Iterator<Item = (&[f64], f64)> {
        let rows = self.rows.chunks_exact(self.stride).take(self.tasks.len());
        rows.zip(self.slopes.iter().copied())
    }

    /// Adds the gradients of the tasks and, where asked for, their Hessians; the rows are used up.
    pub fn add(&mut self, gradient: &mut [f64], hessian: Option<&mut Gram>) {
        dispatch(
            Arch::new(),
            #[inline(always)]
            || {
                let rows = self.rows.chunks_exact_mut(self.stride);
                let factors = self.slopes.iter().zip(&self.roots).take(self.tasks.len());
                for (row, (slope, root)) in rows.zip(factors) {
                    for (total, x) in gradient.iter_mut().zip(row) {
                        *total = slope.mul_add(*x, *total);
                        *x *= root;
                    }
                }
            },
        );
        if let Some(gram) = hessian {
            gram.take(&self.rows, self.tasks.len());
        }
    }
}

/// In eight sums at a time.
#[allow(clippy::inline_always)] // part of the dispatched closure
#[inline(always)]
fn dot(row: &[f64], point: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    for (row, point) in row.chunks_exact(LANES).zip(point.chunks_exact(LANES)) {
        for ((lane, x), b) in lanes.iter_mut().zip(row).zip(point) {
            *lane = x.mul_add(*b, *lane);
        }
    }
    let [s0, s1, s2, s3, s4, s5, s6, s7] = lanes;
    ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
}
