//! Idempotency for changes of settings: the answer is kept with the change, in its transaction (rules 4).

use diesel::prelude::*;

use super::conn::{Conn, on};
use super::error::StoreError;
use super::in_transaction;
use super::keyring::{ENTRYPOINT_SALT, KeyRing, SERVICE_ENTRYPOINT};
use super::load::{idempotency_rows, outcome_ad};
use super::rows::IdempotencyRow;
use super::schema::idempotency;
use crate::domain::command::KeyUse;
use crate::domain::problem::Rejection;
use crate::domain::time::{Micros, SECOND_US};

const KIND: &str = "settings";

/// Runs an act, or answers what it came to under the same key; and whether it was the latter.
pub(super) fn once(
    conn: &mut Conn,
    ring: &KeyRing,
    key_use: Option<KeyUse>,
    now: Micros,
    retention_secs: i64,
    act: impl FnOnce(&mut Conn) -> Result<String, StoreError>,
) -> Result<(String, bool), StoreError> {
    let Some(key_use) = key_use else { return in_transaction(conn, act).map(|body| (body, false)) };
    let done = in_transaction(conn, |conn| {
        if let Some(body) = known(conn, ring, key_use, now)? {
            return Ok((body, true));
        }
        let body = act(conn)?;
        keep(
            conn,
            ring,
            key_use,
            &body,
            now,
            now.0.saturating_add(retention_secs.saturating_mul(SECOND_US)),
        )?;
        Ok((body, false))
    });
    match done {
        // Another instance was quicker with the same key: its answer is committed by now.
        Err(StoreError::Bug(message)) => {
            match in_transaction(conn, |conn| known(conn, ring, key_use, now))? {
                Some(body) => Ok((body, true)),
                None => Err(StoreError::Bug(message)),
            }
        }
        other => other,
    }
}

fn known(
    conn: &mut Conn,
    ring: &KeyRing,
    key_use: KeyUse,
    now: Micros,
) -> Result<Option<String>, StoreError> {
    let rows = idempotency_rows(conn, SERVICE_ENTRYPOINT, &[key_use.key.to_vec()], now)?;
    let Some(row) = rows.first() else { return Ok(None) };
    if row.fingerprint != key_use.fingerprint {
        return Err(Rejection::KeyReused.into());
    }
    let seal = ring.data_key(conn, row.key_id)?.seal_key(ENTRYPOINT_SALT)?;
    let plain = seal.open(&outcome_ad(row), &row.detail)?;
    Ok(Some(String::from_utf8_lossy(&plain).into_owned()))
}

fn keep(
    conn: &mut Conn,
    ring: &KeyRing,
    key_use: KeyUse,
    body: &str,
    now: Micros,
    expires_at_us: i64,
) -> Result<(), StoreError> {
    let key = ring.service_key(conn)?;
    let mut row = IdempotencyRow {
        entrypoint_id: SERVICE_ENTRYPOINT,
        key_hash: key_use.key.to_vec(),
        fingerprint: key_use.fingerprint.to_vec(),
        kind: KIND.to_owned(),
        customer_id: None,
        version: None,
        key_id: key.id,
        detail: Vec::new(),
        expires_at_us,
    };
    row.detail = key.seal_key(ENTRYPOINT_SALT)?.seal(&outcome_ad(&row), body.as_bytes())?;
    on!(conn, |c| {
        // A key that expired and was not yet purged is used anew.
        diesel::delete(
            idempotency::table
                .filter(idempotency::entrypoint_id.eq(SERVICE_ENTRYPOINT))
                .filter(idempotency::key_hash.eq(&row.key_hash))
                .filter(idempotency::expires_at_us.le(now.0)),
        )
        .execute(c)?;
        diesel::insert_into(idempotency::table).values(&row).execute(c)
    })?;
    Ok(())
}
