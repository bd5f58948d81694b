//! Clients that create, match and search without a pause while keys rotate. Every answer must be right: a match finds
//! the original customer, and a search finds exactly what was written before it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::harness::*;

const CLIENTS: usize = 4;
/// About how many customers the test looks up one by one in the end.
const SAMPLE: usize = 200;
/// How long a request is retried while instances are down.
const PATIENCE: Duration = Duration::from_mins(1);

pub struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Ledger>>,
}

/// What one client, or all of them, recorded.
#[derive(Default)]
pub struct Ledger {
    /// E-mail, first name, id.
    people: Vec<(String, String, u64)>,
    matches: usize,
    searches: usize,
    created: usize,
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} creates, {} matches, {} searches", self.created, self.matches, self.searches)
    }
}

struct Worker {
    rng: Rng,
    instances: Vec<Client>,
    ledger: Ledger,
}

impl Load {
    /// Creates some customers, then continues without a pause.
    pub async fn start(fleet: &Fleet, count: u64, rng: &mut Rng) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let instances: Vec<_> = (0..fleet.servers.len()).map(|number| fleet.client(number)).collect();
        let share = count / CLIENTS as u64;
        let workers = at_once((0..CLIENTS).map(|_| {
            let mut worker =
                Worker { rng: rng.fork(), instances: instances.clone(), ledger: Ledger::default() };
            async move {
                for _ in 0..share {
                    worker.create().await;
                }
                worker
            }
        }))
        .await;
        let clients = workers.into_iter().map(|worker| tokio::spawn(worker.run(Arc::clone(&stop)))).collect();
        Load { stop, clients }
    }

    pub fn assert_running(&self) {
        assert!(!self.clients.iter().any(JoinHandle::is_finished), "a client failed; see its panic");
    }

    pub async fn finish(self) -> Ledger {
        self.stop.store(true, Relaxed);
        let mut all = Ledger::default();
        for client in self.clients {
            let ledger = finished(client).await;
            all.people.extend(ledger.people);
            all.matches += ledger.matches;
            all.searches += ledger.searches;
            all.created += ledger.created;
        }
        all
    }
}

impl Worker {
    async fn run(mut self, stop: Arc<AtomicBool>) -> Ledger {
        while !stop.load(Relaxed) {
            match self.rng.u8(..10) {
                0..3 => self.create().await,
                3..6 => self.match_one().await,
                _ => self.search().await,
            }
            tokio::time::sleep(Duration::from_millis(self.rng.u64(..10))).await;
        }
        self.ledger
    }

    fn word(&mut self) -> String {
        (0..10).map(|_| self.rng.lowercase()).collect()
    }

    async fn create(&mut self) {
        let (name, email) = (self.word(), format!("{}@example.test", self.word()));
        let body = json!({"email": email, "firstname": name});
        let key = self.word();
        let data = self.ask("/api/Customer/single/demo", Some(&body), Some(&key)).await;
        assert_eq!(data["responseData"]["outcome"], "created", "{data}");
        let id = data["responseData"]["customerId"].as_u64().expect("an id");
        self.ledger.people.push((email, name, id));
        self.ledger.created += 1;
    }

    /// Sends a known customer by an atomic get-or-create: the answer must never be a second record.
    async fn match_one(&mut self) {
        let Some((email, _, id)) = self.rng.choice(&self.ledger.people).cloned() else { return };
        let body = json!({"email": email.to_uppercase()});
        let data = self.ask("/api/Customer/single/demo", Some(&body), None).await;
        assert_eq!(data["responseData"]["outcome"], "matched", "{email}: {data}");
        assert_eq!(data["responseData"]["customerId"].as_u64(), Some(id), "{email}: {data}");
        self.ledger.matches += 1;
    }

    async fn search(&mut self) {
        let Some((email, name, id)) = self.rng.choice(&self.ledger.people).cloned() else { return };
        let (text, place) = if self.rng.bool() { (&name, "firstname(ct)") } else { (&email, "email(ct)") };
        let from = self.rng.usize(..4);
        let piece = &text[from..from + self.rng.usize(4..7)];
        let field = if self.rng.bool() { place } else { "search" };
        let list =
            self.ask(&format!("/api/Query/customers/demo?{field}={piece}&limitRecord=100"), None, None).await;
        let found = list["Records"].as_array().expect("records");
        assert!(
            found.iter().any(|record| record["customerId"].as_u64() == Some(id)),
            "{piece} of {text}: {list}"
        );
        let mut ids: Vec<_> = found.iter().map(|record| record["customerId"].as_u64()).collect();
        ids.dedup();
        assert_eq!(ids.len(), found.len(), "listed twice: {list}");
        assert_eq!(list["Summary"]["totalRecords"].as_u64(), Some(found.len() as u64), "{list}");
        self.ledger.searches += 1;
    }

    async fn ask(&mut self, path: &str, body: Option<&Value>, key: Option<&str>) -> Value {
        let method = if body.is_some() { reqwest::Method::POST } else { reqwest::Method::GET };
        let headers: Vec<_> = key.map(|key| ("Idempotency-Key", key)).into_iter().collect();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let instance = self.rng.usize(..self.instances.len());
            let answer = self.instances[instance].try_send(method.clone(), path, body, &headers).await;
            if let Ok(answer) = answer
                && answer.status != 503
            {
                return answer.expect(200).json;
            }
            assert!(Instant::now() < deadline, "{path} is stuck");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Ledger {
    /// Every created customer exists once, and is found by match and by search.
    pub async fn check(&self, fleet: &Fleet) {
        let client = fleet.client(0);
        let mut listed: Vec<_> =
            client.list("demo").await.iter().map(|record| record["customerId"].as_u64()).collect();
        let mut known: Vec<_> = self.people.iter().map(|(_, _, id)| Some(*id)).collect();
        listed.sort_unstable();
        known.sort_unstable();
        assert_eq!(listed, known);
        // The first customer, and a sample of the others.
        let others = self.people.iter().skip(1).step_by(self.people.len() / SAMPLE + 1);
        for (email, name, id) in self.people.iter().take(1).chain(others) {
            for condition in [format!("email={email}"), format!("search={name}")] {
                let list =
                    client.get(&format!("/api/Query/customers/demo?{condition}")).await.expect(200).json;
                assert_eq!(list["Summary"]["totalRecords"], 1, "{condition}: {list}");
                assert_eq!(list["Records"][0]["customerId"].as_u64(), Some(*id));
            }
        }
    }
}
