//! Invitations of many customers: jobs with a cursor over ids, worked on step by step.
//!
//! A step is one transaction: its customers take the road of single invitations, and with their links and mails go the
//! report, the cursor and the lease. So whatever a kill leaves behind is a place between two steps.

mod calls;
mod step;

pub use self::step::InviteStepDone;

use diesel::prelude::*;
use strum::VariantNames as _;

use super::customers::lists::{self, ListRequest};
use super::customers::record_cache::RecordCache;
use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::schema::{invite_job, invite_report};
use super::entrypoints;
use super::entrypoints::lock_row::lock_entrypoint;
use super::imports::shared_now;
use super::keys::keyring::KeyRing;
use crate::domain::customers::record::{Customer, Stored};
use crate::domain::decide::command::Actor;
use crate::domain::filter::Sort;
use crate::domain::invitations::{
    InviteCounts, InviteJob, InviteJobState, InviteOutcome, InvitePlan, InviteReport,
};
use crate::domain::kernel::problem::Rejection;
use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::vault::{Ad, Plain, SALT_BYTES, SealKey, random};

/// How long a worker may be silent before another takes its job, in microseconds.
const LEASE_US: i64 = 15 * SECOND_US;

/// A row of `invite_job`.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = invite_job)]
struct JobRow {
    job_id: i64,
    entrypoint_id: i64,
    state: String,
    key_id: i64,
    salt: Vec<u8>,
    plan: Vec<u8>,
    actor_name: String,
    actor_jti: String,
    last_id: i64,
    cursor_id: i64,
    total: Option<i64>,
    counts: String,
    failure: Option<String>,
    lease_no: i64,
    queued_at_us: i64,
    started_at_us: Option<i64>,
    ended_at_us: Option<i64>,
}

fn plan_ad(entrypoint_id: i64) -> Ad {
    Ad::new("invite_plan", &[entrypoint_id])
}

impl JobRow {
    fn seal_key(&self, conn: &mut Conn, ring: &KeyRing) -> Result<SealKey, StoreError> {
        Ok(ring.data_key(conn, self.key_id)?.seal_key(&self.salt)?)
    }

    fn plan(&self, conn: &mut Conn, ring: &KeyRing) -> Result<InvitePlan, StoreError> {
        let seal = self.seal_key(conn, ring)?;
        Ok(serde_json::from_slice(&seal.open(&plan_ad(self.entrypoint_id), &self.plan)?)?)
    }

    fn state(&self) -> Result<InviteJobState, StoreError> {
        self.state
            .parse()
            .map_err(|_| StoreError::Corrupt(format!("invitation {} in state {}", self.job_id, self.state)))
    }

    fn counts(&self) -> Result<InviteCounts, StoreError> {
        Ok(serde_json::from_str(&self.counts)?)
    }

    fn job(&self) -> Result<InviteJob, StoreError> {
        Ok(InviteJob {
            id: self.job_id,
            entrypoint_id: self.entrypoint_id,
            state: self.state()?,
            counts: self.counts()?,
            total: self.total,
            failure: self.failure.clone(),
            queued_at: Micros(self.queued_at_us),
            started_at: self.started_at_us.map(Micros),
            ended_at: self.ended_at_us.map(Micros),
        })
    }
}

/// A job in a worker's hands.
#[derive(Debug, Clone)]
pub struct InviteLease {
    /// The job, as it was when it was taken.
    pub job: InviteJob,
    /// Whom to invite.
    pub plan: InvitePlan,
    /// Who asked; stands in the history.
    pub actor: Actor,
    /// Everything up to here is done.
    pub cursor: i64,
    /// Nobody beyond is meant.
    pub last_id: i64,
    /// The lease's number: with another one, nothing this worker does counts.
    pub number: i64,
}

fn row(conn: &mut Conn, job_id: i64) -> Result<Option<JobRow>, StoreError> {
    Ok(on!(conn, |c| invite_job::table.find(job_id).select(JobRow::as_select()).first(c).optional())?)
}

