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

/// Empties SQLite's write-ahead log into the database; false where a reader was in the way.
pub(super) fn truncate_log(conn: &mut Conn) -> Result<bool, StoreError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Integer)]
        busy: i32,
    }
    match conn {
        Conn::Sqlite(c, ..) => {
            let row: Row = diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result(c)?;
            Ok(row.busy == 0)
        }
        Conn::Postgres(_) => Ok(true),
    }
}
