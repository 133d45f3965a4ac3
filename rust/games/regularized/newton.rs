//! Newton's method on a system, from as many extragradient steps as it needs.

use super::KlLimits;
use super::system::{Scratch, System};
use crate::status::Status;

/// Extragradient steps before the first Newton step; doubled whenever Newton's method stalls.
pub const WARM_UP: usize = 25;
/// A warm-up that is longer than this is given up.
const LONGEST: usize = 100_000;
/// Newton steps from one start.
pub const NEWTON: usize = 15;
/// Shortest part of a Newton step that is tried.
pub const SHORTEST: f64 = 1e-6;
/// A step that is not solved for by elimination is accurate to a tenth of the residual, within these bounds: closer, its
/// error would vanish beside what the curvature leaves.
const FINEST: f64 = 1e-4;
const COARSEST: f64 = 1e-1;
/// Rounding of a log-probability: this times ε, per unit of the largest payoff and of 1/β.
const ROUNDING: f64 = 16.0;

/// Whether a residual is the answer: below the tolerance, or below what rounding leaves of it.
pub fn arrived(residual: f64, tol: f64, (bound, beta): (f64, f64)) -> Option<Status> {
    let floor = ROUNDING * f64::EPSILON * (bound / beta).max(0.5);
    if residual <= tol {
        Some(Status::Converged)
    } else {
        (residual <= floor).then_some(Status::Floor)
    }
}

/// Extragradient steps, then Newton's method; on a stall back to the steps, twice as many.
///
/// Returns the number of linear solves, the residual, and how it ended.
pub fn solve(
    system: &System,
    logs: &mut Vec<f64>,
    warm: bool,
    limits: KlLimits,
    scratch: &mut Scratch,
) -> (usize, f64, Status) {
    let beta = system.beta.iter().copied().fold(f64::INFINITY, f64::min);
    let ended = |residual: f64| arrived(residual, limits.tol, (system.bound, beta));
    scratch.iterative = true;
    let mut residual = system.residual(logs, scratch);
    let (mut iterations, mut steps) = (0, if warm { 0 } else { WARM_UP });
    loop {
        if let Some(status) = ended(residual) {
            return (iterations, residual, status);
        }
        if steps > LONGEST {
            return (iterations, residual, Status::Stalled);
        }
        if iterations >= limits.max_iter {
            return (iterations, residual, Status::MaxIter);
        }
        system.extragradient(logs, steps, scratch);
        let back = logs.clone();
        residual = system.residual(logs, scratch);
        for _ in 0..NEWTON {
            if ended(residual).is_some() || iterations >= limits.max_iter {
                break;
            }
            iterations += 1;
            match descend(system, logs, residual, scratch) {
                Some(next) => residual = next,
                None => break,
            }
        }
        if ended(residual).is_none() {
            logs.clone_from(&back);
            residual = system.residual(logs, scratch);
            steps = (2 * steps).max(WARM_UP);
        }
    }
}

/// Whether a part of a Newton step lowers the residual as it should.
pub fn falls(residual: f64, before: f64, length: f64) -> bool {
    residual <= before * (1.0 - 1e-4 * length)
}

/// One Newton step, halved until the residual falls; `None` where it does not.
fn descend(
    system: &System,
    logs: &mut Vec<f64>,
    residual: f64,
    scratch: &mut Scratch,
) -> Option<f64> {
    if let Some(next) = shortened(system, logs, residual, scratch) {
        return Some(next);
    }
    // Perhaps the step was not accurate enough.
    std::mem::replace(&mut scratch.iterative, false)
        .then(|| shortened(system, logs, system.residual(logs, scratch), scratch))?
}

/// The step at the point whose residual is in the scratch, halved until the residual falls; the point stays where it
/// does not.
fn shortened(
    system: &System,
    logs: &mut Vec<f64>,
    residual: f64,
    scratch: &mut Scratch,
) -> Option<f64> {
    if !system.newton(residual.clamp(FINEST, COARSEST) / 10.0, scratch) {
        return None;
    }
    let (from, step) = (logs.clone(), std::mem::take(&mut scratch.step));
    let mut length = 1.0;
    let mut found = None;
    while length >= SHORTEST {
        logs.clear();
        logs.extend(from.iter().zip(&step).map(|(l, d)| l + length * d));
        system.normalize(logs);
        let next = system.residual(logs, scratch);
        if falls(next, residual, length) {
            found = Some(next);
            break;
        }
        length /= 2.0;
    }
    scratch.step = step;
    if found.is_none() {
        *logs = from;
    }
    found
}
