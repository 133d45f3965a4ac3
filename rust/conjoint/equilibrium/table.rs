//! What a party wins with every profile: the best one, and how much factors interact.

use crate::conjoint::Layout;

/// More profiles than this are not searched for interactions.
const MOST: usize = 1_000_000;

/// Payoff of each of the N profiles, the level of the last factor running fastest.
#[derive(Debug, Clone)]
pub struct Profiles {
    layout: Layout,
    values: Vec<f64>,
}

impl Profiles {
    /// `values` has one entry for each profile.
    #[must_use]
    pub fn new(layout: &Layout, values: Vec<f64>) -> Self {
        Self {
            layout: layout.clone(),
            values,
        }
    }

    /// The largest payoff of a profile that the slate gives any probability.
    #[must_use]
    pub fn best(&self, slate: &[f64]) -> f64 {
        let weights = crate::conjoint::expectation::joint(&self.layout, slate);
        let allowed = self.values.iter().zip(weights).filter(|(_, p)| *p > 0.0);
        allowed.fold(f64::NEG_INFINITY, |best, (x, _)| best.max(*x))
    }

    /// beta log Σ_t p(t) e^{r(t)/beta}, the most that any joint policy reaches with a pull beta · KL.
    #[must_use]
    pub fn free_energy(&self, slate: &[f64], beta: f64) -> f64 {
        let weights = crate::conjoint::expectation::joint(&self.layout, slate);
        let top = self.best(slate);
        let terms = self.values.iter().zip(weights).filter(|(_, p)| *p > 0.0);
        let sum: f64 = terms.map(|(r, p)| p * ((r - top) / beta).exp()).sum();
        top + beta * sum.ln()
    }

    /// For each pair of factors the largest second difference of the payoff: [D, D]. O(N L D²).
    #[must_use]
    pub fn spans(&self, slate: &[f64]) -> Vec<f64> {
        let n = self.layout.factors();
        let mut spans = vec![0.0; n * n];
        for d in 0..n {
            for e in d + 1..n {
                let span = if self.values.len() > MOST {
                    f64::INFINITY
                } else {
                    self.span(slate, d, e)
                };
                for place in [d * n + e, e * n + d] {
                    if let Some(cell) = spans.get_mut(place) {
                        *cell = span;
                    }
                }
            }
        }
        spans
    }

    fn span(&self, slate: &[f64], d: usize, e: usize) -> f64 {
        let size = |range: std::ops::Range<usize>| -> usize {
            range
                .map(|factor| self.layout.range(factor).len())
                .product::<usize>()
        };
        let (middle, last) = (size(d + 1..e), size(e + 1..self.layout.factors()));
        let (rows, columns) = (self.allowed(slate, d), self.allowed(slate, e));
        let stride = self.layout.range(e).len() * last;
        let block = self.layout.range(d).len() * middle * stride;
        let mut span = 0.0_f64;
        for outer in self.values.chunks_exact(block.max(1)) {
            for (place, row) in rows.iter().enumerate() {
                for other in rows.iter().skip(place + 1) {
                    for rest in (0..middle).flat_map(|m| (0..last).map(move |i| m * stride + i)) {
                        let at = |row: usize, column: usize| {
                            let index = row * middle * stride + rest + column * last;
                            outer.get(index).copied().unwrap_or_default()
                        };
                        let differences = columns.iter().map(|&k| at(*row, k) - at(*other, k));
                        let (low, high) = differences
                            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
                                (low.min(x), high.max(x))
                            });
                        span = span.max(high - low);
                    }
                }
            }
        }
        span
    }

    /// Levels of a factor that the slate gives any probability.
    fn allowed(&self, slate: &[f64], d: usize) -> Vec<usize> {
        let own = slate.get(self.layout.range(d)).unwrap_or_default();
        let levels = own.iter().enumerate().filter(|(_, p)| **p > 0.0);
        levels.map(|(level, _)| level).collect()
    }
}
