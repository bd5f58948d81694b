//! Files of every shape: encodings, delimiters, line ends, quotes, and files that are no table.

use super::*;

/// A text in the encodings that programs write; the query that the file needs.
fn encodings(text: &str) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let little = || text.encode_utf16().flat_map(u16::to_le_bytes);
    let big = || text.encode_utf16().flat_map(u16::to_be_bytes);
    vec![
        ("UTF-8", text.as_bytes().to_vec(), ""),
        ("UTF-8 with a mark", ["\u{feff}", text].concat().into_bytes(), ""),
        ("UTF-16LE with a mark", [0xff, 0xfe].into_iter().chain(little()).collect(), ""),
        ("UTF-16BE with a mark", [0xfe, 0xff].into_iter().chain(big()).collect(), ""),
        ("UTF-16LE", little().collect(), "&encoding=utf-16le"),
        ("UTF-16BE", big().collect(), "&encoding=UTF-16BE"),
    ]
}

/// A name that needs quotes. A tab would become a blank.
fn hard(delimiter: char) -> String {
    format!("O\"Neil {} Co", if delimiter == '\t' { ';' } else { delimiter })
}

/// Six customers, three of them invalid, over 13 physical lines; the last line has no end.
fn table(prefix: &str, delimiter: char, end: &str, quotes_all: bool) -> String {
    let two_lines = format!("one{end}two");
    let three_lines = format!("a \"quote\"{end}{end}c{delimiter} d");
    let mail = |number: u8| format!("{prefix}.{number}@example.test");
    let number = |number: u8| format!("{prefix}-{number}");
    let rows: [Option<[String; 5]>; 9] = [
        Some(["customerNumber", "First Name", "lastname", "E-mail", "note"].map(str::to_owned)),
        Some([number(1), "Søren 李".into(), hard(delimiter), mail(1), two_lines]), // lines 2 and 3
        None,
        Some([number(2), "Bad".into(), "Mail".into(), "nobody".into(), three_lines]), // 5 to 7
        Some([number(3), " 😀 ".into(), "'=x".into(), mail(3), String::new()]),
        Some([number(4), format!("one{end}\u{1}two"), "Name".into(), mail(4), String::new()]), // 9 and 10
        None,
        Some([number(5), "Eve".into(), String::new(), mail(5), "last".into()]),
        Some([number(6), "Late".into(), "Mail".into(), "@".into(), String::new()]),
    ];
    let cell = |text: &String| {
        let must = text.contains([delimiter, '"', '\r', '\n']);
        if quotes_all || must { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.clone() }
    };
    let line = |row: &Option<[String; 5]>| {
        row.as_ref().map_or_else(String::new, |row| {
            row.iter().map(cell).collect::<Vec<_>>().join(&delimiter.to_string())
        })
    };
    rows.iter().map(line).collect::<Vec<_>>().join(end)
}

