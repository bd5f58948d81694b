//! Reads CSV records from a stream of text, one at a time (RFC 4180, rules 9).

#[cfg(test)]
mod tests;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use serde::{Deserialize, Serialize};

use super::lines::LineEnds;

/// The most bytes of a record, as UTF-8 without its line end. A longer one is a rejected row.
pub const RECORD_BYTES_MAX: usize = 1 << 20;
/// The delimiter that stands for JSON lines: no JSON text has it, so a line is one cell. Quotes mean nothing.
pub const JSON_LINES: u8 = 0x1e;
/// The size to which buffers shrink after a large record.
const BUFFER_BYTES: usize = 16 << 10;

/// A position between two records of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The number of bytes before it, as UTF-8.
    pub offset: u64,
    /// The physical line that begins here, from 1.
    pub line: u64,
}

impl Default for Position {
    /// The beginning.
    fn default() -> Position {
        Position { offset: 0, line: 1 }
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvRecord {
    /// The position of its first byte; errors name its line.
    pub start: Position,
    /// The position after it: a reader that starts here reads the same records as this one.
    pub end: Position,
    /// Whether the file ended within its quotes, because it is cut off or a quote is missing.
    pub is_open: bool,
    text: String,
    ends: Vec<usize>,
}

impl CsvRecord {
    /// The cells, without quotes.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let cell = self.text.get(start..*end).unwrap_or_default();
            start = *end;
            cell
        })
    }
}

/// A record of more than [`RECORD_BYTES_MAX`], without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordTooLong {
    /// Where its first byte stands.
    pub start: Position,
    /// Where the next record may begin.
    pub end: Position,
    /// Whether it became too long, or the file ended, within quotes. Then the likely reason is a quote that never
    /// closes.
    pub is_open: bool,
}

impl RecordTooLong {
    /// What is wrong with the row.
    pub fn message(&self) -> String {
        let hint = if self.is_open { "; a quote that opens in it is probably never closed" } else { "" };
        format!("the row has more than {RECORD_BYTES_MAX} bytes{hint}")
    }
}

/// What a [`RecordReader`] returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordItem {
    /// A record.
    Record(CsvRecord),
    /// A record that is too long, which is a rejected row.
    TooLong(RecordTooLong),
}

impl RecordItem {
    /// Where its first byte stands.
    pub const fn start(&self) -> Position {
        match self {
            RecordItem::Record(record) => record.start,
            RecordItem::TooLong(record) => record.start,
        }
    }

    /// Where the next record may begin.
    pub const fn end(&self) -> Position {
        match self {
            RecordItem::Record(record) => record.end,
            RecordItem::TooLong(record) => record.end,
        }
    }
}

/// Reads records from text that arrives in pieces.
///
/// Quoting follows RFC 4180; LF, CR LF or CR ends a record. Lines without a value are skipped. The reader buffers at most
/// one record, and nothing of a record that is too long.
#[derive(Debug)]
pub struct RecordReader {
    reader: Reader,
    has_quotes: bool,
    offset: u64,
    first_line: u64,
    lines: LineEnds,
    state: State,
    start: Position,
    /// How many bytes of the record were read so far.
    length: usize,
    /// Whether they contain an odd number of quotes.
    is_odd: bool,
    text: Vec<u8>,
    text_length: usize,
    ends: Vec<usize>,
    ends_length: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between two records.
    Between,
    /// Within a record.
    Within,
    /// Within a record that is too long.
    Skipping { is_open: bool },
    /// After the CR that ended a record; a following LF belongs to it.
    AfterCr { too_long: Option<bool> },
}

impl RecordReader {
    /// A reader that starts at `start`.
    pub fn new(delimiter: u8, start: Position) -> RecordReader {
        let mut reader = ReaderBuilder::new().delimiter(delimiter).quoting(delimiter != JSON_LINES).build();
        // The parser would strip a byte order mark from its first record, wherever in the file that is.
        let _ = reader.read_record(b"\n", &mut [0], &mut [0]);
        RecordReader {
            has_quotes: delimiter != JSON_LINES,
            reader,
            offset: start.offset,
            first_line: start.line,
            lines: LineEnds::default(),
            state: State::Between,
            start,
            length: 0,
            is_odd: false,
            text: Vec::new(),
            text_length: 0,
            ends: Vec::new(),
            ends_length: 0,
        }
    }

