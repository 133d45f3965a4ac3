//! Exact sums of doubles: fixed point over their whole range, so that the order of the terms does not matter.

/// 64-bit limbs of a sum, lowest first: two's complement in units of 2^-1074, with room for 2^63 terms.
pub const LIMBS: usize = 34;

/// A sum in the form in which it is stored and sent.
pub type Limbs = [u64; LIMBS];

const CHUNKS: usize = 2 * LIMBS;
const LOW: i64 = 0xffff_ffff;
/// Terms after which a chunk, which takes less than 2^32 from each, could pass 2^63.
const MAX_PENDING: u32 = 1 << 30;
/// Place of the highest bit of the largest double.
const TOP_BIT: usize = 2097;

/// A sum under way: signed chunks of 32 bits, whose carries wait, so that a term touches three of them.
///
/// ```
/// use prefcore::exact::{ExactSum, rounded};
/// let mut sum = ExactSum::default();
/// for value in [1e300, 1.0, -1e300] {
///     sum.add(value);
/// }
/// assert_eq!(rounded(&sum.limbs()), 1.0);
/// ```
#[derive(Debug, Clone)]
pub struct ExactSum {
    chunks: [i64; CHUNKS],
    pending: u32,
}

impl Default for ExactSum {
    fn default() -> Self {
        Self {
            chunks: [0; CHUNKS],
            pending: 0,
        }
    }
}

impl ExactSum {
    /// Adds a finite number. O(1).
    pub fn add(&mut self, value: f64) {
        let bits = value.to_bits();
        let fraction = bits & ((1 << 52) - 1);
        let (shift, mantissa) = match (bits >> 52) & 0x7ff {
            0 => (0, fraction),
            exponent => (exponent - 1, fraction | (1 << 52)),
        };
        let wide = u128::from(mantissa) << (shift % 32);
        let place = usize::try_from(shift / 32).unwrap_or(0);
        let parts = [wide, wide >> 32, wide >> 64].map(|part| {
            #[allow(clippy::cast_possible_truncation)] // the low half is what is meant
            let part = i64::from(part as u32);
            if value < 0.0 { -part } else { part }
        });
        let own = self.chunks.get_mut(place..place + 3).unwrap_or_default();
        for (chunk, part) in own.iter_mut().zip(parts) {
            *chunk += part;
        }
        self.pending += 1;
        if self.pending == MAX_PENDING {
            self.carry();
        }
    }

    /// Adds another sum.
    pub fn merge(&mut self, mut other: Self) {
        self.carry();
        other.carry();
        for (chunk, part) in self.chunks.iter_mut().zip(other.chunks) {
            *chunk += part;
        }
        self.pending = 2;
    }

    /// The sum in its only form, equal for equal sums.
    #[must_use]
    pub fn limbs(mut self) -> Limbs {
        self.carry();
        let mut limbs = [0; LIMBS];
        for (limb, pair) in limbs.iter_mut().zip(self.chunks.chunks(2)) {
            let (low, high) = pair.split_at(1);
            let half = |chunk: &[i64]| chunk.first().map_or(0, |&chunk| bits(chunk & LOW));
            *limb = half(low) | (half(high) << 32);
        }
        limbs
    }

    fn carry(&mut self) {
        let mut carry = 0;
        if let Some((top, rest)) = self.chunks.split_last_mut() {
            for chunk in rest {
                let sum = *chunk + carry;
                *chunk = sum & LOW;
                carry = sum >> 32;
            }
            *top += carry;
        }
        self.pending = 1;
    }
}

/// The sum of two sums. Bits beyond the highest limb, which 2^63 terms do not reach, are lost.
#[must_use]
pub fn added(a: &Limbs, b: &Limbs) -> Limbs {
    let (mut sum, mut carry) = ([0; LIMBS], false);
    for ((limb, &a), &b) in sum.iter_mut().zip(a).zip(b) {
        let (partial, first) = a.overflowing_add(b);
        let (total, second) = partial.overflowing_add(u64::from(carry));
        (*limb, carry) = (total, first || second);
    }
    sum
}

