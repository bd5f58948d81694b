//! Transactions per second, in batches over HTTP, with the totals of their customers; beside `COPY` of the same rows into a
//! PostgreSQL table with as many indexes. First come the first sales of many customers, each of which also moves a stage; then
//! every customer has one, and the rounds measure the sales that follow. Then creates beside the load, and a page of a
//! customer's transactions when there are few and when there are many.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use diesel::connection::SimpleConnection as _;

use crate::Common;
use crate::support::http::{Answer, Conn, request};
use crate::support::import::import_people;
use crate::support::load::{Load, Stop, Tally, cycle, once_until};
use crate::support::postgres::{Postgres, connect, databases};
use crate::support::process::{folder, output};
use crate::support::quiet;
use crate::support::report::{self, Goal};
use crate::support::service::{Service, created};
use crate::support::stats::{Results, Rounds, figure};

/// Transactions in a batch: as many as one request takes.
const BATCH: u64 = 1_000;
/// Connections that send batches.
const SENDERS: usize = 4;
/// Batches of a round are made before the clock runs; so many a second are more than any system takes.
const BATCHES_A_SECOND: f64 = 80.0;
/// Creates per second beside the load: as many as a busy shop makes.
const CREATES_A_SECOND: f64 = 100.0;
const CREATORS: usize = 8;
/// Transactions when there are few.
const FEW: u64 = 10_000;
/// How many customers are busy, and how many transactions lie between two of theirs.
const BUSY: u64 = 25;
const EVERY: u64 = 20;
/// Rows that one `COPY` brings.
const COPY_ROWS: u64 = 100_000;
/// The maximum number of rows in a file of customers, so that the client does not hold all of them.
const FILE_ROWS: usize = 1_000_000;

/// The results on one database.
struct Lane {
    name: &'static str,
    /// First sales of customers, per second.
    first: f64,
    /// Batches per second of those that follow.
    batches: Results,
    /// Rows per second of `COPY`, in the same rounds.
    copy: Rounds,
    /// Creates without batches, and beside them.
    alone: Tally,
    busy: Tally,
    /// A page of a customer's transactions, with few in the database and with many.
    few: Tally,
    many: Tally,
    transactions: u64,
}

pub async fn run(common: &Common, rows: u64, deep: u64, only: Option<&str>) {
    let peer = Postgres::start();
    let mut lanes = Vec::new();
    for (name, cluster) in databases(only) {
        lanes.push(measure(name, cluster.as_ref(), &peer, common, rows, deep).await);
    }
    write_report(&lanes, common, rows);
}

async fn measure(
    name: &'static str,
    cluster: Option<&Postgres>,
    peer: &Postgres,
    common: &Common,
    rows: u64,
    deep: u64,
) -> Lane {
    let service = Service::start(cluster, &[]).await;
    {
        let _quiet = quiet::shared();
        for first in (0..rows).step_by(FILE_ROWS) {
            import_people(&service, common.seed, first..rows.min(first + FILE_ROWS as u64)).await;
        }
    }
    let _quiet = quiet::machine();
    let mut next = 0;
    // The same customers as for the page at the end, so that both pages show transactions.
    fill(&service, rows, &mut next, FEW).await;
    let few = pages(&service, common, rows).await;
    let tally = send(&service, common.seconds, rows, &mut next).await;
    let first = tally.rate * BATCH as f64;
    println!("{name}: {} first sales/s", figure(first));
    everyone_pays(&service, rows).await;
    let plain = peer.database();
    let files = folder();
    connect(&plain).batch_execute(PLAIN_TABLE).expect("a table");
    let (mut batches, mut copy) = (Results::default(), Rounds::default());
    for round in 1..=common.rounds {
        let tally = send(&service, common.seconds, rows, &mut next).await;
        let copied = copy_rows(&plain, files.path(), rows, next);
        let rate = tally.rate * BATCH as f64;
        println!("{name}, round {round}: {} transactions/s; COPY {} rows/s", figure(rate), figure(copied));
        copy.0.push(copied);
        batches.add(tally);
    }
    let stop = Stop::default();
    let alone = creates(&service, common, 3 * rows, &stop).await;
    let beside = async {
        let tally = send(&service, 10.0, rows, &mut next).await;
        stop.set(true);
        tally
    };
    let (_, busy) = tokio::join!(beside, creates(&service, common, 4 * rows, &stop));
    println!(
        "{name}: creates p99 {} ms alone, {} ms beside",
        figure(alone.quantile_ms(0.99)),
        figure(busy.quantile_ms(0.99))
    );
    let missing = deep.saturating_sub(next);
    fill(&service, rows, &mut next, missing).await;
    let many = pages(&service, common, rows).await;
    Lane { name, first, batches, copy, alone, busy, few, many, transactions: next }
}

