//! Creates per second (goals 1 to 3).

use std::collections::HashSet;
use std::rc::Rc;

use crate::Common;
use crate::support::ceiling::Ceiling;
use crate::support::http::Answer;
use crate::support::load::{Load, cycle, once};
use crate::support::peers::{self, Kind, Peer};
use crate::support::people::Person;
use crate::support::postgres::Postgres;
use crate::support::quiet;
use crate::support::report::{self, Goal};
use crate::support::service::{Service, created};
use crate::support::stats::{Results, Rounds, figure};

enum System {
    Service(Service),
    Peer(Rc<Peer>),
    Ceiling(Ceiling),
}

/// A system with the results of its rounds.
struct Lane {
    name: &'static str,
    system: System,
    next_person: u64,
    results: Results,
    cpu_us: Rounds,
    ids: HashSet<u64>,
}

pub async fn run(common: &Common) {
    peers::install();
    let _quiet = quiet::machine();
    let postgres = Postgres::start();
    let mut lanes = vec![
        lane("Customary, SQLite", System::Service(Service::start(None, &[]).await)),
        lane("Customary, PostgreSQL", System::Service(Service::start(Some(&postgres), &[]).await)),
        lane(
            "Customary, SQLite, batches of one",
            System::Service(Service::start(None, &["--batch-max", "1"]).await),
        ),
        lane(
            "Customary, PostgreSQL, batches of one",
            System::Service(Service::start(Some(&postgres), &["--batch-max", "1"]).await),
        ),
        lane("actix, parse + check + echo", System::Ceiling(Ceiling::start())),
        lane("soul-cli 0.8.2", System::Peer(Rc::new(Peer::start(Kind::Soul).await))),
        lane("FastAPI + SQLModel", System::Peer(Rc::new(Peer::start(Kind::FastApi).await))),
    ];
    for round in 1..=common.rounds {
        for lane in &mut lanes {
            turn(lane, common).await;
            let Results { rates, p99, wrong, .. } = &lane.results;
            let (rate, p99) = (figure(rates.0[round - 1]), figure(p99.0[round - 1]));
            println!("round {round}: {:40} {rate:>8}/s  p99 {p99:>8} ms  wrong {wrong}", lane.name);
        }
    }
    for lane in &mut lanes {
        count(lane).await;
    }
    write_report(&lanes, common);
}

fn lane(name: &'static str, system: System) -> Lane {
    let (results, cpu_us, ids) = Default::default();
    Lane { name, system, next_person: 0, results, cpu_us, ids }
}

/// One round of one system.
async fn turn(lane: &mut Lane, common: &Common) {
    let load = Load::new(common.clients, common.seconds);
    let seconds = (load.time + load.warm_up).as_secs_f64();
    // Build the requests before the clock runs: 50 % more than the previous round needed.
    let most = lane.results.rates.0.last().map_or(15_000.0, |rate| rate * 1.5 + 500.0) * seconds;
    let numbers = lane.next_person..lane.next_person + most as u64;
    lane.next_person = numbers.end;
    let people = numbers.clone().map(|number| Person::of(common.seed, number));
    let (mut tally, cpu) = match &lane.system {
        System::Service(service) => {
            let before = service.process.cpu_secs();
            let tally = once(service.address, load, service.creates(common.seed, numbers), created).await;
            (tally, service.process.cpu_secs() - before)
        }
        System::Peer(peer) => {
            let judge = Rc::clone(peer);
            let requests = people.map(|person| peer.create(&person));
            let check = move |request: &[u8], answer: &Answer<'_>| judge.created(request, answer);
            (once(peer.address, load, requests, check).await, f64::NAN)
        }
        System::Ceiling(ceiling) => {
            let requests = people.take(2000).map(|person| Ceiling::echo(&person));
            let check = |_: &[u8], answer: &Answer<'_>| {
                answer.must(answer.status == 200 && answer.body.ends_with("\"}"))
            };
            let tally = cycle(ceiling.address, load, requests, check).await;
            (tally, f64::NAN)
        }
    };
    lane.cpu_us.0.push(cpu * 1e6 / (tally.right as f64));
    if !matches!(lane.system, System::Ceiling(_)) {
        for id in std::mem::take(&mut tally.ids) {
            if !lane.ids.insert(id) {
                lane.fail(format!("two creates got the id {id}"));
            }
        }
    }
    lane.results.add(tally);
}

