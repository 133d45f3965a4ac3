//! Preference games: symmetric zero-sum games of one payoff matrix, one or many at a time.
//!
//! A is the payoff less half its pair constant, so that A is skew; policies are normalised log-probabilities.

mod ballots;
mod dynamics;
mod exact;
mod factor;
mod gaps;
mod kemeny;
mod kemeny_search;
mod lane_gaps;
mod packed;
mod pair_constant;
mod payoff;
mod policy;
mod ranked_pairs;
mod rectangular;
mod regret;
mod regularized;
mod reply;
mod solution;
mod widest_paths;

pub use ballots::{Unranked, pairwise_votes};
pub use dynamics::{Map, Plan, dynamics};
pub use exact::{Selection, solve_nash, solve_zero_sum};
pub use factor::gpm_matvec;
pub use gaps::{Gaps, best_reply, extragradient_step, measure};
pub use kemeny::{Consensus, kemeny};
pub use pair_constant::{Layout, pair_constant};
pub use payoff::{Form, Game, Games, Values};
pub use policy::{log_probabilities, log_softmax, normalized};
pub use ranked_pairs::{LockedPairs, lock_pairs};
pub use rectangular::{Rectangle, ZeroSumSolution, solve_each_rectangle};
pub use regret::{Rule, fictitious_play, regret_matching};
pub use regularized::{KlLimits, Pulls, proximal, solve_nash_kl, solve_zero_sum_kl};
pub use reply::{Matrices, Policies, best_responses, duality_gaps, pair_gaps, row_responses};
pub use solution::{Limits, Solution, solve_each};
pub use widest_paths::widest_paths;
