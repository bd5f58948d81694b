//! Reader threads: each owns a connection and runs reads, which are closures. Half of the threads serve reads of a few
//! rows, which would otherwise wait behind lists and searches.
//!
//! A thread for such reads takes several waiting ones together. On SQLite it runs them in one transaction, because to
//! begin and end one costs as much as a look-up. On PostgreSQL it looks up all their keys in one statement, because a
//! round trip to the server costs more than ten look-ups.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use super::conn::{Conn, DatabaseUrl, KeptConn, Purpose};
use super::error::StoreError;

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

/// A read, on a thread's session.
type Read = Box<dyn FnOnce(&mut ReaderSession) + Send>;

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

#[derive(Debug)]
pub(crate) struct Readers<K, F> {
    few: Sender<Task<K, F>>,
    many: Sender<Task<K, F>>,
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
        for queue in [&self.few, &self.many] {
            let _ = queue.send_timeout(Task::End, CLOSE_PATIENCE);
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

impl<K: Send + 'static, F: 'static> Readers<K, F> {
    /// Starts the threads, half of them for each [`Size`]; a single one serves both. They end when this is dropped.
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
        let (many, mut running) = lane(url, &look_up, "reader", threads.max(1) - for_few, 1)?;
        let few = match for_few {
            0 => many.clone(),
            _ => {
                let (few, own) = lane(url, &look_up, "reader-few", for_few, together)?;
                running.extend(own);
                few
            }
        };
        Ok(Readers { few, many, threads: Mutex::new(running) })
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
        let (reply, answer) = oneshot::channel();
        let task = Task::Read(Box::new(move |session| {
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
        }));
        let queue = match size {
            Size::Few => &self.few,
            Size::Many => &self.many,
        };
        queued(queue, task)?;
        answer.await.map_err(|_| StoreError::Bug("a reader went away".into()))?
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
        answer.await.map_err(|_| StoreError::Bug("a reader went away".into()))?
    }
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

/// Starts threads that share a queue and end with [`Task::End`]; each takes up to `together` reads at once.
fn lane<K: Send + 'static, F: 'static>(
    url: &DatabaseUrl,
    look_up: &Arc<LookUp<K, F>>,
    name: &str,
    threads: usize,
    together: usize,
) -> std::io::Result<(Sender<Task<K, F>>, Vec<JoinHandle<()>>)> {
    let (queue, tasks) = bounded::<Task<K, F>>(QUEUE_MAX);
    let mut running = Vec::with_capacity(threads);
    for index in 0..threads {
        let (tasks, others) = (tasks.clone(), queue.clone());
        let (url, look_up) = (url.clone(), Arc::clone(look_up));
        let thread = thread::Builder::new().name(format!("{name}-{index}")).spawn(move || {
            let mut session =
                ReaderSession { conn: KeptConn::new(url, Purpose::Read), begun: Begun::Nothing };
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
                        Task::Read(read) => read(&mut session),
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use diesel::prelude::*;

    use super::*;
    use crate::store::engine::migrate::migrate;

    type Readers = super::Readers<(), ()>;

    fn readers(url: &DatabaseUrl, threads: usize) -> Readers {
        let finds_nothing = |_: &mut Conn, keys: &[()]| Ok(keys.iter().map(|()| Ok(())).collect());
        Readers::start(url, finds_nothing, threads).unwrap()
    }

    #[tokio::test]
    async fn a_few_rows_do_not_wait_behind_many() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("x.db"));
        migrate(&mut Conn::open(&url, Purpose::Write).unwrap()).unwrap();
        let readers = Arc::new(readers(&url, 4));
        let mut held = Vec::new();
        // More reads than threads of either kind.
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
        let readers = readers(&url, 1);
        for size in [Size::Few, Size::Many] {
            assert_eq!(readers.read(size, Sees::OneState, |_| Ok(7)).await.unwrap(), 7);
        }
    }

    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        rows: i64,
    }

    fn count(conn: &mut Conn) -> i64 {
        let Conn::Sqlite(c, ..) = conn else { unreachable!() };
        diesel::sql_query("SELECT count(*) AS rows FROM seen").get_result::<Count>(c).unwrap().rows
    }

    /// A thread for few rows, which a test can hold, and a table to read.
    struct Bench {
        _folder: tempfile::TempDir,
        writer: Conn,
        readers: Arc<Readers>,
    }

    impl Bench {
        fn new() -> Bench {
            let folder = tempfile::tempdir().unwrap();
            let url = DatabaseUrl::Sqlite(folder.path().join("x.db"));
            let mut writer = Conn::open(&url, Purpose::Write).unwrap();
            writer.batch("CREATE TABLE seen (x)").unwrap();
            Bench { _folder: folder, writer, readers: Arc::new(readers(&url, 2)) }
        }

        fn write(&mut self) {
            self.writer.batch("INSERT INTO seen VALUES (1)").unwrap();
        }

        /// Requests a read, and returns once it is queued.
        async fn ask<T: Send + 'static>(
            &self,
            sees: Sees,
            read: impl FnOnce(&mut Conn) -> T + Send + 'static,
        ) -> tokio::task::JoinHandle<Result<T, StoreError>> {
            let readers = Arc::clone(&self.readers);
            let asked =
                tokio::spawn(async move { readers.read(Size::Few, sees, |conn| Ok(read(conn))).await });
            tokio::task::yield_now().await;
            asked
        }

        /// As [`Bench::ask`], for a read that counts, signals that it did, and waits for its release.
        async fn hold(
            &self,
        ) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<i64, StoreError>>, oneshot::Receiver<()>)
        {
            let (release, released) = mpsc::channel::<()>();
            let (begun, begins) = oneshot::channel();
            let read = move |conn: &mut Conn| {
                let rows = count(conn);
                begun.send(()).unwrap();
                released.recv().unwrap();
                rows
            };
            (release, self.ask(Sees::EachItsOwn, read).await, begins)
        }
    }

