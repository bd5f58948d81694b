//! Rules 14 and 15: what becomes of deliveries of transactions (`upsert`), whose they are (`owners`, `order`), what is refused
//! (`input`), files of them (`files`), what is kept of them (`kept`), what lists show (`lists`), and who learns what (`sight`).

mod files;
mod input;
mod kept;
mod lists;
mod order;
mod owners;
mod sight;
mod upsert;

use serde_json::{Value, json};

use crate::harness::*;

const ROUTE: &str = "/api/Transaction/demo";

/// An approved sale.
fn sale(id: &str, amount: impl Into<Value>) -> Value {
    json!({"source": "shop", "externalId": id, "status": "approved", "amount": amount.into(),
        "occurredAt": "2026-03-01T10:00:00Z"})
}

/// A transaction with other members.
fn with(mut item: Value, members: Value) -> Value {
    for (name, value) in members.as_object().expect("members") {
        item[name] = value.clone();
    }
    item
}

async fn record(client: &Client, items: &[Value]) -> Answer {
    client.post(ROUTE, &json!(items)).await.expect(200)
}

/// Records one transaction; what became of it.
async fn one(client: &Client, item: Value) -> Value {
    record(client, &[item]).await.json["items"][0].clone()
}

/// Records one transaction with `onUnknownCustomer`.
async fn one_as(client: &Client, mode: &str, item: Value) -> Value {
    let answer = client.post(&format!("{ROUTE}?onUnknownCustomer={mode}"), &json!([item])).await.expect(200);
    answer.json["items"][0].clone()
}

/// The results of an answer, in order.
fn results(answer: &Answer) -> Vec<String> {
    let items = answer.json["items"].as_array().unwrap_or_else(|| panic!("no items in {}", answer.text));
    items.iter().map(|item| item["result"].as_str().expect("a result").to_owned()).collect()
}

/// A transaction by the id in an item of an answer.
async fn shown(client: &Client, item: &Value) -> Value {
    let id = item["transId"].as_str().unwrap_or_else(|| panic!("no transId in {item}"));
    client.get(&format!("/api/MoneyIn/details/{id}")).await.expect(200).json
}

/// The code of an item's reason.
fn code(item: &Value) -> &str {
    item["reason"]["code"].as_str().unwrap_or_else(|| panic!("no reason in {item}"))
}
