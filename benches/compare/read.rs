//! Reads per second (goal 4): a customer by id, and the newest 20.

use std::net::SocketAddr;

use crate::Common;
use crate::support::ceiling::Ceiling;
use crate::support::http::Answer;
use crate::support::load::{Load, cycle};
use crate::support::peers::{self, Kind, Peer};
use crate::support::people::Person;
use crate::support::postgres::Postgres;
use crate::support::quiet;
use crate::support::report::{self, Goal};
use crate::support::service::Service;
use crate::support::stats::{Results, figure};

/// How many different customers to read.
const READ: usize = 5000;

/// One kind of request to one system, with the results of its rounds.
struct Lane {
    name: &'static str,
    request_kind: &'static str,
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
    check: fn(&[u8], &Answer<'_>) -> Result<u64, String>,
    results: Results,
}

pub async fn run(common: &Common, rows: u64) {
    peers::install();
    let _quiet = quiet::machine();
    let postgres = Postgres::start();
    let sqlite = Service::start(None, &[]).await;
    let on_postgres = Service::start(Some(&postgres), &[]).await;
    // The cost of a read that the record cache does not answer.
    let sqlite_uncached = Service::start(None, &["--record-cache-mb", "0"]).await;
    let on_postgres_uncached = Service::start(Some(&postgres), &["--record-cache-mb", "0"]).await;
    let ceiling = Ceiling::start();
    let soul = Peer::start(Kind::Soul).await;
    let fastapi = Peer::start(Kind::FastApi).await;
    let people = || (0..rows).map(|number| Person::of(common.seed, number));
    soul.fill(people());
    fastapi.fill(people());
    let mut rng = fastrand::Rng::with_seed(common.seed);
    let mut lanes = vec![lane("actix, hello JSON", "hello", ceiling.address, vec![Ceiling::hello()], hello)];
    for (name, service) in [
        ("Customary, SQLite", &sqlite),
        ("Customary, PostgreSQL", &on_postgres),
        ("Customary, SQLite, no record cache", &sqlite_uncached),
        ("Customary, PostgreSQL, no record cache", &on_postgres_uncached),
    ] {
        let ids = service.fill(common, rows).await;
        let by_id = (0..READ).map(|_| service.get(&format!("/api/Customer/{}", ids[rng.usize(..ids.len())])));
        lanes.push(lane(name, "by id", service.address, by_id.collect(), got));
        lanes.push(lane(name, "newest 20", service.address, vec![service.list()], listed));
    }
    for peer in [&soul, &fastapi] {
        let by_id = (0..READ).map(|_| peer.get(rng.u64(1..=rows)));
        lanes.push(lane(peer.kind.name(), "by id", peer.address, by_id.collect(), peer_got));
        lanes.push(lane(peer.kind.name(), "newest 20", peer.address, vec![peer.list()], peer_listed));
    }
    let load = Load::new(common.clients, common.seconds);
    for round in 1..=common.rounds {
        for lane in &mut lanes {
            let tally = cycle(lane.address, load, lane.requests.iter().cloned(), lane.check).await;
            println!(
                "round {round}: {:40} {:10} {:>8}/s  p99 {:>8} ms  wrong {}",
                lane.name,
                lane.request_kind,
                figure(tally.rate),
                figure(tally.quantile_ms(0.99)),
                tally.wrong
            );
            lane.results.add(tally);
        }
    }
    write_report(&lanes, common, rows);
}

fn lane(
    name: &'static str,
    request_kind: &'static str,
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
    check: fn(&[u8], &Answer<'_>) -> Result<u64, String>,
) -> Lane {
    Lane { name, request_kind, address, requests, check, results: Results::default() }
}

fn hello(_: &[u8], answer: &Answer<'_>) -> Result<u64, String> {
    right(answer, answer.body == "{\"message\":\"Hello, world\"}")
}

fn got(request: &[u8], answer: &Answer<'_>) -> Result<u64, String> {
    right(answer, answer.body.starts_with(&format!("{{\"customerId\":{},", asked_id(request))))
}

fn listed(_: &[u8], answer: &Answer<'_>) -> Result<u64, String> {
    right(answer, answer.body.matches("\"customerId\":").count() == 20)
}

fn peer_got(request: &[u8], answer: &Answer<'_>) -> Result<u64, String> {
    let id = asked_id(request);
    right(answer, [',', '}'].iter().any(|end| answer.body.contains(&format!("\"id\":{id}{end}"))))
}

fn peer_listed(_: &[u8], answer: &Answer<'_>) -> Result<u64, String> {
    right(answer, answer.body.matches("\"customerNumber\":").count() == 20)
}

fn right(answer: &Answer<'_>, is_right: bool) -> Result<u64, String> {
    answer.must(answer.status == 200 && is_right)
}

/// The last segment of a request's path.
fn asked_id(request: &[u8]) -> &str {
    let text = std::str::from_utf8(request).unwrap_or("");
    text.split(' ').nth(1).and_then(|path| path.rsplit('/').next()).unwrap_or("")
}

fn write_report(lanes: &[Lane], common: &Common, rows: u64) {
    let head = ["system", "request", "answers/s", "p50 ms", "p99 ms", "wrong answers"];
    let row = |lane: &Lane| {
        let Results { rates, p50, p99, wrong, .. } = &lane.results;
        let figures = [rates.summary(), p50.summary(), p99.summary(), wrong.to_string()];
        [lane.name.to_owned(), lane.request_kind.to_owned()].into_iter().chain(figures).collect()
    };
    let mut body = format!(
        "{rows} customers in each system, {} clients, {} rounds of {} s. The bench reads {READ} customers, chosen at random; \
         Customary's record cache of 32 MB holds them all, except where it is off. Customary's list contains the exact total and a \
         cursor; the lists of the peers do not.\n\n{}",
        common.clients,
        common.rounds,
        common.seconds,
        report::table(&head, &lanes.iter().map(row).collect::<Vec<_>>())
    );
    for lane in lanes {
        body.push_str(&report::errors(lane.name, &lane.results.errors, 3));
    }
    let lane = |name: &str, request_kind: &str| {
        let found = lanes.iter().find(|lane| lane.name == name && lane.request_kind == request_kind);
        &found.expect("a lane of that name").results
    };
    let hello = lane("actix, hello JSON", "hello");
    let [sqlite_get, sqlite_list] =
        ["by id", "newest 20"].map(|request_kind| lane("Customary, SQLite", request_kind));
    let [postgres_get, postgres_list] =
        ["by id", "newest 20"].map(|request_kind| lane("Customary, PostgreSQL", request_kind));
    let [soul_list, fastapi_list] = [Kind::Soul, Kind::FastApi].map(|kind| lane(kind.name(), "newest 20"));
    let best = if soul_list.rates.median() > fastapi_list.rates.median() { soul_list } else { fastapi_list };
    let goals = [
        goal("4 get by id, SQLite", sqlite_get, hello, 0.4, "≥ 0.4 × hello JSON"),
        goal("4 get by id, PostgreSQL", postgres_get, hello, 0.4, "≥ 0.4 × hello JSON"),
        goal("4 list of 20, SQLite", sqlite_list, best, 5.0, "≥ 5 × the best peer"),
        goal("4 list of 20, PostgreSQL", postgres_list, best, 5.0, "≥ 5 × the best peer"),
    ];
    report::save("Read", &body, &goals);
}

fn goal(name: &str, results: &Results, other: &Results, least: f64, wanted: &'static str) -> Goal {
    let ratio = results.ratio(other);
    Goal {
        name: name.to_owned(),
        figure: format!("{} × ({}/s)", figure(ratio), figure(results.rates.median())),
        wanted,
        is_met: ratio >= least && results.wrong == 0,
    }
}
