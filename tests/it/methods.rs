//! Stored payment methods (rules 13): our own routes and Payabli's, with what holds for customers: idempotency, `If-Match`,
//! masks, erase, rotation, kills, several instances.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

fn methods(id: u64) -> String {
    format!("/api/Customer/{id}/methods")
}

fn token(number: usize) -> Value {
    json!({"provider": "stripe", "providerMethodId": format!("pm_{number}"), "method": "card"})
}

async fn add(client: &Client, id: u64, body: &Value) -> String {
    let answer = client.post(&methods(id), body).await.expect(200);
    answer.data()["methodId"].as_str().expect("an id").to_owned()
}

async fn all(client: &Client, id: u64) -> Vec<Value> {
    client.get(&methods(id)).await.expect(200).json["Records"].as_array().expect("records").clone()
}

/// The ids of the default methods.
fn defaults(methods: &[Value]) -> Vec<&str> {
    methods.iter().filter(|one| one["isDefault"] == true).filter_map(|one| one["methodId"].as_str()).collect()
}

#[track_caller]
fn code(answer: &Answer, status: u16) -> String {
    answer.expect_error(status);
    answer.json["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
}

/// The kinds of the events of a customer, in their order.
fn events(site: &Site, id: u64) -> Vec<String> {
    Sql::open(site).texts(&format!("SELECT kind AS value FROM event WHERE customer_id = {id} ORDER BY seq"))
}

both!(rules_13_methods_are_added_changed_and_deleted, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let bob = created(&client, "demo", &json!({"email": "bob@example.test"})).await;
    assert!(all(&client, ada).await.is_empty());
    let before = read(&client, ada).await;
    assert!(before.json["StoredMethods"].is_null());
    let whole = json!({"provider": "Stripe", "providerMethodId": "pm_1", "providerCustomerId": "cus_1",
        "networkTransactionId": "nt_1", "method": "card", "brand": "visa", "last4": "4242", "expMonth": 7, "expYear": 2031,
        "fingerprint": "fp_1", "holderName": "Ada Roe", "postalCode": "22124"});
    let answer = client.post(&methods(ada), &whole).await.expect(200);
    let method = answer.data().clone();
    let first = method["methodId"].as_str().unwrap().to_owned();
    for (name, value) in whole.as_object().unwrap() {
        let wanted = if name == "provider" { json!("stripe") } else { value.clone() };
        assert_eq!(method[name], wanted, "{name}");
    }
    assert_eq!(
        (&method["isDefault"], &method["status"], &method["customerId"]),
        (&json!(true), &json!("Active"), &json!(ada))
    );
    // A change of methods is no version of the record and not in its history, but changes what renders them.
    let after = read(&client, ada).await;
    let version = |answer: &Answer| etag(answer).split('-').next().unwrap().to_owned();
    assert_eq!(version(&before), version(&after));
    assert_ne!(etag(&before), etag(&after));
    assert_eq!(operations(&client, ada).await, ["created"]);
    let shown = &after.json["StoredMethods"][0];
    assert_eq!(
        (
            &shown["IdPmethod"],
            &shown["Method"],
            &shown["MaskedAccount"],
            &shown["ExpDate"],
            &shown["HolderName"]
        ),
        (&json!(first), &json!("card"), &json!("XXXX4242"), &json!("0731"), &json!("Ada Roe"))
    );
    let listed = client.list("demo").await;
    let listed = listed.iter().find(|record| record["customerId"] == ada).unwrap();
    assert_eq!(listed["StoredMethods"], after.json["StoredMethods"]);
    // A change of the record keeps the methods.
    client.put(&path(ada), &json!({"city": "Oakton"})).await.expect(200);
    for flag in ["replaceExisting", "mergeExisting"] {
        let body = json!({"email": "ada@example.test", "company": flag});
        assert_eq!(client.create("demo", &body, &[(flag, "1")], &[]).await.expect(200).id(), ada);
    }
    client.send(Method::POST, &format!("{}/archive", path(ada)), None, &[]).await.expect(200);
    client.send(Method::POST, &format!("{}/unarchive", path(ada)), None, &[]).await.expect(200);
    assert_eq!(all(&client, ada).await.len(), 1);

    let second = add(&client, ada, &token(2)).await;
    assert!(second > first, "{second} after {first}");
    let third = add(
        &client,
        ada,
        &json!({"provider": "x", "providerMethodId": "1", "method": "other", "isDefault": true}),
    )
    .await;
    let list = all(&client, ada).await;
    assert_eq!(defaults(&list), [&*third]);
    assert_eq!(list[0]["methodId"], *third, "the default comes first");
    assert_eq!(list[0]["status"], "Manual");
    // Only the last one may be deleted as the default.
    let place = |id: &str| format!("{}/{id}", methods(ada));
    assert_eq!(code(&client.delete(&place(&third)).await, 409), "default_method");
    assert_eq!(code(&client.put(&place(&third), &json!({"isDefault": false})).await, 409), "default_method");
    client
        .put(&place(&first), &json!({"isDefault": true, "brand": null, "expMonth": 1, "expYear": 2020}))
        .await
        .expect(200);
    let list = all(&client, ada).await;
    assert_eq!(defaults(&list), [&*first]);
    assert_eq!(
        (&list[0]["status"], &list[0]["brand"], &list[0]["last4"]),
        (&json!("Expired"), &Value::Null, &json!("4242"))
    );
    client.delete(&place(&third)).await.expect(200);
    client.delete(&place(&second)).await.expect(200);
    client.delete(&place(&first)).await.expect(200);
    assert!(all(&client, ada).await.is_empty());
    assert!(read(&client, ada).await.json["StoredMethods"].is_null());
    assert_eq!(
        events(server.site(), ada),
        ["created", "created", "created", "updated", "deleted", "deleted", "deleted"]
            .map(|kind| format!("method.{kind}"))
    );

    // Foreign and unknown ids answer alike.
    let id = add(&client, bob, &token(1)).await;
    let other = if id.ends_with('0') { '1' } else { '0' };
    let unknown = format!("{}{other}", &id[..id.len() - 1]);
    for id in [&*id, &*unknown, "x", "1-1"] {
        client.put(&place(id), &json!({"brand": "x"})).await.expect_error(404);
        client.delete(&place(id)).await.expect_error(404);
    }
    for id in [&*unknown, "x", "1-1", &id.to_uppercase()] {
        client.get(&format!("/api/TokenStorage/{id}")).await.expect_error(404);
    }
    client.delete(&path(bob)).await.expect(200);
    client.post(&methods(bob), &token(5)).await.expect_error(409);
    assert_eq!(all(&client, bob).await.len(), 1);
});

