use prefcore::check::NanPolicy;
use prefcore::pairs::{Bound, Options, Pairs, Score, all_pairs, best_vs_rest, pair_weights};
use prefcore::{Result, random};
use serde_json::Value;

use crate::vectors::{assert_close, assert_equal, floats, ints, items, records, unless_raised};

#[test]
fn every_record_holds() {
    for record in records("pairs") {
        match record["function"].as_str().unwrap() {
            "_rust.random_keys" => {
                let counters: Vec<u64> = items(&record["inputs"])
                    .iter()
                    .filter_map(Value::as_u64)
                    .collect();
                let key = random::key(counters[0], &counters[1..]);
                assert_eq!(
                    Some(key),
                    record["expected"]["value"].as_u64(),
                    "{}",
                    record["id"]
                );
            }
            "pairs.pair_weights" => {
                let call = &record["inputs"]["pairs"];
                let pairs = run(
                    call,
                    call["call"].as_str().unwrap(),
                    &floats(&call["inputs"]["scores"]),
                );
                let values = record["inputs"].get("values").map(floats);
                let weights = pair_weights(&pairs.unwrap().group, values.as_deref());
                assert_close(&weights.unwrap(), &record, "value");
            }
            function => builder(&record, function),
        }
    }
}

fn builder(record: &Value, function: &str) {
    let scores = &record["inputs"]["scores"];
    match scores["dtype"].as_str() {
        Some("int64") => {
            let pairs = unless_raised(run(record, function, &ints(scores)), record);
            let pairs = pairs.inspect(|pairs| assert_rows(pairs, record));
            assert_equal(&pairs.unwrap().margin, record, "margin");
        }
        Some("float32") => {
            #[allow(clippy::cast_possible_truncation)] // the record holds numbers of this type
            let scores: Vec<f32> = floats(scores)
                .into_iter()
                .map(|score| score as f32)
                .collect();
            let pairs = run(record, function, &scores).unwrap();
            assert_rows(&pairs, record);
            let margin: Vec<f64> = pairs.margin.into_iter().map(f64::from).collect();
            assert_close(&margin, record, "margin");
        }
        _ => {
            if let Some(pairs) = unless_raised(run(record, function, &floats(scores)), record) {
                assert_rows(&pairs, record);
                assert_close(&pairs.margin, record, "margin");
            }
        }
    }
}

fn assert_rows<T>(pairs: &Pairs<T, i64>, record: &Value) {
    assert_equal(&pairs.chosen, record, "chosen");
    assert_equal(&pairs.rejected, record, "rejected");
    assert_equal(&pairs.group, record, "group");
}

fn run<T: Score>(record: &Value, function: &str, scores: &[T]) -> Result<Pairs<T, i64>> {
    let params = &record["params"];
    let size = params["max_pairs_per_group"].as_u64();
    let options = Options {
        min_gap: params["min_gap"].as_f64().unwrap_or(0.0).into(),
        max_gap: params["max_gap"].as_f64().map(Bound::Float),
        inclusive: params["inclusive"].as_bool().unwrap_or(false),
        max_pairs_per_group: size.map(|size| usize::try_from(size).unwrap()),
        seed: params["seed"].as_u64().unwrap_or(0),
        nan: match params["nan"].as_str() {
            Some("omit") => NanPolicy::Omit,
            _ => NanPolicy::Raise,
        },
        by: None,
    };
    let offsets = ints(&record["inputs"]["offsets"]);
    match function {
        "pairs.all_pairs" => all_pairs(scores, &offsets, &options),
        "pairs.best_vs_rest" => best_vs_rest(scores, &offsets, &options),
        other => panic!("no Rust function for {other}"),
    }
}
