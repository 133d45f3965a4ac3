//! What follows from the number of pairs in a group.

use std::collections::HashMap;

use crate::check;
use crate::error::{Error, Result};

/// Each value divided by the sum of the values of its group; without values, 1 over the group's number of pairs.
///
/// ```
/// assert_eq!(prefcore::pairs::pair_weights(&[4, 4, 9], None)?, [0.5, 0.5, 1.0]);
/// # Ok::<(), prefcore::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] for columns of unequal length; [`Error::Domain`] at the first value that is not finite and ≥ 0, and
/// at the first pair of a group whose values sum to 0 or beyond f64.
pub fn pair_weights(group: &[i64], values: Option<&[f64]>) -> Result<Vec<f64>> {
    let Some(values) = values else {
        return pair_weights(group, Some(&vec![1.0; group.len()]));
    };
    check::same_length("values", values.len(), "pairs", group.len())?;
    let valid = |value: &f64| *value >= 0.0 && value.is_finite();
    if let Some(pair) = values.iter().position(|value| !valid(value)) {
        let value = values.get(pair).copied().unwrap_or(f64::NAN);
        return Err(Error::domain_at("values", [pair], "finite and >= 0", value));
    }
    let mut sums = HashMap::new();
    for (group, run) in runs(group, values) {
        *sums.entry(group).or_insert(0.0) += run.iter().sum::<f64>();
    }
    let mut weights = Vec::with_capacity(values.len());
    for (group, run) in runs(group, values) {
        let sum = sums.get(&group).copied().unwrap_or(0.0);
        if !(sum > 0.0 && sum.is_finite()) {
            return Err(Error::domain_at(
                "values",
                [weights.len()],
                format!("in a group (here {group}) with a finite sum above 0"),
                format!("the sum {sum}"),
            ));
        }
        weights.extend(run.iter().map(|value| value / sum));
    }
    Ok(weights)
}

/// Group and values of every run of pairs of one group; pairs come in runs, so that one look-up serves many.
fn runs<'a>(group: &'a [i64], mut values: &'a [f64]) -> impl Iterator<Item = (i64, &'a [f64])> {
    group.chunk_by(i64::eq).map(move |run| {
        let (head, tail) = values.split_at(run.len());
        values = tail;
        (run.first().copied().unwrap_or(0), head)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::pair_weights;

    #[test]
    fn groups_need_not_be_contiguous() {
        let weights = pair_weights(&[7, 1, 7], Some(&[3.0, 2.0, 1.0])).unwrap();
        assert_eq!(weights, [0.75, 1.0, 0.25]);
        assert!(pair_weights(&[], None).unwrap().is_empty());
    }

    #[test]
    fn bad_values_are_named() {
        let error = |group: &[i64], values: &[f64]| {
            pair_weights(group, Some(values)).unwrap_err().to_string()
        };
        assert_eq!(
            error(&[0], &[]),
            "values must have length 1 like pairs, got 0"
        );
        assert_eq!(
            error(&[0, 0], &[1.0, -1.0]),
            "values[1] must be finite and >= 0, got -1"
        );
        assert_eq!(
            error(&[0], &[f64::INFINITY]),
            "values[0] must be finite and >= 0, got inf"
        );
        assert_eq!(
            error(&[2, 5, 5], &[1.0, 0.0, 0.0]),
            "values[1] must be in a group (here 5) with a finite sum above 0, got the sum 0"
        );
    }
}
