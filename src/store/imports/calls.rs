//! What the layers above ask of imports.

use std::sync::Arc;

use super::{ImportLease, JobId, JobKind, Queued, StepDone, StepRow, Upload, jobs, step, upload};
use crate::clock;
use crate::domain::decide::command::{Actor, KeyUse};
use crate::domain::imports::{ImportJob, ImportPlan, Preset, RowOutcome, RowReport};
use crate::domain::kernel::time::SECOND_US;
use crate::store::jobs::lease;
use crate::store::{Imports, StoreError};

/// A file that is wholly there, with what is to be done with it.
#[derive(Debug)]
pub struct NewImport {
    /// The file.
    pub upload: Upload,
    /// What to do with it.
    pub plan: ImportPlan,
    /// Where it seems to come from.
    pub preset: Preset,
    /// The request's idempotency key.
    pub key_use: Option<KeyUse>,
}

impl Imports<'_> {
    /// Makes a place for a file.
    ///
    /// # Errors
    /// Database errors.
    pub async fn begin_upload(self, entrypoint_id: i64, actor: Actor) -> Result<Upload, StoreError> {
        self.0
            .administer(move |conn, ring| upload::begin(conn, ring, entrypoint_id, &actor, clock::now()))
            .await
    }

    /// Takes the next piece of a file, as clean UTF-8: about a megabyte; the upload as it is then.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] where the upload was given up; database errors.
    pub async fn add_to_upload(self, upload: Upload, text: String) -> Result<Upload, StoreError> {
        self.0.administer(move |conn, ring| upload::add(conn, ring, upload, &text, clock::now())).await
    }

    /// Forgets a file that is refused.
    ///
    /// # Errors
    /// Database errors.
    pub async fn drop_upload(self, upload: Upload) -> Result<(), StoreError> {
        self.0.administer(move |conn, _| upload::remove(conn, upload.id())).await
    }

    /// Makes a file's job, or finds the one that the same file with the same options has. Of a file that is refused
    /// nothing stays.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] for a key used otherwise; database errors.
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

    /// What makes two imports the same: the file's bytes and the options.
    async fn fingerprint(self, entrypoint_id: i64, plan: &ImportPlan) -> Result<[u8; 32], StoreError> {
        let content = vec![plan.options.canonical(), plan.file_hash.to_vec()];
        Ok(self.0.idempotency().key_use(entrypoint_id, vec![b"import".to_vec()], content).await?.fingerprint)
    }

    /// Makes the job that does what a finished dry run rehearsed; asked again, the same job.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] where there is none, or for a key used otherwise.
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

    /// The jobs of an entrypoint, newest first, and how many there are.
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

    /// Rows of a job's report in the file's order, and how many there are; with an outcome, those alone.
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

    /// Stops a job: at once, or before its next step. Over jobs stay as they are.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] where there is none.
    pub async fn cancel(self, entrypoint_id: i64, job_id: i64) -> Result<ImportJob, StoreError> {
        self.0
            .administer(move |conn, ring| {
                jobs::cancel(conn, ring, JobId { entrypoint_id, job_id }, clock::now())
            })
            .await
    }

    /// Takes a job that nobody works on: the one of an id, or the oldest.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn take(self, id: Option<JobId>) -> Result<Option<ImportLease>, StoreError> {
        // Looking costs no write transaction.
        if id.is_none()
            && !self.0.read(|conn, _| lease::is_waiting(conn, JobKind::Import, clock::now())).await?
        {
            return Ok(None);
        }
        self.0.administer(move |conn, ring| jobs::take(conn, ring, id, clock::now())).await
    }

    /// The text of the piece of a file in which a byte stands, and where that piece begins.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn text(self, upload_id: JobId, offset: u64) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        let found = self.0.read(move |conn, ring| upload::text_at(conn, ring, upload_id, offset)).await?;
        Ok(found.map(|(begin, text)| (u64::try_from(begin).unwrap_or(0), text)))
    }

    /// Does a range of rows of a job, `rows_before` of which are done; `is_last` ends it.
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

    /// Removes jobs that ended longer ago than some seconds, and abandoned uploads, some at a time; how many.
    ///
    /// # Errors
    /// Database errors.
    pub async fn purge(self, retention_secs: i64) -> Result<usize, StoreError> {
        let retention_us = retention_secs.saturating_mul(SECOND_US);
        self.0.administer(move |conn, _| jobs::purge(conn, clock::now(), retention_us)).await
    }

    /// Waits until this process queues an import.
    pub async fn queued(self) {
        self.0.import_queued.notified().await;
    }
}
