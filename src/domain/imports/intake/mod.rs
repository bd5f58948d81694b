//! Decodes an upload to clean UTF-8, or refuses it with a message that says what to do (rules 9).

mod mac;
mod sniff;
#[cfg(test)]
mod tests;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};

use self::sniff::SNIFF_BYTES;
use super::lines::LineEnds;

/// Why a file cannot be imported. None of its rows was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileError {
    /// The physical line, if the error is about one.
    pub line: Option<u64>,
    /// A stable, machine-readable code in snake case.
    pub code: &'static str,
    /// What is wrong and what to do; never a personal value.
    pub message: String,
}

impl FileError {
    fn new(code: &'static str, message: impl Into<String>) -> FileError {
        FileError { line: None, code, message: message.into() }
    }
}

/// Turns the bytes of a file, as they arrive, into UTF-8 without a byte order mark, and changes nothing else. It buffers
/// at most the first [`SNIFF_BYTES`] and one unfinished character.
pub struct Intake {
    stage: Stage,
    lines: LineEnds,
    has_text: bool,
}

enum Stage {
    /// The first bytes, until there are enough to recognise the file.
    Head { wanted: Option<&'static Encoding>, bytes: Vec<u8> },
    /// The decoder of the bytes after them.
    Body { decoder: Decoder, is_start: bool },
}

impl Intake {
    /// Reads a file in the encoding that [`ImportOptions::encoding`](super::ImportOptions::encoding) names, else in that of
    /// its byte order mark, else in UTF-8.
    pub fn new(encoding: Option<&str>) -> Intake {
        let wanted = encoding.and_then(|name| Encoding::for_label(name.as_bytes()));
        let stage = Stage::Head { wanted, bytes: Vec::new() };
        Intake { stage, lines: LineEnds::default(), has_text: false }
    }

    /// Takes the next bytes and appends their text to `out`, always whole characters.
    ///
    /// # Errors
    /// The file is refused; the text that was appended so far is void.
    pub fn push(&mut self, bytes: &[u8], out: &mut String) -> Result<(), FileError> {
        let Stage::Head { bytes: head, .. } = &mut self.stage else {
            return self.decode(bytes, false, out);
        };
        let missing = SNIFF_BYTES.saturating_sub(head.len()).min(bytes.len());
        let (first, rest) = bytes.split_at(missing);
        head.extend_from_slice(first);
        if head.len() < SNIFF_BYTES {
            return Ok(());
        }
        self.begin(out)?;
        if rest.is_empty() { Ok(()) } else { self.decode(rest, false, out) }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// The file ends within a character, or is empty.
    pub fn finish(mut self, out: &mut String) -> Result<(), FileError> {
        self.begin(out)?;
        self.decode(&[], true, out)?;
        if self.has_text {
            return Ok(());
        }
        let message =
            "the file is empty; it needs a line with the names of the columns, then a line for each row";
        Err(FileError::new("empty_file", message))
    }

    /// Looks at the first bytes and chooses the decoder.
    fn begin(&mut self, out: &mut String) -> Result<(), FileError> {
        let Stage::Head { wanted, bytes } = &mut self.stage else { return Ok(()) };
        let (wanted, head) = (*wanted, std::mem::take(bytes));
        sniff::refuse_other_kinds(&head)?;
        let mark = Encoding::for_bom(&head);
        let encoding = match (wanted, mark) {
            (Some(wanted), Some((found, _))) if wanted != found => {
                let (wanted, found) = (wanted.name(), found.name());
                let message = format!(
                    "the file begins with the byte order mark of {found}, but encoding={wanted} was sent; leave encoding out"
                );
                return Err(FileError::new("encoding_conflict", message));
            }
            (_, Some((found, _))) => found,
            (Some(wanted), None) => wanted,
            (None, None) => {
                sniff::refuse_unmarked_utf16(&head)?;
                UTF_8
            }
        };
        let text = head.get(mark.map_or(0, |(_, length)| length)..).unwrap_or_default();
        if encoding == UTF_8 {
            sniff::refuse_other_texts(text)?;
        }
        let decoder = encoding.new_decoder_without_bom_handling();
        self.stage = Stage::Body { decoder, is_start: true };
        self.decode(text, false, out)
    }

    fn decode(&mut self, bytes: &[u8], is_last: bool, out: &mut String) -> Result<(), FileError> {
        let Stage::Body { decoder, is_start } = &mut self.stage else { return Ok(()) };
        let before = out.len();
        let mut rest = bytes;
        let bad = loop {
            // `None` would mean more bytes than memory can hold.
            let room = decoder.max_utf8_buffer_length_without_replacement(rest.len());
            out.reserve(room.unwrap_or(rest.len()));
            let (result, read) = decoder.decode_to_string_without_replacement(rest, out, is_last);
            let at = rest;
            rest = rest.get(read..).unwrap_or_default();
            match result {
                DecoderResult::InputEmpty => break None,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => break Some(at),
            }
        };
        // Some encodings spell the mark in their own way.
        if *is_start && out.len() > before {
            *is_start = false;
            if out.get(before..).is_some_and(|text| text.starts_with('\u{feff}')) {
                out.replace_range(before..before + '\u{feff}'.len_utf8(), "");
            }
        }
        let text = out.get(before..).unwrap_or_default();
        self.lines.feed(text.as_bytes());
        self.has_text = self.has_text || text.contains(|c: char| !c.is_whitespace());
        match bad {
            None => Ok(()),
            Some(near) => Err(malformed(decoder.encoding(), near, self.lines.count() + 1)),
        }
    }
}

/// The error for bytes that are no text of the encoding; `near` begins with or before them.
fn malformed(encoding: &'static Encoding, near: &[u8], line: u64) -> FileError {
    let advice = if encoding == UTF_8 {
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
        detector.feed(near, true);
        let guessed = detector.guess(None, Utf8Detection::Deny);
        match mac::guess(near, guessed) {
            Some(mac::Script::Western) => {
                "it is probably Mac OS Roman; send encoding=macintosh, or save the file as CSV UTF-8".to_owned()
            }
            Some(mac::Script::CentralEuropean) => {
                "it is probably Mac OS Central European, which this service cannot read; save the file as CSV UTF-8"
                    .to_owned()
            }
            None => {
                let likely = guessed.name();
                format!("it is probably {likely}; send encoding={likely}, or save the file as CSV UTF-8")
            }
        }
    } else {
        "send the encoding that it has, or save the file as CSV UTF-8".to_owned()
    };
    let message = format!("line {line} is not {}; {advice}", encoding.name());
    FileError { line: Some(line), code: "invalid_encoding", message }
}
