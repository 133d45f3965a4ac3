//! A payoff that is the score itself: expectations are sums over levels and pairs of levels.

use super::party::{Party, Pass};
use super::scores::Scores;
use super::series::Series;

/// constant + linear · E s
pub struct Pairwise<'a> {
    scores: &'a Scores,
    constant: f64,
    linear: f64,
}

impl<'a> Pairwise<'a> {
    /// The payoff of a profile is the series, which has no nodes, at its score.
    #[must_use]
    pub fn new(scores: &'a Scores, series: &Series) -> Self {
        Self {
            scores,
            constant: series.constant,
            linear: series.linear,
        }
    }
}

struct PairwisePass<'a>(&'a Pairwise<'a>);

impl Party for Pairwise<'_> {
    fn begin(&self, _policy: &[f64]) -> Box<dyn Pass + '_> {
        Box::new(PairwisePass(self))
    }

    fn add_curvature(&self, policy: &[f64], weight: f64, out: &mut [f64]) {
        let (layout, m) = (&self.scores.layout, self.scores.layout.levels());
        for (d, range) in layout.ranges().enumerate() {
            for row in range.clone() {
                let mut fixed = policy.to_vec();
                fix(&mut fixed, range.clone(), row);
                let mut values = vec![weight * self.constant; m];
                for (e, range) in layout.ranges().enumerate() {
                    if let Some(values) = values.get_mut(range) {
                        self.scores
                            .add_conditional(e, &fixed, weight * self.linear, values);
                    }
                }
                for column in (0..m).filter(|column| !layout.range(d).contains(column)) {
                    if let (Some(cell), Some(value)) =
                        (out.get_mut(row * m + column), values.get(column))
                    {
                        *cell += value;
                    }
                }
            }
        }
    }

    fn add_mixed_bounds(&self, weight: f64, out: &mut [f64]) {
        let slope = self.linear.abs();
        self.scores.add_mixed_bounds(slope, 0.0, weight, out);
    }

    fn is_quadratic(&self) -> bool {
        true
    }
}

impl Pass for PairwisePass<'_> {
    fn add_slopes(&mut self, d: usize, policy: &[f64], weight: f64, out: &mut [f64]) {
        let Pairwise {
            scores,
            constant,
            linear,
        } = self.0;
        for out in out.iter_mut() {
            *out += weight * constant;
        }
        scores.add_conditional(d, policy, weight * linear, out);
    }

    fn leave(&mut self, _d: usize, _policy: &[f64]) {}
}

/// Gives one level of a factor all its probability.
pub fn fix(policy: &mut [f64], factor: std::ops::Range<usize>, level: usize) {
    for place in factor {
        if let Some(p) = policy.get_mut(place) {
            *p = f64::from(place == level);
        }
    }
}
