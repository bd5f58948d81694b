//! Jobs: work of many steps. The transaction of each step also saves a checkpoint.
//!
//! Imports, bulk invitations and rotations of data keys are rows of one table. This module has the leases and the
//! transitions of all kinds ([`lease`]); each kind has its own steps.

mod customers;
pub(crate) mod lease;
pub(crate) mod sealed;

use std::str::FromStr;

use diesel::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use strum::IntoStaticStr;

use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::schema::job;
use super::keys::keyring::KeyRing;
use crate::domain::decide::command::Actor;
use crate::domain::imports::JobState;
use crate::domain::kernel::time::Micros;
use crate::vault::{Ad, Plain, SALT_BYTES, SealKey, random};

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum JobKind {
    /// Reads the customers of a file.
    Import,
    /// Invites many customers.
    Invitation,
    /// Rotates an entrypoint's data key.
    Rotation,
    /// Changes the labels of many customers.
    Label,
}

impl JobKind {
    /// Its name in the database and in messages.
    pub(crate) fn name(self) -> &'static str {
        self.into()
    }
}

/// The end of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepDone {
    /// So many rows or customers are done; there are more.
    Went(usize),
    /// The job has ended. Or nothing happened, because another worker has the job or somebody stopped it.
    Over,
}

/// The id of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable)]
pub struct JobId {
    /// The entrypoint of its customers.
    pub entrypoint_id: i64,
    /// Its number.
    pub job_id: i64,
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = job)]
pub(crate) struct JobRow {
    pub job_id: i64,
    pub entrypoint_id: i64,
    pub kind: String,
    pub state: String,
    pub actor_name: String,
    pub actor_jti: String,
    pub parent_id: Option<i64>,
    pub key_id: i64,
    pub salt: Vec<u8>,
    pub plan: Option<Vec<u8>>,
    pub checkpoint: String,
    pub done: i64,
    pub total: Option<i64>,
    pub counts: String,
    pub errors: Option<Vec<u8>>,
    pub failure: Option<String>,
    pub cancel_asked: bool,
    pub lease_no: i64,
    pub lease_until_us: i64,
    pub attempts: i64,
    pub queued_at_us: i64,
    pub started_at_us: Option<i64>,
    pub ended_at_us: Option<i64>,
}

impl JobRow {
    pub(crate) fn id(&self) -> JobId {
        JobId { entrypoint_id: self.entrypoint_id, job_id: self.job_id }
    }

    pub(crate) fn actor(&self) -> Actor {
        Actor { name: self.actor_name.clone(), jti: self.actor_jti.clone() }
    }

    /// When it was queued, when a worker first took it, and when it ended: none is before the one before it, although
    /// their clocks may differ.
    pub(crate) fn times(&self) -> (Micros, Option<Micros>, Option<Micros>) {
        let queued = Micros(self.queued_at_us);
        let started = self.started_at_us.map(|at| Micros(at).max(queued));
        let ended = self.ended_at_us.map(|at| Micros(at).max(started.unwrap_or(queued)));
        (queued, started, ended)
    }

    /// The key that seals the data of this job.
    pub(crate) fn seal_key(&self, conn: &mut Conn, ring: &KeyRing) -> Result<SealKey, StoreError> {
        Ok(ring.data_key(conn, self.key_id)?.seal_key(&self.salt)?)
    }

    /// Its state, as [`JobState`] or as the state that its kind shows.
    pub(crate) fn state<T: FromStr>(&self) -> Result<T, StoreError> {
        self.state.parse().map_err(|_| {
            StoreError::Corrupt(format!("{} {} in state {}", self.kind, self.job_id, self.state))
        })
    }

    pub(crate) fn checkpoint<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        Ok(serde_json::from_str(&self.checkpoint)?)
    }

    pub(crate) fn counts<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        Ok(serde_json::from_str(&self.counts)?)
    }

    pub(crate) fn plan<T: DeserializeOwned>(&self, seal: &SealKey) -> Result<T, StoreError> {
        let sealed = self.plan.as_ref();
        let sealed =
            sealed.ok_or_else(|| StoreError::Bug(format!("{} {} has no plan", self.kind, self.job_id)))?;
        Ok(serde_json::from_slice(&seal.open(&plan_ad(self.id()), sealed)?)?)
    }
}

fn plan_ad(id: JobId) -> Ad {
    Ad::new("job_plan", &[id.entrypoint_id, id.job_id])
}

/// Seals the plan of a job.
pub(crate) fn seal_plan(id: JobId, seal: &SealKey, plan: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    Ok(seal.seal(&plan_ad(id), &Plain::from(serde_json::to_vec(plan)?))?)
}

