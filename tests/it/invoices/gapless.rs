//! A series of numbers has no hole and no double, and its days ascend, whoever finalises and whatever is killed.
//!
//! `GAPLESS_KILLS` sets the number of kills, `GAPLESS_CLIENTS` the number of clients.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{ada, simple};
use crate::harness::*;

/// What the clients were told: the number of each invoice that was finalised.
type Told = BTreeMap<u64, String>;

/// Makes drafts and finalises them, some through a credit note, until it is told to stop. A request without an answer is sent
/// again with its key.
async fn finalise(clients: Vec<Client>, number: usize, customer: u64, stop: Arc<AtomicBool>) -> Told {
    let mut told = Told::new();
    let mut round = 0;
    while !stop.load(Relaxed) {
        round += 1;
        let key = format!("c{number}-r{round}");
        let at_once = round % 3 == 0;
        let mut body = simple(customer, &json!(round));
        body["invoiceData"]["invoiceStatus"] = json!(u8::from(at_once));
        let Some(made) =
            until_answered(&clients, number, "/api/Invoice/demo", Some(&body), &key, &stop).await
        else {
            break;
        };
        let id = made["responseData"].as_u64().expect("an id");
        let done = if at_once {
            made
        } else {
            let path = format!("/api/Invoice/{id}/finalize");
            match until_answered(&clients, number, &path, None, &format!("{key}-f"), &stop).await {
                Some(done) => done,
                None => break,
            }
        };
        told.insert(id, done["invoiceNumber"].as_str().expect("a number").to_owned());
    }
    told
}

/// Sends a request with its key to one instance after another until one answers; `None` once the clients are to stop and no
/// instance has answered for a while.
async fn until_answered(
    clients: &[Client],
    number: usize,
    path: &str,
    body: Option<&Value>,
    key: &str,
    stop: &AtomicBool,
) -> Option<Value> {
    let mut tries = 0;
    loop {
        let client = clients[(number + tries) % clients.len()].header("idempotencyKey", key);
        if let Ok(answer) = client.try_send(Method::POST, path, body, &[]).await {
            match answer.status {
                200 => return Some(answer.json),
                // The instance stops, or its queue is full.
                500 | 503 | 504 => {}
                _ => panic!("{path}: {}", answer.text),
            }
        }
        tries += 1;
        if stop.load(Relaxed) && tries > 200 {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fleets!(rules_19_a_series_is_gapless_whatever_is_killed, |fleet| async {
    let mut fleet = fleet;
    let mut rng = seeded();
    let (kills, clients) =
        (setting("GAPLESS_KILLS", 6), usize::try_from(setting("GAPLESS_CLIENTS", 64)).unwrap());
    let customer = ada(&fleet.client(0)).await;
    let stop = Arc::new(AtomicBool::new(false));
    let all: Vec<Client> = (0..fleet.servers.len()).map(|number| fleet.client(number)).collect();
    let tasks: Vec<_> = (0..clients)
        .map(|number| tokio::spawn(finalise(all.clone(), number, customer, Arc::clone(&stop))))
        .collect();
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(rng.u64(200..900))).await;
        let victim = rng.usize(..fleet.servers.len());
        let victim = &mut fleet.servers[victim];
        victim.kill9();
        tokio::time::sleep(Duration::from_millis(rng.u64(..100))).await;
        victim.restart().await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.store(true, Relaxed);
    let mut told = Told::new();
    for task in tasks {
        told.extend(finished(task).await);
    }
    assert!(told.len() > clients, "too few invoices to prove anything: {}", told.len());
    let client = fleet.client(0);
    let list = client.get("/api/Query/invoices/demo?limitRecord=0&status(ne)=draft").await.expect(200).json;
    let mut issued: Vec<(String, String, u64)> = list["Records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap().to_owned();
            (text("invoiceNumber"), text("invoiceDate"), one["invoiceId"].as_u64().unwrap())
        })
        .collect();
    // Numbers of one year sort by their length, then as texts.
    issued.sort_by_key(|(number, ..)| (number.len(), number.clone()));
    for (index, (number, day, _)) in issued.iter().enumerate() {
        let wanted = format!("{:04}", index + 1);
        assert!(number.ends_with(&format!("-{wanted}")), "{number} is number {wanted}");
        assert!(index == 0 || issued[index - 1].1 <= *day, "days ascend: {number}");
    }
    let stored: BTreeMap<u64, &String> = issued.iter().map(|(number, _, id)| (*id, number)).collect();
    for (id, number) in &told {
        assert_eq!(stored.get(id), Some(&number), "what was told holds");
    }
    println!("{kills} kills, {} invoices, {} of them told", issued.len(), told.len());
    fleet.servers[0].cli(&["doctor", "--deep"]).success();
});
