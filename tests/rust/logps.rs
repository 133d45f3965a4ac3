//! Token statistics against their definition in f64.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
#![allow(clippy::cast_precision_loss)]
#![allow(clippy::float_cmp)] // 0, infinities and bits are compared exactly on purpose

use half::{bf16, f16};
use prefcore::logps::{Extras, Logit, Real, Tokens, Transform, Upstream};
use prefcore::logps::{token_stats, token_stats_backward, token_stats_backward_in_place};
use prefcore::{random, threads};

const PLAIN: Transform = Transform {
    temperature: 1.0,
    row_temperature: None,
    softcap: None,
    logit_scale: 1.0,
};
const CAPPED: Transform = Transform {
    temperature: 0.7,
    row_temperature: None,
    softcap: Some(30.0),
    logit_scale: 1.5,
};
const ALL: Extras = Extras {
    entropy: true,
    log_sum_sq_probs: true,
    is_top1: true,
    mean_logits: true,
};
const NONE: Extras = Extras {
    entropy: false,
    log_sum_sq_probs: false,
    is_top1: false,
    mean_logits: false,
};
/// One entry; less than, exactly and more than a vector; around one tile; vocabularies of Llama 2, LP-03 and Llama 3.
const SIZES: [usize; 10] = [1, 7, 16, 17, 1023, 1024, 1025, 32_000, 70_001, 128_256];

/// Standard normal times `spread`, by Box and Muller.
fn normal(seed: u64, n: usize, spread: f64) -> Vec<f64> {
    let uniform = |i, k| (random::key(seed, &[i as u64, k]) >> 11) as f64 / 2f64.powi(53);
    let radius = |i| (-2.0 * (1.0 - uniform(i, 0)).ln()).sqrt();
    let turn = |i| (std::f64::consts::TAU * uniform(i, 1)).cos();
    (0..n).map(|i| spread * radius(i) * turn(i)).collect()
}

fn z(x: f64, transform: &Transform) -> f64 {
    match transform.softcap {
        _ if x == f64::NEG_INFINITY => x,
        None => transform.logit_scale * x / transform.temperature,
        Some(cap) => cap * (transform.logit_scale * x / cap).tanh() / transform.temperature,
    }
}

fn slope(x: f64, transform: &Transform) -> f64 {
    let capped = |cap: f64| (transform.logit_scale * x / cap).tanh();
    let tanh = transform.softcap.map_or(0.0, capped);
    transform.logit_scale / transform.temperature * (1.0 - tanh * tanh)
}

/// Log-prob and log-sum-exp by definition; the maximum is taken off so that huge offsets keep their gaps.
fn definition(x: &[f64], target: usize, transform: &Transform) -> [f64; 2] {
    let z: Vec<f64> = x.iter().map(|&x| z(x, transform)).collect();
    let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = z.iter().map(|z| (z - max).exp()).sum::<f64>().ln();
    [z[target] - max - log_sum, max + log_sum]
}

/// Gradient by definition, exact enough as long as the target's p is not within 1e-9 of 1.
fn gradient(x: &[f64], target: usize, transform: &Transform, [logps, lse]: [f64; 2]) -> Vec<f64> {
    let max = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exp = |&x: &f64| (z(x, transform) - z(max, transform)).exp();
    let exps: Vec<f64> = x.iter().map(exp).collect();
    let sum: f64 = exps.iter().sum();
    let at = |(j, exp): (usize, &f64)| match (x[j], j == target) {
        (f64::NEG_INFINITY, _) => 0.0,
        (x, true) => slope(x, transform) * (logps * (sum - exp) + lse * exp) / sum,
        (x, false) => slope(x, transform) * (lse - logps) * exp / sum,
    };
    exps.iter().enumerate().map(at).collect()
}

fn tokens<'a>(targets: &'a [i64], shape: &'a [usize]) -> Tokens<'a> {
    Tokens {
        targets,
        mask: None,
        shape,
    }
}

/// `[logps, lse]` of one row.
fn score<T: Logit>(row: &[T], target: usize, transform: &Transform) -> [f64; 2] {
    let targets = [target as i64];
    let stats = token_stats(&[row], &tokens(&targets, &[1]), transform, NONE).unwrap();
    [stats.logps[0].into(), stats.lse[0].into()]
}

