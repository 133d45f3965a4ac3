//! The pid-keyed thread pool, and the one way to split work over it.
//!
//! rayon's global pool dies in a forked child and then hangs. So the pool here belongs to a process id: a child finds
//! that the pool is not its own, leaves it alone, and works serially unless it asks for threads itself. No lock is
//! taken, since one held by another thread at the time of the fork would stay locked for ever.

use std::cell::Cell;
use std::ops::Range;
use std::process;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwapOption;
use rayon::ThreadPool;

/// Below this many units of work (about one compare or multiply each) a second thread costs more than it saves.
const SERIAL_BELOW: usize = 100_000;
/// Blocks per thread: enough that an uneven block does not leave the others idle.
const BLOCKS_PER_THREAD: usize = 4;

struct Pool {
    owner: u32,
    threads: usize,
    workers: ThreadPool,
}

static POOL: ArcSwapOption<Pool> = ArcSwapOption::const_empty();
/// The process that loaded the library; 0 before.
static HOME: AtomicU32 = AtomicU32::new(0);
/// The count asked for (0: none), and the process that asked.
static REQUESTED: AtomicUsize = AtomicUsize::new(0);
static REQUESTER: AtomicU32 = AtomicU32::new(0);

/// Remembers which process is the parent, so that a forked child knows itself. Called when the library is loaded.
pub fn remember_process() {
    HOME.store(process::id(), Ordering::Relaxed);
}

/// Sets the number of threads of this process (0: back to the default).
pub fn set_num_threads(threads: usize) {
    REQUESTED.store(threads, Ordering::Relaxed);
    REQUESTER.store(process::id(), Ordering::Relaxed);
}

/// Number of threads used: that of [`set_num_threads`], else 1 in a forked child, else `PREFCORE_NUM_THREADS`, else
/// `RAYON_NUM_THREADS`, else the number of CPUs that the process may run on.
#[must_use]
pub fn num_threads() -> usize {
    let asked = REQUESTED.load(Ordering::Relaxed);
    if asked > 0 && REQUESTER.load(Ordering::Relaxed) == process::id() {
        return asked;
    }
    let home = HOME.load(Ordering::Relaxed);
    if home != 0 && home != process::id() {
        1
    } else {
        default_threads()
    }
}

fn default_threads() -> usize {
    static DEFAULT: AtomicUsize = AtomicUsize::new(0);
    let known = DEFAULT.load(Ordering::Relaxed);
    if known > 0 {
        return known;
    }
    let from_environment = |name| {
        std::env::var(name)
            .ok()?
            .trim()
            .parse::<usize>()
            .ok()
            .filter(|&n| n > 0)
    };
    let threads = from_environment("PREFCORE_NUM_THREADS")
        .or_else(|| from_environment("RAYON_NUM_THREADS"))
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    DEFAULT.store(threads, Ordering::Relaxed);
    threads
}

/// The pool of this process with `threads` threads; `None` where the system refuses to start them.
fn pool(threads: usize) -> Option<Arc<Pool>> {
    let owner = process::id();
    let current = POOL.load_full();
    if let Some(pool) = current.filter(|pool| pool.owner == owner && pool.threads == threads) {
        return Some(pool);
    }
    let workers = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .ok()?;
    let fresh = Arc::new(Pool {
        owner,
        threads,
        workers,
    });
    if let Some(old) = POOL
        .swap(Some(Arc::clone(&fresh)))
        .filter(|old| old.owner != owner)
    {
        std::mem::forget(old); // its threads do not exist in this process: dropping it could wait for them
    }
    Some(fresh)
}

thread_local! {
    /// Whether this thread works on an item that shares the threads with others.
    static SHARING: Cell<bool> = const { Cell::new(false) };
}

