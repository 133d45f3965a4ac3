//! Binding of the models of the outcome of a conjoint survey.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::{Bound, FromPyObject, PyResult, Python, pyfunction};

use super::conjoint::CodesArgument;
use crate::Error;
use crate::conjoint::outcome::{self, Answers, Clusters, Fit, Form, Method, Options};
use crate::newton::Failure;

type Floats<'py> = PyReadonlyArray1<'py, f64>;
type Values<'py> = Bound<'py, PyArray1<f64>>;

/// (`codes`, `outcomes`, `offsets`, `weights` or None).
#[derive(FromPyObject)]
pub struct AnswersArgument<'py>(
    CodesArgument<'py>,
    Floats<'py>,
    PyReadonlyArray1<'py, i64>,
    Option<Floats<'py>>,
);

/// (`n_levels`, `interacting`, `intercept`, `adjusted`).
type Terms = (Vec<usize>, Vec<(usize, usize)>, bool, bool);

/// coef, inverse, meat, (loss, `loss_null`, weight), (tasks, clusters), (paired, intercept), (converged, iterations,
/// residual, status).
type Found<'py> = (
    Values<'py>,
    Values<'py>,
    Values<'py>,
    (f64, f64, f64),
    (usize, usize),
    (bool, bool),
    (bool, usize, f64, &'static str),
);

/// The fit or None, the direction in which it would go for ever, the coefficients that depend on others.
///
/// `clusters` = numbers of the tasks' clusters and how many there are; None: each task alone.
#[pyfunction]
#[allow(clippy::too_many_arguments, clippy::type_complexity)] // one argument for each of Python
pub fn fit_outcome<'py>(
    py: Python<'py>,
    method: &str,
    answers: AnswersArgument<'py>,
    clusters: Option<(PyReadonlyArray1<'py, i64>, usize)>,
    terms: Terms,
    penalty: Option<PyReadonlyArray2<'py, f64>>,
    init: Option<Floats<'py>>,
    limits: (f64, usize),
) -> PyResult<(Option<Found<'py>>, Vec<f64>, Vec<usize>)> {
    let AnswersArgument(codes, outcomes, offsets, weights) = &answers;
    let answers = Answers {
        codes: codes.borrow()?,
        outcomes: outcomes.as_slice()?,
        offsets: offsets.as_slice()?,
        weights: weights.as_ref().map(|w| w.as_slice()).transpose()?,
    };
    let (n_levels, interacting, intercept, adjusted) = &terms;
    let options = Options {
        n_levels,
        interacting,
        intercept: *intercept,
        method: named(method)?,
        adjusted: *adjusted,
        penalty: match &penalty {
            Some(penalty) => penalty.as_slice()?,
            None => &[],
        },
        init: init.as_ref().map(|init| init.as_slice()).transpose()?,
        tol: limits.0,
        max_iter: limits.1,
    };
    let numbers = match &clusters {
        Some((numbers, count)) => Some((numbers.as_slice()?, *count)),
        None => None,
    };
    let fit = py.detach(|| {
        let clusters = match numbers {
            Some((numbers, count)) => Clusters::new(numbers, count)?,
            None => Clusters::single(answers.tasks()),
        };
        outcome::fit_outcome(answers, &clusters, options)
    })?;
    Ok(match fit {
        Ok(fit) => (Some(found(py, fit)), Vec::new(), Vec::new()),
        Err(Failure::Separated(direction)) => (None, direction, Vec::new()),
        Err(Failure::Dependent(columns)) => (None, Vec::new(), columns),
    })
}

fn named(method: &str) -> PyResult<Method> {
    Ok(match method {
        "logit" => Method::Logit,
        "firth" => Method::Firth,
        "linear" => Method::Linear,
        _ => return Err(Error::domain("method", "logit, firth or linear", method).into()),
    })
}

fn found(py: Python<'_>, fit: Fit) -> Found<'_> {
    (
        fit.coef.into_pyarray(py),
        fit.inverse.into_pyarray(py),
        fit.meat.into_pyarray(py),
        (fit.loss, fit.loss_null, fit.weight),
        (fit.tasks, fit.clusters),
        (fit.form != Form::Single, fit.intercept),
        (
            fit.status.succeeded(),
            fit.iterations,
            fit.residual,
            fit.status.word(),
        ),
    )
}
