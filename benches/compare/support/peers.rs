//! The peers of `benches/peers/`, set up as their users would, with the same record and the same durability.

use std::net::SocketAddr;
use std::process::Command;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use serde_json::json;
use tempfile::TempDir;

use super::http::{Answer, Conn, request};
use super::people::Person;
use super::process::{self, Process};
use super::service::{email, number_after};

/// The columns and indexes of both peers. Nested values are JSON texts.
const TABLE: &str = "
PRAGMA journal_mode = WAL;
CREATE TABLE customer (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    customerNumber TEXT, customerStatus INTEGER, company TEXT, firstname TEXT, lastname TEXT, birthday TEXT,
    phone TEXT, email TEXT, address TEXT, address1 TEXT, city TEXT, state TEXT, zip TEXT, country TEXT,
    shippingAddress TEXT, shippingAddress1 TEXT, shippingCity TEXT, shippingState TEXT, shippingZip TEXT,
    shippingCountry TEXT, balance REAL, timeZone INTEGER, labels TEXT, additionalFields TEXT, createdAt TEXT
);
CREATE INDEX customer_number ON customer (customerNumber);
CREATE INDEX customer_email ON customer (email);
CREATE INDEX customer_phone ON customer (phone);
CREATE INDEX customer_lastname ON customer (lastname);
CREATE INDEX customer_created ON customer (createdAt);
";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Soul,
    FastApi,
}

pub struct Peer {
    pub kind: Kind,
    pub address: SocketAddr,
    _process: Process,
    folder: TempDir,
}

/// Installs pinned versions of both peers under `target/bench-peers`, unless they are there already.
pub fn install() {
    let status = Command::new(process::root().join("benches/peers/install")).status().expect("a shell");
    assert!(status.success(), "the peers are not installed");
}

impl Peer {
    pub async fn start(kind: Kind) -> Peer {
        let address = process::free_address();
        let folder = process::folder();
        let file = folder.path().join("peer.db");
        let port = address.port().to_string();
        let sources = process::root().join("benches/peers");
        let mut command = match kind {
            Kind::Soul => {
                sqlite(&file.to_string_lossy()).batch_execute(TABLE).expect("a table");
                let modules = process::peers().join("soul/node_modules");
                let mut command = Command::new("node");
                command
                    .arg(modules.join("soul-cli/src/server.js"))
                    .args(["--port", &port, "--extensions"])
                    .arg(sources.join("soul"))
                    .arg("--database")
                    .arg(&file)
                    .env("NODE_PATH", &modules);
                command
            }
            Kind::FastApi => {
                let bin = process::peers().join("venv/bin");
                let with = |command: &mut Command| {
                    command
                        .env("CUSTOMERS_DB", &file)
                        .env("PYTHONDONTWRITEBYTECODE", "1")
                        .current_dir(sources.join("fastapi"));
                };
                let mut tables = Command::new(bin.join("python"));
                tables.args(["-c", "import customers; customers.create_tables()"]);
                with(&mut tables);
                process::output(&mut tables);
                let mut command = Command::new(bin.join("uvicorn"));
                let options = "customers:app --workers 2 --no-access-log --log-level warning --port";
                command.args(options.split(' ')).arg(&port);
                with(&mut command);
                command
            }
        };
        let mut process = Process::start(kind.name(), &mut command, folder.path());
        process.listens(address);
        // With worker processes, a server can listen before it answers; this request waits for an answer.
        let peer = Peer { kind, address, _process: process, folder };
        assert_eq!(
            peer.ask("/synchronous").await.trim(),
            "2",
            "{} is not as durable as the service",
            kind.name()
        );
        peer
    }

    async fn ask(&self, path: &str) -> String {
        let mut conn = Conn::open(self.address).await.expect("it listens");
        let answer = conn.send(&request("GET", path, "", "")).await.expect("an answer");
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body.to_owned()
    }

    pub fn create(&self, person: &Person) -> Vec<u8> {
        let (path, body) = match self.kind {
            Kind::Soul => ("/api/tables/customer/rows", json!({ "fields": row(person) })),
            Kind::FastApi => ("/customers", row(person)),
        };
        request("POST", path, "", &body.to_string())
    }

    /// The id of the customer that this request created.
    pub fn created(&self, request: &[u8], answer: &Answer<'_>) -> Result<u64, String> {
        let (key, holds_record) = match self.kind {
            Kind::Soul => ("\"lastInsertRowid\":", false),
            Kind::FastApi => ("\"id\":", true),
        };
        answer.must(answer.status == 201 && (!holds_record || answer.body.contains(email(request))))?;
        number_after(answer.body, key)
    }

    pub fn get(&self, id: u64) -> Vec<u8> {
        let path = match self.kind {
            Kind::Soul => format!("/api/tables/customer/rows/{id}"),
            Kind::FastApi => format!("/customers/{id}"),
        };
        request("GET", &path, "", "")
    }

    /// The newest 20.
    pub fn list(&self) -> Vec<u8> {
        let path = match self.kind {
            Kind::Soul => "/api/tables/customer/rows?_limit=20&_ordering=-id",
            Kind::FastApi => "/customers?limit=20",
        };
        request("GET", path, "", "")
    }

    /// Writes customers directly into the database file, which is faster than through the peer.
    pub fn fill(&self, people: impl Iterator<Item = Person>) {
        let mut connection = sqlite(&self.folder.path().join("peer.db").to_string_lossy());
        let mut text = String::from("BEGIN;\n");
        for person in people {
            let row = row(&person);
            let object = row.as_object().expect("an object");
            // No generated value contains an apostrophe.
            let values = object
                .values()
                .map(|value| value.as_str().map_or_else(|| value.to_string(), |text| format!("'{text}'")));
            let names = object.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let values = values.collect::<Vec<_>>().join(", ");
            text.push_str(&format!("INSERT INTO customer ({names}) VALUES ({values});\n"));
        }
        text.push_str("COMMIT;");
        connection.batch_execute(&text).expect("rows");
    }

    /// How many customers the database file holds.
    pub fn count(&self) -> u64 {
        let file = self.folder.path().join("peer.db");
        process::output(Command::new("sqlite3").arg(file).arg("SELECT count(*) FROM customer"))
            .parse()
            .expect("a number")
    }
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Soul => "soul-cli 0.8.2",
            Kind::FastApi => "FastAPI + SQLModel",
        }
    }
}

/// The record as a row, with nested values as JSON texts.
fn row(person: &Person) -> serde_json::Value {
    let mut row = serde_json::to_value(person).expect("plain data");
    for name in ["labels", "additionalFields"] {
        row[name] = serde_json::Value::String(row[name].to_string());
    }
    row
}

#[expect(clippy::disallowed_methods, reason = "a plain connection to the database of a peer")]
pub fn sqlite(path: &str) -> SqliteConnection {
    SqliteConnection::establish(path).expect("a database")
}
