//! Invitation jobs: each has a cursor over customer ids and runs step by step.
//!
//! A step is one transaction: its customers are invited one by one, and the same transaction saves links, mails,
//! report, cursor and lease. So a killed process always stops between two steps.

mod handle;
mod step;

use std::time::Duration;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use strum::VariantNames as _;

use super::customers::lists::{self, ListRequest};
use super::customers::record_cache::RecordCache;
use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::reader::Wanted;
use super::engine::schema::{invite_report, job};
use super::entrypoints;
use super::entrypoints::lock_row::lock_entrypoint;
use super::jobs::lease::Lease;
use super::jobs::{self, JobId, JobKind, JobRow, NewJob, by_id, of_job, seal_plan};
use super::keys::keyring::KeyRing;
use crate::domain::customers::record::{Customer, Stored};
use crate::domain::decide::command::Actor;
use crate::domain::filter::Sort;
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
    Ok(InviteJob {
        id: row.job_id,
        entrypoint_id: row.entrypoint_id,
        state: row.state()?,
        counts: row.counts()?,
        total: row.total,
        failure: row.failure.clone(),
        queued_at: Micros(row.queued_at_us),
        started_at: row.started_at_us.map(Micros),
        ended_at: row.ended_at_us.map(Micros),
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
    let (last_id, total) = match &plan.ids {
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

/// How long a job may look for its next customers.
const SEARCH_TIME_MAX: Duration = Duration::from_hours(1);

fn request(plan: &InvitePlan, entrypoint_id: i64) -> Result<ListRequest, StoreError> {
    let (filter, search) = plan.conditions().map_err(StoreError::Corrupt)?;
    Ok(ListRequest {
        entrypoints: vec![entrypoint_id],
        filter,
        search,
        masked: plan.masked,
        sort: Sort::oldest_first(),
        after: None,
        skip: 0,
        limit: 1,
        counts: false,
        // A number of its own, beside those of organisations.
        owner: -entrypoint_id,
        time_max: SEARCH_TIME_MAX,
    })
}

/// The next customers of a job after a cursor, up to a limit; fewer only at the end.
fn next_ids(
    conn: &mut Conn,
    ring: &KeyRing,
    lease: &InviteLease,
    cursor: i64,
    limit: usize,
    wanted: &Wanted,
) -> Result<Vec<i64>, StoreError> {
    if let Some(ids) = &lease.plan.ids {
        return Ok(ids.iter().copied().filter(|id| *id > cursor).take(limit).collect());
    }
    let place = lease.job.entrypoint_id;
    let mut request = request(&lease.plan, place)?;
    let Some((_, entrypoint)) = entrypoints::entrypoint(conn, place)? else { return Ok(Vec::new()) };
    let bare = Stored { id: cursor, version: 1, customer: Customer::default(), erased: false };
    request.after = Some(request.sort.key(&bare, &entrypoint));
    request.limit = limit;
    let page = lists::id_page(conn, ring, &request, wanted)?;
    Ok(page.ids.into_iter().map(|(_, id)| id).filter(|id| *id <= lease.last_id).collect())
}

/// The number of customers that the filter of a job admits.
fn count(conn: &mut Conn, ring: &KeyRing, lease: &InviteLease, wanted: &Wanted) -> Result<i64, StoreError> {
    let request = ListRequest { counts: true, ..request(&lease.plan, lease.job.entrypoint_id)? };
    let page = lists::page(conn, ring, &RecordCache::none(), &request, request.plan(), wanted)?;
    Ok(i64::try_from(page.total.unwrap_or(0)).unwrap_or(i64::MAX))
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
