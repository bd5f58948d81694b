//! Intake of an import file: valid UTF-8 in sealed pieces, and the content of the header (rules 9).

use std::sync::Arc;

use super::{NewImport, Upload};
use crate::domain::accounts::sight::Sight;
use crate::domain::decide::command::Actor;
use crate::domain::imports::{
    FileError, HeaderProblem, ImportOptions, ImportPlan, Intake, JSON_LINES, Layout, Mapping, Position,
    Preset, RECORD_BYTES_MAX, RecordItem, RecordReader,
};
use crate::domain::kernel::card::{self, CardGuard};
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::store::{Store, StoreError};

/// Bytes of text to collect for a piece. The first piece holds the whole header, or proves it too long.
const PIECE_BYTES: usize = RECORD_BYTES_MAX + (16 << 10);
/// Bytes to decode at once.
const SLICE_BYTES: usize = 64 << 10;

/// Why a file was refused; nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The file is too large: 413.
    #[error("the file has more than {0} bytes; split it, each part with the header")]
    TooLarge(u64),
    /// [`Rejection::Invalid`] with all errors in the file's text and header, by line; or a database error.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// Takes in a file as its bytes arrive. It keeps about two megabytes of it in memory.
pub struct FileIntake {
    store: Arc<Store>,
    options: ImportOptions,
    sight: Sight,
    upload: Upload,
    intake: Intake,
    hasher: blake3::Hasher,
    bytes: u64,
    bytes_max: u64,
    /// Decoded text that is not stored yet.
    text: String,
    header: Option<Header>,
}

/// The content of the header.
#[derive(Debug)]
struct Header {
    delimiter: u8,
    cells: Vec<String>,
    left_out: Vec<String>,
    preset: Preset,
    /// The position of the first row.
    start: Position,
}

impl FileIntake {
    /// Begins the intake of a file of at most `bytes_max` bytes, as sent by a token with this sight.
    ///
    /// # Errors
    /// Database errors.
    pub async fn begin(
        store: Arc<Store>,
        entrypoint_id: i64,
        (actor, sight): (Actor, Sight),
        options: &ImportOptions,
        bytes_max: u64,
    ) -> Result<FileIntake, StoreError> {
        let settings = store.entrypoints().settings(entrypoint_id).await?;
        let card_guard = settings.map_or(CardGuard::All, |settings| settings.entrypoint.card_guard);
        let upload = store.imports().begin_upload(entrypoint_id, actor).await?;
        Ok(FileIntake {
            store,
            options: ImportOptions { card_guard, ..options.clone() },
            sight,
            upload,
            intake: Intake::new(options.encoding.as_deref()),
            hasher: blake3::Hasher::new(),
            bytes: 0,
            bytes_max,
            text: String::new(),
            header: None,
        })
    }

    /// Takes the next bytes. After an error the file is gone; push no more bytes.
    ///
    /// # Errors
    /// The file is refused. An error in the header is reported as soon as the header is complete.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), IntakeError> {
        let pushed = self.try_push(bytes).await;
        if pushed.is_err() {
            self.forget().await;
        }
        pushed
    }

    async fn try_push(&mut self, bytes: &[u8]) -> Result<(), IntakeError> {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if self.bytes > self.bytes_max {
            return Err(IntakeError::TooLarge(self.bytes_max));
        }
        for slice in bytes.chunks(SLICE_BYTES) {
            self.hasher.update(slice);
            self.intake.push(slice, &mut self.text).map_err(refused)?;
            if self.text.len() >= PIECE_BYTES {
                self.keep(false).await?;
            }
        }
        Ok(())
    }

    /// Ends the file. The result still needs the idempotency key of the request for [`Imports::queue`].
    ///
    /// # Errors
    /// The file is refused.
    pub async fn finish(mut self) -> Result<NewImport, IntakeError> {
        let finished = self.try_finish().await;
        if finished.is_err() {
            self.forget().await;
        }
        finished
    }

    async fn try_finish(&mut self) -> Result<NewImport, IntakeError> {
        let intake = std::mem::replace(&mut self.intake, Intake::new(None));
        intake.finish(&mut self.text).map_err(refused)?;
        self.keep(true).await?;
        let header = self.header.take().ok_or_else(|| refused(no_header()))?;
        let plan = ImportPlan {
            options: self.options.clone(),
            sight: self.sight,
            delimiter: header.delimiter,
            header: header.cells,
            start: header.start,
            file_hash: *self.hasher.finalize().as_bytes(),
            left_out: header.left_out,
        };
        Ok(NewImport { upload: self.upload, plan, preset: header.preset, key_use: None })
    }

    /// Drops a file whose sender went away.
    pub async fn abandon(self) {
        self.forget().await;
    }

    /// Stores the text so far; the first piece must contain the header.
    async fn keep(&mut self, is_last: bool) -> Result<(), IntakeError> {
        // What looks like a card number is not stored, not even sealed. Only ids that may look like one would be in the way.
        let end = match self.options.card_guard {
            CardGuard::All => card::redact(&mut self.text, is_last),
            CardGuard::Texts => self.text.len(),
        };
        let rest = self.text.split_off(end);
        self.keep_text(is_last).await?;
        self.text = rest;
        Ok(())
    }

    async fn keep_text(&mut self, is_last: bool) -> Result<(), IntakeError> {
        if self.header.is_none() {
            // The header of a hostile file has many columns, and each unknown one looks for the nearest name.
            let (text, options) = (std::mem::take(&mut self.text), self.options.clone());
            let read = move || (Header::of(&text, is_last, &options), text);
            let gone = |_| StoreError::Bug("the blocking threads have stopped".into());
            let (header, text) = tokio::task::spawn_blocking(read).await.map_err(gone)?;
            self.text = text;
            self.header = Some(header.map_err(invalid)?);
        }
        if !self.text.is_empty() {
            self.upload =
                self.store.imports().add_to_upload(self.upload, std::mem::take(&mut self.text)).await?;
        }
        Ok(())
    }

    async fn forget(&self) {
        // The purge of abandoned uploads removes what is left.
        if let Err(error) = self.store.imports().drop_upload(self.upload).await {
            tracing::debug!(%error, "cannot remove a refused file now; the purge of abandoned uploads will");
        }
    }
}

