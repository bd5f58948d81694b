//! An import as a job: what was asked, how far it is, what became of each row (rules 9).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::options::ImportOptions;
use super::preset::Preset;
use super::records::Position;
use super::row::{RowNote, row_error_text};
use crate::domain::decide::command::Verdict;
use crate::domain::kernel::time::{Micros, SECOND_US};

/// How many errors a job lists as texts; all are in its rows.
pub const ERRORS_MAX: usize = 100;

/// What a job is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// The file is being sent; nobody sees the job yet.
    Uploading,
    /// It waits for a worker.
    Queued,
    /// A worker is at it.
    Running,
    /// Every row was dealt with.
    Finished,
    /// Somebody stopped it; the same file goes on where it stopped.
    Cancelled,
    /// It stopped by itself; the same file goes on where it stopped.
    Failed,
}

impl JobState {
    /// All of them.
    pub const ALL: [JobState; 6] = [
        JobState::Uploading,
        JobState::Queued,
        JobState::Running,
        JobState::Finished,
        JobState::Cancelled,
        JobState::Failed,
    ];

    /// The word on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            JobState::Uploading => "uploading",
            JobState::Queued => "queued",
            JobState::Running => "running",
            JobState::Finished => "finished",
            JobState::Cancelled => "cancelled",
            JobState::Failed => "failed",
        }
    }

    /// The state of a name.
    pub fn of_name(name: &str) -> Option<JobState> {
        JobState::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether no worker will touch it any more unless somebody asks.
    pub const fn is_over(self) -> bool {
        matches!(self, JobState::Finished | JobState::Cancelled | JobState::Failed)
    }
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RowOutcome {
    /// A new customer.
    Created,
    /// A stored customer, untouched.
    Matched,
    /// A stored customer that now holds the row and nothing else.
    Replaced,
    /// A stored customer onto which the row was written.
    Merged,
    /// A second customer beside a match.
    Forced,
    /// Nothing; the report says why.
    Rejected,
}

impl RowOutcome {
    /// All of them.
    pub const ALL: [RowOutcome; 6] = [
        RowOutcome::Created,
        RowOutcome::Matched,
        RowOutcome::Replaced,
        RowOutcome::Merged,
        RowOutcome::Forced,
        RowOutcome::Rejected,
    ];

    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            RowOutcome::Created => "created",
            RowOutcome::Matched => "matched",
            RowOutcome::Replaced => "replaced",
            RowOutcome::Merged => "merged",
            RowOutcome::Forced => "forced",
            RowOutcome::Rejected => "rejected",
        }
    }

    /// The outcome of a name.
    pub fn of_name(name: &str) -> Option<RowOutcome> {
        RowOutcome::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

impl From<Verdict> for RowOutcome {
    fn from(verdict: Verdict) -> RowOutcome {
        match verdict {
            Verdict::Created => RowOutcome::Created,
            Verdict::Matched => RowOutcome::Matched,
            Verdict::Replaced => RowOutcome::Replaced,
            Verdict::Merged => RowOutcome::Merged,
            Verdict::Forced => RowOutcome::Forced,
        }
    }
}

/// How many rows had which outcome, and how many warnings there were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows by outcome.
    pub rows: BTreeMap<RowOutcome, i64>,
    /// Values that were left out (`onBadValue=blank`).
    #[serde(default)]
    pub warnings: i64,
}

impl Counts {
    /// Counts a row.
    pub fn add(&mut self, row: &RowReport) {
        *self.rows.entry(row.outcome).or_default() += 1;
        self.warnings += i64::try_from(row.warnings.len()).unwrap_or(0);
    }

    /// Counts what others counted.
    pub fn join(&mut self, other: &Counts) {
        for (outcome, number) in &other.rows {
            *self.rows.entry(*outcome).or_default() += number;
        }
        self.warnings += other.warnings;
    }

    /// Rows with an outcome.
    pub fn of(&self, outcome: RowOutcome) -> i64 {
        self.rows.get(&outcome).copied().unwrap_or(0)
    }

    /// The contract's `added`: rows that made a customer.
    pub fn added(&self) -> i64 {
        self.of(RowOutcome::Created) + self.of(RowOutcome::Forced)
    }

