//! Imports in the database: uploads in sealed pieces, jobs with checkpoints, and reports by row.
//!
//! A step of an import is one transaction: its rows run as creates, and the same transaction saves report, checkpoint
//! and lease. So a killed process always stops between two steps.

mod dry_run;
mod erasing;
mod handle;
mod intake;
mod step;
mod upload;
mod work;

pub(super) use self::dry_run::DryRunRecords;
pub(super) use self::erasing::erase;
pub use self::intake::{FileIntake, IntakeError};
pub use self::step::StepRow;
pub use self::upload::{NewImport, Queued, Upload, Why};
pub use self::work::ImportLease;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::schema::import_report;
use super::jobs::lease::Lease;
use super::jobs::{JobId, JobKind, JobRow, of_job};
use super::keys::keyring::KeyRing;
use crate::domain::decide::working_set::RowBefore;
use crate::domain::imports::{
    Counts, ImportJob, JobState, Position, Preset, Rejections, RowOutcome, RowReport,
};
use crate::vault::{Ad, SealKey};

/// The progress of an import: the unsealed part.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Checkpoint {
    is_dry_run: bool,
    preset: Preset,
    bytes_total: i64,
    /// The import has done everything before this position.
    #[serde(flatten)]
    position: Position,
    /// The id of the next new dry-run record.
    next_record_id: i64,
    /// The customer of the row before this position: its further rows add addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    row_before: Option<RowBefore>,
}

/// The job that owns the file: this job, or the dry run that it commits.
fn upload_id(row: &JobRow) -> JobId {
    JobId { job_id: row.parent_id.unwrap_or(row.job_id), ..row.id() }
}

fn read_rejections(row: &JobRow, seal: &SealKey) -> Result<Rejections, StoreError> {
    let Some(sealed) = &row.errors else { return Ok(Rejections::default()) };
    Ok(serde_json::from_slice(&seal.open(&errors_ad(row.job_id, row.done), sealed)?)?)
}

fn read_job(conn: &mut Conn, ring: &KeyRing, row: &JobRow) -> Result<ImportJob, StoreError> {
    let seal = row.seal_key(conn, ring)?;
    let checkpoint: Checkpoint = row.checkpoint()?;
    let (queued_at, started_at, ended_at) = row.times();
    Ok(ImportJob {
        id: row.job_id,
        entrypoint_id: row.entrypoint_id,
        state: row.state()?,
        is_dry_run: checkpoint.is_dry_run,
        rehearsal_id: row.parent_id,
        plan: row.plan(&seal)?,
        preset: checkpoint.preset,
        rows_read: row.done,
        counts: row.counts()?,
        bytes_read: i64::try_from(checkpoint.position.offset).unwrap_or(i64::MAX),
        bytes_total: checkpoint.bytes_total,
        rejections: read_rejections(row, &seal)?,
        failure: row.failure.clone(),
        queued_at,
        started_at,
        ended_at,
    })
}

fn errors_ad(job_id: i64, rows_read: i64) -> Ad {
    Ad::new("import_errors", &[job_id, rows_read])
}

fn report_ad(job_id: i64, first_row: i64) -> Ad {
    Ad::new("import_report", &[job_id, first_row])
}

fn job_row(conn: &mut Conn, id: JobId) -> Result<Option<JobRow>, StoreError> {
    super::jobs::row(conn, JobKind::Import, id)
}

/// The job with an id, locked until the transaction ends.
fn locked_row(conn: &mut Conn, id: JobId) -> Result<Option<JobRow>, StoreError> {
    super::jobs::locked_row(conn, JobKind::Import, id)
}

fn rows(
    conn: &mut Conn,
    ring: &KeyRing,
    id: JobId,
    outcome: Option<RowOutcome>,
    skip: i64,
    limit: i64,
) -> Result<(Vec<RowReport>, i64), StoreError> {
    let Some(job) = job_row(conn, id)? else { return Ok((Vec::new(), 0)) };
    let seal = job.seal_key(conn, ring)?;
    let counts: Counts = job.counts()?;
    let total = outcome.map_or_else(|| counts.total(), |outcome| counts.of(outcome));
    let pieces: Vec<(i64, String)> = on!(conn, |c| of_job!(import_report, job_id, id)
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
        let rows = report_piece(conn, &seal, id, first_row)?.unwrap_or_default();
        let rows = rows.into_iter().filter(|row| outcome.is_none_or(|outcome| row.outcome == outcome));
        let left = wanted - found.len();
        found.extend(rows.skip(usize::try_from(to_skip).unwrap_or(0)).take(left));
        to_skip = 0;
    }
    Ok((found, total))
}

/// One piece of a report.
fn report_piece(
    conn: &mut Conn,
    seal: &SealKey,
    id: JobId,
    first_row: i64,
) -> Result<Option<Vec<RowReport>>, StoreError> {
    let sealed: Option<Vec<u8>> = on!(conn, |c| import_report::table
        .find((id.entrypoint_id, id.job_id, first_row))
        .select(import_report::data)
        .first(c)
        .optional())?;
    let Some(sealed) = sealed else { return Ok(None) };
    Ok(Some(serde_json::from_slice(&seal.open(&report_ad(id.job_id, first_row), &sealed)?)?))
}
