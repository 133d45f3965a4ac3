//! Bindings of `ranking`.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{Element, PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::types::{PyAny, PyAnyMethods};
use pyo3::{Bound, FromPyObject, PyResult, Python, pyfunction};

use super::arrays::Numbers;
use crate::Result;
use crate::check::NanPolicy;
use crate::ranking::{self, Float, ListLossMut, PairRule};

/// Scores in their own type, which is that of their gradients.
#[derive(FromPyObject)]
pub enum Scores<'py> {
    F64(PyReadonlyArray1<'py, f64>),
    F32(PyReadonlyArray1<'py, f32>),
}

type Column<'py> = PyReadonlyArray1<'py, f64>;
type Rows<'py> = PyReadonlyArray1<'py, i64>;
/// `max_skip`, `skip_weights`, `min_gap`, inclusive
type Rule<'py> = (Option<usize>, Option<Column<'py>>, f64, bool);
/// loss, `n_terms`, gradient
type ListLoss<'py> = (
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyAny>,
);

/// Calls a function that is generic over the type of the scores.
macro_rules! for_scores {
    ($scores:expr, |$slice:ident| $body:expr) => {
        match &$scores {
            Scores::F64(values) => {
                let $slice = values.as_slice()?;
                $body
            }
            Scores::F32(values) => {
                let $slice = values.as_slice()?;
                $body
            }
        }
    };
}

#[pyfunction]
pub fn plackett_luce<'py>(
    py: Python<'py>,
    scores: Scores<'py>,
    rows: Rows<'py>,
    offsets: Rows<'py>,
    k: Option<usize>,
) -> PyResult<ListLoss<'py>> {
    let (rows, offsets) = (rows.as_slice()?, offsets.as_slice()?);
    for_scores!(scores, |scores| list_loss(
        py,
        rows.len(),
        groups(offsets),
        |out| { ranking::plackett_luce(scores, rows, offsets, k, out) }
    ))
}

#[pyfunction]
pub fn plackett_luce_dense<'py>(
    py: Python<'py>,
    scores: Scores<'py>,
    ranking: Rows<'py>,
    lists: [usize; 2],
    k: Option<usize>,
) -> PyResult<ListLoss<'py>> {
    let ranking = ranking.as_slice()?;
    for_scores!(scores, |scores| list_loss(
        py,
        scores.len(),
        lists[0],
        |out| { ranking::plackett_luce_dense(scores, ranking, lists, k, out) }
    ))
}

#[pyfunction]
pub fn listmle<'py>(
    py: Python<'py>,
    scores: Scores<'py>,
    labels: Column<'py>,
    offsets: Rows<'py>,
    k: Option<usize>,
    position_weights: Option<Column<'py>>,
) -> PyResult<ListLoss<'py>> {
    let (labels, offsets) = (labels.as_slice()?, offsets.as_slice()?);
    let weights = optional(position_weights.as_ref())?;
    for_scores!(scores, |scores| list_loss(
        py,
        scores.len(),
        groups(offsets),
        |out| { ranking::listmle(scores, labels, offsets, k, weights, out) }
    ))
}

#[pyfunction]
pub fn softmax_loss<'py>(
    py: Python<'py>,
    scores: Scores<'py>,
    labels: Column<'py>,
    offsets: Rows<'py>,
) -> PyResult<ListLoss<'py>> {
    let (labels, offsets) = (labels.as_slice()?, offsets.as_slice()?);
    for_scores!(scores, |scores| list_loss(
        py,
        scores.len(),
        groups(offsets),
        |out| { ranking::softmax_loss(scores, labels, offsets, out) }
    ))
}

