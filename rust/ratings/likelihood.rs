//! Log-likelihoods of comparisons, row by row, and their derivatives.

use pulp::Arch;

use crate::elementary::{dispatch, softplus_and_sigmoid};
use crate::error::{Error, Result};

/// Who won how often, pair by pair; a pair may stand in several rows.
#[derive(Debug, Clone, Copy)]
pub struct Duels<'a> {
    /// Number of items.
    pub n_items: usize,
    /// [R] items, below `n_items`.
    pub first: &'a [i64],
    /// [R] another item each.
    pub second: &'a [i64],
    /// [R] weight of the wins of `first`.
    pub wins: &'a [f64],
    /// [R] weight of the wins of `second`.
    pub losses: &'a [f64],
    /// [R] weight of the ties.
    pub ties: &'a [f64],
    /// [R, F] row by row; empty without features.
    pub features: &'a [f64],
    /// F
    pub columns: usize,
}

/// What a tie is. d = theta of `first` − theta of `second`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// Half a win for each: p(win) = sigmoid(d).
    BradleyTerry,
    /// p(win) : p(loss) : p(tie) = e^(d/2) : e^(−d/2) : nu.
    Davidson,
    /// p(win) = sigmoid(d − ln kappa), p(loss) = sigmoid(−d − ln kappa).
    RaoKupper,
}

impl Model {
    /// Whether a tie has a parameter: ln nu, ln kappa.
    #[must_use]
    pub fn has_tie_parameter(self) -> bool {
        self != Self::BradleyTerry
    }
}

/// The log-likelihood of each row and its derivatives by the difference d and by the tie parameter.
///
/// Second derivatives come with the sign turned. Those by the tie parameter are empty in a model without one.
#[derive(Debug, Clone, Default)]
pub struct Derivatives {
    /// [R]
    pub value: Vec<f64>,
    /// [R] by d.
    pub slope: Vec<f64>,
    /// [R] by d twice.
    pub curve: Vec<f64>,
    /// [R] by the tie parameter.
    pub tie_slope: Vec<f64>,
    /// [R] by both.
    pub mixed: Vec<f64>,
    /// [R] by the tie parameter twice.
    pub tie_curve: Vec<f64>,
}

/// Pairs of items as places in a table.
///
/// # Errors
/// Lengths that do not fit, items outside `0..n_items`, an item against itself, features of the wrong length.
pub fn pairs(rows: &Duels<'_>) -> Result<Vec<(usize, usize)>> {
    let count = rows.first.len();
    for (name, length) in [
        ("second", rows.second.len()),
        ("wins", rows.wins.len()),
        ("losses", rows.losses.len()),
        ("ties", rows.ties.len()),
    ] {
        crate::check::same_length(name, length, "first", count)?;
    }
    if rows.features.len() != count * rows.columns {
        let expected = format!("{count} rows of {} like first", rows.columns);
        return Err(Error::shape("features", expected, rows.features.len()));
    }
    let item = |name, row, value: i64| {
        usize::try_from(value)
            .ok()
            .filter(|&item| item < rows.n_items)
            .ok_or_else(|| Error::domain_at(name, [row], format!("in 0..{}", rows.n_items), value))
    };
    let both = rows.first.iter().zip(rows.second).enumerate();
    both.map(|(row, (&first, &second))| {
        let pair = (item("first", row, first)?, item("second", row, second)?);
        if pair.0 == pair.1 {
            let expected = format!("another item than first[{row}]");
            return Err(Error::domain_at("second", [row], expected, second));
        }
        Ok(pair)
    })
    .collect()
}

/// The derivatives of every row at the differences d, and at the tie parameter of a model that has one. O(R)
#[must_use]
pub fn derivatives(model: Model, rows: &Duels<'_>, d: &[f64], tie: f64) -> Derivatives {
    match model {
        Model::BradleyTerry => bradley_terry(rows, d),
        Model::Davidson => with_ties(rows, d, |w, l, t, d| davidson(w, l, t, d, tie)),
        Model::RaoKupper => with_ties(
            rows,
            d,
            #[inline(always)]
            |w, l, t, d| rao_kupper(w, l, t, d, tie),
        ),
    }
}

