//! Bindings of the ratings by maximum likelihood.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::{Bound, FromPyObject, PyResult, Python, pyfunction};

use crate::Error;
use crate::ratings::{self, Duels, FitOptions, Model};

type Ints<'py> = PyReadonlyArray1<'py, i64>;
type Floats<'py> = PyReadonlyArray1<'py, f64>;
type Values<'py> = Bound<'py, PyArray1<f64>>;

/// (`n_items`, `first`, `second`, `wins`, `losses`, `ties`, `features` or None).
#[derive(FromPyObject)]
pub struct DuelsArgument<'py>(
    usize,
    Ints<'py>,
    Ints<'py>,
    Floats<'py>,
    Floats<'py>,
    Floats<'py>,
    Option<PyReadonlyArray2<'py, f64>>,
);

impl DuelsArgument<'_> {
    fn borrow(&self) -> PyResult<Duels<'_>> {
        let Self(n_items, first, second, wins, losses, ties, features) = self;
        let (features, columns): (&[f64], usize) = match features {
            Some(features) => (
                features.as_slice()?,
                features.shape().last().copied().unwrap_or_default(),
            ),
            None => (&[], 0),
        };
        Ok(Duels {
            n_items: *n_items,
            first: first.as_slice()?,
            second: second.as_slice()?,
            wins: wins.as_slice()?,
            losses: losses.as_slice()?,
            ties: ties.as_slice()?,
            features,
            columns,
        })
    }
}

fn named(model: &str) -> PyResult<Model> {
    Ok(match model {
        "bradley_terry" => Model::BradleyTerry,
        "davidson" => Model::Davidson,
        "rao_kupper" => Model::RaoKupper,
        _ => {
            let expected = "bradley_terry, davidson or rao_kupper";
            return Err(Error::domain("model", expected, model).into());
        }
    })
}

/// theta, extra, loglik, converged, iterations, residual, status, endless, dependent.
type Fit<'py> = (
    Values<'py>,
    Values<'py>,
    f64,
    bool,
    usize,
    f64,
    &'static str,
    Values<'py>,
    Vec<usize>,
);

/// `options` = ridge, `ridge_features`, tol, `max_iter`.
#[pyfunction]
pub fn fit_ratings<'py>(
    py: Python<'py>,
    model: &str,
    duels: DuelsArgument<'py>,
    init: Option<Floats<'py>>,
    options: (f64, f64, f64, usize),
) -> PyResult<Fit<'py>> {
    let (ridge, ridge_features, tol, max_iter) = options;
    let (model, duels) = (named(model)?, duels.borrow()?);
    let options = FitOptions {
        ridge,
        ridge_features,
        init: init.as_ref().map(|init| init.as_slice()).transpose()?,
        tol,
        max_iter,
    };
    let fit = py.detach(|| ratings::fit_ratings(model, &duels, options))?;
    Ok((
        fit.theta.into_pyarray(py),
        fit.extra.into_pyarray(py),
        fit.loglik,
        fit.status.succeeded(),
        fit.iterations,
        fit.residual,
        fit.status.word(),
        fit.endless.into_pyarray(py),
        fit.dependent,
    ))
}

/// slope, curve, `tie_slope`, `tie_curve`, mixed of each row at the differences; see [`ratings::Derivatives`].
#[pyfunction]
pub fn rating_derivatives<'py>(
    py: Python<'py>,
    model: &str,
    duels: DuelsArgument<'py>,
    differences: Floats<'py>,
    tie: f64,
) -> PyResult<[Values<'py>; 5]> {
    let (model, duels, d) = (named(model)?, duels.borrow()?, differences.as_slice()?);
    let found = py.detach(|| ratings::derivatives(model, &duels, d, tie));
    let ratings::Derivatives {
        slope,
        curve,
        tie_slope,
        tie_curve,
        mixed,
        ..
    } = found;
    Ok([slope, curve, tie_slope, tie_curve, mixed].map(|values| values.into_pyarray(py)))
}

/// Ratings [B, n] of each resample, and what came of it: 0 ratings, 1 apart, 2 unsettled; see [`ratings::refits`].
///
/// `cells` = `n_items`, `first`, `second`, weight in the data; `units` = cell, outcome, weight, sorted by cell.
#[pyfunction]
pub fn rating_refits<'py>(
    py: Python<'py>,
    cells: (usize, Ints<'py>, Ints<'py>, Floats<'py>),
    units: (Ints<'py>, Floats<'py>, Floats<'py>),
    counts: Ints<'py>,
    init: Floats<'py>,
    options: (f64, usize),
) -> PyResult<(Values<'py>, Vec<u8>)> {
    let drawn = ratings::Drawn {
        n_items: cells.0,
        first: cells.1.as_slice()?,
        second: cells.2.as_slice()?,
        games: cells.3.as_slice()?,
        cell: units.0.as_slice()?,
        outcome: units.1.as_slice()?,
        weight: units.2.as_slice()?,
    };
    let options = FitOptions {
        ridge: 0.0,
        ridge_features: 0.0,
        init: Some(init.as_slice()?),
        tol: options.0,
        max_iter: options.1,
    };
    let counts = counts.as_slice()?;
    let found = py.detach(|| ratings::refits(drawn, counts, options))?;
    let mut samples = Vec::with_capacity(found.len() * cells.0);
    let mut ends = Vec::with_capacity(found.len());
    for refit in found {
        let (end, theta) = match refit {
            ratings::Refit::Ratings(theta) => (0, theta),
            ratings::Refit::Apart => (1, vec![f64::NAN; cells.0]),
            ratings::Refit::Unsettled => (2, vec![f64::NAN; cells.0]),
        };
        samples.extend(theta);
        ends.push(end);
    }
    Ok((samples.into_pyarray(py), ends))
}
