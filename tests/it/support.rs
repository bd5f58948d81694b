//! Helpers of several test modules: parsed tokens, new entrypoints and organisations, errors by the places they name,
//! and SQL on the database itself.
#![allow(dead_code, reason = "each module of tests uses its own part")]

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::harness::*;

/// Every scope that a token may have.
pub const SCOPES: [&str; 8] = [
    "customers:read",
    "customers:write",
    "customers:delete",
    "customers:import",
    "customers:export",
    "pii:read",
    "settings",
    "tokens",
];

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

/// A direct connection to the database, behind the program's back.
pub enum Sql {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

#[derive(QueryableByName)]
struct Words {
    #[diesel(sql_type = Text)]
    value: String,
}

impl Sql {
    pub fn open(site: &Site) -> Self {
        match site.db {
            Db::Sqlite => {
                let file = site.database_file();
                let mut connection =
                    SqliteConnection::establish(file.to_str().expect("a path of text")).expect("it opens");
                connection.batch_execute("PRAGMA busy_timeout = 10000").unwrap();
                Sql::Sqlite(connection)
            }
            Db::Postgres => {
                let url = site.database_url().expect("PostgreSQL has an address");
                Sql::Postgres(PgConnection::establish(url).expect("it connects"))
            }
        }
    }

    /// Runs statements that both databases understand.
    pub fn run(&mut self, statements: &str) {
        let done = match self {
            Sql::Sqlite(connection) => connection.batch_execute(statements),
            Sql::Postgres(connection) => connection.batch_execute(statements),
        };
        done.unwrap_or_else(|error| panic!("{statements}: {error}"));
    }

    /// The number in the column `value` of a query.
    pub fn number(&mut self, query: &str) -> i64 {
        let row: QueryResult<Number> = match self {
            Sql::Sqlite(connection) => diesel::sql_query(query).get_result(connection),
            Sql::Postgres(connection) => diesel::sql_query(query).get_result(connection),
        };
        row.unwrap_or_else(|error| panic!("{query}: {error}")).value
    }

    /// All identity digests as text, each with its customer; on SQLite the recent ones too.
    pub fn digests(&mut self) -> BTreeSet<(u64, String)> {
        let digest = match self {
            Sql::Sqlite(_) => "lower(hex(digest))",
            Sql::Postgres(_) => "encode(digest, 'hex')",
        };
        let settled =
            self.texts(&format!("SELECT customer_id || ' ' || {digest} AS value FROM identity_digest"));
        let mut digests: BTreeSet<(u64, String)> = settled
            .iter()
            .map(|row| row.split_once(' ').expect("two words"))
            .map(|(id, digest)| (id.parse().expect("an id"), digest.to_owned()))
            .collect();
        if let Sql::Sqlite(_) = self {
            for row in self.texts("SELECT lower(hex(packed)) AS value FROM recent_identity_digest") {
                assert_eq!(row.len() % 48, 0, "{row}");
                for at in (0..row.len()).step_by(48) {
                    let (digest, id) = row[at..at + 48].split_at(32);
                    digests.insert((u64::from_str_radix(id, 16).expect("an id"), digest.to_owned()));
                }
            }
        }
        digests
    }

    /// The texts in the column `value` of a query.
    pub fn texts(&mut self, query: &str) -> Vec<String> {
        let rows: QueryResult<Vec<Words>> = match self {
            Sql::Sqlite(connection) => diesel::sql_query(query).get_results(connection),
            Sql::Postgres(connection) => diesel::sql_query(query).get_results(connection),
        };
        rows.unwrap_or_else(|error| panic!("{query}: {error}")).into_iter().map(|row| row.value).collect()
    }
}
