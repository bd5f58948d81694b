//! The syntax of a key, where it applies, and what it is bound to.

use reqwest::Method;
use serde_json::{Value, json};

use super::{assert_replay, create, keyed};
use crate::harness::*;
use crate::support::*;

both!(rules_4_both_spellings_of_the_header_are_one_key, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let body = json!({"email": "ada@example.test", "city": "Oakton"});
    let forced = "/api/Customer/single/demo?forceCustomerCreation=true";
    let ask = async |headers: &[(&str, &str)]| client.send(Method::POST, forced, Some(&body), headers).await;
    let first = ask(&[("idempotencyKey", "a key of mine")]).await.expect(200);
    for headers in [
        &[("idempotencyKey", "a key of mine")][..],
        &[("Idempotency-Key", "a key of mine")],
        &[("idempotency-key", "\"a key of mine\"")],
        &[("IDEMPOTENCYKEY", " a key of mine ")],
        &[("idempotencyKey", "a key of mine"), ("Idempotency-Key", "\"a key of mine\"")],
    ] {
        assert_replay(&first, &ask(headers).await);
    }
    // Keys are compared exactly.
    for other in ["A key of mine", "a key of mine2", "a  key of mine"] {
        let answer = ask(&[("idempotencyKey", other)]).await.expect(200);
        assert!(!answer.replayed(), "{other} is another key");
    }
    assert_eq!(total(&client, "demo").await, 4);
});

both!(rules_4_a_key_with_another_request_is_422, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let body = json!({"email": "ada@example.test"});
    let id = create(&client, "k", &body).await.expect(200).id();
    let single = "/api/Customer/single/demo";
    for (what, path, body) in [
        ("another body", single.to_owned(), json!({"email": "bob@example.test"})),
        ("another query", format!("{single}?mergeExisting=1"), body.clone()),
        ("force", format!("{single}?forceCustomerCreation=true"), body.clone()),
        // 422 comes before 400: any other body is not the body of the key.
        ("a bad body", single.to_owned(), json!({"email": "nobody", "colour": "red"})),
        ("a bad query", format!("{single}?nonsense=1"), body.clone()),
    ] {
        let answer = keyed(&client, "k", Method::POST, &path, Some(&body)).await;
        assert_eq!(answer.status, 422, "{what}: {}", answer.text);
        answer.expect_error(422);
        assert!(!answer.text.contains("bob@"), "{what}: {}", answer.text);
    }
    keyed(&client, "u", Method::PUT, &path(id), Some(&json!({"city": "Oakton"}))).await.expect(200);
    keyed(&client, "u", Method::PUT, &path(id), Some(&json!({"city": "Reston"}))).await.expect_error(422);
    keyed(&client, "d", Method::DELETE, &path(id), None).await.expect(200);
    keyed(&client, "d", Method::DELETE, &format!("{}?erase=true", path(id)), None).await.expect_error(422);
    assert_eq!(operations(&client, id).await, ["deleted", "updated", "created"]);
    assert_eq!(total(&client, "demo").await, 0);
});

