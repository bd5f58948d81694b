//! Time to start on an existing database, and memory when idle (goal 9).

use std::time::Duration;

use crate::Common;
use crate::support::postgres::databases;
use crate::support::quiet;
use crate::support::report::{self, Goal};
use crate::support::service::{Place, Service};
use crate::support::stats::{Rounds, figure};

pub async fn run(common: &Common, rows: u64) {
    let _quiet = quiet::machine();
    let mut table = Vec::new();
    let mut goals = Vec::new();
    for (name, cluster) in databases(None) {
        let service = Service::start(cluster.as_ref(), &[]).await;
        let first_ms = service.ready_after.as_secs_f64() * 1000.0;
        service.fill(common, rows).await;
        let busy_mb = service.process.memory_mb("VmHWM");
        let mut place = service.stop();
        let (mut ready_ms, mut idle_mb) = (Rounds::default(), Rounds::default());
        for round in 1..=common.rounds * 2 {
            let (ready, idle, given_back) = turn(place, rows).await;
            println!("{name}, start {round}: ready after {} ms, idle {} MB", figure(ready), figure(idle));
            place = given_back;
            ready_ms.0.push(ready);
            idle_mb.0.push(idle);
        }
        let (first, busy) = (figure(first_ms), figure(busy_mb));
        table.push(vec![name.to_owned(), ready_ms.summary(), first, idle_mb.summary(), busy]);
        goals.push(Goal {
            name: format!("9 start and idle, {name}"),
            figure: format!("ready after {} ms, {} MB", figure(ready_ms.median()), figure(idle_mb.median())),
            wanted: "≤ 100 ms, ≤ 40 MB",
            is_met: ready_ms.median() <= 100.0 && idle_mb.median() <= 40.0,
        });
    }
    let head = ["database", "ready after ms", "first start ms", "idle MB", "peak MB during creates"];
    let body = format!(
        "{rows} customers in the database. The time runs from the start of the process to the first 200 from `/health/ready`. Idle is \
         the resident memory 3 s after a few requests.\n\n{}",
        report::table(&head, &table)
    );
    report::save("Startup", &body, &goals);
}

/// Starts the service once. Returns the milliseconds until it is ready, and its resident memory in MB when idle.
async fn turn(place: Place, rows: u64) -> (f64, f64, Place) {
    let service = Service::on(place, &[]).await;
    assert_eq!(service.count().await, rows, "all customers are there");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let idle = service.process.memory_mb("VmRSS");
    (service.ready_after.as_secs_f64() * 1000.0, idle, service.stop())
}
