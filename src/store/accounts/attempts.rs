//! Recent attempts with a login name, counted under a keyed hash of the name, whether or not a customer has the name.
//! The lock of the entrypoint covers the counting, so that no two attempts count as one; attempts of staff, who belong to no
//! entrypoint, lock the row of the count.

use diesel::prelude::*;
use strum::IntoStaticStr;

use crate::domain::accounts::sign_in::{ATTEMPT_WINDOW_US, recent_failures};
use crate::domain::kernel::time::Micros;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::login_attempt;
use crate::store::keys::keyring::KeyRing;

/// The kind of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Attempt {
    /// A sign-in.
    SignIn,
    /// A change of password by a customer who is signed in.
    Change,
    /// A request for a mail with a link.
    Mail,
    /// A sign-in of a member of staff.
    StaffSignIn,
    /// A code of a member's second factor.
    StaffCode,
    /// A change of password by a member who is signed in.
    StaffChange,
    /// A request for a link to a member.
    StaffMail,
}

fn hash(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    attempt: Attempt,
    name: &str,
) -> Result<Vec<u8>, StoreError> {
    let place = entrypoint_id.to_be_bytes();
    let parts = [<&str>::from(attempt).as_bytes(), place.as_slice(), name.as_bytes()];
    Ok(ring.service_key(conn)?.portal().digest_parts(parts).to_vec())
}

/// Counts an attempt unless `most` are counted already; returns the number before.
///
/// # Errors
/// Database errors.
pub(crate) fn count(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    attempt: Attempt,
    name: &str,
    most: usize,
    now: Micros,
) -> Result<usize, StoreError> {
    let hash = hash(conn, ring, entrypoint_id, attempt, name)?;
    let kept: Option<String> = on!(conn, |c| login_attempt::table
        .find((entrypoint_id, &hash))
        .select(login_attempt::times)
        .first(c)
        .optional())?;
    let times: Vec<i64> = kept.map_or(Ok(Vec::new()), |json| serde_json::from_str(&json))?;
    let mut times = recent_failures(&times, now);
    let before = times.len();
    if before >= most {
        return Ok(before);
    }
    times.push(now.0);
    let times = serde_json::to_string(&times)?;
    on!(conn, |c| diesel::insert_into(login_attempt::table)
        .values((
            login_attempt::entrypoint_id.eq(entrypoint_id),
            login_attempt::login_hash.eq(&hash),
            login_attempt::times.eq(&times),
            login_attempt::newest_at_us.eq(now.0),
        ))
        .on_conflict((login_attempt::entrypoint_id, login_attempt::login_hash))
        .do_update()
        .set((login_attempt::times.eq(&times), login_attempt::newest_at_us.eq(now.0)))
        .execute(c))?;
    Ok(before)
}

/// As [`count`], where no lock of an entrypoint covers it: the row of the count is locked.
///
/// # Errors
/// Database errors.
pub(crate) fn count_alone(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    attempt: Attempt,
    name: &str,
    most: usize,
    now: Micros,
) -> Result<usize, StoreError> {
    let hash = hash(conn, ring, entrypoint_id, attempt, name)?;
    if let Conn::Postgres(c) = conn {
        // It writes the row as it is, so that the next statement reads it under its lock.
        diesel::insert_into(login_attempt::table)
            .values((
                login_attempt::entrypoint_id.eq(entrypoint_id),
                login_attempt::login_hash.eq(&hash),
                login_attempt::times.eq("[]"),
                login_attempt::newest_at_us.eq(now.0),
            ))
            .on_conflict((login_attempt::entrypoint_id, login_attempt::login_hash))
            .do_update()
            .set(login_attempt::newest_at_us.eq(now.0))
            .execute(c)?;
    }
    count(conn, ring, entrypoint_id, attempt, name, most, now)
}

/// Forgets the attempts with a name.
///
/// # Errors
/// Database errors.
pub(crate) fn clear(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    attempt: Attempt,
    name: &str,
) -> Result<(), StoreError> {
    let hash = hash(conn, ring, entrypoint_id, attempt, name)?;
    on!(conn, |c| diesel::delete(login_attempt::table.find((entrypoint_id, &hash))).execute(c))?;
    Ok(())
}

/// Removes attempts that no longer count; returns how many.
///
/// # Errors
/// Database errors.
pub(crate) fn purge(conn: &mut Conn, now: Micros) -> Result<usize, StoreError> {
    let oldest = now.0.saturating_sub(ATTEMPT_WINDOW_US);
    Ok(on!(conn, |c| diesel::delete(login_attempt::table.filter(login_attempt::newest_at_us.le(oldest)))
        .execute(c))?)
}
