//! Uploads, and the jobs that they become.

use diesel::prelude::*;

use super::{Ad, Checkpoint, JobId, JobKind, JobRow, JobState, job_row, locked_row, of_job};
use crate::domain::decide::command::{Actor, KeyUse};
use crate::domain::imports::{ImportPlan, Position, Preset};
use crate::domain::kernel::problem::Rejection;
use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{import_chunk, job};
use crate::store::entrypoints::lock_row::{Waiting, lock_entrypoints};
use crate::store::idempotency::{self, Keeping};
use crate::store::jobs::lease;
use crate::store::jobs::{self, NewJob, by_id, seal_plan};
use crate::store::keys::keyring::KeyRing;

/// The kind of an idempotency record for an import.
const KIND: &str = "import";
/// The first id for new dry-run records, above all ids of real customers.
pub(super) const DRY_RUN_IDS_FROM: i64 = 1 << 52;

/// An upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upload {
    /// The id of the later job.
    pub job_id: i64,
    /// The entrypoint of the customers.
    pub entrypoint_id: i64,
    /// The number of pieces.
    pub pieces: i64,
    /// The size in bytes of UTF-8.
    pub bytes: i64,
}

impl Upload {
    pub(super) fn id(&self) -> JobId {
        JobId { entrypoint_id: self.entrypoint_id, job_id: self.job_id }
    }
}

/// The job of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    /// The job.
    pub job_id: i64,
    /// How the file got this job.
    pub why: Why,
}

/// How a file got its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The job is new.
    New,
    /// The same file with the same options is already queued or running.
    Same,
    /// The same file with the same options was imported before; the job has its report.
    Report,
    /// The import of the same file with the same options was stopped, and now resumes.
    Resumed,
    /// A request with the same idempotency key came before.
    Replayed,
}

fn chunk_ad(upload_id: i64, seq: i64, offset: i64) -> Ad {
    Ad::new("import_chunk", &[upload_id, seq, offset])
}

/// Begins an upload.
pub(crate) fn begin(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    actor: &Actor,
    now: Micros,
) -> Result<Upload, StoreError> {
    let id = insert(conn, ring, entrypoint_id, actor, None, now)?;
    Ok(Upload { job_id: id.job_id, entrypoint_id, pieces: 0, bytes: 0 })
}

fn insert(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    actor: &Actor,
    rehearsal: Option<&JobRow>,
    now: Micros,
) -> Result<JobId, StoreError> {
    let start = Position::default();
    let checkpoint = Checkpoint {
        is_dry_run: false,
        preset: Preset::None,
        bytes_total: 0,
        offset: start.offset,
        line: start.line,
        next_record_id: DRY_RUN_IDS_FROM,
    };
    let new = NewJob {
        kind: JobKind::Import,
        entrypoint_id,
        state: JobState::Uploading,
        actor,
        parent: rehearsal,
        checkpoint: serde_json::to_string(&checkpoint)?,
        total: None,
        counts: "{\"rows\":{}}",
        now,
    };
    jobs::insert(conn, ring, &new)
}

/// Stores the next piece of a file, as valid UTF-8.
pub(crate) fn add(
    conn: &mut Conn,
    ring: &KeyRing,
    upload: Upload,
    text: &str,
    now: Micros,
) -> Result<Upload, StoreError> {
    let job = job_row(conn, upload.id())?;
    // The purge may have removed a slow upload as abandoned.
    let job = job.filter(|job| job.state == JobState::Uploading.name()).ok_or(Rejection::NotFound)?;
    let seal = job.seal_key(conn, ring)?;
    let data = seal.seal(&chunk_ad(upload.job_id, upload.pieces, upload.bytes), text.as_bytes())?;
    on!(conn, |c| {
        diesel::insert_into(import_chunk::table)
            .values((
                import_chunk::entrypoint_id.eq(upload.entrypoint_id),
                import_chunk::upload_id.eq(upload.job_id),
                import_chunk::seq.eq(upload.pieces),
                import_chunk::byte_offset.eq(upload.bytes),
                import_chunk::data.eq(&data),
            ))
            .execute(c)?;
        diesel::update(by_id!(upload.id())).set(job::touched_at_us.eq(now.0)).execute(c)
    })?;
    let bytes = upload.bytes + i64::try_from(text.len()).unwrap_or(i64::MAX);
    Ok(Upload { pieces: upload.pieces + 1, bytes, ..upload })
}

/// The text of the piece that contains an offset, and where the piece begins; `None` after the end.
pub(crate) fn text_at(
    conn: &mut Conn,
    ring: &KeyRing,
    id: JobId,
    offset: i64,
) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
    let piece: Option<(i64, i64, Vec<u8>)> = on!(conn, |c| of_job!(import_chunk, upload_id, id)
        .filter(import_chunk::byte_offset.le(offset))
        .order(import_chunk::seq.desc())
        .select((import_chunk::seq, import_chunk::byte_offset, import_chunk::data))
        .first(c)
        .optional())?;
    let Some((seq, begin, data)) = piece else { return Ok(None) };
    let Some(job) = job_row(conn, id)? else { return Ok(None) };
    let text = job.seal_key(conn, ring)?.open(&chunk_ad(id.job_id, seq, begin), &data)?;
    let is_behind = offset >= begin + i64::try_from(text.len()).unwrap_or(i64::MAX);
    Ok((!is_behind).then(|| (begin, text.to_vec())))
}

