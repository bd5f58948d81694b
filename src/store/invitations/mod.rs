//! Invitation jobs: each has a cursor over customer ids and runs step by step.
//!
//! A step is one transaction: its customers are invited one by one, and the same transaction saves links, mails,
//! report, cursor and lease. So a killed process always stops between two steps.

mod handle;
mod step;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use strum::VariantNames as _;

use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::schema::{invite_report, job};
use super::entrypoints::lock_row::lock_entrypoint;
use super::jobs::lease::Lease;
use super::jobs::{self, JobId, JobKind, JobRow, NewJob, by_id, of_job, seal_plan};
use super::keys::keyring::KeyRing;
use crate::domain::decide::command::Actor;
use crate::domain::imports::JobState;
use crate::domain::invitations::{InviteJob, InviteOutcome, InvitePlan, InviteReport};
use crate::domain::kernel::problem::Rejection;
use crate::domain::kernel::time::Micros;

/// The progress of an invitation job.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Checkpoint {
    /// The job has done all customers up to this id.
    cursor_id: i64,
    /// The job ends with this id.
    last_id: i64,
}

fn read_job(row: &JobRow) -> Result<InviteJob, StoreError> {
    let (queued_at, started_at, ended_at) = row.times();
    Ok(InviteJob {
        id: row.job_id,
        entrypoint_id: row.entrypoint_id,
        state: row.state()?,
        counts: row.counts()?,
        total: row.total,
        failure: row.failure.clone(),
        queued_at,
        started_at,
        ended_at,
    })
}

/// A job with the lease of a worker.
#[derive(Debug, Clone)]
pub struct InviteLease {
    /// The lease of the job.
    pub lease: Lease,
    /// The job when the worker took it.
    pub job: InviteJob,
    /// The customers to invite.
    pub plan: InvitePlan,
    /// Who asked; recorded in the history.
    pub actor: Actor,
    /// The job has done all customers up to this id.
    pub cursor: i64,
    /// The job ends with this id.
    pub last_id: i64,
}

fn row(conn: &mut Conn, id: JobId) -> Result<Option<JobRow>, StoreError> {
    jobs::row(conn, JobKind::Invitation, id)
}

fn queue(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    plan: &InvitePlan,
    actor: &Actor,
    now: Micros,
) -> Result<InviteJob, StoreError> {
    let lock_row = lock_entrypoint(conn, entrypoint_id)?;
    let (last_id, total) = match &plan.selection.ids {
        Some(ids) => (ids.last().copied().unwrap_or(0), i64::try_from(ids.len()).ok()),
        None => (lock_row.next_customer_id - 1, None),
    };
    let new = NewJob {
        kind: JobKind::Invitation,
        entrypoint_id,
        state: JobState::Queued,
        actor,
        parent: None,
        checkpoint: serde_json::to_string(&Checkpoint { cursor_id: 0, last_id })?,
        total,
        counts: "{}",
        now,
    };
    let id = jobs::insert(conn, ring, &new)?;
    let row = row(conn, id)?.ok_or(Rejection::Defect)?;
    let sealed = seal_plan(id, &row.seal_key(conn, ring)?, plan)?;
    on!(conn, |c| diesel::update(by_id!(id)).set(job::plan.eq(&sealed)).execute(c))?;
    read_job(&row)
}

fn leased(conn: &mut Conn, ring: &KeyRing, row: &JobRow, lease: Lease) -> Result<InviteLease, StoreError> {
    let seal = row.seal_key(conn, ring)?;
    let Checkpoint { cursor_id: cursor, last_id } = row.checkpoint()?;
    Ok(InviteLease {
        lease,
        job: read_job(row)?,
        plan: row.plan(&seal)?,
        actor: row.actor(),
        cursor,
        last_id,
    })
}

type ReportColumns = (i64, String, Option<i64>);

fn reports(
    conn: &mut Conn,
    id: JobId,
    outcome: Option<InviteOutcome>,
    skip: i64,
    limit: i64,
) -> Result<(Vec<InviteReport>, i64), StoreError> {
    let names: Vec<&str> = match outcome {
        Some(outcome) => vec![outcome.name()],
        None => InviteOutcome::VARIANTS.to_vec(),
    };
    let wanted = of_job!(invite_report, job_id, id).filter(invite_report::outcome.eq_any(&names));
    let page = wanted.clone().order(invite_report::customer_id).offset(skip).limit(limit);
    let page = page.select((invite_report::customer_id, invite_report::outcome, invite_report::other_id));
    let (rows, total): (Vec<ReportColumns>, i64) =
        on!(conn, |c| (page.load(c)?, wanted.count().get_result(c)?));
    let report = |(customer_id, name, other_id): ReportColumns| {
        let outcome = name.parse().map_err(|_| StoreError::Corrupt(format!("an unknown outcome {name}")))?;
        Ok(InviteReport { customer_id, outcome, other_id })
    };
    Ok((rows.into_iter().map(report).collect::<Result<_, StoreError>>()?, total))
}
