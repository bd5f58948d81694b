//! Deliveries that come late, twice or in the wrong order end in the same transactions and the same totals.

use std::collections::BTreeMap;

use customary::domain::decide::delivery::PART_MAX;
use reqwest::Method;

use super::*;
use crate::support::sql::*;
use crate::support::*;

both!(rules_14_a_transaction_moves_forward_and_is_one, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let begun = with(
        sale("T-1", "12.50"),
        json!({"customerId": ada, "status": "authorised", "description": "Two seats"}),
    );
    let first = one(&client, begun.clone()).await;
    assert_eq!((&first["result"], &first["customerId"]), (&json!("created"), &json!(ada)), "{first}");
    let id = first["transId"].clone();
    assert!(id.as_str().is_some_and(|id| id.len() == 34 && id.starts_with("1-")), "{id}");
    let approved = with(sale("T-1", 12.5), json!({"occurredAt": "2026-03-01T10:05:00Z", "fee": 0.5}));
    let moved = one(&client, approved.clone()).await;
    assert_eq!((&moved["result"], &moved["transId"]), (&json!("moved"), &id));
    for late in [begun, approved] {
        assert_eq!(one(&client, late).await["result"], "unchanged");
    }
    let read = client.get(&format!("/api/MoneyIn/details/{}", id.as_str().unwrap())).await.expect(200);
    let shown = &read.json;
    assert_eq!(shown["status"], "approved");
    assert_eq!((&shown["TransStatus"], &shown["splitCount"]), (&json!(1), &json!(0)));
    assert_eq!(
        (&shown["TotalAmount"], &shown["NetAmount"], &shown["FeeAmount"]),
        (&json!(12.5), &json!(12), &json!(0.5))
    );
    assert_eq!((&shown["currency"], &shown["description"]), (&json!("USD"), &json!("Two seats")));
    assert_eq!(shown["TransactionTime"], "2026-03-01T10:00:00.000000Z");
    let again = client.header("If-None-Match", &etag(&read));
    assert_eq!(again.get(&format!("/api/MoneyIn/details/{}", id.as_str().unwrap())).await.status, 304);

    let record = read_record(&client, ada).await;
    one(&client, with(sale("T-2", 1), json!({"customerId": ada}))).await;
    assert_eq!(
        read_record(&client, ada).await["LastUpdated"],
        record["LastUpdated"],
        "money makes no new version"
    );
    let mut sql = Sql::open(server.site());
    assert_eq!(sql.texts(TOTALS).len(), 2, "one row in dollars, one in the base currency");
    let kinds = sql.texts("SELECT kind AS value FROM event WHERE kind LIKE 'transaction%' ORDER BY seq");
    assert_eq!(kinds, ["transaction.created", "transaction.updated", "transaction.created"]);
    server.cli(&["doctor", "--deep"]).success();
});

async fn read_record(client: &Client, id: u64) -> Value {
    read(client, id).await.json
}

both!(rules_14_a_refund_waits_for_its_sale_and_follows_it, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let refund = |id: &str, amount: i64| {
        with(
            sale(id, amount),
            json!({"operation": "refund", "refundOf": "S-1", "occurredAt": "2026-03-02T10:00:00Z"}),
        )
    };
    let early = one(&client, refund("R-1", 30)).await;
    assert_eq!((&early["result"], &early["refundOfUnknown"]), (&json!("created"), &json!(true)), "{early}");
    assert_eq!(early["customerId"], Value::Null);
    // The sale is unlinked too, and then linked: what pays it back follows.
    let unlinked = one(&client, sale("S-1", 100)).await;
    assert_eq!(shown(&client, &unlinked).await["refundedAmount"], 30);
    client
        .post(&format!("/api/Customer/link/{ada}/{}", unlinked["transId"].as_str().unwrap()), &Value::Null)
        .await
        .expect(200);
    assert_eq!(shown(&client, &early).await["customerId"], ada);
    // A later one follows at once.
    let late = one(&client, refund("R-2", 80)).await;
    assert_eq!((&late["customerId"], late.get("refundOfUnknown")), (&json!(ada), None), "{late}");
    let sold = shown(&client, &unlinked).await;
    assert_eq!((&sold["refundedAmount"], &sold["overRefunded"]), (&json!(110), &json!(true)));
    let mut sql = Sql::open(server.site());
    assert_eq!(
        sql.texts(TOTALS)[0].split(' ').skip(2).take(4).collect::<Vec<_>>(),
        ["3", "1", "1000000", "-100000"]
    );
    // A declined refund gives nothing back.
    let declined = with(refund("R-2", 80), json!({"status": "voided", "occurredAt": "2026-03-03T10:00:00Z"}));
    assert_eq!(one(&client, declined).await["result"], "moved");
    assert_eq!(shown(&client, &unlinked).await["overRefunded"], false);
    assert_eq!(sql.texts(TOTALS)[0].split(' ').nth(5), Some("700000"));
    server.cli(&["doctor", "--deep"]).success();
});

