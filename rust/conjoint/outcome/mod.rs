//! Scores of levels and of pairs of levels from choices or ratings: logit and least squares on codes of levels.
//!
//! The design matrix is kept in two bits a number and read a tile of rows at a time; what is rare works on the few
//! columns that a profile has.

mod adjusted;
mod answers;
mod approach;
mod columns;
mod design;
mod firth;
mod likelihood;
mod pass;
mod robust;
mod tile;

pub use answers::{Answers, Form, Link};
pub use columns::Columns;
pub use robust::Clusters;

use std::ops::Range;

use crate::cholesky::Cholesky;
use crate::conjoint::gram::mirrored;
use crate::elementary::float;
use crate::error::{Error, Result};
use crate::newton::{End, Failure, minimize};
use crate::status::Status;
use approach::{Arrival, Guess};
use design::Design;
use likelihood::Penalized;
use pass::{Model, weighed};

/// Of so many tasks one is in the first guess.
const GUESS: usize = 16;

/// What is minimized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// −log-likelihood + penalty.
    Logit,
    /// −log-likelihood with Jeffreys' prior.
    Firth,
    /// Half the squared residuals + penalty.
    Linear,
}

/// What to fit, and how.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// [D]
    pub n_levels: &'a [usize],
    /// Pairs of factors that interact.
    pub interacting: &'a [(usize, usize)],
    /// Of tasks of one or two profiles; choices of more have none.
    pub intercept: bool,
    /// What is minimized.
    pub method: Method,
    /// [P, P] of the quadratic penalty b'Rb / 2 on all but the intercept; empty: none.
    pub penalty: &'a [f64],
    /// Whether residuals are adjusted for the sandwich (CR2), of least squares alone.
    pub adjusted: bool,
    /// [P] where it starts, or 0.
    pub init: Option<&'a [f64]>,
    /// Bound of the Newton decrement per weight.
    pub tol: f64,
    /// Most steps.
    pub max_iter: usize,
}

/// A fitted model.
#[derive(Debug)]
pub struct Fit {
    /// One profile a task, two, or more.
    pub form: Form,
    /// Whether the first coefficient is the intercept.
    pub intercept: bool,
    /// [P]
    pub coef: Vec<f64>,
    /// [P, P] of the Hessian, penalty included.
    pub inverse: Vec<f64>,
    /// [P, P] sum over clusters of the outer products of their scores.
    pub meat: Vec<f64>,
    /// −log-likelihood, or half the squares, without the penalty.
    pub loss: f64,
    /// The same of a coin; of the mean outcome where single profiles have an intercept.
    pub loss_null: f64,
    /// Of all tasks.
    pub weight: f64,
    /// Tasks of positive weight.
    pub tasks: usize,
    /// Clusters with such a task.
    pub clusters: usize,
    /// Newton steps.
    pub iterations: usize,
    /// Newton decrement per weight.
    pub residual: f64,
    /// How it ended.
    pub status: Status,
}

/// Fits scores to answers; `clusters` are those of the sandwich.
///
/// O(T P²) a step. Naive equivalent: a logit of the chosen side on differences of indicators.
///
/// # Errors
/// [`Error`] for answers and starts that do not fit; [`Failure`] inside where there is no maximum, or no single one.
pub fn fit_outcome(
    answers: Answers<'_>,
    clusters: &Clusters,
    options: Options<'_>,
) -> Result<std::result::Result<Fit, Failure>> {
    let form = answers.form(options.method != Method::Linear)?;
    if options.method == Method::Firth && form == Form::Choice {
        let expected = "False for choices of more than two profiles";
        return Err(Error::domain("firth", expected, "True"));
    }
    let intercept = options.intercept && form != Form::Choice;
    let columns = Columns::new(options.n_levels, options.interacting, intercept);
    let start = match options.init {
        None => vec![0.0; columns.count()],
        Some(init) if init.len() == columns.count() => init.to_vec(),
        Some(init) => {
            let expected = format!("length {}, one for each coefficient", columns.count());
            return Err(Error::shape("init", expected, init.len()));
        }
    };
    let design = Design::new(answers, &columns, form)?;
    let model = Model {
        answers,
        columns: &columns,
        design: &design,
        form,
        link: match (options.method, form, intercept) {
            (Method::Linear, Form::Pair, false) => Link::Linear(0.5),
            (Method::Linear, _, _) => Link::Linear(0.0),
            _ => Link::Logit,
        },
    };
    let penalty = framed(options.penalty, &columns);
    let objective = Penalized {
        model,
        penalty: &penalty,
    };
    let end = match options.method {
        Method::Logit => return Ok(logit(&objective, clusters, options, start)),
        Method::Linear => least_squares(&objective, &start),
        Method::Firth => model.firth(start, options.tol, options.max_iter),
    };
    Ok(end.map(|end| finished(model, clusters, options, end)))
}

/// Fast where that works; else with all care, which also finds out why there is no maximum.
fn logit(
    objective: &Penalized<'_>,
    clusters: &Clusters,
    options: Options<'_>,
    start: Vec<f64>,
) -> std::result::Result<Fit, Failure> {
    let guess = match options.init {
        None => objective.model.first_guess(start),
        Some(_) => Guess::at(start),
    };
    let fast = objective.approach(&guess, options.max_iter);
    if let Some(arrival) = fast.and_then(|fast| objective.arrive(clusters, fast))
        && arrival.end.residual <= options.tol
    {
        return Ok(fitted(objective.model, clusters, arrival));
    }
    let end = minimize(objective, guess.point, options.tol, options.max_iter)?;
    Ok(finished(objective.model, clusters, options, end))
}

