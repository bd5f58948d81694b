//! The contents of the files.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::*;
use crate::support::*;

both!(rules_9_a_csv_file_has_the_values_of_the_list, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    create_nasty(&client, "demo").await;
    let records = oldest_first(&client, "demo").await;
    assert_eq!(records.len(), nasty().len());
    let answer = client.get(CSV).await.expect(200);
    let text = &answer.text;
    assert!(!text.starts_with('\u{feff}'), "a byte order mark");
    assert!(text.ends_with("\r\n"), "{text}");
    // No value contains a line end, so every line end is the one of RFC 4180.
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    assert_eq!(text.lines().count(), records.len() + 1);
    let table = Table::read(text);
    assert_eq!(table.headings, DEFAULT);
    assert_eq!(table.rows, rows_of(&records, &DEFAULT));
    // A few rows written by hand, so that one mistake cannot stand on both sides.
    let ada = "00123,ada,Ada,Roe,\"Ada \"\"the first\"\" Roe, MSc\",\"Roe, Søn & Co <\"\"Ltd\"\">\",ada.roe@example.test,\
        +15555550117 x12,9 Elm Row; rear,Floor\u{a0}2,Oakton,VA,00501,US,12 Oak Lane,Dock 7,Reston,VA,20190,US,1985-04-12,\
        wholesale;net 30,-5,-12.5,85,2020-01-02T03:04:05.678901Z,\
        \"{\"\"Zone\"\":\"\"=9*9\"\",\"\"a key\"\":\"\"@x\"\",\"\"tier\"\":\"\"gold, \\\"\"plus\\\"\"\"\"}\",email;lastname,,";
    assert_eq!(text.lines().nth(1), Some(ada));
    assert_eq!(table.column("Firstname")[1..3], ["'=1+1", "'"]);
    assert_eq!(table.column("Lastname")[1..3], ["''=x", "'plain"]);
    assert_eq!(table.column("Company")[1..3], ["'-1", "'' = x"]);
    assert_eq!(table.column("Address")[1], "'''=HYPERLINK(\"http://example.test\")");
    assert_eq!(
        table.column("Labels"),
        [
            "wholesale;net 30",
            "'=cmd;b",
            r#"["a;b","c"]"#,
            r#"["x|y","say \"hi\""]"#,
            r#"["[x]","y"]"#,
            "y;[x]",
            ""
        ]
    );
    assert_eq!(table.column("Balance")[..4], ["-12.5", "450359962701.0625", "0", "0.0001"]);
    assert_eq!(table.column("TimeZone")[..3], ["-5", "", "14"]);
});

both!(rules_9_customers_created_from_an_export_export_the_same_file, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    new_entry(server.site(), "copy", &[]);
    create_nasty(&client, "demo").await;
    let original = client.get(CSV).await.expect(200).text;
    let table = Table::read(&original);
    for row in &table.rows {
        let mut body = json!({});
        for (heading, cell) in table.headings.iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
            let name = format!("{}{}", heading[..1].to_lowercase(), &heading[1..]);
            let name = if name == "created" { "createdAt".to_owned() } else { name };
            let bare = cell.strip_prefix('\'').filter(|bare| in_csv(bare, heading) == *cell);
            let text = bare.unwrap_or(cell);
            body[&name] = match heading.as_str() {
                "TimeZone" | "Balance" | "customerStatus" | "AdditionalFields" => {
                    serde_json::from_str(text).unwrap()
                }
                "Labels" if text.starts_with('[') => serde_json::from_str(text).unwrap(),
                "Labels" | "IdentifierFields" => text.split(';').collect::<Vec<_>>().into(),
                _ => json!(text),
            };
        }
        client.create("copy", &body, &[], &[]).await.expect(200);
    }
    assert_eq!(client.get("/api/Export/customers/csv/copy").await.expect(200).text, original);
});

both!(rules_9_a_workbook_has_the_same_values_as_text_and_numbers, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    create_nasty(&client, "demo").await;
    let records = oldest_first(&client, "demo").await;
    let columns = [DEFAULT.join(","), "customerId,orgId".to_owned()].join(",");
    let headings: Vec<&str> = columns.split(',').collect();
    let found = workbook(&server, &client, &format!("{XLSX}?columnsExport={columns}")).await;
    assert_eq!((&found["broken"], &found["sheets"]), (&Value::Null, &json!(["customers"])));
    assert_eq!(found["frozen"], "A2");
    let rows = found["rows"].as_array().unwrap();
    assert_eq!(rows.len(), records.len() + 1);
    for (cell, heading) in rows[0].as_array().unwrap().iter().zip(&headings) {
        assert_eq!((&cell["value"], &cell["bold"]), (&json!(heading), &json!(true)));
    }
    for (row, record) in rows[1..].iter().zip(&records) {
        assert_eq!(row.as_array().unwrap().len(), headings.len());
        for (cell, heading) in row.as_array().unwrap().iter().zip(&headings) {
            let text = if *heading == "orgId" { "1".to_owned() } else { expected(record, heading) };
            // "_x0041_" means A in a cell, so its first character is escaped; openpyxl shows the escaped form.
            let text = text.replace("_x0041_", "_x005F_x0041_");
            let is_number =
                ["TimeZone", "Balance", "customerStatus", "customerId", "orgId"].contains(heading);
            if text.is_empty() {
                assert_eq!(cell["value"], Value::Null, "{heading}");
            } else if is_number {
                let number: f64 = text.parse().unwrap();
                assert_eq!((&cell["type"], cell["value"].as_f64()), (&json!("n"), Some(number)), "{heading}");
            } else {
                // A formula would have the type f.
                assert_eq!((&cell["type"], &cell["value"]), (&json!("s"), &json!(text)), "{heading}");
                assert_eq!(cell["format"], "@", "{heading}");
            }
        }
    }
});

