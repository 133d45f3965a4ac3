//! Bindings of `groups`.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::{Bound, PyResult, Python, pyfunction};

use crate::groups;

type Ints<'py> = Bound<'py, PyArray1<i64>>;

#[pyfunction]
pub fn offsets_from_lengths<'py>(
    py: Python<'py>,
    lengths: PyReadonlyArray1<'py, i64>,
) -> PyResult<Ints<'py>> {
    let lengths = lengths.as_slice()?;
    let offsets = py.detach(|| groups::offsets_from_lengths(lengths))?;
    Ok(offsets.into_pyarray(py))
}

#[pyfunction]
pub fn offsets_from_ids<'py>(
    py: Python<'py>,
    ids: PyReadonlyArray1<'py, i64>,
) -> PyResult<Ints<'py>> {
    let ids = ids.as_slice()?;
    Ok(py
        .detach(|| groups::offsets_from_ids(ids))?
        .into_pyarray(py))
}

#[pyfunction]
pub fn group_by_ids<'py>(
    py: Python<'py>,
    ids: PyReadonlyArray1<'py, i64>,
) -> PyResult<(Ints<'py>, Ints<'py>)> {
    let ids = ids.as_slice()?;
    let grouped = py.detach(|| groups::group_by_ids(ids));
    Ok((
        grouped.rows.into_pyarray(py),
        grouped.offsets.into_pyarray(py),
    ))
}

#[pyfunction]
pub fn validate_offsets(
    py: Python<'_>,
    offsets: PyReadonlyArray1<'_, i64>,
    n: usize,
) -> PyResult<usize> {
    let offsets = offsets.as_slice()?;
    Ok(py.detach(|| groups::validate_offsets(offsets, n))?)
}
