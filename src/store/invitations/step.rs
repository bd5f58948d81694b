//! One step of an invitation job: some customers, their mails, the report and the cursor, in one transaction.

use diesel::prelude::*;

use super::{Checkpoint, InviteLease};
use crate::domain::accounts::sight::Sight;
use crate::domain::decide::command::{Action, Command, InviteCustomer};
use crate::domain::imports::JobState;
use crate::domain::invitations::{InviteCounts, InviteOutcome, InviteReport};
use crate::store::customers::tx::{EntrypointTx, Reply};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::invite_report;
use crate::store::jobs::lease::{self, Advance};
use crate::store::jobs::{JobId, StepDone};
use crate::store::keys::keyring::KeyRing;

/// Invites some customers.
///
/// # Errors
/// Database errors; the step then saves nothing.
pub(super) fn step(
    conn: &mut Conn,
    ring: &KeyRing,
    lease: &InviteLease,
    cursor: i64,
    ids: &[i64],
    is_last: bool,
    gives_up: bool,
) -> Result<StepDone, StoreError> {
    let (id, place) = (lease.lease.id, lease.job.entrypoint_id);
    let tx = EntrypointTx::lock(conn, place)?;
    let now = tx.now;
    let Some(row) = lease::held(conn, &lease.lease)? else { return Ok(StepDone::Over) };
    let mut checkpoint: Checkpoint = row.checkpoint()?;
    if checkpoint.cursor_id != cursor {
        return Ok(StepDone::Over);
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
    let mut counts: InviteCounts = row.counts()?;
    for report in &reports {
        *counts.entry(report.outcome).or_default() += 1;
        if report.outcome != InviteOutcome::Invited {
            keep(conn, id, report)?;
        }
    }
    checkpoint.cursor_id = ids.last().copied().unwrap_or(cursor);
    let went = Advance {
        checkpoint: &checkpoint,
        done: counts.values().sum(),
        counts: serde_json::to_string(&counts)?,
        errors: None,
        failure: None,
        over: is_last.then_some(JobState::Finished),
    };
    lease::advance(conn, id, went, now)?;
    Ok(if is_last { StepDone::Over } else { StepDone::Went(ids.len()) })
}

fn command(lease: &InviteLease, id: i64) -> Command {
    let invite = InviteCustomer { id, again: lease.plan.again, link_ttl_secs: lease.plan.link_ttl_secs };
    Command {
        entrypoint_id: lease.job.entrypoint_id,
        actor: lease.actor.clone(),
        sight: Sight::FULL,
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
            tracing::error!(%error, customer = id, "cannot decide an invitation");
            (InviteOutcome::Failed, None)
        }
    };
    InviteReport { customer_id: id, outcome, other_id }
}

fn keep(conn: &mut Conn, id: JobId, report: &InviteReport) -> Result<(), StoreError> {
    on!(conn, |c| diesel::insert_into(invite_report::table)
        .values((
            invite_report::entrypoint_id.eq(id.entrypoint_id),
            invite_report::job_id.eq(id.job_id),
            invite_report::customer_id.eq(report.customer_id),
            invite_report::outcome.eq(report.outcome.name()),
            invite_report::other_id.eq(report.other_id),
        ))
        .execute(c))?;
    Ok(())
}
