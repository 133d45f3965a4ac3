//! Bindings of the thread count and of the random keys.

use pyo3::pyfunction;

use crate::{random, threads};

#[pyfunction]
pub fn num_threads() -> usize {
    threads::num_threads()
}

#[pyfunction]
pub fn set_num_threads(threads: usize) {
    threads::set_num_threads(threads);
}

#[pyfunction]
#[pyo3(signature = (seed, *counters))]
#[allow(clippy::needless_pass_by_value)] // PyO3 hands over owned values
pub fn random_keys(seed: u64, counters: Vec<u64>) -> u64 {
    random::key(seed, &counters)
}
