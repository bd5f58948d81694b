//! The clock. Nothing else in the program reads the time.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::domain::kernel::time::Micros;

/// Now, in UTC.
#[expect(clippy::disallowed_methods, reason = "only this function may read the clock")]
pub fn now() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
