//! Ratings of items from comparisons of two.

mod comparisons;
mod connectivity;
mod fixed;
mod strings;

pub use comparisons::{Cells, Rows, Units, gathered};
pub use connectivity::{CyclicTriples, cyclic_triples, strong_components};
pub use fixed::{Fixed, fixed_point, round_fixed, sum_fixed};
pub use strings::{Addresses, Codes, fixed_width_codes};
