//! Growth (goal 8): creates and list pages on few customers and on many.

use std::time::Instant;

use crate::Common;
use crate::support::http::Conn;
use crate::support::import::{import_people, rate};
use crate::support::load::{Load, Tally, once};
use crate::support::postgres::{Postgres, databases};
use crate::support::quiet;
use crate::support::report::{self, Goal};
use crate::support::service::{Service, created};
use crate::support::stats::{Results, figure, micros, quantile};

const FEW: u64 = 10_000;
/// The maximum number of rows in a file, so that the client does not hold all of them.
const FILE_ROWS: usize = 1_000_000;
/// How many times to request each page.
const PAGES: usize = 300;

/// The results on one database.
#[derive(Default)]
struct Lane {
    name: &'static str,
    few: Results,
    many: Results,
    import_rate: f64,
    depth: u64,
    first_page_us: Vec<u32>,
    deep_page_us: Vec<u32>,
    wrong_pages: u64,
}

pub async fn run(common: &Common, rows: u64, only: Option<&str>) {
    let mut lanes = Vec::new();
    for (name, cluster) in databases(only) {
        lanes.push(measure(name, cluster.as_ref(), common, rows).await);
    }
    write_report(&lanes, common, rows);
}

async fn measure(name: &'static str, cluster: Option<&Postgres>, common: &Common, rows: u64) -> Lane {
    let preparing = quiet::shared();
    let many = Service::start(cluster, &[]).await;
    let began = Instant::now();
    fill(&many, common.seed, rows).await;
    let import_rate = rate(rows, began.elapsed().as_secs_f64());
    println!("{name}: {rows} customers imported at {} rows/s", figure(import_rate));
    drop(preparing);
    let mut lane = Lane { name, import_rate, ..Lane::default() };
    let _quiet = quiet::machine();
    for round in 0..common.rounds as u64 {
        // A new service each time: at full speed the small database would not stay small.
        let few = Service::start(cluster, &[]).await;
        fill(&few, common.seed, FEW).await;
        let on_few = creates(&few, common, (round + 2) << 40).await;
        drop(few);
        let on_many = creates(&many, common, (round + 2) << 40).await;
        println!(
            "{name}, round {round}: {}/s on {FEW}, {}/s on {rows}",
            figure(on_few.rate),
            figure(on_many.rate)
        );
        lane.few.add(on_few);
        lane.many.add(on_many);
    }
    pages(&many, &mut lane, rows).await;
    lane
}

async fn fill(service: &Service, seed: u64, rows: u64) {
    for first in (0..rows).step_by(FILE_ROWS) {
        import_people(service, seed, first..rows.min(first + FILE_ROWS as u64)).await;
    }
}

async fn creates(service: &Service, common: &Common, first: u64) -> Tally {
    let load = Load::new(common.clients, common.seconds);
    let count = (common.seconds + 1.0) as u64 * 20_000;
    once(service.address, load, service.creates(common.seed, first..first + count), created).await
}

/// Measures the first page and the page after a million records (or after half of all), in turn.
async fn pages(service: &Service, lane: &mut Lane, rows: u64) {
    lane.depth = (rows / 2).min(1_000_000);
    let first = service.list();
    let deep = service.get(&service.cursor_after(lane.depth).await);
    let mut conn = Conn::open(service.address).await.expect("it listens");
    for _ in 0..PAGES {
        for (request, times) in [(&first, &mut lane.first_page_us), (&deep, &mut lane.deep_page_us)] {
            let began = Instant::now();
            let answer = conn.send(request).await.expect("an answer");
            times.push(micros(began));
            if answer.status != 200 || answer.body.matches("\"customerId\":").count() != 20 {
                lane.wrong_pages += 1;
            }
        }
    }
    lane.first_page_us.sort_unstable();
    lane.deep_page_us.sort_unstable();
}

impl Lane {
    fn wrong(&self) -> u64 {
        self.few.wrong + self.many.wrong + self.wrong_pages
    }
}

fn write_report(lanes: &[Lane], common: &Common, rows: u64) {
    let (mut creates, mut pages, mut goals) = (Vec::new(), Vec::new(), Vec::new());
    for lane in lanes {
        let ratio = lane.many.ratio(&lane.few);
        for (count, Results { rates, p99, .. }) in [(FEW, &lane.few), (rows, &lane.many)] {
            creates.push(vec![lane.name.to_owned(), figure(count as f64), rates.summary(), p99.summary()]);
        }
        let ms = |list: &[u32], part: f64| figure(quantile(list, part) / 1000.0);
        for (what, list) in [
            ("first".to_owned(), &lane.first_page_us),
            (format!("after {} records", figure(lane.depth as f64)), &lane.deep_page_us),
        ] {
            pages.push(vec![lane.name.to_owned(), what, ms(list, 0.5), ms(list, 0.99)]);
        }
        let deep = quantile(&lane.deep_page_us, 0.5) / quantile(&lane.first_page_us, 0.5);
        goals.push(Goal {
            name: format!("8 growth, {}", lane.name),
            figure: format!(
                "creates on {} {} × those on {FEW}; page after {} records {} × the first",
                figure(rows as f64),
                figure(ratio),
                figure(lane.depth as f64),
                figure(deep)
            ),
            wanted: "creates on 5 M ≥ 0.8 × those on 10 k; page after 1 M as fast as the first",
            is_met: rows >= 5_000_000 && ratio >= 0.8 && deep <= 1.25 && lane.wrong() == 0,
        });
    }
    let imports: Vec<_> =
        lanes.iter().map(|lane| format!("{} {} rows/s", lane.name, figure(lane.import_rate))).collect();
    let wrong: u64 = lanes.iter().map(Lane::wrong).sum();
    let body = format!(
        "{} clients, {} rounds of {} s. The customers of the large database were imported before ({}; other work may have slowed this). \
         {wrong} wrong answers.\n\n{}\n{}",
        common.clients,
        common.rounds,
        common.seconds,
        imports.join(", "),
        report::table(&["database", "customers", "creates/s", "p99 ms"], &creates),
        report::table(&["database", "page of 20", "p50 ms", "p99 ms"], &pages)
    );
    report::save("Growth", &body, &goals);
}
