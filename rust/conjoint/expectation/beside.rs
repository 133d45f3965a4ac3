//! What a policy wins beside profiles that are known.

use super::voters::Voters;
use crate::threads;

/// Scores of one unit of work.
const BLOCK: usize = 4_096;

impl Voters {
    /// Expected outcome of a random profile T of `policy` beside each of some profiles, given by their scores.
    ///
    /// E link(c + s(T) − score) where T stands first, else 1 − E link(c + score − s(T)). O(N K) beside the moments of T.
    #[must_use]
    pub fn beside(&self, policy: &[f64], scores: &[f64], first: bool) -> Vec<f64> {
        let moments = self.moments(Some(policy));
        let series = if first {
            self.link.facing(&moments)
        } else {
            self.link.against(&moments)
        };
        let blocks: Vec<&[f64]> = scores.chunks(BLOCK).collect();
        let work = scores.len() * (4 + 8 * series.wave.len());
        let parts = threads::map(blocks, work, |scores| series.at(scores));
        let values = parts.concat();
        if first {
            values
        } else {
            values.into_iter().map(|value| 1.0 - value).collect()
        }
    }
}