/// Removes a job and all its data.
pub(crate) fn remove(conn: &mut Conn, id: JobId) -> Result<(), StoreError> {
    remove_file(conn, id)?;
    super::dry_run::clear(conn, id)?;
    on!(conn, |c| {
        use crate::store::engine::schema::import_report;
        diesel::delete(of_job!(import_report, job_id, id)).execute(c)
    })?;
    jobs::remove(conn, id)
}

/// Removes the pieces of a file before an offset. Removal after each step avoids one removal of hundreds of megabytes
/// at the end of a large import.
pub(super) fn remove_before(conn: &mut Conn, id: JobId, offset: u64) -> Result<(), StoreError> {
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    let last: Option<i64> = on!(conn, |c| of_job!(import_chunk, upload_id, id)
        .filter(import_chunk::byte_offset.le(offset))
        .order(import_chunk::seq.desc())
        .select(import_chunk::seq)
        .first(c)
        .optional())?;
    let Some(last) = last else { return Ok(()) };
    on!(conn, |c| diesel::delete(of_job!(import_chunk, upload_id, id).filter(import_chunk::seq.lt(last)))
        .execute(c))?;
    Ok(())
}

/// Removes a file.
pub(super) fn remove_file(conn: &mut Conn, id: JobId) -> Result<(), StoreError> {
    on!(conn, |c| diesel::delete(of_job!(import_chunk, upload_id, id)).execute(c))?;
    Ok(())
}

/// A complete file and the plan for its import.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub upload: Upload,
    pub plan: ImportPlan,
    pub preset: Preset,
    /// Keyed hash of the bytes of the file and the options.
    pub fingerprint: [u8; 32],
    pub key_use: Option<KeyUse>,
}

/// Makes the job of a file, unless the same file has one.
pub(crate) fn queue(
    conn: &mut Conn,
    ring: &KeyRing,
    wanted: &Wanted,
    now: Micros,
    retention_secs: i64,
) -> Result<Queued, StoreError> {
    let upload = wanted.upload;
    // One call at a time in an entrypoint: two uploads of one file must not both find no job.
    lock_entrypoints(conn, &[upload.entrypoint_id], Waiting::Wait)?;
    if let Some(key_use) = wanted.key_use
        && let Some(job_id) = known(conn, ring, upload.entrypoint_id, key_use, now)?
    {
        remove(conn, upload.id())?;
        return Ok(Queued { job_id, why: Why::Replayed });
    }
    let queued = match earlier(conn, wanted)? {
        Some(queued) => {
            remove(conn, upload.id())?;
            queued
        }
        None => {
            let row = job_row(conn, upload.id())?;
            let row = row.filter(|row| row.state == JobState::Uploading.name()).ok_or(Rejection::NotFound)?;
            set_plan(conn, ring, &row, wanted, now)?;
            Queued { job_id: upload.job_id, why: Why::New }
        }
    };
    if let Some(key_use) = wanted.key_use {
        keep(conn, ring, upload.entrypoint_id, key_use, queued.job_id, now, retention_secs)?;
    }
    Ok(queued)
}

/// The job of the same file with the same options, if that job is to be used.
fn earlier(conn: &mut Conn, wanted: &Wanted) -> Result<Option<Queued>, StoreError> {
    let options = &wanted.plan.options;
    // A dry run always starts a new job.
    if options.dry_run {
        return Ok(None);
    }
    let found: Option<(i64, String)> = on!(conn, |c| job::table
        .filter(job::entrypoint_id.eq(wanted.upload.entrypoint_id))
        .filter(job::kind.eq(JobKind::Import.name()))
        .filter(job::fingerprint.eq(wanted.fingerprint.as_slice()))
        .order(job::job_id.desc())
        .select((job::job_id, job::state))
        .first(c)
        .optional())?;
    let Some((job_id, state)) = found else { return Ok(None) };
    if options.again && state == JobState::Finished.name() {
        return Ok(None);
    }
    let id = JobId { job_id, ..wanted.upload.id() };
    Ok(asked_again(conn, id, &state)?.map(|why| Queued { job_id, why }))
}

/// The effect of requesting a job again: a stopped job resumes.
fn asked_again(conn: &mut Conn, id: JobId, state: &str) -> Result<Option<Why>, StoreError> {
    Ok(match state.parse().ok() {
        Some(JobState::Queued | JobState::Running) => {
            // If the worker has not seen the request to stop yet, withdraw it.
            on!(conn, |c| diesel::update(by_id!(id).filter(job::cancel_asked.eq(true)))
                .set(job::cancel_asked.eq(false))
                .execute(c))?;
            Some(Why::Same)
        }
        Some(JobState::Finished) => Some(Why::Report),
        Some(JobState::Cancelled | JobState::Failed) => {
            lease::resume(conn, id)?;
            Some(Why::Resumed)
        }
        _ => None,
    })
}

