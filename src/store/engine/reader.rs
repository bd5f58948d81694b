//! Reader threads: each owns a connection; a read is a closure on one of them. Half of them are for reads of a few
//! rows, which would otherwise wait behind lists and searches.
//!
//! Of those, a thread takes what waits for it together. On SQLite it reads all that from one state of the database: to
//! begin and to end a read there costs as much as to look a customer up. On PostgreSQL it asks for all customers among
//! them in one statement: a round trip to the server costs more than to look ten up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use super::conn::{Conn, DatabaseUrl, KeptConn, Purpose};
use super::error::StoreError;
use crate::store::customers::find::{self, FindResult, Found};
use crate::store::customers::record_cache::RecordCache;
use crate::store::keys::keyring::KeyRing;

/// How many reads may wait for a thread.
const QUEUE_MAX: usize = 1024;

/// The most reads of a few rows that one thread takes at once.
const TOGETHER_MAX: usize = 8;
/// As [`TOGETHER_MAX`], on PostgreSQL.
const TOGETHER_MAX_POSTGRES: usize = 32;

/// How long a read that was begun ahead may wait for its first statement: less than PostgreSQL lets a transaction be idle.
const AHEAD_MAX: Duration = Duration::from_secs(3);

/// A read, on a thread's session.
type Read = Box<dyn FnOnce(&mut ReaderSession) + Send>;

/// Something to read.
enum Task {
    /// Anything.
    Read(Read),
    /// A customer.
    Customer(Wanted),
}

/// A customer that somebody waits for.
struct Wanted {
    entrypoint_id: i64,
    id: i64,
    tell: Box<dyn FnOnce(FindResult) + Send>,
}

/// What a thread reads by.
struct ReaderSession {
    conn: KeptConn,
    begun: Begun,
    /// Whether the end of a read begins the next one.
    begins_ahead: bool,
}

/// What is begun on a thread's connection, besides the next read: that has no state yet, which it gets with its first
/// statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begun {
    Nothing,
    /// Several reads, which see the state of the database that the first of them sees.
    Shared,
    /// A read, with a state of its own.
    Own,
}

/// What a read of several statements sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sees {
    /// One state of the database in all of them.
    OneState,
    /// A state of its own in each: for reads of one, to which a transaction would only add two more.
    EachItsOwn,
}

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// A few rows, found by keys: a record, a match, a setting.
    Few,
    /// Any number of rows.
    Many,
}

/// The threads that read.
#[derive(Debug)]
pub(crate) struct Readers {
    few: Sender<Task>,
    many: Sender<Task>,
}

impl Readers {
    /// Starts some reader threads, half of them for each [`Size`] (one alone reads all); they end when this is dropped.
    ///
    /// # Errors
    /// The operating system's, when it gives no thread.
    pub(crate) fn start(
        url: &DatabaseUrl,
        ring: &Arc<KeyRing>,
        record_cache: &Arc<RecordCache>,
        threads: usize,
    ) -> std::io::Result<Readers> {
        let for_few = threads / 2;
        let together = match url {
            DatabaseUrl::Sqlite(_) => TOGETHER_MAX,
            DatabaseUrl::Postgres(_) => TOGETHER_MAX_POSTGRES,
        };
        let many = lane(url, ring, record_cache, "reader", threads.max(1) - for_few, 1)?;
        let few = match for_few {
            0 => many.clone(),
            _ => lane(url, ring, record_cache, "reader-few", for_few, together)?,
        };
        Ok(Readers { few, many })
    }

