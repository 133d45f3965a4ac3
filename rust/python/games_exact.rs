//! Bindings of `games::exact`.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::PyReadonlyArray1;
use pyo3::{PyResult, Python, pyfunction};

use super::games::{GamesArgument, SolutionArrays, ZeroSumArrays, columns, zero_sum_columns};
use crate::Error;
use crate::games::{self, Selection};

fn selection(word: &str) -> PyResult<Selection> {
    match word {
        "max_entropy" => Ok(Selection::MaxEntropy),
        "center" => Ok(Selection::Center),
        "vertex" => Ok(Selection::Vertex),
        _ => Err(Error::domain("selection", "max_entropy, center or vertex", word).into()),
    }
}

/// The equilibrium of each symmetric game.
#[pyfunction]
pub fn solve_nash<'py>(
    py: Python<'py>,
    payoff: GamesArgument<'py>,
    selection: &str,
    tol: f64,
) -> PyResult<SolutionArrays<'py>> {
    let (games, selection) = (payoff.borrow()?, self::selection(selection)?);
    let solutions = py.detach(|| games::solve_nash(&games, selection, tol));
    Ok(columns(py, solutions))
}

/// The strategies of both players of each game [m, n].
#[pyfunction]
pub fn solve_zero_sum<'py>(
    py: Python<'py>,
    values: PyReadonlyArray1<'py, f64>,
    m: usize,
    n: usize,
    selection: &str,
    tol: f64,
) -> PyResult<ZeroSumArrays<'py>> {
    let (values, selection) = (values.as_slice()?, self::selection(selection)?);
    let solutions = py.detach(|| games::solve_zero_sum(values, (m, n), selection, tol))?;
    Ok(zero_sum_columns(py, &solutions))
}
