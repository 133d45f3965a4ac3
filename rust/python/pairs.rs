//! Bindings of `pairs`.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{
    Element, IntoPyArray, PyArray1, PyArrayDescr, PyReadonlyArray1, PyReadwriteArray1, dtype,
};
use pyo3::exceptions::PyTypeError;
use pyo3::types::{PyAny, PyAnyMethods};
use pyo3::{Borrowed, Bound, FromPyObject, PyErr, PyResult, Python, pyfunction};

use super::arrays::Numbers;
use crate::check::NanPolicy;
use crate::column::Column;
use crate::pairs::{
    self, Adjacent, AllPairs, BestVsRest, BestWorst, CommonPrefix, Cursor, Index, PairCounts,
    PairsMut, Plan, Scheme, Score, StepPairs,
};

impl<'py> FromPyObject<'_, 'py> for pairs::Bound {
    type Error = PyErr;

    fn extract(number: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match number.extract() {
            Ok(integer) => Ok(Self::Int(integer)),
            Err(_) => Ok(Self::Float(number.extract()?)),
        }
    }
}

#[derive(FromPyObject)]
pub struct Options<'py> {
    min_gap: pairs::Bound,
    max_gap: Option<pairs::Bound>,
    inclusive: bool,
    by: Option<PyReadonlyArray1<'py, i64>>,
    max_pairs_per_group: Option<usize>,
    seed: u64,
    nan: NanPolicy,
}

impl Options<'_> {
    fn borrow(&self) -> PyResult<pairs::Options<'_>> {
        Ok(pairs::Options {
            min_gap: self.min_gap,
            max_gap: self.max_gap,
            inclusive: self.inclusive,
            by: self
                .by
                .as_ref()
                .map(PyReadonlyArray1::as_slice)
                .transpose()?,
            max_pairs_per_group: self.max_pairs_per_group,
            seed: self.seed,
            nan: self.nan,
        })
    }
}

type Flat<'py, E> = Bound<'py, PyArray1<E>>;
type Offsets<'py> = PyReadonlyArray1<'py, i64>;
type Writable<'py, E> = PyReadwriteArray1<'py, E>;
type Columns<'py> = [Bound<'py, PyAny>; 4];

#[pyfunction]
#[pyo3(signature = (scores, offsets, options, narrow, out=None))]
pub fn all_pairs<'py>(
    py: Python<'py>,
    scores: Numbers<'py>,
    offsets: Offsets<'py>,
    options: Options<'py>,
    narrow: bool,
    out: Option<Columns<'py>>,
) -> PyResult<(Columns<'py>, usize)> {
    let (offsets, options) = (offsets.as_slice()?, &options.borrow()?);
    dispatch(py, AllPairs, scores, offsets, options, narrow, out)
}

#[pyfunction]
pub fn best_vs_rest<'py>(
    py: Python<'py>,
    scores: Numbers<'py>,
    offsets: Offsets<'py>,
    options: Options<'py>,
    narrow: bool,
) -> PyResult<(Columns<'py>, usize)> {
    let (offsets, options) = (offsets.as_slice()?, &options.borrow()?);
    dispatch(py, BestVsRest, scores, offsets, options, narrow, None)
}

#[pyfunction]
#[pyo3(signature = (scores, offsets, options, narrow, k, correct, ties))]
#[allow(clippy::too_many_arguments)]
pub fn best_worst<'py>(
    py: Python<'py>,
    scores: Numbers<'py>,
    offsets: Offsets<'py>,
    options: Options<'py>,
    narrow: bool,
    k: usize,
    correct: Option<PyReadonlyArray1<'py, bool>>,
    ties: bool,
) -> PyResult<(Columns<'py>, usize)> {
    let correct = correct
        .as_ref()
        .map(PyReadonlyArray1::as_slice)
        .transpose()?;
    let scheme = BestWorst { k, correct, ties }.checked(scores.borrow()?.len())?;
    let (offsets, options) = (offsets.as_slice()?, &options.borrow()?);
    dispatch(py, scheme, scores, offsets, options, narrow, None)
}

#[pyfunction]
#[pyo3(signature = (scores, offsets, options, narrow, skips, ties))]
pub fn adjacent<'py>(
    py: Python<'py>,
    scores: Numbers<'py>,
    offsets: Offsets<'py>,
    options: Options<'py>,
    narrow: bool,
    skips: (usize, Option<usize>),
    ties: bool,
) -> PyResult<(Columns<'py>, usize)> {
    let (min_skip, max_skip) = skips;
    let scheme = Adjacent {
        min_skip,
        max_skip,
        ties,
    }
    .checked()?;
    let (offsets, options) = (offsets.as_slice()?, &options.borrow()?);
    dispatch(py, scheme, scores, offsets, options, narrow, None)
}

