//! CSV as in RFC 4180: UTF-8 without a byte order mark, CRLF line endings, quotes only where needed.

use std::io;

use csv::{Terminator, Writer, WriterBuilder};

use super::Sheet;
use crate::domain::exports::Cell;

#[derive(Debug)]
pub(super) struct CsvSheet {
    writer: Writer<Vec<u8>>,
}

impl CsvSheet {
    pub(super) fn begin<'a>(headings: impl Iterator<Item = &'a str>) -> io::Result<CsvSheet> {
        let mut writer = new_writer();
        writer.write_record(headings)?;
        Ok(CsvSheet { writer })
    }
}

impl Sheet for CsvSheet {
    fn row(&mut self, cells: &mut dyn Iterator<Item = Cell<'_>>) -> io::Result<()> {
        for cell in cells {
            self.writer.write_field(cell.csv().as_bytes())?;
        }
        Ok(self.writer.write_record(None::<&[u8]>)?)
    }

    fn written(&mut self) -> io::Result<Vec<u8>> {
        let full = std::mem::replace(&mut self.writer, new_writer());
        full.into_inner().map_err(csv::IntoInnerError::into_error)
    }

    fn end(mut self: Box<Self>) -> io::Result<Vec<u8>> {
        self.written()
    }
}

fn new_writer() -> Writer<Vec<u8>> {
    WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::exports::CellKind;

    #[test]
    fn rules_9_cells_are_quoted_and_neutralised() {
        let mut sheet = CsvSheet::begin(["a", "b", "c"].into_iter()).unwrap();
        let cell = |kind, text: &'static str| Cell { kind, text: text.into() };
        for row in [
            [
                cell(CellKind::Text, "=1+1"),
                cell(CellKind::Phone, "+15555550117"),
                cell(CellKind::Number, "-5"),
            ],
            [cell(CellKind::Text, "say \"hi\", =x"), cell(CellKind::Text, ""), cell(CellKind::Text, "😀")],
            [cell(CellKind::Text, "'=x"), cell(CellKind::Text, "-1,5"), cell(CellKind::Text, "")],
        ] {
            sheet.row(&mut row.into_iter()).unwrap();
        }
        let text = String::from_utf8(sheet.written().unwrap()).unwrap();
        let lines = "a,b,c\r\n'=1+1,+15555550117,-5\r\n\"say \"\"hi\"\", =x\",,😀\r\n''=x,\"'-1,5\",\r\n";
        assert_eq!(text, lines);
        assert!(sheet.written().unwrap().is_empty());
    }
}