both!(rules_1_without_pii_read_files_are_masked, |db| async {
    let server = Server::start(db).await;
    let full = server.client();
    create_nasty(&full, "demo").await;
    let masked = token_with(server.site(), &["customers:read", "customers:export"]);
    let masked = server.anonymous().token(&masked);
    let records = oldest_first(&masked, "demo").await;
    let seen = table(&masked, CSV).await;
    assert_eq!(seen.rows, rows_of(&records, &DEFAULT));
    assert_eq!(seen.column("Email")[0], "a***@e***.test");
    assert_eq!(seen.column("Phone")[0], "+1******0117");
    assert_eq!(seen.column("Birthday")[0], "***");
    assert_eq!(seen.column("AdditionalFields")[0], r#"{"Zone":"***","a key":"***","tier":"***"}"#);
    let one = table(&masked, &format!("{CSV}?columnsExport=additional-tier,ADDITIONAL-zone,Firstname")).await;
    assert_eq!(one.rows[0], ["***", "***", "Ada"]);
    assert_eq!(one.rows[1], ["", "", "'=1+1"]);
    let open = table(&full, &format!("{CSV}?columnsExport=additional-tier,ADDITIONAL-zone")).await;
    assert_eq!(open.rows[0], ["gold, \"plus\"", "'=9*9"]);
    let book = workbook(&server, &masked, XLSX).await.to_string();
    for hidden in ["ada.roe@example.test", "5555550117", "9 Elm Row", "Dock 7", "1985-04-12", "gold"] {
        assert!(!book.contains(hidden), "{hidden} is visible in {book}");
    }
    for query in ["email(ct)=x", "sortBy=asc(email)", "additional-tier=x"] {
        masked.get(&format!("{CSV}?{query}")).await.expect_error(400);
    }
});

both!(rules_8_an_organisations_file_has_all_its_entrypoints, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    new_entry(site, "second", &["--legal-name", "=Second, LLC", "--dba-name", "Second"]);
    let elsewhere = new_org(site, "Elsewhere");
    new_entry_of(site, elsewhere, "elsewhere", &[]);
    let client = server.client();
    let there =
        server.anonymous().token(&site.new_token(&["--org", &elsewhere.to_string(), "--all-entries"]));
    for (client, entry, mail) in
        [(&client, "demo", "a"), (&client, "second", "b"), (&there, "elsewhere", "c"), (&client, "demo", "d")]
    {
        created(client, entry, &json!({"email": format!("{mail}@example.test")})).await;
    }
    let all = table(&client, "/api/Export/customers/csv/org/1").await;
    let headings: Vec<&str> = ["entry"].into_iter().chain(DEFAULT).collect();
    assert_eq!(all.headings, headings);
    let mut pairs: Vec<_> = all.column("entry").into_iter().zip(all.column("Email")).collect();
    pairs.sort_unstable();
    assert_eq!(pairs, [("demo", "a@example.test"), ("demo", "d@example.test"), ("second", "b@example.test")]);
    let only = server.anonymous().token(&site.new_token(&["--org", "1", "--entry", "second"]));
    let path = "/api/Export/customers/csv/org/1?columnsExport=entry,PaypointEntryname:e,orgId,ParentOrgName,\
        PaypointLegalname,paypointDba,externalPaypointID,Lifecycle,name&parameters=%7B%22orgId(eq)%22%3A1%7D";
    let mine = table(&only, path).await;
    assert_eq!(mine.rows, [["second", "second", "1", "Demo", "'=Second, LLC", "Second", "", "Prospect", ""]]);
    only.get("/api/Export/customers/csv/demo").await.expect_error(404);
    only.get(&format!("/api/Export/customers/csv/org/{elsewhere}")).await.expect_error(404);
    let book = workbook(&server, &client, "/api/Export/customers/xlsx/org/1?columnsExport=entry").await;
    assert_eq!(book["rows"].as_array().unwrap().len(), 4);
});

