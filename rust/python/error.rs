//! The only place where a crate error becomes a Python exception.

use pyo3::PyErr;

use crate::Error;

pyo3::import_exception!(prefcore.errors, DomainError);
pyo3::import_exception!(prefcore.errors, RankDeficientError);
pyo3::import_exception!(prefcore.errors, SeparationError);
pyo3::import_exception!(prefcore.errors, ShapeError);

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Shape { .. } => ShapeError::new_err(message),
            Error::Domain { .. } => DomainError::new_err(message),
            Error::Separation(_) => SeparationError::new_err(message),
            Error::RankDeficient(_) => RankDeficientError::new_err(message),
        }
    }
}
