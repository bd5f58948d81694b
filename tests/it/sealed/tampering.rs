//! An attacker with access to the database moves, changes or restores sealed values: the service never shows such a
//! value as the truth.

use std::time::Duration;

use serde_json::json;

use super::byte_search::hex;
use crate::harness::*;
use crate::support::*;

const PATIENCE: Duration = Duration::from_mins(1);

both!(rules_7_a_tampered_row_is_detected, |db| async {
    let server = Server::start(db).await;
    let site = server.site().clone();
    let client = server.client();
    let ada = created(&client, "demo", &json!({"email": "ada@example.test", "balance": 12.5})).await;
    let bob = created(&client, "demo", &json!({"email": "bob@example.test", "balance": 1_000_000})).await;
    let mut sql = Sql::open(&site);
    sql.run(&sql::keep("first_versions", sql::CUSTOMER));
    // Both have the same version, so only the owner distinguishes their documents.
    client.put(&path(ada), &json!({"email": "ada.roe@example.test"})).await.expect(200);
    client.put(&path(bob), &json!({"city": "Oakton"})).await.expect(200);
    sql.run(&sql::keep("kept", sql::CUSTOMER));
    let before = read(&client, ada).await;
    site.cli(&["doctor", "--deep"]).success();

    let set = |what: &str| sql::set_customer(ada, what);
    let mut tampering = vec![
        ("another's document", sql::copy_customer(ada, "kept", bob, &["document"])),
        ("another's document with its salt", sql::copy_customer(ada, "kept", bob, &["document", "salt"])),
        ("another's whole row", sql::copy_customer(ada, "kept", bob, &sql::CUSTOMER_COLUMNS)),
        ("her own old document", sql::copy_customer(ada, "first_versions", ada, &["document"])),
        (
            "her own old document with its version",
            sql::copy_customer(ada, "first_versions", ada, &["document", "version"]),
        ),
        (
            "her own old row, every column of it",
            sql::copy_customer(ada, "first_versions", ada, &sql::CUSTOMER_COLUMNS),
        ),
        ("another version", set("version = version + 1")),
        ("an earlier version", set("version = version - 1")),
        ("another balance", set("balance_units = balance_units + 10000")),
        ("another status", set("status = 85")),
        ("another stage", set("lifecycle = 'Churned'")),
        ("another birth", set("created_at_us = created_at_us - 1")),
        ("another time", set("updated_at_us = updated_at_us - 1")),
        ("a shortened document", set("document = substr(document, 1, length(document) - 1)")),
        ("no document", set("document = NULL")),
        ("no salt", set("salt = NULL")),
        ("neither document nor salt", set("document = NULL, salt = NULL")),
    ];
    // One bit of the sealed text, and one of its seal.
    let document = sql.texts(&sql::customer_bytes(db, "document", ada));
    let bytes: Vec<u8> = (0..document[0].len() / 2)
        .map(|place| u8::from_str_radix(&document[0][place * 2..place * 2 + 2], 16).expect("hexadecimal"))
        .collect();
    for (what, place) in [
        ("one bit of the nonce", 0),
        ("one bit of the text", bytes.len() / 2),
        ("one bit of the seal", bytes.len() - 1),
    ] {
        let mut bytes = bytes.clone();
        bytes[place] ^= 1;
        tampering.push((what, sql::set_document(db, ada, &hex(&bytes))));
    }

    let restore = sql::copy_customer(ada, "kept", ada, &sql::CUSTOMER_COLUMNS);
    for (what, statement) in tampering {
        sql.run(&statement);
        let answer = client.get(&path(ada)).await;
        assert_eq!(answer.status, 500, "{what} is shown: {}", answer.text);
        answer.expect_error(500);
        for value in ["example.test", "Oakton"] {
            assert!(!answer.text.contains(value), "{what}: the answer contains {value}: {}", answer.text);
        }
        // A write neither accepts nor overwrites it.
        let count = sql::history_entries(ada);
        let entries = sql.number(&count);
        client.put(&path(ada), &json!({"city": "Reston"})).await.expect_error(500);
        client.delete(&path(ada)).await.expect_error(500);
        assert_eq!(sql.number(&count), entries, "a write onto {what} succeeded");
        let doctor = site.cli(&["doctor", "--deep"]);
        assert!(
            !doctor.status.success(),
            "doctor finds nothing wrong with {what}: {}{}",
            doctor.stdout,
            doctor.stderr
        );
        sql.run(&restore);
        assert_eq!(read(&client, ada).await.json, before.json, "repaired after {what}");
    }
    // The other records were intact all the time, and now all are.
    assert_eq!(read(&client, bob).await.json["City"], "Oakton");
    sql.run("DROP TABLE first_versions; DROP TABLE kept");
    site.cli(&["doctor", "--deep"]).success();
    client.put(&path(ada), &json!({"city": "Reston"})).await.expect(200);
});

both!(rules_7_a_tampered_history_is_detected, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    for city in ["Oakton", "Reston", "Vienna"] {
        client.put(&path(ada), &json!({"city": city})).await.expect(200);
    }
    let before = history(&client, ada).await;
    let mut sql = Sql::open(server.site());
    sql.run(&sql::keep("kept", sql::HISTORY));
    let take = |version: u64, from: u64| sql::copy_history_document(ada, version, from);
    for (what, statement) in [
        ("another version's document", take(3, 2)),
        ("a shortened document", sql::shorten_history_document(ada, 3)),
    ] {
        sql.run(&statement);
        let answer = client.get(&format!("{}/history", path(ada))).await;
        assert_eq!(answer.status, 500, "{what} is shown: {}", answer.text);
        answer.expect_error(500);
        sql.run(&take(3, 3));
        assert_eq!(history(&client, ada).await, before, "repaired after {what}");
    }
    // Removing the newest entry restores an old state.
    sql.run(&sql::delete_history(ada, 4));
    client.get(&path(ada)).await.expect_error(500);
    sql.run("DROP TABLE kept");
});

