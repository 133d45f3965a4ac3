//! The way from a logit x to z, in f64 for single entries and in the kernel's type for tiles.

use std::f64::consts::{LN_2, LOG2_E};

use super::real::Real;

/// tanh(40) is 1 - 2e-35: a capped logit does not change beyond.
const SATURATED: f64 = 40.0;

/// z as a function of the logit x.
#[derive(Debug, Clone, Copy)]
pub(super) enum Curve {
    /// z = scale · x
    Linear { scale: f64 },
    /// z = height · tanh(bend · x)
    Capped { height: f64, bend: f64 },
}

impl Curve {
    /// The curve of one row. The arguments are positive and finite.
    pub fn new(temperature: f64, softcap: Option<f64>, logit_scale: f64) -> Self {
        // Neither 0 nor inf: their products with an infinite or vanishing logit would be NaN.
        let factor = |value: f64| value.clamp(f64::MIN_POSITIVE, f64::MAX);
        match softcap {
            // Logits that a cap of more than 1e30 bends do not occur, and its factors would leave f32.
            Some(softcap) if softcap < 1e30 * logit_scale => Self::Capped {
                height: factor(softcap / temperature),
                bend: factor(logit_scale / softcap),
            },
            _ => Self::Linear {
                scale: factor(logit_scale / temperature),
            },
        }
    }

    /// z(x); -inf, a masked entry, stays -inf.
    pub fn z(self, x: f64) -> f64 {
        match self {
            Self::Linear { scale } => scale * x,
            Self::Capped { .. } if x == f64::NEG_INFINITY => x,
            Self::Capped { height, bend } => height * (bend * x).tanh(),
        }
    }

    /// z(x) - z(from); exact for near and far offsets alike where the curve is linear.
    pub fn gap(self, x: f64, from: f64) -> f64 {
        match self {
            Self::Linear { scale } => scale * (x - from),
            Self::Capped { .. } => self.z(x) - self.z(from),
        }
    }

    /// dz/dx
    pub fn slope(self, x: f64) -> f64 {
        match self {
            Self::Linear { scale } => scale,
            Self::Capped { height, bend } => height * bend / (bend * x).cosh().powi(2),
        }
    }

    /// The curve as seen from the logit `top`, which no other logit exceeds by much.
    pub fn anchor<R: Real>(self, top: f64) -> Anchor<R> {
        match self {
            Self::Linear { scale } => Anchor::Linear(Line::new(scale, top)),
            Self::Capped { height, bend } => Anchor::Capped(Cap::new(height, bend, top)),
        }
    }

    /// The curve as seen from each of two logits.
    pub fn anchors<R: Real>(self, [first, second]: [f64; 2]) -> Anchors<R> {
        match self {
            Self::Linear { scale } => {
                Anchors::Linear(Line::new(scale, first), Line::new(scale, second))
            }
            Self::Capped { height, bend } => Anchors::Capped(
                Cap::new(height, bend, first),
                Cap::new(height, bend, second),
            ),
        }
    }
}

/// A curve as seen from an anchor `top`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor<R> {
    Linear(Line<R>),
    Capped(Cap<R>),
}

/// One curve as seen from two anchors.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchors<R> {
    Linear(Line<R>, Line<R>),
    Capped(Cap<R>, Cap<R>),
}

/// What the vector loops ask of a curve; they are compiled once for each kind of it.
pub(super) trait View<R>: Copy {
    /// (z(x) - z(top)) / ln 2, so that `2^` takes it back; -inf for a masked entry.
    fn halvings(self, x: R) -> R;

    /// dz/dx
    fn slope(self, x: R) -> R;
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Line<R> {
    top: R,
    rate: R,
    slope: R,
}

impl<R: Real> Line<R> {
    fn new(scale: f64, top: f64) -> Self {
        Self {
            top: R::round(top),
            rate: R::factor(scale * LOG2_E),
            slope: R::factor(scale),
        }
    }
}

impl<R: Real> View<R> for Line<R> {
    #[inline(always)]
    fn halvings(self, x: R) -> R {
        (x - self.top) * self.rate
    }

    #[inline(always)]
    fn slope(self, _x: R) -> R {
        self.slope
    }
}

/// With v = bend · top, e = exp(2 (bend · x - v)), above = sigmoid(2v), below = sigmoid(-2v),
/// tanh(bend · x) - tanh(v) = 2 above below (e - 1) / (below + above e). Unlike the difference of two tanh this is 0 at
/// the anchor and keeps its relative accuracy both where the cap saturates and where it is so high that it hardly bends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cap<R> {
    top: R,
    rate: R,
    above: R,
    below: R,
    depth: R,
    steepness: R,
}

impl<R: Real> Cap<R> {
    fn new(height: f64, bend: f64, top: f64) -> Self {
        let top = top.min(SATURATED / bend);
        let twice = 2.0 * bend * top;
        let (above, below) = (1.0 / (1.0 + (-twice).exp()), 1.0 / (1.0 + twice.exp()));
        Self {
            top: R::round(top),
            rate: R::factor(2.0 * bend * LOG2_E),
            above: R::round(above),
            below: R::round(below),
            depth: R::factor(2.0 * height * above * below * LOG2_E),
            steepness: R::factor(4.0 * height * bend * above * below),
        }
    }
}

