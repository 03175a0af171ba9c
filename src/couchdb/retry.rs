//! How long a failed request is sent again, and after which pauses.
//!
//! The budget is one of time and belongs to the run: when the server goes away, all connections wait for the same
//! outage, and when it does not come back within the budget, all of them know.

use super::Error;
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Exponential backoff with full jitter (each pause is uniform between zero and a ceiling that doubles),
/// within a budget.
///
/// Full jitter spreads the workers that a restarting server threw out together. A pause that the
/// server asks for with `Retry-After` is kept, as a least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct RetryPolicy {
    /// Ceiling of the first pause, in milliseconds.
    pub base_ms: u64,
    /// Highest ceiling, in milliseconds.
    pub cap_ms: u64,
    /// How long the server may be away before the run ends, in milliseconds.
    pub budget_ms: u64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { base_ms: 100, cap_ms: 5_000, budget_ms: 120_000 }
    }
}

impl RetryPolicy {
    /// How long the server may be away.
    pub(super) fn budget(&self) -> Duration {
        Duration::from_millis(self.budget_ms)
    }

    /// The pause after attempt number `attempt` (from 1) failed with `error`, when `waited` of the budget is spent;
    /// `None` when all of it is. `random` is uniform in `0..1`.
    pub(super) fn pause(
        &self,
        attempt: u32,
        error: &Error,
        waited: Duration,
        random: f64,
    ) -> Option<Duration> {
        let left = self.budget().checked_sub(waited).filter(|left| !left.is_zero())?;
        let ceiling = self.base_ms.saturating_mul(1 << (attempt - 1).min(30)).min(self.cap_ms);
        let jittered = Duration::from_millis(ceiling).mul_f64(random.clamp(0.0, 1.0));
        let pause = error.retry_after().map_or(jittered, |asked| asked + jittered);
        // The last attempt is made when the budget ends, not a pause before.
        Some(pause.min(left))
    }
}

/// Whether a server is away, and since when; shared by all connections of a run to it.
#[derive(Debug, Default)]
pub(super) struct Outage {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    since: Option<Instant>,
    last: Option<String>,
    /// How long it was waited for, when that was given up.
    gone: Option<Duration>,
}

impl Outage {
    fn state(&self) -> MutexGuard<'_, State> {
        // A state that was left in the middle of an assignment is still a state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server answered.
    pub(super) fn is_over(&self) {
        let mut state = self.state();
        if state.since.is_some() && state.gone.is_none() {
            *state = State::default();
        }
    }

    /// The server did not answer; since when that has been so.
    pub(super) fn goes_on(&self, now: Instant, error: &Error) -> Instant {
        let mut state = self.state();
        state.last = Some(error.full());
        *state.since.get_or_insert(now)
    }

    /// The server was waited for in vain.
    pub(super) fn give_up(&self, waited: Duration) {
        self.state().gone.get_or_insert(waited);
    }

    /// What the last attempt met, while it goes on.
    pub(super) fn last(&self) -> Option<String> {
        self.state().last.clone()
    }

    /// The error that says so, when it was given up.
    pub(super) fn gone(&self) -> Option<Error> {
        let state = self.state();
        let last = || state.last.clone().unwrap_or_else(|| "no answer".to_owned());
        state.gone.map(|waited| Error::Gone { waited, last: last() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use reqwest::StatusCode;

    fn unavailable(retry_after: Option<Duration>) -> Error {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Error::Status { status, error: String::new(), reason: String::new(), retry_after }
    }

    #[test]
    fn retry_after_is_the_least_pause() {
        let error = unavailable(Some(Duration::from_secs(7)));
        let pause = RetryPolicy::default().pause(1, &error, Duration::ZERO, 0.0).unwrap();
        assert_eq!(pause, Duration::from_secs(7));
    }

    #[test]
    fn an_outage_begins_with_the_first_miss_and_ends_with_an_answer() {
        let (outage, now) = (Outage::default(), Instant::now());
        let later = now + Duration::from_secs(5);
        assert_eq!(outage.goes_on(now, &unavailable(None)), now);
        assert_eq!(outage.goes_on(later, &unavailable(None)), now, "of whichever connection");
        outage.is_over();
        assert_eq!(outage.goes_on(later, &unavailable(None)), later);
        assert!(outage.gone().is_none());
        outage.give_up(Duration::from_secs(120));
        outage.is_over();
        let error = outage.gone().expect("given up for all, and for good").full();
        assert_eq!(error, "the server did not answer for 120 s; the last attempt: 503 Service Unavailable");
    }

    proptest! {
        #[test]
        fn pauses_fill_the_budget_and_never_outlast_it(random in 0.01f64..1.0, asked in 0u64..40) {
            let policy = RetryPolicy::default();
            let error = unavailable((asked > 20).then(|| Duration::from_secs(asked)));
            let (mut waited, mut attempt) = (Duration::ZERO, 1);
            while let Some(pause) = policy.pause(attempt, &error, waited, random) {
                waited += pause;
                attempt += 1;
            }
            prop_assert_eq!(waited, policy.budget());
        }
    }
}
