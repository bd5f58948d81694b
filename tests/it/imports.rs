//! Imports happen exactly once (rules 9): through kills at any moment (`kill`), repeated in every way (`repeated`), by
//! the same matcher as creates (`matcher`), after a dry run (`dry_run`), with further rows of a customer (`further`), past a
//! row that the database refuses
//! (`poison`), across a clean stop (`stop`).
//! `snapshot` compares two entrypoints or two databases.

mod dry_run;
mod further;
mod kill;
mod matcher;
mod poison;
mod repeated;
mod snapshot;
mod stop;

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::harness::*;
use crate::support::*;

/// How long an import may take, kills and restarts included.
const PATIENCE: Duration = Duration::from_mins(20);

/// `query` with its leading `?`, or empty.
fn import_path(entry: &str, query: &str) -> String {
    format!("/api/Import/customersForm/{entry}{query}")
}

fn job_path(entry: &str, job: u64) -> String {
    format!("/api/Import/jobs/{entry}/{job}")
}

/// Sends a file as the body, and waits for the answer however long it takes.
async fn send_file(client: &Client, entry: &str, query: &str, file: &str) -> Answer {
    let request = client.request(Method::POST, &import_path(entry, query)).timeout(PATIENCE);
    send(request.header("Content-Type", "text/csv").body(file.to_owned())).await
}

/// Sends a file with `async=true`; the job in the answer.
async fn queue(client: &Client, entry: &str, query: &str, file: &str) -> Value {
    let joint = if query.is_empty() { "?" } else { "&" };
    let answer = send_file(client, entry, &format!("{query}{joint}async=true"), file).await.expect(202);
    let location = answer.header("Location").expect("a Location").to_owned();
    assert_eq!(location, job_path(entry, job_id(&answer.json)));
    answer.json
}

#[track_caller]
fn job_id(job: &Value) -> u64 {
    job["jobId"].as_u64().unwrap_or_else(|| panic!("no jobId in {job}"))
}

async fn job(client: &Client, entry: &str, id: u64) -> Value {
    client.get(&job_path(entry, id)).await.expect(200).json
}

fn is_over(job: &Value) -> bool {
    ["finished", "cancelled", "failed"].contains(&job["state"].as_str().expect("a state"))
}

/// The job when it is over.
async fn over(client: &Client, entry: &str, id: u64) -> Value {
    wait_for("the import is over", PATIENCE, async || {
        let job = job(client, entry, id).await;
        if is_over(&job) { Ok(job) } else { Err(job) }
    })
    .await
}

/// The job when it has finished successfully.
async fn finished(client: &Client, entry: &str, id: u64) -> Value {
    let job = over(client, entry, id).await;
    assert_eq!(job["state"], "finished", "{job}");
    job
}

/// The outcome of each row, all pages.
async fn rows(client: &Client, entry: &str, id: u64) -> Vec<Value> {
    let mut rows = Vec::new();
    loop {
        let page = format!("{}/rows?fromRecord={}&limitRecord=1000", job_path(entry, id), rows.len());
        let page = client.get(&page).await.expect(200).json;
        let records = page["Records"].as_array().expect("records");
        rows.extend(records.iter().cloned());
        if rows.len() as u64 == page["Summary"]["totalRecords"].as_u64().expect("a total") {
            return rows;
        }
        assert!(!records.is_empty(), "a page is empty after {} rows", rows.len());
    }
}

/// The number of imports that an entrypoint lists.
async fn jobs_total(client: &Client, entry: &str) -> u64 {
    let list = client.get(&format!("/api/Import/jobs/{entry}?limitRecord=1")).await.expect(200).json;
    list["Summary"]["totalRecords"].as_u64().expect("a total")
}

/// The numbers by outcome in a job, or in the answer of an import that was awaited.
fn counts(job: &Value) -> Vec<i64> {
    let names = ["added", "replaced", "merged", "matched", "rejected", "warnings"];
    names.iter().map(|name| job[name].as_i64().unwrap_or_else(|| panic!("no {name} in {job}"))).collect()
}

/// Cells as a line of CSV.
fn line<T: AsRef<str>>(cells: &[T]) -> String {
    let quoted = cells.iter().map(|cell| {
        let cell = cell.as_ref();
        if cell.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.to_owned()
        }
    });
    format!("{}\n", quoted.collect::<Vec<_>>().join(","))
}
