//! The penalized log-likelihood at a point, and the Newton step from there.

use std::borrow::Cow;

use super::bradley_terry::FitOptions;
use super::laplacian::{Laplacian, add, at, center, gather};
use super::likelihood::{Derivatives, Duels, Model, derivatives, pairs};
use crate::cholesky::Cholesky;
use crate::error::Result;

/// What is left of a column after the items took their share: below, it depends on them.
const DEPENDENT: f64 = 1e-11;
/// Moves below this share of the largest are none.
const NOTHING: f64 = 1e-6;

/// What is maximized. A point is theta [n], then the tie parameter or the coefficients of the features.
pub struct Problem<'a> {
    model: Model,
    rows: &'a Duels<'a>,
    pairs: Vec<(usize, usize)>,
    /// [R, extra]: the features, or ones beside the tie parameter.
    design: Cow<'a, [f64]>,
    extra: usize,
    ridge: f64,
    ridge_features: f64,
    total_weight: f64,
}

/// The rows at a point.
pub struct Here {
    local: Derivatives,
    pub loglik: f64,
    objective: f64,
}

impl<'a> Problem<'a> {
    pub fn new(model: Model, rows: &'a Duels<'a>, options: FitOptions<'_>) -> Result<Self> {
        let weights = rows.wins.iter().chain(rows.losses).chain(rows.ties);
        let (design, extra) = if model.has_tie_parameter() {
            (Cow::Owned(vec![1.0; rows.first.len()]), 1)
        } else {
            (Cow::Borrowed(rows.features), rows.columns)
        };
        Ok(Self {
            model,
            rows,
            pairs: pairs(rows)?,
            design,
            extra,
            ridge: options.ridge,
            ridge_features: if model.has_tie_parameter() {
                0.0
            } else {
                options.ridge_features
            },
            total_weight: weights.sum::<f64>().max(f64::MIN_POSITIVE),
        })
    }

    /// All alike, with the tie parameter that then gives as many ties as there are.
    pub fn start(&self, init: Option<&[f64]>) -> Vec<f64> {
        let mut point = init.map_or_else(|| vec![0.0; self.rows.n_items], <[f64]>::to_vec);
        center(&mut point); // where the maximum lies: no difference depends on the mean, and a ridge pulls it to 0
        let share = self.rows.ties.iter().sum::<f64>() / self.total_weight;
        point.resize(
            point.len() + self.extra,
            match self.model {
                Model::BradleyTerry => 0.0,
                Model::Davidson => (2.0 * share / (1.0 - share)).ln(),
                Model::RaoKupper => ((1.0 + share) / (1.0 - share)).ln(),
            },
        );
        point
    }

    pub fn evaluate(&self, point: &[f64]) -> Here {
        let differences = self.differences(point);
        let local = derivatives(self.model, self.rows, &differences, self.tie(point));
        let loglik: f64 = local.value.iter().sum();
        let penalties: f64 = self
            .penalties(point)
            .map(|(x, ridge)| 0.5 * ridge * x * x)
            .sum();
        Here {
            local,
            loglik,
            objective: loglik - penalties,
        }
    }

    /// `theta_i − theta_j + features·coefficients` of each row.
    fn differences(&self, point: &[f64]) -> Vec<f64> {
        let coefs = point.get(self.rows.n_items..).unwrap_or_default();
        let mut d: Vec<f64> = self
            .pairs
            .iter()
            .map(|&(i, j)| at(point, i) - at(point, j))
            .collect();
        if self.rows.columns > 0 {
            for (d, x) in d.iter_mut().zip(self.design.chunks_exact(self.extra)) {
                *d += dot(x, coefs);
            }
        }
        d
    }

