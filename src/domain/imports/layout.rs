//! Where the records of a file begin, and what is between their cells (rules 9).

use serde::{Deserialize, Serialize};

use super::header::Mapping;
use super::options::ImportOptions;
use super::records::{CsvRecord, JSON_LINES, Position, RecordItem, RecordReader};

const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// The most records that may stand above the header.
const TITLES_MAX: usize = 10;
/// The most cells of such a record that may have a value: a report's title, perhaps with its date.
const TITLE_CELLS_MAX: usize = 2;
/// How many names of columns make a header unmistakable.
const NAMES_MIN: usize = 3;

/// The layout of a text: its delimiter, and the position of its first record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// The delimiter of cells; [`JSON_LINES`] for a file without header whose lines are JSON objects.
    pub delimiter: u8,
    /// The position of the header, after a first line `sep=;`, which Excel writes and reads, or after title lines; else
    /// the beginning.
    pub start: Position,
}

impl Layout {
    /// The layout of a text, from its beginning and the options. `first_text` should contain the whole header line.
    pub fn of(first_text: &str, options: &ImportOptions) -> Layout {
        // No name of a column begins so.
        let inside = first_text.trim_start().strip_prefix('{').map(str::trim_start);
        if inside.is_some_and(|rest| rest.starts_with(['"', '}'])) && options.delimiter.is_none() {
            return Layout { delimiter: JSON_LINES, start: Position::default() };
        }
        let hint = first_text.get(..5).filter(|line| {
            line.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("sep="))
                && first_text.get(5..).is_some_and(|rest| rest.starts_with(['\r', '\n']))
        });
        let Some(hinted) = hint.and_then(|line| line.bytes().last()).filter(|it| DELIMITERS.contains(it))
        else {
            let delimiter = options.delimiter_byte().unwrap_or_else(|| detect_delimiter(first_text));
            let first = Layout { delimiter, start: Position::default() };
            return first.below_titles(first_text, options).unwrap_or(first);
        };
        let end = if first_text.get(5..).is_some_and(|rest| rest.starts_with("\r\n")) { 7 } else { 6 };
        let delimiter = options.delimiter_byte().unwrap_or(hinted);
        Layout { delimiter, start: Position { offset: end, line: 2 } }
    }

    /// The layout of a file with title lines above its header, as reports have them. The header must be unmistakable:
    /// several names of columns, which are at least half of its cells. No line above it may have such a name.
    fn below_titles(self, first_text: &str, options: &ImportOptions) -> Option<Layout> {
        // Most files have none: their first record names columns, or has too many cells for a title.
        let first = RecordReader::new(self.delimiter, Position::default()).read(&mut first_text.as_bytes());
        if let Some(RecordItem::Record(record)) = first
            && !is_title(&record, Mapping::names_in(record.cells(), options).known)
        {
            return None;
        }
        let named = options.delimiter_byte();
        let others = DELIMITERS.into_iter().filter(|other| *other != self.delimiter && named.is_none());
        let found = std::iter::once(self.delimiter).chain(others).filter_map(|delimiter| {
            let (start, names) = header_below_titles(first_text, delimiter, options)?;
            Some((names, Layout { delimiter, start }))
        });
        // The first delimiter with the most names.
        found
            .fold(None, |best: Option<(usize, Layout)>, it| match best {
                Some(best) if best.0 >= it.0 => Some(best),
                _ => Some(it),
            })
            .map(|(_, layout)| layout)
    }
}

/// Where the header stands below title lines, and how many names it has.
fn header_below_titles(text: &str, delimiter: u8, options: &ImportOptions) -> Option<(Position, usize)> {
    let mut reader = RecordReader::new(delimiter, Position::default());
    let mut rest = text.as_bytes();
    for index in 0..=TITLES_MAX {
        let item = reader.read(&mut rest).or_else(|| reader.finish())?;
        let RecordItem::Record(record) = item else { return None };
        let found = Mapping::names_in(record.cells(), options);
        let is_header = found.known >= NAMES_MIN && found.known * 2 >= found.cells;
        if is_header && index > 0 {
            return Some((record.start, found.known));
        }
        if !is_title(&record, found.known) {
            return None;
        }
    }
    None
}

fn is_title(record: &CsvRecord, names: usize) -> bool {
    let cells = record.cells().filter(|cell| !cell.trim().is_empty()).count();
    names == 0 && cells <= TITLE_CELLS_MAX && !record.is_open
}

