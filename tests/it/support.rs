//! Helpers of several test modules: parsed tokens, new entrypoints and organisations, errors by the places they name,
//! and SQL on the database itself.
#![allow(dead_code, reason = "each module of tests uses its own part")]

pub mod sql;

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

pub use self::sql::Sql;
use crate::harness::*;

/// Every scope that a token may have.
pub const SCOPES: [&str; 14] = [
    "customers:read",
    "customers:write",
    "customers:delete",
    "customers:import",
    "customers:export",
    "pii:read",
    "money:read",
    "money:write",
    "money:charge",
    "money:legal",
    "settings",
    "tokens",
    "staff",
    "service",
];

/// The addresses of a document with their items. Paths of the API follow the address of its server.
pub fn addresses(document: &Value) -> Vec<(String, &Value)> {
    let base = document["servers"][0]["url"].as_str().expect("a server");
    let full = |path: &str, item: &Value| match item["servers"][0]["url"].as_str() {
        Some(own) => format!("{}{path}", own.trim_end_matches('/')),
        None => format!("{base}{path}"),
    };
    let paths = document["paths"].as_object().expect("paths");
    paths.iter().map(|(path, item)| (full(path, item), item)).collect()
}

/// The claims of a token, unverified.
pub fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a token has three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64")).expect("claims are JSON")
}

pub fn jti(token: &str) -> String {
    claims(token)["jti"].as_str().expect("a jti").to_owned()
}

/// A token of the first organisation for all its entrypoints, with these scopes.
pub fn token_with(site: &Site, scopes: &[&str]) -> String {
    token_of(site, &["--org", "1", "--all-entries"], scopes)
}

/// A token with these scopes and the entrypoints that the other arguments name.
pub fn token_of(site: &Site, place: &[&str], scopes: &[&str]) -> String {
    let scopes = scopes.iter().flat_map(|scope| ["--scope", scope]);
    site.new_token(&place.iter().copied().chain(scopes).collect::<Vec<_>>())
}

/// A client with every scope in the first organisation.
pub fn master(server: &Server) -> Client {
    server.anonymous().token(&token_with(server.site(), &SCOPES))
}

/// Creates an entrypoint of the first organisation.
pub fn new_entry(site: &Site, entry: &str, arguments: &[&str]) {
    new_entry_of(site, 1, entry, arguments);
}

pub fn new_entry_of(site: &Site, org: u64, entry: &str, arguments: &[&str]) {
    let org = org.to_string();
    site.cli(&[&["entrypoint", "create", entry, "--org", &org], arguments].concat()).success();
}

/// Creates an organisation; its id is the first number that the command prints.
pub fn new_org(site: &Site, name: &str) -> u64 {
    assert!(!name.contains(|c: char| c.is_ascii_digit()), "a name with digits hides the id");
    let printed = site.cli(&["org", "create", name]).success();
    let digits = printed.split(|c: char| !c.is_ascii_digit()).find(|digits| !digits.is_empty());
    digits.unwrap_or_else(|| panic!("no id in {printed:?}")).parse().expect("an id")
}

/// The wire form of an identifier policy (contract 12.4).
pub fn identifiers(policy: &[&str]) -> Value {
    let settings: Vec<_> =
        policy.iter().map(|name| json!({"key": name, "readOnly": false, "value": name})).collect();
    json!({"identifiers": settings})
}

/// The places that an error names: `/email` in the body, `?erase` in the query, `@If-Match` among the headers, `#2` for
/// a line of a file.
#[track_caller]
pub fn places(answer: &Answer) -> BTreeSet<String> {
    let errors = answer.json["errors"].as_array().unwrap_or_else(|| panic!("no errors in {}", answer.text));
    let place = |error: &Value| {
        let kinds = [("pointer", ""), ("parameter", "?"), ("header", "@")];
        let line = error["line"].as_u64().map(|line| format!("#{line}"));
        let named =
            kinds.iter().filter_map(|(kind, mark)| error[kind].as_str().map(|name| format!("{mark}{name}")));
        let mut found = named.chain(line);
        let place = found.next().unwrap_or_else(|| panic!("{error} names no place"));
        assert!(found.next().is_none(), "{error} names two places");
        place
    };
    errors.iter().map(place).collect()
}

pub fn set<const N: usize>(items: [&str; N]) -> BTreeSet<String> {
    items.into_iter().map(str::to_owned).collect()
}

/// Whether an error names a customer by its id.
pub fn names(answer: &Answer, id: u64) -> bool {
    let message = json!([answer.json["responseText"], answer.json["responseData"], answer.json["errors"]]);
    message.to_string().split(|c: char| !c.is_ascii_digit()).any(|number| number == id.to_string())
}

/// The error body without what differs from request to request.
pub fn without_id(answer: &Answer) -> Value {
    let mut body = answer.json.clone();
    body.as_object_mut().expect("an object").remove("requestId");
    body
}

/// Sends a request that the client's own methods cannot express.
pub async fn send(request: RequestBuilder) -> Answer {
    let answer = async { Answer::read(request.send().await?).await }.await;
    answer.unwrap_or_else(|error| panic!("a request was not answered: {error:?}"))
}

pub fn path(id: u64) -> String {
    format!("/api/Customer/{id}")
}

/// A customer's record as this client's token sees it.
pub async fn read(client: &Client, id: u64) -> Answer {
    client.get(&path(id)).await.expect(200)
}

#[track_caller]
pub fn etag(answer: &Answer) -> String {
    answer.header("ETag").unwrap_or_else(|| panic!("no ETag beside {}", answer.text)).to_owned()
}

/// Creates a new record and asserts that it is new; its id.
pub async fn created(client: &Client, entry: &str, body: &Value) -> u64 {
    let answer = client.create(entry, body, &[], &[]).await.expect(200);
    assert_eq!(answer.outcome(), "created", "{body} in {entry}: {}", answer.text);
    answer.id()
}

/// Creates a second record with the same identity; its id.
pub async fn forced(client: &Client, entry: &str, body: &Value) -> u64 {
    let answer = client.create(entry, body, &[("forceCustomerCreation", "true")], &[]).await.expect(200);
    assert_eq!(answer.outcome(), "forced", "{body} in {entry}: {}", answer.text);
    answer.id()
}

/// How many live customers an entrypoint has.
pub async fn total(client: &Client, entry: &str) -> u64 {
    let list = client.get(&format!("/api/Query/customers/{entry}?limitRecord=1")).await.expect(200);
    list.json["Summary"]["totalRecords"].as_u64().expect("a total")
}

/// The entries of a customer's history, newest first.
pub async fn history(client: &Client, id: u64) -> Vec<Value> {
    let answer = client.get(&format!("{}/history", path(id))).await.expect(200);
    answer.json["Records"].as_array().expect("entries").clone()
}

/// The operations of a customer's history, newest first.
pub async fn operations(client: &Client, id: u64) -> Vec<String> {
    let entries = history(client, id).await;
    entries.iter().map(|entry| entry["operation"].as_str().expect("an operation").to_owned()).collect()
}