both!(rules_7_a_removed_digest_is_detected, |db| async {
    let server = Server::start(db).await;
    let site = server.site().clone();
    let client = server.client();
    let ada = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    created(&client, "demo", &json!({"email": "bob@example.test", "customerNumber": "B-1"})).await;
    site.cli(&["doctor", "--deep"]).success();

    let mut sql = Sql::open(&site);
    let mine: Vec<String> =
        sql.digests().into_iter().filter(|(of, _)| *of == ada).map(|(_, digest)| digest).collect();
    assert_eq!(mine.len(), 1, "one e-mail");
    // Her digest becomes another value: only the way to her record is missing.
    sql.run(&sql::remove_digest(db, &mine[0]));
    assert!(!sql.digests().iter().any(|(_, digest)| *digest == mine[0]), "the digest is still there");
    site.cli(&["doctor"]).success();
    let output = site.cli(&["doctor", "--deep"]);
    assert!(!output.status.success(), "{}", output.stdout);
    let words = format!("customer {ada} is not found by all of its identifiers");
    assert!(
        format!("{}{}", output.stdout, output.stderr).contains(&words),
        "{}{}",
        output.stdout,
        output.stderr
    );

    // A rotation makes all digests anew.
    site.cli(&["keys", "rotate", "--entry", "demo"]).success();
    site.cli(&["doctor", "--deep"]).success();
    let again = client.create("demo", &json!({"email": "ada@example.test"}), &[], &[]).await.expect(200);
    assert_eq!((again.outcome(), again.id()), ("matched", ada));
});

/// On PostgreSQL the key's hash is part of the row, so there is no digest to remove.
#[tokio::test]
async fn rules_4_an_idempotency_key_without_a_record_is_detected() {
    let server = Server::start(Db::Sqlite).await;
    let site = server.site().clone();
    let client = server.client();
    for number in 0..3 {
        let body = json!({"email": format!("ada{number}@example.test")});
        let key = format!("key-{number}");
        client.create("demo", &body, &[], &[("idempotencyKey", &key)]).await.expect(200);
    }
    site.cli(&["doctor", "--deep"]).success();

    let mut sql = Sql::open(&site);
    sql.run(&sql::keep("kept", sql::RECENT_IDEMPOTENCY_DIGEST));
    let says = |arguments: &[&str], words: &str| {
        let output = site.cli(arguments);
        assert!(!output.status.success(), "{}", output.stdout);
        let report = format!("{}{}", output.stdout, output.stderr);
        assert!(report.contains(words), "{report}");
    };
    // The newest key's digest leads to no idempotency record.
    sql.run(sql::MISLEAD_NEWEST_KEY);
    says(&["doctor"], "1 digests belong to no live customer and to no idempotency key");
    says(&["doctor", "--deep"], "idempotency record 3 is not found by its key");
    sql.run(sql::RESTORE_RECENT_KEYS);
    site.cli(&["doctor", "--deep"]).success();
    // The same in the table to which the service moves digests.
    sql.run(sql::ADD_STRAY_KEY);
    says(&["doctor"], "1 digests belong to no live customer and to no idempotency key");
}

both!(a_broken_search_index_is_detected_and_rebuilt, |db| async {
    let mut server = Server::start(db).await;
    let site = server.site().clone();
    let ada = created(&server.client(), "demo", &json!({"email": "ada@example.test"})).await;
    let mut sql = Sql::open(&site);
    let is_moved = async || sql.number(sql::MEMTABLE_ROWS) == 0 && sql.number(sql::BLOCKS) > 0;
    wait_until("the pending rows are moved", PATIENCE, is_moved).await;
    server.kill9();
    sql.run(&sql::keep("kept", sql::INDEX_BLOCK));
    let well = site.cli(&["doctor", "--deep"]).success();
    assert!(well.contains("the index is whole"), "{well}");
    let pending = sql::add_broken_memtable_row(db);
    let empty = sql::empty_blocks(db);
    let ways = [
        (pending.as_str(), sql::OF_MEMTABLE),
        (sql::SHORTEN_BLOCKS, "a block of the search index, in segment"),
        (&empty, "has 0 postings instead of"),
        (sql::DELETE_BLOCKS, "has 0 postings instead of"),
    ];
    for (way, part) in ways {
        sql.run(way);
        let broken = site.cli(&["doctor", "--deep"]);
        let all = format!("{}{}", broken.stdout, broken.stderr);
        assert!(!broken.status.success() && all.contains(part), "{way}: {all}");
        assert!(all.contains("docs/operations.md describes under \"Rebuild the search index\""), "{all}");
        sql.run(sql::RESTORE_BLOCKS);
        site.cli(&["doctor", "--deep"]).success();
    }
    // As docs/operations.md says.
    sql.run(&format!("DROP TABLE kept; {}; {pending}", sql::DELETE_BLOCKS));
    let page = include_str!("../../../docs/operations.md");
    let (_, statements) = page.split_once("```sql\n").expect("the page's statements");
    sql.run(statements.split_once("```").expect("their end").0);
    server.restart().await;
    let found = server.client().get("/api/Query/customers/demo?search=da@exam").await.expect(200).json;
    assert_eq!(found["Records"][0]["customerId"], ada, "{found}");
    server.kill9();
    site.cli(&["doctor", "--deep"]).success();
});