both!(rules_5_an_export_includes_deleted_customers_on_request, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let gone = created(&client, "demo", &json!({"email": "gone@example.test"})).await;
    created(&client, "demo", &json!({"email": "here@example.test"})).await;
    client.delete(&path(gone)).await.expect(200);
    let mails = async |query: &str| {
        let table = table(&client, &format!("{CSV}?{query}")).await;
        table.column("Email").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(mails("").await, ["here@example.test"]);
    assert_eq!(mails("status(ne)=0").await, ["here@example.test"]);
    assert_eq!(mails("status(eq)=-99").await, ["gone@example.test"]);
    assert_eq!(mails("status(in)=1%7C-99").await, ["gone@example.test", "here@example.test"]);
});

/// The names of all files below a folder.
fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

both!(rules_7_a_long_export_is_complete_or_aborted_and_leaves_no_file, |db| async {
    const CUSTOMERS: usize = 603;
    let server = Server::start(db).await;
    let client = server.client();
    for first in (0..CUSTOMERS).step_by(100) {
        let bodies = (first..CUSTOMERS.min(first + 100)).map(|number| {
            let client = client.clone();
            async move {
                let body =
                    json!({"customerNumber": number.to_string(), "lastname": format!("Streamed{number:04}")});
                client.create("demo", &body, &[], &[]).await.expect(200)
            }
        });
        at_once(bodies.collect::<Vec<_>>()).await;
    }
    let temporary = server.site().folder().join("tmp");
    let before = files(&temporary);
    let records = oldest_first(&client, "demo").await;
    let answer = client.get(CSV).await.expect(200);
    assert_eq!(answer.header("content-length"), None, "streamed");
    assert_eq!(Table::read(&answer.text).rows, rows_of(&records, &DEFAULT));
    let by_name = table(&client, &format!("{CSV}?sortBy=desc(lastname)&fromRecord=3&limitRecord=550")).await;
    let mut names: Vec<_> = records.iter().map(|record| record["Lastname"].as_str().unwrap()).collect();
    names.sort_unstable();
    names.reverse();
    assert_eq!(by_name.column("Lastname"), names[3..553]);
    let book = workbook(&server, &client, XLSX).await;
    let rows = book["rows"].as_array().unwrap();
    assert_eq!(rows.len(), CUSTOMERS + 1);
    for (row, record) in rows[1..].iter().zip(&records) {
        assert_eq!(row[3]["value"], record["Lastname"]);
    }
    assert_eq!(files(&temporary), before, "a temporary file");
    for file in files(server.site().folder()) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(
            !bytes.windows(9).any(|window| window == b"Streamed0"),
            "{} contains plain text",
            file.display()
        );
    }

    // A record that cannot be read, late in the file.
    let last = records.last().unwrap()["customerId"].as_u64().unwrap();
    Sql::open(server.site()).run(&sql::spoil_customer(last));
    for path in [CSV, XLSX] {
        let read = async { client.request(reqwest::Method::GET, path).send().await?.bytes().await };
        read.await.expect_err("a part must not look like the whole");
    }
    assert!(server.logs().contains("an export was broken off"), "{}", server.logs());
    // Where the error shows before the first byte, the answer is an ordinary error.
    client.get(&format!("{CSV}?sortBy=asc(lastname)")).await.expect_error(500);
});

both!(exports_have_file_names_and_are_not_cached, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let day = chrono_day();
    for (path, name, media) in [
        (CSV, "customers-demo-", "text/csv; charset=utf-8"),
        (XLSX, "customers-demo-", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("/api/Export/customers/csv/org/1", "customers-org-1-", "text/csv; charset=utf-8"),
        ("/api/Query/customers/demo?exportFormat=csv", "customers-demo-", "text/csv; charset=utf-8"),
    ] {
        let answer = client.get(path).await.expect(200);
        assert_eq!(answer.header("Content-Type"), Some(media));
        assert_eq!(answer.header("Cache-Control"), Some("private, no-store"));
        let end = if media.starts_with("text") { "csv" } else { "xlsx" };
        let named = answer.header("Content-Disposition").unwrap();
        let days = [day.clone(), chrono_day()];
        let possible = days.map(|day| format!("attachment; filename=\"{name}{day}.{end}\""));
        assert!(possible.contains(&named.to_owned()), "{named}");
    }
    // The file is empty except for the headings.
    let empty = client.get(CSV).await.expect(200);
    assert_eq!(empty.text, format!("{}\r\n", DEFAULT.join(",")));
    let book = workbook(&server, &client, XLSX).await;
    assert_eq!(book["rows"].as_array().unwrap().len(), 1);
    assert_eq!(client.get(&format!("{CSV}?columnsExport=Email")).await.expect(200).text, "Email\r\n");
});

/// Today in UTC.
fn chrono_day() -> String {
    let now = SystemTime::now();
    chrono::DateTime::<chrono::Utc>::from(now).format("%Y-%m-%d").to_string()
}
