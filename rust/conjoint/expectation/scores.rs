//! Scores of profiles from scores of levels and of pairs of levels.

use crate::conjoint::Layout;

/// Scores of the pairs of levels of two factors.
#[derive(Debug, Clone)]
pub struct Interaction {
    /// d < e
    pub factors: (usize, usize),
    /// [L_d, L_e], row by row.
    pub table: Vec<f64>,
}

/// s(t) = Σ_d main_d(t_d) + Σ_de table_de(t_d, t_e).
#[derive(Debug, Clone)]
pub struct Scores {
    /// Levels of all factors.
    pub layout: Layout,
    /// [M]
    pub main: Vec<f64>,
    /// Of pairs of factors, each once.
    pub inter: Vec<Interaction>,
}

impl Scores {
    /// Number N of profiles; `usize::MAX` where it is larger.
    #[must_use]
    pub fn profiles(&self) -> usize {
        let sizes = self.layout.ranges().map(|range| range.len());
        sizes.fold(1, usize::saturating_mul)
    }

    /// A bound of the difference of two scores.
    #[must_use]
    pub fn spread(&self) -> f64 {
        let mains = self.layout.ranges();
        let mains = mains.map(|range| extent(self.main.get(range).unwrap_or_default()));
        let tables = self.inter.iter().map(|inter| extent(&inter.table));
        mains.sum::<f64>() + tables.sum::<f64>()
    }

    /// A bound of |s|.
    #[must_use]
    pub fn largest(&self) -> f64 {
        let top = |values: &[f64]| values.iter().fold(0.0_f64, |top, x| top.max(x.abs()));
        let mains = self.layout.ranges();
        let mains = mains.map(|range| top(self.main.get(range).unwrap_or_default()));
        mains.sum::<f64>()
            + self
                .inter
                .iter()
                .map(|inter| top(&inter.table))
                .sum::<f64>()
    }

    /// Lowest and highest score of a profile, interactions left out.
    #[must_use]
    pub fn ends(&self) -> (f64, f64) {
        let mains = self.layout.ranges();
        let mains = mains.map(|range| self.main.get(range).unwrap_or_default());
        mains.fold((0.0, 0.0), |(low, high), own| {
            let least = own.iter().copied().fold(f64::INFINITY, f64::min);
            let most = own.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            (low + least, high + most)
        })
    }

    /// E s of a product policy, [M].
    #[must_use]
    pub fn mean(&self, policy: &[f64]) -> f64 {
        let mains: f64 = self.main.iter().zip(policy).map(|(a, p)| a * p).sum();
        mains
            + self
                .inter
                .iter()
                .map(|inter| self.mean_of(inter, policy))
                .sum::<f64>()
    }

    fn mean_of(&self, inter: &Interaction, policy: &[f64]) -> f64 {
        let (one, other) = self.parts(inter, policy);
        let rows = inter.table.chunks_exact(other.len().max(1));
        one.iter()
            .zip(rows)
            .map(|(p, row)| p * row.iter().zip(other).map(|(x, q)| x * q).sum::<f64>())
            .sum()
    }

