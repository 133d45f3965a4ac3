//! Sums over a row, block after block.

use super::curve::Curve;
use super::logit::Logit;
use super::tile::{BLOCK, Sums, Tile};

/// The sums of the entries seen so far, relative to the largest of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Total {
    pub sums: Sums,
    count: f64,
    curve: Curve,
    /// Whether all sums are wanted, or only Σ e.
    every: bool,
}

/// The sums of a whole row with its target, relative to the larger of the two.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole {
    pub sums: Sums,
    /// ln Σ e
    pub log_exps: f64,
    /// ln Σ e²
    pub log_squares: f64,
    /// Mean of z.
    pub mean: f64,
}

impl Total {
    pub fn new(curve: Curve, every: bool) -> Self {
        Self {
            sums: Sums::NONE,
            count: 0.0,
            curve,
            every,
        }
    }

    /// Adds more entries of the row.
    #[allow(clippy::cast_precision_loss)] // of a number of at most BLOCK
    pub fn add<T: Logit>(mut self, logits: &[T], tile: &mut Tile<T::Real>) -> Self {
        for block in logits.chunks(BLOCK) {
            if self.sums.max == f64::NEG_INFINITY {
                self = self.seen_from(tile.max(block));
            }
            let mut part = self.part(block, tile);
            if part.max > self.sums.max {
                self = self.seen_from(part.max);
                part = self.part(block, tile);
            }
            self.sums.exps += part.exps;
            self.sums.logs += part.logs;
            self.sums.squares += part.squares;
            self.sums.gaps += part.gaps;
            self.count += block.len() as f64;
        }
        self
    }

    fn part<T: Logit>(&self, block: &[T], tile: &mut Tile<T::Real>) -> Sums {
        // As long as all is -inf any finite anchor will do, whereas -inf would make (-inf) - (-inf).
        let max = self.sums.max;
        let top = if max == f64::NEG_INFINITY { 0.0 } else { max };
        if self.every {
            tile.sums(block, self.curve.anchor(top))
        } else {
            tile.exps(block, self.curve.anchor(top))
        }
    }

    /// The same sums relative to another logit, unless that is smaller.
    fn seen_from(mut self, top: f64) -> Self {
        if top <= self.sums.max {
            return self; // nothing to do, also where both are -inf
        }
        let gap = self.curve.gap(self.sums.max, top);
        if self.sums.exps > 0.0 {
            let factor = gap.exp();
            self.sums.logs = factor * (self.sums.logs + gap * self.sums.exps);
            self.sums.exps *= factor;
            self.sums.squares *= factor * factor;
        }
        if self.count > 0.0 {
            self.sums.gaps += self.count * gap;
        }
        self.sums.max = top;
        self
    }

    /// Log-prob of a target that is not among the entries, and the log-sum-exp with it.
    pub fn log_prob(&self, target: f64) -> (f64, f64) {
        let z = self.curve.z(target);
        if z == f64::INFINITY {
            return (f64::NAN, f64::NAN); // as where another entry is +inf
        }
        let log_exps = self.sums.exps.ln();
        let gap = log_exps + self.curve.gap(self.sums.max, target);
        let logps = 0.0 - (gap.max(0.0) + (-gap.abs()).exp().ln_1p());
        let lse = if gap > 0.0 {
            self.curve.z(self.sums.max) + log_exps + (-gap).exp().ln_1p()
        } else {
            z + gap.exp().ln_1p()
        };
        (logps, lse)
    }

    /// The sums with a target that is not among the entries.
    pub fn with(&self, target: f64) -> Whole {
        if target >= self.sums.max {
            // Logarithms of 1 + little: where the target has nearly all of the mass, the little keeps its digits.
            let others = self.seen_from(target);
            let log_exps = others.sums.exps.ln_1p();
            return others.joined(0.0, log_exps, others.sums.squares.ln_1p());
        }
        let gap = self.curve.gap(target, self.sums.max);
        let exp = gap.exp();
        let log_exps = (self.sums.exps + exp).ln();
        self.joined(gap, log_exps, (self.sums.squares + exp * exp).ln())
    }

    fn joined(&self, gap: f64, log_exps: f64, log_squares: f64) -> Whole {
        let exp = gap.exp();
        let mut sums = self.sums;
        sums.exps += exp;
        sums.logs += if exp == 0.0 { 0.0 } else { exp * gap };
        sums.squares += exp * exp;
        sums.gaps += gap;
        Whole {
            sums,
            log_exps,
            log_squares,
            mean: self.curve.z(sums.max) + sums.gaps / (self.count + 1.0),
        }
    }
}
