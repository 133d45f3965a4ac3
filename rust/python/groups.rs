//! Bindings of `groups`.