/// Entropy, ln Σ p² and mean by definition.
fn moments(x: &[f64], transform: &Transform) -> [f64; 3] {
    let z: Vec<f64> = x.iter().map(|&x| z(x, transform)).collect();
    let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = z.iter().map(|z| (z - max).exp()).sum::<f64>().ln();
    let log_p = || z.iter().map(|z| z - max - log_sum);
    let finite = log_p().filter(|log_p| log_p.is_finite());
    let entropy = -finite.map(|log_p| log_p * log_p.exp()).sum::<f64>();
    let squares = log_p().map(|log_p| (2.0 * log_p).exp()).sum::<f64>();
    [
        entropy,
        squares.ln(),
        z.iter().sum::<f64>() / z.len() as f64,
    ]
}

/// Every statistic of one row, the gradient of their sum weighted with `grads`, and the same written in place.
fn everything<T: Logit>(
    row: &[T],
    target: usize,
    transform: &Transform,
    grads: [f64; 4],
) -> ([f64; 5], bool, Vec<f64>, Vec<f64>) {
    let (targets, shape) = ([target as i64], [1]);
    let tokens = tokens(&targets, &shape);
    let stats = token_stats(&[row], &tokens, transform, ALL).unwrap();
    let grads = grads.map(|grad| [T::Real::round(grad)]);
    let upstream = Upstream {
        grad_logps: Some(&grads[0]),
        grad_lse: Some(&grads[1]),
        grad_entropy: Some(&grads[2]),
        grad_log_sum_sq_probs: Some(&grads[3]),
        lse: Some(&stats.lse),
        entropy: Some(&stats.entropy),
        log_sum_sq_probs: Some(&stats.log_sum_sq_probs),
    };
    let (mut out, mut over) = (row.to_vec(), row.to_vec());
    token_stats_backward(&[row], &tokens, transform, &upstream, vec![&mut out]).unwrap();
    token_stats_backward_in_place(vec![&mut over], &tokens, transform, &upstream).unwrap();
    let [logps, lse, entropy, squares, mean] = [
        stats.logps[0],
        stats.lse[0],
        stats.entropy[0],
        stats.log_sum_sq_probs[0],
        stats.mean_logits[0],
    ]
    .map(Into::into);
    let [out, over] = [out, over].map(|grads| grads.into_iter().map(Into::into).collect());
    (
        [logps, lse, entropy, squares, mean],
        stats.is_top1[0],
        out,
        over,
    )
}

/// Gradient of one row, with the log-sum-exp that the forward gives.
fn pull<T: Logit>(row: &[T], target: usize, transform: &Transform, grads: [f64; 2]) -> Vec<f64> {
    let targets = [target as i64];
    let [grad_logps, grad_lse] = grads.map(|grad| [T::Real::round(grad)]);
    let upstream = Upstream {
        grad_logps: Some(&grad_logps),
        grad_lse: Some(&grad_lse),
        lse: Some(&[T::Real::round(score(row, target, transform)[1])]),
        ..Upstream::default()
    };
    let mut out = row.to_vec();
    let (tokens, to) = (tokens(&targets, &[1]), vec![&mut out[..]]);
    token_stats_backward(&[row], &tokens, transform, &upstream, to).unwrap();
    out.into_iter().map(Into::into).collect()
}

fn close(got: f64, want: f64, absolute: f64, relative: f64) -> bool {
    got == want || (got - want).abs() <= absolute + relative * want.abs()
}

fn all_close(got: &[f64], want: &[f64], absolute: f64, relative: f64) -> bool {
    let mut pairs = got.iter().zip(want);
    pairs.all(|(&got, &want)| close(got, want, absolute, relative))
}

/// Values and gradients of one number type, whose rounding is at most `relative` or `absolute`; `unit` is the rounding
/// of the type calculated in.
fn check_type<T: Logit>(round: impl Fn(f64) -> T, relative: f64, absolute: f64, unit: f64) {
    for (seed, n) in (0..).zip(SIZES) {
        let target = n / 3;
        let mut logits = normal(seed, n, 3.0);
        for peak in [0.0, 12.0] {
            logits[target] += peak;
            let row: Vec<T> = logits.iter().map(|&x| round(x)).collect();
            let exact: Vec<f64> = row.iter().map(|&x| x.into()).collect();
            for transform in [PLAIN, CAPPED] {
                let got = score(&row, target, &transform);
                let want = definition(&exact, target, &transform);
                assert!(
                    all_close(&got, &want, 18.0 * unit, unit),
                    "{n}: {got:?}, {want:?}"
                );
                let got = pull(&row, target, &transform, [1.25, -0.5]);
                let want = gradient(&exact, target, &transform, [1.25, -0.5]);
                assert!(
                    all_close(&got, &want, absolute, relative + 200.0 * unit),
                    "{n}"
                );
            }
        }
    }
}

