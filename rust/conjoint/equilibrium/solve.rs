//! Best answers of all factors at once, damped where they overshoot; where they go round in circles the path from larger
//! pulls, else extragradient steps; Newton's method at the end.
//!
//! The unknowns are the slopes z that the policies answer to, so that every iterate is a pair of policies:
//! z ← (1 − d) z + d G(BR(z)), which for KL is log π ← (1 − d) log π + d (log p + G/beta).

use super::contest::{Contest, Point};
use super::system::System;
use crate::status::Status;

/// Newton's method is tried where the gap is below this.
const NEAR: f64 = 1e-4;
/// An answer that cuts the gap by so much is as good as Newton's method, and cheaper.
const FAST: f64 = 1.0 / 32.0;
/// Steps without half the gap before extragradient steps start.
const PATIENCE: usize = 10;
/// Policies this close are close enough once the gap is.
const CLOSE: f64 = 1e-13;
/// Steps of the path from larger pulls.
const MOST_STAGES: usize = 60;
/// Policies this close are the same.
const FINE: f64 = 2e-16;
/// A gap of rounding.
const FLOOR: f64 = 1e-14;

/// Where it ended.
#[derive(Debug, Clone)]
pub struct Equilibrium {
    /// The policies.
    pub point: Point,
    /// Steps taken.
    pub iterations: usize,
    /// How it ended: the residual is the gap of factors.
    pub status: Status,
}

/// How the next point is found.
struct Walk {
    /// Share of the new slopes.
    damping: f64,
    /// Whether steps are extragradient ones.
    circling: bool,
    /// Share of the gap that the last step left.
    left: f64,
    /// Gap from which half must be reached, and the steps since.
    mark: f64,
    since: usize,
}

/// Iterates from the best answers to `start` until the gap of factors is at most `tol`, and on to rounding.
#[must_use]
pub fn equilibrium(
    contest: &Contest<'_>,
    start: Vec<f64>,
    tol: f64,
    max_iter: usize,
) -> Equilibrium {
    let mut point = contest.at(start);
    let mut walk = Walk {
        damping: 1.0,
        circling: false,
        left: 1.0,
        mark: point.gap,
        since: 0,
    };
    let mut iterations = 0;
    let mut status = Status::MaxIter;
    while point.gap > tol && iterations < max_iter {
        if walk.damping < 1e-9 || (point.change <= FINE && point.gap <= FLOOR) {
            break;
        }
        iterations += 1;
        walk.step(contest, &mut point);
    }
    if point.gap <= tol {
        (point, iterations) = polish(contest, point, iterations);
        status = Status::Converged;
    } else if iterations < max_iter {
        let rounding = point.gap <= FLOOR;
        status = if rounding {
            Status::Floor
        } else {
            Status::Stalled
        };
    }
    Equilibrium {
        point,
        iterations,
        status,
    }
}

impl Walk {
    fn step(&mut self, contest: &Contest<'_>, point: &mut Point) {
        let near = point.gap <= NEAR && self.left > FAST;
        let due = self.circling && self.since % 5 == 4;
        if (near || due)
            && let Some(next) = newton_step(contest, point)
            && next.gap <= 0.25 * point.gap
        {
            self.accept(point, next);
            return;
        }
        let next = contest.at(mixed(point, &point.slopes, self.damping));
        if self.circling {
            self.extragradient(contest, point, &next);
        } else if next.gap < point.gap {
            self.accept(point, next);
        } else {
            self.damping *= 0.5;
            self.since += 1;
        }
        if self.since >= PATIENCE && !self.circling {
            self.circling = true;
            self.damping = 0.5;
            self.since = 0;
            if let Some(next) = follow(contest)
                && next.gap < point.gap
            {
                self.accept(point, next);
            }
        }
    }

