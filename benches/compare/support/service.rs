//! Customary itself, started as an operator does.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::http::{Answer, Conn, request};
use super::load::{Load, once};
use super::people::Person;
use super::postgres::Postgres;
use super::process::{self, Process};
use crate::Common;

/// "customary-bench-master-key-01234"
const MASTER_KEY: &str = "Y3VzdG9tYXJ5LWJlbmNoLW1hc3Rlci1rZXktMDEyMzQ=";

/// The service, built with the profile of releases, or the program that `BENCH_BINARY` names.
pub fn binary() -> PathBuf {
    std::env::var_os("BENCH_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_customary").into(), PathBuf::from)
}

pub struct Service {
    pub address: SocketAddr,
    pub process: Process,
    pub token: String,
    /// The time from the start of the process to the first "ready".
    pub ready_after: Duration,
    pub place: Place,
}

/// A database and the settings of every process that uses it. It survives restarts.
pub struct Place {
    /// The program to start.
    pub binary: PathBuf,
    pub folder: TempDir,
    pub url: Option<String>,
}

impl Place {
    /// A new SQLite database in a folder of its own, or a new database of the cluster.
    pub fn new(postgres: Option<&Postgres>) -> Place {
        Place { binary: binary(), folder: process::folder(), url: postgres.map(Postgres::database) }
    }

    /// A subcommand on this database, with defaults for all other settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CUSTOMARY_") {
                command.env_remove(name);
            }
        }
        command.args(arguments).arg("--data-dir").arg(self.folder.path().join("data"));
        if let Some(url) = &self.url {
            command.args(["--database-url", url]).env("CUSTOMARY_MASTER_KEY", MASTER_KEY);
        }
        command
    }

    pub fn database_file(&self) -> PathBuf {
        self.folder.path().join("data/customary.db")
    }
}

impl Service {
    /// Starts the service on an empty database, with these options of `serve`.
    pub async fn start(postgres: Option<&Postgres>, options: &[&str]) -> Service {
        Service::on(Place::new(postgres), options).await
    }

    /// Starts the service on an existing database.
    pub async fn on(place: Place, options: &[&str]) -> Service {
        let address = process::free_address();
        let command = place.command(&serve(&address.to_string(), options));
        Service::started(address, command, place).await
    }

    /// Starts the service as an argument of another program, such as valgrind.
    pub async fn under(mut wrapper: Command, place: Place, options: &[&str]) -> Service {
        let address = process::free_address();
        let inner = place.command(&serve(&address.to_string(), options));
        wrapper.arg(inner.get_program()).args(inner.get_args());
        Service::started(address, wrapper, place).await
    }

    async fn started(address: SocketAddr, mut command: Command, place: Place) -> Service {
        let began = Instant::now();
        let mut process = Process::start("customary", &mut command, place.folder.path());
        process.listens(address);
        loop {
            let request = request("GET", "/health/ready", "", "");
            let mut conn = Conn::open(address).await.expect("it listens");
            if conn.send(&request).await.is_ok_and(|answer| answer.status == 200) {
                break;
            }
            process.assert_alive();
            std::thread::sleep(Duration::from_millis(2));
        }
        let ready_after = began.elapsed();
        let token = process::output(&mut place.command(&["token", "create", "--org", "1", "--all-entries"]));
        Service { address, process, token, ready_after, place }
    }

    /// Stops the service and returns its database.
    pub fn stop(self) -> Place {
        let Service { mut process, place, .. } = self;
        process.stop();
        place
    }

    /// The creates of the people with these numbers, each with an idempotency key.
    pub fn creates(&self, seed: u64, numbers: Range<u64>) -> impl Iterator<Item = Vec<u8>> {
        numbers.map(move |number| {
            let headers = format!("requestToken: {}\r\nidempotencyKey: bench-{number:016x}\r\n", self.token);
            request("POST", "/api/Customer/single/demo", &headers, &Person::of(seed, number).json())
        })
    }

    /// Creates the first people of the seed at full speed, and returns their ids.
    pub async fn fill(&self, common: &Common, rows: u64) -> Vec<u64> {
        let load = Load::new(common.clients, 600.0);
        let tally = once(self.address, load, self.creates(common.seed, 0..rows), created).await;
        assert_eq!((tally.right, tally.wrong), (rows, 0), "{:?}", tally.errors);
        tally.ids
    }

    pub fn get(&self, path: &str) -> Vec<u8> {
        request("GET", path, &format!("requestToken: {}\r\n", self.token), "")
    }

    /// The newest 20 customers.
    pub fn list(&self) -> Vec<u8> {
        self.get("/api/Query/customers/demo?limitRecord=20")
    }

    /// The path of the page of 20 after this many records. Walks there page by page.
    pub async fn cursor_after(&self, records: u64) -> String {
        let list = "/api/Query/customers/demo?limitRecord=500";
        let mut path = list.to_owned();
        for _ in 0..(records / 500).max(1) {
            let page = self.ask("GET", &path, "").await;
            let token = page["Summary"]["pageIdentifier"].as_str().expect("a next page");
            path = format!("{list}&pageIdentifier={token}");
        }
        path.replace("limitRecord=500", "limitRecord=20")
    }

    /// A token of the first organisation that has only this scope.
    pub fn token_for(&self, scope: &str) -> String {
        let arguments = ["token", "create", "--org", "1", "--all-entries", "--scope", scope];
        process::output(&mut self.place.command(&arguments))
    }

    /// Sends one request, which must succeed. Not for measurements.
    pub async fn ask(&self, method: &str, path: &str, body: &str) -> serde_json::Value {
        self.ask_as(&self.token, method, path, body).await
    }

    /// Like [`Service::ask`], with another token.
    pub async fn ask_as(&self, token: &str, method: &str, path: &str, body: &str) -> serde_json::Value {
        let mut conn = Conn::open(self.address).await.expect("it listens");
        let asked = request(method, path, &format!("requestToken: {token}\r\n"), body);
        let answer = conn.send(&asked).await.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
        serde_json::from_str(answer.body).unwrap_or(serde_json::Value::Null)
    }

    /// How many live customers there are.
    pub async fn count(&self) -> u64 {
        let list = self.ask("GET", "/api/Query/customers/demo?limitRecord=1", "").await;
        list["Summary"]["totalRecords"].as_u64().expect("a total")
    }
}

fn serve<'a>(listen: &'a str, options: &[&'a str]) -> Vec<&'a str> {
    [&["serve", "--listen", listen], options].concat()
}

/// The id of the customer that this request created.
pub fn created(request: &[u8], answer: &Answer<'_>) -> Result<u64, String> {
    let is_created = answer.status == 200 && answer.body.contains("\"outcome\":\"created\"");
    answer.must(is_created && answer.body.contains(email(request)))?;
    number_after(answer.body, "\"customerId\":")
}

/// The e-mail in a create.
pub fn email(request: &[u8]) -> &str {
    let text = std::str::from_utf8(request).unwrap_or("");
    let (_, rest) = text.split_once("\"email\":\"").unwrap_or(("", ""));
    rest.split('"').next().unwrap_or("")
}

/// The number that follows the first occurrence of a text.
pub fn number_after(body: &str, key: &str) -> Result<u64, String> {
    let (_, rest) = body.split_once(key).unwrap_or(("", ""));
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().map_err(|_| format!("no {key} in {body}"))
}
