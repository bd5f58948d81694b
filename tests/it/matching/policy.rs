//! The identifier policy: set on an entrypoint, set on its organisation, changed under stored customers, and overridden
//! by `identifierFields`; and the fields that an entrypoint requires of a create.

use serde_json::{Value, json};

use super::{FORCE, MERGE, REPLACE, assert_matched, plain};
use crate::harness::*;
use crate::support::*;

/// The policy in a settings answer.
#[track_caller]
fn policy_of(settings: &Answer) -> Vec<&str> {
    let items = settings.json["identifiers"]
        .as_array()
        .unwrap_or_else(|| panic!("no identifiers in {}", settings.text));
    items.iter().map(|item| item["value"].as_str().expect("a value")).collect()
}

#[track_caller]
fn assert_needs_one_of(answer: &Answer, identifiers: &[&str]) {
    answer.expect_error(400);
    let text = answer.json["responseText"].as_str().expect("a text");
    assert!(text.starts_with("Invalid customer identifiers"), "{text}");
    let message = format!("{text} {}", answer.json["responseData"]);
    for identifier in identifiers {
        assert!(
            message.contains(identifier),
            "{identifier} would suffice, but the message does not name it: {message}"
        );
    }
}

both!(rules_3_a_create_needs_an_identifier_of_the_policy, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let arguments = ["--identifier", "firstname+lastname", "--identifier", "phone", "--country", "US"];
    new_entry(server.site(), "strict", &arguments);
    for body in [
        json!({"email": "ada@example.test"}),
        json!({"firstname": "Ada", "email": "ada@example.test"}),
        json!({"lastname": "Roe", "company": "Roe Tools", "fullname": "Ada Roe"}),
        json!({}),
    ] {
        for query in [&[][..], REPLACE, MERGE, FORCE] {
            let answer = client.create("strict", &body, query, &[]).await;
            assert_needs_one_of(&answer, &["firstname+lastname", "phone", "customerNumber"]);
        }
    }
    let names = created(&client, "strict", &json!({"firstname": "Ada", "lastname": "Roe"})).await;
    let phone = created(&client, "strict", &json!({"phone": "555-555-0117"})).await;
    let number = created(&client, "strict", &json!({"customerNumber": "ACC-1"})).await;

    let same = json!({"firstname": "ADA", "lastname": " roe", "email": "new@example.test"});
    assert_matched(&plain(&client, "strict", &same).await, names, &["firstname", "lastname"]);
    let same = json!({"phone": "+15555550117", "firstname": "Bob"});
    assert_matched(&plain(&client, "strict", &same).await, phone, &["phone"]);
    assert_matched(
        &plain(&client, "strict", &json!({"customerNumber": "ACC-1"})).await,
        number,
        &["customerNumber"],
    );
    // Half of a compound identifier matches nobody, and its parts do not run into each other.
    created(&client, "strict", &json!({"firstname": "Ada", "lastname": "Row"})).await;
    created(&client, "strict", &json!({"firstname": "AdaR", "lastname": "oe"})).await;
    created(&client, "strict", &json!({"firstname": "Roe", "lastname": "Ada"})).await;
    // The e-mail is no identifier unless the policy names it.
    let email = json!({"email": "one@example.test", "phone": "+15555550118"});
    created(&client, "strict", &email).await;
    created(&client, "strict", &json!({"email": "one@example.test", "phone": "+15555550119"})).await;
});

