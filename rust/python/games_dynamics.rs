//! Binding of the first-order dynamics.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::PyReadonlyArray1;
use pyo3::{PyResult, Python, pyfunction};

use super::games::{GamesArgument, SolutionArrays, columns};
use crate::games::{self, Limits, Map, Plan};

/// `update` = its name and its option (average, played: 0 or 1; `refresh_every`); `pull` = beta, step size.
#[pyfunction]
pub fn game_dynamics<'py>(
    py: Python<'py>,
    games: GamesArgument<'py>,
    update: (String, usize),
    pull: (f64, Option<f64>),
    policies: (
        PyReadonlyArray1<'py, f64>,
        Option<PyReadonlyArray1<'py, f64>>,
    ),
    limits: (Option<f64>, usize, Vec<usize>),
) -> PyResult<SolutionArrays<'py>> {
    let (name, option) = update;
    let map = match name.as_str() {
        "mirror" => Map::Mirror {
            average: option > 0,
        },
        "extragradient" => Map::Extragradient,
        "optimistic" => Map::Optimistic { played: option > 0 },
        "magnetic" => Map::Magnetic,
        "nash_md" => Map::NashMd,
        _ => Map::Mpo { refresh: option },
    };
    let (tol, max_iter, record_at) = limits;
    let plan = Plan {
        map,
        beta: pull.0,
        step: pull.1,
        limits: Limits {
            tol,
            max_iter,
            record_at: &record_at,
        },
    };
    let games = games.borrow()?;
    let log_ref = policies.0.as_slice()?;
    let start = policies.1.as_ref().map(|s| s.as_slice()).transpose()?;
    let solutions = py.detach(|| games::dynamics(&games, &plan, log_ref, start))?;
    Ok(columns(py, solutions))
}
