//! Derivatives of expectations by the parameters of a model: the intercept where it is unknown, the contrast of each level
//! to level 0, and those of each interaction, cell by cell.

use super::pairwise::fix;
use super::party::{Party, value_and_slopes};
use super::scores::Scores;
use super::voters::Voters;

/// dQ/dθ, and those of the slopes of both parties.
#[derive(Debug, Clone, Default)]
pub struct ParameterSlopes {
    /// Number P of parameters.
    pub count: usize,
    /// dQ/dθ, [P]
    pub value: Vec<f64>,
    /// Of the slopes of the own policy, [M, P].
    pub own: Vec<f64>,
    /// Of the slopes of the other policy, [M, P]; empty where there is none.
    pub other: Vec<f64>,
}

/// A parameter of the score: its feature is 1 where a profile has the level, or both levels.
#[derive(Debug, Clone, Copy)]
enum Feature {
    Level(usize),
    Pair(usize, usize),
}

fn features(scores: &Scores) -> Vec<Feature> {
    let layout = &scores.layout;
    let mains = layout
        .ranges()
        .flat_map(|range| range.skip(1))
        .map(Feature::Level);
    let pairs = scores.inter.iter().flat_map(|inter| {
        let (rows, columns) = (layout.range(inter.factors.0), layout.range(inter.factors.1));
        rows.skip(1).flat_map(move |row| {
            let columns = columns.clone();
            columns
                .skip(1)
                .map(move |column| Feature::Pair(row, column))
        })
    });
    mains.chain(pairs).collect()
}

/// All derivatives of one group's payoff.
///
/// O(K M²); where levels interact with a logit link O(K N D²).
#[must_use]
pub fn parameter_slopes(voters: &Voters, own: &[f64], other: Option<&[f64]>) -> ParameterSlopes {
    let mut found = own_parameter_slopes(voters, own, other);
    let Some(other) = other.filter(|_| voters.paired()) else {
        return found;
    };
    let (scores, features) = (&voters.scores, features(&voters.scores));
    let first = found.count - features.len();
    let near = voters.steep_facing(own);
    let theirs = Near::new(scores, near.as_ref(), other, &features).given(near.as_ref());
    found.other = vec![0.0; found.own.len()];
    put(&mut found.other, &theirs, found.count, first, -1.0);
    let far = far_slopes(voters, other, own, &features, true);
    add_far(&mut found.other, &far, found.count, first, 1.0);
    found
}

/// [`parameter_slopes`] without those of the other policy's slopes, in about half of the time.
#[must_use]
pub fn own_parameter_slopes(
    voters: &Voters,
    own: &[f64],
    other: Option<&[f64]>,
) -> ParameterSlopes {
    let (scores, m) = (&voters.scores, voters.scores.layout.levels());
    let (features, first) = (features(scores), usize::from(voters.intercept_is_unknown));
    let count = first + features.len();
    let other = other.filter(|_| voters.paired());
    let near = voters.steep_against(other);
    let mine = Near::new(scores, near.as_ref(), own, &features).given(near.as_ref());
    let mut found = ParameterSlopes {
        count,
        value: vec![0.0; count],
        own: vec![0.0; m * count],
        other: Vec::new(),
    };
    found
        .value
        .iter_mut()
        .take(first)
        .for_each(|x| *x = mine.mean);
    add_values(&mut found.value, &mine, first, 1.0);
    put(&mut found.own, &mine, count, first, 1.0);
    if let Some(other) = other {
        let near = voters.steep_facing(own);
        let theirs = Near::new(scores, near.as_ref(), other, &features);
        add_values(&mut found.value, &theirs, first, -1.0);
        let far = far_slopes(voters, own, other, &features, false);
        add_far(&mut found.own, &far, count, first, -1.0);
    }
    found
}

/// E[f x_j], where x_j is a feature of the profile of one policy.
struct Near<'a> {
    scores: &'a Scores,
    policy: &'a [f64],
    features: &'a [Feature],
    mean: f64,
    slopes: Vec<f64>,
    /// Given two levels; empty where it was not needed.
    curvature: Vec<f64>,
    /// Given each level, [M, J]; empty before it is asked for.
    given: Vec<f64>,
}

impl<'a> Near<'a> {
    fn new(scores: &'a Scores, f: &dyn Party, policy: &'a [f64], features: &'a [Feature]) -> Self {
        let (mean, slopes) = value_and_slopes(f, &scores.layout, policy);
        let mut near = Self {
            scores,
            policy,
            features,
            mean,
            slopes,
            curvature: Vec::new(),
            given: Vec::new(),
        };
        if !scores.inter.is_empty() {
            near.bend(f);
        }
        near
    }

    fn bend(&mut self, f: &dyn Party) {
        if self.curvature.is_empty() {
            let m = self.scores.layout.levels();
            self.curvature = vec![0.0; m * m];
            f.add_curvature(self.policy, 1.0, &mut self.curvature);
        }
    }

    fn p(&self, level: usize) -> f64 {
        self.policy.get(level).copied().unwrap_or_default()
    }

    fn slope(&self, level: usize) -> f64 {
        self.slopes.get(level).copied().unwrap_or_default()
    }

    fn bent(&self, one: usize, two: usize) -> f64 {
        let place = one * self.scores.layout.levels() + two;
        self.curvature.get(place).copied().unwrap_or_default()
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.features.iter().map(|&feature| match feature {
            Feature::Level(j) => self.p(j) * self.slope(j),
            Feature::Pair(i, j) => self.p(i) * self.p(j) * self.bent(i, j),
        })
    }

