//! Rank correlation of two columns, group by group.

use std::str::FromStr;

use super::concordance::{Concordance, Scratch};
use super::kendall_test::{self, Alternative, Method};
use super::rows::ratio;
use crate::check::{self, NanPolicy};
use crate::column::Column;
use crate::error::{Error, Result};
use crate::threads;

/// Work of a row in compares: about that of a row in a list of 16.
const WORK_PER_ROW: usize = 16;

/// Normalisation of [`kendall_tau`], with C and D the concordant and discordant pairs of n rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// (C - D) / n0, n0 = n (n - 1) / 2.
    A,
    /// (C - D) / sqrt((n0 - ties in x) (n0 - ties in y)).
    B,
    /// 2 (C - D) / (n^2 (m - 1) / m), m the smaller number of distinct values.
    C,
}

impl FromStr for Variant {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "a" => Ok(Self::A),
            "b" => Ok(Self::B),
            "c" => Ok(Self::C),
            _ => Err(Error::domain(
                "variant",
                "\"a\", \"b\" or \"c\"",
                format!("{name:?}"),
            )),
        }
    }
}

/// Kendall's tau of every group, NaN where it is undefined.
///
/// O(n log n) time and O(n) memory for a group of n rows, nothing allocated per group, 64-bit counts. The same as
/// comparing every two rows. Undefined: less than two rows, and for B and C a constant column.
///
/// # Errors
/// Columns of different lengths, bad offsets, NaN where the policy is to raise.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::{Variant, kendall_tau};
/// # fn main() -> prefcore::Result<()> {
/// let (x, y) = (Column::F64(&[0.1, 0.5, 0.7, 0.2]), Column::I64(&[1, 3, 2, 9]));
/// let tau = kendall_tau(x, y, &[0, 3, 4], Variant::B, NanPolicy::Raise)?;
/// assert_eq!(tau[0], 1.0 / 3.0);
/// assert!(tau[1].is_nan()); // one row
/// # Ok(())
/// # }
/// ```
pub fn kendall_tau(
    x: Column<'_>,
    y: Column<'_>,
    offsets: &[i64],
    variant: Variant,
    nan: NanPolicy,
) -> Result<Vec<f64>> {
    per_group(x, y, offsets, nan, |list| match list {
        None => f64::NAN,
        Some(list) => tau(&list.count(), variant, list),
    })
}

/// Tau-b of every group and its p-value under independence; NaN where tau-b is undefined.
///
/// Time of [`kendall_tau`], and for an exact p-value O(n D) more, D being the smaller of concordant and discordant pairs.
/// The exact p-value is a ratio of integers up to 34 rows.
///
/// # Errors
/// Columns of different lengths, bad offsets, NaN where the policy is to raise; the exact method where values are tied,
/// or n D is above 2^32.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::{Alternative, Method, kendall_test};
/// let (x, y) = (Column::I64(&[0, 1, 2, 3]), Column::I64(&[0, 1, 3, 2]));
/// let test = kendall_test(x, y, &[0, 4], Alternative::TwoSided, Method::Auto, NanPolicy::Raise);
/// assert_eq!(test, Ok(vec![(2.0 / 3.0, 1.0 / 3.0)]));
/// ```
pub fn kendall_test(
    x: Column<'_>,
    y: Column<'_>,
    offsets: &[i64],
    alternative: Alternative,
    method: Method,
    nan: NanPolicy,
) -> Result<Vec<(f64, f64)>> {
    let tests = per_group(x, y, offsets, nan, |list| {
        let Some(list) = list else {
            return Ok((f64::NAN, f64::NAN));
        };
        let counts = list.count();
        let tau = tau(&counts, Variant::B, list);
        if tau.is_nan() {
            return Ok((tau, tau));
        }
        let ties = list.tie_sums();
        Ok((
            tau,
            kendall_test::p_value(&counts, ties, alternative, method)?,
        ))
    })?;
    tests.into_iter().collect()
}

/// Goodman and Kruskal's gamma, (C - D) / (C + D), of every group; NaN where every pair is tied in some column.
///
/// Time, memory and errors as for [`kendall_tau`].
///
/// # Errors
/// Columns of different lengths, bad offsets, NaN where the policy is to raise.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::goodman_kruskal_gamma;
/// let (x, y) = (Column::I32(&[1, 2, 2, 3]), Column::F32(&[0.5, 1.5, 0.0, 2.5]));
/// let gamma = goodman_kruskal_gamma(x, y, &[0, 4], NanPolicy::Raise);
/// assert_eq!(gamma, Ok(vec![0.6])); // four pairs alike, one not, one tied
/// ```
pub fn goodman_kruskal_gamma(
    x: Column<'_>,
    y: Column<'_>,
    offsets: &[i64],
    nan: NanPolicy,
) -> Result<Vec<f64>> {
    per_group(x, y, offsets, nan, |list| {
        list.map_or(f64::NAN, |list| gamma(&list.count()))
    })
}

