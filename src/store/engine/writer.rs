//! The writer: takes whatever is queued, decides and saves it in one transaction, answers after COMMIT.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use diesel::prelude::*;

use super::checkpoint::Checkpointer;
use super::conn::{Conn, DatabaseUrl, KeptConn, Purpose};
use super::error::StoreError;
use super::queue::{AdminTask, Job, Queue, Work};
use crate::domain::decide::command::Command;
use crate::store::customers::tx::{Replies, run_all};
use crate::store::entrypoints::lock_row::Waiting;
use crate::store::keys::keyring::KeyRing;

/// The most interactive commands of one transaction.
const BATCH_COMMANDS_MAX: usize = 256;
/// As how many changed customers an administrative act counts; some are steps of imports.
const CHANGES_OF_ADMIN: usize = 128;
/// How long a writer without work waits before it leaves the transaction that it began ahead.
const IDLE: Duration = Duration::from_millis(500);

/// What a writer thread needs.
#[derive(Clone)]
pub(crate) struct WriterSetup {
    pub url: DatabaseUrl,
    pub ring: Arc<KeyRing>,
    pub retention_secs: i64,
    pub batch_max: usize,
}

impl WriterSetup {
    /// The most commands of a batch: as configured, within what a transaction bears.
    pub(crate) fn batch_commands(&self) -> usize {
        self.batch_max.clamp(1, BATCH_COMMANDS_MAX)
    }
}

/// Starts a writer thread; it ends when the queue is closed and everything was answered.
///
/// # Errors
/// The operating system's, when it gives no thread.
pub(crate) fn spawn(
    name: String,
    setup: WriterSetup,
    queue: Arc<Queue>,
    checkpointer: Option<Checkpointer>,
) -> std::io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name(name).spawn(move || {
        // Outside of decisions a panic means that nobody knows what was saved: the process must not go on.
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let conn = KeptConn::new(setup.url.clone(), Purpose::Write);
            Writer { setup, queue, conn, checkpointer }.run();
        }));
        if ended.is_err() {
            std::process::abort();
        }
    })
}

struct Writer {
    setup: WriterSetup,
    queue: Arc<Queue>,
    conn: KeptConn,
    checkpointer: Option<Checkpointer>,
}

impl Writer {
    fn run(mut self) {
        loop {
            match self.queue.take(self.setup.batch_commands(), IDLE) {
                Work::Batch(jobs) => {
                    // Whoever hung up before the batch began does not want an answer, but may want the effect.
                    metrics::histogram!("customary_writer_batch_commands").record(jobs_len(&jobs));
                    let changes = jobs.len();
                    let entrypoints: Vec<i64> = jobs.iter().map(|job| job.command.entrypoint_id).collect();
                    let was_left = jobs.iter().any(|job| job.was_left);
                    let left = self.batch(jobs, if was_left { Waiting::Wait } else { Waiting::Skip });
                    self.queue.release(&entrypoints, left);
                    self.committed(changes);
                }
                Work::Admin(action) => {
                    self.admin(action);
                    self.committed(CHANGES_OF_ADMIN);
                }
                Work::Nothing => self.conn.rest(),
                Work::End => return,
            }
        }
    }

    fn committed(&mut self, changes: usize) {
        if let Some(checkpointer) = &mut self.checkpointer {
            checkpointer.committed(changes);
        }
    }

    fn admin(&mut self, action: AdminTask) {
        let is_well = match self.conn.get() {
            Ok(conn) => action(Ok(conn)),
            Err(error) => action(Err(error)),
        };
        if !is_well {
            self.conn.leave();
        }
    }

    /// Writes a batch; a command that poisons it is found by halving and hurts only itself. Returns commands whose
    /// entrypoint was locked elsewhere.
    fn batch(&mut self, jobs: Vec<Job>, waiting: Waiting) -> Vec<Job> {
        let commands: Vec<&Command> = jobs.iter().map(|job| job.command.as_ref()).collect();
        let result = self
            .conn
            .get_begun()
            .and_then(|(conn, is_begun)| transaction(conn, is_begun, &self.setup, &commands, waiting));
        match result {
            Ok((replies, is_begun)) => {
                if is_begun {
                    self.conn.set_begun();
                }
                let mut left = Vec::new();
                for (job, reply) in jobs.into_iter().zip(replies) {
                    match reply {
                        Some(reply) => drop(job.reply.send(reply)),
                        None => left.push(job),
                    }
                }
                left
            }
            Err(error @ (StoreError::Bug(_) | StoreError::Corrupt(_))) if jobs.len() > 1 => {
                tracing::warn!(%error, commands = jobs.len(), "a batch was refused; halving it");
                let mut first = jobs;
                let second = first.split_off(first.len() / 2);
                let mut left = self.batch(first, Waiting::Wait);
                left.extend(self.batch(second, Waiting::Wait));
                left
            }
            Err(error) => {
                tracing::error!(%error, commands = jobs.len(), "a batch was not written");
                if error.is_of_connection() {
                    self.conn.leave();
                }
                for job in jobs {
                    drop(job.reply.send(Err(error.for_another())));
                }
                Vec::new()
            }
        }
    }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "at most a few hundred")]
fn jobs_len(jobs: &[Job]) -> f64 {
    jobs.len() as f64
}

/// Runs a batch in a transaction, which may have been begun ahead; and whether the next one was.
fn transaction(
    conn: &mut Conn,
    is_begun: bool,
    setup: &WriterSetup,
    commands: &[&Command],
    waiting: Waiting,
) -> Result<(Replies, bool), StoreError> {
    if !is_begun {
        conn.begin_write()?;
    }
    let (replies, transaction_id) = match run_all(conn, &setup.ring, commands, waiting, setup.retention_secs)
    {
        Ok(done) => done,
        Err(error) => {
            conn.rollback();
            return Err(error);
        }
    };
    match conn.commit_and_begin_write() {
        Ok(is_begun) => Ok((replies, is_begun)),
        Err(error) => {
            after_failed_commit(conn, setup, error.into(), transaction_id).map(|()| (replies, false))
        }
    }
}

/// A COMMIT without an answer may have happened: a new connection knows.
fn after_failed_commit(
    conn: &mut Conn,
    setup: &WriterSetup,
    error: StoreError,
    transaction_id: Option<String>,
) -> Result<(), StoreError> {
    let Some(id) = transaction_id else {
        if let StoreError::Unavailable(message) = &error
            && message.contains("I/O")
        {
            // A failed fsync leaves pages of which nobody knows whether they are on disk.
            tracing::error!(%error, "the disk failed while committing; ending so that recovery decides");
            std::process::abort();
        }
        conn.rollback();
        return Err(error);
    };
    let Ok(Conn::Postgres(mut fresh)) = Conn::open(&setup.url, Purpose::Write) else { return Err(error) };
    let status: Option<String> = diesel::select(diesel::dsl::sql::<
        diesel::sql_types::Nullable<diesel::sql_types::Text>,
    >(&format!("pg_xact_status('{id}'::xid8)")))
    .get_result(&mut fresh)
    .unwrap_or(None);
    *conn = Conn::Postgres(fresh);
    match status.as_deref() {
        Some("committed") => Ok(()),
        _ => Err(StoreError::Unavailable("the connection broke while committing".into())),
    }
}
