//! One step of an import: some rows, their results, the checkpoint and the lease, in one transaction (rules 9).

use std::collections::BTreeSet;

use diesel::prelude::*;

use super::upload::DRY_RUN_IDS_FROM;
use super::{
    Checkpoint, DryRunRecords, ImportLease, JobId, JobRow, dry_run, errors_ad, job_row, of_job,
    read_rejections, report_ad, report_piece, upload, upload_id,
};
use crate::domain::accounts::sight::Sight;
use crate::domain::customers::history::{FieldChange, difference};
use crate::domain::customers::identifier::{IdField, Identifier};
use crate::domain::decide::command::{Command, Outcome, Verdict};
use crate::domain::decide::delivery::{ItemAnswer, ItemResult, Reason};
use crate::domain::decide::working_set::RowBefore;
use crate::domain::imports::{
    ColumnUse, Counts, ImportPlan, JobState, Mapping, OnError, Position, RowNote, RowOutcome, RowReport,
    Target, payment_note, rejection_notes,
};
use crate::domain::kernel::problem::{Rejection, Tells};
use crate::store::customers::load::Loaded;
use crate::store::customers::save::save;
use crate::store::customers::tx::EntrypointTx;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::import_report;
use crate::store::jobs::StepDone;
use crate::store::jobs::lease::{self, Advance};
use crate::store::keys::keyring::KeyRing;
use crate::vault::{Plain, SealKey};

/// A parsed row.
#[derive(Debug, Clone)]
pub struct StepRow {
    /// The physical line of its first byte.
    pub line: u64,
    /// The position of the next row.
    pub end: Position,
    /// The create of the row, or why there is none.
    pub command: Result<Command, Vec<RowNote>>,
    /// Warnings about values that were left out.
    pub warnings: Vec<RowNote>,
    /// The cells, which the report keeps if the row is rejected.
    pub cells: Vec<String>,
}

