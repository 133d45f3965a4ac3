//! The penalized likelihood as an objective of Newton's method.

use super::answers::{Form, predictor};
use super::pass::{Choice, Model, weighed};
use crate::conjoint::outcome::answers::Reader;
use crate::elementary::add;
use crate::newton::{Objective, Sums};

/// Change of a linear predictor that is rounding.
const NOTHING: f64 = 1e-6;
/// Change of one that a separating direction makes somewhere.
const SOMETHING: f64 = 0.01;

/// Loss of a model + half a quadratic form.
#[derive(Debug, Clone, Copy)]
pub struct Penalized<'a> {
    /// Of which the loss is.
    pub model: Model<'a>,
    /// [P, P] symmetric; empty: none.
    pub penalty: &'a [f64],
}

impl Penalized<'_> {
    /// Penalty times a vector; 0 without a penalty.
    fn pull(&self, point: &[f64]) -> Vec<f64> {
        let mut pull = vec![0.0; point.len()];
        let rows = self.penalty.chunks_exact(point.len().max(1));
        for (pull, row) in pull.iter_mut().zip(rows) {
            *pull = dot(row, point);
        }
        pull
    }

    /// Half the quadratic form at a point.
    #[must_use]
    pub fn penalty_at(&self, point: &[f64]) -> f64 {
        0.5 * dot(&self.pull(point), point)
    }

    /// Objective, gradient, and the lower triangle of the Hessian where asked for.
    #[must_use]
    pub fn at(&self, point: &[f64], hessian: bool) -> Sums {
        let mut sums = self.model.sums(point, hessian);
        self.penalize(&mut sums, point);
        sums
    }

    /// Adds the penalty at a point to the sums there.
    pub fn penalize(&self, sums: &mut Sums, point: &[f64]) {
        let pull = self.pull(point);
        sums.objective += 0.5 * dot(&pull, point);
        add(&mut sums.gradient, &pull);
        add(&mut sums.hessian, self.penalty);
    }
}

impl Objective for Penalized<'_> {
    fn sums(&self, point: &[f64]) -> Sums {
        self.at(point, true)
    }

    fn value(&self, point: &[f64]) -> f64 {
        self.at(point, false).objective
    }

    fn total_weight(&self) -> f64 {
        weighed(self.model.answers).0
    }

    fn moved(&self, step: &[f64]) -> f64 {
        2.0 * step.iter().map(|d| d.abs()).sum::<f64>()
    }

    fn separates(&self, direction: &[f64]) -> bool {
        if self.penalty_at(direction) > NOTHING * NOTHING * dot(direction, direction) {
            return false;
        }
        let gain = if self.model.form == Form::Choice {
            self.model.choice_gain(direction)
        } else {
            self.model.gain(direction)
        };
        gain.is_some_and(|gain| gain > SOMETHING)
    }
}

impl Model<'_> {
    /// Most by which a direction moves a task that it makes more likely; `None` where it makes one less likely.
    fn gain(&self, direction: &[f64]) -> Option<f64> {
        let mut reader = Reader::new(self.answers, self.columns);
        let (mut entries, mut gain) = (Vec::new(), 0.0_f64);
        for task in (0..self.answers.tasks()).filter(|&task| self.answers.weight(task) > 0.0) {
            reader.difference(task, &mut entries);
            let up = predictor(&entries, direction);
            let outcome = self.answers.outcome(self.answers.rows(task).start);
            if (outcome > 0.0 && up < -NOTHING) || (outcome < 1.0 && up > NOTHING) {
                return None;
            }
            gain = gain.max(up.abs());
        }
        Some(gain)
    }

    /// The same of choices: no profile rises above one that was chosen.
    fn choice_gain(&self, direction: &[f64]) -> Option<f64> {
        let mut choice = Choice::new(self.answers, self.columns);
        let mut gain = 0.0_f64;
        for task in (0..self.answers.tasks()).filter(|&task| self.answers.weight(task) > 0.0) {
            choice.read(task, direction);
            let up = |entries: &[(usize, f64)]| predictor(entries, direction);
            let moves = choice.chosen().map(|(profile, _)| up(profile));
            let (low, high) = moves.fold((f64::MAX, f64::MIN), |(low, high), x| {
                (low.min(x), high.max(x))
            });
            let mut chosen = choice.chosen().filter(|&(_, share)| share > 0.0);
            if chosen.any(|(profile, _)| up(profile) < high - NOTHING) {
                return None;
            }
            gain = gain.max(high - low);
        }
        Some(gain)
    }
}

/// Inner product.
#[must_use]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
