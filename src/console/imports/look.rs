//! A look at the beginning of a file: its columns, what each would fill, and the first values.

use crate::domain::imports::{
    ColumnUse, ImportOptions, Intake, JSON_LINES, Layout, Mapping, PaymentMapping, Preset, RecordItem,
    RecordReader, UnknownColumns,
};
use crate::domain::kernel::card;

/// How many bytes of a file are looked at.
pub(super) const LOOK_BYTES: usize = 64 * 1024;
/// The most columns that the sheet asks about; others mean what their headers say.
const COLUMNS_MAX: usize = 200;
/// How many rows are shown.
const ROWS: usize = 3;
/// The most characters of a value that are shown.
const VALUE_CHARS: usize = 40;

/// A column of a file.
#[derive(Debug, Clone, Default)]
pub(super) struct LookedColumn {
    pub(super) header: String,
    /// The field that it is to fill; empty if none.
    pub(super) target: String,
    /// The field that it fills by itself; empty if none.
    pub(super) was: String,
    /// The first values.
    pub(super) values: Vec<String>,
}

/// What was seen of a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Looked {
    pub(super) columns: Vec<LookedColumn>,
    pub(super) preset: &'static str,
    /// Whether its lines are JSON objects, which need no mapping.
    pub(super) is_json: bool,
    /// What is wrong with the file or its header, in the words of the API.
    pub(super) problems: Vec<String>,
}

/// Looks at the first bytes of a file. `is_payments` for one of transactions.
pub(super) fn look(bytes: &[u8], is_whole: bool, options: &ImportOptions, is_payments: bool) -> Looked {
    let mut looked = Looked::default();
    let mut text = String::new();
    let mut intake = Intake::new(options.encoding.as_deref());
    let mut read = intake.push(bytes, &mut text);
    if is_whole && read.is_ok() {
        read = intake.finish(&mut text);
    }
    if let Err(error) = read {
        looked.problems.push(error.message);
        return looked;
    }
    card::redact(&mut text, true);
    let layout = Layout::of(&text, options);
    if layout.delimiter == JSON_LINES {
        looked.is_json = true;
        return looked;
    }
    let from = usize::try_from(layout.start.offset).unwrap_or(usize::MAX);
    let mut rest = text.as_bytes().get(from..).unwrap_or_default();
    let mut reader = RecordReader::new(layout.delimiter, layout.start);
    let mut records = Vec::new();
    while records.len() <= ROWS {
        let item =
            reader.read(&mut rest).or_else(|| reader.finish().filter(|_| is_whole || records.is_empty()));
        let Some(item) = item else { break };
        records.push(item);
    }
    let cells = |item: &RecordItem| -> Vec<String> {
        match item {
            RecordItem::Record(record) => record.cells().map(str::to_owned).collect(),
            RecordItem::TooLong(_) => Vec::new(),
        }
    };
    let header = records.first().map(&cells).unwrap_or_default();
    let rows: Vec<Vec<String>> = records.iter().skip(1).map(cells).collect();
    let lenient = ImportOptions { unknown_columns: UnknownColumns::Ignore, ..options.clone() };
    let targets = if is_payments {
        header
            .iter()
            .map(
                |cell| {
                    if PaymentMapping::knows(cell.trim()) { cell.trim().to_owned() } else { String::new() }
                },
            )
            .collect()
    } else {
        match Mapping::of_first(records.first(), &lenient) {
            Ok(mapping) => {
                looked.preset = match mapping.preset() {
                    Preset::None => "",
                    preset => preset.into(),
                };
                mapping.columns().iter().map(|column| target(&column.usage)).collect()
            }
            Err(problems) => {
                looked.problems.extend(problems.into_iter().map(|problem| problem.message));
                header.iter().map(|cell| alone(cell, &lenient)).collect::<Vec<String>>()
            }
        }
    };
    let columns = header.into_iter().zip(targets).take(COLUMNS_MAX).enumerate();
    looked.columns = columns
        .map(|(index, (header, target))| LookedColumn {
            header: header.trim().trim_start_matches('\u{feff}').to_owned(),
            was: target.clone(),
            target,
            values: rows
                .iter()
                .filter_map(|row| row.get(index))
                .map(|value| shortened(value))
                .filter(|value| !value.is_empty())
                .collect(),
        })
        .collect();
    looked
}

fn target(usage: &ColumnUse) -> String {
    match usage {
        ColumnUse::Fills { target, .. } => target.name().into_owned(),
        ColumnUse::LeftOut | ColumnUse::Nameless => String::new(),
    }
}

/// What a header means by itself, where the whole header is refused.
fn alone(header: &str, options: &ImportOptions) -> String {
    let mapping = Mapping::of([header], options).ok();
    mapping
        .and_then(|mapping| mapping.columns().first().map(|column| target(&column.usage)))
        .unwrap_or_default()
}

fn shortened(value: &str) -> String {
    let value = value.trim();
    let mut short: String = value.chars().take(VALUE_CHARS).collect();
    if short.len() < value.len() {
        short.push('…');
    }
    short
}
