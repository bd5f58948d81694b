//! Labels (rules 12): how many customers have each, and changes to those of many as jobs.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

const LABELS: &str = "/api/Paypoint/labels/demo";
const CHANGE: &str = "/api/Customer/labels/demo";
const PATIENCE: Duration = Duration::from_mins(2);

/// The labels with their counts, in the order of the answer.
async fn labels(client: &Client) -> Vec<(String, i64)> {
    let answer = client.get(&format!("{LABELS}?limitRecord=1000")).await.expect(200);
    let records = answer.json["Records"].as_array().expect("records");
    assert_eq!(answer.json["Summary"]["totalRecords"], records.len(), "{}", answer.text);
    let label = |it: &Value| {
        (it["label"].as_str().expect("a label").to_owned(), it["customers"].as_i64().expect("a number"))
    };
    records.iter().map(label).collect()
}

fn counts<const N: usize>(items: [(&str, i64); N]) -> Vec<(String, i64)> {
    items.into_iter().map(|(label, number)| (label.to_owned(), number)).collect()
}

/// The counts as the list of customers has them.
async fn recount(client: &Client) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for record in client.list("demo").await {
        for label in record["Labels"].as_array().or(record["labels"].as_array()).expect("labels") {
            *counts.entry(label.as_str().expect("a label").to_owned()).or_default() += 1;
        }
    }
    counts
}

async fn labels_of(client: &Client, id: u64) -> Value {
    let record = read(client, id).await.json;
    if record["labels"].is_null() { record["Labels"].clone() } else { record["labels"].clone() }
}

/// Waits for the end of a job; what it came to.
async fn until_over(client: &Client, queued: &Answer) -> Value {
    let place = queued.header("Location").expect("a place").to_owned();
    wait_for("the labels are changed", PATIENCE, async || {
        let job = client.get(&place).await.expect(200).json;
        if ["queued", "running"].contains(&job["state"].as_str().unwrap()) { Err(job) } else { Ok(job) }
    })
    .await
}

/// Rows of so many customers of one city.
fn rows(customers: u16) -> String {
    let rows: Vec<String> = (0..customers).map(|number| format!("c{number}@example.test,Oakton\n")).collect();
    rows.concat()
}

async fn change(client: &Client, query: &str, body: &Value) -> Value {
    let queued = client.post(&format!("{CHANGE}{query}"), body).await.expect(202);
    until_over(client, &queued).await
}

async fn rename(client: &Client, label: &str, to: &str) -> Value {
    let queued = client.put(&format!("{LABELS}/{label}"), &json!({"to": to})).await.expect(202);
    until_over(client, &queued).await
}

