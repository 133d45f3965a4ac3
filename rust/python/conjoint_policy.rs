//! Bindings of the policies of conjoint, and models of the outcome as they come from Python.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::{Borrowed, Bound, FromPyObject, PyAny, PyErr, PyResult, Python, pyfunction};

use crate::Error;
use crate::conjoint::Layout;
use crate::conjoint::expectation::{
    Electorate, Interaction, Link, Scores, Voters, value_and_slopes,
};
use crate::conjoint::policy::{self, Penalty, Problem};

type Floats<'py> = PyReadonlyArray1<'py, f64>;
type Column<'py> = Bound<'py, PyArray1<f64>>;

/// `n_levels`, scores of levels flat, tables of pairs (d, e, flat), (intercept, whether it is a parameter, logit, paired),
/// and (draws, seed) of a sampled model.
#[derive(FromPyObject)]
pub struct ModelArgument<'py>(
    Vec<usize>,
    Floats<'py>,
    Vec<(usize, usize, Floats<'py>)>,
    (f64, bool, bool, bool),
    Option<(usize, u64)>,
);

impl ModelArgument<'_> {
    fn scores(&self) -> PyResult<Scores> {
        let inter = self.2.iter().map(|(d, e, table)| {
            Ok(Interaction {
                factors: (*d, *e),
                table: table.as_slice()?.to_vec(),
            })
        });
        Ok(Scores {
            layout: Layout::new(&self.0),
            main: self.1.as_slice()?.to_vec(),
            inter: inter.collect::<PyResult<_>>()?,
        })
    }

    pub fn voters(&self) -> PyResult<Voters> {
        let (intercept, unknown, logit, paired) = self.3;
        let link = if logit { Link::Logit } else { Link::Identity };
        let scores = self.scores()?;
        Ok(Voters::with_sample(
            scores, intercept, unknown, link, paired, self.4,
        )?)
    }
}

impl<'py> FromPyObject<'_, 'py> for Penalty {
    type Error = PyErr;

    fn extract(word: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match word.extract::<String>()?.as_str() {
            "kl" => Ok(Self::Kl),
            "reverse_kl" => Ok(Self::ReverseKl),
            "l2" => Ok(Self::L2),
            other => {
                let expected = "\"kl\", \"reverse_kl\" or \"l2\"";
                Err(Error::domain("penalty", expected, format!("{other:?}")).into())
            }
        }
    }
}

fn optional<'a>(policy: Option<&'a Floats<'_>>) -> PyResult<Option<&'a [f64]>> {
    Ok(policy.map(|policy| policy.as_slice()).transpose()?)
}

/// Expected outcome of a policy, and given each level.
#[pyfunction]
pub fn expected_slopes<'py>(
    py: Python<'py>,
    model: ModelArgument<'py>,
    own: Floats<'py>,
    other: Option<Floats<'py>>,
) -> PyResult<(f64, Column<'py>)> {
    let (voters, own, other) = (model.voters()?, own.as_slice()?, optional(other.as_ref())?);
    let (value, slopes) = py.detach(|| {
        let party = voters.against(other);
        value_and_slopes(party.as_ref(), &voters.scores().layout, own)
    });
    Ok((value, PyArray1::from_vec(py, slopes)))
}

/// Expected outcome of every profile, the level of the last factor running fastest.
#[pyfunction]
pub fn profile_values<'py>(
    py: Python<'py>,
    model: ModelArgument<'py>,
    other: Option<Floats<'py>>,
) -> PyResult<Column<'py>> {
    let (voters, other) = (model.voters()?, optional(other.as_ref())?);
    let values = py.detach(|| voters.profile_values(other));
    Ok(PyArray1::from_vec(py, values))
}

/// policy, (value, value of the reference, objective, gain), (concave, `beta_concave`), iterations, status, and the
/// derivatives [M + 1, P] of policy and value.
type BestArrays<'py> = (
    Column<'py>,
    (f64, f64, f64, f64),
    (bool, f64),
    usize,
    &'static str,
    Option<Column<'py>>,
);

/// `references` = policy pulled to, the other's policy; `pull` = beta of each factor, penalty; `limits` = tol, `max_iter`;
/// `errors`: whether to take derivatives.
#[pyfunction]
pub fn best_policy<'py>(
    py: Python<'py>,
    model: ModelArgument<'py>,
    references: (Floats<'py>, Option<Floats<'py>>),
    pull: (Vec<f64>, Penalty),
    starts: Vec<Floats<'py>>,
    limits: (f64, usize),
    errors: bool,
) -> PyResult<BestArrays<'py>> {
    let voters = model.voters()?;
    let (reference, other) = (references.0.as_slice()?, optional(references.1.as_ref())?);
    let starts = starts.iter().map(|start| Ok(start.as_slice()?.to_vec()));
    let starts = starts.collect::<PyResult<Vec<_>>>()?;
    let (best, baseline, jacobian) = py.detach(|| {
        let layout = voters.scores().layout.clone();
        let electorate = Electorate::new(layout.clone(), vec![(1.0, voters)]);
        let party = electorate.against(other);
        let problem = Problem {
            party: &party,
            layout: &layout,
            reference,
            beta: &pull.0,
            penalty: pull.1,
        };
        let best = policy::best_policy(&problem, &starts, limits.0, limits.1);
        let (baseline, _) = value_and_slopes(&party, &layout, reference);
        let jacobian = errors.then(|| {
            let by = electorate.own_parameters(&best.ascent.policy, other);
            policy::sensitivity(&problem, &best.ascent, &by)
        });
        (best, baseline, jacobian.flatten())
    });
    let end = best.ascent;
    Ok((
        PyArray1::from_vec(py, end.policy),
        (end.value, baseline, end.objective, end.gain),
        (best.concave, best.beta_concave),
        end.iterations,
        end.status.word(),
        jacobian.map(|values| PyArray1::from_vec(py, values)),
    ))
}

/// Levels of the `k` best profiles, row by row, and their scores. `rules` = levels allowed, pairs of levels forbidden.
#[pyfunction]
#[allow(clippy::type_complexity)] // plain arrays
pub fn best_profiles<'py>(
    py: Python<'py>,
    model: ModelArgument<'py>,
    rules: (Vec<bool>, Vec<(usize, usize, usize, usize)>),
    k: usize,
) -> PyResult<(Bound<'py, PyArray1<i64>>, Column<'py>)> {
    let scores = model.scores()?;
    let found = py.detach(|| policy::best_profiles(&scores, &rules.0, &rules.1, k));
    let (profiles, values): (Vec<Vec<usize>>, Vec<f64>) = found.into_iter().unzip();
    let levels = profiles.into_iter().flatten();
    let levels = levels
        .filter_map(|level| i64::try_from(level).ok())
        .collect();
    Ok((
        PyArray1::from_vec(py, levels),
        PyArray1::from_vec(py, values),
    ))
}
