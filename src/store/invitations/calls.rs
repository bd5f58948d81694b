//! What the layers above ask of invitations of many.

use std::sync::Arc;

use diesel::prelude::*;

use super::{
    InviteLease, InviteStepDone, LEASE_US, count, end, list, locked_row, next_ids, queue, reports, row,
    shared_now, step, take, waiting_id,
};
use crate::clock;
use crate::domain::accounts::link::LinkKind;
use crate::domain::decide::command::{Actor, KeyUse};
use crate::domain::invitations::{InviteJob, InviteJobState, InviteOutcome, InvitePlan, InviteReport};
use crate::domain::kernel::problem::Rejection;
use crate::store::accounts::links;
use crate::store::engine::conn::on;
use crate::store::engine::schema::{invite_job, invite_report};
use crate::store::{Link, Store, StoreError};

/// How many jobs one transaction removes.
const REMOVED_MAX: i64 = 16;

impl Store {
    /// Queues an invitation of many; `render` makes the answer, which is kept under the key.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] for a key used otherwise; the database's.
    pub async fn queue_invites(
        &self,
        entrypoint_id: i64,
        plan: InvitePlan,
        actor: Actor,
        key_use: Option<KeyUse>,
        render: impl FnOnce(&InviteJob) -> String + Send + 'static,
    ) -> Result<(String, bool), StoreError> {
        let answer = self
            .administer_once(key_use, move |conn, ring| {
                Ok(render(&queue(conn, ring, entrypoint_id, &plan, &actor, clock::now())?))
            })
            .await?;
        self.invites_queued.notify_one();
        Ok(answer)
    }

    /// Waits until this process queues an invitation of many.
    pub async fn invites_queued(&self) {
        self.invites_queued.notified().await;
    }

    /// Takes a job that nobody works on.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`].
    pub async fn take_invites(&self) -> Result<Option<InviteLease>, StoreError> {
        // Asked of a reader first: an idle worker takes no lock.
        let waits = self
            .read(|conn, _| {
                let now = shared_now(conn, clock::now())?;
                Ok(waiting_id(conn, now, false)?.is_some())
            })
            .await?;
        if !waits {
            return Ok(None);
        }
        self.administer(|conn, ring| take(conn, ring, clock::now())).await
    }

    /// The next customers of a job after a cursor, at most some; fewer only where there are no more.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`].
    pub async fn next_invites(
        &self,
        lease: Arc<InviteLease>,
        cursor: i64,
        limit: usize,
    ) -> Result<Vec<i64>, StoreError> {
        self.read(move |conn, ring| next_ids(conn, ring, &lease, cursor, limit)).await
    }

    /// Counts whom a job is about, for whoever watches it.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`].
    pub async fn count_invites(&self, lease: Arc<InviteLease>) -> Result<(), StoreError> {
        let (id, number) = (lease.job.id, lease.number);
        let total = self.read(move |conn, ring| count(conn, ring, &lease)).await?;
        self.administer(move |conn, _| {
            let until_us = shared_now(conn, clock::now())?.0 + LEASE_US;
            on!(conn, |c| diesel::update(
                invite_job::table.find(id).filter(invite_job::lease_no.eq(number))
            )
            .set((invite_job::total.eq(Some(total)), invite_job::lease_until_us.eq(until_us)))
            .execute(c))?;
            Ok(())
        })
        .await
    }

    /// Invites some customers of a job, in one transaction with the job's cursor; `is_last` where nobody is left after them.
    /// With `gives_up`, they are reported as failed and not looked at.
    ///
    /// # Errors
    /// The database's; nothing of the step is then kept.
    pub async fn invite_step(
        &self,
        lease: Arc<InviteLease>,
        cursor: i64,
        ids: Vec<i64>,
        is_last: bool,
        gives_up: bool,
    ) -> Result<InviteStepDone, StoreError> {
        let done = self
            .administer(move |conn, ring| step::step(conn, ring, &lease, cursor, &ids, is_last, gives_up))
            .await?;
        self.mail_queued.notify_one();
        Ok(done)
    }

