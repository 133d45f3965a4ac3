//! The labels of a list, largest first, without sorting where there are few different ones.

use super::hits::Scratch;
use crate::elementary::dispatch;

/// Grades that are counted one by one; a list with more of them is sorted.
const GRADES: usize = 16;
const LANES: usize = 8;

impl Scratch {
    /// Sum of `gain(label) * discount(place)` over the first places of the labels above 0, largest first.
    pub(super) fn ideal(&mut self, gain: impl Fn(f64) -> f64, discounts: &[f64]) -> f64 {
        let arch = self.vector_unit;
        let labels = &self.labels;
        let next_grade = |below| {
            dispatch(
                arch,
                #[inline(always)]
                || next_grade(labels, below),
            )
        };
        let (mut sum, mut places) = (0.0, discounts.iter());
        let (mut grade, _) = next_grade(f64::INFINITY);
        for _ in 0..GRADES {
            if grade <= 0.0 || places.len() == 0 {
                return sum;
            }
            let (below, rows) = next_grade(grade);
            let worth = gain(grade);
            for discount in places.by_ref().take(rows) {
                sum += worth * discount;
            }
            grade = below;
        }
        self.sorted.clear();
        self.sorted.extend_from_slice(&self.labels);
        self.sorted.sort_unstable_by(|a, b| b.total_cmp(a));
        let labels = self.sorted.iter().take_while(|label| **label > 0.0);
        labels
            .zip(discounts)
            .map(|(&label, discount)| gain(label) * discount)
            .sum()
    }
}

/// The largest label below `grade` (-inf where there is none), and the number of labels equal to it.
#[inline(always)]
#[allow(clippy::float_cmp)] // grades are counted, not computed
fn next_grade(labels: &[f64], grade: f64) -> (f64, usize) {
    let mut below = [f64::NEG_INFINITY; LANES];
    let mut equal = [0_i64; LANES];
    let (steps, rest) = labels.as_chunks::<LANES>();
    for step in steps {
        for ((below, equal), &label) in below.iter_mut().zip(&mut equal).zip(step) {
            let lower = if label < grade {
                label
            } else {
                f64::NEG_INFINITY
            };
            *below = if lower > *below { lower } else { *below };
            *equal += i64::from(label == grade);
        }
    }
    for ((below, equal), &label) in below.iter_mut().zip(&mut equal).zip(rest) {
        let lower = if label < grade {
            label
        } else {
            f64::NEG_INFINITY
        };
        *below = if lower > *below { lower } else { *below };
        *equal += i64::from(label == grade);
    }
    let largest = below.into_iter().fold(f64::NEG_INFINITY, f64::max);
    let rows = usize::try_from(equal.iter().sum::<i64>()).unwrap_or(0);
    (largest, rows)
}

#[cfg(test)]
mod tests {
    use super::GRADES;
    use crate::column::Column;
    use crate::metrics::retrieval::hits::Scratch;
    use crate::random;

    #[test]
    fn counted_and_sorted_labels_have_the_ideal_sum() {
        let mut list = Scratch::default();
        for levels in [1, 2, 5, GRADES as u64, GRADES as u64 + 2, 1000] {
            for places in [0, 1, 5, 40, 100] {
                let label = |row| i64::try_from(random::key(levels, &[row]) % levels).unwrap_or(0);
                let labels: Vec<i64> = (0..40).map(label).collect();
                let discounts: Vec<f64> = (0..places)
                    .map(|place| 1.0 / f64::from(place + 1))
                    .collect();
                let mut sorted = labels.clone();
                sorted.sort_unstable_by_key(|label| -label);
                let worth = |(&label, discount): (&i64, &f64)| {
                    f64::from(i32::try_from(label).unwrap_or(0)) * discount
                };
                let want: f64 = sorted.iter().zip(&discounts).map(worth).sum();
                list.load(Column::I64(&labels), Column::I64(&labels), 0..40);
                let got = list.ideal(|label| label, &discounts);
                assert!((got - want).abs() <= 1e-12 * want, "{got} {want}");
            }
        }
    }
}
