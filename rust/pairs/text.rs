//! Where two rows of tokens or characters part.

use crate::error::{Error, Result};
use crate::{ragged, threads};

/// What two rows have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CommonPrefix {
    /// Number of leading entries that are equal.
    pub length: i64,
    /// Whether nothing of the chosen row is left behind them.
    pub chosen_empty: bool,
    /// Whether nothing of the rejected row is left.
    pub rejected_empty: bool,
}

/// Longest common prefix of every two rows of the same number.
///
/// O(n), many entries at a time; each pair of rows is handled by one thread. The naive equivalent compares entry by
/// entry until two differ.
///
/// ```
/// let found = prefcore::pairs::common_prefixes(&[1, 2, 3], &[0, 3], &[1, 2], &[0, 2])?;
/// assert_eq!((found[0].length, found[0].rejected_empty), (2, true));
/// # Ok::<(), prefcore::Error>(())
/// ```
///
/// # Errors
/// Bad offsets; [`Error::Shape`] for different numbers of rows.
pub fn common_prefixes<T: PartialEq + Sync>(
    chosen: &[T],
    chosen_offsets: &[i64],
    rejected: &[T],
    rejected_offsets: &[i64],
) -> Result<Vec<CommonPrefix>> {
    let ours =
        ragged::bounds(chosen_offsets, chosen.len()).map_err(|error| error.of("chosen_offsets"))?;
    let theirs = ragged::bounds(rejected_offsets, rejected.len())
        .map_err(|error| error.of("rejected_offsets"))?;
    if ours.len() != theirs.len() {
        let expected = format!("{} rows like chosen", ours.len() - 1);
        return Err(Error::shape("rejected", expected, theirs.len() - 1));
    }
    let work = |row: usize| ours.get(row).copied().unwrap_or(chosen.len()) + row;
    let blocks = threads::split(ours.len() - 1, work);
    let found = threads::map(blocks, work(ours.len() - 1), |rows| {
        let ours = ragged::ranges(&ours).skip(rows.start);
        let theirs = ragged::ranges(&theirs).skip(rows.start);
        let both = ours.zip(theirs).take(rows.len());
        let compared = both.map(|(ours, theirs)| {
            common_prefix(
                chosen.get(ours).unwrap_or_default(),
                rejected.get(theirs).unwrap_or_default(),
            )
        });
        compared.collect::<Vec<_>>()
    });
    Ok(found.concat())
}

fn common_prefix<T: PartialEq>(chosen: &[T], rejected: &[T]) -> CommonPrefix {
    const BLOCK: usize = 32;
    let blocks = chosen.chunks_exact(BLOCK).zip(rejected.chunks_exact(BLOCK));
    let alike = BLOCK * blocks.take_while(|(a, b)| a == b).count();
    let rest = chosen.iter().zip(rejected).skip(alike);
    let length = alike + rest.take_while(|(a, b)| a == b).count();
    CommonPrefix {
        length: i64::try_from(length).unwrap_or(i64::MAX),
        chosen_empty: length == chosen.len(),
        rejected_empty: length == rejected.len(),
    }
}
