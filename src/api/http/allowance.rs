//! What a client may still ask within its request limit.

use std::num::NonZeroU32;

use actix_web::http::header::{HeaderName, HeaderValue};

/// The header of the IETF's draft (draft-ietf-httpapi-ratelimit-headers) that says what is left.
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The header that says what the limit is.
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// The window of every limit, in seconds.
pub(crate) const WINDOW_SECS: u64 = 60;

/// What is left of a limit after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The limit.
    pub(crate) per_minute: NonZeroU32,
    /// How many requests are left.
    pub(crate) remaining: u32,
    /// The seconds until all requests are allowed again; after a refusal, until one is.
    pub(crate) reset_secs: u64,
}

impl Allowance {
    /// The headers that tell a client, so that it can slow down before it is refused.
    pub(crate) fn headers(self) -> [(HeaderName, HeaderValue); 2] {
        let Allowance { per_minute, remaining, reset_secs } = self;
        let value = |text: String| HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
        [
            (RATE_LIMIT_POLICY, value(format!("\"minute\";q={per_minute};w={WINDOW_SECS}"))),
            (RATE_LIMIT, value(format!("\"minute\";r={remaining};t={reset_secs}"))),
        ]
    }
}
