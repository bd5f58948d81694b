//! Stages of customers' lives that move by themselves (rules 15), and the numbers of an entrypoint.

use customary::clock;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

async fn subscribe(client: &Client, id: u64, name: &str, body: &Value) {
    let mut body = body.clone();
    body["customerId"] = json!(id);
    client.put(&format!("/api/Subscription/external/demo/billing/{name}"), &body).await.expect(200);
}

async fn stage(client: &Client, id: u64) -> String {
    read(client, id).await.json["Lifecycle"].as_str().expect("a stage").to_owned()
}

async fn statistic(client: &Client) -> Value {
    client.get("/api/Statistic/customers/demo").await.expect(200).json
}

async fn act(client: &Client, id: u64, action: &str) {
    client.send(reqwest::Method::POST, &format!("{}/{action}", path(id)), None, &[]).await.expect(200);
}

both!(rules_15_subscriptions_move_the_stage_with_history, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    assert_eq!(stage(&client, id).await, "Prospect");
    for (name, status, wanted) in [
        ("a", "paused", "Prospect"),
        ("a", "trial", "Subscriber"),
        ("b", "running", "Subscriber"),
        ("a", "ended", "Subscriber"),
        ("b", "paused", "Prospect"),
        ("b", "ended", "Churned"),
        ("c", "running", "Subscriber"),
        ("c", "ended", "Churned"),
    ] {
        subscribe(&client, id, name, &json!({"status": status})).await;
        assert_eq!(stage(&client, id).await, wanted, "{name} {status}");
        assert_eq!(statistic(&client).await["byLifecycle"][wanted], 1);
    }
    // Each move is a version with its author.
    let entries = history(&client, id).await;
    let moves: Vec<String> = entries
        .iter()
        .rev()
        .map(|entry| {
            format!(
                "{} {}",
                entry["operation"].as_str().unwrap(),
                entry["changes"][0]["to"].as_str().unwrap_or("-")
            )
        })
        .collect();
    assert_eq!(
        moves[1..],
        ["Subscriber", "Prospect", "Churned", "Subscriber", "Churned"]
            .map(|to| format!("lifecycleMoved {to}"))
    );
    assert_eq!(entries[0]["token"]["name"], entries[5]["token"]["name"]);
    assert_eq!(
        client.get("/api/Query/customers/demo?lifecycle=Churned").await.expect(200).json["Summary"]["totalRecords"],
        1
    );
    // An archived customer stays so, and comes back to where the facts say.
    act(&client, id, "archive").await;
    subscribe(&client, id, "d", &json!({"status": "running"})).await;
    assert_eq!(stage(&client, id).await, "Archived");
    act(&client, id, "unarchive").await;
    assert_eq!(stage(&client, id).await, "Subscriber");
    act(&client, id, "archive").await;
    subscribe(&client, id, "d", &json!({"status": "ended"})).await;
    act(&client, id, "unarchive").await;
    assert_eq!(stage(&client, id).await, "Churned");
    client.delete(&path(id)).await.expect(200);
    assert_eq!(stage(&client, id).await, "Deleted");
});