/// A net amount that the model does not compute.
const UNKNOWN: i64 = -1_000_000_000_000_000;

/// A made-up history: transactions of some customers, each told by some deliveries.
struct History {
    deliveries: Vec<Value>,
    /// By customer's number (0 for nobody) and currency, `""` for the base: transactions, sales, gross, net, incomplete in
    /// hundredths.
    totals: BTreeMap<(usize, String), [i64; 5]>,
}

/// A time in a day of March 2026.
fn at(minute: usize) -> String {
    format!("2026-03-01T{:02}:{:02}:00Z", 10 + minute / 60, minute % 60)
}

impl History {
    fn new(rng: &mut fastrand::Rng, customers: usize, sales: usize) -> History {
        let mut history = History { deliveries: Vec::new(), totals: BTreeMap::new() };
        for number in 0..sales {
            let owner = rng.usize(0..=customers);
            let currency = ["USD", "USD", "EUR"][rng.usize(0..3)];
            let amount = rng.i64(1..100_000);
            let base = (currency == "EUR" && rng.bool()).then(|| amount + 10);
            let fee = rng.i64(0..=1) * (amount / 10);
            let id = format!("S-{number}");
            let mut states = vec![("initiated", 0)];
            states.push(if rng.u8(0..5) == 0 { ("declined", 1) } else { ("approved", 2) });
            let is_paid = states[1].0 == "approved";
            let is_voided = is_paid && rng.u8(0..8) == 0;
            if is_voided {
                states.push(("voided", 3));
            }
            for (status, minute) in states {
                let mut item = with(
                    sale(&id, cents(amount)),
                    json!({"status": status, "currency": currency, "occurredAt": at(minute)}),
                );
                if status == "approved" && fee > 0 {
                    item["fee"] = json!(cents(fee));
                }
                if let Some(base) = base {
                    item["baseAmount"] = json!(cents(base));
                }
                if owner > 0 {
                    item["customerNumber"] = json!(format!("C-{owner}"));
                }
                history.deliveries.push(item);
            }
            let sold = (is_paid && !is_voided).then_some(amount);
            history.count(owner, currency, sold, amount - fee, base);
            for refund in 0..rng.usize(0..3) {
                let back = rng.i64(1..=amount);
                let is_done = rng.bool();
                let item = with(
                    sale(&format!("R-{number}-{refund}"), cents(back)),
                    json!({"operation": "refund", "refundOf": id,
                    "currency": currency, "status": if is_done { "approved" } else { "declined" }, "occurredAt": at(9)}),
                );
                history
                    .deliveries
                    .push(with(item.clone(), json!({"status": "initiated", "occurredAt": at(8)})));
                history.deliveries.push(item);
                let row = |history: &mut History, currency: &str, parts: [i64; 5]| {
                    history.add(owner, currency, parts);
                };
                row(&mut history, currency, [1, 0, 0, if is_done { -back } else { 0 }, 0]);
                match (is_done, currency) {
                    (true, "USD") => row(&mut history, "", [1, 0, 0, -back, 0]),
                    (true, _) => row(&mut history, "", [1, 0, 0, 0, 1]),
                    (false, _) => row(&mut history, "", [1, 0, 0, 0, 0]),
                }
            }
        }
        history.totals.retain(|(owner, _), _| *owner > 0);
        history
    }

