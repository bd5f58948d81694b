//! Connections: one type for both databases, opened by address and configured for durability.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::BigInt;
use diesel::sqlite::SqliteConnection;

use super::address;
use super::error::StoreError;
use super::files::{self, Files};
use crate::domain::kernel::time::Micros;

/// A connection to one of the two databases.
pub enum Conn {
    /// The embedded database, with the memory of this connection.
    Sqlite(SqliteConnection, Memory),
    /// A server that many instances share.
    Postgres(PgConnection),
}

/// What a subject remembers of the database on one connection, which a rollback clears, and the connection's files.
pub struct Memory {
    subject: Option<Box<dyn Any + Send>>,
    files: Files,
}

impl Memory {
    /// The memory of one subject; at first the default of its type.
    pub(crate) fn of<T: Any + Default + Send>(&mut self) -> Result<&mut T, StoreError> {
        let memory = self.subject.get_or_insert_with(|| Box::<T>::default());
        memory.downcast_mut().ok_or_else(|| StoreError::Bug("two subjects share one memory".into()))
    }

    fn forget(&mut self) {
        self.subject = None;
    }
}

/// Expands a Diesel expression once per database; the compiler checks each against its own types.
macro_rules! on {
    ($conn:expr, |$c:ident| $body:expr) => {
        match $conn {
            $crate::store::engine::conn::Conn::Sqlite($c, ..) => $body,
            $crate::store::engine::conn::Conn::Postgres($c) => $body,
        }
    };
}
pub(crate) use on;

/// The address of the database.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A libpq address.
    Postgres(String),
}

impl std::fmt::Debug for DatabaseUrl {
    /// Hides the password that an address may contain.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DatabaseUrl::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            DatabaseUrl::Postgres(_) => f.write_str("postgres://…"),
        }
    }
}

impl std::fmt::Display for DatabaseUrl {
    /// The file, or the kind of server without its address, which may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DatabaseUrl::Sqlite(path) => write!(f, "{}", path.display()),
            DatabaseUrl::Postgres(_) => f.write_str("PostgreSQL"),
        }
    }
}

