//! Replays: the first outcome with its values, in the view of the asking token, whatever has happened since.

use reqwest::Method;
use serde_json::{Value, json};

use super::{assert_replay, create, keyed};
use crate::harness::*;
use crate::support::*;

fn ada() -> Value {
    json!({"email": "ada.roe@example.test", "phone": "+15555550117", "firstname": "Ada", "address": "9 Elm Row",
           "customerNumber": "ACC-1", "additionalFields": {"tier": "gold-plus"}, "balance": 12.5})
}

both!(rules_4_a_replayed_create_repeats_the_first_answer, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let first = create(&client, "k", &ada()).await.expect(200);
    assert_eq!(first.outcome(), "created");
    let before = read(&client, first.id()).await;
    for _ in 0..3 {
        assert_replay(&first, &create(&client, "k", &ada()).await);
    }
    assert_eq!(etag(&read(&client, first.id()).await), etag(&before));
    assert_eq!(total(&client, "demo").await, 1);

    // The record has changed twice; the answer has not.
    client
        .put(&path(first.id()), &json!({"firstname": "Adele", "email": "adele@example.test"}))
        .await
        .expect(200);
    client.put(&path(first.id()), &json!({"phone": null, "balance": 99})).await.expect(200);
    let replay = create(&client, "k", &ada()).await;
    assert_replay(&first, &replay);
    assert_eq!(replay.data()["Firstname"], "Ada");
    assert_eq!(replay.data()["Email"], "ada.roe@example.test");
    assert_eq!(read(&client, first.id()).await.json["Firstname"], "Adele");

    // After a delete the replay is still the first answer.
    client.delete(&path(first.id())).await.expect(200);
    assert_replay(&first, &create(&client, "k", &ada()).await);
    assert_eq!(operations(&client, first.id()).await, ["deleted", "updated", "updated", "created"]);
    assert_eq!(total(&client, "demo").await, 0, "a replay created a customer");
    // Without the key the same body creates a new customer.
    assert_ne!(created(&client, "demo", &ada()).await, first.id());
});

both!(rules_4_every_outcome_is_replayed, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &ada()).await;
    let matching = json!({"email": "ada.roe@example.test", "city": "Oakton"});
    for (query, outcome) in [
        ("", "matched"),
        ("?mergeExisting=1", "merged"),
        ("?replaceExisting=1", "replaced"),
        ("?forceCustomerCreation=true", "forced"),
    ] {
        let place = format!("/api/Customer/single/demo{query}");
        let ask = async || keyed(&client, outcome, Method::POST, &place, Some(&matching)).await;
        let first = ask().await.expect(200);
        assert_eq!(first.outcome(), outcome);
        let entries = operations(&client, first.id()).await;
        client.put(&path(first.id()), &json!({"state": outcome})).await.expect(200);
        assert_replay(&first, &ask().await);
        assert_eq!(
            operations(&client, first.id()).await.len(),
            entries.len() + 1,
            "{outcome}: a second effect"
        );
    }
    assert_eq!(total(&client, "demo").await, 2);
    // The match report is the first one, though a new one would differ.
    let ask = async || keyed(&client, "m", Method::POST, "/api/Customer/match/demo", Some(&matching)).await;
    let report = ask().await.expect(200);
    assert_eq!(report.data()["customerId"], id, "{}", report.text);
    client.delete(&path(id)).await.expect(200);
    assert_replay(&report, &ask().await);
});

both!(rules_4_updates_and_deletes_are_replayed_before_the_precondition_is_checked, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &ada()).await;
    let tag = etag(&read(&client, id).await);
    let guarded = client.header("If-Match", &tag);
    let city = json!({"city": "Oakton"});
    let first = keyed(&guarded, "u", Method::PUT, &path(id), Some(&city)).await.expect(200);
    assert_eq!(first.json["responseText"], "Success");
    // By now the tag is stale, and another client has changed the city.
    client.put(&path(id), &json!({"city": "Reston"})).await.expect(200);
    let replay = keyed(&guarded, "u", Method::PUT, &path(id), Some(&city)).await;
    assert_replay(&first, &replay);
    assert_eq!(read(&client, id).await.json["City"], "Reston", "a replay wrote again");
    keyed(&guarded, "fresh key", Method::PUT, &path(id), Some(&city)).await.expect_error(412);

    let tag = etag(&read(&client, id).await);
    let guarded = client.header("If-Match", &tag);
    let first = keyed(&guarded, "d", Method::DELETE, &path(id), None).await.expect(200);
    assert_replay(&first, &keyed(&guarded, "d", Method::DELETE, &path(id), None).await);
    // An update's answer outlives its customer.
    assert!(keyed(&client, "u", Method::PUT, &path(id), Some(&city)).await.expect(200).replayed());
    keyed(&client, "another", Method::PUT, &path(id), Some(&city)).await.expect_error(409);
    assert_eq!(operations(&client, id).await, ["deleted", "updated", "updated", "created"]);
});

