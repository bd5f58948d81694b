//! Clients for a load. Each has its own connection, sends one request after another, and checks every answer.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::LocalSet;
use tokio::time::timeout;

use super::http::{Answer, Conn};
use super::stats;

/// An answer that takes longer counts as an error.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);
/// How many error messages to keep.
const ERRORS_KEPT: usize = 3;

/// The amount of load.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub clients: usize,
    /// Time before the measurement, in which caches fill and connections open.
    pub warm_up: Duration,
    pub time: Duration,
    /// Requests per second of all clients together, whether or not the server keeps up. `None` for full speed.
    pub rate: Option<f64>,
    /// The load ends early after this many requests.
    pub requests: Option<u64>,
}

impl Load {
    pub fn new(clients: usize, seconds: f64) -> Load {
        let warm_up = Duration::from_millis(500);
        Load { clients, warm_up, time: Duration::from_secs_f64(seconds), rate: None, requests: None }
    }
}

/// The result of a load.
#[derive(Debug, Default)]
pub struct Tally {
    /// Right answers per second.
    pub rate: f64,
    /// The latencies of the right answers in the measured time, in microseconds, sorted.
    pub latencies_us: Vec<u32>,
    /// All right answers, including those during the warm-up.
    pub right: u64,
    pub wrong: u64,
    /// The messages of the first wrong answers.
    pub errors: Vec<String>,
    /// The numbers that the checks returned, such as the ids of created customers.
    pub ids: Vec<u64>,
}

impl Tally {
    /// The latency in milliseconds below which this part of the answers lies.
    pub fn quantile_ms(&self, part: f64) -> f64 {
        stats::quantile(&self.latencies_us, part) / 1000.0
    }
}

type Requests = Box<dyn Iterator<Item = Rc<[u8]>>>;
type Check = Box<dyn FnMut(&[u8], &Answer<'_>) -> Result<u64, String>>;

struct Shared {
    requests: Requests,
    check: Check,
    tally: Tally,
    counted: u64,
    sent: u64,
    last: Instant,
}

/// Runs a load that sends each request once. Builds all requests before the clock runs. A check returns an id, or what is
/// wrong.
pub async fn once(
    address: SocketAddr,
    load: Load,
    requests: impl Iterator<Item = Vec<u8>>,
    check: impl FnMut(&[u8], &Answer<'_>) -> Result<u64, String> + 'static,
) -> Tally {
    once_until(address, load, requests, check, Stop::default()).await
}

/// Ends a load early when set.
pub type Stop = Rc<Cell<bool>>;

/// Like [`once`], but `stop` can end it early.
pub async fn once_until(
    address: SocketAddr,
    load: Load,
    requests: impl Iterator<Item = Vec<u8>>,
    check: impl FnMut(&[u8], &Answer<'_>) -> Result<u64, String> + 'static,
    stop: Stop,
) -> Tally {
    let requests: Vec<Rc<[u8]>> = requests.map(Rc::from).collect();
    let requests = requests.into_iter().take_while(move |_| !stop.get());
    run(address, load, Box::new(requests), Box::new(check)).await
}

/// Runs a load that sends the same requests again and again, in order.
pub async fn cycle(
    address: SocketAddr,
    load: Load,
    requests: impl Iterator<Item = Vec<u8>>,
    check: impl FnMut(&[u8], &Answer<'_>) -> Result<u64, String> + 'static,
) -> Tally {
    let requests: Vec<Rc<[u8]>> = requests.map(Rc::from).collect();
    let requests = (0..).map(move |at: usize| Rc::clone(&requests[at % requests.len()]));
    run(address, load, Box::new(requests), Box::new(check)).await
}

/// The check of requests that must succeed and whose answers nobody reads.
pub fn is_ok(_: &[u8], answer: &Answer<'_>) -> Result<u64, String> {
    answer.must(answer.status == 200)
}

/// Runs a load to its end, all on this thread.
async fn run(address: SocketAddr, load: Load, requests: Requests, check: Check) -> Tally {
    let begin = Instant::now();
    let shared = Shared { requests, check, tally: Tally::default(), counted: 0, sent: 0, last: begin };
    let shared = Rc::new(RefCell::new(shared));
    let set = LocalSet::new();
    for number in 0..load.clients {
        set.spawn_local(client(address, load, number, begin, Rc::clone(&shared)));
    }
    set.await;
    let Ok(shared) = Rc::try_unwrap(shared) else { panic!("a client outlived its load") };
    let Shared { mut tally, counted, last, .. } = shared.into_inner();
    tally.latencies_us.sort_unstable();
    let counted_time = last.saturating_duration_since(begin + load.warm_up).min(load.time).as_secs_f64();
    tally.rate = if counted == 0 { 0.0 } else { counted as f64 / counted_time.max(1e-6) };
    tally
}

async fn client(address: SocketAddr, load: Load, number: usize, begin: Instant, shared: Rc<RefCell<Shared>>) {
    let end = begin + load.warm_up + load.time;
    let mut conn = None;
    let mut turn = number;
    loop {
        // With a fixed rate, the latency counts from the time when the request was due. Otherwise a stall would delay the
        // next requests and hide their waits.
        let due = load.rate.map(|rate| begin + Duration::from_secs_f64(turn as f64 / rate));
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
            let Some(request) = shared.requests.next() else { return };
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
                if shared.tally.errors.len() < ERRORS_KEPT {
                    shared.tally.errors.push(why);
                }
            }
        }
        turn += load.clients;
    }
}

async fn ask(
    conn: &mut Option<Conn>,
    address: SocketAddr,
    request: &[u8],
    shared: &RefCell<Shared>,
) -> Result<u64, String> {
    if conn.is_none() {
        *conn = Some(Conn::open(address).await.map_err(|error| format!("connecting: {error}"))?);
    }
    let Some(conn) = conn else { return Err("no connection".to_owned()) };
    match timeout(ANSWER_PATIENCE, conn.send(request)).await {
        Ok(Ok(answer)) => (shared.borrow_mut().check)(request, &answer),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in 30 s".to_owned()),
    }
}
