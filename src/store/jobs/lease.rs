//! The leases of jobs, measured by the database's clock, and the transitions of a job's state.
//!
//! A worker that is silent for longer than its lease loses the job. The next worker's lease has another number, and
//! the store then refuses the steps of the old one.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use serde::Serialize;

use super::{JobId, JobKind, JobRow, by_id, locked_row};
use crate::clock;
use crate::domain::imports::JobState;
use crate::domain::kernel::problem::Rejection;
use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::store::Jobs;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::job;
use crate::store::keys::keyring::KeyRing;

/// How long a worker may be silent before another takes its job, in microseconds.
pub(crate) const LEASE_US: i64 = 15 * SECOND_US;

/// A worker's right to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The job.
    pub id: JobId,
    pub(super) kind: JobKind,
    /// The number of the lease.
    pub number: i64,
    /// How many workers took the job since its last finished step.
    pub attempts: i64,
}

/// The oldest job of a kind without a worker.
fn waiting(conn: &mut Conn, kind: JobKind, now: Micros, locks: bool) -> Result<Option<JobId>, StoreError> {
    let is_abandoned = job::state
        .eq(JobState::Running.name())
        .and(job::lease_until_us.lt(now.0).or(job::lease_until_us.gt(now.latest_lease(LEASE_US))));
    let oldest = job::table
        .filter(job::kind.eq(kind.name()))
        // This text matches the condition of the partial index, which has no bound values.
        .filter(sql::<Bool>("state IN ('uploading', 'queued', 'running')"))
        .filter(job::state.eq(JobState::Queued.name()).or(is_abandoned))
        .order(job::job_id)
        .select((job::entrypoint_id, job::job_id));
    Ok(match conn {
        Conn::Sqlite(c, ..) => oldest.first(c).optional()?,
        Conn::Postgres(c) if locks => oldest.for_update().skip_locked().first(c).optional()?,
        Conn::Postgres(c) => oldest.first(c).optional()?,
    })
}

/// Whether the worker of a running job still has its lease.
fn is_held(row: &JobRow, now: Micros) -> bool {
    Micros(row.lease_until_us).is_lease_until(now, LEASE_US)
}

/// Takes a job without a worker: the one with `id`, or the oldest. Returns the row as it was before.
fn take(conn: &mut Conn, kind: JobKind, id: Option<JobId>) -> Result<Option<(JobRow, Lease)>, StoreError> {
    let now = conn.shared_now(clock::now())?;
    let id = match id {
        Some(id) => Some(id),
        None => waiting(conn, kind, now, true)?,
    };
    let Some(row) = id.map(|id| locked_row(conn, kind, id)).transpose()?.flatten() else { return Ok(None) };
    let is_free = match row.state()? {
        JobState::Queued => true,
        JobState::Running => !is_held(&row, now),
        _ => false,
    };
    if !is_free {
        return Ok(None);
    }
    let lease = Lease { id: row.id(), kind, number: row.lease_no + 1, attempts: row.attempts + 1 };
    on!(conn, |c| diesel::update(by_id!(lease.id))
        .set((
            job::state.eq(JobState::Running.name()),
            job::lease_no.eq(lease.number),
            job::lease_until_us.eq(now.0 + LEASE_US),
            job::attempts.eq(lease.attempts),
            job::started_at_us.eq(row.started_at_us.unwrap_or(now.0)),
        ))
        .execute(c))?;
    Ok(Some((row, lease)))
}

/// Locks the row of a job, and returns it if the lease is still valid.
///
/// # Errors
/// The database's.
pub(crate) fn held(conn: &mut Conn, lease: &Lease) -> Result<Option<JobRow>, StoreError> {
    let row = locked_row(conn, lease.kind, lease.id)?;
    Ok(row.filter(|row| row.lease_no == lease.number && row.state == JobState::Running.name()))
}

/// The progress of a step; its transaction also commits the step's results.
pub(crate) struct Advance<'a, T> {
    pub checkpoint: &'a T,
    /// The total of all steps.
    pub done: i64,
    pub counts: String,
    /// The sealed texts of the first errors.
    pub errors: Option<Vec<u8>>,
    pub failure: Option<String>,
    /// The state in which the job ended, if it did.
    pub over: Option<JobState>,
}

/// Saves the progress of a job and extends its lease, which the caller has checked.
///
/// # Errors
/// The database's.
pub(crate) fn advance<T: Serialize>(
    conn: &mut Conn,
    id: JobId,
    advance: Advance<'_, T>,
    now: Micros,
) -> Result<(), StoreError> {
    let lease_until_us = conn.shared_now(now)?.0 + LEASE_US;
    let checkpoint = serde_json::to_string(advance.checkpoint)?;
    // Others change customers meanwhile: at the end the total is what there was to do.
    let is_finished = advance.over == Some(JobState::Finished);
    let total = is_finished.then(|| job::total.eq(Some(advance.done)));
    on!(conn, |c| diesel::update(by_id!(id))
        .set((
            job::state.eq(advance.over.unwrap_or(JobState::Running).name()),
            job::checkpoint.eq(checkpoint),
            job::done.eq(advance.done),
            total,
            job::counts.eq(advance.counts),
            job::errors.eq(advance.errors),
            job::failure.eq(advance.failure),
            job::lease_until_us.eq(lease_until_us),
            job::attempts.eq(0_i64),
            job::ended_at_us.eq(advance.over.map(|_| now.0)),
        ))
        .execute(c))?;
    Ok(())
}

