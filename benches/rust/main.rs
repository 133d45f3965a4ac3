//! CPU benches of the Rust core, without Python: median of repeated calls on the inputs that `benches/cases.py` has too.
#![allow(
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

use std::hint::black_box;
use std::time::Instant;

use half::bf16;
use prefcore::check::NanPolicy;
use prefcore::column::Column;
use prefcore::logps::{Extras, Logit, Tokens, Transform, token_stats};
use prefcore::metrics::{Variant, kendall_tau};
use prefcore::{random, threads};

fn main() {
    println!("{} threads", threads::num_threads());
    let (x, y) = (numbers(0, 800_000), numbers(1, 800_000));
    let offsets: Vec<i64> = (0..=100_000).map(|group| group * 8).collect();
    time("kendall_tau, 1e5 lists of 8 f64", || {
        let (x, y) = (Column::F64(&x), Column::F64(&y));
        kendall_tau(x, y, &offsets, Variant::B, NanPolicy::Raise).unwrap()
    });
    #[allow(clippy::cast_possible_truncation)]
    let logits: Vec<f32> = numbers(2, 256 * 32_000).iter().map(|&z| z as f32).collect();
    let half: Vec<bf16> = logits.iter().copied().map(bf16::from_f32).collect();
    time_token_stats("f32", &logits);
    time_token_stats("bf16", &half);
}

fn time_token_stats<T: Logit>(dtype: &str, logits: &[T]) {
    let rows: Vec<&[T]> = logits.chunks(32_000).collect();
    let targets = vec![17; rows.len()];
    time(&format!("token_stats, [256, 32000] {dtype}"), || {
        let tokens = Tokens {
            targets: &targets,
            mask: None,
            shape: &[256],
        };
        let transform = Transform {
            temperature: 1.0,
            row_temperature: None,
            softcap: None,
            logit_scale: 1.0,
        };
        token_stats(&rows, &tokens, &transform, Extras::default()).unwrap()
    });
}

/// Uniform on [-4, 4).
fn numbers(seed: u64, n: u64) -> Vec<f64> {
    let unit = |key: u64| (key >> 11) as f64 / (1_u64 << 53) as f64;
    (0..n)
        .map(|i| 8.0 * unit(random::key(seed, &[i])) - 4.0)
        .collect()
}

fn time<R>(name: &str, mut call: impl FnMut() -> R) {
    let mut seconds: Vec<f64> = (0..15)
        .map(|_| {
            let start = Instant::now();
            black_box(call());
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    println!("{name}: {:.2} ms", seconds[seconds.len() / 2] * 1e3);
}