    /// Reads until a record ends, and removes the bytes that were read from `input`. `None` if the input ended first.
    pub fn read(&mut self, input: &mut &[u8]) -> Option<RecordItem> {
        while let Some(&first) = input.first() {
            let found = match self.state {
                State::Between if matches!(first, b'\n' | b'\r') => {
                    self.pass(input, 1);
                    None
                }
                State::Between => {
                    self.begin();
                    None
                }
                State::AfterCr { too_long } => {
                    if first == b'\n' {
                        self.pass(input, 1);
                    }
                    self.end(too_long, false)
                }
                State::Within => self.read_within(input),
                State::Skipping { is_open } => self.skip_within(input, is_open),
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Ends the text: returns the last record, if it has no line end or its end was not known yet. The reader returns nothing
    /// after that.
    pub fn finish(&mut self) -> Option<RecordItem> {
        match self.state {
            State::Between => None,
            State::AfterCr { too_long } => self.end(too_long, false),
            State::Within => {
                let is_open = self.close();
                self.end(None, is_open)
            }
            State::Skipping { is_open } => {
                let is_open = self.close() || is_open;
                self.end(Some(is_open), false)
            }
        }
    }

    /// The size of its buffers in bytes.
    pub fn capacity(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<usize>()
    }

    fn position(&self) -> Position {
        Position { offset: self.offset, line: self.first_line + self.lines.count() }
    }

    /// Counts bytes as read.
    fn pass(&mut self, input: &mut &[u8], count: usize) {
        let (read, rest) = input.split_at_checked(count).unwrap_or((input, &[]));
        self.lines.feed(read);
        self.offset = self.offset.saturating_add(u64::try_from(read.len()).unwrap_or(u64::MAX));
        *input = rest;
    }

    fn begin(&mut self) {
        self.state = State::Within;
        self.start = self.position();
        (self.length, self.is_odd, self.text_length, self.ends_length) = (0, false, 0, 0);
        self.text.truncate(BUFFER_BYTES);
        self.text.shrink_to(BUFFER_BYTES);
        self.ends.truncate(BUFFER_BYTES);
        self.ends.shrink_to(BUFFER_BYTES);
    }

    fn read_within(&mut self, input: &mut &[u8]) -> Option<RecordItem> {
        // Plus one for the line end.
        let room = (RECORD_BYTES_MAX + 1).saturating_sub(self.length).min(input.len());
        let (is_end, read) = self.feed(input.get(..room).unwrap_or_default());
        let last = read.checked_sub(1).and_then(|index| input.get(index)).copied();
        let quotes = input.iter().take(read).filter(|byte| **byte == b'"').count();
        self.is_odd ^= self.has_quotes && quotes % 2 == 1;
        self.pass(input, read);
        self.length += read;
        if is_end {
            return self.ended(last, None);
        }
        if self.length > RECORD_BYTES_MAX {
            self.state = State::Skipping { is_open: self.is_odd };
        }
        None
    }

    fn skip_within(&mut self, input: &mut &[u8], is_open: bool) -> Option<RecordItem> {
        (self.text_length, self.ends_length) = (0, 0);
        let room = BUFFER_BYTES.min(input.len());
        let (is_end, read) = self.feed(input.get(..room).unwrap_or_default());
        let last = read.checked_sub(1).and_then(|index| input.get(index)).copied();
        self.pass(input, read);
        if is_end { self.ended(last, Some(is_open)) } else { None }
    }

    /// After the byte that ended a record.
    fn ended(&mut self, last: Option<u8>, too_long: Option<bool>) -> Option<RecordItem> {
        if last == Some(b'\r') {
            self.state = State::AfterCr { too_long };
            return None;
        }
        self.end(too_long, false)
    }

    /// Returns the record, unless all its cells are empty.
    fn end(&mut self, too_long: Option<bool>, is_open: bool) -> Option<RecordItem> {
        self.state = State::Between;
        let (start, end) = (self.start, self.position());
        if let Some(is_open) = too_long {
            return Some(RecordItem::TooLong(RecordTooLong { start, end, is_open }));
        }
        let text = String::from_utf8_lossy(self.text.get(..self.text_length).unwrap_or_default());
        if text.trim().is_empty() && !is_open {
            return None;
        }
        let ends = self.ends.get(..self.ends_length).unwrap_or_default().to_vec();
        Some(RecordItem::Record(CsvRecord { start, end, is_open, text: text.into_owned(), ends }))
    }

    /// Hands bytes to the parser; returns whether a record ended and how many bytes were read. Empty input ends the file.
    fn feed(&mut self, input: &[u8]) -> (bool, usize) {
        let mut total = 0;
        loop {
            let rest = input.get(total..).unwrap_or_default();
            if rest.is_empty() && total > 0 {
                return (false, total);
            }
            if self.text.len() <= self.text_length {
                self.text.resize((self.text_length * 2).max(1024), 0);
            }
            if self.ends.len() <= self.ends_length {
                self.ends.resize((self.ends_length * 2).max(64), 0);
            }
            let text = self.text.get_mut(self.text_length..).unwrap_or_default();
            let ends = self.ends.get_mut(self.ends_length..).unwrap_or_default();
            let (result, read, written, ended) = self.reader.read_record(rest, text, ends);
            total += read;
            self.text_length += written;
            self.ends_length += ended;
            match result {
                ReadRecordResult::Record => return (true, total),
                ReadRecordResult::InputEmpty | ReadRecordResult::End => return (false, total),
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {}
            }
        }
    }

    /// Ends the record at the end of the text; returns whether that is within quotes, where an LF ends no record.
    fn close(&mut self) -> bool {
        let before = self.text_length;
        let (is_end, _) = self.feed(b"\n");
        if !is_end {
            self.text_length = before;
            let _ = self.feed(&[]);
            // The parser took the LF for text of the last cell.
            for end in self.ends.iter_mut().take(self.ends_length) {
                *end = (*end).min(self.text_length);
            }
        }
        !is_end
    }
}
