//! Imports in the database: uploads in sealed pieces, jobs with their checkpoints, what became of each row.
//!
//! A step of an import is one transaction: its rows take the road of creates, and with them go the report, the
//! checkpoint and the lease. So whatever a kill leaves behind is a place between two steps.

mod calls;
mod dry_run;
mod erasing;
mod intake;
mod jobs;
mod step;
mod upload;

pub use self::calls::NewImport;
pub(super) use self::dry_run::DryRunRecords;
pub(super) use self::erasing::erase;
pub use self::intake::{FileIntake, IntakeError};
pub use self::jobs::ImportLease;
pub use self::step::{StepDone, StepRow};
pub use self::upload::{Queued, Upload, Why};

use diesel::prelude::*;

use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::schema::{import_job, import_report};
use super::keys::keyring::KeyRing;
use crate::domain::imports::{Counts, ImportJob, ImportPlan, JobState, Preset, RowOutcome, RowReport};
use crate::domain::kernel::time::Micros;
use crate::vault::{Ad, SealKey};

/// A row of `import_job`.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = import_job)]
struct JobRow {
    job_id: i64,
    entrypoint_id: i64,
    state: String,
    is_dry_run: bool,
    upload_id: i64,
    rehearsal_id: Option<i64>,
    key_id: i64,
    salt: Vec<u8>,
    plan: Option<Vec<u8>>,
    preset: String,
    actor_name: String,
    actor_jti: String,
    bytes_total: i64,
    byte_offset: i64,
    line: i64,
    rows_read: i64,
    counts: String,
    errors: Option<Vec<u8>>,
    failure: Option<String>,
    cancel_asked: bool,
    ghost_next: i64,
    lease_no: i64,
    attempts: i64,
    queued_at_us: i64,
    started_at_us: Option<i64>,
    ended_at_us: Option<i64>,
}

impl JobRow {
    /// The key of everything that this job's file says.
    fn seal_key(&self, conn: &mut Conn, ring: &KeyRing) -> Result<SealKey, StoreError> {
        Ok(ring.data_key(conn, self.key_id)?.seal_key(&self.salt)?)
    }

    fn state(&self) -> Result<JobState, StoreError> {
        self.state
            .parse()
            .map_err(|_| StoreError::Corrupt(format!("import {} in state {}", self.job_id, self.state)))
    }

    fn counts(&self) -> Result<Counts, StoreError> {
        Ok(serde_json::from_str(&self.counts)?)
    }

    fn plan(&self, seal: &SealKey) -> Result<ImportPlan, StoreError> {
        let sealed = self.plan.as_ref();
        let sealed = sealed.ok_or_else(|| StoreError::Bug(format!("import {} has no plan", self.job_id)))?;
        Ok(serde_json::from_slice(&seal.open(&plan_ad(self.job_id), sealed)?)?)
    }

    fn errors(&self, seal: &SealKey) -> Result<Vec<String>, StoreError> {
        let Some(sealed) = &self.errors else { return Ok(Vec::new()) };
        Ok(serde_json::from_slice(&seal.open(&errors_ad(self.job_id, self.rows_read), sealed)?)?)
    }

    fn job(&self, conn: &mut Conn, ring: &KeyRing) -> Result<ImportJob, StoreError> {
        let seal = self.seal_key(conn, ring)?;
        Ok(ImportJob {
            id: self.job_id,
            entrypoint_id: self.entrypoint_id,
            state: self.state()?,
            is_dry_run: self.is_dry_run,
            rehearsal_id: self.rehearsal_id,
            plan: self.plan(&seal)?,
            preset: serde_json::from_value::<Preset>(self.preset.clone().into())?,
            rows_read: self.rows_read,
            counts: self.counts()?,
            bytes_read: self.byte_offset,
            bytes_total: self.bytes_total,
            errors: self.errors(&seal)?,
            failure: self.failure.clone(),
            queued_at: Micros(self.queued_at_us),
            started_at: self.started_at_us.map(Micros),
            ended_at: self.ended_at_us.map(Micros),
        })
    }
}

fn plan_ad(job_id: i64) -> Ad {
    Ad::new("import_plan", &[job_id])
}

fn errors_ad(job_id: i64, rows_read: i64) -> Ad {
    Ad::new("import_errors", &[job_id, rows_read])
}

fn report_ad(job_id: i64, first_row: i64) -> Ad {
    Ad::new("import_report", &[job_id, first_row])
}

fn job_row(conn: &mut Conn, job_id: i64) -> Result<Option<JobRow>, StoreError> {
    Ok(on!(conn, |c| import_job::table.find(job_id).select(JobRow::as_select()).first(c).optional())?)
}

