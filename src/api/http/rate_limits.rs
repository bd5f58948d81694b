//! Request limits per minute, by token or client.

use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use quick_cache::sync::Cache;

use super::allowance::{Allowance, WINDOW_SECS};
use super::error::Error;

/// How many limits are remembered. Beyond it, those that nobody asked for lately are forgotten.
const LIMITS_MAX: usize = 10_000;
/// The longest key of a limit, in bytes: the id of a token or client.
const KEY_BYTES_MAX: usize = 64;

/// The limits of keys, at most [`LIMITS_MAX`] of them.
pub struct Limits(Cache<Limit, Arc<Limiter>>);

/// A key, and how many requests a minute it may make.
type Limit = (Box<str>, NonZeroU32);

/// A limit that tells what is left of it.
type Limiter = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

impl Default for Limits {
    fn default() -> Limits {
        Limits(Cache::new(LIMITS_MAX))
    }
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits").field("len", &self.0.len()).finish()
    }
}

impl Limits {
    /// Counts a request with a key, and says how many more are allowed. The part of a key beyond [`KEY_BYTES_MAX`] bytes
    /// does not count.
    ///
    /// # Errors
    /// 429 if the key exceeds the limit.
    pub(crate) fn check(&self, key: &str, per_minute: NonZeroU32) -> Result<Allowance, Error> {
        let key = key.get(..key.floor_char_boundary(KEY_BYTES_MAX)).unwrap_or_default();
        let new = || Ok(Arc::new(RateLimiter::direct(Quota::per_minute(per_minute)).with_middleware()));
        let limiter = self.0.get_or_insert_with::<_, Error>(&(key.into(), per_minute), new)?;
        match limiter.check() {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn per_minute(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).unwrap()
    }

    #[test]
    fn a_key_has_its_own_limit_which_tells_what_is_left() {
        let limits = Limits::default();
        let left = |key: &str| limits.check(key, per_minute(2));
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
        left("bob").unwrap();
        limits.check("ada", per_minute(3)).unwrap();
        assert!(matches!(left("ada"), Err(Error::LimitReached(_))));
    }

    #[test]
    fn the_number_and_size_of_limits_are_bounded_and_those_in_use_stay() {
        let limits = Limits::default();
        limits.check("ada", per_minute(1)).unwrap();
        for number in 0..3 * LIMITS_MAX {
            let long = format!("{number}{}", "x".repeat(4096));
            limits.check(&long, per_minute(2)).unwrap();
            if number % 1000 == 0 {
                assert!(limits.check("ada", per_minute(1)).is_err(), "forgotten after {number}");
            }
        }
        assert!(limits.0.len() <= LIMITS_MAX);
        assert!(limits.0.iter().all(|((key, _), _)| key.len() <= KEY_BYTES_MAX));
    }
}
