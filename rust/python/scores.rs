//! Bindings of `scores`.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{
    Element, IntoPyArray, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyReadonlyArray3,
    PyReadwriteArray1,
};
use pyo3::types::PyAnyMethods;
use pyo3::{Bound, FromPyObject, PyAny, PyResult, Python, pyfunction};

use crate::scores::{self, Real, Scale, Steps, Tokens};

#[derive(FromPyObject)]
pub enum Column<'py> {
    F32(PyReadonlyArray1<'py, f32>),
    F64(PyReadonlyArray1<'py, f64>),
}

#[derive(FromPyObject)]
pub enum Rows<'py> {
    F32(PyReadonlyArray2<'py, f32>),
    F64(PyReadonlyArray2<'py, f64>),
}

/// Writes into `out`. scale: (ddof, eps)
#[pyfunction]
pub fn group_advantage(
    py: Python<'_>,
    rewards: Column<'_>,
    offsets: PyReadonlyArray1<'_, i64>,
    scale: Option<(u8, f64)>,
    out: Bound<'_, PyAny>,
) -> PyResult<()> {
    let scale = scale.map(|(ddof, eps)| Scale { ddof, eps });
    match rewards {
        Column::F32(rewards) => write_advantages(py, &rewards, &offsets, scale, &out),
        Column::F64(rewards) => write_advantages(py, &rewards, &offsets, scale, &out),
    }
}

fn write_advantages<T: Real + Element>(
    py: Python<'_>,
    rewards: &PyReadonlyArray1<'_, T>,
    offsets: &PyReadonlyArray1<'_, i64>,
    scale: Option<Scale>,
    out: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let (rewards, offsets) = (rewards.as_slice()?, offsets.as_slice()?);
    let mut out: PyReadwriteArray1<'_, T> = out.extract()?;
    let out = out.as_slice_mut()?;
    py.detach(|| scores::group_advantage(rewards, offsets, scale, out))?;
    Ok(())
}

/// Advantages and returns.
#[pyfunction]
pub fn gae<'py>(
    py: Python<'py>,
    rewards: Rows<'py>,
    values: Bound<'py, PyAny>,
    mask: PyReadonlyArray2<'py, bool>,
    gamma: f64,
    lam: f64,
) -> PyResult<[Bound<'py, PyAny>; 2]> {
    match rewards {
        Rows::F32(rewards) => estimate(py, &rewards, &values, &mask, gamma, lam),
        Rows::F64(rewards) => estimate(py, &rewards, &values, &mask, gamma, lam),
    }
}

fn estimate<'py, T: Real + Element>(
    py: Python<'py>,
    rewards: &PyReadonlyArray2<'py, T>,
    values: &Bound<'py, PyAny>,
    mask: &PyReadonlyArray2<'py, bool>,
    gamma: f64,
    lam: f64,
) -> PyResult<[Bound<'py, PyAny>; 2]> {
    let values: PyReadonlyArray2<'_, T> = values.extract()?;
    let (rows, width) = rewards.as_array().dim();
    let tokens = Tokens {
        rewards: rewards.as_slice()?,
        values: values.as_slice()?,
        mask: mask.as_slice()?,
        width,
    };
    let (advantages, returns) = py.detach(|| scores::gae(&tokens, gamma, lam))?;
    let array = |column: Vec<T>| -> PyResult<_> {
        Ok(column.into_pyarray(py).reshape([rows, width])?.into_any())
    };
    Ok([array(advantages)?, array(returns)?])
}

/// Log-policies [B, n]; steps: (beta, step size, iterations)
#[pyfunction]
pub fn kl_nash<'py>(
    py: Python<'py>,
    preferences: Bound<'py, PyAny>,
    reference: Rows<'py>,
    steps: (f64, f64, usize),
) -> PyResult<Bound<'py, PyAny>> {
    let (beta, step_size, iterations) = steps;
    let steps = Steps {
        beta,
        step_size,
        iterations,
    };
    match reference {
        Rows::F32(reference) => equilibria(py, &preferences, &reference, steps),
        Rows::F64(reference) => equilibria(py, &preferences, &reference, steps),
    }
}

fn equilibria<'py, T: Real + Element>(
    py: Python<'py>,
    preferences: &Bound<'py, PyAny>,
    reference: &PyReadonlyArray2<'py, T>,
    steps: Steps,
) -> PyResult<Bound<'py, PyAny>> {
    let preferences: PyReadonlyArray3<'_, T> = preferences.extract()?;
    let (games, n) = reference.as_array().dim();
    let (preferences, reference) = (preferences.as_slice()?, reference.as_slice()?);
    let logps = py.detach(|| scores::kl_nash(preferences, reference, n, steps))?;
    Ok(logps.into_pyarray(py).reshape([games, n])?.into_any())
}
