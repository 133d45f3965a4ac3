//! Bindings of `trec`.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{IntoPyArray, PyArray1};
use pyo3::types::{PyBytes, PyBytesMethods};
use pyo3::{Bound, PyRef, PyResult, Python, pyclass, pyfunction, pymethods};

use crate::trec::{self, Bad};

/// Lines that do not count: number, reason, text.
type BadLines = Vec<(usize, String, Option<String>)>;

type Lists<'py> = (
    Vec<String>,
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<i64>>,
    usize,
);

#[pyclass]
pub struct TrecFile(trec::File);

#[pymethods]
impl TrecFile {
    #[new]
    fn new(form: &str) -> PyResult<Self> {
        Ok(Self(trec::File::new(form.parse()?)))
    }

    fn push(&mut self, py: Python<'_>, block: Bound<'_, PyBytes>) {
        let block = block.as_bytes();
        py.detach(|| self.0.push(block));
    }

    fn finish(&mut self) {
        self.0.finish();
    }

    #[getter]
    fn form(&self) -> &'static str {
        self.0.form().name()
    }

    #[getter]
    fn read(&self) -> usize {
        self.0.read()
    }

    #[getter]
    fn rejected(&self) -> usize {
        self.0.bad().len()
    }
}

#[pyfunction]
pub fn trec_join<'py>(
    py: Python<'py>,
    run: PyRef<'py, TrecFile>,
    qrels: PyRef<'py, TrecFile>,
) -> (Lists<'py>, BadLines, BadLines) {
    let (run, qrels) = (&run.0, &qrels.0);
    let joined = py.detach(|| trec::join(run, qrels));
    let lists = (
        joined.topics,
        joined.offsets.into_pyarray(py),
        joined.rows.into_pyarray(py),
        joined.grades.into_pyarray(py),
        joined.judged.into_pyarray(py),
        joined.judged_offsets.into_pyarray(py),
        joined.left_out,
    );
    (lists, lines(joined.bad_run), lines(joined.bad_qrels))
}

fn lines(bad: Vec<Bad>) -> BadLines {
    let lines = bad.into_iter();
    lines.map(|bad| (bad.line, bad.reason, bad.text)).collect()
}
