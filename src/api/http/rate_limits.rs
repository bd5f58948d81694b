//! Request limits per minute, by token or client.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::error::Error;

/// When a limit remembers this many keys, it forgets those that may send again.
const KEYS_MAX: usize = 10_000;

/// Limiters by their requests per minute.
#[derive(Debug, Default)]
pub struct Limits(RwLock<HashMap<NonZeroU32, Arc<DefaultKeyedRateLimiter<String>>>>);

impl Limits {
    /// Counts a request with a key.
    ///
    /// # Errors
    /// 429 if the key exceeds the limit.
    pub(crate) fn check(&self, key: &String, per_minute: NonZeroU32) -> Result<(), Error> {
        let limiter = self.limiter(per_minute);
        if limiter.len() > KEYS_MAX {
            limiter.retain_recent();
        }
        limiter.check_key(key).map_err(|until| {
            Error::TooManyRequests(until.wait_time_from(DefaultClock::default().now()).as_secs() + 1)
        })
    }

    fn limiter(&self, per_minute: NonZeroU32) -> Arc<DefaultKeyedRateLimiter<String>> {
        if let Some(found) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&per_minute) {
            return Arc::clone(found);
        }
        let mut limiters = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(RateLimiter::keyed(Quota::per_minute(per_minute)));
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
        for _ in 0..2 {
            limits.check(&"ada".into(), per_minute(2)).unwrap();
        }
        assert!(matches!(limits.check(&"ada".into(), per_minute(2)), Err(Error::TooManyRequests(1..=30))));
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
