//! What tokens see: everything with `pii:read`, masks without it, and nothing of records that they may not read.

use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

fn ada() -> Value {
    json!({
        "email": "ada.roe@example.test", "phone": "+15555550117", "address": "9 Elm Row", "address1": "Floor 2",
        "shippingAddress": "12 Oak Lane", "shippingAddress1": "Dock 7", "birthday": "1985-04-12",
        "additionalFields": {"tier": "gold-plus", "note": "knows Bob"},
        "firstname": "Ada", "lastname": "Roe", "company": "Roe Tools", "customerNumber": "ACC-1001",
        "city": "Oakton", "zip": "22124", "country": "US", "labels": ["wholesale"],
    })
}

/// Values that must not be visible without `pii:read`, anywhere.
const HIDDEN: [&str; 9] = [
    "ada.roe@example.test",
    "5555550117",
    "9 Elm Row",
    "Floor 2",
    "12 Oak Lane",
    "Dock 7",
    "1985-04-12",
    "gold-plus",
    "knows Bob",
];

/// The masked fields of a record, and their masks.
fn masks() -> Value {
    json!({
        "Email": "a***@e***.test", "Phone": "+1******0117", "Address": "***", "Address1": "***",
        "ShippingAddress": "***", "ShippingAddress1": "***", "Birthday": "***",
        "AdditionalFields": {"tier": "***", "note": "***"},
    })
}

#[track_caller]
fn assert_masked(record: &Value) {
    for (field, mask) in masks().as_object().expect("an object") {
        assert_eq!(&record[field], mask, "{field}");
    }
    for (field, value) in [("Firstname", "Ada"), ("Lastname", "Roe"), ("Company", "Roe Tools")] {
        assert_eq!(record[field], value, "{field} is not a contact field and stays readable");
    }
    for (field, value) in [("customerNumber", "ACC-1001"), ("City", "Oakton"), ("Country", "US")] {
        assert_eq!(record[field], value, "{field} is not a contact field and stays readable");
    }
}

#[track_caller]
fn assert_reveals_nothing(answer: &Answer) {
    for value in HIDDEN {
        assert!(!answer.text.contains(value), "{value} is visible in {}", answer.text);
    }
}

both!(rules_1_without_pii_read_contacts_are_masked_everywhere, |db| async {
    let server = Server::start(db).await;
    let full = server.client();
    let masked = token_with(server.site(), &["customers:read", "customers:write", "customers:delete"]);
    let masked = server.anonymous().token(&masked);

    let made = masked.create("demo", &ada(), &[], &[]).await.expect(200);
    assert_eq!(made.outcome(), "created");
    assert_masked(made.data());
    assert_reveals_nothing(&made);
    let id = made.id();
    let seen = read(&full, id).await;
    for (field, value) in
        [("Email", "ada.roe@example.test"), ("Phone", "+15555550117"), ("Birthday", "1985-04-12")]
    {
        assert_eq!(seen.json[field], value, "with pii:read");
    }
    assert_eq!(seen.json["AdditionalFields"], json!({"tier": "gold-plus", "note": "knows Bob"}));

    let record = read(&masked, id).await;
    assert_masked(&record.json);
    assert_reveals_nothing(&record);
    assert_ne!(etag(&record), etag(&seen), "two views are two representations");

    let list = masked.get("/api/Query/customers/demo").await.expect(200);
    assert_masked(&list.json["Records"][0]);
    assert_reveals_nothing(&list);

    let differing = json!({"email": "ada.roe@example.test", "phone": "+15555550199", "city": "Reston"});
    let matched = masked.create("demo", &differing, &[], &[]).await.expect(200);
    assert_eq!(matched.outcome(), "matched");
    assert_masked(matched.data());
    assert_reveals_nothing(&matched);

    full.put(&path(id), &json!({"address": "10 Elm Row", "city": "Reston"})).await.expect(200);
    let history = masked.get(&format!("{}/history", path(id))).await.expect(200);
    let changed: Vec<_> = history.json["Records"][0]["changes"].as_array().expect("changes").clone();
    assert_eq!(changed.len(), 1, "{}", history.text);
    assert_eq!(changed[0], json!({"field": "city", "from": null, "to": null}));
    assert_reveals_nothing(&history);
    assert!(!history.text.contains("address") && !history.text.contains("Oakton"), "{}", history.text);
    let open = full.get(&format!("{}/history", path(id))).await.expect(200);
    assert_eq!(
        open.json["Records"][0]["changes"][0],
        json!({"field": "address", "from": "9 Elm Row", "to": "10 Elm Row"})
    );

    // A token that may match could guess values until one matches.
    masked.post("/api/Customer/match/demo", &differing).await.expect_error(403);

    // Errors name ids and fields, never values.
    let other = created(&full, "demo", &json!({"email": "bob@example.test"})).await;
    full.put(&path(id), &json!({"customerNumber": "ACC-1001"})).await.expect(200);
    let conflict = masked.put(&path(other), &json!({"customerNumber": "ACC-1001"})).await;
    conflict.expect_error(409);
    assert!(names(&conflict, id), "{}", conflict.text);
    assert_reveals_nothing(&conflict);
    let erase = masked.delete(&format!("{}?erase=true", path(id))).await;
    erase.expect_error(403);
    assert_reveals_nothing(&erase);
});

