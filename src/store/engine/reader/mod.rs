//! Reader threads: each owns a connection and runs reads, which are closures. Reads of a few rows, plain lists and searches
//! have threads of their own, so that none of them waits behind the others.
//!
//! A thread for a few rows takes several waiting ones together. On SQLite it runs them in one transaction, because to
//! begin and end one costs as much as a look-up. On PostgreSQL it looks up all their keys in one statement, because a
//! round trip to the server costs more than ten look-ups. PostgreSQL answers twice as many reads by it. With one lane for
//! few rows and lists, a customer by id had a p99 of 761 ms beside sorted lists instead of 6.6 ms.

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use super::conn::{Conn, DatabaseUrl, KeptConn, Purpose};
use super::error::StoreError;
use super::fair_queue::{FairQueue, Sharing};

/// How many reads may wait for a thread.
const QUEUE_MAX: usize = 1024;

/// The most reads of a few rows that one thread takes at once, on SQLite.
const TOGETHER_MAX: usize = 8;
/// As [`TOGETHER_MAX`], on PostgreSQL.
const TOGETHER_MAX_POSTGRES: usize = 32;

/// How long [`Readers::close`] waits for reads that are under way.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// One result per key: a failure of one does not affect the others.
pub(crate) type Results<F> = Vec<Result<F, StoreError>>;

/// How a thread looks up several keys, which callers request one by one: one statement at a time, without a
/// transaction. The results are in the order of the keys; errors are those of the connection.
type LookUp<K, F> = dyn Fn(&mut Conn, &[K]) -> Result<Results<F>, StoreError> + Send + Sync;

/// A read, on a thread's session; without one it was refused.
type Read = Box<dyn FnOnce(Option<&mut ReaderSession>) + Send>;

/// Something to read.
enum Task<K, F> {
    Read(Read),
    LookUp(K, Answer<F>),
    /// Ends the thread that takes it, which passes it on to the other threads of its queue.
    End,
}

/// Takes the result of a look-up.
type Answer<F> = Box<dyn FnOnce(Result<F, StoreError>) + Send>;

/// The connection of a thread and its open transaction.
struct ReaderSession {
    conn: KeptConn,
    begun: Begun,
}

/// Which transaction is open on a thread's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begun {
    Nothing,
    /// One of several reads, which all see the snapshot of the first.
    Shared,
    /// One of a single read.
    Own,
}

/// Which snapshots the statements of a read see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sees {
    /// All see one snapshot.
    OneState,
    /// Each sees its own: for reads of one statement, to which a transaction would add two more.
    EachItsOwn,
}

/// How many rows a read returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// A few rows, found by keys: a record, a match, a setting.
    Few,
    /// Any number of rows.
    Many,
}

/// Who waits for a read, and for how long.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    has_gone: Arc<AtomicBool>,
    has_begun: Arc<AtomicBool>,
    until: Option<Instant>,
}

impl Wanted {
    fn new(time_max: Option<Duration>) -> Wanted {
        let until = time_max.and_then(|time_max| Instant::now().checked_add(time_max));
        Wanted { has_gone: Arc::default(), has_begun: Arc::default(), until }
    }

    /// Ends a read that has had its time, or for which nobody waits any more. A read that opens many records calls it for
    /// each.
    ///
    /// # Errors
    /// [`StoreError::Slow`].
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let is_over = self.until.is_some_and(|until| Instant::now() >= until);
        if is_over || self.has_gone.load(Ordering::Relaxed) { Err(StoreError::Slow) } else { Ok(()) }
    }
}

/// Dropped when its caller no longer waits for a read.
struct Asker(Arc<AtomicBool>);

