//! Bradley-Terry fits of many resamples of one set of comparisons.

use std::iter::repeat;

use super::bradley_terry::{FitOptions, fit_ratings};
use super::laplacian::{DENSE, Laplacian};
use super::likelihood::{Duels, Model, pairs};
use super::meetings::Meetings;
use super::side_by_side::{Shared, curves, fit, scores};
use crate::check::same_length;
use crate::error::{Error, Result};
use crate::lanes::BLOCK;
use crate::threads;

/// Like comparisons: how often each was drawn makes a resample.
#[derive(Debug, Clone, Copy)]
pub struct Drawn<'a> {
    /// Number of items.
    pub n_items: usize,
    /// [C] lower item of each cell.
    pub first: &'a [i64],
    /// [C] higher item.
    pub second: &'a [i64],
    /// [C] weight of each cell in the data.
    pub games: &'a [f64],
    /// [U] cell of each unit, in rising order.
    pub cell: &'a [i64],
    /// [U] score of the cell's `first`.
    pub outcome: &'a [f64],
    /// [U]
    pub weight: &'a [f64],
}

/// What came of a resample.
#[derive(Debug, Clone, PartialEq)]
pub enum Refit {
    /// Ratings [n].
    Ratings(Vec<f64>),
    /// Wins and ties do not lead from every item to every other: some ratings are infinite.
    Apart,
    /// The iteration did not arrive.
    Unsettled,
}

/// The fit of each of the resamples whose counts [B, U] are given, several at a time. O(U + Newton) each
///
/// The naive equivalent is a loop over [`fit_ratings`] on comparisons with other counts.
///
/// # Errors
/// Lengths that do not fit; [`Error::Domain`] for a cell beyond the last, and as [`fit_ratings`].
pub fn refits(drawn: Drawn<'_>, counts: &[i64], options: FitOptions<'_>) -> Result<Vec<Refit>> {
    checked(&drawn)?;
    let (n, start) = (drawn.n_items, options.init.unwrap_or_default());
    let pairs = pairs(&data(&drawn))?;
    let curve = curves(&pairs, drawn.games, start);
    let quick = start.len() == n && n <= DENSE && options.ridge <= 0.0;
    let hessian = quick.then(|| Laplacian::new(n, &pairs, &curve, 0.0));
    let shared = hessian.flatten().map(|hessian| Shared {
        pairs: &pairs,
        hessian,
        start,
    });
    let meetings = Meetings::new(n, &pairs);
    let units = drawn.cell.len();
    let samples: Vec<&[i64]> = counts.chunks_exact(units.max(1)).collect();
    let work = samples.len() * (units + 4 * n.pow(3));
    let found = threads::map(
        samples.chunks(BLOCK).collect(),
        work,
        |counts: &[&[i64]]| {
            let (above, below) = scores(pairs.len(), drawn.units(), counts);
            let fits = shared.as_ref().map(|shared| fit(shared, (&above, &below)));
            let fits = fits.into_iter().flatten().chain(repeat(None));
            let each = counts.iter().zip(fits).enumerate();
            let each = each.map(|(k, (counts, fit))| {
                if !meetings.connected((&above, &below), k) {
                    return Ok(Refit::Apart);
                }
                let alone = || refit(drawn, counts, options);
                fit.map_or_else(alone, |theta| Ok(Refit::Ratings(theta)))
            });
            each.collect::<Result<Vec<Refit>>>()
        },
    );
    let found: Result<Vec<_>> = found.into_iter().collect();
    Ok(found?.concat())
}

fn checked(drawn: &Drawn<'_>) -> Result<()> {
    let (cells, units) = (drawn.first.len(), drawn.cell.len());
    same_length("second", drawn.second.len(), "first", cells)?;
    same_length("games", drawn.games.len(), "first", cells)?;
    same_length("outcome", drawn.outcome.len(), "cell", units)?;
    same_length("weight", drawn.weight.len(), "cell", units)?;
    let outside = |cell: &i64| usize::try_from(*cell).map_or(true, |cell| cell >= cells);
    match drawn.cell.iter().position(outside) {
        Some(at) => {
            let cell = drawn.cell.get(at).copied().unwrap_or_default();
            let expected = "a place among the cells";
            Err(Error::domain_at("cell", [at], expected, cell))
        }
        None => Ok(()),
    }
}