both!(rules_13_bad_methods_are_refused, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let answer = client
        .post(&methods(id), &json!({"expYear": 1999, "brand": 3, "colour": "x", "isDefault": "yes"}))
        .await;
    answer.expect_error(400);
    assert_eq!(places(&answer), set(["/expYear", "/brand", "/colour", "/isDefault"]));
    let answer = client.post(&methods(id), &json!({"brand": "visa"})).await;
    assert_eq!(places(&answer), set(["/provider", "/providerMethodId", "/method"]));
    let answer = client
        .post(
            &methods(id),
            &json!({"provider": "x", "providerMethodId": "4111111111111111", "method": "card"}),
        )
        .await;
    assert_eq!(code(&answer, 400), "raw_card_data");
    assert_eq!(places(&client.post(&format!("{}?x=1", methods(id)), &token(1)).await), set(["?x"]));

    let first = add(
        &client,
        id,
        &json!({"provider": "stripe", "providerMethodId": "pm_1", "method": "card", "fingerprint": "fp"}),
    )
    .await;
    for same in [
        json!({"provider": "STRIPE", "providerMethodId": "pm_1", "method": "card"}),
        json!({"provider": "stripe", "providerMethodId": "pm_2", "method": "card", "fingerprint": "fp"}),
    ] {
        let answer = client.post(&methods(id), &same).await;
        assert_eq!(code(&answer, 409), "duplicate_method");
        assert!(answer.text.contains(&first), "{}", answer.text);
    }
    add(
        &client,
        id,
        &json!({"provider": "adyen", "providerMethodId": "pm_1", "method": "card", "fingerprint": "fp"}),
    )
    .await;
    // The same account may be another customer's.
    let other = created(&client, "demo", &json!({"email": "bob@example.test"})).await;
    add(&client, other, &json!({"provider": "stripe", "providerMethodId": "pm_1", "method": "card"})).await;

    let settings =
        |value: &str| json!({"general": [{"key": "maxMethods", "readOnly": false, "value": value}]});
    for bad in ["0", "101", "many"] {
        client.put("/api/Paypoint/settings/demo", &settings(bad)).await.expect_error(400);
    }
    client.put("/api/Paypoint/settings/demo", &settings("3")).await.expect(200);
    add(&client, id, &token(3)).await;
    assert_eq!(code(&client.post(&methods(id), &token(4)).await, 409), "too_many_methods");
});

