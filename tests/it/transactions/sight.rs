//! Rules 1 and 14: a token without `customers:read` does not learn who is a customer, whatever it sends.
//!
//! Two services differ only in who is a customer. Both get the same deliveries; answers must be equal.

use reqwest::Method;

use super::*;
use crate::support::*;

/// The customer whose sale there is, in both worlds.
const ADA: u64 = 1;
/// A customer in one world only.
const SOMEBODY: u64 = 3;

/// A world with a sale and a subscription of Ada's. Ben and a third customer are there or not.
async fn world(db: Db, has_ben: bool) -> Server {
    let server = Server::start(db).await;
    let client = master(&server);
    let ada = json!({"email": "ada@example.test", "customerNumber": "A-1"});
    assert_eq!(created(&client, "demo", &ada).await, ADA);
    if has_ben {
        let references = json!([{"system": "stripe", "externalId": "cus_b"}]);
        let ben = json!({"email": "ben@example.test", "customerNumber": "B-1", "references": references});
        created(&client, "demo", &ben).await;
        created(&client, "demo", &json!({"email": "cid@example.test"})).await;
    } else {
        created(&client, "demo", &json!({"email": "dan@example.test", "customerNumber": "D-1"})).await;
    }
    let owned = (0..ways().len()).map(|at| with(sale(&format!("OWNED-{at}"), 5), json!({"customerId": ADA})));
    record(&client, &owned.collect::<Vec<_>>()).await;
    let place = "/api/Subscription/external/demo/shop/S-1";
    client.put(place, &json!({"customerId": ADA, "plan": "Silver"})).await.expect(200);
    server
}

/// Names of nobody, and of customers of one world.
fn ways() -> Vec<Value> {
    vec![
        json!({}),
        json!({"customerId": SOMEBODY}),
        json!({"customerNumber": "B-1"}),
        json!({"reference": {"system": "stripe", "externalId": "cus_b"}}),
        json!({"customer": {"email": "ben@example.test", "lastname": "Roe"}}),
        json!({"customer": {"customerNumber": "B-1", "email": "ben@elsewhere.test"}}),
    ]
}

/// An answer without ids of transactions, which are random, and times.
fn steady(answer: &Answer) -> (u16, Value) {
    fn clean(value: &mut Value) {
        match value {
            Value::Object(members) => members.iter_mut().for_each(|(name, value)| match name.as_str() {
                "transId" if !value.is_null() => *value = json!("an id"),
                "requestId" | "queuedAt" | "startedAt" | "endedAt" | "rowsPerSecond" | "LastUpdated"
                | "CreatedAt" | "etag" | "idSub" | "IdSub" => {
                    *value = Value::Null;
                }
                _ => clean(value),
            }),
            Value::Array(items) => items.iter_mut().for_each(clean),
            _ => {}
        }
    }
    let mut json = answer.json.clone();
    clean(&mut json);
    (answer.status, json)
}

/// Sends the same to both worlds; the answer, which is the same.
async fn ask(worlds: &[Client; 2], method: Method, path: &str, body: Option<&Value>) -> Answer {
    let here = worlds[0].send(method.clone(), path, body, &[]).await;
    let there = worlds[1].send(method, path, body, &[]).await;
    assert_eq!(steady(&here), steady(&there), "{path} {body:?}");
    here
}

async fn worlds(db: Db, scopes: &[&str]) -> ([Server; 2], [Client; 2]) {
    let servers = [world(db, true).await, world(db, false).await];
    let tokens = servers.each_ref().map(|it| it.anonymous().token(&token_with(it.site(), scopes)));
    (servers, tokens)
}

/// The scope that a refusal names.
fn needs(answer: &Answer, scope: &str) {
    answer.expect_error(403);
    assert!(answer.text.contains(scope), "{}", answer.text);
}

