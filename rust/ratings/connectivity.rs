//! Who can be compared with whom: strong components of who beat whom.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::graph::{Graph, UNSEEN, get, nodes, set, update};
use crate::error::Result;

/// Number of the strong component of each item, where an edge leads from `winners[e]` to `losers[e]`.
///
/// Components are numbered so that nobody of a later one beat anybody of an earlier one; where that leaves a choice, the
/// one of the lowest item comes first. Tarjan's algorithm without recursion, O((n + E) log E). The naive equivalent is
/// the transitive closure: two items are together where each reaches the other.
///
/// ```
/// let components = prefcore::ratings::strong_components(4, &[1, 2, 3, 3], &[2, 1, 1, 0])?;
/// assert_eq!(components, [1, 2, 2, 0]);
/// # Ok::<(), prefcore::Error>(())
/// ```
///
/// # Errors
/// [`crate::Error::Shape`] for columns of different lengths, [`crate::Error::Domain`] at the first item that is not below `n`.
pub fn strong_components(n: usize, winners: &[i64], losers: &[i64]) -> Result<Vec<i64>> {
    let mut edges = nodes(n, winners, losers)?;
    let graph = Graph::new(n, &mut edges);
    let component = Tarjan::run(&graph);
    Ok(numbered(&graph, &component))
}

/// State of Tarjan's algorithm; `low` is the earliest node of the stack that is known to be reached.
struct Tarjan {
    order: Vec<usize>,
    low: Vec<usize>,
    component: Vec<usize>,
    stack: Vec<usize>,
    seen: usize,
    done: usize,
}

impl Tarjan {
    /// Component of each node, sinks first.
    fn run(graph: &Graph) -> Vec<usize> {
        let n = graph.len();
        let mut state = Self {
            order: vec![UNSEEN; n],
            low: vec![UNSEEN; n],
            component: vec![UNSEEN; n],
            stack: Vec::new(),
            seen: 0,
            done: 0,
        };
        for root in 0..n {
            if get(&state.order, root) == UNSEEN {
                state.explore(graph, root);
            }
        }
        state.component
    }

    fn enter(&mut self, node: usize) {
        set(&mut self.order, node, self.seen);
        set(&mut self.low, node, self.seen);
        self.seen += 1;
        self.stack.push(node);
    }

    /// Depth first; the path holds each node with the place of its next neighbor.
    fn explore(&mut self, graph: &Graph, root: usize) {
        self.enter(root);
        let mut path = vec![(root, 0)];
        while let Some((node, place)) = path.last_mut() {
            let own = *node;
            if let Some(&next) = graph.of(own).get(*place) {
                *place += 1;
                if get(&self.order, next) == UNSEEN {
                    self.enter(next);
                    path.push((next, 0));
                } else if get(&self.component, next) == UNSEEN {
                    self.lower(own, get(&self.order, next));
                }
            } else {
                path.pop();
                if let Some(&(parent, _)) = path.last() {
                    self.lower(parent, get(&self.low, own));
                }
                if get(&self.low, own) == get(&self.order, own) {
                    self.close(own);
                }
            }
        }
    }

    fn lower(&mut self, node: usize, to: usize) {
        update(&mut self.low, node, |old| old.min(to));
    }

    /// Everything above a node on the stack is its component.
    fn close(&mut self, root: usize) {
        while let Some(node) = self.stack.pop() {
            set(&mut self.component, node, self.done);
            if node == root {
                break;
            }
        }
        self.done += 1;
    }
}

/// Numbers the components in the order of who beat whom, the one of the lowest item first where there is a choice.
fn numbered(graph: &Graph, component: &[usize]) -> Vec<i64> {
    let n_components = component.iter().max().map_or(0, |last| last + 1);
    let (mut lowest, mut beaten_by) = (vec![UNSEEN; n_components], vec![0; n_components]);
    let mut between = Vec::new();
    for (node, &own) in component.iter().enumerate() {
        update(&mut lowest, own, |old| old.min(node));
        let others = graph.of(node).iter().map(|&to| get(component, to));
        for other in others.filter(|&other| other != own) {
            between.push((own, other));
            update(&mut beaten_by, other, |old| old + 1);
        }
    }
    let links = Graph::new(n_components, &mut between);
    let free = (0..n_components).filter(|&own| get(&beaten_by, own) == 0);
    let mut ready: BinaryHeap<_> = free.map(|own| Reverse((get(&lowest, own), own))).collect();
    let (mut number, mut next) = (vec![0; n_components], 0);
    while let Some(Reverse((_, own))) = ready.pop() {
        set(&mut number, own, next);
        next += 1;
        for &other in links.of(own) {
            update(&mut beaten_by, other, |old| old - 1);
            if get(&beaten_by, other) == 0 {
                ready.push(Reverse((get(&lowest, other), other)));
            }
        }
    }
    let number = |&own: &usize| i64::try_from(get(&number, own)).unwrap_or(i64::MAX);
    component.iter().map(number).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::strong_components;
    use crate::ratings::graph::random_edges;

    #[test]
    fn components_are_those_of_the_transitive_closure() {
        for seed in 0..200 {
            let n = 9;
            let (winners, losers) = random_edges(n, 1 + seed % 2, seed, true);
            let n = usize::try_from(n).unwrap();
            let mut reach = vec![vec![false; n]; n];
            for (one, row) in reach.iter_mut().enumerate() {
                row[one] = true;
            }
            for (&winner, &loser) in winners.iter().zip(&losers) {
                reach[usize::try_from(winner).unwrap()][usize::try_from(loser).unwrap()] = true;
            }
            for middle in 0..n {
                for one in 0..n {
                    for two in 0..n {
                        reach[one][two] |= reach[one][middle] && reach[middle][two];
                    }
                }
            }
            let got = strong_components(n, &winners, &losers).unwrap();
            for one in 0..n {
                for two in 0..n {
                    assert_eq!(got[one] == got[two], reach[one][two] && reach[two][one]);
                    assert!(got[one] <= got[two] || !reach[one][two]);
                }
            }
        }
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let chain: Vec<i64> = (0..200_000).collect();
        let got = strong_components(200_000, &chain[..199_999], &chain[1..]).unwrap();
        assert_eq!(got, chain);
    }

    #[test]
    fn items_out_of_range_are_named() {
        let error = strong_components(2, &[0], &[2]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "second[0] must be an item below 2, got 2"
        );
    }
}
