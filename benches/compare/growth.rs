//! Growth (goal 8): creates and list pages on few customers and on many.

use std::time::Instant;

use crate::Common;
use crate::support::http::Conn;
use crate::support::import::{import, rate, write_csv};
use crate::support::load::{Load, Tally, once};
use crate::support::people::Person;
use crate::support::postgres::Postgres;
use crate::support::process::folder;
use crate::support::quiet;
use crate::support::report::{self, Goal};
use crate::support::service::{Service, created};
use crate::support::stats::{Rounds, figure, quantile};

const FEW: u64 = 10_000;
/// The maximum number of rows in a file, so that the client does not hold all of them.
const FILE_ROWS: u64 = 1_000_000;
/// How many times to request each page.
const PAGES: usize = 300;

/// The results on one database.
struct Lane {
    name: &'static str,
    few: Rounds,
    many: Rounds,
    few_p99: Rounds,
    many_p99: Rounds,
    import_rate: f64,
    depth: u64,
    first_page_us: Vec<u32>,
    deep_page_us: Vec<u32>,
    wrong: u64,
}

pub async fn run(common: &Common, rows: u64, only: Option<&str>) {
    let mut lanes = Vec::new();
    for name in ["SQLite", "PostgreSQL"]
        .into_iter()
        .filter(|name| only.is_none_or(|only| name.eq_ignore_ascii_case(only)))
    {
        let cluster = (name == "PostgreSQL").then(Postgres::start);
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
    let (few, many_rates, few_p99, many_p99, first_page_us, deep_page_us) = Default::default();
    let mut lane = Lane {
        name,
        few,
        many: many_rates,
        few_p99,
        many_p99,
        import_rate,
        depth: 0,
        first_page_us,
        deep_page_us,
        wrong: 0,
    };
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
        lane.wrong += on_few.wrong + on_many.wrong;
        lane.few.0.push(on_few.rate);
        lane.few_p99.0.push(on_few.quantile_ms(0.99));
        lane.many.0.push(on_many.rate);
        lane.many_p99.0.push(on_many.quantile_ms(0.99));
    }
    pages(&many, &mut lane, rows).await;
    lane
}

async fn fill(service: &Service, seed: u64, rows: u64) {
    let files = folder();
    let mut first = 0;
    while first < rows {
        let end = rows.min(first + FILE_ROWS);
        let file = files.path().join(format!("{first}.csv"));
        write_csv(&file, seed, first..end);
        let imported = import(service, "demo", &file, "").await;
        assert_eq!(imported.count("added"), end - first, "every row is new");
        std::fs::remove_file(&file).expect("the file");
        first = end;
    }
}

async fn creates(service: &Service, common: &Common, first: u64) -> Tally {
    let load = Load::new(common.clients, common.seconds);
    let count = (common.seconds + 1.0) as u64 * 20_000;
    let people = (first..first + count).map(|number| Person::of(common.seed, number));
    let requests = people.zip(first..).map(|(person, key)| service.create("demo", &person, key));
    once(service.address, load, requests, created).await
}

/// Measures the first page and the page after a million records (or after half of all), in turn.
async fn pages(service: &Service, lane: &mut Lane, rows: u64) {
    let list = "/api/Query/customers/demo";
    let mut deep = format!("{list}?limitRecord=500");
    lane.depth = (rows / 2).min(1_000_000);
    for _ in 0..lane.depth / 500 {
        let page = service.ask("GET", &deep, "").await;
        deep = format!(
            "{list}?limitRecord=500&pageIdentifier={}",
            page["Summary"]["pageIdentifier"].as_str().expect("a next page")
        );
    }
    let first = service.get(&format!("{list}?limitRecord=20"));
    let deep = service.get(&deep.replace("limitRecord=500", "limitRecord=20"));
    let mut conn = Conn::open(service.address).await.expect("it listens");
    for _ in 0..PAGES {
        for (request, times) in [(&first, &mut lane.first_page_us), (&deep, &mut lane.deep_page_us)] {
            let began = Instant::now();
            let answer = conn.send(request).await.expect("an answer");
            times.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
            if answer.status != 200 || answer.body.matches("\"customerId\":").count() != 20 {
                lane.wrong += 1;
            }
        }
    }
    lane.first_page_us.sort_unstable();
    lane.deep_page_us.sort_unstable();
}

fn write_report(lanes: &[Lane], common: &Common, rows: u64) {
    let (mut creates, mut pages, mut goals) = (Vec::new(), Vec::new(), Vec::new());
    for lane in lanes {
        let ratio =
            Rounds(lane.many.0.iter().zip(&lane.few.0).map(|(many, few)| many / few).collect()).median();
        for (count, rates, p99) in [(FEW, &lane.few, &lane.few_p99), (rows, &lane.many, &lane.many_p99)] {
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
            is_met: rows >= 5_000_000 && ratio >= 0.8 && deep <= 1.25 && lane.wrong == 0,
        });
    }
    let imports: Vec<_> =
        lanes.iter().map(|lane| format!("{} {} rows/s", lane.name, figure(lane.import_rate))).collect();
    let wrong: u64 = lanes.iter().map(|lane| lane.wrong).sum();
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
