//! Eigenvalues of small symmetric matrices on the calling thread: a library that wakes others for them takes longer, and
//! they then stand in the way of the next sum.

use faer::{MatRef, Side};

use crate::error::{Error, Result};

/// Eigenvalues [n], rising, and vectors [n, n], one a column, row by row; of the lower triangle. O(n³)
///
/// All are NaN where the iteration does not converge, which only NaN does.
///
/// ```
/// let (values, vectors) = prefcore::conjoint::symmetric_eigen(&[2.0, 0.0, 1.0, 2.0], 2)?;
/// assert!((values[0] - 1.0).abs() < 1e-15 && (values[1] - 3.0).abs() < 1e-15);
/// assert!((vectors[1] - vectors[3]).abs() < 1e-15);
/// # Ok::<(), prefcore::Error>(())
/// ```
///
/// # Errors
/// A length that is not n².
pub fn symmetric_eigen(matrix: &[f64], n: usize) -> Result<(Vec<f64>, Vec<f64>)> {
    if matrix.len() != n * n {
        return Err(Error::shape("matrix", n * n, matrix.len()));
    }
    let matrix = MatRef::from_row_major_slice(matrix, n, n);
    let Ok(found) = matrix.self_adjoint_eigen(Side::Lower) else {
        return Ok((vec![f64::NAN; n], vec![f64::NAN; n * n]));
    };
    let values = found.S().column_vector().iter().copied().collect();
    let vectors = found.U();
    let rows = vectors.row_iter().flat_map(|row| row.iter().copied());
    Ok((values, rows.collect()))
}
