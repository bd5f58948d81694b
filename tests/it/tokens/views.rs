//! Rules 1: what a token may name and write without `pii:read`, and what conflicts and reports tell it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

fn ada() -> Value {
    json!({"email": "ada.roe@example.test", "phone": "+12025550117", "birthday": "1979-11-23", "firstname": "Ada",
           "lastname": "Roe", "customerNumber": "ACC-1", "city": "Oakton", "address": "9 Elm Row",
           "additionalFields": {"tier": "gold"}})
}

async fn import(client: &Client, query: &str, file: &str) -> Answer {
    let path = format!("/api/Import/customersForm/demo{query}");
    send(client.request(Method::POST, &path).header("Content-Type", "text/csv").body(file.to_owned())).await
}

async fn rows(client: &Client, import: &Answer) -> Vec<Value> {
    let job = import.data()["jobId"].as_u64().expect("a job");
    let rows = client.get(&format!("/api/Import/jobs/demo/{job}/rows")).await.expect(200);
    rows.json["Records"].as_array().expect("rows").clone()
}

#[track_caller]
fn assert_needs_pii<const N: usize>(answer: &Answer, at: [&str; N]) {
    assert_eq!(places(answer.expect_error(403)), set(at), "{}", answer.text);
    assert!(answer.text.contains("pii:read"), "{}", answer.text);
}

both!(rules_1_only_visible_fields_and_those_of_the_policy_identify, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let full = server.client();
    created(&full, "demo", &ada()).await;
    let tokens = [
        &["customers:write"][..],
        &["customers:write", "customers:read"],
        &["customers:write", "customers:export", "settings"],
    ];
    for scopes in tokens {
        let masked = server.anonymous().token(&token_with(site, scopes));
        for (fields, hidden) in [
            (json!(["birthday"]), &["/identifierFields/0"][..]),
            (json!(["lastname", "phone"]), &["/identifierFields/1"]),
            (json!(["address", "tier"]), &["/identifierFields/0", "/identifierFields/1"]),
            (json!(["customerUsername"]), &["/identifierFields/0"]),
        ] {
            // Right and wrong guesses get the same answer.
            let mut answers = Vec::new();
            for (birthday, phone, address, tier) in [
                ("1979-11-23", "+12025550117", "9 Elm Row", "gold"),
                ("1979-11-24", "+12025550118", "10 Elm Row", "tin"),
            ] {
                let body = json!({"customerNumber": "DECOY", "identifierFields": fields, "birthday": birthday,
                    "lastname": "Roe", "phone": phone, "address": address, "additionalFields": {"tier": tier}});
                let answer = masked.create("demo", &body, &[], &[]).await;
                answer.expect_error(400);
                assert_eq!(places(&answer), hidden.iter().map(|at| (*at).to_owned()).collect());
                answers.push(without_id(&answer));
            }
            assert_eq!(answers[0], answers[1]);
        }
        for fields in [json!(["firstname", "lastname"]), json!(["email"]), json!(["email", "lastname"])] {
            let body = json!({"email": "ada.roe@example.test", "firstname": "Ada", "lastname": "Roe",
                              "identifierFields": fields});
            let answer = masked.create("demo", &body, &[], &[]).await.expect(200);
            assert_eq!(answer.outcome(), "matched", "{fields}: {}", answer.text);
        }
    }

    // A field of a policy's identifier counts only beside the rest of it.
    new_entry(site, "pairs", &["--identifier", "lastname+birthday"]);
    created(&full, "pairs", &ada()).await;
    let masked = server.anonymous().token(&token_with(site, &["customers:write", "customers:read"]));
    let mut body = json!({"lastname": "Roe", "birthday": "1979-11-23", "identifierFields": ["birthday"]});
    masked.create("pairs", &body, &[], &[]).await.expect_error(400);
    body["identifierFields"] = json!(["birthday", "lastname"]);
    assert_eq!(masked.create("pairs", &body, &[], &[]).await.expect(200).outcome(), "matched");
    // With `pii:read` every field identifies.
    body["identifierFields"] = json!(["birthday"]);
    assert_eq!(full.create("pairs", &body, &[], &[]).await.expect(200).outcome(), "matched");

    // A token must not give itself a policy that guesses for it.
    let setter = token_with(site, &["customers:write", "settings"]);
    let setter = server.anonymous().token(&setter);
    for path in ["/api/Paypoint/settings/demo", "/api/Organization/settings/1"] {
        let answer = setter.put(path, &identifiers(&["email", "birthday"])).await;
        assert_needs_pii(&answer, ["/identifiers/1"]);
        setter.put(path, &identifiers(&["email", "firstname+lastname"])).await.expect(200);
    }
    // Nor by a token that it makes.
    let maker = token_with(site, &["customers:write", "customers:read", "settings", "tokens"]);
    let maker = server.anonymous().token(&maker);
    let mut made = maker;
    for scopes in [json!(["settings", "tokens"]), json!(["settings"])] {
        let body = json!({"name": "made", "entries": ["demo", "pairs"], "scopes": scopes});
        let answer = made.post("/api/Token", &body).await.expect(200);
        made = server.anonymous().token(answer.data()["token"].as_str().expect("a token"));
        let answer = made.put("/api/Paypoint/settings/demo", &identifiers(&["phone"])).await;
        assert_needs_pii(&answer, ["/identifiers/0"]);
    }
    let organiser = server.anonymous().token(&token_with(site, &["settings"]));
    organiser.put("/api/Paypoint/settings/demo", &identifiers(&["email", "clientId"])).await.expect(200);
});