both!(rules_15_numbers_are_counted_as_customers_are_written, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let empty = statistic(&client).await;
    assert_eq!(empty["total"], 0);
    assert_eq!(
        (empty["newPerDay"].as_array().unwrap().len(), empty["newPerMonth"].as_array().unwrap().len()),
        (31, 12)
    );
    assert_eq!(empty["byPaymentMethodStatus"]["None"], 0);
    let method = |number: usize, body: Value| {
        let mut whole =
            json!({"provider": "stripe", "providerMethodId": format!("pm_{number}"), "method": "card"});
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        whole
    };
    let mut ids = Vec::new();
    for number in 0..6 {
        ids.push(created(&client, "demo", &json!({"email": format!("n{number}@example.test")})).await);
    }
    let old =
        created(&client, "demo", &json!({"email": "old@example.test", "createdAt": "2001-02-03T04:05:06Z"}))
            .await;
    for (number, body) in [
        json!({}),
        json!({"expMonth": 1, "expYear": 2020}),
        json!({"expMonth": 12, "expYear": 2099}),
        json!({"method": "other"}),
    ]
    .into_iter()
    .enumerate()
    {
        client.post(&format!("{}/methods", path(ids[number])), &method(number, body)).await.expect(200);
    }
    let shown = statistic(&client).await;
    let by = |shown: &Value| {
        let all = &shown["byPaymentMethodStatus"];
        ["Active", "Expired", "Manual", "None", "Expiring soon", "Invalid", "Insufficient funds"]
            .map(|word| all[word].as_i64().unwrap())
    };
    assert_eq!(by(&shown), [2, 1, 1, 3, 0, 0, 0]);
    assert_eq!(shown["newPerDay"][30]["customers"], 6, "{shown}");
    assert_eq!(shown["newPerMonth"][11]["customers"], 6);
    // Only live customers count; another default method counts in the place of the former one.
    client.delete(&path(ids[1])).await.expect(200);
    client.delete(&format!("{}?erase=true", path(ids[5]))).await.expect(200);
    client
        .post(
            &format!("{}/methods", path(ids[3])),
            &method(9, json!({"expMonth": 1, "expYear": 2020, "isDefault": true})),
        )
        .await
        .expect(200);
    client.put(&path(ids[0]), &json!({"city": "Oakton"})).await.expect(200);
    let shown = statistic(&client).await;
    assert_eq!(by(&shown), [2, 1, 0, 2, 0, 0, 0]);
    assert_eq!((&shown["total"], &shown["newPerDay"][30]["customers"]), (&json!(5), &json!(4)));
    // The numbers are those of the list's filters.
    for (query, number) in [
        ("paymentMethodStatus=Active", 2),
        ("paymentMethodStatus=None", 2),
        ("paymentMethodStatus=Expired", 1),
    ] {
        let list = client.get(&format!("/api/Query/customers/demo?{query}")).await.expect(200);
        assert_eq!(list.json["Summary"]["totalRecords"], number, "{query}");
    }
    let site = server.site();
    let csv = site.folder().join("many.csv");
    std::fs::write(
        &csv,
        "email,createdAt\ni1@example.test,2001-02-03T00:00:00Z\ni2@example.test,\ni3@example.test,\n",
    )
    .unwrap();
    site.cli(&["import", "--entry", "demo", csv.to_str().unwrap()]).success();
    let shown = statistic(&client).await;
    assert_eq!(
        (&shown["total"], &shown["newPerDay"][30]["customers"], &shown["newPerMonth"][11]["customers"]),
        (&json!(8), &json!(6), &json!(6))
    );
    assert_eq!(
        Sql::open(site).number(
            "SELECT customers AS value FROM customer_count WHERE kind = 'created' AND slot = '2001-02-03'"
        ),
        2
    );
    client.delete(&path(old)).await.expect(200);
    site.cli(&["doctor", "--deep"]).success();
    let mut sql = Sql::open(site);
    for (wrong, right) in [
        (
            "UPDATE customer_count SET customers = customers + 1 WHERE slot = '2001-02-03'",
            "customers - 1 WHERE slot = '2001-02-03'",
        ),
        (
            "UPDATE customer_count SET customers = customers - 1 WHERE slot LIKE 'account/%'",
            "customers + 1 WHERE slot LIKE 'account/%'",
        ),
    ] {
        sql.run(wrong);
        let told = site.cli(&["doctor", "--deep"]);
        assert!(!told.status.success() && format!("{told:?}").contains("counted wrongly"), "{told:?}");
        sql.run(&format!("UPDATE customer_count SET customers = {right}"));
    }
    site.cli(&["doctor", "--deep"]).success();
});

/// A sale of a customer that was paid some seconds ago.
fn sale(id: u64, name: &str, secs_ago: i64) -> Value {
    json!({"source": "shop", "externalId": name, "customerId": id, "status": "approved", "amount": 10, "currency": "USD",
        "occurredAt": clock::now().plus_secs(-secs_ago).to_rfc3339()})
}

async fn pay(client: &Client, items: &[Value]) {
    let answer = client.post("/api/Transaction/demo", &json!(items)).await.expect(200);
    assert_eq!(answer.json["refused"], 0, "{}", answer.text);
}

const DAY: i64 = 86_400;

