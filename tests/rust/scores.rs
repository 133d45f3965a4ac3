//! Advantages over groups against the records, and the same bits for any number of threads.
#![allow(clippy::cast_precision_loss, clippy::cast_possible_wrap)]
#![allow(clippy::float_cmp)] // bits are compared exactly on purpose

use prefcore::scores::{Scale, Tokens, gae, group_advantage};
use prefcore::{random, threads};

use crate::vectors::{assert_close, floats, ints, records};

#[test]
fn records_hold() {
    let mut checked = 0;
    for record in records("scores") {
        if record["function"] != "scores.group_advantage" {
            continue;
        }
        let (inputs, params) = (&record["inputs"], &record["params"]);
        let scale = Scale {
            ddof: u8::try_from(params["ddof"].as_u64().unwrap()).unwrap(),
            eps: params["eps"].as_f64().unwrap_or(0.0),
        };
        let (rewards, offsets) = (floats(&inputs["rewards"]), ints(&inputs["offsets"]));
        let got = advantages(&rewards, &offsets, Some(scale));
        assert_close(&got, &record, "value");
        checked += 1;
    }
    assert!(checked >= 4, "only {checked} records were found");
}

fn advantages(rewards: &[f64], offsets: &[i64], scale: Option<Scale>) -> Vec<f64> {
    let mut out = vec![f64::NAN; rewards.len()];
    group_advantage(rewards, offsets, scale, &mut out).unwrap();
    out
}

/// Uniform numbers in -1..1.
fn noise(seed: u64, n: usize) -> Vec<f64> {
    let uniform = |i| (random::key(seed, &[i as u64]) >> 11) as f64 / 2f64.powi(53);
    (0..n).map(|i| 2.0 * uniform(i) - 1.0).collect()
}

/// 40,000 rows are above the work at which threads start; groups of 0 to 36 end in the middle of steps of 16.
#[test]
fn bits_do_not_depend_on_threads_or_neighbors() {
    let rewards = noise(1, 40_000);
    let mut offsets = vec![0];
    for size in (0..37).cycle() {
        match offsets[offsets.len() - 1] + size {
            next if next <= rewards.len() => offsets.push(next),
            _ => break,
        }
    }
    offsets.push(rewards.len());
    let bounds: Vec<i64> = offsets.iter().map(|&at| at as i64).collect();
    let scale = Some(Scale { ddof: 1, eps: 1e-4 });
    let (values, mask) = (noise(2, 40_000), vec![true; 40_000]);
    let tokens = Tokens {
        rewards: &rewards,
        values: &values,
        mask: &mask,
        width: 200,
    };
    threads::set_num_threads(1);
    let (serial, estimate) = (
        advantages(&rewards, &bounds, scale),
        gae(&tokens, 0.99, 0.95).unwrap(),
    );
    for count in [2, 5] {
        threads::set_num_threads(count);
        assert_eq!(advantages(&rewards, &bounds, scale), serial);
        assert_eq!(gae(&tokens, 0.99, 0.95).unwrap(), estimate);
    }
    threads::set_num_threads(0);
    for group in [1, 20, offsets.len() - 2] {
        let rows = offsets[group]..offsets[group + 1];
        let alone = advantages(&rewards[rows.clone()], &[0, rows.len() as i64], scale);
        assert_eq!(alone, serial[rows]);
    }
}
