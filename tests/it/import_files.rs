//! Import files (contract 8, rules 9): files of all kinds (`dialects`, `csv_spectrum`, `memory`), forms and options
//! (`forms`, `options`), an export that is imported (`round_trip`), sheets of other systems (`sheets`), and the
//! report on rows (`reports`). `sealed` proves
//! that nothing of a file lies open.

mod csv_spectrum;
mod dialects;
mod forms;
mod memory;
mod options;
mod reports;
mod round_trip;
mod sheets;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

/// Sends a file as the body; the query follows the entrypoint.
async fn upload(client: &Client, entry_and_query: &str, file: impl Into<reqwest::Body>) -> Answer {
    let path = format!("/api/Import/customersForm/{entry_and_query}");
    send(client.request(Method::POST, &path).header("Content-Type", "text/csv").body(file)).await
}

/// The answer to an accepted file.
async fn imported(client: &Client, entry_and_query: &str, file: impl Into<reqwest::Body>) -> Value {
    let answer = upload(client, entry_and_query, file).await.expect(200);
    assert_eq!(answer.data()["state"], "finished", "{}", answer.text);
    answer.data().clone()
}

/// `added`, `matched`, `rejected`.
fn counts(data: &Value) -> [u64; 3] {
    ["added", "matched", "rejected"].map(|name| data[name].as_u64().expect("a count"))
}

fn job_path(entry: &str, data: &Value) -> String {
    format!("/api/Import/jobs/{entry}/{}", data["jobId"])
}

/// The rows in the report of an import in `demo`.
async fn rows(client: &Client, data: &Value, query: &str) -> Vec<Value> {
    let path = format!("{}/rows?limitRecord=1000{query}", job_path("demo", data));
    let page = client.get(&path).await.expect(200).json;
    let found = page["Records"].as_array().expect("rows").clone();
    assert_eq!(page["Summary"]["totalRecords"], found.len(), "the rows exceed one page");
    found
}

/// Line, field and code of every problem with the rows of an import in `demo`.
async fn row_problems(client: &Client, data: &Value) -> Vec<(u64, String, String)> {
    let mut found = Vec::new();
    for row in rows(client, data, "&outcome=rejected").await {
        for problem in row["problems"].as_array().expect("problems") {
            let text = |name: &str| problem[name].as_str().expect("a text").to_owned();
            found.push((row["line"].as_u64().expect("a line"), text("field"), text("code")));
        }
    }
    found
}

fn problem(line: u64, field: &str, code: &str) -> (u64, String, String) {
    (line, field.to_owned(), code.to_owned())
}

/// Line, code and message of every problem with a refused file.
#[track_caller]
fn file_problems(answer: &Answer) -> Vec<(u64, String, String)> {
    let errors = answer.expect_error(400).json["errors"].as_array().expect("errors");
    let found = errors.iter().map(|error| {
        let text = |name: &str| error[name].as_str().expect("a text").to_owned();
        let line = error["line"].as_u64().unwrap_or_else(|| panic!("no line in {error}"));
        (line, text("code"), text("message"))
    });
    found.collect()
}

/// Asserts that there is no customer, no import and no part of a file.
async fn nothing_is_there(server: &Server, client: &Client) {
    assert_eq!(total(client, "demo").await, 0);
    let imports = client.get("/api/Import/jobs/demo").await.expect(200).json;
    assert_eq!(imports["Summary"]["totalRecords"], 0, "{imports}");
    let mut sql = Sql::open(server.site());
    for table in sql::IMPORT_TABLES {
        assert_eq!(sql.number(&sql::count(table)), 0, "{table}");
    }
}

/// The customers of `demo` by a member of their records.
async fn by(client: &Client, member: &str) -> std::collections::BTreeMap<String, Value> {
    let records = client.list("demo").await;
    let count = records.len();
    let key = |record: &Value| record[member].as_str().unwrap_or_else(|| panic!("no {member}")).to_owned();
    let found: std::collections::BTreeMap<_, _> =
        records.into_iter().map(|record| (key(&record), record)).collect();
    assert_eq!(found.len(), count, "{member} is not unique");
    found
}