/// The job of an id, locked until the transaction ends.
fn locked_row(conn: &mut Conn, job_id: i64) -> Result<Option<JobRow>, StoreError> {
    match conn {
        // BEGIN IMMEDIATE has locked everything.
        Conn::Sqlite(..) => row(conn, job_id),
        Conn::Postgres(c) => {
            let query = invite_job::table.find(job_id).select(JobRow::as_select()).for_update();
            Ok(query.first(c).optional()?)
        }
    }
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
    let key = ring.service_key(conn)?;
    let salt = random::<SALT_BYTES>()?.to_vec();
    let plain = Plain::from(serde_json::to_vec(plan)?);
    let sealed = key.seal_key(&salt)?.seal(&plan_ad(entrypoint_id), &plain)?;
    let job_id: i64 = on!(conn, |c| diesel::insert_into(invite_job::table)
        .values((
            (
                invite_job::entrypoint_id.eq(entrypoint_id),
                invite_job::state.eq(InviteJobState::Queued.name()),
                invite_job::key_id.eq(key.id),
                invite_job::salt.eq(&salt),
                invite_job::plan.eq(&sealed),
                invite_job::actor_name.eq(&actor.name),
                invite_job::actor_jti.eq(&actor.jti),
            ),
            (
                invite_job::last_id.eq(last_id),
                invite_job::cursor_id.eq(0),
                invite_job::total.eq(total),
                invite_job::counts.eq("{}"),
                invite_job::lease_no.eq(0),
                invite_job::lease_until_us.eq(0),
                invite_job::attempts.eq(0),
                invite_job::queued_at_us.eq(now.0),
            ),
        ))
        .returning(invite_job::job_id)
        .get_result(c))?;
    row(conn, job_id)?.ok_or(Rejection::Defect)?.job()
}

fn waiting_id(conn: &mut Conn, now: Micros, locks: bool) -> Result<Option<i64>, StoreError> {
    macro_rules! query {
        () => {
            invite_job::table
                .filter(
                    invite_job::state.eq(InviteJobState::Queued.name()).or(invite_job::state
                        .eq(InviteJobState::Running.name())
                        .and(invite_job::lease_until_us.lt(now.0))),
                )
                .order(invite_job::job_id)
                .select(invite_job::job_id)
        };
    }
    Ok(match conn {
        Conn::Sqlite(c, ..) => query!().first(c).optional()?,
        Conn::Postgres(c) if locks => query!().for_update().skip_locked().first(c).optional()?,
        Conn::Postgres(c) => query!().first(c).optional()?,
    })
}

/// Takes the oldest job that nobody works on.
fn take(conn: &mut Conn, ring: &KeyRing, now: Micros) -> Result<Option<InviteLease>, StoreError> {
    let now = shared_now(conn, now)?;
    let id = waiting_id(conn, now, true)?;
    let Some(row) = id.map(|id| locked_row(conn, id)).transpose()?.flatten() else { return Ok(None) };
    let number = row.lease_no + 1;
    on!(conn, |c| diesel::update(invite_job::table.find(row.job_id))
        .set((
            invite_job::state.eq(InviteJobState::Running.name()),
            invite_job::lease_no.eq(number),
            invite_job::lease_until_us.eq(now.0 + LEASE_US),
            invite_job::started_at_us.eq(Some(row.started_at_us.unwrap_or(now.0))),
        ))
        .execute(c))?;
    Ok(Some(InviteLease {
        job: row.job()?,
        plan: row.plan(conn, ring)?,
        cursor: row.cursor_id,
        last_id: row.last_id,
        actor: Actor { name: row.actor_name, jti: row.actor_jti },
        number,
    }))
}

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
    })
}

