//! The middle of a sandwich whose residuals are adjusted so that equal errors give an unbiased estimate: CR2.

use std::ops::Range;

use faer::{Mat, MatRef, Side};

use super::answers::{Reader, predictor, scatter};
use super::pass::Model;
use super::robust::Clusters;
use crate::conjoint::gram::{Gram, outer_products};

/// Share of a residual that the fit left; below it nothing is left to adjust.
const LEFT: f64 = 1e-10;

impl Model<'_> {
    /// Sum over clusters of s s' with s = X'A e, A the root of the pseudo-inverse of I − X B X' and B = `inverse`; rows
    /// and residuals are multiplied by the root of the weight. Tasks of one or two profiles. O(n² P + n³) a cluster of n
    ///
    /// Naive equivalent: s = x.T @ scipy.linalg.sqrtm(pinv(eye(n) - x @ b @ x.T)) @ e.
    #[must_use]
    pub fn adjusted_meat(&self, clusters: &Clusters, point: &[f64], inverse: &[f64]) -> Vec<f64> {
        let width = point.len();
        let work = (self.answers.tasks() + clusters.len()) * width * width;
        let bread = MatRef::from_row_major_slice(inverse, width, width);
        let (meat, _) = outer_products(clusters.len(), width, work, |range, gram| {
            self.adjusted(clusters, range, point, bread, gram);
        });
        meat
    }

    fn adjusted(
        &self,
        clusters: &Clusters,
        range: Range<usize>,
        point: &[f64],
        bread: MatRef<'_, f64>,
        gram: &mut Gram,
    ) {
        for cluster in range {
            let (rows, residuals) = self.weighted(clusters, cluster, point);
            let n = residuals.len();
            let x = MatRef::from_row_major_slice(&rows, n, point.len());
            let left = Mat::<f64>::identity(n, n) - x * bread * x.transpose();
            let e = MatRef::from_column_major_slice(&residuals, n, 1);
            // Only NaN has no eigenvalues.
            let Ok(eigen) = left.self_adjoint_eigen(Side::Lower) else {
                gram.row().fill(f64::NAN);
                continue;
            };
            let mut turned = eigen.U().transpose() * e;
            let values = eigen.S().column_vector();
            for (value, entry) in values.iter().zip(turned.col_mut(0).iter_mut()) {
                *entry *= if *value > LEFT {
                    value.sqrt().recip()
                } else {
                    0.0
                };
            }
            let score = x.transpose() * (eigen.U() * turned);
            let row = gram.row().iter_mut();
            row.zip(score.col(0).iter())
                .for_each(|(cell, value)| *cell = *value);
        }
    }

    /// Rows and residuals of a cluster, times the roots of the weights.
    fn weighted(&self, clusters: &Clusters, cluster: usize, point: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let mut reader = Reader::new(self.answers, self.columns);
        let (mut entries, mut rows, mut residuals) = (Vec::new(), Vec::new(), Vec::new());
        for task in clusters.tasks(cluster) {
            let root = self.answers.weight(task).sqrt();
            reader.difference(task, &mut entries);
            let outcome = self.answers.outcome(self.answers.rows(task).start);
            let loss = self.link.loss(predictor(&entries, point), outcome);
            residuals.push(root * loss.slope);
            let start = rows.len();
            rows.resize(start + point.len(), 0.0);
            scatter(&entries, root, rows.get_mut(start..).unwrap_or_default());
        }
        (rows, residuals)
    }
}
