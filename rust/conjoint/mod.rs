//! Conjoint surveys on codes of levels: effects, models of choice, policies and their equilibria.

mod codes;
pub mod outcome;

pub use codes::{Codes, Layout};
