//! The simplex method on a dense condensed tableau, for matrix games that are not large.
//!
//! With all payoffs positive, max Σy subject to B y <= 1, y >= 0 starts feasible at 0; y over its sum is the column
//! player's strategy, the dual variables over theirs are the row player's.

use pulp::Arch;

use crate::elementary::dispatch;
use crate::lanes::Aligned;

/// Numbers per chunk of a row; rows are padded to whole chunks.
const LANES: usize = 8;
/// Width of the tableaus of 8 to 15 columns, of which many are solved at a time.
const NARROW: usize = 2 * LANES;
/// Added to payoffs in [-1, 1]: all are then positive, and the value is far from 0.
pub const SHIFT: f64 = 2.0;
/// A reduced cost above minus this is none.
pub const OPTIMAL: f64 = 1e-12;
/// The smallest pivot.
pub const PIVOT: f64 = 1e-9;
/// Ratios closer than this are equal.
const TIE: f64 = 1e-12;
/// A basic value or reduced cost below this counts as 0.
pub const DEGENERATE: f64 = 1e-10;

/// The tableau of a game; its memory serves one game after another.
#[derive(Debug, Default)]
pub struct Tableau {
    /// [m + 1, width]: n columns of variables, the right-hand side, padding; the objective is the last row.
    cells: Aligned,
    /// [width] squared lengths of the columns.
    lengths: Aligned,
    width: usize,
    m: usize,
    n: usize,
    /// The variable of each row and column: 0..n are y, n..n + m the slacks.
    basic: Vec<usize>,
    nonbasic: Vec<usize>,
}

/// What an optimal basis tells of both strategies.
#[derive(Debug)]
pub struct Vertex {
    /// Whether there are no others.
    pub unique: bool,
    /// How much worse than the value the best unplayed column is; NaN where all are played.
    pub slack: f64,
}

#[allow(clippy::inline_always)] // part of the dispatched closure
impl Tableau {
    /// Solves the game of payoffs [m, n] in [-1, 1] to an optimal basis; number of pivots, `None` beyond the limit.
    ///
    /// O(m·n) per pivot; about n pivots for a square random game.
    pub fn solve(&mut self, payoff: &[f64], m: usize, n: usize) -> Option<usize> {
        dispatch(
            Arch::new(),
            #[inline(always)]
            || {
                self.load(payoff, m, n);
                self.run(1000 + 50 * (m + n))
            },
        )
    }

    #[inline(always)]
    fn load(&mut self, payoff: &[f64], m: usize, n: usize) {
        (self.m, self.n, self.width) = (m, n, (n + 1).next_multiple_of(LANES));
        self.cells.reset((m + 1) * self.width, 0.0);
        self.lengths.reset(self.width, 1.0);
        let rows = self.cells.chunks_exact_mut(self.width);
        for (cells, row) in rows.zip(payoff.chunks_exact(n)) {
            for ((cell, length), x) in cells.iter_mut().zip(self.lengths.iter_mut()).zip(row) {
                *cell = x + SHIFT;
                *length = cell.mul_add(*cell, *length);
            }
            if let Some(right) = cells.get_mut(n) {
                *right = 1.0;
            }
        }
        let objective = self.cells.get_mut(m * self.width..).unwrap_or_default();
        objective.iter_mut().take(n).for_each(|cell| *cell = -1.0);
        self.basic.clear();
        self.basic.extend(n..n + m);
        self.nonbasic.clear();
        self.nonbasic.extend(0..n);
    }

    /// Pivots to the optimum; their number.
    ///
    /// The column of the steepest descent enters, which takes a half to a third of the pivots of the largest reduced
    /// cost. After many steps that gain nothing, Bland's rule takes over until one gains: it cannot cycle.
    #[inline(always)]
    fn run(&mut self, limit: usize) -> Option<usize> {
        let (mut idle, patience) = (0, 20 + self.m + self.n);
        for pivots in 0..limit {
            let careful = idle > patience;
            let Some(c) = self.entering(careful) else {
                return Some(pivots);
            };
            let (r, ratio) = self.leaving(c, careful)?;
            idle = if ratio > TIE { 0 } else { idle + 1 };
            self.pivot(r, c);
        }
        None
    }

    fn objective(&self) -> &[f64] {
        let start = self.m * self.width;
        self.cells.get(start..start + self.n).unwrap_or_default()
    }

