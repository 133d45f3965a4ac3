//! Bindings of the conditional logit.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::{Bound, FromPyObject, PyResult, Python, pyfunction};

use crate::conjoint::{self, Choices};

type Ints<'py> = PyReadonlyArray1<'py, i64>;
type Floats<'py> = PyReadonlyArray1<'py, f64>;
type Values<'py> = Bound<'py, PyArray1<f64>>;

/// (features, offsets, chosen, weights or None, ridge).
#[derive(FromPyObject)]
pub struct ChoicesArgument<'py>(
    PyReadonlyArray2<'py, f64>,
    Ints<'py>,
    Ints<'py>,
    Option<Floats<'py>>,
    Floats<'py>,
);

impl ChoicesArgument<'_> {
    fn borrow(&self) -> PyResult<Choices<'_>> {
        let Self(features, offsets, chosen, weights, ridge) = self;
        Ok(Choices {
            features: features.as_slice()?,
            columns: features.shape().last().copied().unwrap_or_default(),
            offsets: offsets.as_slice()?,
            chosen: chosen.as_slice()?,
            weights: weights.as_ref().map(|w| w.as_slice()).transpose()?,
            ridge: ridge.as_slice()?,
        })
    }
}

/// coef, inverse Hessian (flat), loglik, converged, iterations, residual, status, endless, dependent.
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

/// `limits` = tol, `max_iter`.
#[pyfunction]
pub fn fit_choices<'py>(
    py: Python<'py>,
    choices: ChoicesArgument<'py>,
    init: Option<Floats<'py>>,
    limits: (f64, usize),
) -> PyResult<Fit<'py>> {
    let choices = choices.borrow()?;
    let init = init.as_ref().map(|init| init.as_slice()).transpose()?;
    let end = py.detach(|| conjoint::fit_choices(choices, init, limits.0, limits.1))?;
    Ok((
        end.coef.into_pyarray(py),
        end.inverse.into_pyarray(py),
        end.loglik,
        end.status.succeeded(),
        end.iterations,
        end.residual,
        end.status.word(),
        end.endless.into_pyarray(py),
        end.dependent,
    ))
}

/// [F, F] sum over clusters of score score', flat.
#[pyfunction]
pub fn choice_score_products<'py>(
    py: Python<'py>,
    choices: ChoicesArgument<'py>,
    coef: Floats<'py>,
    sets: Ints<'py>,
    bounds: Ints<'py>,
) -> PyResult<Values<'py>> {
    let (choices, coef) = (choices.borrow()?, coef.as_slice()?);
    let (sets, bounds) = (sets.as_slice()?, bounds.as_slice()?);
    let products = py.detach(|| conjoint::score_products(choices, coef, sets, bounds))?;
    Ok(products.into_pyarray(py))
}

/// Softmax within sets.
#[pyfunction]
pub fn choice_probabilities<'py>(
    py: Python<'py>,
    utility: Floats<'py>,
    offsets: Ints<'py>,
) -> PyResult<Values<'py>> {
    let (utility, offsets) = (utility.as_slice()?, offsets.as_slice()?);
    let probs = py.detach(|| conjoint::choice_probabilities(utility, offsets))?;
    Ok(probs.into_pyarray(py))
}