#[test]
fn f64_matches_the_definition() {
    check_type(|x| x, 1e-16, 1e-17, 5e-15);
}

#[test]
fn f32_matches_the_definition() {
    check_type(|x| x as f32, 6e-8, 1e-9, 6e-8);
}

#[test]
fn f16_matches_the_definition_of_its_values() {
    check_type(f16::from_f64, 4.9e-4, 3e-8, 6e-8);
}

#[test]
fn bf16_matches_the_definition_of_its_values() {
    check_type(bf16::from_f64, 3.95e-3, 1e-9, 6e-8);
}

/// Case LP-01: with a huge common offset the gaps survive, in the log-probs and in the gradient.
#[test]
fn common_offset_keeps_the_gaps() {
    let rows: [(&[f32], usize, f64); 3] = [
        (&[16_777_216.0, 16_777_214.0], 0, -0.126_928_011_042_972_5),
        (&[2e8, 2e8, 2e8], 1, -1.098_612_288_668_11),
        (
            &[-3e7, -29_999_996.0, -30_000_008.0],
            0,
            -4.018_155_961_600_867,
        ),
    ];
    for (row, target, want) in rows {
        assert!(close(score(row, target, &PLAIN)[0], want, 0.0, 1e-7));
        let exact: Vec<f64> = row.iter().map(|&x| x.into()).collect();
        let want = gradient(&exact, target, &PLAIN, [1.0, 0.0]);
        assert!(all_close(
            &pull(row, target, &PLAIN, [1.0, 0.0]),
            &want,
            1e-7,
            0.0
        ));
    }
}

/// Case LP-03: two live entries, 70,001 wide, so that whole tiles hold nothing but -inf; with and without a soft cap.
#[test]
fn masked_vocabulary_is_left_out() {
    let mut row = vec![f32::NEG_INFINITY; 70_001];
    (row[40_000], row[70_000]) = (6.5, 4.25);
    let exact: Vec<f64> = row.iter().map(|&x| x.into()).collect();
    for target in [40_000, 70_000, 0] {
        for transform in [PLAIN, CAPPED] {
            let want = definition(&exact, target, &transform);
            assert!(all_close(
                &score(&row, target, &transform),
                &want,
                5e-7,
                0.0
            ));
            let want = gradient(&exact, target, &transform, [1.0, 0.5]);
            assert!(all_close(
                &pull(&row, target, &transform, [1.0, 0.5]),
                &want,
                1e-6,
                0.0
            ));
        }
    }
    let lse = 6.600_206_558_916_748; // as the case gives it
    assert!(all_close(
        &score(&row, 40_000, &PLAIN),
        &[6.5 - lse, lse],
        5e-7,
        0.0
    ));
    assert_eq!(score(&row, 0, &PLAIN)[0], f64::NEG_INFINITY);
    for alone in [0, 40_000, 70_000] {
        let mut row = vec![f32::NEG_INFINITY; 70_001];
        row[alone] = -2.0;
        assert_eq!(score(&row, alone, &PLAIN), [0.0, -2.0]);
        assert_eq!(score(&row, alone, &CAPPED)[0], 0.0);
        assert!(
            pull(&row, alone, &PLAIN, [1.0, 0.0])
                .iter()
                .all(|&g| g == 0.0)
        );
    }
}

/// A log-prob near 0 and the gradient 1 - p of its target keep their relative accuracy (ORPO takes log(1 - p)).
#[test]
fn sure_tokens_keep_their_relative_accuracy() {
    for gap in [10.0, 20.0, 60.0] {
        let mut row = vec![0.0_f32; 1025];
        row[700] = gap;
        let rest = 1024.0 * (-f64::from(gap)).exp();
        assert!(close(score(&row, 700, &PLAIN)[0], -rest.ln_1p(), 0.0, 2e-7));
        let at_target = pull(&row, 700, &PLAIN, [1.0, 0.0])[700];
        assert!(
            close(at_target, rest / (1.0 + rest), 0.0, 4e-6),
            "{at_target}"
        );
    }
}

