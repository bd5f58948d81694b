//! A file on its way in, and the job that it becomes.

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

/// The kind of an idempotency row that stands for an import.
const KIND: &str = "import";
/// Where the ids of a dry run's would-be customers begin: beyond all that are given away.
pub(super) const DRY_RUN_IDS_FROM: i64 = 1 << 52;

/// A file on its way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upload {
    /// The id of the job that it may become.
    pub job_id: i64,
    /// Whose customers it brings.
    pub entrypoint_id: i64,
    /// How many pieces there are.
    pub pieces: i64,
    /// How many bytes of UTF-8 there are.
    pub bytes: i64,
}

impl Upload {
    pub(super) fn id(&self) -> JobId {
        JobId { entrypoint_id: self.entrypoint_id, job_id: self.job_id }
    }
}

/// Which job a file came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    /// The job.
    pub job_id: i64,
    /// How it came to be that one.
    pub why: Why,
}

/// How a file came to its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is new.
    New,
    /// The same file with the same options is queued or running already.
    Same,
    /// The same file with the same options was imported before: its report again.
    Report,
    /// The same file with the same options was stopped half-way, and goes on.
    Resumed,
    /// The same request with the same idempotency key came before.
    Replayed,
}

fn chunk_ad(upload_id: i64, seq: i64, offset: i64) -> Ad {
    Ad::new("import_chunk", &[upload_id, seq, offset])
}

/// Makes a place for a file.
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

/// Takes the next piece of a file, as clean UTF-8.
pub(crate) fn add(
    conn: &mut Conn,
    ring: &KeyRing,
    upload: Upload,
    text: &str,
    now: Micros,
) -> Result<Upload, StoreError> {
    let job = job_row(conn, upload.id())?;
    // A slow upload may have been taken for an abandoned one.
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

/// The text of the piece in which a byte of a file stands, and where that piece begins; `None` behind the end.
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

/// Removes a job with all that hangs on it.
pub(crate) fn remove(conn: &mut Conn, id: JobId) -> Result<(), StoreError> {
    remove_file(conn, id)?;
    super::dry_run::clear(conn, id)?;
    on!(conn, |c| {
        use crate::store::engine::schema::import_report;
        diesel::delete(of_job!(import_report, job_id, id)).execute(c)
    })?;
    jobs::remove(conn, id)
}

/// Removes the pieces of a file that end before an offset. Step by step it takes nobody's time; at the end of a large
/// import it would be hundreds of megabytes at once.
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

/// A file that is wholly there, with what is to be done with it.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub upload: Upload,
    pub plan: ImportPlan,
    pub preset: Preset,
    /// Keyed hash of the file's bytes and the options.
    pub fingerprint: [u8; 32],
    pub key_use: Option<KeyUse>,
}

/// Makes a file's job, unless the same file has one.
pub(crate) fn queue(
    conn: &mut Conn,
    ring: &KeyRing,
    wanted: &Wanted,
    now: Micros,
    retention_secs: i64,
) -> Result<Queued, StoreError> {
    let upload = wanted.upload;
    // One at a time in an entrypoint: two uploads of one file must not both find that there is no job.
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

/// The job of the same file with the same options, if it is to be that one.
fn earlier(conn: &mut Conn, wanted: &Wanted) -> Result<Option<Queued>, StoreError> {
    let options = &wanted.plan.options;
    // A dry run always runs anew.
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

/// What asking for a job again does to it: one that was stopped goes on.
fn asked_again(conn: &mut Conn, id: JobId, state: &str) -> Result<Option<Why>, StoreError> {
    Ok(match state.parse().ok() {
        Some(JobState::Queued | JobState::Running) => {
            // Nor is it stopped any more if its worker has not heard of it yet.
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

/// A dry run that is to be done for real; `plan` and `fingerprint` are those of an import of the same file.
pub(crate) struct Commit {
    pub rehearsal: JobId,
    pub plan: ImportPlan,
    pub fingerprint: [u8; 32],
    pub actor: Actor,
    pub key_use: Option<KeyUse>,
}

/// Makes the job that does what a finished dry run rehearsed.
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
    // Committed once; a second call is told of the first, and takes it up where it was stopped.
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
    Ok(text.map(|text| serde_json::from_slice(&text)).transpose()?)
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
