//! The pull of a policy to its reference, and the best probabilities of one factor under it.

/// How far a policy is from its reference p, factor by factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Penalty {
    /// KL(π, p) = Σ π log(π/p)
    Kl,
    /// KL(p, π) = Σ p log(p/π)
    ReverseKl,
    /// Σ (π − p)²
    L2,
}

impl Penalty {
    /// Of one factor. Levels of probability 0 in the reference have none in the policy.
    #[must_use]
    pub fn distance(self, own: &[f64], reference: &[f64]) -> f64 {
        let pairs = own.iter().zip(reference);
        match self {
            Self::Kl => pairs.map(|(&x, &p)| ratio(x, p)).sum(),
            Self::ReverseKl => pairs.map(|(&x, &p)| ratio(p, x)).sum(),
            Self::L2 => pairs.map(|(x, p)| (x - p) * (x - p)).sum(),
        }
    }

    /// Its derivative by one probability.
    #[must_use]
    pub fn slope(self, x: f64, p: f64) -> f64 {
        match self {
            Self::Kl => (x / p).ln() + 1.0,
            Self::ReverseKl => -p / x,
            Self::L2 => 2.0 * (x - p),
        }
    }

    /// Its second derivative by one probability.
    #[must_use]
    pub fn bend(self, x: f64, p: f64) -> f64 {
        match self {
            Self::Kl => 1.0 / x,
            Self::ReverseKl => p / (x * x),
            Self::L2 => 2.0,
        }
    }

    /// The probabilities that maximize Σ π slope − beta · distance, over levels that the reference gives any.
    pub fn respond(self, beta: f64, reference: &[f64], slopes: &[f64], own: &mut [f64]) {
        if reference.len() == 1 {
            own.fill(1.0);
            return;
        }
        let top = best(reference, slopes);
        match self {
            _ if beta == 0.0 => {
                let best = |(p, g): (&f64, &f64)| if *g >= top { *p } else { 0.0 };
                fill(own, reference.iter().zip(slopes).map(best));
            }
            Self::Kl => {
                let weight = |(p, g): (&f64, &f64)| {
                    if *p > 0.0 {
                        p * ((g - top) / beta).exp()
                    } else {
                        0.0
                    }
                };
                fill(own, reference.iter().zip(slopes).map(weight));
            }
            Self::ReverseKl => {
                let root = multiplier(beta, reference, slopes, top);
                let weight = |(p, g): (&f64, &f64)| {
                    if *p > 0.0 {
                        beta * p / (top - g + root)
                    } else {
                        0.0
                    }
                };
                fill(own, reference.iter().zip(slopes).map(weight));
            }
            Self::L2 => project(beta, reference, (slopes, top), own),
        }
    }
}

/// x log(x/y), 0 at x = 0.
fn ratio(x: f64, y: f64) -> f64 {
    if x > 0.0 { x * (x / y).ln() } else { 0.0 }
}

fn best(reference: &[f64], slopes: &[f64]) -> f64 {
    let allowed = reference.iter().zip(slopes).filter(|(p, _)| **p > 0.0);
    allowed.fold(f64::NEG_INFINITY, |top, (_, g)| top.max(*g))
}

/// Sets the probabilities in proportion to weights.
fn fill(own: &mut [f64], weights: impl Iterator<Item = f64>) {
    for (x, weight) in own.iter_mut().zip(weights) {
        *x = weight;
    }
    let total: f64 = own.iter().sum();
    for x in own.iter_mut() {
        *x /= total;
    }
}

/// The r > 0 with Σ beta p/(top − g + r) = 1, where r <= beta: by Newton's method on a convex decreasing function from its
/// left, where each step stays left of the root.
fn multiplier(beta: f64, reference: &[f64], slopes: &[f64], top: f64) -> f64 {
    let pairs = || reference.iter().zip(slopes).filter(|(p, _)| **p > 0.0);
    let at_top: f64 = pairs().filter(|(_, g)| **g >= top).map(|(p, _)| p).sum();
    let mut root = beta * at_top;
    for _ in 0..100 {
        let (mut excess, mut fall) = (-1.0, 0.0);
        for (p, g) in pairs() {
            let share = beta * p / (top - g + root);
            excess += share;
            fall += share / (top - g + root);
        }
        let step = excess / fall;
        root += step;
        if step <= 1e-16 * root {
            break;
        }
    }
    root
}

/// The point of the simplex nearest to p + g/(2 beta).
fn project(beta: f64, reference: &[f64], (slopes, top): (&[f64], f64), own: &mut [f64]) {
    let targets = || {
        reference
            .iter()
            .zip(slopes)
            .map(|(p, g)| p + (g - top) / (2.0 * beta)) // below the best: no sum of huge numbers
    };
    let allowed = targets().zip(reference).filter(|(_, p)| **p > 0.0);
    let mut sorted: Vec<f64> = allowed.map(|(x, _)| x).collect();
    sorted.sort_by(|x, y| y.total_cmp(x));
    let (mut sum, mut level) = (0.0, f64::INFINITY);
    for (k, x) in sorted.iter().enumerate() {
        sum += x;
        let next = (sum - 1.0) / crate::elementary::float(k + 1);
        if k > 0 && *x <= next {
            break;
        }
        level = next;
    }
    for ((x, target), p) in own.iter_mut().zip(targets()).zip(reference) {
        *x = if *p > 0.0 {
            (target - level).max(0.0)
        } else {
            0.0
        };
    }
}

#[cfg(test)]
mod tests {
    use super::Penalty;

    #[test]
    fn responses_are_no_worse_than_their_neighbors() {
        let (p, g) = ([0.4, 0.3, 0.0, 0.2, 0.1], [0.0, 0.3, 9.0, -0.2, 0.1]);
        for penalty in [Penalty::Kl, Penalty::ReverseKl, Penalty::L2] {
            for beta in [1.0, 0.1, 0.01] {
                let mut own = [0.0; 5];
                penalty.respond(beta, &p, &g, &mut own);
                assert!((own.iter().sum::<f64>() - 1.0).abs() < 1e-14 && own.get(2) == Some(&0.0));
                let gain = |own: &[f64]| {
                    own.iter().zip(g).map(|(x, g)| x * g).sum::<f64>()
                        - beta * penalty.distance(own, &p)
                };
                for one in [0, 1, 3, 4] {
                    for other in [0, 1, 3, 4] {
                        let mut moved = own;
                        let step = own.get(one).copied().unwrap_or_default().min(1e-4);
                        if let Some(x) = moved.get_mut(one) {
                            *x -= step;
                        }
                        if let Some(x) = moved.get_mut(other) {
                            *x += step;
                        }
                        assert!(gain(&moved) <= gain(&own) + 1e-15);
                    }
                }
            }
        }
    }
}
