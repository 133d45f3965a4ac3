//! Metrics of two columns, one value per group.

mod concordance;
mod correlation;
mod inversions;

pub use concordance::Concordance;
pub use correlation::{Variant, concordance_counts, goodman_kruskal_gamma, kendall_tau};
