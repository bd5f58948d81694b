//! Clocks that are wrong: no lease lasts longer than leases last.

use super::*;

/// How long a lease lasts, with time for the rest.
const TAKEN_OVER_WITHIN: Duration = Duration::from_mins(1);

both!(an_import_killed_by_a_clock_an_hour_ahead_goes_on, |db| async {
    const ROWS: usize = 500;
    let mut server = Server::start(db).await;
    let client = server.client();
    let mut sql = Sql::open(server.site());
    // It cannot end before it is killed.
    sql.run(&sql::refuse_for_environment(db, 0));
    let finishing = queue(&client, "demo", &rows(0, ROWS)).await;
    let is_running = async || sql.number(sql::RUNNING_JOBS) == 1;
    wait_until("the import runs", TAKEN_OVER_WITHIN, is_running).await;
    server.kill9();
    sql.run(&sql::refuse_no_more(db));
    sql.run(sql::LEASES_AN_HOUR_AHEAD);
    server.restart().await;
    let over = tokio::time::timeout(TAKEN_OVER_WITHIN, over(&client, "demo", finishing)).await;
    let job = over.expect("the import hangs");
    assert_eq!((&job["state"], &job["added"]), (&json!("finished"), &json!(ROWS)), "{job}");
});

both!(an_import_of_a_clock_an_hour_ahead_can_be_cancelled, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let mut sql = Sql::open(server.site());
    let id = queue(&client, "demo", &rows(0, 10)).await;
    over(&client, "demo", id).await;
    // The service may take the job first; then the test tries again.
    let again = sql::run_again_an_hour_ahead(id);
    let cancel = format!("/api/Import/jobs/demo/{id}/cancel");
    for _ in 0..20 {
        sql.run(&again);
        let answer = client.send(Method::POST, &cancel, None, &[]).await.expect(200);
        if answer.json["state"] == "cancelled" {
            return;
        }
        super::over(&client, "demo", id).await;
    }
    panic!("the import was never cancelled at once");
});

both!(the_index_is_maintained_after_a_clock_was_an_hour_ahead, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let mut sql = Sql::open(server.site());
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let is_flushed = async || sql.number(sql::MEMTABLE_ROWS) == 0;
    wait_until("the terms are in a segment", TAKEN_OVER_WITHIN, is_flushed).await;
    sql.run(sql::INDEX_LEASE_AN_HOUR_AHEAD);
    client.delete(&format!("{}?erase=true", path(id))).await.expect(200);
    let is_scrubbed = async || sql.number(sql::ERASED_TOMBSTONES) == 0;
    wait_until("the erased person's terms are gone", TAKEN_OVER_WITHIN, is_scrubbed).await;
});
