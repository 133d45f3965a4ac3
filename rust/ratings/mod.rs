//! Who is better, from comparisons of two.

mod bradley_terry;
mod laplacian;
mod likelihood;
mod problem;

pub use bradley_terry::{Fit, Options, fit};
pub use likelihood::{Derivatives, Model, Rows, derivatives, pairs};
//! Ratings of items from comparisons of two.

mod elo;
mod spectral;

pub use elo::{Checked, Rows, Scale, checked, elo, elo_permuted, shuffled};
pub use spectral::{Cells, Centrality, Limits, eigenvector_centrality, pagerank, rank_centrality};