/// Ends a job.
///
/// # Errors
/// The database's.
pub(crate) fn end(
    conn: &mut Conn,
    id: JobId,
    state: JobState,
    failure: Option<&str>,
    now: Micros,
) -> Result<(), StoreError> {
    on!(conn, |c| diesel::update(by_id!(id))
        .set((
            job::state.eq(state.name()),
            job::failure.eq(failure),
            job::cancel_asked.eq(false),
            job::ended_at_us.eq(Some(now.0)),
        ))
        .execute(c))?;
    Ok(())
}

/// Stops a job: at once if it has no worker, else before its next step.
///
/// # Errors
/// [`Rejection::NotFound`] if there is no such job; the database's.
pub(crate) fn cancel(conn: &mut Conn, kind: JobKind, id: JobId, now: Micros) -> Result<(), StoreError> {
    let row = locked_row(conn, kind, id)?.filter(|row| row.state != JobState::Uploading.name());
    let row = row.ok_or(Rejection::NotFound)?;
    let is_abandoned = !is_held(&row, conn.shared_now(now)?);
    match row.state()? {
        JobState::Queued => end(conn, id, JobState::Cancelled, None, now),
        JobState::Running if is_abandoned => end(conn, id, JobState::Cancelled, None, now),
        JobState::Running => {
            on!(conn, |c| diesel::update(by_id!(id)).set(job::cancel_asked.eq(true)).execute(c))?;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Ends a job at once; a worker that has it finds its next step refused. Returns the row afterwards.
///
/// # Errors
/// [`Rejection::NotFound`] if there is no such job; the database's.
pub(crate) fn stop(conn: &mut Conn, kind: JobKind, id: JobId, now: Micros) -> Result<JobRow, StoreError> {
    let row = locked_row(conn, kind, id)?.ok_or(Rejection::NotFound)?;
    if row.state::<JobState>()?.is_over() {
        return Ok(row);
    }
    end(conn, id, JobState::Cancelled, None, now)?;
    super::row(conn, kind, id)?.ok_or_else(|| Rejection::NotFound.into())
}

/// Queues a stopped job again.
///
/// # Errors
/// The database's.
pub(crate) fn resume(conn: &mut Conn, id: JobId) -> Result<(), StoreError> {
    let (no_text, no_time): (Option<String>, Option<i64>) = (None, None);
    on!(conn, |c| diesel::update(by_id!(id))
        .set((
            job::state.eq(JobState::Queued.name()),
            job::cancel_asked.eq(false),
            job::attempts.eq(0_i64),
            job::failure.eq(no_text),
            job::ended_at_us.eq(no_time),
        ))
        .execute(c))?;
    Ok(())
}

/// At most `most` jobs of a kind that ended before a time.
///
/// # Errors
/// The database's.
pub(crate) fn ended(
    conn: &mut Conn,
    kind: JobKind,
    before: Micros,
    most: i64,
) -> Result<Vec<JobId>, StoreError> {
    let over = [JobState::Finished.name(), JobState::Cancelled.name(), JobState::Failed.name()];
    Ok(on!(conn, |c| job::table
        .filter(job::kind.eq(kind.name()))
        // A stopped job that was queued again is not over.
        .filter(job::state.eq_any(over))
        .filter(job::ended_at_us.lt(before.0))
        .limit(most)
        .select((job::entrypoint_id, job::job_id))
        .load(c))?)
}

impl Jobs<'_> {
    /// Takes a job without a worker, the one with `id` or the oldest, and opens it.
    pub(crate) async fn take<T: Send + 'static>(
        self,
        kind: JobKind,
        id: Option<JobId>,
        open: fn(&mut Conn, &KeyRing, &JobRow, Lease) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        // A reader checks first, so that an idle worker takes no lock.
        let is_waiting = move |conn: &mut Conn, _: &KeyRing| {
            let now = conn.shared_now(clock::now())?;
            Ok(waiting(conn, kind, now, false)?.is_some())
        };
        if id.is_none() && !self.0.read(is_waiting).await? {
            return Ok(None);
        }
        self.0
            .administer(move |conn, ring| {
                take(conn, kind, id)?.map(|(row, lease)| open(conn, ring, &row, lease)).transpose()
            })
            .await
    }

    /// Renews the lease of a worker whose step the database refused for a while. The next worker then does not blame the
    /// step's first row: only a step that ended its worker counts as an attempt.
    ///
    /// # Errors
    /// The database's.
    pub async fn keep(self, lease: Lease) -> Result<(), StoreError> {
        self.0
            .administer(move |conn, _| {
                if held(conn, &lease)?.is_some() {
                    let until_us = conn.shared_now(clock::now())?.0 + LEASE_US;
                    on!(conn, |c| diesel::update(by_id!(lease.id))
                        .set((job::lease_until_us.eq(until_us), job::attempts.eq(0_i64)))
                        .execute(c))?;
                }
                Ok(())
            })
            .await
    }

    /// Gives up the lease, so that the next worker can take the job at once.
    ///
    /// # Errors
    /// The database's.
    pub async fn release(self, lease: Lease) -> Result<(), StoreError> {
        self.0
            .administer(move |conn, _| {
                if held(conn, &lease)?.is_some() {
                    on!(conn, |c| diesel::update(by_id!(lease.id))
                        .set((job::state.eq(JobState::Queued.name()), job::attempts.eq(0_i64)))
                        .execute(c))?;
                }
                Ok(())
            })
            .await
    }

    /// Ends a job as failed, with the reason `why`.
    ///
    /// # Errors
    /// The database's.
    pub async fn fail(self, lease: Lease, why: &'static str) -> Result<(), StoreError> {
        self.0
            .administer(move |conn, _| {
                if held(conn, &lease)?.is_some() {
                    end(conn, lease.id, JobState::Failed, Some(why), clock::now())?;
                }
                Ok(())
            })
            .await
    }
}