/// Naive equivalent: y·ln σ(d) + (N − y)·ln σ(−d), y = wins + ties / 2 of N.
fn bradley_terry(rows: &Duels<'_>, d: &[f64]) -> Derivatives {
    let mut out = Derivatives {
        value: vec![0.0; d.len()],
        slope: vec![0.0; d.len()],
        curve: vec![0.0; d.len()],
        ..Derivatives::default()
    };
    let counts = rows.wins.iter().zip(rows.losses).zip(rows.ties);
    let results = out.value.iter_mut().zip(&mut out.slope);
    let results = results.zip(&mut out.curve);
    dispatch(
        Arch::new(),
        #[inline(always)]
        || {
            for ((((wins, losses), ties), d), ((value, slope), curve)) in counts.zip(d).zip(results)
            {
                let (above, below) = (wins + 0.5 * ties, losses + 0.5 * ties);
                // every term of one sign, so that nothing cancels
                let (rest, low) = softplus_and_sigmoid(-d.abs());
                let (up, down) = if *d > 0.0 {
                    (1.0 - low, low)
                } else {
                    (low, 1.0 - low)
                };
                let (lead, behind) = if *d > 0.0 { (*d, 0.0) } else { (0.0, -*d) };
                *value = -((above + below) * rest + above * behind + below * lead);
                *slope = above * down - below * up;
                *curve = (above + below) * up * down;
            }
        },
    );
    out
}

/// value, slope, curve, `tie_slope`, mixed, `tie_curve` of one row.
type Row = [f64; 6];

fn with_ties(rows: &Duels<'_>, d: &[f64], row: impl Fn(f64, f64, f64, f64) -> Row) -> Derivatives {
    let mut out = Derivatives::default();
    let counts = rows.wins.iter().zip(rows.losses).zip(rows.ties);
    let mut found: Vec<Row> = vec![[0.0; 6]; d.len()];
    dispatch(
        Arch::new(),
        #[inline(always)]
        || {
            for ((((wins, losses), ties), d), found) in counts.zip(d).zip(&mut found) {
                *found = row(*wins, *losses, *ties, *d);
            }
        },
    );
    for [value, slope, curve, tie_slope, mixed, tie_curve] in found {
        out.value.push(value);
        out.slope.push(slope);
        out.curve.push(curve);
        out.tie_slope.push(tie_slope);
        out.mixed.push(mixed);
        out.tie_curve.push(tie_curve);
    }
    out
}

/// e^h : e^(−h) : e^tie with h = d/2; an exponential family, whose second derivatives are covariances.
fn davidson(wins: f64, losses: f64, ties: f64, d: f64, tie: f64) -> Row {
    let h = 0.5 * d;
    let most = h.abs().max(tie);
    let (win, loss, draw) = ((h - most).exp(), (-h - most).exp(), (tie - most).exp());
    let sum = win + loss + draw;
    let rest = sum.ln();
    let (win, loss, draw) = (win / sum, loss / sum, draw / sum);
    let (lean, total) = (win - loss, wins + losses + ties);
    let value = wins * (h - most - rest) + losses * (-h - most - rest) + ties * (tie - most - rest);
    [
        value,
        0.5 * (wins * (1.0 - lean) - losses * (1.0 + lean) - ties * lean),
        0.25 * total * (4.0 * win * loss + draw * (win + loss)),
        ties * (win + loss) - (wins + losses) * draw,
        -0.5 * total * lean * draw,
        total * draw * (1.0 - draw),
    ]
}

