//! Bindings of the ranking metrics of `metrics`. `lists` = scores, labels, offsets, nan.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::{Bound, FromPyObject, PyResult, Python, pyfunction};

use super::arrays::Numbers;
use crate::Result;
use crate::check::NanPolicy;
use crate::metrics::{self, Discounting, Judged};

type Values<'py> = Bound<'py, PyArray1<f64>>;

#[derive(FromPyObject)]
pub struct Lists<'py>(
    Numbers<'py>,
    Numbers<'py>,
    PyReadonlyArray1<'py, i64>,
    NanPolicy,
);

impl<'py> Lists<'py> {
    fn detached(
        &self,
        py: Python<'py>,
        metric: impl FnOnce(&Judged<'_>) -> Result<Vec<f64>> + Send,
    ) -> PyResult<Values<'py>> {
        let judged = Judged {
            scores: self.0.borrow()?,
            labels: self.1.borrow()?,
            offsets: self.2.as_slice()?,
            nan: self.3,
        };
        Ok(py.detach(|| metric(&judged))?.into_pyarray(py))
    }
}

fn discounting(k: Option<usize>, gain: &str, ties: &str) -> Result<Discounting> {
    let (gain, ties) = (gain.parse()?, ties.parse()?);
    Ok(Discounting { k, gain, ties })
}

#[pyfunction]
#[pyo3(signature = (lists, k, gain, ties))]
pub fn dcg<'py>(
    py: Python<'py>,
    lists: Lists<'py>,
    k: Option<usize>,
    gain: &str,
    ties: &str,
) -> PyResult<Values<'py>> {
    let by = discounting(k, gain, ties)?;
    lists.detached(py, |lists| metrics::dcg(lists, by))
}

#[pyfunction]
#[pyo3(signature = (lists, k, gain, ties, undefined))]
pub fn ndcg<'py>(
    py: Python<'py>,
    lists: Lists<'py>,
    k: Option<usize>,
    gain: &str,
    ties: &str,
    undefined: f64,
) -> PyResult<Values<'py>> {
    let by = discounting(k, gain, ties)?;
    lists.detached(py, |lists| metrics::ndcg(lists, by, undefined))
}

#[pyfunction]
#[pyo3(signature = (lists, k, threshold, denominator, undefined))]
pub fn average_precision<'py>(
    py: Python<'py>,
    lists: Lists<'py>,
    k: Option<usize>,
    threshold: f64,
    denominator: &str,
    undefined: f64,
) -> PyResult<Values<'py>> {
    let by = denominator.parse()?;
    lists.detached(py, |lists| {
        metrics::average_precision(lists, k, threshold, by, undefined)
    })
}

#[pyfunction]
#[pyo3(signature = (lists, k, threshold, undefined))]
pub fn reciprocal_rank<'py>(
    py: Python<'py>,
    lists: Lists<'py>,
    k: Option<usize>,
    threshold: f64,
    undefined: f64,
) -> PyResult<Values<'py>> {
    lists.detached(py, |lists| {
        metrics::reciprocal_rank(lists, k, threshold, undefined)
    })
}

#[pyfunction]
pub fn precision_at_k<'py>(
    py: Python<'py>,
    lists: Lists<'py>,
    k: usize,
    threshold: f64,
) -> PyResult<Values<'py>> {
    lists.detached(py, |lists| metrics::precision_at_k(lists, k, threshold))
}

#[pyfunction]
pub fn recall_at_k<'py>(
    py: Python<'py>,
    lists: Lists<'py>,
    k: usize,
    threshold: f64,
    undefined: f64,
) -> PyResult<Values<'py>> {
    lists.detached(py, |lists| {
        metrics::recall_at_k(lists, k, threshold, undefined)
    })
}

#[pyfunction]
pub fn r_precision<'py>(
    py: Python<'py>,
    lists: Lists<'py>,
    threshold: f64,
    undefined: f64,
) -> PyResult<Values<'py>> {
    lists.detached(py, |lists| {
        metrics::r_precision(lists, threshold, undefined)
    })
}

#[pyfunction]
#[pyo3(signature = (lists, k, max_grade))]
pub fn expected_reciprocal_rank<'py>(
    py: Python<'py>,
    lists: Lists<'py>,
    k: Option<usize>,
    max_grade: f64,
) -> PyResult<Values<'py>> {
    lists.detached(py, |lists| {
        metrics::expected_reciprocal_rank(lists, k, max_grade)
    })
}

#[pyfunction]
pub fn rank_biased_precision<'py>(
    py: Python<'py>,
    lists: Lists<'py>,
    p: f64,
    threshold: f64,
) -> PyResult<Values<'py>> {
    lists.detached(py, |lists| {
        metrics::rank_biased_precision(lists, p, threshold)
    })
}
