//! No imported file lies open: neither its text while it waits, nor the report on its rows, nor the customers of a dry
//! run.

use std::time::{Duration, SystemTime};

use reqwest::Method;
use serde_json::Value;

use super::byte_search::Needles;
use super::files::{Values, own_files, postgres_files};
use crate::harness::*;
use crate::support::*;

const ROWS: usize = 70;
/// How often the file repeats each of its rows, so that importing it takes a while.
const TIMES: usize = 15;

/// A file with a column that the import leaves out. Every seventh row has a bad e-mail and is rejected; every eleventh
/// has a bad phone.
fn file(values: &mut Values) -> (String, String) {
    let column = values.word();
    let mut rows = String::new();
    for number in 0..ROWS {
        let email = if number % 7 == 3 { values.word() } else { values.email() };
        let phone = if number % 11 == 5 { values.word() } else { values.phone() };
        let cells = [
            values.word(),
            email,
            phone,
            values.birthday(),
            values.georgian(),
            values.word(),
            format!("\"9 {} Row; {}\"", values.word(), values.word()),
            values.word(),
            values.word(),
            values.word(),
        ];
        rows.push_str(&cells.join(","));
        rows.push('\n');
    }
    let header = format!(
        "customerNumber,email,phone,birthday,firstname,lastname,address,label,additional-{},{column}\n",
        values.word()
    );
    (header + &rows.repeat(TIMES), column)
}

async fn finished(client: &Client, job: &str) -> Value {
    wait_for("the import finishes", Duration::from_mins(1), async || {
        let found = client.get(job).await.expect(200).json;
        if found["state"] == "finished" { Ok(found) } else { Err(found) }
    })
    .await
}

both!(rules_7_no_file_contains_imported_values, |db| async {
    if db == Db::Postgres {
        own_cluster();
    }
    let since = SystemTime::now() - Duration::from_secs(2);
    let site = Site::with_environment(db, &[("CUSTOMARY_LOG", "debug")]);
    let mut server = Server::start_on(&site).await;
    let mut values = Values { rng: seeded(), sent: std::collections::BTreeSet::new() };
    let control = "Plainly Visible Traders";
    new_entry(&site, "second", &["--legal-name", control]);
    let client = server.client();

    let (text, column) = file(&mut values);
    let needles = Needles::new(&values.sent.iter().cloned().chain([control.to_owned()]).collect());
    let mut leaks = Vec::new();
    let mut controls = Vec::new();
    let mut look = |when: &str, look_in_postgres: bool| {
        let mut look = |name: &str, bytes: &[u8]| {
            for value in needles.found_in(bytes) {
                if value == control {
                    controls.push(name.to_owned());
                } else {
                    leaks.push(format!("{value} in {name}, {when}"));
                }
            }
        };
        own_files(&site, &mut look);
        // PostgreSQL keeps written data in its write-ahead log for a while, so two looks are enough.
        if db == Db::Postgres && look_in_postgres {
            postgres_files(&site, since, &mut look);
        }
    };
    // A search takes longer than idle connections live, so each step uses a new client.
    let send_file = async |client: &Client, query: &str| {
        let path =
            format!("/api/Import/customersForm/demo?onBadValue=blank&map={column}:-&async=true{query}");
        let form = reqwest::multipart::Part::text(text.clone()).file_name(format!("{column}.csv"));
        let form = reqwest::multipart::Form::new().part("file", form);
        let answer = send(client.request(Method::POST, &path).multipart(form)).await.expect(202);
        format!("/api/Import/jobs/demo/{}", answer.json["jobId"])
    };

    let dry_run = send_file(&client, "&dryRun=true").await;
    let report = finished(&client, &dry_run).await;
    // The import leaves a bad e-mail out and the customer number suffices; the report names what is wrong with each
    // row.
    assert_eq!(report["added"], ROWS, "{report}");
    assert!(report["warnings"].as_u64().is_some_and(|warnings| warnings > 0), "{report}");
    look("after a dry run", false);

    let client = server.client();
    let job = send_file(&client, "").await;
    let is_running = async || client.get(&job).await.expect(200).json["state"] != "queued";
    wait_until("the import begins", Duration::from_mins(1), is_running).await;
    server.kill9();
    look("killed at it", true);
    server.restart().await;
    let client = server.client();
    let report = finished(&client, &job).await;
    assert_eq!(report["added"], ROWS, "{report}");
    let again = format!("{dry_run}/commit");
    let commit = client.send(Method::POST, &again, None, &[]).await.expect(202).json["jobId"].to_string();
    finished(&client, &format!("/api/Import/jobs/demo/{commit}")).await;

    let rejecting = "/api/Import/customersForm/demo?unknownColumns=ignore&again=true&replaceExisting=1";
    let whole = client.request(Method::POST, rejecting).header("Content-Type", "text/csv").body(text.clone());
    let answer = send(whole).await.expect(200);
    assert!(answer.data()["rejected"].as_u64().is_some_and(|rows| rows > 0), "{}", answer.text);
    let report = format!("/api/Import/jobs/demo/{}", answer.data()["jobId"]);
    client.get(&format!("{report}/rows?outcome=rejected")).await.expect(200);
    let rejected = client.get(&format!("{report}/rejected.csv")).await.expect(200);
    assert!(!needles.found_in(rejected.text.as_bytes()).is_empty(), "{}", rejected.text);
    // Refused before its first row: a column is unknown.
    let path = "/api/Import/customersForm/demo";
    let refused = client.request(Method::POST, path).header("Content-Type", "text/csv");
    send(refused.body(text.clone())).await.expect_error(400);
    look("after imports", false);
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.logs());
    look("at rest", true);
    assert!(leaks.is_empty(), "{} values are readable: {leaks:#?}", leaks.len());
    assert!(!controls.is_empty(), "the search did not find an entrypoint's name, so it proves nothing");
});
