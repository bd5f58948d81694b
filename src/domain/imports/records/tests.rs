//! Records, whole and in pieces.

use proptest::prelude::*;

use super::*;

/// Reads a text in pieces of the given lengths, again and again.
fn read_from(text: &str, delimiter: u8, start: Position, pieces: &[usize]) -> Vec<RecordItem> {
    let mut reader = RecordReader::new(delimiter, start);
    let mut items = Vec::new();
    let mut rest = &text.as_bytes()[usize::try_from(start.offset).unwrap()..];
    let mut lengths = pieces.iter().cycle();
    while !rest.is_empty() {
        let (mut piece, after) = rest.split_at((*lengths.next().unwrap()).clamp(1, rest.len()));
        while let Some(item) = reader.read(&mut piece) {
            items.push(item);
        }
        assert!(piece.is_empty());
        rest = after;
    }
    items.extend(reader.finish());
    items
}

fn read(text: &str, delimiter: u8) -> Vec<RecordItem> {
    read_from(text, delimiter, Position::default(), &[usize::MAX])
}

fn rows(text: &str) -> Vec<(u64, Vec<String>)> {
    let cells = |record: &CsvRecord| record.cells().map(str::to_owned).collect();
    read(text, b',')
        .iter()
        .map(|item| match item {
            RecordItem::Record(record) => (record.start.line, cells(record)),
            RecordItem::TooLong(long) => (long.start.line, vec![long.message()]),
        })
        .collect()
}

fn row(line: u64, cells: &[&str]) -> (u64, Vec<String>) {
    (line, cells.iter().map(|cell| (*cell).to_owned()).collect())
}

#[test]
fn rules_9_records_and_their_physical_lines() {
    assert_eq!(rows("a,b\n1,2\n"), [row(1, &["a", "b"]), row(2, &["1", "2"])]);
    assert_eq!(rows("a,b\r\n1,2"), [row(1, &["a", "b"]), row(2, &["1", "2"])]);
    assert_eq!(rows("a,b\r1,2\r3,4"), [row(1, &["a", "b"]), row(2, &["1", "2"]), row(3, &["3", "4"])]);
    let quoted = "a,b\n\"1\n\"\"x\"\"\r\n,y\",2\n\n , \n,\r\n3\n";
    assert_eq!(rows(quoted), [row(1, &["a", "b"]), row(2, &["1\n\"x\"\r\n,y", "2"]), row(8, &["3"])]);
    assert_eq!(
        rows("a,b,c\n1\n1,2,3,4\n"),
        [row(1, &["a", "b", "c"]), row(2, &["1"]), row(3, &["1", "2", "3", "4"])]
    );
    assert_eq!(rows("a\n\"\"\n\" \"\nx"), [row(1, &["a"]), row(4, &["x"])]);
    assert_eq!(rows("a,\n,b"), [row(1, &["a", ""]), row(2, &["", "b"])]);
    assert_eq!(rows("x\0y,z"), [row(1, &["x\0y", "z"])]);
    assert_eq!(rows("a\"b,\"c\"d, \"e\"\n"), [row(1, &["a\"b", "cd", " \"e\""])]);
    // A byte order mark after a record is text, wherever the reader started.
    assert_eq!(rows("a\n\u{feff}b\n"), [row(1, &["a"]), row(2, &["\u{feff}b"])]);
    for empty in ["", "\n", "\r\n\r\n", " ,\n,,\n"] {
        assert_eq!(rows(empty), [], "{empty:?}");
    }
}

#[test]
fn a_quote_that_never_closes_is_noticed() {
    let open = |text: &str| match read(text, b',').pop() {
        Some(RecordItem::Record(record)) => (record.start.line, record.is_open),
        other => panic!("{other:?}"),
    };
    assert_eq!(open("a\nb,\"c\nd\n"), (2, true));
    assert_eq!(open("a\n\""), (2, true));
    assert_eq!(open("a\nb,\"c\"\"\n"), (2, true));
    assert_eq!(rows("a\nb,\"c\nd"), [row(1, &["a"]), row(2, &["b", "c\nd"])]);
    for closed in ["a\nb,\"c\"", "a\nb,\"c\"\n", "a\nb,c\"", "a\nb,\"c\"\r"] {
        assert_eq!(open(closed), (2, false), "{closed:?}");
    }
}

/// A text of records whose cells are quoted or not, and the cells of every record.
fn table() -> impl Strategy<Value = (String, u8, Vec<Vec<String>>)> {
    let cell = "[a-cé\"\n\r,;|\t ']{0,6}";
    let records = proptest::collection::vec(proptest::collection::vec((cell, any::<bool>()), 1..5), 0..8);
    let ends = proptest::sample::select(vec!["\n", "\r\n", "\r"]);
    let delimiters = proptest::sample::select(b",;\t|".to_vec());
    (records, ends, delimiters, any::<bool>(), any::<bool>()).prop_map(
        |(records, end, delimiter, last, blank)| {
            let mut text = String::new();
            for (index, record) in records.iter().enumerate() {
                for (index, (cell, quoted)) in record.iter().enumerate() {
                    if index > 0 {
                        text.push(char::from(delimiter));
                    }
                    let must = cell.contains(['"', '\n', '\r', char::from(delimiter)]);
                    if *quoted || must {
                        text.extend(["\"", &cell.replace('"', "\"\""), "\""]);
                    } else {
                        text.push_str(cell);
                    }
                }
                if last || index + 1 < records.len() {
                    text.push_str(end);
                }
                if blank {
                    text.push_str(if last || index + 1 < records.len() { end } else { "" });
                }
            }
            let cells = |record: &Vec<(String, bool)>| record.iter().map(|(cell, _)| cell.clone()).collect();
            let has_value = |record: &Vec<String>| record.iter().any(|cell| !cell.trim().is_empty());
            (text, delimiter, records.iter().map(cells).filter(has_value).collect())
        },
    )
}

