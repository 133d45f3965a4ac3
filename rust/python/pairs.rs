//! Bindings of `pairs`.
