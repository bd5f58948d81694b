//! Rules 3, one by one: by what customers are told apart (`identity`), under which policy (`policy`), what a create does
//! to the one it hits (`outcomes`), and when two identities stand in each other's way (`conflicts`).

mod conflicts;
mod identity;
mod outcomes;
mod policy;

use serde_json::Value;

use crate::harness::*;

const REPLACE: &[(&str, &str)] = &[("replaceExisting", "1")];
const MERGE: &[(&str, &str)] = &[("mergeExisting", "1")];
const FORCE: &[(&str, &str)] = &[("forceCustomerCreation", "true")];

/// A create that must match this customer by these fields (sorted), and leave no second one.
#[track_caller]
fn assert_matched(answer: &Answer, id: u64, on: &[&str]) {
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!((answer.outcome(), answer.id()), ("matched", id), "{}", answer.text);
    assert_eq!(answer.matched_on(), on, "{}", answer.text);
}

async fn plain(client: &Client, entry: &str, body: &Value) -> Answer {
    client.create(entry, body, &[], &[]).await
}

/// What the matcher says that a create would do.
async fn asked(client: &Client, entry: &str, body: &Value, query: &[(&str, &str)]) -> Answer {
    let query: Vec<_> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    client.post(&format!("/api/Customer/match/{entry}?{}", query.join("&")), body).await
}
