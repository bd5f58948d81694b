//! Idempotency for changes of settings: the transaction of a change also stores its answer (rules 4).

use super::{Keeping, keep_text, text};
use crate::domain::decide::command::KeyUse;
use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::in_transaction;
use crate::store::keys::keyring::{KeyRing, SERVICE_ENTRYPOINT};

const KIND: &str = "settings";

/// Runs an action, or returns the answer stored under the same key; also returns whether it was stored.
pub(crate) fn once(
    conn: &mut Conn,
    ring: &KeyRing,
    key_use: Option<KeyUse>,
    now: Micros,
    retention_secs: i64,
    action: impl FnOnce(&mut Conn) -> Result<String, StoreError>,
) -> Result<(String, bool), StoreError> {
    let Some(key_use) = key_use else { return in_transaction(conn, action).map(|body| (body, false)) };
    let done = in_transaction(conn, |conn| {
        if let Some(body) = text(conn, ring, SERVICE_ENTRYPOINT, key_use, now)? {
            return Ok((body, true));
        }
        let body = action(conn)?;
        let keeping = Keeping {
            key: &*ring.service_key(conn)?,
            kind: KIND,
            now,
            expires_at_us: now.0.saturating_add(retention_secs.saturating_mul(SECOND_US)),
        };
        keep_text(conn, SERVICE_ENTRYPOINT, key_use, body.as_bytes(), &keeping)?;
        Ok((body, false))
    });
    match done {
        // Another instance may have committed an answer under the same key first: then what stands in the way is its own.
        Err(error @ (StoreError::Bug(_) | StoreError::Rejected(_))) => {
            match in_transaction(conn, |conn| text(conn, ring, SERVICE_ENTRYPOINT, key_use, now))? {
                Some(body) => Ok((body, true)),
                None => Err(error),
            }
        }
        other => other,
    }
}
