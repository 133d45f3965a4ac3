//! Payoff matrices in the forms that users hold, and their one operation: A times a policy.

use pulp::Arch;

use super::factor::{spread, turned};
use super::packed::packed;
use crate::check;
use crate::elementary::dispatch;
use crate::error::{Error, Result};
use crate::{ragged, threads};

const LANES: usize = 16;
/// Values that one thread takes at a time: enough to hide the cost of taking them.
pub(super) const BLOCK: usize = 1 << 16;
/// Products in a unit of the work of `threads`: they run at the speed of the memory.
pub(super) const PER_WORK: usize = 3;

/// Numbers in the precision in which they lie in memory; sums are always f64.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// Doubles.
    F64(&'a [f64]),
    /// Singles.
    F32(&'a [f32]),
}

impl<'a> Values<'a> {
    /// How many.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Self::F64(values) => values.len(),
            Self::F32(values) => values.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The number at a place; NaN beyond the end.
    #[must_use]
    pub fn at(self, place: usize) -> f64 {
        match self {
            Self::F64(values) => values.get(place).copied().unwrap_or(f64::NAN),
            Self::F32(values) => values.get(place).map_or(f64::NAN, |&x| f64::from(x)),
        }
    }

    /// Place of the first that passes a test; the test of all is one vector loop.
    pub(super) fn first(self, test: impl Fn(f64) -> bool) -> Option<usize> {
        let any = match self {
            Self::F64(values) => check::any(values, &test),
            Self::F32(values) => check::any(values, |x| test(f64::from(x))),
        };
        any.then(|| (0..self.len()).find(|&at| test(self.at(at))))?
    }

    /// A part of them; empty where it does not lie inside.
    #[must_use]
    pub fn part(self, range: std::ops::Range<usize>) -> Values<'a> {
        match self {
            Self::F64(values) => Values::F64(values.get(range).unwrap_or_default()),
            Self::F32(values) => Values::F32(values.get(range).unwrap_or_default()),
        }
    }
}

/// How the values give the matrix.
#[derive(Debug, Clone, Copy)]
pub enum Form<'a> {
    /// [n, n], row by row.
    Dense,
    /// The strict upper triangle of A, row by row.
    Packed,
    /// [n, 2k] embeddings: A[i, j] = Σ gate[l]·(v[i, 2l]·v[j, 2l+1] − v[i, 2l+1]·v[j, 2l]).
    Factor {
        /// [k]
        gate: &'a [f64],
    },
}

/// One game.
#[derive(Debug, Clone, Copy)]
pub struct Game<'a> {
    /// The numbers of this game.
    pub values: Values<'a>,
    /// What they mean.
    pub form: Form<'a>,
    /// Number of actions.
    pub n: usize,
    /// Half the pair constant, which a dense payoff has above A.
    pub half: f64,
}

