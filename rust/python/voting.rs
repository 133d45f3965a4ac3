//! Bindings of the voting rules.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{IntoPyArray, PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::types::PyAnyMethods;
use pyo3::{Bound, PyResult, Python, pyfunction};

use super::games::Payoffs;
use crate::games::{self, Unranked};

type Floats<'py> = Bound<'py, PyArray1<f64>>;
type Items<'py> = Bound<'py, PyArray1<i64>>;
type Flags<'py> = Bound<'py, PyArray1<bool>>;

/// [n * n] votes; `last`: items without a place stand below the others.
#[pyfunction]
#[pyo3(signature = (rankings, offsets, weights, last, n_items))]
pub fn pairwise_votes<'py>(
    py: Python<'py>,
    rankings: PyReadonlyArray1<'py, i64>,
    offsets: PyReadonlyArray1<'py, i64>,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    last: bool,
    n_items: usize,
) -> PyResult<Floats<'py>> {
    let (rankings, offsets) = (rankings.as_slice()?, offsets.as_slice()?);
    let weights = weights
        .as_ref()
        .map(PyReadonlyArray1::as_slice)
        .transpose()?;
    let unranked = if last {
        Unranked::Last
    } else {
        Unranked::Ignore
    };
    let size = n_items.saturating_mul(n_items);
    let votes = py.import("numpy")?.call_method1("zeros", (size,))?; // raises MemoryError
    let votes = votes.cast_into::<PyArray1<f64>>()?;
    let mut room = votes.try_readwrite()?;
    let out = room.as_slice_mut()?;
    py.detach(|| games::pairwise_votes(rankings, offsets, weights, unranked, n_items, out))?;
    drop(room);
    Ok(votes)
}

/// [n * n] widths of the widest paths.
#[pyfunction]
pub fn widest_paths<'py>(
    py: Python<'py>,
    strengths: PyReadonlyArray1<'py, f64>,
    n: usize,
) -> PyResult<Floats<'py>> {
    let strengths = strengths.as_slice()?;
    Ok(py
        .detach(|| games::widest_paths(strengths, n))
        .into_pyarray(py))
}

/// Locked majorities [n * n], number of items above each [n], ambiguous.
#[pyfunction]
pub fn lock_pairs<'py>(
    py: Python<'py>,
    strengths: PyReadonlyArray1<'py, f64>,
    n: usize,
) -> PyResult<(Flags<'py>, Items<'py>, bool)> {
    let strengths = strengths.as_slice()?;
    let pairs = py.detach(|| games::lock_pairs(strengths, n));
    let (locked, above) = (pairs.locked.into_pyarray(py), pairs.above.into_pyarray(py));
    Ok((locked, above, pairs.ambiguous))
}

/// Score, bound, rankings [K * n].
#[pyfunction]
pub fn kemeny<'py>(
    py: Python<'py>,
    votes: PyReadonlyArray1<'py, f64>,
    n: usize,
) -> PyResult<(f64, f64, Items<'py>)> {
    let votes = votes.as_slice()?;
    let best = py.detach(|| games::kemeny(votes, n));
    Ok((best.score, best.bound, best.rankings.into_pyarray(py)))
}

/// Scores [n] of answers with embeddings [n * 2k] and weights of the planes `gate` [k] against a policy [n].
#[pyfunction]
pub fn gpm_matvec<'py>(
    py: Python<'py>,
    embeddings: Payoffs<'py>,
    gate: PyReadonlyArray1<'py, f64>,
    policy: PyReadonlyArray1<'py, f64>,
) -> PyResult<Floats<'py>> {
    let (embeddings, gate, policy) = (embeddings.borrow()?, gate.as_slice()?, policy.as_slice()?);
    let scores = py.detach(|| games::gpm_matvec(embeddings, gate, policy))?;
    Ok(scores.into_pyarray(py))
}