both!(rules_1_imports_tell_no_more_than_creates, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let full = server.client();
    let id = created(&full, "demo", &ada()).await;
    let importer = server.anonymous().token(&token_with(site, &["customers:import"]));
    let reader = token_with(site, &["customers:import", "customers:read"]);
    let reader = server.anonymous().token(&reader);

    // By an option, the file is refused; by a column, the row is.
    let guess = "customerNumber,birthday\nDECOY,1979-11-23\n";
    let answer = import(&importer, "?dryRun=true&identifierFields=birthday", guess).await;
    assert_eq!(places(answer.expect_error(400)), set(["?identifierFields"]), "{}", answer.text);
    let guess =
        "customerNumber,birthday,identifierFields\nDECOY,1979-11-23,birthday\nDECOY,1979-11-24,birthday\n";
    let refused = import(&importer, "?dryRun=true", guess).await.expect(200);
    let reports = rows(&importer, &refused).await;
    assert_eq!(reports[0]["outcome"], "rejected", "{reports:?}");
    assert_eq!(reports[0]["problems"], reports[1]["problems"]);

    // What a row would change is told without the masked fields, and not at all without `customers:read`.
    let file = "email,birthday,city\nada.roe@example.test,1979-11-23,Reston\nada.roe@example.test,1990-01-01,Reston\n";
    for (flag, outcome, fields, others) in
        [("", "matched", "differs", "changed"), ("&mergeExisting=1", "merged", "changed", "differs")]
    {
        let seen = import(&reader, &format!("?dryRun=true{flag}"), file).await.expect(200);
        for row in rows(&reader, &seen).await {
            assert_eq!(row["outcome"], outcome, "{row}");
            let named = row[fields].as_array().expect("fields");
            assert!(!named.contains(&json!("birthday")), "{row}");
            assert_eq!(row[others], json!([]), "{row}");
            assert_eq!(row["matchedOn"], json!([]), "{row}");
        }
        assert_eq!(rows(&reader, &seen).await[0][fields], json!(["city"]));
        for row in rows(&importer, &seen).await {
            assert_eq!((&row[fields], &row["matchedOn"]), (&json!([]), &json!([])), "{row}");
        }
        let all = rows(&full, &seen).await;
        assert!(all[1][fields].as_array().expect("fields").contains(&json!("birthday")), "{all:?}");
        assert_eq!(all[0]["matchedOn"], json!(["email"]));
    }

    // A conflict names ids and fields only to those who may see them.
    let other =
        created(&full, "demo", &json!({"email": "bob@example.test", "customerNumber": "ACC-2"})).await;
    let file = "email,customerNumber\nada.roe@example.test,ACC-2\n";
    let conflict = import(&reader, "?dryRun=true", file).await.expect(200);
    let job = conflict.data()["jobId"].clone();
    for (client, sees_number) in [(&reader, true), (&importer, false)] {
        let report = rows(client, &conflict).await;
        let told = json!([
            report[0]["problems"],
            client.get(&format!("/api/Import/jobs/demo/{job}")).await.json["errors"]
        ]);
        let told = told.to_string();
        assert!(!told.contains("email"), "{told}");
        assert!(!told.contains(&format!("customer {id}")), "{told}");
        assert_eq!(
            told.contains(&format!("customerNumber leads to customer {other}")),
            sees_number,
            "{told}"
        );
    }
    let all = rows(&full, &conflict).await[0]["problems"].to_string();
    assert!(all.contains(&format!("email leads to customer {id}")), "{all}");
});

