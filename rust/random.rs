//! The counter-based generator: the only randomness in the crate.
//!
//! A key depends on `(seed, counters)` and on nothing else, so a draw is the same for any thread count, chunking and
//! call order, and stays the same across versions of any library.

/// The increment of `SplitMix64`.
const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// `SplitMix64`: one step of the increment, then the finaliser of Steele, Lea and Flood (2014).
#[must_use]
pub const fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(GAMMA);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The key of a seed and its counters: `mix(… mix(mix(seed) ^ counters[0]) … ^ counters[k])`.
///
/// ```
/// // group 1, local pair (0, 1)
/// assert_eq!(prefcore::random::key(0, &[1, 0, 1]), 0x1833_a3fc_3b33_a847);
/// ```
#[must_use]
pub fn key(seed: u64, counters: &[u64]) -> u64 {
    counters
        .iter()
        .fold(mix(seed), |state, counter| mix(state ^ counter))
}

/// The numbers of a key in order: `SplitMix64` started there.
#[derive(Debug, Clone)]
pub struct Draws {
    state: u64,
}

impl Draws {
    /// The stream that a key starts.
    #[must_use]
    pub const fn new(key: u64) -> Self {
        Self { state: key }
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        let bits = mix(self.state);
        self.state = self.state.wrapping_add(GAMMA);
        bits
    }

    /// A whole number below `end`, which is at least 1; off from uniform by less than end / 2^64.
    #[allow(clippy::cast_possible_truncation)] // the upper half of a product
    pub const fn below(&mut self, end: usize) -> usize {
        ((self.bits() as u128 * end as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::{Draws, GAMMA, mix};

    /// The published first outputs of `SplitMix64` started at 0 (state advances by the golden gamma).
    #[test]
    fn matches_published_sequence() {
        assert_eq!(mix(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(mix(GAMMA), 0x6E78_9E6A_A1B9_65F4);
        assert_eq!(mix(GAMMA.wrapping_mul(2)), 0x06C4_5D18_8009_454F);
        let mut draws = Draws::new(0);
        assert_eq!([draws.bits(), draws.bits()], [mix(0), mix(GAMMA)]);
    }
}
