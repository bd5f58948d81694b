//! What an entrypoint shows, in a form that two entrypoints with the same input must share: without times, and with the
//! rank of a customer in place of the id.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{job, rows};
use crate::harness::*;
use crate::support::*;

/// Everything that an entrypoint shows of its customers and of one import.
pub(super) struct Snapshot {
    /// Records, oldest first: the fields that have a value, as text.
    pub records: Vec<String>,
    /// The version of each record, oldest first.
    pub versions: Vec<i64>,
    /// The rows of the import.
    pub rows: Vec<String>,
    /// The numbers and errors of the import.
    pub job: Value,
    /// The rank of each customer by id.
    pub ids: HashMap<u64, usize>,
}

impl Snapshot {
    /// Reads everything except customers whose e-mail ends in `without`: the load creates them meanwhile.
    pub async fn read(site: &Site, client: &Client, entry: &str, id: u64, without: &str) -> Snapshot {
        let (ids, records) = records(client, entry, without).await;
        let mut by_rank: Vec<_> = ids.iter().map(|(id, rank)| (*rank, *id)).collect();
        by_rank.sort_unstable();
        let mut sql = Sql::open(site);
        let versions: HashMap<u64, i64> = sql
            .texts(sql::VERSIONS)
            .iter()
            .map(|text| text.split_once(' ').expect("two numbers"))
            .map(|(id, version)| (id.parse().expect("an id"), version.parse().expect("a version")))
            .collect();
        let versions = by_rank.iter().map(|(_, id)| versions[id]).collect();
        let rows = rows(client, entry, id).await.iter().map(|row| row_text(row, &ids)).collect();
        let job = job_text(&job(client, entry, id).await, &ids);
        Snapshot { records, versions, rows, job, ids }
    }

    #[track_caller]
    pub fn assert_same(&self, other: &Snapshot, when: &str) {
        assert_same(&self.rows, &other.rows, &format!("rows, {when}"));
        assert_same(&self.records, &other.records, &format!("records, {when}"));
        let versions = |snapshot: &Snapshot| snapshot.versions.iter().map(i64::to_string).collect::<Vec<_>>();
        assert_same(&versions(self), &versions(other), &format!("versions, {when}"));
        assert_eq!(self.job, other.job, "{when}");
    }
}

/// Shows the first difference only: there may be thousands.
#[track_caller]
pub(super) fn assert_same(left: &[String], right: &[String], what: &str) {
    let different = left.iter().zip(right).position(|(left, right)| left != right);
    if let Some(at) = different {
        panic!("{what}: number {at} differs\n{}\n{}", left[at], right[at]);
    }
    assert_eq!(left.len(), right.len(), "{what}: how many");
}

/// The records of an entrypoint, oldest first, and the ranks of their ids.
pub(super) async fn records(
    client: &Client,
    entry: &str,
    without: &str,
) -> (HashMap<u64, usize>, Vec<String>) {
    let mut records: Vec<(u64, String)> = Vec::new();
    let mut page = format!("/api/Query/customers/{entry}?sortBy=asc(customerId)&limitRecord=1000");
    loop {
        let list = client.get(&page).await.expect(200).json;
        for record in list["Records"].as_array().expect("records") {
            let is_others = |email: &str| !without.is_empty() && email.ends_with(without);
            if record["Email"].as_str().is_some_and(is_others) {
                continue;
            }
            records.push((record["customerId"].as_u64().expect("an id"), record_text(record)));
        }
        let Some(next) = list["Summary"]["pageIdentifier"].as_str() else { break };
        page = format!(
            "/api/Query/customers/{entry}?sortBy=asc(customerId)&limitRecord=1000&pageIdentifier={next}"
        );
    }
    assert!(records.is_sorted_by_key(|(id, _)| *id), "the list is sorted by id");
    let ids = records.iter().enumerate().map(|(rank, (id, _))| (*id, rank)).collect();
    (ids, records.into_iter().map(|(_, text)| text).collect())
}

fn record_text(record: &Value) -> String {
    let mut fields = record.as_object().expect("an object").clone();
    for own in [
        "customerId",
        "Created",
        "LastUpdated",
        "ParentOrgName",
        "PaypointDbaname",
        "PaypointEntryname",
        "PaypointLegalname",
    ] {
        fields.remove(own);
    }
    fields.retain(|_, value| !value.is_null());
    Value::Object(fields).to_string()
}

fn row_text(row: &Value, ids: &HashMap<u64, usize>) -> String {
    let mut row = row.clone();
    if let Some(id) = row["customerId"].as_u64() {
        row["customerId"] = json!(ids.get(&id));
    }
    for problem in row["problems"].as_array_mut().into_iter().flatten() {
        problem["message"] = json!(ranked(problem["message"].as_str().expect("a message"), ids));
    }
    row.to_string()
}

fn job_text(job: &Value, ids: &HashMap<u64, usize>) -> Value {
    let errors: Vec<_> = job["errors"].as_array().expect("errors").iter().collect();
    let errors: Vec<_> = errors.iter().map(|error| ranked(error.as_str().expect("a text"), ids)).collect();
    let mut text = json!({"errors": errors});
    for name in [
        "state",
        "dryRun",
        "preset",
        "columnsLeftOut",
        "rowsRead",
        "added",
        "replaced",
        "merged",
        "matched",
        "rejected",
        "warnings",
        "bytesRead",
        "bytesTotal",
        "failure",
    ] {
        text[name] = job[name].clone();
    }
    text
}

/// A message with ranks in place of ids: `leads to customer 12, 14`.
pub(super) fn ranked(message: &str, ids: &HashMap<u64, usize>) -> String {
    let mut pieces = message.split("customer ");
    let mut message = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|c: char| !c.is_ascii_digit() && c != ',' && c != ' ').unwrap_or(piece.len());
        let (list, rest) = piece.split_at(end);
        let ranks: Vec<String> = list
            .split(',')
            .map(|number| match number.trim().parse::<u64>() {
                Ok(id) => ids.get(&id).map_or_else(|| "nobody".to_owned(), |rank| format!("#{rank}")),
                Err(_) => number.to_owned(),
            })
            .collect();
        message.push_str("customer ");
        message.push_str(&ranks.join(","));
        message.push_str(rest);
    }
    message
}
