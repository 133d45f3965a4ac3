//! Paired token statistics against the records and their definition in f64.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss
)]
#![allow(clippy::float_cmp)] // 0, infinities and bits are compared exactly on purpose

use half::bf16;
use prefcore::logps::{Logit, PairedStats, PairedUpstream, Real, Tokens, Transform};
use prefcore::logps::{paired_token_stats, paired_token_stats_backward};
use prefcore::{random, threads};
use serde_json::Value;

use crate::vectors::{assert_close, floats, ints, records};

const PLAIN: Transform = Transform {
    temperature: 1.0,
    row_temperature: None,
    softcap: None,
    logit_scale: 1.0,
};
const CAPPED: Transform = Transform {
    temperature: 0.7,
    softcap: Some(30.0),
    logit_scale: 1.5,
    row_temperature: None,
};
const FIELDS: [&str; 6] = [
    "logps",
    "ref_logps",
    "kl_ref_policy",
    "kl_policy_ref",
    "entropy",
    "log_sum_sq_probs",
];

/// Uniform numbers in -spread..spread.
fn noise(seed: u64, n: usize, spread: f64) -> Vec<f64> {
    let uniform = |i| (random::key(seed, &[i as u64]) >> 11) as f64 / 2f64.powi(53);
    (0..n).map(|i| spread * (2.0 * uniform(i) - 1.0)).collect()
}

fn tokens<'a>(targets: &'a [i64], shape: &'a [usize]) -> Tokens<'a> {
    Tokens {
        targets,
        mask: None,
        shape,
    }
}

fn columns<R: Copy + Into<f64>>(stats: &PairedStats<R>) -> [Vec<f64>; 6] {
    [
        &stats.logps,
        &stats.ref_logps,
        &stats.kl_ref_policy,
        &stats.kl_policy_ref,
        &stats.entropy,
        &stats.log_sum_sq_probs,
    ]
    .map(|column| column.iter().map(|&value| value.into()).collect())
}

/// The six statistics of one row.
fn score<T: Logit>(p: &[T], q: &[T], target: i64, transform: &Transform) -> [f64; 6] {
    let stats = paired_token_stats(&[p], &[q], &tokens(&[target], &[1]), transform).unwrap();
    columns(&stats).map(|column| column[0])
}

/// Gradient of rows whose statistics have the derivatives c1 to c5.
fn pull<T: Logit>(
    [p, q]: [&[&[T]]; 2],
    targets: &[i64],
    transform: &Transform,
    grads: [f64; 5],
) -> Vec<f64> {
    let stats = paired_token_stats(p, q, &tokens(targets, &[targets.len()]), transform).unwrap();
    let [c1, c2, c3, c4, c5] = grads.map(|grad| vec![T::Real::round(grad); targets.len()]);
    let upstream = PairedUpstream {
        grad_logps: &c1,
        grad_kl_ref_policy: &c2,
        grad_kl_policy_ref: &c3,
        grad_entropy: &c4,
        grad_log_sum_sq_probs: &c5,
        logps: &stats.logps,
        ref_logps: &stats.ref_logps,
        kl_policy_ref: &stats.kl_policy_ref,
        entropy: &stats.entropy,
        log_sum_sq_probs: &stats.log_sum_sq_probs,
    };
    let mut out = p.concat();
    paired_token_stats_backward(
        p,
        q,
        &tokens(targets, &[targets.len()]),
        transform,
        &upstream,
        &mut out,
    )
    .unwrap();
    out.into_iter().map(Into::into).collect()
}

fn log_softmax(x: &[f64], transform: &Transform) -> Vec<f64> {
    let z = |&x: &f64| match transform.softcap {
        _ if x == f64::NEG_INFINITY => x,
        None => transform.logit_scale * x / transform.temperature,
        Some(cap) => cap * (transform.logit_scale * x / cap).tanh() / transform.temperature,
    };
    let z: Vec<f64> = x.iter().map(z).collect();
    let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = z.iter().map(|z| (z - max).exp()).sum::<f64>().ln();
    z.iter().map(|z| z - max - log_sum).collect()
}

fn definition(p: &[f64], q: &[f64], target: usize, transform: &Transform) -> [f64; 6] {
    let (p, q) = (log_softmax(p, transform), log_softmax(q, transform));
    let kl = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a.exp() * (a - b)).sum();
    let entropy = -p.iter().map(|p| p.exp() * p).sum::<f64>();
    let squares = p.iter().map(|p| (2.0 * p).exp()).sum::<f64>().ln();
    [
        p[target],
        q[target],
        kl(&q, &p),
        kl(&p, &q),
        entropy,
        squares,
    ]
}