/// Selects the row of a job by its [`JobId`].
macro_rules! by_id {
    ($id:expr) => {
        job::table.find(($id.entrypoint_id, $id.job_id))
    };
}
pub(crate) use by_id;

/// The rows of one job or upload in one of its tables.
macro_rules! of_job {
    ($table:ident, $column:ident, $id:expr) => {
        $table::table
            .filter($table::entrypoint_id.eq($id.entrypoint_id))
            .filter($table::$column.eq($id.job_id))
    };
}
pub(crate) use of_job;

/// The row of a job, if it is of this kind.
///
/// # Errors
/// The database's.
pub(crate) fn row(conn: &mut Conn, kind: JobKind, id: JobId) -> Result<Option<JobRow>, StoreError> {
    Ok(on!(conn, |c| by_id!(id)
        .filter(job::kind.eq(kind.name()))
        .select(JobRow::as_select())
        .first(c)
        .optional())?)
}

/// As [`row`], locked until the transaction ends.
///
/// # Errors
/// The database's.
pub(crate) fn locked_row(conn: &mut Conn, kind: JobKind, id: JobId) -> Result<Option<JobRow>, StoreError> {
    match conn {
        // BEGIN IMMEDIATE has locked the whole database.
        Conn::Sqlite(..) => row(conn, kind, id),
        Conn::Postgres(c) => {
            let query = by_id!(id).filter(job::kind.eq(kind.name())).select(JobRow::as_select());
            Ok(query.for_update().first(c).optional()?)
        }
    }
}

/// A page of an entrypoint's jobs of a kind, newest first, and their total; without those still uploading.
///
/// # Errors
/// The database's.
pub(crate) fn list(
    conn: &mut Conn,
    kind: JobKind,
    entrypoint_id: i64,
    skip: i64,
    limit: i64,
) -> Result<(Vec<JobRow>, i64), StoreError> {
    Ok(on!(conn, |c| {
        let shown = job::table
            .filter(job::entrypoint_id.eq(entrypoint_id))
            .filter(job::kind.eq(kind.name()))
            .filter(job::state.ne(JobState::Uploading.name()));
        let page = shown.order(job::job_id.desc()).offset(skip).limit(limit);
        let rows = page.select(JobRow::as_select()).load(c)?;
        Ok::<_, diesel::result::Error>((rows, shown.count().get_result(c)?))
    })?)
}

/// A job to insert.
pub(crate) struct NewJob<'a> {
    pub kind: JobKind,
    pub entrypoint_id: i64,
    pub state: JobState,
    pub actor: &'a Actor,
    /// The job whose file, key and salt it shares.
    pub parent: Option<&'a JobRow>,
    pub checkpoint: String,
    pub total: Option<i64>,
    pub counts: &'a str,
    pub now: Micros,
}

/// Inserts a job without a plan.
///
/// # Errors
/// The database's.
pub(crate) fn insert(conn: &mut Conn, ring: &KeyRing, new: &NewJob<'_>) -> Result<JobId, StoreError> {
    let (key_id, salt) = match new.parent {
        Some(parent) => (parent.key_id, parent.salt.clone()),
        None => (ring.service_key(conn)?.id, random::<SALT_BYTES>()?.to_vec()),
    };
    let values = (
        (
            job::entrypoint_id.eq(new.entrypoint_id),
            job::kind.eq(new.kind.name()),
            job::state.eq(new.state.name()),
            job::actor_name.eq(&new.actor.name),
            job::actor_jti.eq(&new.actor.jti),
            job::parent_id.eq(new.parent.map(|parent| parent.job_id)),
            job::key_id.eq(key_id),
            job::salt.eq(&salt),
            job::checkpoint.eq(&new.checkpoint),
        ),
        (
            job::done.eq(0_i64),
            job::total.eq(new.total),
            job::counts.eq(new.counts),
            job::cancel_asked.eq(false),
            job::lease_no.eq(0_i64),
            job::lease_until_us.eq(0_i64),
            job::attempts.eq(0_i64),
            job::queued_at_us.eq(new.now.0),
            job::touched_at_us.eq(new.now.0),
        ),
    );
    let job_id =
        on!(conn, |c| diesel::insert_into(job::table).values(values).returning(job::job_id).get_result(c))?;
    Ok(JobId { entrypoint_id: new.entrypoint_id, job_id })
}

/// Removes the row of a job. Its kind removes the rows that depend on it.
///
/// # Errors
/// The database's.
pub(crate) fn remove(conn: &mut Conn, id: JobId) -> Result<(), StoreError> {
    on!(conn, |c| diesel::delete(by_id!(id)).execute(c))?;
    Ok(())
}