both!(rules_1_who_is_a_customer_shows_in_no_answer_about_money, |db| async {
    let (_servers, worlds) = worlds(db, &["money:write"]).await;
    let post = async |body: &Value| ask(&worlds, Method::POST, ROUTE, Some(body)).await;
    for (at, way) in ways().into_iter().enumerate() {
        let told = post(&json!([with(sale(&format!("NEW-{at}"), 1), way.clone())])).await;
        let item = &told.json["items"][0];
        let wanted = (&json!("created"), &Value::Null, &Value::Null);
        assert_eq!((&item["result"], &item["customerId"], &item["reason"]), wanted, "{way}: {item}");
        // Nothing is new but whose it may be.
        let plain = sale(&format!("LATER-{at}"), 1);
        post(&json!([plain])).await;
        let told = post(&json!([with(plain.clone(), way.clone())])).await;
        assert_eq!(told.json["items"][0]["result"], "unchanged", "{way}: {}", told.text);
        assert_eq!((&told.json["linked"], &told.json["unchanged"]), (&json!(0), &json!(1)));
        let plain = sale(&format!("MOVED-{at}"), 1);
        post(&json!([plain])).await;
        let later = json!({"status": "refunded", "occurredAt": "2026-03-03T10:00:00Z"});
        let told = post(&json!([with(with(plain, later.clone()), way.clone())])).await;
        assert_eq!(told.json["items"][0]["result"], "moved", "{way}: {}", told.text);
        // To name another customer than the owner is to name nobody.
        let told = post(&json!([with(with(sale(&format!("OWNED-{at}"), 5), later), way.clone())])).await;
        assert_eq!(told.json["items"][0]["result"], "moved", "{way}: {}", told.text);
        let event = json!({"type": "transaction.created", "data": with(sale(&format!("HOOK-{at}"), 1), way)});
        ask(&worlds, Method::POST, "/api/Ingest/demo/standard", Some(&event)).await.expect(200);
    }
    let refused =
        ask(&worlds, Method::POST, &format!("{ROUTE}?onUnknownCustomer=refuse"), Some(&json!([]))).await;
    needs(&refused, "customers:read");
    let told = post(&json!([sale("LINK-1", 1)])).await;
    let id = told.json["items"][0]["transId"].as_str().unwrap();
    for customer in [ADA, 2, SOMEBODY, 77] {
        for method in [Method::GET, Method::POST] {
            let path = format!("/api/Customer/link/{customer}/{id}");
            needs(&worlds[0].send(method, &path, None, &[]).await, "customers:read");
        }
    }
    needs(&worlds[0].post(&format!("/api/MoneyIn/sendreceipt/{id}"), &Value::Null).await, "customers:read");
});

both!(rules_1_who_is_a_customer_shows_in_no_subscription, |db| async {
    let (servers, worlds) = worlds(db, &["money:write", "money:read"]).await;
    let place = |id: &str| format!("/api/Subscription/external/demo/shop/{id}");
    for (at, way) in ways().into_iter().enumerate().skip(1) {
        let made = ask(&worlds, Method::PUT, &place(&format!("N-{at}")), Some(&way)).await;
        needs(&made, "customers:read");
        needs(&ask(&worlds, Method::PUT, &place("S-1"), Some(&way)).await, "customers:read");
    }
    let told = ask(&worlds, Method::PUT, &place("S-1"), Some(&json!({"plan": "Gold"}))).await.expect(200);
    assert_eq!((&told.data()["result"], &told.data()["customerId"]), (&json!("moved"), &Value::Null));
    let shown = worlds[0].get("/api/Query/subscriptions/demo").await.expect(200);
    assert_eq!(shown.json["Records"][0]["Customer"], Value::Null, "{}", shown.text);
    // One that may create customers is told no more about another's subscription.
    let creators = servers
        .each_ref()
        .map(|it| it.anonymous().token(&token_with(it.site(), &["money:write", "customers:write"])));
    let body = json!({"customer": {"email": "ben@example.test"}, "plan": "Iron"});
    let path = format!("{}?onUnknownCustomer=create", place("S-1"));
    ask(&creators, Method::PUT, &path, Some(&body)).await.expect(200);
});

both!(rules_1_who_is_a_customer_shows_in_no_report_of_a_file, |db| async {
    let (servers, worlds) = worlds(db, &["money:write", "customers:import", "pii:read"]).await;
    let path = "/api/Import/transactionsForm/demo";
    needs(&worlds[0].post(&format!("{path}?onUnknownCustomer=refuse"), &json!([])).await, "customers:read");
    let file = "source,externalId,status,amount,customerId,customerNumber,email,reference-stripe\n\
                shop,F-1,approved,1,,,,\nshop,F-2,approved,1,3,,,\nshop,F-3,approved,1,,B-1,,\n\
                shop,F-4,approved,1,,,ben@example.test,\nshop,F-5,approved,1,,,,cus_b\n\
                shop,OWNED-1,voided,5,,B-1,,\nshop,F-6,approved,much,,,,\n";
    let plain = "source,externalId,status,amount,occurredAt\nshop,F-7,approved,1,2026-03-01\n";
    let named =
        "source,externalId,status,amount,occurredAt,customerNumber\nshop,F-7,approved,1,2026-03-01,B-1\n";
    for (file, query) in [(file, "?dryRun=true"), (file, ""), (plain, ""), (named, "")] {
        let mut told = Vec::new();
        for world in &worlds {
            let request = world.request(Method::POST, &format!("{path}{query}"));
            let request = request.header("Content-Type", "text/csv").body(file.to_owned());
            let done = send(request).await.expect(200);
            let job = format!("/api/Import/jobs/demo/{}", done.data()["jobId"]);
            let rows = world.get(&format!("{job}/rows")).await.expect(200);
            let rejected = world.get(&format!("{job}/rejected.csv")).await.expect(200).text;
            told.push((steady(&done), steady(&world.get(&job).await), steady(&rows), rejected));
        }
        assert_eq!(told[0], told[1], "{query} {file}");
        assert_eq!(told[0].1.1["kind"], "transactions");
    }
    // A job that refuses the unknown is listed without its numbers.
    let file = "source,externalId,status,amount,customerNumber\nshop,F-8,approved,1,B-1\n";
    for server in &servers {
        let request = master(server).request(Method::POST, &format!("{path}?onUnknownCustomer=refuse"));
        send(request.header("Content-Type", "text/csv").body(file)).await.expect(200);
    }
    let listed = ask(&worlds, Method::GET, "/api/Import/jobs/demo", None).await.expect(200);
    let newest = &listed.json["Records"][0];
    assert_eq!((&newest["added"], &newest["rejected"]), (&json!(0), &json!(0)), "{newest}");
    let shown = master(&servers[0]).get("/api/Import/jobs/demo").await.expect(200);
    assert_eq!(shown.json["Records"][0]["added"], 1, "{}", shown.text);
    // Who reads customers sees it all in the same job.
    let reader = master(&servers[0]);
    let rows = reader.get("/api/Import/jobs/demo/2/rows").await.expect(200);
    let of = |line: usize| &rows.json["Records"][line]["customerId"];
    assert_eq!((of(1), of(2)), (&json!(SOMEBODY), &json!(2)), "{}", rows.text);
});

