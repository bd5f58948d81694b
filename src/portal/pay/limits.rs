//! How often the pages of requests may be asked for: by link, and by the address of who tries links that nobody has.

use std::num::NonZeroU32;
use std::sync::Arc;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use quick_cache::sync::Cache;

/// How many limits are remembered. Beyond it, those that nobody asked for lately are forgotten.
const LIMITS_MAX: usize = 10_000;
/// How often a minute one address may look at one page.
const LOOKS: NonZeroU32 = NonZeroU32::new(120).unwrap();
/// How often a minute one address may send one form.
const SENDS: NonZeroU32 = NonZeroU32::new(20).unwrap();
/// How often a minute all may look at one page.
const LOOKS_OF_ALL: NonZeroU32 = NonZeroU32::new(1_200).unwrap();
/// How often a minute all may send one form.
const SENDS_OF_ALL: NonZeroU32 = NonZeroU32::new(200).unwrap();
/// How many unknown links a minute one address may try. Payers behind one proxy share an address, but know their links.
const MISSES: NonZeroU32 = NonZeroU32::new(60).unwrap();

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::portal) enum Counted {
    /// A look at the page of a link, by the hash of its token, and by the address; by nobody's address for all together.
    Look([u8; 32], String),
    /// A form of a link.
    Send([u8; 32], String),
    /// A link that nobody has, by the address that tried it.
    Miss(String),
}

/// The limits of links and addresses of this process, at most [`LIMITS_MAX`] of them.
pub(in crate::portal) struct PayLimits(Cache<Counted, Arc<DefaultDirectRateLimiter>>);

impl Default for PayLimits {
    fn default() -> PayLimits {
        PayLimits(Cache::new(LIMITS_MAX))
    }
}

impl std::fmt::Debug for PayLimits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PayLimits").field("len", &self.0.len()).finish()
    }
}

impl PayLimits {
    /// Counts a look at a page, or its form if it is sent, by the address and for all together; returns whether both are within
    /// their limits.
    pub(in crate::portal) fn allows_page(&self, hash: [u8; 32], address: &str, is_sent: bool) -> bool {
        let counted = |address: &str| {
            let address = address.to_owned();
            if is_sent { Counted::Send(hash, address) } else { Counted::Look(hash, address) }
        };
        self.allows(&counted(address)) && self.allows(&counted(""))
    }

    /// Counts something; returns whether it is within its limit.
    pub(in crate::portal) fn allows(&self, counted: &Counted) -> bool {
        let per_minute = match counted {
            Counted::Look(_, address) if address.is_empty() => LOOKS_OF_ALL,
            Counted::Send(_, address) if address.is_empty() => SENDS_OF_ALL,
            Counted::Look(..) => LOOKS,
            Counted::Send(..) => SENDS,
            Counted::Miss(_) => MISSES,
        };
        let new = || {
            Ok::<_, std::convert::Infallible>(Arc::new(RateLimiter::direct(Quota::per_minute(per_minute))))
        };
        match self.0.get_or_insert_with(counted, new) {
            Ok(limiter) => limiter.check().is_ok(),
            Err(never) => match never {},
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_and_an_address_have_limits_of_their_own() {
        let limits = PayLimits::default();
        let miss = Counted::Miss("192.0.2.1".into());
        for _ in 0..MISSES.get() {
            assert!(limits.allows(&miss));
        }
        assert!(!limits.allows(&miss));
        assert!(limits.allows(&Counted::Miss("192.0.2.2".into())));
        for _ in 0..SENDS.get() {
            assert!(limits.allows_page([1; 32], "192.0.2.1", true));
        }
        assert!(!limits.allows_page([1; 32], "192.0.2.1", true));
        assert!(limits.allows_page([1; 32], "192.0.2.2", true), "another payer of the same link");
        assert!(
            limits.allows_page([2; 32], "192.0.2.1", true) && limits.allows_page([1; 32], "192.0.2.1", false)
        );
        let all = (0..1_000).filter(|number| limits.allows_page([1; 32], &format!("10.0.0.{number}"), true));
        assert!(all.count() < 1_000, "a link has a limit for all");
    }
}
