//! What the bindings of conjoint share: profiles as codes.

use numpy::{PyArray2, PyArrayMethods, PyReadonlyArray2};
use pyo3::types::PyAny;
use pyo3::{Borrowed, FromPyObject, PyErr, PyResult};

use crate::conjoint::Codes;

/// [N, D] codes of levels, uint8 or uint16.
pub enum CodesArgument<'py> {
    U8(PyReadonlyArray2<'py, u8>),
    U16(PyReadonlyArray2<'py, u16>),
}

impl<'py> FromPyObject<'_, 'py> for CodesArgument<'py> {
    type Error = PyErr;

    fn extract(values: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(values) = values.cast::<PyArray2<u8>>() {
            Ok(Self::U8(values.try_readonly()?))
        } else {
            Ok(Self::U16(values.extract()?))
        }
    }
}

impl CodesArgument<'_> {
    pub fn borrow(&self) -> PyResult<Codes<'_>> {
        Ok(match self {
            Self::U8(values) => Codes::U8(values.as_slice()?),
            Self::U16(values) => Codes::U16(values.as_slice()?),
        })
    }
}