/// Imports some rows.
///
/// # Errors
/// Database errors; the step then saves nothing.
pub(super) fn step(
    conn: &mut Conn,
    ring: &KeyRing,
    lease: &ImportLease,
    rows_before: i64,
    rows: &[StepRow],
    is_last: bool,
) -> Result<StepDone, StoreError> {
    let (id, place) = (lease.lease.id, lease.job.entrypoint_id);
    let is_dry_run = lease.job.is_dry_run;
    // A dry run changes no customers and needs no lock.
    let tx = if is_dry_run { EntrypointTx::unlocked(conn, place)? } else { EntrypointTx::lock(conn, place)? };
    let now = tx.now;
    let held = lease::held(conn, &lease.lease)?.filter(|row| row.done == rows_before);
    let Some(row) = held else { return Ok(StepDone::Over) };
    if row.cancel_asked {
        lease::end(conn, id, JobState::Cancelled, None, now)?;
        dry_run::clear(conn, id)?;
        return Ok(StepDone::Over);
    }
    let seal = row.seal_key(conn, ring)?;
    let mut checkpoint: Checkpoint = row.checkpoint()?;
    let commands: Vec<&Command> = rows.iter().filter_map(|row| row.command.as_ref().ok()).collect();
    let mut loaded = if is_dry_run {
        // Use the key of the file: the key of the entrypoint may rotate between two steps.
        let key = ring.data_key(conn, row.key_id)?;
        let by_fields = rows_name_identifiers(&lease.job.plan);
        let dry_run_records = DryRunRecords::new(id, row.seal_key(conn, ring)?, key, by_fields);
        tx.rehearse(conn, ring, &commands, dry_run_records, checkpoint.next_record_id)?
    } else {
        tx.load(conn, ring, &commands)?
    };
    let stops = lease.job.plan.options.on_error == OnError::Stop;
    let mut reports = Vec::with_capacity(rows.len());
    let mut stopped_at = None;
    loaded.working_set.row_before = checkpoint.row_before;
    for row in rows {
        let report = decide_row(conn, ring, &mut loaded, row)?;
        checkpoint.position = row.end;
        let is_rejected = report.outcome == RowOutcome::Rejected;
        reports.push(report);
        if is_rejected && stops {
            stopped_at = Some(row.line);
            break;
        }
    }
    checkpoint.row_before = loaded.working_set.row_before;
    mark_changes_since(conn, ring, &row, &mut reports)?;
    if is_dry_run {
        let named = lease.job.plan.options.identifier_fields.iter();
        let named: Vec<IdField> = named.filter_map(|name| IdField::parse(name).ok()).collect();
        let one_off = (!named.is_empty()).then(|| Identifier::new(named));
        if let Some(dry_run_records) = &loaded.dry_run_records {
            dry_run_records.save(conn, &loaded.working_set, one_off.as_ref())?;
            dry_run_records.save_transactions(conn, &loaded.working_set, &loaded.keys.new)?;
        }
        checkpoint.next_record_id = loaded.working_set.ids_left().start;
    } else {
        loaded.cause = Some(format!("import:{}", id.job_id));
        save(conn, ring, &mut loaded, 0)?;
    }
    let mut counts = Counts::default();
    for report in &reports {
        counts.add(report);
    }
    if !reports.is_empty() {
        keep_report(conn, &seal, &row, &counts, &reports)?;
    }
    let over = match stopped_at {
        Some(_) => Some(JobState::Failed),
        None if is_last => Some(JobState::Finished),
        None => None,
    };
    let rows_read = row.done + counts.total();
    let mut all: Counts = row.counts()?;
    all.join(&counts);
    let errors = rejections(&row, &seal, &reports, rows_read)?;
    let failure = stopped_at.map(|line| {
        format!(
            "stopped at line {line} because of onError=stop; send the same file again to continue after that row"
        )
    });
    let counts = serde_json::to_string(&all)?;
    let went = Advance { checkpoint: &checkpoint, done: rows_read, counts, errors, failure, over };
    lease::advance(conn, id, went, now)?;
    clear(conn, &row, &checkpoint, over)?;
    Ok(if over.is_some() { StepDone::Over } else { StepDone::Went(reports.len()) })
}

/// Whether the file has a column that names the identifiers of a row.
fn rows_name_identifiers(plan: &ImportPlan) -> bool {
    let names =
        |usage: &ColumnUse| matches!(usage, ColumnUse::Fills { target: Target::IdentifierFields, .. });
    let mapping = Mapping::of(plan.header.iter().map(String::as_str), &plan.options);
    mapping.is_ok_and(|mapping| mapping.columns().iter().any(|column| names(&column.usage)))
}

/// Removes the data that is no longer needed after a step, and after the end of the job.
fn clear(
    conn: &mut Conn,
    row: &JobRow,
    checkpoint: &Checkpoint,
    over: Option<JobState>,
) -> Result<(), StoreError> {
    if !checkpoint.is_dry_run {
        upload::remove_before(conn, upload_id(row), checkpoint.position.offset)?;
    }
    let Some(state) = over else { return Ok(()) };
    dry_run::clear(conn, row.id())?;
    // The commit of a dry run imports its file again, and a stopped import may resume.
    if state == JobState::Finished && !checkpoint.is_dry_run {
        upload::remove_file(conn, upload_id(row))?;
    }
    Ok(())
}

