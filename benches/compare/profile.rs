//! Where the service spends its time, by thread and by function: `perf` records it under a load. Writes files to
//! `target/bench-profiles` and no results.

use std::process::Command;

use crate::Common;
use crate::support::load::{Load, cycle, is_ok, once};
use crate::support::postgres::Postgres;
use crate::support::process::{Process, output, root};
use crate::support::quiet;
use crate::support::service::{Service, created};
use crate::support::stats::figure;

/// The requests while `perf` records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RequestKind {
    Create,
    Get,
    List,
}

pub async fn run(common: &Common, kind: RequestKind, on_postgres: bool) {
    let _quiet = quiet::machine();
    let postgres = on_postgres.then(Postgres::start);
    let service = Service::start(postgres.as_ref(), &[]).await;
    let ids = service.fill(common, 20_000).await;
    let rest: Vec<_> = service.creates(common.seed, 20_000..120_000).collect();
    let folder = root().join("target/bench-profiles");
    std::fs::create_dir_all(&folder).expect("a folder");
    let name = format!("{kind:?}-{}", if on_postgres { "postgresql" } else { "sqlite" }).to_lowercase();
    let data = folder.join(format!("{name}.perf"));
    let mut command = Command::new("perf");
    command.args(["record", "-q", "-F", "499", "--call-graph", "dwarf,16384", "-p"]);
    command.arg(service.process.pid().to_string()).arg("-o");
    let mut perf = Process::start("perf", command.arg(&data), &folder);
    let load = Load::new(common.clients, common.seconds);
    let tally = match kind {
        RequestKind::Create => once(service.address, load, rest.into_iter(), created).await,
        RequestKind::Get => {
            let requests = ids.iter().map(|id| service.get(&format!("/api/Customer/{id}")));
            cycle(service.address, load, requests, is_ok).await
        }
        RequestKind::List => cycle(service.address, load, std::iter::once(service.list()), is_ok).await,
    };
    perf.stop();
    println!("{}/s, p99 {} ms, {} wrong", figure(tally.rate), figure(tally.quantile_ms(0.99)), tally.wrong);
    let report = |arguments: &[&str]| {
        let mut command = Command::new("perf");
        output(command.args(["report", "--stdio", "-q", "-i"]).arg(&data).args(arguments))
    };
    println!("{}\n", report(&["--no-children", "-g", "none", "--sort", "comm", "--percent-limit", "0.5"]));
    println!(
        "{}",
        report(&["--no-children", "-g", "none", "--sort", "comm,symbol", "--percent-limit", "0.7"])
    );
    let inclusive = report(&["--children", "-g", "none", "--sort", "symbol", "--percent-limit", "0.5"]);
    let path = folder.join(format!("{name}.inclusive.txt"));
    std::fs::write(&path, inclusive).expect("a file");
    println!("\nfunctions, including the functions that they call: {}", path.display());
}