both!(rules_12_labels_are_counted_with_every_change, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    assert_eq!(labels(&client).await, []);
    let ada = json!({"email": "ada@example.test", "labels": ["vip", "net 30"]});
    let id = created(&client, "demo", &ada).await;
    created(&client, "demo", &json!({"email": "bob@example.test", "labels": ["vip", "VIP"]})).await;
    assert_eq!(
        labels(&client).await,
        counts([("vip", 2), ("VIP", 1), ("net 30", 1)]),
        "by number, then by name"
    );
    client.put(&path(id), &json!({"labels": ["net 30", "é"]})).await.expect(200);
    client.put(&path(id), &json!({"city": "Oakton"})).await.expect(200);
    assert_eq!(labels(&client).await, counts([("VIP", 1), ("net 30", 1), ("vip", 1), ("é", 1)]));
    let merge = json!({"email": "ada@example.test", "labels": ["vip"]});
    client.create("demo", &merge, &[("mergeExisting", "1")], &[]).await.expect(200);
    assert_eq!(labels(&client).await, counts([("vip", 2), ("VIP", 1)]));
    forced(&client, "demo", &ada).await;
    assert_eq!(labels(&client).await, counts([("vip", 3), ("VIP", 1), ("net 30", 1)]));
    let file = "email,labels\ncy@example.test,vip;new\ndi@example.test,new\n";
    let import =
        client.request(Method::POST, "/api/Import/customersForm/demo").header("Content-Type", "text/csv");
    send(import.body(file)).await.expect(200);
    let import = client.request(Method::POST, "/api/Import/customersForm/demo?dryRun=true");
    send(import.header("Content-Type", "text/csv").body("email,labels\nx@example.test,dry\n"))
        .await
        .expect(200);
    assert_eq!(labels(&client).await, counts([("vip", 4), ("new", 2), ("VIP", 1), ("net 30", 1)]));

    // The deleted and the erased do not count.
    client.delete(&path(id)).await.expect(200);
    assert_eq!(labels(&client).await[0], ("vip".to_owned(), 3));
    client.delete(&format!("{}?erase=true", path(id))).await.expect(200);
    client.delete(&format!("{}?erase=true", path(id + 1))).await.expect(200);
    assert_eq!(labels(&client).await, counts([("new", 2), ("vip", 2), ("net 30", 1)]));
    assert_eq!(labels(&client).await.into_iter().collect::<BTreeMap<_, _>>(), recount(&client).await);

    // Every reader sees them; another entrypoint has its own.
    let reader = server.anonymous().token(&token_with(server.site(), &["customers:read"]));
    assert_eq!(labels(&reader).await.len(), 3);
    let page = client.get(&format!("{LABELS}?fromRecord=1&limitRecord=1")).await.expect(200);
    assert_eq!(page.json["Records"], json!([{"label": "vip", "customers": 2}]), "{}", page.text);
    new_entry(server.site(), "second", &[]);
    assert_eq!(client.get("/api/Paypoint/labels/second").await.expect(200).json["Records"], json!([]));
    client.get("/api/Paypoint/labels/nowhere").await.expect_error(404);
    server.cli(&["doctor", "--deep"]).success();
    Sql::open(server.site()).run(sql::MISCOUNT_LABELS);
    let output = server.cli(&["doctor", "--deep"]);
    assert!(!output.status.success() && (output.stdout + &output.stderr).contains("labels"));
});