    fn add(&mut self, owner: usize, currency: &str, parts: [i64; 5]) {
        let row = self.totals.entry((owner, currency.to_owned())).or_default();
        row.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
    }

    fn count(&mut self, owner: usize, currency: &str, sold: Option<i64>, net: i64, base: Option<i64>) {
        let Some(amount) = sold else {
            self.add(owner, currency, [1, 0, 0, 0, 0]);
            return self.add(owner, "", [1, 0, 0, 0, 0]);
        };
        self.add(owner, currency, [1, 1, amount, net, 0]);
        match (currency, base) {
            ("USD", _) => self.add(owner, "", [1, 1, amount, net, 0]),
            // In ten-thousandths, as the share of the net amount has no whole hundredths.
            (_, Some(base)) => self.add(owner, "", [1, 1, base, UNKNOWN, 0]),
            (_, None) => self.add(owner, "", [1, 1, 0, 0, 1]),
        }
    }

    /// All deliveries, some of them twice, in any order.
    fn shuffled(&self, rng: &mut fastrand::Rng) -> Vec<Value> {
        let mut all = self.deliveries.clone();
        for _ in 0..self.deliveries.len() / 4 {
            all.push(self.deliveries[rng.usize(0..self.deliveries.len())].clone());
        }
        rng.shuffle(&mut all);
        all
    }
}

fn cents(amount: i64) -> String {
    format!("{}.{:02}", amount / 100, amount % 100)
}

/// Compares the totals in the database with those of the history.
fn check(history: &History, customers: &[u64], sql: &mut Sql) {
    let kept: BTreeMap<(usize, String), [i64; 5]> = sql
        .texts(TOTALS)
        .iter()
        .map(|row| {
            let parts: Vec<&str> = row.split(' ').collect();
            let id: u64 = parts[0].parse().unwrap();
            let owner = customers.iter().position(|customer| *customer == id).expect("a customer") + 1;
            let number = |place: usize| parts[place].parse::<i64>().unwrap();
            let row = [number(2), number(3), number(4) / 100, number(5) / 100, number(6)];
            ((owner, parts[1].to_owned()), row)
        })
        .collect();
    assert_eq!(kept.keys().collect::<Vec<_>>(), history.totals.keys().collect::<Vec<_>>());
    for (place, wanted) in &history.totals {
        let mut kept = kept[place];
        if wanted[3] < UNKNOWN / 2 {
            // The model does not know the share of a net amount in the base currency.
            kept[3] = wanted[3];
        }
        assert_eq!(kept, *wanted, "{place:?}");
    }
}

/// Sends deliveries in batches of any size to the instances in turn. The service carries out the large ones in parts.
async fn send(rng: &mut fastrand::Rng, clients: &[Client], mut all: Vec<Value>) {
    let mut turn = 0;
    while !all.is_empty() {
        let most = [3, 60, 3 * PART_MAX][rng.usize(..3)];
        let rest = all.split_off(rng.usize(1..=most).min(all.len()));
        record(&clients[turn % clients.len()], &all).await;
        turn += 1;
        all = rest;
    }
}

async fn people(client: &Client, number: usize) -> Vec<u64> {
    let mut ids = Vec::new();
    for number in 1..=number {
        let body =
            json!({"email": format!("c{number}@example.test"), "customerNumber": format!("C-{number}")});
        ids.push(created(client, "demo", &body).await);
    }
    ids
}

