//! Clients that create, update and delete. Each request has a key of its own and is retried until it is answered. A
//! ledger records every key, request and answer, and the expected final state.
//!
//! Each client has its own customers and sends one request after another, so the state of each customer is known
//! exactly. All clients create a few shared identities at the same time.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use fastrand::Rng;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::harness::*;

const SHARED_IDENTITIES: usize = 20;
/// How long a request may be retried before its key counts as stuck: longer than a restart, lock time-outs included.
const PATIENCE: Duration = Duration::from_mins(1);

pub struct Load {
    stop: Arc<AtomicBool>,
    writers: Vec<JoinHandle<Writer>>,
}

impl Load {
    pub fn start(fleet: &Fleet, clients: usize, rng: &mut Rng) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let instances: Vec<_> = (0..fleet.servers.len()).map(|number| fleet.client(number)).collect();
        let writers = (0..clients)
            .map(|number| {
                let writer = Writer {
                    number,
                    rng: rng.fork(),
                    instances: instances.clone(),
                    customers: Vec::new(),
                    shared: Vec::new(),
                    done: Vec::new(),
                    interrupted: 0,
                };
                tokio::spawn(writer.run(Arc::clone(&stop)))
            })
            .collect();
        Self { stop, writers }
    }

    /// Fails if a client ended early: only a failed assertion ends one.
    pub fn assert_running(&self) {
        assert!(
            !self.writers.iter().any(JoinHandle::is_finished),
            "a client of the load failed; see its panic"
        );
    }

    /// Lets every client finish its current request.
    pub async fn finish(self) -> Ledger {
        self.stop.store(true, Relaxed);
        let mut ledger =
            Ledger { customers: Vec::new(), shared: BTreeMap::new(), done: Vec::new(), interrupted: 0 };
        for writer in self.writers {
            let writer = finished(writer).await;
            ledger.customers.extend(writer.customers);
            ledger.done.extend(writer.done);
            ledger.interrupted += writer.interrupted;
            for (identity, id, created) in writer.shared {
                ledger.shared.entry(identity).or_default().push((id, created));
            }
        }
        ledger
    }
}

/// The expected state of a customer.
#[derive(Clone)]
struct Customer {
    id: u64,
    live: bool,
    email: String,
    firstname: String,
    city: Option<String>,
    balance: f64,
}

impl Customer {
    #[track_caller]
    fn check(&self, record: &Value) {
        let status = if self.live { 1 } else { -99 };
        let expected = json!([self.id, status, self.email, self.firstname, self.city]);
        let fields = ["customerId", "customerStatus", "Email", "Firstname", "City"];
        let found: Vec<_> = fields.iter().map(|field| record[field].clone()).collect();
        assert_eq!(Value::Array(found), expected);
        assert_eq!(record["Balance"].as_f64(), Some(self.balance), "{record}");
    }
}

/// An answered request, with all that is needed to send it again.
struct Done {
    key: String,
    method: Method,
    path: String,
    body: Option<Value>,
    data: Value,
}

struct Writer {
    number: usize,
    rng: Rng,
    instances: Vec<Client>,
    customers: Vec<Customer>,
    /// Which shared identity, which id the answer named, and whether the request created it.
    shared: Vec<(usize, u64, bool)>,
    done: Vec<Done>,
    interrupted: u64,
}

impl Writer {
    async fn run(mut self, stop: Arc<AtomicBool>) -> Self {
        while !stop.load(Relaxed) {
            match self.rng.u8(..100) {
                0..35 => self.create().await,
                35..50 => self.create_shared().await,
                50..85 => self.update().await,
                85..95 => self.delete().await,
                _ => self.create_again().await,
            }
            tokio::time::sleep(Duration::from_millis(self.rng.u64(..4))).await;
        }
        self
    }

    async fn create(&mut self) {
        let email = format!("own{}.{}@example.test", self.number, self.done.len());
        // With force, only the key prevents a second record after a retry; without force, the matcher prevents it too.
        let query = if self.rng.bool() { "?forceCustomerCreation=true" } else { "" };
        self.create_with(email, query).await;
    }

    /// The identity of a deleted customer is free.
    async fn create_again(&mut self) {
        let live: Vec<_> = self.customers.iter().filter(|customer| customer.live).map(|c| &c.email).collect();
        let free = self.customers.iter().map(|customer| &customer.email).find(|email| !live.contains(email));
        if let Some(email) = free.cloned() {
            self.create_with(email, "").await;
        }
    }

    async fn create_with(&mut self, email: String, query: &str) {
        let customer = Customer {
            id: 0,
            live: true,
            firstname: format!("Own {}", self.done.len()),
            city: self.rng.bool().then(|| "Oakton".to_owned()),
            // Quarters are exact as binary fractions, so the test can compare them.
            balance: f64::from(self.rng.i32(-40_000..40_000)) / 4.0,
            email,
        };
        let body = json!({"email": customer.email, "firstname": customer.firstname, "city": customer.city,
                          "balance": customer.balance});
        let data = self.ask(Method::POST, format!("/api/Customer/single/demo{query}"), Some(body)).await;
        assert_eq!(data["outcome"], "created", "{data}");
        let customer = Customer { id: data["customerId"].as_u64().expect("an id"), ..customer };
        customer.check(&data);
        self.customers.push(customer);
    }

    async fn create_shared(&mut self) {
        let identity = self.rng.usize(..SHARED_IDENTITIES);
        let body = json!({"email": format!("shared{identity}@example.test"), "firstname": format!("By {}", self.number)});
        let data = self.ask(Method::POST, "/api/Customer/single/demo".to_owned(), Some(body)).await;
        let created = data["outcome"] == "created";
        assert!(created || data["outcome"] == "matched", "{data}");
        self.shared.push((identity, data["customerId"].as_u64().expect("an id"), created));
    }

