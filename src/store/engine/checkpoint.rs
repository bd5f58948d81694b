//! Moves SQLite's write-ahead log into the database on a thread of its own: the writer would wait a third of its
//! time for the disk otherwise.
//!
//! SQLite makes the database file durable only where the log was moved to its very end, which is hardly ever but when
//! the writer itself does it, between two commits: it then waited 40 to 70 ms for what had gathered. So the thread
//! makes durable what it moved, and leaves the writer little to wait for.

use std::fs::File;
use std::path::Path;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use diesel::prelude::*;

use super::conn::{Conn, DatabaseUrl, KeptConn, Purpose};
use super::error::StoreError;

/// After about how many changed customers the log is moved.
const CHANGES: usize = 512;

/// Counts what a writer commits, and wakes the thread.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    wake: Sender<()>,
    changes: usize,
}

impl Checkpointer {
    /// Starts the thread, where there is a log of ours; it ends with what this returns.
    ///
    /// # Errors
    /// The operating system's, when it gives no thread.
    pub(crate) fn start(url: &DatabaseUrl) -> std::io::Result<Option<Checkpointer>> {
        let DatabaseUrl::Sqlite(path) = url else { return Ok(None) };
        let (wake, woken) = bounded(1);
        let (conn, path) = (KeptConn::new(url.clone(), Purpose::Write), path.clone());
        thread::Builder::new().name("checkpointer".into()).spawn(move || run(conn, &path, &woken))?;
        Ok(Some(Checkpointer { wake, changes: 0 }))
    }

    /// Tells of a commit of about so many changed customers.
    pub(crate) fn committed(&mut self, changes: usize) {
        self.changes += changes;
        if self.changes >= CHANGES {
            self.changes = 0;
            // A thread that is still at work will be woken by the next.
            let _ = self.wake.try_send(());
        }
    }
}

fn run(mut conn: KeptConn, path: &Path, woken: &Receiver<()>) {
    let mut file = None;
    for () in woken {
        if let Err(error) = conn.get().and_then(checkpoint) {
            tracing::warn!(%error, "the write-ahead log could not be moved; the writer does it when it is long");
            conn.leave();
            continue;
        }
        if let Err(error) = flush(path, &mut file) {
            tracing::warn!(%error, "what was moved could not be made durable; the writer does it when it must");
        }
    }
}

/// Moves what no reader still needs where it is; nobody waits for it.
fn checkpoint(conn: &mut Conn) -> Result<(), StoreError> {
    if let Conn::Sqlite(c, ..) = conn {
        diesel::sql_query("PRAGMA wal_checkpoint(PASSIVE)").execute(c)?;
    }
    Ok(())
}

/// Waits until what was moved is on the disk. SQLite does not rely on it.
fn flush(path: &Path, file: &mut Option<&'static File>) -> std::io::Result<()> {
    let file = match file {
        Some(file) => file,
        // Never closed: that would end the locks that SQLite holds on the file in this process.
        None => file.insert(Box::leak(Box::new(File::options().write(true).open(path)?))),
    };
    file.sync_data()
}

/// Empties SQLite's write-ahead log into the database; false where a reader was in the way.
pub(crate) fn truncate_log(conn: &mut Conn) -> Result<bool, StoreError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Integer)]
        busy: i32,
    }
    match conn {
        Conn::Sqlite(c, ..) => {
            let row: Row = diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result(c)?;
            Ok(row.busy == 0)
        }
        Conn::Postgres(_) => Ok(true),
    }
}