/// The next customers of a job after a cursor, at most some; fewer only where there are no more.
fn next_ids(
    conn: &mut Conn,
    ring: &KeyRing,
    lease: &InviteLease,
    cursor: i64,
    limit: usize,
) -> Result<Vec<i64>, StoreError> {
    if let Some(ids) = &lease.plan.ids {
        return Ok(ids.iter().copied().filter(|id| *id > cursor).take(limit).collect());
    }
    let place = lease.job.entrypoint_id;
    let mut request = request(&lease.plan, place)?;
    let Some(entrypoint) = entrypoints::entrypoint(conn, place)? else { return Ok(Vec::new()) };
    let bare = Stored { id: cursor, version: 1, customer: Customer::default(), erased: false };
    request.after = Some(request.sort.key(&bare, &entrypoint));
    request.limit = limit;
    let page = lists::id_page(conn, ring, &request)?;
    Ok(page.ids.into_iter().map(|(_, id)| id).filter(|id| *id <= lease.last_id).collect())
}

/// How many customers a job's filter lets through.
fn count(conn: &mut Conn, ring: &KeyRing, lease: &InviteLease) -> Result<i64, StoreError> {
    let request = ListRequest { counts: true, ..request(&lease.plan, lease.job.entrypoint_id)? };
    let total = lists::page(conn, ring, &RecordCache::none(), &request, request.plan())?.total.unwrap_or(0);
    Ok(i64::try_from(total).unwrap_or(i64::MAX))
}

fn list(
    conn: &mut Conn,
    entrypoint_id: i64,
    skip: i64,
    limit: i64,
) -> Result<(Vec<InviteJob>, i64), StoreError> {
    let (rows, total): (Vec<JobRow>, i64) = on!(conn, |c| {
        let shown = invite_job::table.filter(invite_job::entrypoint_id.eq(entrypoint_id));
        let rows = shown
            .order(invite_job::job_id.desc())
            .offset(skip)
            .limit(limit)
            .select(JobRow::as_select())
            .load(c)?;
        let total = shown.count().get_result(c)?;
        Ok::<_, diesel::result::Error>((rows, total))
    })?;
    Ok((rows.iter().map(JobRow::job).collect::<Result<_, _>>()?, total))
}

type ReportColumns = (i64, String, Option<i64>);

fn reports(
    conn: &mut Conn,
    job_id: i64,
    outcome: Option<InviteOutcome>,
    skip: i64,
    limit: i64,
) -> Result<(Vec<InviteReport>, i64), StoreError> {
    let names: Vec<&str> = match outcome {
        Some(outcome) => vec![outcome.name()],
        None => InviteOutcome::VARIANTS.to_vec(),
    };
    let (rows, total): (Vec<ReportColumns>, i64) = on!(conn, |c| {
        let rows = invite_report::table
            .filter(invite_report::job_id.eq(job_id))
            .filter(invite_report::outcome.eq_any(&names))
            .order(invite_report::customer_id)
            .offset(skip)
            .limit(limit)
            .select((invite_report::customer_id, invite_report::outcome, invite_report::other_id))
            .load(c)?;
        let total = invite_report::table
            .filter(invite_report::job_id.eq(job_id))
            .filter(invite_report::outcome.eq_any(&names))
            .count()
            .get_result(c)?;
        Ok::<_, diesel::result::Error>((rows, total))
    })?;
    let report = |(customer_id, name, other_id): ReportColumns| {
        let outcome =
            name.parse().map_err(|_| StoreError::Corrupt(format!("an invitation that came to {name}")))?;
        Ok(InviteReport { customer_id, outcome, other_id })
    };
    Ok((rows.into_iter().map(report).collect::<Result<_, StoreError>>()?, total))
}

fn end(
    conn: &mut Conn,
    job_id: i64,
    state: InviteJobState,
    failure: Option<&str>,
    now: Micros,
) -> Result<(), StoreError> {
    on!(conn, |c| diesel::update(invite_job::table.find(job_id))
        .set((
            invite_job::state.eq(state.name()),
            invite_job::failure.eq(failure),
            invite_job::ended_at_us.eq(Some(now.0)),
        ))
        .execute(c))?;
    Ok(())
}
