//! Imports in a worker's hands, and what has had its time.

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

/// How long an upload may be silent before it counts as abandoned, in microseconds.
const UPLOAD_US: i64 = 3600 * SECOND_US;
/// How many jobs one transaction removes.
const REMOVED_MAX: i64 = 4;

/// An import in a worker's hands.
#[derive(Debug, Clone)]
pub struct ImportLease {
    /// The right to it.
    pub lease: Lease,
    /// The job, as it was when it was taken.
    pub job: ImportJob,
    /// Where its file is.
    pub upload_id: JobId,
    /// Where to go on.
    pub position: Position,
    /// Who sent it; stands in the history.
    pub actor: Actor,
}

/// Takes an import that nobody works on: the one of an id, or the oldest.
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

/// Stops an import: at once where nobody works on it, else before its next step. Its state afterwards.
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

/// Removes imports that ended before some time, and uploads that nobody goes on with; how many.
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