impl Lane {
    fn fail(&mut self, why: String) {
        self.results.wrong += 1;
        self.results.errors.push(why);
    }
}

/// Compares the acknowledged creates with the stored records.
async fn count(lane: &mut Lane) {
    let stored = match &lane.system {
        System::Service(service) => service.count().await,
        System::Peer(peer) => peer.count(),
        System::Ceiling(_) => return,
    };
    let acknowledged = lane.ids.len() as u64;
    // The record of a request that failed or timed out may be stored. Every acknowledged record must be.
    if stored < acknowledged || stored > acknowledged + lane.results.wrong {
        lane.fail(format!("{acknowledged} records were acknowledged, {stored} are stored"));
    }
}

fn write_report(lanes: &[Lane], common: &Common) {
    let rows: Vec<_> = lanes
        .iter()
        .map(|lane| {
            let Results { rates, p50, p99, wrong, .. } = &lane.results;
            let cpu = figure(lane.cpu_us.median());
            vec![lane.name.into(), rates.summary(), p50.summary(), p99.summary(), cpu, wrong.to_string()]
        })
        .collect();
    let head = ["system", "creates/s", "p50 ms", "p99 ms", "CPU µs per create", "wrong answers"];
    let mut body = format!(
        "{} clients, {} rounds of {} s. All systems store the same records of 30 values, with `synchronous=FULL` or PostgreSQL's \
         default. Customary does tokens, validation, matching, sealing, search terms, history and an idempotency key on every \
         create. The peers do none of these and have 5 indexes. The bench checks every answer, that ids are distinct, and that \
         every acknowledged record is stored.\n\n{}",
        common.clients,
        common.rounds,
        common.seconds,
        report::table(&head, &rows)
    );
    for lane in lanes {
        body.push_str(&report::errors(lane.name, &lane.results.errors, 3));
    }
    let [sqlite, postgres, sqlite_one, postgres_one, ceiling, soul, fastapi] = lanes else { return };
    let goals = [
        against_ceiling("1 create, SQLite", sqlite, ceiling),
        against_ceiling("1 create, PostgreSQL", postgres, ceiling),
        against_one("2 create, batches against one, SQLite", sqlite, sqlite_one, ceiling),
        against_one("2 create, batches against one, PostgreSQL", postgres, postgres_one, ceiling),
        against_peer("3 create, against soul-cli", sqlite, soul, 6.0, "≥ 6 ×"),
        against_peer("3 create, against FastAPI", sqlite, fastapi, 25.0, "≥ 25 ×"),
    ];
    report::save("Create", &body, &goals);
}

fn against_ceiling(name: &str, lane: &Lane, ceiling: &Lane) -> Goal {
    let Results { rates, p99, wrong, .. } = &lane.results;
    let (ratio, p99) = (lane.results.ratio(&ceiling.results), p99.median());
    Goal {
        name: name.to_owned(),
        figure: format!("{} × echo ({}/s), p99 {} ms", figure(ratio), figure(rates.median()), figure(p99)),
        wanted: "≥ 0.14 × echo, p99 ≤ 50 ms",
        is_met: ratio >= 0.14 && p99 <= 50.0 && *wrong == 0,
    }
}

fn against_one(name: &str, lane: &Lane, one: &Lane, ceiling: &Lane) -> Goal {
    let ratio = lane.results.ratio(&one.results);
    let [own, one, echo] = [lane, one, ceiling].map(|lane| lane.results.p99.median());
    // The part of the goal that reading and answering a request takes alone.
    let (p99, echo) = (own / one, echo / one);
    Goal {
        name: name.to_owned(),
        figure: format!("{} ×, p99 {} × (echo alone {} ×)", figure(ratio), figure(p99), figure(echo)),
        wanted: "≥ 3 ×, p99 ≤ 0.1 ×",
        is_met: ratio >= 3.0 && p99 <= 0.1,
    }
}

fn against_peer(name: &str, lane: &Lane, peer: &Lane, least: f64, wanted: &'static str) -> Goal {
    let ratio = lane.results.ratio(&peer.results);
    Goal { name: name.to_owned(), figure: format!("{} ×", figure(ratio)), wanted, is_met: ratio >= least }
}
