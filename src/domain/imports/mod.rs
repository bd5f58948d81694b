//! Customers from a file (rules 9): bytes → [`Intake`] → clean UTF-8 → [`RecordReader`] → records →
//! [`Mapping`] (from the header) → [`read_row`] → a checked draft, which takes the same path as that of a create.
//!
//! The caller pushes bytes in; the parsers keep at most one record in memory. To continue an import, the worker reads the
//! first record again for its [`Mapping`], then starts a [`RecordReader`] at the [`Position`] after the last processed
//! record.

mod header;
mod intake;
mod job;
mod layout;
mod lines;
mod options;
mod payments;
mod preset;
#[cfg(test)]
mod properties;
mod records;
mod rejected;
mod report;
mod row;
mod target;
mod template;
mod traces;

pub use self::header::{Column, ColumnUse, FillRule, HeaderProblem, Mapping, Reading};
pub use self::intake::{FileError, Intake};
pub use self::job::{ImportJob, ImportPlan, JobState};
pub use self::layout::Layout;
pub use self::options::{DateFormat, ImportKind, ImportOptions, OnBadValue, OnError, UnknownColumns};
pub use self::payments::{PaymentMapping, note as payment_note};
pub use self::preset::Preset;
pub use self::records::{
    CsvRecord, JSON_LINES, Position, RECORD_BYTES_MAX, RecordItem, RecordReader, RecordTooLong,
};
pub use self::rejected::{rejected_header, rejected_rows};
pub use self::report::{
    Counts, Reason, Rejections, RowError, RowNote, RowOutcome, RowReport, rejection_notes,
};
pub use self::row::{RowDraft, cells_without_cards, read_row};
pub use self::target::{REJECTED_COLUMNS, Target};
pub use self::template::template;
pub use self::traces::Traces;