    #[inline(always)]
    fn entering(&self, careful: bool) -> Option<usize> {
        if careful {
            let costs = self.objective().iter().enumerate();
            let below = costs
                .zip(&self.nonbasic)
                .filter(|((_, cost), _)| **cost < -OPTIMAL);
            return below.min_by_key(|(_, label)| **label).map(|((c, _), _)| c);
        }
        // Not one branch on the way to the largest: it cannot be predicted.
        let steepness = |(&cost, &length): (&f64, &f64)| {
            let squared = cost * cost / length;
            if cost < -OPTIMAL { squared } else { 0.0 }
        };
        let start = self.m * self.width;
        let objective = self.cells.get(start..).unwrap_or_default();
        let mut most = [0.0; LANES];
        let chunks = objective.chunks_exact(LANES);
        for (costs, lengths) in chunks.zip(self.lengths.chunks_exact(LANES)) {
            for (most, pair) in most.iter_mut().zip(costs.iter().zip(lengths)) {
                let steep = steepness(pair);
                *most = if steep > *most { steep } else { *most };
            }
        }
        let most = most.iter().copied().fold(0.0, f64::max);
        let mut steep = objective.iter().zip(self.lengths.iter()).map(steepness);
        if most > 0.0 {
            steep.position(|steep| steep >= most)
        } else {
            None
        }
    }

    /// The row that limits the entering column most: of equal ones that of the largest pivot, or of the first label.
    #[allow(clippy::needless_bitwise_bool)] // a lazy `&&` is a branch
    #[inline(always)]
    fn leaving(&self, c: usize, careful: bool) -> Option<(usize, f64)> {
        let cells = self.cells.chunks_exact(self.width).take(self.m);
        let pairs = cells.filter_map(|cells| Some((*cells.get(c)?, cells.get(self.n)?.max(0.0))));
        // No branch here: which row is the least so far cannot be predicted.
        let least = pairs.clone().fold(f64::INFINITY, |least, (pivot, right)| {
            let ratio = right / pivot;
            if (pivot > PIVOT) & (ratio < least) {
                ratio
            } else {
                least
            }
        });
        let mut best: Option<(usize, f64, usize)> = None;
        for (r, ((pivot, right), &label)) in pairs.zip(&self.basic).enumerate() {
            if (pivot > PIVOT) & (right <= (least + TIE) * pivot) {
                let better = best.is_none_or(|(_, largest, first)| {
                    if careful {
                        label < first
                    } else {
                        pivot > largest
                    }
                });
                if better {
                    best = Some((r, pivot, label));
                }
            }
        }
        best.map(|(r, _, _)| (r, least))
    }

    /// Swaps the variables of a row and a column. The lengths of the columns come from the same pass.
    #[inline(always)]
    fn pivot(&mut self, r: usize, c: usize) {
        let (before, rest) = self.cells.split_at_mut(r * self.width);
        let (own, after) = rest.split_at_mut(self.width);
        let Some(cell) = own.get_mut(c) else { return };
        let inverse = 1.0 / *cell;
        *cell = 1.0;
        for (x, length) in own.iter_mut().zip(self.lengths.iter_mut()) {
            *x *= inverse;
            *length = x.mul_add(*x, 1.0);
        }
        let small = (
            <&[f64; NARROW]>::try_from(&*own),
            <&mut [f64; NARROW]>::try_from(&mut *self.lengths),
        );
        let mut length = inverse.mul_add(inverse, 1.0);
        if let (Ok(own), Ok(lengths)) = small {
            let (own, mut sums) = (*own, *lengths);
            for part in [before, after] {
                length = eliminate_narrow(part, &own, (c, inverse), &mut sums, length);
            }
            *lengths = sums;
        } else {
            for part in [before, after] {
                for row in part.chunks_exact_mut(self.width) {
                    // The column of the pivot is set last: a store before would hold up the row's loads.
                    let factor = -row.get(c).copied().unwrap_or(0.0);
                    subtract(row, factor, own, &mut self.lengths);
                    if let Some(cell) = row.get_mut(c) {
                        *cell = factor * inverse;
                        length = cell.mul_add(*cell, length);
                    }
                }
            }
        }
        if let Some(own) = self.lengths.get_mut(c) {
            *own = length;
        }
        if let (Some(leaves), Some(enters)) = (self.basic.get_mut(r), self.nonbasic.get_mut(c)) {
            std::mem::swap(leaves, enters);
        }
    }

