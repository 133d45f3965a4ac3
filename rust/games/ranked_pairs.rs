//! Ranked pairs (Tideman): majorities locked from strong to weak, unless one would close a cycle.

/// The majorities that stand, and what follows from them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedPairs {
    /// [n, n], row by row: the majority of i over j is locked.
    pub locked: Vec<bool>,
    /// [n] number of items above each, over chains of locked majorities.
    pub above: Vec<i64>,
    /// Whether another order of equal majorities locks others.
    pub ambiguous: bool,
}

/// A majority of i over j.
#[derive(Debug, Clone, Copy)]
struct Majority {
    strength: f64,
    i: usize,
    j: usize,
}

/// Locks majorities from strong to weak, equal ones by (i, j), unless j reaches i over locked ones.
///
/// `strengths` are [n, n], row by row; 0 = no majority. Cost: O(n² log n) to sort, O(n³ / 64) words of bit sets to lock.
/// Naive: before each majority, a search for a way back.
///
/// `ambiguous` is exact: a majority that is skipped although j did not reach i over stronger ones would have been locked
/// as the first of its equals, and j stands above i here; and where no such majority exists, all orders of equals lock
/// the same.
///
/// ```
/// use prefcore::games::lock_pairs;
///
/// let cycle = lock_pairs(&[0.0, 3.0, 0.0, 0.0, 0.0, 2.0, 1.0, 0.0, 0.0], 3);
/// assert_eq!((cycle.above, cycle.ambiguous), (vec![0, 1, 2], false));
/// ```
#[must_use]
pub fn lock_pairs(strengths: &[f64], n: usize) -> LockedPairs {
    let mut locked = vec![false; n * n];
    let mut ambiguous = false;
    let mut reach = Reach::new(n);
    for equals in majorities(strengths, n)
        .chunk_by(|one, other| one.strength.total_cmp(&other.strength).is_eq())
    {
        let open: Vec<bool> = equals
            .iter()
            .map(|pair| !reach.holds(pair.j, pair.i))
            .collect();
        for (pair, open) in equals.iter().zip(open) {
            if reach.holds(pair.j, pair.i) {
                ambiguous |= open;
                continue;
            }
            if let Some(locked) = locked.get_mut(pair.i * n + pair.j) {
                *locked = true;
            }
            reach.add(pair.i, pair.j);
        }
    }
    LockedPairs {
        locked,
        above: reach.above(n),
        ambiguous,
    }
}

/// From strong to weak; the sort is stable, so that equal ones stay in the order of (i, j).
fn majorities(strengths: &[f64], n: usize) -> Vec<Majority> {
    let pair = |(at, &strength): (usize, &f64)| Majority {
        strength,
        i: at / n,
        j: at % n,
    };
    let all = strengths
        .iter()
        .enumerate()
        .filter(|(_, strength)| **strength > 0.0);
    let mut found: Vec<Majority> = all.map(pair).collect();
    found.sort_by(|one, other| other.strength.total_cmp(&one.strength));
    found
}

/// Which items each item reaches, as a bit set a row.
struct Reach {
    words: usize,
    bits: Vec<u64>,
}

impl Reach {
    fn new(n: usize) -> Self {
        let words = n.div_ceil(64).max(1);
        Self {
            words,
            bits: vec![0; words * n],
        }
    }

    fn holds(&self, from: usize, to: usize) -> bool {
        let word = self.bits.get(from * self.words + to / 64);
        word.is_some_and(|word| word >> (to % 64) & 1 == 1)
    }

    /// What reaches i, and i itself, now reaches j and all that j reaches.
    fn add(&mut self, i: usize, j: usize) {
        if self.holds(i, j) {
            return;
        }
        let has = |row: &[u64], item: usize| {
            row.get(item / 64)
                .is_some_and(|word| word >> (item % 64) & 1 == 1)
        };
        let words = self.words;
        let mut below: Vec<u64> = self
            .bits
            .iter()
            .skip(j * words)
            .take(words)
            .copied()
            .collect();
        if let Some(word) = below.get_mut(j / 64) {
            *word |= 1 << (j % 64);
        }
        for (item, row) in self.bits.chunks_exact_mut(words).enumerate() {
            if (item == i || has(row, i)) && !has(row, j) {
                row.iter_mut()
                    .zip(&below)
                    .for_each(|(word, more)| *word |= more);
            }
        }
    }

    /// Number of items that reach each.
    fn above(&self, n: usize) -> Vec<i64> {
        let reached_from = |to| (0..n).filter(|&from| self.holds(from, to)).count();
        let counts = (0..n).map(reached_from);
        counts
            .map(|count| i64::try_from(count).unwrap_or(i64::MAX))
            .collect()
    }
}
