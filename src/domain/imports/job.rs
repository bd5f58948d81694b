//! An import as a job: what was asked, how far it is, what became of each row (rules 9).

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use super::options::ImportOptions;
use super::preset::Preset;
use super::records::Position;
use super::report::Counts;
use crate::domain::kernel::time::{Micros, SECOND_US};

/// How many errors a job lists as texts; all are in its rows.
pub const ERRORS_MAX: usize = 100;

/// What a job is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
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
    /// The word on the wire and in the database.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether no worker will touch it any more unless somebody asks.
    pub const fn is_over(self) -> bool {
        matches!(self, JobState::Finished | JobState::Cancelled | JobState::Failed)
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