fn decide_row(
    conn: &mut Conn,
    ring: &KeyRing,
    loaded: &mut Loaded,
    row: &StepRow,
) -> Result<RowReport, StoreError> {
    let rejected = |problems: Vec<RowNote>| RowReport {
        problems,
        warnings: row.warnings.clone(),
        cells: row.cells.clone(),
        ..RowReport::new(row.line, RowOutcome::Rejected)
    };
    let command = match &row.command {
        Ok(command) => command,
        Err(notes) => return Ok(rejected(notes.clone())),
    };
    let before = loaded.working_set.revisions().len();
    let events_before = loaded.working_set.events().len();
    let answer = match loaded.decide(conn, ring, command)? {
        Ok(answer) => answer,
        Err(StoreError::Rejected(rejection)) => {
            let mut notes = rejection_notes(&rejection);
            if loaded.dry_run_records.is_some() {
                notes.iter_mut().for_each(name_no_dry_run_id);
            }
            return Ok(rejected(notes));
        }
        Err(error) => {
            tracing::error!(%error, line = row.line, "cannot decide a row");
            return Ok(rejected(rejection_notes(&Rejection::Defect)));
        }
    };
    // The report keeps everything; each reader sees a part of it.
    let seen = answer.seen_by(Sight::FULL);
    if let Outcome::Ingested(answers) = &seen.outcome {
        let answer =
            answers.first().ok_or_else(|| StoreError::Bug("a row of transactions has no outcome".into()))?;
        let events = loaded.working_set.events().skip(events_before);
        let own = events.filter(|event| event.subject_id == answer.trans_id).flat_map(|event| &event.changed);
        let changed =
            own.filter(|name| !OF_CUSTOMERS.contains(name)).map(|name| (*name).to_owned()).collect();
        return Ok(RowReport { changed, ..payment_report(row, answer) });
    }
    let Outcome::Created { verdict, id, matched_on, differs, .. } = seen.outcome else {
        return Err(StoreError::Bug("the outcome of a row is not that of a create".into()));
    };
    let changes: Vec<FieldChange> = loaded
        .working_set
        .revisions()
        .get(before..)
        .unwrap_or_default()
        .iter()
        .filter_map(|revision| revision.before.as_ref().map(|before| (before, &revision.after)))
        .flat_map(|(before, after)| difference(Some(&before.customer), &after.customer))
        .collect();
    let mut changed: Vec<String> = changes.iter().map(|change| change.field.clone()).collect();
    // What hangs on a new customer is as new as its fields.
    if !matches!(verdict, Verdict::Created | Verdict::Forced) {
        let lists: BTreeSet<&str> =
            loaded.working_set.events().skip(events_before).map(|event| event.kind.list()).collect();
        changed.extend(lists.into_iter().map(str::to_owned));
    }
    let is_new = |before: RowBefore| before.id == id && before.is_new;
    let is_new = matches!(verdict, Verdict::Created | Verdict::Forced)
        || loaded.working_set.row_before.is_some_and(is_new);
    loaded.working_set.row_before = Some(RowBefore { id, is_new });
    let outcome = RowOutcome::from(verdict);
    Ok(RowReport {
        customer_id: (id < DRY_RUN_IDS_FROM).then_some(id),
        matched_on: matched_on.unwrap_or_default(),
        changed,
        differs,
        emptied: i64::try_from(changes.iter().filter(|change| change.to.is_none()).count()).unwrap_or(0),
        warnings: row.warnings.clone(),
        ..RowReport::new(row.line, outcome)
    })
}

/// What became of a transaction.
/// What the change of a transaction says of who is a customer; reports say it apart.
const OF_CUSTOMERS: [&str; 2] = ["customerId", "candidates"];

