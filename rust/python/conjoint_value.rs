//! Bindings of the values of policies off policy.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::{Bound, PyResult, Python, pyfunction};

use super::conjoint_policy::ModelArgument;

/// Expected outcome of a random profile of a policy beside profiles of known scores.
#[pyfunction]
pub fn expected_beside<'py>(
    py: Python<'py>,
    model: ModelArgument<'py>,
    policy: PyReadonlyArray1<'py, f64>,
    scores: PyReadonlyArray1<'py, f64>,
    first: bool,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let voters = model.voters()?;
    let (policy, scores) = (policy.as_slice()?, scores.as_slice()?);
    let values = py.detach(|| voters.beside(policy, scores, first));
    Ok(values.into_pyarray(py))
}