impl Drop for Asker {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(crate) struct Readers<K, F> {
    few: Sender<Task<K, F>>,
    /// `None` if one thread reads all.
    lanes: Option<Lanes>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl<K, F> Readers<K, F> {
    /// Ends the threads and closes their connections; returns whether all ended in time. A thread ends after the reads
    /// that wait before.
    pub(crate) fn close(&self) -> bool {
        let mut threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        if threads.is_empty() {
            return true;
        }
        let until = Instant::now() + CLOSE_PATIENCE;
        let _ = self.few.send_timeout(Task::End, CLOSE_PATIENCE);
        if let Some(lanes) = &self.lanes {
            lanes.lists.close();
            lanes.searches.close();
        }
        while Instant::now() < until && !threads.is_empty() {
            threads.retain(|thread| !thread.is_finished());
            thread::sleep(Duration::from_millis(2));
        }
        threads.is_empty()
    }
}

impl<K, F> Drop for Readers<K, F> {
    fn drop(&mut self) {
        self.close();
    }
}

/// The queues of the reads of many rows.
struct Lanes {
    lists: Arc<FairQueue<Read>>,
    searches: Arc<FairQueue<Read>>,
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.lists.close();
        self.searches.close();
    }
}

impl<K, F> std::fmt::Debug for Readers<K, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readers").finish_non_exhaustive()
    }
}

impl<K: Send + 'static, F: 'static> Readers<K, F> {
    /// Starts the threads: half of them for each [`Size`], and for searches half as many and one more. Of those an owner
    /// gets all but one. A single thread serves all. They end when this is dropped.
    ///
    /// # Errors
    /// The operating system's, when it cannot start a thread.
    pub(crate) fn start(
        url: &DatabaseUrl,
        look_up: impl Fn(&mut Conn, &[K]) -> Result<Results<F>, StoreError> + Send + Sync + 'static,
        threads: usize,
    ) -> std::io::Result<Readers<K, F>> {
        let look_up: Arc<LookUp<K, F>> = Arc::new(look_up);
        let for_few = threads / 2;
        let together = match url {
            DatabaseUrl::Sqlite(_) => TOGETHER_MAX,
            DatabaseUrl::Postgres(_) => TOGETHER_MAX_POSTGRES,
        };
        if for_few == 0 {
            let (few, threads) = lane_of_few(url, &look_up, 1, 1)?;
            return Ok(Readers { few, lanes: None, threads: Mutex::new(threads) });
        }
        let (few, mut running) = lane_of_few(url, &look_up, for_few, together)?;
        let lists = Arc::new(FairQueue::new(Sharing::None));
        let searches = Arc::new(FairQueue::new(Sharing::Turns(for_few)));
        // Made before the threads: if one does not start, dropping this ends the others.
        let lanes = Lanes { lists: Arc::clone(&lists), searches: Arc::clone(&searches) };
        running.extend(lane_of_many(url, &lists, "reader-lists", threads - for_few)?);
        running.extend(lane_of_many(url, &searches, "reader-searches", for_few + 1)?);
        Ok(Readers { few, lanes: Some(lanes), threads: Mutex::new(running) })
    }

    /// Runs a read; `sees` says whether in one snapshot.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when the queue is full; otherwise the read's own.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        size: Size,
        sees: Sees,
        read: impl FnOnce(&mut Conn) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (wanted, (read, answer)) = (Wanted::new(None), boxed(sees, read));
        let _asker = Asker(Arc::clone(&wanted.has_gone));
        let read = while_wanted(wanted, read);
        match (&self.lanes, size) {
            (None, _) | (_, Size::Few) => queued(&self.few, Task::Read(read))?,
            (Some(lanes), Size::Many) => lanes.lists.push(0, read)?,
        }
        answer.await.map_err(|_| gone())?
    }

    /// Runs a read that may open any number of records. The owners of such reads take turns. The read ends when its caller
    /// goes away, or after `time_max`; for that it calls [`Wanted::check`].
    ///
    /// # Errors
    /// [`StoreError::Slow`] after `time_max`; [`StoreError::Busy`] if it did not begin by then, or too much waits;
    /// otherwise the read's own.
    pub(crate) async fn search<T: Send + 'static>(
        &self,
        owner: i64,
        time_max: Duration,
        read: impl FnOnce(&mut Conn, &Wanted) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let wanted = Wanted::new(Some(time_max));
        let _asker = Asker(Arc::clone(&wanted.has_gone));
        let own = wanted.clone();
        let (read, answer) = boxed(Sees::OneState, move |conn| read(conn, &own));
        let read = while_wanted(wanted.clone(), read);
        match &self.lanes {
            None => queued(&self.few, Task::Read(read))?,
            Some(lanes) => lanes.searches.push(owner, read)?,
        }
        match tokio::time::timeout(time_max, answer).await {
            Ok(answer) => answer.map_err(|_| gone())?,
            Err(_) if wanted.has_begun.load(Ordering::Relaxed) => Err(StoreError::Slow),
            Err(_) => Err(StoreError::Busy),
        }
    }

    /// Looks up a key and returns what `render` makes of the result, on the reader thread.
    ///
    /// # Errors
    /// As [`Readers::read`].
    pub(crate) async fn look_up<T: Send + 'static>(
        &self,
        key: K,
        render: impl FnOnce(F) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let answer_it = Box::new(move |found: Result<F, StoreError>| {
            let rendered = catch_unwind(AssertUnwindSafe(|| found.map(render)));
            drop(reply.send(rendered.unwrap_or_else(|_| Err(panicked()))));
        });
        queued(&self.few, Task::LookUp(key, answer_it))?;
        answer.await.map_err(|_| gone())?
    }
}