fn payment_report(row: &StepRow, answer: &ItemAnswer) -> RowReport {
    // Of one that has its customer now, and nothing else that is new, only readers of customers learn (rules 1).
    let outcome = match answer.apart.unwrap_or(answer.result) {
        ItemResult::Created => RowOutcome::Created,
        ItemResult::Moved | ItemResult::Linked => RowOutcome::Merged,
        ItemResult::Unchanged => RowOutcome::Matched,
        ItemResult::Refused => RowOutcome::Rejected,
    };
    let is_rejected = outcome == RowOutcome::Rejected;
    let tells = |reason: &Reason| {
        if is_rejected && !reason.is_of_customers() { Tells::Nothing } else { Tells::Shown }
    };
    let note = |reason: &Reason| RowNote { tells: tells(reason), ..payment_note(reason) };
    let reason: Vec<RowNote> = answer.reason.iter().map(note).collect();
    let (problems, warnings) = if is_rejected { (reason, Vec::new()) } else { (Vec::new(), reason) };
    RowReport {
        customer_id: answer.customer_id.filter(|id| *id < DRY_RUN_IDS_FROM),
        of_payment: true,
        problems,
        warnings,
        cells: if is_rejected { row.cells.clone() } else { Vec::new() },
        ..RowReport::new(row.line, outcome)
    }
}

/// Removes the ids of dry-run records from a message, as no real customer will have them.
fn name_no_dry_run_id(note: &mut RowNote) {
    let is_dry_run_id = |id: &str| id.parse::<i64>().is_ok_and(|id| id >= DRY_RUN_IDS_FROM);
    let words = note.message.split_inclusive(|c: char| !c.is_ascii_digit());
    let told: String = words
        .map(|word| {
            let id = word.trim_end_matches(|c: char| !c.is_ascii_digit());
            if is_dry_run_id(id) { word.replace(id, "of an earlier row") } else { word.to_owned() }
        })
        .collect();
    note.message = told.into();
}

/// Marks the rows whose result differs from that of the dry run.
fn mark_changes_since(
    conn: &mut Conn,
    ring: &KeyRing,
    row: &JobRow,
    reports: &mut [RowReport],
) -> Result<(), StoreError> {
    let Some(rehearsal_id) = row.parent_id.map(|job_id| JobId { job_id, ..row.id() }) else { return Ok(()) };
    let Some(rehearsal) = job_row(conn, rehearsal_id)? else { return Ok(()) };
    let seal = rehearsal.seal_key(conn, ring)?;
    let last = row.done + i64::try_from(reports.len()).unwrap_or(0);
    let pieces: Vec<i64> = on!(conn, |c| of_job!(import_report, job_id, rehearsal_id)
        .filter(import_report::first_row.lt(last))
        .order(import_report::first_row.desc())
        .select(import_report::first_row)
        .load(c))?;
    for first_row in pieces {
        let said = report_piece(conn, &seal, rehearsal_id, first_row)?.unwrap_or_default();
        for (report, number) in reports.iter_mut().zip(row.done..) {
            if let Some(said) = usize::try_from(number - first_row).ok().and_then(|at| said.get(at)) {
                report.compare(said);
            }
        }
        if first_row <= row.done {
            break;
        }
    }
    Ok(())
}

fn keep_report(
    conn: &mut Conn,
    seal: &SealKey,
    row: &JobRow,
    counts: &Counts,
    reports: &[RowReport],
) -> Result<(), StoreError> {
    let plain = Plain::from(serde_json::to_vec(reports)?);
    let data = seal.seal(&report_ad(row.job_id, row.done), &plain)?;
    let counts = serde_json::to_string(counts)?;
    on!(conn, |c| diesel::insert_into(import_report::table)
        .values((
            import_report::entrypoint_id.eq(row.entrypoint_id),
            import_report::job_id.eq(row.job_id),
            import_report::first_row.eq(row.done),
            import_report::counts.eq(&counts),
            import_report::data.eq(&data),
        ))
        .execute(c))?;
    Ok(())
}

/// Why rows were rejected so far, sealed again for the new checkpoint.
fn rejections(
    row: &JobRow,
    seal: &SealKey,
    reports: &[RowReport],
    rows_read: i64,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut rejections = read_rejections(row, seal)?;
    for report in reports {
        rejections.add(report);
    }
    if rejections.is_empty() {
        return Ok(None);
    }
    Ok(Some(seal.seal(&errors_ad(row.job_id, rows_read), &serde_json::to_vec(&rejections)?)?))
}
