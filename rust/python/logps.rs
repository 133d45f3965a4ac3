//! Bindings of `logps`.

use half::slice::HalfBitsSliceExt;
use half::{bf16, f16};
use numpy::ndarray::{ArrayD, ArrayViewD};
use numpy::{Element, IntoPyArray, PyReadonlyArrayDyn, PyReadwriteArrayDyn, PyUntypedArrayMethods};
use pyo3::types::PyAnyMethods;
use pyo3::{Bound, FromPyObject, PyAny, PyResult, Python, pyfunction};

use crate::Error;
use crate::logps::{self, Logit, Tokens, Transform, Upstream};

/// Logits `[..., V]`; u16 holds the bit patterns of bf16.
#[derive(FromPyObject)]
pub enum Logits<'py> {
    F32(PyReadonlyArrayDyn<'py, f32>),
    F64(PyReadonlyArrayDyn<'py, f64>),
    F16(PyReadonlyArrayDyn<'py, f16>),
    Bf16(PyReadonlyArrayDyn<'py, u16>),
}

type Pair<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

#[pyfunction]
#[allow(clippy::too_many_arguments, clippy::needless_pass_by_value)] // the op's arguments, owned as PyO3 hands them over
pub fn token_stats_forward<'py>(
    py: Python<'py>,
    logits: Logits<'py>,
    targets: PyReadonlyArrayDyn<'py, i64>,
    mask: Option<PyReadonlyArrayDyn<'py, bool>>,
    row_temperature: Option<PyReadonlyArrayDyn<'py, f64>>,
    temperature: f64,
    softcap: Option<f64>,
    logit_scale: f64,
) -> PyResult<Pair<'py>> {
    let (tokens, row_temperature) = borrow(&targets, mask.as_ref(), row_temperature.as_ref())?;
    let transform = Transform {
        temperature,
        row_temperature,
        softcap,
        logit_scale,
    };
    match logits {
        Logits::F32(logits) => forward(py, &rows(&logits.as_array())?, &tokens, &transform),
        Logits::F64(logits) => forward(py, &rows(&logits.as_array())?, &tokens, &transform),
        Logits::F16(logits) => forward(py, &rows(&logits.as_array())?, &tokens, &transform),
        Logits::Bf16(logits) => {
            forward(py, &as_bf16(rows(&logits.as_array())?), &tokens, &transform)
        }
    }
}

#[pyfunction]
#[allow(clippy::too_many_arguments, clippy::needless_pass_by_value)] // as above
pub fn token_stats_backward<'py>(
    py: Python<'py>,
    grad_logps: Bound<'py, PyAny>,
    grad_lse: Bound<'py, PyAny>,
    logits: Logits<'py>,
    targets: PyReadonlyArrayDyn<'py, i64>,
    lse: Bound<'py, PyAny>,
    mask: Option<PyReadonlyArrayDyn<'py, bool>>,
    row_temperature: Option<PyReadonlyArrayDyn<'py, f64>>,
    temperature: f64,
    softcap: Option<f64>,
    logit_scale: f64,
    out: Bound<'py, PyAny>,
) -> PyResult<()> {
    let (tokens, row_temperature) = borrow(&targets, mask.as_ref(), row_temperature.as_ref())?;
    let transform = Transform {
        temperature,
        row_temperature,
        softcap,
        logit_scale,
    };
    let columns = [grad_logps, grad_lse, lse];
    match logits {
        Logits::F32(logits) => {
            let mut out: PyReadwriteArrayDyn<'_, f32> = out.extract()?;
            let (logits, out) = (logits.as_array(), whole(&mut out)?);
            backward(py, &rows(&logits)?, &tokens, &transform, &columns, out)
        }
        Logits::F64(logits) => {
            let mut out: PyReadwriteArrayDyn<'_, f64> = out.extract()?;
            let (logits, out) = (logits.as_array(), whole(&mut out)?);
            backward(py, &rows(&logits)?, &tokens, &transform, &columns, out)
        }
        Logits::F16(logits) => {
            let mut out: PyReadwriteArrayDyn<'_, f16> = out.extract()?;
            let (logits, out) = (logits.as_array(), whole(&mut out)?);
            backward(py, &rows(&logits)?, &tokens, &transform, &columns, out)
        }
        Logits::Bf16(logits) => {
            let mut out: PyReadwriteArrayDyn<'_, u16> = out.extract()?;
            let (logits, out) = (logits.as_array(), whole(&mut out)?.reinterpret_cast_mut());
            let rows = as_bf16(rows(&logits)?);
            backward(py, &rows, &tokens, &transform, &columns, out)
        }
    }
}

