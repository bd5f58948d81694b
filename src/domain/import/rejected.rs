//! The rejected rows of an import as a file that is fit to be mended and imported (rules 9).

use super::job::RowReport;

/// The header of the column with the line of the row in its file; an import leaves it out.
pub const LINE_HEADER: &str = "importLine";
/// The header of the column with what is wrong; an import leaves it out.
pub const ERROR_HEADER: &str = "importError";

/// The header line: that of the file, and two columns more.
pub fn header(header: &[String]) -> Vec<u8> {
    let cells = header.iter().map(String::as_str);
    line(cells.chain([LINE_HEADER, ERROR_HEADER]))
}

/// A line for each row, its cells as they stand in the file, padded to `columns`.
pub fn rows(rows: &[RowReport], columns: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for row in rows {
        let number = row.line.to_string();
        let error = row.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let missing = columns.saturating_sub(row.cells.len());
        // Cells beyond the header would shift what follows.
        let cells = row.cells.iter().map(String::as_str).take(columns);
        let padding = std::iter::repeat_n("", missing);
        text.extend(line(cells.chain(padding).chain([number.as_str(), error.as_str()])));
    }
    text
}

fn line<'a>(cells: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    // Memory takes everything.
    let _ = writer.write_record(cells);
    writer.into_inner().unwrap_or_default()
}
