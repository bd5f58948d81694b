//! PostgreSQL for tests: the cluster that `TEST_POSTGRES_URL` names (a superuser's URL), or else a cluster of this
//! process, and in it a database per test.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use diesel::prelude::*;

struct Cluster {
    url: String,
    /// Rust never drops a static. The kernel closes this child's input when the process ends, however it ends, and
    /// `scripts/postgres` then stops.
    lease: Option<Child>,
}

static CLUSTER: OnceLock<Cluster> = OnceLock::new();

fn cluster() -> &'static Cluster {
    CLUSTER.get_or_init(shared_or_own)
}

fn shared_or_own() -> Cluster {
    match std::env::var("TEST_POSTGRES_URL") {
        Ok(url) => Cluster { url, lease: None },
        Err(_) => start(&[]),
    }
}

/// Gives this process its own cluster in place of a throwaway one that it has not used yet. For a test that makes the
/// server write everything to its files: that takes minutes where hundreds of tests left their databases.
pub fn own_cluster() {
    let is_throwaway = std::env::var_os("TEST_POSTGRES_THROWAWAY").is_some();
    CLUSTER.get_or_init(|| if is_throwaway { start(&[]) } else { shared_or_own() });
}

fn start(settings: &[(&str, &str)]) -> Cluster {
    let mut child = Command::new("bash")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/postgres"))
        .envs(settings.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A test runner that kills this process's group must not kill the process that cleans up.
        .process_group(0)
        .spawn()
        .expect("bash runs");
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    if url.trim().is_empty() {
        let mut reason = String::new();
        child.stderr.take().unwrap().read_to_string(&mut reason).unwrap();
        panic!("scripts/postgres started no cluster: {reason}");
    }
    Cluster { url: url.trim().to_owned(), lease: Some(child) }
}

/// A cluster of its own that accepts only TLS connections, with its own certificate.
pub struct TlsCluster(Cluster);

impl TlsCluster {
    pub fn start() -> Self {
        Self(start(&[("POSTGRES_TLS", "1")]))
    }

    /// The URL with which a client verifies the server's certificate and host name.
    pub fn verified(&self) -> &str {
        &self.0.url
    }
}

/// An empty database. Dropping this value drops it.
pub struct Database {
    name: String,
    pub url: String,
}

impl Database {
    pub fn create() -> Self {
        let name = format!("customary_test_{}", uuid::Uuid::new_v4().simple());
        // No client ever connects to template0, so tests can create databases at the same time.
        administer(&format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")).unwrap();
        let mut url =
            reqwest::Url::parse(&cluster().url).expect("TEST_POSTGRES_URL is a postgres:// address");
        url.set_path(&name);
        Self { name, url: url.into() }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Dropping a database costs a checkpoint. A throwaway cluster removes its databases with itself.
        if cluster().lease.is_some() || std::env::var_os("TEST_POSTGRES_THROWAWAY").is_some() {
            return;
        }
        if let Err(error) = administer(&format!("DROP DATABASE {} WITH (FORCE)", self.name)) {
            eprintln!("the test's database {} stays behind: {error}", self.name);
        }
    }
}

fn administer(statement: &str) -> QueryResult<usize> {
    let mut connection = PgConnection::establish(&cluster().url).expect("the tests' PostgreSQL answers");
    diesel::sql_query(statement).execute(&mut connection)
}