both!(rules_1_conflicts_and_differences_leave_masked_fields_out, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let full = server.client();
    let ada_id = created(&full, "demo", &ada()).await;
    let bob = created(&full, "demo", &json!({"email": "bob@example.test", "customerNumber": "ACC-2"})).await;
    let reader = server.anonymous().token(&token_with(site, &["customers:read", "customers:write"]));
    let writer = server.anonymous().token(&token_with(site, &["customers:write", "pii:read"]));

    let both = json!({"email": "ada.roe@example.test", "customerNumber": "ACC-2"});
    let told = full.create("demo", &both, &[], &[]).await;
    assert_eq!(places(told.expect_error(409)), set(["/email", "/customerNumber"]));
    let told = reader.create("demo", &both, &[], &[]).await;
    assert_eq!(places(told.expect_error(409)), set(["/customerNumber"]), "{}", told.text);
    assert!(names(&told, bob) && !names(&told, ada_id), "{}", told.text);
    let told = writer.create("demo", &both, &[], &[]).await;
    told.expect_error(409);
    assert_eq!(told.json["errors"], json!([]), "{}", told.text);
    assert!(
        !names(&told, bob) && !names(&told, ada_id) && !told.text.contains("customerNumber"),
        "{}",
        told.text
    );

    let other = json!({"email": "ada.roe@example.test", "birthday": "1979-11-24", "phone": "+12025550118",
                       "city": "Reston", "additionalFields": {"tier": "tin"}});
    let seen = reader.create("demo", &other, &[], &[]).await.expect(200);
    assert_eq!(
        (&seen.data()["differs"], &seen.data()["matchedOn"]),
        (&json!(["city"]), &json!([])),
        "{}",
        seen.text
    );
    let seen = full.create("demo", &other, &[], &[]).await.expect(200);
    assert_eq!(seen.matched_on(), ["email"]);
    assert_eq!(seen.data()["differs"].as_array().expect("fields").len(), 4, "{}", seen.text);

    // A replay shows what its token may see.
    let key = [("Idempotency-Key", "again")];
    for (client, fields) in [(&full, 4), (&reader, 1)] {
        client.create("demo", &other, &[], &key).await.expect(200);
        let replay = client.create("demo", &other, &[], &key).await.expect(200);
        assert!(replay.replayed());
        assert_eq!(replay.data()["differs"].as_array().expect("fields").len(), fields, "{}", replay.text);
    }

    // A write of a masked value is a change, whether or not the value was there.
    for birthday in ["1979-11-23", "1979-11-23", "1985-04-12"] {
        let before = etag(&read(&full, ada_id).await);
        reader.put(&path(ada_id), &json!({"birthday": birthday})).await.expect(200);
        assert_ne!(etag(&read(&full, ada_id).await), before, "{birthday}");
    }
    let history = reader.get(&format!("{}/history", path(ada_id))).await.expect(200);
    for entry in history.json["Records"].as_array().expect("entries").iter().take(3) {
        assert_eq!(entry["changes"], json!([]), "{entry}");
    }
    // A token that sees the value sees that nothing changed.
    let before = etag(&read(&full, ada_id).await);
    full.put(&path(ada_id), &json!({"birthday": "1985-04-12"})).await.expect(200);
    assert_eq!(etag(&read(&full, ada_id).await), before);

    // A token that sees no masks cannot try them out.
    for (mask, field) in [("a***@e***.test", "email"), ("+1******0117", "phone"), ("+1******0118", "phone")] {
        let answer = writer.put(&path(ada_id), &json!({ field: mask })).await;
        assert_eq!(places(answer.expect_error(400)), set([&*format!("/{field}")]), "{}", answer.text);
    }
    // An invitation looks for others with the address; the policy does so too here.
    reader.send(Method::POST, &format!("{}/invite", path(ada_id)), None, &[]).await.expect(200);
    full.put("/api/Paypoint/settings/demo", &json!({"general": []})).await.expect_error(403);
    master(&server).put("/api/Paypoint/settings/demo", &identifiers(&["customerNumber"])).await.expect(200);
    let answer = reader.send(Method::POST, &format!("{}/invite", path(bob)), None, &[]).await;
    answer.expect_error(403);
    let many = reader.post("/api/Customer/invite/demo", &json!({"customerIds": [bob]})).await;
    many.expect_error(403);
});