both!(rules_4_a_replay_shows_what_the_asking_token_may_see, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let masked = token_with(server.site(), &["customers:read", "customers:write"]);
    let masked = server.anonymous().token(&masked);
    let first = create(&masked, "k", &ada()).await.expect(200);
    client
        .put(&path(first.id()), &json!({"city": "Reston", "email": "later@example.test"}))
        .await
        .expect(200);
    let replay = create(&masked, "k", &ada()).await.expect(200);
    assert!(replay.replayed());
    assert_eq!((replay.outcome(), replay.id()), ("created", first.id()));
    assert_eq!(replay.data()["Email"], "a***@e***.test");
    assert_eq!(replay.data()["Phone"], "+1******0117");
    assert_eq!(replay.data()["AdditionalFields"], json!({"tier": "***"}));
    assert_eq!(replay.data()["City"], Value::Null, "the first version had no city");
    for value in ["ada.roe", "5555550117", "9 Elm Row", "gold-plus"] {
        assert!(!replay.text.contains(value), "{value} is visible in {}", replay.text);
    }
    // Tokens that see everything share their keys.
    let scopes = ["customers:read", "customers:write", "pii:read", "money:read"];
    let other = server.anonymous().token(&token_with(server.site(), &scopes));
    let bob = json!({"email": "bob@example.test", "address": "1 Oak Row"});
    let made = create(&client, "b", &bob).await.expect(200);
    assert_replay(&made, &create(&other, "b", &bob).await);

    // A token that may not read learns nothing from its own replayed match either.
    let matching = json!({"email": "bob@example.test", "city": "Oakton"});
    let writer = server.anonymous().token(&token_with(server.site(), &["customers:write"]));
    create(&writer, "m", &matching).await.expect(200);
    let replay = create(&writer, "m", &matching).await.expect(200);
    assert!(replay.replayed());
    for (key, value) in replay.data().as_object().expect("a record") {
        assert!(value.is_null() || ["customerId", "outcome"].contains(&key.as_str()), "{key} tells {value}");
    }
});

// 422 and 200 would tell whether the other request had the same values.
both!(rules_1_a_masked_token_finds_no_keys_of_others, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let body = |birthday: &str| json!({"email": "ada@example.test", "birthday": birthday});
    let id = create(&client, "k", &body("1979-11-23")).await.expect(200).id();
    let birthday = |day: &str| json!({ "birthday": day });
    keyed(&client, "p", Method::PUT, &path(id), Some(&birthday("1979-11-23"))).await.expect(200);
    let file = |day: &str| format!("email,birthday\nada@example.test,{day}\n");
    let import = async |client: &Client, day: &str| {
        let request = client.request(Method::POST, "/api/Import/customersForm/demo?dryRun=true");
        send(request.header("Content-Type", "text/csv").header("Idempotency-Key", "i").body(file(day))).await
    };
    import(&client, "1979-11-23").await.expect(200);
    for scopes in [
        &["customers:write", "customers:import"][..],
        &["customers:read", "customers:write", "customers:import"],
    ] {
        for day in ["1979-11-23", "1979-11-24"] {
            // Each guess by a token of its own: a key belongs to one.
            let guesser = server.anonymous().token(&token_with(server.site(), scopes));
            let answer = create(&guesser, "k", &body(day)).await.expect(200);
            assert!(!answer.replayed() && answer.outcome() == "matched", "{}", answer.text);
            let answer = keyed(&guesser, "p", Method::PUT, &path(id), Some(&birthday(day))).await.expect(200);
            assert!(!answer.replayed(), "{}", answer.text);
            let answer = import(&guesser, day).await.expect(200);
            assert!(!answer.replayed(), "{}", answer.text);
        }
    }
});