both!(rules_1_a_mask_written_back_means_unchanged, |db| async {
    let server = Server::start(db).await;
    let full = server.client();
    let masked = token_with(server.site(), &["customers:read", "customers:write"]);
    let masked = server.anonymous().token(&masked);
    let id = created(&full, "demo", &ada()).await;
    let before = read(&full, id).await;

    let all_masks = json!({
        "email": "a***@e***.test", "phone": "+1******0117", "address": "***", "address1": "***",
        "shippingAddress": "***", "shippingAddress1": "***", "birthday": "***",
        "additionalFields": {"tier": "***", "note": "***"},
    });
    for client in [&masked, &full] {
        client.put(&path(id), &all_masks).await.expect(200);
        let after = read(&full, id).await;
        assert_eq!(after.json, before.json, "masks change nothing");
        assert_eq!(etag(&after), etag(&before), "masks change nothing");
    }

    // Beside a change, as a form that was filled with the masked view sends it.
    let mut form = all_masks.clone();
    form["city"] = json!("Reston");
    form["address1"] = json!("Floor 3");
    masked.put(&path(id), &form).await.expect(200);
    let after = read(&full, id).await.json;
    assert_eq!((&after["City"], &after["Address1"]), (&json!("Reston"), &json!("Floor 3")));
    for field in ["Email", "Phone", "Address", "ShippingAddress", "Birthday", "AdditionalFields"] {
        assert_eq!(after[field], before.json[field], "{field}");
    }

    // A merge and a replacement treat masks in the same way: both write onto the stored record.
    for flag in ["mergeExisting", "replaceExisting"] {
        let body = json!({"customerNumber": "ACC-1001", "email": "a***@e***.test", "phone": "+1******0117"});
        let answer = masked.create("demo", &body, &[(flag, "1")], &[]).await.expect(200);
        assert_eq!(answer.id(), id, "{flag}: {}", answer.text);
        let after = read(&full, id).await.json;
        assert_eq!(after["Email"], "ada.roe@example.test", "{flag}");
        assert_eq!(after["Phone"], "+15555550117", "{flag}");
    }
});

