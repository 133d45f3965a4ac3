//! Metrics of two columns, one value per group.

mod concordance;
mod correlation;
mod inversions;
mod laplace;

pub use concordance::Concordance;
pub use correlation::{Variant, concordance_counts, goodman_kruskal_gamma, kendall_tau};
pub use laplace::{Posterior, draws, moments};
