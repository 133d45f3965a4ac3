//! Ranks; losses of ranked lists and soft ranks, with their gradients, over ragged groups.
//!
//! Every function but `rank` takes flat scores (f32 or f64; the arithmetic is f64) and offsets, and writes into columns of the
//! caller. A loss has one value per list and the gradient of each list's own loss; a list that has nothing to learn
//! from has loss 0 and 0 terms. NaN among the scores of a list reaches every term that the score takes part in, and no
//! other list.

#![allow(clippy::inline_always)] // what is not inlined into the dispatched closure would not be vectorized
#![allow(clippy::doc_markdown)] // the comments are formulas for the greater part

mod approx_ndcg;
mod gains;
mod lambdarank;
mod lists;
mod pair_products;
mod pair_sums;
mod plackett_luce;
mod rank;
mod ranklist;
mod ranknet;
mod soft_rank;
mod softmax;
mod stages;

pub use approx_ndcg::{approx_ndcg, approx_rank};
pub use gains::Gain;
pub use lambdarank::{lambda_weights, lambdarank};
pub use lists::{Float, ListLossMut};
pub use plackett_luce::{listmle, plackett_luce, plackett_luce_dense};
pub use rank::{Method, rank};
pub use ranklist::ranklist;
pub use ranknet::{PairRule, ranknet};
pub use soft_rank::{soft_rank, soft_rank_vjp};
pub use softmax::{listnet, softmax_loss};
