//! Recognises a file by its first bytes.

use super::FileError;

/// How many bytes are looked at; enough for the first entries of a spreadsheet's archive.
pub(super) const SNIFF_BYTES: usize = 4096;

/// The first bytes of files that are no text.
const BINARY: [(&[u8], &str, &str); 11] = [
    (b"\x1f\x8b", "a gzip file", UNPACK),
    (b"BZh", "a bzip2 file", UNPACK),
    (b"\xfd7zXZ\0", "an xz file", UNPACK),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip file", UNPACK),
    (b"PK\x05\x06", "a zip file", UNPACK),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Office file", SAVE),
    (b"%PDF-", "a PDF", SAVE),
    (b"{\\rtf", "a rich text (RTF) file", SAVE),
    (b"\xff\xfe\0\0", "UTF-32", SAVE),
    (b"\0\0\xfe\xff", "UTF-32", SAVE),
];
const UNPACK: &str = "unpack it first";
const SAVE: &str = "save it as CSV UTF-8";
/// Names near the beginning of an archive that only spreadsheets have.
const SHEET_ENTRIES: [&[u8]; 5] =
    [b"[Content_Types].xml", b"_rels/.rels", b"xl/", b"opendocument.spreadsheet", b"Index/"];

/// Refuses archives, spreadsheets and documents.
pub(super) fn refuse_other_kinds(head: &[u8]) -> Result<(), FileError> {
    if head.starts_with(b"PK\x03\x04") {
        let is_sheet = SHEET_ENTRIES.iter().any(|name| head.windows(name.len()).any(|part| part == *name));
        let (what, advice) = if is_sheet { ("a spreadsheet", SAVE) } else { ("a zip file", UNPACK) };
        return refuse(what, advice);
    }
    match BINARY.iter().find(|(magic, ..)| head.starts_with(magic)) {
        Some((_, what, advice)) => refuse(what, advice),
        None => Ok(()),
    }
}

/// Refuses JSON, unless each line is an object, HTML and XML.
pub(super) fn refuse_other_texts(head: &[u8]) -> Result<(), FileError> {
    let start = head.trim_ascii_start();
    let first = start.get(..64.min(start.len())).unwrap_or_default().to_ascii_lowercase();
    let after = first.get(1..).unwrap_or_default().trim_ascii_start();
    let is_json = match first.first() {
        // A longer line than the head may be whole.
        Some(b'{') if after.starts_with(b"\"") || after.starts_with(b"}") => start
            .iter()
            .position(|byte| matches!(byte, b'\n' | b'\r'))
            .and_then(|end| start.get(..end))
            .is_some_and(|line| !line.trim_ascii_end().ends_with(b"}")),
        Some(b'[') => [&b"{"[..], b"[", b"\"", b"]"].iter().any(|next| after.starts_with(next)),
        _ => false,
    };
    let markup = [&b"<!doctype html"[..], b"<html", b"<table", b"<?xml"];
    if is_json {
        refuse(
            "JSON",
            "write each customer as a JSON object on a line of its own (NDJSON), or save them as CSV UTF-8",
        )
    } else if markup.iter().any(|tag| first.starts_with(tag)) {
        refuse("a web page or XML", SAVE)
    } else {
        Ok(())
    }
}

/// Refuses text whose every other byte is NUL.
pub(super) fn refuse_unmarked_utf16(head: &[u8]) -> Result<(), FileError> {
    let nuls = |start: usize| head.iter().skip(start).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (nuls(0), nuls(1));
    // At least half of those bytes must be NUL; a stray one is a problem of its row.
    let label = match head.len() / 4 {
        0 => return Ok(()),
        half if odd >= half && odd > even => "utf-16le",
        half if even >= half && even > odd => "utf-16be",
        _ => return Ok(()),
    };
    let message = format!(
        "this looks like UTF-16 without a byte order mark; save it as CSV UTF-8, or send encoding={label}"
    );
    Err(FileError::new("unmarked_utf16", message))
}

fn refuse(what: &str, advice: &str) -> Result<(), FileError> {
    Err(FileError::new("not_csv", format!("this is {what}, not CSV; {advice}")))
}
