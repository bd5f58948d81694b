//! Who works on which import: leases, ends, and what has had its time.

use diesel::prelude::*;

use super::{JobRow, JobState, dry_run, job_row, locked_row, shared_now, upload};
use crate::domain::decide::command::Actor;
use crate::domain::imports::{ImportJob, Position};
use crate::domain::kernel::problem::Rejection;
use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::import_job;
use crate::store::keys::keyring::KeyRing;

/// How long a worker may be silent before another takes its job, in microseconds.
pub(super) const LEASE_US: i64 = 15 * SECOND_US;
/// How long an upload may be silent before it counts as abandoned, in microseconds.
const UPLOAD_US: i64 = 3600 * SECOND_US;
/// How many jobs one transaction removes.
const REMOVED_MAX: i64 = 4;

/// A job in a worker's hands.
#[derive(Debug, Clone)]
pub struct ImportLease {
    /// The job, as it was when it was taken.
    pub job: ImportJob,
    /// Where its file is.
    pub upload_id: i64,
    /// Where to go on.
    pub position: Position,
    /// Who sent it; stands in the history.
    pub actor: Actor,
    /// How many workers took it since it last came forward.
    pub attempts: i64,
    /// The lease's number: with another one, nothing this worker does counts.
    pub number: i64,
}

/// Whether a job waits for a worker.
pub(crate) fn is_waiting(conn: &mut Conn, now: Micros) -> Result<bool, StoreError> {
    let now = shared_now(conn, now)?;
    Ok(waiting_id(conn, now, false)?.is_some())
}

/// The oldest job that nobody works on.
fn waiting_id(conn: &mut Conn, now: Micros, locks: bool) -> Result<Option<i64>, StoreError> {
    macro_rules! query {
        () => {
            import_job::table
                .filter(import_job::state.eq(JobState::Queued.name()).or(
                    import_job::state.eq(JobState::Running.name()).and(import_job::lease_until_us.lt(now.0)),
                ))
                .order(import_job::job_id)
                .select(import_job::job_id)
        };
    }
    Ok(match conn {
        Conn::Sqlite(c, ..) => query!().first(c).optional()?,
        Conn::Postgres(c) if locks => query!().for_update().skip_locked().first(c).optional()?,
        Conn::Postgres(c) => query!().first(c).optional()?,
    })
}

/// Takes a job that nobody works on: the one of an id, or the oldest.
pub(crate) fn take(
    conn: &mut Conn,
    ring: &KeyRing,
    job_id: Option<i64>,
    now: Micros,
) -> Result<Option<ImportLease>, StoreError> {
    let now = shared_now(conn, now)?;
    let id = match job_id {
        Some(id) => Some(id),
        None => waiting_id(conn, now, true)?,
    };
    let Some(row) = id.map(|id| locked_row(conn, id)).transpose()?.flatten() else { return Ok(None) };
    let is_free = match row.state()? {
        JobState::Queued => true,
        JobState::Running => lease_until(conn, row.job_id)? < now.0,
        _ => false,
    };
    if !is_free {
        return Ok(None);
    }
    let (number, attempts) = (row.lease_no + 1, row.attempts + 1);
    on!(conn, |c| diesel::update(import_job::table.find(row.job_id))
        .set((
            import_job::state.eq(JobState::Running.name()),
            import_job::lease_no.eq(number),
            import_job::lease_until_us.eq(now.0 + LEASE_US),
            import_job::attempts.eq(attempts),
            import_job::started_at_us.eq(row.started_at_us.unwrap_or(now.0)),
        ))
        .execute(c))?;
    let position = position(&row);
    let job = row.job(conn, ring)?;
    let actor = Actor { name: row.actor_name, jti: row.actor_jti };
    Ok(Some(ImportLease { job, upload_id: row.upload_id, position, actor, attempts, number }))
}

pub(super) fn position(row: &JobRow) -> Position {
    let offset = u64::try_from(row.byte_offset).unwrap_or(0);
    Position { offset, line: u64::try_from(row.line).unwrap_or(1) }
}

