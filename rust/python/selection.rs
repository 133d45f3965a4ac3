//! Bindings of `selection`.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::{Bound, PyResult, Python, pyfunction};

use super::arrays::Numbers;
use crate::Error;
use crate::check::NanPolicy;
use crate::column::Column;
use crate::selection::{self, RaggedRows};

type Ints<'py> = PyReadonlyArray1<'py, i64>;
type Floats<'py> = PyReadonlyArray1<'py, f64>;
type OutInts<'py> = Bound<'py, PyArray1<i64>>;
type OutFloats<'py> = Bound<'py, PyArray1<f64>>;

/// Rows and offsets.
fn columns(py: Python<'_>, found: RaggedRows) -> (OutInts<'_>, OutInts<'_>) {
    (found.rows.into_pyarray(py), found.offsets.into_pyarray(py))
}

#[pyfunction]
pub fn top_k<'py>(
    py: Python<'py>,
    scores: Numbers<'py>,
    k: usize,
    offsets: Ints<'py>,
    nan: NanPolicy,
) -> PyResult<(OutInts<'py>, OutInts<'py>)> {
    let (scores, offsets) = (scores.borrow()?, offsets.as_slice()?);
    let found = py.detach(|| selection::top_k(scores, k, offsets, nan))?;
    Ok(columns(py, found))
}

#[pyfunction]
pub fn top_fraction<'py>(
    py: Python<'py>,
    scores: Numbers<'py>,
    fraction: f64,
    rounding: &str,
    offsets: Ints<'py>,
    nan: NanPolicy,
) -> PyResult<(OutInts<'py>, OutInts<'py>)> {
    let (scores, offsets) = (scores.borrow()?, offsets.as_slice()?);
    let rounding = rounding.parse()?;
    let found = py.detach(|| selection::top_fraction(scores, fraction, rounding, offsets, nan))?;
    Ok(columns(py, found))
}

#[pyfunction]
pub fn thin_by_gap<'py>(
    py: Python<'py>,
    scores: Numbers<'py>,
    min_gap: f64,
    offsets: Ints<'py>,
    nan: NanPolicy,
) -> PyResult<(OutInts<'py>, OutInts<'py>)> {
    let (scores, offsets) = (scores.borrow()?, offsets.as_slice()?);
    let found = py.detach(|| selection::thin_by_gap(scores, min_gap, offsets, nan))?;
    Ok(columns(py, found))
}

#[pyfunction]
pub fn gumbel_top_k<'py>(
    py: Python<'py>,
    log_weights: Numbers<'py>,
    k: usize,
    seed: u64,
    offsets: Ints<'py>,
    nan: NanPolicy,
) -> PyResult<(OutInts<'py>, OutInts<'py>)> {
    let (log_weights, offsets) = (log_weights.borrow()?, offsets.as_slice()?);
    let found = py.detach(|| selection::gumbel_top_k(log_weights, k, seed, offsets, nan))?;
    Ok(columns(py, found))
}

#[pyfunction]
pub fn balanced_indices<'py>(
    py: Python<'py>,
    classes: Ints<'py>,
    sizes: Ints<'py>,
    seed: u64,
) -> PyResult<OutInts<'py>> {
    let (classes, sizes) = (classes.as_slice()?, sizes.as_slice()?);
    let rows = py.detach(|| selection::balanced_indices(classes, sizes, seed))?;
    Ok(rows.into_pyarray(py))
}

#[pyfunction]
pub fn curriculum_stages<'py>(
    py: Python<'py>,
    gaps: Numbers<'py>,
    n_stages: usize,
    descending: bool,
    offsets: Ints<'py>,
) -> PyResult<(OutInts<'py>, OutInts<'py>)> {
    let (gaps, offsets) = (gaps.borrow()?, offsets.as_slice()?);
    let found = py.detach(|| selection::curriculum_stages(gaps, n_stages, descending, offsets))?;
    Ok(columns(py, found))
}

/// Rows and similarities, flat.
#[pyfunction]
pub fn top_k_cosine<'py>(
    py: Python<'py>,
    pool: Numbers<'py>,
    queries: Numbers<'py>,
    columns: usize,
    k: usize,
) -> PyResult<(OutInts<'py>, OutFloats<'py>)> {
    let (pool, queries) = (pool.borrow()?, queries.borrow()?);
    let found = py.detach(|| match (pool, queries) {
        (Column::F64(pool), Column::F64(queries)) => {
            selection::top_k_cosine(pool, queries, columns, k)
        }
        (Column::F32(pool), Column::F32(queries)) => {
            selection::top_k_cosine(pool, queries, columns, k)
        }
        _ => Err(Error::shape("queries", "the dtype of pool", "another")),
    })?;
    Ok((
        found.rows.into_pyarray(py),
        found.similarity.into_pyarray(py),
    ))
}

/// q and value.
#[pyfunction]
pub fn tree_backup<'py>(
    py: Python<'py>,
    parents: Ints<'py>,
    rewards: Floats<'py>,
    leaf_values: Floats<'py>,
    visits: Floats<'py>,
    gamma: f64,
) -> PyResult<(OutFloats<'py>, OutFloats<'py>)> {
    let (parents, rewards) = (parents.as_slice()?, rewards.as_slice()?);
    let (leaf_values, visits) = (leaf_values.as_slice()?, visits.as_slice()?);
    let found =
        py.detach(|| selection::tree_backup(parents, rewards, leaf_values, visits, gamma))?;
    Ok((found.q.into_pyarray(py), found.value.into_pyarray(py)))
}
