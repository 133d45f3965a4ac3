//! Answers task by task: what stood side by side, and how it ended.

use std::ops::Range;

use super::columns::Columns;
use crate::conjoint::Codes;
use crate::conjoint::gram::LANES;
use crate::error::{Error, Result};

/// Shares of one choice add up to 1 up to this.
const SLACK: f64 = 1e-9;

/// Outcomes of profiles in tasks.
#[derive(Debug, Clone, Copy)]
pub struct Answers<'a> {
    /// [N, D]
    pub codes: Codes<'a>,
    /// [N]
    pub outcomes: &'a [f64],
    /// [T + 1] boundaries of the tasks among the rows.
    pub offsets: &'a [i64],
    /// [T], or 1.
    pub weights: Option<&'a [f64]>,
}

/// How many profiles each task has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One: no choice, a rating.
    Single,
    /// Two.
    Pair,
    /// Two or more.
    Choice,
}

/// What the outcome of a task says about its linear predictor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Link {
    /// Likelihood of a choice.
    Logit,
    /// Squared distance from the predictor + a constant.
    Linear(f64),
}

impl Answers<'_> {
    /// Number T of tasks.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Rows of a task.
    #[must_use]
    pub fn rows(&self, task: usize) -> Range<usize> {
        let at = |place: usize| {
            let bound = self.offsets.get(place).copied().unwrap_or_default();
            usize::try_from(bound).unwrap_or_default()
        };
        at(task)..at(task + 1)
    }

    /// Weight of a task.
    #[must_use]
    pub fn weight(&self, task: usize) -> f64 {
        let of = |weights: &[f64]| weights.get(task).copied().unwrap_or_default();
        self.weights.map_or(1.0, of)
    }

    /// Outcome of a row.
    #[must_use]
    pub fn outcome(&self, row: usize) -> f64 {
        self.outcomes.get(row).copied().unwrap_or_default()
    }

    /// The number of profiles of the tasks, after a check of their outcomes. O(N)
    ///
    /// # Errors
    /// Tasks of one profile among others; outcomes that are no shares of one choice, or, of single profiles under a
    /// logit, not in [0, 1]; tasks of more than two profiles under a linear model.
    pub fn form(&self, logit: bool) -> Result<Form> {
        let (mut least, mut most) = (usize::MAX, 0);
        for task in 0..self.tasks() {
            let size = self.rows(task).len();
            (least, most) = (least.min(size), most.max(size));
            if least == 1 && most > 1 {
                let expected = "for all tasks to have one profile, or all more";
                return Err(Error::domain_at("offsets", [task], expected, size));
            }
        }
        if most > 2 && !logit {
            let expected = "boundaries of tasks of one or two profiles in a linear model";
            return Err(Error::domain(
                "offsets",
                expected,
                format!("tasks of {most}"),
            ));
        }
        (0..self.tasks()).try_for_each(|task| self.check(task, logit))?;
        Ok(match most {
            0 | 1 => Form::Single,
            2 => Form::Pair,
            _ => Form::Choice,
        })
    }

    fn check(&self, task: usize, logit: bool) -> Result<()> {
        let rows = self.rows(task);
        let bounded = logit || rows.len() > 1;
        let mut sum = 0.0;
        for row in rows.clone() {
            let outcome = self.outcome(row);
            if bounded && !(0.0..=1.0).contains(&outcome) {
                return Err(Error::domain_at("outcomes", [row], "in [0, 1]", outcome));
            }
            sum += outcome;
        }
        if rows.len() > 1 && (sum - 1.0_f64).abs() > SLACK {
            let expected = format!("shares of one choice that add up to 1 in task {task}");
            return Err(Error::domain_at("outcomes", [rows.start], expected, sum));
        }
        Ok(())
    }
}

/// Reads tasks as entries of a design matrix.
#[derive(Debug)]
pub struct Reader<'a> {
    answers: Answers<'a>,
    columns: &'a Columns,
    levels: Vec<usize>,
}

impl<'a> Reader<'a> {
    /// Over answers whose profiles have the factors of the columns.
    #[must_use]
    pub fn new(answers: Answers<'a>, columns: &'a Columns) -> Self {
        let levels = vec![0; columns.factors()];
        Self {
            answers,
            columns,
            levels,
        }
    }

    /// Entries (column, ±1) of a task of one or two profiles: left − right; a column may come twice.
    pub fn difference(&mut self, task: usize, entries: &mut Vec<(usize, f64)>) {
        entries.clear();
        if self.columns.has_intercept() {
            entries.push((0, 1.0));
        }
        for (row, sign) in self.answers.rows(task).zip([1.0, -1.0]) {
            self.answers.codes.read(row, &mut self.levels);
            self.columns
                .each(&self.levels, |column| entries.push((column, sign)));
        }
    }

    /// Writes a task of one or two profiles to a row of zeros of the design matrix, with [`LANES`] places from P on for
    /// what has no unknown.
    pub fn add(&mut self, task: usize, row: &mut [i8]) {
        if self.columns.has_intercept()
            && let Some(cell) = row.first_mut()
        {
            *cell = 1;
        }
        let mut profiles = self.answers.rows(task);
        if let Some(left) = profiles.next() {
            // A profile has no column twice: a plain store need not wait for the one before.
            self.answers.codes.read(left, &mut self.levels);
            self.columns.each(&self.levels, |column| {
                if let Some(cell) = row.get_mut(column) {
                    *cell = 1;
                }
            });
        }
        if let Some(right) = profiles.next() {
            // What has no unknown goes to one of eight places: in one each sum would wait for the one before.
            let (count, mut place) = (self.columns.count(), 0);
            self.answers.codes.read(right, &mut self.levels);
            self.columns.each(&self.levels, |column| {
                place = (place + 1) % LANES;
                if let Some(cell) = row.get_mut(column + usize::from(column == count) * place) {
                    *cell = cell.wrapping_sub(1);
                }
            });
        }
    }

    /// Columns that are 1 in the profile of a row.
    pub fn profile(&mut self, row: usize, columns: &mut Vec<usize>) {
        columns.clear();
        self.answers.codes.read(row, &mut self.levels);
        self.columns
            .each(&self.levels, |column| columns.push(column));
    }
}

/// Sum of the coefficients of entries.
#[must_use]
pub fn predictor(entries: &[(usize, f64)], point: &[f64]) -> f64 {
    entries
        .iter()
        .map(|&(column, sign)| sign * point.get(column).copied().unwrap_or_default())
        .sum()
}

/// Adds entries times a number to a vector.
pub fn scatter(entries: &[(usize, f64)], factor: f64, vector: &mut [f64]) {
    for &(column, sign) in entries {
        if let Some(value) = vector.get_mut(column) {
            *value += sign * factor;
        }
    }
}
