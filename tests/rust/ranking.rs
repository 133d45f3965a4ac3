use prefcore::Result;
use prefcore::check::NanPolicy;
use prefcore::column::Column;
use prefcore::ranking::{self, Gain, ListLossMut, PairRule};
use serde_json::{Value, json};

use crate::vectors::{assert_close, assert_equal, floats, ints, items, records, unless_raised};

type ByLabels<'a> = dyn Fn(&[f64], &[f64], &[i64], ListLossMut<'_, f64>) -> Result<()> + 'a;

#[test]
fn every_record_of_listwise_losses_holds() {
    for record in records("listwise") {
        let (inputs, params) = (&record["inputs"], &record["params"]);
        let name = record["function"].as_str().unwrap();
        let number = |key: &str| params[key].as_f64().unwrap_or(1.0);
        let k = params["k"].as_u64().map(|k| usize::try_from(k).unwrap());
        let gain: Gain = params["gain"]
            .as_str()
            .unwrap_or("exponential")
            .parse()
            .unwrap();
        let weights = |key: &str| inputs.get(key).map(floats);
        let (positions, skips) = (weights("position_weights"), weights("skip_weights"));
        let rule = PairRule {
            max_skip: params["max_skip"]
                .as_u64()
                .map(|skip| usize::try_from(skip).unwrap()),
            skip_weights: skips.as_deref(),
            min_gap: params["min_gap"].as_f64().unwrap_or(0.0),
            inclusive: params["inclusive"].as_bool().unwrap_or(false),
        };
        let by_labels = |f: &ByLabels<'_>| {
            let (scores, offsets) = flat(&inputs["scores"], inputs.get("offsets"));
            let labels = flat(&inputs["labels"], None).0;
            let run = |out: ListLossMut<'_, f64>| f(&scores, &labels, &offsets, out);
            assert_list_loss(&record, scores.len(), &offsets, &run);
        };
        match name {
            "losses.plackett_luce" => assert_plackett_luce(&record, k),
            "losses.listmle" => by_labels(&|s, y, offsets, out| {
                ranking::listmle(s, y, offsets, k, positions.as_deref(), out)
            }),
            "losses.softmax_loss" => by_labels(&ranking::softmax_loss),
            "losses.listnet" => by_labels(&|s, y, offsets, out| {
                ranking::listnet(s, y, offsets, number("temperature"), out)
            }),
            "losses.ranknet" => by_labels(&|s, y, offsets, out| {
                ranking::ranknet(s, y, offsets, number("sigma"), &rule, out)
            }),
            "losses.ranklist" => by_labels(&|s, y, offsets, out| {
                ranking::ranklist(s, y, offsets, number("temperature"), &rule, out)
            }),
            "losses.lambdarank" => by_labels(&|s, y, offsets, out| {
                ranking::lambdarank(s, y, offsets, k, gain, number("sigma"), out)
            }),
            "losses.approx_ndcg" => by_labels(&|s, y, offsets, out| {
                ranking::approx_ndcg(s, y, offsets, number("temperature"), gain, out)
            }),
            "losses.soft_rank" | "ops.list_ranks.soft_rank_vjp" => assert_soft_rank(&record),
            "losses.pro" | "losses.neural_sort" => {} // plain torch
            other => panic!("no Rust function for {other}"),
        }
    }
}

#[test]
fn every_record_of_ranks_holds() {
    for record in records("ranking") {
        let (inputs, params) = (&record["inputs"], &record["params"]);
        let (x, offsets) = flat(inputs.get("x").unwrap_or(&inputs["scores"]), None);
        let mut out = vec![0.0; x.len()];
        match record["function"].as_str().unwrap() {
            "ranking.rank" => {
                let method = params["method"].as_str().unwrap().parse().unwrap();
                let descending = params["descending"].as_bool().unwrap();
                let (x, nan) = (Column::F64(&x), NanPolicy::Raise);
                ranking::rank(x, &offsets, method, descending, nan, &mut out).unwrap();
            }
            "ranking.approx_rank" => {
                let temperature = params["temperature"].as_f64().unwrap();
                ranking::approx_rank(&x, &offsets, temperature, &mut out).unwrap();
            }
            "ranking.lambda_weights" => {
                let labels = floats(&inputs["labels"]);
                let k = params["k"].as_u64().map(|k| usize::try_from(k).unwrap());
                let gain = params["gain"].as_str().unwrap().parse().unwrap();
                out = vec![0.0; x.len() * x.len()];
                ranking::lambda_weights(&x, &labels, k, gain, &mut out).unwrap();
            }
            _ => continue, // those of listwise.json
        }
        assert_close(&out, &flattened(&record, "value"), "value");
    }
}

