//! The profiles of the highest scores, by branch and bound.

use crate::conjoint::expectation::Scores;

/// A profile, as a level of each factor, and its score.
pub type Ranked = (Vec<usize>, f64);

struct Search<'a> {
    scores: &'a Scores,
    /// Scores of pairs of factors, with −∞ where the levels never meet.
    tables: Vec<(usize, usize, Vec<f64>)>,
    /// Most that the pairs of factors from d on add.
    pairs_after: Vec<f64>,
    k: usize,
    found: Vec<Ranked>,
}

/// The `k` profiles of the highest scores, best first, without levels not `allowed` [M] and without pairs of levels
/// (factor, level, factor, level) that never meet.
///
/// Factor by factor, best levels first; a branch ends where each later factor's best level, given those before it, cannot
/// lift it above the k-th best. Without interactions that is O(k D log k) and some; with many it may be exponential.
#[must_use]
pub fn best_profiles(
    scores: &Scores,
    allowed: &[bool],
    forbidden: &[(usize, usize, usize, usize)],
    k: usize,
) -> Vec<Ranked> {
    let layout = &scores.layout;
    let mut tables: Vec<(usize, usize, Vec<f64>)> = scores
        .inter
        .iter()
        .map(|inter| (inter.factors.0, inter.factors.1, inter.table.clone()))
        .collect();
    for &(d, row, e, column) in forbidden {
        let columns = layout.range(e).len();
        let mut table = vec![0.0; layout.range(d).len() * columns];
        table
            .iter_mut()
            .skip(row * columns + column)
            .take(1)
            .for_each(|x| *x = f64::NEG_INFINITY);
        tables.push((d, e, table));
    }
    let most = |table: &[f64]| table.iter().fold(f64::NEG_INFINITY, |top, x| top.max(*x));
    let after = |d: usize| {
        tables
            .iter()
            .filter(|table| table.0 >= d)
            .map(|table| most(&table.2))
            .sum()
    };
    let mut search = Search {
        scores,
        pairs_after: (0..=layout.factors()).map(after).collect(),
        tables,
        k,
        found: Vec::new(),
    };
    let main = scores.main.iter().zip(allowed);
    let given: Vec<f64> = main
        .map(|(score, allowed)| if *allowed { *score } else { f64::NEG_INFINITY })
        .collect();
    search.branch(&mut Vec::new(), 0.0, &given);
    search.found
}

impl Search<'_> {
    /// `given`: score of each level of the factors to come, with their pairs with the levels chosen.
    fn branch(&mut self, chosen: &mut Vec<usize>, score: f64, given: &[f64]) {
        let layout = &self.scores.layout;
        let d = chosen.len();
        if d == layout.factors() {
            self.keep(chosen, score);
            return;
        }
        let range = layout.range(d);
        let own = given.get(range).unwrap_or_default();
        let mut order: Vec<usize> = (0..own.len()).collect();
        let at = |l: usize| own.get(l).copied().unwrap_or(f64::NEG_INFINITY);
        order.sort_by(|x, y| at(*y).total_cmp(&at(*x)));
        for level in order {
            let next = score + at(level);
            let mut later = given.to_vec();
            self.choose(d, level, &mut later);
            if next > f64::NEG_INFINITY && next + self.bound(d + 1, &later) > self.least() {
                chosen.push(level);
                self.branch(chosen, next, &later);
                chosen.pop();
            }
        }
    }

    fn choose(&self, d: usize, level: usize, given: &mut [f64]) {
        for (_, e, table) in self.tables.iter().filter(|table| table.0 == d) {
            let columns = self.scores.layout.range(*e);
            let row = table
                .chunks_exact(columns.len().max(1))
                .nth(level)
                .unwrap_or_default();
            if let Some(later) = given.get_mut(columns) {
                later.iter_mut().zip(row).for_each(|(x, add)| *x += add);
            }
        }
    }

    fn bound(&self, d: usize, given: &[f64]) -> f64 {
        let later = (d..self.scores.layout.factors()).map(|e| {
            let own = given.get(self.scores.layout.range(e)).unwrap_or_default();
            own.iter().fold(f64::NEG_INFINITY, |top, x| top.max(*x))
        });
        later.sum::<f64>() + self.pairs_after.get(d).copied().unwrap_or_default()
    }

    /// What a profile must exceed.
    fn least(&self) -> f64 {
        match self.found.last() {
            Some((_, score)) if self.found.len() == self.k => *score,
            _ => f64::NEG_INFINITY,
        }
    }

    fn keep(&mut self, profile: &[usize], score: f64) {
        let place = self.found.partition_point(|(_, other)| *other >= score);
        self.found.insert(place, (profile.to_vec(), score));
        self.found.truncate(self.k);
    }
}

#[cfg(test)]
mod tests {
    use super::best_profiles;
    use crate::conjoint::Layout;
    use crate::conjoint::expectation::{Interaction, Scores};
    use crate::random::Draws;

    #[test]
    fn the_best_are_those_of_all() {
        let mut draws = Draws::new(1);
        let mut some = |n: usize| -> Vec<f64> {
            (0..n)
                .map(|_| f64::from(u32::try_from(draws.below(1000)).unwrap_or_default()) / 500.0)
                .collect()
        };
        let scores = Scores {
            layout: Layout::new(&[3, 4, 2, 3]),
            main: some(12),
            inter: vec![
                Interaction {
                    factors: (0, 1),
                    table: some(12),
                },
                Interaction {
                    factors: (1, 3),
                    table: some(12),
                },
            ],
        };
        let mut all = scores.table();
        all.sort_by(|x, y| y.total_cmp(x));
        let found = best_profiles(&scores, &[true; 12], &[], 10);
        for ((profile, score), want) in found.iter().zip(&all) {
            assert!((score - want).abs() < 1e-12, "{profile:?}");
        }
        let (best, _) = found.first().cloned().unwrap_or_default();
        let at = |d: usize| best.get(d).copied().unwrap_or_default();
        let without = best_profiles(&scores, &[true; 12], &[(0, at(0), 3, at(3))], 1);
        assert!(without.first().is_some_and(|(other, _)| *other != best));
    }
}
