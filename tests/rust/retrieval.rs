use prefcore::Result;
use prefcore::check::NanPolicy;
use prefcore::column::Column;
use prefcore::metrics::{self, Discounting, Judged, PairWeight};
use serde_json::{Value, json};

use crate::vectors::{assert_close, floats, ints, items, records, unless_raised};

#[test]
fn every_record_holds() {
    for record in records("metrics_retrieval").into_iter().map(in_lists) {
        let function = record["function"].as_str().unwrap();
        match function.trim_start_matches("metrics.") {
            "rank_biased_overlap" => assert_overlap(&record),
            "kendall_test" => assert_test(&record),
            "weighted_tau" | "spearman" | "pearson" => assert_correlation(&record, function),
            _ => assert_values(of_lists(&record, function), &record),
        }
    }
}

/// One group is a list of one group here: the record's plain numbers become lists.
fn in_lists(mut record: Value) -> Value {
    for (key, value) in record["expected"].as_object_mut().unwrap() {
        if !value.is_array() && key != "raises" {
            *value = json!([value.take()]);
        }
    }
    record
}

fn assert_values(values: Result<Vec<f64>>, record: &Value) {
    if let Some(values) = unless_raised(values, record) {
        assert_close(&values, record, "value");
    }
}

fn of_lists(record: &Value, function: &str) -> Result<Vec<f64>> {
    let (inputs, params) = (&record["inputs"], &record["params"]);
    let [scores, labels] = ["scores", "labels"].map(|name| floats(&inputs[name]));
    let one_group = || vec![0, i64::try_from(scores.len()).unwrap()];
    let offsets = inputs.get("offsets").map_or_else(one_group, ints);
    let lists = Judged {
        scores: Column::F64(&scores),
        labels: Column::F64(&labels),
        offsets: &offsets,
        nan: NanPolicy::Raise,
    };
    let k = params["k"].as_u64().map(|k| usize::try_from(k).unwrap());
    let word = |name: &str, default| params[name].as_str().unwrap_or(default).to_owned();
    let number = |name: &str, default| params[name].as_f64().unwrap_or(default);
    let (threshold, undefined) = (number("threshold", 1.0), number("undefined", f64::NAN));
    let by = Discounting {
        k,
        gain: word("gain", "linear").parse()?,
        ties: word("ties", "stable").parse()?,
    };
    match function {
        "metrics.dcg" => metrics::dcg(&lists, by),
        "metrics.ndcg" => metrics::ndcg(&lists, by, undefined),
        "metrics.average_precision" => {
            let denominator = word("denominator", "all").parse()?;
            metrics::average_precision(&lists, k, threshold, denominator, undefined)
        }
        "metrics.reciprocal_rank" => metrics::reciprocal_rank(&lists, k, threshold, undefined),
        "metrics.precision_at_k" => metrics::precision_at_k(&lists, k.unwrap(), threshold),
        "metrics.recall_at_k" => metrics::recall_at_k(&lists, k.unwrap(), threshold, undefined),
        "metrics.r_precision" => metrics::r_precision(&lists, threshold, undefined),
        "metrics.expected_reciprocal_rank" => {
            metrics::expected_reciprocal_rank(&lists, k, number("max_grade", 0.0))
        }
        "metrics.rank_biased_precision" => {
            metrics::rank_biased_precision(&lists, number("p", 0.0), threshold)
        }
        other => panic!("no Rust function for {other}"),
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.get("arange").map_or_else(
        || floats(value),
        |bounds| {
            let [first, end, 1] = ints(bounds)[..] else {
                panic!("steps of 1 only, got {bounds}")
            };
            (first..end)
                .map(|x| f64::from(i32::try_from(x).unwrap()))
                .collect()
        },
    )
}

fn assert_correlation(record: &Value, function: &str) {
    let inputs = &record["inputs"];
    let [x, y] = ["x", "y"].map(|name| numbers(&inputs[name]));
    let ranks = inputs.get("ranks").map(numbers);
    let offsets = [0, i64::try_from(x.len()).unwrap()];
    let (x, y) = (Column::F64(&x), Column::F64(&y));
    let values = match function {
        "metrics.spearman" => metrics::spearman(x, y, &offsets, NanPolicy::Raise),
        "metrics.pearson" => metrics::pearson(x, y, &offsets, NanPolicy::Raise),
        _ => {
            let ranks = ranks.as_deref().map(Column::F64);
            let by = match record["params"]["additive"].as_bool() {
                Some(false) => PairWeight::Product,
                _ => PairWeight::Sum,
            };
            metrics::weighted_tau(x, y, ranks, by, &offsets, NanPolicy::Raise)
        }
    };
    assert_values(values, record);
}

fn assert_test(record: &Value) {
    let [x, y] = ["x", "y"].map(|name| numbers(&record["inputs"][name]));
    let word = |name: &str| record["params"][name].as_str().unwrap();
    let tests = metrics::kendall_test(
        Column::F64(&x),
        Column::F64(&y),
        &[0, i64::try_from(x.len()).unwrap()],
        word("alternative").parse().unwrap(),
        word("method").parse().unwrap(),
        NanPolicy::Raise,
    );
    let (statistic, pvalue) = tests.unwrap()[0];
    assert_close(&[statistic], record, "statistic");
    assert_close(&[pvalue], record, "pvalue");
}

/// Items are numbers, or strings of one letter.
fn assert_overlap(record: &Value) {
    let item = |value: &Value| match value.as_str() {
        Some(text) => i64::from(text.as_bytes()[0]),
        None => value.as_i64().unwrap(),
    };
    let ids = |name: &str| {
        items(&record["inputs"][name])
            .iter()
            .map(item)
            .collect::<Vec<i64>>()
    };
    let (a, b) = (ids("a"), ids("b"));
    let p = record["params"]["p"].as_f64().unwrap();
    let [of_a, of_b] = [&a, &b].map(|list| [0, i64::try_from(list.len()).unwrap()]);
    let overlaps = metrics::rank_biased_overlap(&a, &b, &of_a, &of_b, p);
    if let Some(overlaps) = unless_raised(overlaps, record) {
        assert_close(&[overlaps[0].extrapolated], record, "extrapolated");
        assert_close(&[overlaps[0].truncated], record, "truncated");
    }
}
