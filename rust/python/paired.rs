//! Bindings of the paired statistics of `logps`.

use half::slice::HalfBitsSliceExt;
use numpy::{Element, PyReadonlyArrayDyn, PyReadwriteArrayDyn};
use pyo3::exceptions::PyTypeError;
use pyo3::types::PyAnyMethods;
use pyo3::{Bound, PyAny, PyResult, Python, pyfunction};

use super::logps::{Borrowed, Logits, Rest, as_bf16, borrow, rows, shaped, slice, whole};
use crate::logps::{self, Logit, PairedUpstream};

#[pyfunction]
#[allow(clippy::needless_pass_by_value)] // owned as PyO3 hands them over
pub fn paired_token_stats_forward<'py>(
    py: Python<'py>,
    logits: Logits<'py>,
    ref_logits: Logits<'py>,
    targets: PyReadonlyArrayDyn<'py, i64>,
    rest: Rest<'py>,
) -> PyResult<[Bound<'py, PyAny>; 8]> {
    let given = borrow(&targets, &rest)?;
    match (logits, ref_logits) {
        (Logits::F32(p), Logits::F32(q)) => {
            forward(py, &rows(&p.as_array())?, &rows(&q.as_array())?, &given)
        }
        (Logits::F64(p), Logits::F64(q)) => {
            forward(py, &rows(&p.as_array())?, &rows(&q.as_array())?, &given)
        }
        (Logits::F16(p), Logits::F16(q)) => {
            forward(py, &rows(&p.as_array())?, &rows(&q.as_array())?, &given)
        }
        (Logits::Bf16(p), Logits::Bf16(q)) => {
            let (p, q) = (p.as_array(), q.as_array());
            forward(py, &as_bf16(rows(&p)?), &as_bf16(rows(&q)?), &given)
        }
        _ => Err(PyTypeError::new_err(
            "logits and ref_logits must have one dtype",
        )),
    }
}

#[pyfunction]
#[allow(clippy::needless_pass_by_value)] // as above
pub fn paired_token_stats_backward<'py>(
    py: Python<'py>,
    columns: [Bound<'py, PyAny>; 10],
    logits: Logits<'py>,
    ref_logits: Logits<'py>,
    targets: PyReadonlyArrayDyn<'py, i64>,
    rest: Rest<'py>,
    out: Bound<'py, PyAny>,
) -> PyResult<()> {
    let given = borrow(&targets, &rest)?;
    match (logits, ref_logits) {
        (Logits::F32(p), Logits::F32(q)) => {
            let (p, q, mut out): (_, _, PyReadwriteArrayDyn<'_, f32>) =
                (p.as_array(), q.as_array(), out.extract()?);
            backward(
                py,
                &columns,
                &rows(&p)?,
                &rows(&q)?,
                &given,
                whole(&mut out)?,
            )
        }
        (Logits::F64(p), Logits::F64(q)) => {
            let (p, q, mut out): (_, _, PyReadwriteArrayDyn<'_, f64>) =
                (p.as_array(), q.as_array(), out.extract()?);
            backward(
                py,
                &columns,
                &rows(&p)?,
                &rows(&q)?,
                &given,
                whole(&mut out)?,
            )
        }
        (Logits::F16(p), Logits::F16(q)) => {
            let (p, q, mut out): (_, _, PyReadwriteArrayDyn<'_, half::f16>) =
                (p.as_array(), q.as_array(), out.extract()?);
            backward(
                py,
                &columns,
                &rows(&p)?,
                &rows(&q)?,
                &given,
                whole(&mut out)?,
            )
        }
        (Logits::Bf16(p), Logits::Bf16(q)) => {
            let (p, q, mut out): (_, _, PyReadwriteArrayDyn<'_, u16>) =
                (p.as_array(), q.as_array(), out.extract()?);
            let (p, q) = (as_bf16(rows(&p)?), as_bf16(rows(&q)?));
            backward(
                py,
                &columns,
                &p,
                &q,
                &given,
                whole(&mut out)?.reinterpret_cast_mut(),
            )
        }
        _ => Err(PyTypeError::new_err(
            "logits and ref_logits must have one dtype",
        )),
    }
}

fn forward<'py, T: Logit<Real: Element>>(
    py: Python<'py>,
    policy: &[&[T]],
    reference: &[&[T]],
    (tokens, transform): &Borrowed<'_>,
) -> PyResult<[Bound<'py, PyAny>; 8]> {
    let stats = py.detach(|| logps::paired_token_stats(policy, reference, tokens, transform))?;
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

fn backward<T: Logit<Real: Element>>(
    py: Python<'_>,
    columns: &[Bound<'_, PyAny>; 10],
    policy: &[&[T]],
    reference: &[&[T]],
    (tokens, transform): &Borrowed<'_>,
    out: &mut [T],
) -> PyResult<()> {
    let columns = columns
        .iter()
        .map(PyAnyMethods::extract::<PyReadonlyArrayDyn<'_, T::Real>>);
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
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
    let upstream = PairedUpstream {
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
    };
    Ok(py.detach(|| {
        logps::paired_token_stats_backward(policy, reference, tokens, transform, &upstream, out)
    })?)
}
