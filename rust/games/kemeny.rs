//! Kemeny's rule: the ranking that agrees with most ballots, pair by pair.

use super::kemeny_search::{cycle_loss, local_search};

/// Up to here the subset table (2^20 doubles, 8 MB) finds the best ranking.
const EXACT: usize = 20;
/// Up to here all best rankings are listed.
const ALL: usize = 8;
/// Items whose sums over subsets stand in one table.
const HALF: usize = 10;

/// Best rankings, and a bound of the best score.
#[derive(Debug, Clone, PartialEq)]
pub struct Consensus {
    /// Σ votes[i, j] over the pairs of the first ranking, i above j.
    pub score: f64,
    /// No ranking has more.
    pub bound: f64,
    /// [K, n] items, best first.
    pub rankings: Vec<i64>,
}

/// The ranking with the largest Σ votes[i, j], i above j; all of them to n = 8, else the first in lexicographic order.
///
/// Where a set of items wins by majority against each item outside, it stands above them in every best ranking. So each
/// such block of up to 20 items is solved by a table over its subsets, O(2^n·n); a larger one by local search with a bound
/// of its own. Scores that rounding cannot tell apart count as equal. Naive: all n! rankings.
///
/// ```
/// use prefcore::games::kemeny;
///
/// let best = kemeny(&[0.0, 4.0, 2.0, 1.0, 0.0, 2.0, 3.0, 3.0, 0.0], 3);
/// assert_eq!((best.score, best.bound, best.rankings), (10.0, 10.0, vec![2, 0, 1]));
/// ```
#[must_use]
pub fn kemeny(votes: &[f64], n: usize) -> Consensus {
    let whole = Votes {
        votes: votes.to_vec(),
        n,
    };
    let slack = 32.0 * f64::EPSILON * votes.iter().sum::<f64>();
    if n <= ALL {
        let rankings = Subsets::new(&whole, slack).all();
        let score = whole.score(rankings.get(..n).unwrap_or_default());
        return consensus(score, score, rankings);
    }
    let (mut ranking, mut lost, mut exact) = (Vec::with_capacity(n), 0.0, true);
    for items in whole.blocks() {
        let own = whole.part(&items);
        let order = if items.len() <= EXACT {
            let order = Subsets::new(&own, slack).first();
            lost += own.most() - own.score(&order);
            order
        } else {
            lost += cycle_loss(&own);
            exact = false;
            local_search(&own, slack)
        };
        ranking.extend(order.iter().filter_map(|&item| items.get(item)));
    }
    let score = whole.score(&ranking);
    let bound = if exact { score } else { whole.most() - lost };
    consensus(
        score,
        if bound <= score + slack { score } else { bound },
        ranking,
    )
}

fn consensus(score: f64, bound: f64, rankings: Vec<usize>) -> Consensus {
    let items = rankings
        .into_iter()
        .map(|item| i64::try_from(item).unwrap_or(i64::MAX));
    Consensus {
        score,
        bound,
        rankings: items.collect(),
    }
}

/// [n, n] votes, row by row.
#[derive(Debug)]
pub(super) struct Votes {
    pub votes: Vec<f64>,
    pub n: usize,
}

