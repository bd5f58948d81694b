//! Changes of the labels of many customers: each is a job with a cursor over customer ids that runs step by step. A step
//! is one transaction, with the customers' changes and the cursor, so a killed process always stops between two steps.

use std::sync::Arc;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use strum::VariantNames as _;

use super::Labels;
use crate::clock;
use crate::domain::accounts::sight::Sight;
use crate::domain::decide::command::{Action, Actor, ChangeLabels, Command, KeyUse, Outcome};
use crate::domain::imports::JobState;
use crate::domain::kernel::problem::Rejection;
use crate::domain::kernel::time::Micros;
use crate::domain::labels::{LabelCounts, LabelJob, LabelOutcome, LabelPlan};
use crate::store::customers::save::save;
use crate::store::customers::tx::{EntrypointTx, Reply};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{job, label, label_report};
use crate::store::entrypoints::lock_row::lock_entrypoint;
use crate::store::jobs::lease::{self, Advance, Lease};
use crate::store::jobs::{self, JobId, JobKind, JobRow, NewJob, StepDone, by_id, of_job, seal_plan};
use crate::store::keys::keyring::KeyRing;

/// The maximum number of jobs that one transaction removes.
const REMOVED_MAX: i64 = 16;

/// The progress of a job.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Checkpoint {
    /// The job has done all customers up to this id.
    cursor_id: i64,
    /// The job ends with this id.
    last_id: i64,
}

/// A job with the lease of a worker.
#[derive(Debug, Clone)]
pub struct LabelLease {
    /// The lease of the job.
    pub lease: Lease,
    /// The job when the worker took it.
    pub job: LabelJob,
    /// Whose labels to change, and how.
    pub plan: LabelPlan,
    /// Who asked; recorded in the history.
    pub actor: Actor,
    /// The job has done all customers up to this id.
    pub cursor: i64,
    /// The job ends with this id.
    pub last_id: i64,
}

/// A customer whose labels a job did not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelReport {
    /// `customerId`.
    pub customer_id: i64,
    /// Why.
    pub outcome: LabelOutcome,
}