both!(rules_1_the_login_of_a_customer_changes_only_with_pii_read, |db| async {
    const PASSWORD: &str = "walnut harbour 61";
    let server = Server::start(db).await;
    let site = server.site();
    let full = server.client();
    let mut body = ada();
    body["customerUsername"] = json!("ada");
    let id = created(&full, "demo", &body).await;
    let before = read(&full, id).await;
    for scopes in [&["customers:write"][..], &["customers:write", "customers:read"]] {
        let masked = server.anonymous().token(&token_with(site, scopes));
        for (change, at) in [
            (json!({"customerPsw": PASSWORD}), "/customerPsw"),
            (json!({"customerPsw": null}), "/customerPsw"),
            (json!({"customerUsername": "eve"}), "/customerUsername"),
            (json!({"customerUsername": "ada"}), "/customerUsername"),
            (json!({"customerUsername": ""}), "/customerUsername"),
            (json!({"email": "eve@example.test"}), "/email"),
            (json!({"email": "ada.roe@example.test"}), "/email"),
            (json!({"email": null}), "/email"),
        ] {
            assert_needs_pii(&masked.put(&path(id), &change).await, [at]);
            let mut create = change.clone();
            create["customerNumber"] = json!("ACC-1");
            // A create ignores null and empty texts.
            let is_value = change
                .as_object()
                .expect("an object")
                .values()
                .all(|value| value.as_str().is_some_and(|text| !text.is_empty()));
            if is_value && change != json!({"email": "ada.roe@example.test"}) {
                let answer = masked.create("demo", &create, &[("mergeExisting", "1")], &[]).await;
                assert_needs_pii(&answer, [at]);
            }
        }
        // A replacement without the address keeps it.
        let bare = json!({"customerNumber": "ACC-1", "city": "Reston"});
        masked.create("demo", &bare, &[("replaceExisting", "1")], &[]).await.expect(200);
        assert_eq!(read(&full, id).await.json["Email"], "ada.roe@example.test");
        // A username tells by its uniqueness whether somebody has it.
        for name in ["ada", "eve"] {
            let new = json!({"email": "new@example.test", "customerUsername": name});
            assert_needs_pii(&masked.create("demo", &new, &[], &[]).await, ["/customerUsername"]);
        }
        // The address that leads to the customer changes nothing, in any case.
        let shout = json!({"email": "ADA.ROE@example.test", "city": "Oakton"});
        assert_eq!(masked.create("demo", &shout, &[("mergeExisting", "1")], &[]).await.expect(200).id(), id);
        assert_eq!(read(&full, id).await.json["Email"], "ada.roe@example.test");
    }
    let importer = server.anonymous().token(&token_with(site, &["customers:import"]));
    let file = format!("customerNumber,customerPsw,email\nACC-1,{PASSWORD},\nACC-1,,eve@example.test\n");
    let refused = import(&importer, "?mergeExisting=1", &file).await.expect(200);
    assert_eq!(refused.data()["rejected"], 2, "{}", refused.text);
    assert!(refused.data()["errors"].to_string().contains("pii:read"), "{}", refused.text);
    let after = read(&full, id).await;
    assert_eq!(after.json["Email"], before.json["Email"]);
    assert_eq!(after.json["customerUsername"], "ada");
    assert_eq!(after.json["Lifecycle"], "Prospect", "nobody has set a password");
    // The same file by a token with the right is another import.
    let able = token_with(site, &["customers:import", "pii:read"]);
    let done = import(&server.anonymous().token(&able), "?mergeExisting=1", &file).await.expect(200);
    assert_eq!(
        (&done.data()["merged"], &done.data()["repeated"]),
        (&json!(2), &json!(false)),
        "{}",
        done.text
    );

    // A new customer gets a password and an address from any writer, and its username is masked.
    let writer = server.anonymous().token(&token_with(site, &["customers:write", "customers:read"]));
    let new = json!({"email": "cleo@example.test", "customerPsw": PASSWORD});
    created(&writer, "demo", &new).await;
    assert_eq!(read(&writer, id).await.json["customerUsername"], "***");
    let filtered = writer.get("/api/Query/customers/demo?username(eq)=ada").await;
    assert_eq!(places(filtered.expect_error(400)), set(["?username(eq)"]), "{}", filtered.text);
    let exported = server.anonymous().token(&token_with(site, &["customers:export"]));
    let file = exported.get("/api/Export/customers/csv/demo").await.expect(200);
    assert!(file.text.contains("***") && !file.text.contains(",ada,"), "{}", file.text);
});