impl DatabaseUrl {
    /// The same database, with encryption demanded on the way to another machine unless `sslmode` says otherwise. `host`
    /// and `mode` are what the environment gives libpq.
    ///
    /// # Errors
    /// `sslmode` would let a connection to another machine fall back to no encryption.
    pub fn encrypted(self, host: Option<&str>, mode: Option<&str>) -> Result<DatabaseUrl, String> {
        match self {
            DatabaseUrl::Sqlite(_) => Ok(self),
            DatabaseUrl::Postgres(address) => {
                address::encrypted(&address, host, mode).map(DatabaseUrl::Postgres)
            }
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;
    fn from_str(text: &str) -> Result<DatabaseUrl, String> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.starts_with(':') || path.contains('?') {
                return Err("a SQLite address must name a file, such as sqlite:./data/customary.db".into());
            }
            return Ok(DatabaseUrl::Sqlite(PathBuf::from(path)));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(DatabaseUrl::Postgres(text.to_owned()));
        }
        Err("a database address must start with sqlite: or postgres://".into())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Writes.
    Write,
    /// Reads only; the database refuses writes.
    Read,
}

/// The time of PostgreSQL's server in microseconds, as [`Conn::shared_now`] reads it.
pub(crate) const SHARED_NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
/// How long a session on PostgreSQL waits for a lock.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// How many milliseconds a connection waits for another process's lock, and how many in a hurry.
const SQLITE_BUSY_MS: u32 = 5_000;
const SQLITE_HURRY_MS: u32 = 500;

impl Conn {
    /// Opens and configures a connection.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with the database's message.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that opens connections")]
    pub fn open(url: &DatabaseUrl, purpose: Purpose) -> Result<Conn, StoreError> {
        let refused = |error: diesel::ConnectionError| StoreError::Unavailable(error.to_string());
        match url {
            DatabaseUrl::Sqlite(path) => {
                files::must_be_known(path)?;
                let mut conn = SqliteConnection::establish(&sqlite_name(path)).map_err(refused)?;
                // busy_timeout comes first: the next statements may already meet other processes' locks.
                conn.batch_execute(&format!("PRAGMA busy_timeout = {SQLITE_BUSY_MS};"))?;
                // The page size takes effect only before the first table. A log of 4,096 pages (32 MB) is checkpointed. With 16,384
                // the disk was busy for more than a second at a time while transactions poured in, and creates waited.
                conn.batch_execute(
                    "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                     PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384; \
                     PRAGMA wal_autocheckpoint = 4096;",
                )?;
                if purpose == Purpose::Read {
                    conn.batch_execute("PRAGMA query_only = ON;")?;
                }
                // The first read opens the write-ahead log.
                conn.batch_execute("SELECT count(*) FROM sqlite_schema")?;
                let files = Files::of(path)?;
                Ok(Conn::Sqlite(conn, Memory { subject: None, files }))
            }
            DatabaseUrl::Postgres(address) => {
                let mut conn = PgConnection::establish(&with_timeouts(address)).map_err(refused)?;
                // Every query here has an index that returns its rows in order. A new table has no statistics for
                // minutes, and without them the planner scans and sorts whole tables. It still scans some small tables;
                // the cost that enable_seqscan = off adds must not start parallel workers. A generic plan avoids
                // planning again for every array that is shorter than expected.
                conn.batch_execute(
                    "SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '10s'; \
                     SET synchronous_commit = on; SET client_min_messages = warning; SET jit = off; \
                     SET enable_seqscan = off; SET enable_bitmapscan = off; SET max_parallel_workers_per_gather = 0; \
                     SET plan_cache_mode = force_generic_plan;",
                )?;
                if purpose == Purpose::Write {
                    // The server flushes data files after every 64 blocks of 8 KB. Otherwise the kernel
                    // collects dirty pages for 30 seconds, and then commits wait for most of a second. The setting
                    // has a maximum of 0 on servers that do not support it.
                    conn.batch_execute(
                        "SELECT set_config(name, '64', false) FROM pg_settings \
                         WHERE name = 'backend_flush_after' AND max_val <> '0';",
                    )?;
                }
                if purpose == Purpose::Read {
                    conn.batch_execute(
                        "SET default_transaction_read_only = on; \
                         SET default_transaction_isolation = 'repeatable read'; SET statement_timeout = '60s';",
                    )?;
                }
                Ok(Conn::Postgres(conn))
            }
        }
    }

    /// Checks that the database's files are still in place; on PostgreSQL the server looks after them.
    ///
    /// # Errors
    /// That they are not: what the connection writes is lost.
    pub fn must_be_in_place(&self) -> Result<(), diesel::result::Error> {
        match self {
            Conn::Sqlite(_, memory) if !memory.files.are_in_place() => {
                let message = files::gone(memory.files.path());
                Err(DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(message)))
            }
            _ => Ok(()),
        }
    }

    /// Whether the server no longer answers on this connection, or the files are gone. No transaction may be open on it.
    fn is_cut(&mut self) -> bool {
        match self {
            Conn::Sqlite(_, memory) => !memory.files.are_in_place(),
            Conn::Postgres(c) => c.batch_execute("SELECT 1").is_err(),
        }
    }

    /// The time for leases: the clock of PostgreSQL's server, which several machines share; on SQLite `now`.
    ///
    /// # Errors
    /// The database's.
    pub fn shared_now(&mut self, now: Micros) -> Result<Micros, StoreError> {
        let Conn::Postgres(c) = self else { return Ok(now) };
        Ok(Micros(diesel::select(diesel::dsl::sql::<BigInt>(SHARED_NOW)).get_result(c)?))
    }

    /// Runs several SQL statements.
    ///
    /// # Errors
    /// The database's.
    pub fn batch(&mut self, sql: &str) -> Result<(), diesel::result::Error> {
        on!(self, |c| c.batch_execute(sql))
    }

