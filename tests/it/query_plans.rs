//! The rows that PostgreSQL reads grow with the answer and not with the table, even without statistics of the table.

use std::fmt::Write as _;

use serde_json::json;

use crate::harness::*;
use crate::support::*;

const MANY: i64 = 4_000;
const FEW: usize = 3;
const TIMES: usize = 60;
const KEYS: i64 = 20_000;

#[tokio::test]
async fn a_small_entrypoint_beside_a_large_one_reads_few_rows() {
    let mut server = Server::start(Db::Postgres).await;
    let site = std::sync::Arc::clone(server.site());
    new_entry(&site, "small", &[]);
    let mut file = String::from("email,customerNumber\n");
    for number in 0..MANY {
        writeln!(file, "a{number}@example.test,N-{number}").unwrap();
    }
    let csv = site.folder().join("many.csv");
    std::fs::write(&csv, file).unwrap();
    site.cli(&["import", "--entry", "demo", csv.to_str().unwrap()]).success();
    let mut ids = Vec::new();
    for number in 0..FEW {
        let body = json!({"email": format!("b{number}@example.test")});
        ids.push(created(&server.client(), "small", &body).await);
    }
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.logs());
    let mut sql = Sql::open(&site);
    // The count is complete, because all readers have disconnected.
    let before = sql.number(sql::ROWS_READ);

    server.spawn();
    server.ready().await;
    let client = server.client();
    for number in 0..TIMES {
        let keyed = client.header("Idempotency-Key", &number.to_string());
        for replayed in [false, true] {
            let body = json!({"email": "b0@example.test", "city": format!("Oakton {number}")});
            let answer = keyed.create("small", &body, &[("mergeExisting", "1")], &[]).await.expect(200);
            assert_eq!((answer.outcome(), answer.replayed(), answer.id()), ("merged", replayed, ids[0]));
        }
        client.put(&path(ids[1]), &json!({"email": format!("c{number}@example.test")})).await.expect(200);
        for order in ["", "?sortBy=asc(customerId)"] {
            let list = client.get(&format!("/api/Query/customers/small{order}")).await.expect(200);
            assert_eq!(list.json["Records"].as_array().map(Vec::len), Some(FEW), "{}", list.text);
        }
        assert_eq!(read(&client, ids[2]).await.status, 200);
        assert_eq!(history(&client, ids[2]).await.len(), 1);
    }
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.logs());
    let read = sql.number(sql::ROWS_READ) - before;
    assert!(read > 0, "nothing was counted");
    // One scan of the large entrypoint in each round would read sixty times as many rows.
    assert!(read < MANY, "{read} rows were read");
}

#[tokio::test]
async fn an_idempotency_key_is_found_and_removed_alone_among_many() {
    let mut server = Server::start(Db::Postgres).await;
    let site = std::sync::Arc::clone(server.site());
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.logs());
    let mut sql = Sql::open(&site);
    sql.run(&sql::add_expired_keys(KEYS));
    // The count is complete, because all readers have disconnected.
    let before = sql.number(sql::KEYS_READ);

    server.spawn();
    server.ready().await;
    let client = server.client();
    for is_new in [true, false, true] {
        for number in 0..TIMES {
            let keyed = client.header("Idempotency-Key", &number.to_string());
            let body = json!({"email": format!("c{number}@example.test")});
            let answer = keyed.create("demo", &body, &[], &[]).await.expect(200);
            assert_eq!(answer.replayed(), !is_new, "{number}");
        }
        if !is_new {
            sql.run(sql::EXPIRE_KEYS);
        }
    }
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.logs());
    let read = sql.number(sql::KEYS_READ) - before;
    assert!(read > 0, "nothing was counted");
    // The background task reads each expired key a few times to find and remove it. If each removal read all expired keys,
    // there would be hundreds of times as many.
    assert!(read < 10 * KEYS, "{read} keys were read");
}
