//! The rejected rows of an import, as a file that can be corrected and imported again.
//!
//! The two columns of the report come first, so the row's own cells stay in line, however many there are. The cells have
//! the text of the original file, save that no spreadsheet runs one as a formula; an import reads both alike. Passwords
//! stay as they are: an import reads them to the letter. Of a file of JSON lines it is CSV too, whose column `json` has the
//! lines.

use std::borrow::Cow;

use super::header::{ColumnUse, Mapping};
use super::job::ImportPlan;
use super::records::JSON_LINES;
use super::report::RowReport;
use super::target::{REJECTED_COLUMNS, Target, is_of_report};
use crate::domain::exports::harmless;

/// The beginning of the file: a byte order mark, which spreadsheets expect, and the header.
pub fn rejected_header(plan: &ImportPlan) -> Vec<u8> {
    let own = plan.header.iter().map(String::as_str).filter(|name| !is_of_report(name));
    let header = REJECTED_COLUMNS.into_iter().chain(own).map(|name| harmless(name).into_owned()).collect();
    let mut text = "\u{feff}".as_bytes().to_vec();
    text.extend(written(plan, [header]));
    text
}

/// Some rows of the file.
pub fn rejected_rows(plan: &ImportPlan, rows: &[RowReport]) -> Vec<u8> {
    let passwords = password_columns(plan);
    written(plan, rows.iter().map(|row| row_cells(plan, row, &passwords)))
}

fn password_columns(plan: &ImportPlan) -> Vec<usize> {
    let Ok(mapping) = Mapping::of(plan.header.iter().map(String::as_str), &plan.options) else {
        return Vec::new();
    };
    let is_password = |usage: &ColumnUse| matches!(usage, ColumnUse::Fills { target: Target::Password, .. });
    let columns = mapping.columns().iter().enumerate();
    columns.filter(|(_, column)| is_password(&column.usage)).map(|(index, _)| index).collect()
}

fn row_cells(plan: &ImportPlan, row: &RowReport, passwords: &[usize]) -> Vec<String> {
    let problems: Vec<String> = row.problems.iter().map(ToString::to_string).collect();
    let mut cells = vec![row.line.to_string(), harmless(&problems.join("; ")).into_owned()];
    let is_own = |index: usize| plan.header.get(index).is_none_or(|name| !is_of_report(name));
    let shown = |(index, cell)| {
        let text = if passwords.contains(&index) { Cow::Borrowed(cell) } else { harmless(cell) };
        text.into_owned()
    };
    let own = row.cells.iter().map(String::as_str).enumerate().filter(|(index, _)| is_own(*index));
    cells.extend(own.map(shown));
    // A row that was too short, or too long to be stored, still gets a cell for each column.
    let columns = (0..plan.header.len()).filter(|index| is_own(*index)).count() + REJECTED_COLUMNS.len();
    if cells.len() < columns {
        cells.resize(columns, String::new());
    }
    cells
}

