//! Games as arguments, and solutions as arrays; the bindings of each theme stand in a file of their own.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{IntoPyArray, PyArray1, PyArrayMethods, PyFixedUnicode, PyReadonlyArray1};
use pyo3::types::PyAny;
use pyo3::{Borrowed, Bound, FromPyObject, PyErr, PyResult, Python, pyfunction};

use crate::games::{self, Form, Games, Layout, Solution, Values, ZeroSumSolution};
use crate::status::Status;
use crate::{Error, ragged};

type Floats<'py> = Bound<'py, PyArray1<f64>>;
type Words<'py> = Bound<'py, PyArray1<PyFixedUnicode<WORD>>>;
/// Letters of the longest word of a status.
const WORD: usize = 9;

/// f32 or f64, flat.
pub enum Payoffs<'py> {
    F64(PyReadonlyArray1<'py, f64>),
    F32(PyReadonlyArray1<'py, f32>),
}

impl<'py> FromPyObject<'_, 'py> for Payoffs<'py> {
    type Error = PyErr;

    fn extract(values: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match values.cast::<PyArray1<f64>>() {
            Ok(values) => Ok(Self::F64(values.try_readonly()?)),
            Err(_) => Ok(Self::F32(values.extract()?)),
        }
    }
}

impl Payoffs<'_> {
    pub fn borrow(&self) -> PyResult<Values<'_>> {
        Ok(match self {
            Self::F64(values) => Values::F64(values.as_slice()?),
            Self::F32(values) => Values::F32(values.as_slice()?),
        })
    }
}

/// (`values`, `offsets`, `half`, `form`, `gate`): `form` is dense, packed or factor, `gate` of factor form only.
#[derive(FromPyObject)]
pub struct GamesArgument<'py>(
    Payoffs<'py>,
    PyReadonlyArray1<'py, i64>,
    f64,
    String,
    Option<PyReadonlyArray1<'py, f64>>,
);

impl GamesArgument<'_> {
    pub fn borrow(&self) -> PyResult<Games<'_>> {
        let Self(values, offsets, half, form, gate) = self;
        let form = match (form.as_str(), gate) {
            ("dense", _) => Form::Dense,
            ("packed", _) => Form::Packed,
            (_, Some(gate)) => Form::Factor {
                gate: gate.as_slice()?,
            },
            _ => return Err(Error::domain("form", "dense, packed or factor", form).into()),
        };
        Ok(Games::new(
            values.borrow()?,
            form,
            offsets.as_slice()?,
            *half,
        )?)
    }
}

/// `log_policy` [N], gap, gap0, `kl_ref`, unique (1, 0, -1: not checked), `min_slack`, iterations, residual,
/// converged, word of the status [G], path.
pub type SolutionArrays<'py> = (
    Floats<'py>,
    Floats<'py>,
    Floats<'py>,
    Floats<'py>,
    Bound<'py, PyArray1<i8>>,
    Floats<'py>,
    Bound<'py, PyArray1<i64>>,
    Floats<'py>,
    Bound<'py, PyArray1<bool>>,
    Words<'py>,
    Floats<'py>,
);

/// One column: a field of every solution.
fn each<'py, S, T: numpy::Element>(
    py: Python<'py>,
    solutions: &[S],
    field: impl Fn(&S) -> T,
) -> Bound<'py, PyArray1<T>> {
    let column: Vec<T> = solutions.iter().map(field).collect();
    column.into_pyarray(py)
}

/// An array of these is made without a Python string for each game.
fn word(status: Status) -> PyFixedUnicode<WORD> {
    let mut letters = [0; WORD];
    let word = status.word().chars().map(u32::from);
    letters
        .iter_mut()
        .zip(word)
        .for_each(|(place, letter)| *place = letter);
    letters.into()
}

