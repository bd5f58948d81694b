//! How values compare: exactly, or ignoring case and spacing, in NFC; e-mail and phone as they are stored.

use serde_json::json;

use super::{FORCE, MERGE, REPLACE, assert_matched, plain};
use crate::harness::*;
use crate::support::*;

both!(rules_3_the_default_identifier_is_the_email, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = json!({"email": "ada.roe@example.test", "firstname": "Ada", "lastname": "Roe", "company": "Roe Tools",
                     "fullname": "Ada Roe", "phone": "+15555550117", "city": "Oakton"});
    let id = created(&client, "demo", &ada).await;
    assert_matched(&plain(&client, "demo", &ada).await, id, &["email"]);
    assert_matched(&plain(&client, "demo", &json!({"email": "ada.roe@example.test"})).await, id, &["email"]);
    // Nothing else identifies her: people share names, phones and companies.
    let mut twin = ada.clone();
    twin["email"] = json!("twin@example.test");
    created(&client, "demo", &twin).await;
    twin.as_object_mut().unwrap().remove("email");
    created(&client, "demo", &twin).await;
    created(&client, "demo", &twin).await;
    assert_eq!(total(&client, "demo").await, 4);
});

both!(rules_3_without_a_policy_any_value_of_a_person_allows_a_create, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let identifying = [
        ("email", "a@example.test"),
        ("phone", "+15555550117"),
        ("customerNumber", "ACC-1"),
        ("fullname", "Ada Roe"),
        ("firstname", "Ada"),
        ("lastname", "Roe"),
        ("company", "Roe Tools"),
    ];
    for (field, value) in identifying {
        created(&client, "demo", &json!({field: value})).await;
    }
    let before = total(&client, "demo").await;
    for body in [
        json!({}),
        json!({"city": "Oakton", "zip": "22124", "address": "9 Elm Row", "country": "US", "state": "VA"}),
        json!({"customerUsername": "ada", "customerPsw": "long enough", "birthday": "1985-04-12"}),
        json!({"additionalFields": {"clientId": "7"}, "labels": ["x"], "balance": 5, "timeZone": 1}),
    ] {
        for query in [&[][..], REPLACE, MERGE, FORCE] {
            let answer = client.create("demo", &body, query, &[]).await;
            answer.expect_error(400);
            let text = answer.json["responseText"].as_str().expect("a text");
            assert!(text.starts_with("Invalid customer identifiers"), "{body}: {text}");
            let message = answer.json["responseData"].to_string();
            for (field, _) in identifying {
                assert!(
                    message.contains(field),
                    "{field} would suffice, but the message does not name it: {message}"
                );
            }
        }
    }
    assert_eq!(total(&client, "demo").await, before);
});

both!(rules_3_texts_compare_in_nfc_ignoring_case_and_spacing, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    new_entry(server.site(), "names", &["--identifier", "fullname"]);
    let id = created(&client, "names", &json!({"fullname": "Jos\u{e9}  Stra\u{df}e O'Neill"})).await;
    for same in [
        "jos\u{e9} stra\u{df}e o'neill",
        "JOS\u{c9} STRASSE O'NEILL",
        "Jose\u{301} Stra\u{df}e O'Neill",
        "  Jos\u{e9}\u{a0}Stra\u{df}e   O'Neill ",
        "Jos\u{e9}\u{2003}Stra\u{1e9e}e O'Neill",
    ] {
        assert_matched(&plain(&client, "names", &json!({"fullname": same})).await, id, &["fullname"]);
    }
    for other in [
        "Jose Stra\u{df}e O'Neill",
        "Jos\u{e9}Stra\u{df}e O'Neill",
        "Jos\u{e9} Stra\u{df}e ONeill",
        "Jos\u{e9} Stra\u{df}e",
    ] {
        let answer = plain(&client, "names", &json!({"fullname": other})).await.expect(200);
        assert_eq!(answer.outcome(), "created", "{other}");
    }
    // E-mails too; the record keeps the spelling that was sent.
    let id = created(&client, "demo", &json!({"email": "Ada.Roe@Example.test"})).await;
    for same in ["ada.roe@example.test", "ADA.ROE@EXAMPLE.TEST", " Ada.Roe@Example.test "] {
        let answer = plain(&client, "demo", &json!({"email": same})).await;
        assert_matched(&answer, id, &["email"]);
        assert_eq!(answer.data()["Email"], "Ada.Roe@Example.test");
    }
    created(&client, "demo", &json!({"email": "adaroe@example.test"})).await;
});