both!(rules_13_keys_and_versions_hold_for_methods, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let keyed = async |key: &str, method: Method, path: &str, body: Option<&Value>| {
        client.send(method, path, body, &[("Idempotency-Key", key)]).await
    };
    let first = keyed("a", Method::POST, &methods(id), Some(&token(1))).await.expect(200);
    let again = keyed("a", Method::POST, &methods(id), Some(&token(1))).await.expect(200);
    assert!(again.replayed() && again.json == first.json, "{}", again.text);
    keyed("a", Method::POST, &methods(id), Some(&token(2))).await.expect_error(422);
    let place = format!("{}/{}", methods(id), first.data()["methodId"].as_str().unwrap());
    let tag = etag(&first);
    let matching = async |tag: &str, brand: &str| {
        client.send(Method::PUT, &place, Some(&json!({"brand": brand})), &[("If-Match", tag)]).await
    };
    let changed = matching(&tag, "visa").await.expect(200);
    assert_ne!(etag(&changed), tag);
    matching(&tag, "amex").await.expect_error(412);
    assert_eq!(etag(&matching(&etag(&changed), "visa").await.expect(200)), etag(&changed), "nothing changed");
    client.send(Method::DELETE, &place, None, &[("If-Match", &tag)]).await.expect_error(412);
    let gone = keyed("d", Method::DELETE, &place, None).await.expect(200);
    let again = keyed("d", Method::DELETE, &place, None).await.expect(200);
    assert!(again.replayed() && again.json == gone.json);
    client.delete(&place).await.expect_error(404);
    // An erased person's answer has no values, and still says that the key was used.
    client.delete(&format!("{}?erase=true", path(id))).await.expect(200);
    let replay = keyed("a", Method::POST, &methods(id), Some(&token(1))).await.expect(200);
    assert!(replay.replayed() && !replay.text.contains("pm_1"), "{}", replay.text);
    assert_eq!(replay.data()["methodId"], first.data()["methodId"]);
});