    /// Runs a read, on one state of the database where it says so.
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
                // Whoever erases next must not find a read in his way.
                DatabaseUrl::Sqlite(_) => {
                    session.end_own();
                    drop(reply.send(result));
                }
                // A round trip to the server, for which nobody need wait.
                DatabaseUrl::Postgres(_) => {
                    drop(reply.send(result));
                    session.end_own();
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

    /// What `tell` makes of a customer of an entrypoint, on the thread that reads it; `None` where there is none.
    ///
    /// # Errors
    /// As [`Readers::read`]; [`StoreError::Corrupt`].
    pub(crate) async fn customer<T: Send + 'static>(
        &self,
        entrypoint_id: i64,
        id: i64,
        tell: impl FnOnce(Found) -> T + Send + 'static,
    ) -> Result<Option<T>, StoreError> {
        let (reply, answer) = oneshot::channel();
        let tell = Box::new(move |told: FindResult| {
            let told = catch_unwind(AssertUnwindSafe(|| Ok(told?.map(tell))));
            drop(reply.send(told.unwrap_or_else(|_| Err(panicked()))));
        });
        queued(&self.few, Task::Customer(Wanted { entrypoint_id, id, tell }))?;
        answer.await.map_err(|_| StoreError::Bug("a reader went away".into()))?
    }
}

fn queued(queue: &Sender<Task>, task: Task) -> Result<(), StoreError> {
    queue.try_send(task).map_err(|error| match error {
        TrySendError::Full(_) => StoreError::Busy,
        TrySendError::Disconnected(_) => StoreError::Unavailable("shutting down".into()),
    })
}

fn panicked() -> StoreError {
    StoreError::Bug("a read panicked".into())
}