/// Sends a sale of each customer, and waits until all stages have moved.
async fn everyone_pays(service: &Service, rows: u64) {
    for from in (0..rows).step_by(100 * BATCH as usize) {
        let to = rows.min(from + 100 * BATCH);
        let requests = (from..to).step_by(BATCH as usize).map(|first| {
            request_of(service, "F", (first..to.min(first + BATCH)).map(|number| (number, number + 1)))
        });
        let load = Load::new(SENDERS, 600.0);
        let tally = once_until(service.address, load, requests, recorded, Stop::default()).await;
        assert_eq!(tally.wrong, 0, "{:?}", tally.errors);
    }
    let began = Instant::now();
    let left = service.get("/api/Query/customers/demo?lifecycle=prospect&limitRecord=1");
    let mut conn = Conn::open(service.address).await.expect("a connection");
    loop {
        let answer = conn.send(&left).await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.body);
        if answer.body.contains("\"totalRecords\":0}") {
            println!("all stages moved after {:.0} s", began.elapsed().as_secs_f64());
            return;
        }
        assert!(began.elapsed().as_secs() < 1_800, "stages do not move: {}", answer.body);
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

fn recorded(_: &[u8], answer: &Answer<'_>) -> Result<u64, String> {
    answer.must(answer.status == 200 && answer.body.contains("\"refused\":0,"))
}

/// The batch that begins with this transaction.
fn batch(service: &Service, first: u64, rows: u64) -> Vec<u8> {
    request_of(service, "T", (first..first + BATCH).map(|number| (number, customer(number, rows))))
}

/// A batch of transactions, by their numbers and their customers.
fn request_of(service: &Service, kind: &str, all: impl Iterator<Item = (u64, u64)>) -> Vec<u8> {
    let mut body = String::from("[");
    for (index, (number, customer)) in all.enumerate() {
        let _ = write!(
            body,
            "{}{{\"source\":\"shop\",\"externalId\":\"{kind}-{number}\",\"customerId\":{},\"status\":\"approved\",\"amount\":\"{}.{:02}\",\
             \"currency\":\"USD\",\"fee\":\"0.30\",\"occurredAt\":\"{}\",\"orderId\":\"O-{number}\",\"method\":\"card\",\
             \"maskedAccount\":\"4242\",\"description\":\"Order {number}\"}}",
            if index == 0 { "" } else { "," },
            customer,
            number % 900 + 1,
            number % 100,
            time(number),
        );
    }
    body.push(']');
    request("POST", "/api/Transaction/demo", &format!("requestToken: {}\r\n", service.token), &body)
}

/// The customer of a transaction. Every twentieth is one of 25 busy ones, whose pages are read: each has a full page once there
/// are few transactions.
fn customer(number: u64, rows: u64) -> u64 {
    if number.is_multiple_of(EVERY) {
        number / EVERY % BUSY + 1
    } else {
        number.wrapping_mul(2_654_435_761) % rows + 1
    }
}

/// A time of the last four weeks, so that who paid is active.
fn time(number: u64) -> String {
    const WEEKS: u64 = 28 * 86_400;
    let now = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    let at = i64::try_from(now - WEEKS + number % WEEKS).unwrap_or(0);
    chrono::DateTime::from_timestamp(at, 0).unwrap_or_default().to_rfc3339()
}

/// Sends new batches at full speed for some seconds.
async fn send(service: &Service, seconds: f64, rows: u64, next: &mut u64) -> Tally {
    let count = ((seconds + 1.0) * BATCHES_A_SECOND) as u64;
    let first = *next;
    let requests = (0..count).map(|number| batch(service, first + number * BATCH, rows)).collect::<Vec<_>>();
    let tally = once_until(
        service.address,
        Load::new(SENDERS, seconds),
        requests.into_iter(),
        all_new,
        Stop::default(),
    )
    .await;
    // Those that were sent and those that nobody sent any more alike: no number is used again.
    *next = first + count * BATCH;
    tally
}

/// Sends this many new transactions.
async fn fill(service: &Service, rows: u64, next: &mut u64, count: u64) {
    let (first, end) = (*next, *next + count);
    for from in (first..end).step_by(100 * BATCH as usize) {
        let to = end.min(from + 100 * BATCH);
        let requests = (from..to).step_by(BATCH as usize).map(|first| batch(service, first, rows));
        let load = Load::new(SENDERS, 600.0);
        let tally = once_until(service.address, load, requests, all_new, Stop::default()).await;
        assert_eq!(tally.wrong, 0, "{:?}", tally.errors);
    }
    *next = end;
}

fn all_new(_: &[u8], answer: &Answer<'_>) -> Result<u64, String> {
    let created = answer.body.matches("\"result\":\"created\"").count() as u64;
    answer.must(answer.status == 200 && created == BATCH)
}

/// Reads the first page of the busy customers' transactions, one after another.
async fn pages(service: &Service, common: &Common, rows: u64) -> Tally {
    let ids = (0..BUSY).map(|number| customer(number * EVERY, rows));
    let requests = ids
        .map(|id| service.get(&format!("/api/Query/transactions/demo?customerId(eq)={id}&limitRecord=20")));
    cycle(service.address, Load::new(1, common.seconds), requests, has_records).await
}

fn has_records(_: &[u8], answer: &Answer<'_>) -> Result<u64, String> {
    answer.must(answer.status == 200 && answer.body.contains("\"splitCount\""))
}

async fn creates(service: &Service, common: &Common, first: u64, stop: &Stop) -> Tally {
    let load = Load { rate: Some(CREATES_A_SECOND), ..Load::new(CREATORS, 10.0) };
    let requests = service.creates(common.seed, first..first + 2_000);
    once_until(service.address, load, requests, created, Stop::clone(stop)).await
}

/// The same columns in plaintext, with as many indexes as the service's table has.
const PLAIN_TABLE: &str = "CREATE TABLE payment (id BIGINT PRIMARY KEY, source TEXT, external_id TEXT, customer_id BIGINT, status TEXT, \
     amount NUMERIC, currency TEXT, fee NUMERIC, occurred_at TIMESTAMPTZ, refund_of TEXT, order_id TEXT, method TEXT, account TEXT, \
     description TEXT); \
     CREATE UNIQUE INDEX ON payment (source, external_id); CREATE INDEX ON payment (customer_id, occurred_at, id); \
     CREATE INDEX ON payment (occurred_at, id); CREATE INDEX ON payment (refund_of) WHERE refund_of IS NOT NULL";

/// Copies rows from a file, and returns how many a second.
fn copy_rows(database: &str, folder: &Path, rows: u64, first: u64) -> f64 {
    let mut csv = String::new();
    for number in first..first + COPY_ROWS {
        let _ = writeln!(
            csv,
            "{number},shop,T-{number},{},approved,{}.{:02},USD,0.30,{},,O-{number},card,4242,Order {number}",
            customer(number, rows),
            number % 900 + 1,
            number % 100,
            time(number),
        );
    }
    let file = folder.join("payments.csv");
    std::fs::write(&file, csv).expect("a disk");
    let began = Instant::now();
    let copy = format!("\\copy payment FROM '{}' CSV", file.display());
    output(Command::new("psql").args(["--quiet", database, "--command", &copy]));
    COPY_ROWS as f64 / began.elapsed().as_secs_f64()
}

fn write_report(lanes: &[Lane], common: &Common, rows: u64) {
    let mut table = Vec::new();
    let mut goals = Vec::new();
    for lane in lanes {
        let rates = Rounds(lane.batches.rates.0.iter().map(|rate| rate * BATCH as f64).collect());
        let share = rates.over(&lane.copy).median();
        let wrong = lane.batches.wrong + lane.busy.wrong + lane.few.wrong + lane.many.wrong;
        let (few, many) = (lane.few.quantile_ms(0.5), lane.many.quantile_ms(0.5));
        table.push(vec![
            lane.name.to_owned(),
            figure(lane.first),
            rates.summary(),
            lane.copy.summary(),
            figure(share),
            lane.batches.p99.summary(),
            format!("{} / {}", figure(lane.alone.quantile_ms(0.99)), figure(lane.busy.quantile_ms(0.99))),
            format!("{} / {}", figure(few), figure(many)),
            wrong.to_string(),
        ]);
        goals.push(Goal {
            name: format!("ingest, {}", lane.name),
            figure: format!("{}/s", figure(rates.median())),
            wanted: "≥ 20,000 transactions/s",
            is_met: rates.median() >= 20_000.0 && wrong == 0,
        });
        let p99 = lane.busy.quantile_ms(0.99);
        goals.push(Goal {
            name: format!("creates beside ingest, {}", lane.name),
            figure: format!("p99 {} ms", figure(p99)),
            wanted: "≤ 100 ms",
            is_met: p99 <= 100.0 && lane.busy.wrong == 0,
        });
        goals.push(Goal {
            name: format!("a page of {} transactions, {}", figure(lane.transactions as f64), lane.name),
            figure: format!("{} × a page of {}", figure(many / few), figure(FEW as f64)),
            wanted: "≤ 1.5 ×",
            is_met: many <= 1.5 * few && wrong == 0,
        });
    }
    let head = [
        "database",
        "first sales/s",
        "transactions/s",
        "COPY rows/s",
        "share",
        "p99 of a batch, ms",
        "p99 of a create alone / beside, ms",
        "p50 of a page with few / many, ms",
        "wrong answers",
    ];
    let body = format!(
        "{rows} customers, {} rounds of {} s, {SENDERS} clients with batches of {BATCH}. COPY brings {COPY_ROWS} rows a round into a table \
         of plaintext with 5 indexes, without totals. {CREATES_A_SECOND} creates a second ran beside.\n\n{}",
        common.rounds,
        common.seconds,
        report::table(&head, &table)
    );
    report::save("Ingest", &body, &goals);
}
