//! Equilibria of two parties, each with a product policy and a pull to its slate, and what proves them.

mod additive;
mod certificate;
mod contest;
mod matrix;
mod replies;
mod solve;
mod system;
mod table;

#[cfg(test)]
mod tests;

pub use certificate::{Certificate, Uniqueness};
pub use contest::{Contest, Point};
pub use matrix::Entrants;
pub use replies::{Duel, Replies};
pub use solve::{Equilibrium, equilibrium};
pub use system::System;