both!(rules_13_payablis_calls_store_tokens, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let body = json!({"entryPoint": "demo", "source": "api", "fallbackAuth": true,
        "customerData": {"firstName": "Ada", "lastName": "Roe", "billingEmail": "ada@example.test", "billingAddress1": "9 Elm Row",
                         "billingCity": "Oakton", "additionalData": {"tier": "gold"}},
        "paymentMethod": {"method": "card", "tokenId": "tok_1"}});
    let answer = client.post("/api/TokenStorage/add", &body).await.expect(200);
    let id = answer.data()["referenceId"].as_str().unwrap().to_owned();
    let customer = answer.id();
    assert_eq!((&answer.data()["methodReferenceId"], &answer.data()["resultCode"]), (&json!(id), &json!(1)));
    let record = read(&client, customer).await.json;
    assert_eq!(
        (&record["Firstname"], &record["Address"], &record["AdditionalFields"]),
        (&json!("Ada"), &json!("9 Elm Row"), &json!({"tier": "gold"}))
    );
    assert_eq!(record["StoredMethods"][0]["IdPmethod"], *id);
    assert_eq!(operations(&client, customer).await, ["created"]);
    // The same person is found, as by a create; the same token is there already.
    client.post("/api/TokenStorage/add", &body).await.expect_error(409);
    let mut other = body.clone();
    other["paymentMethod"]["tokenId"] = json!("tok_2");
    assert_eq!(client.post("/api/TokenStorage/add", &other).await.expect(200).id(), customer);
    other["customerData"] = json!({"customerId": customer});
    other["paymentMethod"]["tokenId"] = json!("tok_3");
    assert_eq!(client.post("/api/TokenStorage/add", &other).await.expect(200).id(), customer);
    assert_eq!(all(&client, customer).await.len(), 3);

    let place = format!("/api/TokenStorage/{id}");
    client
        .put(
            &format!("{}/{id}", methods(customer)),
            &json!({"expMonth": 2, "expYear": 2031, "last4": "1111"}),
        )
        .await
        .expect(200);
    let shown = client.get(&format!("{place}?cardExpirationFormat=2")).await.expect(200);
    let data = shown.data();
    assert_eq!(
        (&data["idPmethod"], &data["maskedAccount"], &data["expDate"], &data["customers"][0]["customerId"]),
        (&json!(id), &json!("XXXX1111"), &json!("02/31"), &json!(customer))
    );
    let put = json!({"entryPoint": "demo", "customerData": {"customerId": customer}, "paymentMethod": {"method": "ach", "tokenId": "tok_9"}});
    assert_eq!(client.put(&place, &put).await.expect(200).data()["referenceId"], *id);
    assert_eq!(client.get(&place).await.expect(200).data()["method"], "ach");
    assert_eq!(code(&client.delete(&place).await, 409), "default_method");
    let others: Vec<String> = all(&client, customer)
        .await
        .iter()
        .filter_map(|one| one["methodId"].as_str().map(str::to_owned))
        .collect();
    for other in others.iter().filter(|other| **other != id) {
        client.delete(&format!("/api/TokenStorage/{other}")).await.expect(200);
    }
    assert_eq!(client.delete(&place).await.expect(200).data()["referenceId"], *id);
    client.get(&place).await.expect_error(404);

    for (what, change, place) in [
        ("no entrypoint", json!({"entryPoint": null}), "/entryPoint"),
        ("no customer", json!({"customerData": null}), "/customerData"),
        ("no token", json!({"paymentMethod": null}), "/paymentMethod"),
        ("half a token", json!({"paymentMethod": {"method": "card"}}), "/paymentMethod/tokenId"),
        (
            "an account",
            json!({"paymentMethod": {"method": "ach", "achAccount": "123", "tokenId": "x"}}),
            "/paymentMethod/achAccount",
        ),
        ("a bad e-mail", json!({"customerData": {"billingEmail": "nobody"}}), "/customerData/billingEmail"),
        ("an unknown field", json!({"customerData": {"email": "a@b.test"}}), "/customerData/email"),
        ("an unknown member", json!({"colour": 1}), "/colour"),
    ] {
        let mut bad = body.clone();
        bad.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = client.post("/api/TokenStorage/add", &bad).await;
        answer.expect_error(400);
        assert_eq!(places(&answer), set([place]), "{what}: {}", answer.text);
    }
    let mut raw = body.clone();
    raw["paymentMethod"] = json!({"method": "card", "cardnumber": "4111111111111111", "cardexp": "12/31"});
    assert_eq!(code(&client.post("/api/TokenStorage/add", &raw).await, 400), "raw_card_data");
    let mut elsewhere = body.clone();
    elsewhere["entryPoint"] = json!("nowhere");
    client.post("/api/TokenStorage/add", &elsewhere).await.expect_error(404);
    elsewhere["entryPoint"] = json!("demo");
    elsewhere["customerData"] = json!({"customerId": 987_654_321});
    client.post("/api/TokenStorage/add", &elsewhere).await.expect_error(404);
    client.post("/api/TokenStorage/add?temporary=true", &body).await.expect_error(400);
});

