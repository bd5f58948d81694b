//! A customer's history, newest first: time, token, operation and changed fields.

use chrono::DateTime;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

/// The changes of an entry by field: from, to.
fn changes(entry: &Value) -> Vec<(String, Value, Value)> {
    let items = entry["changes"].as_array().unwrap_or_else(|| panic!("no changes in {entry}"));
    let mut found: Vec<_> = items
        .iter()
        .map(|item| {
            let field = item["field"].as_str().unwrap_or_else(|| panic!("no field in {item}"));
            (field.to_owned(), item["from"].clone(), item["to"].clone())
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn change(field: &str, from: Value, to: Value) -> (String, Value, Value) {
    (field.to_owned(), from, to)
}

both!(rules_5_every_change_is_in_the_history, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let creator = site.new_token(&["--org", "1", "--all-entries", "--name", "the creator"]);
    let editor = site.new_token(&["--org", "1", "--all-entries", "--name", "the editor"]);
    let (create, edit) = (server.anonymous().token(&creator), server.anonymous().token(&editor));

    let body = json!({"email": "ada@example.test", "firstname": "Ada", "balance": 12.5, "additionalFields": {"tier": "gold"}});
    let id = created(&create, "demo", &body).await;
    edit.put(&path(id), &json!({"firstname": "Adele", "additionalFields": {"tier": "silver", "rep": "Bob"}}))
        .await
        .expect(200);
    edit.put(&path(id), &json!({"firstname": "Adele"})).await.expect(200);
    let merge = json!({"email": "ada@example.test", "city": "Oakton"});
    edit.create("demo", &merge, &[("mergeExisting", "1")], &[]).await.expect(200);
    let replace = json!({"email": "ada@example.test", "lastname": "Roe"});
    edit.create("demo", &replace, &[("replaceExisting", "1")], &[]).await.expect(200);
    edit.put(&path(id), &json!({"customerPsw": "long enough", "phone": "+15555550117"})).await.expect(200);
    create.delete(&path(id)).await.expect(200);

    let answer = create.get(&format!("{}/history", path(id))).await.expect(200);
    assert_eq!(answer.json["Summary"]["totalRecords"], 6, "{}", answer.text);
    let entries = answer.json["Records"].as_array().expect("entries");
    let kinds: Vec<_> =
        entries.iter().map(|entry| entry["operation"].as_str().expect("an operation")).collect();
    assert_eq!(kinds, ["deleted", "updated", "replaced", "merged", "updated", "created"]);
    let versions: Vec<_> =
        entries.iter().map(|entry| entry["version"].as_u64().expect("a version")).collect();
    assert_eq!(versions, [6, 5, 4, 3, 2, 1]);
    let names = ["the creator", "the editor", "the editor", "the editor", "the editor", "the creator"];
    for (entry, name) in entries.iter().zip(names) {
        let token = if name == "the creator" { &creator } else { &editor };
        assert_eq!(entry["token"], json!({"name": name, "jti": jti(token)}));
    }
    let times: Vec<_> = entries
        .iter()
        .map(|entry| DateTime::parse_from_rfc3339(entry["at"].as_str().expect("a time")).expect("RFC 3339"))
        .collect();
    assert!(times.iter().rev().is_sorted(), "{times:?}");

    let made = changes(&entries[5]);
    for expected in [
        change("email", Value::Null, json!("ada@example.test")),
        change("firstname", Value::Null, json!("Ada")),
        change("balance", Value::Null, json!("12.5")),
        change("additionalFields.tier", Value::Null, json!("gold")),
    ] {
        assert!(made.contains(&expected), "{expected:?} in {made:?}");
    }
    assert!(!made.iter().any(|(field, ..)| field == "city"), "what was not sent did not change: {made:?}");
    let expected = [
        change("additionalFields.rep", Value::Null, json!("Bob")),
        change("additionalFields.tier", json!("gold"), json!("silver")),
        change("firstname", json!("Ada"), json!("Adele")),
    ];
    assert_eq!(changes(&entries[4]), expected);
    assert_eq!(changes(&entries[3]), [change("city", Value::Null, json!("Oakton"))]);
    let expected = [
        change("additionalFields.rep", json!("Bob"), Value::Null),
        change("additionalFields.tier", json!("silver"), Value::Null),
        change("city", json!("Oakton"), Value::Null),
        change("firstname", json!("Adele"), Value::Null),
        change("lastname", Value::Null, json!("Roe")),
    ];
    assert_eq!(changes(&entries[2]), expected);
    // The history says that a password was set, but holds neither the password nor its hash.
    let fields: Vec<_> = changes(&entries[1]).into_iter().map(|(field, ..)| field).collect();
    assert_eq!(fields, ["customerPsw", "lifecycle", "phone"], "a password makes a prospect active");
    assert!(!answer.text.contains("long enough") && !answer.text.contains("argon2"), "{}", answer.text);
    let deleted = changes(&entries[0]);
    assert!(deleted.contains(&change("customerStatus", json!("1"), json!("-99"))), "{deleted:?}");

    // A second record of the same person has its own history.
    let first = created(&create, "demo", &body).await;
    let second = forced(&edit, "demo", &body).await;
    assert_eq!(operations(&create, first).await, ["created"]);
    assert_eq!(operations(&create, second).await, ["forced"]);
});

both!(rules_5_a_long_history_has_pages, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    for number in 1..30 {
        client.put(&path(id), &json!({"city": format!("City {number}")})).await.expect(200);
    }
    let place = format!("{}/history", path(id));
    let page = async |query: &str| client.get(&format!("{place}{query}")).await.expect(200);
    let versions = |answer: &Answer| -> Vec<u64> {
        let entries = answer.json["Records"].as_array().expect("entries");
        entries.iter().map(|entry| entry["version"].as_u64().expect("a version")).collect()
    };
    let all = page("?limitRecord=100").await;
    assert_eq!(versions(&all), (1..=30).rev().collect::<Vec<_>>());
    assert_eq!(versions(&page("").await), (11..=30).rev().collect::<Vec<_>>());
    // A page's entries are the same wherever the page begins.
    let middle = page("?fromRecord=7&limitRecord=5").await;
    assert_eq!(versions(&middle), [23, 22, 21, 20, 19]);
    assert_eq!(middle.json["Records"], json!(all.json["Records"].as_array().unwrap()[7..12]));
    assert_eq!(middle.json["Summary"]["totalRecords"], 30);
    assert_eq!(
        middle.json["Records"][0]["changes"],
        json!([{"field": "city", "from": "City 21", "to": "City 22"}])
    );
    assert!(versions(&page("?fromRecord=30").await).is_empty());
    assert!(versions(&page("?fromRecord=1000").await).is_empty());
});

both!(every_change_of_an_entrypoint_has_the_next_number_and_its_cause, |db| async {
    let server = Server::start(db).await;
    let (site, client) = (server.site(), server.client());
    let ada = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    client.put(&path(ada), &json!({"city": "Oakton"})).await.expect(200);
    let csv = site.folder().join("people.csv");
    std::fs::write(&csv, "email,city\nada@example.test,Ashby\nbob@example.test,Ashby\n").unwrap();
    site.cli(&["import", "--entry", "demo", "--merge-existing", csv.to_str().unwrap()]).success();
    client.delete(&path(ada)).await.expect(200);
    let numbered = Sql::open(site).texts(sql::NUMBERED_CHANGES);
    let bob = ada + 1;
    let expected = [
        format!("1 {ada} -"),
        format!("2 {ada} -"),
        format!("3 {ada} import:1"),
        format!("4 {bob} import:1"),
        format!("5 {ada} -"),
    ];
    assert_eq!(numbered, expected);
    assert_eq!(Sql::open(site).number(sql::NEXT_CHANGE), 6);
});
