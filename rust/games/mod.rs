//! Preference games: symmetric zero-sum games of one payoff matrix, one or many at a time.
//!
//! A is the payoff less half its pair constant, so that A is skew; policies are normalised log-probabilities.

mod dynamics;
mod gaps;
mod payoff;
mod policy;
mod regret;
mod reply;
mod solution;

pub use dynamics::{Map, Plan, dynamics};
pub use gaps::{Gaps, best_reply, measure};
pub use payoff::{Form, Game, Games, Layout, Values, pair_constant};
pub use policy::{log_softmax, normalized};
pub use regret::{Limits, Rule, fictitious_play, regret_matching};
pub use reply::{Matrices, Policies, best_responses, duality_gaps, pair_gaps, row_responses};
pub use solution::{Solution, solve_each};
