//! Clients that send one request after another over connections of their own, for a while, and check every answer.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::LocalSet;
use tokio::time::timeout;

use super::http::{Answer, Conn};
use super::stats;

/// How long one answer may take before it counts as an error.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);
/// How many errors are kept as texts.
const ERRORS_TOLD: usize = 3;

/// How much is asked of a server.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub clients: usize,
    /// Not counted: caches fill, connections open.
    pub warm_up: Duration,
    pub time: Duration,
    /// Requests a second over all clients, for a load that does not depend on the answers; as fast as it goes without.
    pub rate: Option<f64>,
    /// Ends earlier, after so many requests.
    pub requests: Option<u64>,
}

impl Load {
    pub fn new(clients: usize, seconds: f64) -> Load {
        let warm_up = Duration::from_millis(500);
        Load { clients, warm_up, time: Duration::from_secs_f64(seconds), rate: None, requests: None }
    }
}

/// What came of a load.
#[derive(Debug, Default)]
pub struct Tally {
    /// Right answers a second.
    pub rate: f64,
    /// Microseconds, sorted, of the right answers in the counted time.
    pub latencies_us: Vec<u32>,
    /// Right answers, those while warming up included.
    pub right: u64,
    pub wrong: u64,
    /// The first wrong ones.
    pub errors: Vec<String>,
    /// What the checks gave, such as ids of created customers.
    pub ids: Vec<u64>,
}

impl Tally {
    /// Milliseconds below which that part of the answers came.
    pub fn quantile_ms(&self, part: f64) -> f64 {
        stats::quantile(&self.latencies_us, part) / 1000.0
    }
}