both!(rules_4_a_key_applies_to_one_route_one_entrypoint_and_one_organisation, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let client = server.client();
    new_entry(site, "second", &[]);
    let org = new_org(site, "Elsewhere");
    new_entry_of(site, org, "elsewhere", &[]);
    let stranger = token_of(site, &["--org", &org.to_string(), "--all-entries"], &SCOPES);
    let stranger = server.anonymous().token(&stranger);
    let body = json!({"email": "ada@example.test"});
    let place = |entry: &str| format!("/api/Customer/single/{entry}");
    let ask = async |client: &Client, method: Method, path: &str, body: Option<&Value>| {
        let answer = keyed(client, "one key", method, path, body).await.expect(200);
        assert!(!answer.replayed(), "the key applied on another path, {path}: {}", answer.text);
        answer
    };
    let first = ask(&client, Method::POST, &place("demo"), Some(&body)).await;
    let second = ask(&client, Method::POST, &place("second"), Some(&body)).await;
    let third = ask(&stranger, Method::POST, &place("elsewhere"), Some(&body)).await;
    let would = ask(&client, Method::POST, "/api/Customer/match/demo", Some(&body)).await;
    assert_eq!(would.data()["outcome"], "matched", "{}", would.text);
    let city = json!({"city": "Oakton"});
    let (here, there) = (path(first.id()), path(second.id()));
    ask(&client, Method::PUT, &here, Some(&city)).await;
    ask(&client, Method::PUT, &there, Some(&city)).await;
    ask(&client, Method::DELETE, &here, None).await;
    ask(&client, Method::DELETE, &there, None).await;
    ask(&stranger, Method::DELETE, &path(third.id()), None).await;

    // The key has an answer in each of them; the route's spelling does not matter.
    assert_replay(
        &first,
        &keyed(&client, "one key", Method::POST, "/API/customer/single/demo", Some(&body)).await,
    );
    assert_replay(&second, &keyed(&client, "one key", Method::POST, &place("second"), Some(&body)).await);
    let again = keyed(&client, "one key", Method::POST, "/api/Customer/match/demo", Some(&body)).await;
    assert_replay(&would, &again);
    assert!(keyed(&client, "one key", Method::PUT, &here, Some(&city)).await.expect(200).replayed());
    assert!(keyed(&client, "one key", Method::DELETE, &here, None).await.expect(200).replayed());
    assert_eq!(total(&client, "demo").await + total(&client, "second").await, 0, "a replay had an effect");
});

both!(rules_4_an_id_in_another_spelling_is_the_same_place, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let rest = |spelling: &str, rest: &str| format!("/api/Customer/{spelling}{rest}");
    let (own, others) = (id.to_string(), [format!("0{id}"), format!("000{id}")]);
    let city = json!({"city": "Oakton"});
    for (number, (method, tail, body)) in [
        (Method::PUT, "", Some(&city)),
        (Method::POST, "/archive", None),
        (Method::POST, "/unarchive", None),
        (Method::DELETE, "", None),
    ]
    .into_iter()
    .enumerate()
    {
        let ask = async |spelling: &str| {
            keyed(&client, &format!("k{number}"), method.clone(), &rest(spelling, tail), body)
                .await
                .expect(200)
        };
        assert!(!ask(&own).await.replayed(), "{method} {tail}");
        for other in &others {
            assert!(ask(other).await.replayed(), "{method} {tail} of {other} had an effect");
        }
    }
    let answer = keyed(&client, "k0", Method::PUT, &path(id), Some(&json!({"city": "Reston"}))).await;
    answer.expect_error(422);
    let answer =
        keyed(&client, "k0", Method::PUT, &rest(&others[0], ""), Some(&json!({"city": "Reston"}))).await;
    answer.expect_error(422);
    assert_eq!(operations(&client, id).await.len(), 5);

    // An organisation's id is a number too, without a sign.
    let name = json!({"general": [{"key": "name", "value": "Elsewhere"}]});
    let settings = async |spelling: &str| {
        keyed(&client, "o", Method::PUT, &format!("/api/Organization/settings/{spelling}"), Some(&name)).await
    };
    assert!(!settings("1").await.expect(200).replayed());
    assert!(settings("01").await.expect(200).replayed());
    settings("+1").await.expect_error(404);

    // The name of an entrypoint is a text.
    for entry in ["7", "07"] {
        new_entry(server.site(), entry, &[]);
        let body = json!({"email": "ada@example.test"});
        let place = format!("/api/Customer/single/{entry}");
        assert!(
            !keyed(&client, "e", Method::POST, &place, Some(&body)).await.expect(200).replayed(),
            "{entry}"
        );
    }
});

both!(rules_4_a_key_belongs_to_the_organisation_and_access_is_checked_first, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    new_entry(site, "second", &[]);
    let client = server.client();
    let body = json!({"email": "ada@example.test"});
    let first = create(&client, "k", &body).await.expect(200);
    // Another token of the organisation repeats the request and gets the same answer.
    let scopes = ["customers:read", "customers:write", "pii:read", "money:read"];
    let colleague = server.anonymous().token(&token_with(site, &scopes));
    assert_replay(&first, &create(&colleague, "k", &body).await);

    let reader = server.anonymous().token(&token_with(site, &["customers:read", "pii:read"]));
    create(&reader, "k", &body).await.expect_error(403);
    let elsewhere =
        token_of(site, &["--org", "1", "--entry", "second"], &["customers:read", "customers:write"]);
    create(&server.anonymous().token(&elsewhere), "k", &body).await.expect_error(404);
    create(&server.anonymous(), "k", &body).await.expect_error(401);
    create(&server.anonymous().token("garbage"), "k", &body).await.expect_error(401);
});