    /// Writes the strategies at the optimum, to be divided by their sums.
    ///
    /// They are the only ones exactly where no basic value and no reduced cost is 0 (Goldman and Tucker: unique optima are
    /// strictly complementary).
    pub fn read(&self, row: &mut Vec<f64>, column: &mut Vec<f64>) -> Vertex {
        let (mut unique, mut slack, mut total) = (true, f64::NAN, 0.0);
        row.clear();
        row.resize(self.m, 0.0);
        column.clear();
        column.resize(self.n, 0.0);
        let rows = self.cells.chunks_exact(self.width).take(self.m);
        for (cells, &label) in rows.zip(&self.basic) {
            let value = cells.get(self.n).copied().unwrap_or(0.0);
            unique &= value > DEGENERATE;
            if let Some(y) = column.get_mut(label) {
                *y = positive(value);
            }
        }
        for (&cost, &label) in self.objective().iter().zip(&self.nonbasic) {
            unique &= cost > DEGENERATE;
            match label.checked_sub(self.n).and_then(|at| row.get_mut(at)) {
                Some(x) => {
                    *x = positive(cost);
                    total += cost;
                }
                None => slack = slack.min(cost),
            }
        }
        Vertex {
            unique,
            slack: slack / total,
        }
    }
}

/// The rows of a narrow tableau without the pivot's column, whose new length it returns: what [`subtract`] does, with the
/// pivot's row and the lengths in registers.
#[allow(clippy::inline_always)] // part of the dispatched closure
#[inline(always)]
fn eliminate_narrow(
    rows: &mut [f64],
    own: &[f64; NARROW],
    (c, inverse): (usize, f64),
    lengths: &mut [f64; NARROW],
    mut length: f64,
) -> f64 {
    for row in rows.as_chunks_mut::<NARROW>().0 {
        let factor = -row.get(c).copied().unwrap_or(0.0);
        let mut next = *row;
        for (x, y) in next.iter_mut().zip(own) {
            *x = factor.mul_add(*y, *x);
        }
        for (sum, x) in lengths.iter_mut().zip(&next) {
            *sum = x.mul_add(*x, *sum);
        }
        *row = next;
        if let Some(cell) = row.get_mut(c) {
            *cell = factor * inverse;
            length = cell.mul_add(*cell, length);
        }
    }
    length
}

/// row ← row + factor · own, lengths ← lengths + row²; whole chunks in registers, or nothing becomes vector code.
#[allow(clippy::inline_always)] // part of the dispatched closure
#[inline(always)]
fn subtract(row: &mut [f64], factor: f64, own: &[f64], lengths: &mut [f64]) {
    let chunks = row.chunks_exact_mut(LANES).zip(own.chunks_exact(LANES));
    for ((x, y), length) in chunks.zip(lengths.chunks_exact_mut(LANES)) {
        let (Ok(x), Ok(y), Ok(length)) = (
            <&mut [f64; LANES]>::try_from(x),
            <&[f64; LANES]>::try_from(y),
            <&mut [f64; LANES]>::try_from(length),
        ) else {
            continue;
        };
        let (mut next, mut sum) = (*x, *length);
        for (x, y) in next.iter_mut().zip(y) {
            *x = factor.mul_add(*y, *x);
        }
        for (sum, x) in sum.iter_mut().zip(&next) {
            *sum = x.mul_add(*x, *sum);
        }
        (*x, *length) = (next, sum);
    }
}

fn positive(value: f64) -> f64 {
    if value > DEGENERATE { value } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::Tableau;

    fn solved(payoff: &[f64], m: usize, n: usize) -> (Vec<f64>, Vec<f64>, bool) {
        let mut tableau = Tableau::default();
        assert!(tableau.solve(payoff, m, n).is_some());
        let (mut row, mut column) = (Vec::new(), Vec::new());
        let vertex = tableau.read(&mut row, &mut column);
        (row, column, vertex.unique)
    }

    fn normalized(mut strategy: Vec<f64>) -> Vec<f64> {
        let total: f64 = strategy.iter().sum();
        for p in &mut strategy {
            *p /= total;
        }
        strategy
    }

    fn close(got: Vec<f64>, want: &[f64]) {
        let far = normalized(got)
            .iter()
            .zip(want)
            .map(|(x, y)| (x - y).abs())
            .fold(0.0, f64::max);
        assert!(far < 1e-14, "off by {far}");
    }

    #[test]
    fn the_mixture_of_a_game_without_saddle_point_is_found() {
        let payoff = [1.0, -1.0, 3.0, 3.0, 5.0, -3.0].map(|x| x / 5.0);
        let (row, column, unique) = solved(&payoff, 2, 3);
        close(row, &[2.0 / 3.0, 1.0 / 3.0]);
        close(column, &[0.0, 0.5, 0.5]);
        assert!(unique);
    }

    #[test]
    fn a_duplicate_action_makes_the_optimum_not_unique() {
        let rock = [
            [0.0, 0.0, -1.0, 1.0],
            [0.0, 0.0, -1.0, 1.0],
            [1.0, 1.0, 0.0, -1.0],
            [-1.0, -1.0, 1.0, 0.0],
        ];
        assert!(!solved(rock.as_flattened(), 4, 4).2);
    }
}
