//! Rules 3: how identities compare (`identity`), under which policy (`policy`), what a create does to the customer that
//! it matches (`outcomes`), and conflicts between two identities (`conflicts`).

mod conflicts;
mod identity;
mod outcomes;
mod policy;

use serde_json::Value;

use crate::harness::*;

const REPLACE: &[(&str, &str)] = &[("replaceExisting", "1")];
const MERGE: &[(&str, &str)] = &[("mergeExisting", "1")];
const FORCE: &[(&str, &str)] = &[("forceCustomerCreation", "true")];

/// Asserts that a create matched this customer on these fields (sorted).
#[track_caller]
fn assert_matched(answer: &Answer, id: u64, on: &[&str]) {
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!((answer.outcome(), answer.id()), ("matched", id), "{}", answer.text);
    assert_eq!(answer.matched_on(), on, "{}", answer.text);
}

async fn plain(client: &Client, entry: &str, body: &Value) -> Answer {
    client.create(entry, body, &[], &[]).await
}

/// Asks the matcher what a create would do.
async fn match_answer(client: &Client, entry: &str, body: &Value, query: &[(&str, &str)]) -> Answer {
    let query: Vec<_> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    client.post(&format!("/api/Customer/match/{entry}?{}", query.join("&")), body).await
}