both!(rules_15_sales_move_the_stage_in_their_own_transaction, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let declined = |name: &str| {
        let mut item = sale(id, name, 5);
        item["status"] = json!("declined");
        item
    };
    pay(&client, &[declined("no")]).await;
    assert_eq!(stage(&client, id).await, "Prospect");
    // An old sale, as a history brings it, and then a new one.
    pay(&client, &[sale(id, "old", 61 * DAY)]).await;
    assert_eq!(stage(&client, id).await, "Idle");
    pay(&client, &[sale(id, "a", 10), sale(id, "b", 5 * DAY)]).await;
    assert_eq!(stage(&client, id).await, "Active");
    pay(&client, &[sale(id, "c", 1)]).await;
    assert_eq!(operations(&client, id).await, ["lifecycleMoved", "lifecycleMoved", "created"]);
    let entries = history(&client, id).await;
    assert_eq!(entries[0]["token"]["name"], entries[2]["token"]["name"], "the token that brought the sale");
    // Voided sales are none.
    let voided = |name: &str| {
        let mut item = sale(id, name, -60);
        item["status"] = json!("voided");
        item
    };
    pay(&client, &[voided("a"), voided("c")]).await;
    assert_eq!(stage(&client, id).await, "Active", "one is left");
    pay(&client, &[voided("b")]).await;
    assert_eq!(stage(&client, id).await, "Idle");
    pay(&client, &[voided("old")]).await;
    assert_eq!(stage(&client, id).await, "Prospect");
    // Churned, and back by a sale after the end; an earlier one that comes late does not bring back.
    subscribe(&client, id, "s", &json!({"status": "running"})).await;
    pay(&client, &[sale(id, "d", 3)]).await;
    assert_eq!(stage(&client, id).await, "Subscriber");
    subscribe(&client, id, "s", &json!({"status": "ended"})).await;
    assert_eq!(stage(&client, id).await, "Churned");
    pay(&client, &[sale(id, "e", 30)]).await;
    assert_eq!(stage(&client, id).await, "Churned");
    pay(&client, &[sale(id, "f", -1)]).await;
    assert_eq!(stage(&client, id).await, "Active");
    // A payment makes no version while the stage stays.
    let tag = etag(&read(&client, id).await);
    let version = tag.split('-').next().unwrap().to_owned();
    pay(&client, &[sale(id, "g", 1)]).await;
    assert!(etag(&read(&client, id).await).starts_with(&version));
    // An archived one stays, and returns to where the facts say.
    act(&client, id, "archive").await;
    for name in ["d", "e", "f", "g"] {
        pay(&client, &[voided(name)]).await;
    }
    assert_eq!(stage(&client, id).await, "Archived");
    act(&client, id, "unarchive").await;
    assert_eq!(stage(&client, id).await, "Churned");
});

both!(rules_15_who_buys_nothing_for_sixty_days_becomes_idle, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let mut ids = Vec::new();
    for name in ["lasts", "ends", "archived", "subscribes"] {
        ids.push(created(&client, "demo", &json!({"email": format!("{name}@example.test")})).await);
    }
    let [lasts, ends, archived, subscribes] = ids[..] else { unreachable!() };
    let almost = 60 * DAY - 3;
    let items: Vec<Value> = ids.iter().map(|id| sale(*id, &format!("first-{id}"), almost)).collect();
    pay(&client, &items).await;
    pay(&client, &[sale(lasts, "again", 60)]).await;
    act(&client, archived, "archive").await;
    subscribe(&client, subscribes, "s", &json!({"status": "running"})).await;
    for (id, wanted) in
        [(lasts, "Active"), (ends, "Active"), (archived, "Archived"), (subscribes, "Subscriber")]
    {
        assert_eq!(stage(&client, id).await, wanted);
    }
    wait_until("the customer is idle", std::time::Duration::from_secs(20), async || {
        stage(&client, ends).await == "Idle"
    })
    .await;
    let entries = history(&client, ends).await;
    assert_eq!(
        (&entries[0]["operation"], &entries[0]["token"]["name"]),
        (&json!("lifecycleMoved"), &json!("customary"))
    );
    wait_until("nobody is due", std::time::Duration::from_secs(20), async || {
        Sql::open(server.site()).number("SELECT count(*) AS value FROM lifecycle_due") == 1
    })
    .await;
    for (id, wanted) in [(lasts, "Active"), (archived, "Archived"), (subscribes, "Subscriber")] {
        assert_eq!(stage(&client, id).await, wanted);
    }
    act(&client, archived, "unarchive").await;
    assert_eq!(stage(&client, archived).await, "Idle");
    let shown = statistic(&client).await;
    assert_eq!((&shown["byLifecycle"]["Idle"], &shown["byLifecycle"]["Active"]), (&json!(2), &json!(1)));
});

