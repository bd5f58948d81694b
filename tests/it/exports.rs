//! Exports (contract 9.1, rules 1, 8 and 9): the contents of the files (`contents`), requests and refusals
//! (`requests`), and the command (`command`). The tests compute what they expect from the records of the list.

mod command;
mod contents;
mod requests;

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::*;

const CSV: &str = "/api/Export/customers/csv/demo";
const XLSX: &str = "/api/Export/customers/xlsx/demo";

/// The columns of an export that names none.
const DEFAULT: [&str; 30] = [
    "customerNumber",
    "customerUsername",
    "Firstname",
    "Lastname",
    "Fullname",
    "Company",
    "Email",
    "Phone",
    "Address",
    "Address1",
    "City",
    "State",
    "Zip",
    "Country",
    "ShippingAddress",
    "ShippingAddress1",
    "ShippingCity",
    "ShippingState",
    "ShippingZip",
    "ShippingCountry",
    "Birthday",
    "Labels",
    "TimeZone",
    "Balance",
    "customerStatus",
    "Created",
    "AdditionalFields",
    "IdentifierFields",
    "Addresses",
    "References",
];

/// Customers whose values a careless CSV or XLSX writer would damage.
pub fn nasty() -> Vec<Value> {
    vec![
        json!({
            "email": "ada.roe@example.test", "customerNumber": "00123", "customerUsername": "ada", "firstname": "Ada",
            "lastname": "Roe", "fullname": "Ada \"the first\" Roe, MSc", "company": "Roe, Søn & Co <\"Ltd\">",
            "phone": "+1 555 555 0117 x12", "address": "9 Elm Row; rear", "address1": "Floor\u{a0}2", "city": "Oakton",
            "state": "VA", "zip": "00501", "country": "US", "shippingAddress": "12 Oak Lane", "shippingAddress1": "Dock 7",
            "shippingCity": "Reston", "shippingState": "VA", "shippingZip": "20190", "shippingCountry": "US",
            "birthday": "1985-04-12", "labels": ["wholesale", "net 30"], "timeZone": -5, "balance": -12.5,
            "customerStatus": 85, "createdAt": "2020-01-02T03:04:05.678901Z",
            "additionalFields": {"tier": "gold, \"plus\"", "Zone": "=9*9", "a key": "@x"},
            "identifierFields": ["email", "lastname"],
        }),
        json!({"email": "b@example.test", "firstname": "=1+1", "lastname": "'=x", "company": "-1", "city": "@x", "state": "+49",
            "address": "''=HYPERLINK(\"http://example.test\")", "labels": ["=cmd", "b"], "balance": 450_359_962_701.062_5}),
        json!({"email": "c@example.test", "firstname": "'", "lastname": "'plain", "company": "'' = x", "city": "a=1",
            "labels": ["a;b", "c"], "timeZone": 14}),
        json!({"email": "d@example.test", "firstname": "😀 李雷", "lastname": "Δέλτα\u{200d}", "fullname": "שלום, עולם",
            "labels": ["x|y", "say \"hi\""], "customerStatus": 0, "balance": 0.0001}),
        json!({"email": "e@example.test", "labels": ["[x]", "y"], "additionalFields": {"x": "{\"json\": [1, 2]}"}}),
        json!({"email": "f@example.test", "labels": ["y", "[x]"], "firstname": "NULL", "lastname": "true", "company": "1e5"}),
        json!({"customerNumber": "=2+3", "firstname": "_x0041_ & <b>", "identifierFields": ["customerNumber"]}),
    ]
}

async fn create_nasty(client: &Client, entry: &str) {
    for body in nasty() {
        client.create(entry, &body, &[], &[]).await.expect(200);
    }
}

/// A parsed file: headings and rows, cells as they are in the file.
#[derive(Debug, PartialEq)]
struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn read(text: &str) -> Table {
        let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(text.as_bytes());
        let owned = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect::<Vec<_>>();
        let headings = owned(reader.headers().unwrap());
        let rows = reader.records().map(|record| owned(&record.unwrap())).collect();
        Table { headings, rows }
    }

    /// The cells below a heading.
    #[track_caller]
    fn column(&self, heading: &str) -> Vec<&str> {
        let at = self.headings.iter().position(|known| known == heading);
        let at = at.unwrap_or_else(|| panic!("no {heading} in {:?}", self.headings));
        self.rows.iter().map(|row| row[at].as_str()).collect()
    }
}

async fn table(client: &Client, path: &str) -> Table {
    Table::read(&client.get(path).await.expect(200).text)
}

/// The cell for a member of a listed record, before the protection against formulas.
fn expected(record: &Value, heading: &str) -> String {
    match (heading, &record[heading]) {
        // The flat columns say everything of addresses, and there are no references.
        (_, Value::Null) | ("Addresses" | "References", _) => String::new(),
        (_, Value::String(text)) => text.clone(),
        ("Labels", Value::Array(labels)) => {
            let texts: Vec<_> = labels.iter().map(|label| label.as_str().unwrap()).collect();
            let joined = texts.join(";");
            let is_clear = !joined.contains('|')
                && !joined.starts_with('[')
                && joined.split(';').count() <= 1.max(texts.len());
            if is_clear { joined } else { json!(labels).to_string() }
        }
        (_, Value::Array(names)) => {
            names.iter().map(|name| name.as_str().unwrap()).collect::<Vec<_>>().join(";")
        }
        (_, Value::Object(fields)) if fields.is_empty() => String::new(),
        (_, other) => other.to_string(),
    }
}

/// The text of a CSV cell: an apostrophe comes before what a spreadsheet would run.
fn in_csv(text: &str, heading: &str) -> String {
    let is_exempt =
        ["Phone", "TimeZone", "Balance", "customerStatus", "customerId", "orgId"].contains(&heading);
    let rest = text.trim_start_matches('\'');
    let runs = ["=", "+", "-", "@", "\t", "\r"].iter().any(|start| rest.starts_with(start));
    if runs && !is_exempt { format!("'{text}") } else { text.to_owned() }
}

/// Records as rows of CSV.
fn rows_of(records: &[Value], headings: &[&str]) -> Vec<Vec<String>> {
    let row = |record: &Value| headings.iter().map(|name| in_csv(&expected(record, name), name)).collect();
    records.iter().map(row).collect()
}

/// Every live record, oldest first as in exports.
async fn oldest_first(client: &Client, entry: &str) -> Vec<Value> {
    let mut records = client.list(entry).await;
    records.reverse();
    records
}

/// What openpyxl reads in a workbook.
async fn workbook(server: &Server, client: &Client, path: &str) -> Value {
    let answer = client.request(reqwest::Method::GET, path).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let bytes = answer.bytes().await.unwrap();
    let file = server.site().folder().join(format!("{}.xlsx", fastrand::u64(..)));
    std::fs::write(&file, &bytes).unwrap();
    let found = read_workbook(&file);
    std::fs::remove_file(file).unwrap();
    found
}

fn read_workbook(file: &std::path::Path) -> Value {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/read_workbook.py");
    let output = Command::new(python()).arg(program).arg(file).output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}
