//! The record's keys and types (contract 3 and 13).

use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Integer,
    Number,
    Text,
    Bool,
    Time,
    /// Texts by name.
    Texts,
    /// A list of texts.
    List,
    /// A list of objects.
    Objects,
    /// An object, or null.
    Object,
    Null,
}

/// The keys of contract 3, and six of Customary's own.
const KEYS: [(&str, Kind); 50] = [
    ("customerId", Kind::Integer),
    ("customerNumber", Kind::Text),
    ("customerUsername", Kind::Text),
    ("customerStatus", Kind::Integer),
    ("Company", Kind::Text),
    ("Firstname", Kind::Text),
    ("Lastname", Kind::Text),
    ("Fullname", Kind::Text),
    ("Birthday", Kind::Text),
    ("Phone", Kind::Text),
    ("Email", Kind::Text),
    ("Address", Kind::Text),
    ("Address1", Kind::Text),
    ("City", Kind::Text),
    ("State", Kind::Text),
    ("Zip", Kind::Text),
    ("Country", Kind::Text),
    ("ShippingAddress", Kind::Text),
    ("ShippingAddress1", Kind::Text),
    ("ShippingCity", Kind::Text),
    ("ShippingState", Kind::Text),
    ("ShippingZip", Kind::Text),
    ("ShippingCountry", Kind::Text),
    ("Balance", Kind::Number),
    ("TimeZone", Kind::Integer),
    ("MFA", Kind::Bool),
    ("MFAMode", Kind::Integer),
    ("snProvider", Kind::Null),
    ("snIdentifier", Kind::Null),
    ("snData", Kind::Null),
    ("LastUpdated", Kind::Time),
    ("Created", Kind::Time),
    ("AdditionalFields", Kind::Texts),
    ("IdentifierFields", Kind::List),
    ("Labels", Kind::List),
    ("Addresses", Kind::Objects),
    ("References", Kind::Objects),
    ("Lifecycle", Kind::Text),
    ("Subscriptions", Kind::Null),
    ("StoredMethods", Kind::Null),
    ("customerSummary", Kind::Object),
    ("PaypointLegalname", Kind::Text),
    ("PaypointDbaname", Kind::Text),
    ("ParentOrgName", Kind::Text),
    ("ParentOrgId", Kind::Integer),
    ("PaypointEntryname", Kind::Text),
    ("pageidentifier", Kind::Null),
    ("externalPaypointID", Kind::Null),
    ("customerConsent", Kind::Object),
    ("customerPortal", Kind::Null),
];

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

fn is_of(value: &Value, kind: Kind) -> bool {
    match kind {
        Kind::Integer => value.is_i64() || value.is_u64(),
        Kind::Number => value.is_number(),
        Kind::Text => is_text(value),
        Kind::Bool => value.is_boolean(),
        Kind::Time => value.as_str().is_some_and(|text| {
            text.contains('T')
                && chrono::DateTime::parse_from_rfc3339(text)
                    .is_ok_and(|time| time.offset().local_minus_utc() == 0)
        }),
        Kind::Texts => value.as_object().is_some_and(|object| object.values().all(is_text)),
        Kind::List => value.as_array().is_some_and(|items| items.iter().all(is_text)),
        Kind::Objects => value.as_array().is_some_and(|items| items.iter().all(Value::is_object)),
        Kind::Object => value.is_object() || value.is_null(),
        Kind::Null => value.is_null(),
    }
}

/// Asserts every key and no other; a text that was never written is null, never empty.
#[track_caller]
fn assert_record(record: &Value, beside: &[&str], all_given: bool) {
    let object = record.as_object().unwrap_or_else(|| panic!("no record: {record}"));
    let mut expected: Vec<_> = KEYS.iter().map(|(key, _)| *key).chain(beside.iter().copied()).collect();
    let mut found: Vec<_> = object.keys().map(String::as_str).collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
    for (key, kind) in KEYS {
        let absent = !all_given && matches!(kind, Kind::Text | Kind::Integer) && record[key].is_null();
        assert!(absent || is_of(&record[key], kind), "{key} is no {kind:?}: {}", record[key]);
    }
}