both!(rules_2_a_login_name_means_one_customer, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let full = server.client();
    for (entry, policy) in
        [("demo", &["--identifier", "email"][..]), ("numbered", &["--identifier", "customerNumber"])]
    {
        if entry != "demo" {
            new_entry(site, entry, policy);
        }
        let bob = created(&full, entry, &json!({"email": "bob@example.test", "customerNumber": "B"})).await;
        let named = json!({"email": "eve@example.test", "customerNumber": "E", "customerUsername": "Bob@Example.test"});
        let answer = full.create(entry, &named, &[], &[]).await;
        assert_eq!(places(answer.expect_error(409)), set(["/customerUsername"]), "{}", answer.text);
        assert!(names(&answer, bob), "{}", answer.text);
        // The own address is free, and so is one that nobody has.
        let own = json!({"email": "own@example.test", "customerNumber": "O", "customerUsername": "own@example.test"});
        let own = created(&full, entry, &own).await;
        let free = json!({"email": "f@example.test", "customerNumber": "F", "customerUsername": "later@example.test"});
        let free = created(&full, entry, &free).await;
        // The other way round.
        let later = json!({"email": "LATER@example.test", "customerNumber": "L"});
        let answer = full.create(entry, &later, &[], &[]).await;
        assert_eq!(places(answer.expect_error(409)), set(["/email"]), "{}", answer.text);
        assert!(names(&answer, free), "{}", answer.text);
        for (change, at) in [
            (json!({"email": "own@example.test"}), "/email"),
            (json!({"customerUsername": "own@example.test"}), "/customerUsername"),
        ] {
            let answer = full.put(&path(bob), &change).await;
            assert!(places(answer.expect_error(409)).contains(at), "{}", answer.text);
            assert!(names(&answer, own), "{}", answer.text);
        }
        let file = "email,customerNumber\nlater@example.test,L2\n";
        let request = full.request(Method::POST, &format!("/api/Import/customersForm/{entry}"));
        let imported = send(request.header("Content-Type", "text/csv").body(file)).await.expect(200);
        assert_eq!(imported.data()["rejected"], 1, "{}", imported.text);
        full.delete(&path(free)).await.expect(200);
        created(&full, entry, &later).await;
    }
});

both!(rules_1_a_replacement_tells_not_whether_there_is_a_login, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let full = server.client();
    let bare = json!({"customerNumber": "N-1", "city": "Oakton"});
    let mut whole = ada();
    whole["customerNumber"] = json!("N-2");
    whole["customerUsername"] = json!("ada");
    let ids = [created(&full, "demo", &bare).await, created(&full, "demo", &whole).await];
    for scopes in [&["customers:write"][..], &["customers:write", "customers:read"]] {
        let masked = server.anonymous().token(&token_with(site, scopes));
        let mut versions = Vec::new();
        for (number, id) in ["N-1", "N-2"].into_iter().zip(ids) {
            let body = json!({"customerNumber": number, "city": "Oakton"});
            let answer = masked.create("demo", &body, &[("replaceExisting", "1")], &[]).await.expect(200);
            assert_eq!(answer.outcome(), "replaced", "{}", answer.text);
            let read = read(&full, id).await;
            let tag = read.header("ETag").expect("a tag");
            versions.push(tag.split('-').next().unwrap().to_owned());
        }
        assert_eq!(versions[0], versions[1], "a version tells whether something was emptied");
    }
    let left = read(&full, ids[1]).await.json;
    assert_eq!(left["Email"], "ada.roe@example.test");
    assert_eq!(left["customerUsername"], "ada");
    assert_eq!(
        (&left["Phone"], &left["Birthday"], &left["City"]),
        (&Value::Null, &Value::Null, &json!("Oakton"))
    );
});