    /// Probabilities of the two factors of an interaction.
    fn parts<'a>(&self, inter: &Interaction, policy: &'a [f64]) -> (&'a [f64], &'a [f64]) {
        let part = |d| policy.get(self.layout.range(d)).unwrap_or_default();
        (part(inter.factors.0), part(inter.factors.1))
    }

    /// Adds `weight` · E[s | t_d = l], for all levels of factor `d`, to `out`.
    pub fn add_conditional(&self, d: usize, policy: &[f64], weight: f64, out: &mut [f64]) {
        let own = self.layout.range(d);
        let main = self.main.get(own.clone()).unwrap_or_default();
        let probabilities = policy.get(own).unwrap_or_default();
        let elsewhere: f64 = self.mean(policy)
            - main
                .iter()
                .zip(probabilities)
                .map(|(a, p)| a * p)
                .sum::<f64>();
        let mut means: Vec<f64> = main.iter().map(|a| a + elsewhere).collect();
        for inter in &self.inter {
            let (one, other) = self.parts(inter, policy);
            let rows = || inter.table.chunks_exact(other.len().max(1));
            if inter.factors.0 == d {
                let gone = self.mean_of(inter, policy);
                for (mean, row) in means.iter_mut().zip(rows()) {
                    *mean += row.iter().zip(other).map(|(x, q)| x * q).sum::<f64>() - gone;
                }
            } else if inter.factors.1 == d {
                let gone = self.mean_of(inter, policy);
                for mean in &mut means {
                    *mean -= gone;
                }
                for (p, row) in one.iter().zip(rows()) {
                    for (mean, x) in means.iter_mut().zip(row) {
                        *mean += p * x;
                    }
                }
            }
        }
        for (out, mean) in out.iter_mut().zip(means) {
            *out += weight * mean;
        }
    }

    /// Adds `weight` · a bound of the mixed second differences of f(s) to [D, D], where |f'| <= `slope`, |f''| <= `bend`.
    pub fn add_mixed_bounds(&self, slope: f64, bend: f64, weight: f64, out: &mut [f64]) {
        let factors = self.layout.factors();
        let mut extents: Vec<f64> = self
            .layout
            .ranges()
            .map(|range| extent(self.main.get(range).unwrap_or_default()))
            .collect();
        let mut mixed = vec![0.0; factors * factors];
        for inter in &self.inter {
            let (d, e) = inter.factors;
            let difference = self.mixed_difference(inter);
            for place in [d * factors + e, e * factors + d] {
                mixed
                    .iter_mut()
                    .skip(place)
                    .take(1)
                    .for_each(|x| *x += slope * difference);
            }
            for factor in [d, e] {
                let own = extents.iter_mut().skip(factor).take(1);
                own.for_each(|x| *x += extent(&inter.table));
            }
        }
        for (d, row) in mixed.chunks_exact(factors.max(1)).enumerate() {
            let own = extents.get(d).copied().unwrap_or_default();
            let cells = row.iter().zip(&extents).enumerate();
            for (e, (known, other)) in cells.filter(|(e, _)| *e != d) {
                let place = out.iter_mut().skip(d * factors + e).take(1);
                place.for_each(|x| *x += weight.abs() * (known + bend * own * other));
            }
        }
    }

    fn mixed_difference(&self, inter: &Interaction) -> f64 {
        let columns = self.layout.range(inter.factors.1).len().max(1);
        let rows = || inter.table.chunks_exact(columns);
        let mut largest = 0.0_f64;
        for one in rows() {
            for other in rows() {
                let difference: Vec<f64> = one.iter().zip(other).map(|(x, y)| x - y).collect();
                largest = largest.max(extent(&difference));
            }
        }
        largest
    }

    /// Score of every profile, the level of the last factor running fastest: O(N · number of pairs).
    #[must_use]
    pub fn table(&self) -> Vec<f64> {
        let mut scores = vec![0.0; 1];
        for range in self.layout.ranges() {
            let main = self.main.get(range).unwrap_or_default();
            scores = scores
                .iter()
                .flat_map(|score| main.iter().map(move |a| score + a))
                .collect();
        }
        for inter in &self.inter {
            self.add_table(inter, &mut scores);
        }
        scores
    }

    fn add_table(&self, inter: &Interaction, scores: &mut [f64]) {
        let (d, e) = inter.factors;
        let size = |range: std::ops::Range<usize>| {
            let sizes = range.map(|factor| self.layout.range(factor).len());
            sizes.product::<usize>().max(1)
        };
        let (middle, last) = (size(d + 1..e), size(e + 1..self.layout.factors()));
        let (rows, columns) = (self.layout.range(d).len(), self.layout.range(e).len());
        for outer in scores.chunks_mut(rows * middle * columns * last) {
            let pairs = outer.chunks_mut(middle * columns * last);
            for (part, row) in pairs.zip(inter.table.chunks_exact(columns.max(1))) {
                for part in part.chunks_mut(columns * last) {
                    for (part, x) in part.chunks_mut(last).zip(row) {
                        for score in part.iter_mut() {
                            *score += x;
                        }
                    }
                }
            }
        }
    }
}

/// Probability of every profile under a product policy, in the order of [`Scores::table`].
#[must_use]
pub fn joint(layout: &Layout, policy: &[f64]) -> Vec<f64> {
    let mut joint = vec![1.0; 1];
    for range in layout.ranges() {
        let own = policy.get(range).unwrap_or_default();
        joint = joint
            .iter()
            .flat_map(|p| own.iter().map(move |q| p * q))
            .collect();
    }
    joint
}

fn extent(values: &[f64]) -> f64 {
    let (low, high) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| {
            (low.min(x), high.max(x))
        });
    (high - low).max(0.0)
}
