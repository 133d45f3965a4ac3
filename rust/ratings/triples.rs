//! Cycles of three among majorities.

use super::graph::{Graph, get, nodes, update};
use crate::error::Result;
use crate::threads;

/// Triples of items of which each pair has a majority.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CyclicTriples {
    /// Those in which each beats another.
    pub cyclic: i64,
    /// All of them.
    pub total: i64,
}

/// Counts cyclic triples of the majority relation: `winners[e]` won more than `losers[e]`; each pair comes once.
///
/// A triple with three majorities is cyclic or has an item that beats both others. Each edge leads to the node of the
/// higher degree here, so that no node has more than sqrt(2E) of them: O(E^1.5). The naive equivalent looks at every
/// triple.
///
/// ```
/// let triples = prefcore::ratings::cyclic_triples(3, &[0, 1, 2], &[1, 2, 0])?;
/// assert_eq!((triples.cyclic, triples.total), (1, 1));
/// # Ok::<(), prefcore::Error>(())
/// ```
///
/// # Errors
/// [`crate::Error::Shape`] for columns of different lengths, [`crate::Error::Domain`] at the first item that is not below `n`.
pub fn cyclic_triples(n: usize, winners: &[i64], losers: &[i64]) -> Result<CyclicTriples> {
    let pairs = nodes(n, winners, losers)?;
    let mut degree = vec![0_usize; n];
    for &(winner, loser) in &pairs {
        update(&mut degree, winner, |old| old + 1);
        update(&mut degree, loser, |old| old + 1);
    }
    let rank = |node| (get(&degree, node), node);
    // A target carries who won in its lowest bit: 1 where the source did.
    let mut edges: Vec<(usize, usize)> = pairs
        .iter()
        .map(|&(winner, loser)| {
            if rank(winner) < rank(loser) {
                (winner, 2 * loser + 1)
            } else {
                (loser, 2 * winner)
            }
        })
        .collect();
    let graph = Graph::new(n, &mut edges);
    let work = |node: usize| graph.starts.get(node).map_or(0, |start| 32 * start);
    let blocks = threads::split(n, work);
    let counts = threads::map(blocks, work(n), |block| {
        let mut marks = vec![0; n];
        block.fold(CyclicTriples::default(), |sum, node| {
            plus(sum, triples_of(&graph, node, &mut marks))
        })
    });
    Ok(counts.into_iter().fold(CyclicTriples::default(), plus))
}

fn plus(one: CyclicTriples, two: CyclicTriples) -> CyclicTriples {
    CyclicTriples {
        cyclic: one.cyclic + two.cyclic,
        total: one.total + two.total,
    }
}

/// Triples whose first node is this one: it and two of its targets, of which one is a target of the other.
///
/// `marks` is 0 everywhere before and after.
fn triples_of(graph: &Graph, node: usize, marks: &mut [u8]) -> CyclicTriples {
    let own = graph.of(node);
    for &edge in own {
        mark(marks, edge, if edge & 1 == 1 { WON } else { LOST });
    }
    let mut sum = CyclicTriples::default();
    for &edge in own {
        // node -> middle -> far -> node, or all three turned around
        let closing = if edge & 1 == 1 { LOST } else { WON };
        for &far in graph.of(edge >> 1) {
            let found = marks.get(far >> 1).copied().unwrap_or(0);
            sum.total += i64::from(found != 0);
            sum.cyclic += i64::from(found == closing && far & 1 == edge & 1);
        }
    }
    for &edge in own {
        mark(marks, edge, 0);
    }
    sum
}

/// How the first node of a triple did against a target of it.
const WON: u8 = 1;
const LOST: u8 = 2;

fn mark(marks: &mut [u8], edge: usize, value: u8) {
    if let Some(own) = marks.get_mut(edge >> 1) {
        *own = value;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::cyclic_triples;
    use crate::ratings::graph::random_edges;

    #[test]
    fn triples_are_those_of_all_triples() {
        for seed in 0..100 {
            let n = 12;
            let (winners, losers) = random_edges(n, 3 + seed % 6, seed, false);
            let n = usize::try_from(n).unwrap();
            let mut beats = vec![vec![false; n]; n];
            for (&winner, &loser) in winners.iter().zip(&losers) {
                beats[usize::try_from(winner).unwrap()][usize::try_from(loser).unwrap()] = true;
            }
            let met = |one: usize, two: usize| beats[one][two] || beats[two][one];
            let (mut cyclic, mut total) = (0, 0);
            for a in 0..n {
                for b in a + 1..n {
                    for c in b + 1..n {
                        total += i64::from(met(a, b) && met(b, c) && met(a, c));
                        cyclic += i64::from(beats[a][b] && beats[b][c] && beats[c][a]);
                        cyclic += i64::from(beats[b][a] && beats[c][b] && beats[a][c]);
                    }
                }
            }
            let got = cyclic_triples(n, &winners, &losers).unwrap();
            assert_eq!((got.cyclic, got.total), (cyclic, total));
        }
    }
}
