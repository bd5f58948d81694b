//! Rule 4 through crashes: instances are killed at random moments under load, clients retry with their keys, and at the
//! end nothing acknowledged is missing, nothing is doubled, no key is stuck (`load` keeps the clients' books).
//!
//! `CRASH_KILLS` sets the number of kills; the long form is 100 and more:
//! `CRASH_KILLS=100 cargo nextest run crash::rules_4`. `TEST_SEED` repeats a run's choices, though not its timing.

mod load;

use std::time::Duration;

use diesel::prelude::*;
use fastrand::Rng;
use serde_json::json;

use crate::harness::*;
use load::Load;

/// Enough to be in every kind of operation at once, few enough for a small machine.
const CLIENTS: usize = 6;
const FIRST_STARTS: usize = 6;

async fn pause(rng: &mut Rng, at_most_ms: u64) {
    tokio::time::sleep(Duration::from_millis(rng.u64(..=at_most_ms))).await;
}

fleets!(rules_4_killed_at_random_moments_nothing_is_lost_doubled_or_stuck, |fleet| async {
    let mut fleet = fleet;
    let mut rng = seeded();
    let kills = setting("CRASH_KILLS", 8);
    let load = Load::start(&fleet, CLIENTS, &mut rng);
    for _ in 0..kills {
        pause(&mut rng, 500).await;
        load.still_running();
        let victim = rng.usize(..fleet.servers.len());
        let victim = &mut fleet.servers[victim];
        victim.kill9();
        // While it starts is a moment like any other.
        if rng.u8(..4) == 0 {
            victim.spawn();
            pause(&mut rng, 80).await;
            victim.kill9();
        }
        pause(&mut rng, 100).await;
        victim.restart().await;
    }
    pause(&mut rng, 500).await;
    let books = load.finish().await;
    println!("{kills} kills: {books}");
    assert!(books.interrupted > 0, "no kill met a request: the load is too light to prove anything");
    books.check(&fleet).await;
    closes_clean(&mut fleet).await;
});

fleets!(rules_4_terminated_under_load_it_exits_0_and_nothing_is_lost, |fleet| async {
    let mut fleet = fleet;
    let mut rng = seeded();
    let load = Load::start(&fleet, CLIENTS, &mut rng);
    for _ in 0..3 {
        pause(&mut rng, 500).await;
        load.still_running();
        let victim = rng.usize(..fleet.servers.len());
        let status = fleet.servers[victim].terminate().await;
        assert_eq!(status.code(), Some(0), "{}", fleet.servers[victim].logs());
        fleet.servers[victim].restart().await;
    }
    pause(&mut rng, 300).await;
    let books = load.finish().await;
    println!("3 terminations: {books}");
    books.check(&fleet).await;
    closes_clean(&mut fleet).await;
});

both!(a_first_start_killed_at_a_random_moment_is_taken_up_by_the_next, |db| async {
    let mut rng = seeded();
    for _ in 0..FIRST_STARTS {
        let mut server = Server::new(&Site::new(db), 0);
        for _ in 0..2 {
            server.spawn();
            pause(&mut rng, 150).await;
            server.kill9();
        }
        server.restart().await;
        let body = json!({"email": "first@example.test"});
        let answer = server.client().create("demo", &body, &[], &[]).await.expect(200);
        assert_eq!(answer.outcome(), "created");
        server.cli(&["doctor"]).success();
    }
});

/// `doctor` finds nothing, beside running instances and after they ended, and neither does SQLite in its file.
async fn closes_clean(fleet: &mut Fleet) {
    fleet.site().cli(&["doctor"]).success();
    for server in &mut fleet.servers {
        let status = server.terminate().await;
        assert_eq!(status.code(), Some(0), "{}", server.logs());
    }
    fleet.site().cli(&["doctor"]).success();
    if fleet.site().db == Db::Sqlite {
        let file = fleet.site().database_file();
        let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
        let findings: Vec<Finding> =
            diesel::sql_query("PRAGMA integrity_check").load(&mut connection).unwrap();
        let findings: Vec<_> = findings.iter().map(|finding| finding.integrity_check.as_str()).collect();
        assert_eq!(findings, ["ok"]);
    }
}

#[derive(QueryableByName)]
struct Finding {
    #[diesel(sql_type = diesel::sql_types::Text)]
    integrity_check: String,
}
