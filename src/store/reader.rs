//! Reader threads: each owns a connection; a read is a closure on one of them. Half of them are for reads of a few
//! rows, which would otherwise wait behind lists and searches.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use super::conn::{Conn, DatabaseUrl, Purpose};
use super::error::StoreError;

/// How many reads may wait for a thread.
const QUEUE_MAX: usize = 1024;

type Task = Box<dyn FnOnce(&mut Option<Conn>, &DatabaseUrl) + Send>;

/// What a read of several statements sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sees {
    /// One state of the database in all of them.
    OneState,
    /// A state of its own in each: for reads of one, to which a transaction would only add two more.
    EachItsOwn,
}

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// A few rows, found by keys: a record, a match, a setting.
    Few,
    /// Any number of rows.
    Many,
}

/// The threads that read.
#[derive(Debug)]
pub(super) struct Readers {
    few: Sender<Task>,
    many: Sender<Task>,
}

impl Readers {
    /// Starts some reader threads, half of them for each [`Size`] (one alone reads all); they end when this is dropped.
    ///
    /// # Errors
    /// The operating system's, when it gives no thread.
    pub(super) fn start(url: &DatabaseUrl, threads: usize) -> std::io::Result<Readers> {
        let for_few = threads / 2;
        let many = lane(url, "reader", threads.max(1) - for_few)?;
        let few = if for_few == 0 { many.clone() } else { lane(url, "reader-few", for_few)? };
        Ok(Readers { few, many })
    }

    /// Runs a read, on one state of the database where it says so.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when the queue is full; otherwise the read's own.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        size: Size,
        sees: Sees,
        read: impl FnOnce(&mut Conn) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let task: Task = Box::new(move |slot, url| {
            let result = run(slot, url, sees, read);
            if result.as_ref().err().is_some_and(StoreError::is_of_connection) {
                *slot = None;
            }
            drop(reply.send(result));
        });
        let queue = match size {
            Size::Few => &self.few,
            Size::Many => &self.many,
        };
        queue.try_send(task).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Unavailable("shutting down".into()),
        })?;
        answer.await.map_err(|_| StoreError::Bug("a reader went away".into()))?
    }
}

/// Starts some threads that share a queue.
fn lane(url: &DatabaseUrl, name: &str, threads: usize) -> std::io::Result<Sender<Task>> {
    let (queue, tasks): (Sender<Task>, Receiver<Task>) = bounded(QUEUE_MAX);
    for index in 0..threads {
        let tasks = tasks.clone();
        let url = url.clone();
        thread::Builder::new().name(format!("{name}-{index}")).spawn(move || {
            let mut conn = None;
            for task in tasks {
                task(&mut conn, &url);
            }
        })?;
    }
    Ok(queue)
}

fn run<T>(
    slot: &mut Option<Conn>,
    url: &DatabaseUrl,
    sees: Sees,
    read: impl FnOnce(&mut Conn) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let conn = match slot {
        Some(conn) => conn,
        None => slot.insert(Conn::open(url, Purpose::Read)?),
    };
    if sees == Sees::OneState {
        conn.begin_read()?;
    }
    let result = catch_unwind(AssertUnwindSafe(|| read(conn)));
    if sees == Sees::OneState {
        conn.end_read();
    }
    result.unwrap_or_else(|_| Err(StoreError::Bug("a read panicked".into())))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use super::*;
    use crate::store::migrate::migrate;

    #[tokio::test]
    async fn a_few_rows_do_not_wait_behind_many() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("x.db"));
        migrate(&mut Conn::open(&url, Purpose::Write).unwrap()).unwrap();
        let readers = Arc::new(Readers::start(&url, 4).unwrap());
        let mut held = Vec::new();
        // More than there are threads of either kind.
        for _ in 0..5 {
            let (release, released) = mpsc::channel::<()>();
            let readers = Arc::clone(&readers);
            let many = tokio::spawn(async move {
                readers.read(Size::Many, Sees::OneState, move |_| Ok(released.recv().is_ok())).await
            });
            held.push((release, many));
        }
        let few = readers.read(Size::Few, Sees::OneState, |_| Ok(7));
        let few =
            tokio::time::timeout(Duration::from_secs(30), few).await.expect("it waits behind the others");
        assert_eq!(few.unwrap(), 7);
        for (release, many) in held {
            release.send(()).unwrap();
            assert!(many.await.unwrap().unwrap());
        }
    }

    #[tokio::test]
    async fn one_thread_reads_all() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("x.db"));
        migrate(&mut Conn::open(&url, Purpose::Write).unwrap()).unwrap();
        let readers = Readers::start(&url, 1).unwrap();
        for size in [Size::Few, Size::Many] {
            assert_eq!(readers.read(size, Sees::OneState, |_| Ok(7)).await.unwrap(), 7);
        }
    }
}