/// The pair counts behind tau and gamma, of every group.
///
/// Time and memory as for [`kendall_tau`].
///
/// # Errors
/// Columns of different lengths, bad offsets, NaN where the policy is to raise, the policy to propagate.
///
/// ```
/// use prefcore::check::NanPolicy;
/// use prefcore::column::Column;
/// use prefcore::metrics::concordance_counts;
/// # fn main() -> prefcore::Result<()> {
/// let (x, y) = (Column::F64(&[1.0, 2.0, 2.0]), Column::F64(&[1.0, 3.0, 2.0]));
/// let counts = concordance_counts(x, y, &[0, 3], NanPolicy::Raise)?;
/// assert_eq!((counts[0].concordant, counts[0].discordant, counts[0].ties_x), (2, 0, 1));
/// # Ok(())
/// # }
/// ```
pub fn concordance_counts(
    x: Column<'_>,
    y: Column<'_>,
    offsets: &[i64],
    nan: NanPolicy,
) -> Result<Vec<Concordance>> {
    nan.refuse_propagate()?;
    per_group(x, y, offsets, nan, |list| {
        list.map_or_else(Concordance::default, Scratch::count)
    })
}

/// `value` of every group's list; it gets `None` where a NaN propagates.
fn per_group<R: Clone + Send>(
    x: Column<'_>,
    y: Column<'_>,
    offsets: &[i64],
    nan: NanPolicy,
    value: impl Fn(Option<&mut Scratch>) -> R + Sync + Send,
) -> Result<Vec<R>> {
    check::same_length("y", y.len(), "x", x.len())?;
    let groups = check::offsets(offsets, x.len())?;
    let start = |group: usize| {
        let row = offsets.get(group).copied().unwrap_or(0);
        usize::try_from(row).unwrap_or(0)
    };
    let of_group = |list: &mut Scratch, group: usize| {
        let rows = start(group)..start(group + 1);
        if !list.load(x, y, &rows) {
            match nan {
                NanPolicy::Raise => {
                    x.refuse_nan("x", offsets)?;
                    y.refuse_nan("y", offsets)?;
                }
                NanPolicy::Omit => list.omit_nan(x, y, &rows),
                NanPolicy::Propagate => return Ok(value(None)),
            }
        }
        Ok(value(Some(list)))
    };
    let blocks = threads::split(groups, |group| start(group) * WORK_PER_ROW);
    let values = threads::map(blocks, x.len() * WORK_PER_ROW, |block| {
        let mut list = Scratch::new();
        block.map(|group| of_group(&mut list, group)).collect()
    });
    Ok(values
        .into_iter()
        .collect::<Result<Vec<Vec<R>>>>()?
        .concat())
}

fn tau(counts: &Concordance, variant: Variant, list: &mut Scratch) -> f64 {
    let pairs = counts.pairs();
    let excess = float(counts.concordant - counts.discordant);
    match variant {
        Variant::A => ratio(excess, float(pairs)),
        Variant::B => {
            let (in_x, in_y) = (pairs - counts.ties_x, pairs - counts.ties_y);
            ratio(excess, (float(in_x) * float(in_y)).sqrt())
        }
        Variant::C => {
            let (n, m) = (float(counts.n), float(list.distinct()));
            ratio(2.0 * excess * m, n * n * (m - 1.0))
        }
    }
}

fn gamma(counts: &Concordance) -> f64 {
    let excess = float(counts.concordant - counts.discordant);
    ratio(excess, float(counts.concordant + counts.discordant))
}

#[allow(clippy::cast_precision_loss)] // rounded above 2^53 pairs only
pub(super) fn float(count: i64) -> f64 {
    count as f64
}