both!(rules_1_a_mask_of_another_value_is_refused, |db| async {
    let server = Server::start(db).await;
    let full = server.client();
    let id = created(&full, "demo", &ada()).await;
    let before = read(&full, id).await;
    for (body, place) in [
        (json!({"email": "b***@e***.test"}), "/email"),
        (json!({"email": "a***@e***.example"}), "/email"),
        (json!({"email": "***"}), "/email"),
        (json!({"phone": "+1******0118"}), "/phone"),
        (json!({"phone": "+44******0117"}), "/phone"),
        (json!({"additionalFields": {"unknown": "***"}}), "/additionalFields/unknown"),
    ] {
        let answer = full.put(&path(id), &body).await;
        assert_eq!(places(answer.expect_error(400)), set([place]), "{body}: {}", answer.text);
    }
    assert_eq!(read(&full, id).await.json, before.json);

    // A new customer has no value that a mask could stand for.
    let masks = json!({"customerNumber": "NEW-1", "email": "a***@e***.test", "phone": "+1******0117",
                       "address": "***", "birthday": "***", "additionalFields": {"tier": "***"}});
    let answer = full.create("demo", &masks, &[], &[]).await;
    let expected = set(["/email", "/phone", "/address", "/birthday", "/additionalFields/tier"]);
    assert_eq!(places(answer.expect_error(400)), expected, "{}", answer.text);
    // Neither has a stored customer without that field.
    let bare = created(&full, "demo", &json!({"customerNumber": "BARE-1"})).await;
    let answer = full.put(&path(bare), &json!({"address": "***"})).await;
    assert_eq!(places(answer.expect_error(400)), set(["/address"]), "{}", answer.text);
    assert_eq!(total(&full, "demo").await, 2);
    // Fields that are never masked take any text.
    full.put(&path(bare), &json!({"company": "***"})).await.expect(200);
});

both!(rules_1_a_token_that_may_only_create_learns_nothing, |db| async {
    let server = Server::start(db).await;
    let full = server.client();
    let writers = [
        token_with(server.site(), &["customers:write"]),
        token_with(server.site(), &["customers:write", "customers:delete", "pii:read"]),
    ];
    let id = created(&full, "demo", &ada()).await;
    let keys = |record: &Value| record.as_object().expect("a record").keys().cloned().collect::<Vec<_>>();
    for writer in writers {
        let writer = server.anonymous().token(&writer);
        let body = json!({"email": "ada.roe@example.test", "city": "Reston"});
        let matched = writer.create("demo", &body, &[], &[]).await.expect(200);
        assert_eq!((matched.outcome(), matched.id()), ("matched", id));
        for (key, value) in matched.data().as_object().expect("a record") {
            if key != "customerId" && key != "outcome" {
                assert!(value.is_null(), "{key} tells {value}");
            }
        }
        let seen = full.create("demo", &body, &[], &[]).await.expect(200);
        assert_eq!(keys(matched.data()), keys(seen.data()), "the keys are those of every create");
        assert_reveals_nothing(&matched);

        // The token knows what it wrote itself, but not what else the record holds.
        for flag in ["mergeExisting", "replaceExisting"] {
            let body = json!({"email": "ada.roe@example.test", "phone": "+15555550117", "lastname": "Roe"});
            let answer = writer.create("demo", &body, &[(flag, "1")], &[]).await.expect(200);
            assert_eq!(answer.id(), id, "{flag}: {}", answer.text);
            for value in ["ACC-1001", "Roe Tools", "gold-plus", "knows Bob", "9 Elm Row", "1985-04-12"] {
                assert!(!answer.text.contains(value), "{flag}: {value} is visible in {}", answer.text);
            }
        }
        full.create("demo", &ada(), &[("replaceExisting", "1")], &[]).await.expect(200);

        for path in [path(id), format!("{}/history", path(id)), "/api/Query/customers/demo".to_owned()] {
            let answer = writer.get(&path).await;
            answer.expect_error(403);
            assert_reveals_nothing(&answer);
        }
        writer.post("/api/Customer/match/demo", &body).await.expect_error(403);
        let updated = writer.put(&path(id), &json!({"city": "Oakton"})).await.expect(200);
        assert_reveals_nothing(&updated);
    }
});