    /// From the point along the slopes half way on; shorter where they change by more than half of the step.
    fn extragradient(&mut self, contest: &Contest<'_>, point: &mut Point, half: &Point) {
        let moved = distance(&point.duals, &point.slopes);
        if distance(&half.slopes, &point.slopes) > 0.5 * moved {
            self.damping *= 0.5;
            return;
        }
        let next = contest.at(mixed(point, &half.slopes, self.damping));
        self.accept(point, next);
        self.damping = (self.damping * 1.1).min(1.0);
    }

    fn accept(&mut self, point: &mut Point, next: Point) {
        self.left = next.gap / point.gap;
        self.since += 1;
        if next.gap <= 0.5 * self.mark {
            self.mark = next.gap;
            self.since = 0;
        }
        *point = next;
    }
}

/// (1 − d) duals + d slopes
fn mixed(point: &Point, slopes: &[f64], damping: f64) -> Vec<f64> {
    let pairs = point.duals.iter().zip(slopes);
    pairs.map(|(z, g)| z + damping * (g - z)).collect()
}

fn newton_step(contest: &Contest<'_>, point: &Point) -> Option<Point> {
    let system = System::new(contest, &point.policy);
    let pairs = point.slopes.iter().zip(&point.duals);
    let step = system.solve(&pairs.map(|(g, z)| g - z).collect::<Vec<f64>>())?;
    let duals = point.duals.iter().zip(step).map(|(z, d)| z + d).collect();
    Some(contest.at(duals))
}

/// The equilibria of falling multiples of the pulls, each by Newton's method from the one before, until the multiple is 1.
///
/// The slopes are continuous along this path, and those of large pulls are easily found.
fn follow(contest: &Contest<'_>) -> Option<Point> {
    let least = contest.beta.iter().copied().fold(f64::INFINITY, f64::min);
    let mut multiple = least.recip().max(1.0);
    let (mut shrink, mut duals) = (4.0, vec![0.0; contest.reference.len()]);
    let mut next = multiple;
    for _ in 0..MOST_STAGES {
        match settle(&contest.scaled(next), duals.clone()) {
            Some(point) if next <= 1.0 => return Some(point),
            Some(point) => (duals, multiple) = (point.duals, next),
            None if shrink < 1.01 => return None,
            None => shrink = f64::sqrt(shrink),
        }
        next = (multiple / shrink).max(1.0);
    }
    None
}

/// Newton's method, damped, until the gap is far below the pull.
fn settle(contest: &Contest<'_>, duals: Vec<f64>) -> Option<Point> {
    let mut point = contest.at(duals);
    let least = contest.beta.iter().copied().fold(f64::INFINITY, f64::min);
    for _ in 0..10 {
        if point.gap <= 1e-6 * least {
            return Some(point);
        }
        let whole = newton_step(contest, &point)?;
        let shares = [1.0, 0.5, 0.25].into_iter();
        let mut tried = shares.map(|share| match share {
            1.0 => whole.clone(),
            _ => contest.at(mixed(&point, &whole.duals, share)),
        });
        point = tried.find(|next| next.gap < point.gap)?;
    }
    (point.gap <= 1e-6 * least).then_some(point)
}

fn distance(one: &[f64], other: &[f64]) -> f64 {
    let squares = one.iter().zip(other).map(|(x, y)| (x - y) * (x - y));
    squares.sum::<f64>().sqrt()
}

/// The gap is of second order in the policies: goes on while a step at least halves what is left to change.
fn polish(contest: &Contest<'_>, mut point: Point, mut iterations: usize) -> (Point, usize) {
    for _ in 0..8 {
        if point.change <= CLOSE {
            break;
        }
        let mut next = contest.at(point.slopes.clone());
        iterations += 1;
        if next.change > 0.1 * point.change {
            match newton_step(contest, &point) {
                Some(better) if better.change < next.change => next = better,
                _ => {}
            }
        }
        if next.change > 0.5 * point.change {
            break;
        }
        point = next;
    }
    (point, iterations)
}
