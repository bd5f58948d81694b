//! Subscriptions as records of another system (rules 16), and the refusal to delete who has one (rules 24).

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

fn place(external_id: &str) -> String {
    format!("/api/Subscription/external/demo/billing/{external_id}")
}

#[track_caller]
fn code(answer: &Answer, status: u16) -> String {
    answer.expect_error(status);
    answer.json["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
}

/// Records a subscription; the data of the answer.
async fn put(client: &Client, external_id: &str, body: &Value) -> Value {
    client.put(&place(external_id), body).await.expect(200).data().clone()
}

async fn listed(client: &Client, query: &str) -> Vec<u64> {
    let list = client.get(&format!("/api/Query/subscriptions/demo{query}")).await.expect(200);
    let records = list.json["Records"].as_array().expect("records");
    records.iter().filter_map(|one| one["IdSub"].as_u64()).collect()
}

both!(rules_16_a_subscription_is_recorded_and_changed_by_its_id_elsewhere, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = created(
        &client,
        "demo",
        &json!({"email": "ada@example.test", "firstname": "Ada", "customerNumber": "A-1"}),
    )
    .await;
    assert!(read(&client, ada).await.json["Subscriptions"].is_null());
    let body = json!({"customerId": ada, "status": "running", "plan": "Gold", "amount": "12.50", "currency": "eur",
        "frequency": "monthly", "startDate": "2026-01-01", "nextDate": "2026-04-01T10:00:00Z", "totalCycles": 12, "leftCycles": 9});
    let first = client.put(&place("s-1"), &body).await.expect(200);
    let id = first.data()["idSub"].as_u64().unwrap();
    assert_eq!((&first.data()["result"], &first.data()["customerId"]), (&json!("created"), &json!(ada)));
    let shown = &first.data()["subscription"];
    for (name, value) in [
        ("IdSub", json!(id)),
        ("SubStatus", json!(1)),
        ("Status", json!("running")),
        ("Source", json!("billing")),
        ("ExternalId", json!("s-1")),
        ("Plan", json!("Gold")),
        ("TotalAmount", json!(12.5)),
        ("Currency", json!("EUR")),
        ("Frequency", json!("monthly")),
        ("StartDate", json!("2026-01-01T00:00:00.000000Z")),
        ("NextDate", json!("2026-04-01T10:00:00.000000Z")),
        ("TotalCycles", json!(12)),
        ("LeftCycles", json!(9)),
        ("UntilCancelled", json!(false)),
        ("PaypointEntryname", json!("demo")),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    // The same again, in whole or in part, changes nothing; a difference does.
    assert_eq!(put(&client, "s-1", &body).await["result"], "unchanged");
    assert_eq!(put(&client, "s-1", &json!({"plan": "Gold"})).await["result"], "unchanged");
    let changed =
        put(&client, "s-1", &json!({"status": "paused", "nextDate": null, "customerNumber": "A-1"})).await;
    assert_eq!((&changed["result"], &changed["idSub"]), (&json!("moved"), &json!(id)));
    assert_eq!(
        (&changed["subscription"]["SubStatus"], &changed["subscription"]["Plan"]),
        (&json!(0), &json!("Gold"))
    );
    assert!(changed["subscription"]["NextDate"].is_null());

    let alone = client.get(&format!("/api/Subscription/{id}")).await.expect(200);
    assert_eq!(alone.json["Customer"]["customerId"], ada);
    assert_eq!(
        (&alone.json["Customer"]["FirstName"], &alone.json["ExternalId"]),
        (&json!("Ada"), &json!("s-1"))
    );
    let record = read(&client, ada).await;
    assert_eq!(record.json["Subscriptions"][0]["IdSub"], id);
    assert_ne!(
        etag(&record),
        etag(&{
            put(&client, "s-1", &json!({"status": "running"})).await;
            read(&client, ada).await
        })
    );
    let details = client.get(&format!("{}/details", path(ada))).await.expect(200);
    assert_eq!(details.json["record"]["Subscriptions"][0]["Status"], "running");
    assert_eq!(client.list("demo").await[0]["Subscriptions"][0]["IdSub"], id);
    // An id is never used again, also not as that of a customer.
    let bob = created(&client, "demo", &json!({"email": "bob@example.test"})).await;
    let second = put(&client, "s-2", &json!({"customerNumber": "A-1"})).await["idSub"].as_u64().unwrap();
    assert_eq!(BTreeSet::from([ada, id, bob, second]).len(), 4);
    for unknown in [ada, bob, 987_654_321] {
        client.get(&format!("/api/Subscription/{unknown}")).await.expect_error(404);
    }
    client.get(&path(id)).await.expect_error(404);
    let events = Sql::open(server.site()).texts(
        "SELECT kind || ' ' || subject_id AS value FROM event WHERE kind LIKE 'subscription.%' ORDER BY seq",
    );
    let wanted = [("created", id), ("updated", id), ("updated", id), ("created", second)];
    assert_eq!(events, wanted.map(|(kind, id)| format!("subscription.{kind} {id}")));
});

both!(rules_16_the_customer_is_named_as_everywhere, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = created(&client, "demo", &json!({"email": "ada@example.test", "customerNumber": "A-1"})).await;
    let bob = created(&client, "demo", &json!({"email": "bob@example.test"})).await;
    client.send(Method::PUT, &format!("{}/references/shop/R-1", path(ada)), None, &[]).await.expect(200);
    for (number, whose) in [
        json!({"customerId": ada}),
        json!({"customerNumber": " A-1 "}),
        json!({"reference": {"system": "shop", "externalId": "R-1"}}),
        json!({"customer": {"email": "ADA@example.test"}}),
    ]
    .iter()
    .enumerate()
    {
        let name = format!("w-{number}");
        assert_eq!(put(&client, &name, whose).await["customerId"], ada, "{whose}");
        assert_eq!(put(&client, &name, whose).await["result"], "unchanged", "{whose}");
    }
    for whose in [
        json!({"customerId": bob}),
        json!({"customerId": 987_654_321}),
        json!({"customerNumber": "nobody"}),
        json!({"customer": {"email": "bob@example.test"}}),
    ] {
        assert_eq!(code(&client.put(&place("w-0"), &whose).await, 409), "linked_to_another", "{whose}");
    }
    client.delete(&path(bob)).await.expect(200);
    for whose in [
        json!({"customerId": bob}),
        json!({"customerId": 987_654_321}),
        json!({"customerNumber": "nobody"}),
        json!({"reference": {"system": "shop", "externalId": "nobody"}}),
        json!({"customer": {"email": "new@example.test"}}),
    ] {
        assert_eq!(code(&client.put(&place("new"), &whose).await, 409), "unknown_customer", "{whose}");
    }
    assert_eq!(code(&client.put(&place("new"), &json!({"plan": "x"})).await, 400), "required");
    let two = json!({"customerId": ada, "customerNumber": "A-1"});
    assert_eq!(code(&client.put(&place("new"), &two).await, 400), "several_customers");
    // A new customer begins as a subscriber.
    let creating = format!("{}?onUnknownCustomer=create", place("new"));
    let body = json!({"customer": {"email": "new@example.test", "firstname": "New"}});
    let made = client.put(&creating, &body).await.expect(200);
    let new = made.id();
    let record = read(&client, new).await.json;
    assert_eq!((&record["Firstname"], &record["Lifecycle"]), (&json!("New"), &json!("Subscriber")));
    assert_eq!(operations(&client, new).await, ["created"]);
    let again = client.put(&creating, &body).await.expect(200);
    assert_eq!((again.id(), &again.data()["result"]), (new, &json!("unchanged")));
    client.put(&format!("{}?onUnknownCustomer=unlinked", place("x")), &body).await.expect_error(400);
    // Two who could be meant: nobody is guessed.
    let body = json!({"customer": {"email": "new@example.test", "customerNumber": "A-1"}});
    client.put(&format!("{}?onUnknownCustomer=create", place("other")), &body).await.expect_error(409);
});

