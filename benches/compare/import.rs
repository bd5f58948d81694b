//! Imports (goals 6 and 7): a file of new customers, a file in which every second row is a known customer, and a file
//! during single creates.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::Common;
use crate::support::import::{Imported, import, rate, write_csv};
use crate::support::load::{Load, Stop, Tally, once_until};
use crate::support::postgres::{Postgres, databases};
use crate::support::process::{folder, output};
use crate::support::quiet;
use crate::support::report::{self, Goal};
use crate::support::service::{Service, created};
use crate::support::stats::figure;

/// Creates per second during an import: as many as a busy shop makes.
const CREATES_A_SECOND: f64 = 100.0;
const CREATORS: usize = 8;

/// The results on one database.
struct Lane {
    name: &'static str,
    new: Imported,
    half: Imported,
    beside: Imported,
    /// Creates without an import.
    alone: Tally,
    /// Creates during an import.
    busy: Tally,
    memory_mb: f64,
}

pub async fn run(common: &Common, rows: u64, only: Option<&str>) {
    let files = folder();
    let new = files.path().join("new.csv");
    let half = files.path().join("half.csv");
    let beside = files.path().join("beside.csv");
    {
        let _quiet = quiet::shared();
        write_csv(&new, common.seed, 0..rows);
        // Every second row is a row of the first file, spread over all of it.
        let known = |n: u64| n.wrapping_mul(2_654_435_761) % rows;
        write_csv(&half, common.seed, (0..rows).map(|n| if n % 2 == 0 { rows + n } else { known(n) }));
        write_csv(&beside, common.seed, (3 * rows)..(3 * rows + rows / 4));
    }
    let base = {
        let _quiet = quiet::machine();
        plain_import(&new, files.path())
    };
    println!("sqlite3 .import: {} rows/s", figure(rate(rows, base)));
    let mut lanes = Vec::new();
    for (name, postgres) in databases(only) {
        lanes.push(measure(name, postgres.as_ref(), common, rows, [&new, &half, &beside]).await);
    }
    write_report(&lanes, rows, base);
}

/// The seconds that sqlite3's own import takes, into a table of plaintext with 5 indexes.
fn plain_import(file: &Path, folder: &Path) -> f64 {
    let database = folder.join("plain.db");
    let columns = crate::support::people::CSV_HEADER.trim().replace(['-', '\n'], "_").replace(',', " TEXT, ");
    let tables = format!(
        "PRAGMA journal_mode = WAL; CREATE TABLE customer ({columns} TEXT);
         CREATE INDEX by_number ON customer (customerNumber); CREATE INDEX by_email ON customer (email);
         CREATE INDEX by_phone ON customer (phone); CREATE INDEX by_lastname ON customer (lastname);
         CREATE INDEX by_client ON customer (additional_clientId);"
    );
    output(Command::new("sqlite3").arg(&database).arg(tables));
    let began = Instant::now();
    output(
        Command::new("sqlite3")
            .arg(&database)
            .args(["-cmd", "PRAGMA synchronous = FULL"])
            .arg(format!(".import --csv --skip 1 {} customer", file.display())),
    );
    began.elapsed().as_secs_f64()
}

async fn measure(
    name: &'static str,
    postgres: Option<&Postgres>,
    common: &Common,
    rows: u64,
    [new, half, beside]: [&PathBuf; 3],
) -> Lane {
    let service = Service::start(postgres, &[]).await;
    let imported = {
        let _quiet = quiet::machine();
        import(&service, new).await
    };
    print(name, "new", rows, &imported);
    assert_eq!((imported.count("added"), imported.count("rejected")), (rows, 0), "every row is new");
    let halves = {
        let _quiet = quiet::machine();
        import(&service, half).await
    };
    print(name, "half known", rows, &halves);
    assert_eq!(
        (halves.count("matched"), halves.count("added")),
        (rows / 2, rows - rows / 2),
        "every second row is known"
    );
    let memory_mb = service.process.memory_mb("VmHWM");
    let _quiet = quiet::machine();
    let stop = Stop::default();
    let alone = creates(&service, common, 10.0, 5 * rows, &stop).await;
    let importing = async {
        let imported = import(&service, beside).await;
        stop.set(true);
        imported
    };
    let (imported_beside, busy) = tokio::join!(importing, creates(&service, common, 900.0, 6 * rows, &stop));
    print(name, "during creates", rows / 4, &imported_beside);
    assert_eq!(imported_beside.count("added"), rows / 4, "every row is new");
    Lane { name, new: imported, half: halves, beside: imported_beside, alone, busy, memory_mb }
}

