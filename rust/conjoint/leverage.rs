//! Scores of clusters whose residuals are corrected for their leverage (CR2).

use faer::{Mat, Side};

use super::effects::per_cluster;
use super::rows::{Clusters, Rows, at};
use crate::check;
use crate::error::{Error, Result};

/// An eigenvalue of I − H below this is 0: the cluster alone fits that direction, and has no residual there.
const NOTHING: f64 = 1e-10;

/// Scores L' X' W^½ (I − H)^(−½) W^½ e of clusters, H = W^½ X L L' X' W^½, with the pseudo-inverse root.
///
/// L [M, R] is the basis: L L' is the inverse of X'WX, or a generalized one. O(n·R·min(n, R) + min(n, R)³) for a cluster
/// of n rows: eigenvalues of H, or of L' X' W X L, which has the same.
///
/// Returns [G, R], row by row.
///
/// # Errors
/// Lengths that do not fit.
pub fn adjusted_scores(
    rows: Rows<'_>,
    coef: &[f64],
    basis: &[f64],
    clusters: Clusters<'_>,
) -> Result<Vec<f64>> {
    let m = rows.layout.levels();
    rows.check()?;
    check::same_length("coef", coef.len(), "the levels", m)?;
    let rank = basis.len().checked_div(m).unwrap_or(0);
    if rank * m != basis.len() || rank == 0 {
        return Err(Error::shape("basis", format!("{m} rows"), basis.len()));
    }
    per_cluster(rows, clusters, rank, |cluster, score| {
        let (mut projected, mut residuals, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for row in clusters.rows(cluster) {
            rows.places(row, &mut places);
            let root = rows.weight(row).sqrt();
            residuals.push(root * rows.residual(row, &places, coef));
            let start = projected.len();
            projected.resize(start + rank, 0.0);
            let own = projected.get_mut(start..).unwrap_or_default();
            for &place in &places {
                let line = basis.get(place * rank..(place + 1) * rank);
                let line = line.unwrap_or_default();
                own.iter_mut().zip(line).for_each(|(u, x)| *u += root * x);
            }
        }
        corrected(&projected, &residuals, rank, score);
    })
}

/// U' (I − U U')^(−½) e, U [n, rank], on the smaller of the two sides.
fn corrected(projected: &[f64], residuals: &[f64], rank: usize, score: &mut [f64]) {
    let n = residuals.len();
    if n == 0 {
        return;
    }
    let u = Mat::from_fn(n, rank, |i, j| at(projected, i * rank + j));
    let e = Mat::from_fn(n, 1, |i, _| at(residuals, i));
    let found = if n < rank {
        u.transpose() * inverse_root(&(&u * u.transpose()), &e)
    } else {
        inverse_root(&(u.transpose() * &u), &(u.transpose() * &e))
    };
    score.copy_from_slice(found.col_as_slice(0));
}

/// (I − H)^(−½) x, without the directions in which I − H is 0; NaN where the eigenvalues do not converge.
fn inverse_root(hat: &Mat<f64>, x: &Mat<f64>) -> Mat<f64> {
    let Ok(eigen) = hat.self_adjoint_eigen(Side::Lower) else {
        return Mat::from_fn(x.nrows(), 1, |_, _| f64::NAN);
    };
    let mut along = eigen.U().transpose() * x;
    let values = eigen.S().column_vector();
    for (value, part) in values.iter().zip(along.col_as_slice_mut(0)) {
        let left = 1.0 - value;
        *part = if left < NOTHING {
            0.0
        } else {
            *part / left.sqrt()
        };
    }
    eigen.U() * along
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::adjusted_scores;
    use crate::conjoint::{Clusters, Codes, Layout, Rows};

    #[test]
    fn of_a_mean_the_leverage_is_the_share_of_the_rows() {
        let layout = Layout::new(&[1]);
        let outcomes = [1.0, 2.0, 4.0, -1.0, 0.5];
        let rows = Rows {
            codes: Codes::U8(&[0; 5]),
            layout: &layout,
            outcomes: &outcomes,
            weights: None,
        };
        let (mean, basis) = (1.3_f64, 0.2_f64.sqrt());
        // one row, which is as many as there are columns; three rows, more; none; one more row
        let clusters = Clusters {
            offsets: &[0, 1, 2, 3, 4, 5],
            tasks: None,
            bounds: &[0, 1, 4, 4, 5],
        };
        let found = adjusted_scores(rows, &[mean], &[basis], clusters).unwrap();
        for (found, members) in found.iter().zip([0..1, 1..4, 4..4, 4..5]) {
            let share = f64::from(u8::try_from(members.len()).unwrap()) / 5.0;
            let sum: f64 = outcomes[members].iter().map(|y| y - mean).sum();
            let want = sum * basis / (1.0 - share).sqrt();
            assert!((found - want).abs() < 1e-14, "{found} {want}");
        }
        let wrong = adjusted_scores(rows, &[mean], &[], clusters);
        assert_eq!(
            wrong.unwrap_err().to_string(),
            "basis must have 1 rows, got 0"
        );
    }
}
