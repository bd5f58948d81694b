//! Imports over HTTP (contract 8, rules 9): a file becomes a job, and the job reports the outcome of each row.

mod jobs;
mod send;

use serde::{Deserialize, Serialize};

pub(crate) use self::jobs::{
    cancel_import, commit_import, get_import, get_import_rows, get_import_template, get_rejected_rows,
    list_imports,
};
pub(crate) use self::send::{import_customers, import_transactions};
use super::http::call::Call;
use super::http::error::Error;
use crate::domain::accounts::sight::Sight;
use crate::domain::accounts::token::Scope;
use crate::domain::decide::delivery::OnUnknown;
use crate::domain::imports::{
    Counts, ImportJob, ImportKind, JobState, Preset, Reason, RowOutcome, RowReport,
};
use crate::domain::kernel::time::Micros;
use crate::domain::view;

/// Checks that a token may import transactions that make this of unknown customers.
fn payments_need(call: &Call, on_unknown: OnUnknown) -> Result<(), Error> {
    call.require(Scope::MoneyWrite)?;
    match on_unknown {
        OnUnknown::Create => call.require(Scope::CustomersWrite),
        // What is refused tells who is a customer.
        OnUnknown::Refuse => call.require(Scope::CustomersRead),
        OnUnknown::Unlinked => Ok(()),
    }
}

/// An import, as far as it is.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobOut {
    /// Its id.
    pub job_id: i64,
    /// `queued`, `running`, `finished`, `cancelled` or `failed`.
    pub state: JobState,
    /// What the file is of: `customers` or `transactions`.
    #[serde(default)]
    pub kind: ImportKind,
    /// Whether it writes nothing but its own report.
    pub dry_run: bool,
    /// The dry run that it does for real; null for others.
    pub commits: Option<i64>,
    /// Where the file seems to come from: `customary`, `doku`, `stripe`, `matrixify`, `shopify`, `quickbooksdesktop`,
    /// `quickbooksonline`, `xero`, `hubspot`, `mailchimp`, `recurly`, `chargebee`, `woocommerce`, `square` or `none`.
    pub preset: Preset,
    /// The columns that are left out.
    pub columns_left_out: Vec<String>,
    /// Rows that were dealt with.
    pub rows_read: i64,
    /// Rows that made a customer, or a transaction.
    pub added: i64,
    /// Rows that replaced a customer.
    pub replaced: i64,
    /// Rows that were written onto a customer.
    pub merged: i64,
    /// Rows that found their customer and left it untouched.
    pub matched: i64,
    /// Rows that did nothing.
    pub rejected: i64,
    /// Bad values that were left out (`onBadValue=blank`); of transactions, those that are unlinked.
    pub warnings: i64,
    /// Bytes of the file, as UTF-8, that were dealt with.
    pub bytes_read: i64,
    /// Bytes of the file as UTF-8.
    pub bytes_total: i64,
    /// Rows a second since it began; null before.
    pub rows_per_second: Option<i64>,
    /// Seconds to its end at that rate; null while there is none.
    pub seconds_left: Option<i64>,
    /// How many rows were rejected for which reason, the most frequent first. A row with several problems counts for
    /// each.
    pub reasons: Vec<ReasonOut>,
    /// The first 100 errors, such as `Error on line 62: email: …`; all are in the rows.
    pub errors: Vec<String>,
    /// Why it failed; null for others.
    pub failure: Option<String>,
    /// Whether this is an earlier import of the same file with the same options.
    pub repeated: bool,
    /// When it was asked for.
    #[schema(format = DateTime)]
    pub queued_at: String,
    /// When a worker first took it.
    #[schema(format = DateTime)]
    pub started_at: Option<String>,
    /// When it came to its last state.
    #[schema(format = DateTime)]
    pub ended_at: Option<String>,
}