both!(contract_3_a_record_has_exactly_the_documented_keys_and_types, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let names = ["--legal-name", "Oakton Tools LLC", "--dba-name", "Oakton Tools", "--country", "US"];
    new_entry(server.site(), "tools", &names);
    let full = json!({
        "customerNumber": "ACC-1001", "customerUsername": "ada", "customerPsw": "long enough", "customerStatus": 0,
        "company": "Roe Tools", "firstname": "Ada", "lastname": "Roe", "fullname": "Ada Roe", "birthday": "1985-04-12",
        "phone": "(555) 555-0117", "email": "ada.roe@example.test", "address": "9 Elm Row", "address1": "Floor 2",
        "city": "Oakton", "state": "VA", "zip": "22124", "country": "US", "shippingAddress": "12 Oak Lane",
        "shippingAddress1": "Dock 7", "shippingCity": "Reston", "shippingState": "VA", "shippingZip": "20190",
        "shippingCountry": "US", "balance": 12.5, "timeZone": -5, "additionalFields": {"tier": "gold"},
        "identifierFields": ["email"], "labels": ["wholesale"], "createdAt": "2020-01-02 03:04:05",
    });
    let made = client.create("tools", &full, &[], &[]).await.expect(200);
    let beside = ["outcome", "matchedOn", "differs"];
    assert_record(made.data(), &beside, true);
    let envelope: Vec<_> = made.json.as_object().expect("an envelope").keys().map(String::as_str).collect();
    let mut sorted = envelope.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["isSuccess", "responseData", "responseText"], "contract 4, E1");
    let record = read(&client, made.id()).await;
    assert_record(&record.json, &[], true);
    let list = client.get("/api/Query/customers/tools").await.expect(200);
    assert_record(&list.json["Records"][0], &[], true);
    assert_eq!(list.json["Records"][0], record.json, "a list holds records");
    for (key, expected) in [
        ("PaypointLegalname", json!("Oakton Tools LLC")),
        ("PaypointDbaname", json!("Oakton Tools")),
        ("PaypointEntryname", json!("tools")),
        ("ParentOrgName", json!("Demo")),
        ("ParentOrgId", json!(1)),
        ("customerStatus", json!(0)),
        ("Phone", json!("+15555550117")),
        ("Balance", json!(12.5)),
        ("TimeZone", json!(-5)),
        ("MFA", json!(false)),
        ("MFAMode", json!(0)),
        ("IdentifierFields", json!(["email"])),
        ("AdditionalFields", json!({"tier": "gold"})),
        ("Labels", json!(["wholesale"])),
        // The customer has a password.
        ("Lifecycle", json!("Active")),
    ] {
        assert_eq!(record.json[key], expected, "{key}");
    }
    for answer in [&made, &record, &list] {
        assert!(!answer.text.contains("long enough") && !answer.text.contains("argon2"), "{}", answer.text);
        assert_eq!(answer.header("Content-Type"), Some("application/json"));
    }

    // A customer with only a name: absent texts are null, lists and objects are present and empty.
    let made = client.create("demo", &json!({"firstname": "Bob"}), &[], &[]).await.expect(200);
    assert_record(made.data(), &beside, false);
    let record = read(&client, made.id()).await.json;
    assert_record(&record, &[], false);
    for (key, expected) in [
        ("Email", Value::Null),
        ("Lastname", Value::Null),
        ("TimeZone", Value::Null),
        ("AdditionalFields", json!({})),
        ("IdentifierFields", json!([])),
        ("Labels", json!([])),
        ("Balance", json!(0)),
        ("customerStatus", json!(1)),
    ] {
        assert_eq!(record[key], expected, "{key}");
    }
});

