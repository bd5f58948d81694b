//! What a create does: the table of flags and matches, what a match leaves untouched, what a replacement keeps, and
//! what a merge writes. The matcher, called beforehand, must say the same.

use serde_json::{Value, json};

use super::{FORCE, MERGE, REPLACE, assert_matched, match_answer, plain};
use crate::harness::*;
use crate::support::*;

const OFF: &[(&str, &str)] =
    &[("replaceExisting", "0"), ("mergeExisting", "0"), ("forceCustomerCreation", "false")];

/// A body with every field that a customer may have.
fn full(number: usize) -> Value {
    json!({
        "customerNumber": format!("ACC-{number}"), "customerUsername": format!("portal{number}"),
        "customerPsw": "long enough", "customerStatus": 85, "company": "Roe Tools", "firstname": "Ada",
        "lastname": "Roe", "fullname": "Ada M. Roe", "birthday": "1985-04-12", "phone": "+15555550117",
        "email": format!("ada{number}@example.test"), "address": "9 Elm Row", "address1": "Floor 2",
        "city": "Oakton", "state": "VA", "zip": "22124", "country": "US", "shippingAddress": "12 Oak Lane",
        "shippingAddress1": "Dock 7", "shippingCity": "Reston", "shippingState": "VA", "shippingZip": "20190",
        "shippingCountry": "US", "balance": 12.5, "timeZone": -5, "additionalFields": {"tier": "gold", "rep": "Bob"},
        "labels": ["wholesale", "east"], "createdAt": "2020-01-02T03:04:05Z",
    })
}

both!(rules_3_flags_and_matches_decide_the_outcome, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    for (number, (query, without, with)) in [
        (&[][..], "created", "matched"),
        (REPLACE, "created", "replaced"),
        (MERGE, "created", "merged"),
        (FORCE, "created", "forced"),
        (OFF, "created", "matched"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = |city: &str| json!({"email": format!("t{number}@example.test"), "city": city});
        let before = total(&client, "demo").await;
        let would = match_answer(&client, "demo", &body("Oakton"), query).await.expect(200);
        assert_eq!(would.data()["outcome"], without, "{query:?}: {}", would.text);
        assert_eq!(would.data()["customerId"], Value::Null, "{query:?}: {}", would.text);
        assert_eq!(would.data()["candidates"], json!([]), "{query:?}: {}", would.text);
        assert_eq!(total(&client, "demo").await, before, "the matcher writes nothing");

        let first = client.create("demo", &body("Oakton"), query, &[]).await.expect(200);
        assert_eq!(first.outcome(), without, "{query:?}: {}", first.text);
        assert_eq!(first.json["isSuccess"], true);
        assert_eq!(first.json["responseText"], "Success");
        for key in ["matchedOn", "differs"] {
            assert_eq!(first.data().get(key), Some(&Value::Null), "{key} of {}", first.text);
        }
        assert_eq!(total(&client, "demo").await, before + 1);

        let would = match_answer(&client, "demo", &body("Reston"), query).await.expect(200);
        assert_eq!(would.data()["outcome"], with, "{query:?}: {}", would.text);
        let candidates = json!([{"identifier": "email", "customerIds": [first.id()]}]);
        assert_eq!(would.data()["candidates"], candidates, "{query:?}: {}", would.text);
        assert_eq!(would.data()["conflicts"], json!([]), "{query:?}: {}", would.text);
        assert_eq!(operations(&client, first.id()).await, ["created"], "the matcher writes nothing");

        let second = client.create("demo", &body("Reston"), query, &[]).await.expect(200);
        assert_eq!(second.outcome(), with, "{query:?}: {}", second.text);
        let city = |record: &Value| record["City"].clone();
        if with == "forced" {
            assert_ne!(second.id(), first.id());
            assert_eq!(total(&client, "demo").await, before + 2);
            assert_eq!(second.data()["matchedOn"], Value::Null, "{}", second.text);
            assert_eq!(city(&read(&client, first.id()).await.json), "Oakton");
        } else {
            assert_eq!(second.id(), first.id(), "{query:?}");
            assert_eq!(would.data()["customerId"], first.id(), "{query:?}: {}", would.text);
            assert_eq!(would.matched_on(), ["email"], "{query:?}: {}", would.text);
            assert_eq!(second.matched_on(), ["email"], "{query:?}: {}", second.text);
            assert_eq!(total(&client, "demo").await, before + 1);
            let stored = if with == "matched" { "Oakton" } else { "Reston" };
            assert_eq!(city(second.data()), stored, "{query:?}: {}", second.text);
            assert_eq!(city(&read(&client, first.id()).await.json), stored);
        }
        let mut expected = vec!["created"];
        if with == "replaced" || with == "merged" {
            expected.insert(0, with);
        }
        assert_eq!(operations(&client, first.id()).await, expected, "{query:?}");
        if with == "forced" {
            assert_eq!(operations(&client, second.id()).await, ["forced"]);
        }
    }
});