/// The delimiter that is most frequent outside quotes in the first line with a value: comma, semicolon, tab or pipe; comma
/// if several are equally frequent.
fn detect_delimiter(first_text: &str) -> u8 {
    let mut counts = [0_usize; DELIMITERS.len()];
    let (mut is_quoted, mut has_value) = (false, false);
    for byte in first_text.bytes() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' | b'\r' if !is_quoted && has_value => break,
            _ if is_quoted => {}
            _ => {
                if let Some(count) = DELIMITERS.iter().zip(&mut counts).find(|(it, _)| **it == byte) {
                    *count.1 += 1;
                }
            }
        }
        has_value = has_value || !(byte.is_ascii_whitespace() || DELIMITERS.contains(&byte));
    }
    let most = counts.iter().max().copied().unwrap_or_default();
    let found = DELIMITERS.iter().zip(counts).find(|(_, count)| *count == most);
    found.map_or(b',', |(delimiter, _)| *delimiter)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "Customer,Phone numbers,Email,Full name,Bill address,Ship address\r\n";

    fn layout(text: &str) -> (char, u64, u64) {
        let Layout { delimiter, start } = Layout::of(text, &ImportOptions::default());
        (char::from(delimiter), start.offset, start.line)
    }

    #[test]
    fn rules_9_title_lines_above_an_unmistakable_header_are_skipped() {
        for (titles, line) in [
            ("Roe & Sons\r\nCustomer Contact List\r\n\r\n", 4),
            ("Roe & Sons,,,,,\r\nCustomer Contact List,,,,,\r\n,,,,,\r\n", 4),
            ("\"Roe, Ada\nand Sons\"\r\n", 3),
            ("Customers,12 March 2024\r\n", 2),
            ("\r\n\r\n All; customers \r\n", 4),
            ("Report one;two|three\r\n", 2),
        ] {
            let offset = u64::try_from(titles.len()).unwrap();
            assert_eq!(
                layout(&format!("{titles}{REPORT}Roe,,a@example.test,,,\r\n")),
                (',', offset, line),
                "{titles}"
            );
            let semicolons = REPORT.replace(',', ";");
            assert_eq!(layout(&format!("{titles}{semicolons}")), (';', offset, line), "{titles}");
        }
    }

    #[test]
    fn a_doubtful_header_is_not_looked_for() {
        for text in [
            // The first line is the header, however few names it has.
            &format!("Email\r\n{REPORT}"),
            &format!("Shoe size,Email\r\n{REPORT}"),
            // A line with many values is a customer.
            &format!("Ada,Roe,ada@example.test\r\n{REPORT}"),
            // Too few names, or lost among other cells.
            "Customers\r\nEmail,City\r\n",
            "Customers\r\nemail,city,a,b,c,d,e,phone\r\n",
            &format!("{}{REPORT}", "x\r\n".repeat(TITLES_MAX + 1)),
            "Customers\r\n\"Customer,Email,Phone",
            "",
        ] {
            assert_eq!(layout(text).2, 1, "{text}");
        }
        let named = ImportOptions::parse(&[("map", "Shoe size:additional-shoe")]).unwrap();
        let text = format!("Shoe size\r\n{REPORT}");
        assert_eq!(Layout::of(&text, &named).start.line, 1, "a mapped column is a name");
    }

    #[test]
    fn rules_9_delimiters_are_seen_in_the_header() {
        for (text, delimiter) in [
            ("a,b,c\n1;2;3;4;5", b','),
            ("a;b;c", b';'),
            ("a\tb\tc\r\n", b'\t'),
            ("a|b", b'|'),
            ("email", b','),
            ("", b','),
            ("a;b,c", b','),
            ("\"a;b;c;d\",e", b','),
            ("\n\r\n \n\"Name, first\";\"E-mail\";Phone\n", b';'),
            ("\"a\nb;c;d\",e,f\n", b','),
        ] {
            assert_eq!(detect_delimiter(text), delimiter, "{text:?}");
        }
    }

    #[test]
    fn a_first_line_that_names_the_delimiter_is_believed_and_left_out() {
        let layout = |text| Layout::of(text, &ImportOptions::default());
        for text in ["sep=;\r\na,b;c\n", "SEP=;\na,b;c"] {
            let layout = layout(text);
            assert_eq!((layout.delimiter, layout.start.line), (b';', 2));
            let from = usize::try_from(layout.start.offset).unwrap();
            let mut reader = RecordReader::new(layout.delimiter, layout.start);
            let first = reader.read(&mut &text.as_bytes()[from..]).or_else(|| reader.finish());
            assert!(matches!(first, Some(RecordItem::Record(record))
                if record.start.line == 2 && record.cells().eq(["a,b", "c"])));
        }
        for text in ["sep=x\na,b", "sep=;x,y,z\na,b", "sep=,", "séparateur", "a,b"] {
            assert_eq!(layout(text), Layout { delimiter: b',', start: Position::default() }, "{text}");
        }
        let options = ImportOptions { delimiter: Some('|'), ..ImportOptions::default() };
        assert_eq!(Layout::of("a,b,c|d", &options).delimiter, b'|');
    }
}
