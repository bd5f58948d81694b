//! Properties of reading files: whatever form a file has, its customers are the same.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::report::RowError;
use super::*;
use crate::domain::customers::draft::{Change, Context, Draft, Input};
use crate::domain::customers::fields::TextField;
use crate::domain::kernel::time::Micros;

const NOW: Micros = Micros(1_772_359_200_000_000);

/// All records of a file whose bytes arrive in pieces, as a job reads them.
fn read(bytes: &[u8], piece: usize, options: &ImportOptions) -> Result<Vec<CsvRecord>, FileError> {
    let (mut intake, mut text) = (Intake::new(options.encoding.as_deref()), String::new());
    for part in bytes.chunks(piece) {
        intake.push(part, &mut text)?;
    }
    intake.finish(&mut text)?;
    let layout = Layout::of(&text, options);
    let mut reader = RecordReader::new(layout.delimiter, layout.start);
    let start = usize::try_from(layout.start.offset).unwrap();
    let mut records = Vec::new();
    let mut keep = |item| match item {
        RecordItem::Record(record) => records.push(record),
        RecordItem::TooLong(long) => panic!("{long:?}"),
    };
    for mut part in text.as_bytes()[start..].chunks(piece) {
        while let Some(item) = reader.read(&mut part) {
            keep(item);
        }
    }
    reader.finish().into_iter().for_each(keep);
    Ok(records)
}

fn drafts(bytes: &[u8], piece: usize) -> Vec<Draft> {
    let options = ImportOptions::default();
    let records = read(bytes, piece, &options).unwrap();
    let mapping = Mapping::of(records[0].cells(), &options).unwrap();
    let context = Context { now: NOW, country: None, entrypoint_country: None };
    let rows = records[1..].iter().map(|record| read_row(record, &mapping, &options, context));
    rows.map(|row| row.unwrap().draft).collect()
}

#[test]
fn the_template_is_fit_to_import() {
    let text = template();
    assert!(text.is_ascii(), "a sheet opened without asking for an encoding must show it");
    let found = drafts(text.as_bytes(), 7);
    assert_eq!(found.len(), 2);
    let value = |draft: &Draft, field| match draft.text(field) {
        Change::Set(Input::Value(value)) => value.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(value(&found[0], TextField::Firstname), "Ada");
    assert_eq!(value(&found[0], TextField::Company), "Roe & Sons");
    assert_eq!(found[0].labels.value().unwrap().len(), 2);
    assert_eq!(value(&found[1], TextField::Country), "ID");
    assert_eq!(value(&found[1], TextField::Birthday), "1990-08-24");
}

fn encode(text: &str, encoding: &str) -> Vec<u8> {
    let wide = |to_bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(to_bytes).collect();
    match encoding {
        "utf-16le" => wide(u16::to_le_bytes),
        "utf-16be" => wide(u16::to_be_bytes),
        _ => text.as_bytes().to_vec(),
    }
}

/// A cell in a file: bare, or in quotes if it needs them or the writer wants them.
fn written(cell: &str, delimiter: char, quotes: bool) -> String {
    let must = cell.contains(['"', '\n', '\r', delimiter]);
    if must || quotes { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// Mark × encoding × delimiter × line end × quoting × last line end: the same cells on the same lines.
    #[test]
    fn rules_9_every_form_of_a_file_gives_the_same_cells(
        rows in vec(vec("[a-zéß中👩 '\"\n,;|\t]{0,8}", 0..5), 0..6),
        quotes in any::<bool>(),
        last in any::<bool>(),
        piece in 1..40_usize,
    ) {
        let header = ["email", "First Name", "city"];
        let has_value = |row: &&Vec<String>| row.iter().any(|cell| !cell.trim().is_empty());
        let wanted: Vec<Vec<&str>> =
            rows.iter().filter(has_value).map(|row| row.iter().map(String::as_str).collect()).collect();
        for delimiter in [',', ';', '\t', '|'] {
            for end in ["\n", "\r\n"] {
                let mut lines = vec![header.map(|cell| written(cell, delimiter, quotes)).join(&delimiter.to_string())];
                for row in &rows {
                    let cells: Vec<String> = row.iter().map(|cell| written(cell, delimiter, quotes)).collect();
                    lines.push(cells.join(&delimiter.to_string()));
                }
                let mut text = lines.join(end);
                if last {
                    text.push_str(end);
                }
                for (mark, encoding, label) in [
                    ("", "utf-8", None),
                    ("\u{feff}", "utf-8", None),
                    ("", "utf-8", Some("utf-8")),
                    ("\u{feff}", "utf-16le", None),
                    ("\u{feff}", "utf-16be", None),
                    ("", "utf-16le", Some("UTF-16LE")),
                    ("", "utf-16be", Some("UTF-16BE")),
                ] {
                    let bytes = encode(&format!("{mark}{text}"), encoding);
                    let options = ImportOptions { encoding: label.map(str::to_owned), ..ImportOptions::default() };
                    let records = read(&bytes, piece, &options).unwrap();
                    prop_assert!(records[0].cells().eq(header));
                    let found: Vec<Vec<&str>> = records[1..].iter().map(|record| record.cells().collect()).collect();
                    prop_assert_eq!(&found, &wanted);
                    for record in &records {
                        let before = &text[..usize::try_from(record.start.offset).unwrap()];
                        let ends = before.matches('\n').count();
                        prop_assert_eq!(record.start.line, 1 + u64::try_from(ends).unwrap());
                    }
                }
            }
        }
    }

    /// No file, header, option or row makes the parser panic, and no message repeats the text of a row.
    #[test]
    fn rules_6_anything_is_read_or_refused_without_repeating_it(
        header in vec(select(vec!["email", "phone", "Birthday", "balance", "labels", "AdditionalFields",
            "additional-x", "customerStatus", "timeZone", "created", "customerPsw", "country", ""]), 1..8),
        cell in "[\\[{'=+\"]{0,2}Qzx[0-9\\-\0é]{0,4}[\\]};]{0,2}",
        count in 0..9_usize,
        blank in any::<bool>(),
    ) {
        let line = vec![written(&cell, ',', false); count].join(",");
        let text = format!("{}\n{line}\n", header.join(","));
        let on_bad_value = if blank { OnBadValue::Blank } else { OnBadValue::Reject };
        let options = ImportOptions { on_bad_value, ..ImportOptions::default() };
        let records = read(text.as_bytes(), 9, &options);
        let Ok(records) = records else { return Ok(()) };
        let Some((first, rest)) = records.split_first() else { return Ok(()) };
        let Ok(mapping) = Mapping::of(first.cells(), &options) else { return Ok(()) };
        let context = Context { now: NOW, country: Some("US"), entrypoint_country: Some("US") };
        for record in rest {
            let notes = match read_row(record, &mapping, &options, context) {
                Ok(row) => row.warnings,
                Err(notes) => {
                    prop_assert!(!notes.is_empty());
                    notes
                }
            };
            let said = RowError { line: record.start.line, notes: notes.clone() }.text();
            prop_assert!(!said.contains("Qzx"), "{}", said);
        }
    }
}

#[test]
fn a_header_alone_has_no_rows() {
    for text in ["email,firstname", "email,firstname\r\n", "\n\nemail,firstname\n\n , \n"] {
        assert_eq!(drafts(text.as_bytes(), 5).len(), 0);
    }
}