#[cfg(test)]
#[allow(clippy::float_cmp, clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::{Column, Variant, concordance_counts, goodman_kruskal_gamma, kendall_tau};
    use crate::check::NanPolicy::{self, Omit, Propagate, Raise};
    use crate::{random, threads};

    const NAN: f64 = f64::NAN;

    fn tau(x: &[f64], y: &[f64], offsets: &[i64], variant: Variant, nan: NanPolicy) -> Vec<f64> {
        kendall_tau(Column::F64(x), Column::F64(y), offsets, variant, nan).unwrap()
    }

    #[test]
    fn undefined_values_are_nan_and_tau_a_of_a_constant_is_not() {
        let (x, y) = ([2.0, 2.0, 2.0, 1.0], [1.0, 2.0, 3.0, 1.0]);
        let offsets = [0, 3, 3, 4]; // a constant column, no row, one row
        for variant in [Variant::A, Variant::B, Variant::C] {
            let taus = tau(&x, &y, &offsets, variant, Raise);
            assert_eq!(taus[0] == 0.0, variant == Variant::A);
            assert_eq!(taus[0].is_nan(), variant != Variant::A);
            assert!(taus[1..].iter().all(|tau| tau.is_nan()));
        }
        let gamma = goodman_kruskal_gamma(Column::F64(&x), Column::F64(&y), &offsets, Raise);
        assert!(gamma.unwrap().iter().all(|gamma| gamma.is_nan()));
    }

    #[test]
    fn full_agreement_is_exactly_1_where_products_pass_2_to_the_53() {
        let x: Vec<f64> = (0..300_007).map(f64::from).collect();
        for variant in [Variant::A, Variant::B, Variant::C] {
            assert_eq!(tau(&x, &x, &[0, 300_007], variant, Raise), [1.0]);
        }
    }

    #[test]
    fn nan_is_named_left_out_or_propagated() {
        let x = [1.0, 2.0, 3.0, 1.0, NAN, 2.0];
        let y = [1.0, 2.0, 3.0, NAN, 1.0, 3.0];
        let offsets = [0, 3, 3, 6];
        let error = |nan| {
            let error = concordance_counts(Column::F64(&x), Column::F64(&y), &offsets, nan);
            error.unwrap_err().to_string()
        };
        assert_eq!(
            error(Raise),
            "x[4] must be a number, or nan=\"omit\" given, got NaN in group 2 (1 NaN in all)"
        );
        assert_eq!(
            error(Propagate),
            "nan must be \"raise\" or \"omit\" where the results are integers, got \"propagate\""
        );
        let propagated = tau(&x, &y, &offsets, Variant::A, Propagate);
        assert_eq!(propagated[0], 1.0);
        assert!(propagated[2].is_nan());
        let counts = concordance_counts(Column::F64(&x), Column::F64(&y), &offsets, Omit).unwrap();
        assert_eq!([0, 1, 2].map(|group: usize| counts[group].n), [3, 0, 1]);
    }

    #[test]
    fn columns_of_all_types_give_the_same_tau() {
        let wide: Vec<i64> = (0..90).map(|row| (row * 37) % 40 - 20).collect();
        let narrow: Vec<i32> = wide
            .iter()
            .map(|&value| value.try_into().unwrap())
            .collect();
        let double: Vec<f64> = narrow.iter().map(|&value| value.into()).collect();
        let single: Vec<f32> = (0..90_u16)
            .map(|row| f32::from((row * 37) % 40) - 20.0)
            .collect();
        let y: Vec<i32> = (0..90).map(|row| (row * 53) % 97).collect();
        let columns = [
            Column::I64(&wide),
            Column::I32(&narrow),
            Column::F64(&double),
            Column::F32(&single),
        ];
        let offsets = [0, 10, 90]; // both methods of counting
        let taus =
            columns.map(|x| kendall_tau(x, Column::I32(&y), &offsets, Variant::B, Raise).unwrap());
        assert!(taus.iter().all(|tau| *tau == taus[0]));
    }

    #[test]
    fn integers_above_2_to_the_53_differ() {
        let x = [1 << 53, (1 << 53) + 1];
        let tau = kendall_tau(
            Column::I64(&x),
            Column::I64(&[0, 1]),
            &[0, 2],
            Variant::A,
            Raise,
        );
        assert_eq!(tau, Ok(vec![1.0]));
    }

    /// Lists of 0 to 99 rows and one of several blocks.
    #[test]
    fn threads_do_not_change_a_bit() {
        let mut offsets = vec![0_i64];
        for group in 0..1_000_u64 {
            let length = if group == 500 {
                150_000
            } else {
                random::key(3, &[group]) % 100
            };
            offsets.push(offsets[offsets.len() - 1] + i64::try_from(length).unwrap());
        }
        let rows = u64::try_from(offsets[1_000]).unwrap();
        let draw = |column| {
            let value = |row| i64::try_from(random::key(column, &[row]) % 50).unwrap();
            (0..rows).map(value).collect::<Vec<i64>>()
        };
        let (x, y) = (draw(1), draw(2));
        let bits = |threads| {
            threads::set_num_threads(threads);
            let taus = kendall_tau(
                Column::I64(&x),
                Column::I64(&y),
                &offsets,
                Variant::C,
                Raise,
            )
            .unwrap();
            taus.into_iter().map(f64::to_bits).collect::<Vec<u64>>()
        };
        let one = bits(1);
        let others = [2, 3, 8].map(bits);
        threads::set_num_threads(0);
        assert!(others.iter().all(|bits| *bits == one));
    }

    #[test]
    fn bad_arguments_are_named() {
        let x = Column::F64(&[1.0, 2.0]);
        let error = |y, offsets: &[i64]| {
            let tau = kendall_tau(x, y, offsets, Variant::B, Raise);
            tau.unwrap_err().to_string()
        };
        assert_eq!(
            error(Column::I32(&[1]), &[0, 2]),
            "y must have length 2 like x, got 1"
        );
        assert_eq!(
            error(x, &[0, 1]),
            "offsets[1] must be 2, the number of rows, got 1"
        );
        assert_eq!(
            "d".parse::<Variant>().unwrap_err().to_string(),
            "variant must be \"a\", \"b\" or \"c\", got \"d\""
        );
    }
}
