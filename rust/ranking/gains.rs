//! Gains, discounts and the ideal DCG of a list.

use super::lists::{Order, check_labels};
use crate::error::Result;

pub use crate::gain::Gain;
pub(super) use crate::gain::discount;

impl Gain {
    /// Labels have gains whose sums are finite.
    pub(super) fn check(self, labels: &[f64], rows: usize) -> Result<()> {
        let (most, expected) = self.most();
        check_labels(labels, rows, expected, |label| {
            (0.0..=most).contains(&label)
        })
    }
}

/// The discount of each place of a list, from 0, up to the first k.
pub(super) fn discounts(k: Option<usize>) -> impl Fn(usize) -> f64 {
    #[allow(clippy::cast_precision_loss)] // places below 2^53
    move |place| {
        if k.is_some_and(|k| place >= k) {
            0.0
        } else {
            discount((place + 1) as f64)
        }
    }
}

/// The largest DCG that a list can have.
pub(super) fn ideal_dcg(order: &mut Order, gains: &[f64], discount: impl Fn(usize) -> f64) -> f64 {
    order.descending(gains);
    let places = order.rows().enumerate();
    let gain = |row: usize| gains.get(row).copied().unwrap_or(0.0);
    places.map(|(place, row)| gain(row) * discount(place)).sum()
}
