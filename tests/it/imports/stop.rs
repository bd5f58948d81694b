//! A clean stop gives running work back: the next process goes on with it at once, and does not wait for the lease to end.

use super::*;

const ROWS: i64 = 20_000;

both!(a_stopped_service_gives_its_imports_back, |db| async {
    let mut server = Server::start(db).await;
    let client = server.client();
    let rows: Vec<_> = (0..ROWS).map(|number| format!("person{number}@example.test,City {number}")).collect();
    let file = format!("email,city\n{}\n", rows.join("\n"));
    let job = job_id(&queue(&client, "demo", "", &file).await);
    let mut sql = Sql::open(server.site());
    wait_until("some rows are done", PATIENCE, async || sql.number(&sql::rows_done(job)) > 0).await;
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.logs());
    let done = sql.number(&sql::rows_done(job));
    assert!(done > 0 && done < ROWS, "{done} rows were done: nothing to go on with");
    assert_eq!(sql.number(&sql::is_running(job)), 0, "a stopped process holds the import");
    assert_eq!(sql.number(sql::INDEX_LEASE), 0, "a stopped process holds the search index");
    if db == Db::Sqlite {
        let log = server.site().database_file().with_extension("db-wal");
        assert!(!log.exists() || log.metadata().unwrap().len() == 0, "the stop left a write-ahead log");
    }
    let lease = sql.number(&sql::lease_number(job));
    server.spawn();
    server.ready().await;
    let end = finished(&client, "demo", job).await;
    assert_eq!(counts(&end), [ROWS, 0, 0, 0, 0, 0], "{end}");
    assert_eq!(sql.number(&sql::lease_number(job)), lease + 1, "one worker went on");
    assert_eq!(total(&client, "demo").await, ROWS.unsigned_abs());
});
