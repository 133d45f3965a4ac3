//! Gaps between scores, and the window that they have to fall into.

use std::fmt::{self, Display};

use crate::error::{Error, Result};

/// A bound of the window as the caller wrote it: integers are kept exactly.
#[derive(Debug, Clone, Copy)]
pub enum Bound {
    /// An integer.
    Int(i64),
    /// Any other number.
    Float(f64),
}

impl From<f64> for Bound {
    fn from(bound: f64) -> Self {
        Self::Float(bound)
    }
}

impl Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(bound) => bound.fmt(f),
            Self::Float(bound) => bound.fmt(f),
        }
    }
}

/// Numbers that rows are compared by. A gap to NaN is NaN, and lies in no window.
pub trait Score: Copy + Default + PartialOrd + Display + Send + Sync {
    /// Type of a gap: the float itself, the unsigned twin of an integer.
    type Gap: Copy + PartialOrd + Send + Sync;

    /// Distance of two scores; infinite scores of the same sign give NaN.
    fn gap(self, other: Self) -> Self::Gap;
    /// The gap as a score.
    fn margin(gap: Self::Gap) -> Self;
    /// Whether [`Score::margin`] can hold the gap.
    fn fits(gap: Self::Gap) -> bool;
    /// Whether this is NaN.
    fn is_nan(self) -> bool;
    /// Largest gap that is not above the bound (≥ 0). Floats: the bound as a number of this type.
    fn at(bound: Bound) -> Self::Gap;
    /// Largest gap below the bound (≥ 0), or 0.
    fn below(bound: Bound) -> Self::Gap;
    /// Largest gap.
    fn largest() -> Self::Gap;
}

macro_rules! float_score {
    ($float:ty) => {
        impl Score for $float {
            type Gap = Self;

            #[inline]
            fn gap(self, other: Self) -> Self {
                (self - other).abs()
            }
            #[inline]
            fn margin(gap: Self) -> Self {
                gap
            }
            #[inline]
            fn fits(_gap: Self) -> bool {
                true
            }
            #[inline]
            fn is_nan(self) -> bool {
                self.is_nan()
            }
            #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
            fn at(bound: Bound) -> Self {
                match bound {
                    Bound::Int(bound) => bound as Self,
                    // a finite bound stays finite, so that infinite gaps stay above it
                    Bound::Float(bound) if bound.is_finite() => {
                        (bound as Self).min(Self::MAX).abs()
                    }
                    Bound::Float(bound) => bound as Self,
                }
            }
            fn below(bound: Bound) -> Self {
                Self::from_bits(Self::at(bound).to_bits().saturating_sub(1))
            }
            fn largest() -> Self {
                Self::INFINITY
            }
        }
    };
}
float_score!(f32);
float_score!(f64);

macro_rules! integer_score {
    ($integer:ty, $gap:ty) => {
        impl Score for $integer {
            type Gap = $gap;

            #[inline]
            fn gap(self, other: Self) -> $gap {
                self.abs_diff(other)
            }
            #[inline]
            #[allow(clippy::cast_possible_wrap)]
            fn margin(gap: $gap) -> Self {
                gap as Self
            }
            #[inline]
            fn fits(gap: $gap) -> bool {
                Self::margin(gap) >= 0
            }
            #[inline]
            fn is_nan(self) -> bool {
                false
            }
            fn at(bound: Bound) -> $gap {
                clamp(match bound {
                    Bound::Int(bound) => u128::from(bound.unsigned_abs()),
                    Bound::Float(bound) => whole(bound.floor()),
                })
            }
            fn below(bound: Bound) -> $gap {
                clamp(match bound {
                    Bound::Int(bound) => u128::from(bound.unsigned_abs()).saturating_sub(1),
                    Bound::Float(bound) => whole(bound.ceil()).saturating_sub(1),
                })
            }
            fn largest() -> $gap {
                <$gap>::MAX
            }
        }
    };
}
integer_score!(i32, u32);
integer_score!(i64, u64);

/// Infinity becomes the largest integer.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(bound: f64) -> u128 {
    bound as u128
}

fn clamp<G: TryFrom<u128> + Bounded>(bound: u128) -> G {
    G::try_from(bound).unwrap_or(G::MOST)
}

trait Bounded {
    const MOST: Self;
}
impl Bounded for u32 {
    const MOST: Self = Self::MAX;
}
impl Bounded for u64 {
    const MOST: Self = Self::MAX;
}

/// The gaps that are kept: above `above` (at least 0, so ties never are), up to `up_to`.
#[derive(Debug, Clone, Copy)]
pub struct Window<G> {
    above: G,
    up_to: G,
    /// Whether `min_gap` is 0, so that a tie is not below it.
    from_zero: bool,
}

impl<G: Copy + PartialOrd> Window<G> {
    /// The window of the bounds.
    ///
    /// # Errors
    /// [`Error::Domain`] unless 0 ≤ `min_gap` ≤ `max_gap`.
    pub fn new<T: Score<Gap = G>>(
        min_gap: Bound,
        max_gap: Option<Bound>,
        inclusive: bool,
    ) -> Result<Self> {
        if !at_least(min_gap, Bound::Int(0)) {
            return Err(Error::domain("min_gap", "a number >= 0", min_gap));
        }
        if let Some(max_gap) = max_gap.filter(|&max_gap| !at_least(max_gap, min_gap)) {
            let expected = format!("at least min_gap = {min_gap}");
            return Err(Error::domain("max_gap", expected, max_gap));
        }
        let [lower, upper]: [fn(Bound) -> G; 2] = if inclusive {
            [T::below, T::at]
        } else {
            [T::at, T::below]
        };
        Ok(Self {
            above: lower(min_gap),
            up_to: max_gap.map_or(T::largest(), upper),
            from_zero: at_least(Bound::Int(0), min_gap),
        })
    }

