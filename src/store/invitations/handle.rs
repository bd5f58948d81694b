//! The interface to invitation jobs.

use std::sync::Arc;

use diesel::prelude::*;

use super::{InviteLease, leased, queue, read_job, reports, row, step};
use crate::clock;
use crate::domain::accounts::link::LinkKind;
use crate::domain::decide::command::{Actor, KeyUse};
use crate::domain::invitations::{InviteJob, InviteOutcome, InvitePlan, InviteReport};
use crate::store::accounts::links;
use crate::store::engine::conn::on;
use crate::store::engine::schema::invite_report;
use crate::store::jobs::lease;
use crate::store::jobs::{self, JobId, JobKind, StepDone, of_job};
use crate::store::{Invitations, Link, StoreError};

/// The maximum number of jobs that one transaction removes.
const REMOVED_MAX: i64 = 16;

impl Invitations<'_> {
    /// Queues an invitation job. `render` makes the answer; the idempotency record keeps it.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if another request used the key; database errors.
    pub async fn queue(
        self,
        entrypoint_id: i64,
        plan: InvitePlan,
        actor: Actor,
        key_use: Option<KeyUse>,
        render: impl FnOnce(&InviteJob) -> String + Send + 'static,
    ) -> Result<(String, bool), StoreError> {
        let answer = self
            .0
            .administer_once(key_use, move |conn, ring| {
                Ok(render(&queue(conn, ring, entrypoint_id, &plan, &actor, clock::now())?))
            })
            .await?;
        self.0.invites_queued.notify_one();
        Ok(answer)
    }

    /// Waits until this process queues an invitation job.
    pub async fn queued(self) {
        self.0.invites_queued.notified().await;
    }

    /// Takes a job without a worker.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn take(self) -> Result<Option<InviteLease>, StoreError> {
        self.0.jobs().take(JobKind::Invitation, None, leased).await
    }

    /// The next customers of a job after a cursor, up to a limit; fewer only at the end.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn next(
        self,
        lease: Arc<InviteLease>,
        cursor: i64,
        limit: usize,
    ) -> Result<Vec<i64>, StoreError> {
        let (place, last_id) = (lease.job.entrypoint_id, lease.last_id);
        let selection = lease.plan.selection.clone();
        self.0.jobs().next_customers(place, selection, last_id, cursor, limit).await
    }

    /// Counts the customers of a job, to show the progress.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn count(self, lease: Arc<InviteLease>) -> Result<(), StoreError> {
        self.0.jobs().count_customers(lease.lease, lease.plan.selection.clone()).await
    }

    /// Invites some customers of a job, in one transaction with the cursor of the job; `is_last` means that nobody is
    /// left after them. With `gives_up` it only reports the customers as failed.
    ///
    /// # Errors
    /// Database errors; the step then saves nothing.
    pub async fn step(
        self,
        lease: Arc<InviteLease>,
        cursor: i64,
        ids: Vec<i64>,
        is_last: bool,
        gives_up: bool,
    ) -> Result<StepDone, StoreError> {
        let done = self
            .0
            .administer(move |conn, ring| step::step(conn, ring, &lease, cursor, &ids, is_last, gives_up))
            .await?;
        self.0.mail_queued.notify_one();
        Ok(done)
    }

    /// Stops a job before its next step; the invitations sent so far stay. Returns its state afterwards.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if there is no such job.
    pub async fn cancel(self, entrypoint_id: i64, job_id: i64) -> Result<InviteJob, StoreError> {
        self.0
            .administer(move |conn, _| {
                read_job(&lease::stop(
                    conn,
                    JobKind::Invitation,
                    JobId { entrypoint_id, job_id },
                    clock::now(),
                )?)
            })
            .await
    }

    /// One invitation job.
    ///
    /// # Errors
    /// Database errors.
    pub async fn job(self, entrypoint_id: i64, job_id: i64) -> Result<Option<InviteJob>, StoreError> {
        self.0
            .read(move |conn, _| {
                row(conn, JobId { entrypoint_id, job_id })?.map(|row| read_job(&row)).transpose()
            })
            .await
    }

    /// The invitation jobs of an entrypoint, newest first, and the total number.
    ///
    /// # Errors
    /// Database errors.
    pub async fn jobs(
        self,
        entrypoint_id: i64,
        skip: i64,
        limit: i64,
    ) -> Result<(Vec<InviteJob>, i64), StoreError> {
        self.0
            .read(move |conn, _| {
                let (rows, total) = jobs::list(conn, JobKind::Invitation, entrypoint_id, skip, limit)?;
                Ok((rows.iter().map(read_job).collect::<Result<_, _>>()?, total))
            })
            .await
    }

    /// The customers whom a job did not invite, by id, and the total number; only those with an outcome, if given.
    ///
    /// # Errors
    /// Database errors.
    pub async fn reports(
        self,
        entrypoint_id: i64,
        job_id: i64,
        outcome: Option<InviteOutcome>,
        skip: i64,
        limit: i64,
    ) -> Result<(Vec<InviteReport>, i64), StoreError> {
        self.0.read(move |conn, _| reports(conn, JobId { entrypoint_id, job_id }, outcome, skip, limit)).await
    }

    /// Removes some of the jobs that ended more than `retention_secs` ago; returns how many.
    ///
    /// # Errors
    /// Database errors.
    pub async fn purge(self, retention_secs: i64) -> Result<usize, StoreError> {
        self.0
            .administer(move |conn, _| {
                let before = clock::now().plus_secs(-retention_secs);
                let ids = lease::ended(conn, JobKind::Invitation, before, REMOVED_MAX)?;
                for id in &ids {
                    on!(conn, |c| diesel::delete(of_job!(invite_report, job_id, id)).execute(c))?;
                    jobs::remove(conn, *id)?;
                }
                Ok(ids.len())
            })
            .await
    }

    /// The newest unused invitation link of a customer.
    ///
    /// # Errors
    /// Database errors.
    pub async fn link(self, entrypoint_id: i64, customer_id: i64) -> Result<Option<Link>, StoreError> {
        self.0
            .read(move |conn, _| links::latest(conn, entrypoint_id, customer_id, LinkKind::Invitation))
            .await
    }
}