both!(rules_16_bad_subscriptions_are_refused, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let bad = json!({"customerId": id, "status": "on", "amount": -1, "currency": "XXX", "startDate": "soon", "leftCycles": "2", "colour": 1});
    let answer = client.put(&place("s"), &bad).await;
    answer.expect_error(400);
    assert_eq!(
        places(&answer),
        set(["/status", "/amount", "/currency", "/startDate", "/leftCycles", "/colour"])
    );
    let fine = json!({"customerId": id, "amount": 10.5, "currency": "JPY"});
    assert_eq!(code(&client.put(&place("s"), &fine).await, 400), "too_many_digits");
    assert_eq!(
        code(&client.put(&place("s"), &json!({"customerId": id, "amount": 1})).await, 400),
        "required"
    );
    let card = json!({"customerId": id, "plan": "4111 1111 1111 1111"});
    assert_eq!(code(&client.put(&place("s"), &card).await, 400), "raw_card_data");
    for source in ["Bill", "b%20b"] {
        let place = format!("/api/Subscription/external/demo/{source}/s");
        let answer = client.put(&place, &json!({"customerId": id})).await;
        assert_eq!(places(&answer), set(["?source"]), "{source}");
    }
    client
        .put("/api/Subscription/external/nowhere/billing/s", &json!({"customerId": id}))
        .await
        .expect_error(404);
    client.put(&format!("{}?x=1", place("s")), &json!({"customerId": id})).await.expect_error(400);
    let answer = client
        .post("/api/Subscription/add", &json!({"entryPoint": "demo", "customerData": {"customerId": id}}))
        .await;
    assert_eq!(code(&answer, 409), "no_billing_engine");
    assert!(answer.text.contains("/api/Subscription/external/"), "{}", answer.text);
    assert!(listed(&client, "").await.is_empty());
    for number in 0..100 {
        put(&client, &format!("n-{number}"), &json!({"customerId": id, "status": "ended"})).await;
    }
    let answer = client.put(&place("n-100"), &json!({"customerId": id})).await;
    assert_eq!(code(&answer, 409), "too_many_subscriptions");
    assert_eq!(put(&client, "n-5", &json!({"status": "running"})).await["result"], "moved");
});

