//! The lock row of an entrypoint. Every change of its customers or settings holds this lock.
//!
//! On PostgreSQL, later statements read the data: a statement that waits for the lock does not see what others
//! committed during the wait.

use std::sync::Arc;
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};

use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::problem::Rejection;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::prepared::{ask, row};
use crate::store::engine::schema::entrypoint_lock;
use crate::store::keys::index_keys::{IndexKey, IndexKeys};
use crate::store::keys::keyring::KeyRing;

/// How long an admin task waits for a lock row. It keeps a writer from its other work meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many entrypoints one statement reads.
const CHUNK: usize = 1_000;

row! {
    /// A row of `entrypoint_lock`, as read under the lock.
    #[derive(Debug, Clone, AsChangeset)]
    #[diesel(treat_none_as_null = true)]
    pub(crate) struct LockRow of entrypoint_lock "entrypoint_lock":
    types LockColumns, columns lock_columns of "l", fn insert_lock_rows by NewLockRows;
    #[diesel(skip_update)]
    entrypoint_id: i64 as BigInt,
    /// The version of the current settings.
    #[diesel(skip_update)]
    settings_version: i64 as BigInt,
    next_customer_id: i64 as BigInt,
    block_end: i64 as BigInt,
    /// The number of the next change.
    next_seq: i64 as BigInt,
    key_id: i64 as BigInt,
    digest_identifiers: String as Text,
    live_customers: i64 as BigInt,
    counts: String as Text,
    old_key_id: Option<i64> as Nullable<BigInt>,
    old_digest_identifiers: String as Text,
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
        ask! {
            /// Locks lock rows.
            fn $name<$life> of PgConnection(
                concat!("SELECT ", lock_columns!(), " FROM entrypoint_lock l WHERE l.entrypoint_id = ", $of),
                $param: $type as $sql;
                concat!(") ORDER BY l.entrypoint_id ", $locks)
            ) -> LockRow as LockColumns
        }
    };
}
// A single lock row needs no sorting.
lock_rows!(lock_row<'a>("(", id: &'a i64 as BigInt), "FOR UPDATE");
lock_rows!(free_lock_row<'a>("(", id: &'a i64 as BigInt), "FOR UPDATE SKIP LOCKED");
lock_rows!(lock_rows<'a>("ANY (", ids: &'a [i64] as Array<BigInt>), "FOR UPDATE");
lock_rows!(free_lock_rows<'a>("ANY (", ids: &'a [i64] as Array<BigInt>), "FOR UPDATE SKIP LOCKED");

/// Locks the lock rows of some entrypoints, in id order; leaves out those that another transaction has locked.
pub(crate) fn lock_free_entrypoints(conn: &mut Conn, ids: &[i64]) -> Result<Vec<LockRow>, StoreError> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    match conn {
        // BEGIN IMMEDIATE has locked the whole database.
        Conn::Sqlite(..) => ids.iter().filter_map(|id| read_lock_row(conn, *id).transpose()).collect(),
        Conn::Postgres(c) => Ok(match ids.as_slice() {
            [id] => free_lock_row(c, id)?,
            ids => free_lock_rows(c, ids)?,
        }),
    }
}

/// Locks the lock rows of some entrypoints, in id order, and waits for them.
pub(crate) fn lock_entrypoints(conn: &mut Conn, ids: &[i64]) -> Result<Vec<LockRow>, StoreError> {
    match conn {
        Conn::Sqlite(..) => lock_free_entrypoints(conn, ids),
        Conn::Postgres(c) => Ok(lock_rows(c, ids)?),
    }
}

/// Waits for the lock row of one entrypoint, at most for `patience`; `None` if there is no such entrypoint.
///
/// # Errors
/// Database errors; that the lock was not free in time. The transaction is then void.
pub(crate) fn wait_for_entrypoint(
    conn: &mut Conn,
    id: i64,
    patience: Duration,
) -> Result<Option<LockRow>, StoreError> {
    conn.wait_for_locks(Some(patience))?;
    let locked = match conn {
        Conn::Sqlite(..) => read_lock_row(conn, id)?,
        Conn::Postgres(c) => lock_row(c, &id)?.pop(),
    };
    conn.wait_for_locks(None)?;
    Ok(locked)
}

/// Locks the lock row of one entrypoint.
///
/// # Errors
/// [`Rejection::NotFound`] if there is no such entrypoint; database errors.
pub(crate) fn lock_entrypoint(conn: &mut Conn, id: i64) -> Result<LockRow, StoreError> {
    let free = lock_free_entrypoints(conn, &[id])?.pop();
    let locked = match free {
        Some(locked) => Some(locked),
        None => wait_for_entrypoint(conn, id, PATIENCE)?,
    };
    locked.ok_or_else(|| Rejection::NotFound.into())
}

/// Reads the lock row of an entrypoint without locking it.
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
