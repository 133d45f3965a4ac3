//! Ratings of items from comparisons of two.

mod bradley_terry;
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