/// Everything far below 0; one entry 80 above the rest; a target 71 below; the ends of the number type.
#[test]
fn extreme_rows_stay_exact() {
    let (mut flat, mut peak, mut far) = ([-200.0_f32; 1025], [0.0_f32; 1025], [1.0_f32; 1025]);
    (flat[1024], peak[3], far[1024]) = (-200.0, 80.0, -70.0);
    assert!(close(
        score(&flat, 1024, &PLAIN)[0],
        -1025f64.ln(),
        5e-7,
        0.0
    ));
    assert!(close(score(&peak, 1024, &PLAIN)[0], -80.0, 4e-6, 0.0));
    assert!(close(
        score(&far, 1024, &PLAIN)[0],
        -71.0 - 1024f64.ln(),
        4e-6,
        0.0
    ));
    let ends = [f32::MAX, f32::MIN, 0.0];
    assert_eq!(score(&ends, 0, &PLAIN)[0], 0.0);
    assert_eq!(score(&ends, 1, &PLAIN)[0], f64::NEG_INFINITY);
}

#[test]
fn nan_and_overflow_are_never_dropped() {
    for bad in [f32::NAN, f32::INFINITY] {
        for (place, fill) in [
            (0, 0.0),
            (5, 0.0),
            (1024, 0.0),
            (0, -f32::INFINITY),
            (5, -f32::INFINITY),
        ] {
            let mut row = vec![fill; 1025];
            row[place] = bad;
            for target in [5, 6] {
                assert!(score(&row, target, &PLAIN).iter().all(|x| x.is_nan()));
                assert!(
                    pull(&row, target, &PLAIN, [1.0, 0.0])
                        .iter()
                        .any(|x| x.is_nan())
                );
            }
        }
    }
    assert!(score(&[0.0, f32::NAN], 0, &CAPPED)[0].is_nan());
    let saturated = score(&[f32::INFINITY, 1e30], 0, &CAPPED)[0];
    assert!(close(saturated, -std::f64::consts::LN_2, 0.0, 1e-7));
}

/// Two rows of six count; the others hold NaN logits, targets of -100 and temperatures of 0 and NaN, and get zeros.
#[test]
fn masked_rows_are_not_read() {
    let (logits, poison) = (normal(1, 50, 3.0), vec![f64::NAN; 50]);
    let rows = [&poison, &logits, &poison, &poison, &logits, &poison].map(Vec::as_slice);
    let tokens = Tokens {
        targets: &[-100, 49, -100, -100, 0, 99],
        mask: Some(&[false, true, false, false, true, false]),
        shape: &[2, 3],
    };
    let transform = Transform {
        row_temperature: Some(&[0.0, 0.5, 0.0, 0.0, 2.0, f64::NAN]),
        ..PLAIN
    };
    let stats = token_stats(&rows, &tokens, &transform, NONE).unwrap();
    let upstream = Upstream {
        grad_logps: Some(&[f64::NAN, 1.0, 1.0, 1.0, 2.0, 1.0]),
        lse: Some(&stats.lse),
        ..Upstream::default()
    };
    let mut out = vec![f64::NAN; 300];
    let to = out.chunks_mut(50).collect();
    token_stats_backward(&rows, &tokens, &transform, &upstream, to).unwrap();
    let expected = |target, temperature, grad| {
        let transform = Transform {
            temperature,
            ..PLAIN
        };
        let stats = definition(&logits, target, &transform);
        (stats, gradient(&logits, target, &transform, [grad, 0.0]))
    };
    let zeros = || ([0.0; 2], vec![0.0; 50]);
    let (first, second) = (expected(49, 0.5, 1.0), expected(0, 2.0, 2.0));
    let want = [zeros(), first, zeros(), zeros(), second, zeros()];
    for (i, (values, slopes)) in want.into_iter().enumerate() {
        assert!(all_close(
            &[stats.logps[i], stats.lse[i]],
            &values,
            0.0,
            1e-14
        ));
        assert!(all_close(&out[50 * i..50 * i + 50], &slopes, 1e-16, 1e-13));
    }
}