/// Sends creates at a constant rate. The latency of a create counts from the time when it was due.
async fn creates(service: &Service, common: &Common, seconds: f64, first: u64, stop: &Stop) -> Tally {
    let load = Load { rate: Some(CREATES_A_SECOND), ..Load::new(CREATORS, seconds) };
    let count = (seconds * CREATES_A_SECOND) as u64 + 1000;
    let requests = service.creates(common.seed, first..first + count);
    once_until(service.address, load, requests, created, Stop::clone(stop)).await
}

fn print(name: &str, what: &str, rows: u64, imported: &Imported) {
    println!(
        "{name}, {what}: {} rows/s, last tenth {} × the first, upload {} s",
        figure(rate(rows, imported.seconds)),
        figure(imported.last_to_first),
        figure(imported.upload_seconds)
    );
}

fn write_report(lanes: &[Lane], rows: u64, base: f64) {
    let base_rate = rate(rows, base);
    let mut table = vec![vec![
        "sqlite3 .import, 5 indexes".to_owned(),
        "new".to_owned(),
        figure(base_rate),
        "1".to_owned(),
        String::new(),
        String::new(),
    ]];
    let mut latencies = Vec::new();
    let mut goals = Vec::new();
    for lane in lanes {
        for (what, count, imported) in [
            ("new", rows, &lane.new),
            ("every second known", rows, &lane.half),
            ("new, during creates", rows / 4, &lane.beside),
        ] {
            let speed = rate(count, imported.seconds);
            table.push(vec![
                format!("Customary, {}", lane.name),
                what.to_owned(),
                figure(speed),
                figure(speed / base_rate),
                figure(imported.last_to_first),
                figure(imported.upload_seconds),
            ]);
        }
        for (what, tally) in [("none", &lane.alone), ("running", &lane.busy)] {
            latencies.push(vec![
                lane.name.to_owned(),
                what.to_owned(),
                figure(tally.rate),
                figure(tally.quantile_ms(0.5)),
                figure(tally.quantile_ms(0.99)),
                figure(tally.quantile_ms(1.0)),
                tally.wrong.to_string(),
            ]);
        }
        let of_base = |imported: &Imported| rate(rows, imported.seconds) / base_rate;
        goals.push(Goal {
            name: format!("6 import, {}", lane.name),
            figure: format!(
                "new {} ×, half known {} ×; last tenth {} × and {} × the first; {} MB",
                figure(of_base(&lane.new)),
                figure(of_base(&lane.half)),
                figure(lane.new.last_to_first),
                figure(lane.half.last_to_first),
                figure(lane.memory_mb)
            ),
            wanted: "≥ 0.4 × `sqlite3 .import`; last tenth ≥ 0.4 × the first; ≤ 250 MB",
            is_met: of_base(&lane.new).min(of_base(&lane.half)) >= 0.4
                && lane.new.last_to_first.min(lane.half.last_to_first) >= 0.4
                && lane.memory_mb <= 250.0,
        });
        let p99 = lane.busy.quantile_ms(0.99);
        goals.push(Goal {
            name: format!("7 creates during an import, {}", lane.name),
            figure: format!(
                "p99 {} ms, import at {} rows/s",
                figure(p99),
                figure(rate(rows / 4, lane.beside.seconds))
            ),
            wanted: "p99 ≤ 100 ms",
            is_met: p99 <= 100.0 && lane.busy.wrong == 0,
        });
    }
    let body = format!(
        "A CSV file of {rows} rows and 25 columns ({} rows for the import during creates), sent over HTTP. The time runs from the first \
         byte sent to the end of the job and includes the upload. One run each; each import adds to the database of the one before.

{}
Creates: {} per second over {CREATORS} \
         connections. Each latency counts from the time when the create was due.

{}",
        rows / 4,
        report::table(&["system", "rows", "rows/s", "× sqlite3", "last tenth / first", "upload s"], &table),
        figure(CREATES_A_SECOND),
        report::table(&["database", "import", "creates/s", "p50 ms", "p99 ms", "longest ms", "wrong answers"], &latencies)
    );
    report::save("Import", &body, &goals);
}