both!(rules_16_keys_versions_and_scopes_hold_for_subscriptions, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &json!({"email": "ada@example.test", "phone": "+12025550100"})).await;
    let keyed = async |key: &str, body: &Value| {
        client.send(Method::PUT, &place("s"), Some(body), &[("Idempotency-Key", key)]).await
    };
    let first = keyed("a", &json!({"customerId": id, "plan": "Gold"})).await.expect(200);
    let again = keyed("a", &json!({"customerId": id, "plan": "Gold"})).await.expect(200);
    assert!(again.replayed() && again.json == first.json, "{}", again.text);
    keyed("a", &json!({"plan": "Silver"})).await.expect_error(422);
    let matching = async |tag: &str, plan: &str| {
        client.send(Method::PUT, &place("s"), Some(&json!({"plan": plan})), &[("If-Match", tag)]).await
    };
    let tag = etag(&first);
    let changed = matching(&tag, "Silver").await.expect(200);
    matching(&tag, "Bronze").await.expect_error(412);
    let sub = format!("/api/Subscription/{}", first.data()["idSub"]);
    let read_tag = etag(&client.get(&sub).await.expect(200));
    let same = client.send(Method::GET, &sub, None, &[("If-None-Match", &read_tag)]).await;
    assert_eq!(same.status, 304);
    matching(&read_tag, "Bronze").await.expect(200);
    assert_ne!(etag(&changed), tag);
    client
        .send(Method::PUT, &place("new"), Some(&json!({"customerId": id})), &[("If-Match", &tag)])
        .await
        .expect_error(412);

    let site = server.site();
    let with = |scopes: &[&str]| server.anonymous().token(&token_with(site, scopes));
    let writer = with(&["money:write", "customers:read"]);
    let blind = writer.put(&place("b"), &json!({"customerId": id, "plan": "Blind"})).await.expect(200);
    assert!(blind.data()["subscription"].is_null() && blind.header("ETag").is_none());
    writer.get(&sub).await.expect_error(403);
    let body = json!({"customer": {"email": "new@example.test"}});
    writer.put(&format!("{}?onUnknownCustomer=create", place("c")), &body).await.expect_error(403);
    with(&["money:write", "customers:write"])
        .put(&format!("{}?onUnknownCustomer=create", place("c")), &body)
        .await
        .expect(200);
    let reader = with(&["money:read"]);
    reader.put(&place("s"), &json!({"plan": "x"})).await.expect_error(403);
    let masked = reader.get(&sub).await.expect(200);
    assert_eq!(masked.json["Plan"], "Bronze");
    assert!(
        !masked.text.contains("ada@example.test") && !masked.text.contains("2025550100"),
        "{}",
        masked.text
    );
    let poor = with(&["customers:read"]);
    poor.get("/api/Query/subscriptions/demo").await.expect_error(403);
    assert!(read(&poor, id).await.json["Subscriptions"].is_null());
    assert!(!read(&with(&["customers:read", "money:read"]), id).await.json["Subscriptions"].is_null());
    // Another organisation learns nothing.
    let other = new_org(site, "Elsewhere");
    new_entry_of(site, other, "elsewhere", &[]);
    let stranger =
        token_of(site, &["--org", &other.to_string(), "--all-entries"], &["money:read", "money:write"]);
    let stranger = server.anonymous().token(&stranger);
    stranger.get(&sub).await.expect_error(404);
    stranger.put(&place("s"), &json!({"plan": "x"})).await.expect_error(404);
    stranger.get("/api/Query/subscriptions/org/1").await.expect_error(404);
});