/// Rows of a list of any depth, one after the other, and how long each is.
fn rows(value: &Value) -> Vec<Vec<f64>> {
    match value.as_array() {
        Some(list) if list.iter().any(Value::is_array) => list.iter().flat_map(rows).collect(),
        _ => vec![floats(value)],
    }
}

fn flat(value: &Value) -> Vec<f64> {
    rows(value).concat()
}

#[test]
fn records_of_the_python_tests() {
    let mut seen = 0;
    for record in records("logps") {
        if record["function"] != "logps.paired_token_stats" {
            continue;
        }
        let [policy, reference] = ["logits", "ref_logits"].map(|key| rows(&record["inputs"][key]));
        let [p, q] =
            [&policy, &reference].map(|rows| rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let targets: Vec<i64> = flat_ints(&record["inputs"]["targets"]["data"]);
        let stats =
            paired_token_stats(&p, &q, &tokens(&targets, &[targets.len()]), &PLAIN).unwrap();
        let name = record["params"]["outputs"][0].as_str().unwrap();
        let field = FIELDS.iter().position(|&field| field == name).unwrap();
        let flattened = |key: &str| {
            let mut record = record.clone();
            record["expected"][key] = flat(&record["expected"][key]).into();
            record
        };
        assert_close(&columns(&stats)[field], &flattened(name), name);
        if record["expected"].get("grad_logits").is_some() {
            let grads = [0, 2, 3, 4, 5].map(|own| f64::from(u8::from(own == field)));
            let got = pull([&p, &q], &targets, &PLAIN, grads);
            assert_close(&got, &flattened("grad_logits"), "grad_logits");
        }
        seen += 1;
    }
    assert_eq!(seen, 9);
}

fn flat_ints(value: &Value) -> Vec<i64> {
    match value.as_array() {
        Some(list) if list.iter().any(Value::is_array) => list.iter().flat_map(flat_ints).collect(),
        _ => ints(value),
    }
}

/// One entry; less than, exactly and more than the lanes; around one tile; a real vocabulary.
#[test]
fn every_size_matches_the_definition() {
    for (seed, n) in (0..).zip([1, 7, 16, 17, 1023, 1024, 1025, 32_000]) {
        for (distance, transform) in [(0.01, PLAIN), (3.0, PLAIN), (3.0, CAPPED)] {
            let p = noise(seed, n, 9.0);
            let q: Vec<f64> = p
                .iter()
                .zip(noise(seed + 99, n, distance))
                .map(|(p, d)| p + d)
                .collect();
            let target = n / 3;
            let close = |got: [f64; 6], want: [f64; 6], tolerance: f64| {
                let near = |(got, want): (&f64, &f64)| {
                    (got - want).abs() <= tolerance * (1.0 + want.abs() / 5.0)
                };
                assert!(got.iter().zip(&want).all(near), "{n}: {got:?}, {want:?}");
            };
            let want = definition(&p, &q, target, &transform);
            close(score(&p, &q, target as i64, &transform), want, 1e-12);
            let [p, q] = [p, q].map(|row| row.iter().map(|&x| x as f32).collect::<Vec<_>>());
            let exact = [&p, &q].map(|row| row.iter().map(|&x| x.into()).collect::<Vec<f64>>());
            let want = definition(&exact[0], &exact[1], target, &transform);
            close(score(&p, &q, target as i64, &transform), want, 3e-6);
            let [p, q] =
                [p, q].map(|row| row.iter().map(|&x| bf16::from_f32(x)).collect::<Vec<_>>());
            let exact = [&p, &q].map(|row| row.iter().map(|&x| x.into()).collect::<Vec<f64>>());
            let want = definition(&exact[0], &exact[1], target, &transform);
            close(score(&p, &q, target as i64, &transform), want, 3e-6);
        }
    }
}

/// The gradient of each statistic against differences of the f64 forward, with and without a soft cap.
#[test]
fn gradients_match_differences_of_the_forward() {
    let (p, q, step) = (noise(1, 21, 3.0), noise(2, 21, 3.0), 1e-5);
    for transform in [PLAIN, CAPPED] {
        for (grad, field) in [0, 2, 3, 4, 5].into_iter().enumerate() {
            let mut grads = [0.0; 5];
            grads[grad] = 1.0;
            let got = pull([&[&p], &[&q]], &[4], &transform, grads);
            for (at, got) in got.into_iter().enumerate() {
                let moved = |by: f64| {
                    let mut p = p.clone();
                    p[at] += by;
                    score(&p, &q, 4, &transform)[field]
                };
                let want = (moved(step) - moved(-step)) / (2.0 * step);
                assert!((got - want).abs() < 1e-9, "{field} {at}: {got}, {want}");
            }
        }
    }
}

#[test]
fn equal_rows_have_exactly_no_divergence() {
    let row: Vec<f32> = noise(5, 4099, 20.0).iter().map(|&x| x as f32).collect();
    for transform in [PLAIN, CAPPED] {
        assert_eq!(score(&row, &row, 7, &transform)[2..4], [0.0, 0.0]);
        let rows: [&[&[f32]]; 2] = [&[&row], &[&row]];
        assert!(
            pull(rows, &[7], &transform, [0.0, 1.0, 1.0, 0.0, 0.0])
                .iter()
                .all(|&g| g == 0.0)
        );
    }
}

/// Divergences from 1e-12 up, where a difference of f32 log-probs would leave 1e-7.
#[test]
fn tiny_divergences_keep_their_digits() {
    for distance in [1e-5, 1e-3, 0.1] {
        let p: Vec<f64> = noise(1, 9000, 3.0);
        let q: Vec<f32> = p
            .iter()
            .zip(noise(2, 9000, distance))
            .map(|(p, d)| (p + d) as f32)
            .collect();
        let p: Vec<f32> = p.iter().map(|&x| x as f32).collect();
        let exact = [&p, &q].map(|row| row.iter().map(|&x| x.into()).collect::<Vec<f64>>());
        let want = score(&exact[0], &exact[1], 3, &PLAIN);
        let got = score(&p, &q, 3, &PLAIN);
        for field in [2, 3] {
            let allowed = want[field] * (2e-7 / distance + 1e-6);
            assert!(
                (got[field] - want[field]).abs() <= allowed,
                "{distance}: {got:?}, {want:?}"
            );
        }
    }
}

/// Mass of one row where the other has -inf, in a tile of its own, and shared -inf, which counts nothing.
#[test]
fn masked_vocabulary() {
    let (mut p, mut q) = (vec![0.5_f32; 3000], vec![0.25_f32; 3000]);
    p[..1500].fill(f32::NEG_INFINITY);
    q[..1500].fill(f32::NEG_INFINITY);
    assert_eq!(score(&p, &q, 2000, &PLAIN)[2..4], [0.0, 0.0]);
    q[100] = -200.0; // without any mass in f32
    assert_eq!(score(&p, &q, 2000, &PLAIN)[2..4], [f64::INFINITY, 0.0]);
    assert_eq!(score(&q, &p, 2000, &PLAIN)[2..4], [0.0, f64::INFINITY]);
    let rows: [&[&[f32]]; 2] = [&[&p], &[&q]];
    let grad = pull(rows, &[2000], &PLAIN, [1.0, 1.0, 0.0, 0.5, 0.5]);
    assert!(grad.iter().all(|g| g.is_finite()) && grad[..1500].iter().all(|&g| g == 0.0));
}

#[test]
fn bad_rows_are_named() {
    let (row, empty) = ([0.0_f32; 40], [f32::NEG_INFINITY; 40]);
    let message = |p: &[&[f32]], q: &[&[f32]]| {
        let error = paired_token_stats(p, q, &tokens(&[1, 2], &[2]), &PLAIN).unwrap_err();
        error.to_string()
    };
    let end = "[1] must be a row with at least one entry above -inf, got -inf everywhere";
    assert_eq!(
        message(&[&row, &empty], &[&row, &row]),
        format!("logits{end}")
    );
    assert_eq!(
        message(&[&row, &row], &[&row, &empty]),
        format!("ref_logits{end}")
    );
    assert_eq!(
        message(&[&row, &row], &[&row]),
        "ref_logits must have length 2 like logits, got 1"
    );
}

/// 64 rows of 4,099 (odd, several tiles, enough work for several threads): each gives the bits that it gives alone.
#[test]
fn bits_do_not_depend_on_threads_or_batch() {
    let make = |seed| {
        noise(seed, 64 * 4099, 9.0)
            .iter()
            .map(|&x| x as f32)
            .collect::<Vec<_>>()
    };
    let (policy, reference) = (make(1), make(2));
    let [p, q] = [&policy, &reference].map(|all| all.chunks(4099).collect::<Vec<_>>());
    let targets: Vec<i64> = (0..64).map(|row| row * 60).collect();
    let grads = [1.0, -0.5, 0.25, 2.0, -1.0];
    for count in [1, 2, 5] {
        threads::set_num_threads(count);
        let stats = columns(
            &paired_token_stats(&p, &q, &tokens(&targets, &[targets.len()]), &PLAIN).unwrap(),
        );
        let grad = pull([&p, &q], &targets, &PLAIN, grads);
        for row in [0, 31, 63] {
            let alone = score(p[row], q[row], targets[row], &PLAIN);
            assert_eq!(stats.each_ref().map(|column| column[row]), alone);
            let alone = pull(
                [&p[row..=row], &q[row..=row]],
                &targets[row..=row],
                &PLAIN,
                grads,
            );
            assert_eq!(grad[4099 * row..4099 * (row + 1)], alone);
        }
    }
    threads::set_num_threads(0);
}
