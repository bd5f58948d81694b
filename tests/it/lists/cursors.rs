//! Walks by cursor while others create, change and delete: no record that exists throughout is skipped or listed twice,
//! and the total is that of the start (rules 8).
//!
//! `CURSOR_RECORDS` sets the number of records; the long form is 100,000:
//! `CURSOR_RECORDS=100000 cargo nextest run lists::cursors`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use fastrand::Rng;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{encoded, ids_of};
use crate::harness::*;
use crate::support::*;

/// Enough for the writer to form batches.
const LOADERS: usize = 24;
const WRITERS: usize = 3;
/// One record in so many may be changed and deleted while a list is walked.
const FREE_EVERY: usize = 5;
const CITIES: usize = 40;

fn body(number: usize) -> Value {
    json!({"email": format!("c{number}@example.test"), "city": format!("City {}", number * 7 % CITIES)})
}

/// Creates so many records; their ids, oldest first.
async fn load(client: &Client, entry: &'static str, count: usize) -> Vec<u64> {
    let started = Instant::now();
    let next = Arc::new(AtomicU64::new(0));
    let loaders = (0..LOADERS).map(|_| {
        let (client, next) = (client.clone(), Arc::clone(&next));
        async move {
            let mut ids = Vec::new();
            loop {
                let number = usize::try_from(next.fetch_add(1, Relaxed)).unwrap();
                if number >= count {
                    return ids;
                }
                ids.push(client.create(entry, &body(number), &[], &[]).await.expect(200).id());
            }
        }
    });
    let mut ids: Vec<u64> = at_once(loaders.collect::<Vec<_>>()).await.into_iter().flatten().collect();
    ids.sort_unstable();
    println!("{count} records created in {entry} in {:.1?}", started.elapsed());
    ids
}

/// The records that may be changed and deleted, and the records that stay, each in their order.
fn split_free(ids: &[u64]) -> (Vec<u64>, Vec<u64>) {
    let (free, stays): (Vec<_>, Vec<_>) =
        ids.iter().enumerate().partition(|(place, _)| place % FREE_EVERY == 0);
    let bare = |part: Vec<(usize, &u64)>| part.into_iter().map(|(_, id)| *id).collect();
    (bare(free), bare(stays))
}

/// Writers that run until they are stopped. They create records, and change and delete the free ones.
struct Writers {
    stop: Arc<AtomicBool>,
    writes: watch::Sender<usize>,
    tasks: Vec<JoinHandle<Vec<u64>>>,
}

impl Writers {
    fn start(client: &Client, entry: &'static str, free: &[u64], rng: &mut Rng) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let writes = watch::Sender::new(0);
        let tasks = (0..WRITERS).map(|number| {
            let free: Vec<u64> = free.iter().copied().skip(number).step_by(WRITERS).collect();
            let (client, rng) = (client.clone(), rng.fork());
            tokio::spawn(write_until_stopped(client, entry, free, rng, Arc::clone(&stop), writes.clone()))
        });
        Self { tasks: tasks.collect(), stop, writes }
    }

    async fn wait_for_writes(&self, count: usize) {
        self.writes.subscribe().wait_for(|writes| *writes >= count).await.unwrap();
    }

    /// Stops the writers; how many writes there were. The records that are free now replace those in `free`.
    async fn finish(self, free: &mut Vec<u64>) -> usize {
        self.stop.store(true, Relaxed);
        free.clear();
        for task in self.tasks {
            free.extend(finished(task).await);
        }
        *self.writes.borrow()
    }
}