// The reader decodes bytes before any database sees them, so one database suffices for 144 imports.
#[tokio::test]
async fn rules_9_every_combination_of_encoding_delimiter_line_end_and_quoting_is_read() {
    let server = Server::start(Db::Sqlite).await;
    let client = server.client();
    let mut prefixes = Vec::new();
    for (name, delimiter) in [("comma", ','), ("semicolon", ';'), ("tab", '\t'), ("pipe", '|')] {
        for (end_name, end) in [("crlf", "\r\n"), ("lf", "\n"), ("cr", "\r")] {
            for quotes_all in [false, true] {
                let stem = format!("{name}-{end_name}-{quotes_all}");
                // Each encoding has customers of its own; the words of the file are the same.
                for (place, (encoding, _, query)) in encodings("").iter().enumerate() {
                    let prefix = format!("{stem}-{place}");
                    let text = table(&prefix, delimiter, end, quotes_all);
                    let file = encodings(&text).remove(place).1;
                    let data = imported(&client, &format!("demo?unknownColumns=ignore{query}"), file).await;
                    assert_eq!(counts(&data), [3, 0, 3], "{stem} in {encoding}: {data}");
                    assert_eq!(data["columnsLeftOut"], json!(["note"]), "{stem} in {encoding}");
                    let errors = data["errors"].as_array().unwrap().iter();
                    let lines = errors.map(|error| error.as_str().unwrap().split(':').next().unwrap());
                    assert_eq!(
                        lines.collect::<Vec<_>>(),
                        ["Error on line 5", "Error on line 9", "Error on line 13"],
                        "{stem} in {encoding}"
                    );
                    assert_eq!(
                        row_problems(&client, &data).await,
                        [
                            problem(5, "email", "invalid_email"),
                            problem(9, "firstname", "control_character"),
                            problem(13, "email", "invalid_email"),
                        ],
                        "{stem} in {encoding}"
                    );
                    prefixes.push((prefix, delimiter));
                }
            }
        }
    }
    let stored = by(&client, "customerNumber").await;
    assert_eq!(stored.len(), prefixes.len() * 3);
    for (prefix, delimiter) in prefixes {
        let record = |number: u8| &stored[&format!("{prefix}-{number}")];
        let mail = |number: u8| format!("{prefix}.{number}@example.test");
        let names = |number: u8| {
            let record = record(number);
            json!([record["Firstname"], record["Lastname"], record["Email"]])
        };
        assert_eq!(names(1), json!(["Søren 李", hard(delimiter), mail(1)]), "{prefix}");
        assert_eq!(names(3), json!(["😀", "=x", mail(3)]), "{prefix}");
        assert_eq!(names(5), json!(["Eve", null, mail(5)]), "{prefix}");
    }
}

both!(rules_9_ragged_rows_are_padded_or_rejected_one_by_one, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let file = "email,firstname,,city\r\n\
        a@example.test\r\n\
        \r\n\
        b@example.test,Bea,,Oakton,,\r\n\
        ,,,\r\n  \r\n\
        c@example.test,Cy,,Reston,more\r\n\
        d@example.test,Di,x,Reston\r\n\
        e@example.test,E\0ve\r\n\
        \0\r\n\
        f@example.test,\"never closed\r\n\
        g@example.test,Gus\r\n";
    let data = imported(&client, "demo", file).await;
    assert_eq!(counts(&data), [2, 0, 5], "{data}");
    assert_eq!(
        row_problems(&client, &data).await,
        [
            problem(7, "", "surplus_cells"),
            problem(8, "", "unnamed_column"),
            problem(9, "firstname", "control_character"),
            problem(10, "email", "control_character"),
            problem(11, "", "unclosed_quote"),
        ]
    );
    let stored = by(&client, "Email").await;
    assert_eq!(stored.keys().collect::<Vec<_>>(), ["a@example.test", "b@example.test"]);
    assert_eq!(stored["a@example.test"]["City"], Value::Null);
    assert_eq!(stored["b@example.test"]["City"], "Oakton");
    // A column that is left out may contain anything.
    let file = "email,note\nh@example.test,a\0b\n";
    assert_eq!(counts(&imported(&client, "demo?unknownColumns=ignore", file).await), [1, 0, 0]);
});

both!(rules_9_a_header_alone_imports_nothing, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    for file in ["email,firstname", "email,firstname\r\n\r\n", "\u{feff}email;firstname\n;\n"] {
        let data = imported(&client, "demo", file).await;
        assert_eq!(counts(&data), [0, 0, 0], "{file:?}: {data}");
        assert_eq!(data["errors"], json!([]), "{file:?}");
    }
    assert_eq!(total(&client, "demo").await, 0);
});

/// The kind and content of a file, the query, and the expected line, code and part of the message.
type Refused = (&'static str, Vec<u8>, &'static str, u64, &'static str, &'static str);

