//! Reader threads: each owns a connection; a read is a closure on one of them. Half of them are for reads of a few
//! rows, which would otherwise wait behind lists and searches.
//!
//! Of those, a thread takes what waits for it together. On SQLite it reads all that from one state of the database: to
//! begin and to end a read there costs as much as a look-up. On PostgreSQL it looks all keys among them up in one
//! statement: a round trip to the server costs more than ten look-ups.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use super::conn::{Conn, DatabaseUrl, KeptConn, Purpose};
use super::error::StoreError;

/// How many reads may wait for a thread.
const QUEUE_MAX: usize = 1024;

/// The most reads of a few rows that one thread takes at once.
const TOGETHER_MAX: usize = 8;
/// As [`TOGETHER_MAX`], on PostgreSQL.
const TOGETHER_MAX_POSTGRES: usize = 32;

/// What each of several keys leads to: one that cannot be read hurts none of the others.
pub(crate) type Results<F> = Vec<Result<F, StoreError>>;

/// How threads look keys up that are asked for one by one.
pub(crate) trait LookUp: Send + Sync + 'static {
    /// A key.
    type Key: Send;
    /// What it leads to.
    type Found;

    /// What some keys lead to, in their order; each is one statement, which needs no transaction.
    ///
    /// # Errors
    /// What is wrong with the connection.
    fn look_up(&self, conn: &mut Conn, keys: &[Self::Key]) -> Result<Results<Self::Found>, StoreError>;
}

/// A read, on a thread's session.
type Read = Box<dyn FnOnce(&mut ReaderSession) + Send>;

/// Something to read.
enum Task<L: LookUp> {
    /// Anything.
    Read(Read),
    /// A key.
    LookUp(L::Key, Answer<L>),
}

/// Takes what a key leads to.
type Answer<L> = Box<dyn FnOnce(Result<<L as LookUp>::Found, StoreError>) + Send>;

/// What a thread reads by.
struct ReaderSession {
    conn: KeptConn,
    begun: Begun,
}

/// What is begun on a thread's connection.
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
pub(crate) struct Readers<L: LookUp> {
    few: Sender<Task<L>>,
    many: Sender<Task<L>>,
}

impl<L: LookUp> Readers<L> {
    /// Starts some reader threads, half of them for each [`Size`] (one alone reads all); they end when this is dropped.
    ///
    /// # Errors
    /// The operating system's, when it gives no thread.
    pub(crate) fn start(url: &DatabaseUrl, look_up: L, threads: usize) -> std::io::Result<Readers<L>> {
        let look_up = Arc::new(look_up);
        let for_few = threads / 2;
        let together = match url {
            DatabaseUrl::Sqlite(_) => TOGETHER_MAX,
            DatabaseUrl::Postgres(_) => TOGETHER_MAX_POSTGRES,
        };
        let many = lane(url, &look_up, "reader", threads.max(1) - for_few, 1)?;
        let few = match for_few {
            0 => many.clone(),
            _ => lane(url, &look_up, "reader-few", for_few, together)?,
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
                    session.end(Begun::Own);
                    drop(reply.send(result));
                }
                // A round trip to the server, for which nobody need wait.
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

    /// What `render` makes of what a key leads to, on the thread that reads it.
    ///
    /// # Errors
    /// As [`Readers::read`].
    pub(crate) async fn look_up<T: Send + 'static>(
        &self,
        key: L::Key,
        render: impl FnOnce(L::Found) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let answer_it = Box::new(move |found: Result<L::Found, StoreError>| {
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

/// Starts some threads that share a queue, of which each takes so many reads at once.
fn lane<L: LookUp>(
    url: &DatabaseUrl,
    look_up: &Arc<L>,
    name: &str,
    threads: usize,
    together: usize,
) -> std::io::Result<Sender<Task<L>>> {
    let (queue, tasks): (Sender<Task<L>>, Receiver<Task<L>>) = bounded(QUEUE_MAX);
    for index in 0..threads {
        let (tasks, url, look_up) = (tasks.clone(), url.clone(), Arc::clone(look_up));
        thread::Builder::new().name(format!("{name}-{index}")).spawn(move || {
            let mut session =
                ReaderSession { conn: KeptConn::new(url, Purpose::Read), begun: Begun::Nothing };
            let mut taken = Vec::with_capacity(together);
            while let Ok(first) = tasks.recv() {
                taken.push(first);
                // No more than its share, so that none of the others is left without.
                let share = tasks.len().div_ceil(threads).min(together - 1);
                taken.extend(tasks.try_iter().take(share));
                // Only now: what is read sees all that was there when it was asked for.
                if taken.len() > 1 {
                    session.share();
                }
                let (mut keys, mut answers) = (Vec::new(), Vec::new());
                for task in taken.drain(..) {
                    match task {
                        Task::Read(read) => read(&mut session),
                        Task::LookUp(key, answer) => {
                            keys.push(key);
                            answers.push(answer);
                        }
                    }
                }
                session.look_up(&*look_up, &keys, answers);
                session.end(Begun::Shared);
            }
        })?;
    }
    Ok(queue)
}

impl ReaderSession {
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

    /// Ends what was begun, if it is this.
    fn end(&mut self, begun: Begun) {
        if self.begun != begun {
            return;
        }
        self.begun = Begun::Nothing;
        if self.conn.open().is_some_and(|conn| !conn.end_read()) {
            self.leave();
        }
    }

    /// Runs a read; a connection that is of no more use is left. What the read may have begun is for
    /// [`ReaderSession::end`] to end.
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
        let conn = self.conn.get()?;
        if sees == Sees::OneState && self.begun != Begun::Shared {
            conn.begin_read()?;
            self.begun = Begun::Own;
        }
        let result = catch_unwind(AssertUnwindSafe(|| read(conn)));
        result.unwrap_or_else(|_| Err(panicked()))
    }

    /// Looks up what is waited for.
    fn look_up<L: LookUp>(&mut self, look_up: &L, keys: &[L::Key], answers: Vec<Answer<L>>) {
        if keys.is_empty() {
            return;
        }
        metrics::histogram!("customary_reader_batch_customers").record(count(keys.len()));
        match self.run(Sees::EachItsOwn, |conn| look_up.look_up(conn, keys)) {
            Ok(found) => answers.into_iter().zip(found).for_each(|(answer, found)| answer(found)),
            Err(error) => answers.into_iter().for_each(|answer| answer(Err(error.for_another()))),
        }
    }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a few dozen at most")]
fn count(keys: usize) -> f64 {
    keys as f64
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use diesel::prelude::*;

    use super::*;
    use crate::store::engine::migrate::migrate;

    /// Looks nothing up.
    struct Nothing;

    impl LookUp for Nothing {
        type Key = ();
        type Found = ();

        fn look_up(&self, _: &mut Conn, keys: &[()]) -> Result<Results<()>, StoreError> {
            Ok(keys.iter().map(|()| Ok(())).collect())
        }
    }

    type Readers = super::Readers<Nothing>;

    fn readers(url: &DatabaseUrl, threads: usize) -> Readers {
        Readers::start(url, Nothing, threads).unwrap()
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
