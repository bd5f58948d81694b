//! PUT and DELETE: what is written, what is kept, what is refused, and what remains of an erased customer.

use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

fn ada() -> Value {
    json!({
        "customerNumber": "ACC-1001", "customerUsername": "ada", "customerPsw": "long enough", "company": "Roe Tools",
        "firstname": "Ada", "lastname": "Roe", "fullname": "Ada Roe", "birthday": "1985-04-12", "phone": "+15555550117",
        "email": "ada.roe@example.test", "address": "9 Elm Row", "address1": "Floor 2", "city": "Oakton", "state": "VA",
        "zip": "22124", "country": "US", "shippingAddress": "12 Oak Lane", "shippingAddress1": "Dock 7",
        "shippingCity": "Reston", "shippingState": "VA", "shippingZip": "20190", "shippingCountry": "US",
        "balance": 12.5, "timeZone": -5, "additionalFields": {"tier": "gold", "rep": "Bob", "note": "x"},
        "labels": ["wholesale", "east"],
    })
}

both!(rules_5_a_put_changes_only_the_fields_that_it_names, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &ada()).await;
    let mut expected = read(&client, id).await.json;
    for (change, key, value) in [
        (json!({"city": "Vienna"}), "City", json!("Vienna")),
        (json!({"city": null}), "City", json!(null)),
        (json!({"lastname": ""}), "Lastname", json!(null)),
        (json!({"phone": "(555) 555-0118"}), "Phone", json!("+15555550118")),
        (json!({"balance": 0.1}), "Balance", json!(0.1)),
        (json!({"customerStatus": 0}), "customerStatus", json!(0)),
        (json!({"timeZone": 14}), "TimeZone", json!(14)),
        (json!({"labels": ["new"]}), "Labels", json!(["new"])),
        (json!({"labels": []}), "Labels", json!([])),
        (json!({"birthday": "1990-12-31"}), "Birthday", json!("1990-12-31")),
        (json!({"country": "Canada"}), "Country", json!("CA")),
        (
            json!({"additionalFields": {"tier": "silver"}}),
            "AdditionalFields",
            json!({"tier": "silver", "rep": "Bob", "note": "x"}),
        ),
        (
            json!({"additionalFields": {"rep": null, "new": "y"}}),
            "AdditionalFields",
            json!({"tier": "silver", "new": "y", "note": "x"}),
        ),
        (
            json!({"additionalFields": {"unknown": null, "note": ""}}),
            "AdditionalFields",
            json!({"tier": "silver", "new": "y"}),
        ),
        (json!({"additionalFields": {}, "state": "MD"}), "State", json!("MD")),
        (json!({"additionalFields": null}), "AdditionalFields", json!({})),
    ] {
        let before = read(&client, id).await;
        let answer = client.put(&path(id), &change).await.expect(200);
        let after = read(&client, id).await;
        expected[key] = value;
        expected["LastUpdated"] = after.json["LastUpdated"].clone();
        // The flat fields are an address of the list.
        let billing = &mut expected["Addresses"][0];
        for (flat, text) in [("City", "city"), ("State", "state"), ("Country", "country")] {
            let value = after.json[flat].clone();
            if value.is_null() {
                billing.as_object_mut().unwrap().remove(text);
            } else {
                billing[text] = value;
            }
        }
        assert_eq!(after.json, expected, "{change}");
        assert_ne!(etag(&after), etag(&before), "{change}");
        assert_eq!(etag(&answer), etag(&after), "{change}: the answer carries the new tag");
        assert!(after.json["LastUpdated"].as_str() > before.json["LastUpdated"].as_str(), "{change}");
    }
});

both!(rules_5_a_put_without_effect_keeps_the_version, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &ada()).await;
    let before = read(&client, id).await;
    let mut same = ada();
    // A hash is salted, so the service cannot recognise the same password.
    same.as_object_mut().unwrap().remove("customerPsw");
    same["phone"] = json!("555 555 0117");
    same["country"] = json!("United States");
    same["balance"] = json!(12.500);
    for (what, body) in [
        ("nothing", json!({})),
        ("the same values", same),
        ("identifierFields alone", json!({"identifierFields": ["email"]})),
        ("createdAt alone", json!({"createdAt": "2020-01-01T00:00:00Z"})),
        ("no additional fields", json!({"additionalFields": {}})),
        ("a key that is not there removed", json!({"additionalFields": {"unknown": null}})),
    ] {
        let answer = client.put(&path(id), &body).await.expect(200);
        assert_eq!(answer.json["isSuccess"], true, "{what}");
        let after = read(&client, id).await;
        assert_eq!(after.json, before.json, "{what}");
        assert_eq!(etag(&after), etag(&before), "{what}");
    }
    assert_eq!(operations(&client, id).await, ["created"]);
});

both!(rules_2_a_customer_has_at_most_fifty_additional_fields, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let some = |range: std::ops::Range<usize>| -> Value {
        let fields: serde_json::Map<_, _> = range.map(|number| (format!("k{number}"), json!("x"))).collect();
        json!({"customerNumber": "A-1", "additionalFields": fields})
    };
    let id = created(&client, "demo", &some(0..40)).await;
    for query in ["", "mergeExisting"] {
        let answer = match query {
            "" => client.put(&path(id), &some(35..51)).await,
            flag => client.create("demo", &some(35..51), &[(flag, "1")], &[]).await,
        };
        assert_eq!(places(answer.expect_error(400)), set(["/additionalFields"]), "{}", answer.text);
    }
    client.put(&path(id), &some(35..50)).await.expect(200);
    assert_eq!(read(&client, id).await.json["AdditionalFields"].as_object().expect("fields").len(), 50);
    // One field removed, one added.
    let swap = json!({"additionalFields": {"k0": null, "k50": "x"}});
    client.put(&path(id), &swap).await.expect(200);
});

