//! Reader threads: each owns a connection; a read is a closure on one of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
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

/// The threads that read.
pub(super) struct Readers {
    queue: Sender<Task>,
    url: DatabaseUrl,
    /// Connections of the threads that read by themselves.
    spare: Mutex<Vec<Conn>>,
}

impl Readers {
    /// Starts some reader threads; they end when this is dropped.
    ///
    /// # Errors
    /// The operating system's, when it gives no thread.
    pub(super) fn start(url: &DatabaseUrl, threads: usize) -> std::io::Result<Readers> {
        let (queue, tasks): (Sender<Task>, Receiver<Task>) = bounded(QUEUE_MAX);
        for index in 0..threads.max(1) {
            let tasks = tasks.clone();
            let url = url.clone();
            thread::Builder::new().name(format!("reader-{index}")).spawn(move || {
                let mut conn = None;
                for task in tasks {
                    task(&mut conn, &url);
                }
            })?;
        }
        Ok(Readers { queue, url: url.clone(), spare: Mutex::default() })
    }

    /// Runs a read of one statement that finds one row by its key. SQLite answers it from its pages in less time than it
    /// takes to wake another thread: there it runs on the thread that asks.
    ///
    /// # Errors
    /// As [`Readers::read`].
    pub(super) async fn read_one<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Conn) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if let DatabaseUrl::Postgres(_) = self.url {
            return self.read(Sees::EachItsOwn, read).await;
        }
        let mut conn = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let result = run(&mut conn, &self.url, Sees::EachItsOwn, read);
        if let Some(conn) = conn
            && !result.as_ref().err().is_some_and(StoreError::is_of_connection)
        {
            self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
        }
        result
    }

    /// Runs a read, on one state of the database where it says so.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when the queue is full; otherwise the read's own.
    pub(super) async fn read<T: Send + 'static>(
        &self,
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
        self.queue.try_send(task).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Unavailable("shutting down".into()),
        })?;
        answer.await.map_err(|_| StoreError::Bug("a reader went away".into()))?
    }
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
        conn.rollback();
    }
    result.unwrap_or_else(|_| Err(StoreError::Bug("a read panicked".into())))
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readers").field("url", &self.url).finish_non_exhaustive()
    }
}
