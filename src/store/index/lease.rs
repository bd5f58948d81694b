//! The lease of the index: one process at a time rewrites segments.

use diesel::prelude::*;

use super::segments::{BUILDING, RETIRED, lock};
use crate::clock;
use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{index_lease, index_segment};

/// After this long without a step, in microseconds, another process begins anew.
const LEASE_US: i64 = 60 * SECOND_US;

/// Takes the lease of the index for a new compaction or a scrub, unless another process has it; `own` is the number of
/// this process's last lease. Returns the new number.
pub(super) fn take_lease(conn: &mut Conn, own: Option<i64>) -> Result<Option<i64>, StoreError> {
    if !lock(conn)? {
        return Ok(None);
    }
    let (lease_no, until): (i64, i64) = on!(conn, |c| index_lease::table
        .select((index_lease::lease_no, index_lease::lease_until_us))
        .first(c))?;
    let now = conn.shared_now(clock::now())?;
    if Micros(until).is_lease_until(now, LEASE_US) && own != Some(lease_no) {
        return Ok(None);
    }
    // A process that died may have left an unfinished segment.
    on!(conn, |c| diesel::update(index_segment::table.filter(index_segment::state.eq(BUILDING)))
        .set((index_segment::state.eq(RETIRED), index_segment::retired_at_us.eq(Some(0_i64))))
        .execute(c))?;
    let lease_no = lease_no + 1;
    on!(conn, |c| diesel::update(index_lease::table)
        .set((index_lease::lease_no.eq(lease_no), index_lease::lease_until_us.eq(now.0 + LEASE_US)))
        .execute(c))?;
    Ok(Some(lease_no))
}

/// Extends a lease of the index; false if another process took it.
pub(super) fn keep_lease(conn: &mut Conn, lease_no: i64) -> Result<bool, StoreError> {
    let until_us = conn.shared_now(clock::now())?.0 + LEASE_US;
    let held = on!(conn, |c| diesel::update(index_lease::table.filter(index_lease::lease_no.eq(lease_no)))
        .set(index_lease::lease_until_us.eq(until_us))
        .execute(c))?;
    Ok(held == 1)
}

/// Gives a lease of the index back, unless another process took it.
pub(super) fn leave(conn: &mut Conn, lease_no: i64) -> Result<(), StoreError> {
    if keep_lease(conn, lease_no)? { end_lease(conn) } else { Ok(()) }
}

/// Gives the lease of the index back.
pub(super) fn end_lease(conn: &mut Conn) -> Result<(), StoreError> {
    on!(conn, |c| diesel::update(index_lease::table).set(index_lease::lease_until_us.eq(0_i64)).execute(c))?;
    Ok(())
}
