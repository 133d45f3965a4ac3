//! Bindings of games of two parties.
#![allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::{Bound, FromPyObject, PyResult, Python, pyfunction};

use super::conjoint_policy::ModelArgument;
use crate::Error;
use crate::conjoint::Layout;
use crate::conjoint::equilibrium::{Certificate, Contest, Duel, Entrants, System, equilibrium};
use crate::conjoint::expectation::{
    Electorate, MOST_PROFILES, ParameterSlopes, Sum, value_and_slopes,
};
use crate::conjoint::policy::{self, Penalty, Problem};
use crate::status::Status;

type Floats<'py> = PyReadonlyArray1<'py, f64>;
type Column<'py> = Bound<'py, PyArray1<f64>>;

/// Groups of voters with their shares; or `n_levels` and the payoffs [N, N] of entrants.
#[derive(FromPyObject)]
pub enum GameArgument<'py> {
    Voters(Vec<(f64, ModelArgument<'py>)>),
    Matrix((Vec<usize>, Floats<'py>)),
}

impl GameArgument<'_> {
    fn duel(&self) -> PyResult<Box<dyn Duel + '_>> {
        Ok(match self {
            Self::Voters(groups) => Box::new(electorate(groups)?),
            Self::Matrix((n_levels, payoffs)) => {
                Box::new(Entrants::new(Layout::new(n_levels), payoffs.as_slice()?))
            }
        })
    }
}

fn electorate(groups: &[(f64, ModelArgument<'_>)]) -> PyResult<Electorate> {
    let groups = groups
        .iter()
        .map(|(share, model)| Ok((*share, model.voters()?)));
    let groups = groups.collect::<PyResult<Vec<_>>>()?;
    let mut layout = Layout::new(&[]);
    for (_, voters) in &groups {
        let scores = voters.scores();
        layout = scores.layout.clone();
        if !scores.inter.is_empty() && scores.profiles() > MOST_PROFILES {
            let expected = format!("of at most {MOST_PROFILES} profiles where levels interact");
            return Err(Error::domain("models", expected, scores.profiles()).into());
        }
    }
    Ok(Electorate::new(layout, groups))
}

/// Slates, pulls of the factors, and the distance.
type Pulls<'py> = ((Floats<'py>, Floats<'py>), (Vec<f64>, Vec<f64>), Penalty);

fn contest<'a>(duel: &'a dyn Duel, pulls: &Pulls<'_>) -> PyResult<Contest<'a>> {
    let ((slate_a, slate_b), (beta_a, beta_b), penalty) = pulls;
    let slates = [slate_a.as_slice()?, slate_b.as_slice()?];
    Ok(Contest::new(duel, slates, [beta_a, beta_b], *penalty))
}

/// policies [2 M]; value and pulls; gap and gaps of factors of both; gains of profiles, concavity and norms of both;
/// iterations, status.
type EquilibriumArrays<'py> = (
    Column<'py>,
    (f64, f64, f64),
    (f64, f64, f64),
    ((f64, f64), (bool, bool), (f64, f64)),
    (usize, &'static str),
);

/// `init` = policies of both; `limits` = tol, `max_iter`.
#[pyfunction]
pub fn game_equilibrium<'py>(
    py: Python<'py>,
    game: GameArgument<'py>,
    pulls: Pulls<'py>,
    init: Option<Floats<'py>>,
    limits: (f64, usize),
) -> PyResult<EquilibriumArrays<'py>> {
    let duel = game.duel()?;
    let contest = contest(duel.as_ref(), &pulls)?;
    let init = init.as_ref().map(|init| init.as_slice()).transpose()?;
    let (end, pulled, proof) = py.detach(|| {
        let start = init.map_or_else(
            || vec![0.0; contest.reference.len()],
            |init| contest.duals(init),
        );
        let end = equilibrium(&contest, start, limits.0, limits.1);
        let proof = Certificate::new(&contest, &end.point);
        let pulled = contest.pulls(&end.point.policy);
        (end, pulled, proof)
    });
    let ([gain_a, gain_b], [a, b]) = (proof.pure_gains, proof.sides);
    let point = end.point;
    Ok((
        PyArray1::from_vec(py, point.policy),
        (point.value, pulled.0, pulled.1),
        (proof.gap, point.gaps.0, point.gaps.1),
        ((gain_a, gain_b), (a.concave, b.concave), (a.norm, b.norm)),
        (end.iterations, end.status.word()),
    ))
}

/// policy; (value, that of the slate, objective, gain); (concave, `beta_concave`); iterations, status.
type ReplyArrays<'py> = (
    Column<'py>,
    (f64, f64, f64, f64),
    (bool, f64),
    usize,
    &'static str,
);

/// The best policy of A, or of B with `facing`, whose payoff is −Q. `policies` = of the opponent, slate; `pull` = beta of each
/// factor, penalty; `limits` = tol, `max_iter`.
#[pyfunction]
pub fn game_reply<'py>(
    py: Python<'py>,
    game: GameArgument<'py>,
    facing: bool,
    policies: (Floats<'py>, Floats<'py>),
    pull: (Vec<f64>, Penalty),
    init: Option<Floats<'py>>,
    limits: (f64, usize),
) -> PyResult<ReplyArrays<'py>> {
    let (duel, opponent) = (game.duel()?, policies.0.as_slice()?);
    let slate = policies.1.as_slice()?;
    let start = init.as_ref().map(|init| init.as_slice()).transpose()?;
    let start = start.unwrap_or(slate).to_vec();
    let (best, baseline) = py.detach(|| {
        let party = own_payoff(duel.as_ref(), opponent, facing);
        let problem = problem(duel.as_ref(), &party, slate, &pull);
        let best = policy::best_policy(&problem, &[start], limits.0, limits.1);
        (best, value_and_slopes(&party, duel.layout(), slate).0)
    });
    let end = best.ascent;
    Ok((
        PyArray1::from_vec(py, end.policy),
        (end.value, baseline, end.objective, end.gain),
        (best.concave, best.beta_concave),
        end.iterations,
        end.status.word(),
    ))
}

