//! Imports in the hands of workers, and the purge of old ones.

use diesel::prelude::*;

use super::{
    Checkpoint, JobId, JobKind, JobRow, JobState, Lease, dry_run, job_row, read_job, upload, upload_id,
};
use crate::domain::decide::command::Actor;
use crate::domain::imports::{ImportJob, Position};
use crate::domain::kernel::problem::Rejection;
use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::job;
use crate::store::jobs::lease;
use crate::store::keys::keyring::KeyRing;

/// How long an upload may pause before it counts as abandoned, in microseconds.
const UPLOAD_US: i64 = 3600 * SECOND_US;
/// The maximum number of jobs that one transaction removes.
const REMOVED_MAX: i64 = 4;

/// An import with the lease of a worker.
#[derive(Debug, Clone)]
pub struct ImportLease {
    /// The lease of the job.
    pub lease: Lease,
    /// The job when the worker took it.
    pub job: ImportJob,
    /// The id of the file.
    pub upload_id: JobId,
    /// The position to continue from.
    pub position: Position,
    /// Who sent the file; recorded in the history.
    pub actor: Actor,
}

/// Takes an import without a worker: the one with this id, or the oldest.
pub(crate) fn take(
    conn: &mut Conn,
    ring: &KeyRing,
    id: Option<JobId>,
    now: Micros,
) -> Result<Option<ImportLease>, StoreError> {
    let Some((row, lease)) = lease::take(conn, JobKind::Import, id, now)? else { return Ok(None) };
    Ok(Some(ImportLease {
        lease,
        job: read_job(conn, ring, &row)?,
        upload_id: upload_id(&row),
        position: row.checkpoint::<Checkpoint>()?.position(),
        actor: row.actor(),
    }))
}

/// Stops an import: at once if it has no worker, else before its next step. Returns its state afterwards.
pub(crate) fn cancel(
    conn: &mut Conn,
    ring: &KeyRing,
    id: JobId,
    now: Micros,
) -> Result<ImportJob, StoreError> {
    lease::cancel(conn, JobKind::Import, id, now)?;
    let row: JobRow = job_row(conn, id)?.ok_or(Rejection::NotFound)?;
    if row.state()? == JobState::Cancelled {
        dry_run::clear(conn, id)?;
    }
    read_job(conn, ring, &row)
}

pub(super) fn cancelled(conn: &mut Conn, id: JobId, now: Micros) -> Result<(), StoreError> {
    lease::end(conn, id, JobState::Cancelled, None, now)?;
    dry_run::clear(conn, id)
}

/// Removes imports that ended before a time, and abandoned uploads; returns how many.
pub(crate) fn purge(conn: &mut Conn, now: Micros, retention_us: i64) -> Result<usize, StoreError> {
    let mut ids = lease::ended(conn, JobKind::Import, Micros(now.0 - retention_us), REMOVED_MAX)?;
    let silent: Vec<(i64, i64)> = on!(conn, |c| job::table
        .filter(job::state.eq(JobState::Uploading.name()))
        .filter(job::touched_at_us.lt(now.0 - UPLOAD_US))
        .limit(REMOVED_MAX)
        .select((job::entrypoint_id, job::job_id))
        .load(c))?;
    ids.extend(silent.into_iter().map(|(entrypoint_id, job_id)| JobId { entrypoint_id, job_id }));
    for id in &ids {
        upload::remove(conn, *id)?;
    }
    Ok(ids.len())
}
