//! A throwaway PostgreSQL cluster, started by `scripts/postgres` and stopped on drop.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};

use super::process::root;

pub struct Postgres {
    child: Child,
    url: String,
    databases: AtomicU32,
}

impl Postgres {
    pub fn start() -> Postgres {
        let mut child = Command::new(root().join("scripts/postgres"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/postgres runs");
        let mut url = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut url).expect("its address");
        assert!(url.starts_with("postgres://"), "PostgreSQL did not start");
        Postgres { child, url: url.trim().to_owned(), databases: AtomicU32::new(0) }
    }

    /// Creates a database and returns its URL.
    pub fn database(&self) -> String {
        let name = format!("bench_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        connect(&self.url).batch_execute(&format!("CREATE DATABASE {name}")).expect("a database");
        let (server, _) = self.url.rsplit_once('/').expect("a URL");
        format!("{server}/{name}")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The cluster stops when its standard input ends.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The databases to measure: the name, and a cluster for PostgreSQL. `only` names one of them.
pub fn databases(only: Option<&str>) -> impl Iterator<Item = (&'static str, Option<Postgres>)> {
    ["SQLite", "PostgreSQL"]
        .into_iter()
        .filter(move |name| only.is_none_or(|only| name.eq_ignore_ascii_case(only)))
        .map(|name| (name, (name == "PostgreSQL").then(Postgres::start)))
}

#[expect(clippy::disallowed_methods, reason = "a plain connection outside the service")]
pub fn connect(url: &str) -> PgConnection {
    PgConnection::establish(url).expect("a connection")
}