type Reply<T> = oneshot::Receiver<Result<T, StoreError>>;

/// A read for a thread, and where its result comes.
fn boxed<T: Send + 'static>(
    sees: Sees,
    read: impl FnOnce(&mut Conn) -> Result<T, StoreError> + Send + 'static,
) -> (Read, Reply<T>) {
    let (reply, answer) = oneshot::channel();
    let read = move |session: Option<&mut ReaderSession>| {
        let Some(session) = session else { return drop(reply.send(Err(StoreError::Busy))) };
        let result = session.run(sees, read);
        match session.conn.url() {
            // An erase that follows must not meet an open read.
            DatabaseUrl::Sqlite(_) => {
                session.end(Begun::Own);
                drop(reply.send(result));
            }
            // To end the read costs a round trip, for which the caller need not wait.
            DatabaseUrl::Postgres(_) => {
                drop(reply.send(result));
                session.end(Begun::Own);
            }
        }
    };
    (Box::new(read), answer)
}

/// A read that does not begin if nobody waits for it any more.
fn while_wanted(wanted: Wanted, read: Read) -> Read {
    Box::new(move |session| {
        if wanted.check().is_err() {
            return read(None);
        }
        wanted.has_begun.store(true, Ordering::Relaxed);
        read(session);
    })
}

fn gone() -> StoreError {
    StoreError::Bug("a reader went away".into())
}

fn queued<T>(queue: &Sender<T>, task: T) -> Result<(), StoreError> {
    queue.try_send(task).map_err(|error| match error {
        TrySendError::Full(_) => StoreError::Busy,
        TrySendError::Disconnected(_) => StoreError::Unavailable("shutting down".into()),
    })
}

fn panicked() -> StoreError {
    StoreError::Bug("a read panicked".into())
}

/// Starts threads that share a queue of reads of many rows.
fn lane_of_many(
    url: &DatabaseUrl,
    queue: &Arc<FairQueue<Read>>,
    name: &str,
    threads: usize,
) -> std::io::Result<Vec<JoinHandle<()>>> {
    let mut running = Vec::with_capacity(threads);
    for index in 0..threads {
        let (queue, url) = (Arc::clone(queue), url.clone());
        let thread = thread::Builder::new().name(format!("{name}-{index}")).spawn(move || {
            let mut session = ReaderSession::new(url);
            while let Some(taken) = queue.take() {
                (taken.work)((!taken.is_late).then_some(&mut session));
                queue.done(taken.owner);
            }
        })?;
        running.push(thread);
    }
    Ok(running)
}

/// The queue of reads of a few rows, and its threads.
type LaneOfFew<K, F> = (Sender<Task<K, F>>, Vec<JoinHandle<()>>);

