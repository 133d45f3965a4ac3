//! Conjoint surveys on codes of levels: effects, models of choice, policies and their equilibria.

mod choice;
mod codes;
mod effects;
mod eigen;
pub mod equilibrium;
pub mod expectation;
mod gram;
mod leverage;
pub mod outcome;
pub mod policy;
mod products;
mod rows;
mod sets;
mod tables;

pub use choice::{ChoiceEnd, choice_probabilities, fit_choices, score_products};
pub use codes::{Codes, Layout};
pub use effects::{Residual, level_meat, level_scores};
pub use eigen::symmetric_eigen;
pub use leverage::adjusted_scores;
pub use products::{Products, level_products};
pub use rows::{Clusters, Rows};
pub use sets::Choices;