impl Model<'_> {
    /// The fit of the first tasks of many, which saves steps over all of them; else the start.
    fn first_guess(&self, start: Vec<f64>) -> Guess {
        let some = self.answers.tasks() / GUESS;
        if some < 50 * start.len() {
            return Guess::at(start);
        }
        let mut part = *self;
        part.answers.offsets = self.answers.offsets.get(..=some).unwrap_or_default();
        part.answers.weights = self.answers.weights.and_then(|all| all.get(..some));
        let objective = Penalized {
            model: part,
            penalty: &[],
        };
        match minimize(&objective, start.clone(), 1e-5, 20) {
            Ok(end) if end.status.succeeded() => {
                let share = weighed(part.answers).0 / weighed(self.answers).0;
                Guess {
                    point: end.point,
                    factor: Some((end.factor, share)),
                }
            }
            _ => Guess::at(start),
        }
    }
}

/// The penalty with a row and a column of zeros for the intercept.
fn framed(penalty: &[f64], columns: &Columns) -> Vec<f64> {
    let width = columns.count();
    if penalty.is_empty() || !columns.has_intercept() {
        return penalty.to_vec();
    }
    let mut framed = vec![0.0; width];
    for row in penalty.chunks_exact(width.saturating_sub(1).max(1)) {
        framed.push(0.0);
        framed.extend(row);
    }
    framed
}

/// The Hessian is the same everywhere: one factor, one step, and one more against rounding.
fn least_squares(objective: &Penalized<'_>, start: &[f64]) -> std::result::Result<End, Failure> {
    let mut sums = objective.at(start, true);
    let factor = Cholesky::new(&sums.hessian, start.len()).map_err(Failure::Dependent)?;
    let mut point = start.to_vec();
    let mut residual = f64::MAX;
    for _ in 0..2 {
        let step = factor.solve(&sums.gradient);
        point.iter_mut().zip(&step).for_each(|(x, d)| *x -= d);
        let there = objective.at(&point, false);
        (sums.objective, sums.gradient) = (there.objective, there.gradient);
        let rest = factor.solve(&sums.gradient);
        let decrement: f64 = rest.iter().zip(&sums.gradient).map(|(d, g)| d * g).sum();
        let weight = weighed(objective.model.answers).0.max(f64::MIN_POSITIVE);
        residual = decrement / 2.0 / weight;
    }
    Ok(End {
        point,
        sums,
        factor,
        iterations: 2,
        residual,
        status: Status::Converged,
    })
}

fn finished(model: Model<'_>, clusters: &Clusters, options: Options<'_>, end: End) -> Fit {
    let inverse = end.factor.inverse();
    let prior = (options.method == Method::Firth).then_some(inverse.as_slice());
    let (meat, loss) = if options.adjusted {
        let meat = model.adjusted_meat(clusters, &end.point, &inverse);
        (meat, model.sums(&end.point, false).objective)
    } else {
        let (meat, sums) = model.meat(clusters, &end.point, prior, false);
        (meat, sums.objective)
    };
    fitted(model, clusters, Arrival { end, meat, loss })
}

fn fitted(model: Model<'_>, clusters: &Clusters, arrival: Arrival) -> Fit {
    let Arrival { end, meat, loss } = arrival;
    let (weight, tasks) = weighed(model.answers);
    let alive = |&cluster: &usize| {
        let mut tasks = clusters.tasks(cluster);
        tasks.any(|task| model.answers.weight(task) > 0.0)
    };
    Fit {
        form: model.form,
        intercept: model.columns.has_intercept(),
        meat,
        loss,
        loss_null: loss_null(model),
        clusters: (0..clusters.len()).filter(alive).count(),
        inverse: mirrored(end.factor.inverse(), end.point.len()),
        coef: end.point,
        weight,
        tasks,
        iterations: end.iterations,
        residual: end.residual,
        status: end.status,
    }
}

/// Of a coin for choices; for single profiles with an intercept, of the mean outcome.
fn loss_null(model: Model<'_>) -> f64 {
    let answers = model.answers;
    let all = || (0..answers.tasks()).map(|task| (answers.weight(task), answers.rows(task)));
    if model.form == Form::Choice {
        let of_coin = |(weight, rows): (f64, Range<usize>)| weight * float(rows.len()).ln();
        return all().map(of_coin).sum();
    }
    let given = || all().map(|(weight, rows)| (weight, answers.outcome(rows.start)));
    let (total, sum) = (
        weighed(answers).0,
        given().map(|(weight, y)| weight * y).sum::<f64>(),
    );
    let single = model.form == Form::Single;
    let mean = match model.link {
        _ if single && model.columns.has_intercept() => sum / total,
        Link::Linear(_) if single => 0.0,
        _ => 0.5,
    };
    let part = |share: f64, p: f64| if share > 0.0 { share * p.ln() } else { 0.0 };
    match model.link {
        Link::Logit => -part(sum, mean) - part(total - sum, 1.0 - mean),
        Link::Linear(_) => {
            let square = |(weight, y): (f64, f64)| weight * (y - mean).powi(2);
            0.5 * given().map(square).sum::<f64>()
        }
    }
}
