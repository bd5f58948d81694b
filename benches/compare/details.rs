//! A customer's details beside a plain read by id, on a million customers: at most twice the time.

use crate::Common;
use crate::support::http::{Answer, Conn};
use crate::support::import::import_people;
use crate::support::load::{Load, cycle};
use crate::support::postgres::{Postgres, databases};
use crate::support::quiet;
use crate::support::report::{self, Goal};
use crate::support::service::Service;
use crate::support::stats::{Results, figure};

/// How many customers with everything that can hang on them are read.
const READ: usize = 2_000;
/// The maximum number of rows in a file, so that the client does not hold all of them.
const FILE_ROWS: usize = 1_000_000;

/// The results on one database, with as many clients as this.
struct Lane {
    name: &'static str,
    clients: usize,
    plain: Results,
    details: Results,
}

pub async fn run(common: &Common, rows: u64, only: Option<&str>) {
    let mut lanes = Vec::new();
    for (name, cluster) in databases(only) {
        lanes.extend(measure(name, cluster.as_ref(), common, rows).await);
    }
    write_report(&lanes, common, rows);
}

async fn measure(name: &'static str, cluster: Option<&Postgres>, common: &Common, rows: u64) -> Vec<Lane> {
    let preparing = quiet::shared();
    let service = Service::start(cluster, &[]).await;
    for first in (0..rows).step_by(FILE_ROWS) {
        import_people(&service, common.seed, first..rows.min(first + FILE_ROWS as u64)).await;
    }
    let ids = hung_customers(&service).await;
    drop(preparing);
    let _quiet = quiet::machine();
    let requests = |end: &str| -> Vec<Vec<u8>> {
        ids.iter().map(|id| service.get(&format!("/api/Customer/{id}{end}"))).collect()
    };
    let (plain, details) = (requests(""), requests("/details"));
    let mut lanes: Vec<Lane> = [1, common.clients]
        .map(|clients| Lane { name, clients, plain: Results::default(), details: Results::default() })
        .into();
    for round in 1..=common.rounds {
        for lane in &mut lanes {
            let load = Load::new(lane.clients, common.seconds);
            let got = cycle(service.address, load, plain.iter().cloned(), is_record).await;
            let all = cycle(service.address, load, details.iter().cloned(), is_whole).await;
            println!(
                "{name}, round {round}, {} clients: {}/s by id, {}/s details",
                lane.clients,
                figure(got.rate),
                figure(all.rate)
            );
            lane.plain.add(got);
            lane.details.add(all);
        }
    }
    lanes
}

/// The ids of new customers with addresses, references, stored methods and comments.
async fn hung_customers(service: &Service) -> Vec<u64> {
    let line = |number: usize| {
        format!(
            "{{\"customerNumber\": \"HUNG-{number}\", \"email\": \"hung{number}@example.test\", \"fullname\": \"Ada Roe {number}\", \
             \"address\": \"{number} Elm Row\", \"city\": \"Oakton\", \"addresses\": [{{\"address\": \"{number} Elm Row\", \
             \"isDefaultBilling\": true}}, {{\"address\": \"12 Oak Lane\"}}, {{\"address\": \"3 Ash Court\"}}], \
             \"references\": [{{\"system\": \"shop\", \"externalId\": \"{number}\"}}], \"labels\": [\"vip\"], \
             \"methods\": [{{\"provider\": \"stripe\", \"providerMethodId\": \"pm_{number}\", \"method\": \"card\", \"last4\": \"4242\"}}, \
             {{\"provider\": \"stripe\", \"providerMethodId\": \"ba_{number}\", \"method\": \"ach\"}}], \
             \"comments\": [\"Called about an order.\", \"Wants an invoice.\", \"Pays by the tenth.\", \"Moved.\", \"Has two cats.\"]}}\n"
        )
    };
    let lines: String = (0..READ).map(line).collect();
    let mut conn = Conn::open(service.address).await.expect("it listens");
    let sent = format!(
        "POST /api/Import/customersForm/demo HTTP/1.1\r\nhost: 127.0.0.1\r\nrequestToken: {}\r\n\
         content-type: application/x-ndjson\r\ncontent-length: {}\r\n\r\n{lines}",
        service.token,
        lines.len()
    );
    let answer = conn.send(sent.as_bytes()).await.expect("an answer");
    assert!(answer.body.contains(&format!("\"added\":{READ},")), "{}", answer.body);
    let mut ids = Vec::with_capacity(READ);
    while ids.len() < READ {
        let path = format!("/api/Query/customers/demo?limitRecord=500&fromRecord={}", ids.len());
        let page = service.ask("GET", &path, "").await;
        let records = page["Records"].as_array().expect("records");
        ids.extend(records.iter().filter_map(|record| record["customerId"].as_u64()));
    }
    ids
}

fn is_record(_: &[u8], answer: &Answer<'_>) -> Result<u64, String> {
    answer.must(answer.status == 200 && answer.body.contains("\"customerNumber\":\"HUNG-"))
}

fn is_whole(_: &[u8], answer: &Answer<'_>) -> Result<u64, String> {
    let is_whole = answer.body.contains("\"totalRecords\":5") && answer.body.contains("\"defaultMethod\":{");
    answer.must(answer.status == 200 && is_whole)
}

fn write_report(lanes: &[Lane], common: &Common, rows: u64) {
    let mut table = Vec::new();
    let mut goals = Vec::new();
    for lane in lanes {
        for (what, Results { rates, p50, p99, wrong, .. }) in
            [("by id", &lane.plain), ("details", &lane.details)]
        {
            table.push(vec![
                lane.name.to_owned(),
                lane.clients.to_string(),
                what.to_owned(),
                rates.summary(),
                p50.summary(),
                p99.summary(),
                wrong.to_string(),
            ]);
        }
        let times = lane.plain.ratio(&lane.details);
        goals.push(Goal {
            name: format!("details, {}, {} clients", lane.name, lane.clients),
            figure: format!("{} × the time of a read by id", figure(times)),
            wanted: "≤ 2 × a read by id",
            is_met: times <= 2.0 && lane.plain.wrong + lane.details.wrong == 0,
        });
    }
    let head = ["database", "clients", "request", "answers/s", "p50 ms", "p99 ms", "wrong answers"];
    let body = format!(
        "{rows} customers, {} rounds of {} s. The bench reads {READ} customers, each with 3 addresses, a reference, 2 stored methods \
         and 5 comments.\n\n{}",
        common.rounds,
        common.seconds,
        report::table(&head, &table)
    );
    report::save("Details", &body, &goals);
}