both!(rules_3_customer_numbers_and_additional_fields_compare_exactly, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &json!({"customerNumber": "ACC-\u{e9}1"})).await;
    for same in ["ACC-\u{e9}1", "  ACC-\u{e9}1 ", "ACC-e\u{301}1"] {
        assert_matched(
            &plain(&client, "demo", &json!({"customerNumber": same})).await,
            id,
            &["customerNumber"],
        );
    }
    for other in ["acc-\u{e9}1", "ACC- \u{e9}1", "ACC-\u{e9}01", "ACC-e1"] {
        created(&client, "demo", &json!({"customerNumber": other})).await;
    }

    new_entry(server.site(), "clients", &["--identifier", "clientId", "--additional"]);
    let client_id = |value: &str| json!({"additionalFields": {"clientId": value, "tier": "gold"}});
    let id = created(&client, "clients", &client_id("C-\u{e9}1")).await;
    for same in ["C-\u{e9}1", " C-\u{e9}1  ", "C-e\u{301}1"] {
        assert_matched(&plain(&client, "clients", &client_id(same)).await, id, &["clientId"]);
    }
    for other in ["c-\u{e9}1", "C- \u{e9}1", "C-e1"] {
        created(&client, "clients", &client_id(other)).await;
    }
    // A name that differs in case is another additional field, and that one is no identifier here.
    let other = json!({"additionalFields": {"clientid": "C-\u{e9}1"}});
    plain(&client, "clients", &other).await.expect_error(400);
});

both!(rules_3_phones_compare_in_stored_form, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    new_entry(server.site(), "phones", &["--identifier", "phone", "--country", "US"]);
    let id = created(&client, "phones", &json!({"phone": "(555) 555-0117"})).await;
    for same in ["555-555-0117", "+1 555 555 0117", "+15555550117", "1 (555) 555.0117"] {
        assert_matched(&plain(&client, "phones", &json!({"phone": same})).await, id, &["phone"]);
    }
    let with_extension = created(&client, "phones", &json!({"phone": "555-555-0117 ext. 12"})).await;
    assert_matched(
        &plain(&client, "phones", &json!({"phone": "+15555550117 x12"})).await,
        with_extension,
        &["phone"],
    );
    // The record's own country applies, not the entrypoint's.
    let british = created(&client, "phones", &json!({"phone": "020 7946 0018", "country": "GB"})).await;
    assert_matched(&plain(&client, "phones", &json!({"phone": "+442079460018"})).await, british, &["phone"]);
    assert_eq!(total(&client, "phones").await, 3);
});

both!(rules_3_a_deleted_customer_frees_its_identifiers_at_once, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let body = json!({"email": "ada@example.test", "customerNumber": "ACC-1", "customerUsername": "ada"});
    let mut gone = Vec::new();
    for round in 0..3 {
        let id = created(&client, "demo", &body).await;
        assert!(!gone.contains(&id), "an id was reused");
        let erase = if round == 1 { "?erase=true" } else { "" };
        client.delete(&format!("{}{erase}", path(id))).await.expect(200);
        gone.push(id);
    }
    // A rename frees them too.
    let id = created(&client, "demo", &body).await;
    let renamed =
        json!({"email": "other@example.test", "customerNumber": "ACC-2", "customerUsername": "other"});
    client.put(&path(id), &renamed).await.expect(200);
    created(&client, "demo", &body).await;
    assert_eq!(total(&client, "demo").await, 2);
});

both!(rules_1_entrypoints_do_not_share_identities, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    new_entry(server.site(), "second", &[]);
    let body = json!({"email": "ada@example.test", "customerNumber": "ACC-1", "customerUsername": "ada"});
    let here = created(&client, "demo", &body).await;
    let there = created(&client, "second", &body).await;
    assert_ne!(here, there);
    assert_matched(&plain(&client, "demo", &body).await, here, &["customerNumber", "email"]);
    assert_matched(&plain(&client, "second", &body).await, there, &["customerNumber", "email"]);
});
