use prefcore::check::NanPolicy::Raise;
use prefcore::column::Column;
use prefcore::selection::{
    curriculum_stages, gumbel_top_k, thin_by_gap, top_k, top_k_cosine, tree_backup,
};
use prefcore::{random, threads};

use crate::vectors::{assert_equal, floats, ints, records};

#[test]
fn every_record_holds() {
    for record in records("selection") {
        let scores = floats(&record["inputs"]["scores"]);
        let one_group = || vec![0, i64::try_from(scores.len()).unwrap()];
        let offsets = record["inputs"].get("offsets").map_or_else(one_group, ints);
        let (column, params) = (Column::F64(&scores), &record["params"]);
        let found = match record["function"].as_str().unwrap() {
            "selection.top_k" => {
                let k = usize::try_from(params["k"].as_u64().unwrap()).unwrap();
                top_k(column, k, &offsets, Raise)
            }
            "selection.thin_by_gap" => {
                thin_by_gap(column, params["min_gap"].as_f64().unwrap(), &offsets, Raise)
            }
            other => panic!("no Rust function for {other}"),
        }
        .unwrap();
        assert_equal(&found.rows, &record, "rows");
        assert_equal(&found.offsets, &record, "offsets");
    }
}

#[allow(clippy::cast_precision_loss)]
fn draw(n: u64, values: u64) -> Vec<f64> {
    let value = |row| (random::key(1, &[row]) % values) as f64 - values as f64 / 2.0 + 0.25;
    (0..n).map(value).collect()
}

/// Enough work for several threads; few values, so that ties are common.
#[test]
fn threads_do_not_change_a_row() {
    let scores = draw(60_000, 9);
    let offsets: Vec<i64> = (0..=2_000).map(|group| group * 30).collect();
    let found = |count| {
        threads::set_num_threads(count);
        let column = Column::F64(&scores);
        (
            top_k(column, 4, &offsets, Raise).unwrap(),
            gumbel_top_k(column, 4, 3, &offsets, Raise).unwrap(),
            curriculum_stages(column, 9, true, &offsets).unwrap(),
            top_k_cosine(&scores, &scores[..600], 30, 7).unwrap(),
        )
    };
    let one = found(1);
    let others = [2, 3, 8].map(found);
    threads::set_num_threads(0);
    assert!(others.iter().all(|other| *other == one));
}

/// So many equal rows that the candidates crowd; each is its own nearest, the others of its kind follow in order.
#[test]
fn crowds_of_equal_rows_come_in_their_order() {
    let kinds = draw(4 * 24, 1_000);
    let pool: Vec<f64> = (0..2_000).flat_map(|_| kinds.clone()).collect();
    let found = top_k_cosine(&pool, &kinds, 24, 300).unwrap();
    for (kind, rows) in found.rows.chunks(300).enumerate() {
        let kind = i64::try_from(kind).unwrap();
        assert!(
            rows.iter()
                .copied()
                .eq((0..300).map(|copy| 4 * copy + kind))
        );
    }
}

#[test]
fn bad_arguments_are_named() {
    let error = |result: prefcore::Result<_>| result.map(|_: Vec<i64>| ()).unwrap_err().to_string();
    let cosine =
        |pool: &[f32], columns| top_k_cosine(pool, &[1.0], columns, 1).map(|found| found.rows);
    assert_eq!(
        error(cosine(&[1.0], 0)),
        "pool must have at least one column, got 0"
    );
    assert_eq!(
        error(cosine(&[1.0, 2.0, 3.0], 2)),
        "pool must have rows of 2 entries, got 3"
    );
    let tree = tree_backup(&[-1], &[], &[0.0], &[0.0], 1.0).map(|_| Vec::new());
    assert_eq!(
        error(tree),
        "rewards must have length 1 like parents, got 0"
    );
}