fn set_plan(
    conn: &mut Conn,
    ring: &KeyRing,
    row: &JobRow,
    wanted: &Wanted,
    now: Micros,
) -> Result<(), StoreError> {
    let plan = seal_plan(row.id(), &row.seal_key(conn, ring)?, &wanted.plan)?;
    let start = wanted.plan.start;
    let checkpoint = Checkpoint {
        is_dry_run: wanted.plan.options.dry_run,
        preset: wanted.preset,
        bytes_total: wanted.upload.bytes,
        offset: start.offset,
        line: start.line,
        ..row.checkpoint()?
    };
    let checkpoint = serde_json::to_string(&checkpoint)?;
    on!(conn, |c| diesel::update(by_id!(row.id()))
        .set((
            job::state.eq(JobState::Queued.name()),
            job::fingerprint.eq(wanted.fingerprint.as_slice()),
            job::plan.eq(&plan),
            job::checkpoint.eq(&checkpoint),
            job::queued_at_us.eq(now.0),
        ))
        .execute(c))?;
    Ok(())
}

/// A dry run to commit; `plan` and `fingerprint` are those of an import of the same file.
pub(crate) struct Commit {
    pub rehearsal: JobId,
    pub plan: ImportPlan,
    pub fingerprint: [u8; 32],
    pub actor: Actor,
    pub key_use: Option<KeyUse>,
}

/// Makes the job that carries out a finished dry run.
pub(crate) fn commit(
    conn: &mut Conn,
    ring: &KeyRing,
    commit: Commit,
    now: Micros,
    retention_secs: i64,
) -> Result<Queued, StoreError> {
    let Commit { rehearsal, plan, fingerprint, actor, key_use } = commit;
    let rehearsal = locked_row(conn, rehearsal)?.ok_or(Rejection::NotFound)?;
    let place = rehearsal.entrypoint_id;
    lock_entrypoints(conn, &[place], Waiting::Wait)?;
    if let Some(key_use) = key_use
        && let Some(job_id) = known(conn, ring, place, key_use, now)?
    {
        return Ok(Queued { job_id, why: Why::Replayed });
    }
    // A dry run commits once. A second call gets the first job and resumes it if it was stopped.
    let before: Option<(i64, String)> = on!(conn, |c| job::table
        .filter(job::entrypoint_id.eq(place))
        .filter(job::kind.eq(JobKind::Import.name()))
        .filter(job::parent_id.eq(rehearsal.job_id))
        .select((job::job_id, job::state))
        .first(c)
        .optional())?;
    let Checkpoint { bytes_total, preset, .. } = rehearsal.checkpoint()?;
    let upload = Upload { job_id: rehearsal.job_id, entrypoint_id: place, pieces: 0, bytes: bytes_total };
    let wanted = Wanted { upload, plan, preset, fingerprint, key_use };
    let queued = match before {
        Some((job_id, state)) => {
            let id = JobId { entrypoint_id: place, job_id };
            let why = asked_again(conn, id, &state)?.ok_or(Rejection::Defect)?;
            Queued { job_id, why }
        }
        None => match earlier(conn, &wanted)? {
            Some(queued) => queued,
            None => {
                let id = insert(conn, ring, place, &actor, Some(&rehearsal), now)?;
                let row = job_row(conn, id)?.ok_or(Rejection::Defect)?;
                set_plan(conn, ring, &row, &wanted, now)?;
                Queued { job_id: id.job_id, why: Why::New }
            }
        },
    };
    if let Some(key_use) = key_use {
        keep(conn, ring, place, key_use, queued.job_id, now, retention_secs)?;
    }
    Ok(queued)
}

/// The job that an idempotency key made.
fn known(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    key_use: KeyUse,
    now: Micros,
) -> Result<Option<i64>, StoreError> {
    let text = idempotency::text(conn, ring, entrypoint_id, key_use, now)?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

fn keep(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    key_use: KeyUse,
    job_id: i64,
    now: Micros,
    retention_secs: i64,
) -> Result<(), StoreError> {
    let key_id: i64 = on!(conn, |c| {
        use crate::store::engine::schema::entrypoint_lock;
        entrypoint_lock::table.find(entrypoint_id).select(entrypoint_lock::key_id).first(c)
    })?;
    let keeping = Keeping {
        key: &*ring.data_key(conn, key_id)?,
        kind: KIND,
        now,
        expires_at_us: now.0.saturating_add(retention_secs.saturating_mul(SECOND_US)),
    };
    idempotency::keep_text(conn, entrypoint_id, key_use, &serde_json::to_vec(&job_id)?, &keeping)
}