type Borrowed<'a> = (Tokens<'a>, Option<&'a [f64]>);

fn borrow<'a>(
    targets: &'a PyReadonlyArrayDyn<'_, i64>,
    mask: Option<&'a PyReadonlyArrayDyn<'_, bool>>,
    row_temperature: Option<&'a PyReadonlyArrayDyn<'_, f64>>,
) -> PyResult<Borrowed<'a>> {
    let tokens = Tokens {
        targets: slice("targets", targets)?,
        mask: mask.map(|mask| slice("mask", mask)).transpose()?,
        shape: targets.shape(),
    };
    let row_temperature = row_temperature
        .map(|rows| slice("row_temperature", rows))
        .transpose()?;
    Ok((tokens, row_temperature))
}

fn forward<'py, T: Logit<Real: Element>>(
    py: Python<'py>,
    rows: &[&[T]],
    tokens: &Tokens<'_>,
    transform: &Transform<'_>,
) -> PyResult<Pair<'py>> {
    let stats = py.detach(|| logps::token_stats(rows, tokens, transform))?;
    let [logps, lse] = [stats.logps, stats.lse].map(|column| {
        ArrayD::from_shape_vec(tokens.shape, column)
            .map(|column| column.into_pyarray(py).into_any())
            .map_err(|_| Error::shape("targets", "one entry per row of logits", "another number"))
    });
    Ok((logps?, lse?))
}

fn backward<T: Logit<Real: Element>>(
    py: Python<'_>,
    rows: &[&[T]],
    tokens: &Tokens<'_>,
    transform: &Transform<'_>,
    columns: &[Bound<'_, PyAny>; 3],
    out: &mut [T],
) -> PyResult<()> {
    let columns = columns
        .each_ref()
        .map(PyAnyMethods::extract::<PyReadonlyArrayDyn<'_, T::Real>>);
    let [grad_logps, grad_lse, lse] = columns;
    let (grad_logps, grad_lse, lse) = (grad_logps?, grad_lse?, lse?);
    let upstream = Upstream {
        grad_logps: slice("grad_logps", &grad_logps)?,
        grad_lse: slice("grad_lse", &grad_lse)?,
        lse: slice("lse", &lse)?,
    };
    Ok(py.detach(|| logps::token_stats_backward(rows, tokens, transform, &upstream, out))?)
}

/// All entries in C order; `as_slice` of the numpy crate would also take Fortran order.
pub(super) fn slice<'a, E: Element>(
    argument: &'static str,
    array: &'a PyReadonlyArrayDyn<'_, E>,
) -> Result<&'a [E], Error> {
    let entries = array.as_array().to_slice();
    entries.ok_or_else(|| layout(argument, "C-contiguous entries", array.strides()))
}

pub(super) fn whole<'a, E: Element>(
    out: &'a mut PyReadwriteArrayDyn<'_, E>,
) -> Result<&'a mut [E], Error> {
    let error = layout("out", "C-contiguous entries", out.strides());
    out.as_array_mut().into_slice().ok_or(error)
}

/// One slice per row, whatever the strides of the leading axes.
pub(super) fn rows<'a, E>(logits: &'a ArrayViewD<'_, E>) -> Result<Vec<&'a [E]>, Error> {
    let error = || layout("logits", "a contiguous last axis", logits.strides());
    let rows = logits.rows().into_iter();
    rows.map(|row| row.to_slice().ok_or_else(error)).collect()
}

fn layout(argument: &'static str, expected: &'static str, strides: &[isize]) -> Error {
    Error::shape(argument, expected, format!("strides {strides:?}"))
}

pub(super) fn as_bf16(rows: Vec<&[u16]>) -> Vec<&[bf16]> {
    rows.into_iter()
        .map(HalfBitsSliceExt::reinterpret_cast)
        .collect()
}
