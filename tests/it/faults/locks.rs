//! Locks that somebody else holds: a caller gets 503 soon, and other entrypoints go on.

use std::time::Instant;

use super::*;

/// A caller must have an answer by then. The service gives up after 5.5 s.
const ANSWERED_WITHIN: Duration = Duration::from_secs(8);

both!(a_lock_from_outside_is_503_soon_however_many_wait, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    new_entry(server.site(), "other", &[]);
    created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let mut locker = Sql::open(server.site());
    // Imports wait for the same lock, on the same writers: they cannot end before it is taken.
    locker.run(&sql::refuse_for_environment(db, 0));
    for n in 0..3 {
        queue(&client, "demo", &rows(n * 1_000, 1_000)).await;
    }
    locker.run(&sql::refuse_no_more(db));
    locker.run(&sql::lock_entrypoint(db, 1));
    let asked = at_once((0..24).map(|n| {
        let client = client.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(250 * n)).await;
            let begun = Instant::now();
            let answer = try_create(&client, "demo", &format!("c{n}@example.test")).await;
            (answer.status, begun.elapsed())
        }
    }));
    let others = async {
        let mut slowest = Duration::ZERO;
        if db == Db::Postgres {
            for n in 0..20 {
                let begun = Instant::now();
                try_create(&client, "other", &format!("c{n}@example.test")).await.expect(200);
                slowest = slowest.max(begun.elapsed());
            }
        }
        slowest
    };
    let (asked, slowest) = tokio::join!(asked, others);
    for (status, took) in asked {
        assert_eq!(status, 503);
        assert!(took < ANSWERED_WITHIN, "an answer after {took:?}");
    }
    assert!(slowest < ANSWERED_WITHIN, "another entrypoint waited for {slowest:?}");
    locker.run("ROLLBACK");
    wait_until("creates succeed again", PATIENCE, async || {
        try_create(&client, "demo", "bob@example.test").await.status == 200
    })
    .await;
});

both!(a_stop_does_not_wait_for_a_lock_from_outside, |db| async {
    let mut server = Server::start(db).await;
    let client = server.client();
    created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let mut locker = Sql::open(server.site());
    locker.run(&sql::lock_entrypoint(db, 1));
    let asked = tokio::spawn(async move {
        let body = json!({"email": "bob@example.test"});
        client.try_send(Method::POST, "/api/Customer/single/demo", Some(&body), &[]).await
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.logs());
    if let Ok(answer) = asked.await.unwrap() {
        assert_eq!(answer.status, 503, "{}", answer.text);
    }
});
