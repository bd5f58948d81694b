//! A workbook with one sheet, written as a stream. Cells hold their texts inline instead of in a shared string table,
//! and the ZIP archive gives sizes after each part. So no part is ever complete in memory or in a temporary file, which
//! would hold personal values in clear (rules 7). Workbook crates need one or the other, so this code uses none.

use std::fmt::Write as _;
use std::io::{self, Write};

use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use super::Sheet;
use super::outlet::Outlet;
use crate::domain::exports::{Cell, CellKind};

/// The maximum length of a cell in UTF-16 units. Excel reports a file with a longer one as corrupt.
const CELL_UNITS_MAX: usize = 32_767;
/// Replaces a text that exceeds the limit. Only the column of all additional fields can.
const TOO_LONG: &str = "(too long for a spreadsheet cell; use csv)";

const HEADING_STYLE: u8 = 1;
const TEXT_STYLE: u8 = 2;

/// The parts besides the sheet. They are the same in every file.
const PARTS: [(&str, &str); 5] = [
    (
        "[Content_Types].xml",
        r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>"#,
    ),
    (
        "_rels/.rels",
        r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#,
    ),
    (
        "xl/workbook.xml",
        r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="records" sheetId="1" r:id="rId1"/></sheets></workbook>"#,
    ),
    (
        "xl/_rels/workbook.xml.rels",
        r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>"#,
    ),
    (
        // Style 0 is plain, 1 is bold text for headings, 2 is text. Its number format "@" keeps edited text a text.
        "xl/styles.xml",
        r#"<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/><xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/><xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>"#,
    ),
];

/// Where the workbook names its sheet.
const SHEET: &str = "<sheet name=\"records\" ";

const DECLARATION: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#;
/// Freezes the first row.
const SHEET_START: &str = r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>"#;
const SHEET_END: &str = "</sheetData></worksheet>";

#[derive(Debug)]
pub(super) struct XlsxSheet {
    zip: ZipWriter<StreamWriter<Outlet>>,
    outlet: Outlet,
    /// `A`, `B`, … `AA`.
    letters: Vec<String>,
    /// Rows so far; the first has number 1.
    rows: usize,
    /// Rows that the ZIP archive does not have yet.
    xml: String,
}

