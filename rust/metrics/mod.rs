//! Metrics: one value per group.

mod agreement;
mod bootstrap;
mod categorical;
mod concordance;
mod correlation;
mod distribution;
mod inversions;
mod sampling;
mod win_rate;

pub use agreement::{Level, krippendorff_alpha, percent_agreement};
pub use bootstrap::{BootstrapMean, Resampling, bootstrap_mean};
pub use concordance::Concordance;
pub use correlation::{Variant, concordance_counts, goodman_kruskal_gamma, kendall_tau};
pub use distribution::{distinct_ngram_ratio, gini, kl_divergence};
pub use sampling::{best_of_n, pass_all_k, pass_at_k};
pub use win_rate::{clopper_pearson_interval, win_rate};