impl Game<'_> {
    /// out = A · policy: O(n²), O(n·k) in factor form.
    pub fn apply(&self, policy: &[f64], out: &mut [f64]) {
        match (self.form, self.values) {
            (Form::Dense, Values::F64(values)) => row_payoffs(values, self.half, policy, out),
            (Form::Dense, Values::F32(values)) => row_payoffs(values, self.half, policy, out),
            (Form::Packed, Values::F64(values)) => packed(values, policy, out),
            (Form::Packed, Values::F32(values)) => packed(values, policy, out),
            (Form::Factor { gate }, Values::F64(values)) => {
                spread(values, &turned(values, gate, policy), out);
            }
            (Form::Factor { gate }, Values::F32(values)) => {
                spread(values, &turned(values, gate, policy), out);
            }
        }
    }

    /// A[i, j].
    #[must_use]
    pub fn entry(&self, i: usize, j: usize) -> f64 {
        match self.form {
            Form::Dense => self.values.at(i * self.n + j) - self.half,
            Form::Packed if i == j => 0.0,
            Form::Packed if i < j => self.values.at(i * (2 * self.n - i - 1) / 2 + j - i - 1),
            Form::Packed => -self.entry(j, i),
            Form::Factor { gate } => {
                let at = |row: usize, column| self.values.at(row * 2 * gate.len() + column);
                let block = |(l, gate): (usize, &f64)| {
                    gate * (at(i, 2 * l) * at(j, 2 * l + 1) - at(i, 2 * l + 1) * at(j, 2 * l))
                };
                gate.iter().enumerate().map(block).sum()
            }
        }
    }

    /// A as a dense matrix, row by row.
    #[must_use]
    pub fn matrix(&self) -> Vec<f64> {
        let mut matrix = Vec::new();
        self.write(&mut matrix);
        matrix
    }

    /// [`Game::matrix`] into memory that serves one game after another.
    pub fn write(&self, matrix: &mut Vec<f64>) {
        matrix.clear();
        match (self.form, self.values) {
            (Form::Dense, Values::F64(values)) => {
                matrix.extend(values.iter().map(|x| x - self.half));
            }
            (Form::Dense, Values::F32(values)) => {
                matrix.extend(values.iter().map(|&x| f64::from(x) - self.half));
            }
            _ => {
                let entries = (0..self.n).flat_map(|i| (0..self.n).map(move |j| self.entry(i, j)));
                matrix.extend(entries);
            }
        }
    }

    /// A bound of |A[i, j]|: the largest one, and of factor form the Cauchy-Schwarz bound, without O(n²) work.
    #[must_use]
    pub fn bound(&self) -> f64 {
        if let Form::Factor { gate } = self.form {
            let width = 2 * gate.len();
            let square = |row: usize| {
                let at = |column| self.values.at(row * width + column).powi(2);
                let blocks = gate.iter().enumerate();
                blocks
                    .map(|(l, gate)| gate.abs() * (at(2 * l) + at(2 * l + 1)))
                    .sum::<f64>()
            };
            return (0..self.n).map(square).fold(0.0, f64::max);
        }
        let half = if matches!(self.form, Form::Dense) {
            self.half
        } else {
            0.0
        };
        match self.values {
            Values::F64(values) => largest(values, half),
            Values::F32(values) => largest(values, half),
        }
    }
}

/// Largest |value − half|, in lanes: one alone would wait for its last comparison.
fn largest<T: Copy + Into<f64>>(values: &[T], half: f64) -> f64 {
    let larger = |most: f64, size: f64| if size > most { size } else { most };
    dispatch(
        Arch::new(),
        #[inline(always)]
        || {
            let mut lanes = [0.0; LANES];
            let (pieces, rest) = values.as_chunks::<LANES>();
            for piece in pieces {
                for (lane, &x) in lanes.iter_mut().zip(piece) {
                    *lane = larger(*lane, (x.into() - half).abs());
                }
            }
            let rest = rest.iter().map(|&x| (x.into() - half).abs());
            rest.chain(lanes).fold(0.0, larger)
        },
    )
}

/// Games of one form, each with an own number of actions.
#[derive(Debug, Clone)]
pub struct Games<'a> {
    values: Values<'a>,
    form: Form<'a>,
    half: f64,
    /// First action of each game among all, and the number of all.
    pub bounds: Vec<usize>,
    /// First value of each game.
    pub(super) starts: Vec<usize>,
}

impl<'a> Games<'a> {
    /// `offsets` are the boundaries of the games' actions; packed and factor form hold one game.
    ///
    /// # Errors
    /// Offsets that do not rise from 0; values of another number than they ask for.
    pub fn new(values: Values<'a>, form: Form<'a>, offsets: &[i64], half: f64) -> Result<Self> {
        let rows = offsets
            .last()
            .map_or(0, |&rows| usize::try_from(rows).unwrap_or(0));
        let bounds = ragged::bounds(offsets, rows)?;
        let size = |n: usize| match form {
            Form::Dense => n * n,
            Form::Packed => n * n.saturating_sub(1) / 2,
            Form::Factor { gate } => n * 2 * gate.len(),
        };
        let mut starts = vec![0];
        for game in ragged::ranges(&bounds) {
            if game.is_empty() {
                return Err(Error::shape(
                    "payoff",
                    "at least one action in each game",
                    "a game of none",
                ));
            }
            starts.push(starts.last().unwrap_or(&0) + size(game.len()));
        }
        let need = starts.last().copied().unwrap_or(0);
        if need != values.len() {
            let of = match form {
                Form::Dense => "n * n for each game of n actions",
                Form::Packed => "n (n - 1) / 2 for n actions",
                Form::Factor { .. } => "2k for each action",
            };
            let expected = format!("{need} numbers, {of}");
            return Err(Error::shape("payoff", expected, values.len()));
        }
        Ok(Self {
            values,
            form,
            half,
            bounds,
            starts,
        })
    }

