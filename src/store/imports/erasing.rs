//! Erases a person from the data of imports (rules 5).

use std::collections::BTreeSet;

use diesel::prelude::*;

use super::{JobId, JobKind, JobState, job_row, of_job, report_ad, report_piece, upload};
use crate::domain::comments::COMMENTS_MAX;
use crate::domain::customers::identifier::{IdField, Identifier};
use crate::domain::customers::record::Customer;
use crate::domain::imports::{Counts, ImportPlan, Mapping, RowOutcome, Traces};
use crate::store::comments;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{dry_run_record, dry_run_transaction, import_report, job};
use crate::store::entrypoints;
use crate::store::keys::keyring::KeyRing;

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
    on!(conn, |c| diesel::delete(
        dry_run_transaction::table
            .filter(dry_run_transaction::entrypoint_id.eq(entrypoint_id))
            .filter(dry_run_transaction::customer_id.eq(id))
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
    let mut known: Option<Known<'_>> = None;
    for (job_id, parent_id, state, counts) in jobs {
        let (job, upload_id) = (JobId { entrypoint_id, job_id }, parent_id.unwrap_or(job_id));
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
            let known = match &mut known {
                Some(known) => known,
                None => known.insert(Known::load(conn, ring, entrypoint_id, (id, person))?),
            };
            erase_rows(conn, ring, job, known)?;
        }
    }
    Ok(())
}

/// What is known of a person.
struct Known<'a> {
    person: &'a Customer,
    /// The texts of the comments.
    comments: Vec<String>,
    /// The additional fields that identify customers of the entrypoint.
    identifying: BTreeSet<String>,
}

impl Known<'_> {
    fn load<'a>(
        conn: &mut Conn,
        ring: &KeyRing,
        entrypoint_id: i64,
        (id, person): (i64, &'a Customer),
    ) -> Result<Known<'a>, StoreError> {
        let comments = match comments::page(conn, ring, entrypoint_id, id, 0, COMMENTS_MAX) {
            Ok(page) => page.comments.into_iter().map(|comment| comment.text).collect(),
            // The erase removes also what does not open.
            Err(StoreError::Corrupt(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        let policy = entrypoints::entrypoint(conn, entrypoint_id)?;
        let policy = policy.map(|(_, entrypoint)| entrypoint.policy.unique()).unwrap_or_default();
        let fields = policy.iter().flat_map(Identifier::fields);
        Ok(Known { person, comments, identifying: fields.filter_map(additional).collect() })
    }
}

fn additional(field: &IdField) -> Option<String> {
    match field {
        IdField::Additional(key) => Some(key.clone()),
        _ => None,
    }
}

fn erase_rows(conn: &mut Conn, ring: &KeyRing, id: JobId, known: &Known<'_>) -> Result<(), StoreError> {
    let Some(job) = job_row(conn, id)? else { return Ok(()) };
    let seal = job.seal_key(conn, ring)?;
    let plan: ImportPlan = job.plan(&seal)?;
    let mapping = Mapping::of(plan.header.iter().map(String::as_str), &plan.options).ok();
    let own = plan.options.identifier_fields.iter().filter_map(|name| IdField::parse(name).ok());
    let mut identifying = known.identifying.clone();
    identifying.extend(own.filter_map(|field| additional(&field)));
    let traces = Traces::of(known.person, &identifying, &known.comments);
    let pieces: Vec<(i64, String)> = on!(conn, |c| of_job!(import_report, job_id, id)
        .select((import_report::first_row, import_report::counts))
        .load(c))?;
    for (first_row, counts) in pieces {
        if serde_json::from_str::<Counts>(&counts)?.of(RowOutcome::Rejected) == 0 {
            continue;
        }
        let mut rows = report_piece(conn, &seal, id, first_row)?.unwrap_or_default();
        let mut is_changed = false;
        for row in rows.iter_mut().filter(|row| traces.are_in(mapping.as_ref(), &row.cells)) {
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
