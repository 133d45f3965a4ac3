//! Conjoint surveys on codes of levels: effects, models of choice, policies and their equilibria.

mod choice;
mod codes;
mod effects;
mod leverage;

pub use choice::{ChoiceEnd, Choices, choice_probabilities, fit_choices, score_products};
pub use codes::{Codes, Layout};
pub use effects::{Clusters, Products, Residual, Rows, level_products, level_scores};
pub use leverage::adjusted_scores;
