//! Rules 9: an import that is killed at any point and started again gives the result and report of an undisturbed one.
//!
//! `IMPORT_ROWS` and `IMPORT_KILLS` set the size; the long form is `IMPORT_ROWS=200000 IMPORT_KILLS=30`. `TEST_SEED`
//! repeats the file and the choices, though not the timing.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::snapshot::Snapshot;
use super::*;

/// The customers that exist before.
const BASE: usize = 60;
/// How long a request is retried while instances are down.
const DOWN_PATIENCE: Duration = Duration::from_mins(1);
/// How soon another instance must take over the import of a dead one.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(30);
/// The time within which a live worker commits something.
const COMMIT_WITHIN: Duration = Duration::from_secs(4);
/// The suffix of the e-mails that the load creates meanwhile.
const OTHERS: &str = "@load.example.test";

const HEADER: [&str; 10] = [
    "email",
    "customerNumber",
    "firstname",
    "lastname",
    "company",
    "city",
    "phone",
    "balance",
    "additional-tier",
    "labels",
];

/// A file with every kind of row: new customers, matches of the base, repeats with and without a change, quoted values,
/// and a few in a hundred that are rejected for a bad value or a conflict.
fn file(rows: u64, rng: &mut Rng) -> String {
    let mut file = line(&HEADER);
    let mut kept: Vec<Vec<String>> = Vec::new();
    for number in 0..rows {
        let company = match rng.u8(..100) {
            0 => "Over\ntwo lines",
            1..30 => "Roe, \"Sons\" & Co",
            _ => "",
        };
        let mut cells: Vec<String> = vec![
            format!("row{number}@example.test"),
            if rng.u8(..3) == 0 { format!("R-{number}") } else { String::new() },
            format!("First {number}"),
            ["Roe", "Söderström", "O'Neil"][rng.usize(..3)].to_owned(),
            company.to_owned(),
            format!("City {}", rng.u8(..50)),
            format!("+1202555{:04}", rng.u16(..10_000)),
            format!("{}.{}", rng.u16(..1000), rng.u8(..10)),
            ["gold", "", "base"][rng.usize(..3)].to_owned(),
            ["vip;net 30", "", "new"][rng.usize(..3)].to_owned(),
        ];
        match rng.u8(..100) {
            // A customer of the base, sometimes by number.
            0..5 => {
                let who = rng.usize(..BASE);
                cells[0] = if rng.bool() { format!("BASE{who}@example.test") } else { String::new() };
                cells[1] = format!("B-{who}");
            }
            // A customer of this file, changed or repeated exactly.
            5..15 if !kept.is_empty() => {
                let earlier = &kept[rng.usize(..kept.len())];
                if rng.bool() {
                    cells.clone_from(earlier);
                } else {
                    cells[..2].clone_from_slice(&earlier[..2]);
                }
            }
            15 => "neither one nor the other".clone_into(&mut cells[rng.choice([0, 6]).unwrap()]),
            // A conflict between two customers, or another number than the stored one.
            16 => {
                cells[0] = format!("base{}@example.test", rng.usize(..BASE));
                cells[1] = format!("B-{}", rng.usize(..BASE));
            }
            _ => kept.push(cells.clone()),
        }
        file.push_str(&line(&cells));
        if rng.u8(..50) == 0 {
            file.push('\n');
        }
    }
    file
}

async fn create_base(client: &Client) {
    for number in 0..BASE {
        let body = json!({"email": format!("base{number}@example.test"), "customerNumber": format!("B-{number}"),
                          "firstname": "Base", "balance": 7, "address": "9 Elm Row", "labels": ["base"]});
        created(client, "demo", &body).await;
    }
}

/// Clients that create customers under keys, and retry each request until it is answered.
struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Vec<(String, u64)>>>,
}