fn line_at(text: &str, offset: u64) -> u64 {
    let mut lines = LineEnds::default();
    lines.feed(&text.as_bytes()[..usize::try_from(offset).unwrap()]);
    lines.count() + 1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// The cells come back as they were written, however the text is cut and from the end of any record on.
    #[test]
    fn rules_9_cuts_and_resumptions_change_nothing(
        (text, delimiter, cells) in table(),
        pieces in proptest::collection::vec(1..20_usize, 1..6),
    ) {
        let whole = read(&text, delimiter);
        let found: Vec<Vec<String>> = whole
            .iter()
            .map(|item| match item {
                RecordItem::Record(record) => record.cells().map(str::to_owned).collect(),
                RecordItem::TooLong(long) => panic!("{long:?}"),
            })
            .collect();
        prop_assert_eq!(found, cells);
        prop_assert_eq!(&read_from(&text, delimiter, Position::default(), &pieces), &whole);
        for (index, item) in whole.iter().enumerate() {
            prop_assert_eq!(item.start().line, line_at(&text, item.start().offset));
            prop_assert_eq!(item.end().line, line_at(&text, item.end().offset));
            prop_assert_eq!(&read_from(&text, delimiter, item.end(), &pieces), &whole[index + 1..]);
            prop_assert_eq!(&read_from(&text, delimiter, item.start(), &pieces), &whole[index..]);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[a\"\n\r,; é\0]{0,60}", pieces in proptest::collection::vec(1..9_usize, 1..4)) {
        let whole = read(&text, b',');
        prop_assert_eq!(&read_from(&text, b',', Position::default(), &pieces), &whole);
        for (index, item) in whole.iter().enumerate() {
            prop_assert_eq!(&read_from(&text, b',', item.end(), &pieces), &whole[index + 1..]);
        }
    }
}

#[test]
fn the_longest_record_is_kept_and_a_longer_one_is_a_rejected_row() {
    for end in ["\n", "\r\n", ""] {
        let fits = format!("h\n{},b{end}", "x".repeat(RECORD_BYTES_MAX - 2));
        for pieces in [&[usize::MAX][..], &[4096], &[1000, 7]] {
            let items = read_from(&fits, b',', Position::default(), pieces);
            assert!(
                matches!(&items[1], RecordItem::Record(record) if record.cells().count() == 2),
                "{end:?}"
            );
        }
        let long = format!("h\n{},b{end}", "x".repeat(RECORD_BYTES_MAX - 1));
        for pieces in [&[usize::MAX][..], &[4096], &[1000, 7]] {
            let items = read_from(&long, b',', Position::default(), pieces);
            assert!(matches!(&items[1], RecordItem::TooLong(long) if long.start.line == 2 && !long.is_open));
            assert_eq!(items.len(), 2);
        }
    }
}

#[test]
fn a_line_of_200_megabytes_is_passed_over_with_flat_memory() {
    const PIECE: usize = 64 << 10;
    for quoted in [false, true] {
        let mut reader = RecordReader::new(b',', Position::default());
        let mut items = Vec::new();
        let mut feed = |bytes: &[u8]| {
            let mut piece = bytes;
            while let Some(item) = reader.read(&mut piece) {
                items.push(item);
            }
            assert!(reader.capacity() <= 3 * RECORD_BYTES_MAX, "{}", reader.capacity());
            reader.capacity()
        };
        feed(if quoted { b"h\n\"" } else { b"h\n" });
        let filler = vec![b'x'; PIECE];
        for _ in 0..(200 << 20) / PIECE {
            feed(&filler);
        }
        feed(if quoted { b"\"\r\nnext,row\r\n" } else { b"\r\nnext,row\r\n" });
        assert!(feed(b"last,row\n") <= 1 << 20);
        let RecordItem::TooLong(long) = &items[1] else { panic!("{:?}", items[1].start()) };
        assert_eq!((long.start.line, long.end.line, long.is_open), (2, 3, quoted));
        assert_eq!(long.message().contains("quote"), quoted);
        let RecordItem::Record(next) = &items[2] else { panic!("too long") };
        assert_eq!((next.start.line, next.cells().collect::<Vec<_>>()), (3, vec!["next", "row"]));
        assert_eq!(items.len(), 4);
    }
}

#[test]
fn a_record_of_nothing_but_delimiters_is_bounded_too() {
    let mut reader = RecordReader::new(b',', Position::default());
    let filler = vec![b','; 64 << 10];
    for _ in 0..64 {
        assert_eq!(reader.read(&mut filler.as_slice()), None);
        assert!(reader.capacity() <= 20 * RECORD_BYTES_MAX, "{}", reader.capacity());
    }
    assert!(matches!(reader.finish(), Some(RecordItem::TooLong(_))));
}
