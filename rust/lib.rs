//! prefcore: the numerics layer for preference learning, on plain slices.
//!
//! Groups are given by `offsets`: group `g` holds rows `offsets[g]..offsets[g + 1]`. Every function checks its
//! arguments, returns [`Error`] for bad ones and never panics on them; results do not depend on the number of threads.

mod categorical;
pub mod check;
pub mod cholesky;
pub mod column;
pub mod conjoint;
pub mod elementary;
pub mod error;
pub mod exact;
pub mod gain;
pub mod games;
pub mod groups;
mod lanes;
pub mod logit;
pub mod logps;
pub mod metrics;
pub mod newton;
pub mod pairs;
pub mod ragged;
pub mod random;
pub mod ranking;
pub mod ratings;
pub mod resample;
pub mod scores;
pub mod selection;
pub mod special;
pub mod status;
pub mod threads;
pub mod trec;

#[cfg(feature = "python")]
mod python;

pub use error::{Error, Result};
