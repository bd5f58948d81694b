//! Rule 4 through crashes: the tests kill instances at random moments under load, and clients retry with their keys. In
//! the end nothing acknowledged is missing, nothing is doubled, and no key is stuck (`load` keeps the ledger).
//!
//! `CRASH_KILLS` sets the number of kills; the long form is 100 and more:
//! `CRASH_KILLS=100 cargo nextest run crash::rules_4`. `TEST_SEED` repeats a run's choices, though not its timing.

mod load;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use diesel::prelude::*;
use fastrand::Rng;
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::harness::*;
use crate::support::{Sql, created, new_entry, path, sql, total};
use load::Load;

/// Enough clients for every kind of operation at once, few enough for a small machine.
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
        load.assert_running();
        let victim = rng.usize(..fleet.servers.len());
        let victim = &mut fleet.servers[victim];
        victim.kill9();
        // An instance may be killed while it starts, too.
        if rng.u8(..4) == 0 {
            victim.spawn();
            pause(&mut rng, 80).await;
            victim.kill9();
        }
        pause(&mut rng, 100).await;
        victim.restart().await;
    }
    pause(&mut rng, 500).await;
    let ledger = load.finish().await;
    println!("{kills} kills: {ledger}");
    assert!(ledger.interrupted > 0, "no kill met a request, so the load is too light to prove anything");
    ledger.check(&fleet).await;
    assert_clean_end(&mut fleet).await;
});

fleets!(rules_4_terminated_under_load_the_service_exits_0_and_loses_nothing, |fleet| async {
    let mut fleet = fleet;
    let mut rng = seeded();
    let load = Load::start(&fleet, CLIENTS, &mut rng);
    for _ in 0..3 {
        pause(&mut rng, 500).await;
        load.assert_running();
        let victim = rng.usize(..fleet.servers.len());
        let status = fleet.servers[victim].terminate().await;
        assert_eq!(status.code(), Some(0), "{}", fleet.servers[victim].logs());
        fleet.servers[victim].restart().await;
    }
    pause(&mut rng, 300).await;
    let ledger = load.finish().await;
    println!("3 terminations: {ledger}");
    ledger.check(&fleet).await;
    assert_clean_end(&mut fleet).await;
});