impl<R: Real> View<R> for Cap<R> {
    #[inline(always)]
    fn halvings(self, x: R) -> R {
        let (e, fall) = decay(x, self.top, self.rate);
        let z = self.depth * fall / (self.below + self.above * e);
        if x == R::NEG_INFINITY { x } else { z }
    }

    #[inline(always)]
    fn slope(self, x: R) -> R {
        let (e, _) = decay(x, self.top, self.rate);
        let inverse = R::ONE / (self.below + self.above * e);
        (self.steepness * inverse) * (e * inverse) // the square of a width of 1e-35 would vanish
    }
}

/// e = exp(2 bend (x - top)), at most 1, and e - 1.
///
/// Near 0 the difference would cancel (a cap of 1e6 bends the curve by 1e-6), so the series takes over there.
#[inline(always)]
fn decay<R: Real>(x: R, top: R, rate: R) -> (R, R) {
    let distance = x - top;
    let distance = if distance > R::ZERO {
        R::ZERO
    } else {
        distance
    };
    let halvings = distance * rate;
    let (e, near) = (halvings.exp2(), expm1_series(halvings * R::round(LN_2)));
    let far = e - R::ONE;
    (e, if halvings > R::round(-0.5) { near } else { far })
}

/// exp(u) - 1 = u (1 + u/2 (1 + u/3 (…))): 14 terms are exact to f64 on |u| <= ln 2 / 2.
#[inline(always)]
fn expm1_series<R: Real>(u: R) -> R {
    let mut sum = R::ONE;
    for n in (2..15_u32).rev() {
        sum = R::ONE + u * R::round(1.0 / f64::from(n)) * sum;
    }
    u * sum
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, clippy::float_cmp)]
mod tests {
    use super::{Anchor, Curve, View};
    use crate::logps::Real;

    fn exp<R: Real>(anchor: Anchor<R>, x: R) -> R {
        match anchor {
            Anchor::Linear(line) => line.halvings(x).exp2(),
            Anchor::Capped(cap) => cap.halvings(x).exp2(),
        }
    }

    fn slope<R: Real>(anchor: Anchor<R>, x: R) -> R {
        match anchor {
            Anchor::Linear(line) => line.slope(x),
            Anchor::Capped(cap) => cap.slope(x),
        }
    }

    /// The cap of these tests saturates at 600.
    const LOGITS: [f64; 11] = [
        -3e4, -80.0, -7.0, -0.3, 0.0, 1e-3, 0.9, 33.0, 200.0, 2e3, 3e4,
    ];

    #[test]
    fn capped_exponents_match_the_difference_of_two_tanh() {
        let curve = Curve::new(0.5, Some(30.0), 2.0);
        for top in LOGITS {
            let anchor = curve.anchor::<f64>(top);
            for x in LOGITS.into_iter().filter(|&x| x <= top) {
                let want = (60.0 * ((x / 15.0).tanh() - (top / 15.0).tanh())).exp();
                assert!(
                    (exp(anchor, x) - want).abs() <= 1e-12 * want,
                    "{x} from {top}"
                );
            }
        }
    }

    #[test]
    fn a_cap_far_above_the_logits_changes_nothing() {
        for softcap in [1e3, 1e6, 1e12, 1e20, 1e300] {
            let curve = Curve::new(1.0, Some(softcap), 1.0);
            for (x, top) in [(-3.0_f64, 2.5), (1.0, 1.25), (-7.0, -7.0)] {
                let want = (curve.z(x) - curve.z(top)).exp();
                let double = exp::<f64>(curve.anchor(top), x);
                let single = f64::from(exp::<f32>(curve.anchor(top), x as f32));
                let steepness = slope::<f64>(curve.anchor(top), x);
                assert!((double - want).abs() <= 1e-14 * want, "{softcap}");
                assert!((single - want).abs() <= 1e-6 * want, "{softcap}");
                assert!((steepness - curve.slope(x)).abs() <= 1e-12, "{softcap}");
            }
        }
    }

    #[test]
    fn slopes_match_the_derivative_of_tanh_in_both_number_types() {
        let curve = Curve::new(0.5, Some(30.0), 2.0);
        for x in LOGITS.into_iter().filter(|&x| x <= 200.0) {
            let want = 4.0 * (1.0 - (x / 15.0).tanh()) * (1.0 + (x / 15.0).tanh());
            let double = slope::<f64>(curve.anchor(200.0), x);
            let single = f64::from(slope::<f32>(curve.anchor(200.0), x as f32));
            assert!((curve.slope(x) - want).abs() <= 1e-13);
            assert!((double - want).abs() <= 1e-12);
            assert!((single - want).abs() <= 2e-6);
        }
    }

    #[test]
    fn masked_logits_stay_masked_and_extreme_factors_give_numbers() {
        for softcap in [None, Some(30.0)] {
            for temperature in [1e-300, 1e-40, 1.0, 1e40, 1e300] {
                let curve = Curve::new(temperature, softcap, 1.0);
                let exps =
                    [f32::NEG_INFINITY, -1e38, 2.0].map(|x| exp::<f32>(curve.anchor(2.0), x));
                assert_eq!(curve.z(f64::NEG_INFINITY), f64::NEG_INFINITY);
                assert_eq!((exps[0], exps[2]), (0.0, 1.0), "{softcap:?} {temperature}");
                assert!((0.0..=1.0).contains(&exps[1]));
            }
        }
    }
}
