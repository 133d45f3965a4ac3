//! Bindings of the correlations of `metrics` that count no pairs.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::{Bound, PyResult, Python, pyfunction};

use super::arrays::Numbers;
use crate::check::NanPolicy;
use crate::metrics::{self, PairWeight};

type Ints<'py> = PyReadonlyArray1<'py, i64>;
type Values<'py> = Bound<'py, PyArray1<f64>>;

/// Columns statistic and pvalue.
#[pyfunction]
pub fn kendall_test<'py>(
    py: Python<'py>,
    x: Numbers<'py>,
    y: Numbers<'py>,
    offsets: Ints<'py>,
    alternative: &str,
    method: &str,
    nan: NanPolicy,
) -> PyResult<[Values<'py>; 2]> {
    let (x, y, offsets) = (x.borrow()?, y.borrow()?, offsets.as_slice()?);
    let (alternative, method) = (alternative.parse()?, method.parse()?);
    let tests = py.detach(|| metrics::kendall_test(x, y, offsets, alternative, method, nan))?;
    let column = |field: fn(&(f64, f64)) -> f64| PyArray1::from_iter(py, tests.iter().map(field));
    Ok([column(|test| test.0), column(|test| test.1)])
}

#[pyfunction]
pub fn weighted_tau<'py>(
    py: Python<'py>,
    x: Numbers<'py>,
    y: Numbers<'py>,
    ranks: Option<Numbers<'py>>,
    additive: bool,
    offsets: Ints<'py>,
    nan: NanPolicy,
) -> PyResult<Values<'py>> {
    let (x, y, offsets) = (x.borrow()?, y.borrow()?, offsets.as_slice()?);
    let ranks = ranks.as_ref().map(Numbers::borrow).transpose()?;
    let by = if additive {
        PairWeight::Sum
    } else {
        PairWeight::Product
    };
    let taus = py.detach(|| metrics::weighted_tau(x, y, ranks, by, offsets, nan))?;
    Ok(taus.into_pyarray(py))
}

#[pyfunction]
pub fn spearman<'py>(
    py: Python<'py>,
    x: Numbers<'py>,
    y: Numbers<'py>,
    offsets: Ints<'py>,
    nan: NanPolicy,
) -> PyResult<Values<'py>> {
    let (x, y, offsets) = (x.borrow()?, y.borrow()?, offsets.as_slice()?);
    let values = py.detach(|| metrics::spearman(x, y, offsets, nan))?;
    Ok(values.into_pyarray(py))
}

#[pyfunction]
pub fn pearson<'py>(
    py: Python<'py>,
    x: Numbers<'py>,
    y: Numbers<'py>,
    offsets: Ints<'py>,
    nan: NanPolicy,
) -> PyResult<Values<'py>> {
    let (x, y, offsets) = (x.borrow()?, y.borrow()?, offsets.as_slice()?);
    let values = py.detach(|| metrics::pearson(x, y, offsets, nan))?;
    Ok(values.into_pyarray(py))
}

/// Columns extrapolated and truncated.
#[pyfunction]
pub fn rank_biased_overlap<'py>(
    py: Python<'py>,
    a: Ints<'py>,
    b: Ints<'py>,
    a_offsets: Ints<'py>,
    b_offsets: Ints<'py>,
    p: f64,
) -> PyResult<[Values<'py>; 2]> {
    let (a, b) = (a.as_slice()?, b.as_slice()?);
    let (a_offsets, b_offsets) = (a_offsets.as_slice()?, b_offsets.as_slice()?);
    let overlaps = py.detach(|| metrics::rank_biased_overlap(a, b, a_offsets, b_offsets, p))?;
    Ok([
        PyArray1::from_iter(py, overlaps.iter().map(|pair| pair.extrapolated)),
        PyArray1::from_iter(py, overlaps.iter().map(|pair| pair.truncated)),
    ])
}