impl XlsxSheet {
    /// Begins a sheet with a name.
    pub(super) fn begin<'a>(name: &str, headings: impl Iterator<Item = &'a str>) -> io::Result<XlsxSheet> {
        let outlet = Outlet::default();
        let mut zip = ZipWriter::new_stream(outlet.clone());
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        let sheet = format!("<sheet name=\"{name}\" ");
        for (part, text) in PARTS {
            zip.start_file(part, options)?;
            write!(zip, "{DECLARATION}\n{}", text.replace(SHEET, &sheet))?;
        }
        zip.start_file("xl/worksheets/sheet1.xml", options)?;
        let xml = format!("{DECLARATION}\n{SHEET_START}");
        let mut sheet = XlsxSheet { zip, outlet, letters: Vec::new(), rows: 0, xml };
        let headings: Vec<&str> = headings.collect();
        sheet.letters = (0..headings.len()).map(letters).collect();
        let cells = headings.into_iter().map(|heading| Cell { kind: CellKind::Text, text: heading.into() });
        sheet.write_row(cells, HEADING_STYLE);
        Ok(sheet)
    }

    fn write_row<'a>(&mut self, cells: impl Iterator<Item = Cell<'a>>, text_style: u8) {
        self.rows += 1;
        let row = self.rows;
        let xml = &mut self.xml;
        // Writing to a String does not fail.
        let _ = write!(xml, r#"<row r="{row}">"#);
        for (column, cell) in self.letters.iter().zip(cells) {
            if cell.text.is_empty() {
                continue;
            }
            match cell.kind {
                CellKind::Number => {
                    let _ = write!(xml, r#"<c r="{column}{row}"><v>{}</v></c>"#, cell.text);
                }
                CellKind::Text | CellKind::Phone => {
                    let text =
                        if cell.text.encode_utf16().count() > CELL_UNITS_MAX { TOO_LONG } else { &cell.text };
                    let _ = write!(
                        xml,
                        r#"<c r="{column}{row}" s="{text_style}" t="inlineStr"><is><t xml:space="preserve">"#
                    );
                    escape(text, xml);
                    xml.push_str("</t></is></c>");
                }
            }
        }
        xml.push_str("</row>");
    }
}

impl Sheet for XlsxSheet {
    fn row(&mut self, cells: &mut dyn Iterator<Item = Cell<'_>>) -> io::Result<()> {
        self.write_row(cells, TEXT_STYLE);
        Ok(())
    }

    fn written(&mut self) -> io::Result<Vec<u8>> {
        self.zip.write_all(self.xml.as_bytes())?;
        self.xml.clear();
        Ok(self.outlet.take())
    }

    fn end(mut self: Box<Self>) -> io::Result<Vec<u8>> {
        self.xml.push_str(SHEET_END);
        self.zip.write_all(self.xml.as_bytes())?;
        self.zip.finish()?;
        Ok(self.outlet.take())
    }
}

/// The letters of a column: A…Z, AA…
fn letters(index: usize) -> String {
    const ALPHABET: &[u8; 26] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let letter = ALPHABET.get(index % 26).copied().map_or('A', char::from);
    match index / 26 {
        0 => letter.to_string(),
        before => format!("{}{letter}", letters(before - 1)),
    }
}

/// Writes a text as the content of a cell element. Spreadsheets read `_x000A_` as the character with that number
/// (ECMA-376, `ST_Xstring`). So characters that XML cannot hold become such an escape, and in a text that looks like an
/// escape the first `_` does.
fn escape(text: &str, xml: &mut String) {
    for (at, c) in text.char_indices() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '\0'..'\u{20}' | '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(xml, "_x{:04X}_", u32::from(c));
            }
            '_' if is_escape(text.get(at..).unwrap_or_default()) => xml.push_str("_x005F_"),
            other => xml.push(other),
        }
    }
}

/// Whether a text starts like `_x000A_`.
fn is_escape(text: &str) -> bool {
    let digits = text.strip_prefix("_x").and_then(|rest| rest.split_at_checked(4));
    digits.is_some_and(|(digits, rest)| {
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()) && rest.starts_with('_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_letters() {
        for (index, name) in
            [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA")]
        {
            assert_eq!(letters(index), name);
        }
    }

    #[test]
    fn texts_stay_what_they_are() {
        for (text, escaped) in [
            ("a & b < c > \"d\"", "a &amp; b &lt; c &gt; \"d\""),
            ("=1+1", "=1+1"),
            ("a\tb\u{ffff}", "a_x0009_b_xFFFF_"),
            ("_x0041_", "_x005F_x0041_"),
            ("_x004_ _x00é1_ _", "_x004_ _x00é1_ _"),
            ("李雷 😀", "李雷 😀"),
        ] {
            let mut xml = String::new();
            escape(text, &mut xml);
            assert_eq!(xml, escaped);
        }
    }

    #[test]
    fn a_text_that_no_cell_holds_is_not_cut_in_silence() {
        let mut sheet = XlsxSheet::begin("customers", ["a"].into_iter()).unwrap();
        for length in [CELL_UNITS_MAX, CELL_UNITS_MAX + 1] {
            let cell = Cell { kind: CellKind::Text, text: "x".repeat(length).into() };
            sheet.row(&mut [cell].into_iter()).unwrap();
        }
        assert!(sheet.xml.contains(&format!(">{}<", "x".repeat(CELL_UNITS_MAX))));
        assert_eq!(sheet.xml.matches(TOO_LONG).count(), 1);
    }
}