/// Starts some threads that share a queue, of which each takes so many reads at once.
fn lane(
    url: &DatabaseUrl,
    ring: &Arc<KeyRing>,
    record_cache: &Arc<RecordCache>,
    name: &str,
    threads: usize,
    together: usize,
) -> std::io::Result<Sender<Task>> {
    let (queue, tasks): (Sender<Task>, Receiver<Task>) = bounded(QUEUE_MAX);
    for index in 0..threads {
        let tasks = tasks.clone();
        let (url, ring, record_cache) = (url.clone(), Arc::clone(ring), Arc::clone(record_cache));
        thread::Builder::new().name(format!("{name}-{index}")).spawn(move || {
            let begins_ahead = together == 1 && matches!(url, DatabaseUrl::Postgres(_));
            let mut session = ReaderSession::new(url, begins_ahead);
            let mut taken = Vec::with_capacity(together);
            let mut wanted = Vec::with_capacity(together);
            loop {
                let first = if session.conn.is_begun() {
                    tasks.recv_timeout(AHEAD_MAX)
                } else {
                    tasks.recv().map_err(|_| RecvTimeoutError::Disconnected)
                };
                let first = match first {
                    Ok(first) => first,
                    Err(RecvTimeoutError::Timeout) => {
                        session.conn.rest();
                        continue;
                    }
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                taken.push(first);
                // No more than its share, so that none of the others is left without.
                let share = tasks.len().div_ceil(threads).min(together - 1);
                taken.extend(tasks.try_iter().take(share));
                // Only now: what is read sees all that was there when it was asked for.
                if taken.len() > 1 {
                    session.share();
                }
                for task in taken.drain(..) {
                    match task {
                        Task::Read(read) => read(&mut session),
                        Task::Customer(customer) => wanted.push(customer),
                    }
                }
                session.find(&ring, &record_cache, &mut wanted);
                session.end();
            }
        })?;
    }
    Ok(queue)
}

impl ReaderSession {
    fn new(url: DatabaseUrl, begins_ahead: bool) -> ReaderSession {
        ReaderSession { conn: KeptConn::new(url, Purpose::Read), begun: Begun::Nothing, begins_ahead }
    }

    /// Leaves the connection, and with it whatever was begun there.
    fn leave(&mut self) {
        self.conn.leave();
        self.begun = Begun::Nothing;
    }

    /// Has the reads that follow see one state, where that is the cheaper. Where it fails, each begins by itself, and
    /// tells what is wrong.
    fn share(&mut self) {
        if let DatabaseUrl::Sqlite(_) = self.conn.url()
            && self.conn.get().is_ok_and(|conn| conn.begin_read().is_ok())
        {
            self.begun = Begun::Shared;
        }
    }

    /// Ends what [`ReaderSession::share`] began.
    fn end(&mut self) {
        self.end_if(Begun::Shared);
    }

    /// Ends what was begun, if it is this.
    fn end_if(&mut self, begun: Begun) {
        if self.begun != begun {
            return;
        }
        self.begun = Begun::Nothing;
        if self.conn.open().is_some_and(|conn| !conn.end_read()) {
            self.leave();
        }
    }

    /// Ends the state that a read had to itself, and begins the next read where that is done ahead.
    fn end_own(&mut self) {
        if self.begun != Begun::Own || !self.begins_ahead {
            return self.end_if(Begun::Own);
        }
        self.begun = Begun::Nothing;
        match self.conn.open().map(Conn::end_and_begin_read) {
            Some(Ok(())) => self.conn.set_begun(),
            _ => self.leave(),
        }
    }

    /// Runs a read; a connection that is of no more use is left. What the read may have begun is for
    /// [`ReaderSession::end_own`] to end.
    fn run<T>(
        &mut self,
        sees: Sees,
        read: impl FnOnce(&mut Conn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let result = self.try_run(sees, read);
        if result.as_ref().err().is_some_and(StoreError::is_of_connection) {
            self.leave();
        }
        result
    }

    fn try_run<T>(
        &mut self,
        sees: Sees,
        read: impl FnOnce(&mut Conn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let conn = if sees == Sees::OneState && self.begun != Begun::Shared {
            let (conn, is_begun) = self.conn.get_begun()?;
            if !is_begun {
                conn.begin_read()?;
            }
            self.begun = Begun::Own;
            conn
        } else {
            self.conn.get()?
        };
        let result = catch_unwind(AssertUnwindSafe(|| read(conn)));
        result.unwrap_or_else(|_| Err(panicked()))
    }

    /// Finds the customers that are waited for.
    fn find(&mut self, ring: &KeyRing, record_cache: &RecordCache, wanted: &mut Vec<Wanted>) {
        if wanted.is_empty() {
            return;
        }
        metrics::histogram!("customary_reader_batch_customers").record(count(wanted.len()));
        let places: Vec<(i64, i64)> = wanted.iter().map(|one| (one.entrypoint_id, one.id)).collect();
        // A key that is read in a statement of its own never changes.
        match self.run(Sees::EachItsOwn, |conn| find::find_each(conn, ring, record_cache, &places)) {
            Ok(told) => wanted.drain(..).zip(told).for_each(|(one, told)| (one.tell)(told)),
            Err(error) => wanted.drain(..).for_each(|one| (one.tell)(Err(error.for_another()))),
        }
    }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a few dozen at most")]
fn count(customers: usize) -> f64 {
    customers as f64
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use diesel::prelude::*;

    use super::*;
    use crate::store::engine::migrate::migrate;
    use crate::vault::MasterKey;

    fn readers(url: &DatabaseUrl, threads: usize) -> Readers {
        let ring = Arc::new(KeyRing::new(MasterKey::parse(&MasterKey::generate().unwrap()).unwrap()));
        Readers::start(url, &ring, &Arc::new(RecordCache::new(0)), threads).unwrap()
    }

    #[tokio::test]
    async fn a_few_rows_do_not_wait_behind_many() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("x.db"));
        migrate(&mut Conn::open(&url, Purpose::Write).unwrap()).unwrap();
        let readers = Arc::new(readers(&url, 4));
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

    /// A thread for few rows that waits for a word, and a table to look at.
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

        /// Asks for a read, and comes back when it is queued.
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

        /// As [`Bench::ask`], for a read that counts, says so, and then waits to be released.
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
        // These wait for the thread, and are taken together.
        let (release_first, first, begun) = bench.hold().await;
        let second = bench.ask(Sees::EachItsOwn, count).await;
        let third = bench.ask(Sees::OneState, count).await;
        bench.write();
        release.send(()).unwrap();
        assert_eq!(alone.await.unwrap().unwrap(), 0);
        begun.await.unwrap();
        // Written while the first is read, and then asked for: it must not be told the state that those see.
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
        // Nothing is left open: what is written is seen.
        bench.write();
        assert_eq!(bench.ask(Sees::EachItsOwn, count).await.await.unwrap().unwrap(), 2);
    }
}
