//! The search index under writes that never pause: it stays small, and forgets erased people in the time that SECURITY.md
//! promises.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use super::terms::anywhere;
use crate::harness::*;
use crate::support::*;

/// SECURITY.md, "Erasing a person".
const PROMISE: Duration = Duration::from_mins(5);
/// The service believes it is idle after two seconds without a write.
const PAUSE: Duration = Duration::from_millis(150);
const FILES_MIN: usize = 12;
/// On a slow machine the service takes the terms of several files into one segment, so it needs more files.
const FILES_MAX: usize = 100;
const ROWS: usize = 150;
/// A text of random letters of this length has about as many terms, so few customers make many segments.
const LETTERS: usize = 240;
/// Eight segments of a size are merged. This many prove that some were.
const SEGMENTS_MIN: i64 = 16;
/// How many customers the trickle writes at least: it takes longer than any pause after which the service rests.
const WRITES: u64 = 50;

/// Creates and changes customers for ever, with short pauses.
struct Trickle {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Trickle {
    fn start(client: &Client) -> Trickle {
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (client, is_over, count) = (client.clone(), Arc::clone(&stop), Arc::clone(&written));
        let task = tokio::spawn(async move {
            while !is_over.load(Relaxed) {
                let n = count.fetch_add(1, Relaxed);
                let body = json!({"email": format!("trickle{n}@example.test"), "firstname": "Drop"});
                let id = created(&client, "demo", &body).await;
                client.put(&path(id), &json!({"city": format!("Oakton {n}")})).await.expect(200);
                tokio::time::sleep(PAUSE).await;
            }
        });
        Trickle { stop, written, task }
    }

    /// Stops once it has written enough to prove anything. `holds` must then hold while it still writes.
    async fn stop(self, holds: impl AsyncFnOnce()) {
        wait_until("enough is written", PROMISE, async || {
            assert!(!self.task.is_finished(), "a write failed");
            self.written.load(Relaxed) > WRITES
        })
        .await;
        holds().await;
        self.stop.store(true, Relaxed);
        finished(self.task).await;
    }
}

both!(rules_5_erased_people_leave_the_index_in_five_minutes_while_others_write, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let body = |name: &str| json!({"email": format!("{name}.roe@example.test"), "firstname": name, "lastname": "Roe"});
    let ada = created(&client, "demo", &body("ada")).await;
    let bob = created(&client, "demo", &body("bob")).await;
    let cid = created(&client, "demo", &body("cid")).await;
    let mut sql = Sql::open(server.site());
    let is_flushed = async || sql.number(sql::MEMTABLE_ROWS) == 0;
    wait_until("the terms are in a segment", PROMISE, is_flushed).await;
    let trickle = Trickle::start(&client);
    // The second comes right after the first was scrubbed.
    for id in [ada, bob] {
        assert!(anywhere(&mut sql, id) > 5, "the search for terms proves nothing");
        client.delete(&format!("{}?erase=true", path(id))).await.expect(200);
        let begun = Instant::now();
        wait_until("the terms are gone", PROMISE, async || anywhere(&mut sql, id) == 0).await;
        println!("{db:?}: the terms were gone after {:?}", begun.elapsed());
    }
    trickle.stop(async || {}).await;
    assert!(anywhere(&mut sql, cid) > 5, "the terms of others are gone too");
    let found = client.get("/api/Query/customers/demo?search=cid.roe").await.expect(200);
    assert_eq!(found.json["Records"][0]["customerId"], cid);
    drop(sql);
    server.cli(&["doctor", "--deep"]).success();
});

both!(retired_segments_go_while_others_write, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let trickle = Trickle::start(&client);
    let mut sql = Sql::open(server.site());
    let (mut most_live, mut rng) = (0, seeded());
    for file in 0..FILES_MAX {
        if file >= FILES_MIN && sql.number(sql::SEGMENTS_MADE) >= SEGMENTS_MIN {
            break;
        }
        let mut letters = || -> String { (0..LETTERS).map(|_| rng.lowercase()).collect() };
        let rows: Vec<String> = (0..ROWS)
            .map(|row| format!("file{file}.{row}@example.test,{},{},{}", letters(), letters(), letters()))
            .collect();
        let text = format!("Email,First Name,Last Name,Company\n{}\n", rows.join("\n"));
        let import = client.request(Method::POST, "/api/Import/customersForm/demo").timeout(PROMISE);
        send(import.header("Content-Type", "text/csv").body(text)).await.expect(200);
        most_live = most_live.max(sql.number(sql::LIVE_SEGMENTS));
    }
    let mut state = (0, 0);
    let sizes = async || {
        wait_until("what was merged is removed", Duration::from_mins(2), async || {
            state = (sql.number(sql::INDEX_BYTES), sql.number(sql::LIVE_INDEX_BYTES));
            let (all, live) = state;
            live > 0 && all * 2 <= live * 3
        })
        .await;
        most_live = most_live.max(sql.number(sql::LIVE_SEGMENTS));
    };
    trickle.stop(sizes).await;
    let made = sql.number(sql::SEGMENTS_MADE);
    assert!(made >= SEGMENTS_MIN, "only {made} segments were made: nothing was merged");
    println!("{db:?}: {made} segments made, {state:?} bytes, {most_live} live segments at most");
    // Eight segments of a size are merged; there are four sizes of these customers' terms, and some wait.
    assert!(most_live <= 8 * 4, "{most_live} live segments");
    drop(sql);
    server.cli(&["doctor", "--deep"]).success();
});
