//! The interface to imports for requests; that for workers is in `work.rs`.

use super::{JobId, JobKind, JobState, NewImport, Queued, Upload, dry_run, job_row, read_job, upload};
use crate::clock;
use crate::domain::accounts::sight::Sight;
use crate::domain::decide::command::{Actor, KeyUse};
use crate::domain::imports::{ImportJob, ImportPlan, RowOutcome, RowReport};
use crate::domain::kernel::problem::Rejection;
use crate::store::jobs::{self, lease};
use crate::store::{Imports, StoreError};

impl Imports<'_> {
    /// Begins an upload.
    ///
    /// # Errors
    /// Database errors.
    pub async fn begin_upload(self, entrypoint_id: i64, actor: Actor) -> Result<Upload, StoreError> {
        self.0
            .administer(move |conn, ring| {
                let id = upload::insert(conn, ring, entrypoint_id, &actor, None)?;
                Ok(Upload { id, pieces: 0, bytes: 0 })
            })
            .await
    }

    /// Stores the next piece of a file, about a megabyte of valid UTF-8; returns the upload afterwards.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if the upload was abandoned; database errors.
    pub async fn add_to_upload(self, upload: Upload, text: String) -> Result<Upload, StoreError> {
        self.0.administer(move |conn, ring| upload::add(conn, ring, upload, &text)).await
    }

    /// Removes a refused file.
    ///
    /// # Errors
    /// Database errors.
    pub async fn drop_upload(self, upload: Upload) -> Result<(), StoreError> {
        self.0.administer(move |conn, _| upload::remove(conn, upload.id)).await
    }

    /// Makes the job of a file, or finds the job of the same file with the same options. A refused file leaves nothing
    /// behind.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if another request used the key; database errors.
    pub async fn queue(self, new: NewImport) -> Result<Queued, StoreError> {
        let upload = new.upload;
        let fingerprint = self.fingerprint(upload.id.entrypoint_id, &new.plan).await?;
        let retention_secs = self.0.idempotency_secs;
        let queued = self
            .0
            .administer(move |conn, ring| upload::queue(conn, ring, &new, fingerprint, retention_secs))
            .await;
        if matches!(queued, Err(StoreError::Rejected(_))) {
            self.drop_upload(upload).await?;
        }
        self.0.import_queued.notify_one();
        queued
    }

    /// The fingerprint of an import: two imports are the same if bytes and options are the same, and the rights on which the
    /// outcome of a row depends.
    async fn fingerprint(self, entrypoint_id: i64, plan: &ImportPlan) -> Result<[u8; 32], StoreError> {
        let content =
            vec![plan.options.canonical(), serde_json::to_vec(&plan.sight)?, plan.file_hash.to_vec()];
        Ok(self.0.idempotency().key_use(entrypoint_id, vec![b"import".to_vec()], content).await?.fingerprint)
    }

    /// Makes the job that carries out a finished dry run; a second call returns the same job.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if there is no such dry run, or if another request used the key.
    pub async fn commit(
        self,
        rehearsal: &ImportJob,
        (actor, sight): (Actor, Sight),
        key_use: Option<KeyUse>,
    ) -> Result<Queued, StoreError> {
        let id = JobId { entrypoint_id: rehearsal.entrypoint_id, job_id: rehearsal.id };
        let upload = Upload { id, pieces: 0, bytes: rehearsal.bytes_total };
        let mut plan = rehearsal.plan.clone();
        plan.options.dry_run = false;
        plan.sight = sight;
        let fingerprint = self.fingerprint(id.entrypoint_id, &plan).await?;
        let retention_secs = self.0.idempotency_secs;
        let new = NewImport { upload, plan, preset: rehearsal.preset, key_use };
        let queued = self
            .0
            .administer(move |conn, ring| {
                upload::commit(conn, ring, &new, fingerprint, &actor, retention_secs)
            })
            .await?;
        self.0.import_queued.notify_one();
        Ok(queued)
    }

    /// A job of an entrypoint.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn job(self, entrypoint_id: i64, job_id: i64) -> Result<Option<ImportJob>, StoreError> {
        self.0
            .read(move |conn, ring| {
                let row = job_row(conn, JobId { entrypoint_id, job_id })?;
                let row = row.filter(|row| row.state != JobState::Uploading.name());
                row.map(|row| read_job(conn, ring, &row)).transpose()
            })
            .await
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
        self.0
            .read(move |conn, ring| {
                let (rows, total) = jobs::list(conn, JobKind::Import, entrypoint_id, skip, limit)?;
                let jobs = rows.iter().map(|row| read_job(conn, ring, row)).collect::<Result<_, _>>()?;
                Ok((jobs, total))
            })
            .await
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
        let id = JobId { entrypoint_id, job_id };
        self.0.read(move |conn, ring| super::rows(conn, ring, id, outcome, skip, limit)).await
    }

    /// Stops a job, at once or before its next step. A job that has ended stays as it is.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if there is no such job.
    pub async fn cancel(self, entrypoint_id: i64, job_id: i64) -> Result<ImportJob, StoreError> {
        self.0
            .administer(move |conn, ring| {
                let id = JobId { entrypoint_id, job_id };
                lease::cancel(conn, JobKind::Import, id, clock::now())?;
                let row = job_row(conn, id)?.ok_or(Rejection::NotFound)?;
                if row.state == JobState::Cancelled.name() {
                    dry_run::clear(conn, id)?;
                }
                read_job(conn, ring, &row)
            })
            .await
    }
}