fn read_job(row: &JobRow) -> Result<LabelJob, StoreError> {
    let (queued_at, started_at, ended_at) = row.times();
    Ok(LabelJob {
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

fn row(conn: &mut Conn, id: JobId) -> Result<Option<JobRow>, StoreError> {
    jobs::row(conn, JobKind::Label, id)
}

/// Queues a job. A label to rename must exist.
fn queue(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    plan: &LabelPlan,
    actor: &Actor,
    now: Micros,
) -> Result<LabelJob, StoreError> {
    let lock_row = lock_entrypoint(conn, entrypoint_id)?;
    if let Some((from, _)) = &plan.change.rename {
        let keys = lock_row.keys(conn, ring)?;
        let digests: Vec<Vec<u8>> = keys.all().map(|index| super::digest(&index.key, from)).collect();
        let known: i64 = on!(conn, |c| label::table
            .filter(label::entrypoint_id.eq(entrypoint_id))
            .filter(label::digest.eq_any(&digests))
            .count()
            .get_result(c))?;
        if known == 0 {
            return Err(Rejection::NotFound.into());
        }
    }
    let (last_id, total) = match &plan.selection.ids {
        Some(ids) => (ids.last().copied().unwrap_or(0), i64::try_from(ids.len()).ok()),
        None => (lock_row.next_customer_id - 1, None),
    };
    let new = NewJob {
        kind: JobKind::Label,
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

fn leased(conn: &mut Conn, ring: &KeyRing, row: &JobRow, lease: Lease) -> Result<LabelLease, StoreError> {
    let seal = row.seal_key(conn, ring)?;
    let Checkpoint { cursor_id: cursor, last_id } = row.checkpoint()?;
    let (job, plan, actor) = (read_job(row)?, row.plan(&seal)?, row.actor());
    Ok(LabelLease { lease, job, plan, actor, cursor, last_id })
}

/// Changes the labels of some customers. With `gives_up` it only reports them as failed.
fn step(
    conn: &mut Conn,
    ring: &KeyRing,
    lease: &LabelLease,
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
    let outcomes =
        if gives_up { vec![LabelOutcome::Failed; ids.len()] } else { change(conn, ring, tx, lease, ids)? };
    let mut counts: LabelCounts = row.counts()?;
    for (customer_id, outcome) in ids.iter().zip(outcomes) {
        *counts.entry(outcome).or_default() += 1;
        if !matches!(outcome, LabelOutcome::Changed | LabelOutcome::Unchanged) {
            report(conn, id, *customer_id, outcome)?;
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

/// Decides and saves the changes of some customers; their outcomes, in order.
fn change(
    conn: &mut Conn,
    ring: &KeyRing,
    tx: EntrypointTx,
    lease: &LabelLease,
    ids: &[i64],
) -> Result<Vec<LabelOutcome>, StoreError> {
    let change = Arc::new(lease.plan.change.clone());
    let commands: Vec<Command> = ids
        .iter()
        .map(|id| Command {
            entrypoint_id: lease.job.entrypoint_id,
            actor: lease.actor.clone(),
            sight: Sight::FULL,
            idempotency: None,
            action: Action::Label(ChangeLabels { id: *id, change: Arc::clone(&change) }),
        })
        .collect();
    let mut loaded = tx.load(conn, ring, &commands.iter().collect::<Vec<_>>())?;
    loaded.cause = Some(format!("label:{}", lease.lease.id.job_id));
    let mut outcomes = Vec::with_capacity(ids.len());
    for (command, id) in commands.iter().zip(ids) {
        let before = loaded.working_set.customer(*id).map(|stored| stored.version);
        let reply = loaded.decide(conn, ring, command)?;
        outcomes.push(outcome(reply, *id, before));
    }
    save(conn, ring, &mut loaded, 0)?;
    Ok(outcomes)
}

/// What became of a customer that had this version before.
fn outcome(reply: Reply, id: i64, before: Option<i64>) -> LabelOutcome {
    match reply.map(|answer| answer.seen_by(Sight::FULL).outcome) {
        Ok(Outcome::Changed { version, .. }) if Some(version) == before => LabelOutcome::Unchanged,
        Ok(_) => LabelOutcome::Changed,
        Err(StoreError::Rejected(rejection)) => {
            LabelOutcome::of_rejection(&rejection).unwrap_or(LabelOutcome::Failed)
        }
        Err(error) => {
            tracing::error!(%error, customer = id, "cannot decide a change of labels");
            LabelOutcome::Failed
        }
    }
}

fn report(conn: &mut Conn, id: JobId, customer_id: i64, outcome: LabelOutcome) -> Result<(), StoreError> {
    on!(conn, |c| diesel::insert_into(label_report::table)
        .values((
            label_report::entrypoint_id.eq(id.entrypoint_id),
            label_report::job_id.eq(id.job_id),
            label_report::customer_id.eq(customer_id),
            label_report::outcome.eq(outcome.name()),
        ))
        .execute(c))?;
    Ok(())
}

fn reports(
    conn: &mut Conn,
    id: JobId,
    outcome: Option<LabelOutcome>,
    skip: i64,
    limit: i64,
) -> Result<(Vec<LabelReport>, i64), StoreError> {
    let names: Vec<&str> = match outcome {
        Some(outcome) => vec![outcome.name()],
        None => LabelOutcome::VARIANTS.to_vec(),
    };
    let wanted = of_job!(label_report, job_id, id).filter(label_report::outcome.eq_any(&names));
    let page = wanted.clone().order(label_report::customer_id).offset(skip).limit(limit);
    let page = page.select((label_report::customer_id, label_report::outcome));
    let (rows, total): (Vec<(i64, String)>, i64) =
        on!(conn, |c| (page.load(c)?, wanted.count().get_result(c)?));
    let report = |(customer_id, name): (i64, String)| {
        let outcome = name.parse().map_err(|_| StoreError::Corrupt(format!("an unknown outcome {name}")))?;
        Ok(LabelReport { customer_id, outcome })
    };
    Ok((rows.into_iter().map(report).collect::<Result<_, StoreError>>()?, total))
}

impl Labels<'_> {
    /// Queues a change of the labels of many customers. `render` makes the answer; the idempotency record keeps it.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if another request used the key, or nobody has the label to rename; database errors.
    pub async fn queue(
        self,
        entrypoint_id: i64,
        plan: LabelPlan,
        actor: Actor,
        key_use: Option<KeyUse>,
        render: impl FnOnce(&LabelJob) -> String + Send + 'static,
    ) -> Result<(String, bool), StoreError> {
        let answer = self
            .0
            .administer_once(key_use, move |conn, ring| {
                Ok(render(&queue(conn, ring, entrypoint_id, &plan, &actor, clock::now())?))
            })
            .await?;
        self.0.labels_queued.notify_one();
        Ok(answer)
    }

    /// Waits until this process queues such a job.
    pub async fn queued(self) {
        self.0.labels_queued.notified().await;
    }

    /// Takes a job without a worker.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn take(self) -> Result<Option<LabelLease>, StoreError> {
        self.0.jobs().take(JobKind::Label, None, leased).await
    }

    /// The next customers of a job after a cursor, up to a limit; fewer only at the end.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn next(
        self,
        lease: Arc<LabelLease>,
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
    pub async fn count(self, lease: Arc<LabelLease>) -> Result<(), StoreError> {
        self.0.jobs().count_customers(lease.lease, lease.plan.selection.clone()).await
    }

    /// Changes the labels of some customers of a job, in one transaction with the cursor of the job; `is_last` means that
    /// nobody is left after them. With `gives_up` it only reports the customers as failed.
    ///
    /// # Errors
    /// Database errors; the step then saves nothing.
    pub async fn step(
        self,
        lease: Arc<LabelLease>,
        cursor: i64,
        ids: Vec<i64>,
        is_last: bool,
        gives_up: bool,
    ) -> Result<StepDone, StoreError> {
        let done = self
            .0
            .administer(move |conn, ring| step(conn, ring, &lease, cursor, &ids, is_last, gives_up))
            .await?;
        self.0.terms_written.notify_one();
        Ok(done)
    }

    /// Stops a job before its next step; the changes so far stay. Returns its state afterwards.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if there is no such job.
    pub async fn cancel(self, entrypoint_id: i64, job_id: i64) -> Result<LabelJob, StoreError> {
        self.0
            .administer(move |conn, _| {
                read_job(&lease::stop(conn, JobKind::Label, JobId { entrypoint_id, job_id }, clock::now())?)
            })
            .await
    }

    /// One job.
    ///
    /// # Errors
    /// Database errors.
    pub async fn job(self, entrypoint_id: i64, job_id: i64) -> Result<Option<LabelJob>, StoreError> {
        let read = move |conn: &mut Conn, _: &KeyRing| {
            row(conn, JobId { entrypoint_id, job_id })?.map(|row| read_job(&row)).transpose()
        };
        self.0.read(read).await
    }

    /// The jobs of an entrypoint, newest first, and the total number.
    ///
    /// # Errors
    /// Database errors.
    pub async fn jobs(
        self,
        entrypoint_id: i64,
        skip: i64,
        limit: i64,
    ) -> Result<(Vec<LabelJob>, i64), StoreError> {
        self.0
            .read(move |conn, _| {
                let (rows, total) = jobs::list(conn, JobKind::Label, entrypoint_id, skip, limit)?;
                Ok((rows.iter().map(read_job).collect::<Result<_, _>>()?, total))
            })
            .await
    }

    /// The customers whose labels a job could not change, by id, and the total number; only those with an outcome, if given.
    ///
    /// # Errors
    /// Database errors.
    pub async fn reports(
        self,
        entrypoint_id: i64,
        job_id: i64,
        outcome: Option<LabelOutcome>,
        skip: i64,
        limit: i64,
    ) -> Result<(Vec<LabelReport>, i64), StoreError> {
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
                let ids = lease::ended(conn, JobKind::Label, before, REMOVED_MAX)?;
                for id in &ids {
                    on!(conn, |c| diesel::delete(of_job!(label_report, job_id, id)).execute(c))?;
                    jobs::remove(conn, *id)?;
                }
                Ok(ids.len())
            })
            .await
    }
}