/// Starts threads that share a queue of reads of a few rows; each takes up to `together` at once.
fn lane_of_few<K: Send + 'static, F: 'static>(
    url: &DatabaseUrl,
    look_up: &Arc<LookUp<K, F>>,
    threads: usize,
    together: usize,
) -> std::io::Result<LaneOfFew<K, F>> {
    let (queue, tasks) = bounded::<Task<K, F>>(QUEUE_MAX);
    let mut running = Vec::with_capacity(threads);
    for index in 0..threads {
        let (tasks, others) = (tasks.clone(), queue.clone());
        let (url, look_up) = (url.clone(), Arc::clone(look_up));
        let thread = thread::Builder::new().name(format!("reader-few-{index}")).spawn(move || {
            let mut session = ReaderSession::new(url);
            let mut taken = Vec::with_capacity(together);
            let mut ends = false;
            while !ends && let Ok(first) = tasks.recv() {
                taken.push(first);
                // It takes no more than its share, and leaves work for the other threads.
                let share = tasks.len().div_ceil(threads).min(together - 1);
                taken.extend(tasks.try_iter().take(share));
                // The snapshot begins only now: each read must see everything committed before its request.
                if taken.len() > 1 {
                    session.share();
                }
                let (mut keys, mut answers) = (Vec::new(), Vec::new());
                for task in taken.drain(..) {
                    match task {
                        Task::Read(read) => read(Some(&mut session)),
                        Task::End => ends = true,
                        Task::LookUp(key, answer) => {
                            keys.push(key);
                            answers.push(answer);
                        }
                    }
                }
                session.look_up(&*look_up, &keys, answers);
                session.end(Begun::Shared);
            }
            drop(session);
            let _ = others.send_timeout(Task::End, CLOSE_PATIENCE);
        })?;
        running.push(thread);
    }
    Ok((queue, running))
}

impl ReaderSession {
    fn new(url: DatabaseUrl) -> ReaderSession {
        ReaderSession { conn: KeptConn::new(url, Purpose::Read), begun: Begun::Nothing }
    }

    /// Closes the connection, which ends its transaction.
    fn leave(&mut self) {
        self.conn.leave();
        self.begun = Begun::Nothing;
    }

    /// On SQLite, begins one transaction for the reads that follow. If that fails, each read begins its own and reports
    /// the error.
    fn share(&mut self) {
        if let DatabaseUrl::Sqlite(_) = self.conn.url()
            && self.conn.get().is_ok_and(|conn| conn.begin_read().is_ok())
        {
            self.begun = Begun::Shared;
        }
    }

    /// Ends the open transaction, if it is of this kind.
    fn end(&mut self, begun: Begun) {
        if self.begun != begun {
            return;
        }
        self.begun = Begun::Nothing;
        if self.conn.open().is_some_and(|conn| !conn.end_read()) {
            self.leave();
        }
    }

    /// Runs a read, and closes a broken connection. The caller ends the read's transaction by
    /// [`ReaderSession::end`].
    fn run<T>(
        &mut self,
        sees: Sees,
        read: impl FnOnce(&mut Conn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let result = self.conn.get().and_then(|conn| {
            if sees == Sees::OneState && self.begun != Begun::Shared {
                conn.begin_read()?;
                self.begun = Begun::Own;
            }
            catch_unwind(AssertUnwindSafe(|| read(conn))).unwrap_or_else(|_| Err(panicked()))
        });
        if result.as_ref().err().is_some_and(StoreError::is_of_connection) {
            self.leave();
        }
        result
    }

    /// Looks up the keys and answers their callers.
    fn look_up<K, F>(&mut self, look_up: &LookUp<K, F>, keys: &[K], answers: Vec<Answer<F>>) {
        if keys.is_empty() {
            return;
        }
        metrics::histogram!("customary_reader_batch_customers")
            .record(u32::try_from(keys.len()).unwrap_or(u32::MAX));
        match self.run(Sees::EachItsOwn, |conn| look_up(conn, keys)) {
            Ok(found) => answers.into_iter().zip(found).for_each(|(answer, found)| answer(found)),
            Err(error) => answers.into_iter().for_each(|answer| answer(Err(error.clone()))),
        }
    }
}
