//! Bindings of the regret family, of best responses and of duality gaps.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::{Bound, PyResult, Python, pyfunction};

use super::games::{GamesArgument, Payoffs, SolutionArrays, columns};
use crate::games::{self, Limits, Matrices, Policies, Rule};
use crate::ragged;

type Floats<'py> = PyReadonlyArray1<'py, f64>;
type Values<'py> = Bound<'py, PyArray1<f64>>;
/// Log-policies, log-references of those who reply, beta.
type PoliciesArgument<'py> = (Floats<'py>, Floats<'py>, f64);

fn policies<'a>(argument: &'a PoliciesArgument<'_>) -> PyResult<Policies<'a>> {
    let (logs, log_ref, beta) = argument;
    Ok(Policies {
        logs: logs.as_slice()?,
        log_ref: log_ref.as_slice()?,
        beta: *beta,
    })
}

/// `rule`: plain, plus or predictive. `limits` = tol, `max_iter`, `record_at`.
#[pyfunction]
pub fn regret_matching<'py>(
    py: Python<'py>,
    games: GamesArgument<'py>,
    rule: &str,
    average: bool,
    limits: (Option<f64>, usize, Vec<usize>),
) -> PyResult<SolutionArrays<'py>> {
    let rule = match rule {
        "plain" => Rule::Plain,
        "plus" => Rule::Plus,
        _ => Rule::Predictive,
    };
    let (tol, max_iter, record_at) = limits;
    let limits = Limits {
        tol,
        max_iter,
        record_at: &record_at,
    };
    let games = games.borrow()?;
    let solution = py.detach(|| games::regret_matching(&games.get(0), rule, average, limits));
    Ok(columns(py, vec![solution]))
}

/// `limits` = tol, `max_iter`, `record_at`.
#[pyfunction]
pub fn fictitious_play<'py>(
    py: Python<'py>,
    games: GamesArgument<'py>,
    limits: (Option<f64>, usize, Vec<usize>),
) -> PyResult<SolutionArrays<'py>> {
    let (tol, max_iter, record_at) = limits;
    let limits = Limits {
        tol,
        max_iter,
        record_at: &record_at,
    };
    let games = games.borrow()?;
    let solution = py.detach(|| games::fictitious_play(&games.get(0), limits));
    Ok(columns(py, vec![solution]))
}

/// `bounds`: boundaries of the policies, of one game or one for each.
#[pyfunction]
pub fn best_responses<'py>(
    py: Python<'py>,
    games: GamesArgument<'py>,
    bounds: PyReadonlyArray1<'py, i64>,
    policies_argument: PoliciesArgument<'py>,
) -> PyResult<Values<'py>> {
    let (games, policies) = (games.borrow()?, policies(&policies_argument)?);
    let bounds = ragged::bounds(bounds.as_slice()?, policies.logs.len())?;
    let replies = py.detach(|| games::best_responses(&games, &bounds, policies))?;
    Ok(replies.into_pyarray(py))
}

/// `shape` = rows, columns.
#[pyfunction]
pub fn row_responses<'py>(
    py: Python<'py>,
    payoff: Payoffs<'py>,
    shape: (usize, usize),
    policies_argument: PoliciesArgument<'py>,
) -> PyResult<Values<'py>> {
    let matrices = Matrices {
        values: payoff.borrow()?,
        rows: shape.0,
        columns: shape.1,
    };
    let policies = policies(&policies_argument)?;
    let replies = py.detach(|| games::row_responses(matrices, policies))?;
    Ok(replies.into_pyarray(py))
}

/// `bounds` as in `best_responses`.
#[pyfunction]
pub fn duality_gaps<'py>(
    py: Python<'py>,
    games: GamesArgument<'py>,
    bounds: PyReadonlyArray1<'py, i64>,
    policies_argument: PoliciesArgument<'py>,
) -> PyResult<Values<'py>> {
    let (games, policies) = (games.borrow()?, policies(&policies_argument)?);
    let bounds = ragged::bounds(bounds.as_slice()?, policies.logs.len())?;
    let gaps = py.detach(|| games::duality_gaps(&games, &bounds, policies))?;
    Ok(gaps.into_pyarray(py))
}

/// `shape` = rows, columns.
#[pyfunction]
pub fn pair_gaps<'py>(
    py: Python<'py>,
    payoff: Payoffs<'py>,
    shape: (usize, usize),
    row: PoliciesArgument<'py>,
    column: PoliciesArgument<'py>,
) -> PyResult<Values<'py>> {
    let matrices = Matrices {
        values: payoff.borrow()?,
        rows: shape.0,
        columns: shape.1,
    };
    let (row, column) = (policies(&row)?, policies(&column)?);
    let gaps = py.detach(|| games::pair_gaps(matrices, row, column))?;
    Ok(gaps.into_pyarray(py))
}
