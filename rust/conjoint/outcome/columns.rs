//! The unknowns of a model of the outcome, and which of them a profile has.

/// Free cells of two factors.
#[derive(Debug, Clone, Copy)]
struct Pair {
    first: usize,
    second: usize,
    /// Column of the cell (1, 1).
    start: usize,
    /// Free levels of the second factor.
    width: usize,
}

/// Columns of the design matrix that is never built: the intercept if there is one, the levels above 0 of each factor,
/// the cells of levels above 0 of each pair of factors.
#[derive(Debug, Clone)]
pub struct Columns {
    intercept: bool,
    /// Column of level 1 of each factor.
    starts: Vec<usize>,
    pairs: Vec<Pair>,
    count: usize,
}

impl Columns {
    /// Of the numbers of levels and the pairs of factors that interact.
    #[must_use]
    pub fn new(n_levels: &[usize], interacting: &[(usize, usize)], intercept: bool) -> Self {
        let free = |d: usize| n_levels.get(d).map_or(0, |n| n.saturating_sub(1));
        let mut count = usize::from(intercept);
        let mut starts = Vec::new();
        for d in 0..n_levels.len() {
            starts.push(count);
            count += free(d);
        }
        let mut pairs = Vec::new();
        for &(first, second) in interacting {
            pairs.push(Pair {
                first,
                second,
                start: count,
                width: free(second),
            });
            count += free(first) * free(second);
        }
        Self {
            intercept,
            starts,
            pairs,
            count,
        }
    }

    /// Number P of columns.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Number D of factors.
    #[must_use]
    pub fn factors(&self) -> usize {
        self.starts.len()
    }

    /// Whether column 0 is the intercept.
    #[must_use]
    pub fn has_intercept(&self) -> bool {
        self.intercept
    }

    /// Calls `f` with each column, the intercept aside, that is 1 for a profile of these levels. O(D + pairs)
    pub fn each(&self, levels: &[usize], mut f: impl FnMut(usize)) {
        for (&level, &start) in levels.iter().zip(&self.starts) {
            if level > 0 {
                f(start + level - 1);
            }
        }
        for pair in &self.pairs {
            let level = |d: usize| levels.get(d).copied().unwrap_or_default();
            let (one, other) = (level(pair.first), level(pair.second));
            if one > 0 && other > 0 {
                f(pair.start + (one - 1) * pair.width + other - 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Columns;

    #[test]
    fn intercept_then_levels_then_cells() {
        let columns = Columns::new(&[2, 1, 3], &[(0, 2)], true);
        assert_eq!((columns.count(), columns.factors()), (6, 3));
        let of = |levels: &[usize]| {
            let mut found = Vec::new();
            columns.each(levels, |column| found.push(column));
            found
        };
        assert!(of(&[0, 0, 0]).is_empty());
        assert_eq!(of(&[1, 0, 2]), [1, 3, 5]);
        assert_eq!(of(&[0, 0, 1]), [2]);
    }
}