    /// Puts a job back for the next worker.
    ///
    /// # Errors
    /// The database's.
    pub async fn release_invites(&self, lease: &InviteLease) -> Result<(), StoreError> {
        let (id, number) = (lease.job.id, lease.number);
        self.administer(move |conn, _| {
            on!(conn, |c| diesel::update(
                invite_job::table
                    .find(id)
                    .filter(invite_job::lease_no.eq(number))
                    .filter(invite_job::state.eq(InviteJobState::Running.name())),
            )
            .set(invite_job::state.eq(InviteJobState::Queued.name()))
            .execute(c))?;
            Ok(())
        })
        .await
    }

    /// Ends a job that cannot go on.
    ///
    /// # Errors
    /// The database's.
    pub async fn fail_invites(&self, lease: &InviteLease, why: &'static str) -> Result<(), StoreError> {
        let (id, number) = (lease.job.id, lease.number);
        self.administer(move |conn, _| {
            let held = locked_row(conn, id)?.is_some_and(|row| row.lease_no == number);
            if held { end(conn, id, InviteJobState::Failed, Some(why), clock::now()) } else { Ok(()) }
        })
        .await
    }

    /// Stops a job before its next step; what is done stays done. Its state afterwards.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] where there is none.
    pub async fn cancel_invites(&self, entrypoint_id: i64, job_id: i64) -> Result<InviteJob, StoreError> {
        self.administer(move |conn, _| {
            let row = locked_row(conn, job_id)?.filter(|row| row.entrypoint_id == entrypoint_id);
            let found = row.ok_or(Rejection::NotFound)?;
            if !found.state()?.is_over() {
                end(conn, job_id, InviteJobState::Cancelled, None, clock::now())?;
            }
            super::row(conn, job_id)?.ok_or(Rejection::NotFound)?.job()
        })
        .await
    }

    /// An invitation of many.
    ///
    /// # Errors
    /// The database's.
    pub async fn invite_job(&self, entrypoint_id: i64, job_id: i64) -> Result<Option<InviteJob>, StoreError> {
        self.read(move |conn, _| {
            let row = row(conn, job_id)?.filter(|row| row.entrypoint_id == entrypoint_id);
            row.map(|row| row.job()).transpose()
        })
        .await
    }

    /// The invitations of many of an entrypoint, newest first, and how many there are.
    ///
    /// # Errors
    /// The database's.
    pub async fn invite_jobs(
        &self,
        entrypoint_id: i64,
        skip: i64,
        limit: i64,
    ) -> Result<(Vec<InviteJob>, i64), StoreError> {
        self.read(move |conn, _| list(conn, entrypoint_id, skip, limit)).await
    }

    /// Who was not invited by a job, by id, those of one outcome where it is named; and how many there are.
    ///
    /// # Errors
    /// The database's.
    pub async fn invite_reports(
        &self,
        job_id: i64,
        outcome: Option<InviteOutcome>,
        skip: i64,
        limit: i64,
    ) -> Result<(Vec<InviteReport>, i64), StoreError> {
        self.read(move |conn, _| reports(conn, job_id, outcome, skip, limit)).await
    }

    /// Removes jobs that ended longer ago than some seconds, some at a time; how many.
    ///
    /// # Errors
    /// The database's.
    pub async fn purge_invites(&self, retention_secs: i64) -> Result<usize, StoreError> {
        self.administer(move |conn, _| {
            let before = clock::now().plus_secs(-retention_secs);
            let ids: Vec<i64> = on!(conn, |c| invite_job::table
                .filter(invite_job::ended_at_us.lt(before.0))
                .limit(REMOVED_MAX)
                .select(invite_job::job_id)
                .load(c))?;
            on!(conn, |c| {
                diesel::delete(invite_report::table.filter(invite_report::job_id.eq_any(&ids))).execute(c)?;
                diesel::delete(invite_job::table.filter(invite_job::job_id.eq_any(&ids))).execute(c)
            })?;
            Ok(ids.len())
        })
        .await
    }

    /// The newest link of an invitation to a customer, if it was not used.
    ///
    /// # Errors
    /// The database's.
    pub async fn invitation_link(
        &self,
        entrypoint_id: i64,
        customer_id: i64,
    ) -> Result<Option<Link>, StoreError> {
        self.read(move |conn, _| links::latest(conn, entrypoint_id, customer_id, LinkKind::Invitation)).await
    }
}
