//! Reader threads: each owns a connection; a read is a closure on one of them.

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

/// The threads that read.
#[derive(Debug)]
pub(super) struct Readers {
    queue: Sender<Task>,
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
        Ok(Readers { queue })
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
        conn.end_read();
    }
    result.unwrap_or_else(|_| Err(StoreError::Bug("a read panicked".into())))
}