both!(the_next_start_completes_a_first_start_killed_at_a_random_moment, |db| async {
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

/// PostgreSQL does not give a sequence number again that an aborted transaction took.
#[tokio::test]
async fn a_first_start_killed_while_it_filled_the_database_used_up_no_ids() {
    let mut server = Server::start(Db::Postgres).await;
    server.kill9();
    // The state that such a start leaves: all tables, no rows, numbers taken.
    let mut sql = Sql::open(server.site());
    sql.run(sql::EMPTY_DIRECTORY);
    server.restart().await;
    let logs = server.logs();
    assert_eq!(logs.matches("This is the first start: organisation 1").count(), 2, "{logs}");
    assert_eq!(sql.number(sql::HIGHEST_ORGANISATION), 1);
    assert_eq!(sql.number(sql::HIGHEST_ENTRYPOINT), 1);
    server.client().create("demo", &json!({"email": "ada@example.test"}), &[], &[]).await.expect(200);
}

/// Enough customers that the service moves identity digests to their final table on SQLite.
const PERSONS: usize = 6_000;
const RACERS: u64 = 3;

/// How many answers an instance gives before it is killed, so that a slow machine proves as much as a fast one.
const ANSWERS_PER_LIFE: usize = 20;

/// When racers have to stop, and how many answers they have received.
#[derive(Default)]
struct Race {
    stop: AtomicBool,
    answers: AtomicUsize,
}

impl Race {
    /// Waits for `more` answers, for a limited time: an instance that answers nothing has failed.
    async fn wait_for_answers(&self, more: usize) {
        let goal = self.answers.load(Relaxed) + more;
        let is_reached = async || self.answers.load(Relaxed) >= goal;
        wait_until("the racers receive answers", Duration::from_mins(1), is_reached).await;
    }
}

/// Creates persons of the file over and over, each until it is answered; the persons and the ids in the answers.
async fn race_the_import(client: Client, mut rng: Rng, race: Arc<Race>) -> Vec<(usize, u64)> {
    let mut answered = Vec::new();
    while !race.stop.load(Relaxed) {
        let person = rng.usize(..PERSONS);
        let body = json!({"email": format!("person{person}@example.test"), "firstname": "Racer"});
        let answer = client.try_send(Method::POST, "/api/Customer/single/moved", Some(&body), &[]).await;
        match answer {
            Ok(answer) if answer.status == 503 => {}
            Ok(answer) => {
                answered.push((person, answer.expect(200).id()));
                race.answers.fetch_add(1, Relaxed);
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    answered
}

both!(rules_3_kills_beside_a_running_import_create_no_duplicates, |db| async {
    let mut fleet = Fleet::start(db, 1).await;
    let mut rng = seeded();
    let site = Arc::clone(fleet.site());
    new_entry(&site, "moved", &[]);
    let file = site.folder().join("persons.csv");
    let rows: Vec<String> =
        (0..PERSONS).map(|n| format!("person{n}@example.test,Person {n},No-{n}")).collect();
    std::fs::write(&file, format!("Email,First Name,Customer Number\n{}\n", rows.join("\n"))).unwrap();

    let load = Load::start(&fleet, 3, &mut rng);
    let race = Arc::new(Race::default());
    let racers: Vec<_> = (0..RACERS)
        .map(|_| tokio::spawn(race_the_import(fleet.client(0), rng.fork(), Arc::clone(&race))))
        .collect();
    let of_import = Arc::clone(&site);
    let import = tokio::task::spawn_blocking(move || {
        of_import.cli(&["import", file.to_str().expect("a path of text"), "--entry", "moved", "--quiet"])
    });
    let mut kills = 0;
    while kills < setting("CRASH_KILLS", 8) || !import.is_finished() {
        race.wait_for_answers(ANSWERS_PER_LIFE).await;
        pause(&mut rng, 1_000).await;
        load.assert_running();
        fleet.servers[0].kill9();
        fleet.servers[0].restart().await;
        kills += 1;
    }
    import.await.unwrap().success();
    race.stop.store(true, Relaxed);
    let mut ids = HashMap::new();
    let mut answers = 0;
    for racer in racers {
        for (person, id) in racer.await.unwrap() {
            assert_eq!(*ids.entry(person).or_insert(id), id, "person{person} has two records");
            answers += 1;
        }
    }
    let ledger = load.finish().await;
    println!("{kills} kills: {answers} answers for persons of the file, {ledger}");
    assert!(ids.len() > 100, "too few requests raced the import to prove anything");
    ledger.check(&fleet).await;
    assert_eq!(total(&fleet.client(0), "moved").await, u64::try_from(PERSONS).unwrap());
    if db == Db::Sqlite {
        let settled = Sql::open(&site).number(sql::SETTLED_DIGESTS);
        assert!(settled > 0, "no digest was moved, so this proves nothing");
    }
    site.cli(&["doctor", "--deep"]).success();
    assert_clean_end(&mut fleet).await;
});

/// Asserts that `doctor` finds no problem, beside running instances and after they ended, and that SQLite finds none in
/// its file.
async fn assert_clean_end(fleet: &mut Fleet) {
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

/// Longer than PostgreSQL lets an open transaction be idle.
const SUSPENSION: Duration = Duration::from_secs(12);

both!(a_suspended_instance_resumes, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let body = json!({"firstname": "Ada", "email": "ada@example.test"});
    let id = client.create("demo", &body, &[], &[]).await.expect(200).id();
    let pid = Pid::from_raw(i32::try_from(server.pid()).unwrap()).unwrap();
    // Every reader thread has read once.
    let ask = || {
        at_once((0..40).map(|_| {
            let client = client.clone();
            async move { client.get("/api/Query/customers/demo?search=da@exa").await }
        }))
    };
    ask().await;
    suspend(pid).await;
    tokio::time::sleep(SUSPENSION).await;
    kill_process(pid, Signal::CONT).unwrap();
    // Rules 1: until the instance has checked for revoked tokens, it admits no request and says that it is not ready.
    let is_ready = async || client.get("/health/ready").await.status == 200;
    wait_until("the instance becomes ready", Duration::from_secs(5), is_ready).await;
    for answer in ask().await {
        assert_eq!(answer.expect(200).json["Records"][0]["customerId"], id);
    }
    client.create("demo", &json!({"email": "bob@example.test"}), &[], &[]).await.expect(200);
    let logs = server.logs();
    assert!(!logs.contains("\"WARN\"") && !logs.contains("\"ERROR\""), "{logs}");
});

both!(the_first_requests_after_a_suspension_are_served, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let pid = Pid::from_raw(i32::try_from(server.pid()).unwrap()).unwrap();
    suspend(pid).await;
    // Sent while the instance is suspended, so these are the first requests that it sees. The pause is longer than it
    // may trust what it knows of tokens.
    let asked = tokio::spawn({
        let client = client.clone();
        async move {
            at_once((0..20).map(|_| {
                let client = client.clone();
                async move { client.get(&path(id)).await }
            }))
            .await
        }
    });
    tokio::time::sleep(Duration::from_secs(7)).await;
    kill_process(pid, Signal::CONT).unwrap();
    for answer in asked.await.unwrap() {
        answer.expect(200);
    }
    created(&client, "demo", &json!({"email": "bob@example.test"})).await;
});

/// Suspends a process, and waits until all its threads have stopped: the signal stops each when it next gets a
/// processor.
async fn suspend(pid: Pid) {
    kill_process(pid, Signal::STOP).unwrap();
    let tasks = format!("/proc/{}/task", pid.as_raw_pid());
    let is_stopped = |task: std::io::Result<std::fs::DirEntry>| {
        // A thread that ended counts as stopped.
        let Ok(stat) = std::fs::read_to_string(task.unwrap().path().join("stat")) else { return true };
        // The state comes after the name, which is in parentheses.
        stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T'))
    };
    let all_stopped = async || std::fs::read_dir(&tasks).unwrap().all(is_stopped);
    wait_until("the process stops", Duration::from_secs(10), all_stopped).await;
}

/// Suspends an instance while it waits, within a transaction, for a table that `locker` locked. The transaction is then
/// idle for longer than PostgreSQL allows.
async fn suspend_while_waiting_for(server: &Server, sql: &mut Sql, table: &str, locker: &mut Sql) -> Pid {
    let waits = format!(
        "SELECT count(*) AS value FROM pg_locks JOIN pg_class ON pg_class.oid = relation \
         WHERE relname = '{table}' AND NOT granted"
    );
    let is_waiting = async || sql.number(&waits) > 0;
    wait_until(&format!("a transaction waits for {table}"), Duration::from_secs(4), is_waiting).await;
    let pid = Pid::from_raw(i32::try_from(server.pid()).unwrap()).unwrap();
    suspend(pid).await;
    locker.run("COMMIT");
    tokio::time::sleep(SUSPENSION).await;
    pid
}

/// The locked table holds the step that moves terms inside its transaction.
#[tokio::test]
async fn an_instance_suspended_while_it_moves_terms_moves_them_afterwards() {
    let server = Server::start(Db::Postgres).await;
    let client = server.client();
    let mut locker = Sql::open(server.site());
    locker.run(&sql::lock(sql::SEGMENT_TABLE));
    let id = client.create("demo", &json!({"email": "ada@example.test"}), &[], &[]).await.expect(200).id();
    let mut sql = Sql::open(server.site());
    let pid = suspend_while_waiting_for(&server, &mut sql, sql::SEGMENT_TABLE, &mut locker).await;
    assert_eq!(sql.number(sql::SEGMENTS), 0, "the instance was not suspended");
    kill_process(pid, Signal::CONT).unwrap();
    let is_moved = async || sql.number(sql::MEMTABLE_ROWS) == 0;
    wait_until("the terms are moved", Duration::from_secs(30), is_moved).await;
    let found = client.get("/api/Query/customers/demo?search=da@exa").await.expect(200);
    assert_eq!(found.json["Records"][0]["customerId"], id);
    let logs = server.logs();
    assert!(!logs.contains("\"WARN\"") && !logs.contains("\"ERROR\""), "{logs}");
}

/// An instance removes expired rows when it starts; the locked table holds it in the middle of that.
#[tokio::test]
async fn an_instance_suspended_while_it_removes_expired_rows_removes_them_afterwards() {
    let mut server = Server::start(Db::Postgres).await;
    server.terminate().await;
    let mut sql = Sql::open(server.site());
    sql.run(sql::ADD_EXPIRED_SESSION);
    let mut locker = Sql::open(server.site());
    locker.run(&sql::lock(sql::SESSION_TABLE));
    server.restart().await;
    let pid = suspend_while_waiting_for(&server, &mut sql, sql::SESSION_TABLE, &mut locker).await;
    assert_eq!(sql.number(sql::SESSIONS), 1, "the instance was not suspended");
    kill_process(pid, Signal::CONT).unwrap();
    // The next check would come after 30 s.
    let is_gone = async || sql.number(sql::SESSIONS) == 0;
    wait_until("the session is gone", Duration::from_secs(10), is_gone).await;
    let logs = server.logs();
    assert!(!logs.contains("\"WARN\"") && !logs.contains("\"ERROR\""), "{logs}");
}

/// Longer than the service trusts an idle connection.
const IDLE_TIME: Duration = Duration::from_millis(1_500);

#[tokio::test]
async fn connections_cut_while_idle_are_reopened() {
    let server = Server::start(Db::Postgres).await;
    let client = server.client();
    let mut sql = Sql::open(server.site());
    let id = client.create("demo", &json!({"email": "ada@example.test"}), &[], &[]).await.expect(200).id();
    for turn in 0..3 {
        let calls = (0..60).map(|index| {
            let client = client.clone();
            async move {
                let body = json!({"email": format!("{turn}-{index}@example.test")});
                match index % 4 {
                    0 => client.get(&path(id)).await,
                    1 => client.get("/api/Query/customers/demo?search=da@exa").await,
                    2 => client.create("demo", &body, &[], &[]).await,
                    _ => client.get(&format!("{}/history", path(id))).await,
                }
            }
        });
        for answer in at_once(calls).await {
            answer.expect(200);
        }
        let cut = sql.number(
            "SELECT count(pg_terminate_backend(pid)) AS value FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
        assert!(cut > 4, "{cut} connections");
        tokio::time::sleep(IDLE_TIME).await;
    }
    client.create("demo", &json!({"email": "bob@example.test"}), &[], &[]).await.expect(200);
    assert_eq!(total(&client, "demo").await, 1 + 3 * 15 + 1);
    let logs = server.logs();
    assert!(!logs.contains("\"WARN\"") && !logs.contains("\"ERROR\""), "{logs}");
}
