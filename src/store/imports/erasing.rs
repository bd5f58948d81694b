//! What imports keep of a person, wiped when the person is erased (rules 5).

use diesel::prelude::*;

use super::{JobState, RowReport, job_row, report_ad, report_piece, upload};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::record::Customer;
use crate::domain::imports::{Counts, RowOutcome};
use crate::domain::kernel::text::fold_spaces;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{import_ghost, import_job, import_report};
use crate::store::keys::keyring::KeyRing;

/// Values of which one alone tells the person.
const TELLING: [TextField; 6] = [
    TextField::Email,
    TextField::Phone,
    TextField::CustomerNumber,
    TextField::CustomerUsername,
    TextField::Fullname,
    TextField::Address,
];

/// Removes the files of imports that are over, the person's rows from their reports, and what a dry run made of the
/// person. A file that is still worked on goes when its import ends.
pub(crate) fn erase(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    id: i64,
    person: &Customer,
) -> Result<(), StoreError> {
    on!(conn, |c| diesel::delete(import_ghost::table.filter(import_ghost::customer_id.eq(id))).execute(c))?;
    let jobs: Vec<(i64, i64, String, String)> = on!(conn, |c| import_job::table
        .filter(import_job::entrypoint_id.eq(entrypoint_id))
        .select((import_job::job_id, import_job::upload_id, import_job::state, import_job::counts))
        .load(c))?;
    let busy: Vec<i64> = jobs
        .iter()
        .filter(|(_, _, state, _)| !state.parse().is_ok_and(JobState::is_over))
        .map(|(_, upload_id, ..)| *upload_id)
        .collect();
    for (job_id, upload_id, state, counts) in jobs {
        let state = state.parse().ok();
        if state.is_some_and(JobState::is_over) && !busy.contains(&upload_id) {
            upload::remove_file(conn, upload_id)?;
            if state != Some(JobState::Finished) {
                // Without its file it cannot go on: the same file sent again is a new import.
                let nothing: Option<Vec<u8>> = None;
                on!(conn, |c| diesel::update(import_job::table.find(job_id))
                    .set(import_job::fingerprint.eq(nothing))
                    .execute(c))?;
            }
        }
        if serde_json::from_str::<Counts>(&counts)?.of(RowOutcome::Rejected) > 0 {
            erase_rows(conn, ring, job_id, person)?;
        }
    }
    Ok(())
}

fn erase_rows(conn: &mut Conn, ring: &KeyRing, job_id: i64, person: &Customer) -> Result<(), StoreError> {
    let Some(job) = job_row(conn, job_id)? else { return Ok(()) };
    let seal = job.seal_key(conn, ring)?;
    let pieces: Vec<(i64, String)> = on!(conn, |c| import_report::table
        .filter(import_report::job_id.eq(job_id))
        .select((import_report::first_row, import_report::counts))
        .load(c))?;
    for (first_row, counts) in pieces {
        if serde_json::from_str::<Counts>(&counts)?.of(RowOutcome::Rejected) == 0 {
            continue;
        }
        let mut rows = report_piece(conn, &seal, job_id, first_row)?.unwrap_or_default();
        let mut is_changed = false;
        for row in rows.iter_mut().filter(|row| is_of(row, person)) {
            row.cells.clear();
            is_changed = true;
        }
        if is_changed {
            let data = seal.seal(&report_ad(job_id, first_row), &serde_json::to_vec(&rows)?)?;
            on!(conn, |c| diesel::update(import_report::table.find((job_id, first_row)))
                .set(import_report::data.eq(&data))
                .execute(c))?;
        }
    }
    Ok(())
}

/// Whether a rejected row seems to be of this person: a telling value, or both names.
fn is_of(row: &RowReport, person: &Customer) -> bool {
    let cells: Vec<_> = row.cells.iter().map(|cell| fold_spaces(cell)).collect();
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let has = |field: TextField| {
        let Some(value) = person.text(field).map(fold_spaces) else { return false };
        let number = digits(&value);
        cells.iter().any(|cell| {
            // A phone may stand there without its country.
            let is_phone = field == TextField::Phone && {
                let cell = digits(cell);
                cell.len() >= 6 && number.ends_with(&cell)
            };
            is_phone || *cell == value
        })
    };
    TELLING.into_iter().any(has) || (has(TextField::Firstname) && has(TextField::Lastname))
}
