//! Arguments that several bindings take.

use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::exceptions::PyTypeError;
use pyo3::types::{PyAny, PyAnyMethods};
use pyo3::{Borrowed, FromPyObject, PyErr, PyResult};

use crate::Error;
use crate::check::NanPolicy;
use crate::column::Column;

/// A column of numbers in its own type.
pub enum Numbers<'py> {
    F64(PyReadonlyArray1<'py, f64>),
    F32(PyReadonlyArray1<'py, f32>),
    I64(PyReadonlyArray1<'py, i64>),
    I32(PyReadonlyArray1<'py, i32>),
}

/// By hand: the derived code spends 30 µs on an error message for every type that did not fit.
impl<'py> FromPyObject<'_, 'py> for Numbers<'py> {
    type Error = PyErr;

    fn extract(values: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(values) = values.cast::<PyArray1<f64>>() {
            Ok(Self::F64(values.try_readonly()?))
        } else if let Ok(values) = values.cast::<PyArray1<f32>>() {
            Ok(Self::F32(values.try_readonly()?))
        } else if let Ok(values) = values.cast::<PyArray1<i64>>() {
            Ok(Self::I64(values.try_readonly()?))
        } else {
            Ok(Self::I32(values.extract()?))
        }
    }
}

impl Numbers<'_> {
    pub fn borrow(&self) -> PyResult<Column<'_>> {
        Ok(match self {
            Self::F64(values) => Column::F64(values.as_slice()?),
            Self::F32(values) => Column::F32(values.as_slice()?),
            Self::I64(values) => Column::I64(values.as_slice()?),
            Self::I32(values) => Column::I32(values.as_slice()?),
        })
    }
}

impl<'py> FromPyObject<'_, 'py> for NanPolicy {
    type Error = PyErr;

    fn extract(word: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let Ok(text) = word.extract::<String>() else {
            let came = word.repr()?.to_string();
            return Err(PyTypeError::new_err(format!(
                "nan must be a word, got {came}"
            )));
        };
        match text.as_str() {
            "raise" => Ok(Self::Raise),
            "omit" => Ok(Self::Omit),
            "propagate" => Ok(Self::Propagate),
            other => {
                let expected = "\"raise\", \"omit\" or \"propagate\"";
                Err(Error::domain("nan", expected, format!("{other:?}")).into())
            }
        }
    }
}
