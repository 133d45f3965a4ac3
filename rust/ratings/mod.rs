//! Ratings of items from comparisons of two.

mod bootstrap;
mod bradley_terry;
mod comparisons;
mod connectivity;
mod counted;
mod elo;
mod fixed;
mod graph;
mod laplacian;
mod likelihood;
mod meetings;
mod plackett_luce;
mod problem;
mod side_by_side;
mod sorted;
mod spectral;
mod strings;
mod triples;

pub use bootstrap::{Drawn, Refit, refits};
pub use bradley_terry::{FitOptions, RatingFit, fit_ratings};
pub use comparisons::{Comparisons, Gathered, Units, gathered};
pub use connectivity::strong_components;
pub use elo::{CheckedRows, EloScale, checked_rows, elo, elo_permuted, shuffled};
pub use fixed::{Fixed, fixed_point, round_fixed, sum_fixed};
pub use likelihood::{Derivatives, Duels, Model, derivatives, pairs};
pub use plackett_luce::{PlackettLuce, Rankings, plackett_luce};
pub use spectral::{
    Centrality, Edges, PowerLimits, eigenvector_centrality, pagerank, rank_centrality,
};
pub use strings::{Addresses, Codes, fixed_width_codes};
pub use triples::{CyclicTriples, cyclic_triples};