both!(rules_16_subscriptions_are_listed_by_state_customer_and_date, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    new_entry(server.site(), "second", &[]);
    let ada = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let bob = created(&client, "demo", &json!({"email": "bob@example.test"})).await;
    let mut ids = Vec::new();
    for (number, (customer, status, next)) in [
        (ada, "running", "2026-04-01"),
        (ada, "ended", ""),
        (bob, "trial", "2026-04-02"),
        (bob, "paused", ""),
        (bob, "running", "2026-05-01"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({"customerId": customer, "status": status, "nextDate": next});
        ids.push(put(&client, &format!("l-{number}"), &body).await["idSub"].as_u64().unwrap());
    }
    let [s0, s1, s2, s3, s4] = ids[..] else { unreachable!() };
    for (query, wanted) in [
        ("", vec![s4, s3, s2, s1, s0]),
        ("?status=1", vec![s4, s2, s0]),
        ("?status(eq)=0", vec![s3, s1]),
        ("?status(in)=ended|paused", vec![s3, s1]),
        ("?status(ne)=ended&customerId=1", vec![]),
        ("?parameters=%7B%22status(eq)%22%3A%22running%22%7D", vec![s4, s0]),
        ("?parameters%5BnextDate(le)%5D=2026-04-02", vec![s2, s0]),
        ("?nextDate=2026-04-02", vec![s2]),
        ("?nextDate(gt)=2026-04-02", vec![s4]),
        ("?fromRecord=1&limitRecord=2", vec![s3, s2]),
    ] {
        let wanted = if query.ends_with("customerId=1") && ada == 1 { vec![s0] } else { wanted };
        assert_eq!(listed(&client, query).await, wanted, "{query}");
    }
    assert_eq!(listed(&client, &format!("?customerId={ada}")).await, [s1, s0]);
    // Pages do not shift while others write.
    let mut seen = Vec::new();
    let mut query = "?limitRecord=2".to_owned();
    loop {
        let page = client.get(&format!("/api/Query/subscriptions/demo{query}")).await.expect(200);
        let summary = &page.json["Summary"];
        assert_eq!((&summary["totalRecords"], &summary["totalPages"]), (&json!(5), &json!(3)));
        seen.extend(
            page.json["Records"].as_array().unwrap().iter().map(|one| one["IdSub"].as_u64().unwrap()),
        );
        put(&client, &format!("late-{}", seen.len()), &json!({"customerId": ada})).await;
        let Some(token) = summary["pageIdentifier"].as_str() else { break };
        query = format!("?limitRecord=2&pageIdentifier={token}");
    }
    assert_eq!(seen, [s4, s3, s2, s1, s0]);
    let answer =
        client.get("/api/Query/subscriptions/demo?plan=x&status=on&limitRecord=x&pageIdentifier=zz").await;
    answer.expect_error(400);
    assert_eq!(places(&answer), set(["?plan", "?status", "?limitRecord"]));
    client.get(&format!("/api/Query/subscriptions/demo{query}&status=1")).await.expect_error(400);
    // Of an organisation: those of the entrypoints that the token sees.
    let cid = created(&client, "second", &json!({"email": "cid@example.test"})).await;
    client
        .put("/api/Subscription/external/second/billing/l-0", &json!({"customerId": cid}))
        .await
        .expect(200);
    let all = client.get("/api/Query/subscriptions/org/1").await.expect(200);
    assert_eq!(all.json["Summary"]["totalRecords"], 9);
    let one = server.anonymous().token(&token_of(
        server.site(),
        &["--org", "1", "--entry", "second"],
        &["money:read", "customers:read"],
    ));
    let all = one.get("/api/Query/subscriptions/org/1").await.expect(200);
    assert_eq!(
        (&all.json["Summary"]["totalRecords"], &all.json["Records"][0]["Customer"]["customerId"]),
        (&json!(1), &json!(cid))
    );
});

