//! One step of an invitation of many: some customers, their mails, the report and the cursor, in one transaction.

use diesel::prelude::*;

use super::{InviteLease, LEASE_US, locked_row, shared_now};
use crate::domain::decide::command::{Action, Command, InviteCustomer};
use crate::domain::invitations::{InviteJobState, InviteOutcome, InviteReport};
use crate::store::customers::tx::{EntrypointTx, Reply};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{invite_job, invite_report};
use crate::store::keys::keyring::KeyRing;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InviteStepDone {
    /// The customers are done; there are more.
    Went,
    /// The customers are done, and so is the job.
    Over,
    /// Another worker has the job, or it was stopped; nothing happened.
    Lost,
}

/// Invites some customers.
///
/// # Errors
/// The database's; nothing of the step is then kept.
pub(super) fn step(
    conn: &mut Conn,
    ring: &KeyRing,
    lease: &InviteLease,
    cursor: i64,
    ids: &[i64],
    is_last: bool,
    gives_up: bool,
) -> Result<InviteStepDone, StoreError> {
    let (job_id, place) = (lease.job.id, lease.job.entrypoint_id);
    let tx = EntrypointTx::lock(conn, place)?;
    let now = tx.now;
    let Some(row) = locked_row(conn, job_id)? else { return Ok(InviteStepDone::Lost) };
    if row.lease_no != lease.number || row.state()? != InviteJobState::Running || row.cursor_id != cursor {
        return Ok(InviteStepDone::Lost);
    }
    let reports: Vec<InviteReport> = if gives_up {
        let failed =
            |id: &i64| InviteReport { customer_id: *id, outcome: InviteOutcome::Failed, other_id: None };
        ids.iter().map(failed).collect()
    } else {
        let commands: Vec<Command> = ids.iter().map(|id| command(lease, *id)).collect();
        let (replies, _) = tx.run(conn, ring, &commands.iter().collect::<Vec<_>>(), 0)?;
        replies.into_iter().zip(ids).map(|(reply, id)| report(reply, *id)).collect()
    };
    let mut counts = row.counts()?;
    for report in &reports {
        *counts.entry(report.outcome).or_default() += 1;
        if report.outcome != InviteOutcome::Invited {
            keep(conn, job_id, report)?;
        }
    }
    let lease_until_us = shared_now(conn, now)?.0 + LEASE_US;
    let state = if is_last { InviteJobState::Finished } else { InviteJobState::Running };
    on!(conn, |c| diesel::update(invite_job::table.find(job_id))
        .set((
            invite_job::state.eq(state.name()),
            invite_job::cursor_id.eq(ids.last().copied().unwrap_or(cursor)),
            invite_job::counts.eq(serde_json::to_string(&counts)?),
            invite_job::lease_until_us.eq(lease_until_us),
            invite_job::ended_at_us.eq(is_last.then_some(now.0)),
        ))
        .execute(c)
        .map_err(StoreError::from))?;
    Ok(if is_last { InviteStepDone::Over } else { InviteStepDone::Went })
}

fn command(lease: &InviteLease, id: i64) -> Command {
    let invite = InviteCustomer { id, again: lease.plan.again, link_ttl_secs: lease.plan.link_ttl_secs };
    Command {
        entrypoint_id: lease.job.entrypoint_id,
        actor: lease.actor.clone(),
        idempotency: None,
        action: Action::Invite(invite),
    }
}

fn report(reply: Reply, id: i64) -> InviteReport {
    let (outcome, other_id) = match reply {
        Ok(_) => (InviteOutcome::Invited, None),
        Err(StoreError::Rejected(rejection)) => {
            InviteOutcome::of_rejection(&rejection).unwrap_or((InviteOutcome::Failed, None))
        }
        Err(error) => {
            tracing::error!(%error, customer = id, "an invitation could not be decided");
            (InviteOutcome::Failed, None)
        }
    };
    InviteReport { customer_id: id, outcome, other_id }
}

fn keep(conn: &mut Conn, job_id: i64, report: &InviteReport) -> Result<(), StoreError> {
    on!(conn, |c| diesel::insert_into(invite_report::table)
        .values((
            invite_report::job_id.eq(job_id),
            invite_report::customer_id.eq(report.customer_id),
            invite_report::outcome.eq(report.outcome.name()),
            invite_report::other_id.eq(report.other_id),
        ))
        .execute(c))?;
    Ok(())
}