/// Columns of the solutions of all games.
pub fn columns(py: Python<'_>, solutions: Vec<Solution>) -> SolutionArrays<'_> {
    let flat = |field: fn(&Solution) -> &Vec<f64>| {
        let all = solutions
            .iter()
            .flat_map(|solution| field(solution).iter().copied());
        all.collect::<Vec<f64>>().into_pyarray(py)
    };
    (
        flat(|solution| &solution.log_policy),
        each(py, &solutions, |solution| solution.gaps.gap),
        each(py, &solutions, |solution| solution.gaps.gap0),
        each(py, &solutions, |solution| solution.gaps.kl_ref),
        each(py, &solutions, |solution| {
            solution.unique.map_or(-1, i8::from)
        }),
        each(py, &solutions, |solution| solution.min_slack),
        each(py, &solutions, |solution| {
            i64::try_from(solution.iterations).unwrap_or(i64::MAX)
        }),
        each(py, &solutions, |solution| solution.residual),
        each(py, &solutions, |solution| solution.status.succeeded()),
        each(py, &solutions, |solution| word(solution.status)),
        flat(|solution| &solution.path),
    )
}

/// `log_row` [B·m], `log_column` [B·n], value, gap, gap0, unique (as above), iterations, residual, converged, word of the
/// status [B].
pub type ZeroSumArrays<'py> = (
    Floats<'py>,
    Floats<'py>,
    Floats<'py>,
    Floats<'py>,
    Floats<'py>,
    Bound<'py, PyArray1<i8>>,
    Bound<'py, PyArray1<i64>>,
    Floats<'py>,
    Bound<'py, PyArray1<bool>>,
    Words<'py>,
);

/// Columns of the solutions of rectangular games.
pub fn zero_sum_columns<'py>(py: Python<'py>, solutions: &[ZeroSumSolution]) -> ZeroSumArrays<'py> {
    let flat = |field: fn(&ZeroSumSolution) -> &Vec<f64>| {
        let all = solutions.iter().flat_map(|one| field(one).iter().copied());
        all.collect::<Vec<f64>>().into_pyarray(py)
    };
    let floats = |field: fn(&ZeroSumSolution) -> f64| each(py, solutions, field);
    (
        flat(|one| &one.log_row),
        flat(|one| &one.log_column),
        floats(|one| one.value),
        floats(|one| one.gap),
        floats(|one| one.gap0),
        each(py, solutions, |one| one.unique.map_or(-1, i8::from)),
        each(py, solutions, |one| {
            i64::try_from(one.iterations).unwrap_or(i64::MAX)
        }),
        floats(|one| one.residual),
        each(py, solutions, |one| one.status.succeeded()),
        each(py, solutions, |one| word(one.status)),
    )
}

/// The constant that each pair of a dense payoff sums to. `layout`: one, batch or ragged, for positions in errors.
#[pyfunction]
pub fn payoff_constant(
    py: Python<'_>,
    values: Payoffs<'_>,
    offsets: PyReadonlyArray1<'_, i64>,
    layout: &str,
) -> PyResult<f64> {
    let layout = match layout {
        "one" => Layout::One,
        "batch" => Layout::Batch,
        _ => Layout::Ragged,
    };
    let (values, offsets) = (values.borrow()?, offsets.as_slice()?);
    Ok(py.detach(|| games::pair_constant(values, offsets, layout))?)
}

/// Log-softmax of each game's part; `argument` is the name for errors.
#[pyfunction]
pub fn normalized_policies<'py>(
    py: Python<'py>,
    argument: &str,
    values: PyReadonlyArray1<'py, f64>,
    offsets: PyReadonlyArray1<'py, i64>,
) -> PyResult<Floats<'py>> {
    let name = [
        "log_policy",
        "log_ref",
        "log_opponent",
        "log_ref_opponent",
        "log_ref_row",
        "log_ref_column",
        "init",
    ]
    .into_iter()
    .find(|name| *name == argument)
    .unwrap_or("policy");
    let (values, offsets) = (values.as_slice()?, offsets.as_slice()?);
    let bounds = ragged::bounds(offsets, values.len())?;
    let policies = py.detach(|| games::normalized(name, values, &bounds))?;
    Ok(policies.into_pyarray(py))
}
