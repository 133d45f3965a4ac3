//! Bindings of `logps`.

use half::slice::HalfBitsSliceExt;
use half::{bf16, f16};
use numpy::ndarray::{ArrayViewD, ArrayViewMutD};
use numpy::{
    Element, IntoPyArray, PyArrayMethods, PyReadonlyArrayDyn, PyReadwriteArrayDyn,
    PyUntypedArrayMethods,
};
use pyo3::types::PyAnyMethods;
use pyo3::{Bound, FromPyObject, PyAny, PyResult, Python, pyfunction};

use crate::Error;
use crate::logps::{self, Extras, Logit, Tokens, Transform, Upstream};

/// Logits `[..., V]`; u16 holds the bit patterns of bf16.
#[derive(FromPyObject)]
pub enum Logits<'py> {
    F32(PyReadonlyArrayDyn<'py, f32>),
    F64(PyReadonlyArrayDyn<'py, f64>),
    F16(PyReadonlyArrayDyn<'py, f16>),
    Bf16(PyReadonlyArrayDyn<'py, u16>),
}

/// Gradients `[..., V]` to be written, or logits that they replace.
#[derive(FromPyObject)]
pub enum Gradients<'py> {
    F32(PyReadwriteArrayDyn<'py, f32>),
    F64(PyReadwriteArrayDyn<'py, f64>),
    F16(PyReadwriteArrayDyn<'py, f16>),
    Bf16(PyReadwriteArrayDyn<'py, u16>),
}

/// mask, `row_temperature`, temperature, softcap, `logit_scale`
pub(super) type Rest<'py> = (
    Option<PyReadonlyArrayDyn<'py, bool>>,
    Option<PyReadonlyArrayDyn<'py, f64>>,
    f64,
    Option<f64>,
    f64,
);
type Column<'py> = Option<Bound<'py, PyAny>>;

#[pyfunction]
#[allow(clippy::needless_pass_by_value)] // owned as PyO3 hands them over
pub fn token_stats_forward<'py>(
    py: Python<'py>,
    logits: Logits<'py>,
    targets: PyReadonlyArrayDyn<'py, i64>,
    rest: Rest<'py>,
    extras: [bool; 4],
) -> PyResult<[Bound<'py, PyAny>; 6]> {
    let (tokens, transform) = borrow(&targets, &rest)?;
    let [entropy, log_sum_sq_probs, is_top1, mean_logits] = extras;
    let extras = Extras {
        entropy,
        log_sum_sq_probs,
        is_top1,
        mean_logits,
    };
    match logits {
        Logits::F32(logits) => forward(py, &rows(&logits.as_array())?, &tokens, &transform, extras),
        Logits::F64(logits) => forward(py, &rows(&logits.as_array())?, &tokens, &transform, extras),
        Logits::F16(logits) => forward(py, &rows(&logits.as_array())?, &tokens, &transform, extras),
        Logits::Bf16(logits) => {
            let logits = logits.as_array();
            let rows = as_bf16(rows(&logits)?);
            forward(py, &rows, &tokens, &transform, extras)
        }
    }
}

#[pyfunction]
#[allow(clippy::needless_pass_by_value)] // as above
pub fn token_stats_backward<'py>(
    py: Python<'py>,
    upstream: [Column<'py>; 7],
    logits: Column<'py>,
    targets: PyReadonlyArrayDyn<'py, i64>,
    rest: Rest<'py>,
    out: Gradients<'py>,
) -> PyResult<()> {
    let (tokens, transform) = borrow(&targets, &rest)?;
    let call = Backward {
        upstream: &upstream,
        logits,
        tokens,
        transform,
    };
    match out {
        Gradients::F32(out) => call.run(py, out, |rows| rows, |rows| rows),
        Gradients::F64(out) => call.run(py, out, |rows| rows, |rows| rows),
        Gradients::F16(out) => call.run(py, out, |rows| rows, |rows| rows),
        Gradients::Bf16(out) => call.run(py, out, as_bf16, as_bf16_mut),
    }
}

pub(super) type Borrowed<'a> = (Tokens<'a>, Transform<'a>);

pub(super) fn borrow<'a>(
    targets: &'a PyReadonlyArrayDyn<'_, i64>,
    rest: &'a Rest<'_>,
) -> PyResult<Borrowed<'a>> {
    let (mask, row_temperature, temperature, softcap, logit_scale) = rest;
    let tokens = Tokens {
        targets: slice("targets", targets)?,
        mask: mask.as_ref().map(|mask| slice("mask", mask)).transpose()?,
        shape: targets.shape(),
    };
    let row_temperature = row_temperature.as_ref();
    let transform = Transform {
        temperature: *temperature,
        row_temperature: row_temperature
            .map(|rows| slice("row_temperature", rows))
            .transpose()?,
        softcap: *softcap,
        logit_scale: *logit_scale,
    };
    Ok((tokens, transform))
}

fn forward<'py, T: Logit<Real: Element>>(
    py: Python<'py>,
    rows: &[&[T]],
    tokens: &Tokens<'_>,
    transform: &Transform<'_>,
    extras: Extras,
) -> PyResult<[Bound<'py, PyAny>; 6]> {
    let stats = py.detach(|| logps::token_stats(rows, tokens, transform, extras))?;
    let shape = |wanted: bool| if wanted { tokens.shape } else { &[0] };
    Ok([
        shaped(py, stats.logps, tokens.shape)?,
        shaped(py, stats.lse, tokens.shape)?,
        shaped(py, stats.entropy, shape(extras.entropy))?,
        shaped(py, stats.log_sum_sq_probs, shape(extras.log_sum_sq_probs))?,
        shaped(py, stats.is_top1, shape(extras.is_top1))?,
        shaped(py, stats.mean_logits, shape(extras.mean_logits))?,
    ])
}

pub(super) fn shaped<'py, E: Element>(
    py: Python<'py>,
    column: Vec<E>,
    shape: &[usize],
) -> PyResult<Bound<'py, PyAny>> {
    Ok(column.into_pyarray(py).reshape(shape)?.into_any())
}

