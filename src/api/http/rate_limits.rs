//! Request limits per minute, by token or client.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};

use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use super::allowance::{Allowance, WINDOW_SECS};
use super::error::Error;

/// When a limit remembers this many keys, it forgets those that may send again.
const KEYS_MAX: usize = 10_000;

type Limiter = RateLimiter<String, DefaultKeyedStateStore<String>, DefaultClock, StateInformationMiddleware>;

/// Limiters by their requests per minute.
#[derive(Debug, Default)]
pub struct Limits(RwLock<HashMap<NonZeroU32, Arc<Limiter>>>);

impl Limits {
    /// Counts a request with a key, and says how many more are allowed.
    ///
    /// # Errors
    /// 429 if the key exceeds the limit.
    pub(crate) fn check(&self, key: &String, per_minute: NonZeroU32) -> Result<Allowance, Error> {
        let limiter = self.limiter(per_minute);
        if limiter.len() > KEYS_MAX {
            limiter.retain_recent();
        }
        match limiter.check_key(key) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let used = u64::from(per_minute.get().saturating_sub(remaining));
                let reset_secs = (used * WINDOW_SECS).div_ceil(u64::from(per_minute.get()));
                Ok(Allowance { per_minute, remaining, reset_secs })
            }
            Err(until) => {
                let reset_secs = until.wait_time_from(DefaultClock::default().now()).as_secs() + 1;
                Err(Error::LimitReached(Allowance { per_minute, remaining: 0, reset_secs }))
            }
        }
    }

    fn limiter(&self, per_minute: NonZeroU32) -> Arc<Limiter> {
        if let Some(found) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&per_minute) {
            return Arc::clone(found);
        }
        let mut limiters = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let limiter = RateLimiter::keyed(Quota::per_minute(per_minute));
            Arc::new(limiter.with_middleware::<StateInformationMiddleware>())
        };
        Arc::clone(limiters.entry(per_minute).or_insert_with(new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_own_limit_and_is_forgotten_when_it_has_waited() {
        let limits = Limits::default();
        let per_minute = |number| NonZeroU32::new(number).unwrap();
        let left = |key: &str| limits.check(&key.to_owned(), per_minute(2));
        let first = left("ada").unwrap();
        assert_eq!((first.remaining, first.reset_secs), (1, 30));
        let second = left("ada").unwrap();
        assert_eq!((second.remaining, second.reset_secs), (0, 60));
        let Err(Error::LimitReached(refused)) = left("ada") else { panic!("two a minute, not three") };
        assert_eq!(refused.remaining, 0);
        assert!((1..=30).contains(&refused.reset_secs), "{refused:?}");
        let [policy, state] = refused.headers();
        assert_eq!(policy.1, "\"minute\";q=2;w=60");
        assert_eq!(state.1, format!("\"minute\";r=0;t={}", refused.reset_secs));
        limits.check(&"bob".into(), per_minute(2)).unwrap();
        // At a million a minute, each key may send again before the next request arrives.
        let fast = per_minute(1_000_000);
        for number in 0..=KEYS_MAX {
            limits.check(&number.to_string(), fast).unwrap();
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
        limits.check(&"last".into(), fast).unwrap();
        assert_eq!(limits.limiter(fast).len(), 1);
    }
}