/// p(tie) = (kappa² − 1)·σ(d − s)·σ(−d − s) with s = ln kappa, the tie parameter.
#[inline(always)]
#[allow(clippy::inline_always)] // compiled for AVX as a part of `dispatch`
fn rao_kupper(wins: f64, losses: f64, ties: f64, d: f64, s: f64) -> Row {
    let (win_cost, not_win) = softplus_and_sigmoid(s - d);
    let (loss_cost, not_loss) = softplus_and_sigmoid(s + d);
    let (above, below) = (wins + ties, losses + ties);
    let (slope, other) = (above * not_win, below * not_loss);
    let (curve, back) = (slope * (1.0 - not_win), other * (1.0 - not_loss));
    let gap = -(-2.0 * s).exp_m1(); // 1 − kappa^−2
    let (threshold, its_slope, its_curve) = if ties > 0.0 {
        let slope = 2.0 * ties / gap;
        (
            ties * (2.0 * s + gap.ln()),
            slope,
            2.0 * slope * (1.0 - gap) / gap,
        )
    } else {
        (0.0, 0.0, 0.0)
    };
    [
        threshold - above * win_cost - below * loss_cost,
        slope - other,
        curve + back,
        its_slope - slope - other,
        back - curve,
        curve + back + its_curve,
    ]
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::{Duels, Model, derivatives, pairs};

    const ROWS: Duels<'_> = Duels {
        n_items: 2,
        first: &[0],
        second: &[1],
        wins: &[3.0],
        losses: &[1.5],
        ties: &[2.0],
        features: &[],
        columns: 0,
    };

    /// ln p of win, loss and tie, as the definitions have them.
    fn naive(model: Model, d: f64, tie: f64) -> f64 {
        let (p, q) = (d.exp(), 1.0);
        let (win, loss, draw) = match model {
            Model::BradleyTerry => (p / (p + q), q / (p + q), (p * q).sqrt() / (p + q)),
            Model::Davidson => {
                let draw = tie.exp() * f64::sqrt(p * q);
                let sum = p + q + draw;
                (p / sum, q / sum, draw / sum)
            }
            Model::RaoKupper => {
                let kappa = tie.exp();
                let (win, loss) = (p / (p + kappa * q), q / (q + kappa * p));
                (win, loss, 1.0 - win - loss)
            }
        };
        3.0 * win.ln() + 1.5 * loss.ln() + 2.0 * draw.ln()
    }

    #[test]
    fn derivatives_are_those_of_the_definition() {
        for model in [Model::BradleyTerry, Model::Davidson, Model::RaoKupper] {
            for (d, tie) in [(0.3, 0.4), (-2.0, 0.1), (5.0, 1.5)] {
                let at = |d, tie| derivatives(model, &ROWS, &[d], tie);
                let here = at(d, tie);
                assert!(
                    (here.value[0] - naive(model, d, tie)).abs() < 1e-12,
                    "{model:?} {d}"
                );
                let h = 1e-5;
                let central = |f: &dyn Fn(f64) -> f64| (f(h) - f(-h)) / (2.0 * h);
                let close = |a: f64, b: f64| {
                    assert!(
                        (a - b).abs() < 1e-7 * (1.0 + b.abs()),
                        "{model:?} {d}: {a} {b}"
                    );
                };
                close(here.slope[0], central(&|h| at(d + h, tie).value[0]));
                close(here.curve[0], -central(&|h| at(d + h, tie).slope[0]));
                if model.has_tie_parameter() {
                    close(here.tie_slope[0], central(&|h| at(d, tie + h).value[0]));
                    close(here.mixed[0], -central(&|h| at(d, tie + h).slope[0]));
                    close(
                        here.tie_curve[0],
                        -central(&|h| at(d, tie + h).tie_slope[0]),
                    );
                }
            }
        }
    }

    #[test]
    fn far_apart_nothing_cancels() {
        for model in [Model::BradleyTerry, Model::Davidson, Model::RaoKupper] {
            let rows = Duels {
                losses: &[0.0],
                ties: &[0.0],
                ..ROWS
            };
            let here = derivatives(model, &rows, &[80.0], 0.5);
            assert!(
                here.value[0] < 0.0 || model != Model::BradleyTerry,
                "{model:?}"
            );
            assert!((0.0..1e-15).contains(&here.slope[0]), "{model:?}");
            let lost = derivatives(model, &rows, &[-800.0], 0.5);
            assert!(
                lost.value[0].is_finite() && lost.slope[0] > 1.0,
                "{model:?}"
            );
        }
    }

    #[test]
    fn items_are_checked() {
        let same = Duels {
            second: &[0],
            ..ROWS
        };
        assert_eq!(
            pairs(&same).unwrap_err().to_string(),
            "second[0] must be another item than first[0], got 0"
        );
        let outside = Duels {
            second: &[2],
            ..ROWS
        };
        assert_eq!(
            pairs(&outside).unwrap_err().to_string(),
            "second[0] must be in 0..2, got 2"
        );
    }
}
