//! Who can be compared with whom: strong components of who beat whom, and cycles of three.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::check::same_length;
use crate::error::{Error, Result};
use crate::threads;

/// Out-neighbors of the nodes `0..n`, sorted: those of `i` are `targets[starts[i]..starts[i + 1]]`.
struct Graph {
    starts: Vec<usize>,
    targets: Vec<usize>,
}

impl Graph {
    fn new(n: usize, edges: &mut [(usize, usize)]) -> Self {
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

    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn of(&self, node: usize) -> &[usize] {
        match (self.starts.get(node), self.starts.get(node + 1)) {
            (Some(&start), Some(&end)) => self.targets.get(start..end).unwrap_or_default(),
            _ => &[],
        }
    }
}

/// A pair as nodes below `n`.
fn nodes(n: usize, first: &[i64], second: &[i64]) -> Result<Vec<(usize, usize)>> {
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
/// [`Error::Shape`] for columns of different lengths, [`Error::Domain`] at the first item that is not below `n`.
pub fn strong_components(n: usize, winners: &[i64], losers: &[i64]) -> Result<Vec<i64>> {
    let mut edges = nodes(n, winners, losers)?;
    let graph = Graph::new(n, &mut edges);
    let component = Tarjan::run(&graph);
    Ok(numbered(&graph, &component))
}

const UNSEEN: usize = usize::MAX;

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

fn get(values: &[usize], place: usize) -> usize {
    values.get(place).copied().unwrap_or(UNSEEN)
}

fn set(values: &mut [usize], place: usize, value: usize) {
    update(values, place, |_| value);
}

fn update(values: &mut [usize], place: usize, change: impl Fn(usize) -> usize) {
    if let Some(value) = values.get_mut(place) {
        *value = change(*value);
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
/// [`Error::Shape`] for columns of different lengths, [`Error::Domain`] at the first item that is not below `n`.
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
        .map(|&(winner, loser)| match rank(winner) < rank(loser) {
            true => (winner, 2 * loser + 1),
            false => (loser, 2 * winner),
        })
        .collect();
    let graph = Graph::new(n, &mut edges);
    let work = |node: usize| graph.starts.get(node).map_or(0, |start| 32 * start);
    let blocks = threads::split(n, work);
    let counts = threads::map(blocks, work(n), |block| {
        block.fold(CyclicTriples::default(), |sum, node| {
            plus(sum, triples_of(&graph, node))
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
fn triples_of(graph: &Graph, node: usize) -> CyclicTriples {
    let own = graph.of(node);
    let mut sum = CyclicTriples::default();
    for &edge in own {
        let mut mine = own.iter().peekable();
        for &far in graph.of(edge >> 1) {
            while mine.next_if(|&&target| target >> 1 < far >> 1).is_some() {}
            if let Some(&closing) = mine.next_if(|&&target| target >> 1 == far >> 1) {
                sum.total += 1;
                // node -> middle -> far -> node, or all three turned around
                sum.cyclic += i64::from(edge & 1 == far & 1 && far & 1 != closing & 1);
            }
        }
    }
    sum
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::{cyclic_triples, strong_components};
    use crate::random;

    /// Edges of a random relation: `share` of 8 of all ordered pairs, or of one direction of each pair.
    fn edges(n: i64, share: u64, seed: u64, both: bool) -> (Vec<i64>, Vec<i64>) {
        let draw =
            |one: i64, two: i64| random::key(seed, &[one.cast_unsigned(), two.cast_unsigned()]);
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

    #[test]
    fn components_are_those_of_the_transitive_closure() {
        for seed in 0..200 {
            let n = 9;
            let (winners, losers) = edges(n, 1 + seed % 2, seed, true);
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
    fn triples_are_those_of_all_triples() {
        for seed in 0..100 {
            let n = 12;
            let (winners, losers) = edges(n, 3 + seed % 6, seed, false);
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

    #[test]
    fn items_out_of_range_are_named() {
        let error = strong_components(2, &[0], &[2]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "second[0] must be an item below 2, got 2"
        );
    }
}
