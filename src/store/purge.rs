//! Removing what has had its time.

use diesel::prelude::*;

use super::conn::{Conn, on};
use super::error::StoreError;
use super::schema::idempotency;
use crate::domain::time::Micros;

/// How many rows one transaction removes, so that it holds its locks for milliseconds.
const ROWS_MAX: i64 = 1_000;

/// Removes expired idempotency keys, at most a thousand; how many.
pub(super) fn idempotency(conn: &mut Conn, now: Micros) -> Result<usize, StoreError> {
    let expired: Vec<(i64, Vec<u8>)> = on!(conn, |c| idempotency::table
        .filter(idempotency::expires_at_us.le(now.0))
        .order(idempotency::expires_at_us)
        .limit(ROWS_MAX)
        .select((idempotency::entrypoint_id, idempotency::key_hash))
        .load(c))?;
    for (entrypoint_id, key_hash) in &expired {
        on!(conn, |c| diesel::delete(
            idempotency::table
                .filter(idempotency::entrypoint_id.eq(entrypoint_id))
                .filter(idempotency::key_hash.eq(key_hash))
                // Used anew meanwhile, it has a later expiry.
                .filter(idempotency::expires_at_us.le(now.0)),
        )
        .execute(c))?;
    }
    Ok(expired.len())
}
