//! Bulk invitations: whom they reach, and that an interruption neither loses nor doubles a mail.
//!
//! `INVITES=10000` is the long form.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use super::*;

async fn invite_many(client: &Client, query: &str, body: Option<&Value>) -> Answer {
    client.send(Method::POST, &format!("/api/Customer/invite/demo{query}"), body, &[]).await
}

/// The path of the job.
fn location(answer: &Answer) -> String {
    answer.header("Location").unwrap_or_else(|| panic!("no Location beside {}", answer.text)).to_owned()
}

/// Waits until a job is over; its last state.
async fn finished_job(client: &Client, job: &str) -> Value {
    until("the invitation is over", async || {
        !["queued", "running"].contains(&client.get(job).await.expect(200).json["state"].as_str().unwrap())
    })
    .await;
    client.get(job).await.expect(200).json
}

async fn reported(client: &Client, job: &str) -> BTreeMap<u64, (String, Value)> {
    let report = client.get(&format!("{job}/report?limitRecord=1000")).await.expect(200);
    let records = report.json["Records"].as_array().expect("records");
    records
        .iter()
        .map(|record| {
            let outcome = record["outcome"].as_str().unwrap().to_owned();
            (record["customerId"].as_u64().unwrap(), (outcome, record["otherCustomerId"].clone()))
        })
        .collect()
}

both!(a_filter_or_ids_select_customers_and_the_report_names_those_not_invited, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let make = async |body: Value| created(&client, "demo", &body).await;
    let ada = make(json!({"email": "ada@example.test", "city": "Oakton"})).await;
    let bea = make(json!({"email": "bea@example.test", "city": "Fairfax"})).await;
    let without_email = make(json!({"customerNumber": "N-1", "city": "Oakton"})).await;
    let active = make(json!({"email": "act@example.test", "customerPsw": "oak-and-elm-1907"})).await;
    let twin = forced(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let deleted = make(json!({"email": "del@example.test"})).await;
    client.delete(&path(deleted)).await.expect(200);
    new_entry(server.site(), "other", &[]);
    let elsewhere = created(&client, "other", &json!({"email": "else@example.test"})).await;

    // By a filter, as for a list.
    let queued = invite_many(&client, "?city(ct)=oak&lifecycle=Prospect", None).await.expect(202);
    let job = finished_job(&client, &location(&queued)).await;
    assert_eq!(
        (&job["state"], &job["total"], &job["done"]),
        (&json!("finished"), &json!(2), &json!(2)),
        "{job}"
    );
    assert_eq!(job["outcomes"], json!({"invited": 1, "noEmail": 1}));
    assert_eq!(
        reported(&client, &location(&queued)).await,
        BTreeMap::from([(without_email, ("noEmail".into(), Value::Null))])
    );

    // All customers without an account; customers who are already invited get no second mail.
    let queued = invite_many(&client, "?lifecycle=Prospect", None).await.expect(202);
    let job = finished_job(&client, &location(&queued)).await;
    assert_eq!(
        job["outcomes"],
        json!({"invited": 1, "alreadyInvited": 1, "noEmail": 1, "sameEmail": 1}),
        "{job}"
    );
    let report = reported(&client, &location(&queued)).await;
    assert_eq!(report[&twin], ("sameEmail".to_owned(), json!(ada)));
    assert_eq!(report[&ada].0, "alreadyInvited");

    // The next mail would replace one that still waits.
    until_all_sent(&client, "demo").await;

    // By ids, with `again`: in any order, repeated, some of them unknown.
    let ids = json!({"customerIds": [deleted, bea, ada, bea, active, elsewhere, 987_654_321]});
    let queued = invite_many(&client, "?again=true", Some(&ids)).await.expect(202);
    let job = finished_job(&client, &location(&queued)).await;
    assert_eq!(job["outcomes"], json!({"invited": 2, "active": 1, "deleted": 1, "notFound": 2}), "{job}");
    until_all_sent(&client, "demo").await;
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for message in messages(server.site()) {
        *sent.entry(message.to().to_owned()).or_default() += 1;
    }
    assert_eq!(sent, BTreeMap::from([("ada@example.test".into(), 2), ("bea@example.test".into(), 2)]));
    let jobs = client.get("/api/Customer/invite/demo").await.expect(200);
    assert_eq!(jobs.json["Summary"]["totalRecords"], 3);
    // A job belongs to one entrypoint.
    client.get(&location(&queued).replace("/demo/", "/other/")).await.expect_error(404);
});

both!(a_request_that_selects_nobody_or_too_much_is_refused, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    for (query, body, place) in [
        ("", None, "/customerIds"),
        ("", Some(json!({"customerIds": []})), "/customerIds"),
        ("", Some(json!({"customerIds": [0]})), "/customerIds"),
        ("", Some(json!({"customerIds": ["1"]})), "/customerIds"),
        ("", Some(json!({"ids": [1]})), "/ids"),
        ("?city=Oakton", Some(json!({"customerIds": [1]})), "/customerIds"),
        ("?cty=Oakton", None, "?cty"),
        ("?city=Oakton&limitRecord=5", None, "?limitRecord"),
        ("?city=Oakton&again=yes", None, "?again"),
    ] {
        let answer = invite_many(&client, query, body.as_ref()).await;
        answer.expect_error(400);
        assert!(places(&answer).contains(place), "{query} {body:?}: {}", answer.text);
    }
    // A token that may not see e-mails must not learn one by inviting.
    let masked = server.anonymous().token(&token_with(server.site(), &["customers:read", "customers:write"]));
    invite_many(&masked, "?email(ct)=ada", None).await.expect_error(400);
    // With a key there is one job.
    let ask = async || {
        let headers = [("idempotencyKey", "all-1")];
        client
            .send(Method::POST, "/api/Customer/invite/demo?lifecycle=Prospect", None, &headers)
            .await
            .expect(202)
    };
    let (first, again) = (ask().await, ask().await);
    assert_eq!((first.json["jobId"].clone(), again.replayed()), (again.json["jobId"].clone(), true));
});

