//! Ratings of items from comparisons of two.

mod elo;
mod plackett_luce;
mod spectral;

pub use elo::{Checked, Rows, Scale, checked, elo, elo_permuted, shuffled};
pub use plackett_luce::{PlackettLuce, Rankings, plackett_luce};
pub use spectral::{Cells, Centrality, Limits, eigenvector_centrality, pagerank, rank_centrality};
