//! Preference games: symmetric zero-sum games of one payoff matrix, one or many at a time.
//!
//! A is the payoff less half its pair constant, so that A is skew; policies are normalised log-probabilities.

mod exact;
mod gaps;
mod payoff;
mod policy;
mod rectangular;
mod solution;

pub use exact::{Selection, solve_nash, solve_zero_sum};
pub use gaps::{Gaps, best_reply, measure};
pub use payoff::{Form, Game, Games, Layout, Values, pair_constant};
pub use policy::{log_probabilities, log_softmax, normalized};
pub use rectangular::{Rectangle, ZeroSumSolution, solve_each_rectangle};
pub use solution::{Solution, solve_each, solve_each_with};
