//! Whether writes succeed at present.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::error::StoreError;

/// When the last write is older, a write that changes nothing finds out whether writes succeed.
const TRIED_MAX: Duration = Duration::from_secs(10);

/// What the writers tell of their last transactions.
#[derive(Debug)]
pub(crate) struct WriteHealth {
    since: Instant,
    /// When a write last succeeded or failed, or a trial began, in milliseconds after `since`.
    tried_ms: AtomicU64,
    fails: AtomicBool,
}

impl Default for WriteHealth {
    fn default() -> WriteHealth {
        WriteHealth { since: Instant::now(), tried_ms: AtomicU64::new(0), fails: AtomicBool::new(false) }
    }
}

impl WriteHealth {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Notes how a transaction ended.
    pub(crate) fn note<T>(&self, ended: &Result<T, StoreError>) {
        let fails = match ended {
            Ok(_) => false,
            Err(StoreError::Unavailable(_)) => true,
            Err(_) => return,
        };
        self.fails.store(fails, Ordering::Relaxed);
        self.tried_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    /// Whether the last write that the environment could make fail did fail.
    pub(crate) fn fails(&self) -> bool {
        self.fails.load(Ordering::Relaxed)
    }

    /// Whether a trial is due: true for one caller, who begins it.
    pub(crate) fn takes_trial(&self) -> bool {
        let (now, tried) = (self.now_ms(), self.tried_ms.load(Ordering::Relaxed));
        let patience = if self.fails() { Duration::from_secs(1) } else { TRIED_MAX };
        let is_due = u128::from(now.saturating_sub(tried)) >= patience.as_millis();
        is_due && self.tried_ms.compare_exchange(tried, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_faults_of_the_environment_make_writes_fail_until_one_succeeds() {
        let health = WriteHealth::default();
        assert!(!health.fails() && !health.takes_trial(), "just begun");
        for error in [StoreError::Bug("x".into()), StoreError::Busy, StoreError::Corrupt("x".into())] {
            health.note::<()>(&Err(error));
            assert!(!health.fails());
        }
        health.note::<()>(&Err(StoreError::Unavailable("the disk is full".into())));
        health.note::<()>(&Err(StoreError::Bug("x".into())));
        assert!(health.fails());
        health.note(&Ok(()));
        assert!(!health.fails());
    }
}