fn lease_until(conn: &mut Conn, job_id: i64) -> Result<i64, StoreError> {
    Ok(on!(conn, |c| import_job::table.find(job_id).select(import_job::lease_until_us).first(c))?)
}

/// Puts a job back for the next worker, at once.
pub(crate) fn release(conn: &mut Conn, job_id: i64, number: i64) -> Result<(), StoreError> {
    on!(conn, |c| diesel::update(
        import_job::table
            .find(job_id)
            .filter(import_job::lease_no.eq(number))
            .filter(import_job::state.eq(JobState::Running.name())),
    )
    .set((import_job::state.eq(JobState::Queued.name()), import_job::attempts.eq(0_i64)))
    .execute(c))?;
    Ok(())
}

/// Says that a worker is still there.
pub(crate) fn keep_alive(conn: &mut Conn, job_id: i64, number: i64, now: Micros) -> Result<(), StoreError> {
    let now = shared_now(conn, now)?;
    on!(conn, |c| diesel::update(import_job::table.find(job_id).filter(import_job::lease_no.eq(number)))
        .set(import_job::lease_until_us.eq(now.0 + LEASE_US))
        .execute(c))?;
    Ok(())
}

/// Ends a job that cannot go on.
pub(crate) fn fail(
    conn: &mut Conn,
    job_id: i64,
    number: i64,
    failure: &str,
    now: Micros,
) -> Result<(), StoreError> {
    on!(conn, |c| diesel::update(
        import_job::table
            .find(job_id)
            .filter(import_job::lease_no.eq(number))
            .filter(import_job::state.eq(JobState::Running.name())),
    )
    .set((
        import_job::state.eq(JobState::Failed.name()),
        import_job::failure.eq(failure),
        import_job::ended_at_us.eq(now.0),
    ))
    .execute(c))?;
    Ok(())
}

/// Stops a job: at once where nobody works on it, else before its next step. Its state afterwards.
pub(crate) fn cancel(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    job_id: i64,
    now: Micros,
) -> Result<ImportJob, StoreError> {
    let row = locked_row(conn, job_id)?.filter(|row| row.entrypoint_id == entrypoint_id);
    let row = row.filter(|row| row.state != JobState::Uploading.name()).ok_or(Rejection::NotFound)?;
    let is_abandoned = lease_until(conn, job_id)? < shared_now(conn, now)?.0;
    match row.state()? {
        JobState::Queued => cancelled(conn, job_id, now)?,
        JobState::Running if is_abandoned => cancelled(conn, job_id, now)?,
        JobState::Running => {
            on!(conn, |c| diesel::update(import_job::table.find(job_id))
                .set(import_job::cancel_asked.eq(true))
                .execute(c))?;
        }
        _ => {}
    }
    let row = job_row(conn, job_id)?.ok_or(Rejection::NotFound)?;
    row.job(conn, ring)
}

pub(super) fn cancelled(conn: &mut Conn, job_id: i64, now: Micros) -> Result<(), StoreError> {
    on!(conn, |c| diesel::update(import_job::table.find(job_id))
        .set((
            import_job::state.eq(JobState::Cancelled.name()),
            import_job::cancel_asked.eq(false),
            import_job::ended_at_us.eq(now.0),
        ))
        .execute(c))?;
    dry_run::clear(conn, job_id)
}

/// Removes jobs that ended before some time, and uploads that nobody goes on with; how many.
pub(crate) fn purge(conn: &mut Conn, now: Micros, retention_us: i64) -> Result<usize, StoreError> {
    let ids: Vec<i64> = on!(conn, |c| import_job::table
        .filter(
            import_job::ended_at_us.lt(now.0 - retention_us).or(import_job::state
                .eq(JobState::Uploading.name())
                .and(import_job::touched_at_us.lt(now.0 - UPLOAD_US))),
        )
        // What is asked for again is not over.
        .filter(diesel::dsl::not(
            import_job::state.eq_any([JobState::Queued.name(), JobState::Running.name()])
        ))
        .limit(REMOVED_MAX)
        .select(import_job::job_id)
        .load(c))?;
    for id in &ids {
        upload::remove(conn, *id)?;
    }
    Ok(ids.len())
}
