//! What a batch reads of an entrypoint before anything else.

use std::sync::Arc;

use super::LockRow;
use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::time::Micros;
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::idempotency::{self, IdempotencyRow};
use crate::store::keys::keyring::KeyRing;

/// An entrypoint as a batch begins with it.
pub(super) struct Beginning {
    pub entrypoint: Arc<Entrypoint>,
    /// What some idempotency keys came to there.
    pub outcomes: Vec<IdempotencyRow>,
    /// Those of them that have expired and were not yet removed.
    pub expired: Vec<Vec<u8>>,
}

impl Beginning {
    /// Reads an entrypoint and what some idempotency keys came to.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`].
    pub(super) fn read(
        conn: &mut Conn,
        ring: &KeyRing,
        lock_row: &LockRow,
        key_hashes: &[Vec<u8>],
        now: Micros,
    ) -> Result<Beginning, StoreError> {
        let place = lock_row.entrypoint_id;
        let entrypoint = ring.directory.at(conn, place, lock_row.settings_version)?;
        // PostgreSQL has one record of a key, which must go before it can be used anew.
        let since = if matches!(conn, Conn::Postgres(_)) { Micros(i64::MIN) } else { now };
        let found = idempotency::find(conn, place, key_hashes, since)?;
        let (outcomes, expired): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|row| row.expires_at_us > now.0);
        let expired = expired.into_iter().map(|row| row.key_hash).collect();
        Ok(Beginning { entrypoint, outcomes, expired })
    }
}