/// A file of some kind; only its first bytes count.
fn packed(program: &str) -> Vec<u8> {
    let output = std::process::Command::new(python()).args(["-c", program]).output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

both!(rules_9_a_file_that_is_no_table_is_refused_with_advice, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let text = "email,firstname\nada@example.test,S\u{f8}ren\n";
    let windows = b"email,firstname\n\nada@example.test,S\xf8ren\n".to_vec();
    let late = [b"email\n".repeat(2000), b"ada@example.test\xe9\n".to_vec()].concat();
    let unmarked: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [vec![0xff, 0xfe], unmarked.clone()].concat();
    let gzip =
        packed("import sys, gzip; sys.stdout.buffer.write(gzip.compress(b'email\\nada@example.test\\n'))");
    let xlsx = packed(
        "import sys, io, openpyxl\nbook = openpyxl.Workbook()\nbook.active.append(['email'])\n\
        out = io.BytesIO()\nbook.save(out)\nsys.stdout.buffer.write(out.getvalue())",
    );
    let zip = packed(
        "import sys, io, zipfile\nout = io.BytesIO()\n\
        with zipfile.ZipFile(out, 'w') as z: z.writestr('customers.csv', 'email')\n\
        sys.stdout.buffer.write(out.getvalue())",
    );
    let long = format!("email,{}", "x".repeat(1 << 20)).into_bytes();
    let cases: [Refused; 18] = [
        ("nothing", Vec::new(), "", 1, "empty_file", "the names of the columns"),
        ("a mark alone", vec![0xef, 0xbb, 0xbf], "", 1, "empty_file", "the names of the columns"),
        ("blanks", b" \r\n\t\n".to_vec(), "", 1, "empty_file", "the names of the columns"),
        ("delimiters", b",,\n,,\n".to_vec(), "", 1, "no_header", "names of the columns"),
        ("gzip", gzip, "", 1, "not_csv", "unpack"),
        ("xlsx", xlsx, "", 1, "not_csv", "save it as CSV UTF-8"),
        ("zip", zip, "", 1, "not_csv", "unpack"),
        ("PDF", b"%PDF-1.7\n".to_vec(), "", 1, "not_csv", "save it as CSV UTF-8"),
        ("JSON", br#"[{"email": "ada@example.test"}]"#.to_vec(), "", 1, "not_csv", "NDJSON"),
        ("HTML", b"<!DOCTYPE html><table>".to_vec(), "", 1, "not_csv", "save it as CSV UTF-8"),
        ("windows-1252", windows.clone(), "", 3, "invalid_encoding", "encoding=windows-1252"),
        ("windows-1252 late", late, "", 2001, "invalid_encoding", "encoding=windows-1252"),
        ("UTF-16 without a mark", unmarked, "", 1, "unmarked_utf16", "encoding=utf-16le"),
        ("two encodings", marked, "?encoding=windows-1252", 1, "encoding_conflict", "leave encoding out"),
        ("a cut character", b"email\n\xc3".to_vec(), "", 2, "invalid_encoding", "CSV UTF-8"),
        ("no header", b"ada@example.test,Ada,Roe\n".to_vec(), "", 1, "no_header", "firstname,lastname,email"),
        ("an open quote", b"email,\"name\n".to_vec(), "", 1, "unclosed_quote", "never closed"),
        ("a header that is too long", long, "", 1, "header_too_long", "more than"),
    ];
    for (what, file, query, line, code, part) in cases {
        let answer = upload(&client, &format!("demo{query}"), file).await;
        let found = file_problems(&answer);
        assert_eq!(found.len(), 1, "{what}: {}", answer.text);
        assert_eq!((found[0].0, found[0].1.as_str()), (line, code), "{what}: {}", answer.text);
        assert!(found[0].2.contains(part), "{what}: {}", answer.text);
        assert!(!answer.text.contains("ada@"), "{what}: {}", answer.text);
    }
    nothing_is_there(&server, &client).await;
    let data = imported(&client, "demo?encoding=windows-1252", windows).await;
    assert_eq!(counts(&data), [1, 0, 0]);
    assert_eq!(by(&client, "Firstname").await.into_keys().collect::<Vec<_>>(), ["S\u{f8}ren"]);
});
