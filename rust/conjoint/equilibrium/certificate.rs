//! What proves an equilibrium: gains of deviations, and whether best factors make a best policy.

use super::contest::{Contest, Point};
use super::replies::Replies;
use crate::conjoint::Layout;
use crate::conjoint::expectation::Party;
use crate::conjoint::policy::{Penalty, interaction_norm};

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
        let uniqueness = unique(contest, party.as_ref(), slate, beta);
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

fn unique(contest: &Contest<'_>, party: &dyn Party, slate: &[f64], beta: &[f64]) -> Uniqueness {
    let layout = contest.duel.layout();
    let norm = interaction_norm(party, layout, slate);
    let threshold = norm.threshold(contest.penalty, slate);
    let pulls = layout.ranges().zip(beta);
    let concave = pulls
        .filter(|(range, _)| range.len() > 1)
        .all(|(_, beta)| *beta > threshold);
    Uniqueness {
        concave: concave || (contest.penalty == Penalty::Kl && contracts(party, layout, beta)),
        norm: norm.euclidean,
    }
}

/// Whether best answers of factors, one after the other, forget where they started, so that they have one fixed point,
/// which is the best policy: a change of the slopes of width w moves the answer by at most w/(4 beta) in total variation,
/// and that the slopes of another factor by at most its span (Dobrushin's condition).
fn contracts(party: &dyn Party, layout: &Layout, beta: &[f64]) -> bool {
    let mut spans = vec![0.0; layout.factors() * layout.factors()];
    party.add_mixed_bounds(1.0, &mut spans);
    let roots: Vec<f64> = beta.iter().map(|beta| beta.sqrt().recip()).collect();
    scaled_radius(&spans, &roots, 0.25) < 1.0
}

/// An upper bound of the spectral radius of the nonnegative matrix scale · diag(roots) A diag(roots): the largest ratio
/// of A v to v in one place, for any positive v.
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