both!(rules_1_a_reader_of_money_alone_does_not_learn_who_is_a_customer, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let ada = created(&client, "demo", &json!({"email": "ada@example.test", "customerNumber": "A-1"})).await;
    let linked = one(&client, with(sale("T-1", 5), json!({"customerId": ada}))).await;
    one(&client, sale("T-2", 5)).await;
    let reader =
        server.anonymous().token(&token_with(server.site(), &["money:read", "customers:export", "pii:read"]));
    assert_eq!(shown(&client, &linked).await["customerId"], ada);
    assert_eq!(shown(&reader, &linked).await["customerId"], Value::Null);
    let list = reader.get("/api/Query/transactions/demo").await.expect(200);
    let records = list.json["Records"].as_array().expect("records");
    assert!(records.iter().all(|it| it["customerId"].is_null() && it["Customer"].is_null()), "{}", list.text);
    let file = reader.get("/api/Export/transactions/csv/demo?columnsExport=externalId,customerId").await;
    let mut lines: Vec<String> = file.expect(200).text.lines().skip(1).map(str::to_owned).collect();
    lines.sort_unstable();
    assert_eq!(lines, ["T-1,", "T-2,"]);
    for filter in ["customerId(eq)=1", "customerId(ne)=0", "customerNumber(eq)=A-1", "customerNumber(nct)=A"]
    {
        let path = format!("/api/Query/transactions/demo?{filter}");
        client.get(&path).await.expect(200);
        let refused = reader.get(&path).await;
        assert!(refused.expect_error(400).text.contains("customers:read"), "{}", refused.text);
    }
});

both!(rules_4_a_key_of_another_token_does_not_tell_who_is_a_customer, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let blind = server.anonymous().token(&token_with(server.site(), &["money:write", "pii:read"]));
    let ada = created(&client, "demo", &json!({"customerNumber": "A-1"})).await;
    created(&client, "demo", &json!({"customerNumber": "B-1"})).await;
    one(&client, with(sale("T-1", 5), json!({"customerId": ada}))).await;
    let body = json!([with(sale("T-1", 5), json!({"customerNumber": "B-1"}))]);
    let keyed = async |client: &Client| {
        client.send(Method::POST, ROUTE, Some(&body), &[("idempotencyKey", "seen")]).await.expect(200)
    };
    assert_eq!(results(&keyed(&client).await), ["refused"]);
    let told = keyed(&blind).await;
    assert_eq!((results(&told), told.replayed()), (vec!["unchanged".to_owned()], false), "{}", told.text);
});

both!(rules_1_who_is_refused_as_another_tells_no_masked_address, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    client.put("/api/Paypoint/settings/demo", &identifiers(&["customerNumber"])).await.expect(200);
    let ada = created(&client, "demo", &json!({"customerNumber": "A-1"})).await;
    created(&client, "demo", &json!({"customerNumber": "B-1", "email": "ben@example.test"})).await;
    one(&client, with(sale("T-1", 5), json!({"customerId": ada}))).await;
    let scopes = ["customers:read", "customers:write", "money:read", "money:write"];
    let masked = server.anonymous().token(&token_with(server.site(), &scopes));
    for email in ["ben@example.test", "guess@example.test"] {
        let customer = json!({"customer": {"customerNumber": "B-1", "email": email}});
        let told = one(&masked, with(sale("T-1", 5), customer)).await;
        assert_eq!(
            (&told["result"], code(&told)),
            (&json!("refused"), "linked_to_another"),
            "{email}: {told}"
        );
    }
});
