//! Reader threads: each owns a connection; a read is a closure on one of them. Half of them are for reads of a few
//! rows, which would otherwise wait behind lists and searches.
//!
//! Of those, a thread takes what waits for it together. On SQLite it reads all that from one state of the database: to
//! begin and to end a read there costs as much as to look a customer up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use super::conn::{Conn, DatabaseUrl, Purpose};
use super::error::StoreError;

/// How many reads may wait for a thread.
const QUEUE_MAX: usize = 1024;

/// The most reads of a few rows that one thread takes at once.
const TOGETHER_MAX: usize = 8;

type Task = Box<dyn FnOnce(&mut Session, &DatabaseUrl) + Send>;

/// What a thread reads by.
#[derive(Default)]
struct Session {
    conn: Option<Conn>,
    /// Whether several reads see the state of the database that the first one sees.
    is_shared: bool,
}

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
        let many = lane(url, "reader", threads.max(1) - for_few, 1)?;
        let few = if for_few == 0 { many.clone() } else { lane(url, "reader-few", for_few, TOGETHER_MAX)? };
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
        let task: Task = Box::new(move |session, url| {
            let result = session.run(url, sees, read);
            if result.as_ref().err().is_some_and(StoreError::is_of_connection) {
                *session = Session::default();
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

/// Starts some threads that share a queue, of which each takes so many reads at once.
fn lane(url: &DatabaseUrl, name: &str, threads: usize, together: usize) -> std::io::Result<Sender<Task>> {
    let (queue, tasks): (Sender<Task>, Receiver<Task>) = bounded(QUEUE_MAX);
    for index in 0..threads {
        let tasks = tasks.clone();
        let url = url.clone();
        thread::Builder::new().name(format!("{name}-{index}")).spawn(move || {
            let mut session = Session::default();
            let mut taken = Vec::with_capacity(together);
            while let Ok(first) = tasks.recv() {
                taken.push(first);
                // No more than its share, so that none of the others is left without.
                let share = tasks.len().div_ceil(threads).min(together - 1);
                taken.extend(tasks.try_iter().take(share));
                // Only now: what is read sees all that was there when it was asked for.
                if taken.len() > 1 {
                    session.share(&url);
                }
                for task in taken.drain(..) {
                    task(&mut session, &url);
                }
                session.end();
            }
        })?;
    }
    Ok(queue)
}

impl Session {
    fn conn(&mut self, url: &DatabaseUrl) -> Result<&mut Conn, StoreError> {
        match &mut self.conn {
            Some(conn) => Ok(conn),
            none => Ok(none.insert(Conn::open(url, Purpose::Read)?)),
        }
    }

    /// Has the reads that follow see one state, where that is the cheaper. Where it fails, each begins by itself, and
    /// tells what is wrong.
    fn share(&mut self, url: &DatabaseUrl) {
        if let DatabaseUrl::Sqlite(_) = url {
            self.is_shared = self.conn(url).is_ok_and(|conn| conn.begin_read().is_ok());
        }
    }

    /// Ends what [`Session::share`] began.
    fn end(&mut self) {
        if std::mem::take(&mut self.is_shared)
            && let Some(conn) = &mut self.conn
        {
            conn.end_read();
        }
    }

    fn run<T>(
        &mut self,
        url: &DatabaseUrl,
        sees: Sees,
        read: impl FnOnce(&mut Conn) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let begins = sees == Sees::OneState && !self.is_shared;
        let conn = self.conn(url)?;
        if begins {
            conn.begin_read()?;
        }
        let result = catch_unwind(AssertUnwindSafe(|| read(conn)));
        if begins {
            conn.end_read();
        }
        result.unwrap_or_else(|_| Err(StoreError::Bug("a read panicked".into())))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use diesel::prelude::*;

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
            Bench { _folder: folder, writer, readers: Arc::new(Readers::start(&url, 2).unwrap()) }
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