    /// One of the newest live customers: a crash would lose the most recent writes.
    fn pick(&mut self) -> Option<usize> {
        let live: Vec<_> =
            (0..self.customers.len()).rev().filter(|at| self.customers[*at].live).take(10).collect();
        self.rng.choice(live)
    }

    async fn update(&mut self) {
        let Some(at) = self.pick() else { return };
        let number = self.done.len();
        let mut changed = self.customers[at].clone();
        changed.firstname = format!("Changed {number}");
        changed.city = self.rng.bool().then(|| format!("City {number}"));
        changed.balance = f64::from(self.rng.i32(-40_000..40_000)) / 4.0;
        let body = json!({"firstname": changed.firstname, "city": changed.city, "balance": changed.balance});
        self.ask(Method::PUT, format!("/api/Customer/{}", changed.id), Some(body)).await;
        self.customers[at] = changed;
    }

    async fn delete(&mut self) {
        let Some(at) = self.pick() else { return };
        self.ask(Method::DELETE, format!("/api/Customer/{}", self.customers[at].id), None).await;
        self.customers[at].live = false;
    }

    /// Sends a request under a new key until it is answered 200, each time to a random instance.
    async fn ask(&mut self, method: Method, path: String, body: Option<Value>) -> Value {
        let key = format!("client-{}-request-{}", self.number, self.done.len());
        let deadline = Instant::now() + PATIENCE;
        loop {
            let instance = self.rng.usize(..self.instances.len());
            let headers = [("Idempotency-Key", key.as_str())];
            let answer =
                self.instances[instance].try_send(method.clone(), &path, body.as_ref(), &headers).await;
            match answer {
                Ok(answer) if answer.status == 503 => {
                    assert!(answer.header("Retry-After").is_some(), "a 503 says when to retry");
                }
                Ok(answer) => {
                    let data = answer.expect(200).data().clone();
                    self.done.push(Done { key, method, path, body, data: data.clone() });
                    return data;
                }
                // A refused connection proves nothing; an interrupted request counts.
                Err(error) => self.interrupted += u64::from(!error.is_connect()),
            }
            assert!(Instant::now() < deadline, "{method} {path} is stuck under {key}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// What the service promised to all clients together.
pub struct Ledger {
    customers: Vec<Customer>,
    shared: BTreeMap<usize, Vec<(u64, bool)>>,
    done: Vec<Done>,
    /// The number of requests that a kill interrupted.
    pub interrupted: u64,
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let live = self.customers.iter().filter(|customer| customer.live).count();
        let (answered, broken) = (self.done.len(), self.interrupted);
        write!(
            f,
            "{answered} requests answered, {broken} broken off, {} customers, {live} live",
            self.customers.len()
        )
    }
}

impl Ledger {
    /// Checks every promise on every instance, sends every key again, and checks once more.
    pub async fn check(&self, fleet: &Fleet) {
        self.check_shared();
        for number in 0..fleet.servers.len() {
            self.check_records(&fleet.client(number)).await;
        }
        self.check_keys(fleet).await;
        self.check_records(&fleet.client(0)).await;
    }

    /// One of all answers for an identity created it, and all name the same customer.
    fn check_shared(&self) {
        for (identity, answers) in &self.shared {
            let (id, _) = answers[0];
            assert!(answers.iter().all(|answer| answer.0 == id), "shared{identity}: {answers:?}");
            assert_eq!(answers.iter().filter(|answer| answer.1).count(), 1, "shared{identity}: {answers:?}");
        }
    }

    /// The live records are exactly the promised ones, each in its last promised state.
    async fn check_records(&self, client: &Client) {
        let records = client.list("demo").await;
        let by_id: HashMap<_, _> =
            records.iter().map(|record| (record["customerId"].as_u64().unwrap(), record)).collect();
        for customer in self.customers.iter().filter(|customer| customer.live) {
            customer.check(by_id.get(&customer.id).unwrap_or_else(|| panic!("{} is lost", customer.id)));
        }
        for (identity, answers) in &self.shared {
            let record = by_id.get(&answers[0].0).unwrap_or_else(|| panic!("shared{identity} is lost"));
            assert_eq!(record["Email"], format!("shared{identity}@example.test"));
        }
        let live = self.customers.iter().filter(|customer| customer.live).count();
        assert_eq!(records.len(), live + self.shared.len(), "there are records that no client was promised");
        for customer in self.customers.iter().filter(|customer| !customer.live) {
            customer.check(&client.get(&format!("/api/Customer/{}", customer.id)).await.expect(200).json);
        }
    }

    /// Every key, sent again, gives its first answer, marked as a replay.
    async fn check_keys(&self, fleet: &Fleet) {
        for (batch, requests) in self.done.chunks(16).enumerate() {
            let answers = fleet
                .race(requests.len(), |number, client| {
                    let Done { key, method, path, body, .. } = &requests[number];
                    let (method, path, body) = (method.clone(), path.clone(), body.clone());
                    let client = client.header("Idempotency-Key", key);
                    async move { client.send(method, &path, body.as_ref(), &[]).await }
                })
                .await;
            for (request, answer) in requests.iter().zip(answers) {
                let Done { key, method, path, .. } = request;
                assert_eq!(
                    answer.status, 200,
                    "{method} {path} under {key} in batch {batch}: {}",
                    answer.text
                );
                assert!(answer.replayed(), "{method} {path} under {key} ran a second time");
                assert_eq!(answer.data(), &request.data, "{method} {path} under {key}");
            }
        }
    }
}