both!(killed_halfway_each_customer_gets_one_mail, |db| async {
    let people = setting("INVITES", 300);
    let mut server = Server::start(db).await;
    let client = master(&server);
    let rows = (0..people).map(|number| format!("invited{number}@example.test,Person {number}"));
    let file = std::iter::once("email,firstname".to_owned()).chain(rows).collect::<Vec<_>>().join("\n");
    let request = client.request(Method::POST, "/api/Import/customersForm/demo");
    send(request.header("Content-Type", "text/csv").body(file)).await.expect(200);
    let queued = invite_many(&client, "?lifecycle=Prospect", None).await.expect(202);
    let job = location(&queued);
    // Killed once while the job runs, and once while the mails are half sent.
    let mut kills = 0;
    for share in [1, 2] {
        until("the invitation or its mails progress", async || {
            let done = client.get(&job).await.expect(200).json["done"].as_u64().unwrap();
            let sent = count_of(&client, "demo", "written").await;
            if share == 1 { done > 0 } else { sent > 0 }
        })
        .await;
        server.restart().await;
        kills += 1;
    }
    let over = finished_job(&client, &job).await;
    assert_eq!((&over["invited"], &over["done"]), (&json!(people), &json!(people)), "{over}");
    until_all_sent(&client, "demo").await;
    assert_eq!(count_of(&client, "demo", "written").await, people);
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for message in messages(server.site()) {
        *sent.entry(message.to().to_owned()).or_default() += 1;
    }
    assert_eq!(sent.len() as u64, people, "every address got a mail after {kills} kills");
    assert!(sent.values().all(|mails| *mails == 1), "each address got one mail: {sent:?}");
    // A cancelled job stops. A new client: an idle connection would time out while the test reads thousands of files.
    let client = master(&server);
    let queued = invite_many(&client, "?lifecycle=Prospect&again=true", None).await.expect(202);
    let job = location(&queued);
    client.send(Method::POST, &format!("{job}/cancel"), None, &[]).await.expect(200);
    let state = finished_job(&client, &job).await["state"].clone();
    assert!(state == "cancelled" || state == "finished", "{state}");
});

both!(the_command_line_invites_without_a_running_server, |db| async {
    let site = Site::new(db);
    let mut server = Server::start_on(&site).await;
    let client = master(&server);
    created(&client, "demo", &json!({"email": "ada@example.test", "city": "Oakton"})).await;
    created(&client, "demo", &json!({"email": "bea@example.test"})).await;
    created(&client, "demo", &json!({"customerNumber": "N-1"})).await;
    server.terminate().await;
    // Without a terminal nobody can be asked, and nobody is invited.
    let all = ["invite", "--entry", "demo", "--all-prospects"];
    let asked = site.cli(&all);
    assert!(!asked.status.success() && asked.stderr.contains("--yes"), "{asked:?}");
    assert_eq!(asked.stdout.trim_end(), "3 customers match");
    let tried = site.cli(&[&all[..], &["--dry-run"]].concat()).success();
    assert_eq!(tried, "3 customers match");
    for (answer, is_done) in [("n\n", false), ("\n", false)] {
        let mut terminal = Terminal::open();
        terminal.write(answer);
        let asked = site.command(&all).stdin(terminal.end()).output().expect("the program runs");
        assert_eq!(asked.status.success(), is_done, "{answer:?}");
    }
    let printed = site.cli(&["invite", "--entry", "demo", "--filter", "city(eq)=Oakton", "--yes"]).success();
    assert_eq!(printed.lines().collect::<Vec<_>>(), ["1 customer matches", "invited         1"]);
    let printed = site.cli(&["invite", "--entry", "demo", "--all-prospects", "--yes"]).success();
    let words = ["3", "customers", "match", "invited", "1", "alreadyInvited", "1", "noEmail", "1"];
    assert_eq!(printed.split_whitespace().collect::<Vec<_>>(), words);
    assert!(!site.cli(&["invite", "--entry", "nowhere", "--all-prospects", "--yes"]).status.success());
    assert!(!site.cli(&["invite", "--entry", "demo", "--filter", "cty=Oakton", "--yes"]).status.success());
    assert!(!site.cli(&["invite", "--entry", "demo"]).status.success());
    // The mails wait for the service.
    server.restart().await;
    until_all_sent(&client, "demo").await;
    assert_eq!(messages(&site).len(), 2);
    let tried = site.cli(&["mail", "test", "--to", "eve@example.test"]).success();
    let folder = mail_folder(&site);
    assert!(tried.starts_with("written as ") && tried.ends_with(folder.to_str().unwrap()), "{tried}");
    assert!(messages(&site).iter().any(|message| message.to() == "eve@example.test"));
});
