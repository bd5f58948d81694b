//! All outcomes of an entrypoint in turn: for a rotation of its keys, and for `doctor`.

use diesel::prelude::*;

use super::{IdempotencyRow, digest};
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::idempotency;
use crate::store::index::digests::{self, Records};

/// The number of SQLite's outcome at a cursor. An empty one begins, and so does one of an earlier release, which is longer.
fn number_at(cursor: &[u8]) -> i64 {
    cursor.try_into().map_or(0, i64::from_be_bytes)
}

/// A cursor of PostgreSQL's: when an outcome expires, and the hash of its key.
fn cursor_of(row: &IdempotencyRow) -> Vec<u8> {
    [row.expires_at_us.to_be_bytes().as_slice(), &row.key_hash].concat()
}

/// The outcome at such a cursor. An empty one begins.
fn place_at(cursor: &[u8]) -> (i64, &[u8]) {
    cursor.split_first_chunk().map_or((i64::MIN, &[]), |(expires, hash)| (i64::from_be_bytes(*expires), hash))
}

/// The next outcomes of an entrypoint after a cursor, each with its own; an empty cursor begins.
///
/// # Errors
/// The database's.
pub(crate) fn after(
    conn: &mut Conn,
    entrypoint_id: i64,
    cursor: &[u8],
    most: i64,
) -> Result<Vec<(Vec<u8>, IdempotencyRow)>, StoreError> {
    match conn {
        Conn::Sqlite(c, _) => {
            let rows: Vec<(i64, IdempotencyRow)> = idempotency::table
                .filter(idempotency::entrypoint_id.eq(entrypoint_id))
                .filter(idempotency::record_id.gt(number_at(cursor)))
                .order(idempotency::record_id)
                .limit(most)
                .select((idempotency::record_id, IdempotencyRow::as_select()))
                .load(c)?;
            Ok(rows.into_iter().map(|(id, row)| (id.to_be_bytes().to_vec(), row)).collect())
        }
        Conn::Postgres(c) => {
            let (expires_at_us, key_hash) = place_at(cursor);
            let is_later = idempotency::expires_at_us.gt(expires_at_us);
            let rows: Vec<IdempotencyRow> = idempotency::table
                .filter(idempotency::entrypoint_id.eq(entrypoint_id))
                .filter(idempotency::expires_at_us.ge(expires_at_us))
                .filter(is_later.or(idempotency::key_hash.gt(key_hash)))
                .order((idempotency::expires_at_us, idempotency::key_hash))
                .limit(most)
                .select(IdempotencyRow::as_select())
                .load(c)?;
            Ok(rows.into_iter().map(|row| (cursor_of(&row), row)).collect())
        }
    }
}

/// Puts an outcome, by its cursor, under another data key.
///
/// # Errors
/// The database's.
pub(crate) fn seal_anew(conn: &mut Conn, cursor: &[u8], moved: &IdempotencyRow) -> Result<(), StoreError> {
    let sealed = (idempotency::key_id.eq(moved.key_id), idempotency::detail.eq(&moved.detail));
    match conn {
        Conn::Sqlite(c, _) => {
            diesel::update(idempotency::table.filter(idempotency::record_id.eq(number_at(cursor))))
                .set(sealed)
                .execute(c)?
        }
        Conn::Postgres(c) => {
            let row = idempotency::table.find((moved.entrypoint_id, &moved.key_hash));
            diesel::update(row).set(sealed).execute(c)?
        }
    };
    Ok(())
}

/// Looks whether the next outcomes of an entrypoint are found by their keys; the cursor of the last.
///
/// # Errors
/// [`StoreError::Corrupt`] where one is not; the database's.
pub(crate) fn examine(
    conn: &mut Conn,
    entrypoint_id: i64,
    cursor: &[u8],
    most: i64,
) -> Result<Option<Vec<u8>>, StoreError> {
    let rows = after(conn, entrypoint_id, cursor, most)?;
    if let Conn::Sqlite(..) = conn {
        let digests: Vec<Vec<u8>> = rows.iter().map(|(_, row)| digest(&row.key_hash)).collect();
        let found = digests::find::<Records>(conn, entrypoint_id, &digests)?;
        for ((cursor, _), digest) in rows.iter().zip(&digests) {
            let id = number_at(cursor);
            if !found.get(digest).is_some_and(|ids| ids.contains(&id)) {
                return Err(StoreError::Corrupt(format!(
                    "outcome {id} is not found by its idempotency key: a retry would act again"
                )));
            }
        }
    }
    Ok(rows.into_iter().last().map(|(cursor, _)| cursor))
}
