//! Integration tests of the Rust API.

mod logps;