both!(rules_3_entrypoints_without_a_policy_inherit_the_organisations, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let org = new_org(site, "Parent").to_string();
    let own = token_of(site, &["--org", &org, "--all-entries"], &SCOPES);
    let client = server.anonymous().token(&own);
    let org_id: u64 = org.parse().unwrap();
    new_entry_of(site, org_id, "child", &["--country", "US"]);
    new_entry_of(site, org_id, "rebel", &["--country", "US", "--identifier", "email"]);
    let phone = |number: u64, email: &str| json!({"phone": format!("+1555555011{number}"), "email": email});
    let organisation = format!("/api/Organization/settings/{org}");

    let first = created(&client, "child", &phone(1, "one@example.test")).await;
    created(&client, "child", &phone(1, "two@example.test")).await;
    client.put(&organisation, &identifiers(&["phone"])).await.expect(200);
    assert_eq!(policy_of(&client.get(&organisation).await.expect(200)), ["phone"]);

    // It applies at once, also to customers stored before: of two with the number, the older is the match.
    assert_matched(&plain(&client, "child", &phone(1, "three@example.test")).await, first, &["phone"]);
    let third = created(&client, "child", &phone(2, "one@example.test")).await;
    assert_matched(&plain(&client, "child", &phone(2, "four@example.test")).await, third, &["phone"]);
    assert_needs_one_of(&plain(&client, "child", &json!({"email": "one@example.test"})).await, &["phone"]);
    // An entrypoint created later has it too.
    new_entry_of(site, org_id, "later", &["--country", "US"]);
    let later = created(&client, "later", &phone(1, "one@example.test")).await;
    assert_matched(&plain(&client, "later", &phone(1, "two@example.test")).await, later, &["phone"]);

    let rebel = created(&client, "rebel", &phone(1, "one@example.test")).await;
    assert_matched(&plain(&client, "rebel", &phone(2, "one@example.test")).await, rebel, &["email"]);
    created(&client, "rebel", &phone(1, "two@example.test")).await;

    // Without a policy of its own, the entrypoint follows the organisation's.
    client.put("/api/Paypoint/settings/rebel", &identifiers(&[])).await.expect(200);
    assert_matched(&plain(&client, "rebel", &phone(1, "six@example.test")).await, rebel, &["phone"]);
    // Without the organisation's policy, the default applies.
    client.put(&organisation, &identifiers(&[])).await.expect(200);
    let answer = client.get(&organisation).await.expect(200);
    assert!(policy_of(&answer).is_empty(), "without a policy the list is empty: {}", answer.text);
    let answer = plain(&client, "rebel", &phone(3, "two@example.test")).await;
    assert_eq!(answer.matched_on(), ["email"], "{}", answer.text);
    // The first organisation never had this policy.
    let demo = server.client();
    created(&demo, "demo", &phone(1, "one@example.test")).await;
    created(&demo, "demo", &phone(1, "two@example.test")).await;
});

/// Builds a body from a customer's number.
type Body = fn(usize) -> Value;

both!(rules_3_a_policy_change_applies_to_stored_customers_at_once, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let mut stored = Vec::new();
    for number in 0..40 {
        let body = json!({"email": format!("p{number}@example.test"), "firstname": format!("Ada {number}"),
                          "lastname": "Roe", "additionalFields": {"clientId": format!("C-{number}")}});
        stored.push(created(&client, "demo", &body).await);
    }
    let settings = "/api/Paypoint/settings/demo";
    let policies: [(&[&str], Body, &[&str]); 4] = [
        (
            &["firstname+lastname"],
            |n| json!({"firstname": format!("ada  {n}"), "lastname": "ROE", "email": format!("new{n}@example.test")}),
            &["firstname", "lastname"],
        ),
        (&["clientId"], |n| json!({"additionalFields": {"clientId": format!("C-{n}")}}), &["clientId"]),
        (&["email", "clientId"], |n| json!({"email": format!("P{n}@example.test")}), &["email"]),
        (
            &["clientId+lastname", "phone"],
            |n| json!({"additionalFields": {"clientId": format!("C-{n}")}, "lastname": "roe"}),
            &["clientId", "lastname"],
        ),
    ];
    for (policy, body, on) in policies {
        client.put(settings, &identifiers(policy)).await.expect(200);
        assert_eq!(policy_of(&client.get(settings).await.expect(200)).len(), policy.len());
        for (number, id) in stored.iter().enumerate().step_by(7) {
            assert_matched(&plain(&client, "demo", &body(number)).await, *id, on);
        }
    }
    // Values that only the old policy distinguished are one identity now, and the other way round.
    client.put(settings, &identifiers(&["phone"])).await.expect(200);
    let same = json!({"phone": "+15555550117", "email": "p0@example.test"});
    let other = created(&client, "demo", &same).await;
    assert_matched(&plain(&client, "demo", &json!({"phone": "+1 555 555 0117"})).await, other, &["phone"]);
    client.put(settings, &identifiers(&[])).await.expect(200);
    assert_matched(
        &plain(&client, "demo", &json!({"email": "p0@example.test"})).await,
        stored[0],
        &["email"],
    );
    assert_eq!(total(&client, "demo").await, 41);
});

