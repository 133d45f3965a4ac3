//! Bindings of the equilibria with a pull to references.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::PyReadonlyArray1;
use pyo3::{PyResult, Python, pyfunction};

use super::games::{GamesArgument, SolutionArrays, ZeroSumArrays, columns, zero_sum_columns};
use crate::games::{self, KlLimits, Limits, Pulls};

type Floats<'py> = PyReadonlyArray1<'py, f64>;

/// `log_ref` and `init` are normalised, flat. `limits` = tol, `max_iter`.
#[pyfunction]
pub fn solve_nash_kl<'py>(
    py: Python<'py>,
    games: GamesArgument<'py>,
    beta: f64,
    log_ref: Floats<'py>,
    init: Option<Floats<'py>>,
    limits: (f64, usize),
) -> PyResult<SolutionArrays<'py>> {
    let (games, log_ref) = (games.borrow()?, log_ref.as_slice()?);
    let init = init.as_ref().map(|init| init.as_slice()).transpose()?;
    let limits = KlLimits {
        tol: limits.0,
        max_iter: limits.1,
    };
    let solutions = py.detach(|| games::solve_nash_kl(&games, beta, log_ref, init, limits));
    Ok(columns(py, solutions))
}

/// `payoff` = values, m, n; `beta`, `references` and `init` of the row and of the column player.
#[pyfunction]
pub fn solve_zero_sum_kl<'py>(
    py: Python<'py>,
    payoff: (Floats<'py>, usize, usize),
    beta: (f64, f64),
    references: (Floats<'py>, Floats<'py>),
    init: Option<(Floats<'py>, Floats<'py>)>,
    limits: (f64, usize),
) -> PyResult<ZeroSumArrays<'py>> {
    let (values, shape) = (payoff.0.as_slice()?, (payoff.1, payoff.2));
    let pulls = Pulls {
        beta,
        log_ref_row: references.0.as_slice()?,
        log_ref_column: references.1.as_slice()?,
    };
    let init = match &init {
        Some((row, column)) => Some((row.as_slice()?, column.as_slice()?)),
        None => None,
    };
    let limits = KlLimits {
        tol: limits.0,
        max_iter: limits.1,
    };
    let solutions = py.detach(|| games::solve_zero_sum_kl(values, shape, pulls, init, limits))?;
    Ok(zero_sum_columns(py, &solutions))
}

/// One game. `policies` = reference for the report, start; `limits` = tol, `max_iter`, `record_at`.
#[pyfunction]
pub fn proximal<'py>(
    py: Python<'py>,
    games: GamesArgument<'py>,
    beta: f64,
    policies: (Floats<'py>, Floats<'py>),
    limits: (Option<f64>, usize, Vec<usize>),
) -> PyResult<SolutionArrays<'py>> {
    let (games, log_ref, init) = (
        games.borrow()?,
        policies.0.as_slice()?,
        policies.1.as_slice()?,
    );
    let (tol, max_iter, record_at) = limits;
    let limits = Limits {
        tol,
        max_iter,
        record_at: &record_at,
    };
    let solution = py.detach(|| games::proximal(&games.get(0), beta, log_ref, init, limits));
    Ok(columns(py, vec![solution]))
}
