//! Whether a rating of a resample exists, without a graph of its own for each.

use super::side_by_side::Lanes;

/// Who met whom, item by item.
pub struct Meetings {
    /// [n + 1] bounds of each item's part of `others`.
    starts: Vec<usize>,
    /// The other item, the cell, and whether the item is the cell's first.
    others: Vec<(usize, usize, bool)>,
}

impl Meetings {
    pub fn new(n: usize, pairs: &[(usize, usize)]) -> Self {
        let both = pairs.iter().enumerate();
        let both = both.flat_map(|(cell, &(i, j))| [(i, (j, cell, true)), (j, (i, cell, false))]);
        let mut all: Vec<(usize, (usize, usize, bool))> = both.collect();
        all.sort_unstable();
        let starts = (0..=n).map(|item| all.partition_point(|(own, _)| *own < item));
        Self {
            starts: starts.collect(),
            others: all.into_iter().map(|(_, other)| other).collect(),
        }
    }

    /// Whether wins and ties of resample `k` lead from every item to every other.
    ///
    /// O(n + C), and far less where the first items met nearly all.
    pub fn connected(&self, (above, below): (&[Lanes], &[Lanes]), k: usize) -> bool {
        let scored = |cell: usize, first: bool| {
            let sums = if first { above } else { below };
            let sum = sums.get(cell).and_then(|sums| sums.get(k));
            sum.is_some_and(|&sum| sum > 0.0)
        };
        self.reaches_all(scored) && self.reaches_all(|cell, first| scored(cell, !first))
    }

    fn reaches_all(&self, leads: impl Fn(usize, bool) -> bool) -> bool {
        let n = self.starts.len() - 1;
        let mut seen = vec![false; n];
        let (mut stack, mut count) = (Vec::new(), n.min(1));
        if let Some(first) = seen.first_mut() {
            *first = true;
            stack.push(0);
        }
        while let Some(item) = stack.pop() {
            if count == n {
                return true;
            }
            let at = |item: usize| self.starts.get(item).copied().unwrap_or(0);
            let own = self.others.get(at(item)..at(item + 1)).unwrap_or_default();
            for &(other, cell, first) in own {
                if let Some(seen) = seen.get_mut(other)
                    && !*seen
                    && leads(cell, first)
                {
                    *seen = true;
                    count += 1;
                    stack.push(other);
                }
            }
        }
        count == n
    }
}

#[cfg(test)]
mod tests {
    use super::Meetings;
    use crate::lanes::BLOCK;

    #[test]
    fn a_circle_of_wins_is_connected_and_a_chain_is_not() {
        let meetings = Meetings::new(3, &[(0, 1), (1, 2), (0, 2)]);
        let (mut above, mut below) = ([[0.0; BLOCK]; 3], [[0.0; BLOCK]; 3]);
        for (cell, sums) in above.iter_mut().enumerate() {
            sums[0] = f64::from(u8::from(cell < 2)); // resample 0: 0 beats 1, 1 beats 2, 2 beats 0
            sums[1] = 1.0; // resample 1: 0 beats both
        }
        below[2][0] = 1.0;
        assert!(meetings.connected((&above, &below), 0));
        assert!(!meetings.connected((&above, &below), 1));
    }
}
