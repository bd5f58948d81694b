//! CSV files of customers, and their import over HTTP.

use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::http::Conn;
use super::people::{CSV_HEADER, Person};
use super::process::folder;
use super::service::{Service, number_after};

/// How often to check a running import.
const LOOK: Duration = Duration::from_millis(200);

/// Writes the people with these numbers as CSV with 25 columns.
pub fn write_csv(path: &Path, seed: u64, numbers: impl Iterator<Item = u64>) {
    use std::io::Write as _;
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("a file"));
    file.write_all(CSV_HEADER.as_bytes()).expect("a disk");
    let mut row = String::new();
    for number in numbers {
        row.clear();
        Person::of(seed, number).csv(&mut row);
        file.write_all(row.as_bytes()).expect("a disk");
    }
    file.flush().expect("a disk");
}

/// The result of an import.
#[derive(Debug)]
pub struct Imported {
    pub job: Value,
    /// The time from the first byte sent to the end of the job.
    pub seconds: f64,
    /// The part of that time until the server had taken the file.
    pub upload_seconds: f64,
    /// The rate of the last 10 % of the rows divided by that of the first 10 %.
    pub last_to_first: f64,
}

impl Imported {
    pub fn count(&self, key: &str) -> u64 {
        self.job[key].as_u64().unwrap_or_else(|| panic!("no {key} in {}", self.job))
    }
}

/// Imports customers with one request that waits for the end. Returns how many were added.
pub async fn import_small(service: &Service, entry: &str, seed: u64, numbers: Range<u64>) -> u64 {
    let mut csv = CSV_HEADER.to_owned();
    numbers.for_each(|number| Person::of(seed, number).csv(&mut csv));
    let mut conn = Conn::open(service.address).await.expect("it listens");
    let sent = upload(service, &format!("{entry}?async=false"), csv.as_bytes());
    let answer = conn.send(&sent).await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.body);
    number_after(answer.body, "\"added\":").expect("a count")
}

/// A request with a file as its body.
fn upload(service: &Service, path: &str, csv: &[u8]) -> Vec<u8> {
    let mut sent = format!(
        "POST /api/Import/customersForm/{path} HTTP/1.1\r\nhost: 127.0.0.1\r\nrequestToken: {}\r\n\
         content-type: text/csv\r\ncontent-length: {}\r\n\r\n",
        service.token,
        csv.len()
    )
    .into_bytes();
    sent.extend_from_slice(csv);
    sent
}

/// Imports new people.
pub async fn import_people(service: &Service, seed: u64, numbers: Range<u64>) -> Imported {
    let files = folder();
    let file = files.path().join("customers.csv");
    write_csv(&file, seed, numbers.clone());
    let imported = import(service, &file).await;
    assert_eq!(imported.count("added"), numbers.end - numbers.start, "every row is new");
    imported
}

/// Imports a file and waits for the end of the job.
pub async fn import(service: &Service, file: &Path) -> Imported {
    let csv = std::fs::read(file).expect("the file");
    let sent = upload(service, "demo?async=true", &csv);
    drop(csv);
    let began = Instant::now();
    let mut conn = Conn::open(service.address).await.expect("it listens");
    let answer = conn.send(&sent).await.expect("an answer");
    assert_eq!(answer.status, 202, "{}", answer.body);
    drop(sent);
    let upload_seconds = began.elapsed().as_secs_f64();
    let jobs = service.ask("GET", "/api/Import/jobs/demo", "").await;
    let path = format!("/api/Import/jobs/demo/{}", newest_job(&jobs));
    let mut seen = vec![(upload_seconds, 0.0)];
    loop {
        let job = service.ask("GET", &path, "").await;
        let at = began.elapsed().as_secs_f64();
        seen.push((at, job["rowsRead"].as_f64().expect("rows")));
        match job["state"].as_str() {
            Some("finished") => {
                return Imported { job, seconds: at, upload_seconds, last_to_first: last_to_first(&seen) };
            }
            Some("failed" | "cancelled") => panic!("{job}"),
            _ => tokio::time::sleep(LOOK).await,
        }
    }
}

fn newest_job(jobs: &Value) -> u64 {
    let records = jobs["Records"].as_array().unwrap_or_else(|| panic!("no jobs in {jobs}"));
    records.iter().filter_map(|job| job["jobId"].as_u64()).max().expect("the job")
}

/// The rate of the last 10 % of the rows divided by that of the first 10 %. `seen` holds seconds and rows at each check;
/// times between two checks are interpolated.
fn last_to_first(seen: &[(f64, f64)]) -> f64 {
    let rows = seen.last().map_or(0.0, |look| look.1);
    let when = |part: f64| {
        let wanted = rows * part;
        let after = seen.iter().position(|look| look.1 >= wanted).unwrap_or(seen.len() - 1).max(1);
        let ((t0, n0), (t1, n1)) = (seen[after - 1], seen[after]);
        if n1 > n0 { t0 + (t1 - t0) * (wanted - n0) / (n1 - n0) } else { t1 }
    };
    (when(0.1) - when(0.0)) / (when(1.0) - when(0.9))
}

/// Rows per second.
pub fn rate(rows: u64, seconds: f64) -> f64 {
    rows as f64 / seconds
}