both!(rules_3_two_flags_are_refused, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let stored = json!({"email": "there@example.test"});
    let id = created(&client, "demo", &stored).await;
    for flags in [
        [REPLACE, MERGE].concat(),
        [REPLACE, FORCE].concat(),
        [MERGE, FORCE].concat(),
        [REPLACE, MERGE, FORCE].concat(),
    ] {
        for body in [&stored, &json!({"email": "not.there@example.test"})] {
            let answer = client.create("demo", body, &flags, &[]).await;
            let found = places(answer.expect_error(400));
            assert!(found.iter().all(|place| place.starts_with('?')), "{flags:?}: {}", answer.text);
            assert!(!found.is_empty(), "{flags:?}: {}", answer.text);
            match_answer(&client, "demo", body, &flags).await.expect_error(400);
        }
    }
    assert_eq!(total(&client, "demo").await, 1);
    assert_eq!(operations(&client, id).await, ["created"]);
});

both!(rules_3_a_match_changes_nothing_and_reports_the_differences, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &full(1)).await;
    let before = read(&client, id).await;
    let identified = |mut body: Value| {
        body["email"] = json!("ada1@example.test");
        body
    };
    // The same values in another spelling are the same values.
    let mut same = full(1);
    same["phone"] = json!("(555) 555-0117");
    same["country"] = json!("United States");
    same["city"] = json!("  Oakton ");
    same["balance"] = json!(12.50);
    same["additionalFields"] = json!({"rep": "Bob", "tier": " gold"});
    for (body, differs) in [
        (identified(json!({})), &[][..]),
        (same, &[]),
        (identified(json!({"city": null, "lastname": "", "additionalFields": {"tier": null}})), &[]),
        (identified(json!({"city": "Reston"})), &["city"]),
        (
            identified(json!({"firstname": "ADA", "phone": "+15555550118", "balance": 12.51, "timeZone": -4,
                              "customerStatus": 1, "labels": ["east"], "birthday": "1985-04-13"})),
            &["birthday", "balance", "customerStatus", "firstname", "labels", "phone", "timeZone"],
        ),
        (identified(json!({"customerUsername": "another"})), &["customerUsername"]),
    ] {
        let answer = plain(&client, "demo", &body).await.expect(200);
        assert_eq!((answer.outcome(), answer.id()), ("matched", id), "{body}: {}", answer.text);
        let sorted = |list: &Value| {
            let list = list.as_array().unwrap_or_else(|| panic!("no list in {}", answer.text));
            let mut names: Vec<_> =
                list.iter().map(|name| name.as_str().expect("a name").to_owned()).collect();
            names.sort_unstable();
            names
        };
        let mut expected: Vec<_> = differs.to_vec();
        expected.sort_unstable();
        assert_eq!(sorted(&answer.data()["differs"]), expected, "{body}: {}", answer.text);
        let would = match_answer(&client, "demo", &body, &[]).await.expect(200);
        assert_eq!(sorted(&would.data()["differs"]), expected, "{body}: {}", would.text);

        for (key, value) in before.json.as_object().expect("a record") {
            assert_eq!(&answer.data()[key], value, "{key} of the stored record after {body}");
        }
        assert_eq!(etag(&answer), etag(&before), "a match carries the record's own tag");
        let after = read(&client, id).await;
        assert_eq!(after.json, before.json, "{body}");
        assert_eq!(etag(&after), etag(&before), "{body}");
        assert_eq!(operations(&client, id).await, ["created"], "{body}");
    }
    // A field inside an additional field gets its own name.
    let body = identified(json!({"additionalFields": {"tier": "silver", "new": "x", "rep": "Bob"}}));
    let answer = plain(&client, "demo", &body).await.expect(200);
    let differs = answer.data()["differs"].to_string();
    assert!(differs.contains("tier") && differs.contains("new") && !differs.contains("rep"), "{differs}");
    // A bad value is refused even where nothing would be written.
    plain(&client, "demo", &identified(json!({"phone": "5"}))).await.expect_error(400);
});