    #[tokio::test]
    async fn reads_taken_together_see_all_that_was_there_when_they_were_asked_for() {
        let mut bench = Bench::new();
        let (release, alone, begun) = bench.hold().await;
        begun.await.unwrap();
        // These wait for the thread, which takes them together.
        let (release_first, first, begun) = bench.hold().await;
        let second = bench.ask(Sees::EachItsOwn, count).await;
        let third = bench.ask(Sees::OneState, count).await;
        bench.write();
        release.send(()).unwrap();
        assert_eq!(alone.await.unwrap().unwrap(), 0);
        begun.await.unwrap();
        // This read comes after a write during the first: it must not see their snapshot.
        bench.write();
        let fourth = bench.ask(Sees::EachItsOwn, count).await;
        release_first.send(()).unwrap();
        for together in [first, second, third] {
            assert_eq!(together.await.unwrap().unwrap(), 1, "one state for all that were taken together");
        }
        assert_eq!(fourth.await.unwrap().unwrap(), 2);
    }

    #[tokio::test]
    async fn a_read_that_fails_hurts_none_that_was_taken_with_it() {
        let mut bench = Bench::new();
        bench.write();
        for away in [false, true] {
            let (release, alone, begun) = bench.hold().await;
            begun.await.unwrap();
            let panics = bench.ask(Sees::OneState, |_| -> i64 { panic!("on purpose") }).await;
            let readers = Arc::clone(&bench.readers);
            let fails = tokio::spawn(async move {
                let failed = move |_: &mut Conn| -> Result<i64, StoreError> {
                    let why = "on purpose".to_owned();
                    Err(if away { StoreError::Unavailable(why) } else { StoreError::Bug(why) })
                };
                readers.read(Size::Few, Sees::OneState, failed).await
            });
            tokio::task::yield_now().await;
            let well = [bench.ask(Sees::OneState, count).await, bench.ask(Sees::EachItsOwn, count).await];
            release.send(()).unwrap();
            alone.await.unwrap().unwrap();
            assert!(matches!(panics.await.unwrap(), Err(StoreError::Bug(_))));
            assert!(fails.await.unwrap().is_err());
            for well in well {
                assert_eq!(well.await.unwrap().unwrap(), 1);
            }
        }
        // No transaction is left open: a later read sees this write.
        bench.write();
        assert_eq!(bench.ask(Sees::EachItsOwn, count).await.await.unwrap().unwrap(), 2);
    }
}
