//! The writer: takes queued commands, runs them in one transaction, and answers after COMMIT.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use diesel::prelude::*;

use super::checkpointer::Checkpointer;
use super::conn::{Conn, DatabaseUrl, KeptConn, Purpose};
use super::error::StoreError;
use super::health::WriteHealth;
use super::queue::{AdminTask, Job, Queue, Work};

/// The most commands of one transaction.
const BATCH_COMMANDS_MAX: usize = 256;
/// How many changed customers an admin task counts for; some are steps of imports.
const CHANGES_OF_ADMIN: usize = 128;
/// After this long in the queue, a command must not wait much longer for another process's lock.
const LATE: Duration = Duration::from_secs(1);
/// How long a writer waits for work before it ends the transaction that it began ahead.
const IDLE: Duration = Duration::from_millis(500);

/// What became of a batch within its transaction.
pub(crate) struct Ran<A> {
    /// One reply per command; `None` where another writer had locked the command's lane.
    pub replies: Vec<Option<Result<A, StoreError>>>,
    /// On PostgreSQL the number of the transaction, if it wrote anything.
    pub transaction_id: Option<String>,
    /// Whether it waited in vain for the lock of the only lane.
    pub has_waited: bool,
}

/// Runs commands of several lanes within a transaction. After an error the writer rolls back.
pub(crate) type Run<C, A> = dyn Fn(&mut Conn, &[&C]) -> Result<Ran<A>, StoreError> + Send + Sync;

/// The commands that a batch left out, and whether it waited in vain for their lock.
type Left<C, A> = (Vec<Job<C, A>>, bool);

/// The settings of the writer threads.
pub(crate) struct WriterSetup<C, A> {
    pub url: DatabaseUrl,
    pub run: Box<Run<C, A>>,
    pub batch_max: usize,
    pub health: Arc<WriteHealth>,
}

/// Starts a writer thread. It ends once the queue is closed and every command has its answer.
///
/// # Errors
/// The operating system's, when it cannot start a thread.
pub(crate) fn spawn<C: Send + 'static, A: Send + 'static>(
    name: String,
    setup: Arc<WriterSetup<C, A>>,
    queue: Arc<Queue<C, A>>,
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

struct Writer<C, A> {
    setup: Arc<WriterSetup<C, A>>,
    queue: Arc<Queue<C, A>>,
    conn: KeptConn,
    checkpointer: Option<Checkpointer>,
}

impl<C, A> Writer<C, A> {
    fn run(mut self) {
        let most = self.setup.batch_max.clamp(1, BATCH_COMMANDS_MAX);
        loop {
            match self.queue.take(most, IDLE) {
                Work::Batch(jobs) => {
                    // A caller that hung up before the batch began needs no answer, but may want the effect.
                    metrics::histogram!("customary_writer_batch_commands")
                        .record(u32::try_from(jobs.len()).unwrap_or(u32::MAX));
                    // Not by weight: the checkpointer cannot keep up with transactions, and the disk was then busy for more than a
                    // second at a time. The writer moves their log itself, 4,096 pages at once.
                    let changes = jobs.len();
                    let lanes: Vec<i64> = jobs.iter().map(|job| job.lane).collect();
                    let is_late = jobs.first().is_some_and(|job| job.queued_at.elapsed() > LATE);
                    if is_late {
                        self.conn.hurry(true);
                    }
                    let (left, has_waited) = self.batch(jobs);
                    if is_late {
                        self.conn.hurry(false);
                    }
                    self.queue.release(&lanes, left, has_waited);
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
        if !action(self.conn.get()) {
            self.conn.leave();
        }
    }

    /// Writes a batch. If one of its commands makes it fail, halving isolates that command, and the others succeed. Returns
    /// the commands whose lane another writer had locked.
    fn batch(&mut self, jobs: Vec<Job<C, A>>) -> Left<C, A> {
        let commands: Vec<&C> = jobs.iter().map(|job| job.command.as_ref()).collect();
        let result = self
            .conn
            .get_begun()
            .and_then(|(conn, is_begun)| transaction(conn, is_begun, &self.setup, &commands));
        self.setup.health.note(&result);
        match result {
            Ok((ran, is_begun)) => {
                if is_begun {
                    self.conn.set_begun();
                }
                let mut left = Vec::new();
                for (job, reply) in jobs.into_iter().zip(ran.replies) {
                    match reply {
                        Some(reply) => drop(job.reply.send(reply)),
                        None => left.push(job),
                    }
                }
                (left, ran.has_waited)
            }
            Err(error @ (StoreError::Bug(_) | StoreError::Corrupt(_))) if jobs.len() > 1 => {
                tracing::warn!(%error, commands = jobs.len(), "a batch failed; the writer retries it in halves");
                let mut first = jobs;
                let second = first.split_off(first.len() / 2);
                let (mut left, first_waited) = self.batch(first);
                let (rest, second_waited) = self.batch(second);
                left.extend(rest);
                (left, first_waited || second_waited)
            }
            Err(error) => {
                tracing::error!(%error, commands = jobs.len(), "a batch failed");
                if error.is_of_connection() {
                    self.conn.leave();
                }
                for job in jobs {
                    drop(job.reply.send(Err(error.clone())));
                }
                (Vec::new(), false)
            }
        }
    }
}

/// Runs a batch in a transaction; `is_begun` says whether that is open already. Also returns whether the next one is.
fn transaction<C, A>(
    conn: &mut Conn,
    is_begun: bool,
    setup: &WriterSetup<C, A>,
    commands: &[&C],
) -> Result<(Ran<A>, bool), StoreError> {
    if !is_begun {
        conn.begin_write()?;
    }
    let mut ran = match (setup.run)(conn, commands) {
        Ok(ran) => ran,
        Err(error) => {
            conn.rollback();
            return Err(error);
        }
    };
    match conn.commit_and_begin_write() {
        Ok(is_begun) => Ok((ran, is_begun)),
        Err(error) => {
            let transaction_id = ran.transaction_id.take();
            after_failed_commit(conn, &setup.url, error.into(), transaction_id).map(|()| (ran, false))
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
        if let (Conn::Sqlite(..), StoreError::Unavailable(message)) = (&*conn, &error)
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
