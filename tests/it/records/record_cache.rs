//! The record cache: records that were read before come from memory, and are always current.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

/// How many records an instance took from the cache, and how many it opened.
async fn reads(server: &Server) -> (u64, u64) {
    let metrics = server.anonymous().get("/metrics").await.expect(200).text;
    let value = |result: &str| {
        let name = format!("customary_record_cache_reads_total{{result=\"{result}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&*name)?.parse().ok()).unwrap_or(0)
    };
    (value("hit"), value("miss"))
}

/// A record, read by itself and in its list; both must be equal.
async fn read_twice(client: &Client, id: u64) -> Value {
    let record = read(client, id).await.json;
    let list = client.get("/api/Query/customers/demo").await.expect(200);
    let listed = list.json["Records"].as_array().expect("records");
    assert_eq!(listed.iter().find(|listed| listed["customerId"] == id), Some(&record));
    record
}

both!(a_cached_record_is_always_current, |db| async {
    let fleet = Fleet::start(db, if db == Db::Postgres { 2 } else { 1 }).await;
    let (Some(here), Some(there)) = (fleet.servers.first(), fleet.servers.last()) else { unreachable!() };
    let site = Arc::clone(fleet.site());
    let client = here.client();
    let masked = here.anonymous().token(&token_with(&site, &["customers:read"]));
    let ada = json!({"firstname": "Ada", "email": "ada@example.test", "city": "Oakton"});
    let id = created(&client, "demo", &ada).await;

    let first = read_twice(&client, id).await;
    let (hits, misses) = reads(here).await;
    assert_eq!((hits, misses), (1, 1), "the list takes the record from the cache");
    assert_eq!(read_twice(&client, id).await, first);
    assert_eq!(reads(here).await, (3, 1));
    // With the record in the cache, every token still sees only what it may see.
    let masked_view = read_twice(&masked, id).await;
    assert_ne!(masked_view["Email"], "ada@example.test");
    assert_eq!(read_twice(&client, id).await, first);
    assert_eq!(read_twice(&masked, id).await, masked_view);
    assert_eq!(reads(here).await, (9, 1));

    // A change replaces the cached record, on every instance and for every part of the answer.
    client.put(&path(id), &json!({"city": "Reston"})).await.expect(200);
    assert_eq!(read_twice(&client, id).await["City"], "Reston");
    assert_eq!(there.client().get(&path(id)).await.expect(200).json["City"], "Reston");
    there.client().put(&path(id), &json!({"city": "Vienna"})).await.expect(200);
    assert_eq!(read_twice(&client, id).await["City"], "Vienna");
    assert_eq!(read_twice(&masked, id).await["City"], "Vienna");
    let general = json!({"general": [{"key": "dbaName", "readOnly": false, "value": "Renamed"}]});
    master(there).put("/api/Paypoint/settings/demo", &general).await.expect(200);
    assert_eq!(read_twice(&client, id).await["PaypointDbaname"], "Renamed");
    assert_eq!(read_twice(&masked, id).await["PaypointDbaname"], "Renamed");
    there.client().delete(&path(id)).await.expect(200);
    assert_eq!(read(&client, id).await.json["customerStatus"], -99);
    assert_eq!(total(&client, "demo").await, 0);
    there.client().delete(&format!("{}?erase=true", path(id))).await.expect(200);
    let erased = read(&client, id).await;
    assert_eq!((&erased.json["Lifecycle"], &erased.json["Firstname"]), (&json!("Anonymised"), &Value::Null));
    assert!(!erased.text.contains("Vienna"), "{}", erased.text);
});

both!(an_erase_empties_the_cache_and_a_disabled_cache_keeps_nothing, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let kept = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let gone = created(&client, "demo", &json!({"email": "bob@example.test"})).await;
    for id in [kept, gone, kept, gone] {
        read(&client, id).await;
    }
    assert_eq!(reads(&server).await, (2, 2));
    client.delete(&format!("{}?erase=true", path(gone))).await.expect(200);
    read(&client, kept).await;
    let (_, misses) = reads(&server).await;
    assert!(misses >= 3, "without a cache every read opens the record: {misses}");

    let site = Site::with_environment(db, &[("CUSTOMARY_RECORD_CACHE_MB", "0")]);
    let server = Server::start_on(&site).await;
    let client = server.client();
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    assert_eq!(read_twice(&client, id).await, read_twice(&client, id).await);
    assert_eq!(reads(&server).await, (0, 0));
});