impl Header {
    /// A file of JSON lines has no header; its one column is named for it.
    fn of_json_lines(options: &ImportOptions) -> Result<Header, Vec<Problem>> {
        let at_file = |HeaderProblem { code, message, .. }| Problem::line(1, code, message);
        let mapping = Mapping::of(["json"], options)
            .map_err(|problems| problems.into_iter().map(at_file).collect::<Vec<_>>())?;
        Ok(Header {
            delimiter: JSON_LINES,
            cells: vec!["json".to_owned()],
            left_out: Vec::new(),
            preset: mapping.preset(),
            start: Position::default(),
        })
    }

    fn of(first_text: &str, is_whole: bool, options: &ImportOptions) -> Result<Header, Vec<Problem>> {
        let layout = Layout::of(first_text, options);
        if layout.delimiter == JSON_LINES {
            return Header::of_json_lines(options);
        }
        let from = usize::try_from(layout.start.offset).unwrap_or(usize::MAX);
        let titles = first_text.get(..from).unwrap_or_default().lines();
        if let Some((line, _)) = (1..).zip(titles).find(|(_, title)| card::holds(title)) {
            let message = "holds card data above the header, which this service never takes; remove the line";
            return Err(vec![Problem::line(line, card::CODE, message)]);
        }
        let mut rest = first_text.as_bytes().get(from..).unwrap_or_default();
        let mut reader = RecordReader::new(layout.delimiter, layout.start);
        // Unless this is the whole file, more text could only make the record longer.
        let last = |item: &RecordItem| is_whole || matches!(item, RecordItem::TooLong(_));
        let found = reader.read(&mut rest).or_else(|| reader.finish().filter(last));
        let refuse =
            |line, code, message: String| Err(vec![problem(FileError { line: Some(line), code, message })]);
        let record = match found {
            Some(RecordItem::Record(record)) => record,
            Some(RecordItem::TooLong(long)) => {
                return refuse(long.start.line, "header_too_long", long.message());
            }
            None => return Err(vec![problem(no_header())]),
        };
        let line = record.start.line;
        if record.is_open {
            return refuse(line, "unclosed_quote", "a quote that opens in the header is never closed".into());
        }
        if let Some(column) = record.cells().position(|cell| card::asks(cell) || card::holds(cell)) {
            let message = format!(
                "column {} of the header names or is card data, which this service never takes; remove the column",
                column + 1
            );
            return refuse(line, card::CODE, message);
        }
        let at_line = |HeaderProblem { code, message, .. }| Problem::line(line, code, message);
        let mapping = Mapping::of(record.cells(), options)
            .map_err(|problems| problems.into_iter().map(at_line).collect::<Vec<_>>())?;
        Ok(Header {
            delimiter: layout.delimiter,
            cells: record.cells().map(str::to_owned).collect(),
            left_out: mapping.left_out().map(str::to_owned).collect(),
            preset: mapping.preset(),
            start: record.end,
        })
    }
}

fn no_header() -> FileError {
    let message = "there is no line with the names of the columns, or it begins too late in the file";
    FileError { line: None, code: "no_header", message: message.into() }
}

fn problem(refusal: FileError) -> Problem {
    let FileError { line, code, message } = refusal;
    Problem::line(line.unwrap_or(1), code, message)
}

fn invalid(problems: Vec<Problem>) -> IntakeError {
    StoreError::from(Rejection::Invalid(problems)).into()
}

fn refused(refusal: FileError) -> IntakeError {
    invalid(vec![problem(refusal)])
}