    /// With the expectations given each level.
    fn given(mut self, f: &dyn Party) -> Self {
        self.bend(f);
        let (m, count) = (self.scores.layout.levels(), self.features.len());
        let third = thirds(self.scores, f, self.policy);
        let factor = factor_of(self.scores);
        let same = |one: usize, two: usize| factor.get(one) == factor.get(two);
        let mut given = vec![0.0; m * count];
        for (level, row) in given.chunks_exact_mut(count.max(1)).enumerate() {
            for (cell, &feature) in row.iter_mut().zip(self.features) {
                *cell = match feature {
                    Feature::Level(j) if j == level => self.slope(j),
                    Feature::Level(j) if same(j, level) => 0.0,
                    Feature::Level(j) => self.p(j) * self.bent(level, j),
                    Feature::Pair(i, j) if i == level => self.p(j) * self.bent(i, j),
                    Feature::Pair(i, j) if j == level => self.p(i) * self.bent(i, j),
                    Feature::Pair(i, j) if same(i, level) || same(j, level) => 0.0,
                    Feature::Pair(i, j) => self.p(i) * self.p(j) * third.at(i, j, level, m),
                };
            }
        }
        self.given = given;
        self
    }
}

/// Conditional expectations given three levels, of which the first belongs to an interaction.
struct Thirds(Vec<Vec<f64>>);

impl Thirds {
    fn at(&self, i: usize, j: usize, level: usize, m: usize) -> f64 {
        let curvature = self.0.get(i).map(Vec::as_slice).unwrap_or_default();
        curvature.get(level * m + j).copied().unwrap_or_default()
    }
}

fn thirds(scores: &Scores, f: &dyn Party, policy: &[f64]) -> Thirds {
    let (layout, m) = (&scores.layout, scores.layout.levels());
    Thirds(each_first(
        scores,
        |range, level| {
            let mut fixed = policy.to_vec();
            fix(&mut fixed, range, level);
            let mut curvature = vec![0.0; m * m];
            f.add_curvature(&fixed, 1.0, &mut curvature);
            curvature
        },
        layout.levels(),
    ))
}

/// For each level that is the first of an interaction's pair: something; for the others nothing.
fn each_first<T: Default>(
    scores: &Scores,
    mut make: impl FnMut(std::ops::Range<usize>, usize) -> T,
    levels: usize,
) -> Vec<T> {
    let factor = factor_of(scores);
    let interacts = |d: usize| scores.inter.iter().any(|inter| inter.factors.0 == d);
    (0..levels)
        .map(|level| match factor.get(level) {
            Some(&d) if interacts(d) => make(scores.layout.range(d), level),
            _ => T::default(),
        })
        .collect()
}

fn factor_of(scores: &Scores) -> Vec<usize> {
    let ranges = scores.layout.ranges().enumerate();
    ranges
        .flat_map(|(d, range)| range.map(move |_| d))
        .collect()
}

/// E[f x_j | a level of the profile of `from`], where x_j is a feature of the profile of `to`: [M, J].
fn far_slopes(
    voters: &Voters,
    from: &[f64],
    to: &[f64],
    features: &[Feature],
    turned: bool,
) -> Vec<f64> {
    let (scores, m) = (&voters.scores, voters.scores.layout.levels());
    let given_from = voters.conditional(from);
    let table = |policy: &[f64]| {
        let given_to = voters.conditional(policy);
        let mut out = vec![0.0; m * m];
        if turned {
            voters.add_steep_cross(&given_to, &given_from, &mut out);
            transposed(&out, m)
        } else {
            voters.add_steep_cross(&given_from, &given_to, &mut out);
            out
        }
    };
    let plain = table(to);
    let fixed = each_first(
        scores,
        |range, level| {
            let mut policy = to.to_vec();
            fix(&mut policy, range, level);
            table(&policy)
        },
        m,
    );
    let p = |level: usize| to.get(level).copied().unwrap_or_default();
    let mut far = vec![0.0; m * features.len()];
    for (level, row) in far.chunks_exact_mut(features.len().max(1)).enumerate() {
        for (cell, &feature) in row.iter_mut().zip(features) {
            *cell = match feature {
                Feature::Level(j) => p(j) * plain.get(level * m + j).copied().unwrap_or_default(),
                Feature::Pair(i, j) => {
                    let table = fixed.get(i).map(Vec::as_slice).unwrap_or_default();
                    p(i) * p(j) * table.get(level * m + j).copied().unwrap_or_default()
                }
            };
        }
    }
    far
}

fn transposed(table: &[f64], m: usize) -> Vec<f64> {
    (0..m)
        .flat_map(|column| table.iter().skip(column).step_by(m.max(1)).copied())
        .collect()
}

fn add_values(value: &mut [f64], near: &Near<'_>, first: usize, sign: f64) {
    for (value, x) in value.iter_mut().skip(first).zip(near.values()) {
        *value += sign * x;
    }
}

/// Adds what the features of the own profile say about its slopes; the intercept moves them as much as any score.
fn put(given: &mut [f64], near: &Near<'_>, count: usize, first: usize, sign: f64) {
    add_far(given, &near.given, count, first, sign);
    if first == 1 {
        let heads = given.iter_mut().step_by(count);
        heads
            .zip(&near.slopes)
            .for_each(|(cell, slope)| *cell = *slope);
    }
}

fn add_far(given: &mut [f64], far: &[f64], count: usize, first: usize, sign: f64) {
    let features = (count - first).max(1);
    for (row, far) in given
        .chunks_exact_mut(count.max(1))
        .zip(far.chunks_exact(features))
    {
        for (cell, x) in row.iter_mut().skip(first).zip(far) {
            *cell += sign * x;
        }
    }
}
