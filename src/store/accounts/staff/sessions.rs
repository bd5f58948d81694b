//! Sessions of members who are signed in; the database holds only the hash of each cookie.

use diesel::prelude::*;

use super::super::sessions::SessionLimits;
use crate::domain::accounts::staff::HALF_SECS;
use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::staff_session;
use crate::vault::{new_secret, secret_hash};

/// A stored session, without its token.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = staff_session)]
pub(super) struct SessionRow {
    pub(super) member_id: String,
    pub(super) epoch: i64,
    pub(super) is_half: bool,
    created_at_us: i64,
    pub(super) seen_at_us: i64,
}

impl SessionRow {
    /// Whether it may be used: it does not wait for the second factor for too long.
    fn is_timely(&self, now: Micros) -> bool {
        let waits_since = now.0.saturating_sub(HALF_SECS * SECOND_US);
        !self.is_half || self.created_at_us > waits_since
    }
}

/// Begins a session; returns its token.
///
/// # Errors
/// Database errors.
pub(super) fn begin(
    conn: &mut Conn,
    member_id: &str,
    epoch: i64,
    is_half: bool,
    now: Micros,
) -> Result<String, StoreError> {
    let token = new_secret()?;
    on!(conn, |c| diesel::insert_into(staff_session::table)
        .values((
            staff_session::token_hash.eq(secret_hash(&token).to_vec()),
            staff_session::member_id.eq(member_id),
            staff_session::epoch.eq(epoch),
            staff_session::is_half.eq(is_half),
            staff_session::created_at_us.eq(now.0),
            staff_session::seen_at_us.eq(now.0),
        ))
        .execute(c))?;
    Ok(token.to_string())
}

/// A session that has not expired. The caller compares its epoch with the member's.
///
/// # Errors
/// Database errors.
pub(super) fn find(
    conn: &mut Conn,
    token: &str,
    limits: Option<SessionLimits>,
    now: Micros,
) -> Result<Option<SessionRow>, StoreError> {
    let found: Option<SessionRow> = on!(conn, |c| staff_session::table
        .find(secret_hash(token).to_vec())
        .select(SessionRow::as_select())
        .first(c)
        .optional())?;
    let is_within = |row: &SessionRow| {
        limits.is_none_or(|limits| limits.allow(Micros(row.created_at_us), Micros(row.seen_at_us), now))
    };
    Ok(found.filter(|row| row.is_timely(now) && is_within(row)))
}

/// Records that a session has its second factor.
///
/// # Errors
/// Database errors.
pub(super) fn complete(conn: &mut Conn, token: &str, now: Micros) -> Result<(), StoreError> {
    on!(conn, |c| diesel::update(staff_session::table.find(secret_hash(token).to_vec()))
        .set((staff_session::is_half.eq(false), staff_session::seen_at_us.eq(now.0)))
        .execute(c))?;
    Ok(())
}

/// Records the use of a session.
///
/// # Errors
/// Database errors.
pub(super) fn touch(conn: &mut Conn, token: &str, now: Micros) -> Result<(), StoreError> {
    on!(conn, |c| diesel::update(staff_session::table.find(secret_hash(token).to_vec()))
        .set(staff_session::seen_at_us.eq(now.0))
        .execute(c))?;
    Ok(())
}

/// Moves a session of a member into another epoch, so that it outlives the member's others.
///
/// # Errors
/// Database errors.
pub(super) fn keep(conn: &mut Conn, member_id: &str, token: &str, epoch: i64) -> Result<(), StoreError> {
    let own = staff_session::table
        .filter(staff_session::token_hash.eq(secret_hash(token).to_vec()))
        .filter(staff_session::member_id.eq(member_id));
    on!(conn, |c| diesel::update(own).set(staff_session::epoch.eq(epoch)).execute(c))?;
    Ok(())
}

/// Ends a session.
///
/// # Errors
/// Database errors.
pub(super) fn end(conn: &mut Conn, token: &str) -> Result<(), StoreError> {
    on!(conn, |c| diesel::delete(staff_session::table.find(secret_hash(token).to_vec())).execute(c))?;
    Ok(())
}

/// Removes the sessions of a member that are of an epoch before; all of them if the member is gone.
///
/// # Errors
/// Database errors.
pub(super) fn end_before(conn: &mut Conn, member_id: &str, epoch: i64) -> Result<(), StoreError> {
    let ended = staff_session::table
        .filter(staff_session::member_id.eq(member_id))
        .filter(staff_session::epoch.lt(epoch));
    on!(conn, |c| diesel::delete(ended).execute(c))?;
    Ok(())
}

/// Removes expired sessions; returns how many.
///
/// # Errors
/// Database errors.
pub(crate) fn purge(conn: &mut Conn, limits: SessionLimits, now: Micros) -> Result<usize, StoreError> {
    Ok(on!(conn, |c| diesel::delete(
        staff_session::table.filter(
            staff_session::seen_at_us
                .le(limits.oldest_seen(now))
                .or(staff_session::created_at_us.le(limits.oldest_created(now))),
        ),
    )
    .execute(c))?)
}