fleets!(rules_14_any_order_of_deliveries_gives_one_result, |fleet| async {
    let mut rng = seeded();
    let clients: Vec<Client> = (0..fleet.servers.len()).map(|number| fleet.client(number)).collect();
    let customers = people(&clients[0], 4).await;
    let history = History::new(&mut rng, customers.len(), 60);
    let all = history.shuffled(&mut rng);
    send(&mut rng, &clients, all).await;
    let mut sql = Sql::open(fleet.site());
    check(&history, &customers, &mut sql);
    let (rows, totals) = (sql.texts(TRANSACTIONS), sql.texts(TOTALS));
    for _ in 0..2 {
        let all = history.shuffled(&mut rng);
        send(&mut rng, &clients, all).await;
        assert_eq!(
            (sql.texts(TRANSACTIONS), sql.texts(TOTALS)),
            (rows.clone(), totals.clone()),
            "sent again"
        );
    }
    // Another order from nothing ends the same.
    sql.run("DELETE FROM entrypoint_total; DELETE FROM customer_total; DELETE FROM \"transaction\"");
    let all = history.shuffled(&mut rng);
    send(&mut rng, &clients, all).await;
    assert_eq!((sql.texts(TRANSACTIONS), sql.texts(TOTALS)), (rows, totals));
    fleet.servers[0].cli(&["doctor", "--deep"]).success();
});

both!(rules_14_batches_survive_a_kill, |db| async {
    let mut rng = seeded();
    let mut server = Server::start(db).await;
    let customers = people(&server.client(), 3).await;
    let history = History::new(&mut rng, customers.len(), 150);
    for round in 0..3 {
        let client = server.client();
        let all = history.shuffled(&mut rng);
        let sent = tokio::spawn(async move {
            for batch in all.chunks(25) {
                if client.try_send(reqwest::Method::POST, ROUTE, Some(&json!(batch)), &[]).await.is_err() {
                    break;
                }
            }
        });
        tokio::time::sleep(std::time::Duration::from_millis(rng.u64(5..80))).await;
        server.kill9();
        finished(sent).await;
        server.restart().await;
        println!("killed in round {round}");
    }
    let client = server.client();
    send(&mut rng, &[client], history.shuffled(&mut fastrand::Rng::with_seed(1))).await;
    check(&history, &customers, &mut Sql::open(server.site()));
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_14_an_array_goes_on_where_a_kill_broke_it_off, |db| async {
    const ARRAY: usize = 1_000;
    let mut rng = seeded();
    let mut server = Server::start(db).await;
    let customers = people(&server.client(), 3).await;
    let mut broken = 0;
    for round in 0..6 {
        let one = |number: usize| {
            let owner = customers[number % customers.len()];
            with(sale(&format!("K-{round}-{number}"), 1), json!({"customerId": owner}))
        };
        let array = json!((0..ARRAY).map(one).collect::<Vec<_>>());
        let key = format!("round {round}");
        let send = |client: Client, array: Value, key: String| async move {
            client.try_send(Method::POST, ROUTE, Some(&array), &[("idempotencyKey", &key)]).await
        };
        let sent = tokio::spawn(send(server.client(), array.clone(), key.clone()));
        tokio::time::sleep(std::time::Duration::from_millis(rng.u64(20..400))).await;
        server.kill9();
        drop(finished(sent).await);
        server.restart().await;
        let sql = "SELECT CAST(COALESCE(sum(transactions), 0) AS TEXT) AS value FROM customer_total WHERE currency = ''";
        let stored = |sql: &str| Sql::open(server.site()).texts(sql)[0].parse::<usize>().unwrap();
        let done = stored(sql) - round * ARRAY;
        assert_eq!(done % PART_MAX, 0, "a part commits as a whole");
        broken += usize::from(done > 0 && done < ARRAY);
        let first = send(server.client(), array.clone(), key.clone()).await.expect("an answer").expect(200);
        assert_eq!(
            first.json["created"], ARRAY,
            "what was recorded before the kill is told as it was: {}",
            first.text
        );
        assert_eq!(stored(sql), (round + 1) * ARRAY);
        let again = send(server.client(), array, key).await.expect("an answer").expect(200);
        assert!(again.replayed());
        assert_eq!(again.json, first.json);
    }
    println!("{broken} arrays were broken off in the middle");
    server.cli(&["doctor", "--deep"]).success();
});
