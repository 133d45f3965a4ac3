//! Bindings of `metrics`.
