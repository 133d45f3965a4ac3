//! Bindings of `metrics`: win rates, sampling, agreement, distributions.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::{Bound, PyResult, Python, pyfunction};

use super::arrays::Numbers;
use crate::check::NanPolicy;
use crate::metrics::{self, Resampling};
use crate::special;

type Floats<'py> = PyReadonlyArray1<'py, f64>;
type Ints<'py> = PyReadonlyArray1<'py, i64>;
type Values<'py> = PyResult<Bound<'py, PyArray1<f64>>>;

#[pyfunction]
pub fn normal_quantile(p: f64) -> f64 {
    special::normal_quantile(p)
}

/// `ties` is the credit; None drops them.
#[pyfunction]
pub fn win_rate<'py>(
    py: Python<'py>,
    outcomes: Numbers<'py>,
    weights: Option<Floats<'py>>,
    offsets: Ints<'py>,
    ties: Option<f64>,
    nan: NanPolicy,
) -> Values<'py> {
    let (outcomes, offsets) = (outcomes.borrow()?, offsets.as_slice()?);
    let weights = weights.as_ref().map(PyReadonlyArray1::as_slice);
    let weights = weights.transpose()?;
    let rates = py.detach(|| metrics::win_rate(outcomes, weights, offsets, ties, nan))?;
    Ok(rates.into_pyarray(py))
}

#[pyfunction]
pub fn clopper_pearson_interval<'py>(
    py: Python<'py>,
    wins: Floats<'py>,
    n: Floats<'py>,
    confidence_level: f64,
) -> PyResult<[Bound<'py, PyArray1<f64>>; 2]> {
    let (wins, n) = (wins.as_slice()?, n.as_slice()?);
    let ends = py.detach(|| metrics::clopper_pearson_interval(wins, n, confidence_level))?;
    Ok(ends.map(|end| end.into_pyarray(py)))
}

/// `options` = `n_resamples`, `confidence_level`; returns estimate, `resample_mean`, `std_error`, lower, upper.
#[pyfunction]
pub fn bootstrap_mean<'py>(
    py: Python<'py>,
    values: Numbers<'py>,
    clusters: Option<Ints<'py>>,
    repeats: Option<Ints<'py>>,
    seed: u64,
    options: (usize, f64),
    nan: NanPolicy,
) -> PyResult<[f64; 5]> {
    let values = values.borrow()?;
    let resampling = Resampling {
        seed,
        n_resamples: options.0,
        confidence_level: options.1,
        clusters: clusters.as_ref().map(|ids| ids.as_slice()).transpose()?,
        repeats: repeats.as_ref().map(|n| n.as_slice()).transpose()?,
    };
    let mean = py.detach(|| metrics::bootstrap_mean(values, resampling, nan))?;
    Ok([
        mean.estimate,
        mean.resample_mean,
        mean.std_error,
        mean.lower,
        mean.upper,
    ])
}

#[pyfunction]
pub fn best_of_n<'py>(
    py: Python<'py>,
    scores: Numbers<'py>,
    gold: Numbers<'py>,
    n: Ints<'py>,
    replace: bool,
    offsets: Ints<'py>,
    nan: NanPolicy,
) -> Values<'py> {
    let (scores, gold) = (scores.borrow()?, gold.borrow()?);
    let (n, offsets) = (n.as_slice()?, offsets.as_slice()?);
    let values = py.detach(|| metrics::best_of_n(scores, gold, n, replace, offsets, nan))?;
    Ok(values.into_pyarray(py))
}

#[pyfunction]
pub fn pass_at_k<'py>(
    py: Python<'py>,
    n_samples: Ints<'py>,
    n_correct: Ints<'py>,
    k: i64,
) -> Values<'py> {
    let (n_samples, n_correct) = (n_samples.as_slice()?, n_correct.as_slice()?);
    let chances = py.detach(|| metrics::pass_at_k(n_samples, n_correct, k))?;
    Ok(chances.into_pyarray(py))
}

#[pyfunction]
pub fn pass_all_k<'py>(
    py: Python<'py>,
    n_samples: Ints<'py>,
    n_correct: Ints<'py>,
    k: i64,
) -> Values<'py> {
    let (n_samples, n_correct) = (n_samples.as_slice()?, n_correct.as_slice()?);
    let chances = py.detach(|| metrics::pass_all_k(n_samples, n_correct, k))?;
    Ok(chances.into_pyarray(py))
}

#[pyfunction]
pub fn krippendorff_alpha<'py>(
    py: Python<'py>,
    ratings: Numbers<'py>,
    items: usize,
    level: &str,
    undefined: f64,
) -> PyResult<f64> {
    let (ratings, level) = (ratings.borrow()?, level.parse()?);
    Ok(py.detach(|| metrics::krippendorff_alpha(ratings, items, level, undefined))?)
}

#[pyfunction]
pub fn percent_agreement<'py>(
    py: Python<'py>,
    ratings: Numbers<'py>,
    items: usize,
) -> PyResult<f64> {
    let ratings = ratings.borrow()?;
    Ok(py.detach(|| metrics::percent_agreement(ratings, items))?)
}

#[pyfunction]
pub fn kl_divergence<'py>(
    py: Python<'py>,
    p: Floats<'py>,
    q: Floats<'py>,
    offsets: Ints<'py>,
) -> Values<'py> {
    let (p, q, offsets) = (p.as_slice()?, q.as_slice()?, offsets.as_slice()?);
    let divergences = py.detach(|| metrics::kl_divergence(p, q, offsets))?;
    Ok(divergences.into_pyarray(py))
}

#[pyfunction]
pub fn gini<'py>(
    py: Python<'py>,
    values: Numbers<'py>,
    offsets: Ints<'py>,
    nan: NanPolicy,
) -> Values<'py> {
    let (values, offsets) = (values.borrow()?, offsets.as_slice()?);
    let coefficients = py.detach(|| metrics::gini(values, offsets, nan))?;
    Ok(coefficients.into_pyarray(py))
}

#[pyfunction]
pub fn distinct_ngram_ratio<'py>(
    py: Python<'py>,
    tokens: Ints<'py>,
    n: usize,
    offsets: Ints<'py>,
) -> Values<'py> {
    let (tokens, offsets) = (tokens.as_slice()?, offsets.as_slice()?);
    let ratios = py.detach(|| metrics::distinct_ngram_ratio(tokens, n, offsets))?;
    Ok(ratios.into_pyarray(py))
}
