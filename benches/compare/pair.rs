//! Compares two builds of the service, to show what a change costs or gains. Each round measures both, in alternating order.
//! The CPU time of the service is steadier than the rate on a machine that has other load.

use std::path::{Path, PathBuf};

use crate::Common;
use crate::support::import::{import_people, rate};
use crate::support::load::{Load, cycle, is_ok, once};
use crate::support::people::Person;
use crate::support::postgres::{Postgres, databases};
use crate::support::quiet;
use crate::support::report;
use crate::support::service::{Place, Service, binary, created};
use crate::support::stats::{Rounds, figure};

/// Customers in each database before the first round.
const ROWS: u64 = 20_000;
/// Requests to prepare for reads by id and for searches.
const REQUESTS: usize = 2_000;
/// Rows of each imported file.
const FILE_ROWS: u64 = 50_000;

/// The kinds of request, by their names in the table.
const KINDS: [&str; 5] = ["create", "get by id", "newest 20", "search", "import"];

/// One build on one database.
struct Side {
    service: Service,
    ids: Vec<u64>,
    next_person: u64,
    rates: [Rounds; KINDS.len()],
    /// CPU time of the service for a request, in microseconds.
    cpu: [Rounds; KINDS.len()],
}

pub async fn run(common: &Common, before: &Path, only: Option<&str>) {
    let _quiet = quiet::machine();
    let mut rows = Vec::new();
    for (name, postgres) in databases(only) {
        let mut sides = [
            Side::start(before.to_owned(), postgres.as_ref(), common).await,
            Side::start(binary(), postgres.as_ref(), common).await,
        ];
        for round in 0..common.rounds {
            for (number, kind) in KINDS.into_iter().enumerate() {
                // The order alternates, so that neither build always comes second.
                for turn in 0..2 {
                    let side = &mut sides[(round + turn) % 2];
                    let before = side.service.process.cpu_secs();
                    let (done, rate) = side.measure(kind, common, number).await;
                    let cpu = (side.service.process.cpu_secs() - before) * 1e6 / done as f64;
                    side.rates[number].0.push(rate);
                    side.cpu[number].0.push(cpu);
                }
                let [old, new] = &sides;
                let (old, new) = (old.rates[number].0[round], new.rates[number].0[round]);
                println!(
                    "{name} round {}: {kind:10} {:>9} → {:>9}/s  {:.3}",
                    round + 1,
                    figure(old),
                    figure(new),
                    new / old
                );
            }
        }
        for (number, kind) in KINDS.into_iter().enumerate() {
            let [old, new] = sides.each_ref().map(|side| &side.rates[number]);
            let (was, is) = (figure(old.median()), figure(new.median()));
            let cpu = sides.each_ref().map(|side| &side.cpu[number]);
            let cpu = cpu[1].over(cpu[0]).summary();
            rows.push(vec![name.to_owned(), kind.to_owned(), was, is, new.over(old).summary(), cpu]);
        }
        for side in sides {
            drop(side.service.stop());
        }
    }
    let heads =
        ["database", "request", "before/s", "after/s", "rate after : before", "CPU time after : before"];
    println!("\n{}", report::table(&heads, &rows));
}

impl Side {
    async fn start(binary: PathBuf, postgres: Option<&Postgres>, common: &Common) -> Side {
        let service = Service::on(Place { binary, ..Place::new(postgres) }, &[]).await;
        let ids = service.fill(common, ROWS).await;
        Side { service, ids, next_person: ROWS, rates: Default::default(), cpu: Default::default() }
    }

    /// How many answers or imported rows there were, and how many a second.
    async fn measure(&mut self, kind: &str, common: &Common, number: usize) -> (u64, f64) {
        let load = Load::new(common.clients, common.seconds);
        let mut rng = fastrand::Rng::with_seed(common.seed ^ number as u64);
        let service = &self.service;
        let tally = match kind {
            "create" => {
                let most = self.next_person..self.next_person + (common.seconds * 30_000.0) as u64;
                self.next_person = most.end;
                once(service.address, load, service.creates(common.seed, most), created).await
            }
            "get by id" => {
                let path = |_| format!("/api/Customer/{}", self.ids[rng.usize(..self.ids.len())]);
                let requests = (0..REQUESTS).map(path).map(|path| service.get(&path));
                cycle(service.address, load, requests, is_ok).await
            }
            "newest 20" => cycle(service.address, load, std::iter::once(service.list()), is_ok).await,
            "search" => {
                let path = |_| {
                    let person = Person::of(common.seed, rng.u64(..ROWS));
                    let word = person.email.split('@').next().unwrap_or("").to_owned();
                    format!(
                        "/api/Query/customers/demo?limitRecord=20&search={}",
                        &word[word.len().saturating_sub(5)..]
                    )
                };
                let requests = (0..REQUESTS).map(path).map(|path| service.get(&path));
                cycle(service.address, load, requests, is_ok).await
            }
            _ => {
                let numbers = self.next_person..self.next_person + FILE_ROWS;
                self.next_person = numbers.end;
                let imported = import_people(service, common.seed, numbers).await;
                return (FILE_ROWS, rate(FILE_ROWS, imported.seconds));
            }
        };
        assert_eq!(tally.wrong, 0, "{kind}: {:?}", tally.errors);
        (tally.right, tally.rate)
    }
}
