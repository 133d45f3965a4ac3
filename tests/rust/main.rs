//! Integration tests of the Rust API, on the records of `tests/vectors` where there are any.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod groups;
mod logps;
mod metrics;
mod paired;
mod pairs;
mod ranking;
mod retrieval;
mod scores;
mod selection;
mod vectors;