fn written(plan: &ImportPlan, records: impl IntoIterator<Item = Vec<String>>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .delimiter(if plan.delimiter == JSON_LINES { b',' } else { plan.delimiter })
        .terminator(csv::Terminator::CRLF)
        .flexible(true)
        .from_writer(Vec::new());
    for record in records {
        // Writing into a vector cannot fail.
        let _ = writer.write_record(record);
    }
    writer.into_inner().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::exports::unmarked;
    use crate::domain::imports::{
        ImportOptions, Layout, Mapping, Position, Preset, RecordItem, RecordReader, RowNote, RowOutcome,
    };

    fn plan(header: &[&str], delimiter: u8) -> ImportPlan {
        ImportPlan {
            options: ImportOptions::default(),
            sight: crate::domain::accounts::sight::Sight::FULL,
            delimiter,
            header: header.iter().map(|name| (*name).to_owned()).collect(),
            start: Position::default(),
            file_hash: [0; 32],
            left_out: Vec::new(),
        }
    }

    fn report(line: u64, cells: Vec<String>) -> RowReport {
        let problems = vec![RowNote::new("email", "invalid_email", "must be an address, \"as such\"; a@b")];
        RowReport { problems, cells, ..RowReport::new(line, RowOutcome::Rejected) }
    }

    fn file(plan: &ImportPlan, rows: &[RowReport]) -> String {
        let bytes = [rejected_header(plan), rejected_rows(plan, rows)].concat();
        String::from_utf8(bytes).unwrap()
    }

    fn records(text: &str, delimiter: u8) -> Vec<Vec<String>> {
        let text = text.strip_prefix('\u{feff}').unwrap();
        assert_eq!(Layout::of(text, &ImportOptions::default()).delimiter, delimiter);
        let mut reader = RecordReader::new(delimiter, Position::default());
        let mut rest = text.as_bytes();
        let mut found = Vec::new();
        while let Some(item) = reader.read(&mut rest).or_else(|| reader.finish()) {
            let RecordItem::Record(record) = item else { panic!("too long") };
            assert!(!record.is_open);
            found.push(record.cells().map(str::to_owned).collect());
        }
        found
    }

    #[test]
    fn the_file_is_the_rows_with_line_and_reason_before_them() {
        let plan = plan(&["First Name", "email"], b';');
        let row = report(7, vec!["=A;da".into(), " x".into()]);
        let short = report(9, Vec::new());
        assert_eq!(
            file(&plan, &[row, short]),
            "\u{feff}importLine;importError;First Name;email\r\n\
             7;\"email: must be an address, \"\"as such\"\"; a@b\";\"'=A;da\"; x\r\n\
             9;\"email: must be an address, \"\"as such\"\"; a@b\";;\r\n"
        );
    }

    #[test]
    fn no_spreadsheet_runs_a_header_or_a_cell_and_passwords_stay() {
        let mut plan = plan(&["=cmd", "email", "customerPsw"], b',');
        plan.options = ImportOptions::parse(&[("unknownColumns", "ignore")]).unwrap();
        let row = report(2, vec!["@x".into(), "=\"04101\"".into(), "=secret".into()]);
        let text = file(&plan, &[row]);
        assert!(text.starts_with("\u{feff}importLine,importError,'=cmd,email,customerPsw\r\n"), "{text}");
        assert!(text.ends_with(",'@x,04101,=secret\r\n"), "{text}");
    }

    #[test]
    fn rejected_again_a_row_has_one_line_and_one_reason() {
        let plan = plan(&["\u{feff}importLine", "importError", "email"], b',');
        let row = report(2, vec!["7".into(), "old".into(), "x".into()]);
        let text = file(&plan, &[row]);
        let records = records(&text, b',');
        assert_eq!(records[0], ["importLine", "importError", "email"]);
        assert_eq!((&*records[1][0], &*records[1][2], records[1].len()), ("2", "x", 3));
    }

    #[test]
    fn its_columns_are_left_out_of_every_kind_of_file() {
        for (header, preset) in [
            ("email", Preset::None),
            ("customerId,LastUpdated,Email", Preset::Customary),
            ("Full Name,Email,Phone Number,Country,Street Address,City,Reference ID", Preset::Doku),
            ("id,Created (UTC),Email", Preset::Stripe),
            ("Email,Accepts Email Marketing,Total Orders", Preset::Shopify),
            ("Email,Command,Total Orders,Top Row", Preset::Matrixify),
        ] {
            let cells = REJECTED_COLUMNS.into_iter().chain(header.split(','));
            let mapping = Mapping::of(cells, &ImportOptions::default());
            let mapping = mapping.unwrap_or_else(|problems| panic!("{header}: {problems:?}"));
            assert_eq!(mapping.preset(), preset, "{header}");
            assert_eq!(mapping.left_out().take(2).collect::<Vec<_>>(), REJECTED_COLUMNS);
        }
    }

    proptest! {
        #[test]
        fn cells_are_read_as_they_were(
            rows in prop::collection::vec(prop::collection::vec("[a1,;\"=@\r\n \t|é']{0,6}", 2..5), 1..5),
            delimiter in prop::sample::select(vec![b',', b';', b'\t', b'|']),
        ) {
            let plan = plan(&["email", "company"], delimiter);
            let reports: Vec<RowReport> =
                rows.iter().zip(2..).map(|(cells, line)| report(line, cells.clone())).collect();
            let found = records(&file(&plan, &reports), delimiter);
            prop_assert_eq!(found.len(), rows.len() + 1);
            for (found, cells) in found.iter().skip(1).zip(&rows) {
                let read = |cells: &[String]| cells.iter().map(|cell| unmarked(cell).into_owned()).collect::<Vec<_>>();
                prop_assert_eq!(read(&found[2..]), read(cells));
                prop_assert!(found[2..].iter().all(|cell| !cell.starts_with(['=', '@', '\t', '\r'])));
            }
        }
    }
}
