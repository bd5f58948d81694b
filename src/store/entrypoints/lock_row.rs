//! The lock row of an entrypoint. Every change of its customers or settings holds this lock.
//!
//! On PostgreSQL, later statements read the data: a statement that waits for the lock does not see what others
//! committed during the wait.

use std::sync::Arc;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};

use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::problem::Rejection;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::prepared::ask_postgres;
use crate::store::engine::schema::entrypoint_lock;
pub(crate) use crate::store::engine::writer::Waiting;
use crate::store::keys::index_keys::{IndexKey, IndexKeys};
use crate::store::keys::keyring::KeyRing;

/// How many entrypoints one statement reads.
const CHUNK: usize = 1_000;

/// A row of `entrypoint_lock`, as read under the lock.
#[derive(Debug, Clone, Queryable, Selectable, AsChangeset)]
#[diesel(table_name = entrypoint_lock, treat_none_as_null = true)]
pub struct LockRow {
    #[diesel(skip_update)]
    pub entrypoint_id: i64,
    /// The version of the current settings.
    #[diesel(skip_update)]
    pub settings_version: i64,
    pub next_customer_id: i64,
    pub block_end: i64,
    /// The number of the next change.
    pub next_seq: i64,
    pub key_id: i64,
    pub digest_identifiers: String,
    pub live_customers: i64,
    pub counts: String,
    pub old_key_id: Option<i64>,
    pub old_digest_identifiers: String,
}

impl LockRow {
    /// The keys that seal and index the customers of this entrypoint: the key for new writes and, during a rotation,
    /// the old key.
    pub(crate) fn keys(&self, conn: &mut Conn, ring: &KeyRing) -> Result<IndexKeys, StoreError> {
        let new = IndexKey::of(conn, ring, self.key_id, &self.digest_identifiers)?;
        let old = match self.old_key_id {
            Some(id) => Some(IndexKey::of(conn, ring, id, &self.old_digest_identifiers)?),
            None => None,
        };
        Ok(IndexKeys { new, old })
    }
}

/// Defines a function that locks lock rows in the order of their ids.
macro_rules! lock_rows {
    ($name:ident<$life:lifetime>($of:literal, $param:ident: $type:ty as $sql:ty), $locks:literal) => {
        ask_postgres! {
            /// Locks lock rows.
            $name<$life>(
                concat!(
                    "SELECT entrypoint_id, settings_version, next_customer_id, block_end, next_seq, key_id, \
digest_identifiers, live_customers, counts, old_key_id, old_digest_identifiers \
FROM entrypoint_lock WHERE entrypoint_id = ", $of
                ), $param: $type as $sql;
                concat!(") ORDER BY entrypoint_id ", $locks)
            ) -> LockRow
            as (BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, Text, BigInt, Text, Nullable<BigInt>, Text)
        }
    };
}
// A single lock row needs no sorting.
lock_rows!(lock_row<'a>("(", id: &'a i64 as BigInt), "FOR UPDATE");
lock_rows!(free_lock_row<'a>("(", id: &'a i64 as BigInt), "FOR UPDATE SKIP LOCKED");
lock_rows!(lock_rows<'a>("ANY (", ids: &'a [i64] as Array<BigInt>), "FOR UPDATE");
lock_rows!(free_lock_rows<'a>("ANY (", ids: &'a [i64] as Array<BigInt>), "FOR UPDATE SKIP LOCKED");

/// Locks the lock rows of some entrypoints, in id order.
pub(crate) fn lock_entrypoints(
    conn: &mut Conn,
    ids: &[i64],
    waiting: Waiting,
) -> Result<Vec<LockRow>, StoreError> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    match conn {
        // BEGIN IMMEDIATE has locked the whole database.
        Conn::Sqlite(c, ..) => {
            let mut lock_rows = Vec::new();
            for id in ids {
                let lock_row = entrypoint_lock::table
                    .filter(entrypoint_lock::entrypoint_id.eq(id))
                    .select(LockRow::as_select())
                    .first(c)
                    .optional()?;
                lock_rows.extend(lock_row);
            }
            Ok(lock_rows)
        }
        Conn::Postgres(c) => Ok(match (waiting, ids.as_slice()) {
            (Waiting::Skip, [id]) => free_lock_row(c, id)?,
            (Waiting::Skip, ids) => free_lock_rows(c, ids)?,
            (Waiting::Wait, [id]) => lock_row(c, id)?,
            (Waiting::Wait, ids) => lock_rows(c, ids)?,
        }),
    }
}

/// Waits for the lock row of one entrypoint.
///
/// # Errors
/// [`Rejection::NotFound`] if there is no such entrypoint; database errors.
pub(crate) fn lock_entrypoint(conn: &mut Conn, id: i64) -> Result<LockRow, StoreError> {
    lock_entrypoints(conn, &[id], Waiting::Wait)?.pop().ok_or_else(|| Rejection::NotFound.into())
}

/// Reads the lock row of an entrypoint without locking it.
///
/// # Errors
/// Database errors.
pub(crate) fn read_lock_row(conn: &mut Conn, id: i64) -> Result<Option<LockRow>, StoreError> {
    Ok(on!(conn, |c| entrypoint_lock::table.find(id).select(LockRow::as_select()).first(c).optional())?)
}

/// Some entrypoints with their lock rows, in id order; leaves out entrypoints that do not exist.
///
/// # Errors
/// Database errors; [`StoreError::Corrupt`].
pub(crate) fn with_lock_rows(
    conn: &mut Conn,
    ring: &KeyRing,
    ids: &[i64],
    admits: impl Fn(&LockRow) -> bool,
) -> Result<Vec<(Arc<Entrypoint>, LockRow)>, StoreError> {
    let mut places = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let rows: Vec<LockRow> = on!(conn, |c| {
            let base = entrypoint_lock::table.select(LockRow::as_select());
            match chunk {
                // This statement stays prepared.
                [id] => base.filter(entrypoint_lock::entrypoint_id.eq(id)).load(c),
                ids => base
                    .filter(entrypoint_lock::entrypoint_id.eq_any(ids))
                    .order(entrypoint_lock::entrypoint_id)
                    .load(c),
            }
        })?;
        for lock_row in rows.into_iter().filter(&admits) {
            let entrypoint = ring.directory.at(conn, lock_row.entrypoint_id, lock_row.settings_version)?;
            places.push((entrypoint, lock_row));
        }
    }
    Ok(places)
}
