//! Ballots to a table of pairs: how many put one item above another.

use crate::check;
use crate::error::{Error, Result};
use crate::ragged;

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
/// Ballot b is `rankings[offsets[b]..offsets[b + 1]]`, best first. Cost: Σ length² / 2, with [`Unranked::Last`]
/// Σ length·n; about half a nanosecond each, so one thread is enough, and the order of sums is that of the ballots. Naive:
/// two loops over the places of each ballot.
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
    let (mut order, mut ranked) = (Vec::new(), vec![usize::MAX; n]);
    for (b, ballot) in ragged::ranges(&bounds).enumerate() {
        let weight = weights.map_or(1.0, |weights| weights.get(b).copied().unwrap_or(0.0));
        let ballot = items.get(ballot).unwrap_or_default();
        if unranked == Unranked::Ignore {
            add(ballot, ballot.len(), weight, n, out);
        } else {
            complete(ballot, b, &mut ranked, &mut order);
            add(&order, ballot.len(), weight, n, out);
        }
    }
    Ok(())
}

/// order ← the ballot, and below it the items that it does not rank; `ranked[i]` is the last ballot that ranks i.
fn complete(ballot: &[usize], b: usize, ranked: &mut [usize], order: &mut Vec<usize>) {
    for &item in ballot {
        if let Some(ranked) = ranked.get_mut(item) {
            *ranked = b;
        }
    }
    order.clear();
    order.extend_from_slice(ballot);
    let missing = ranked
        .iter()
        .enumerate()
        .filter(|(_, ranked)| **ranked != b);
    order.extend(missing.map(|(item, _)| item));
}

/// Each of the first `ranked` items over all below it.
fn add(order: &[usize], ranked: usize, weight: f64, n: usize, out: &mut [f64]) {
    for (place, &item) in order.iter().enumerate().take(ranked) {
        let row = out.get_mut(item * n..(item + 1) * n).unwrap_or_default();
        for &other in order.get(place + 1..).unwrap_or_default() {
            if let Some(votes) = row.get_mut(other) {
                *votes += weight;
            }
        }
    }
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