/// Applies `f` to every item and returns the results in order; on several threads when `work` is large.
///
/// Each item is handled by one thread, so results do not depend on the thread count as long as the items do not.
/// The caller is one of the threads: it starts at once, while the others wake. Within an item that is handled beside
/// others everything is serial: to wait for a helper that is at another item would cost more than it saves.
pub fn map<T: Send, R: Send>(
    items: Vec<T>,
    work: usize,
    f: impl Fn(T) -> R + Sync + Send,
) -> Vec<R> {
    let threads = if work < SERIAL_BELOW || SHARING.get() {
        1
    } else {
        num_threads().min(items.len())
    };
    match (threads > 1).then(|| pool(num_threads() - 1)).flatten() {
        Some(pool) => shared(&pool.workers, threads - 1, items, f),
        None => items.into_iter().map(f).collect(),
    }
}

/// Each thread takes the next item as soon as it has finished one.
fn shared<T: Send, R: Send>(
    workers: &ThreadPool,
    helpers: usize,
    items: Vec<T>,
    f: impl Fn(T) -> R + Sync + Send,
) -> Vec<R> {
    let (queue, done) = (
        Mutex::new(items.into_iter().enumerate()),
        Mutex::new(Vec::new()),
    );
    let work = || {
        let mut own = Vec::new();
        SHARING.set(true);
        while let Some((place, item)) = queue.lock().ok().and_then(|mut queue| queue.next()) {
            own.push((place, f(item)));
        }
        SHARING.set(false);
        if let Ok(mut done) = done.lock() {
            done.append(&mut own);
        }
    };
    workers.in_place_scope(|scope| {
        for _ in 0..helpers {
            scope.spawn(|_| work());
        }
        work();
    });
    let mut results = done.into_inner().unwrap_or_default();
    results.sort_unstable_by_key(|&(place, _)| place);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Splits `0..count` into consecutive ranges of about equal work, a few per thread.
///
/// `work_before(i)` is the work of all items before `i`: increasing, with `work_before(count)` the total. One heavy item
/// then gets a range of its own instead of holding up its neighbours.
#[must_use]
pub fn split(count: usize, work_before: impl Fn(usize) -> usize) -> Vec<Range<usize>> {
    let total = work_before(count);
    let blocks = if total < SERIAL_BELOW {
        1
    } else {
        num_threads() * BLOCKS_PER_THREAD
    };
    let mut ranges = Vec::with_capacity(blocks);
    let mut start = 0;
    for block in 1..=blocks {
        let target = total / blocks * block;
        let end = if block == blocks {
            count
        } else {
            first_at_least(start, count, target, &work_before)
        };
        if end > start {
            ranges.push(start..end);
        }
        start = end;
    }
    ranges
}

/// First `i` in `start..=count` with `work_before(i) >= target`, by bisection.
fn first_at_least(
    start: usize,
    count: usize,
    target: usize,
    work_before: &impl Fn(usize) -> usize,
) -> usize {
    let (mut low, mut high) = (start, count);
    while low < high {
        let middle = low.midpoint(high);
        if work_before(middle) < target {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::{map, split};

    #[test]
    fn ranges_cover_everything_once_and_isolate_heavy_items() {
        let mut offsets = vec![0_usize];
        for item in 0..50_usize {
            offsets.push(offsets[item] + if item == 20 { 1_000_000 } else { 1_000 });
        }
        let ranges = split(50, |i| offsets[i]);
        let covered: Vec<usize> = ranges.iter().cloned().flatten().collect();
        assert_eq!(covered, (0..50).collect::<Vec<_>>());
        assert!(ranges.iter().any(|range| range.end == 21));
        assert!(split(0, |_| 0).is_empty());
    }

    #[test]
    fn a_map_within_a_map_gives_the_same() {
        let row = |i: usize| map((0..100).collect(), usize::MAX, move |j: usize| i * j);
        let table = map((0..100).collect(), usize::MAX, row);
        assert!((0..100).all(|i| (0..100).all(|j| table[i][j] == i * j)));
    }

    #[test]
    fn map_keeps_order_on_both_paths() {
        let squares: Vec<usize> = (0..1_000).map(|i| i * i).collect();
        assert_eq!(map((0..1_000).collect(), 1, |i: usize| i * i), squares);
        assert_eq!(
            map((0..1_000).collect(), usize::MAX, |i: usize| i * i),
            squares
        );
    }
}
