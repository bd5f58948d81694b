//! The proof of rules 20: whatever breaks between the service and its provider, both ledgers agree to the cent in the end.

use std::collections::BTreeMap;

use super::http::{Program, site};
use super::*;

/// What the ledgers say of each charge and refund: kind and amount in cents, by id.
type Ledger = BTreeMap<String, (String, i64)>;

fn cents(text: &str) -> i64 {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |text| (-1, text));
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    sign * (whole.parse::<i64>().unwrap() * 100 + format!("{part:0<2}").parse::<i64>().unwrap())
}

/// The adapter's ledger; each id moved money once at most.
async fn theirs(adapter: &Program) -> Ledger {
    let mut ledger = Ledger::new();
    for one in adapter.movements().await {
        let text = |name: &str| one[name].as_str().unwrap().to_owned();
        let before = ledger.insert(text("id"), (text("kind"), cents(&text("amount"))));
        assert!(before.is_none(), "{} moved money twice", text("id"));
    }
    ledger
}

/// Ours: what succeeded. `None` while something is open.
fn ours(site: &Site) -> Option<Ledger> {
    let id = sql::hex(site.db, "call_id");
    let lines = Sql::open(site).texts(&format!(
        "SELECT kind || ' ' || state || ' ' || amount_units || ' ' || entrypoint_id || '-' || {id} AS value \
         FROM provider_call ORDER BY call_id",
    ));
    let mut ledger = Ledger::new();
    for line in lines {
        let parts: Vec<&str> = line.split(' ').collect();
        let (kind, state) = (parts[0], parts[1].parse::<i64>().unwrap());
        if state < 3 {
            return None;
        }
        let units: i64 = parts[2].parse().unwrap();
        let (kind, sign) = match kind {
            "0" => ("charge", 1),
            "1" => ("refund", -1),
            "2" => ("void", -1),
            other => panic!("kind {other}"),
        };
        if state == 3 {
            ledger.insert(parts[3].to_owned(), (kind.to_owned(), sign * units / 100));
        }
    }
    Some(ledger)
}

/// How many faults one test makes; `PROVIDER_FAULTS` sets another number.
fn faults() -> u64 {
    setting("PROVIDER_FAULTS", 60)
}

async fn agree(db: Db, instances: usize, kills: u64) {
    let folder = tempfile::tempdir().unwrap();
    let mut random = seeded();
    let seed = random.u32(..).to_string();
    let adapter = Program::adapter(&folder.path().join("ledger.db"), &["--bank-seconds", "0.05"]);
    let faults = faults();
    let proxy = Program::start(
        "tests/sdk/provider_proxy.py",
        &["--port", "0", "--target", &adapter.url, "--seed", &seed, "--faults", &faults.to_string()],
    );
    let site = site(db, &proxy.url);
    let mut servers: Vec<Server> = (0..instances).map(|number| Server::new(&site, number)).collect();
    for server in &mut servers {
        server.spawn();
        server.ready().await;
    }
    let client = till(&servers[0], "http");
    let mut payers = Vec::new();
    for (number, token) in ["test-visa", "test-declined", "test-pending", "pm_real"].into_iter().enumerate() {
        payers.push(with_method(&client, &format!("p{number}@example.test"), token).await.0);
    }
    let mut charges: Vec<String> = Vec::new();
    let (mut left, mut key) = (kills, 0_u64);
    loop {
        let made: Value = reqwest::get(format!("{}/faults", proxy.url)).await.unwrap().json().await.unwrap();
        if made["done"].as_u64().unwrap() >= faults && left == 0 {
            break;
        }
        let sends = (0..6).map(|_| {
            key += 1;
            let client = master(&servers[random.usize(..servers.len())]);
            let (kind, amount) = (random.u8(..10), f64::from(random.u32(1..5_000)) / 100.0);
            let payer = payers[random.usize(..payers.len())];
            let charge = (!charges.is_empty()).then(|| charges[random.usize(..charges.len())].clone());
            let key = format!("k-{key}");
            async move {
                let header = [("Idempotency-Key", key.as_str())];
                let (path, body) = match (kind, charge) {
                    (0..=1, Some(charge)) => (format!("/api/MoneyIn/refund/{charge}/{amount}"), None),
                    (2, Some(charge)) => (format!("/api/MoneyIn/refund/{charge}/0"), None),
                    (3, Some(charge)) => (format!("/api/MoneyIn/void/{charge}"), None),
                    _ => (format!("{}/charges", path(payer)), Some(json!({"amount": amount}))),
                };
                let answer = client.try_send(Method::POST, &path, body.as_ref(), &header).await;
                let answer = answer.ok()?;
                assert!(answer.status < 500 || answer.status == 503, "{}", answer.text);
                body.and_then(|_| answer.json["responseData"]["transId"].as_str().map(str::to_owned))
            }
        });
        let all = at_once(sends.collect::<Vec<_>>());
        let number = random.usize(..servers.len());
        let (made, ()) = tokio::join!(all, async {
            if left > 0 && random.bool() {
                left -= 1;
                tokio::time::sleep(std::time::Duration::from_millis(random.u64(..700))).await;
                servers[number].kill9();
                servers[number].spawn();
                servers[number].ready().await;
            }
        });
        charges.extend(made.into_iter().flatten());
    }
    let mut last = None;
    wait_until("all calls are through", PATIENCE * 6, async || {
        last = ours(&site);
        last.is_some()
    })
    .await;
    let (ours, theirs) = (last.unwrap(), theirs(&adapter).await);
    assert!(theirs.len() > 10, "{theirs:?}");
    assert_eq!(ours, theirs);
    // The transactions say the same.
    let client = master(&servers[0]);
    for (id, (kind, _)) in &theirs {
        let transaction = match kind.as_str() {
            "void" => continue,
            _ => client.get(&format!("/api/MoneyIn/details/{id}")).await.expect(200).json,
        };
        let voided = theirs
            .iter()
            .any(|(other, (kind, _))| kind == "void" && transaction["status"] == "voided" && other != id);
        assert!(transaction["status"] == "approved" || voided, "{transaction}");
        assert_eq!(transaction["overRefunded"], false, "{transaction}");
    }
    let total: i64 = theirs.values().map(|(_, cents)| cents).sum();
    let net = client.get("/api/Query/transactions/till?limitRecord=1").await.expect(200).json;
    assert!(net["Summary"]["totalRecords"].as_u64().unwrap() >= theirs.len() as u64 / 2);
    assert!(total >= 0);
    servers[0].cli(&["doctor", "--deep"]).success();
}

#[tokio::test]
async fn rules_20_both_ledgers_agree_after_faults_and_kills_sqlite() {
    agree(Db::Sqlite, 1, setting("PROVIDER_KILLS", 3)).await;
}

#[tokio::test]
async fn rules_20_both_ledgers_agree_after_faults_and_kills_of_three_instances() {
    agree(Db::Postgres, 3, setting("PROVIDER_KILLS", 3)).await;
}