impl Load {
    fn start(fleet: &Fleet, rng: &mut Rng) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let instances: Vec<_> = (0..fleet.servers.len()).map(|number| fleet.client(number)).collect();
        let clients = (0..2)
            .map(|client| {
                let (stop, instances, mut rng) = (Arc::clone(&stop), instances.clone(), rng.fork());
                tokio::spawn(async move {
                    let mut promised = Vec::new();
                    while !stop.load(Relaxed) {
                        let email = format!("c{client}.{}{OTHERS}", promised.len());
                        let id = promise(&instances, &email, &mut rng).await;
                        promised.push((email, id));
                        tokio::time::sleep(Duration::from_millis(rng.u64(20..300))).await;
                    }
                    promised
                })
            })
            .collect();
        Load { stop, clients }
    }

    fn abandon(self) {
        self.clients.iter().for_each(JoinHandle::abort);
    }

    async fn finish(self) -> Vec<(String, u64)> {
        self.stop.store(true, Relaxed);
        let mut promised = Vec::new();
        for client in self.clients {
            promised.extend(crate::harness::finished(client).await);
        }
        promised
    }
}

async fn promise(instances: &[Client], email: &str, rng: &mut Rng) -> u64 {
    let deadline = Instant::now() + DOWN_PATIENCE;
    loop {
        let client = &instances[rng.usize(..instances.len())];
        // Force, so that only the key prevents a second record after a retry.
        let path = "/api/Customer/single/demo?forceCustomerCreation=true";
        let body = json!({"email": email});
        let headers = [("idempotencyKey", email)];
        if let Ok(answer) = client.try_send(Method::POST, path, Some(&body), &headers).await
            && answer.status != 503
        {
            return answer.expect(200).id();
        }
        assert!(Instant::now() < deadline, "{email} is stuck");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An import as the database has it, which needs no running instance.
struct JobRow {
    sql: Sql,
    job: u64,
}

impl JobRow {
    fn rows(&mut self) -> i64 {
        self.sql.number(&sql::rows_done(self.job))
    }

    fn lease(&mut self) -> i64 {
        self.sql.number(&sql::lease_number(self.job))
    }

    fn is_running(&mut self) -> bool {
        self.sql.number(&sql::is_running(self.job)) == 1
    }

    /// Waits until so many rows are done; how many then.
    async fn wait_for_rows(&mut self, rows: i64, within: Duration) -> i64 {
        wait_for(&format!("{rows} rows are done"), within, async || {
            let now = self.rows();
            if now >= rows { Ok(now) } else { Err(format!("(now {now})")) }
        })
        .await
    }

    /// Waits until a worker with a valid lease has the import.
    async fn wait_for_worker(&mut self) {
        wait_until("a worker takes the import", TAKEN_OVER_WITHIN, async || {
            self.sql.number(&sql::is_abandoned(self.job)) != 1
        })
        .await;
    }
}

/// Makes the leases of dead workers expire now.
fn expire_leases(site: &Site) {
    Sql::open(site).run(sql::EXPIRE_LEASES);
}

async fn start_all(fleet: &mut Fleet) {
    fleet.servers.iter_mut().for_each(Server::spawn);
    for server in &mut fleet.servers {
        server.ready().await;
    }
}

/// Kills instances until the one that works on the import is dead; `None` if the import was over first.
async fn kill_worker(fleet: &mut Fleet, job_row: &mut JobRow) -> Option<usize> {
    // The awaited rows may have been done before the previous kill, and then nobody works on the import yet.
    job_row.wait_for_worker().await;
    for victim in 0..fleet.servers.len() {
        let lease = job_row.lease();
        fleet.servers[victim].kill9();
        // The database may still commit what the instance had sent.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let rows = job_row.rows();
        let deadline = Instant::now() + COMMIT_WITHIN;
        let mut is_idle = true;
        while is_idle && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
            is_idle = job_row.rows() == rows;
        }
        if !job_row.is_running() {
            return None;
        }
        if is_idle {
            assert_eq!(job_row.lease(), lease, "another worker took the lease of a live one");
            return Some(victim);
        }
        fleet.servers[victim].restart().await;
    }
    panic!("no instance seems to work on the import");
}

/// How often the test doubles a file whose import was over before the last kill.
const DOUBLINGS: u32 = 6;

/// Imports a file while instances are killed again and again, and once more, undisturbed, elsewhere. The number of rows
/// between two kills depends on the machine: if the import was over too soon, the test tries again with more rows.
async fn compare(fleet: Fleet, query: &str, rows: u64, kills: u64, rng: &mut Rng) {
    let (db, instances) = (fleet.site().db, fleet.servers.len());
    let mut fleet = Some(fleet);
    for doubled in 0..=DOUBLINGS {
        let fleet = match fleet.take() {
            Some(fleet) => fleet,
            None => Fleet::start(db, instances).await,
        };
        if equals_undisturbed(fleet, query, rows << doubled, kills, rng).await {
            return;
        }
        println!(
            "{} rows were imported before {kills} kills; trying again with twice as many",
            rows << doubled
        );
    }
    panic!("even {} rows were imported before {kills} kills", rows << DOUBLINGS);
}

/// Compares the killed import with an undisturbed one; `false` if the import was over before all kills.
async fn equals_undisturbed(mut fleet: Fleet, query: &str, total: u64, kills: u64, rng: &mut Rng) -> bool {
    let file = file(total, rng);
    let client = fleet.client(0);
    create_base(&client).await;

    let begun = Instant::now();
    let load = Load::start(&fleet, rng);
    let id = job_id(&queue(&client, "demo", query, &file).await);
    let site = Arc::clone(fleet.site());
    let mut job_row = JobRow { sql: Sql::open(&site), job: id };
    for kill in 0..kills {
        let part = total / (kills + 1);
        let wanted = i64::try_from(part * kill + rng.u64(1..=part)).unwrap();
        job_row.wait_for_rows(wanted, PATIENCE).await;
        tokio::time::sleep(Duration::from_millis(rng.u64(..60))).await;
        // One time without help: a live instance, or one that starts again, must go on when the lease has expired.
        let without_help = kill == kills / 2;
        let victim = if without_help && fleet.servers.len() > 1 {
            let Some(victim) = kill_worker(&mut fleet, &mut job_row).await else {
                load.abandon();
                return false;
            };
            Some(victim)
        } else {
            fleet.servers.iter_mut().for_each(Server::kill9);
            if !job_row.is_running() {
                load.abandon();
                return false;
            }
            None
        };
        let rows = job_row.rows();
        println!("{:?}: kill {kill} at row {rows}", begun.elapsed());
        if victim.is_none() {
            if !without_help {
                // The database may still commit what they had sent.
                tokio::time::sleep(Duration::from_millis(200)).await;
                expire_leases(&site);
            }
            start_all(&mut fleet).await;
        }
        if without_help {
            job_row.wait_for_rows(rows + 1, TAKEN_OVER_WITHIN).await;
        }
        if let Some(victim) = victim {
            fleet.servers[victim].restart().await;
        }
    }
    let job = finished(&client, "demo", id).await;
    let took = begun.elapsed();
    let promised = load.finish().await;
    let killed = Snapshot::read(&site, &client, "demo", id, OTHERS).await;
    site.cli(&["doctor", "--deep"]).success();
    let others = others(&client).await;
    assert_eq!(others.len(), promised.len(), "there are customers that no client was promised");
    for (email, id) in &promised {
        assert_eq!(others.get(id), Some(email), "{id} is lost");
    }

    let other = Server::start(site.db).await;
    let other_client = other.client();
    create_base(&other_client).await;
    let begun = Instant::now();
    let answer = send_file(&other_client, "demo", query, &file).await.expect(200);
    let undisturbed_took = begun.elapsed();
    let other_id = job_id(answer.data());
    let undisturbed = Snapshot::read(other.site(), &other_client, "demo", other_id, "").await;
    killed.assert_same(&undisturbed, "killed and undisturbed");
    assert_eq!(counts(&job), counts(answer.data()));
    assert_eq!(killed.rows.len() as u64, total);
    let [added, replaced, _, _, rejected, _] = counts(&job)[..] else { panic!("six numbers") };
    assert!(added > 0 && replaced > 0 && rejected > 0, "{job}");
    println!(
        "{total} rows, {kills} kills: {took:?}, undisturbed {undisturbed_took:?}; {} creates meanwhile; {rejected} rejected",
        promised.len()
    );
    true
}

/// The customers that the load created, by id.
async fn others(client: &Client) -> HashMap<u64, String> {
    let mut found = HashMap::new();
    loop {
        let page = format!("email(ct)={OTHERS}&fromRecord={}&limitRecord=500", found.len());
        let page = client.get(&format!("/api/Query/customers/demo?{page}")).await.expect(200).json;
        let records = page["Records"].as_array().expect("records");
        if records.is_empty() {
            return found;
        }
        found.extend(records.iter().map(|record| {
            (record["customerId"].as_u64().expect("an id"), record["Email"].as_str().expect("one").to_owned())
        }));
    }
}

fleets!(rules_9_a_killed_import_ends_like_an_undisturbed_one, |fleet| async {
    let mut rng = seeded();
    let (rows, kills) = (setting("IMPORT_ROWS", 800), setting("IMPORT_KILLS", 4));
    compare(fleet, "?replaceExisting=1", rows, kills, &mut rng).await;
});

both!(rules_9_a_killed_dry_run_reports_the_same_as_an_undisturbed_one, |db| async {
    let mut rng = seeded();
    let (rows, kills) = (setting("IMPORT_ROWS", 600), setting("IMPORT_KILLS", 2));
    compare(Fleet::start(db, 1).await, "?replaceExisting=1&dryRun=true", rows, kills, &mut rng).await;
});

/// Sends the file in pieces up to the byte `until`; the answer does not matter.
async fn send_part(base: String, token: String, file: Arc<String>, until: usize) -> Option<()> {
    let address = base.strip_prefix("http://").expect("an address").to_owned();
    let mut stream = TcpStream::connect(&address).await.ok()?;
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {address}\r\nrequestToken: {token}\r\nContent-Type: text/csv\r\n\
         Content-Length: {}\r\n\r\n",
        import_path("demo", "?async=true&map=padding:-"),
        file.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    for piece in file.as_bytes()[..until].chunks(64 << 10) {
        stream.write_all(piece).await.ok()?;
        tokio::task::yield_now().await;
    }
    stream.flush().await.ok()?;
    // Until the answer, or until the process ends.
    let mut answer = [0; 64];
    let _ = stream.read(&mut answer).await.ok()?;
    Some(())
}

fleets!(rules_9_a_file_whose_upload_was_killed_can_be_sent_again, |fleet| async {
    let mut fleet = fleet;
    let mut rng = seeded();
    let client = fleet.client(0);
    let site = Arc::clone(fleet.site());
    // A file that the store keeps as three pieces, with few rows.
    let mut file = line(&["email", "firstname", "padding"]);
    for row in 0..40 {
        let email = format!("row{}@example.test", row % 30);
        file.push_str(&line(&[email, format!("First {row}"), "x".repeat(70_000)]));
    }
    let file = Arc::new(file);
    let mut known = 0;
    for round in 0..5 {
        // In some rounds the whole file is sent, and the kill meets the creation of the job or its beginning.
        let until = if round % 2 == 0 { file.len() } else { rng.usize(1..file.len()) };
        let (base, token) = (fleet.servers[0].base(), site.token().to_owned());
        let sending = tokio::spawn(send_part(base, token, Arc::clone(&file), until));
        let mut sql = Sql::open(&site);
        let newer = sql::jobs_after(known);
        wait_until("an upload begins", DOWN_PATIENCE, async || sql.number(&newer) > 0).await;
        tokio::time::sleep(Duration::from_millis(rng.u64(..150))).await;
        fleet.servers[0].kill9();
        known = sql.number(sql::NEWEST_JOB);
        crate::harness::finished(sending).await;
        fleet.servers[0].spawn();
        fleet.servers[0].ready().await;
    }
    assert!(Sql::open(&site).number(sql::UPLOADS) > 0, "no kill met an upload");
    expire_leases(&site);
    let answers = [
        send_file(&client, "demo", "?map=padding:-", &file).await.expect(200),
        send_file(&client, "demo", "?map=padding:-", &file).await.expect(200),
    ];
    for answer in &answers {
        assert_eq!(job_id(answer.data()), job_id(answers[0].data()));
        assert_eq!(counts(answer.data()), [30, 0, 0, 10, 0, 0], "{}", answer.text);
        assert_eq!(answer.data()["state"], "finished");
    }
    assert_eq!(answers[1].data()["repeated"], true);
    assert_eq!(jobs_total(&client, "demo").await, 1, "an incomplete upload is no import");
    assert_eq!(total(&client, "demo").await, 30);
    site.cli(&["doctor", "--deep"]).success();
});