both!(rules_24_who_has_a_subscription_is_not_deleted, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    for query in ["?", "?erase=true&"] {
        let email = format!("ada{}@example.test", query.len());
        let id = created(&client, "demo", &json!({"email": email})).await;
        let name = format!("d-{id}");
        put(&client, &name, &json!({"customerId": id, "status": "paused"})).await;
        put(&client, &format!("{name}-2"), &json!({"customerId": id, "status": "running"})).await;
        put(&client, &format!("{name}-3"), &json!({"customerId": id, "status": "ended"})).await;
        let refused = client.delete(&format!("{}{query}", path(id))).await;
        assert_eq!(code(&refused, 409), "has_obligations");
        for part in ["2 subscriptions", "archive", "cancelOpen=true"] {
            assert!(refused.text.contains(part), "{part}: {}", refused.text);
        }
        assert_eq!(read(&client, id).await.json["customerStatus"], 1);
        // What is over is no obligation.
        put(&client, &name, &json!({"status": "ended"})).await;
        let refused = client.delete(&format!("{}{query}", path(id))).await;
        assert!(refused.text.contains("1 subscription is"), "{}", refused.text);
        client.delete(&format!("{}{query}cancelOpen=true", path(id))).await.expect(200);
        client.delete(&format!("{}{query}", path(id))).await.expect(200);
        let record = read(&client, id).await.json;
        if query == "?" {
            let states: Vec<&str> = record["Subscriptions"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|one| one["Status"].as_str())
                .collect();
            assert_eq!(states, ["ended"; 3]);
            client.put(&place(&name), &json!({"status": "running"})).await.expect_error(409);
        } else {
            assert!(record["Subscriptions"].is_null());
        }
    }
    // Nor is who has a pending payment.
    let cid = created(&client, "demo", &json!({"email": "cid@example.test"})).await;
    let payment = |status: &str| json!([{"source": "shop", "externalId": "p", "customerId": cid, "status": status, "amount": 5, "currency": "USD"}]);
    client.post("/api/Transaction/demo", &payment("authorised")).await.expect(200);
    put(&client, "cid", &json!({"customerId": cid})).await;
    let refused = client.delete(&path(cid)).await;
    assert_eq!(code(&refused, 409), "has_obligations");
    assert_eq!(refused.json["errors"].as_array().unwrap().len(), 2);
    assert!(refused.text.contains("1 payment is pending"), "{}", refused.text);
    put(&client, "cid", &json!({"status": "ended"})).await;
    client.delete(&path(cid)).await.expect_error(409);
    client.post("/api/Transaction/demo", &payment("approved")).await.expect(200);
    client.delete(&path(cid)).await.expect(200);
    // Without either it is as before.
    let bob = created(&client, "demo", &json!({"email": "bob@example.test"})).await;
    client.delete(&format!("{}?cancelOpen=false", path(bob))).await.expect(200);
    client.delete(&format!("{}?cancelOpen=x", path(bob))).await.expect_error(400);
});

