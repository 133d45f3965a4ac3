//! The middle of a sandwich: outer products of the scores of clusters of tasks.

use super::answers::{Form, Reader};
use super::pass::{Choice, Model, padded, total};
use super::tile::Tile;
use crate::conjoint::gram::{Gram, TILE, outer_products};
use crate::error::{Error, Result};
use crate::newton::Sums;

/// Tasks in the order of their clusters.
#[derive(Debug)]
pub struct Clusters {
    /// [T] tasks; empty: 0, 1, …
    order: Vec<usize>,
    /// [G + 1] boundaries.
    starts: Vec<usize>,
}

impl Clusters {
    /// Each task alone.
    #[must_use]
    pub fn single(tasks: usize) -> Self {
        Self {
            order: Vec::new(),
            starts: (0..=tasks).collect(),
        }
    }

    /// Of the number of the cluster of each task. O(T + G)
    ///
    /// # Errors
    /// Numbers outside 0..`count`.
    pub fn new(numbers: &[i64], count: usize) -> Result<Self> {
        let mut starts = vec![0; count + 1];
        for (task, &number) in numbers.iter().enumerate() {
            let after = usize::try_from(number)
                .ok()
                .and_then(|g| starts.get_mut(g + 1));
            let Some(size) = after else {
                let expected = format!("in 0..{count}");
                return Err(Error::domain_at("respondents", [task], expected, number));
            };
            *size += 1;
        }
        let mut end = 0;
        for start in &mut starts {
            end += *start;
            *start = end;
        }
        let sorted = numbers.is_sorted();
        Ok(Self {
            order: if sorted {
                Vec::new()
            } else {
                sorted_by(numbers, &starts)
            },
            starts,
        })
    }

    /// Number G, of empty ones too.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tasks of a cluster.
    pub fn tasks(&self, cluster: usize) -> impl Iterator<Item = usize> + '_ {
        let at = |place: usize| self.starts.get(place).copied().unwrap_or_default();
        (at(cluster)..at(cluster + 1)).map(|place| self.order.get(place).copied().unwrap_or(place))
    }
}

fn sorted_by(numbers: &[i64], starts: &[usize]) -> Vec<usize> {
    let mut next = starts.to_vec();
    let mut order = vec![0; numbers.len()];
    for (task, &number) in numbers.iter().enumerate() {
        let Some(place) = usize::try_from(number).ok().and_then(|g| next.get_mut(g)) else {
            continue;
        };
        if let Some(slot) = order.get_mut(*place) {
            *slot = task;
        }
        *place += 1;
    }
    order
}

impl Model<'_> {
    /// Sum over clusters of s s', s the sum of the gradients of their tasks, in full, with the prior of Firth where its
    /// inverse information is given; and of all tasks, without the prior, the loss and, where asked for, the gradient
    /// and the Hessian.
    ///
    /// O(T (D + pairs + P) + G P²), O(T P²) with a Hessian. Naive equivalent: np.add.at(s, cluster, x * residual), s' s.
    #[must_use]
    pub fn meat(
        &self,
        clusters: &Clusters,
        point: &[f64],
        firth: Option<&[f64]>,
        hessian: bool,
    ) -> (Vec<f64>, Sums) {
        let width = point.len();
        let work = self.answers.tasks() * 20 + clusters.len() * width * width;
        let (meat, parts) = outer_products(clusters.len(), width, work, |range, gram| {
            let tasks =
                range.flat_map(|cluster| clusters.tasks(cluster).map(move |t| (cluster, t)));
            let kept = tasks.filter(|&(_, task)| self.answers.weight(task) > 0.0);
            let mut information = hessian.then(|| Gram::new(width));
            let (objective, gradient) = if self.form == Form::Choice {
                (self.choice_scores(kept, point, gram), Vec::new())
            } else {
                self.scores(kept, point, firth, gram, information.as_mut())
            };
            Sums {
                objective,
                gradient,
                hessian: information.map(Gram::total).unwrap_or_default(),
            }
        });
        let sums = if hessian && self.form == Form::Choice {
            self.sums(point, true)
        } else {
            total(parts, width, hessian)
        };
        (meat, sums)
    }

    /// Gives each cluster of tasks (cluster, task) its row; returns the loss and, with a Hessian, the gradient.
    fn scores(
        &self,
        mut tasks: impl Iterator<Item = (usize, usize)>,
        point: &[f64],
        firth: Option<&[f64]>,
        gram: &mut Gram,
        mut information: Option<&mut Gram>,
    ) -> (f64, Vec<f64>) {
        let mut reader = Reader::new(self.answers, self.columns);
        let there = padded(point);
        let (mut tile, mut loss, mut entries) = (Tile::new(there.len()), 0.0, Vec::new());
        let mut gradient = vec![0.0; there.len()];
        let (mut last, mut own): (_, &mut [f64]) = (usize::MAX, &mut []);
        let mut some = Vec::with_capacity(TILE);
        loop {
            some.clear();
            some.extend(tasks.by_ref().take(TILE));
            if some.is_empty() {
                break;
            }
            let numbers = some.iter().map(|&(_, task)| task);
            loss += tile.read(self, numbers, &there);
            for (&(cluster, task), (row, slope)) in some.iter().zip(tile.scores()) {
                if cluster != last {
                    (last, own) = (cluster, gram.row());
                }
                let prior = firth.map_or(0.0, |inverse| {
                    reader.difference(task, &mut entries);
                    self.pull(task, &entries, point, inverse)
                });
                let slope = slope + prior;
                own.iter_mut().zip(row).for_each(|(s, x)| *s += slope * x);
            }
            if let Some(information) = information.as_deref_mut() {
                tile.add(&mut gradient, Some(information));
            }
        }
        gradient.truncate(point.len());
        (loss, gradient)
    }

    fn choice_scores(
        &self,
        tasks: impl Iterator<Item = (usize, usize)>,
        point: &[f64],
        gram: &mut Gram,
    ) -> f64 {
        let mut choice = Choice::new(self.answers, self.columns);
        let (mut last, mut own): (_, &mut [f64]) = (usize::MAX, &mut []);
        let mut loss = 0.0;
        for (cluster, task) in tasks {
            if cluster != last {
                (last, own) = (cluster, gram.row());
            }
            let weight = self.answers.weight(task);
            loss += weight * choice.read(task, point);
            choice.score(weight, own);
        }
        loss
    }
}

#[cfg(test)]
mod tests {
    use super::Clusters;
    use crate::error::Error;

    #[test]
    fn tasks_come_by_cluster() -> Result<(), Error> {
        let clusters = Clusters::new(&[2, 0, 2, 0], 3)?;
        let of = |g| clusters.tasks(g).collect::<Vec<_>>();
        assert_eq!((of(0), of(1), of(2)), (vec![1, 3], vec![], vec![0, 2]));
        let sorted = Clusters::new(&[0, 1, 1], 2)?;
        assert_eq!(sorted.tasks(1).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(Clusters::single(2).tasks(1).collect::<Vec<_>>(), [1]);
        let error = Clusters::new(&[0, 2], 2)
            .map(|_| ())
            .map_err(|e| e.to_string());
        assert_eq!(
            error,
            Err("respondents[1] must be in 0..2, got 2".to_owned())
        );
        Ok(())
    }
}