async fn write_until_stopped(
    client: Client,
    entry: &'static str,
    mut free: Vec<u64>,
    mut rng: Rng,
    stop: Arc<AtomicBool>,
    writes: watch::Sender<usize>,
) -> Vec<u64> {
    while !stop.load(Relaxed) {
        let city = format!("City {}", rng.usize(0..CITIES));
        match rng.u8(0..4) {
            0 if !free.is_empty() => {
                let id = free.swap_remove(rng.usize(0..free.len()));
                client.delete(&path(id)).await.expect(200);
            }
            1 if !free.is_empty() => {
                let id = free[rng.usize(0..free.len())];
                client.put(&path(id), &json!({"city": city})).await.expect(200);
            }
            _ => {
                let email = format!("new{}@example.test", rng.u32(..));
                free.push(created(&client, entry, &json!({"email": email, "city": city})).await);
            }
        }
        writes.send_modify(|count| *count += 1);
    }
    free
}

/// A list to walk: the parameters beside the cursor, and the records that must appear, in their order.
struct Walk<'a> {
    entry: &'static str,
    query: &'a [(&'a str, &'a str)],
    stays: Vec<u64>,
}

impl Walk<'_> {
    async fn page(&self, client: &Client, token: Option<&str>) -> Value {
        let token = token.map(|token| ("pageIdentifier", token));
        let pairs = self.query.iter().copied().chain(token);
        let pairs: Vec<_> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        client.get(&format!("/api/Query/customers/{}?{}", self.entry, encoded(&pairs))).await.expect(200).json
    }

    /// The first request comes before the writers start, so the test knows what exists at the start.
    async fn go(&self, client: &Client, free: &mut Vec<u64>, rng: &mut Rng) {
        let exists = self.page(client, None).await["Summary"]["totalRecords"].as_u64().unwrap();
        let mut page = self.page(client, None).await;
        let writers = Writers::start(client, self.entry, free, rng);
        let (mut met, mut pages) = (Vec::new(), 0);
        loop {
            pages += 1;
            assert_eq!(
                page["Summary"]["totalRecords"], exists,
                "{:?}: the total changed on page {pages}",
                self.query
            );
            met.extend(ids_of(&page));
            let Some(token) = page["Summary"]["pageIdentifier"].as_str() else { break };
            // The list changes between two pages.
            writers.wait_for_writes(pages * 2).await;
            page = self.page(client, Some(token)).await;
        }
        let writes = writers.finish(free).await;
        println!(
            "{:?}: {} records listed on {pages} pages, {writes} writes meanwhile",
            self.query,
            met.len()
        );
        assert!(pages >= 4, "too few pages to prove anything");
        // A walk by id lists no record twice, despite creates and changes meanwhile.
        if !self.query.iter().any(|(name, value)| *name == "sortBy" && !value.contains("customerId")) {
            let once: BTreeSet<u64> = met.iter().copied().collect();
            assert_eq!(once.len(), met.len(), "{:?}: a record was listed twice", self.query);
        }
        let stays: BTreeSet<u64> = self.stays.iter().copied().collect();
        met.retain(|id| stays.contains(id));
        assert!(
            met == self.stays,
            "{:?}: {} listed of {} records that stay",
            self.query,
            met.len(),
            stays.len()
        );
    }
}

