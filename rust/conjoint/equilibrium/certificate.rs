//! What proves an equilibrium: gains of deviations, and whether best factors make a best policy.

use faer::Mat;

use super::contest::{Contest, Point};
use super::replies::Replies;
use crate::conjoint::Layout;
use crate::conjoint::expectation::Party;
use crate::conjoint::policy::Penalty;
use crate::elementary::float;

/// Rounds of the power iteration.
const ROUNDS: usize = 60;

/// Gains of deviations, and what they bound.
#[derive(Debug, Clone, Copy)]
pub struct Certificate {
    /// What both parties could gain by other product policies: the gap of factors where both problems are concave, else
    /// an upper bound that holds for joint policies too.
    pub gap: f64,
    /// Largest gain of a profile, without the pull: of A and of B.
    pub pure_gains: [f64; 2],
    /// Of A and of B.
    pub sides: [Uniqueness; 2],
}

/// Whether a party has one best product policy against the other's.
#[derive(Debug, Clone, Copy)]
pub struct Uniqueness {
    /// Proven: then factors that are best answers make a best policy.
    pub concave: bool,
    /// Norm of the curvature between factors: exact for two, else a bound.
    pub norm: f64,
}

impl Certificate {
    /// Of the policies of a point: additive scores are searched by branch and bound, others one by one.
    #[must_use]
    pub fn new(contest: &Contest<'_>, point: &Point) -> Self {
        let one = Side::new(contest, point, false);
        let other = Side::new(contest, point, true);
        Self {
            gap: one.gap() + other.gap(),
            pure_gains: [one.pure_gain(), other.pure_gain()],
            sides: [one.uniqueness(), other.uniqueness()],
        }
    }
}

struct Side<'a> {
    contest: &'a Contest<'a>,
    /// The other party's policy, and whether this party is B.
    against: &'a [f64],
    facing: bool,
    slate: &'a [f64],
    beta: &'a [f64],
    /// The own payoff, the pull, and the gap of factors.
    value: f64,
    pull: f64,
    factorwise: f64,
    replies: Replies<'a>,
    uniqueness: Uniqueness,
}

impl<'a> Side<'a> {
    fn new(contest: &'a Contest<'_>, point: &'a Point, facing: bool) -> Self {
        let pick = |(one, other)| if facing { other } else { one };
        let (own, other) = contest.split(&point.policy);
        let (against, sign) = if facing { (own, -1.0) } else { (other, 1.0) };
        let slate: &[f64] = if facing {
            contest.split(&contest.reference).1
        } else {
            contest.split(&contest.reference).0
        };
        let factors = contest.duel.layout().factors();
        let (ours, theirs) = contest.beta.split_at(factors.min(contest.beta.len()));
        let beta = if facing { theirs } else { ours };
        let replies = contest.duel.replies(against, slate, facing, false);
        let party = if facing {
            contest.duel.facing(against)
        } else {
            contest.duel.against(against)
        };
        let uniqueness = unique(contest, party.as_ref(), &replies, slate, beta);
        Self {
            contest,
            against,
            facing,
            slate,
            beta,
            value: sign * point.value,
            pull: pick(contest.pulls(&point.policy)),
            factorwise: pick(point.gaps),
            replies,
            uniqueness,
        }
    }

    fn uniqueness(&self) -> Uniqueness {
        self.uniqueness
    }

    fn pure_gain(&self) -> f64 {
        (self.replies.best(self.slate) - self.value).max(0.0)
    }

    fn gap(&self) -> f64 {
        if self.uniqueness.concave {
            return self.factorwise;
        }
        // A product policy π' has Σ beta_d KL(π'_d, p_d) >= min beta · KL(π', p), whose best joint policy is known.
        let beta = self.beta.iter().copied().fold(f64::INFINITY, f64::min);
        let every = self
            .contest
            .duel
            .replies(self.against, self.slate, self.facing, true);
        let bound = match (&every, self.contest.penalty) {
            (Replies::Table(profiles), Penalty::Kl) => profiles.free_energy(self.slate, beta),
            _ => self.replies.best(self.slate),
        };
        (bound - self.value + self.pull).max(self.factorwise)
    }
}

