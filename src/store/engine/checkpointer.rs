//! Checkpoints SQLite's write-ahead log on a thread of its own. Otherwise the writer spends about 30 % of its time
//! waiting for the disk.
//!
//! SQLite syncs the database file only after a checkpoint that reaches the end of the log. In practice only the writer
//! gets there, between two commits, and it then waited 40 to 70 ms. The thread therefore syncs the file after each
//! checkpoint, so that the writer has little to wait for.

use std::fs::File;
use std::path::Path;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use diesel::prelude::*;

use super::conn::{Conn, DatabaseUrl, KeptConn, Purpose};
use super::error::StoreError;

/// The thread runs a checkpoint after about this many changed customers.
const CHANGES: usize = 512;

/// Counts the changes that a writer commits, and wakes the thread.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    /// `None` only while it is dropped.
    wake: Option<Sender<()>>,
    changes: usize,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for Checkpointer {
    /// Waits for the thread, so that its connection does not keep the write-ahead log after a clean stop.
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Checkpointer {
    /// Starts the thread on SQLite; `None` on PostgreSQL. The thread ends when the [`Checkpointer`] is dropped.
    ///
    /// # Errors
    /// The operating system's, when it cannot start a thread.
    pub(crate) fn start(url: &DatabaseUrl) -> std::io::Result<Option<Checkpointer>> {
        let DatabaseUrl::Sqlite(path) = url else { return Ok(None) };
        let (wake, woken) = bounded(1);
        let (conn, path) = (KeptConn::new(url.clone(), Purpose::Write), path.clone());
        let run = move || run(conn, &path, &woken);
        let thread = thread::Builder::new().name("checkpointer".into()).spawn(run)?;
        Ok(Some(Checkpointer { wake: Some(wake), changes: 0, thread: Some(thread) }))
    }

    /// Records a commit of about `changes` changed customers.
    pub(crate) fn committed(&mut self, changes: usize) {
        self.changes += changes;
        if self.changes >= CHANGES {
            self.changes = 0;
            // While the thread is busy the channel is full; a later commit wakes it again.
            let _ = self.wake.as_ref().map(|wake| wake.try_send(()));
        }
    }
}

fn run(mut conn: KeptConn, path: &Path, woken: &Receiver<()>) {
    let mut file = None;
    for () in woken {
        if let Err(error) = conn.get().and_then(checkpoint) {
            tracing::warn!(%error, "the checkpoint failed; the writer runs it when the write-ahead log is long");
            conn.leave();
            continue;
        }
        if let Err(error) = flush(path, &mut file) {
            tracing::warn!(%error, "the database file could not be synced; the writer syncs it when it must");
        }
    }
}

/// Copies the part of the log that no reader still needs, without blocking readers or writers.
fn checkpoint(conn: &mut Conn) -> Result<(), StoreError> {
    if let Conn::Sqlite(c, ..) = conn {
        diesel::sql_query("PRAGMA wal_checkpoint(PASSIVE)").execute(c)?;
    }
    Ok(())
}

/// Syncs the database file. SQLite does not rely on it.
fn flush(path: &Path, file: &mut Option<&'static File>) -> std::io::Result<()> {
    let file = match file {
        Some(file) => file,
        // Never closed: closing it would release the locks that SQLite holds on the file in this process.
        None => file.insert(Box::leak(Box::new(File::options().write(true).open(path)?))),
    };
    file.sync_data()
}

/// Moves all of SQLite's write-ahead log into the database and truncates it; false if a reader blocked that.
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
