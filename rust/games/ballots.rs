//! Ballots to a table of pairs: how many put one item above another.

use pulp::Arch;

use crate::check;
use crate::elementary::dispatch;
use crate::error::{Error, Result};
use crate::ragged;
use crate::threads;

/// A ballot is short where it ranks less than one item in so many: vectors of whole rows would cost more than entries.
const FEW: usize = 8;

/// What a ballot says of the items that it does not rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unranked {
    /// Nothing.
    Ignore,
    /// They stand below all that it ranks, and are even among themselves.
    Last,
}

/// `out[i, j]` += weights of the ballots that put i above j; `out` is [n, n], row by row, with zeros.
///
/// Ballot b is `rankings[offsets[b]..offsets[b + 1]]`, best first. Cost: Σ length·n, or Σ length² / 2 of short ballots
/// under [`Unranked::Ignore`]. Each entry is summed in the order of the ballots, so that the rows may be split between
/// threads. Naive: two loops over the places of each ballot.
///
/// # Errors
/// An item that is not below n or stands on a ballot twice; offsets that do not rise from 0; a weight that is negative
/// or not finite, or not one for each ballot.
///
/// ```
/// use prefcore::games::{Unranked, pairwise_votes};
///
/// let mut votes = [0.0; 4];
/// pairwise_votes(&[0, 1, 1], &[0, 2, 3], None, Unranked::Last, 2, &mut votes)?;
/// assert_eq!(votes, [0.0, 1.0, 1.0, 0.0]);
/// # Ok::<(), prefcore::Error>(())
/// ```
pub fn pairwise_votes(
    rankings: &[i64],
    offsets: &[i64],
    weights: Option<&[f64]>,
    unranked: Unranked,
    n: usize,
    out: &mut [f64],
) -> Result<()> {
    let bounds = ragged::bounds(offsets, rankings.len())?;
    check_weights(weights, bounds.len() - 1)?;
    let items = check_items(rankings, &bounds, n)?;
    let few = |length: usize| unranked == Unranked::Ignore && length * FEW < n;
    let adds = |length: usize| {
        if few(length) {
            length * length / 2
        } else {
            length * n
        }
    };
    let work: usize = ragged::ranges(&bounds)
        .map(|ballot| adds(ballot.len()))
        .sum();
    let mut rest = out;
    let mut blocks = Vec::new();
    for rows in threads::split(n, |row| work / n.max(1) * row) {
        let (block, after) = rest.split_at_mut((rows.len() * n).min(rest.len()));
        blocks.push((rows.start, block));
        rest = after;
    }
    threads::map(blocks, work, |(first, block)| {
        let mut below = vec![0.0; n];
        for (b, ballot) in ragged::ranges(&bounds).enumerate() {
            let weight = weights.map_or(1.0, |weights| weights.get(b).copied().unwrap_or(0.0));
            let ballot = items.get(ballot).unwrap_or_default();
            if few(ballot.len()) {
                add_few(ballot, weight, first, n, block);
            } else {
                if unranked == Unranked::Last {
                    below.fill(weight);
                }
                add_all(ballot, weight, first, block, &mut below);
            }
        }
    });
    Ok(())
}

/// The row of an item in a block of rows that starts with row `first`; none where it lies in another block.
fn row(block: &mut [f64], item: usize, first: usize, n: usize) -> Option<&mut [f64]> {
    let start = item.checked_sub(first)? * n;
    block.get_mut(start..start + n)
}

/// Entry by entry.
fn add_few(ballot: &[usize], weight: f64, first: usize, n: usize, block: &mut [f64]) {
    let mut rest = ballot;
    while let Some((&item, below)) = rest.split_first() {
        if let Some(row) = row(block, item, first, n) {
            for &other in below {
                if let Some(votes) = row.get_mut(other) {
                    *votes += weight;
                }
            }
        }
        rest = below;
    }
}

/// Row by row; `below` is what each item gives to those above it, 0 once it has been passed on the way down.
fn add_all(ballot: &[usize], weight: f64, first: usize, block: &mut [f64], below: &mut [f64]) {
    for &item in ballot {
        if let Some(below) = below.get_mut(item) {
            *below = weight;
        }
    }
    dispatch(
        Arch::new(),
        #[inline(always)]
        || {
            for &item in ballot {
                if let Some(below) = below.get_mut(item) {
                    *below = 0.0;
                }
                if let Some(row) = row(block, item, first, below.len()) {
                    for (votes, weight) in row.iter_mut().zip(below.iter()) {
                        *votes += weight;
                    }
                }
            }
        },
    );
}

fn check_weights(weights: Option<&[f64]>, ballots: usize) -> Result<()> {
    let Some(weights) = weights else {
        return Ok(());
    };
    if weights.len() != ballots {
        let expected = format!("length {ballots}, one for each ballot");
        return Err(Error::shape("weights", expected, weights.len()));
    }
    let bad = |weight: f64| !(0.0..f64::INFINITY).contains(&weight);
    if !check::any(weights, bad) {
        return Ok(());
    }
    let mut found = weights.iter().enumerate();
    match found.find(|&(_, &weight)| bad(weight)) {
        Some((b, weight)) => Err(Error::domain_at(
            "weights",
            [b],
            "a finite number >= 0",
            weight,
        )),
        None => Ok(()),
    }
}

fn check_items(rankings: &[i64], bounds: &[usize], n: usize) -> Result<Vec<usize>> {
    let mut items = Vec::with_capacity(rankings.len());
    let mut seen = vec![usize::MAX; n];
    for (b, ballot) in ragged::ranges(bounds).enumerate() {
        let start = ballot.start;
        for (place, &item) in rankings.get(ballot).unwrap_or_default().iter().enumerate() {
            let index = usize::try_from(item).unwrap_or(usize::MAX);
            let Some(seen) = seen.get_mut(index) else {
                let expected = format!("an item, 0 to {}", n.saturating_sub(1));
                return Err(Error::domain_at(
                    "rankings",
                    [start + place],
                    expected,
                    item,
                ));
            };
            if *seen == b {
                let expected = format!("an item that ballot {b} has not ranked before");
                return Err(Error::domain_at(
                    "rankings",
                    [start + place],
                    expected,
                    item,
                ));
            }
            *seen = b;
            items.push(index);
        }
    }
    Ok(items)
}