both!(contract_4_changes_answer_with_the_documented_envelope, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let expected = json!({"responseCode": 1, "pageIdentifier": null, "roomId": 0, "isSuccess": true,
                          "responseText": "Success", "responseData": " "});
    assert_eq!(client.put(&path(id), &json!({"city": "Oakton"})).await.expect(200).json, expected);
    assert_eq!(client.delete(&path(id)).await.expect(200).json, expected);
});

both!(contract_12_settings_are_lists_of_keys_and_values, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let settings = "/api/Paypoint/settings/demo";
    let body = json!({"entry": "made-here", "legalName": "Made LLC", "dbaName": "Made", "country": "Bangladesh",
                      "identifiers": ["firstname+lastname", "clientId"], "requiredFields": ["email"]});
    client.post("/api/Paypoint", &body).await.expect(200);
    client.post("/api/Paypoint", &body).await.expect_error(409);
    let made = client.get("/api/Paypoint/settings/made-here").await.expect(200);
    let lists = ["customFields", "identifiers", "general", "forInvoices", "forPayOuts", "forWallets"];
    for answer in [
        &made,
        &client.get(settings).await.expect(200),
        &client.get("/api/Organization/settings/1").await.expect(200),
    ] {
        for list in lists {
            for item in answer.json[list].as_array().unwrap_or_else(|| panic!("no {list} in {}", answer.text))
            {
                assert!(is_text(&item["key"]) && item["value"].is_string(), "{item}");
                assert!(item["readOnly"].is_boolean() || item["readOnly"].is_null(), "{item}");
            }
        }
    }
    let value = |answer: &Answer, list: &str, key: &str| {
        let items = answer.json[list].as_array().expect("a list").clone();
        let item = items.into_iter().find(|item| item["key"] == key);
        item.unwrap_or_else(|| panic!("no {key} in {}", answer.text))["value"].clone()
    };
    for (key, expected) in
        [("legalName", "Made LLC"), ("dbaName", "Made"), ("country", "BD"), ("requiredFields", "email")]
    {
        assert_eq!(value(&made, "general", key), expected, "{key}");
    }
    for identifier in ["firstname+lastname", "clientId"] {
        assert_eq!(value(&made, "identifiers", identifier), identifier);
    }
    let listed = client.get("/api/Paypoint").await.expect(200);
    assert!(listed.text.contains("made-here") && listed.text.contains("demo"), "{}", listed.text);

    // A PUT is partial: fields that it does not name stay.
    let general = json!({"general": [{"key": "dbaName", "readOnly": false, "value": "Renamed"}]});
    client.put("/api/Paypoint/settings/made-here", &general).await.expect(200);
    let after = client.get("/api/Paypoint/settings/made-here").await.expect(200);
    assert_eq!(value(&after, "general", "dbaName"), "Renamed");
    assert_eq!(value(&after, "general", "legalName"), "Made LLC");
    assert_eq!(after.json["identifiers"], made.json["identifiers"]);
    // A client may send back what it read, the read-only items included.
    client.put("/api/Paypoint/settings/made-here", &after.json).await.expect(200);
    assert_eq!(client.get("/api/Paypoint/settings/made-here").await.expect(200).json, after.json);
    for bad in [
        json!({"general": [{"key": "country", "readOnly": false, "value": "Atlantis"}]}),
        json!({"general": [{"key": "colour", "readOnly": false, "value": "red"}]}),
        json!({"general": "x"}),
        json!({"colours": []}),
    ] {
        client.put("/api/Paypoint/settings/made-here", &bad).await.expect_error(400);
    }
    for bad in ["org", "", "a b", "\u{e9}", &"x".repeat(51)] {
        client.post("/api/Paypoint", &json!({"entry": bad})).await.expect_error(400);
    }
    assert_eq!(client.get("/api/Paypoint/settings/made-here").await.expect(200).json, after.json);
});
