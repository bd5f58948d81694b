//! Whose a transaction is does not depend on the order in which a person's payments are told (rules 14).

use super::*;
use crate::support::sql::*;
use crate::support::*;

/// A delivery within a case: external id, status, minute, and further members. `%` stands for what tells runs apart.
type Told = (&'static str, &'static str, usize, &'static str);

/// Each case with what comes of it: which transactions have a customer, by external id, and the customer's stage.
const CASES: [(&str, &[Told], &[&str], &str); 11] = [
    (
        "a declined payment before the approved one",
        &[
            ("1", "declined", 1, r#"{"customer": {"email": "ada%@example.test"}}"#),
            ("2", "approved", 2, r#"{"customer": {"email": "ADA%@example.test", "lastname": "Roe"}}"#),
        ],
        &["1", "2"],
        "Active",
    ),
    (
        "an approved payment that is voided",
        &[
            ("1", "approved", 1, r#"{"customer": {"email": "ada%@example.test"}}"#),
            ("1", "voided", 2, r#"{"customer": {"email": "ada%@example.test"}}"#),
        ],
        &["1"],
        "Prospect",
    ),
    (
        "a declined payment that names less",
        &[
            ("1", "declined", 1, r#"{"customer": {"phone": "+1202555%"}}"#),
            ("2", "approved", 2, r#"{"customer": {"email": "ada%@example.test", "phone": "+1202555%"}}"#),
            ("3", "error", 3, r#"{"customer": {"email": "ada%@example.test"}}"#),
        ],
        &["1", "2", "3"],
        "Active",
    ),
    (
        "nobody is named by what confirms",
        &[
            ("1", "authorised", 1, r#"{"customer": {"email": "ada%@example.test"}}"#),
            ("1", "approved", 2, "{}"),
        ],
        &[],
        "",
    ),
    (
        "a number, and the customer with it",
        &[
            ("1", "declined", 1, r#"{"customerNumber": "N-%"}"#),
            ("2", "approved", 2, r#"{"customerNumber": "N-%"}"#),
            ("3", "approved", 3, r#"{"customer": {"customerNumber": "N-%", "email": "ada%@example.test"}}"#),
        ],
        &["1", "2", "3"],
        "Active",
    ),
    (
        "a reference, and the customer with it",
        &[
            ("1", "initiated", 1, r#"{"reference": {"system": "stripe", "externalId": "cus_%"}}"#),
            (
                "2",
                "approved",
                2,
                r#"{"customer": {"email": "ada%@example.test", "references": [{"system": "stripe", "externalId": "cus_%"}]}}"#,
            ),
            (
                "3",
                "declined",
                3,
                r#"{"customer": {"lastname": "Roe", "references": [{"system": "stripe", "externalId": "cus_%"}]}}"#,
            ),
        ],
        &["1", "2", "3"],
        "Active",
    ),
    (
        "a refund before its sale",
        &[
            ("1", "approved", 1, r#"{"customer": {"email": "ada%@example.test"}}"#),
            ("2", "approved", 2, r#"{"operation": "refund", "refundOf": "1@%", "amount": 3}"#),
            ("3", "declined", 3, r#"{"customer": {"email": "ada%@example.test"}}"#),
        ],
        &["1", "2", "3"],
        "Active",
    ),
    (
        "a refund that names somebody follows its sale",
        &[
            ("1", "approved", 1, r#"{"customer": {"email": "ada%@example.test"}}"#),
            ("2", "approved", 2, r#"{"customer": {"email": "ben%@example.test"}}"#),
            (
                "3",
                "approved",
                3,
                r#"{"operation": "refund", "refundOf": "1@%", "amount": 3, "customer": {"email": "ada%@example.test"}}"#,
            ),
            (
                "4",
                "approved",
                4,
                r#"{"operation": "chargeback", "refundOf": "9@%", "amount": 3, "customer": {"email": "ada%@example.test"}}"#,
            ),
        ],
        &["1", "2", "3"],
        "Active",
    ),
    (
        "a shared phone is not one person",
        &[
            ("1", "approved", 1, r#"{"customer": {"email": "ada%@example.test", "phone": "+1202556%"}}"#),
            ("2", "declined", 2, r#"{"customer": {"email": "ben%@example.test", "phone": "+1202556%"}}"#),
        ],
        &["1"],
        "Active",
    ),
    (
        "the later delivery tells who pays",
        &[
            ("1", "initiated", 1, r#"{"customer": {"email": "eve%@example.test"}}"#),
            ("1", "declined", 2, r#"{"customer": {"email": "ada%@example.test"}}"#),
            ("2", "approved", 3, r#"{"customer": {"email": "ada%@example.test"}}"#),
        ],
        &["1", "2"],
        "Active",
    ),
    (
        "nobody paid",
        &[
            ("1", "declined", 1, r#"{"customer": {"email": "ada%@example.test"}}"#),
            ("2", "voided", 2, r#"{"customer": {"email": "ada%@example.test"}}"#),
            ("3", "approved", 3, r#"{"operation": "credit", "customer": {"email": "ada%@example.test"}}"#),
        ],
        &[],
        "",
    ),
];

/// How many values are waited for.
const WAITING: &str = "SELECT count(*) AS value FROM transaction_payer";

/// The deliveries of one run of a case.
fn deliveries(told: &[Told], run: &str) -> Vec<Value> {
    told.iter()
        .map(|(id, status, minute, members)| {
            let members: Value = serde_json::from_str(&members.replace('%', run)).expect("members");
            let item = with(
                sale(&format!("{id}@{run}"), 10),
                json!({"status": status, "occurredAt": format!("2026-11-28T10:{minute:02}:00Z")}),
            );
            with(item, members)
        })
        .collect()
}

/// Every order of some things.
fn orders<T: Clone>(things: &[T]) -> Vec<Vec<T>> {
    let Some((first, rest)) = things.split_first() else { return vec![Vec::new()] };
    orders(rest)
        .into_iter()
        .flat_map(|order| {
            (0..=order.len()).map(move |place| {
                let mut longer = order.clone();
                longer.insert(place, first.clone());
                longer
            })
        })
        .collect()
}

fleets!(rules_14_who_is_registered_does_not_depend_on_the_order, |fleet| async {
    let mut rng = seeded();
    let clients: Vec<Client> = (0..fleet.servers.len()).map(|number| fleet.client(number)).collect();
    new_entry(fleet.site(), "shop", &["--identifier", "email", "--identifier", "phone"]);
    let route = "/api/Transaction/shop?onUnknownCustomer=create";
    let mut sql = Sql::open(fleet.site());
    for (number, (name, told, wanted, stage)) in CASES.iter().enumerate() {
        for (order, mut all) in orders(told).into_iter().enumerate() {
            // Some are told twice, and the batches may end anywhere.
            all.push(told[rng.usize(0..told.len())]);
            let run = format!("{number:02}{order:02}");
            let mut ids = std::collections::BTreeMap::new();
            let mut rest = deliveries(&all, &run);
            while !rest.is_empty() {
                let next = rest.split_off(rng.usize(1..=rest.len()));
                let client = &clients[rng.usize(0..clients.len())];
                for item in
                    client.post(route, &json!(rest)).await.expect(200).json["items"].as_array().unwrap()
                {
                    assert_ne!(item["result"], "refused", "{name}, order {order}: {item}");
                    ids.insert(item["externalId"].as_str().unwrap().to_owned(), item.clone());
                }
                rest = next;
            }
            let (mut owners, mut linked) = (std::collections::BTreeSet::new(), Vec::new());
            for (external, item) in &ids {
                let shown = shown(&clients[0], item).await;
                if let Some(owner) = shown["customerId"].as_u64() {
                    owners.insert(owner);
                    linked.push(external.split('@').next().unwrap().to_owned());
                }
            }
            let context = format!("{name}, order {all:?}");
            assert_eq!(linked, *wanted, "{context}");
            let people = if name.contains("names somebody") { 2 } else { usize::from(!wanted.is_empty()) };
            assert_eq!(owners.len(), people, "{context}");
            if let Some(owner) = owners.first() {
                assert_eq!(read(&clients[0], *owner).await.json["Lifecycle"], *stage, "{context}");
            }
        }
    }
    assert_eq!(sql.number("SELECT count(*) AS value FROM customer WHERE status = -99"), 0);
    fleet.servers[0].cli(&["doctor", "--deep"]).success();
});

both!(rules_14_a_payment_links_what_waited_by_the_name_that_it_uses, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let references = json!([{"system": "till", "externalId": "t-9"}]);
    let ways =
        [json!({"customerNumber": "N-9"}), json!({"reference": {"system": "till", "externalId": "t-9"}})];
    let mut waiting = Vec::new();
    for (number, way) in ways.iter().enumerate() {
        waiting.push(one(&client, with(sale(&format!("W-{number}"), 5), way.clone())).await);
    }
    // Whoever creates the customer links nothing at once; the next payment by the same name does.
    let body = json!({"email": "ada@example.test", "customerNumber": "N-9", "references": references});
    let ada = created(&client, "demo", &body).await;
    for (number, way) in ways.iter().enumerate() {
        assert_eq!(shown(&client, &waiting[number]).await["customerId"], Value::Null);
        one(&client, with(sale(&format!("P-{number}"), 5), way.clone())).await;
        assert_eq!(shown(&client, &waiting[number]).await["customerId"], ada, "{way}");
    }
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_14_what_waits_for_its_customer_is_sealed_rotated_and_forgotten, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let declined = |id: &str, email: &str| {
        with(
            sale(id, 5),
            json!({"status": "declined", "description": "Zebra tickets", "customer": {"email": email}}),
        )
    };
    one_as(&client, "create", declined("D-1", "ada@example.test")).await;
    let bens = one_as(&client, "create", declined("D-2", "ben@example.test")).await;
    let mut sql = Sql::open(server.site());
    assert_eq!((sql.number(WAITING), sql.number(TRANSACTION_TEXTS)), (2, 2));
    // An erase forgets what waits for the person, and nothing else.
    let ada = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    client.delete(&format!("{}?erase=true", path(ada))).await.expect(200);
    assert_eq!((sql.number(WAITING), sql.number(TRANSACTION_TEXTS)), (1, 1));
    server.cli(&["doctor", "--deep"]).success();
    // Under a new key it is found as well.
    server.cli(&["keys", "rotate", "--entry", "demo"]).success();
    server.cli(&["doctor", "--deep"]).success();
    let paid = with(sale("S-2", 5), json!({"customer": {"email": "Ben@example.test"}}));
    let ben = one_as(&client, "create", paid).await["customerId"].clone();
    assert!(ben.is_u64(), "{ben}");
    let seen = shown(&client, &bens).await;
    assert_eq!((&seen["customerId"], &seen["description"]), (&ben, &json!("Zebra tickets")));
    assert_eq!(sql.number(WAITING), 0);
    let kinds = sql.texts("SELECT kind AS value FROM event WHERE kind = 'transaction.linked'");
    assert_eq!(kinds.len(), 1);
    // What waits and cannot be found is an error that doctor finds.
    one_as(&client, "create", declined("D-3", "cy@example.test")).await;
    sql.run("DELETE FROM transaction_payer");
    let output = server.cli(&["doctor", "--deep"]);
    let said = output.stdout + &output.stderr;
    assert!(!output.status.success() && said.contains("is not found by who pays it"), "{said}");
});

both!(rules_14_a_sale_takes_two_hundred_refunds, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let refund = |number: usize| {
        with(
            sale(&format!("R-{number}"), 1),
            json!({"operation": if number.is_multiple_of(2) { "refund" } else { "chargeback" }, "refundOf": "S-1"}),
        )
    };
    let all: Vec<Value> = (0..200).map(refund).collect();
    for part in all.chunks(130) {
        let answer = record(&client, part).await;
        assert!(results(&answer).iter().all(|result| result == "created"), "{}", answer.text);
    }
    for _ in 0..2 {
        let refused = one(&client, refund(200)).await;
        assert_eq!((refused["result"].as_str(), code(&refused)), (Some("refused"), "too_many_refunds"));
        // One that is known may come again, and the sale may come.
        assert_eq!(one(&client, refund(7)).await["result"], "unchanged");
        one(&client, with(sale("S-1", 100), json!({"customer": {"email": "ada@example.test"}}))).await;
    }
    // Another sale takes its own.
    let other = with(refund(201), json!({"refundOf": "S-2"}));
    assert_eq!(one(&client, other).await["result"], "created");
    // A refund that is said to belong to another sale makes room.
    let moved = with(refund(8), json!({"refundOf": "S-3", "occurredAt": "2026-03-02T10:00:00Z"}));
    assert_eq!(one(&client, moved).await["result"], "moved");
    assert_eq!(one(&client, refund(200)).await["result"], "created");
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_14_what_links_much_is_carried_out_in_parts, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let refund_of = |sale_id: &str, number: usize| {
        let own = json!({"operation": "refund", "refundOf": sale_id, "occurredAt": "2026-03-02T10:00:00Z"});
        with(sale(&format!("{sale_id}-{number}"), 1), own)
    };
    // More than one command changes.
    let ids: Vec<String> = (0..6).map(|number| format!("S-{number}")).collect();
    for id in &ids {
        let refunds: Vec<Value> = (0..150).map(|number| refund_of(id, number)).collect();
        record(&client, &refunds).await;
    }
    let sales: Vec<Value> =
        ids.iter().map(|id| with(sale(id, 200), json!({"customerId": ada, "fee": 0}))).collect();
    let told = record(&client, &sales).await;
    assert_eq!((&told.json["created"], told.json["items"].as_array().unwrap().len()), (&json!(6), 6));
    let list = "/api/Query/transactions/demo?limitRecord=1";
    let summary = client.get(&format!("{list}&customerId={ada}")).await.expect(200).json["Summary"].clone();
    assert_eq!((&summary["totalRecords"], &summary["totalNetAmount"]), (&json!(6 * 151), &json!(6 * 50)));

    // More than one payment links.
    let bob = json!({"customer": {"email": "bob@example.test"}});
    for number in 0..60 {
        let id = format!("W-{number}");
        let mut all: Vec<Value> = (0..20).map(|number| refund_of(&id, number)).collect();
        all.push(with(sale(&id, 100), bob.clone()));
        record(&client, &all).await;
    }
    for (number, wanted) in [1 + 48 * 21, 2 + 60 * 21].into_iter().enumerate() {
        let paid = one_as(&client, "create", with(sale(&format!("P-{number}"), 1), bob.clone())).await;
        let told = client.get(&format!("{list}&customerId={}", paid["customerId"])).await.expect(200);
        assert_eq!(told.json["Summary"]["totalRecords"], wanted);
    }
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_14_strangers_who_share_a_value_do_not_keep_what_waits_from_its_payer, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    client.put("/api/Paypoint/settings/demo", &identifiers(&["email", "phone"])).await.expect(200);
    let phone = "+12025550123";
    let waits = |id: String, email: String| {
        let customer = json!({"customer": {"email": email, "phone": phone}});
        with(with(sale(&id, 1), customer), json!({"status": "declined"}))
    };
    let strangers: Vec<Value> =
        (0..250).map(|number| waits(format!("A-{number}"), format!("s{number}@example.test"))).collect();
    record(&client, &strangers).await;
    let own: Vec<Value> =
        (0..3).map(|number| waits(format!("Z-{number}"), "ada@example.test".into())).collect();
    record(&client, &own).await;
    let paid = json!({"customer": {"email": "ada@example.test", "phone": phone}});
    let paid = one_as(&client, "create", with(sale("P-1", 1), paid)).await;
    let path = format!("/api/Query/transactions/demo?customerId={}", paid["customerId"]);
    let told = client.get(&path).await.expect(200);
    assert_eq!(told.json["Summary"]["totalRecords"], 4, "{}", told.text);
});
