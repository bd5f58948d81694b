//! Customers from a file (rules 9): bytes → [`Intake`] → clean UTF-8 → [`RecordReader`] → records →
//! [`Mapping`] (from the header) → [`read_row`] → a checked draft for the same road as a create.
//!
//! All of it is push-style and keeps no more than one record in memory. An import goes on after a stop by
//! reading the first record again for its [`Mapping`], then starting a [`RecordReader`] at the
//! [`Position`] behind the last record that was dealt with.

mod header;
mod intake;
mod job;
mod lines;
mod options;
mod preset;
#[cfg(test)]
mod properties;
mod records;
mod rejected;
mod report;
mod row;
mod target;
mod template;

pub use self::header::{Column, ColumnUse, HeaderProblem, Mapping};
pub use self::intake::{FileError, Intake};
pub use self::job::{ERRORS_MAX, ImportJob, ImportPlan, JobState};
pub use self::options::{DateFormat, ImportOptions, OnBadValue, OnError, UnknownColumns};
pub use self::preset::Preset;
pub use self::records::{
    CsvRecord, Layout, Position, RECORD_BYTES_MAX, RecordItem, RecordReader, RecordTooLong, detect_delimiter,
};
pub use self::rejected::{rejected_header, rejected_rows};
pub use self::report::{Counts, RowNote, RowOutcome, RowReport, rejection_notes};
pub use self::row::{RowDraft, read_row};
pub use self::target::{REJECTED_COLUMNS, Target};
pub use self::template::template;
