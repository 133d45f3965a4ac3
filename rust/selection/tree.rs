//! Values of a search tree.

use crate::check;
use crate::error::{Error, Result};

/// The nodes' values, one entry per node.
#[derive(Debug, Clone, PartialEq)]
pub struct TreeValues {
    /// reward + gamma · value.
    pub q: Vec<f64>,
    /// That of a leaf is given, that of another node the mean of its children's q, weighted with their visits.
    pub value: Vec<f64>,
}

/// Values and q of every node, in one pass from the leaves to the root.
///
/// `value = Σ max(1, N_c) q_c / Σ max(1, N_c)` over the children c, `q = reward + gamma · value`. Nodes stand behind
/// their parents; a node without a parent has -1 and is a root, of which there may be several. O(n) time and memory.
///
/// # Errors
/// Columns of different lengths; a parent that is neither -1 nor an earlier node; rewards, values of leaves or visits
/// that are not finite; negative visits; a gamma outside [0, 1].
///
/// ```
/// use prefcore::selection::tree_backup;
/// # fn main() -> prefcore::Result<()> {
/// let (parents, leaf_values) = ([-1, 0, 0], [0.0, 1.0, 0.0]);
/// let values = tree_backup(&parents, &[0.0; 3], &leaf_values, &[4.0, 3.0, 0.0], 1.0)?;
/// assert_eq!(values.value, [0.75, 1.0, 0.0]);
/// # Ok(())
/// # }
/// ```
pub fn tree_backup(
    parents: &[i64],
    rewards: &[f64],
    leaf_values: &[f64],
    visits: &[f64],
    gamma: f64,
) -> Result<TreeValues> {
    let n = parents.len();
    let columns = [
        ("rewards", rewards),
        ("leaf_values", leaf_values),
        ("visits", visits),
    ];
    for (name, column) in columns {
        check::same_length(name, column.len(), "parents", n)?;
    }
    if !(0.0..=1.0).contains(&gamma) {
        return Err(Error::domain("gamma", "in [0, 1]", gamma));
    }
    let parents = checked(parents)?;
    for (name, column) in [("rewards", rewards), ("visits", visits)] {
        refuse(
            name,
            column,
            |number| !number.is_finite(),
            "a finite number",
        )?;
    }
    refuse("visits", visits, |number| number < 0.0, "at least 0")?;
    let mut children = vec![Sums::default(); n];
    let mut found = TreeValues {
        q: vec![0.0; n],
        value: vec![0.0; n],
    };
    let inputs = parents.iter().zip(rewards).zip(leaf_values).zip(visits);
    let outputs = found.q.iter_mut().zip(&mut found.value);
    for (node, ((((parent, reward), leaf), visits), (q, value))) in
        inputs.zip(outputs).enumerate().rev()
    {
        let own = children.get(node).copied().unwrap_or_default();
        *value = if own.weight > 0.0 {
            own.q / own.weight
        } else {
            *leaf
        };
        *q = reward + gamma * *value;
        if let Some(sums) = parent.and_then(|parent| children.get_mut(parent)) {
            let weight = visits.max(1.0);
            sums.weight += weight;
            sums.q += weight * *q;
        }
    }
    let leaves = children.iter().zip(leaf_values);
    let unknown = |(own, leaf): (&Sums, &f64)| own.weight == 0.0 && !leaf.is_finite();
    match leaves.map(unknown).position(|unknown| unknown) {
        None => Ok(found),
        Some(node) => {
            let actual = leaf_values.get(node).unwrap_or(&f64::NAN);
            let expected = "a finite number, the node being a leaf";
            Err(Error::domain_at("leaf_values", [node], expected, actual))
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    weight: f64,
    q: f64,
}

/// Every parent is an earlier node, or there is none.
fn checked(parents: &[i64]) -> Result<Vec<Option<usize>>> {
    let check = |(node, &parent): (usize, &i64)| match usize::try_from(parent) {
        Ok(earlier) if earlier < node => Ok(Some(earlier)),
        Err(_) if parent == -1 => Ok(None),
        _ => {
            let expected = match node {
                0 => "-1, the root".to_owned(),
                _ => format!("-1 or a node of 0..{node}"),
            };
            Err(Error::domain_at("parents", [node], expected, parent))
        }
    };
    parents.iter().enumerate().map(check).collect()
}

/// No number of the column is `bad`.
fn refuse(
    name: &'static str,
    column: &[f64],
    bad: impl Fn(f64) -> bool,
    expected: &str,
) -> Result<()> {
    let found = column.iter().enumerate().find(|(_, number)| bad(**number));
    found.map_or(Ok(()), |(node, number)| {
        Err(Error::domain_at(name, [node], expected, number))
    })
}
