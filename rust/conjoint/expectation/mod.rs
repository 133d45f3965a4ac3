//! Exact expectations of an outcome over profiles drawn from product policies, with their derivatives.
//!
//! Q(π, ρ) = E link(c + s(T) − s(U)), T ~ π, U ~ ρ, summed over groups of voters. Of a logit the sigmoid is a Fourier sum
//! of some 100 nodes, exact to 1e-15; an additive score factorizes at each node, so that Q costs O(K M). Where levels
//! interact profiles are enumerated once. Of the identity Q is a sum over levels and pairs of levels.

#![allow(clippy::doc_markdown, clippy::many_single_char_names)] // formulas

mod additive;
mod electorate;
mod pairwise;
mod parameters;
mod party;
mod sampled;
mod scores;
mod series;
mod table;
mod voters;
mod wave;

#[cfg(test)]
mod tests;

pub use electorate::{Electorate, Payoff};
pub use parameters::{ParameterSlopes, own_parameter_slopes, parameter_slopes};
pub use party::{Party, Pass, Sum, value_and_slopes};
pub use scores::{Interaction, Scores, joint};
pub use series::{Moments, Nodes, Series};
pub use table::Table;
pub use voters::{Link, MOST_PROFILES, Voters};
