//! The report at the end of an import.

use std::fmt::Write as _;

use anstream::{eprintln, println};
use customary::domain::imports::{ImportJob, JobState, RowOutcome};
use customary::domain::kernel::time::Micros;
use customary::jobs::StopSignal;
use indicatif::ProgressBar;
use serde::Deserialize;

use super::{INTERRUPTED, Import, NOT_DONE, Report, SOME_REJECTED};

/// How many errors to print. The file of rejected rows holds all of them.
const ERRORS_SHOWN: usize = 10;

/// A job, as the API describes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Job {
    #[serde(rename = "jobId")]
    pub(super) id: i64,
    pub(super) state: JobState,
    #[serde(default)]
    dry_run: bool,
    preset: String,
    rows_read: i64,
    added: i64,
    #[serde(default)]
    replaced: i64,
    #[serde(default)]
    merged: i64,
    #[serde(default)]
    matched: i64,
    pub(super) rejected: i64,
    #[serde(default)]
    warnings: i64,
    bytes_read: i64,
    bytes_total: i64,
    rows_per_second: Option<i64>,
    seconds_left: Option<i64>,
    #[serde(default)]
    errors: Vec<String>,
    failure: Option<String>,
    #[serde(default)]
    pub(super) repeated: bool,
    #[serde(default)]
    left_out: Vec<String>,
}

impl Job {
    pub(super) fn of(job: &ImportJob, now: Micros, repeated: bool) -> Job {
        let (rows_per_second, seconds_left) = job.pace(now);
        Job {
            id: job.id,
            state: job.state,
            dry_run: job.is_dry_run,
            preset: job.preset.name().to_owned(),
            rows_read: job.rows_read,
            added: job.counts.added(),
            replaced: job.counts.of(RowOutcome::Replaced),
            merged: job.counts.of(RowOutcome::Merged),
            matched: job.counts.of(RowOutcome::Matched),
            rejected: job.counts.of(RowOutcome::Rejected),
            warnings: job.counts.warnings,
            bytes_read: job.bytes_read,
            bytes_total: job.bytes_total,
            rows_per_second,
            seconds_left,
            errors: job.errors.clone(),
            failure: job.failure.clone(),
            repeated,
            left_out: job.plan.left_out.clone(),
        }
    }

    /// Moves a progress bar to the job's position.
    pub(super) fn show(&self, bar: &ProgressBar) {
        bar.set_length(self.bytes_total.unsigned_abs());
        bar.set_position(self.bytes_read.unsigned_abs());
        let mut message = format!("{} rows", self.rows_read);
        if let Some(rate) = self.rows_per_second {
            let _ = write!(message, ", {rate}/s");
        }
        if let Some(left) = self.seconds_left {
            let _ = write!(message, ", {left} s left");
        }
        bar.set_message(message);
    }
}

impl Report {
    pub(super) fn status(&self, interrupt: &StopSignal) -> u8 {
        match self.job.state {
            JobState::Finished if self.job.rejected > 0 => SOME_REJECTED,
            JobState::Finished => 0,
            _ if interrupt.is_asked() => INTERRUPTED,
            _ => NOT_DONE,
        }
    }

    pub(super) fn print(&self, import: &Import) {
        let job = &self.job;
        println!("job {}", job.id);
        println!("state {}", job.state.name());
        println!("preset {}", job.preset);
        let numbers = [
            ("rows", job.rows_read),
            ("added", job.added),
            ("replaced", job.replaced),
            ("merged", job.merged),
            ("matched", job.matched),
            ("rejected", job.rejected),
            ("warnings", job.warnings),
        ];
        for (name, number) in numbers {
            println!("{name} {number}");
        }
        if !job.left_out.is_empty() {
            println!("columns left out: {}", job.left_out.join(", "));
        }
        if let Some(path) = &self.rejected {
            println!("rejected rows: {}", path.display());
        }
        if job.repeated {
            println!(
                "repeated: the same file was imported with the same options before; this is the report of that \
                 import; --again imports the file once more"
            );
        }
        if job.dry_run && job.state == JobState::Finished {
            println!(
                "dry run: no customer was written; to import the file, run the same command without --dry-run, or \
                 POST /api/Import/jobs/{}/{}/commit",
                import.entry, job.id
            );
        }
        for error in job.errors.iter().take(ERRORS_SHOWN) {
            eprintln!("{error}");
        }
        let shown = i64::try_from(job.errors.len().min(ERRORS_SHOWN)).unwrap_or(0);
        if job.rejected > shown {
            eprintln!("and {} more rejected rows", job.rejected - shown);
        }
        match &job.failure {
            Some(why) => eprintln!("error: {why}"),
            None if job.state == JobState::Cancelled && job.dry_run => {
                eprintln!("cancelled: the dry run stopped after {} rows", job.rows_read);
            }
            None if job.state == JobState::Cancelled => eprintln!(
                "cancelled: {} rows are done and stay; the same command goes on from there",
                job.rows_read
            ),
            None => {}
        }
    }
}
