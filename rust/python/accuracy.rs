//! Bindings of the accuracies of `metrics`.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::{Bound, PyResult, Python, pyfunction};

use super::arrays::Numbers;
use crate::check::NanPolicy;
use crate::metrics::{self, Outcomes};

type Ints<'py> = PyReadonlyArray1<'py, i64>;
type Weights<'py> = Option<PyReadonlyArray1<'py, f64>>;
type Values<'py> = Bound<'py, PyArray1<f64>>;

pub fn slice<'a>(weights: &'a Weights<'_>) -> PyResult<Option<&'a [f64]>> {
    Ok(weights
        .as_ref()
        .map(|weights| weights.as_slice())
        .transpose()?)
}

/// Columns wins, ties, losses.
#[pyfunction]
pub fn outcome_counts<'py>(
    py: Python<'py>,
    chosen: Numbers<'py>,
    rejected: Numbers<'py>,
    offsets: Ints<'py>,
    nan: NanPolicy,
) -> PyResult<[Bound<'py, PyArray1<i64>>; 3]> {
    let (chosen, rejected, offsets) = (chosen.borrow()?, rejected.borrow()?, offsets.as_slice()?);
    let counts = py.detach(|| metrics::outcome_counts(chosen, rejected, offsets, nan))?;
    let column = |field: fn(&Outcomes) -> i64| PyArray1::from_iter(py, counts.iter().map(field));
    Ok([
        column(|list| list.wins),
        column(|list| list.ties),
        column(|list| list.losses),
    ])
}

#[pyfunction]
pub fn pairwise_accuracy<'py>(
    py: Python<'py>,
    chosen: Numbers<'py>,
    rejected: Numbers<'py>,
    offsets: Ints<'py>,
    ties: Option<f64>,
    weights: Weights<'py>,
    nan: NanPolicy,
) -> PyResult<Values<'py>> {
    let (chosen, rejected, offsets) = (chosen.borrow()?, rejected.borrow()?, offsets.as_slice()?);
    let weights = slice(&weights)?;
    let shares =
        py.detach(|| metrics::pairwise_accuracy(chosen, rejected, offsets, ties, weights, nan))?;
    Ok(shares.into_pyarray(py))
}

/// `rule`: eps, tie band.
#[pyfunction]
pub fn pairwise_accuracy_with_ties<'py>(
    py: Python<'py>,
    margins: Numbers<'py>,
    labels: Numbers<'py>,
    offsets: Ints<'py>,
    rule: (f64, String),
    weights: Weights<'py>,
    nan: NanPolicy,
) -> PyResult<Values<'py>> {
    let (margins, labels, offsets) = (margins.borrow()?, labels.borrow()?, offsets.as_slice()?);
    let (rule, weights) = ((rule.0, rule.1.parse()?), slice(&weights)?);
    let shares = py.detach(|| {
        metrics::pairwise_accuracy_with_ties(margins, labels, offsets, rule, weights, nan)
    })?;
    Ok(shares.into_pyarray(py))
}

/// Columns accuracy, eps.
#[pyfunction]
pub fn tie_calibrated_accuracy<'py>(
    py: Python<'py>,
    scores: Numbers<'py>,
    labels: Numbers<'py>,
    offsets: Ints<'py>,
    eps: Option<f64>,
    nan: NanPolicy,
) -> PyResult<[Values<'py>; 2]> {
    let (scores, labels, offsets) = (scores.borrow()?, labels.borrow()?, offsets.as_slice()?);
    let best = py.detach(|| metrics::tie_calibrated_accuracy(scores, labels, offsets, eps, nan))?;
    Ok([
        PyArray1::from_iter(py, best.iter().map(|best| best.accuracy)),
        PyArray1::from_iter(py, best.iter().map(|best| best.eps)),
    ])
}

#[pyfunction]
pub fn ranking_exact_match<'py>(
    py: Python<'py>,
    scores: Numbers<'py>,
    ranks: Numbers<'py>,
    offsets: Ints<'py>,
    nan: NanPolicy,
) -> PyResult<Values<'py>> {
    let (scores, ranks, offsets) = (scores.borrow()?, ranks.borrow()?, offsets.as_slice()?);
    let matches = py.detach(|| metrics::ranking_exact_match(scores, ranks, offsets, nan))?;
    Ok(matches.into_pyarray(py))
}

#[pyfunction]
pub fn roc_auc<'py>(
    py: Python<'py>,
    scores: Numbers<'py>,
    labels: Numbers<'py>,
    offsets: Ints<'py>,
    weights: Weights<'py>,
    nan: NanPolicy,
) -> PyResult<Values<'py>> {
    let (scores, labels, offsets) = (scores.borrow()?, labels.borrow()?, offsets.as_slice()?);
    let weights = slice(&weights)?;
    let areas = py.detach(|| metrics::roc_auc(scores, labels, offsets, weights, nan))?;
    Ok(areas.into_pyarray(py))
}