/// What is sent, and how an answer is judged: an id, or what is wrong with it.
trait Job {
    /// The next request, or no more; it is also given to `check`.
    fn next(&mut self) -> Option<Rc<[u8]>>;
    fn check(&mut self, request: &[u8], answer: &Answer<'_>) -> Result<u64, String>;
}

/// The same requests over and over.
struct Cycle<C> {
    requests: Vec<Rc<[u8]>>,
    at: usize,
    check: C,
}

impl<C: FnMut(&[u8], &Answer<'_>) -> Result<u64, String>> Job for Cycle<C> {
    fn next(&mut self) -> Option<Rc<[u8]>> {
        self.at = (self.at + 1) % self.requests.len();
        Some(Rc::clone(&self.requests[self.at]))
    }

    fn check(&mut self, request: &[u8], answer: &Answer<'_>) -> Result<u64, String> {
        (self.check)(request, answer)
    }
}

/// Each request once.
struct Once<C> {
    requests: std::vec::IntoIter<Rc<[u8]>>,
    check: C,
    stop: Stop,
}

impl<C: FnMut(&[u8], &Answer<'_>) -> Result<u64, String>> Job for Once<C> {
    fn next(&mut self) -> Option<Rc<[u8]>> {
        if self.stop.get() { None } else { self.requests.next() }
    }

    fn check(&mut self, request: &[u8], answer: &Answer<'_>) -> Result<u64, String> {
        (self.check)(request, answer)
    }
}

struct Shared<J> {
    job: J,
    tally: Tally,
    counted: u64,
    sent: u64,
    last: Instant,
}

/// A load of requests that are each sent once; they are made before the clock runs.
pub async fn once(
    address: SocketAddr,
    load: Load,
    requests: impl Iterator<Item = Vec<u8>>,
    check: impl FnMut(&[u8], &Answer<'_>) -> Result<u64, String> + 'static,
) -> Tally {
    once_until(address, load, requests, check, Stop::default()).await
}

/// Set, it ends a load early.
pub type Stop = Rc<Cell<bool>>;

/// Like `once`, but it can be stopped.
pub async fn once_until(
    address: SocketAddr,
    load: Load,
    requests: impl Iterator<Item = Vec<u8>>,
    check: impl FnMut(&[u8], &Answer<'_>) -> Result<u64, String> + 'static,
    stop: Stop,
) -> Tally {
    let requests: Vec<Rc<[u8]>> = requests.map(Rc::from).collect();
    run(address, load, Once { requests: requests.into_iter(), check, stop }).await.0
}

/// A load of the same requests over and over, in an order of their own.
pub async fn cycle(
    address: SocketAddr,
    load: Load,
    requests: impl Iterator<Item = Vec<u8>>,
    check: impl FnMut(&[u8], &Answer<'_>) -> Result<u64, String> + 'static,
) -> Tally {
    let requests: Vec<Rc<[u8]>> = requests.map(Rc::from).collect();
    run(address, load, Cycle { requests, at: 0, check }).await.0
}

/// Runs a load to its end. Within a `LocalSet` only; everything is on this thread.
async fn run<J: Job + 'static>(address: SocketAddr, load: Load, job: J) -> (Tally, J) {
    let begin = Instant::now();
    let shared =
        Rc::new(RefCell::new(Shared { job, tally: Tally::default(), counted: 0, sent: 0, last: begin }));
    let set = LocalSet::new();
    for number in 0..load.clients {
        set.spawn_local(client(address, load, number, begin, Rc::clone(&shared)));
    }
    set.await;
    let Ok(shared) = Rc::try_unwrap(shared) else { panic!("a client outlived its load") };
    let Shared { job, mut tally, counted, last, .. } = shared.into_inner();
    tally.latencies_us.sort_unstable();
    let counted_time = last.saturating_duration_since(begin + load.warm_up).min(load.time).as_secs_f64();
    tally.rate = if counted == 0 { 0.0 } else { stats::float(counted) / counted_time.max(1e-6) };
    (tally, job)
}

async fn client<J: Job>(
    address: SocketAddr,
    load: Load,
    number: usize,
    begin: Instant,
    shared: Rc<RefCell<Shared<J>>>,
) {
    let end = begin + load.warm_up + load.time;
    let mut conn = None;
    let mut turn = number;
    loop {
        // A paced request counts from when it was due, so that a stall is not hidden by what was not sent meanwhile.
        let due = load.rate.map(|rate| begin + Duration::from_secs_f64(stats::float_of(turn) / rate));
        if let Some(due) = due {
            tokio::time::sleep_until(due.into()).await;
        }
        let start = due.unwrap_or_else(Instant::now);
        if start >= end {
            return;
        }
        let request = {
            let mut shared = shared.borrow_mut();
            shared.sent += 1;
            if load.requests.is_some_and(|most| shared.sent > most) {
                return;
            }
            let Some(request) = shared.job.next() else { return };
            request
        };
        let outcome = ask(&mut conn, address, &request, &shared).await;
        let now = Instant::now();
        let mut shared = shared.borrow_mut();
        let is_counted = now >= begin + load.warm_up && now <= end;
        match outcome {
            Ok(id) => {
                shared.tally.right += 1;
                shared.tally.ids.push(id);
                if is_counted {
                    shared.counted += 1;
                    shared.last = shared.last.max(now);
                }
                if is_counted || (now > end && start < end) {
                    let micros = u32::try_from((now - start).as_micros()).unwrap_or(u32::MAX);
                    shared.tally.latencies_us.push(micros);
                }
            }
            Err(why) => {
                conn = None;
                shared.tally.wrong += 1;
                if shared.tally.errors.len() < ERRORS_TOLD {
                    shared.tally.errors.push(why);
                }
            }
        }
        turn += load.clients;
    }
}

async fn ask<J: Job>(
    conn: &mut Option<Conn>,
    address: SocketAddr,
    request: &[u8],
    shared: &RefCell<Shared<J>>,
) -> Result<u64, String> {
    if conn.is_none() {
        *conn = Some(Conn::open(address).await.map_err(|error| format!("connecting: {error}"))?);
    }
    let Some(conn) = conn else { return Err("no connection".to_owned()) };
    match timeout(ANSWER_PATIENCE, conn.send(request)).await {
        Ok(Ok(answer)) => shared.borrow_mut().job.check(request, &answer),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in 30 s".to_owned()),
    }
}
