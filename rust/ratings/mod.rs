//! Ratings of items from comparisons of two.

mod bradley_terry;
mod elo;
mod laplacian;
mod likelihood;
mod problem;
mod comparisons;
mod connectivity;
mod counted;
mod elo;
mod fixed;
mod graph;
mod sorted;
mod spectral;
mod strings;
mod triples;

pub use bradley_terry::{FitOptions, RatingFit, fit_ratings};
pub use elo::{Checked, Rows, Scale, checked, elo, elo_permuted, shuffled};
pub use likelihood::{Derivatives, Duels, Model, derivatives, pairs};
pub use comparisons::{Comparisons, Gathered, Units, gathered};
pub use connectivity::strong_components;
pub use elo::{Checked, Rows, Scale, checked, elo, elo_permuted, shuffled};
pub use fixed::{Fixed, fixed_point, round_fixed, sum_fixed};
pub use spectral::{Cells, Centrality, Limits, eigenvector_centrality, pagerank, rank_centrality};
pub use strings::{Addresses, Codes, fixed_width_codes};
pub use triples::{CyclicTriples, cyclic_triples};
