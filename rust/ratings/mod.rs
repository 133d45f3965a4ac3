//! Ratings of items from comparisons of two.

mod comparisons;
mod connectivity;
mod fixed;
mod strings;

pub use comparisons::{Cells, Rows, Units, gathered};
pub use connectivity::{CyclicTriples, cyclic_triples, strong_components};
pub use fixed::{Fixed, fixed_point, round_fixed, sum_fixed};
pub use strings::{Addresses, Codes, fixed_width_codes};
mod elo;
mod spectral;

pub use elo::{Checked, Rows, Scale, checked, elo, elo_permuted, shuffled};
pub use spectral::{Cells, Centrality, Limits, eigenvector_centrality, pagerank, rank_centrality};