both!(rules_3_a_replacement_clears_fields_that_were_not_sent, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &full(1)).await;
    let before = read(&client, id).await;
    let bare =
        read(&client, created(&client, "demo", &json!({"email": "bare@example.test"})).await).await.json;

    let sent =
        json!({"email": "ada1@example.test", "lastname": "Doe", "additionalFields": {"tier": "silver"}});
    let answer = client.create("demo", &sent, REPLACE, &[]).await.expect(200);
    assert_eq!((answer.outcome(), answer.id()), ("replaced", id));
    let after = read(&client, id).await;
    for key in
        ["customerId", "Created", "Balance", "customerStatus", "Lifecycle", "customerUsername", "Email"]
    {
        assert_eq!(after.json[key], before.json[key], "{key} stays");
    }
    assert_eq!(after.json["Lastname"], "Doe");
    assert_eq!(after.json["AdditionalFields"], json!({"tier": "silver"}));
    let kept = [
        "customerId",
        "Created",
        "Balance",
        "customerStatus",
        "Lifecycle",
        "customerUsername",
        "Email",
        "LastUpdated",
    ];
    for (key, value) in after.json.as_object().expect("a record") {
        if !kept.contains(&key.as_str()) && !["Lastname", "AdditionalFields"].contains(&key.as_str()) {
            assert_eq!(value, &bare[key], "{key} was not sent, so it is empty now");
        }
    }
    for (key, value) in after.json.as_object().expect("a record") {
        assert_eq!(&answer.data()[key], value, "{key} in the answer");
    }
    assert_eq!(etag(&answer), etag(&after));
    assert_ne!(etag(&after), etag(&before));
    assert_eq!(operations(&client, id).await, ["replaced", "created"]);

    // These change too when they are sent.
    let mut sent = full(1);
    // A hash is salted, so the service cannot recognise the same password.
    sent.as_object_mut().unwrap().remove("customerPsw");
    sent["balance"] = json!(99);
    sent["customerStatus"] = json!(0);
    sent["customerUsername"] = json!("renamed");
    sent["createdAt"] = json!("2021-01-01T00:00:00Z");
    client.create("demo", &sent, REPLACE, &[]).await.expect(200);
    let after = read(&client, id).await;
    assert_eq!(after.json["Balance"], json!(99));
    assert_eq!(after.json["customerStatus"], 0);
    assert_eq!(after.json["customerUsername"], "renamed");
    assert_eq!(after.json["City"], "Oakton");
    assert_eq!(after.json["Created"], before.json["Created"], "a replacement keeps the time of creation");
    // Repeated, it has no effect.
    let again = client.create("demo", &sent, REPLACE, &[]).await.expect(200);
    assert_eq!(again.outcome(), "replaced");
    assert_eq!(etag(&read(&client, id).await), etag(&after));
    assert_eq!(operations(&client, id).await, ["replaced", "replaced", "created"]);
    assert_eq!(total(&client, "demo").await, 2);

    // The old values no longer identify the customer; the new ones do.
    let id = created(&client, "demo", &json!({"email": "two@example.test", "customerNumber": "ACC-2"})).await;
    client.create("demo", &json!({"email": "two@example.test"}), REPLACE, &[]).await.expect(200);
    created(&client, "demo", &json!({"customerNumber": "ACC-2"})).await;
    let by_number = json!({"email": "two@example.test", "customerNumber": "ACC-3"});
    client.create("demo", &by_number, REPLACE, &[]).await.expect(200);
    assert_matched(
        &plain(&client, "demo", &json!({"customerNumber": "ACC-3"})).await,
        id,
        &["customerNumber"],
    );
});

