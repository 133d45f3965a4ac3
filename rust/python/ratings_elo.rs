//! Bindings of Elo and of the spectral ratings.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::{Bound, PyResult, Python, pyfunction};

use crate::ratings::{self, Centrality, CheckedRows, Comparisons, Edges, EloScale, PowerLimits};

type Ints<'py> = PyReadonlyArray1<'py, i64>;
type Floats<'py> = PyReadonlyArray1<'py, f64>;
type Values<'py> = Bound<'py, PyArray1<f64>>;
/// first, second, outcomes, weights
type RowsArgument<'py> = (Ints<'py>, Ints<'py>, Floats<'py>, Option<Floats<'py>>);
/// score, converged, iterations, residual, status
type CentralityArrays<'py> = (Values<'py>, bool, usize, f64, &'static str);

fn checked<'a>(rows: &'a RowsArgument<'_>, n_items: Option<usize>) -> PyResult<CheckedRows<'a>> {
    let (first, second, outcomes, weights) = rows;
    let weights = weights
        .as_ref()
        .map(|weights| weights.as_slice())
        .transpose()?;
    let rows = Comparisons {
        first: first.as_slice()?,
        second: second.as_slice()?,
        outcomes: outcomes.as_slice()?,
        weights,
        clusters: None,
        n_items,
    };
    Ok(ratings::checked_rows(rows)?)
}

fn scale_of((k, initial, scale, base): (f64, f64, f64, f64)) -> EloScale {
    EloScale {
        k,
        initial,
        scale,
        base,
    }
}

/// `scale` = k, initial, scale, base.
#[pyfunction]
pub fn elo<'py>(
    py: Python<'py>,
    rows: RowsArgument<'py>,
    n_items: Option<usize>,
    scale: (f64, f64, f64, f64),
) -> PyResult<Values<'py>> {
    let rows = checked(&rows, n_items)?;
    Ok(py
        .detach(|| ratings::elo(&rows, scale_of(scale)))
        .into_pyarray(py))
}

/// Mean and standard deviation over orders. `scale` as in `elo`.
#[pyfunction]
pub fn elo_permuted<'py>(
    py: Python<'py>,
    rows: RowsArgument<'py>,
    n_items: Option<usize>,
    scale: (f64, f64, f64, f64),
    n_permutations: usize,
    seed: u64,
) -> PyResult<(Values<'py>, Values<'py>)> {
    let rows = checked(&rows, n_items)?;
    let (mean, std) =
        py.detach(|| ratings::elo_permuted(&rows, scale_of(scale), n_permutations, seed));
    Ok((mean.into_pyarray(py), std.into_pyarray(py)))
}

/// `rule`: eigenvector, pagerank or rank. `cells` = first, second, wins of first, wins of second.
#[pyfunction]
pub fn centrality<'py>(
    py: Python<'py>,
    rule: &str,
    items: usize,
    cells: (Ints<'py>, Ints<'py>, Floats<'py>, Floats<'py>),
    damping: f64,
    limits: (f64, usize),
) -> PyResult<CentralityArrays<'py>> {
    let cells = Edges {
        items,
        first: cells.0.as_slice()?,
        second: cells.1.as_slice()?,
        up: cells.2.as_slice()?,
        down: cells.3.as_slice()?,
    };
    let limits = PowerLimits {
        tol: limits.0,
        max_iter: limits.1,
    };
    let Centrality {
        score,
        iterations,
        residual,
        status,
    } = py.detach(|| match rule {
        "eigenvector" => ratings::eigenvector_centrality(cells, limits),
        "pagerank" => ratings::pagerank(cells, damping, limits),
        _ => ratings::rank_centrality(cells, limits),
    });
    let score = score.into_pyarray(py);
    Ok((
        score,
        status.succeeded(),
        iterations,
        residual,
        status.word(),
    ))
}
