use prefcore::check::NanPolicy;
use prefcore::column::Column;
use prefcore::pairs::{
    Adjacent, BestWorst, Bound, Cursor, Options, Pairs, PairsMut, Score, StepPairs, Worse,
    adjacent, all_pairs, best_vs_rest, best_worst, common_prefixes, count_pairs, next_batch,
    pair_weights, step_pairs,
};
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
    let by = record["inputs"].get("by").map(ints);
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
        by: by.as_deref(),
    };
    let offsets = ints(&record["inputs"]["offsets"]);
    match function {
        "pairs.all_pairs" => all_pairs(scores, &offsets, &options),
        "pairs.best_vs_rest" => best_vs_rest(scores, &offsets, &options),
        "pairs.best_worst" => {
            let ties = params["ties"] == "keep";
            let scheme = BestWorst {
                k: 1,
                correct: None,
                ties,
            };
            best_worst(scheme, scores, &offsets, &options)
        }
        "pairs.adjacent" => {
            let skip = |name: &str| {
                params[name]
                    .as_u64()
                    .map_or(1, |skip| usize::try_from(skip).unwrap())
            };
            let (min_skip, max_skip) = (skip("min_skip"), Some(skip("max_skip")));
            let ties = params["ties"] == "keep";
            adjacent(
                Adjacent {
                    min_skip,
                    max_skip,
                    ties,
                },
                scores,
                &offsets,
                &options,
            )
        }
        other => panic!("no Rust function for {other}"),
    }
}

/// The definition, on scores with ties: sizes of `all_pairs`, and its sequence in batches of every size.
#[test]
fn counts_and_batches_are_those_of_all_pairs() {
    let draw = |row: u64, below: u64| u32::try_from(random::key(5, &[row]) % below).unwrap();
    let scores: Vec<f64> = (0..60).map(|row| f64::from(draw(row, 7)) / 2.0).collect();
    let by: Vec<i64> = (0..60).map(|row| draw(row + 100, 3).into()).collect();
    let offsets = [0, 9, 9, 40, 41, 60];
    for by in [None, Some(by.as_slice())] {
        let options = Options {
            min_gap: 0.5.into(),
            max_gap: Some(2.0.into()),
            by,
            ..Options::default()
        };
        let all: Pairs<f64, i64> = all_pairs(&scores, &offsets, &options).unwrap();
        let counts = count_pairs(&scores, &offsets, &options).unwrap();
        for (group, counts) in (0..).zip(&counts) {
            let size = all.group.iter().filter(|&&own| own == group).count();
            assert_eq!(counts.pairs, i64::try_from(size).unwrap());
        }
        for size in [1, 7, 1_000] {
            let mut found: Pairs<f64, i64> = Pairs::default();
            // within the first group alone: a batch that ends elsewhere begins with the next group
            let (end, own) = (9, all.group.iter().filter(|&&group| group == 0).count());
            let mut place = Cursor::default();
            while found.group.len() < own {
                let room = size.min(own - found.group.len());
                let mut columns = (vec![0; room], vec![0; room], vec![0.0; room], vec![0; room]);
                let out = PairsMut {
                    chosen: &mut columns.0,
                    rejected: &mut columns.1,
                    margin: &mut columns.2,
                    group: &mut columns.3,
                };
                let by = by.map(|by| &by[..end]);
                let options = Options { by, ..options };
                place = next_batch(&scores[..end], &[0, 9], &options, place, out).unwrap();
                found.chosen.extend(columns.0);
                found.rejected.extend(columns.1);
                found.margin.extend(columns.2);
                found.group.extend(columns.3);
            }
            assert_eq!(found.chosen, all.chosen[..own]);
            assert_eq!(found.rejected, all.rejected[..own]);
            assert_eq!(found.margin, all.margin[..own]);
        }
    }
}

#[test]
fn a_prefix_beyond_a_block_of_comparisons_is_found_to_the_entry() {
    for length in [0, 1, 31, 32, 33, 64, 100] {
        let chosen: Vec<i64> = (0..120).collect();
        let mut rejected = chosen.clone();
        rejected[length] = -1;
        let found = common_prefixes(&chosen, &[0, 120], &rejected, &[0, 120]).unwrap();
        assert_eq!(found[0].length, i64::try_from(length).unwrap());
        assert!(!found[0].chosen_empty && !found[0].rejected_empty);
    }
}

#[test]
fn the_best_step_meets_another_one_of_its_group() {
    let (q, rest) = ([0.5, 0.5, 0.1], [3_i64, 2, 9]);
    let column = Column::I64(&rest);
    for (worse, rejected) in [(Worse::Second, 1), (Worse::Worst, 2)] {
        let columns = [
            ("q", Column::F64(&q)),
            ("prior", column),
            ("rewards", column),
            ("values", column),
            ("visits", column),
        ];
        let scheme = StepPairs::new(columns, &[0, 3], worse, 0).unwrap();
        let pairs: Pairs<f64, i64> = step_pairs(scheme, &q, &[0, 3]).unwrap();
        assert_eq!((pairs.chosen, pairs.rejected), (vec![0], vec![rejected]));
    }
}