impl Votes {
    pub fn row(&self, i: usize) -> &[f64] {
        self.votes
            .get(i * self.n..(i + 1) * self.n)
            .unwrap_or_default()
    }

    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.row(i).get(j).copied().unwrap_or(0.0)
    }

    /// Votes between some items alone.
    fn part(&self, items: &[usize]) -> Self {
        let row = |&i: &usize| items.iter().map(move |&j| self.at(i, j));
        Self {
            votes: items.iter().flat_map(row).collect(),
            n: items.len(),
        }
    }

    /// Votes that a ranking agrees with.
    fn score(&self, order: &[usize]) -> f64 {
        let below = |place| order.get(place + 1..).unwrap_or_default();
        let pairs = order.iter().enumerate();
        let votes = pairs.flat_map(|(place, &i)| below(place).iter().map(move |&j| self.at(i, j)));
        votes.fold(0.0, |sum, votes| sum + votes) // an empty `sum` would be -0
    }

    /// What the score would be without cycles: the sum of the larger sides of all pairs.
    fn most(&self) -> f64 {
        let pairs = (0..self.n).flat_map(|i| (0..i).map(move |j| (i, j)));
        pairs.map(|(i, j)| self.at(i, j).max(self.at(j, i))).sum()
    }

    /// Sets of items, best first, of which each beats by majority every item of the later ones; items rise within each.
    ///
    /// The first k items by Copeland score are such a set where their scores sum to k (k - 1) / 2 + k (n - k): only wins
    /// over all others reach that. Doubled, so that ties count in whole numbers.
    fn blocks(&self) -> Vec<Vec<usize>> {
        let point = |i, j| {
            usize::from(self.at(i, j) >= self.at(j, i)) + usize::from(self.at(i, j) > self.at(j, i))
        };
        let doubled = |i| {
            (0..self.n)
                .filter(|&j| j != i)
                .map(|j| point(i, j))
                .sum::<usize>()
        };
        let mut order: Vec<(usize, usize)> = (0..self.n).map(|i| (doubled(i), i)).collect();
        order.sort_unstable_by_key(|&(points, i)| (std::cmp::Reverse(points), i));
        let (mut found, mut block, mut sum) = (Vec::new(), Vec::new(), 0);
        for (before, (points, i)) in order.into_iter().enumerate() {
            let k = before + 1;
            sum += points;
            block.push(i);
            if sum == k * before + 2 * k * (self.n - k) {
                block.sort_unstable();
                found.push(std::mem::take(&mut block));
            }
        }
        found
    }
}

/// best[S] = the largest score of the items of S among themselves, S as a bit set.
struct Subsets<'a> {
    votes: &'a Votes,
    best: Vec<f64>,
    /// Σ votes[j, k] over the k of a set: of its first `HALF` items at [set, j], and of the others.
    sums: [Vec<f64>; 2],
    slack: f64,
}

impl<'a> Subsets<'a> {
    fn new(votes: &'a Votes, slack: f64) -> Self {
        let low = votes.n.min(HALF);
        let sums = [sums(votes, 0, low), sums(votes, low, votes.n - low)];
        let best = vec![0.0; 1 << votes.n];
        let mut table = Self {
            votes,
            best,
            sums,
            slack,
        };
        for set in 1..table.best.len() {
            let scores = table.tops(set).map(|(_, score)| score);
            let most = scores.fold(f64::NEG_INFINITY, f64::max);
            if let Some(best) = table.best.get_mut(set) {
                *best = most;
            }
        }
        table
    }

    /// Each item of a set, and the best score of the set with that item on top.
    fn tops(&self, set: usize) -> impl Iterator<Item = (usize, f64)> {
        let [low, high] = &self.sums;
        let rows = |part: usize| part * self.votes.n..(part + 1) * self.votes.n;
        let low = low.get(rows(set % (1 << HALF))).unwrap_or_default();
        let high = high.get(rows(set >> HALF)).unwrap_or_default();
        let items = low
            .iter()
            .zip(high)
            .enumerate()
            .filter(move |(j, _)| set >> j & 1 == 1);
        items.map(move |(j, (low, high))| {
            let rest = self.best.get(set & !(1 << j)).copied().unwrap_or(0.0);
            (j, low + high + rest)
        })
    }

    /// Items that may stand on top of a set.
    fn best_tops(&self, set: usize) -> impl Iterator<Item = usize> {
        let most = self.best.get(set).copied().unwrap_or(0.0) - self.slack;
        self.tops(set)
            .filter(move |&(_, score)| score >= most)
            .map(|(j, _)| j)
    }

    /// The first of the best rankings in lexicographic order.
    fn first(&self) -> Vec<usize> {
        let (mut set, mut order) = (self.best.len() - 1, Vec::with_capacity(self.votes.n));
        while let Some(top) = self.best_tops(set).next() {
            order.push(top);
            set &= !(1 << top);
        }
        order
    }

