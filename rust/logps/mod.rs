//! CPU kernels of the token statistics: log-prob of a target and log-sum-exp over a vocabulary, from logits.
//!
//! For a row of logits x, z = softcap · tanh(logit scale · x / softcap) / temperature (without a soft cap:
//! logit scale · x / temperature), `lse = ln Σ exp(z)` and `logps = z_target - lse`.
//!
//! * f32, f16 and bf16 logits are calculated with in f32, in tiles of 1024 entries whose sums are added up in f64; f64
//!   logits in f64. Nothing of the size of the vocabulary is allocated.
//! * The target is kept out of the sum of the others: `logps = -softplus(ln Σ_{j≠target} exp(z_j) - z_target)`. So a
//!   log-prob near 0 keeps its relative accuracy, and so does the gradient `1 - p` of the target.
//! * A logit of -inf is a masked entry, also under a soft cap: its log-prob is -inf, its gradient 0. A row with NaN
//!   gives NaN, and so does +inf without a soft cap. A row with no entry above -inf is an error.
//! * A row's result depends on nothing but that row: same bits for any thread count, batch and stride. Every
//!   fused multiply-add is written out, so that vector units of any width agree. Between platforms the last bit may differ: the
//!   few calls of `ln`, `exp` and `tanh` per row, and `exp2` of f64 logits, are those of the mathematics library.

#![allow(clippy::inline_always)] // what is not inlined into the dispatched closure would not be vectorized

mod backward;
mod batch;
mod curve;
mod forward;
mod logit;
mod pair_sums;
mod pair_tile;
mod paired;
mod paired_backward;
mod real;
mod tile;
mod total;

pub use backward::{Upstream, token_stats_backward, token_stats_backward_in_place};
pub use batch::{Tokens, Transform};
pub use forward::{Extras, TokenStats, token_stats};
pub use logit::Logit;
pub use paired::{PairedStats, paired_token_stats};
pub use paired_backward::{PairedUpstream, paired_token_stats_backward};
pub use real::Real;
