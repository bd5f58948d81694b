//! Erases a person from the data of imports (rules 5).

use diesel::prelude::*;

use super::{JobId, JobKind, JobState, RowReport, job_row, of_job, report_ad, report_piece, upload};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::record::Customer;
use crate::domain::imports::{Counts, RowOutcome};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{dry_run_record, import_report, job};
use crate::store::keys::keyring::KeyRing;

/// Fields whose value alone identifies a person.
const TELLING: [TextField; 6] = [
    TextField::Email,
    TextField::Phone,
    TextField::CustomerNumber,
    TextField::CustomerUsername,
    TextField::Fullname,
    TextField::Address,
];

/// Removes the files of imports that have ended, the person's rows in reports, and the person's dry-run records. The
/// file of an unfinished import goes when that import ends.
pub(crate) fn erase(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    id: i64,
    person: &Customer,
) -> Result<(), StoreError> {
    on!(conn, |c| diesel::delete(
        dry_run_record::table
            .filter(dry_run_record::entrypoint_id.eq(entrypoint_id))
            .filter(dry_run_record::customer_id.eq(id))
    )
    .execute(c))?;
    let jobs: Vec<(i64, Option<i64>, String, String)> = on!(conn, |c| job::table
        .filter(job::entrypoint_id.eq(entrypoint_id))
        .filter(job::kind.eq(JobKind::Import.name()))
        .select((job::job_id, job::parent_id, job::state, job::counts))
        .load(c))?;
    let busy: Vec<i64> = jobs
        .iter()
        .filter(|(_, _, state, _)| !state.parse().is_ok_and(JobState::is_over))
        .map(|(job_id, parent_id, ..)| parent_id.unwrap_or(*job_id))
        .collect();
    for (job_id, parent_id, state, counts) in jobs {
        let (id, upload_id) = (JobId { entrypoint_id, job_id }, parent_id.unwrap_or(job_id));
        let state = state.parse().ok();
        if state.is_some_and(JobState::is_over) && !busy.contains(&upload_id) {
            upload::remove_file(conn, JobId { entrypoint_id, job_id: upload_id })?;
            if state != Some(JobState::Finished) {
                // Without its file the import cannot resume; sending the file again starts a new import.
                let nothing: Option<Vec<u8>> = None;
                on!(conn, |c| diesel::update(job::table.find((entrypoint_id, job_id)))
                    .set(job::fingerprint.eq(nothing))
                    .execute(c))?;
            }
        }
        if serde_json::from_str::<Counts>(&counts)?.of(RowOutcome::Rejected) > 0 {
            erase_rows(conn, ring, id, person)?;
        }
    }
    Ok(())
}

fn erase_rows(conn: &mut Conn, ring: &KeyRing, id: JobId, person: &Customer) -> Result<(), StoreError> {
    let Some(job) = job_row(conn, id)? else { return Ok(()) };
    let seal = job.seal_key(conn, ring)?;
    let pieces: Vec<(i64, String)> = on!(conn, |c| of_job!(import_report, job_id, id)
        .select((import_report::first_row, import_report::counts))
        .load(c))?;
    for (first_row, counts) in pieces {
        if serde_json::from_str::<Counts>(&counts)?.of(RowOutcome::Rejected) == 0 {
            continue;
        }
        let mut rows = report_piece(conn, &seal, id, first_row)?.unwrap_or_default();
        let mut is_changed = false;
        for row in rows.iter_mut().filter(|row| is_of(row, person)) {
            row.cells.clear();
            is_changed = true;
        }
        if is_changed {
            let data = seal.seal(&report_ad(id.job_id, first_row), &serde_json::to_vec(&rows)?)?;
            on!(conn, |c| diesel::update(import_report::table.find((
                id.entrypoint_id,
                id.job_id,
                first_row
            )))
            .set(import_report::data.eq(&data))
            .execute(c))?;
        }
    }
    Ok(())
}

/// Whether a rejected row seems to describe this person: by one identifying value, or by both names.
fn is_of(row: &RowReport, person: &Customer) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let has = |field: TextField| {
        let Some(value) = person.text(field).map(|text| field.comparable(text)) else { return false };
        let number = digits(&value);
        row.cells.iter().any(|cell| {
            // The phone number may lack its country code.
            let is_phone = field == TextField::Phone && {
                let cell = digits(cell);
                cell.len() >= 6 && number.ends_with(&cell)
            };
            // A cell may be too long for the field, and is then another value.
            is_phone || field.clean(cell).is_ok_and(|clean| field.comparable(&clean) == value)
        })
    };
    TELLING.into_iter().any(has) || (has(TextField::Firstname) && has(TextField::Lastname))
}
