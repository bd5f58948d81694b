//! The writer: takes queued commands, runs them in one transaction, and answers after COMMIT.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use diesel::prelude::*;

use super::checkpoint::Checkpointer;
use super::conn::{Conn, DatabaseUrl, KeptConn, Purpose};
use super::error::StoreError;
use super::queue::{AdminTask, Job, Queue, Work};

/// The most commands of one transaction.
const BATCH_COMMANDS_MAX: usize = 256;
/// How many changed customers an admin task counts for; some are steps of imports.
const CHANGES_OF_ADMIN: usize = 128;
/// How long a writer waits for work before it ends the transaction that it began ahead.
const IDLE: Duration = Duration::from_millis(500);

/// What to do about locks that another writer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Leave out the commands of locked lanes.
    Skip,
    /// Wait for the locks.
    Wait,
}

/// One reply per command; `None` where another writer had locked the command's lane.
pub(crate) type Replies<A> = Vec<Option<Result<A, StoreError>>>;

/// Runs commands for a writer.
pub(crate) trait Run: Clone + Send + 'static {
    type Command: Send + 'static;
    /// The result of a command.
    type Answer: Send + 'static;

    /// Runs commands of several lanes within a transaction. On PostgreSQL it also returns the number of the transaction, if
    /// that wrote anything.
    ///
    /// # Errors
    /// The database's; the writer then rolls back.
    fn run(
        &self,
        conn: &mut Conn,
        commands: &[&Self::Command],
        waiting: Waiting,
    ) -> Result<(Replies<Self::Answer>, Option<String>), StoreError>;
}

/// The settings of a writer thread.
#[derive(Clone)]
pub(crate) struct WriterSetup<R> {
    pub url: DatabaseUrl,
    pub run: R,
    pub batch_max: usize,
}

/// Starts a writer thread. It ends once the queue is closed and every command has its answer.
///
/// # Errors
/// The operating system's, when it cannot start a thread.
pub(crate) fn spawn<R: Run>(
    name: String,
    setup: WriterSetup<R>,
    queue: Arc<Queue<R::Command, R::Answer>>,
    checkpointer: Option<Checkpointer>,
) -> std::io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name(name).spawn(move || {
        // A panic outside a decision leaves unknown what was saved: the process must not go on.
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let conn = KeptConn::new(setup.url.clone(), Purpose::Write);
            Writer { setup, queue, conn, checkpointer }.run();
        }));
        if ended.is_err() {
            std::process::abort();
        }
    })
}

type Jobs<R> = Vec<Job<<R as Run>::Command, <R as Run>::Answer>>;

struct Writer<R: Run> {
    setup: WriterSetup<R>,
    queue: Arc<Queue<R::Command, R::Answer>>,
    conn: KeptConn,
    checkpointer: Option<Checkpointer>,
}

impl<R: Run> Writer<R> {
    fn run(mut self) {
        let most = self.setup.batch_max.clamp(1, BATCH_COMMANDS_MAX);
        loop {
            match self.queue.take(most, IDLE) {
                Work::Batch(jobs) => {
                    // A caller that hung up before the batch began needs no answer, but may want the effect.
                    metrics::histogram!("customary_writer_batch_commands").record(jobs_len(jobs.len()));
                    let changes = jobs.len();
                    let lanes: Vec<i64> = jobs.iter().map(|job| job.lane).collect();
                    let was_left = jobs.iter().any(|job| job.was_left);
                    let left = self.batch(jobs, if was_left { Waiting::Wait } else { Waiting::Skip });
                    self.queue.release(&lanes, left);
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

    /// Writes a batch. If one of its commands makes it fail, halving isolates that command, and the others succeed. Returns
    /// the commands whose lane another writer had locked.
    fn batch(&mut self, jobs: Jobs<R>, waiting: Waiting) -> Jobs<R> {
        let commands: Vec<&R::Command> = jobs.iter().map(|job| job.command.as_ref()).collect();
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
                tracing::warn!(%error, commands = jobs.len(), "a batch failed; the writer retries it in halves");
                let mut first = jobs;
                let second = first.split_off(first.len() / 2);
                let mut left = self.batch(first, Waiting::Wait);
                left.extend(self.batch(second, Waiting::Wait));
                left
            }
            Err(error) => {
                tracing::error!(%error, commands = jobs.len(), "a batch failed");
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
fn jobs_len(jobs: usize) -> f64 {
    jobs as f64
}

/// Runs a batch in a transaction; `is_begun` says whether that is open already. Also returns whether the next one is.
fn transaction<R: Run>(
    conn: &mut Conn,
    is_begun: bool,
    setup: &WriterSetup<R>,
    commands: &[&R::Command],
    waiting: Waiting,
) -> Result<(Replies<R::Answer>, bool), StoreError> {
    if !is_begun {
        conn.begin_write()?;
    }
    let (replies, transaction_id) = match setup.run.run(conn, commands, waiting) {
        Ok(done) => done,
        Err(error) => {
            conn.rollback();
            return Err(error);
        }
    };
    match conn.commit_and_begin_write() {
        Ok(is_begun) => Ok((replies, is_begun)),
        Err(error) => {
            after_failed_commit(conn, &setup.url, error.into(), transaction_id).map(|()| (replies, false))
        }
    }
}

/// A COMMIT without an answer may have taken effect; on PostgreSQL a new connection finds out.
fn after_failed_commit(
    conn: &mut Conn,
    url: &DatabaseUrl,
    error: StoreError,
    transaction_id: Option<String>,
) -> Result<(), StoreError> {
    let Some(id) = transaction_id else {
        if let StoreError::Unavailable(message) = &error
            && message.contains("I/O")
        {
            // After a failed fsync it is unknown which pages are on disk.
            tracing::error!(%error, "the disk failed during a commit; the process ends; the next start recovers");
            std::process::abort();
        }
        conn.rollback();
        return Err(error);
    };
    let Ok(Conn::Postgres(mut fresh)) = Conn::open(url, Purpose::Write) else { return Err(error) };
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
