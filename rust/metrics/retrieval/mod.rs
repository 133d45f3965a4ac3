//! Metrics of ranked lists: scores order the rows of a group, labels say what each is worth.
//!
//! The highest score comes first, equal ones in the order of the input. Labels are >= 0. Every function gives one
//! number per group, NaN for a group without rows, and takes O(n log n) time at most; where few rows count, or only the
//! first k places, or the rows come in order, O(n).

#![allow(clippy::inline_always)] // what is not inlined into the dispatched closure would not be vectorized

mod binary;
mod graded;
mod hits;
mod ideal;

pub use binary::{
    Denominator, average_precision, precision_at_k, r_precision, rank_biased_precision,
    recall_at_k, reciprocal_rank,
};
pub use graded::{Discounting, Ties, dcg, expected_reciprocal_rank, ndcg};

use std::ops::Range;

use hits::Scratch;

use crate::check::{self, NanPolicy};
use crate::column::{Column, Lists};
use crate::error::{Error, Result};
use crate::ragged;

/// Ranked lists with their labels, in groups.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// What orders the rows, largest first; infinities are numbers like any other.
    pub scores: Column<'a>,
    /// What each row is worth, >= 0.
    pub labels: Column<'a>,
    /// Boundaries of the groups.
    pub offsets: &'a [i64],
    /// What to do with NaN in either column.
    pub nan: NanPolicy,
}

/// Labels that a metric takes.
#[derive(Clone, Copy)]
struct Allowed<'a> {
    most: f64,
    expected: &'a str,
}

const NONNEGATIVE: Allowed<'static> = Allowed {
    most: f64::INFINITY,
    expected: ">= 0",
};

impl Judged<'_> {
    /// `value` of every group that has rows; NaN for the others.
    ///
    /// Values are checked group by group while they are near, and NaN left out only once one has been met.
    fn map(
        &self,
        allowed: Allowed<'_>,
        value: impl Fn(&mut Scratch) -> f64 + Sync + Send,
    ) -> Result<Vec<f64>> {
        let (scores, labels) = (self.scores, self.labels);
        check::same_length("labels", labels.len(), "scores", scores.len())?;
        let bounds = ragged::bounds(self.offsets, scores.len())?;
        let cost = |n: usize| 8 * n;
        let value = |list: &mut Scratch, rows: Range<usize>| {
            if rows.is_empty() {
                f64::NAN
            } else {
                value(list)
            }
        };
        let straight = ragged::map(&bounds, cost, |list: &mut Scratch, rows| {
            list.load(scores, labels, rows.clone());
            if list.allows(allowed.most) && !scores.has_nan(rows.clone()) {
                Ok(value(list, rows))
            } else {
                Err(Error::domain("labels", allowed.expected, "another"))
            }
        });
        if straight.is_ok() {
            return straight;
        }
        check_labels(labels, allowed)?;
        let named = [("scores", scores), ("labels", labels)];
        let lists = Lists::new(named, self.offsets, self.nan)?;
        let [scores, labels] = lists.columns();
        lists.map(cost, |list: &mut Scratch, rows| {
            list.load(scores, labels, rows.clone());
            Ok(value(list, rows))
        })
    }

    /// Rows of the longest group.
    fn longest(&self) -> usize {
        let ends = self.offsets.get(1..).unwrap_or_default();
        let lengths = self
            .offsets
            .iter()
            .zip(ends)
            .map(|(start, end)| end - start);
        lengths
            .max()
            .and_then(|length| usize::try_from(length).ok())
            .unwrap_or(0)
            .min(self.scores.len())
    }
}

/// No label but NaN is outside the range.
fn check_labels(labels: Column<'_>, allowed: Allowed<'_>) -> Result<()> {
    let mut values = Vec::new();
    labels.values(0..labels.len(), &mut values);
    let wrong = |label: f64| label < 0.0 || label > allowed.most;
    match values.iter().enumerate().find(|(_, label)| wrong(**label)) {
        None => Ok(()),
        Some((row, label)) => Err(Error::domain_at("labels", [row], allowed.expected, label)),
    }
}

/// k is at least 1.
fn check_k(k: Option<usize>) -> Result<()> {
    match k {
        Some(0) => Err(Error::domain("k", ">= 1", 0)),
        _ => Ok(()),
    }
}

/// A threshold above 0, which rows of label 0 do not reach.
fn check_threshold(threshold: f64) -> Result<()> {
    if threshold > 0.0 && threshold < f64::INFINITY {
        return Ok(());
    }
    Err(Error::domain("threshold", "finite and > 0", threshold))
}
