//! The unknowns of a model of the outcome, and which of them a profile has.

/// Columns of the design matrix that is never built: the intercept if there is one, the levels above 0 of each factor,
/// the cells of levels above 0 of each pair of factors. All that has no unknown has the column P, beyond the last, so
/// that no branch depends on a level.
#[derive(Debug, Clone)]
pub struct Columns {
    intercept: bool,
    /// [D] column of each level.
    main: Vec<Vec<usize>>,
    pairs: Vec<Pair>,
    count: usize,
}

/// Cells of two factors.
#[derive(Debug, Clone)]
struct Pair {
    first: usize,
    second: usize,
    /// Levels of the second factor.
    width: usize,
    /// Column of each cell, row by row.
    cells: Vec<usize>,
}

impl Columns {
    /// Of the numbers of levels and the pairs of factors that interact.
    #[must_use]
    pub fn new(n_levels: &[usize], interacting: &[(usize, usize)], intercept: bool) -> Self {
        let levels = |d: usize| n_levels.get(d).copied().unwrap_or_default();
        let free = |d: usize| levels(d).saturating_sub(1);
        let total: usize = (0..n_levels.len()).map(free).sum();
        let cells: usize = interacting.iter().map(|&(d, e)| free(d) * free(e)).sum();
        let count = usize::from(intercept) + total + cells;
        let mut next = usize::from(intercept)..count;
        let mut column = |has: bool| has.then(|| next.next()).flatten().unwrap_or(count);
        let main = n_levels
            .iter()
            .map(|&n| (0..n).map(|level| column(level > 0)).collect())
            .collect();
        let pairs = interacting
            .iter()
            .map(|&(first, second)| {
                let width = levels(second);
                let cells = (0..levels(first) * width)
                    .map(|cell| column(cell >= width && cell % width > 0))
                    .collect();
                Pair {
                    first,
                    second,
                    width,
                    cells,
                }
            })
            .collect();
        Self {
            intercept,
            main,
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
        self.main.len()
    }

    /// Whether column 0 is the intercept.
    #[must_use]
    pub fn has_intercept(&self) -> bool {
        self.intercept
    }

    /// Calls `f` with each column, the intercept aside, that is 1 for a profile of these levels, and with P. O(D + pairs)
    #[allow(clippy::inline_always)]
    #[inline(always)]
    pub fn each(&self, levels: &[usize], mut f: impl FnMut(usize)) {
        for (&level, columns) in levels.iter().zip(&self.main) {
            f(columns.get(level).copied().unwrap_or(self.count));
        }
        for pair in &self.pairs {
            let level = |d: usize| levels.get(d).copied().unwrap_or_default();
            let cell = level(pair.first) * pair.width + level(pair.second);
            f(pair.cells.get(cell).copied().unwrap_or(self.count));
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
        assert_eq!(of(&[0, 0, 0]), [6, 6, 6, 6]);
        assert_eq!(of(&[1, 0, 2]), [1, 6, 3, 5]);
        assert_eq!(of(&[0, 0, 1]), [6, 6, 2, 6]);
    }
}
