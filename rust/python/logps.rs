//! Bindings of `logps`.