both!(rules_4_after_an_erase_a_replay_reveals_nothing_and_changes_nothing, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let first = create(&client, "k", &ada()).await.expect(200);
    let id = first.id();
    let city = json!({"city": "Oakton"});
    keyed(&client, "u", Method::PUT, &path(id), Some(&city)).await.expect(200);
    let erase = format!("{}?erase=true", path(id));
    let erased = keyed(&client, "e", Method::DELETE, &erase, None).await.expect(200);
    let after = read(&client, id).await;

    let replay = create(&client, "k", &ada()).await.expect(200);
    assert!(replay.replayed());
    assert_eq!((replay.outcome(), replay.id()), ("created", id));
    for (key, value) in after.json.as_object().expect("a record") {
        assert_eq!(&replay.data()[key], value, "{key} must equal the erased record's");
    }
    for value in ["ada.roe", "5555550117", "9 Elm Row", "gold-plus", "ACC-1", "Ada"] {
        assert!(!replay.text.contains(value), "{value} is still there: {}", replay.text);
    }
    assert!(keyed(&client, "u", Method::PUT, &path(id), Some(&city)).await.expect(200).replayed());
    assert_replay(&erased, &keyed(&client, "e", Method::DELETE, &erase, None).await);
    let last = read(&client, id).await;
    assert_eq!(etag(&last), etag(&after));
    assert_eq!(last.json, after.json);
    assert_eq!(operations(&client, id).await, ["erased", "updated", "created"]);
    assert_eq!(total(&client, "demo").await, 0, "a replay created a customer");
    // Without the key the erased customer may return, as a new one.
    assert_ne!(created(&client, "demo", &ada()).await, id);
});

both!(rules_4_keys_survive_a_restart, |db| async {
    let mut server = Server::start(db).await;
    let client = server.client();
    let first = create(&client, "k", &ada()).await.expect(200);
    let city = json!({"city": "Oakton"});
    let update = keyed(&client, "u", Method::PUT, &path(first.id()), Some(&city)).await.expect(200);
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.logs());
    server.spawn();
    server.ready().await;
    let client = server.client();
    assert_replay(&first, &create(&client, "k", &ada()).await);
    assert_replay(&update, &keyed(&client, "u", Method::PUT, &path(first.id()), Some(&city)).await);
    server.restart().await;
    assert_replay(&first, &create(&server.client(), "k", &ada()).await);
    assert_eq!(operations(&server.client(), first.id()).await, ["updated", "created"]);
    create(&server.client(), "k", &json!({"email": "x@example.test"})).await.expect_error(422);
});

both!(rules_4_a_request_that_became_invalid_is_replayed_until_its_key_expires, |db| async {
    let site = Site::with_environment(db, &[("CUSTOMARY_IDEMPOTENCY_TTL", "8s")]);
    let server = Server::start_on(&site).await;
    let client = master(&server);
    let country = async |value: &str| {
        let general = json!([{"key": "country", "readOnly": false, "value": value}]);
        client.put("/api/Paypoint/settings/demo", &json!({"general": general})).await.expect(200);
    };
    country("US").await;
    let id = created(&client, "demo", &json!({"email": "bob@example.test"})).await;
    // These numbers are valid only with the entrypoint's country.
    let ada = json!({"email": "ada.roe@example.test", "phone": "(555) 555-0117"});
    let phone = json!({"phone": "(555) 555-0142"});
    let single = "/api/Customer/single/demo";
    let matching = "/api/Customer/match/demo";
    let asked = [
        (Method::POST, single.to_owned(), &ada),
        (Method::POST, matching.to_owned(), &ada),
        (Method::PUT, path(id), &phone),
    ];
    let mut first = Vec::new();
    for (method, path, body) in &asked {
        first.push(keyed(&client, "k", method.clone(), path, Some(body)).await.expect(200));
    }
    country("").await;
    for ((method, path, body), first) in asked.iter().zip(&first) {
        assert_replay(first, &keyed(&client, "k", method.clone(), path, Some(body)).await);
        keyed(&client, "another", method.clone(), path, Some(body)).await.expect_error(400);
    }
    let before = read(&client, id).await;
    tokio::time::sleep(std::time::Duration::from_millis(8500)).await;
    for (method, path, body) in &asked {
        let answer = keyed(&client, "k", method.clone(), path, Some(body)).await;
        answer.expect_error(400);
        assert!(places(&answer).contains("/phone"), "{}", answer.text);
    }
    assert_eq!(read(&client, id).await.json, before.json);
    assert_eq!(total(&client, "demo").await, 2);
});
