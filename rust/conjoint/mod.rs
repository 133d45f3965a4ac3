//! Conjoint surveys on codes of levels: effects, models of choice, policies and their equilibria.

mod codes;
pub mod equilibrium;
pub mod expectation;
pub mod policy;

pub use codes::{Codes, Layout};