/// Rows without an upstream gradient are not read either, and no entry of `out` keeps what it held.
#[test]
fn rows_without_upstream_gradient_get_zeros() {
    let (poison, mut out) = ([f32::NAN; 1030], [f32::NAN; 2060]);
    let upstream = Upstream {
        grad_logps: Some(&[0.0; 2]),
        grad_lse: Some(&[0.0, -0.0]),
        lse: Some(&[f32::NAN; 2]),
        ..Upstream::default()
    };
    let (tokens, to) = (tokens(&[3, 4], &[2]), out.chunks_mut(1030).collect());
    token_stats_backward(&[&poison, &poison], &tokens, &PLAIN, &upstream, to).unwrap();
    assert!(out.iter().all(|&g| g == 0.0));
}

/// 64 rows of 4,099 (odd, several tiles, enough work for several threads): each gives the bits that it gives alone.
#[test]
fn bits_do_not_depend_on_threads_or_batch() {
    let logits: Vec<f32> = normal(2, 64 * 4099, 4.0)
        .iter()
        .map(|&x| x as f32)
        .collect();
    let rows: Vec<&[f32]> = logits.chunks(4099).collect();
    let targets: Vec<i64> = (0..64).map(|i| i * 64).collect();
    let tokens = tokens(&targets, &[8, 8]);
    let grads: Vec<f32> = normal(3, 64, 1.0).iter().map(|&x| x as f32).collect();
    for (transform, threads) in [(PLAIN, 1), (PLAIN, 2), (PLAIN, 5), (CAPPED, 2)] {
        threads::set_num_threads(threads);
        let stats = token_stats(&rows, &tokens, &transform, NONE).unwrap();
        let upstream = Upstream {
            grad_logps: Some(&grads),
            lse: Some(&stats.lse),
            ..Upstream::default()
        };
        let mut out = vec![0.0; logits.len()];
        let to = out.chunks_mut(4099).collect();
        token_stats_backward(&rows, &tokens, &transform, &upstream, to).unwrap();
        for (i, out) in out.chunks(4099).enumerate() {
            let together = [stats.logps[i], stats.lse[i]].map(f64::from);
            assert_eq!(score(rows[i], 64 * i, &transform), together);
            let alone = pull(rows[i], 64 * i, &transform, [grads[i].into(), 0.0]);
            assert!(out.iter().zip(alone).all(|(&x, y)| f64::from(x) == y));
        }
    }
    threads::set_num_threads(0);
}

#[test]
fn row_without_an_entry_is_an_error_and_no_rows_give_none() {
    let masked: &[f32] = &[f32::NEG_INFINITY; 1025];
    let rows = [&[0.0; 1025], masked, masked];
    let error = token_stats(&rows, &tokens(&[9; 3], &[1, 3]), &CAPPED, ALL).unwrap_err();
    let message =
        "logits[0, 1] must be a row with at least one entry above -inf, got -inf everywhere";
    assert_eq!(error.to_string(), message);
    let none = token_stats::<f32>(&[], &tokens(&[], &[0, 3]), &PLAIN, ALL).unwrap();
    assert!(none.logps.is_empty() && none.lse.is_empty());
}

/// Gradient of all four statistics by definition.
fn full_gradient(x: &[f64], target: usize, transform: &Transform, grads: [f64; 4]) -> Vec<f64> {
    let [logps, lse, of_entropy, of_squares] = grads;
    let [entropy, log_squares, _] = moments(x, transform);
    let log_sum = definition(x, target, transform)[1];
    let at = |(j, &x): (usize, &f64)| {
        let log_p = z(x, transform) - log_sum;
        let (p, hit) = (log_p.exp(), f64::from(u8::from(j == target)));
        let log = if p == 0.0 { 0.0 } else { log_p + entropy };
        let square = p / log_squares.exp() - 1.0;
        let slope = if p == 0.0 { 0.0 } else { slope(x, transform) };
        slope * (logps * (hit - p) + p * (lse - of_entropy * log + 2.0 * of_squares * square))
    };
    x.iter().enumerate().map(at).collect()
}