fleets!(rules_15_a_large_delivery_moves_everybody_soon, |fleet| async {
    let client = fleet.client(0);
    let rows: Vec<String> = (0..200).map(|number| format!("m{number}@example.test")).collect();
    let csv = fleet.site().folder().join("many.csv");
    std::fs::write(&csv, format!("email\n{}\n", rows.join("\n"))).unwrap();
    fleet.site().cli(&["import", "--entry", "demo", csv.to_str().unwrap()]).success();
    let list = client.get("/api/Query/customers/demo?limitRecord=500").await.expect(200);
    let ids: Vec<u64> = list.json["Records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["customerId"].as_u64().unwrap())
        .collect();
    let items: Vec<Value> = ids.iter().map(|id| sale(*id, &format!("t-{id}"), 100)).collect();
    pay(&client, &items).await;
    wait_until("all are active", std::time::Duration::from_secs(30), async || {
        statistic(&client).await["byLifecycle"]["Active"] == 200
    })
    .await;
    let list = client.get("/api/Query/customers/demo?lifecycle=Active&limitRecord=1").await.expect(200);
    assert_eq!(list.json["Summary"]["totalRecords"], 200);
    for id in ids.iter().step_by(37) {
        assert_eq!(operations(&client, *id).await, ["lifecycleMoved", "created"]);
    }
});

both!(rules_15_money_is_summed_up_by_currency, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let bob = created(&client, "demo", &json!({"email": "bob@example.test"})).await;
    assert_eq!(statistic(&client).await["money"], json!([]));
    let of = |id: u64, name: &str, amount: &str, currency: &str| {
        let mut item = sale(id, name, 60);
        (item["amount"], item["currency"]) = (json!(amount), json!(currency));
        item
    };
    let mut refund = of(bob, "back", "2.5", "USD");
    (refund["operation"], refund["refundOf"]) = (json!("refund"), json!("b"));
    let mut declined = of(bob, "no", "7", "USD");
    declined["status"] = json!("declined");
    let mut nobody = of(bob, "nobody", "100", "USD");
    nobody.as_object_mut().unwrap().remove("customerId");
    pay(
        &client,
        &[
            of(ada, "a", "10.25", "USD"),
            of(bob, "b", "20", "USD"),
            of(bob, "y", "3000", "JPY"),
            refund,
            declined,
            nobody,
        ],
    )
    .await;
    let wanted = json!([
        {"currency": "JPY", "transactions": 1, "sales": 1, "gross": 3000, "net": 3000},
        {"currency": "USD", "transactions": 4, "sales": 2, "gross": 30.25, "net": 27.75},
    ]);
    assert_eq!(statistic(&client).await["money"], wanted);
    // The same again adds nothing; a void takes away.
    pay(&client, &[of(ada, "a", "10.25", "USD")]).await;
    let mut voided = sale(bob, "y", 0);
    (voided["amount"], voided["currency"], voided["status"]) = (json!("3000"), json!("JPY"), json!("voided"));
    pay(&client, &[voided]).await;
    let shown = statistic(&client).await;
    assert_eq!(
        shown["money"][0],
        json!({"currency": "JPY", "transactions": 1, "sales": 0, "gross": 0, "net": 0})
    );
    let site = server.site();
    site.cli(&["doctor", "--deep"]).success();
    Sql::open(site).run("UPDATE entrypoint_total SET net_units = net_units + 1 WHERE currency = 'USD'");
    let told = site.cli(&["doctor", "--deep"]);
    assert!(!told.status.success() && format!("{told:?}").contains("counted wrongly"), "{told:?}");
    Sql::open(site).run("UPDATE entrypoint_total SET net_units = net_units - 1 WHERE currency = 'USD'");
    // A deleted customer's money still counts.
    client.delete(&path(ada)).await.expect(200);
    assert_eq!(statistic(&client).await["money"][1], wanted[1]);
    let blind = server.anonymous().token(&token_with(server.site(), &["customers:read"]));
    assert!(statistic(&blind).await["money"].is_null());
});

