//! Sums in 128-bit fixed point: 64 bits after the point, so that tables of them stay small and addition is exact.

use crate::error::{Error, Result};

/// One sum: its low and its high 64 bits, in units of 2^-64.
pub type Fixed = [i64; 2];

/// 2^64.
const UNIT: f64 = 18_446_744_073_709_551_616.0;

fn whole(fixed: Fixed) -> i128 {
    let [low, high] = fixed;
    (i128::from(high) << 64) | i128::from(low.cast_unsigned())
}

#[allow(clippy::cast_possible_truncation)] // halves are what is meant
fn halves(sum: i128) -> Fixed {
    [sum as i64, (sum >> 64) as i64]
}

/// Values times their counts. A value of at least 2^-12 is exact; a smaller one is rounded to a multiple of 2^-64.
///
/// ```
/// use prefcore::ratings::{fixed_point, round_fixed};
/// assert_eq!(round_fixed(&fixed_point(&[0.1, 2.0], &[10, 3])?), [1.0, 6.0]);
/// # Ok::<(), prefcore::Error>(())
/// ```
///
/// # Errors
/// [`Error::Domain`] where a product is 2^63 or more.
pub fn fixed_point(values: &[f64], counts: &[i64]) -> Result<Vec<Fixed>> {
    let products = values.iter().zip(counts).map(|(&value, &count)| {
        #[allow(clippy::cast_possible_truncation)] // saturates at the largest, which is refused
        let fixed = (value * UNIT).round_ties_even() as i128;
        let product = fixed.checked_mul(i128::from(count));
        let product = product.filter(|&product| product != i128::MAX);
        product.map(halves).ok_or_else(too_large)
    });
    products.collect()
}

/// Sums of the numbers of each place, 0 to `n` - 1.
///
/// # Errors
/// [`Error::Domain`] where a sum reaches 2^63, or at the first number without a place.
pub fn sum_fixed(numbers: &[Fixed], places: &[i64], n: usize) -> Result<Vec<Fixed>> {
    let mut sums = vec![0_i128; n];
    for (row, (&number, &place)) in numbers.iter().zip(places).enumerate() {
        let sum = usize::try_from(place)
            .ok()
            .and_then(|place| sums.get_mut(place));
        let missing = || Error::domain_at("places", [row], format!("below {n}"), place);
        let sum = sum.ok_or_else(missing)?;
        *sum = sum.checked_add(whole(number)).ok_or_else(too_large)?;
    }
    Ok(sums.into_iter().map(halves).collect())
}

/// The double nearest to each sum.
#[must_use]
pub fn round_fixed(sums: &[Fixed]) -> Vec<f64> {
    sums.iter().copied().map(rounded).collect()
}

#[allow(clippy::cast_precision_loss)] // rounds to nearest
fn rounded(sum: Fixed) -> f64 {
    whole(sum) as f64 / UNIT
}

fn too_large() -> Error {
    let expected = "so small that neither they nor their squares add up to 2^63";
    Error::domain("weights", expected, "more")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::float_cmp)]
mod tests {
    use super::{fixed_point, round_fixed, sum_fixed};
    use crate::exact::{ExactSum, rounded};
    use crate::random;

    #[test]
    fn sums_are_those_of_exact_numbers() {
        let draw = |row| f64::from(u32::try_from(random::key(3, &[row]) >> 32).unwrap());
        let values: Vec<f64> = (0..2_000).map(|row| 0.001 + draw(row) / 1e9).collect();
        let numbers = fixed_point(&values, &vec![1; 2_000]).unwrap();
        let places: Vec<i64> = (0..2_000).map(|row| row % 3).collect();
        let got = round_fixed(&sum_fixed(&numbers, &places, 3).unwrap());
        let mut want = [const { None::<ExactSum> }; 3];
        for (place, value) in values.iter().enumerate() {
            if let Some(sum) = want.get_mut(place % 3) {
                sum.get_or_insert_default().add(*value);
            }
        }
        let want = want.map(|sum| rounded(&sum.unwrap().limbs()));
        assert_eq!(got, want);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let text =
            "weights must be so small that neither they nor their squares add up to 2^63, got more";
        let error = fixed_point(&[1.0, 1e20], &[1, 1]).unwrap_err();
        assert_eq!(error.to_string(), text);
        assert!(fixed_point(&[5e18], &[2]).is_err());
        let numbers = fixed_point(&[5e18, 5e18], &[1, 1]).unwrap();
        assert!(sum_fixed(&numbers, &[0, 0], 1).is_err());
        let error = sum_fixed(&numbers, &[0, 1], 1).unwrap_err();
        assert_eq!(error.to_string(), "places[1] must be below 1, got 1");
    }
}