impl JobOut {
    /// Renders a job for a token with this sight.
    pub fn new(job: &ImportJob, sight: Sight, repeated: bool, now: Micros) -> JobOut {
        let (rows_per_second, seconds_left) = job.pace(now);
        // Only a list shows a job without its numbers; the job's own routes refuse the token.
        let is_told = view::tells_numbers(sight, job);
        let nothing = Counts::default();
        let counts = if is_told { &job.counts } else { &nothing };
        JobOut {
            job_id: job.id,
            state: job.state,
            kind: job.plan.options.kind(),
            dry_run: job.is_dry_run,
            commits: job.rehearsal_id,
            preset: job.preset,
            columns_left_out: job.plan.left_out.clone(),
            rows_read: job.rows_read,
            added: counts.added(),
            replaced: counts.of(RowOutcome::Replaced),
            merged: counts.of(RowOutcome::Merged),
            matched: counts.of(RowOutcome::Matched),
            rejected: counts.of(RowOutcome::Rejected),
            warnings: if is_told { view::warnings(sight, job) } else { 0 },
            bytes_read: job.bytes_read,
            bytes_total: job.bytes_total,
            rows_per_second,
            seconds_left,
            reasons: if is_told { reasons(job, sight) } else { Vec::new() },
            errors: if is_told { errors(job, sight) } else { Vec::new() },
            failure: job.failure.clone(),
            repeated,
            queued_at: job.queued_at.to_rfc3339(),
            started_at: job.started_at.map(Micros::to_rfc3339),
            ended_at: job.ended_at.map(Micros::to_rfc3339),
        }
    }
}

/// Why rows were rejected.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReasonOut {
    /// How many rows.
    pub rows: i64,
    /// The field, empty if it is about whole rows.
    pub field: String,
    /// A stable code in snake case.
    pub code: String,
    /// What is wrong with the first of these rows, and what would do.
    pub message: String,
}

/// Why rows were rejected, as the token sees it.
fn reasons(job: &ImportJob, sight: Sight) -> Vec<ReasonOut> {
    let out = view::reasons(sight, &job.rejections).into_iter().map(|Reason { note, rows }| ReasonOut {
        rows,
        field: note.field.into_owned(),
        code: note.code.into_owned(),
        message: note.message.into_owned(),
    });
    out.collect()
}

/// The first errors of a job, as the wire format lists them.
fn errors(job: &ImportJob, sight: Sight) -> Vec<String> {
    job.rejections.rows.iter().map(|error| view::row_error(sight, error)).collect()
}

/// What became of a row.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct RowOut {
    /// The physical line of the file where it begins, from 1.
    line: u64,
    /// `created`, `matched`, `replaced`, `merged`, `forced` or `rejected`; of a dry run, what would have become.
    outcome: &'static str,
    /// The customer; null for a rejected row and for one that a dry run would create.
    customer_id: Option<i64>,
    /// The fields that led to the match, without those that the token sees masked.
    matched_on: Vec<String>,
    /// The fields that the row changed, without those that the token sees masked.
    changed: Vec<String>,
    /// The fields for which a matched row has other values than the customer, which stays as it is; without those that the
    /// token sees masked.
    differs: Vec<String>,
    /// How many of them were emptied.
    emptied: i64,
    /// Why it was rejected.
    problems: Vec<NoteOut>,
    /// What was left out of it (`onBadValue=blank`).
    warnings: Vec<NoteOut>,
    /// The row as it stands in the file, where it was rejected; only for tokens with `pii:read`.
    cells: Option<Vec<String>>,
    /// Whether the dry run that this import does for real had said something else.
    changed_since_dry_run: bool,
}

/// Something about a row.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct NoteOut {
    /// The field, empty if it is about the row.
    field: String,
    /// A stable code in snake case.
    code: String,
    /// What is wrong and what would do.
    message: String,
}

impl RowOut {
    fn new(row: RowReport, sight: Sight) -> RowOut {
        let row = view::row(sight, row);
        let notes = |notes: Vec<crate::domain::imports::RowNote>| {
            let out = notes.into_iter().map(|note| NoteOut {
                field: note.field.into_owned(),
                code: note.code.into_owned(),
                message: note.message.into_owned(),
            });
            out.collect()
        };
        let is_rejected = row.outcome == RowOutcome::Rejected;
        let changed_since_dry_run = row.has_changed_since_dry_run();
        RowOut {
            line: row.line,
            outcome: row.outcome.name(),
            customer_id: row.customer_id,
            matched_on: row.matched_on,
            changed: row.changed,
            differs: row.differs,
            emptied: row.emptied,
            problems: notes(row.problems),
            warnings: notes(row.warnings),
            cells: (is_rejected && sight.pii).then_some(row.cells),
            changed_since_dry_run,
        }
    }
}