both!(rules_3_an_unusable_policy_is_refused, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    for bad in ["balance", "customerPsw", "labels", "email+", "+", "a.b", "customerStatus"] {
        for path in ["/api/Paypoint/settings/demo", "/api/Organization/settings/1"] {
            let answer = client.put(path, &identifiers(&["phone", bad])).await;
            assert_eq!(answer.status, 400, "{bad}: {}", answer.text);
            answer.expect_error(400);
            assert!(
                places(&answer).iter().all(|place| place.starts_with("/identifiers/1")),
                "{}",
                answer.text
            );
        }
    }
    let settings = client.get("/api/Paypoint/settings/demo").await.expect(200);
    assert!(policy_of(&settings).is_empty(), "part of a refused policy was stored: {}", settings.text);
});

both!(rules_3_identifier_fields_override_the_policy_for_one_request, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = json!({"email": "ada@example.test", "phone": "+15555550117", "firstname": "Ada", "lastname": "Roe",
                     "customerNumber": "ACC-1", "additionalFields": {"clientId": "C-1"}});
    let id = created(&client, "demo", &ada).await;
    let by = |fields: Value, mut body: Value| {
        body["identifierFields"] = fields;
        body
    };

    let phone = by(json!(["phone"]), json!({"phone": "+1 555 555 0117", "email": "new@example.test"}));
    assert_matched(&plain(&client, "demo", &phone).await, id, &["phone"]);
    let names = by(json!(["firstname", "lastname"]), json!({"firstname": "ADA", "lastname": "roe"}));
    assert_matched(&plain(&client, "demo", &names).await, id, &["firstname", "lastname"]);
    let own = by(json!(["clientId"]), json!({"additionalFields": {"clientId": "C-1"}}));
    assert_matched(&plain(&client, "demo", &own).await, id, &["clientId"]);
    // Null items do not count.
    let nulls = by(json!([null, "phone", null]), json!({"phone": "+15555550117"}));
    assert_matched(&plain(&client, "demo", &nulls).await, id, &["phone"]);

    // Together they form one identifier: all must agree.
    let half = by(json!(["firstname", "phone"]), json!({"firstname": "Bob", "phone": "+15555550117"}));
    let bob = created(&client, "demo", &half).await;
    assert_eq!(read(&client, bob).await.json["IdentifierFields"], json!(["firstname", "phone"]), "echoed");
    // The policy does not apply: the e-mail does not match her.
    let set_aside = by(json!(["phone"]), json!({"phone": "+15555550999", "email": "ada@example.test"}));
    created(&client, "demo", &set_aside).await;

    // A record that lacks a value for one of them falls back to customerNumber.
    let fallback =
        by(json!(["phone", "clientId"]), json!({"phone": "+15555550117", "customerNumber": "ACC-1"}));
    assert_matched(&plain(&client, "demo", &fallback).await, id, &["customerNumber"]);
    let fallback = by(json!(["phone"]), json!({"customerNumber": "ACC-2", "email": "ada@example.test"}));
    created(&client, "demo", &fallback).await;
    // Without a customerNumber the request is refused, whatever else it contains.
    let refused = by(json!(["phone"]), json!({"email": "ada@example.test", "firstname": "Ada"}));
    for query in [&[][..], REPLACE, MERGE, FORCE] {
        assert_needs_one_of(&client.create("demo", &refused, query, &[]).await, &["phone", "customerNumber"]);
    }
    assert_eq!(total(&client, "demo").await, 4);
});