both!(rules_12_the_labels_of_many_change_as_a_job, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let mut ids = Vec::new();
    for number in 0..6 {
        let city = if number < 4 { "Oakton" } else { "Pineville" };
        let body = json!({"email": format!("c{number}@example.test"), "city": city, "labels": ["new"]});
        ids.push(created(&client, "demo", &body).await);
    }
    let full: Vec<String> = (0..50).map(|number| format!("l{number}")).collect();
    client.put(&path(ids[1]), &json!({"labels": full})).await.expect(200);
    client.put(&path(ids[2]), &json!({"labels": ["oak"]})).await.expect(200);

    let body = json!({"add": ["oak", " oak "], "remove": ["new"]});
    let keyed = client.header("idempotencyKey", "labels-1");
    let queued = keyed.post(&format!("{CHANGE}?city=Oakton"), &body).await.expect(202);
    let again = keyed.post(&format!("{CHANGE}?city=Oakton"), &body).await.expect(202);
    assert_eq!((again.replayed(), &again.json), (true, &queued.json));
    let job = until_over(&client, &queued).await;
    assert_eq!(
        (&job["state"], &job["total"], &job["done"]),
        (&json!("finished"), &json!(4), &json!(4)),
        "{job}"
    );
    assert_eq!(job["outcomes"], json!({"changed": 2, "unchanged": 1, "tooMany": 1}), "{job}");
    let report = client.get(&format!("{}/report", queued.header("Location").unwrap())).await.expect(200);
    assert_eq!(
        report.json["Records"],
        json!([{"customerId": ids[1], "outcome": "tooMany"}]),
        "{}",
        report.text
    );
    assert_eq!(labels_of(&client, ids[0]).await, json!(["oak"]));
    assert_eq!(labels_of(&client, ids[4]).await, json!(["new"]));
    let found = client.get("/api/Query/customers/demo?label=oak").await.expect(200);
    assert_eq!(found.json["Summary"]["totalRecords"], 3, "{}", found.text);
    // In the history, each under the token that asked.
    assert_eq!(operations(&client, ids[0]).await, ["updated", "created"]);
    assert_eq!(
        operations(&client, ids[2]).await,
        ["updated", "created"],
        "an unchanged one has no new entry"
    );
    assert_eq!(history(&client, ids[0]).await[0]["changes"][0]["field"], "labels");

    // By ids, some of which are none.
    client.delete(&path(ids[5])).await.expect(200);
    let body = json!({"add": ["chosen"], "customerIds": [ids[4], ids[5], 987_654_321, ids[4]]});
    let job = change(&client, "", &body).await;
    assert_eq!(job["outcomes"], json!({"changed": 1, "deleted": 1, "notFound": 1}), "{job}");
    assert_eq!(labels_of(&client, ids[4]).await, json!(["new", "chosen"]));
    let jobs = client.get(CHANGE).await.expect(200);
    assert_eq!(jobs.json["Summary"]["totalRecords"], 2, "{}", jobs.text);
    let place = format!("{CHANGE}/{}", job["jobId"]);
    assert_eq!(client.send(Method::POST, &format!("{place}/cancel"), None, &[]).await.expect(200).json, job);
    let mut sql = Sql::open(server.site());
    assert_eq!(sql.number(sql::SEQ_GAPS), 0);
    assert!(
        sql.texts(sql::NUMBERED_CHANGES).iter().any(|change| change.contains("label:")),
        "the cause is kept"
    );
    // Clocks of instances differ.
    sql.run(sql::QUEUED_AN_HOUR_AHEAD);
    let job = client.get(&place).await.expect(200).json;
    let at = |name: &str| job[name].as_str().expect("a time").to_owned();
    assert!(at("queuedAt") <= at("startedAt") && at("startedAt") <= at("endedAt"), "{job}");
    assert_eq!(labels(&client).await.into_iter().collect::<BTreeMap<_, _>>(), recount(&client).await);
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_12_a_bad_change_of_labels_is_refused, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada@example.test", "labels": ["vip"]})).await;
    let many: Vec<String> = (0..51).map(|number| number.to_string()).collect();
    for (query, body, place) in [
        ("", json!({"add": ["x"]}), "/customerIds"),
        ("?city=Oakton", json!({"add": ["x"], "customerIds": [id]}), "/customerIds"),
        ("?city=Oakton", json!({}), "/add"),
        ("?city=Oakton", json!({"add": [], "remove": []}), "/add"),
        ("?city=Oakton", json!({"add": ["x"], "remove": ["x"]}), "/add/0"),
        ("?city=Oakton", json!({"add": "x"}), "/add"),
        ("?city=Oakton", json!({"add": ["ok", ""]}), "/add/1"),
        ("?city=Oakton", json!({"add": ["x".repeat(51)]}), "/add/0"),
        ("?city=Oakton", json!({"remove": many}), "/remove"),
        ("?city=Oakton", json!({"add": ["x"], "ad": ["y"]}), "/ad"),
        ("?towns=Oakton", json!({"add": ["x"]}), "?towns"),
        ("?city=Oakton&sortBy=asc(city)", json!({"add": ["x"]}), "?sortBy"),
        ("", json!({"add": ["x"], "customerIds": [0]}), "/customerIds"),
    ] {
        let answer = client.post(&format!("{CHANGE}{query}"), &body).await;
        assert_eq!(places(answer.expect_error(400)), set([place]), "{query} {body}: {}", answer.text);
    }
    for (body, place) in [
        (json!({}), "/to"),
        (json!({"to": ""}), "/to"),
        (json!({"to": 1}), "/to"),
        (json!({"to": "x", "too": "y"}), "/too"),
    ] {
        let answer = client.put(&format!("{LABELS}/vip"), &body).await;
        assert_eq!(places(answer.expect_error(400)), set([place]), "{body}: {}", answer.text);
    }
    client.put(&format!("{LABELS}/VIP"), &json!({"to": "x"})).await.expect_error(404);
    client.put("/api/Paypoint/labels/nowhere/vip", &json!({"to": "x"})).await.expect_error(404);
    client.get(&format!("{CHANGE}/1")).await.expect_error(404);
    // A masked token may not ask by masked fields.
    let masked = server.anonymous().token(&token_with(server.site(), &["customers:read", "customers:write"]));
    masked.post(&format!("{CHANGE}?email=ada@example.test"), &json!({"add": ["x"]})).await.expect_error(400);
    assert_eq!(labels(&client).await, counts([("vip", 1)]));
    assert_eq!(client.get(CHANGE).await.expect(200).json["Summary"]["totalRecords"], 0);
});

