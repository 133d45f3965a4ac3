//! How an iteration ended, in the same words everywhere.

/// How an iteration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The residual reached the tolerance.
    Converged,
    /// It reached what the rounding of doubles leaves of it.
    Floor,
    /// The limit of iterations came first.
    MaxIter,
    /// No step makes it better.
    Stalled,
    /// No tolerance was asked for, and all iterations ran.
    Fixed,
}

impl Status {
    /// Whether the point is the answer that was asked for.
    #[must_use]
    pub fn succeeded(self) -> bool {
        matches!(self, Self::Converged | Self::Floor | Self::Fixed)
    }

    /// The word for users.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Converged => "converged",
            Self::Floor => "floor",
            Self::MaxIter => "max_iter",
            Self::Stalled => "stalled",
            Self::Fixed => "fixed",
        }
    }
}