    /// Each parameter with the weight of its penalty.
    fn penalties<'b>(&self, point: &'b [f64]) -> impl Iterator<Item = (f64, f64)> + use<'b> {
        let items = std::iter::repeat_n(self.ridge, self.rows.n_items);
        let ridges = items.chain(std::iter::repeat_n(self.ridge_features, self.extra));
        point.iter().copied().zip(ridges)
    }

    /// Slope and curve by the extra parameters, and the mixed curve, of each row.
    fn extra<'b>(&self, local: &'b Derivatives) -> [&'b [f64]; 3] {
        if self.model.has_tie_parameter() {
            [&local.tie_slope, &local.tie_curve, &local.mixed]
        } else {
            [&local.slope, &local.curve, &local.curve]
        }
    }

    pub fn gradient(&self, point: &[f64], here: &Here) -> Vec<f64> {
        let n = self.rows.n_items;
        let mut gradient = gather(n, &self.pairs, &here.local.slope, -1.0);
        gradient.resize(n + self.extra, 0.0);
        if self.extra > 0 {
            let [slope, ..] = self.extra(&here.local);
            for (x, slope) in self.design.chunks_exact(self.extra).zip(slope) {
                for (sum, x) in gradient.iter_mut().skip(n).zip(x) {
                    *sum += x * slope;
                }
            }
        }
        for (sum, (x, ridge)) in gradient.iter_mut().zip(self.penalties(point)) {
            *sum -= ridge * x;
        }
        gradient
    }

    pub fn residual(&self, gradient: &[f64]) -> f64 {
        let largest = gradient.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
        largest / self.total_weight
    }

    /// The solution of (minus Hessian) step = gradient: the items by their Laplacian, the rest by what they leave.
    ///
    /// # Errors
    /// The extra columns that depend on the items or on one another; none where the items themselves have no solution.
    pub fn step(&self, here: &Here, gradient: &[f64]) -> std::result::Result<Vec<f64>, Vec<usize>> {
        let n = self.rows.n_items;
        if self.pairs.is_empty() {
            return Ok(vec![0.0; gradient.len()]);
        }
        let items =
            Laplacian::new(n, &self.pairs, &here.local.curve, self.ridge).ok_or_else(Vec::new)?;
        let (slope, rest) = gradient.split_at_checked(n).unwrap_or_default();
        let mut step = items.solve(slope);
        if self.extra > 0 {
            let (cross, mut corner) = self.blocks(here);
            let solved: Vec<Vec<f64>> = cross.iter().map(|column| items.solve(column)).collect();
            let own: Vec<f64> = (0..self.extra)
                .map(|k| at(&corner, k * (self.extra + 1)))
                .collect();
            for (row, column) in cross.iter().enumerate() {
                for (k, solved) in solved.iter().enumerate() {
                    add(&mut corner, row * self.extra + k, -dot(column, solved));
                }
            }
            let lost = |&k: &usize| at(&corner, k * (self.extra + 1)) <= DEPENDENT * at(&own, k);
            let lost: Vec<usize> = (0..self.extra).filter(lost).collect();
            if !lost.is_empty() {
                return Err(lost);
            }
            let right: Vec<f64> = rest
                .iter()
                .zip(&cross)
                .map(|(g, c)| g - dot(c, &step))
                .collect();
            let extra = Cholesky::new(&corner, self.extra)?.solve(&right);
            for (coef, solved) in extra.iter().zip(&solved) {
                step.iter_mut()
                    .zip(solved)
                    .for_each(|(step, x)| *step -= coef * x);
            }
            step.extend(extra);
        }
        Ok(step)
    }

    /// The curves between items and extra columns, column by column, and those among the columns, with their ridge.
    fn blocks(&self, here: &Here) -> (Vec<Vec<f64>>, Vec<f64>) {
        let size = self.extra;
        let [_, curve, mixed] = self.extra(&here.local);
        let mut cross = vec![vec![0.0; self.rows.n_items]; size];
        let mut corner = vec![0.0; size * size];
        let rows = self.design.chunks_exact(size).zip(curve).zip(mixed);
        for (((x, curve), mixed), &(i, j)) in rows.zip(&self.pairs) {
            for ((k, x_k), column) in x.iter().enumerate().zip(&mut cross) {
                add(column, i, mixed * x_k);
                add(column, j, -mixed * x_k);
                for (place, x_l) in x.iter().enumerate() {
                    add(&mut corner, k * size + place, curve * x_k * x_l);
                }
            }
        }
        for k in 0..size {
            add(&mut corner, k * (size + 1), self.ridge_features);
        }
        (cross, corner)
    }

    /// Most by which a step moves a difference, or the tie parameter.
    pub fn moved(&self, step: &[f64]) -> f64 {
        let rows = self.differences(step);
        rows.iter()
            .fold(self.tie(step).abs(), |most, d| most.max(d.abs()))
    }

    /// The tie parameter, 0 in a model without.
    fn tie(&self, point: &[f64]) -> f64 {
        if self.model.has_tie_parameter() {
            at(point, self.rows.n_items)
        } else {
            0.0
        }
    }

    /// The point a step further, or a half, a quarter, … of it, where the objective is not below the present one.
    pub fn ascend(&self, point: &[f64], here: &Here, step: &[f64]) -> Option<(Vec<f64>, Here)> {
        let rounding = 1e-13 * here.objective.abs();
        (0..40).find_map(|halving| {
            let share = 0.5_f64.powi(halving);
            let mut next: Vec<f64> = point.iter().zip(step).map(|(x, d)| x + share * d).collect();
            if let Some(theta) = next.get_mut(..self.rows.n_items) {
                center(theta);
            }
            let there = self.evaluate(&next);
            (there.objective >= here.objective - rounding).then_some((next, there))
        })
    }

    /// Whether on the way of this step no outcome gets less likely and some get more, for ever.
    pub fn separates(&self, step: &[f64]) -> bool {
        let moves = self.differences(step);
        // for Davidson's, half a difference is set against the tie parameter
        let tie = match self.model {
            Model::Davidson => 2.0 * self.tie(step),
            _ => self.tie(step),
        };
        let nothing = NOTHING * self.moved(step);
        let held = step
            .iter()
            .zip(self.penalties(step))
            .all(|(x, (_, ridge))| ridge <= 0.0 || x.abs() <= nothing);
        let lead = tie.max(0.0) - nothing;
        let counts = self
            .rows
            .wins
            .iter()
            .zip(self.rows.losses)
            .zip(self.rows.ties);
        held && moves
            .iter()
            .zip(counts)
            .all(|(&d, ((&wins, &losses), &ties))| {
                (wins <= 0.0 || d >= lead)
                    && (losses <= 0.0 || -d >= lead)
                    && (ties <= 0.0 || d.abs() <= tie + nothing)
            })
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