both!(rules_12_a_label_is_renamed_or_merged, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let mut ids = Vec::new();
    for (number, labels) in
        [json!(["a/b 100%", "x"]), json!(["x", "a/b 100%"]), json!(["A/B 100%"]), json!(["x"])]
            .iter()
            .enumerate()
    {
        let body = json!({"email": format!("c{number}@example.test"), "labels": labels});
        ids.push(created(&client, "demo", &body).await);
    }
    let job = rename(&client, "a%2Fb%20100%25", "größer?").await;
    assert_eq!(job["state"], "finished", "{job}");
    assert_eq!(job["outcomes"]["changed"], 2, "{job}");
    assert_eq!(labels(&client).await, counts([("x", 3), ("größer?", 2), ("A/B 100%", 1)]));
    assert_eq!(labels_of(&client, ids[0]).await, json!(["größer?", "x"]), "it keeps its place");
    let job = rename(&client, "gr%C3%B6%C3%9Fer%3F", "x").await;
    assert_eq!(job["outcomes"]["changed"], 2, "{job}");
    assert_eq!(labels(&client).await, counts([("x", 3), ("A/B 100%", 1)]));
    assert_eq!(labels_of(&client, ids[1]).await, json!(["x"]));
    let job = rename(&client, "x", "x").await;
    assert_eq!(job["outcomes"], json!({"unchanged": 3}), "{job}");
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_12_counts_of_labels_survive_a_rotation, |db| async {
    let mut server = Server::start(db).await;
    let client = master(&server);
    for number in 0..40 {
        let body = json!({"email": format!("c{number}@example.test"), "labels": ["all", format!("l{}", number % 7)]});
        created(&client, "demo", &body).await;
    }
    client.send(Method::POST, "/api/Paypoint/keys/rotate/demo", None, &[]).await.expect(200);
    // Changes while it runs find the labels under either key.
    for number in 0..40 {
        let body = json!({"email": format!("c{number}@example.test"), "labels": ["all", format!("m{}", number % 3)]});
        client.create("demo", &body, &[("mergeExisting", "1")], &[]).await.expect(200);
    }
    wait_for("the rotation finishes", PATIENCE, async || {
        let keys = client.get("/api/Paypoint/keys/demo").await.expect(200).json;
        if keys["rotation"]["state"] == "finished" { Ok(()) } else { Err(keys) }
    })
    .await;
    server.restart().await;
    assert_eq!(labels(&client).await, counts([("all", 40), ("m0", 14), ("m1", 13), ("m2", 13)]));
    server.cli(&["doctor", "--deep"]).success();
    rename(&client, "m1", "m0").await;
    assert_eq!(labels(&client).await, counts([("all", 40), ("m0", 27), ("m2", 13)]));
    server.cli(&["doctor", "--deep"]).success();
});

fleets!(rules_12_labels_at_once_are_counted_exactly, |fleet| async {
    const WRITERS: usize = 60;
    let ids = fleet
        .race(WRITERS, |number, client| async move {
            let body = json!({"email": format!("c{number}@example.test"), "labels": ["all", format!("l{}", number % 3)]});
            let id = created(&client, "demo", &body).await;
            if number % 2 == 0 {
                client.put(&path(id), &json!({"labels": ["all", "even"]})).await.expect(200);
            }
            if number % 10 == 0 {
                client.delete(&path(id)).await.expect(200);
            }
            id
        })
        .await;
    let client = fleet.client(0);
    let queued: Vec<Answer> = fleet
        .race(3, |number, client| async move {
            client
                .post(&format!("{CHANGE}?label=all"), &json!({"add": [format!("job{number}")]}))
                .await
                .expect(202)
        })
        .await;
    for queued in &queued {
        assert_eq!(until_over(&client, queued).await["outcomes"], json!({"changed": 54}));
    }
    assert_eq!(ids.len(), WRITERS);
    let counted: BTreeMap<_, _> = labels(&client).await.into_iter().collect();
    assert_eq!(counted, recount(&client).await);
    assert_eq!((counted["all"], counted["even"], counted["job2"]), (54, 24, 54));
    assert_eq!(Sql::open(fleet.site()).number(sql::SEQ_GAPS), 0);
    fleet.site().cli(&["doctor", "--deep"]).success();
});