both!(rules_3_a_merge_writes_only_the_sent_fields, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &full(1)).await;
    let before = read(&client, id).await;
    let sent = json!({"email": "ada1@example.test", "city": "Reston", "phone": "+1 (555) 555-0118",
                      "additionalFields": {"tier": "silver", "new": "x"}, "labels": ["west"], "balance": 13.75});
    let answer = client.create("demo", &sent, MERGE, &[]).await.expect(200);
    assert_eq!((answer.outcome(), answer.id()), ("merged", id));
    let after = read(&client, id).await;
    let mut expected = before.json.clone();
    expected["City"] = json!("Reston");
    expected["Addresses"][0]["city"] = json!("Reston");
    expected["Phone"] = json!("+15555550118");
    expected["AdditionalFields"] = json!({"new": "x", "rep": "Bob", "tier": "silver"});
    expected["Labels"] = json!(["west"]);
    expected["Balance"] = json!(13.75);
    expected["LastUpdated"] = after.json["LastUpdated"].clone();
    assert_eq!(after.json, expected);
    assert_eq!(etag(&answer), etag(&after));
    assert_eq!(operations(&client, id).await, ["merged", "created"]);

    // Repeated, it has no effect: no new version, no history entry.
    let again = client.create("demo", &sent, MERGE, &[]).await.expect(200);
    assert_eq!(again.outcome(), "merged");
    assert_eq!(etag(&read(&client, id).await), etag(&after));
    assert_eq!(operations(&client, id).await, ["merged", "created"]);
});

both!(rules_3_the_matcher_predicts_conflicts_and_refusals, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let bob = created(&client, "demo", &json!({"customerNumber": "B-1", "customerUsername": "bob"})).await;
    let cases = [
        json!({"email": "ada@example.test", "customerNumber": "B-1"}),
        json!({"email": "new@example.test", "customerUsername": "bob"}),
    ];
    for body in &cases {
        let would = match_answer(&client, "demo", body, &[]).await.expect(200);
        assert_eq!(would.json["isSuccess"], true, "{}", would.text);
        assert_eq!(would.data()["outcome"], "conflict", "{}", would.text);
        let conflicts = would.data()["conflicts"].as_array().expect("conflicts");
        assert!(!conflicts.is_empty() && conflicts.iter().all(Value::is_string), "{}", would.text);
        assert!(would.data()["conflicts"].to_string().contains(&bob.to_string()), "{}", would.text);
        plain(&client, "demo", body).await.expect_error(409);
    }
    let would = match_answer(&client, "demo", &cases[0], &[]).await.expect(200);
    let candidates = json!([{"identifier": "email", "customerIds": [ada]},
                            {"identifier": "customerNumber", "customerIds": [bob]}]);
    assert_eq!(would.data()["candidates"], candidates, "{}", would.text);
    assert_eq!(match_answer(&client, "demo", &cases[0], FORCE).await.expect(200).data()["outcome"], "forced");
    match_answer(&client, "demo", &json!({"city": "Oakton"}), &[]).await.expect_error(400);
    assert_eq!(total(&client, "demo").await, 2);
});