/// The cells of all the data, as wins of the first.
fn data<'a>(drawn: &Drawn<'a>) -> Duels<'a> {
    Duels {
        n_items: drawn.n_items,
        first: drawn.first,
        second: drawn.second,
        wins: drawn.games,
        losses: drawn.games,
        ties: drawn.games,
        features: &[],
        columns: 0,
    }
}

impl Drawn<'_> {
    /// Cell, outcome and weight of each unit.
    fn units(&self) -> impl Iterator<Item = (usize, f64, f64)> {
        let cells = self
            .cell
            .iter()
            .map(|&cell| usize::try_from(cell).unwrap_or(usize::MAX));
        let parts = cells.zip(self.outcome).zip(self.weight);
        parts.map(|((cell, &outcome), &weight)| (cell, outcome, weight))
    }
}

/// Newton's method for one resample.
fn refit(drawn: Drawn<'_>, counts: &[i64], options: FitOptions<'_>) -> Result<Refit> {
    let cells = Cells::of(drawn, counts);
    let duels = Duels {
        n_items: drawn.n_items,
        first: &cells.first,
        second: &cells.second,
        wins: &cells.wins,
        losses: &cells.losses,
        ties: &cells.ties,
        features: &[],
        columns: 0,
    };
    let fit = fit_ratings(Model::BradleyTerry, &duels, options)?;
    Ok(if fit.status.succeeded() && fit.endless.is_empty() {
        Refit::Ratings(fit.theta)
    } else {
        Refit::Unsettled
    })
}

/// Cells that met in a resample, and their sums.
#[derive(Default)]
struct Cells {
    first: Vec<i64>,
    second: Vec<i64>,
    wins: Vec<f64>,
    losses: Vec<f64>,
    ties: Vec<f64>,
}

impl Cells {
    /// Units are sorted by cell.
    fn of(drawn: Drawn<'_>, counts: &[i64]) -> Self {
        let mut cells = Self::default();
        let mut last = None;
        let units = drawn
            .cell
            .iter()
            .zip(drawn.outcome.iter().zip(drawn.weight));
        for ((&cell, (&outcome, weight)), &count) in units.zip(counts) {
            if count == 0 {
                continue;
            }
            if last != Some(cell) {
                last = Some(cell);
                cells.open(drawn, cell);
            }
            #[allow(clippy::cast_precision_loss)] // numbers of comparisons
            cells.add(outcome, weight * count as f64);
        }
        cells
    }

    fn open(&mut self, drawn: Drawn<'_>, cell: i64) {
        let item = |items: &[i64]| {
            usize::try_from(cell)
                .ok()
                .and_then(|at| items.get(at))
                .copied()
                .unwrap_or(-1)
        };
        self.first.push(item(drawn.first));
        self.second.push(item(drawn.second));
        for sums in [&mut self.wins, &mut self.losses, &mut self.ties] {
            sums.push(0.0);
        }
    }

    fn add(&mut self, outcome: f64, total: f64) {
        let parts = [
            (&mut self.wins, outcome),
            (&mut self.losses, 1.0 - outcome),
            (&mut self.ties, 0.0),
        ];
        #[allow(clippy::float_cmp)] // a tie is exactly one half
        let tie = outcome == 0.5;
        for (place, (sums, share)) in parts.into_iter().enumerate() {
            let share = if tie {
                f64::from(u8::from(place == 2))
            } else {
                share
            };
            if let Some(sum) = sums.last_mut() {
                *sum += total * share;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Drawn, Refit, refits};
    use crate::error::Result;
    use crate::ratings::FitOptions;

    #[test]
    fn a_resample_is_fitted_as_its_counts_say() -> Result<()> {
        let drawn = Drawn {
            n_items: 2,
            first: &[0],
            second: &[1],
            games: &[3.0],
            cell: &[0, 0, 0],
            outcome: &[0.0, 0.5, 1.0],
            weight: &[1.0; 3],
        };
        let options = FitOptions {
            ridge: 0.0,
            ridge_features: 0.0,
            init: None,
            tol: 1e-10,
            max_iter: 100,
        };
        let found = refits(drawn, &[1, 2, 4, 0, 0, 3], options)?;
        assert!(matches!(
            found.as_slice(),
            [Refit::Ratings(_), Refit::Apart]
        ));
        if let Some(Refit::Ratings(theta)) = found.first() {
            let gap = theta
                .first()
                .zip(theta.get(1))
                .map_or(f64::NAN, |(one, two)| one - two);
            assert!((gap - 2.5_f64.ln()).abs() < 1e-12);
        }
        Ok(())
    }
}