both!(rules_8_a_cursor_skips_and_repeats_nothing_while_others_write, |db| async move {
    let mut rng = seeded();
    let server = Server::start(db).await;
    let client = server.client();
    let count = usize::try_from(setting("CURSOR_RECORDS", 3_000)).unwrap();

    let all = load(&client, "demo", count).await;
    let (mut free, stays) = split_free(&all);
    let newest_first = stays.iter().rev().copied().collect();
    // Pages collected in memory, and long pages that are streamed.
    for (query, stays) in [
        (&[("limitRecord", "250")][..], newest_first),
        (&[("limitRecord", "700"), ("sortBy", "asc(customerId)")], stays),
    ] {
        Walk { entry: "demo", query, stays }.go(&client, &mut free, &mut rng).await;
    }

    // Every page of these opens all records of the entrypoint, or all records that a search term selects.
    let count = (count / 5).min(2_000);
    new_entry(server.site(), "sorted", &[]);
    let all = load(&client, "sorted", count).await;
    let (mut free, stays) = split_free(&all);
    let mut records = client.list("sorted").await;
    records.retain(|record| stays.contains(&record["customerId"].as_u64().unwrap()));
    let id = |record: &Value| record["customerId"].as_u64().unwrap();
    let city = |record: &Value| record["City"].as_str().unwrap().to_owned();
    let limit = (count / 8).to_string();
    let mut by_city = records.clone();
    by_city.sort_by_key(|record| (city(record), id(record)));
    let mut by_email = records.clone();
    by_email.sort_by_key(|record| std::cmp::Reverse(record["Email"].as_str().unwrap().to_owned()));
    let in_one: Vec<Value> = records.iter().filter(|record| city(record) == "City 7").cloned().collect();
    for (query, stays) in [
        (&[("sortBy", "asc(city)"), ("limitRecord", &limit)][..], by_city),
        (&[("sortBy", "desc(email)"), ("limitRecord", &limit)], by_email),
        (&[("city", "city 7"), ("limitRecord", "3")], in_one),
    ] {
        let stays = stays.iter().map(id).collect();
        Walk { entry: "sorted", query, stays }.go(&client, &mut free, &mut rng).await;
    }
});

// The service reads long answers in slices. Meanwhile the record at the page's end moves to the end of the list, and
// other records are deleted. The next page begins where this one ended, not at that record's new place, and no page
// shows a deleted record.
both!(rules_8_a_long_page_keeps_its_place_while_records_move, |db| async move {
    const COUNT: usize = 1_100;
    const LIMIT: usize = 600;
    const WALKS: usize = 10;
    let server = Server::start(db).await;
    let client = server.client();
    load(&client, "demo", COUNT).await;
    let mut records = client.list("demo").await;
    records.sort_by_key(|record| record["Email"].as_str().unwrap().to_owned());
    let id = |record: &Value| record["customerId"].as_u64().unwrap();
    let last = records[LIMIT - 1].clone();
    // They lie in the page's second slice.
    let doomed: Vec<u64> = records[LIMIT - 90..LIMIT - 10].iter().map(id).collect();
    let mut stays: BTreeSet<u64> = records.iter().map(id).collect();
    stays.retain(|id| last["customerId"] != *id && !doomed.contains(id));
    let stop = Arc::new(AtomicBool::new(false));
    let mover = {
        let (client, stop, last_id) = (client.clone(), Arc::clone(&stop), id(&last));
        tokio::spawn(async move {
            let mut doomed = doomed.into_iter();
            while !stop.load(Relaxed) {
                for email in [json!("zz@example.test"), last["Email"].clone()] {
                    client.put(&path(last_id), &json!({"email": email})).await.expect(200);
                }
                if let Some(next) = doomed.next() {
                    client.delete(&path(next)).await.expect(200);
                }
            }
        })
    };
    let query = [("sortBy", "asc(email)"), ("limitRecord", &LIMIT.to_string())];
    let walk = Walk { entry: "demo", query: &query, stays: Vec::new() };
    for _ in 0..WALKS {
        let first = walk.page(&client, None).await;
        let token = first["Summary"]["pageIdentifier"].as_str().expect("a cursor to the next page");
        let rest = walk.page(&client, Some(token)).await;
        let met = [&first, &rest].map(|page| page["Records"].as_array().unwrap()).into_iter().flatten();
        let met: Vec<&Value> = met.inspect(|record| assert_eq!(record["customerStatus"], 1)).collect();
        let met: Vec<u64> = met.into_iter().map(id).filter(|id| stays.contains(id)).collect();
        let once: BTreeSet<u64> = met.iter().copied().collect();
        assert_eq!(
            (met.len(), once.len()),
            (stays.len(), stays.len()),
            "every record that stays is listed once"
        );
    }
    stop.store(true, Relaxed);
    finished(mover).await;
});
