//! The product policy that is best for one party against a fixed payoff, with a pull to a reference.

#![allow(clippy::doc_markdown, clippy::many_single_char_names)] // formulas

mod ascent;
mod newton;
mod norm;
mod penalty;
mod profiles;
mod search;

pub use ascent::{Ascent, Problem};
pub use newton::{Tangent, newton};
pub use norm::{Norm, interaction_norm};
pub use penalty::Penalty;
pub use profiles::{Ranked, best_profiles};
pub use search::{Best, best_policy, sensitivity};