both!(rules_13_masked_readers_and_writers_see_no_token, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let whole = json!({"provider": "stripe", "providerMethodId": "secret-1", "providerCustomerId": "secret-2",
        "networkTransactionId": "secret-3", "fingerprint": "secret-4", "holderName": "secret-5", "postalCode": "secret-6",
        "method": "card", "last4": "4242"});
    let method = add(&client, id, &whole).await;
    let masked = server.anonymous().token(&token_with(server.site(), &["customers:read", "customers:write"]));
    let writer = server.anonymous().token(&token_with(server.site(), &["customers:write"]));
    let place = format!("{}/{method}", methods(id));
    for path in
        [methods(id), path(id), format!("/api/TokenStorage/{method}"), "/api/Query/customers/demo".into()]
    {
        let answer = masked.get(&path).await.expect(200);
        assert!(!answer.text.contains("secret") && answer.text.contains("4242"), "{}", answer.text);
    }
    let answer = masked.put(&place, &json!({"brand": "visa"})).await.expect(200);
    assert!(!answer.text.contains("secret"), "{}", answer.text);
    assert_ne!(etag(&answer), etag(&client.put(&place, &json!({"brand": "visa"})).await.expect(200)));
    // A right guess and a wrong one look the same: both are changes.
    for (field, right) in
        [("holderName", "secret-5"), ("postalCode", "secret-6"), ("fingerprint", "secret-4")]
    {
        let mut tags = vec![etag(&masked.put(&place, &json!({"brand": "visa"})).await.expect(200))];
        for guess in ["wrong", right, right] {
            tags.push(etag(&masked.put(&place, &json!({field: guess})).await.expect(200)));
        }
        tags.dedup();
        assert_eq!(tags.len(), 4, "{field}: {tags:?}");
    }
    let answer = writer.put(&place, &json!({"brand": "amex"})).await.expect(200);
    assert_eq!(answer.data(), &json!({"methodId": method, "customerId": id}));
    writer.get(&methods(id)).await.expect_error(403);
    assert_eq!(all(&client, id).await[0]["holderName"], "secret-5");
});

both!(rules_13_methods_outlive_a_rotation_and_a_kill_and_end_with_an_erase, |db| async {
    let mut server = Server::start(db).await;
    let site = server.site().clone();
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    add(&client, id, &json!({"provider": "stripe", "providerMethodId": "pm_needle", "method": "card", "holderName": "Needle"})).await;
    add(&client, id, &token(2)).await;
    let before = all(&client, id).await;
    let row = |column: &str| {
        format!("SELECT count(*) AS value FROM customer WHERE customer_id = {id} AND {column}")
    };
    assert_eq!(Sql::open(&site).number(&row("methods IS NOT NULL")), 1);
    client.send(Method::POST, "/api/Paypoint/keys/rotate/demo", None, &[]).await;
    wait_until("the rotation finishes", std::time::Duration::from_mins(2), async || {
        client.get("/api/Paypoint/keys/demo").await.expect(200).json["rotation"]["state"] == "finished"
    })
    .await;
    assert_eq!(all(&client, id).await, before);
    site.cli(&["doctor", "--deep"]).success();
    server.kill9();
    server.restart().await;
    assert_eq!(all(&client, id).await, before);
    client.delete(&format!("{}?erase=true", path(id))).await.expect(200);
    assert!(all(&client, id).await.is_empty());
    assert_eq!(Sql::open(&site).number(&row("methods IS NOT NULL")), 0);
    for place in [methods(id), path(id)] {
        let answer = client.get(&place).await.expect(200);
        assert!(!answer.text.contains("eedle"), "{}", answer.text);
    }
    client.post(&methods(id), &token(3)).await.expect_error(409);
    site.cli(&["doctor", "--deep"]).success();
});

