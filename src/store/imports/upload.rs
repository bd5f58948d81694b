//! Uploads, and the jobs that they become.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::{Ad, Checkpoint, JobId, JobKind, JobRow, JobState, job_row, locked_row, of_job};
use crate::clock;
use crate::domain::decide::command::{Actor, KeyUse};
use crate::domain::imports::{ImportPlan, Position, Preset};
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::domain::kernel::time::SECOND_US;
use crate::store::engine::conn::{Conn, SHARED_NOW, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{import_chunk, import_report, job};
use crate::store::entrypoints::lock_row::lock_entrypoint;
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
    pub id: JobId,
    /// The number of pieces.
    pub pieces: i64,
    /// The size in bytes of UTF-8.
    pub bytes: i64,
}

/// A complete file and the plan for its import.
#[derive(Debug)]
pub struct NewImport {
    /// The uploaded file.
    pub upload: Upload,
    /// The plan of the import.
    pub plan: ImportPlan,
    /// The system that the file seems to come from.
    pub preset: Preset,
    /// The request's idempotency key.
    pub key_use: Option<KeyUse>,
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

/// Inserts a job whose file is to come, or that commits a dry run.
pub(super) fn insert(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    actor: &Actor,
    rehearsal: Option<&JobRow>,
) -> Result<JobId, StoreError> {
    let checkpoint = Checkpoint {
        is_dry_run: false,
        preset: Preset::None,
        bytes_total: 0,
        position: Position::default(),
        next_record_id: DRY_RUN_IDS_FROM,
        row_before: None,
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
        now: clock::now(),
    };
    jobs::insert(conn, ring, &new)
}

/// Stores the next piece of a file, as valid UTF-8.
pub(super) fn add(conn: &mut Conn, ring: &KeyRing, upload: Upload, text: &str) -> Result<Upload, StoreError> {
    let id = upload.id;
    let seal = uploading(conn, id)?.seal_key(conn, ring)?;
    let data = seal.seal(&chunk_ad(id.job_id, upload.pieces, upload.bytes), text.as_bytes())?;
    on!(conn, |c| {
        diesel::insert_into(import_chunk::table)
            .values((
                import_chunk::entrypoint_id.eq(id.entrypoint_id),
                import_chunk::upload_id.eq(id.job_id),
                import_chunk::seq.eq(upload.pieces),
                import_chunk::byte_offset.eq(upload.bytes),
                import_chunk::data.eq(&data),
            ))
            .execute(c)
    })?;
    touch(conn, id)?;
    let bytes = upload.bytes + i64::try_from(text.len()).unwrap_or(i64::MAX);
    Ok(Upload { pieces: upload.pieces + 1, bytes, ..upload })
}

/// Notes that a file is still arriving, by the database's clock: an instance whose own clock is ahead would take the file
/// of another for an abandoned one.
fn touch(conn: &mut Conn, id: JobId) -> Result<(), StoreError> {
    match conn {
        Conn::Sqlite(c, ..) => {
            diesel::update(by_id!(id)).set(job::touched_at_us.eq(clock::now().0)).execute(c)?
        }
        Conn::Postgres(c) => {
            diesel::update(by_id!(id)).set(job::touched_at_us.eq(sql::<BigInt>(SHARED_NOW))).execute(c)?
        }
    };
    Ok(())
}

/// The job of an upload, unless the purge removed a slow upload as abandoned.
fn uploading(conn: &mut Conn, id: JobId) -> Result<JobRow, StoreError> {
    let row = job_row(conn, id)?.filter(|row| row.state == JobState::Uploading.name());
    Ok(row.ok_or(Rejection::NotFound)?)
}

/// The text of the piece that contains an offset, and where the piece begins; `None` after the end.
pub(super) fn text_at(
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
pub(super) fn remove(conn: &mut Conn, id: JobId) -> Result<(), StoreError> {
    remove_file(conn, id)?;
    super::dry_run::clear(conn, id)?;
    on!(conn, |c| diesel::delete(of_job!(import_report, job_id, id)).execute(c))?;
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

/// Makes the job of a file, unless the same file has one. `fingerprint` is a keyed hash of the bytes of the file and the
/// options.
pub(super) fn queue(
    conn: &mut Conn,
    ring: &KeyRing,
    new: &NewImport,
    fingerprint: [u8; 32],
    retention_secs: i64,
) -> Result<Queued, StoreError> {
    let id = new.upload.id;
    let queued = once(conn, ring, new, retention_secs, |conn| match earlier(conn, new, fingerprint)? {
        Some(queued) => Ok(queued),
        None => {
            let row = uploading(conn, id)?;
            set_plan(conn, ring, &row, new, fingerprint)
        }
    })?;
    if queued.why != Why::New {
        remove(conn, id)?;
    }
    Ok(queued)
}

/// Makes a job under the lock of the entrypoint, or finds the one that an idempotency key made.
fn once(
    conn: &mut Conn,
    ring: &KeyRing,
    new: &NewImport,
    retention_secs: i64,
    make: impl FnOnce(&mut Conn) -> Result<Queued, StoreError>,
) -> Result<Queued, StoreError> {
    let entrypoint_id = new.upload.id.entrypoint_id;
    // One call at a time in an entrypoint: two uploads of one file must not both find no job.
    let lock_row = lock_entrypoint(conn, entrypoint_id)?;
    let now = clock::now();
    let Some(key_use) = new.key_use else { return make(conn) };
    if let Some(text) = idempotency::text(conn, ring, entrypoint_id, key_use, now)? {
        return Ok(Queued { job_id: serde_json::from_str(&text)?, why: Why::Replayed });
    }
    let queued = make(conn)?;
    let keeping = Keeping {
        key: &*ring.data_key(conn, lock_row.key_id)?,
        kind: KIND,
        now,
        expires_at_us: now.0.saturating_add(retention_secs.saturating_mul(SECOND_US)),
    };
    let text = serde_json::to_vec(&queued.job_id)?;
    idempotency::keep_text(conn, entrypoint_id, key_use, &text, &keeping)?;
    Ok(queued)
}

/// The job of the same file with the same options, if that job is to be used.
fn earlier(conn: &mut Conn, new: &NewImport, fingerprint: [u8; 32]) -> Result<Option<Queued>, StoreError> {
    let options = &new.plan.options;
    // A dry run always starts a new job.
    if options.dry_run {
        return Ok(None);
    }
    let found: Option<(i64, String)> = on!(conn, |c| job::table
        .filter(job::entrypoint_id.eq(new.upload.id.entrypoint_id))
        .filter(job::kind.eq(JobKind::Import.name()))
        .filter(job::fingerprint.eq(fingerprint.as_slice()))
        .order(job::job_id.desc())
        .select((job::job_id, job::state))
        .first(c)
        .optional())?;
    let Some((job_id, state)) = found else { return Ok(None) };
    if options.again && state == JobState::Finished.name() {
        return Ok(None);
    }
    asked_again(conn, JobId { job_id, ..new.upload.id }, &state)
}

/// The effect of requesting a job again: a stopped job resumes.
fn asked_again(conn: &mut Conn, id: JobId, state: &str) -> Result<Option<Queued>, StoreError> {
    let why = match state.parse().ok() {
        Some(JobState::Queued | JobState::Running) => {
            // If the worker has not seen the request to stop yet, withdraw it.
            on!(conn, |c| diesel::update(by_id!(id).filter(job::cancel_asked.eq(true)))
                .set(job::cancel_asked.eq(false))
                .execute(c))?;
            Why::Same
        }
        Some(JobState::Finished) => Why::Report,
        Some(JobState::Cancelled | JobState::Failed) => {
            lease::resume(conn, id)?;
            Why::Resumed
        }
        _ => return Ok(None),
    };
    Ok(Some(Queued { job_id: id.job_id, why }))
}

/// Queues a job with its plan.
fn set_plan(
    conn: &mut Conn,
    ring: &KeyRing,
    row: &JobRow,
    new: &NewImport,
    fingerprint: [u8; 32],
) -> Result<Queued, StoreError> {
    let plan = seal_plan(row.id(), &row.seal_key(conn, ring)?, &new.plan)?;
    let checkpoint = Checkpoint {
        is_dry_run: new.plan.options.dry_run,
        preset: new.preset,
        bytes_total: new.upload.bytes,
        position: new.plan.start,
        ..row.checkpoint()?
    };
    let checkpoint = serde_json::to_string(&checkpoint)?;
    on!(conn, |c| diesel::update(by_id!(row.id()))
        .set((
            job::state.eq(JobState::Queued.name()),
            job::fingerprint.eq(fingerprint.as_slice()),
            job::plan.eq(&plan),
            job::checkpoint.eq(&checkpoint),
            job::queued_at_us.eq(clock::now().0),
        ))
        .execute(c))?;
    Ok(Queued { job_id: row.job_id, why: Why::New })
}

/// Checks that the file of a dry run is there: an erase removes the files of imports that are over.
///
/// # Errors
/// [`Rejection::State`]; the database's.
fn must_have_file(conn: &mut Conn, id: JobId) -> Result<(), StoreError> {
    let first: Option<i64> =
        on!(conn, |c| of_job!(import_chunk, upload_id, id).select(import_chunk::seq).first(c).optional())?;
    if first.is_some() {
        return Ok(());
    }
    let message = "has no file any more: an erase of a customer removed it. Send the file again";
    Err(Rejection::State(vec![Problem::parameter("jobId", "file_removed", message)]).into())
}

/// Makes the job that carries out a finished dry run, whose file `new` names.
pub(super) fn commit(
    conn: &mut Conn,
    ring: &KeyRing,
    new: &NewImport,
    fingerprint: [u8; 32],
    actor: &Actor,
    retention_secs: i64,
) -> Result<Queued, StoreError> {
    let rehearsal = locked_row(conn, new.upload.id)?.ok_or(Rejection::NotFound)?;
    let place = rehearsal.entrypoint_id;
    once(conn, ring, new, retention_secs, |conn| {
        // A dry run commits once. A second call gets the first job and resumes it if it was stopped.
        let before: Option<(i64, String)> = on!(conn, |c| job::table
            .filter(job::entrypoint_id.eq(place))
            .filter(job::kind.eq(JobKind::Import.name()))
            .filter(job::parent_id.eq(rehearsal.job_id))
            .select((job::job_id, job::state))
            .first(c)
            .optional())?;
        if let Some((job_id, state)) = before {
            let id = JobId { entrypoint_id: place, job_id };
            if matches!(state.parse(), Ok(JobState::Cancelled | JobState::Failed)) {
                must_have_file(conn, rehearsal.id())?;
            }
            return asked_again(conn, id, &state)?.ok_or_else(|| Rejection::Defect.into());
        }
        if let Some(queued) = earlier(conn, new, fingerprint)? {
            return Ok(queued);
        }
        must_have_file(conn, rehearsal.id())?;
        let id = insert(conn, ring, place, actor, Some(&rehearsal))?;
        let row = job_row(conn, id)?.ok_or(Rejection::Defect)?;
        set_plan(conn, ring, &row, new, fingerprint)
    })
}
