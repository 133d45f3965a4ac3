//! Bindings of `pairs`.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{
    Element, IntoPyArray, PyArray1, PyArrayDescr, PyReadonlyArray1, PyReadwriteArray1, dtype,
};
use pyo3::types::{PyAny, PyAnyMethods};
use pyo3::{Borrowed, Bound, FromPyObject, PyErr, PyResult, Python, pyfunction};

use super::arrays::Numbers;
use crate::check::NanPolicy;
use crate::pairs::{self, AllPairs, BestVsRest, Index, PairsMut, Plan, Scheme, Score};

impl<'py> FromPyObject<'_, 'py> for pairs::Bound {
    type Error = PyErr;

    fn extract(number: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match number.extract() {
            Ok(integer) => Ok(Self::Int(integer)),
            Err(_) => Ok(Self::Float(number.extract()?)),
        }
    }
}

#[derive(FromPyObject)]
pub struct Options<'py> {
    min_gap: pairs::Bound,
    max_gap: Option<pairs::Bound>,
    inclusive: bool,
    by: Option<PyReadonlyArray1<'py, i64>>,
    max_pairs_per_group: Option<usize>,
    seed: u64,
    nan: NanPolicy,
}

impl Options<'_> {
    fn borrow(&self) -> PyResult<pairs::Options<'_>> {
        Ok(pairs::Options {
            min_gap: self.min_gap,
            max_gap: self.max_gap,
            inclusive: self.inclusive,
            by: self
                .by
                .as_ref()
                .map(PyReadonlyArray1::as_slice)
                .transpose()?,
            max_pairs_per_group: self.max_pairs_per_group,
            seed: self.seed,
            nan: self.nan,
        })
    }
}

type Column<'py, E> = PyReadwriteArray1<'py, E>;
type Columns<'py> = [Bound<'py, PyAny>; 4];

#[pyfunction]
#[pyo3(signature = (scores, offsets, options, narrow, out=None))]
pub fn all_pairs<'py>(
    py: Python<'py>,
    scores: Numbers<'py>,
    offsets: PyReadonlyArray1<'py, i64>,
    options: Options<'py>,
    narrow: bool,
    out: Option<Columns<'py>>,
) -> PyResult<(Columns<'py>, usize)> {
    dispatch::<AllPairs>(
        py,
        scores,
        offsets.as_slice()?,
        &options.borrow()?,
        narrow,
        out,
    )
}

#[pyfunction]
pub fn best_vs_rest<'py>(
    py: Python<'py>,
    scores: Numbers<'py>,
    offsets: PyReadonlyArray1<'py, i64>,
    options: Options<'py>,
    narrow: bool,
) -> PyResult<(Columns<'py>, usize)> {
    dispatch::<BestVsRest>(
        py,
        scores,
        offsets.as_slice()?,
        &options.borrow()?,
        narrow,
        None,
    )
}

fn dispatch<'py, S: Scheme>(
    py: Python<'py>,
    scores: Numbers<'py>,
    offsets: &[i64],
    options: &pairs::Options<'_>,
    narrow: bool,
    out: Option<Columns<'py>>,
) -> PyResult<(Columns<'py>, usize)> {
    match (scores, narrow) {
        (Numbers::F64(s), false) => build::<S, f64, i64>(py, &s, offsets, options, out),
        (Numbers::F64(s), true) => build::<S, f64, i32>(py, &s, offsets, options, out),
        (Numbers::F32(s), false) => build::<S, f32, i64>(py, &s, offsets, options, out),
        (Numbers::F32(s), true) => build::<S, f32, i32>(py, &s, offsets, options, out),
        (Numbers::I64(s), false) => build::<S, i64, i64>(py, &s, offsets, options, out),
        (Numbers::I64(s), true) => build::<S, i64, i32>(py, &s, offsets, options, out),
        (Numbers::I32(s), false) => build::<S, i32, i64>(py, &s, offsets, options, out),
        (Numbers::I32(s), true) => build::<S, i32, i32>(py, &s, offsets, options, out),
    }
}

/// Columns chosen, rejected, margin, group (those of `out`, or new ones) and the number of pairs at their front.
fn build<'py, S: Scheme, T: Score + Element, I: Index + Element>(
    py: Python<'py>,
    scores: &PyReadonlyArray1<'py, T>,
    offsets: &[i64],
    options: &pairs::Options<'_>,
    out: Option<Columns<'py>>,
) -> PyResult<(Columns<'py>, usize)> {
    let scores = scores.as_slice()?;
    let plan = py.detach(|| Plan::<S, T, I>::new(scores, offsets, options))?;
    let columns = match out {
        Some(columns) => columns,
        None => allocate::<T, I>(py, plan.total())?,
    };
    let [chosen, rejected, margin, group] = &columns;
    let mut chosen: Column<'py, I> = chosen.extract()?;
    let mut rejected: Column<'py, I> = rejected.extract()?;
    let mut margin: Column<'py, T> = margin.extract()?;
    let mut group: Column<'py, I> = group.extract()?;
    let room = PairsMut {
        chosen: chosen.as_slice_mut()?,
        rejected: rejected.as_slice_mut()?,
        margin: margin.as_slice_mut()?,
        group: group.as_slice_mut()?,
    };
    let total = py.detach(|| plan.fill(room))?;
    Ok((columns, total))
}

/// `NumPy` asks the system for huge pages, which a Rust vector would not get (page faults dominate fresh memory), and
/// raises `MemoryError` where a Rust vector would abort.
fn allocate<'py, T: Element, I: Element>(py: Python<'py>, total: usize) -> PyResult<Columns<'py>> {
    let numpy = py.import("numpy")?;
    let zeros = |dtype: Bound<'py, PyArrayDescr>| numpy.call_method1("zeros", (total, dtype));
    Ok([
        zeros(dtype::<I>(py))?,
        zeros(dtype::<I>(py))?,
        zeros(dtype::<T>(py))?,
        zeros(dtype::<I>(py))?,
    ])
}

#[pyfunction]
#[pyo3(signature = (group, values))]
pub fn pair_weights<'py>(
    py: Python<'py>,
    group: PyReadonlyArray1<'py, i64>,
    values: Option<PyReadonlyArray1<'py, f64>>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let group = group.as_slice()?;
    let values = values
        .as_ref()
        .map(PyReadonlyArray1::as_slice)
        .transpose()?;
    Ok(py
        .detach(|| pairs::pair_weights(group, values))?
        .into_pyarray(py))
}
