//! Directed graphs of items.

use crate::check::same_length;
use crate::error::{Error, Result};

/// Of a node that no number is known for.
pub(super) const UNSEEN: usize = usize::MAX;

/// Out-neighbors of the nodes `0..n`, sorted: those of `i` are `targets[starts[i]..starts[i + 1]]`.
pub(super) struct Graph {
    pub(super) starts: Vec<usize>,
    targets: Vec<usize>,
}

impl Graph {
    pub(super) fn new(n: usize, edges: &mut [(usize, usize)]) -> Self {
        edges.sort_unstable();
        let mut starts = vec![0; n + 1];
        for &(from, _) in edges.iter() {
            if let Some(start) = starts.get_mut(from + 1) {
                *start += 1;
            }
        }
        let mut end = 0;
        for start in &mut starts {
            end += *start;
            *start = end;
        }
        let targets = edges.iter().map(|&(_, to)| to).collect();
        Self { starts, targets }
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub(super) fn of(&self, node: usize) -> &[usize] {
        match (self.starts.get(node), self.starts.get(node + 1)) {
            (Some(&start), Some(&end)) => self.targets.get(start..end).unwrap_or_default(),
            _ => &[],
        }
    }
}

/// A pair as nodes below `n`.
pub(super) fn nodes(n: usize, first: &[i64], second: &[i64]) -> Result<Vec<(usize, usize)>> {
    same_length("second", second.len(), "first", first.len())?;
    let node = |name, row, item: i64| match usize::try_from(item) {
        Ok(node) if node < n => Ok(node),
        _ => Err(Error::domain_at(
            name,
            [row],
            format!("an item below {n}"),
            item,
        )),
    };
    let pairs = first.iter().zip(second).enumerate();
    pairs
        .map(|(row, (&one, &two))| Ok((node("first", row, one)?, node("second", row, two)?)))
        .collect()
}

pub(super) fn get(values: &[usize], place: usize) -> usize {
    values.get(place).copied().unwrap_or(UNSEEN)
}

pub(super) fn set(values: &mut [usize], place: usize, value: usize) {
    update(values, place, |_| value);
}

pub(super) fn update(values: &mut [usize], place: usize, change: impl Fn(usize) -> usize) {
    if let Some(value) = values.get_mut(place) {
        *value = change(*value);
    }
}

/// Edges of a random relation: `share` of 8 of all ordered pairs, or of one direction of each pair.
#[cfg(test)]
pub(super) fn random_edges(n: i64, share: u64, seed: u64, both: bool) -> (Vec<i64>, Vec<i64>) {
    let draw =
        |one: i64, two: i64| crate::random::key(seed, &[one.cast_unsigned(), two.cast_unsigned()]);
    let mut columns = (Vec::new(), Vec::new());
    for one in 0..n {
        for two in 0..n {
            let wanted = if both { one != two } else { one < two };
            if wanted && draw(one, two) % 8 < share {
                let turned = !both && draw(two, one) % 2 == 0;
                let (winner, loser) = if turned { (two, one) } else { (one, two) };
                columns.0.push(winner);
                columns.1.push(loser);
            }
        }
    }
    columns
}