    /// All best rankings in lexicographic order, one after another.
    fn all(&self) -> Vec<usize> {
        let mut found = Vec::new();
        self.extend(self.best.len() - 1, &mut Vec::new(), &mut found);
        found
    }

    fn extend(&self, set: usize, above: &mut Vec<usize>, found: &mut Vec<usize>) {
        if set == 0 {
            found.extend_from_slice(above);
        }
        for top in self.best_tops(set) {
            above.push(top);
            self.extend(set & !(1 << top), above, found);
            above.pop();
        }
    }
}

/// [2^count, n] sums of the votes of each item over each subset of the items from `first` on.
fn sums(votes: &Votes, first: usize, count: usize) -> Vec<f64> {
    let mut sums = vec![0.0; votes.n << count];
    for set in 1..1_usize << count {
        let (item, rest) = (first + set.trailing_zeros() as usize, set & (set - 1));
        for j in 0..votes.n {
            let sum = votes.at(j, item) + sums.get(rest * votes.n + j).copied().unwrap_or(0.0);
            if let Some(own) = sums.get_mut(set * votes.n + j) {
                *own = sum;
            }
        }
    }
    sums
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::{Votes, kemeny};
    use crate::elementary::float;
    use crate::random::Draws;

    fn random(seed: u64, n: usize, end: usize) -> Vec<f64> {
        let mut draws = Draws::new(seed);
        let vote = |at| {
            if at % (n + 1) == 0 {
                0.0
            } else {
                float(draws.below(end))
            }
        };
        (0..n * n).map(vote).collect()
    }

    /// All rankings of the items that are left, each with its score.
    fn rankings(votes: &Votes, above: &mut Vec<usize>, found: &mut Vec<(f64, Vec<usize>)>) {
        if above.len() == votes.n {
            found.push((votes.score(above), above.clone()));
        }
        for item in 0..votes.n {
            if !above.contains(&item) {
                above.push(item);
                rankings(votes, above, found);
                above.pop();
            }
        }
    }

    #[test]
    fn all_best_rankings_are_those_of_all_permutations() {
        for seed in 0..30 {
            let n = 1 + usize::try_from(seed).unwrap_or(0) % 6;
            let votes = random(seed, n, 4);
            let (table, mut all) = (
                Votes {
                    votes: votes.clone(),
                    n,
                },
                Vec::new(),
            );
            rankings(&table, &mut Vec::new(), &mut all);
            let most = all.iter().map(|(score, _)| *score).fold(0.0, f64::max);
            let best = all
                .iter()
                .filter(|(score, _)| *score >= most)
                .flat_map(|(_, order)| order);
            let best: Vec<i64> = best
                .map(|&item| i64::try_from(item).unwrap_or(-1))
                .collect();
            let found = kemeny(&votes, n);
            assert_eq!(
                (found.score.to_bits(), found.bound.to_bits()),
                (most.to_bits(), most.to_bits())
            );
            assert_eq!(found.rankings, best);
        }
    }

    #[test]
    fn blocks_separated_by_majorities_are_solved_alone() {
        // Two tables of 7, each item of the second above each of the first.
        let (below, above, n) = (random(1, 7, 9), random(2, 7, 9), 14);
        let mut votes = vec![0.0; n * n];
        for i in 0..7 {
            for j in 0..7 {
                votes[i * n + j] = below[i * 7 + j];
                votes[(i + 7) * n + j + 7] = above[i * 7 + j];
                votes[(i + 7) * n + j] = 1.0;
            }
        }
        let (found, below, above) = (kemeny(&votes, n), kemeny(&below, 7), kemeny(&above, 7));
        let upper = above.rankings[..7].iter().map(|item| item + 7);
        let want: Vec<i64> = upper.chain(below.rankings[..7].iter().copied()).collect();
        assert_eq!(found.rankings, want);
        assert!((found.score - (below.score + above.score + 49.0)).abs() < 1e-9);
    }
}
