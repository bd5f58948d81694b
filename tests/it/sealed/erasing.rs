//! What remains of an erased customer: nothing that could ever be decrypted.

use std::time::{Duration, SystemTime};

use serde_json::json;

use super::byte_search::{Needles, files_since};
use super::terms::{pending, terms};
use crate::harness::*;
use crate::support::*;

/// How soon the hashes of an erased person must be gone.
const PATIENCE: Duration = Duration::from_mins(1);

both!(rules_5_an_erase_leaves_nothing_to_decrypt, |db| async {
    let server = Server::start(db).await;
    let site = server.site().clone();
    let client = server.client();
    let body = json!({"email": "ada.roe@example.test", "customerNumber": "ACC-1", "customerUsername": "ada",
                      "phone": "+15555550117", "additionalFields": {"tier": "gold"}});
    let keyed = client.header("Idempotency-Key", "k");
    let ada = keyed.create("demo", &body, &[], &[]).await.expect(200).id();
    let bob = created(&client, "demo", &json!({"email": "bob@example.test"})).await;
    for city in ["Oakton", "Reston"] {
        for id in [ada, bob] {
            client.put(&path(id), &json!({"city": city})).await.expect(200);
        }
    }
    // A second entrypoint's customer, deleted before the erase.
    let cid = created(&client, "demo", &json!({"email": "cid@example.test"})).await;
    client.delete(&path(cid)).await.expect(200);

    let mut salts = Vec::new();
    for id in [ada, cid] {
        // Open only as long as needed: a reader of SQLite holds on to old pages.
        let salt = Sql::open(&site).texts(&sql::customer_bytes(db, "salt", id)).remove(0);
        let salt: Vec<u8> = (0..salt.len() / 2)
            .map(|place| u8::from_str_radix(&salt[place * 2..place * 2 + 2], 16).expect("hexadecimal"))
            .collect();
        assert!(salt.len() >= 16, "a salt of {} bytes", salt.len());
        salts.push(salt);
    }
    let holders = |salt: &[u8]| {
        let needle = Needles::bytes("the salt", salt);
        let mut files = files_since(site.folder(), SystemTime::UNIX_EPOCH);
        files.retain(|file| std::fs::read(file).is_ok_and(|bytes| !needle.found_in(&bytes).is_empty()));
        files
    };
    if db == Db::Sqlite {
        assert!(!holders(&salts[0]).is_empty(), "the search proves nothing");
    }

    let has_digests = |id: u64| Sql::open(&site).digests().iter().any(|(of, _)| *of == id);
    assert!(has_digests(ada), "the search for digests proves nothing");

    for id in [ada, cid] {
        client.delete(&format!("{}?erase=true", path(id))).await.expect(200);
    }

    let mut sql = Sql::open(&site);
    for id in [ada, cid] {
        for (count, column) in sql::sealed_values(id) {
            assert_eq!(sql.number(&count), 0, "{column}");
        }
        let digests = sql.digests();
        assert_eq!(digests.iter().filter(|(of, _)| *of == id).count(), 0, "identity digests");
        // The service rewrites the segments that contain the terms as soon as it is idle.
        let is_gone = async || terms(&mut sql, id).is_empty();
        wait_until("the search terms are gone", PATIENCE, is_gone).await;
        assert!(sql.number(&sql::history_entries(id)) >= 2, "the history keeps times and operations");
    }
    // The others keep theirs.
    assert_eq!(sql.number(&sql::history_documents(bob)), 2);
    drop(sql);
    read(&client, bob).await;
    site.cli(&["doctor", "--deep"]).success();

    // In SQLite's files the salt is not even among deleted data, and without it nothing of hers can be decrypted.
    if db == Db::Sqlite {
        for salt in &salts {
            let holders = holders(salt);
            assert!(holders.is_empty(), "the salt is still in {holders:?}");
        }
    }
});

// An import adds pending rows with the terms of several customers. An erase removes the one customer at once and leaves
// the others.
both!(rules_5_an_erase_removes_one_customer_from_a_shared_pending_row, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let mut sql = Sql::open(server.site());
    // If the terms moved to a segment meanwhile, the test tries again.
    let mut attempts = 0..10;
    let (erased, file) = loop {
        let attempt = attempts.next().expect("every attempt saw the pending terms move");
        let segment = sql.number(sql::NEWEST_SEGMENT);
        let lines: Vec<String> = (0..40).map(|row| format!("p{attempt}x{row:02}@example.test")).collect();
        let file = client.request(reqwest::Method::POST, "/api/Import/customersForm/demo");
        let file = file.header("Content-Type", "text/csv").body(format!("email\n{}\n", lines.join("\n")));
        assert_eq!(send(file).await.expect(200).data()["added"], 40);
        let found = client.get(&format!("/api/Query/customers/demo?search=p{attempt}x17@")).await.expect(200);
        let id = found.json["Records"][0]["customerId"].as_u64().expect("an id");
        let before = sql.number(sql::MEMTABLE_ROWS);
        client.delete(&format!("{}?erase=true", path(id))).await.expect(200);
        if sql.number(sql::NEWEST_SEGMENT) == segment {
            assert!((1..40).contains(&before), "{before} rows of 40 customers");
            break (id, attempt);
        }
    };
    let find = async |row: u64| {
        let found =
            client.get(&format!("/api/Query/customers/demo?search=p{file}x{row:02}@")).await.expect(200);
        found.json["Summary"]["totalRecords"].as_u64().expect("a number")
    };
    assert!(pending(&mut sql, erased).iter().all(Vec::is_empty), "terms of the erased customer are pending");
    for row in 0..40 {
        assert_eq!(find(row).await, u64::from(row != 17), "{row}");
    }
    let is_moved = async || sql.number(sql::MEMTABLE_ROWS) == 0;
    wait_until("the terms are moved", PATIENCE, is_moved).await;
    assert!(terms(&mut sql, erased).is_empty(), "terms of the erased customer were moved");
    for row in 0..40 {
        assert_eq!(find(row).await, u64::from(row != 17), "{row} after they were moved");
    }
});
