//! The product policy that is best for one party against a fixed payoff, with a pull to a reference.

mod ascent;
mod newton;
mod penalty;

pub use ascent::{Ascent, Problem};
pub use newton::{Tangent, newton};
pub use penalty::Penalty;
