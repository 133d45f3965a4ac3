//! CPU benches of the Rust core.
fn main() {}
