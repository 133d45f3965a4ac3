//! Bindings of the effects of levels.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::{Bound, FromPyObject, PyResult, Python, pyfunction};

use super::conjoint::CodesArgument;
use crate::conjoint::{self, Clusters, Layout, Residual, Rows};
use crate::special;

type Ints<'py> = PyReadonlyArray1<'py, i64>;
type Floats<'py> = PyReadonlyArray1<'py, f64>;
type Values<'py> = Bound<'py, PyArray1<f64>>;

/// (codes, numbers of levels, outcomes, weights or None).
#[derive(FromPyObject)]
pub struct RowsArgument<'py>(
    CodesArgument<'py>,
    Vec<usize>,
    Floats<'py>,
    Option<Floats<'py>>,
);

impl RowsArgument<'_> {
    fn borrow<'a>(&'a self, layout: &'a Layout) -> PyResult<Rows<'a>> {
        let Self(codes, _, outcomes, weights) = self;
        Ok(Rows {
            codes: codes.borrow()?,
            layout,
            outcomes: outcomes.as_slice()?,
            weights: weights.as_ref().map(|w| w.as_slice()).transpose()?,
        })
    }
}

/// (boundaries of tasks, tasks in the order of clusters or None, boundaries of clusters).
#[derive(FromPyObject)]
pub struct ClustersArgument<'py>(Ints<'py>, Option<Ints<'py>>, Ints<'py>);

impl ClustersArgument<'_> {
    fn borrow(&self) -> PyResult<Clusters<'_>> {
        let Self(offsets, tasks, bounds) = self;
        Ok(Clusters {
            offsets: offsets.as_slice()?,
            tasks: tasks.as_ref().map(|tasks| tasks.as_slice()).transpose()?,
            bounds: bounds.as_slice()?,
        })
    }
}

/// Gram matrix of the levels, flat [M, M], and their totals [M].
#[pyfunction]
pub fn level_products<'py>(
    py: Python<'py>,
    rows: RowsArgument<'py>,
) -> PyResult<(Values<'py>, Values<'py>)> {
    let layout = Layout::new(&rows.1);
    let rows = rows.borrow(&layout)?;
    let products = py.detach(|| conjoint::level_products(rows))?;
    Ok((
        products.gram.into_pyarray(py),
        products.totals.into_pyarray(py),
    ))
}

/// Scores, flat [G, M].
#[pyfunction]
pub fn level_scores<'py>(
    py: Python<'py>,
    rows: RowsArgument<'py>,
    coef: Floats<'py>,
    separate: bool,
    clusters: ClustersArgument<'py>,
) -> PyResult<Values<'py>> {
    let layout = Layout::new(&rows.1);
    let (rows, coef, clusters) = (rows.borrow(&layout)?, coef.as_slice()?, clusters.borrow()?);
    let residual = residual(separate);
    let scores = py.detach(|| conjoint::level_scores(rows, coef, residual, clusters))?;
    Ok(scores.into_pyarray(py))
}

/// Sum of the outer products of the scores, flat [M, M].
#[pyfunction]
pub fn level_meat<'py>(
    py: Python<'py>,
    rows: RowsArgument<'py>,
    coef: Floats<'py>,
    separate: bool,
    clusters: ClustersArgument<'py>,
) -> PyResult<Values<'py>> {
    let layout = Layout::new(&rows.1);
    let (rows, coef, clusters) = (rows.borrow(&layout)?, coef.as_slice()?, clusters.borrow()?);
    let residual = residual(separate);
    let meat = py.detach(|| conjoint::level_meat(rows, coef, residual, clusters))?;
    Ok(meat.into_pyarray(py))
}

fn residual(separate: bool) -> Residual {
    if separate {
        Residual::Separate
    } else {
        Residual::Joint
    }
}

/// Scores corrected for leverage, flat [G, R]; `basis` is flat [M, R].
#[pyfunction]
pub fn adjusted_scores<'py>(
    py: Python<'py>,
    rows: RowsArgument<'py>,
    coef: Floats<'py>,
    basis: Floats<'py>,
    clusters: ClustersArgument<'py>,
) -> PyResult<Values<'py>> {
    let layout = Layout::new(&rows.1);
    let (rows, coef, clusters) = (rows.borrow(&layout)?, coef.as_slice()?, clusters.borrow()?);
    let basis = basis.as_slice()?;
    let scores = py.detach(|| conjoint::adjusted_scores(rows, coef, basis, clusters))?;
    Ok(scores.into_pyarray(py))
}

/// Eigenvalues [n], rising, and vectors, one a column, flat [n, n].
#[pyfunction]
pub fn symmetric_eigen<'py>(
    py: Python<'py>,
    matrix: Floats<'py>,
    n: usize,
) -> PyResult<(Values<'py>, Values<'py>)> {
    let matrix = matrix.as_slice()?;
    let (values, vectors) = py.detach(|| conjoint::symmetric_eigen(matrix, n))?;
    Ok((values.into_pyarray(py), vectors.into_pyarray(py)))
}

/// P(|T| >= t) of Student's distribution, of each t.
#[pyfunction]
pub fn student_tails<'py>(py: Python<'py>, t: Floats<'py>, df: f64) -> PyResult<Values<'py>> {
    let tails = t.as_slice()?.iter().map(|&t| special::student_tail(t, df));
    Ok(tails.collect::<crate::Result<Vec<_>>>()?.into_pyarray(py))
}

/// The t with P(|T| >= t) = p.
#[pyfunction]
pub fn student_quantile(p: f64, df: f64) -> PyResult<f64> {
    Ok(special::student_quantile(p, df)?)
}

/// P(F >= f) of Fisher's distribution.
#[pyfunction]
pub fn fisher_tail(f: f64, df: f64, df_denominator: f64) -> PyResult<f64> {
    Ok(special::fisher_tail(f, df, df_denominator)?)
}

/// P(X >= x) of the gamma distribution of shape a.
#[pyfunction]
pub fn gamma_tail(x: f64, a: f64) -> PyResult<f64> {
    Ok(special::gamma_tail(x, a)?)
}