/// A customer's facts as a model keeps them.
#[derive(Default, Clone)]
struct Model {
    /// Sales by name: when they were paid, and whether they still count.
    sales: std::collections::BTreeMap<String, (i64, bool)>,
    /// The only subscription: `running`, `paused` or `ended`, and when it ended.
    subscription: Option<(&'static str, i64)>,
    archived: bool,
}

impl Model {
    /// The stage by the words of the rules; times are seconds ago.
    fn stage(&self) -> &'static str {
        let last = self.sales.values().filter(|(_, counts)| *counts).map(|(ago, _)| *ago).min();
        match (self.archived, self.subscription, last) {
            (true, ..) => "Archived",
            (_, Some(("running", _)), _) => "Subscriber",
            (_, Some(("ended", ended)), last) if last.is_none_or(|ago| ago >= ended) => "Churned",
            (_, _, Some(ago)) if ago < 60 * DAY => "Active",
            (_, _, Some(_)) => "Idle",
            _ => "Prospect",
        }
    }
}

both!(rules_15_stages_and_counters_are_those_of_a_model, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let mut rng = seeded();
    let mut people: Vec<(u64, Model)> = Vec::new();
    for number in 0..6 {
        let id = created(&client, "demo", &json!({"email": format!("p{number}@example.test")})).await;
        people.push((id, Model::default()));
    }
    let begun = clock::now();
    let at = |secs_ago: i64| begun.plus_secs(-secs_ago).to_rfc3339();
    for _ in 0..setting("LIFECYCLE_STEPS", 80) {
        let which = rng.usize(0..people.len());
        match rng.u8(0..10) {
            0..=5 => {
                let mut items = Vec::new();
                for _ in 0..rng.usize(1..5) {
                    let (id, model) = rng.choice(people.iter_mut()).unwrap();
                    let name = format!("{id}-{}", rng.u8(0..4));
                    // A sale keeps its time; what is voided stays so.
                    let ago =
                        model.sales.get(&name).map_or_else(|| rng.i64(1..150) * DAY + 7_200, |(ago, _)| *ago);
                    let mut item = sale(*id, &name, ago);
                    item["occurredAt"] = json!(at(ago));
                    if rng.u8(0..3) == 0 {
                        item["status"] = json!("voided");
                    }
                    let counts = item["status"] == "approved"
                        && model.sales.get(&name).is_none_or(|(_, counts)| *counts);
                    model.sales.insert(name, (ago, counts));
                    items.push(item);
                }
                pay(&client, &items).await;
            }
            6..=7 => {
                let (id, model) = &mut people[which];
                let status = ["running", "paused", "ended"][rng.usize(0..3)];
                let days = rng.i64(1..150);
                subscribe(
                    &client,
                    *id,
                    &format!("s-{id}"),
                    &json!({"status": status, "endDate": at(days * DAY)}),
                )
                .await;
                model.subscription = Some((status, days * DAY));
            }
            8 => {
                let (id, model) = &mut people[which];
                model.archived = !model.archived;
                act(&client, *id, if model.archived { "archive" } else { "unarchive" }).await;
            }
            _ => {
                let (id, _) = &people[which];
                client.put(&path(*id), &json!({"city": format!("Oakton {}", rng.u8(..))})).await.expect(200);
            }
        }
        let shown = statistic(&client).await;
        for wanted in ["Prospect", "Subscriber", "Active", "Idle", "Churned", "Archived"] {
            let count = people.iter().filter(|(_, model)| model.stage() == wanted).count();
            assert_eq!(shown["byLifecycle"][wanted], count, "{wanted} of {shown}");
        }
    }
    for (id, model) in &people {
        assert_eq!(stage(&client, *id).await, model.stage());
    }
    server.site().cli(&["doctor", "--deep"]).success();
});
