//! Which thread serves which read, and when a read ends.

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
    let few = tokio::time::timeout(Duration::from_secs(30), few).await.expect("it waits behind the others");
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
    assert_eq!(readers.search(1, Duration::from_secs(30), |_, _| Ok(7)).await.unwrap(), 7);
}

/// A search that goes on until it is told to end, and then reports that.
fn endless(
    readers: &Arc<Readers>,
    owner: i64,
    time_max: Duration,
) -> (oneshot::Receiver<()>, oneshot::Receiver<()>, tokio::task::JoinHandle<Result<(), StoreError>>) {
    let (begun, begins) = oneshot::channel();
    let (ended, ends) = oneshot::channel();
    let readers = Arc::clone(readers);
    let asked = tokio::spawn(async move {
        let read = move |_: &mut Conn, wanted: &Wanted| {
            begun.send(()).unwrap();
            while wanted.check().is_ok() {
                thread::yield_now();
            }
            ended.send(()).unwrap();
            wanted.check()
        };
        readers.search(owner, time_max, read).await
    });
    (begins, ends, asked)
}

#[tokio::test]
async fn a_search_ends_with_its_asker() {
    let bench = Bench::new();
    let (begun, ended, asked) = endless(&bench.readers, 1, Duration::from_hours(1));
    begun.await.unwrap();
    // These wait for the same thread, and nobody waits for them any more when their turn comes.
    let abandoned: Vec<_> = (0..20).map(|_| endless(&bench.readers, 1, Duration::from_hours(1))).collect();
    tokio::task::yield_now().await;
    for (_, _, asked) in &abandoned {
        asked.abort();
    }
    asked.abort();
    ended.await.unwrap();
    assert_eq!(bench.readers.search(1, Duration::from_secs(30), |_, _| Ok(7)).await.unwrap(), 7);
    for (begun, _, _) in abandoned {
        assert!(begun.await.is_err(), "it began for nobody");
    }
}

#[tokio::test]
async fn a_search_has_a_deadline_and_who_waited_in_vain_is_told_so() {
    let bench = Bench::new();
    let (begun, ended, slow) = endless(&bench.readers, 1, Duration::from_millis(200));
    begun.await.unwrap();
    let (_, _, waits) = endless(&bench.readers, 1, Duration::from_millis(50));
    assert!(matches!(waits.await.unwrap(), Err(StoreError::Busy)));
    assert!(matches!(slow.await.unwrap(), Err(StoreError::Slow)));
    ended.await.unwrap();
}

#[tokio::test]
async fn searches_of_one_hold_up_neither_those_of_others_nor_lists() {
    let bench = Bench::new();
    let mut held: Vec<_> = (0..20).map(|_| endless(&bench.readers, 1, Duration::from_hours(1))).collect();
    let (begun, _, _) = &mut held[0];
    begun.await.unwrap();
    let patience = Duration::from_secs(30);
    assert_eq!(bench.readers.search(2, patience, |_, _| Ok(7)).await.unwrap(), 7);
    let list = bench.readers.read(Size::Many, Sees::OneState, |_| Ok(7));
    assert_eq!(tokio::time::timeout(patience, list).await.expect("it waits").unwrap(), 7);
    for (_, _, asked) in held {
        asked.abort();
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
        let asked = tokio::spawn(async move { readers.read(Size::Few, sees, |conn| Ok(read(conn))).await });
        tokio::task::yield_now().await;
        asked
    }

    /// As [`Bench::ask`], for a read that counts, signals that it did, and waits for its release.
    async fn hold(
        &self,
    ) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<i64, StoreError>>, oneshot::Receiver<()>) {
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