    /// All rows.
    pub fn total(&self) -> i64 {
        self.rows.values().sum()
    }
}

/// What became of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowReport {
    /// The physical line of its first byte in the file, from 1.
    pub line: u64,
    /// What became of it.
    pub outcome: RowOutcome,
    /// The customer; none for a rejected row and for one that a dry run would create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<i64>,
    /// The fields that led to the match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matched_on: Vec<String>,
    /// The fields that the row changed, or would change; of a matched row those it has other values for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// How many of them were emptied.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub emptied: i64,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<RowNote>,
    /// What was left out of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<RowNote>,
    /// The cells of a rejected row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<String>,
    /// Whether the dry run that this import commits had said something else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changed_since_dry_run: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl RowReport {
    /// A row of which nothing is known but its line.
    pub fn new(line: u64, outcome: RowOutcome) -> RowReport {
        RowReport {
            line,
            outcome,
            customer_id: None,
            matched_on: Vec::new(),
            changed: Vec::new(),
            emptied: 0,
            problems: Vec::new(),
            warnings: Vec::new(),
            cells: Vec::new(),
            changed_since_dry_run: false,
        }
    }

    /// The contract's text for a rejected row.
    pub fn error_text(&self) -> String {
        row_error_text(self.line, &self.problems)
    }

    /// Whether it says the same as a dry run did of this row.
    pub fn is_as_rehearsed(&self, rehearsed: &RowReport) -> bool {
        let is_new = |outcome| matches!(outcome, RowOutcome::Created | RowOutcome::Forced);
        self.outcome == rehearsed.outcome
            // A dry run knows no id of whom it would create, nor of whom a later row would then hit.
            && (is_new(self.outcome) || rehearsed.customer_id.is_none() || self.customer_id == rehearsed.customer_id)
            && self.changed == rehearsed.changed
    }
}

/// What an import was asked to do; sealed, since headers and options are the caller's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportPlan {
    /// The options.
    pub options: ImportOptions,
    /// What stands between two cells.
    pub delimiter: u8,
    /// The header's cells.
    pub header: Vec<String>,
    /// Where the first row begins.
    pub start: Position,
    /// The hash of the file's bytes.
    pub file_hash: [u8; 32],
    /// Columns that are left out, by their headers.
    pub left_out: Vec<String>,
}

/// An import, as its job is told.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportJob {
    /// Its id.
    pub id: i64,
    /// Whose customers.
    pub entrypoint_id: i64,
    /// What it is at.
    pub state: JobState,
    /// Whether it writes nothing but its report.
    pub is_dry_run: bool,
    /// The dry run that it commits.
    pub rehearsal_id: Option<i64>,
    /// What it was asked.
    pub plan: ImportPlan,
    /// Where the file seems to come from.
    pub preset: Preset,
    /// Rows that were dealt with.
    pub rows_read: i64,
    /// What became of them.
    pub counts: Counts,
    /// Bytes of the file, as UTF-8, that were dealt with.
    pub bytes_read: i64,
    /// Bytes of the file as UTF-8.
    pub bytes_total: i64,
    /// The first errors, as the contract's texts.
    pub errors: Vec<String>,
    /// Why it failed.
    pub failure: Option<String>,
    /// When it was asked for.
    pub queued_at: Micros,
    /// When a worker first took it.
    pub started_at: Option<Micros>,
    /// When it came to its last state.
    pub ended_at: Option<Micros>,
}

impl ImportJob {
    /// Rows a second since it began, and seconds to its end at that rate; none before there is a rate.
    pub fn pace(&self, now: Micros) -> (Option<i64>, Option<i64>) {
        let Some(began) = self.started_at else { return (None, None) };
        let took_us = (self.ended_at.unwrap_or(now).0 - began.0).max(1);
        let rate = self.rows_read.saturating_mul(SECOND_US) / took_us;
        let left = match self.state {
            JobState::Running if self.bytes_read > 0 => {
                let bytes_left = i128::from(self.bytes_total - self.bytes_read);
                let left_us = i128::from(took_us) * bytes_left / i128::from(self.bytes_read);
                Some(i64::try_from(left_us / i128::from(SECOND_US)).unwrap_or(i64::MAX))
            }
            JobState::Finished => Some(0),
            _ => None,
        };
        (Some(rate), left)
    }
}
