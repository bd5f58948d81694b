//! The report at the end of an import.

use std::fmt::Write as _;

use anstream::{eprintln, println};
use customary::api::JobOut;
use customary::domain::imports::JobState;
use customary::jobs::StopSignal;
use indicatif::ProgressBar;

use super::{INTERRUPTED, Import, NOT_DONE, Report, SOME_REJECTED};

/// How many reasons to print.
const REASONS_SHOWN: usize = 20;
/// How many errors to print. The file of rejected rows holds all of them.
const ERRORS_SHOWN: usize = 10;

/// Moves a progress bar to the job's position.
pub(super) fn show(job: &JobOut, bar: &ProgressBar) {
    bar.set_length(job.bytes_total.unsigned_abs());
    bar.set_position(job.bytes_read.unsigned_abs());
    let mut message = format!("{} rows", job.rows_read);
    if let Some(rate) = job.rows_per_second {
        let _ = write!(message, ", {rate}/s");
    }
    if let Some(left) = job.seconds_left {
        let _ = write!(message, ", {left} s left");
    }
    bar.set_message(message);
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
        println!("job {}", job.job_id);
        println!("state {}", job.state.name());
        println!("preset {}", job.preset.name());
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
        if !job.columns_left_out.is_empty() {
            println!("columns left out: {}", job.columns_left_out.join(", "));
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
                "dry run: nothing was written; to import the file, run the same command without --dry-run, or \
                 POST /api/Import/jobs/{}/{}/commit",
                import.entry, job.job_id
            );
        }
        self.print_rejections();
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

    /// How many rows were rejected for which reason, then examples.
    fn print_rejections(&self) {
        let job = &self.job;
        for reason in job.reasons.iter().take(REASONS_SHOWN) {
            let rows = if reason.rows == 1 { "row" } else { "rows" };
            let place = if reason.field.is_empty() { "" } else { ": " };
            eprintln!("{} {rows} rejected: {}{place}{}", reason.rows, reason.field, reason.message);
        }
        if job.reasons.len() > REASONS_SHOWN {
            eprintln!("and {} more reasons", job.reasons.len() - REASONS_SHOWN);
        }
        for error in job.errors.iter().take(ERRORS_SHOWN) {
            eprintln!("{error}");
        }
        let shown = i64::try_from(job.errors.len().min(ERRORS_SHOWN)).unwrap_or(0);
        if job.rejected > shown {
            eprintln!("and {} more rejected rows", job.rejected - shown);
        }
    }
}