#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub fn step_pairs<'py>(
    py: Python<'py>,
    q: Numbers<'py>,
    others: [Numbers<'py>; 4],
    offsets: Offsets<'py>,
    worse: &str,
    seed: u64,
    narrow: bool,
) -> PyResult<(Columns<'py>, usize)> {
    let (offsets, worse) = (offsets.as_slice()?, worse.parse()?);
    let [prior, rewards, values, visits] = &others;
    let columns = [
        ("q", q.borrow()?),
        ("prior", prior.borrow()?),
        ("rewards", rewards.borrow()?),
        ("values", values.borrow()?),
        ("visits", visits.borrow()?),
    ];
    let scheme = py.detach(|| StepPairs::new(columns, offsets, worse, seed))?;
    dispatch(
        py,
        scheme,
        q,
        offsets,
        &pairs::Options::default(),
        narrow,
        None,
    )
}

fn dispatch<'py, S: Scheme>(
    py: Python<'py>,
    scheme: S,
    scores: Numbers<'py>,
    offsets: &[i64],
    options: &pairs::Options<'_>,
    narrow: bool,
    out: Option<Columns<'py>>,
) -> PyResult<(Columns<'py>, usize)> {
    match (scores, narrow) {
        (Numbers::F64(s), false) => build::<S, f64, i64>(py, scheme, &s, offsets, options, out),
        (Numbers::F64(s), true) => build::<S, f64, i32>(py, scheme, &s, offsets, options, out),
        (Numbers::F32(s), false) => build::<S, f32, i64>(py, scheme, &s, offsets, options, out),
        (Numbers::F32(s), true) => build::<S, f32, i32>(py, scheme, &s, offsets, options, out),
        (Numbers::I64(s), false) => build::<S, i64, i64>(py, scheme, &s, offsets, options, out),
        (Numbers::I64(s), true) => build::<S, i64, i32>(py, scheme, &s, offsets, options, out),
        (Numbers::I32(s), false) => build::<S, i32, i64>(py, scheme, &s, offsets, options, out),
        (Numbers::I32(s), true) => build::<S, i32, i32>(py, scheme, &s, offsets, options, out),
    }
}

/// Columns chosen, rejected, margin, group (those of `out`, or new ones) and the number of pairs at their front.
fn build<'py, S: Scheme, T: Score + Element, I: Index + Element>(
    py: Python<'py>,
    scheme: S,
    scores: &PyReadonlyArray1<'py, T>,
    offsets: &[i64],
    options: &pairs::Options<'_>,
    out: Option<Columns<'py>>,
) -> PyResult<(Columns<'py>, usize)> {
    let scores = scores.as_slice()?;
    let plan = py.detach(|| Plan::<S, T, I>::new(scheme, scores, offsets, options))?;
    let columns = match out {
        Some(columns) => columns,
        None => allocate::<T, I>(py, plan.total())?,
    };
    let total = write(&columns, |room| py.detach(|| plan.fill(room)))?;
    Ok((columns, total))
}

/// Lends the columns to `fill`.
fn write<T: Element, I: Element, R>(
    columns: &Columns<'_>,
    fill: impl FnOnce(PairsMut<'_, T, I>) -> crate::Result<R>,
) -> PyResult<R> {
    let [chosen, rejected, margin, group] = columns;
    let mut chosen: Writable<'_, I> = chosen.extract()?;
    let mut rejected: Writable<'_, I> = rejected.extract()?;
    let mut margin: Writable<'_, T> = margin.extract()?;
    let mut group: Writable<'_, I> = group.extract()?;
    let room = PairsMut {
        chosen: chosen.as_slice_mut()?,
        rejected: rejected.as_slice_mut()?,
        margin: margin.as_slice_mut()?,
        group: group.as_slice_mut()?,
    };
    Ok(fill(room)?)
}

/// `NumPy` asks the system for huge pages, which a Rust vector would not get (page faults dominate fresh memory), and
/// raises `MemoryError` where a Rust vector would abort.
fn allocate<'py, T: Element, I: Element>(py: Python<'py>, total: usize) -> PyResult<Columns<'py>> {
    let numpy = py.import("numpy")?;
    let zeros = |dtype: Bound<'py, PyArrayDescr>| numpy.call_method1("zeros", (total, dtype));
    Ok([
        zeros(dtype::<I>(py))?,
        zeros(dtype::<I>(py))?,
        zeros(dtype::<T>(py))?,
        zeros(dtype::<I>(py))?,
    ])
}

#[pyfunction]
#[pyo3(signature = (group, values))]
pub fn pair_weights<'py>(
    py: Python<'py>,
    group: PyReadonlyArray1<'py, i64>,
    values: Option<PyReadonlyArray1<'py, f64>>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let group = group.as_slice()?;
    let values = values
        .as_ref()
        .map(PyReadonlyArray1::as_slice)
        .transpose()?;
    Ok(py
        .detach(|| pairs::pair_weights(group, values))?
        .into_pyarray(py))
}

