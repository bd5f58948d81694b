//! Sessions of signed-in customers; the database holds only the hash of each cookie.

use diesel::prelude::*;

use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::portal_session;
use crate::vault::{new_secret, secret_hash};

/// How long sessions last.
#[derive(Debug, Clone, Copy)]
pub struct SessionLimits {
    /// The maximum time without a request, in seconds.
    pub idle_secs: i64,
    /// The maximum time in all, in seconds.
    pub max_secs: i64,
}

impl SessionLimits {
    pub(super) fn oldest_seen(self, now: Micros) -> i64 {
        now.0.saturating_sub(self.idle_secs.saturating_mul(SECOND_US))
    }

    pub(super) fn oldest_created(self, now: Micros) -> i64 {
        now.0.saturating_sub(self.max_secs.saturating_mul(SECOND_US))
    }

    /// Whether a session that began and was last used at some times is still valid.
    pub(super) fn allow(self, created_at: Micros, seen_at: Micros, now: Micros) -> bool {
        created_at.0 > self.oldest_created(now) && seen_at.0 > self.oldest_seen(now)
    }
}

/// Begins a session; returns its token.
///
/// # Errors
/// Database errors.
pub(crate) fn begin(
    conn: &mut Conn,
    entrypoint_id: i64,
    customer_id: i64,
    now: Micros,
) -> Result<String, StoreError> {
    let token = new_secret()?;
    on!(conn, |c| diesel::insert_into(portal_session::table)
        .values((
            portal_session::token_hash.eq(secret_hash(&token).to_vec()),
            portal_session::entrypoint_id.eq(entrypoint_id),
            portal_session::customer_id.eq(customer_id),
            portal_session::created_at_us.eq(now.0),
            portal_session::seen_at_us.eq(now.0),
        ))
        .execute(c))?;
    Ok(token.to_string())
}

/// The customer of a valid session of this entrypoint, and the time of its last use.
///
/// # Errors
/// Database errors.
pub(crate) fn find(
    conn: &mut Conn,
    entrypoint_id: i64,
    token: &str,
    limits: SessionLimits,
    now: Micros,
) -> Result<Option<(i64, Micros)>, StoreError> {
    let found: Option<(i64, i64)> = on!(conn, |c| portal_session::table
        .find((entrypoint_id, secret_hash(token).to_vec()))
        .filter(portal_session::seen_at_us.gt(limits.oldest_seen(now)))
        .filter(portal_session::created_at_us.gt(limits.oldest_created(now)))
        .select((portal_session::customer_id, portal_session::seen_at_us))
        .first(c)
        .optional())?;
    Ok(found.map(|(customer_id, seen)| (customer_id, Micros(seen))))
}

/// Records the use of a session.
///
/// # Errors
/// Database errors.
pub(crate) fn touch(conn: &mut Conn, entrypoint_id: i64, token: &str, now: Micros) -> Result<(), StoreError> {
    on!(conn, |c| diesel::update(portal_session::table.find((entrypoint_id, secret_hash(token).to_vec())))
        .set(portal_session::seen_at_us.eq(now.0))
        .execute(c))?;
    Ok(())
}

/// Ends a session.
///
/// # Errors
/// Database errors.
pub(crate) fn end(conn: &mut Conn, entrypoint_id: i64, token: &str) -> Result<(), StoreError> {
    let session = portal_session::table.find((entrypoint_id, secret_hash(token).to_vec()));
    on!(conn, |c| diesel::delete(session).execute(c))?;
    Ok(())
}

/// Ends all sessions of a customer.
///
/// # Errors
/// Database errors.
pub(crate) fn end_all(conn: &mut Conn, entrypoint_id: i64, customer_id: i64) -> Result<(), StoreError> {
    on!(conn, |c| diesel::delete(
        portal_session::table
            .filter(portal_session::entrypoint_id.eq(entrypoint_id))
            .filter(portal_session::customer_id.eq(customer_id)),
    )
    .execute(c))?;
    Ok(())
}

/// Removes expired sessions; returns how many.
///
/// # Errors
/// Database errors.
pub(crate) fn purge(conn: &mut Conn, limits: SessionLimits, now: Micros) -> Result<usize, StoreError> {
    Ok(on!(conn, |c| diesel::delete(
        portal_session::table.filter(
            portal_session::seen_at_us
                .le(limits.oldest_seen(now))
                .or(portal_session::created_at_us.le(limits.oldest_created(now))),
        ),
    )
    .execute(c))?)
}