/// Derivatives [M + 1, P] of a best policy and its value. `policies` = of the opponent, slate, best one; `by` = P, derivatives
/// of the own payoff [P] and of its slopes [M, P].
#[pyfunction]
pub fn game_reply_slopes<'py>(
    py: Python<'py>,
    game: GameArgument<'py>,
    facing: bool,
    policies: (Floats<'py>, Floats<'py>, Floats<'py>),
    pull: (Vec<f64>, Penalty),
    by: (usize, Floats<'py>, Floats<'py>),
) -> PyResult<Option<Column<'py>>> {
    let (duel, opponent) = (game.duel()?, policies.0.as_slice()?);
    let (slate, own) = (policies.1.as_slice()?, policies.2.as_slice()?.to_vec());
    let by = ParameterSlopes {
        count: by.0,
        value: by.1.as_slice()?.to_vec(),
        own: by.2.as_slice()?.to_vec(),
        other: Vec::new(),
    };
    let found = py.detach(|| {
        let party = own_payoff(duel.as_ref(), opponent, facing);
        let problem = problem(duel.as_ref(), &party, slate, &pull);
        policy::sensitivity(&problem, &problem.measure(own, 0, Status::Fixed), &by)
    });
    Ok(found.map(|values| PyArray1::from_vec(py, values)))
}

fn own_payoff<'a>(duel: &'a dyn Duel, opponent: &[f64], facing: bool) -> Sum<'a> {
    Sum(if facing {
        vec![(-1.0, duel.facing(opponent))]
    } else {
        vec![(1.0, duel.against(opponent))]
    })
}

fn problem<'a>(
    duel: &'a dyn Duel,
    party: &'a Sum<'_>,
    slate: &'a [f64],
    pull: &'a (Vec<f64>, Penalty),
) -> Problem<'a> {
    Problem {
        party,
        layout: duel.layout(),
        reference: slate,
        beta: &pull.0,
        penalty: pull.1,
    }
}

/// How policies answer to changes of the slopes, [2 M, P], or none where the system is singular.
#[pyfunction]
pub fn game_responses<'py>(
    py: Python<'py>,
    game: GameArgument<'py>,
    pulls: Pulls<'py>,
    policies: Floats<'py>,
    slopes: (Floats<'py>, usize),
) -> PyResult<Option<Column<'py>>> {
    let duel = game.duel()?;
    let contest = contest(duel.as_ref(), &pulls)?;
    let (policies, changes) = (policies.as_slice()?, slopes.0.as_slice()?);
    let answer = py.detach(|| System::new(&contest, policies).responses(changes, slopes.1));
    Ok(answer.map(|values| PyArray1::from_vec(py, values)))
}

/// Slopes dQ/dπ, dQ/dρ of fixed policies, [2 M], and the value.
#[pyfunction]
pub fn game_slopes<'py>(
    py: Python<'py>,
    game: GameArgument<'py>,
    own: Floats<'py>,
    other: Floats<'py>,
) -> PyResult<(f64, Column<'py>)> {
    let (duel, own, other) = (game.duel()?, own.as_slice()?, other.as_slice()?);
    let (value, slopes) = py.detach(|| {
        let layout = duel.layout();
        let (value, mut slopes) = value_and_slopes(duel.against(other).as_ref(), layout, own);
        let (_, theirs) = value_and_slopes(duel.facing(own).as_ref(), layout, other);
        slopes.extend(theirs);
        (value, slopes)
    });
    Ok((value, PyArray1::from_vec(py, slopes)))
}

/// Value among the voters of each group.
#[pyfunction]
pub fn game_groups(
    py: Python<'_>,
    groups: Vec<(f64, ModelArgument<'_>)>,
    own: Floats<'_>,
    other: Floats<'_>,
) -> PyResult<Vec<f64>> {
    let (voters, own, other) = (electorate(&groups)?, own.as_slice()?, other.as_slice()?);
    Ok(py.detach(|| {
        let values = voters.groups().iter().map(|(_, voters)| {
            let party = voters.against(Some(other));
            value_and_slopes(party.as_ref(), &voters.scores().layout, own).0
        });
        values.collect()
    }))
}

/// Derivatives by the parameters of all models: of Q [P], of dQ/dπ [M, P], of dQ/dρ [M, P].
#[pyfunction]
pub fn game_parameters<'py>(
    py: Python<'py>,
    groups: Vec<(f64, ModelArgument<'py>)>,
    own: Floats<'py>,
    other: Floats<'py>,
) -> PyResult<(Column<'py>, Column<'py>, Column<'py>)> {
    let (voters, own, other) = (electorate(&groups)?, own.as_slice()?, other.as_slice()?);
    let slopes = py.detach(|| voters.parameters(own, Some(other)));
    let column = |values| PyArray1::from_vec(py, values);
    Ok((
        column(slopes.value),
        column(slopes.own),
        column(slopes.other),
    ))
}
