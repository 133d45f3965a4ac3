//! Bindings of the calibration metrics, and of the exact sums behind the states of `metrics`.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::{Bound, PyResult, Python, pyfunction};

use super::accuracy::slice;
use super::arrays::Numbers;
use crate::check::NanPolicy;
use crate::exact::{self, LIMBS, Limbs};
use crate::metrics::{self, Binning, CalibrationBin, Predictions};

type Ints<'py> = PyReadonlyArray1<'py, i64>;
type Values<'py> = Bound<'py, PyArray1<f64>>;
type Counts<'py> = Bound<'py, PyArray1<i64>>;
/// probs, labels, weights.
type Columns<'py> = (
    Numbers<'py>,
    Numbers<'py>,
    Option<PyReadonlyArray1<'py, f64>>,
);
/// Number of bins, strategy, closed.
type Rule = (usize, String, String);

fn predictions<'a>(
    columns: &'a Columns<'_>,
    offsets: &'a Ints<'_>,
    nan: NanPolicy,
) -> PyResult<Predictions<'a>> {
    let (probs, labels, weights) = columns;
    Ok(Predictions {
        probs: probs.borrow()?,
        labels: labels.borrow()?,
        weights: slice(weights)?,
        offsets: offsets.as_slice()?,
        nan,
    })
}

fn binning((n, strategy, closed): &Rule) -> PyResult<Binning> {
    Ok(Binning::new(*n, strategy.parse()?, closed.parse()?)?)
}

/// Columns n; lower, upper, mean prob, mean label; a row per group and bin.
#[pyfunction]
pub fn calibration_curve<'py>(
    py: Python<'py>,
    columns: Columns<'py>,
    offsets: Ints<'py>,
    rule: Rule,
    nan: NanPolicy,
) -> PyResult<(Counts<'py>, [Values<'py>; 4])> {
    let (data, bins) = (predictions(&columns, &offsets, nan)?, binning(&rule)?);
    let curve = py.detach(|| metrics::calibration_curve(data, bins))?;
    let column =
        |field: fn(&CalibrationBin) -> f64| PyArray1::from_iter(py, curve.iter().map(field));
    Ok((
        PyArray1::from_iter(py, curve.iter().map(|bin| bin.n)),
        [
            column(|bin| bin.lower),
            column(|bin| bin.upper),
            column(|bin| bin.mean_prob),
            column(|bin| bin.mean_label),
        ],
    ))
}

#[pyfunction]
pub fn expected_calibration_error<'py>(
    py: Python<'py>,
    columns: Columns<'py>,
    offsets: Ints<'py>,
    rule: Rule,
    norm: &str,
    nan: NanPolicy,
) -> PyResult<Values<'py>> {
    let (data, bins) = (predictions(&columns, &offsets, nan)?, binning(&rule)?);
    let norm = norm.parse()?;
    let errors = py.detach(|| metrics::expected_calibration_error(data, bins, norm))?;
    Ok(errors.into_pyarray(py))
}

#[pyfunction]
pub fn brier_score<'py>(
    py: Python<'py>,
    columns: Columns<'py>,
    offsets: Ints<'py>,
    nan: NanPolicy,
) -> PyResult<Values<'py>> {
    let data = predictions(&columns, &offsets, nan)?;
    let scores = py.detach(|| {
        metrics::brier_score(data.probs, data.labels, data.offsets, data.weights, nan)
    })?;
    Ok(scores.into_pyarray(py))
}

#[pyfunction]
pub fn log_loss<'py>(
    py: Python<'py>,
    columns: Columns<'py>,
    offsets: Ints<'py>,
    eps: f64,
    nan: NanPolicy,
) -> PyResult<Values<'py>> {
    let data = predictions(&columns, &offsets, nan)?;
    let losses = py.detach(|| {
        metrics::log_loss(
            data.probs,
            data.labels,
            data.offsets,
            eps,
            data.weights,
            nan,
        )
    })?;
    Ok(losses.into_pyarray(py))
}

/// Rows in each bin, and limbs of the sums of weight, weight * prob, weight * label: `[n_bins, 3, 34]`.
#[pyfunction]
pub fn calibration_sums<'py>(
    py: Python<'py>,
    columns: Columns<'py>,
    offsets: Ints<'py>,
    rule: Rule,
    nan: NanPolicy,
) -> PyResult<(Counts<'py>, Counts<'py>)> {
    let (data, bins) = (predictions(&columns, &offsets, nan)?, binning(&rule)?);
    let sums = py.detach(|| metrics::calibration_sums(data, bins))?;
    let n = sums.n().into_pyarray(py);
    let limbs = sums.limbs().into_iter().flatten().flatten().map(signed);
    Ok((n, PyArray1::from_vec(py, limbs.collect())))
}

/// n, NaN, +inf, -inf, huge; limbs of the sum and of the sum of squares.
#[pyfunction]
pub fn moments<'py>(
    py: Python<'py>,
    values: PyReadonlyArray1<'py, f64>,
) -> PyResult<([i64; 5], Counts<'py>, Counts<'py>)> {
    let values = values.as_slice()?;
    let of = py.detach(|| metrics::moments(values));
    let [above, below] = of.n_infinite;
    let limbs = |limbs: Limbs| PyArray1::from_iter(py, limbs.into_iter().map(signed));
    let counts = [of.n, of.n_nan, above, below, of.n_huge];
    Ok((counts, limbs(of.total), limbs(of.squares)))
}

/// The sums of sums, 34 limbs each.
#[pyfunction]
pub fn add_exact<'py>(py: Python<'py>, a: Ints<'py>, b: Ints<'py>) -> PyResult<Counts<'py>> {
    let (a, b) = (sums(a.as_slice()?), sums(b.as_slice()?));
    let added = a.zip(b).flat_map(|(a, b)| exact::added(&a, &b));
    Ok(PyArray1::from_vec(py, added.map(signed).collect()))
}

/// The doubles nearest to sums of 34 limbs each.
#[pyfunction]
pub fn round_exact<'py>(py: Python<'py>, limbs: Ints<'py>) -> PyResult<Values<'py>> {
    let rounded = sums(limbs.as_slice()?).map(|sum| exact::rounded(&sum));
    Ok(PyArray1::from_vec(py, rounded.collect()))
}

fn sums(limbs: &[i64]) -> impl Iterator<Item = Limbs> {
    limbs.chunks_exact(LIMBS).map(|sum| {
        let mut limbs = [0; LIMBS];
        for (limb, bits) in limbs.iter_mut().zip(sum) {
            *limb = u64::from_ne_bytes(bits.to_ne_bytes());
        }
        limbs
    })
}

/// The same bits as int64, which every exchange format has.
fn signed(limb: u64) -> i64 {
    i64::from_ne_bytes(limb.to_ne_bytes())
}