#[pyfunction]
pub fn listnet<'py>(
    py: Python<'py>,
    scores: Scores<'py>,
    labels: Column<'py>,
    offsets: Rows<'py>,
    temperature: f64,
) -> PyResult<ListLoss<'py>> {
    let (labels, offsets) = (labels.as_slice()?, offsets.as_slice()?);
    for_scores!(scores, |scores| list_loss(
        py,
        scores.len(),
        groups(offsets),
        |out| { ranking::listnet(scores, labels, offsets, temperature, out) }
    ))
}

#[pyfunction]
pub fn ranknet<'py>(
    py: Python<'py>,
    scores: Scores<'py>,
    labels: Column<'py>,
    offsets: Rows<'py>,
    sigma: f64,
    rule: Rule<'py>,
) -> PyResult<ListLoss<'py>> {
    let (labels, offsets) = (labels.as_slice()?, offsets.as_slice()?);
    let rule = borrow(&rule)?;
    for_scores!(scores, |scores| list_loss(
        py,
        scores.len(),
        groups(offsets),
        |out| { ranking::ranknet(scores, labels, offsets, sigma, &rule, out) }
    ))
}

#[pyfunction]
pub fn ranklist<'py>(
    py: Python<'py>,
    scores: Scores<'py>,
    labels: Column<'py>,
    offsets: Rows<'py>,
    temperature: f64,
    rule: Rule<'py>,
) -> PyResult<ListLoss<'py>> {
    let (labels, offsets) = (labels.as_slice()?, offsets.as_slice()?);
    let rule = borrow(&rule)?;
    for_scores!(scores, |scores| list_loss(
        py,
        scores.len(),
        groups(offsets),
        |out| { ranking::ranklist(scores, labels, offsets, temperature, &rule, out) }
    ))
}

#[pyfunction]
pub fn lambdarank<'py>(
    py: Python<'py>,
    scores: Scores<'py>,
    labels: Column<'py>,
    offsets: Rows<'py>,
    k: Option<usize>,
    gain: &str,
    sigma: f64,
) -> PyResult<ListLoss<'py>> {
    let (labels, offsets) = (labels.as_slice()?, offsets.as_slice()?);
    let gain = gain.parse()?;
    for_scores!(scores, |scores| list_loss(
        py,
        scores.len(),
        groups(offsets),
        |out| { ranking::lambdarank(scores, labels, offsets, k, gain, sigma, out) }
    ))
}

#[pyfunction]
pub fn approx_ndcg<'py>(
    py: Python<'py>,
    scores: Scores<'py>,
    labels: Column<'py>,
    offsets: Rows<'py>,
    temperature: f64,
    gain: &str,
) -> PyResult<ListLoss<'py>> {
    let (labels, offsets) = (labels.as_slice()?, offsets.as_slice()?);
    let gain = gain.parse()?;
    for_scores!(scores, |scores| list_loss(
        py,
        scores.len(),
        groups(offsets),
        |out| { ranking::approx_ndcg(scores, labels, offsets, temperature, gain, out) }
    ))
}

#[pyfunction]
pub fn soft_rank<'py>(
    py: Python<'py>,
    scores: Scores<'py>,
    offsets: Rows<'py>,
    strength: f64,
    descending: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let offsets = offsets.as_slice()?;
    for_scores!(scores, |scores| per_row(py, scores.len(), |out| {
        ranking::soft_rank(scores, offsets, strength, descending, out)
    }))
}

#[pyfunction]
pub fn soft_rank_vjp<'py>(
    py: Python<'py>,
    scores: Scores<'py>,
    upstream: Bound<'py, PyAny>,
    offsets: Rows<'py>,
    strength: f64,
    descending: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let offsets = offsets.as_slice()?;
    for_scores!(scores, |scores| {
        let upstream = same_type(scores, &upstream)?;
        let upstream = upstream.as_slice()?;
        per_row(py, scores.len(), |out| {
            ranking::soft_rank_vjp(scores, upstream, offsets, strength, descending, out)
        })
    })
}

