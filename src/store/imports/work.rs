//! The interface to imports for workers, and the removal of old imports.

use std::ops::Range;
use std::sync::Arc;

use diesel::prelude::*;

use super::{
    Checkpoint, JobId, JobKind, JobRow, JobState, Lease, StepRow, read_job, step, upload, upload_id,
};
use crate::clock;
use crate::domain::decide::command::Actor;
use crate::domain::imports::{ImportJob, Position};
use crate::domain::kernel::time::SECOND_US;
use crate::store::Imports;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::job;
use crate::store::jobs::{StepDone, lease};
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

fn leased(conn: &mut Conn, ring: &KeyRing, row: &JobRow, lease: Lease) -> Result<ImportLease, StoreError> {
    Ok(ImportLease {
        lease,
        job: read_job(conn, ring, row)?,
        upload_id: upload_id(row),
        position: row.checkpoint::<Checkpoint>()?.position,
        actor: row.actor(),
    })
}

impl Imports<'_> {
    /// Takes a job without a worker: the one with this id, or the oldest.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn take(self, id: Option<JobId>) -> Result<Option<ImportLease>, StoreError> {
        self.0.jobs().take(JobKind::Import, id, leased).await
    }

    /// The text of the piece that contains an offset, and the offset where the piece begins.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn text(self, upload_id: JobId, offset: u64) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        let found = self.0.read(move |conn, ring| upload::text_at(conn, ring, upload_id, offset)).await?;
        Ok(found.map(|(begin, text)| (u64::try_from(begin).unwrap_or(0), text)))
    }

    /// Imports some rows of a job after `rows_before` earlier ones; `is_last` ends the job.
    ///
    /// # Errors
    /// Database errors; the step then saves nothing.
    pub async fn step(
        self,
        lease: Arc<ImportLease>,
        rows_before: i64,
        rows: Arc<Vec<StepRow>>,
        range: Range<usize>,
        is_last: bool,
    ) -> Result<StepDone, StoreError> {
        let done = self
            .0
            .administer(move |conn, ring| {
                let rows = rows.get(range).unwrap_or_default();
                step::step(conn, ring, &lease, rows_before, rows, is_last)
            })
            .await;
        self.0.terms_written.notify_one();
        done
    }

    /// Removes some of the jobs that ended more than `retention_secs` ago and some abandoned uploads; returns how many.
    ///
    /// # Errors
    /// Database errors.
    pub async fn purge(self, retention_secs: i64) -> Result<usize, StoreError> {
        self.0
            .administer(move |conn, _| {
                let now = clock::now();
                let shared_now = conn.shared_now(now)?;
                let mut ids =
                    lease::ended(conn, JobKind::Import, now.plus_secs(-retention_secs), REMOVED_MAX)?;
                let silent: Vec<JobId> = on!(conn, |c| job::table
                    .filter(job::state.eq(JobState::Uploading.name()))
                    .filter(job::touched_at_us.lt(shared_now.0 - UPLOAD_US))
                    .limit(REMOVED_MAX)
                    .select((job::entrypoint_id, job::job_id))
                    .load(c))?;
                ids.extend(silent);
                ids.iter().try_for_each(|id| upload::remove(conn, *id))?;
                Ok(ids.len())
            })
            .await
    }

    /// Waits until this process queues an import.
    pub async fn queued(self) {
        self.0.import_queued.notified().await;
    }
}
