//! What a party wins with a profile whose scores are sums over factors: the best profile without enumeration.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::conjoint::Layout;
use crate::conjoint::expectation::Series;
use crate::elementary::float;

/// Points at which a curve is known.
const POINTS: usize = 128;
/// Partial profiles looked at before the bound is all there is.
const MOST: usize = 200_000;

/// weight · f(score of a group of voters), which rises with the score.
#[derive(Debug, Clone)]
pub struct Curve<'a> {
    weight: f64,
    series: Series,
    /// [M]
    scores: &'a [f64],
    low: f64,
    step: f64,
    values: Vec<f64>,
    /// By how much f may lie above the line between two points.
    slack: f64,
}

/// The sum of the curves of all groups.
#[derive(Debug, Clone)]
pub struct Curves<'a> {
    layout: Layout,
    curves: Vec<Curve<'a>>,
}

impl<'a> Curve<'a> {
    /// Scores of profiles of levels that the slate gives any probability.
    #[must_use]
    pub fn new(
        weight: f64,
        series: Series,
        layout: &Layout,
        scores: &'a [f64],
        slate: &[f64],
    ) -> Self {
        let ends = ends(layout, scores, slate);
        let low: f64 = ends.iter().map(|(low, _)| low).sum();
        let high: f64 = ends.iter().map(|(_, high)| high).sum();
        let step = (high - low) / float(POINTS - 1);
        let points: Vec<f64> = (0..POINTS).map(|k| low + step * float(k)).collect();
        Self {
            values: series.at(&points),
            slack: series.bend(low, high) * step * step / 8.0 + 1e-12,
            weight,
            series,
            scores,
            low,
            step,
        }
    }

    /// Not below weight · f(score).
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a place among the points
    fn above(&self, score: f64) -> f64 {
        let place = if self.step > 0.0 {
            ((score - self.low) / self.step).clamp(0.0, float(POINTS - 1))
        } else {
            0.0
        };
        let at = |k: usize| {
            self.values
                .get(k.min(POINTS - 1))
                .copied()
                .unwrap_or_default()
        };
        let (floor, share) = (place.floor() as usize, place.fract());
        let value = at(floor) + share * (at(floor + 1) - at(floor));
        self.weight * value + self.weight.abs() * self.slack
    }

    fn exact(&self, score: f64) -> f64 {
        let value = self.series.at(&[score]);
        self.weight * value.first().copied().unwrap_or_default()
    }
}

/// A profile of which some factors are chosen.
struct Node {
    bound: f64,
    chosen: usize,
    /// Scores so far, one for each group.
    scores: Vec<f64>,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Node {}
impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Node {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bound
            .total_cmp(&other.bound)
            .then(self.chosen.cmp(&other.chosen))
    }
}

impl<'a> Curves<'a> {
    /// One curve for each group.
    #[must_use]
    pub fn new(layout: &Layout, curves: Vec<Curve<'a>>) -> Self {
        Self {
            layout: layout.clone(),
            curves,
        }
    }

    /// The largest payoff of a profile that the slate gives any probability; best-first branch and bound. After 200,000
    /// partial profiles the bound, which is not below it.
    #[must_use]
    pub fn best(&self, slate: &[f64]) -> f64 {
        let order = self.order(slate);
        let rest = self.rest(slate, &order);
        let mut heap = BinaryHeap::from([Node {
            bound: f64::INFINITY,
            chosen: 0,
            scores: vec![0.0; self.curves.len()],
        }]);
        let mut looked = 0;
        while let Some(node) = heap.pop() {
            if node.chosen == order.len() || looked >= MOST {
                return node.bound;
            }
            let Some(range) = order.get(node.chosen).map(|&d| self.layout.range(d)) else {
                continue;
            };
            for level in range.filter(|&level| slate.get(level).is_some_and(|p| *p > 0.0)) {
                looked += 1;
                let own = self.curves.iter().map(|curve| curve.scores.get(level));
                let scores: Vec<f64> = own
                    .zip(&node.scores)
                    .map(|(own, score)| score + own.copied().unwrap_or_default())
                    .collect();
                let chosen = node.chosen + 1;
                heap.push(Node {
                    bound: self.bound(&scores, rest.get(chosen)),
                    chosen,
                    scores,
                });
            }
        }
        f64::NEG_INFINITY
    }

    /// Exact where nothing is left to choose.
    fn bound(&self, scores: &[f64], rest: Option<&Vec<f64>>) -> f64 {
        let curves = self.curves.iter().zip(scores);
        match rest {
            Some(rest) => curves
                .zip(rest)
                .map(|((curve, score), rest)| curve.above(score + rest))
                .sum(),
            None => curves.map(|(curve, score)| curve.exact(*score)).sum(),
        }
    }

    /// Factors, those that matter most first.
    fn order(&self, slate: &[f64]) -> Vec<usize> {
        let mut reach = vec![0.0; self.layout.factors()];
        for curve in &self.curves {
            let ends = ends(&self.layout, curve.scores, slate);
            for (reach, (low, high)) in reach.iter_mut().zip(ends) {
                *reach += curve.weight.abs() * (high - low);
            }
        }
        let mut order: Vec<(usize, f64)> = reach.into_iter().enumerate().collect();
        order.sort_by(|one, other| other.1.total_cmp(&one.1));
        order.into_iter().map(|(d, _)| d).collect()
    }

    /// For each number of chosen factors but all: the most that the others add to the score of each group.
    fn rest(&self, slate: &[f64], order: &[usize]) -> Vec<Vec<f64>> {
        let tops: Vec<Vec<f64>> = self
            .curves
            .iter()
            .map(|curve| {
                let ends = ends(&self.layout, curve.scores, slate);
                ends.into_iter().map(|(_, high)| high).collect()
            })
            .collect();
        let left = |chosen: usize, tops: &Vec<f64>| {
            let others = order.iter().skip(chosen);
            others.filter_map(|&d| tops.get(d)).sum()
        };
        (0..order.len())
            .map(|chosen| tops.iter().map(|tops| left(chosen, tops)).collect())
            .collect()
    }
}

/// Lowest and highest score of a level of each factor, among those that the slate gives any probability.
fn ends(layout: &Layout, scores: &[f64], slate: &[f64]) -> Vec<(f64, f64)> {
    let each = layout.ranges().map(|range| {
        let own = scores.get(range.clone()).unwrap_or_default().iter();
        let allowed = own.zip(slate.get(range).unwrap_or_default());
        allowed.filter(|(_, p)| **p > 0.0).fold(
            (f64::INFINITY, f64::NEG_INFINITY),
            |(low, high), (&x, _)| (low.min(x), high.max(x)),
        )
    });
    each.collect()
}