    /// Number of games.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bounds.len().saturating_sub(1)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The part of numbers, one per action of all games, that belongs to game `g`.
    #[must_use]
    pub fn part<'b>(&self, g: usize, numbers: &'b [f64]) -> &'b [f64] {
        let at = |g: usize| self.bounds.get(g).copied().unwrap_or(0);
        numbers.get(at(g)..at(g + 1)).unwrap_or_default()
    }

    /// Game `g`; one without actions beyond the end.
    #[must_use]
    pub fn get(&self, g: usize) -> Game<'a> {
        let at = |bounds: &[usize], g: usize| bounds.get(g).copied().unwrap_or(0);
        let n = at(&self.bounds, g + 1).saturating_sub(at(&self.bounds, g));
        let values = self
            .values
            .part(at(&self.starts, g)..at(&self.starts, g + 1));
        Game {
            values,
            form: self.form,
            n,
            half: self.half,
        }
    }
}

#[allow(clippy::inline_always)]
#[inline(always)]
pub(super) fn dot<T: Copy + Into<f64>>(row: &[T], shift: f64, policy: &[f64]) -> f64 {
    let mut lanes = [0.0_f64; LANES];
    let (rows, policies) = (row.chunks_exact(LANES), policy.chunks_exact(LANES));
    let rest = rows.remainder().iter().zip(policies.remainder());
    let rest: f64 = rest.map(|(&x, p)| (x.into() - shift) * p).sum();
    for (row, policy) in rows.zip(policies) {
        for ((lane, &x), p) in lanes.iter_mut().zip(row).zip(policy) {
            *lane = (x.into() - shift).mul_add(*p, *lane);
        }
    }
    lanes.iter().sum::<f64>() + rest
}

/// out = (values − half) · policy, row by row of a matrix with as many columns as the policy.
///
/// Rows are independent: large matrices are shared among the threads, and no bit depends on how.
pub(super) fn row_payoffs<T: Copy + Into<f64> + Sync>(
    values: &[T],
    half: f64,
    policy: &[f64],
    out: &mut [f64],
) {
    let n = policy.len().max(1);
    let block = |(out, values): (&mut [f64], &[T])| {
        dispatch(
            Arch::new(),
            #[inline(always)]
            || {
                for (out, row) in out.iter_mut().zip(values.chunks_exact(n)) {
                    *out = dot(row, half, policy);
                }
            },
        );
    };
    if values.len() <= BLOCK {
        block((out, values)); // a small game must not pay for a list of blocks
    } else {
        let rows = (BLOCK / n).max(1);
        let blocks = out.chunks_mut(rows).zip(values.chunks(rows * n));
        threads::map(blocks.collect(), values.len() / PER_WORK, block);
    }
}

/// out = valuesᵀ · policy, of a matrix with as many columns as `out`.
pub(super) fn column_payoffs<T: Copy + Into<f64>>(values: &[T], policy: &[f64], out: &mut [f64]) {
    let n = out.len().max(1);
    out.fill(0.0);
    dispatch(
        Arch::new(),
        #[inline(always)]
        || {
            for (row, &p) in values.chunks_exact(n).zip(policy) {
                for (out, &x) in out.iter_mut().zip(row) {
                    *out = p.mul_add(x.into(), *out);
                }
            }
        },
    );
}
