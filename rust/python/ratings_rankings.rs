//! Bindings of Plackett-Luce and of the bootstrap.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::{Bound, PyResult, Python, pyfunction};

use crate::ratings::{self, Rankings};
use crate::{ragged, resample};

type Floats<'py> = PyReadonlyArray1<'py, f64>;
type Values<'py> = Bound<'py, PyArray1<f64>>;
/// theta, loglik, converged, iterations, residual, status, information, squares
type Fit<'py> = (
    Values<'py>,
    f64,
    bool,
    usize,
    f64,
    &'static str,
    Values<'py>,
    Values<'py>,
);

type Data<'py> = (
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, i64>,
    Option<Floats<'py>>,
);

/// Items in `0..items`, none twice in a ranking. `data` = rankings, offsets, weights.
#[pyfunction]
pub fn check_rankings(py: Python<'_>, data: Data<'_>, items: usize) -> PyResult<()> {
    let bounds = ragged::bounds(data.1.as_slice()?, data.0.as_slice()?.len())?;
    let weights = data
        .2
        .as_ref()
        .map(|weights| weights.as_slice())
        .transpose()?;
    let rankings = Rankings {
        n_items: items,
        items: data.0.as_slice()?,
        bounds: &bounds,
        weights,
        ridge: 0.0,
    };
    Ok(py.detach(|| rankings.check())?)
}

/// `data` = rankings, offsets, weights; `options` = items, ridge, init, tol, `max_iter`.
#[pyfunction]
pub fn plackett_luce_ratings<'py>(
    py: Python<'py>,
    data: Data<'py>,
    options: (usize, f64, Option<Floats<'py>>, f64, usize),
) -> PyResult<Fit<'py>> {
    let (items, offsets, weights) = &data;
    let (n_items, ridge, init, tol, max_iter) = &options;
    let items = items.as_slice()?;
    let bounds = ragged::bounds(offsets.as_slice()?, items.len())?;
    let weights = weights
        .as_ref()
        .map(|weights| weights.as_slice())
        .transpose()?;
    let init = init.as_ref().map(|init| init.as_slice()).transpose()?;
    let rankings = Rankings {
        n_items: *n_items,
        items,
        bounds: &bounds,
        weights,
        ridge: *ridge,
    };
    let fit = py.detach(|| ratings::plackett_luce(rankings, init, *tol, *max_iter))?;
    Ok((
        fit.theta.into_pyarray(py),
        fit.loglik,
        fit.status.succeeded(),
        fit.iterations,
        fit.residual,
        fit.status.word(),
        fit.information.into_pyarray(py),
        fit.squares.into_pyarray(py),
    ))
}

/// Flat counts of samples `first`, `first + 1`, … of `draws` draws in proportion to `weights`.
#[pyfunction]
pub fn multinomial<'py>(
    py: Python<'py>,
    weights: Floats<'py>,
    draws: usize,
    seed: u64,
    samples: (u64, usize),
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let (weights, (first, count)) = (weights.as_slice()?, samples);
    let counts = py.detach(|| resample::multinomial(weights, draws, seed, first, count))?;
    Ok(counts.into_pyarray(py))
}
