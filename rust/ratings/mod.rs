//! Ratings of items from comparisons of two.

mod elo;
mod spectral;

pub use elo::{Checked, Rows, Scale, checked, elo, elo_permuted, shuffled};
pub use spectral::{Cells, Centrality, Limits, eigenvector_centrality, pagerank, rank_centrality};