    /// Gap of a score above another one, or of two equal ones, and whether the pair is kept; `ties`: whether equal
    /// scores are where no gap is asked for. A score below the other one is not kept.
    #[inline]
    pub fn judge<T: Score<Gap = G>>(&self, chosen: T, rejected: T, ties: bool) -> (G, bool) {
        if chosen == rejected {
            return (T::default().gap(T::default()), ties && self.from_zero);
        }
        let gap = chosen.gap(rejected);
        (gap, chosen > rejected && self.holds(gap))
    }

    /// Whether the gap is not too small; NaN is.
    pub fn reaches(&self, gap: G) -> bool {
        gap > self.above
    }

    /// Whether the gap lies inside; NaN does not.
    #[inline]
    #[allow(clippy::needless_bitwise_bool)] // a second branch would be mispredicted
    pub fn holds(&self, gap: G) -> bool {
        (gap > self.above) & (gap <= self.up_to)
    }
}

#[allow(clippy::cast_precision_loss)]
fn at_least(bound: Bound, least: Bound) -> bool {
    match (bound, least) {
        (Bound::Int(bound), Bound::Int(least)) => bound >= least,
        (Bound::Int(bound), Bound::Float(least)) => bound as f64 >= least,
        (Bound::Float(bound), Bound::Int(least)) => bound >= least as f64,
        (Bound::Float(bound), Bound::Float(least)) => bound >= least,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Bound, Score, Window};

    fn window<T: Score>(min_gap: Bound, max_gap: Option<Bound>, inclusive: bool) -> Window<T::Gap> {
        Window::new::<T>(min_gap, max_gap, inclusive).unwrap()
    }

    /// The definition, for numbers that f64 holds exactly.
    #[test]
    fn integer_gaps_against_float_bounds_are_compared_exactly() {
        let bounds = [0.0, 0.5, 1.0, 2.0, 2.5, 7.0, 1e30, f64::INFINITY];
        for min_gap in bounds {
            for max_gap in bounds.into_iter().filter(|max_gap| *max_gap >= min_gap) {
                for gap in [0_u32, 1, 2, 3, 6, 7, 8, u32::MAX] {
                    let x = f64::from(gap);
                    let open = gap > 0 && x > min_gap && x < max_gap;
                    let closed = gap > 0 && x >= min_gap && x <= max_gap;
                    let bounds = (min_gap.into(), Some(max_gap.into()));
                    assert_eq!(window::<i32>(bounds.0, bounds.1, false).holds(gap), open);
                    assert_eq!(window::<i32>(bounds.0, bounds.1, true).holds(gap), closed);
                    assert_eq!(window::<f64>(bounds.0, bounds.1, false).holds(x), open);
                    assert_eq!(window::<f64>(bounds.0, bounds.1, true).holds(x), closed);
                }
            }
        }
    }

    #[test]
    fn integer_bounds_beyond_float_precision_are_exact() {
        let window = window::<i64>(Bound::Int((1 << 53) + 1), None, false);
        assert!(!window.holds((1 << 53) + 1));
        assert!(window.holds((1 << 53) + 2));
    }

    #[test]
    fn float_bounds_become_numbers_of_the_scores_type() {
        // 0.7 is a little more than the f32 next to it; as raw f32 numbers they are equal
        assert!(window::<f32>(0.7.into(), None, true).holds(0.7));
        assert!(!window::<f32>(0.7.into(), None, false).holds(0.7));
        // -0.0 is the bound 0, and a tie is no pair even where the window is closed
        assert!(!window::<f32>((-0.0).into(), None, true).holds(0.0));
        assert!(window::<f32>((-0.0).into(), None, true).holds(f32::from_bits(1)));
        // beyond the range of f32, a finite bound still lies below an infinite gap
        assert!(!window::<f32>(0.0.into(), Some(1e300.into()), true).holds(f32::INFINITY));
        assert!(window::<f32>(1e300.into(), None, false).holds(f32::INFINITY));
        assert!(!window::<f64>(0.0.into(), Some(f64::INFINITY.into()), false).holds(f64::INFINITY));
    }

    #[test]
    fn senseless_windows_are_named() {
        let error = |min_gap: f64, max_gap: f64| {
            let window = Window::new::<f64>(min_gap.into(), Some(max_gap.into()), false);
            window.err().unwrap().to_string()
        };
        assert_eq!(error(-1.0, 1.0), "min_gap must be a number >= 0, got -1");
        assert_eq!(
            error(f64::NAN, 1.0),
            "min_gap must be a number >= 0, got NaN"
        );
        assert_eq!(
            error(2.0, 1.0),
            "max_gap must be at least min_gap = 2, got 1"
        );
        assert_eq!(
            error(2.0, f64::NAN),
            "max_gap must be at least min_gap = 2, got NaN"
        );
    }
}
