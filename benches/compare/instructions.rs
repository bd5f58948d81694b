//! Instructions of a create and of a read, counted by valgrind. Other load on the machine does not change the counts. But
//! background work (index maintenance, the check for revoked tokens) may or may not fall into a run, so there are rounds.

use std::process::Command;

use crate::Common;
use crate::support::load::{Load, Tally, cycle, is_ok, once};
use crate::support::process::root;
use crate::support::quiet;
use crate::support::report;
use crate::support::service::{Place, Service, created};
use crate::support::stats::{Rounds, figure};

/// Two runs differ by this many requests, so that all other work cancels out.
const MORE: u64 = 1000;
const BASE: u64 = 200;

pub async fn run(common: &Common) {
    let _quiet = quiet::shared();
    let (mut creates, mut gets) = (Rounds::default(), Rounds::default());
    let (mut bare, mut bases) = (Rounds::default(), Rounds::default());
    for _ in 0..common.rounds {
        let base = counted(common, BASE, 0).await;
        let more = |run: f64| (run - base) / 1000.0 / MORE as f64;
        creates.0.push(more(counted(common, BASE + MORE, 0).await));
        gets.0.push(more(counted(common, BASE, MORE).await));
        bare.0.push(counted(common, 0, 0).await);
        bases.0.push(base);
    }
    let rows =
        vec![vec!["create".to_owned(), creates.summary()], vec!["get by id".to_owned(), gets.summary()]];
    let body = format!(
        "Thousands of instructions per request on SQLite, over one connection, with one transaction per create (`--batch-max 1`), \
         counted by `valgrind --tool=callgrind`. Each figure is the difference of two runs that differ by {MORE} requests, in {} \
         rounds. Background work may or may not fall into a run, which explains the spread. A start with {BASE} creates takes {} \
         million instructions, a start alone {} million.\n\n{}",
        common.rounds,
        figure(bases.median() / 1e6),
        figure(bare.median() / 1e6),
        report::table(&["request", "thousand instructions"], &rows)
    );
    report::save("Instructions", &body, &[]);
}

/// The instructions of a whole run of the service, with this many creates and reads.
async fn counted(common: &Common, creates: u64, gets: u64) -> f64 {
    let place = Place::new(None);
    // Keep the profile: `callgrind_annotate --inclusive=yes` shows where the instructions go.
    let profiles = root().join("target/bench-profiles");
    std::fs::create_dir_all(&profiles).expect("a folder");
    let profile = profiles.join(format!("{creates}-creates-{gets}-gets.callgrind"));
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--quiet"]).arg(format!("--callgrind-out-file={}", profile.display()));
    let service = Service::under(valgrind, place, &["--batch-max", "1", "--workers", "1"]).await;
    let load = Load { requests: Some(creates), ..Load::new(1, 600.0) };
    let made = once(service.address, load, service.creates(common.seed, 0..creates), created).await;
    right(&made, creates);
    if gets > 0 {
        let load = Load { requests: Some(gets), ..load };
        let requests = made.ids.iter().map(|id| service.get(&format!("/api/Customer/{id}")));
        right(&cycle(service.address, load, requests, is_ok).await, gets);
    }
    drop(service.stop());
    let text = std::fs::read_to_string(&profile).expect("callgrind's file");
    let total =
        text.lines().find_map(|line| line.strip_prefix("summary:").or_else(|| line.strip_prefix("totals:")));
    let total = total.and_then(|total| total.trim().parse().ok()).expect("a total");
    println!("{creates} creates, {gets} reads: {} million instructions", figure(total / 1e6));
    total
}

fn right(tally: &Tally, wanted: u64) {
    assert_eq!((tally.right, tally.wrong), (wanted, 0), "{:?}", tally.errors);
}
