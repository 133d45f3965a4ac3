//! Bindings of `ratings`: comparisons, connectivity, strings.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::types::{PyAny, PyString, PyStringMethods as _};
use pyo3::{Bound, Py, PyResult, Python, pyfunction};

use super::accuracy::slice;
use crate::ratings::{self, Addresses, Codes, Comparisons, Fixed};

type Items<'py> = PyReadonlyArray1<'py, i64>;
type Reals<'py> = PyReadonlyArray1<'py, f64>;
type Ints<'py> = Bound<'py, PyArray1<i64>>;
type Values<'py> = Bound<'py, PyArray1<f64>>;
/// Weights, ids of clusters, number of items.
type Options<'py> = (Option<Reals<'py>>, Option<Items<'py>>, Option<usize>);
/// Cell, outcome, weight, count, cluster.
type Units<'py> = (Ints<'py>, Values<'py>, Values<'py>, Ints<'py>, Ints<'py>);

/// Number of items; first and second; wins, losses and ties; units.
#[pyfunction]
pub fn gathered<'py>(
    py: Python<'py>,
    first: Items<'py>,
    second: Items<'py>,
    outcomes: Reals<'py>,
    options: Options<'py>,
) -> PyResult<(usize, [Ints<'py>; 2], [Values<'py>; 3], Units<'py>)> {
    let (weights, clusters, n_items) = &options;
    let rows = Comparisons {
        first: first.as_slice()?,
        second: second.as_slice()?,
        outcomes: outcomes.as_slice()?,
        weights: slice(weights)?,
        clusters: clusters.as_ref().map(|ids| ids.as_slice()).transpose()?,
        n_items: *n_items,
    };
    let cells = py.detach(|| ratings::gathered(rows))?;
    let units = (
        cells.units.cell.into_pyarray(py),
        cells.units.outcome.into_pyarray(py),
        cells.units.weight.into_pyarray(py),
        cells.units.count.into_pyarray(py),
        cells.units.cluster.into_pyarray(py),
    );
    let pairs = [cells.first, cells.second].map(|items| items.into_pyarray(py));
    let sums = [cells.wins, cells.losses, cells.ties].map(|sums| sums.into_pyarray(py));
    Ok((cells.n_items, pairs, sums, units))
}

#[pyfunction]
pub fn strong_components<'py>(
    py: Python<'py>,
    n: usize,
    winners: Items<'py>,
    losers: Items<'py>,
) -> PyResult<Ints<'py>> {
    let (winners, losers) = (winners.as_slice()?, losers.as_slice()?);
    let components = py.detach(|| ratings::strong_components(n, winners, losers))?;
    Ok(components.into_pyarray(py))
}

/// Cyclic ones, all.
#[pyfunction]
pub fn cyclic_triples(
    py: Python<'_>,
    n: usize,
    winners: Items<'_>,
    losers: Items<'_>,
) -> PyResult<(i64, i64)> {
    let (winners, losers) = (winners.as_slice()?, losers.as_slice()?);
    let triples = py.detach(|| ratings::cyclic_triples(n, winners, losers))?;
    Ok((triples.cyclic, triples.total))
}

/// Low and high 64 bits, flat.
#[pyfunction]
pub fn fixed_point<'py>(
    py: Python<'py>,
    values: Reals<'py>,
    counts: Items<'py>,
) -> PyResult<Ints<'py>> {
    let numbers = ratings::fixed_point(values.as_slice()?, counts.as_slice()?)?;
    Ok(numbers.into_flattened().into_pyarray(py))
}

/// Low and high 64 bits, flat.
#[pyfunction]
pub fn sum_fixed<'py>(
    py: Python<'py>,
    numbers: PyReadonlyArray2<'py, i64>,
    places: Items<'py>,
    n: usize,
) -> PyResult<Ints<'py>> {
    let sums = ratings::sum_fixed(fixed(numbers.as_slice()?), places.as_slice()?, n)?;
    Ok(sums.into_flattened().into_pyarray(py))
}

#[pyfunction]
pub fn round_fixed<'py>(
    py: Python<'py>,
    sums: PyReadonlyArray2<'py, i64>,
) -> PyResult<Values<'py>> {
    Ok(ratings::round_fixed(fixed(sums.as_slice()?)).into_pyarray(py))
}

fn fixed(flat: &[i64]) -> &[Fixed] {
    flat.as_chunks().0
}

/// Numbers of the rows' strings, and the row where each came first.
#[pyfunction]
pub fn fixed_width_codes<'py>(
    py: Python<'py>,
    characters: PyReadonlyArray1<'py, u32>,
    width: usize,
) -> PyResult<(Ints<'py>, Ints<'py>)> {
    let characters = characters.as_slice()?;
    let codes = py.detach(|| ratings::fixed_width_codes(characters, width));
    Ok((codes.codes.into_pyarray(py), codes.rows.into_pyarray(py)))
}

/// The same of Python's strings, up to the first row that holds none.
#[pyfunction]
pub fn object_codes<'py>(
    py: Python<'py>,
    objects: PyReadonlyArray1<'py, Py<PyAny>>,
) -> PyResult<(Ints<'py>, Ints<'py>)> {
    let (mut codes, mut addresses) = (Codes::default(), Addresses::default());
    for object in objects.as_slice()? {
        let address = object.as_ptr() as usize;
        if let Some(code) = addresses.get(address) {
            codes.repeat(code);
            continue;
        }
        let string = object.bind(py).cast::<PyString>();
        let Some(text) = string.ok().and_then(|string| string.to_str().ok()) else {
            break;
        };
        addresses.set(address, codes.push(text));
    }
    Ok((codes.codes.into_pyarray(py), codes.rows.into_pyarray(py)))
}
