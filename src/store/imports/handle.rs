//! The interface to imports.

use std::sync::Arc;

use super::{ImportLease, JobId, JobKind, Queued, StepDone, StepRow, Upload, step, upload, work};
use crate::clock;
use crate::domain::decide::command::{Actor, KeyUse};
use crate::domain::imports::{ImportJob, ImportPlan, Preset, RowOutcome, RowReport};
use crate::domain::kernel::time::SECOND_US;
use crate::store::jobs::lease;
use crate::store::{Imports, StoreError};

/// A complete file and the plan for its import.
#[derive(Debug)]
pub struct NewImport {
    /// The uploaded file.
    pub upload: Upload,
    /// The plan of the import.
    pub plan: ImportPlan,
    /// The system that the file seems to come from.
    pub preset: Preset,
    /// The request's idempotency key.
    pub key_use: Option<KeyUse>,
}

impl Imports<'_> {
    /// Begins an upload.
    ///
    /// # Errors
    /// Database errors.
    pub async fn begin_upload(self, entrypoint_id: i64, actor: Actor) -> Result<Upload, StoreError> {
        self.0
            .administer(move |conn, ring| upload::begin(conn, ring, entrypoint_id, &actor, clock::now()))
            .await
    }

    /// Stores the next piece of a file, about a megabyte of valid UTF-8; returns the upload afterwards.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if the upload was abandoned; database errors.
    pub async fn add_to_upload(self, upload: Upload, text: String) -> Result<Upload, StoreError> {
        self.0.administer(move |conn, ring| upload::add(conn, ring, upload, &text, clock::now())).await
    }

    /// Removes a refused file.
    ///
    /// # Errors
    /// Database errors.
    pub async fn drop_upload(self, upload: Upload) -> Result<(), StoreError> {
        self.0.administer(move |conn, _| upload::remove(conn, upload.id())).await
    }

    /// Makes the job of a file, or finds the job of the same file with the same options. A refused file leaves nothing
    /// behind.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if another request used the key; database errors.
    pub async fn queue(self, new: NewImport) -> Result<Queued, StoreError> {
        let place = new.upload.entrypoint_id;
        let fingerprint = self.fingerprint(place, &new.plan).await?;
        let wanted = upload::Wanted {
            upload: new.upload,
            plan: new.plan,
            preset: new.preset,
            fingerprint,
            key_use: new.key_use,
        };
        let retention_secs = self.0.idempotency_secs;
        let queued = self
            .0
            .administer(move |conn, ring| upload::queue(conn, ring, &wanted, clock::now(), retention_secs))
            .await;
        if matches!(queued, Err(StoreError::Rejected(_))) {
            self.drop_upload(new.upload).await?;
        }
        self.0.import_queued.notify_one();
        queued
    }

    /// The fingerprint of an import: two imports are the same if bytes and options are the same.
    async fn fingerprint(self, entrypoint_id: i64, plan: &ImportPlan) -> Result<[u8; 32], StoreError> {
        let content = vec![plan.options.canonical(), plan.file_hash.to_vec()];
        Ok(self.0.idempotency().key_use(entrypoint_id, vec![b"import".to_vec()], content).await?.fingerprint)
    }

    /// Makes the job that carries out a finished dry run; a second call returns the same job.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if there is no such dry run, or if another request used the key.
    pub async fn commit(
        self,
        rehearsal: &ImportJob,
        actor: Actor,
        key_use: Option<KeyUse>,
    ) -> Result<Queued, StoreError> {
        let mut plan = rehearsal.plan.clone();
        plan.options.dry_run = false;
        let fingerprint = self.fingerprint(rehearsal.entrypoint_id, &plan).await?;
        let retention_secs = self.0.idempotency_secs;
        let rehearsal = JobId { entrypoint_id: rehearsal.entrypoint_id, job_id: rehearsal.id };
        let commit = upload::Commit { rehearsal, plan, fingerprint, actor, key_use };
        let queued = self
            .0
            .administer(move |conn, ring| upload::commit(conn, ring, commit, clock::now(), retention_secs))
            .await?;
        self.0.import_queued.notify_one();
        Ok(queued)
    }

    /// A job of an entrypoint.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn job(self, entrypoint_id: i64, job_id: i64) -> Result<Option<ImportJob>, StoreError> {
        self.0.read(move |conn, ring| super::find(conn, ring, JobId { entrypoint_id, job_id })).await
    }

    /// The jobs of an entrypoint, newest first, and the total number.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn jobs(
        self,
        entrypoint_id: i64,
        skip: i64,
        limit: i64,
    ) -> Result<(Vec<ImportJob>, i64), StoreError> {
        self.0.read(move |conn, ring| super::list(conn, ring, entrypoint_id, skip, limit)).await
    }

    /// Rows of a job's report in the order of the file, and the total number; only those with `outcome`, if given.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn rows(
        self,
        entrypoint_id: i64,
        job_id: i64,
        outcome: Option<RowOutcome>,
        skip: i64,
        limit: i64,
    ) -> Result<(Vec<RowReport>, i64), StoreError> {
        self.0
            .read(move |conn, ring| {
                super::rows(conn, ring, JobId { entrypoint_id, job_id }, outcome, skip, limit)
            })
            .await
    }

    /// Stops a job, at once or before its next step. A job that has ended stays as it is.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if there is no such job.
    pub async fn cancel(self, entrypoint_id: i64, job_id: i64) -> Result<ImportJob, StoreError> {
        self.0
            .administer(move |conn, ring| {
                work::cancel(conn, ring, JobId { entrypoint_id, job_id }, clock::now())
            })
            .await
    }

    /// Takes a job without a worker: the one with this id, or the oldest.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn take(self, id: Option<JobId>) -> Result<Option<ImportLease>, StoreError> {
        // Reading needs no write transaction.
        if id.is_none()
            && !self.0.read(|conn, _| lease::is_waiting(conn, JobKind::Import, clock::now())).await?
        {
            return Ok(None);
        }
        self.0.administer(move |conn, ring| work::take(conn, ring, id, clock::now())).await
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
        range: std::ops::Range<usize>,
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
        let retention_us = retention_secs.saturating_mul(SECOND_US);
        self.0.administer(move |conn, _| work::purge(conn, clock::now(), retention_us)).await
    }

    /// Waits until this process queues an import.
    pub async fn queued(self) {
        self.0.import_queued.notified().await;
    }
}