/// The double nearest to a sum, halves to even; infinite beyond the largest one.
#[must_use]
pub fn rounded(limbs: &Limbs) -> f64 {
    let negative = limbs.last().is_some_and(|&top| top >> 63 == 1);
    let magnitude = if negative { negated(limbs) } else { *limbs };
    let Some(top) = magnitude.iter().rposition(|&limb| limb != 0) else {
        return 0.0;
    };
    let limb = |place: Option<usize>| place.and_then(|place| magnitude.get(place)).copied();
    let below = limb(top.checked_sub(1)).unwrap_or(0);
    let head = (u128::from(limb(Some(top)).unwrap_or(0)) << 64) | u128::from(below);
    let zeros = head.leading_zeros();
    let highest = 64 * top + 63 - usize::try_from(zeros).unwrap_or(0);
    let size = if highest < 53 {
        f64::from_bits(magnitude.first().copied().unwrap_or(0)) // a multiple of 2^-1074 below 2^-1021
    } else if highest > TOP_BIT {
        f64::INFINITY
    } else {
        let head = head << zeros;
        let rest = head << 53;
        let lower = magnitude.get(..top.saturating_sub(1)).unwrap_or_default();
        let more = lower.iter().any(|&limb| limb != 0);
        let mantissa = u64::try_from(head >> 75).unwrap_or(0);
        let half = 1 << 127;
        let up = rest > half || (rest == half && (more || mantissa % 2 == 1));
        let exponent = u64::try_from(highest - 52).unwrap_or(0);
        f64::from_bits((exponent << 52) + mantissa + u64::from(up)) // the leading bit of the mantissa adds 1
    };
    if negative { -size } else { size }
}

fn negated(limbs: &Limbs) -> Limbs {
    let mut one = [0; LIMBS];
    if let Some(first) = one.first_mut() {
        *first = 1;
    }
    added(&limbs.map(|limb| !limb), &one)
}

fn bits(value: i64) -> u64 {
    u64::from_ne_bytes(value.to_ne_bytes())
}

#[cfg(test)]
#[allow(clippy::float_cmp)]
mod tests {
    use super::{ExactSum, added, rounded};
    use crate::random;

    fn sum(values: &[f64]) -> ExactSum {
        let mut sum = ExactSum::default();
        for &value in values {
            sum.add(value);
        }
        sum
    }

    /// Doubles of every exponent and both signs.
    fn draws(n: u64) -> Vec<f64> {
        let draw = |row| f64::from_bits(random::key(1, &[row]));
        (0..n).map(draw).filter(|value| value.is_finite()).collect()
    }

    #[test]
    fn a_single_number_comes_back() {
        let ends = [0.0, 5e-324, f64::MIN_POSITIVE, f64::MAX, f64::MIN, 1.0];
        for value in draws(20_000).into_iter().chain(ends) {
            assert_eq!(rounded(&sum(&[value]).limbs()), value);
        }
    }

    #[test]
    fn what_is_taken_away_leaves_nothing_whatever_the_order() {
        let values = draws(5_000);
        let mut all: Vec<f64> = values.iter().map(|value| -value).rev().collect();
        all.extend(&values);
        assert_eq!(sum(&all).limbs(), [0; 34]);
        let (head, tail) = values.split_at(1_234);
        let (mut merged, whole) = (sum(tail), sum(&values).limbs());
        merged.merge(sum(head));
        assert_eq!(merged.limbs(), whole);
        assert_eq!(added(&sum(head).limbs(), &sum(tail).limbs()), whole);
    }

    #[test]
    fn halves_round_to_even_and_the_last_bit_decides() {
        let half = f64::EPSILON / 2.0;
        assert_eq!(rounded(&sum(&[1.0, half]).limbs()), 1.0);
        assert_eq!(
            rounded(&sum(&[1.0, half, 5e-324]).limbs()),
            1.0 + f64::EPSILON
        );
        assert_eq!(
            rounded(&sum(&[1.0, half, f64::EPSILON]).limbs()),
            1.0 + 2.0 * f64::EPSILON
        );
        assert_eq!(
            rounded(&sum(&[-1.0, -half, -5e-324]).limbs()),
            -1.0 - f64::EPSILON
        );
        assert_eq!(rounded(&sum(&[f64::MAX, f64::MAX]).limbs()), f64::INFINITY);
        assert_eq!(
            rounded(&sum(&[f64::MAX, f64::MAX, f64::MIN]).limbs()),
            f64::MAX
        );
    }

    /// Integers of up to 2^80, whose sums i128 holds.
    #[test]
    fn sums_are_those_of_integers() {
        let values: Vec<i64> = (0..1_000)
            .map(|row| i64::from_ne_bytes(random::key(2, &[row]).to_ne_bytes()) >> 11)
            .collect();
        let mut whole = ExactSum::default();
        let mut want = 0_i128;
        for (&value, shift) in values.iter().zip((0..27_u32).cycle()) {
            want += i128::from(value) << shift;
            #[allow(clippy::cast_precision_loss)] // 53 bits
            whole.add(value as f64 * f64::from(1 << shift));
            #[allow(clippy::cast_precision_loss)] // rounds to nearest, as it should
            let nearest = want as f64;
            assert_eq!(rounded(&whole.clone().limbs()), nearest);
        }
    }
}