    /// Waits for a lock, on PostgreSQL and within a transaction, for at most this long; `None`: for the usual five seconds.
    ///
    /// # Errors
    /// The database's.
    pub fn wait_for_locks(&mut self, at_most: Option<Duration>) -> Result<(), diesel::result::Error> {
        match self {
            Conn::Sqlite(..) => Ok(()),
            Conn::Postgres(c) => {
                let at_most = at_most.unwrap_or(LOCK_WAIT).as_millis();
                c.batch_execute(&format!("SET LOCAL lock_timeout = {at_most}"))
            }
        }
    }

    /// Begins a write. On SQLite this locks the whole database.
    ///
    /// # Errors
    /// The database's; after the lock timeout, that it is busy.
    pub fn begin_write(&mut self) -> Result<(), diesel::result::Error> {
        match self {
            Conn::Sqlite(c, ..) => c.batch_execute("BEGIN IMMEDIATE"),
            Conn::Postgres(c) => c.batch_execute("BEGIN"),
        }
    }

    /// Begins a read transaction; all its statements see one snapshot.
    ///
    /// # Errors
    /// The database's.
    pub fn begin_read(&mut self) -> Result<(), diesel::result::Error> {
        self.batch("BEGIN")
    }

    /// Commits the transaction. On SQLite it then checks that the committed files are still those in the folder.
    ///
    /// # Errors
    /// The database's; that the files are gone.
    pub fn commit(&mut self) -> Result<(), diesel::result::Error> {
        self.batch("COMMIT")?;
        self.must_be_in_place()
    }

    /// Commits and, on PostgreSQL, begins the next write in the same round trip. Returns whether it began one.
    ///
    /// # Errors
    /// The database's.
    pub fn commit_and_begin_write(&mut self) -> Result<bool, diesel::result::Error> {
        match self {
            Conn::Sqlite(..) => self.commit().map(|()| false),
            Conn::Postgres(c) => c.batch_execute("COMMIT AND CHAIN").map(|()| true),
        }
    }

    /// Ends a read; after an error SQLite has ended it already. Returns whether the connection is still usable.
    pub fn end_read(&mut self) -> bool {
        let ended = self.batch("ROLLBACK");
        ended.is_ok() || matches!(self, Conn::Sqlite(..))
    }

    /// Rolls a write back. It ignores errors: they mean that no transaction is open.
    pub fn rollback(&mut self) {
        let _ = self.batch("ROLLBACK");
        if let Conn::Sqlite(_, memory) = self {
            memory.forget();
        }
    }
}

/// After this long without use, the next user tests the connection first: the server may have restarted, or may have
/// ended an idle transaction of a process that was suspended.
const TRUSTED: Duration = Duration::from_secs(1);

/// How many connections of this process were closed after an error. When one breaks, others probably broke too.
static LEFT: AtomicU64 = AtomicU64::new(0);

/// A connection that opens on first use, and again after it broke. Its user may begin the next transaction ahead, which
/// then costs no round trip of its own.
pub(crate) struct KeptConn {
    url: DatabaseUrl,
    purpose: Purpose,
    conn: Option<Conn>,
    wanted_at: Instant,
    /// [`LEFT`] as of the last time the connection was known to work.
    left: u64,
    is_begun: bool,
    /// Whether it waits only briefly for locks.
    is_late: bool,
}

impl KeptConn {
    /// A connection that is not yet open.
    pub(crate) fn new(url: DatabaseUrl, purpose: Purpose) -> KeptConn {
        KeptConn {
            url,
            purpose,
            conn: None,
            wanted_at: Instant::now(),
            left: 0,
            is_begun: false,
            is_late: false,
        }
    }

    /// The address it connects to.
    pub(crate) fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// The connection for a new use, without an open transaction.
    ///
    /// # Errors
    /// As [`Conn::open`].
    pub(crate) fn get(&mut self) -> Result<&mut Conn, StoreError> {
        self.rest();
        let left = LEFT.load(Ordering::Relaxed);
        if !self.is_trusted(left) && self.conn.as_mut().is_some_and(Conn::is_cut) {
            self.conn = None;
        }
        (self.wanted_at, self.left) = (Instant::now(), left);
        if self.conn.is_none() {
            self.conn = Some(Conn::open(&self.url, self.purpose)?);
            if self.is_late {
                self.set_patience();
            }
        }
        self.conn.as_mut().ok_or_else(|| StoreError::Bug("no connection is open".into()))
    }