both!(rules_3_with_identifier_fields_another_number_does_not_conflict, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &json!({"email": "ada@example.test", "customerNumber": "ACC-1"})).await;
    let renumbered =
        json!({"email": "ada@example.test", "customerNumber": "ACC-2", "identifierFields": ["email"]});
    assert_matched(&plain(&client, "demo", &renumbered).await, id, &["email"]);
    assert_eq!(read(&client, id).await.json["customerNumber"], "ACC-1", "untouched");
    let merged = client.create("demo", &renumbered, MERGE, &[]).await.expect(200);
    assert_eq!((merged.outcome(), merged.id()), ("merged", id));
    assert_eq!(read(&client, id).await.json["customerNumber"], "ACC-2");
    assert_matched(
        &plain(&client, "demo", &json!({"customerNumber": "ACC-2"})).await,
        id,
        &["customerNumber"],
    );
    created(&client, "demo", &json!({"customerNumber": "ACC-1"})).await;
});

both!(rules_2_a_create_must_carry_the_required_fields, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    new_entry(server.site(), "picky", &["--required", "email", "--required", "fullname"]);
    for (body, missing) in [
        (json!({"customerNumber": "A"}), &["/email", "/fullname"][..]),
        (json!({"email": "a@example.test"}), &["/fullname"]),
        (json!({"email": "a@example.test", "firstname": "Ada"}), &["/fullname"]),
        (json!({"email": "a@example.test", "lastname": "Roe", "firstname": ""}), &["/fullname"]),
        (json!({"fullname": "Ada Roe", "email": null}), &["/email"]),
        (json!({"firstname": "Ada", "lastname": "Roe"}), &["/email"]),
    ] {
        for query in [&[][..], REPLACE, MERGE, FORCE] {
            let answer = client.create("picky", &body, query, &[]).await;
            let expected = missing.iter().map(|place| (*place).to_owned()).collect();
            assert_eq!(places(answer.expect_error(400)), expected, "{body}: {}", answer.text);
        }
    }
    let by_names = json!({"email": "a@example.test", "firstname": "Ada", "lastname": "Roe"});
    let id = created(&client, "picky", &by_names).await;
    created(&client, "picky", &json!({"email": "b@example.test", "fullname": "Bob"})).await;
    assert_eq!(
        read(&client, id).await.json["Fullname"],
        Value::Null,
        "neither name is derived from the other"
    );
    // A create must carry them; an update need not.
    client.put(&path(id), &json!({"city": "Oakton"})).await.expect(200);
    client.put(&path(id), &json!({"firstname": null})).await.expect(200);

    // The setting is read and written in the wire format's shape, and applies at once.
    let settings = "/api/Paypoint/settings/picky";
    let required =
        |value: &str| json!({"general": [{"key": "requiredFields", "readOnly": false, "value": value}]});
    let read = client.get(settings).await.expect(200);
    let general = read.json["general"].as_array().expect("general").clone();
    let item = general.iter().find(|item| item["key"] == "requiredFields").expect("requiredFields");
    assert_eq!(item["value"], "email,fullname");
    client.put(settings, &required("")).await.expect(200);
    created(&client, "picky", &json!({"customerNumber": "A"})).await;
    client.put(settings, &required("phone")).await.expect(200);
    let answer = plain(&client, "picky", &json!({"customerNumber": "B"})).await;
    assert_eq!(places(answer.expect_error(400)), set(["/phone"]), "{}", answer.text);
    client.put(settings, &required("phoney")).await.expect_error(400);
});
