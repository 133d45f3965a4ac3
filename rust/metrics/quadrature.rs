//! Points and weights for integrals of log-concave densities on the whole line.

/// A density below e^−DEPTH of its maximum counts for nothing.
const DEPTH: f64 = 32.0;
/// Where the panels on each side of the maximum end, as shares of the way: narrow where the mass is.
const PANELS: [f64; 4] = [0.0, 0.2, 0.5, 1.0];
/// Positive half of the points of Gauss and Legendre's rule of 12 points, with their weights.
const NODES: [(f64, f64); 6] = [
    (0.125_233_408_511_468_9, 0.249_147_045_813_402_8),
    (0.367_831_498_998_180_2, 0.233_492_536_538_354_8),
    (0.587_317_954_286_617_4, 0.203_167_426_723_065_92),
    (0.769_902_674_194_304_7, 0.160_078_328_543_346_23),
    (0.904_117_256_370_474_9, 0.106_939_325_995_318_43),
    (0.981_560_634_246_719_3, 0.047_175_336_386_511_83),
];
const GOLDEN: f64 = 0.618_033_988_749_895;

/// Points and weights that integrate e^f over the line, for a concave f that is smooth but at 0.
pub(super) fn rule(f: impl Fn(f64) -> f64, width: f64) -> Vec<(f64, f64)> {
    let (peak, top) = summit(&f, width);
    let low = foot(&f, peak, top, -width);
    let high = foot(&f, peak, top, width);
    let mut ends = vec![];
    for end in [low, high] {
        ends.extend(PANELS.iter().map(|share| peak + share * (end - peak)));
    }
    ends.extend((low < 0.0 && high > 0.0).then_some(0.0));
    ends.sort_unstable_by(f64::total_cmp);
    ends.dedup();
    let mut points = Vec::with_capacity(ends.len() * 2 * NODES.len());
    for (&start, &end) in ends.iter().zip(ends.get(1..).unwrap_or_default()) {
        let (middle, half) = (start.midpoint(end), (end - start) / 2.0);
        for (node, weight) in NODES {
            points.extend([
                (middle - half * node, half * weight),
                (middle + half * node, half * weight),
            ]);
        }
    }
    points
}

/// A point where f is at most 1 below its maximum, and its value.
fn summit(f: &impl Fn(f64) -> f64, width: f64) -> (f64, f64) {
    let (mut low, mut high) = (-width, width);
    let (mut at_low, mut at_high) = (f(low), f(high));
    let middle = f(0.0);
    // Walk until the maximum is enclosed.
    let mut before = middle;
    while at_high > before {
        before = at_high;
        high *= 2.0;
        at_high = f(high);
    }
    let mut before = middle;
    while at_low > before {
        before = at_low;
        low *= 2.0;
        at_low = f(low);
    }
    let (mut left, mut right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
    let (mut at_left, mut at_right) = (f(left), f(right));
    while at_left.max(at_right) - at_low.min(at_high) > 1.0
        && right - left > f64::EPSILON * right.abs()
    {
        if at_left > at_right {
            (high, at_high, right, at_right) = (right, at_right, left, at_left);
            left = high - GOLDEN * (high - low);
            at_left = f(left);
        } else {
            (low, at_low, left, at_left) = (left, at_left, right, at_right);
            right = low + GOLDEN * (high - low);
            at_right = f(right);
        }
    }
    if at_left > at_right {
        (left, at_left)
    } else {
        (right, at_right)
    }
}

/// How far to go from the peak until f has fallen by [`DEPTH`], not much further.
#[allow(clippy::neg_cmp_op_on_partial_ord)]
fn foot(f: &impl Fn(f64) -> f64, peak: f64, top: f64, width: f64) -> f64 {
    let deep = |d: f64| !(top - f(peak + d) < DEPTH); // NaN, where numbers overflow, must end the loops
    let mut near = 0.0;
    let mut far = width;
    while !deep(far) {
        near = far;
        far *= 2.0;
    }
    while (far - near).abs() > 0.2 * far.abs() {
        let middle = f64::midpoint(near, far);
        if deep(middle) {
            far = middle;
        } else {
            near = middle;
        }
    }
    peak + far
}

#[cfg(test)]
mod tests {
    use super::rule;

    #[test]
    fn the_mass_and_variance_of_a_normal_density_far_from_zero() {
        let points = rule(|x| -0.5 * (x - 30.0) * (x - 30.0), 1.0);
        let moment = |power: i32| -> f64 {
            let each = points.iter().map(|&(x, weight)| {
                weight * (x - 30.0).powi(power) * (-0.5 * (x - 30.0) * (x - 30.0)).exp()
            });
            each.sum()
        };
        let mass = (2.0 * std::f64::consts::PI).sqrt();
        assert!((moment(0) / mass - 1.0).abs() < 1e-10, "{}", moment(0));
        assert!((moment(2) / mass - 1.0).abs() < 1e-10, "{}", moment(2));
    }
}