    /// The connection for a new use, and whether a transaction is already open on it.
    ///
    /// # Errors
    /// As [`Conn::open`].
    pub(crate) fn get_begun(&mut self) -> Result<(&mut Conn, bool), StoreError> {
        // Checked once: a connection that was just trusted must not be replaced now.
        let is_begun = self.is_begun && self.is_trusted(LEFT.load(Ordering::Relaxed));
        if is_begun {
            (self.is_begun, self.wanted_at) = (false, Instant::now());
        } else {
            self.get()?;
        }
        let conn = self.conn.as_mut().ok_or_else(|| StoreError::Bug("no connection is open".into()))?;
        Ok((conn, is_begun))
    }

    /// Whether it needs no test: it was used recently, and no connection broke since.
    fn is_trusted(&self, left: u64) -> bool {
        self.wanted_at.elapsed() <= TRUSTED && self.left == left
    }

    /// Records that the next transaction was begun ahead.
    pub(crate) fn set_begun(&mut self) {
        self.is_begun = true;
    }

    /// Ends the transaction that was begun ahead, if any.
    pub(crate) fn rest(&mut self) {
        if std::mem::take(&mut self.is_begun) && self.conn.as_mut().is_some_and(|conn| !conn.end_read()) {
            self.leave();
        }
    }

    /// On SQLite, waits only briefly for another process's lock, or again as long as usual.
    pub(crate) fn hurry(&mut self, is_late: bool) {
        self.is_late = is_late;
        self.set_patience();
    }

    fn set_patience(&mut self) {
        if let Some(Conn::Sqlite(c, ..)) = &mut self.conn {
            let most = if self.is_late { SQLITE_HURRY_MS } else { SQLITE_BUSY_MS };
            let _ = c.batch_execute(&format!("PRAGMA busy_timeout = {most}"));
        }
    }

    /// The connection, if it is open, for a use that is under way.
    pub(crate) fn open(&mut self) -> Option<&mut Conn> {
        self.conn.as_mut()
    }

    /// Closes a broken connection; the next use opens a new one.
    pub(crate) fn leave(&mut self) {
        self.is_begun = false;
        if self.conn.take().is_some() {
            LEFT.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A file name that SQLite cannot take for an option or a URI.
fn sqlite_name(path: &Path) -> String {
    let name = path.to_string_lossy();
    if path.is_absolute() || name.starts_with("./") || name.starts_with("../") {
        name.into_owned()
    } else {
        format!("./{name}")
    }
}

/// Adds timeouts that detect a dead server within ten seconds. Values in the operator's address take precedence.
fn with_timeouts(address: &str) -> String {
    const DEFAULTS: [(&str, &str); 7] = [
        ("connect_timeout", "5"),
        ("keepalives", "1"),
        ("keepalives_idle", "3"),
        ("keepalives_interval", "2"),
        ("keepalives_count", "3"),
        ("tcp_user_timeout", "10000"),
        ("application_name", "customary"),
    ];
    let mut address = address.to_owned();
    for (name, value) in DEFAULTS {
        if !address.contains(&format!("{name}=")) {
            let separator = if address.contains('?') { '&' } else { '?' };
            address = format!("{address}{separator}{name}={value}");
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubtful_addresses_are_refused() {
        assert_eq!("sqlite:./x.db".parse(), Ok(DatabaseUrl::Sqlite("./x.db".into())));
        assert_eq!("sqlite:///tmp/x.db".parse(), Ok(DatabaseUrl::Sqlite("/tmp/x.db".into())));
        for bad in ["", "x.db", "mysql://x", "sqlite:", "sqlite::memory:", "host=x", "sqlite:a?mode=ro"] {
            assert!(bad.parse::<DatabaseUrl>().is_err(), "{bad}");
        }
        let shown = format!("{:?}", "postgres://u:secret@h/d".parse::<DatabaseUrl>().unwrap());
        assert!(!shown.contains("secret"));
    }
}
