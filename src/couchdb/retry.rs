//! How often, and after which pause, a failed request is sent again.

use super::Fault;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Exponential backoff with full jitter (each pause is uniform between zero and a ceiling that doubles),
/// within a budget.
///
/// Full jitter spreads the workers that a restarting server threw out together. A pause that the
/// server asks for with `Retry-After` is kept, as a least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct RetryPolicy {
    /// How often a request is sent at most.
    pub max_attempts: u32,
    /// Ceiling of the first pause, in milliseconds.
    pub base_ms: u64,
    /// Highest ceiling, in milliseconds.
    pub cap_ms: u64,
    /// How long the pauses of one request may take together, in milliseconds.
    pub budget_ms: u64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_attempts: 12, base_ms: 100, cap_ms: 15_000, budget_ms: 120_000 }
    }
}

impl RetryPolicy {
    /// For a server that did not come back within a whole budget just before.
    pub(super) const LAST_TRY: Self = Self { max_attempts: 2, base_ms: 500, cap_ms: 500, budget_ms: 1_000 };

    /// The pause after attempt number `attempt` (from 1) failed with `fault`, when `waited` has been
    /// spent on pauses already; `None` when the request is given up. `random` is uniform in `0..1`.
    #[must_use]
    pub fn pause(&self, attempt: u32, fault: &Fault, waited: Duration, random: f64) -> Option<Duration> {
        if !fault.is_transient() || attempt >= self.max_attempts {
            return None;
        }
        let ceiling = self.base_ms.saturating_mul(1 << (attempt - 1).min(30)).min(self.cap_ms);
        let jittered = Duration::from_millis(ceiling).mul_f64(random.clamp(0.0, 1.0));
        let pause = fault.retry_after.map_or(jittered, |asked| asked + jittered);
        (waited + pause <= Duration::from_millis(self.budget_ms)).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::super::FaultKind;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let policy = RetryPolicy::default();
        for kind in [FaultKind::Transport, FaultKind::Server] {
            assert!(policy.pause(1, &Fault::new(kind, ""), Duration::ZERO, 0.5).is_some());
        }
        for kind in [FaultKind::Unauthorized, FaultKind::Forbidden, FaultKind::NotFound, FaultKind::Refused] {
            assert_eq!(policy.pause(1, &Fault::new(kind, ""), Duration::ZERO, 0.5), None);
        }
    }

    #[test]
    fn retry_after_is_the_least_pause() {
        let mut fault = Fault::new(FaultKind::Server, "");
        fault.retry_after = Some(Duration::from_secs(7));
        let pause = RetryPolicy::default().pause(1, &fault, Duration::ZERO, 0.0).unwrap();
        assert_eq!(pause, Duration::from_secs(7));
    }

    proptest! {
        #[test]
        fn pauses_never_outlast_the_budget(random in 0.0f64..1.0, asked in 0u64..40) {
            let policy = RetryPolicy { max_attempts: 1000, ..RetryPolicy::default() };
            let mut fault = Fault::new(FaultKind::Transport, "");
            fault.retry_after = (asked > 20).then(|| Duration::from_secs(asked));
            let (mut waited, mut attempt) = (Duration::ZERO, 1);
            while let Some(pause) = policy.pause(attempt, &fault, waited, random) {
                waited += pause;
                attempt += 1;
            }
            prop_assert!(waited <= Duration::from_millis(policy.budget_ms));
        }
    }
}
