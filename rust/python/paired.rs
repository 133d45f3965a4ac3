//! Bindings of the paired statistics of `logps`.

use half::slice::HalfBitsSliceExt;
use numpy::{Element, PyReadonlyArrayDyn, PyReadwriteArrayDyn};
use pyo3::exceptions::PyTypeError;
use pyo3::types::PyAnyMethods;
use pyo3::{Bound, PyAny, PyResult, Python, pyfunction};

use super::logps::{
    Borrowed, Gradients, Logits, Rest, as_bf16, borrow, rows, shaped, slice, whole,
};
use crate::logps::{self, Logit, PairedUpstream};

#[pyfunction]
#[allow(clippy::needless_pass_by_value)] // owned as PyO3 hands them over
pub fn paired_token_stats_forward<'py>(
    py: Python<'py>,
    logits: Logits<'py>,
    ref_logits: Bound<'py, PyAny>,
    targets: PyReadonlyArrayDyn<'py, i64>,
    rest: Rest<'py>,
) -> PyResult<[Bound<'py, PyAny>; 8]> {
    let given = borrow(&targets, &rest)?;
    match logits {
        Logits::F32(logits) => forward(py, &logits, &ref_logits, &given, |rows| rows),
        Logits::F64(logits) => forward(py, &logits, &ref_logits, &given, |rows| rows),
        Logits::F16(logits) => forward(py, &logits, &ref_logits, &given, |rows| rows),
        Logits::Bf16(logits) => forward(py, &logits, &ref_logits, &given, as_bf16),
    }
}

#[pyfunction]
#[allow(clippy::needless_pass_by_value)] // as above
pub fn paired_token_stats_backward<'py>(
    py: Python<'py>,
    columns: [Bound<'py, PyAny>; 10],
    logits: Bound<'py, PyAny>,
    ref_logits: Bound<'py, PyAny>,
    targets: PyReadonlyArrayDyn<'py, i64>,
    rest: Rest<'py>,
    out: Gradients<'py>,
) -> PyResult<()> {
    let call = Backward {
        columns,
        logits: [logits, ref_logits],
        given: borrow(&targets, &rest)?,
    };
    match out {
        Gradients::F32(out) => call.run(py, out, |rows| rows, |out| out),
        Gradients::F64(out) => call.run(py, out, |rows| rows, |out| out),
        Gradients::F16(out) => call.run(py, out, |rows| rows, |out| out),
        Gradients::Bf16(out) => call.run(py, out, as_bf16, |out| out.reinterpret_cast_mut()),
    }
}

fn forward<'py, E: Element, T: Logit<Real: Element>>(
    py: Python<'py>,
    logits: &PyReadonlyArrayDyn<'py, E>,
    ref_logits: &Bound<'py, PyAny>,
    (tokens, transform): &Borrowed<'_>,
    cast: fn(Vec<&[E]>) -> Vec<&[T]>,
) -> PyResult<[Bound<'py, PyAny>; 8]> {
    let ref_logits: PyReadonlyArrayDyn<'_, E> = ref_logits.extract()?;
    let (p, q) = (logits.as_array(), ref_logits.as_array());
    let (p, q) = (cast(rows(&p)?), cast(rows(&q)?));
    let stats = py.detach(|| logps::paired_token_stats(&p, &q, tokens, transform))?;
    let array = |column| shaped(py, column, tokens.shape);
    Ok([
        array(stats.logps)?,
        array(stats.ref_logps)?,
        array(stats.kl_ref_policy)?,
        array(stats.kl_policy_ref)?,
        array(stats.entropy)?,
        array(stats.log_sum_sq_probs)?,
        array(stats.lse)?,
        array(stats.ref_lse)?,
    ])
}

struct Backward<'a, 'py> {
    columns: [Bound<'py, PyAny>; 10],
    logits: [Bound<'py, PyAny>; 2],
    given: Borrowed<'a>,
}

impl<'py> Backward<'_, 'py> {
    fn run<E: Element, T: Logit<Real: Element>>(
        &self,
        py: Python<'_>,
        mut out: PyReadwriteArrayDyn<'py, E>,
        cast: fn(Vec<&[E]>) -> Vec<&[T]>,
        cast_out: fn(&mut [E]) -> &mut [T],
    ) -> PyResult<()> {
        let [p, q] = &self.logits;
        let (p, q): (PyReadonlyArrayDyn<'_, E>, PyReadonlyArrayDyn<'_, E>) =
            (p.extract()?, q.extract()?);
        let (p, q) = (p.as_array(), q.as_array());
        let (p, q, out) = (cast(rows(&p)?), cast(rows(&q)?), cast_out(whole(&mut out)?));
        let columns = self.columns.iter();
        let columns = columns.map(PyAnyMethods::extract::<PyReadonlyArrayDyn<'_, T::Real>>);
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let upstream = upstream(&columns)?;
        let (tokens, transform) = &self.given;
        let run = || logps::paired_token_stats_backward(&p, &q, tokens, transform, &upstream, out);
        Ok(py.detach(run)?)
    }
}

fn upstream<'a, R: Element>(
    columns: &'a [PyReadonlyArrayDyn<'_, R>],
) -> PyResult<PairedUpstream<'a, R>> {
    let slices = columns.iter().map(|column| slice("columns", column));
    let slices = slices.collect::<Result<Vec<_>, _>>()?;
    let Ok(
        [
            c1,
            c2,
            c3,
            c4,
            c5,
            logps,
            ref_logps,
            kl,
            entropy,
            log_squares,
        ],
    ) = <[_; 10]>::try_from(slices)
    else {
        return Err(PyTypeError::new_err("expected ten columns"));
    };
    Ok(PairedUpstream {
        grad_logps: c1,
        grad_kl_ref_policy: c2,
        grad_kl_policy_ref: c3,
        grad_entropy: c4,
        grad_log_sum_sq_probs: c5,
        logps,
        ref_logps,
        kl_policy_ref: kl,
        entropy,
        log_sum_sq_probs: log_squares,
    })
}