/// Columns pairs, ties, `outside_gap`.
#[pyfunction]
pub fn count_pairs<'py>(
    py: Python<'py>,
    scores: Numbers<'py>,
    offsets: Offsets<'py>,
    options: Options<'py>,
) -> PyResult<[Bound<'py, PyArray1<i64>>; 3]> {
    let (offsets, options) = (offsets.as_slice()?, &options.borrow()?);
    let counts = match scores.borrow()? {
        Column::F64(s) => py.detach(|| pairs::count_pairs(s, offsets, options)),
        Column::F32(s) => py.detach(|| pairs::count_pairs(s, offsets, options)),
        Column::I64(s) => py.detach(|| pairs::count_pairs(s, offsets, options)),
        Column::I32(s) => py.detach(|| pairs::count_pairs(s, offsets, options)),
    }?;
    let column = |field: fn(&PairCounts) -> i64| PyArray1::from_iter(py, counts.iter().map(field));
    Ok([
        column(|group| group.pairs),
        column(|group| group.ties),
        column(|group| group.outside_gap),
    ])
}

#[pyfunction]
pub fn fits_index(n: usize, narrow: bool) -> PyResult<()> {
    Ok(if narrow {
        pairs::fits_index::<i32>(n)
    } else {
        pairs::fits_index::<i64>(n)
    }?)
}

/// The next `size` of all pairs from a place (list, i, j) of the first group on, and the place behind them.
#[pyfunction]
pub fn next_batch<'py>(
    py: Python<'py>,
    scores: Numbers<'py>,
    offsets: Offsets<'py>,
    options: Options<'py>,
    narrow: bool,
    start: [usize; 3],
    size: usize,
) -> PyResult<(Columns<'py>, [usize; 3])> {
    let (offsets, options) = (offsets.as_slice()?, &options.borrow()?);
    let [list, i, j] = start;
    let start = Cursor { list, i, j };
    let (scores, narrow) = (scores.borrow()?, narrow);
    let (columns, end) = match (scores, narrow) {
        (Column::F64(s), false) => batch::<f64, i64>(py, s, offsets, options, start, size),
        (Column::F64(s), true) => batch::<f64, i32>(py, s, offsets, options, start, size),
        (Column::F32(s), false) => batch::<f32, i64>(py, s, offsets, options, start, size),
        (Column::F32(s), true) => batch::<f32, i32>(py, s, offsets, options, start, size),
        (Column::I64(s), false) => batch::<i64, i64>(py, s, offsets, options, start, size),
        (Column::I64(s), true) => batch::<i64, i32>(py, s, offsets, options, start, size),
        (Column::I32(s), false) => batch::<i32, i64>(py, s, offsets, options, start, size),
        (Column::I32(s), true) => batch::<i32, i32>(py, s, offsets, options, start, size),
    }?;
    Ok((columns, [end.list, end.i, end.j]))
}

fn batch<'py, T: Score + Element, I: Index + Element>(
    py: Python<'py>,
    scores: &[T],
    offsets: &[i64],
    options: &pairs::Options<'_>,
    start: Cursor,
    size: usize,
) -> PyResult<(Columns<'py>, Cursor)> {
    let columns = allocate::<T, I>(py, size)?;
    let next = |room: PairsMut<'_, T, I>| {
        py.detach(|| pairs::next_batch(scores, offsets, options, start, room))
    };
    let end = write(&columns, next)?;
    Ok((columns, end))
}

/// Columns length, `chosen_empty`, `rejected_empty`.
#[pyfunction]
pub fn common_prefixes<'py>(
    py: Python<'py>,
    chosen: Numbers<'py>,
    chosen_offsets: Offsets<'py>,
    rejected: Numbers<'py>,
    rejected_offsets: Offsets<'py>,
) -> PyResult<(Flat<'py, i64>, Flat<'py, bool>, Flat<'py, bool>)> {
    let (chosen_offsets, rejected_offsets) =
        (chosen_offsets.as_slice()?, rejected_offsets.as_slice()?);
    let found = match (chosen.borrow()?, rejected.borrow()?) {
        (Column::I32(a), Column::I32(b)) => {
            py.detach(|| pairs::common_prefixes(a, chosen_offsets, b, rejected_offsets))
        }
        (Column::I64(a), Column::I64(b)) => {
            py.detach(|| pairs::common_prefixes(a, chosen_offsets, b, rejected_offsets))
        }
        _ => {
            return Err(PyTypeError::new_err(
                "chosen and rejected must be integers of one type",
            ));
        }
    }?;
    let empty = |field: fn(&CommonPrefix) -> bool| PyArray1::from_iter(py, found.iter().map(field));
    Ok((
        PyArray1::from_iter(py, found.iter().map(|row| row.length)),
        empty(|row| row.chosen_empty),
        empty(|row| row.rejected_empty),
    ))
}