both!(rules_7_subscriptions_are_sealed_rotated_examined_and_erased, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let mut ids = Vec::new();
    for number in 0..3 {
        let id = created(&client, "demo", &json!({"email": format!("k{number}@example.test")})).await;
        for part in ["a", "b"] {
            let body = json!({"customerId": id, "plan": "Platinum-Plan-77"});
            put(&client, &format!("sealed-ext-{number}{part}"), &body).await;
        }
        ids.push(id);
    }
    let site = server.site();
    let mut sql = Sql::open(site);
    assert_eq!(sql.number("SELECT count(*) AS value FROM subscription"), 6);
    let key = |sql: &mut Sql| sql.number("SELECT max(key_id) AS value FROM customer");
    let before = key(&mut sql);
    // A customer may move to the new key by a write or by the rotation.
    site.cli(&["keys", "rotate", "--entry", "demo"]).success();
    put(&client, "sealed-ext-0a", &json!({"plan": "Moved"})).await;
    wait_until("all customers are under the new key", std::time::Duration::from_mins(1), async || {
        Sql::open(site).number("SELECT min(key_id) AS value FROM customer") > before
    })
    .await;
    for (number, id) in ids.iter().take(3).enumerate() {
        let body = json!({"plan": format!("After-{number}")});
        let moved = put(&client, &format!("sealed-ext-{number}a"), &body).await;
        assert_eq!((&moved["result"], &moved["customerId"]), (&json!("moved"), &json!(id)));
    }
    assert_eq!(sql.number("SELECT count(*) AS value FROM subscription"), 6);
    let told = site.cli(&["doctor", "--deep"]).success();
    assert!(told.contains("customers"), "{told}");
    // A row that leads elsewhere is found out.
    sql.run(&format!("UPDATE subscription SET status = 1 WHERE customer_id = {} AND status = 3", ids[1]));
    let told = site.cli(&["doctor", "--deep"]);
    let names =
        [&told.stdout, &told.stderr].iter().any(|text| text.contains(&format!("customer {}", ids[1])));
    assert!(!told.status.success() && names, "{told:?}");
    sql.run(&format!("UPDATE subscription SET status = 3 WHERE customer_id = {}", ids[1]));
    client.delete(&format!("{}?erase=true&cancelOpen=true", path(ids[2]))).await.expect(200);
    assert_eq!(
        sql.number(&format!("SELECT count(*) AS value FROM subscription WHERE customer_id = {}", ids[2])),
        0
    );
    assert_eq!(
        code(&client.put(&place("sealed-ext-2a"), &json!({"customerId": ids[2]})).await, 409),
        "unknown_customer"
    );
    site.cli(&["doctor", "--deep"]).success();
});

fleets!(rules_16_parallel_records_of_one_subscription_make_one, |fleet| async {
    let client = fleet.client(0);
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let answers = fleet
        .race(32, |number, client| async move {
            let body = json!({"customer": {"email": "ADA@example.test"}, "leftCycles": number});
            client.put(&format!("{}?onUnknownCustomer=create", place("race")), &body).await.expect(200)
        })
        .await;
    let ids: BTreeSet<u64> = answers.iter().map(|answer| answer.data()["idSub"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), 1);
    assert!(answers.iter().all(|answer| answer.id() == id));
    assert_eq!(answers.iter().filter(|answer| answer.data()["result"] == "created").count(), 1);
    assert_eq!(total(&client, "demo").await, 1);
    assert_eq!(listed(&client, "").await.len(), 1);
});