both!(rules_2_a_zip_must_fit_the_resulting_country, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &json!({"customerNumber": "Z-1", "shippingZip": "anything"})).await;
    for bad in [json!({"shippingCountry": "US"}), json!({"shippingCountry": "CA"})] {
        let answer = client.put(&path(id), &bad).await;
        assert_eq!(places(answer.expect_error(400)), set(["/shippingZip"]), "{bad}: {}", answer.text);
    }
    client.put(&path(id), &json!({"shippingCountry": "US", "shippingZip": "20190"})).await.expect(200);
    let answer = client.put(&path(id), &json!({"shippingZip": "anything"})).await;
    assert_eq!(places(answer.expect_error(400)), set(["/shippingZip"]), "{}", answer.text);
    client.put(&path(id), &json!({"shippingZip": "anything", "shippingCountry": null})).await.expect(200);
});

both!(rules_5_a_delete_is_soft_and_final, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &ada()).await;
    let other = created(&client, "demo", &json!({"email": "bob@example.test"})).await;
    let before = read(&client, id).await;
    let answer = client.delete(&path(id)).await.expect(200);
    let after = read(&client, id).await;
    assert_eq!(etag(&answer), etag(&after), "the answer carries the new tag");
    assert_eq!(after.json["customerStatus"], -99);
    for (key, value) in before.json.as_object().expect("a record") {
        if !["customerStatus", "LastUpdated", "Lifecycle"].contains(&key.as_str()) {
            assert_eq!(&after.json[key], value, "{key} stays, so that the history keeps its owner");
        }
    }
    let listed: Vec<_> =
        client.list("demo").await.iter().map(|record| record["customerId"].clone()).collect();
    assert_eq!(listed, [json!(other)], "a list contains the deleted customer");
    let would =
        client.post("/api/Customer/match/demo", &json!({"customerNumber": "ACC-1001"})).await.expect(200);
    assert_eq!(would.data()["outcome"], "created", "a deleted customer matched: {}", would.text);

    // A second delete is no error and no change.
    client.delete(&path(id)).await.expect(200);
    let again = read(&client, id).await;
    assert_eq!((&again.json, etag(&again)), (&after.json, etag(&after)));
    assert_eq!(operations(&client, id).await, ["deleted", "created"]);
    // A deleted customer takes no changes and cannot be restored; invalid requests are refused as invalid.
    for change in [json!({"city": "Vienna"}), json!({"customerStatus": 1}), json!({})] {
        client.put(&path(id), &change).await.expect_error(409);
    }
    client.put(&path(id), &json!({"colour": "red"})).await.expect_error(400);
    assert_eq!(read(&client, id).await.json, after.json);
    // Nobody else is deleted.
    client.put(&path(other), &json!({"city": "Vienna"})).await.expect(200);
    client.delete("/api/Customer/987654321").await.expect_error(404);
});

both!(rules_5_an_erase_leaves_only_the_number, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let blank = json!({"email": "blank@example.test"});
    let blank = created(&client, "demo", &blank).await;
    let blank_record = read(&client, blank).await.json;
    for delete_first in [false, true] {
        let id = created(&client, "demo", &ada()).await;
        client.put(&path(id), &json!({"firstname": "Adele", "city": "Vienna"})).await.expect(200);
        if delete_first {
            client.delete(&path(id)).await.expect(200);
        }
        let before = read(&client, id).await;
        let erase = format!("{}?erase=true", path(id));
        client.delete(&erase).await.expect(200);
        let after = read(&client, id).await;
        assert_ne!(etag(&after), etag(&before));
        for key in ["customerId", "Balance", "Created", "PaypointEntryname", "ParentOrgId"] {
            assert_eq!(after.json[key], before.json[key], "{key} is not about the person");
        }
        assert_eq!(after.json["customerStatus"], -99);
        let keys = |record: &Value| record.as_object().expect("a record").keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&after.json), keys(&before.json), "the record has the usual keys");
        let kept =
            ["customerId", "Balance", "Created", "LastUpdated", "customerStatus", "Lifecycle", "Email"];
        for (key, value) in after.json.as_object().expect("a record") {
            if !kept.contains(&key.as_str()) {
                assert_eq!(value, &blank_record[key], "{key} is blank");
            }
        }
        assert_eq!(after.json["Email"], Value::Null);

        let history = client.get(&format!("{}/history", path(id))).await.expect(200);
        let expected: &[&str] = if delete_first {
            &["erased", "deleted", "updated", "created"]
        } else {
            &["erased", "updated", "created"]
        };
        assert_eq!(operations(&client, id).await, expected, "times and operations are not personal");
        for (key, value) in ada().as_object().expect("an object") {
            for text in [&after.text, &history.text] {
                // A shorter value could occur in a time or an id by chance.
                if let Some(value) = value.as_str().filter(|value| value.len() >= 6) {
                    assert!(!text.contains(value), "{key} {value} is still in {text}");
                }
            }
        }
        for value in ["gold", "Adele", "Vienna", "wholesale"] {
            assert!(!history.text.contains(value) && !after.text.contains(value), "{value} is still there");
        }

        // An erase is final: neither another erase nor any other request changes anything.
        client.delete(&erase).await.expect(200);
        client.delete(&path(id)).await.expect(200);
        client.put(&path(id), &json!({"firstname": "Ada"})).await.expect_error(409);
        let again = read(&client, id).await;
        assert_eq!((&again.json, etag(&again)), (&after.json, etag(&after)));
        assert_eq!(total(&client, "demo").await, 1);
    }
    assert_eq!(read(&client, blank).await.json, blank_record, "another customer changed");
});
