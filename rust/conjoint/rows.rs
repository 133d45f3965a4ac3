//! Rows of a survey: profiles as codes, their outcomes and weights, and which belong together.

use std::ops::Range;

use super::{Codes, Layout};
use crate::check;
use crate::error::{Error, Result};

/// Profiles with their outcomes. The columns of the regression are indicators of all levels.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// [N, D]
    pub codes: Codes<'a>,
    /// Levels of the factors; M in all.
    pub layout: &'a Layout,
    /// [N]
    pub outcomes: &'a [f64],
    /// [N]; `None` is all ones.
    pub weights: Option<&'a [f64]>,
}

/// Rows by task, and tasks by cluster.
#[derive(Debug, Clone, Copy)]
pub struct Clusters<'a> {
    /// [T + 1] boundaries of the tasks among the rows.
    pub offsets: &'a [i64],
    /// [T] tasks in the order of the clusters; `None`: they are in it.
    pub tasks: Option<&'a [i64]>,
    /// [G + 1] boundaries of the clusters among those.
    pub bounds: &'a [i64],
}

impl Rows<'_> {
    /// Checks lengths.
    ///
    /// # Errors
    /// Codes or weights that do not go with the outcomes.
    pub(super) fn check(&self) -> Result<()> {
        let (rows, factors) = (self.outcomes.len(), self.layout.factors());
        if self.codes.len() != rows * factors {
            let expected = format!("{rows} rows of {factors} codes like outcomes");
            return Err(Error::shape("profiles", expected, self.codes.len()));
        }
        match self.weights {
            Some(weights) => check::same_length("weights", weights.len(), "outcomes", rows),
            None => Ok(()),
        }
    }

    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights
            .map_or(1.0, |weights| weights.get(row).copied().unwrap_or(0.0))
    }

    pub(super) fn outcome(&self, row: usize) -> f64 {
        self.outcomes.get(row).copied().unwrap_or(0.0)
    }

    /// Flat indices of the levels of a row.
    pub(super) fn places(&self, row: usize, places: &mut Vec<usize>) {
        places.clear();
        let range = row * self.layout.factors()..(row + 1) * self.layout.factors();
        match self.codes {
            Codes::U8(codes) => self.shift(codes.get(range), places),
            Codes::U16(codes) => self.shift(codes.get(range), places),
        }
    }

    fn shift<T: Copy + Into<usize>>(&self, codes: Option<&[T]>, places: &mut Vec<usize>) {
        let codes = codes.unwrap_or_default().iter().map(|&code| code.into());
        let starts = self.layout.starts().iter();
        places.extend(
            starts
                .zip(codes)
                .map(|(start, code): (_, usize)| start + code),
        );
    }

    /// The outcome less what the coefficients give the profile.
    pub(super) fn residual(&self, row: usize, places: &[usize], coef: &[f64]) -> f64 {
        let fitted: f64 = places.iter().map(|&place| at(coef, place)).sum();
        self.outcome(row) - fitted
    }
}

impl<'a> Clusters<'a> {
    /// Number of clusters.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bounds.len().saturating_sub(1)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rows of a cluster.
    pub fn rows(self, cluster: usize) -> impl Iterator<Item = usize> + 'a {
        between(self.bounds, cluster).flat_map(move |place| {
            let task = match self.tasks {
                Some(tasks) => tasks.get(place).map_or(usize::MAX, |&task| index(task)),
                None => place,
            };
            between(self.offsets, task)
        })
    }
}

/// `bounds[i]..bounds[i + 1]`; none beyond the last.
fn between(bounds: &[i64], i: usize) -> Range<usize> {
    match (bounds.get(i), bounds.get(i.saturating_add(1))) {
        (Some(&start), Some(&end)) => index(start)..index(end),
        _ => 0..0,
    }
}

pub fn index(value: i64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

pub fn at(values: &[f64], place: usize) -> f64 {
    values.get(place).copied().unwrap_or(0.0)
}

pub fn bump(values: &mut [f64], place: usize, by: f64) {
    if let Some(value) = values.get_mut(place) {
        *value += by;
    }
}
