//! Who is better, from comparisons of two.

mod bradley_terry;
mod laplacian;
mod likelihood;
mod problem;

pub use bradley_terry::{Fit, Options, fit};
pub use likelihood::{Derivatives, Model, Rows, derivatives, pairs};