/// The numbers of a list or of a list of lists, and the offsets of its rows.
fn flat(value: &Value, offsets: Option<&Value>) -> (Vec<f64>, Vec<i64>) {
    let rows: Vec<Vec<f64>> = match items(value).first() {
        Some(first) if first.is_array() => items(value).iter().map(floats).collect(),
        _ => vec![floats(value)],
    };
    let mut bounds = vec![0];
    for row in &rows {
        bounds.push(bounds[bounds.len() - 1] + i64::try_from(row.len()).unwrap());
    }
    (rows.concat(), offsets.map_or(bounds, ints))
}

/// Dense records through both functions, which must give the same.
fn assert_plackett_luce(record: &Value, k: Option<usize>) {
    let inputs = &record["inputs"];
    let (scores, bounds) = flat(&inputs["scores"], None);
    let (ranking, offsets) = flat(&inputs["ranking"], inputs.get("offsets"));
    #[allow(clippy::cast_possible_truncation)] // they are integers
    let ranking: Vec<i64> = ranking.into_iter().map(|row| row as i64).collect();
    let (mut loss, mut n_terms) = (vec![0.0; offsets.len() - 1], vec![0; offsets.len() - 1]);
    let mut grad = vec![0.0; ranking.len()];
    let out = ListLossMut {
        loss: &mut loss,
        grad: &mut grad,
        n_terms: &mut n_terms,
    };
    assert_eq!(bounds.len(), 2, "one list, whose places are rows");
    let result = ranking::plackett_luce(&scores, &ranking, &offsets, k, out);
    let mut by_row = vec![0.0; scores.len()];
    if unless_raised(result, record).is_some() {
        for (&row, slope) in ranking.iter().zip(&grad) {
            by_row[usize::try_from(row).unwrap()] += slope;
        }
        assert_close(&loss, record, "value");
        assert_close(&by_row, &flattened(record, "grad_scores"), "grad_scores");
    }
    let dense = |out: ListLossMut<'_, f64>| {
        ranking::plackett_luce_dense(&scores, &ranking, [1, scores.len()], k, out)
    };
    assert_list_loss(record, scores.len(), &bounds, &dense);
}

fn assert_list_loss(
    record: &Value,
    rows: usize,
    offsets: &[i64],
    run: &dyn Fn(ListLossMut<'_, f64>) -> Result<()>,
) {
    let (mut loss, mut n_terms) = (vec![0.0; offsets.len() - 1], vec![0; offsets.len() - 1]);
    let mut grad = vec![0.0; rows];
    let result = run(ListLossMut {
        loss: &mut loss,
        grad: &mut grad,
        n_terms: &mut n_terms,
    });
    if unless_raised(result, record).is_some() {
        assert_close(&loss, record, "value");
        assert_close(&loss, record, "loss");
        assert_equal(&n_terms, record, "n_terms");
        assert_close(&grad, &flattened(record, "grad_scores"), "grad_scores");
    }
}

fn assert_soft_rank(record: &Value) {
    let (inputs, params) = (&record["inputs"], &record["params"]);
    let (scores, offsets) = flat(&inputs["scores"], None);
    let strength = params["strength"].as_f64().unwrap();
    let descending = params["descending"].as_bool().unwrap();
    let mut out = vec![0.0; scores.len()];
    let result = match inputs.get("upstream") {
        None => ranking::soft_rank(&scores, &offsets, strength, descending, &mut out),
        Some(upstream) => {
            let upstream = flat(upstream, None).0;
            ranking::soft_rank_vjp(&scores, &upstream, &offsets, strength, descending, &mut out)
        }
    };
    result.unwrap();
    for value in &mut out {
        *value += 0.0; // one zero
    }
    assert_close(&out, &flattened(record, "value"), "value");
}

/// The record with a list of lists turned into a list.
fn flattened(record: &Value, key: &str) -> Value {
    let mut record = record.clone();
    if let Some(value) = record["expected"].get(key) {
        record["expected"][key] = json!(flat(value, None).0);
    }
    record
}
