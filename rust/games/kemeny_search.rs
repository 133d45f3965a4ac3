//! Kemeny's rule for many items that majorities do not separate: a local search, and a bound of what it can miss.

use super::kemeny::Votes;
use super::widest_paths::widest_paths;

/// The best of two searches, from the orders of Borda and of Schulze: each moves single items to better places until
/// none is left. O(n²) a round.
pub(super) fn local_search(votes: &Votes, slack: f64) -> Vec<usize> {
    let n = votes.n;
    let margins = margins(votes);
    let borda: Vec<f64> = margins
        .chunks_exact(n)
        .map(|row| row.iter().sum())
        .collect();
    let wins: Vec<f64> = margins.iter().map(|margin| margin.max(0.0)).collect();
    let paths = widest_paths(&wins, n);
    let path = |i: usize, j: usize| paths.get(i * n + j).copied().unwrap_or(0.0);
    let beaten = |i| {
        (0..n)
            .map(|j| f64::from(u8::from(path(i, j) < path(j, i))))
            .sum::<f64>()
    };
    let schulze: Vec<f64> = (0..n).map(|i| -beaten(i)).collect();
    let starts = [sorted(&borda), sorted(&schulze)];
    let ends = starts.map(|start| improved(start, &margins, slack));
    let [one, other] = ends;
    if score(&other, &margins) > score(&one, &margins) {
        other
    } else {
        one
    }
}

fn margins(votes: &Votes) -> Vec<f64> {
    let row = |i| {
        votes
            .row(i)
            .iter()
            .enumerate()
            .map(move |(j, own)| own - votes.at(j, i))
    };
    (0..votes.n).flat_map(row).collect()
}

/// Items by falling score, equal ones by index.
fn sorted(scores: &[f64]) -> Vec<usize> {
    let at = |i: usize| scores.get(i).copied().unwrap_or(0.0);
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&i, &j| at(j).total_cmp(&at(i)));
    order
}

/// Margins that a ranking agrees with: twice its score, less a constant.
fn score(order: &[usize], margins: &[f64]) -> f64 {
    let n = order.len();
    let mut sum = 0.0;
    let mut rest = order;
    while let Some((&i, below)) = rest.split_first() {
        let row = margins.get(i * n..).unwrap_or_default();
        sum += below.iter().filter_map(|&j| row.get(j)).sum::<f64>();
        rest = below;
    }
    sum
}

/// Rounds over all items until none gains by another place.
fn improved(mut order: Vec<usize>, margins: &[f64], slack: f64) -> Vec<usize> {
    let mut moved = true;
    while moved {
        moved = false;
        for item in 0..order.len() {
            moved |= settle(&mut order, item, margins, slack);
        }
    }
    order
}

/// Moves an item to its best place among the others; says whether that is another one.
fn settle(order: &mut [usize], item: usize, margins: &[f64], slack: f64) -> bool {
    let n = order.len();
    let row = margins.get(item * n..).unwrap_or_default();
    let over = |other: &usize| row.get(*other).copied().unwrap_or(0.0);
    let Some(place) = order.iter().position(|&other| other == item) else {
        return false;
    };
    let (mut best, mut target) = (slack, place);
    let (above, from) = order.split_at(place);
    let mut gain = 0.0;
    for (to, other) in above.iter().enumerate().rev() {
        gain += over(other);
        if gain > best {
            (best, target) = (gain, to);
        }
    }
    gain = 0.0;
    for (step, other) in from.iter().enumerate().skip(1) {
        gain -= over(other);
        if gain > best {
            (best, target) = (gain, place + step);
        }
    }
    if target < place {
        order
            .get_mut(target..=place)
            .unwrap_or_default()
            .rotate_right(1);
    } else if target > place {
        order
            .get_mut(place..=target)
            .unwrap_or_default()
            .rotate_left(1);
    }
    target != place
}

/// A lower bound of what every ranking loses against the larger sides of all pairs: O(n³).
///
/// Of each cycle of three majorities a ranking loses at least the smallest margin. Cycles are taken in order, and each
/// uses up that much of its three margins, so that their losses add up.
pub(super) fn cycle_loss(votes: &Votes) -> f64 {
    let n = votes.n;
    let mut left: Vec<f64> = margins(votes)
        .into_iter()
        .map(|margin| margin.max(0.0))
        .collect();
    let mut loss = 0.0;
    for i in 0..n {
        let mut back: Vec<f64> = left.iter().skip(i).step_by(n).copied().collect();
        for j in i + 1..n {
            let mut out = left.get(i * n + j).copied().unwrap_or(0.0);
            let row = left.get_mut(j * n..(j + 1) * n).unwrap_or_default();
            for (across, back) in row.iter_mut().zip(&mut back).skip(i + 1) {
                let least = out.min(*across).min(*back);
                loss += least;
                out -= least;
                *across -= least;
                *back -= least;
            }
        }
    }
    loss
}