/// Flat, ordinary, peaked at the target and elsewhere, half masked; sizes around a tile and of Llama 2.
#[test]
fn moments_and_their_gradients_match_the_definition() {
    let grads = [0.75, -0.5, 1.25, -2.0];
    for (seed, n) in (40..).zip([1, 17, 1024, 1025, 32_000]) {
        let (ordinary, target) = (normal(seed, n, 3.0), n / 2);
        let (mut sure, mut wrong, mut masked) =
            (ordinary.clone(), ordinary.clone(), ordinary.clone());
        sure[target] = 40.0;
        wrong[n - 1] = 40.0;
        masked[..target].fill(f64::NEG_INFINITY);
        for logits in [vec![-2.5; n], ordinary, sure, wrong, masked] {
            for transform in [PLAIN, CAPPED] {
                let [entropy, squares, mean] = moments(&logits, &transform);
                let [logps, lse] = definition(&logits, target, &transform);
                let want = [logps, lse, entropy, squares, mean];
                let slopes = full_gradient(&logits, target, &transform, grads);
                let (got, _, out, over) = everything(&logits, target, &transform, grads);
                assert!(
                    all_close(&got, &want, 1e-12, 1e-13),
                    "{n}: {got:?}, {want:?}"
                );
                assert!(all_close(&out, &slopes, 1e-12, 1e-11), "{n}");
                assert_eq!(out, over);
                let single: Vec<f32> = logits.iter().map(|&x| x as f32).collect();
                let exact: Vec<f64> = single.iter().map(|&x| x.into()).collect();
                let [logps, lse] = definition(&exact, target, &transform);
                let [entropy, squares, mean] = moments(&exact, &transform);
                let want = [logps, lse, entropy, squares, mean];
                let slopes = full_gradient(&exact, target, &transform, grads);
                let (got, _, out, over) = everything(&single, target, &transform, grads);
                // The mean is taken of distances from the largest logit, up to 43 here.
                assert!(close(got[4], want[4], 43.0 * 1.2e-7, 0.0));
                assert!(
                    all_close(&got[..4], &want[..4], 2e-6, 2e-7),
                    "{n}: {got:?}, {want:?}"
                );
                assert!(all_close(&out, &slopes, 1e-6, 1e-5), "{n}");
                assert_eq!(out, over);
            }
        }
    }
}

/// A certain row: entropy and ln Σ p² are as small as they are, not lost in the rounding of 1.
#[test]
fn moments_of_sure_rows_keep_their_digits() {
    let mut row = vec![0.0_f64; 100];
    row[3] = 50.0;
    let rest = 99.0 * (-50f64).exp();
    let ([_, _, entropy, squares, _], ..) = everything(&row, 3, &PLAIN, [0.0; 4]);
    assert!(close(entropy, rest * 51.0, 0.0, 1e-12));
    assert!(close(squares, -2.0 * rest, 0.0, 1e-12));
}

/// The first of equal maxima, on either side of the target, in one tile or another; NaN and -inf are nobody's maximum.
#[test]
fn top1_is_the_first_of_the_largest() {
    let top = |changes: &[(usize, f32)]| {
        let mut row = vec![1.0_f32; 2100];
        row[1500] = 2.0;
        for &(place, x) in changes {
            row[place] = x;
        }
        everything(&row, 1500, &PLAIN, [0.0; 4]).1
    };
    assert!(top(&[]));
    assert!(top(&[(1501, 2.0), (2099, 2.0), (0, f32::NEG_INFINITY)]));
    assert!(!top(&[(1499, 2.0)]) && !top(&[(3, 2.0)]) && !top(&[(2099, 2.5)]));
    assert!(!top(&[(1500, f32::NAN)]) && !top(&[(7, f32::NAN)]));
    assert!(!top(&[(1500, f32::NEG_INFINITY)]));
}

/// A gradient of the entropy cannot be formed without the entropy.
#[test]
fn gradients_without_their_statistic_are_refused() {
    let upstream = Upstream {
        grad_entropy: Some(&[1.0]),
        ..Upstream::default()
    };
    let mut out = [0.0; 2];
    let error = token_stats_backward(
        &[&[0.0_f64, 1.0][..]],
        &tokens(&[0], &[1]),
        &PLAIN,
        &upstream,
        vec![&mut out],
    );
    let message = "entropy must have one entry per row where its gradient is given, got none";
    assert_eq!(error.unwrap_err().to_string(), message);
}
