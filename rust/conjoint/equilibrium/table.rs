//! What a party wins with every profile: the best one, and what joint policies could reach.

use crate::conjoint::Layout;

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

    /// beta log Σ p(t) e^{r(t)/beta}, the most that any joint policy reaches with a pull beta · KL.
    #[must_use]
    pub fn free_energy(&self, slate: &[f64], beta: f64) -> f64 {
        let weights = crate::conjoint::expectation::joint(&self.layout, slate);
        let top = self.best(slate);
        let terms = self.values.iter().zip(weights).filter(|(_, p)| *p > 0.0);
        let sum: f64 = terms.map(|(r, p)| p * ((r - top) / beta).exp()).sum();
        top + beta * sum.ln()
    }
}