both!(rules_4_only_requests_that_took_effect_are_stored, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    // 400, then corrected.
    create(&client, "a", &json!({"email": "nobody"})).await.expect_error(400);
    create(&client, "a", &json!({"city": "Oakton"})).await.expect_error(400);
    let body = json!({"email": "ada@example.test", "customerNumber": "ACC-1"});
    let ada = create(&client, "a", &body).await.expect(200);
    assert!(!ada.replayed());
    assert_replay(&ada, &create(&client, "a", &body).await);

    // 409, then the conflict is gone: the same request succeeds.
    let bob = created(&client, "demo", &json!({"email": "bob@example.test"})).await;
    let wanted = json!({"email": "ada@example.test"});
    keyed(&client, "b", Method::PUT, &path(bob), Some(&wanted)).await.expect_error(409);
    keyed(&client, "b", Method::PUT, &path(bob), Some(&wanted)).await.expect_error(409);
    client.put(&path(ada.id()), &json!({"email": "moved@example.test"})).await.expect(200);
    let done = keyed(&client, "b", Method::PUT, &path(bob), Some(&wanted)).await.expect(200);
    assert!(!done.replayed(), "a refusal was stored under the key");
    assert!(keyed(&client, "b", Method::PUT, &path(bob), Some(&wanted)).await.expect(200).replayed());

    // 412, then with the right tag.
    let stale = client.header("If-Match", "\"0-0000000000000000\"");
    let city = json!({"city": "Oakton"});
    keyed(&stale, "c", Method::PUT, &path(bob), Some(&city)).await.expect_error(412);
    let tag = etag(&read(&client, bob).await);
    let fresh = client.header("If-Match", &tag);
    assert!(!keyed(&fresh, "c", Method::PUT, &path(bob), Some(&city)).await.expect(200).replayed());
    // 404 too.
    keyed(&client, "d", Method::DELETE, "/api/Customer/987654321", None).await.expect_error(404);
    assert_eq!(operations(&client, bob).await, ["updated", "updated", "created"]);
});

both!(rules_4_a_key_is_free_again_after_it_expires, |db| async {
    let site = Site::with_environment(db, &[("CUSTOMARY_IDEMPOTENCY_TTL", "2s")]);
    let server = Server::start_on(&site).await;
    let client = server.client();
    let body = json!({"email": "ada@example.test"});
    let first = create(&client, "k", &body).await.expect(200);
    assert_replay(&first, &create(&client, "k", &body).await);
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    let again = create(&client, "k", &body).await.expect(200);
    assert!(!again.replayed(), "the key outlived its lifetime");
    assert_eq!((again.outcome(), again.id()), ("matched", first.id()));
    // The key is bound again.
    assert_replay(&again, &create(&client, "k", &body).await);
    create(&client, "k", &json!({"email": "bob@example.test"})).await.expect_error(422);
});

both!(records_of_expired_keys_are_removed_everywhere, |db| async {
    let site = Site::with_environment(db, &[("CUSTOMARY_IDEMPOTENCY_TTL", "2s")]);
    let mut server = Server::start_on(&site).await;
    new_entry(&site, "second", &[]);
    let client = master(&server);
    for (number, entry) in ["demo", "second", "demo"].into_iter().enumerate() {
        let body = json!({"email": format!("ada{number}@example.test")});
        let place = format!("/api/Customer/single/{entry}");
        keyed(&client, &number.to_string(), Method::POST, &place, Some(&body)).await.expect(200);
    }
    // A key outside any entrypoint.
    keyed(&client, "s", Method::POST, "/api/Organization", Some(&json!({"name": "x"}))).await.expect(200);
    let mut sql = Sql::open(&site);
    assert_eq!(sql.number(sql::IDEMPOTENCY_RECORDS), 4);
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    // A start begins with the removal.
    server.restart().await;
    let is_empty = async || sql.number(sql::IDEMPOTENCY_RECORDS) == 0;
    wait_until("the records are removed", std::time::Duration::from_secs(20), is_empty).await;
});
