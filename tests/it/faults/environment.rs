//! Errors of the environment decide no row: whatever the database refuses for a reason of its own is 503 to a caller, and
//! an import tries it again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::*;

/// More workers than an import blames a row for.
const WORKERS: usize = 8;

both!(rules_9_no_row_is_rejected_for_the_environment, |db| async {
    const ROWS: usize = 300;
    let mut server = Server::start(db).await;
    let client = server.client();
    let mut sql = Sql::open(server.site());
    sql.run(&sql::refuse_for_environment(db, 0));
    let id = queue(&client, "demo", &rows(0, ROWS)).await;
    // Each worker finds the same fault, and each ends without having done a row.
    for worker in 0..WORKERS {
        sql.run(&sql::refuse_for_environment(db, worker));
        let is_refused = async || sql.number(sql::ATTEMPTS) == 0 && sql.number(sql::RUNNING_JOB) > 0;
        wait_until("a step is refused", Duration::from_mins(1), is_refused).await;
        assert_eq!(try_create(&client, "demo", "x@example.test").await.status, 503);
        server.kill9();
        sql.run(sql::EXPIRE_LEASES);
        server.restart().await;
        let is_taken = async || sql.number(sql::LEASES_TAKEN) > i64::try_from(worker).unwrap() + 1;
        wait_until("the next worker takes the job", Duration::from_mins(1), is_taken).await;
    }
    sql.run(&sql::refuse_no_more(db));
    let job = over(&client, "demo", id).await;
    assert_eq!(job["state"], "finished", "{job}");
    assert_eq!((&job["added"], &job["rejected"]), (&json!(ROWS), &json!(0)), "{job}");
    assert_eq!(total(&client, "demo").await, ROWS as u64);
    let logs = server.logs();
    assert!(!logs.contains("retries it in halves"), "{logs}");
});

#[tokio::test]
async fn rules_9_statements_that_the_server_cancels_decide_no_row() {
    const ROWS: usize = 4_000;
    let server = Server::start(Db::Postgres).await;
    let client = server.client();
    let mut sql = Sql::open(server.site());
    let stop = Arc::new(AtomicBool::new(false));
    let is_over = Arc::clone(&stop);
    let cancelling = tokio::task::spawn_blocking(move || {
        let mut cancelled = 0;
        while !is_over.load(Relaxed) {
            cancelled += sql.number(sql::CANCEL_STATEMENTS);
            std::thread::sleep(Duration::from_millis(3));
        }
        cancelled
    });
    let id = wait_for("the file is queued", PATIENCE, async || {
        let path = "/api/Import/customersForm/demo?async=true";
        let request = client.request(Method::POST, path).header("Content-Type", "text/csv");
        let answer = send(request.body(rows(0, ROWS))).await;
        assert!([202, 503].contains(&answer.status), "{}", answer.text);
        answer.json["jobId"].as_u64().ok_or(answer.text)
    })
    .await;
    let mut refused = 0;
    for n in 0..300 {
        let answer = try_create(&client, "demo", &format!("c{n}@example.test")).await;
        assert!([200, 503].contains(&answer.status), "{}", answer.text);
        refused += usize::from(answer.status == 503);
        let answer = client.get("/api/Query/customers/demo?search=c1@exa").await;
        assert!([200, 503].contains(&answer.status), "{}", answer.text);
    }
    stop.store(true, Relaxed);
    let cancelled = cancelling.await.unwrap();
    println!("{cancelled} statements cancelled, {refused} creates refused");
    assert!(cancelled > 0, "no statement was cancelled, so this proves nothing");
    let job = over(&client, "demo", id).await;
    assert_eq!((&job["added"], &job["rejected"]), (&json!(ROWS), &json!(0)), "{job}");
}