both!(rules_12_a_killed_change_of_labels_goes_on_exactly_once, |db| async {
    const CUSTOMERS: u16 = 1_500;
    let mut server = Server::start(db).await;
    let client = master(&server);
    let rows = rows(CUSTOMERS);
    let import =
        client.request(Method::POST, "/api/Import/customersForm/demo").header("Content-Type", "text/csv");
    send(import.body(format!("email,city\n{rows}"))).await.expect(200);
    let mut interrupted = 0;
    for round in 0..3 {
        let body = json!({"add": [format!("round {round}")]});
        let queued = client.post(&format!("{CHANGE}?city=Oakton"), &body).await.expect(202);
        let place = queued.header("Location").expect("a place").to_owned();
        // A job makes shorter steps while others write.
        let writer = tokio::spawn({
            let client = client.clone();
            async move {
                for number in 0.. {
                    let body = json!({"email": format!("w{round}-{number}@example.test")});
                    let path = "/api/Customer/single/demo";
                    if client.try_send(Method::POST, path, Some(&body), &[]).await.is_err() {
                        return;
                    }
                }
            }
        });
        wait_until("it has begun", PATIENCE, async || client.get(&place).await.expect(200).json["done"] != 0)
            .await;
        let is_over = client.get(&place).await.expect(200).json["state"] == "finished";
        interrupted += usize::from(!is_over);
        server.kill9();
        finished(writer).await;
        server.restart().await;
        let job = until_over(&client, &queued).await;
        assert_eq!((&job["state"], &job["done"]), (&json!("finished"), &json!(CUSTOMERS)), "{job}");
        assert_eq!(job["outcomes"], json!({"changed": CUSTOMERS}), "each once: {job}");
    }
    assert!(interrupted > 0, "no job was killed while it ran");
    let counted: BTreeMap<_, _> = labels(&client).await.into_iter().collect();
    assert!((0..3).all(|round| counted[&format!("round {round}")] == i64::from(CUSTOMERS)), "{counted:?}");
    let mut sql = Sql::open(server.site());
    assert_eq!(sql.number(sql::SEQ_GAPS), 0);
    let changes = sql.texts(sql::NUMBERED_CHANGES);
    assert_eq!(changes.iter().filter(|change| change.contains("label:")).count(), 3 * usize::from(CUSTOMERS));
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_12_a_change_of_labels_can_be_stopped, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let rows = rows(600);
    let import =
        client.request(Method::POST, "/api/Import/customersForm/demo").header("Content-Type", "text/csv");
    send(import.body(format!("email,city\n{rows}"))).await.expect(200);
    let queued =
        client.post(&format!("{CHANGE}?city=Oakton"), &json!({"add": ["stopped"]})).await.expect(202);
    let place = queued.header("Location").expect("a place").to_owned();
    let stopped = client.send(Method::POST, &format!("{place}/cancel"), None, &[]).await.expect(200).json;
    let job = client.get(&place).await.expect(200).json;
    assert_eq!(job, stopped, "a job that is over does not change");
    assert!(["cancelled", "finished"].contains(&job["state"].as_str().unwrap()), "{job}");
    let done = job["done"].as_i64().expect("a number");
    let counted: BTreeMap<_, _> = labels(&client).await.into_iter().collect();
    assert_eq!(counted.get("stopped").copied().unwrap_or(0), done, "what is done stays done");
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_12_a_finished_change_of_labels_has_done_all, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    for number in 0..3 {
        created(&client, "demo", &json!({"customerNumber": format!("D-{number}"), "labels": ["old"]})).await;
    }
    Sql::open(server.site()).run(sql::overcount_jobs(db));
    for job in
        [change(&client, "?label=old", &json!({"add": ["new"]})).await, rename(&client, "old", "older").await]
    {
        assert_eq!(
            (&job["state"], &job["done"], &job["total"]),
            (&json!("finished"), &json!(3), &json!(3)),
            "{job}"
        );
    }
});