fleets!(rules_13_parallel_changes_leave_exactly_one_default, |fleet| async {
    const CLIENTS: usize = 64;
    let id = created(&fleet.client(0), "demo", &json!({"email": "ada@example.test"})).await;
    let client = fleet.client(0);
    let mut ids = Vec::new();
    for number in 0..8 {
        ids.push(add(&client, id, &token(number)).await);
    }
    let answers = fleet
        .race(CLIENTS, |number, client| {
            let place = format!("{}/{}", methods(id), ids[number % ids.len()]);
            let new = methods(id);
            async move {
                match number % 4 {
                    0 => client.post(&new, &json!({"provider": "race", "providerMethodId": format!("pm_{number}"), "method": "card", "isDefault": true})).await,
                    1 => client.delete(&place).await,
                    _ => client.put(&place, &json!({"isDefault": true})).await,
                }
            }
        })
        .await;
    assert!(answers.iter().all(|answer| [200, 404, 409].contains(&answer.status)));
    for number in 0..3 {
        let list = all(&fleet.client(number), id).await;
        assert_eq!(defaults(&list).len(), 1, "{list:?}");
        let ids: BTreeSet<&str> = list.iter().filter_map(|one| one["methodId"].as_str()).collect();
        assert_eq!(ids.len(), list.len());
        assert!(list.len() <= 20);
    }
    // Each change has its number, and none is missing or doubled.
    let changed = answers.iter().filter(|answer| answer.status == 200).count();
    let kinds = events(fleet.site(), id);
    assert!(kinds.len() <= changed + 8, "{} events of {changed} changes", kinds.len());
    let seqs = "SELECT count(*) AS value FROM (SELECT seq FROM event UNION ALL SELECT seq FROM history) AS s";
    let mut sql = Sql::open(fleet.site());
    let (count, last) = (
        sql.number(seqs),
        sql.number(
            "SELECT max(seq) AS value FROM (SELECT seq FROM event UNION SELECT seq FROM history) AS s",
        ),
    );
    assert_eq!(count, last);
});

both!(rules_10_whatever_renders_methods_has_another_etag_after_each_change, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let details = format!("{}/details", path(id));
    let masked = server.anonymous().token(&token_with(server.site(), &["customers:read"]));
    let mut seen: Vec<Vec<String>> = Vec::new();
    let mut look = async |step: &str| {
        let mut tags = Vec::new();
        for reader in [&client, &masked] {
            for place in [path(id), details.clone(), methods(id)] {
                let answer = reader.get(&place).await.expect(200);
                let tag = etag(&answer);
                assert_eq!(etag(&reader.get(&place).await.expect(200)), tag, "{step}: {place} is the same");
                let fresh = reader.send(Method::GET, &place, None, &[("If-None-Match", &tag)]).await;
                assert_eq!((fresh.status, fresh.text.as_str()), (304, ""), "{step}: {place}");
                tags.push(tag);
            }
        }
        assert!(seen.is_empty() || tags[2] != tags[5], "{step}: the view is part of the tag");
        for earlier in &seen {
            for (place, (new, old)) in tags.iter().zip(earlier).enumerate() {
                assert_ne!(new, old, "{step}: place {place}");
            }
        }
        // The version of the record stays.
        let number = |tags: &[String]| tags[0].split('-').next().map(str::to_owned);
        assert!(seen.iter().all(|earlier| number(earlier) == number(&tags)), "{step}");
        seen.push(tags);
    };
    look("none").await;
    let first = client.post(&methods(id), &token(1)).await.expect(200);
    look("the first").await;
    let second = client.post(&methods(id), &token(2)).await.expect(200);
    look("the second").await;
    let place = |answer: &Answer| format!("{}/{}", methods(id), answer.data()["methodId"].as_str().unwrap());
    client.put(&place(&second), &json!({"isDefault": true})).await.expect(200);
    look("another default").await;
    client.put(&place(&first), &json!({"holderName": "Bea Moss"})).await.expect(200);
    look("a masked value").await;

    // Each method in an answer has the tag for its own change; other tags change none.
    let list = client.get(&methods(id)).await.expect(200);
    let tag = list.json["Records"][0]["etag"].as_str().expect("a tag").to_owned();
    let page = client.get(&details).await.expect(200);
    assert_eq!(page.json["defaultMethod"]["etag"], tag);
    let change = async |tag: &str, brand: &str| {
        let body = json!({"brand": brand});
        client.send(Method::PUT, &place(&second), Some(&body), &[("If-Match", tag)]).await
    };
    change(&etag(&list), "amex").await.expect_error(412);
    let changed = change(&tag, "amex").await.expect(200);
    assert_eq!(changed.data()["etag"], etag(&changed));
    change(&tag, "visa").await.expect_error(412);
    look("a brand").await;
    client.delete(&place(&first)).await.expect(200);
    look("a deletion").await;
});
