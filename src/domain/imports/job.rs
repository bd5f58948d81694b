//! An import as a job: its plan, its state and its progress (rules 9).

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use super::options::ImportOptions;
use super::preset::Preset;
use super::records::Position;
use super::report::{Counts, Rejections};
use crate::domain::accounts::sight::Sight;
use crate::domain::kernel::time::{Micros, SECOND_US};

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, IntoStaticStr, EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum JobState {
    /// The caller is sending the file; nobody sees the job yet.
    Uploading,
    /// It waits for a worker.
    Queued,
    /// A worker processes it.
    Running,
    /// Every row was processed.
    Finished,
    /// Somebody stopped it. Sending the same file again continues it.
    Cancelled,
    /// It stopped because of an error. Sending the same file again continues it.
    Failed,
}

impl JobState {
    /// The word on the wire and in the database.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether it ended: no worker processes it any more unless somebody asks for it.
    pub const fn is_over(self) -> bool {
        matches!(self, JobState::Finished | JobState::Cancelled | JobState::Failed)
    }
}

/// What an import is to do. It is stored sealed, since headers and options are the caller's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportPlan {
    /// The options.
    pub options: ImportOptions,
    /// How much the token that sent the file sees; its rows may do no more than that token's creates.
    pub sight: Sight,
    /// The delimiter of cells.
    pub delimiter: u8,
    /// The header's cells.
    pub header: Vec<String>,
    /// Where the first row begins.
    pub start: Position,
    /// The hash of the file's bytes.
    pub file_hash: [u8; 32],
    /// The headers of the columns that are left out.
    pub left_out: Vec<String>,
}

/// An import.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportJob {
    /// Its id.
    pub id: i64,
    /// The customers' entrypoint.
    pub entrypoint_id: i64,
    /// Its state.
    pub state: JobState,
    /// Whether it only writes a report.
    pub is_dry_run: bool,
    /// The dry run that it commits.
    pub rehearsal_id: Option<i64>,
    /// Its plan.
    pub plan: ImportPlan,
    /// Where the file seems to come from.
    pub preset: Preset,
    /// How many rows were processed.
    pub rows_read: i64,
    /// The outcomes of those rows.
    pub counts: Counts,
    /// How many bytes of the file, as UTF-8, were processed.
    pub bytes_read: i64,
    /// The size of the file in bytes, as UTF-8.
    pub bytes_total: i64,
    /// Why rows were rejected.
    pub rejections: Rejections,
    /// Why it failed.
    pub failure: Option<String>,
    /// When it was requested.
    pub queued_at: Micros,
    /// When a worker first took it.
    pub started_at: Option<Micros>,
    /// When it ended.
    pub ended_at: Option<Micros>,
}

impl ImportJob {
    /// Rows per second since it began, and the seconds that remain at that rate; none before it began.
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
