//! Bindings of the regressions of `metrics`.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::{Bound, PyResult, Python, pyfunction};

use crate::logit::{self, Problem};
use crate::metrics::{self, Posterior};

type Floats<'py> = PyReadonlyArray1<'py, f64>;
type Values<'py> = Bound<'py, PyArray1<f64>>;

/// coef, intercept, `std_error`, objective, converged, iterations, residual, status.
type Fit<'py> = (
    Values<'py>,
    f64,
    Values<'py>,
    f64,
    bool,
    usize,
    f64,
    &'static str,
);

/// `options` = ridge, intercept, tol, `max_iter`.
#[pyfunction]
pub fn fit_logit<'py>(
    py: Python<'py>,
    features: PyReadonlyArray2<'py, f64>,
    labels: Floats<'py>,
    weights: Option<Floats<'py>>,
    options: (f64, bool, f64, usize),
) -> PyResult<Fit<'py>> {
    let (ridge, intercept, tol, max_iter) = options;
    let weights = weights
        .as_ref()
        .map(|weights| weights.as_slice())
        .transpose()?;
    let columns = features.shape().last().copied().unwrap_or_default();
    let (features, labels) = (features.as_slice()?, labels.as_slice()?);
    let problem = Problem {
        features,
        columns,
        labels,
        weights,
        ridge,
        intercept,
    };
    let fit = py.detach(|| logit::fit(problem, tol, max_iter))?;
    Ok((
        fit.coef.into_pyarray(py),
        fit.intercept,
        fit.std_error.into_pyarray(py),
        fit.objective,
        fit.status.succeeded(),
        fit.iterations,
        fit.residual,
        fit.status.word(),
    ))
}

/// Mean and standard deviation of each coefficient.
#[pyfunction]
pub fn laplace_logistic_moments<'py>(
    py: Python<'py>,
    features: PyReadonlyArray2<'py, f64>,
    labels: Floats<'py>,
    scale: f64,
) -> PyResult<(Values<'py>, Values<'py>)> {
    let columns = features.shape().last().copied().unwrap_or_default();
    let (features, labels) = (features.as_slice()?, labels.as_slice()?);
    let posterior = Posterior::new(features, columns, labels, scale)?;
    let (mean, std) = py.detach(|| metrics::posterior_moments(&posterior));
    Ok((mean.into_pyarray(py), std.into_pyarray(py)))
}

/// Draws, flat [`n_chains`, `n_draws`, F]. `lengths` = `n_chains`, `n_warmup`, `n_draws`.
#[pyfunction]
pub fn laplace_logistic_draws<'py>(
    py: Python<'py>,
    features: PyReadonlyArray2<'py, f64>,
    labels: Floats<'py>,
    scale: f64,
    seed: u64,
    lengths: (usize, usize, usize),
) -> PyResult<Values<'py>> {
    let columns = features.shape().last().copied().unwrap_or_default();
    let (features, labels) = (features.as_slice()?, labels.as_slice()?);
    let posterior = Posterior::new(features, columns, labels, scale)?;
    let draws = py.detach(|| metrics::posterior_draws(&posterior, seed, lengths));
    Ok(draws.into_pyarray(py))
}
