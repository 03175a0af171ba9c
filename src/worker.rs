//! What a worker has when it opens its half of a source or a sink: what it shares with the others of its process.
//!
//! A worker is whoever runs one partition of a plan. Only parameters travel to it; what it shares with the other
//! workers of its process comes from here.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// What a worker shares with the others of its process.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct WorkerContext {
    /// Where requests to servers are counted.
    pub requests: Arc<RequestMetrics>,
    shared: Arc<Mutex<Shared>>,
}

/// One value of each type.
type Shared = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

impl WorkerContext {
    /// What the workers of a process have in common beyond the counters, such as the pool of connections to a server:
    /// one value of each type, made by `make` when it is asked for the first time.
    pub fn shared<T: Send + Sync + 'static>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let there = shared.get(&TypeId::of::<T>()).and_then(|there| Arc::clone(there).downcast::<T>().ok());
        there.unwrap_or_else(|| {
            let made = Arc::new(make());
            shared.insert(TypeId::of::<T>(), Arc::clone(&made) as _);
            made
        })
    }
}

/// Counts of the requests of one connection or of many; shared, so that a progress line can read them.
#[derive(Debug, Default)]
pub struct RequestMetrics {
    requests: AtomicU64,
    retries: AtomicU64,
    conflicts: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

/// What [`RequestMetrics`] held at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RequestCounts {
    /// Requests sent, each attempt counted.
    pub requests: u64,
    /// Requests sent again after a failure.
    pub retries: u64,
    /// Documents read and merged again because somebody else had changed them.
    pub conflicts: u64,
    /// Bytes of request bodies.
    pub sent: u64,
    /// Bytes of answers, unpacked.
    pub received: u64,
}

impl RequestMetrics {
    /// The counts now.
    #[must_use]
    pub fn counts(&self) -> RequestCounts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RequestCounts {
            requests: get(&self.requests),
            retries: get(&self.retries),
            conflicts: get(&self.conflicts),
            sent: get(&self.sent),
            received: get(&self.received),
        }
    }

    /// A request was sent, with a body of `bytes`.
    pub fn request(&self, bytes: usize) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// A request is sent again after a failure.
    pub fn retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// A document is read and merged again because somebody else has changed it.
    pub fn conflict(&self) {
        self.conflicts.fetch_add(1, Ordering::Relaxed);
    }

    /// An answer, or a part of one, has come: `bytes` of it, unpacked.
    pub fn receive(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
