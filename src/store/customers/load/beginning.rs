//! What a batch reads of an entrypoint first.

use std::sync::Arc;

use super::LockRow;
use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::time::Micros;
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::idempotency::{self, IdempotencyRow};
use crate::store::keys::keyring::KeyRing;

/// An entrypoint at the beginning of a batch.
pub(super) struct Beginning {
    pub entrypoint: Arc<Entrypoint>,
    /// The idempotency records of some keys.
    pub outcomes: Vec<IdempotencyRow>,
    /// Keys whose records have expired and still exist.
    pub expired: Vec<Vec<u8>>,
}

impl Beginning {
    /// Reads an entrypoint and the idempotency records of some keys.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub(super) fn read(
        conn: &mut Conn,
        ring: &KeyRing,
        lock_row: &LockRow,
        key_hashes: &[Vec<u8>],
        now: Micros,
    ) -> Result<Beginning, StoreError> {
        let place = lock_row.entrypoint_id;
        let entrypoint = ring.directory.at(conn, place, lock_row.settings_version)?;
        // PostgreSQL holds one record per key; delete an expired one before the key is used again.
        let since = if matches!(conn, Conn::Postgres(_)) { Micros(i64::MIN) } else { now };
        let found = idempotency::find(conn, place, key_hashes, since)?;
        let (outcomes, expired): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|row| row.expires_at_us > now.0);
        let expired = expired.into_iter().map(|row| row.key_hash).collect();
        Ok(Beginning { entrypoint, outcomes, expired })
    }
}
