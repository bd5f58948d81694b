//! Idempotency records of requests without a customer: they hold the answer's text.

use super::{IdempotencyRow, find, forget_expired, keep, outcome_ad};
use crate::domain::decide::command::KeyUse;
use crate::domain::kernel::problem::Rejection;
use crate::domain::kernel::time::Micros;
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::keys::keyring::{ENTRYPOINT_SALT, KeyRing};
use crate::vault::DataKey;

/// The answer's text stored under a key, for a request without a customer.
///
/// # Errors
/// [`Rejection::KeyReused`] if the key was used for another request; the database's.
pub(crate) fn text(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    key_use: KeyUse,
    now: Micros,
) -> Result<Option<String>, StoreError> {
    let rows = find(conn, entrypoint_id, &[key_use.key.to_vec()], now)?;
    let Some(row) = rows.first() else { return Ok(None) };
    if row.fingerprint != key_use.fingerprint {
        return Err(Rejection::KeyReused.into());
    }
    let seal = ring.data_key(conn, row.key_id)?.seal_key(ENTRYPOINT_SALT)?;
    let text = seal.open(&outcome_ad(row), &row.detail)?;
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}

/// How to store a text, and for how long.
pub(crate) struct Keeping<'a> {
    /// The key that seals it.
    pub key: &'a DataKey,
    /// The kind of the record.
    pub kind: &'static str,
    pub now: Micros,
    pub expires_at_us: i64,
}

/// Stores a text under a key for which [`text`] found none.
///
/// # Errors
/// The database's; [`StoreError::Bug`] if another transaction used the key meanwhile.
pub(crate) fn keep_text(
    conn: &mut Conn,
    entrypoint_id: i64,
    key_use: KeyUse,
    text: &[u8],
    keeping: &Keeping<'_>,
) -> Result<(), StoreError> {
    let mut row = IdempotencyRow {
        entrypoint_id,
        key_hash: key_use.key.to_vec(),
        fingerprint: key_use.fingerprint.to_vec(),
        kind: keeping.kind.to_owned(),
        customer_id: None,
        version: None,
        key_id: keeping.key.id,
        detail: Vec::new(),
        expires_at_us: keeping.expires_at_us,
    };
    row.detail = keeping.key.seal_key(ENTRYPOINT_SALT)?.seal(&outcome_ad(&row), text)?;
    forget_expired(conn, entrypoint_id, std::slice::from_ref(&row.key_hash), keeping.now)?;
    // If two transactions use the key at once, one fails.
    keep(conn, entrypoint_id, &[row])
}
