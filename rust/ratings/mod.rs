//! Ratings of items from comparisons of two.

mod bradley_terry;
mod comparisons;
mod connectivity;
mod fixed;
mod strings;

pub use comparisons::{Cells, Rows, Units, gathered};
pub use connectivity::{CyclicTriples, cyclic_triples, strong_components};
pub use fixed::{Fixed, fixed_point, round_fixed, sum_fixed};
pub use strings::{Addresses, Codes, fixed_width_codes};
mod elo;
mod laplacian;
mod likelihood;
mod plackett_luce;
mod problem;
mod spectral;

pub use bradley_terry::{FitOptions, RatingFit, fit_ratings};
pub use elo::{Checked, Rows, Scale, checked, elo, elo_permuted, shuffled};
pub use likelihood::{Derivatives, Duels, Model, derivatives, pairs};
pub use plackett_luce::{PlackettLuce, Rankings, plackett_luce};
pub use spectral::{Cells, Centrality, Limits, eigenvector_centrality, pagerank, rank_centrality};
