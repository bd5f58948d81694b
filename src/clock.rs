//! The clock: the one place that reads the time.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::domain::kernel::time::Micros;

/// Now, in UTC.
#[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
pub fn now() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
