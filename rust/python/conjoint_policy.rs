//! Bindings of the policies of conjoint, and models of the outcome as they come from Python.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::PyReadonlyArray1;
use pyo3::{FromPyObject, PyResult};

use crate::conjoint::Layout;
use crate::conjoint::expectation::{Interaction, Link, Scores, Voters};

type Floats<'py> = PyReadonlyArray1<'py, f64>;

/// `n_levels`, scores of levels flat, tables of pairs (d, e, flat), (intercept, whether it is a parameter, logit, paired).
#[derive(FromPyObject)]
pub struct ModelArgument<'py>(
    Vec<usize>,
    Floats<'py>,
    Vec<(usize, usize, Floats<'py>)>,
    (f64, bool, bool, bool),
);

impl ModelArgument<'_> {
    pub fn voters(&self) -> PyResult<Voters> {
        let inter = self.2.iter().map(|(d, e, table)| {
            Ok(Interaction {
                factors: (*d, *e),
                table: table.as_slice()?.to_vec(),
            })
        });
        let scores = Scores {
            layout: Layout::new(&self.0),
            main: self.1.as_slice()?.to_vec(),
            inter: inter.collect::<PyResult<_>>()?,
        };
        let (intercept, unknown, logit, paired) = self.3;
        let link = if logit { Link::Logit } else { Link::Identity };
        Ok(Voters::new(scores, intercept, unknown, link, paired)?)
    }
}
