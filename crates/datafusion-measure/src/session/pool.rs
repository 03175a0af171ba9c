//! The session's memory pool, watched: how much was reserved at most while a query ran, and by whom.
//!
//! Every call goes on to the pool of the session. It decides, and its limit stays what it is.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};
use serde::Serialize;

/// How many consumers of memory are kept of a query.
const CONSUMERS: usize = 5;

/// Most bytes that one kind of consumer had reserved while a query ran.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MemoryPeak {
    /// The consumer's name, without its partition.
    pub consumer: String,
    /// Bytes that all its partitions had reserved together, at most.
    pub bytes: usize,
}

/// A pool whose reservations are watched.
pub(super) struct WatchedPool {
    pool: Arc<dyn MemoryPool>,
    state: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    /// Bytes that are reserved, by consumer.
    consumers: HashMap<String, usize>,
    total: usize,
    watches: Vec<Weak<Watch>>,
}

/// Peaks since it was made.
#[derive(Debug, Default)]
pub(super) struct Watch(Mutex<(usize, HashMap<String, usize>)>);

impl Watch {
    fn grown(&self, total: usize, consumer: &str, bytes: usize) {
        let mut peaks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        peaks.0 = peaks.0.max(total);
        match peaks.1.get_mut(consumer) {
            Some(known) => *known = bytes.max(*known),
            None => drop(peaks.1.insert(consumer.to_owned(), bytes)),
        }
    }

    /// Most bytes reserved, and the largest consumers, the largest first; nothing where nothing was reserved.
    pub(super) fn peaks(&self) -> Option<(usize, Vec<MemoryPeak>)> {
        let peaks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if peaks.1.is_empty() {
            return None;
        }
        let peak =
            |(consumer, bytes): (&String, &usize)| MemoryPeak { consumer: consumer.clone(), bytes: *bytes };
        let mut consumers: Vec<_> = peaks.1.iter().map(peak).collect();
        consumers.sort_unstable_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.consumer.cmp(&b.consumer)));
        consumers.truncate(CONSUMERS);
        Some((peaks.0, consumers))
    }
}

impl WatchedPool {
    pub(super) fn new(pool: Arc<dyn MemoryPool>) -> Self {
        Self { pool, state: Mutex::default() }
    }

    /// Peaks from now on, of all that runs in the session.
    pub(super) fn watch(&self) -> Arc<Watch> {
        let watch = Arc::new(Watch::default());
        let mut state = self.locked();
        state.watches.retain(|known| known.strong_count() > 0);
        state.watches.push(Arc::downgrade(&watch));
        watch
    }

    fn locked(&self) -> MutexGuard<'_, Watched> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn grown(&self, consumer: &str, additional: usize) {
        let consumer = without_partition(consumer);
        let mut state = self.locked();
        state.total += additional;
        let bytes = match state.consumers.get_mut(consumer) {
            Some(known) => {
                *known += additional;
                *known
            }
            None => {
                state.consumers.insert(consumer.to_owned(), additional);
                additional
            }
        };
        let total = state.total;
        for watch in state.watches.iter().filter_map(Weak::upgrade) {
            watch.grown(total, consumer, bytes);
        }
    }

    fn shrunk(&self, consumer: &str, bytes: usize) {
        let consumer = without_partition(consumer);
        let mut state = self.locked();
        state.total = state.total.saturating_sub(bytes);
        if let Some(known) = state.consumers.get_mut(consumer) {
            *known = known.saturating_sub(bytes);
            if *known == 0 {
                state.consumers.remove(consumer);
            }
        }
    }
}

/// `ExternalSorter[3]` is a partition of `ExternalSorter`.
fn without_partition(consumer: &str) -> &str {
    consumer.split('[').next().unwrap_or(consumer).trim_end()
}

impl fmt::Debug for WatchedPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pool.fmt(f)
    }
}

impl fmt::Display for WatchedPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.pool, f)
    }
}

impl MemoryPool for WatchedPool {
    fn name(&self) -> &str {
        self.pool.name()
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.pool.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.pool.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.pool.grow(reservation, additional);
        self.grown(reservation.consumer().name(), additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.pool.shrink(reservation, shrink);
        self.shrunk(reservation.consumer().name(), shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        self.pool.try_grow(reservation, additional)?;
        self.grown(reservation.consumer().name(), additional);
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.pool.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.pool.memory_limit()
    }
}