struct Backward<'a, 'py> {
    upstream: &'a [Column<'py>; 7],
    /// None: the gradient replaces them.
    logits: Column<'py>,
    tokens: Tokens<'a>,
    transform: Transform<'a>,
}

impl<'py> Backward<'_, 'py> {
    fn run<E: Element, T: Logit<Real: Element>>(
        &self,
        py: Python<'_>,
        mut out: PyReadwriteArrayDyn<'py, E>,
        cast: fn(Vec<&[E]>) -> Vec<&[T]>,
        cast_mut: fn(Vec<&mut [E]>) -> Vec<&mut [T]>,
    ) -> PyResult<()> {
        let (columns, tokens, transform) = (columns(self.upstream)?, &self.tokens, &self.transform);
        let (upstream, mut out) = (upstream(&columns)?, out.as_array_mut());
        let out = cast_mut(rows_mut(&mut out)?);
        let Some(logits) = &self.logits else {
            let run = || logps::token_stats_backward_in_place(out, tokens, transform, &upstream);
            return Ok(py.detach(run)?);
        };
        let logits: PyReadonlyArrayDyn<'_, E> = logits.extract()?;
        let logits = logits.as_array();
        let rows = cast(rows(&logits)?);
        Ok(py.detach(|| logps::token_stats_backward(&rows, tokens, transform, &upstream, out))?)
    }
}

type Columns<'py, R> = [Option<PyReadonlyArrayDyn<'py, R>>; 7];

fn columns<'py, R: Element>(columns: &[Column<'py>; 7]) -> PyResult<Columns<'py, R>> {
    let mut borrowed = Columns::default();
    for (to, column) in borrowed.iter_mut().zip(columns) {
        *to = column.as_ref().map(PyAnyMethods::extract).transpose()?;
    }
    Ok(borrowed)
}

fn upstream<'a, R: Element>(columns: &'a Columns<'_, R>) -> Result<Upstream<'a, R>, Error> {
    let [
        grad_logps,
        grad_lse,
        grad_entropy,
        grad_sq,
        lse,
        entropy,
        sq,
    ] = columns;
    let of = |name, column: &'a Option<_>| {
        column
            .as_ref()
            .map(|column| slice(name, column))
            .transpose()
    };
    Ok(Upstream {
        grad_logps: of("grad_logps", grad_logps)?,
        grad_lse: of("grad_lse", grad_lse)?,
        grad_entropy: of("grad_entropy", grad_entropy)?,
        grad_log_sum_sq_probs: of("grad_log_sum_sq_probs", grad_sq)?,
        lse: of("lse", lse)?,
        entropy: of("entropy", entropy)?,
        log_sum_sq_probs: of("log_sum_sq_probs", sq)?,
    })
}

/// All entries in C order; `as_slice` of the numpy crate would also take Fortran order.
pub(super) fn slice<'a, E: Element>(
    argument: &'static str,
    array: &'a PyReadonlyArrayDyn<'_, E>,
) -> Result<&'a [E], Error> {
    let entries = array.as_array().to_slice();
    entries.ok_or_else(|| layout(argument, "C-contiguous entries", array.strides()))
}

/// One slice per row, whatever the strides of the leading axes.
pub(super) fn rows<'a, E>(logits: &'a ArrayViewD<'_, E>) -> Result<Vec<&'a [E]>, Error> {
    let error = || layout("logits", "a contiguous last axis", logits.strides());
    let rows = logits.rows().into_iter();
    rows.map(|row| row.to_slice().ok_or_else(error)).collect()
}

fn rows_mut<'a, E>(out: &'a mut ArrayViewMutD<'_, E>) -> Result<Vec<&'a mut [E]>, Error> {
    let strides = out.strides().to_vec();
    let error = || layout("out", "a contiguous last axis", &strides);
    let rows = out.rows_mut().into_iter();
    rows.map(|row| row.into_slice().ok_or_else(error)).collect()
}

pub(super) fn whole<'a, E: Element>(
    out: &'a mut PyReadwriteArrayDyn<'_, E>,
) -> Result<&'a mut [E], Error> {
    let error = layout("out", "C-contiguous entries", out.strides());
    out.as_array_mut().into_slice().ok_or(error)
}

fn layout(argument: &'static str, expected: &'static str, strides: &[isize]) -> Error {
    Error::shape(argument, expected, format!("strides {strides:?}"))
}

pub(super) fn as_bf16(rows: Vec<&[u16]>) -> Vec<&[bf16]> {
    rows.into_iter()
        .map(HalfBitsSliceExt::reinterpret_cast)
        .collect()
}

fn as_bf16_mut(rows: Vec<&mut [u16]>) -> Vec<&mut [bf16]> {
    rows.into_iter()
        .map(HalfBitsSliceExt::reinterpret_cast_mut)
        .collect()
}
