//! Advantages over groups and along sequences, and equilibria of small games of preferences.

mod gae;
mod group_advantage;
mod kl_nash;

pub use gae::{Tokens, gae};
pub use group_advantage::{Scale, group_advantage};
pub use kl_nash::{Steps, kl_nash};

/// A type in which rewards, values and preferences are held; everything is calculated in f64 and rounded once.
pub trait Real: Copy + Default + Into<f64> + Send + Sync {
    /// The nearest number of this type.
    fn round(value: f64) -> Self;
}

impl Real for f32 {
    #[allow(clippy::cast_possible_truncation)] // rounding is the purpose
    fn round(value: f64) -> Self {
        value as Self
    }
}

impl Real for f64 {
    fn round(value: f64) -> Self {
        value
    }
}