/// The job of an id, locked until the transaction ends.
fn locked_row(conn: &mut Conn, job_id: i64) -> Result<Option<JobRow>, StoreError> {
    match conn {
        // BEGIN IMMEDIATE has locked everything.
        Conn::Sqlite(..) => job_row(conn, job_id),
        Conn::Postgres(c) => {
            let query = import_job::table.find(job_id).select(JobRow::as_select()).for_update();
            Ok(query.first(c).optional()?)
        }
    }
}

/// The database's clock where several machines share it: leases are measured by one clock.
pub(super) fn shared_now(conn: &mut Conn, now: Micros) -> Result<Micros, StoreError> {
    let Conn::Postgres(c) = conn else { return Ok(now) };
    let us: i64 = diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(
        "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
    ))
    .get_result(c)?;
    Ok(Micros(us))
}

/// A job of an entrypoint that a caller may see.
///
/// # Errors
/// The database's; [`StoreError::Corrupt`].
pub(super) fn find(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    job_id: i64,
) -> Result<Option<ImportJob>, StoreError> {
    let row = job_row(conn, job_id)?;
    let row = row.filter(|row| row.entrypoint_id == entrypoint_id && row.state != JobState::Uploading.name());
    row.map(|row| row.job(conn, ring)).transpose()
}

/// The jobs of an entrypoint, newest first, and how many there are.
///
/// # Errors
/// The database's; [`StoreError::Corrupt`].
pub(super) fn list(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    skip: i64,
    limit: i64,
) -> Result<(Vec<ImportJob>, i64), StoreError> {
    let (rows, total): (Vec<JobRow>, i64) = on!(conn, |c| {
        let shown = import_job::table
            .filter(import_job::entrypoint_id.eq(entrypoint_id))
            .filter(import_job::state.ne(JobState::Uploading.name()));
        let rows = shown
            .order(import_job::job_id.desc())
            .offset(skip)
            .limit(limit)
            .select(JobRow::as_select())
            .load(c)?;
        let total = shown.count().get_result(c)?;
        Ok::<_, diesel::result::Error>((rows, total))
    })?;
    let jobs = rows.iter().map(|row| row.job(conn, ring)).collect::<Result<_, _>>()?;
    Ok((jobs, total))
}

/// Rows of a job's report in the file's order, those with an outcome where one is named; and how many there are.
///
/// # Errors
/// The database's; [`StoreError::Corrupt`].
pub(super) fn rows(
    conn: &mut Conn,
    ring: &KeyRing,
    job_id: i64,
    outcome: Option<RowOutcome>,
    skip: i64,
    limit: i64,
) -> Result<(Vec<RowReport>, i64), StoreError> {
    let Some(job) = job_row(conn, job_id)? else { return Ok((Vec::new(), 0)) };
    let seal = job.seal_key(conn, ring)?;
    let counts = job.counts()?;
    let total = outcome.map_or_else(|| counts.total(), |outcome| counts.of(outcome));
    let pieces: Vec<(i64, String)> = on!(conn, |c| import_report::table
        .filter(import_report::job_id.eq(job_id))
        .order(import_report::first_row)
        .select((import_report::first_row, import_report::counts))
        .load(c))?;
    let (mut found, mut to_skip) = (Vec::new(), skip);
    let wanted = usize::try_from(limit).unwrap_or(0);
    for (first_row, counts) in pieces {
        let counts: Counts = serde_json::from_str(&counts)?;
        let here = outcome.map_or_else(|| counts.total(), |outcome| counts.of(outcome));
        if here <= to_skip {
            to_skip -= here;
            continue;
        }
        if found.len() >= wanted {
            break;
        }
        let rows = report_piece(conn, &seal, job_id, first_row)?.unwrap_or_default();
        let rows = rows.into_iter().filter(|row| outcome.is_none_or(|outcome| row.outcome == outcome));
        let left = wanted - found.len();
        found.extend(rows.skip(usize::try_from(to_skip).unwrap_or(0)).take(left));
        to_skip = 0;
    }
    Ok((found, total))
}

/// A piece of a report.
fn report_piece(
    conn: &mut Conn,
    seal: &SealKey,
    job_id: i64,
    first_row: i64,
) -> Result<Option<Vec<RowReport>>, StoreError> {
    let sealed: Option<Vec<u8>> = on!(conn, |c| import_report::table
        .find((job_id, first_row))
        .select(import_report::data)
        .first(c)
        .optional())?;
    let Some(sealed) = sealed else { return Ok(None) };
    Ok(Some(serde_json::from_slice(&seal.open(&report_ad(job_id, first_row), &sealed)?)?))
}
