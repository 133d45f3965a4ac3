//! Integration tests of the Rust API.
