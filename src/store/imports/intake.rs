//! A file of an import as it comes in: clean UTF-8 in sealed pieces, with what its header says (rules 9).

use std::sync::Arc;

use super::{NewImport, Upload};
use crate::domain::decide::command::Actor;
use crate::domain::imports::{
    FileError, HeaderProblem, ImportOptions, ImportPlan, Intake, Layout, Mapping, Position, Preset,
    RECORD_BYTES_MAX, RecordItem, RecordReader,
};
use crate::domain::kernel::problem::{At, Problem, Rejection};
use crate::store::{Store, StoreError};

/// How much text is kept before it is stored. The first piece holds the whole header, or too long a one.
const PIECE_BYTES: usize = RECORD_BYTES_MAX + (16 << 10);
/// How much is decoded at once.
const SLICE_BYTES: usize = 64 << 10;

/// Why a file was not taken in; nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// It has more bytes than it may: 413.
    #[error("the file has more than {0} bytes; split it, each part with the header")]
    TooLarge(u64),
    /// [`Rejection::Invalid`] with all that is wrong with the file's text and header, by line; or the database's.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// Takes in a file as its bytes arrive. It keeps about two megabytes of it in memory.
#[derive(Debug)]
pub struct FileIntake {
    store: Arc<Store>,
    options: ImportOptions,
    upload: Upload,
    intake: Intake,
    hasher: blake3::Hasher,
    bytes: u64,
    bytes_max: u64,
    /// What was decoded and is not stored yet.
    text: String,
    header: Option<Header>,
}

/// What the header says.
#[derive(Debug)]
struct Header {
    delimiter: u8,
    cells: Vec<String>,
    left_out: Vec<String>,
    preset: Preset,
    /// Where the first row begins.
    start: Position,
}

impl FileIntake {
    /// Makes a place for a file of at most `bytes_max` bytes, as they are sent.
    ///
    /// # Errors
    /// Database errors.
    pub async fn begin(
        store: Arc<Store>,
        entrypoint_id: i64,
        actor: Actor,
        options: &ImportOptions,
        bytes_max: u64,
    ) -> Result<FileIntake, StoreError> {
        let upload = store.imports().begin_upload(entrypoint_id, actor).await?;
        Ok(FileIntake {
            store,
            options: options.clone(),
            upload,
            intake: Intake::new(options.encoding.as_deref()),
            hasher: blake3::Hasher::new(),
            bytes: 0,
            bytes_max,
            text: String::new(),
            header: None,
        })
    }

    /// Takes the next bytes. After an error the file is gone and nothing more of it is to be pushed.
    ///
    /// # Errors
    /// The file is refused; a bad header is told as soon as it is there.
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

    /// Says that there are no more bytes. What comes back wants no more than the request's idempotency key for
    /// [`Imports::queue`].
    ///
    /// # Errors
    /// The file is refused.
    pub async fn finish(mut self) -> Result<NewImport, IntakeError> {
        match self.try_finish().await {
            Ok(new) => Ok(new),
            Err(error) => {
                self.forget().await;
                Err(error)
            }
        }
    }

    async fn try_finish(&mut self) -> Result<NewImport, IntakeError> {
        let intake = std::mem::replace(&mut self.intake, Intake::new(None));
        intake.finish(&mut self.text).map_err(refused)?;
        self.keep(true).await?;
        let header = self.header.take().ok_or_else(|| refused(no_header()))?;
        let plan = ImportPlan {
            options: self.options.clone(),
            delimiter: header.delimiter,
            header: header.cells,
            start: header.start,
            file_hash: *self.hasher.finalize().as_bytes(),
            left_out: header.left_out,
        };
        Ok(NewImport { upload: self.upload, plan, preset: header.preset, key_use: None })
    }

    /// Gives a file up whose sender went away.
    pub async fn abandon(self) {
        self.forget().await;
    }

    /// Stores the text so far; the first that is stored must show the header.
    async fn keep(&mut self, is_last: bool) -> Result<(), IntakeError> {
        if self.header.is_none() {
            self.header = Some(Header::of(&self.text, is_last, &self.options).map_err(invalid)?);
        }
        if !self.text.is_empty() {
            self.upload =
                self.store.imports().add_to_upload(self.upload, std::mem::take(&mut self.text)).await?;
        }
        Ok(())
    }

    async fn forget(&self) {
        // What stays behind is removed as an abandoned upload.
        if let Err(error) = self.store.imports().drop_upload(self.upload).await {
            tracing::debug!(%error, "a refused file stays until it counts as abandoned");
        }
    }
}

impl Header {
    fn of(first_text: &str, is_whole: bool, options: &ImportOptions) -> Result<Header, Vec<Problem>> {
        let layout = Layout::of(first_text, options);
        let from = usize::try_from(layout.start.offset).unwrap_or(usize::MAX);
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
        let at_line = |HeaderProblem { code, message, .. }| Problem { at: At::Line(line), code, message };
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
    let message = "there is no line with the names of the columns, or it begins too far down";
    FileError { line: None, code: "no_header", message: message.into() }
}

fn problem(refusal: FileError) -> Problem {
    let FileError { line, code, message } = refusal;
    Problem { at: At::Line(line.unwrap_or(1)), code, message }
}

fn invalid(problems: Vec<Problem>) -> IntakeError {
    StoreError::from(Rejection::Invalid(problems)).into()
}

fn refused(refusal: FileError) -> IntakeError {
    invalid(vec![problem(refusal)])
}
