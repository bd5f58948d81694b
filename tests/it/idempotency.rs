//! Rules 4: one key, one effect, one answer. `races` covers races for a key, and `crash` covers crashes; here are the
//! meaning of a key (`keys`) and its later answers, after other changes (`replays`).

mod keys;
mod replays;

use reqwest::Method;
use serde_json::Value;

use crate::harness::*;

/// A request under a key.
async fn keyed(client: &Client, key: &str, method: Method, path: &str, body: Option<&Value>) -> Answer {
    client.send(method, path, body, &[("Idempotency-Key", key)]).await
}

async fn create(client: &Client, key: &str, body: &Value) -> Answer {
    keyed(client, key, Method::POST, "/api/Customer/single/demo", Some(body)).await
}

/// Asserts that two answers are equal and only the second is a replay.
#[track_caller]
fn assert_replay(first: &Answer, second: &Answer) {
    assert!(!first.replayed(), "the first answer is a replay: {}", first.text);
    assert!(second.replayed(), "not marked as a replay: {}", second.text);
    assert_eq!(second.status, first.status);
    assert_eq!(second.json, first.json);
    for header in ["ETag", "Cache-Control", "Content-Type"] {
        assert_eq!(second.header(header), first.header(header), "{header}");
    }
}
