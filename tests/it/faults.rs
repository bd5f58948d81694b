//! Faults around the service: its files (`files`), its database (`environment`), its clock (`clock`), and the locks of
//! others (`locks`). None of them loses an acknowledged change, decides a row, or holds anything up for good.

mod clock;
mod environment;
mod files;
mod locks;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

/// How long a job may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// A file of so many new customers.
fn rows(from: usize, count: usize) -> String {
    let rows: Vec<String> =
        (from..from + count).map(|n| format!("row{n}@example.test,First {n},City {}", n % 40)).collect();
    format!("Email,First Name,City\n{}\n", rows.join("\n"))
}

/// Sends a file and does not wait for its import; the number of the job.
async fn queue(client: &Client, entry: &str, file: &str) -> u64 {
    let path = format!("/api/Import/customersForm/{entry}?async=true");
    let request = client.request(Method::POST, &path).header("Content-Type", "text/csv");
    let answer = send(request.body(file.to_owned())).await.expect(202);
    answer.json["jobId"].as_u64().expect("a job")
}

async fn job(client: &Client, entry: &str, id: u64) -> Value {
    client.get(&format!("/api/Import/jobs/{entry}/{id}")).await.expect(200).json
}

/// The job when it is over.
async fn over(client: &Client, entry: &str, id: u64) -> Value {
    wait_for("the import is over", PATIENCE, async || {
        let job = job(client, entry, id).await;
        let is_over = ["finished", "cancelled", "failed"].contains(&job["state"].as_str().expect("a state"));
        if is_over { Ok(job) } else { Err(job) }
    })
    .await
}

/// Tries to create a customer; the answer, whatever it is.
async fn try_create(client: &Client, entry: &str, email: &str) -> Answer {
    client.create(entry, &json!({"email": email}), &[], &[]).await
}