#[pyfunction]
pub fn rank<'py>(
    py: Python<'py>,
    x: Numbers<'py>,
    offsets: Rows<'py>,
    method: &str,
    descending: bool,
    nan: NanPolicy,
) -> PyResult<Bound<'py, PyAny>> {
    let (x, offsets, method) = (x.borrow()?, offsets.as_slice()?, method.parse()?);
    per_row(py, x.len(), |out| {
        ranking::rank(x, offsets, method, descending, nan, out)
    })
}

#[pyfunction]
pub fn approx_rank<'py>(
    py: Python<'py>,
    scores: Column<'py>,
    offsets: Rows<'py>,
    temperature: f64,
) -> PyResult<Bound<'py, PyAny>> {
    let (scores, offsets) = (scores.as_slice()?, offsets.as_slice()?);
    per_row(py, scores.len(), |out| {
        ranking::approx_rank(scores, offsets, temperature, out)
    })
}

#[pyfunction]
pub fn lambda_weights<'py>(
    py: Python<'py>,
    scores: Column<'py>,
    labels: Column<'py>,
    k: Option<usize>,
    gain: &str,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (scores, labels, gain) = (scores.as_slice()?, labels.as_slice()?, gain.parse()?);
    let size = scores.len().saturating_mul(scores.len());
    let weights = py.import("numpy")?.call_method1("zeros", (size,))?; // raises MemoryError
    let weights = weights.cast_into::<PyArray1<f64>>()?;
    let mut room = weights.try_readwrite()?;
    let out = room.as_slice_mut()?;
    py.detach(|| ranking::lambda_weights(scores, labels, k, gain, out))?;
    drop(room);
    Ok(weights)
}

/// An array of the type of a slice.
fn same_type<'py, T: Element>(
    _like: &[T],
    array: &Bound<'py, PyAny>,
) -> PyResult<PyReadonlyArray1<'py, T>> {
    array.extract()
}

fn optional<'a>(column: Option<&'a Column<'_>>) -> PyResult<Option<&'a [f64]>> {
    Ok(column.map(PyReadonlyArray1::as_slice).transpose()?)
}

fn borrow<'a>((max_skip, weights, min_gap, inclusive): &'a Rule<'_>) -> PyResult<PairRule<'a>> {
    Ok(PairRule {
        max_skip: *max_skip,
        skip_weights: optional(weights.as_ref())?,
        min_gap: *min_gap,
        inclusive: *inclusive,
    })
}

fn groups(offsets: &[i64]) -> usize {
    offsets.len().saturating_sub(1)
}

/// `NumPy` allocates: it asks the system for huge pages, which a Rust vector would not get.
fn list_loss<T: Float + Element>(
    py: Python<'_>,
    rows: usize,
    groups: usize,
    run: impl Fn(ListLossMut<'_, T>) -> Result<()> + Sync + Send,
) -> PyResult<ListLoss<'_>> {
    let loss = PyArray1::<f64>::zeros(py, groups, false);
    let n_terms = PyArray1::<i64>::zeros(py, groups, false);
    let grad = PyArray1::<T>::zeros(py, rows, false);
    {
        let (mut loss, mut n_terms) = (loss.readwrite(), n_terms.readwrite());
        let mut grad = grad.readwrite();
        let out = ListLossMut {
            loss: loss.as_slice_mut()?,
            grad: grad.as_slice_mut()?,
            n_terms: n_terms.as_slice_mut()?,
        };
        py.detach(|| run(out))?;
    }
    Ok((loss, n_terms, grad.into_any()))
}

fn per_row<T: Float + Element>(
    py: Python<'_>,
    rows: usize,
    run: impl Fn(&mut [T]) -> Result<()> + Sync + Send,
) -> PyResult<Bound<'_, PyAny>> {
    let column = PyArray1::<T>::zeros(py, rows, false);
    let mut writable = column.readwrite();
    let out = writable.as_slice_mut()?;
    py.detach(|| run(out))?;
    drop(writable);
    Ok(column.into_any())
}
