//! Bindings of `metrics`.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::{Bound, PyResult, Python, pyfunction};

use super::arrays::Numbers;
use crate::check::NanPolicy;
use crate::metrics::{self, Concordance};

type Offsets<'py> = PyReadonlyArray1<'py, i64>;

#[pyfunction]
pub fn kendall_tau<'py>(
    py: Python<'py>,
    x: Numbers<'py>,
    y: Numbers<'py>,
    offsets: Offsets<'py>,
    variant: &str,
    nan: NanPolicy,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (x, y, offsets) = (x.borrow()?, y.borrow()?, offsets.as_slice()?);
    let variant = variant.parse()?;
    let taus = py.detach(|| metrics::kendall_tau(x, y, offsets, variant, nan))?;
    Ok(taus.into_pyarray(py))
}

#[pyfunction]
pub fn goodman_kruskal_gamma<'py>(
    py: Python<'py>,
    x: Numbers<'py>,
    y: Numbers<'py>,
    offsets: Offsets<'py>,
    nan: NanPolicy,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (x, y, offsets) = (x.borrow()?, y.borrow()?, offsets.as_slice()?);
    let gammas = py.detach(|| metrics::goodman_kruskal_gamma(x, y, offsets, nan))?;
    Ok(gammas.into_pyarray(py))
}

/// Columns concordant, discordant, `ties_x`, `ties_y`, `ties_xy`, n.
#[pyfunction]
pub fn concordance_counts<'py>(
    py: Python<'py>,
    x: Numbers<'py>,
    y: Numbers<'py>,
    offsets: Offsets<'py>,
    nan: NanPolicy,
) -> PyResult<[Bound<'py, PyArray1<i64>>; 6]> {
    let (x, y, offsets) = (x.borrow()?, y.borrow()?, offsets.as_slice()?);
    let counts = py.detach(|| metrics::concordance_counts(x, y, offsets, nan))?;
    let column = |field: fn(&Concordance) -> i64| PyArray1::from_iter(py, counts.iter().map(field));
    Ok([
        column(|list| list.concordant),
        column(|list| list.discordant),
        column(|list| list.ties_x),
        column(|list| list.ties_y),
        column(|list| list.ties_xy),
        column(|list| list.n),
    ])
}