fn unique(
    contest: &Contest<'_>,
    party: &dyn Party,
    replies: &Replies<'_>,
    slate: &[f64],
    beta: &[f64],
) -> Uniqueness {
    let layout = contest.duel.layout();
    let least = beta.iter().copied().fold(f64::INFINITY, f64::min);
    let spans = replies.spans(slate);
    let norm = match layout.factors() {
        0 | 1 => 0.0,
        2 => exact_norm(party, layout),
        _ => norm_of(&spans, layout),
    };
    let concave = match contest.penalty {
        Penalty::Kl => norm < least || contracts(&spans, beta),
        Penalty::L2 => norm < 2.0 * least,
        // beta p/π² >= beta p
        Penalty::ReverseKl => {
            let used = slate.iter().copied().filter(|p| *p > 0.0);
            norm < least * used.fold(f64::INFINITY, f64::min)
        }
    };
    Uniqueness { concave, norm }
}

/// Largest singular value of the table of the two factors, freed of the means of its rows and columns.
fn exact_norm(party: &dyn Party, layout: &Layout) -> f64 {
    let m = layout.levels();
    let mut curvature = vec![0.0; m * m];
    // With two factors no probability enters.
    party.add_curvature(&vec![0.0; m], 1.0, &mut curvature);
    let (rows, columns) = (layout.range(0), layout.range(1));
    let at = |i: usize, j: usize| {
        let place = (rows.start + i) * m + columns.start + j;
        curvature.get(place).copied().unwrap_or_default()
    };
    let (r, c) = (rows.len(), columns.len());
    let row_mean = |i: usize| (0..c).map(|j| at(i, j)).sum::<f64>() / float(c);
    let column_mean = |j: usize| (0..r).map(|i| at(i, j)).sum::<f64>() / float(r);
    let mean = (0..r).map(row_mean).sum::<f64>() / float(r);
    let table = Mat::from_fn(r, c, |i, j| at(i, j) - row_mean(i) - column_mean(j) + mean);
    let values = table.singular_values().unwrap_or_default();
    values.into_iter().fold(0.0, f64::max)
}

/// A table whose second differences are at most s, freed of means, has a norm of at most s √((L−1)(L'−1)) / 2.
fn norm_of(spans: &[f64], layout: &Layout) -> f64 {
    let roots: Vec<f64> = layout
        .ranges()
        .map(|range| float(range.len().saturating_sub(1)).sqrt())
        .collect();
    scaled_radius(spans, &roots, 0.5)
}

/// Whether best answers of factors, one after the other, forget where they started, so that they have one fixed point,
/// which is the best policy: a change of the slopes of width w moves the answer by at most w/(4 beta) in total variation,
/// and that the slopes of another factor by at most its span (Dobrushin's condition).
fn contracts(spans: &[f64], beta: &[f64]) -> bool {
    let roots: Vec<f64> = beta.iter().map(|beta| beta.sqrt().recip()).collect();
    scaled_radius(spans, &roots, 0.25) < 1.0
}

/// An upper bound of the spectral radius of the nonnegative matrix scale · diag(roots) A diag(roots): the largest ratio
/// (A v)_i / v_i for any positive v.
fn scaled_radius(a: &[f64], roots: &[f64], scale: f64) -> f64 {
    let n = roots.len();
    let mut v = vec![1.0; n];
    let mut radius = f64::INFINITY;
    for _ in 0..ROUNDS {
        let rows = a.chunks_exact(n.max(1)).zip(roots);
        let next: Vec<f64> = rows
            .map(|(row, root)| {
                let terms = row.iter().zip(roots).zip(&v);
                scale * root * terms.map(|((x, r), v)| x * r * v).sum::<f64>()
            })
            .collect();
        let ratios = next.iter().zip(&v).map(|(x, v)| x / v);
        radius = radius.min(ratios.fold(0.0, f64::max));
        if !radius.is_finite() {
            return f64::INFINITY;
        }
        // The identity added keeps v positive, and from turning round.
        let top = next.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        v = v
            .iter()
            .zip(next)
            .map(|(v, x)| 0.5 * (v + x / top))
            .collect();
    }
    radius
}
