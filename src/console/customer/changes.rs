//! What somebody else changed while a form was being filled in.

use serde_json::Value;

use super::Customer;
use super::timeline::{Known, lines};
use crate::console::ask::{list, member};
use crate::console::page::Refused;
use crate::console::visit::{SignedIn, Visit};

/// How many versions are looked back over.
const VERSIONS: &str = "50";

/// What changed since the version that a form was made from: sentences to show.
pub(super) async fn meanwhile(
    visit: &Visit,
    signed_in: &SignedIn,
    customer: &Customer,
    sent_etag: &str,
) -> Result<Vec<String>, Refused> {
    let version = version(sent_etag);
    let ask = visit.get(signed_in, &customer.api("/history")).with("limitRecord", VERSIONS);
    let history = ask.if_any().await?.unwrap_or_default();
    let is_newer = |entry: &&Value| member(entry, "version").as_i64().is_some_and(|one| one > version);
    let newer: Vec<Value> = list(&history, "Records").iter().filter(is_newer).cloned().collect();
    let lines = lines(visit.language, customer, "", &newer, &Known::default());
    let said = lines.iter().map(|line| format!("{} {}{} – {}", line.who, line.verb, line.noun, line.when));
    Ok(said.collect())
}

/// The version with which an ETag begins.
fn version(etag: &str) -> i64 {
    let digits = etag.trim_start_matches("W/").trim_start_matches('"');
    digits.split(|c: char| !c.is_ascii_digit()).next().and_then(|text| text.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_begins_with_its_version() {
        assert_eq!(version("\"17-0a1b\""), 17);
        assert_eq!(version("W/\"3\""), 3);
        assert_eq!(version(""), 0);
    }
}
