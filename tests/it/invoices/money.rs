//! What is paid of invoices, and what credit notes take back.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ada, code, issued, make, shown, simple, step};
use crate::harness::*;

fn sale(id: &str, number: &str, amount: f64) -> Value {
    json!({"source": "shop", "externalId": id, "operation": "sale", "status": "approved", "amount": amount,
           "currency": "USD", "invoiceNumber": number})
}

async fn send(client: &Client, items: &[Value]) {
    let answer = client.post("/api/Transaction/demo", &json!(items)).await.expect(200);
    for item in
        answer.json["items"].as_array().or(answer.json["responseData"].as_array()).into_iter().flatten()
    {
        assert_ne!(item["result"], "refused", "{}", answer.text);
    }
}

async fn stand(client: &Client, id: u64) -> (String, f64, f64, f64) {
    let one = shown(client, id).await;
    let amount = |name: &str| one[name].as_f64().unwrap();
    (
        one["state"].as_str().unwrap().to_owned(),
        amount("invoicePaidAmount"),
        amount("openAmount"),
        amount("credit"),
    )
}

fn is(state: &str, paid: f64, open: f64, credit: f64) -> (String, f64, f64, f64) {
    (state.to_owned(), paid, open, credit)
}

both!(rules_19_payments_move_an_invoice_and_refunds_move_it_back, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let (id, number) = issued(&client, ada, json!(100)).await;
    let mut first = sale("T-1", &number, 40.0);
    first["customerId"] = json!(ada);
    send(&client, &[first.clone()]).await;
    assert_eq!(stand(&client, id).await, is("partlyPaid", 40.0, 60.0, 0.0));
    send(&client, &[first.clone()]).await;
    assert_eq!(stand(&client, id).await, is("partlyPaid", 40.0, 60.0, 0.0), "twice is once");
    let mut pending = sale("T-2", &number, 60.0);
    pending["customerId"] = json!(ada);
    pending["status"] = json!("authorised");
    send(&client, &[pending.clone()]).await;
    assert_eq!(stand(&client, id).await, is("partlyPaid", 40.0, 60.0, 0.0), "no money moved yet");
    pending["status"] = json!("approved");
    send(&client, &[pending]).await;
    assert_eq!(stand(&client, id).await, is("paid", 100.0, 0.0, 0.0));
    let more = client
        .post(
            &format!("/api/Invoice/{id}/payments"),
            &json!({"amount": 5, "method": "cash", "reference": "R-1"}),
        )
        .await
        .expect(200);
    assert!(more.json["transId"].is_string());
    assert_eq!(stand(&client, id).await, is("paid", 105.0, 0.0, 5.0));
    // The reference tells a payment from others: recorded again it is the same.
    client
        .post(
            &format!("/api/Invoice/{id}/payments"),
            &json!({"amount": 5, "method": "cash", "reference": "R-1"}),
        )
        .await
        .expect(200);
    assert_eq!(stand(&client, id).await, is("paid", 105.0, 0.0, 5.0));
    let path = format!("/api/Invoice/{id}/payments");
    let same = client.post(&path, &json!({"reference": "R-1"})).await.expect(200);
    assert_eq!(same.json["transId"], more.json["transId"]);
    for other in [json!({"amount": 6, "reference": "R-1"}), json!({"method": "cheque", "reference": "R-1"})] {
        assert_eq!(code(&client.post(&path, &other).await, 409), "reference_used", "{other}");
    }
    assert_eq!(stand(&client, id).await, is("paid", 105.0, 0.0, 5.0));
    // What pays a sale back takes it back, in part and as a whole.
    let refund = |id: &str, of: &str, amount: f64| {
        json!({"source": "shop", "externalId": id, "operation": "refund", "status": "approved", "amount": amount,
               "currency": "USD", "refundOf": of})
    };
    send(&client, &[refund("R-1", "T-2", 20.0)]).await;
    assert_eq!(stand(&client, id).await, is("partlyPaid", 85.0, 15.0, 0.0));
    send(&client, &[refund("R-2", "T-2", 40.0)]).await;
    assert_eq!(stand(&client, id).await, is("partlyPaid", 45.0, 55.0, 0.0));
    // A sale of somebody else, or in another currency, pays nothing of it.
    let mut other = sale("T-3", &number, 55.0);
    other["customer"] = json!({"email": "eve@example.test"});
    let mut foreign = sale("T-4", &number, 55.0);
    foreign["customerId"] = json!(ada);
    foreign["currency"] = json!("EUR");
    send(&client, &[other, foreign]).await;
    assert_eq!(stand(&client, id).await, is("partlyPaid", 45.0, 55.0, 0.0));
    // A payment that comes unlinked counts once it is linked.
    send(&client, &[sale("T-5", &number, 55.0)]).await;
    assert_eq!(stand(&client, id).await, is("partlyPaid", 45.0, 55.0, 0.0));
    let unlinked = client
        .get("/api/Query/transactions/demo?parameters[totalAmount]=55&limitRecord=50")
        .await
        .expect(200);
    let trans = unlinked.json["Records"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["ExternalTransId"] == "T-5" || one["externalId"] == "T-5");
    let trans = trans
        .map(|one| one.get("PaymentTransId").or(one.get("transId")).unwrap().as_str().unwrap().to_owned());
    let trans = trans.unwrap_or_else(|| panic!("{}", unlinked.text));
    client.send(Method::POST, &format!("/api/Customer/link/{ada}/{trans}"), None, &[]).await.expect(200);
    assert_eq!(stand(&client, id).await, is("paid", 100.0, 0.0, 0.0));
    assert_eq!(code(&step(&client, id, "void").await, 409), "invoice_paid");
    assert_eq!(shown(&client, id).await["payments"].as_array().unwrap().len(), 3);
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_19_the_order_of_deliveries_does_not_matter, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let mut rng = seeded();
    let mut ends = std::collections::BTreeSet::new();
    for round in 0..12 {
        let (id, number) = issued(&client, ada, json!(100)).await;
        let name = |of: &str| format!("{of}-{round}");
        let with = |mut item: Value, more: &[(&str, Value)]| {
            for (key, value) in more {
                item[*key] = value.clone();
            }
            item
        };
        let a = with(
            sale(&name("A"), &number, 70.0),
            &[("customerId", json!(ada)), ("occurredAt", json!("2026-01-01T10:00:00Z"))],
        );
        let a_before = with(
            a.clone(),
            &[("status", json!("authorised")), ("occurredAt", json!("2026-01-01T09:00:00Z"))],
        );
        let b = with(
            sale(&name("B"), &number, 60.0),
            &[("customerId", json!(ada)), ("occurredAt", json!("2026-01-02T10:00:00Z"))],
        );
        let refund = json!({"source": "shop", "externalId": name("R"), "operation": "refund", "status": "approved",
            "amount": 25.0, "currency": "USD", "refundOf": name("A"), "occurredAt": "2026-01-03T10:00:00Z"});
        let back = json!({"source": "shop", "externalId": name("C"), "operation": "chargeback", "status": "approved",
            "amount": 60.0, "currency": "USD", "refundOf": name("B"), "occurredAt": "2026-01-04T10:00:00Z"});
        let mut all = vec![a.clone(), a_before, b.clone(), refund.clone(), back, a, refund, b];
        rng.shuffle(&mut all);
        while !all.is_empty() {
            let part = all.split_off(all.len() - rng.usize(1..=all.len()));
            send(&client, &part).await;
        }
        let end = stand(&client, id).await;
        ends.insert(format!("{end:?}"));
    }
    assert_eq!(ends.into_iter().collect::<Vec<_>>(), [format!("{:?}", is("partlyPaid", 45.0, 55.0, 0.0))]);
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_19_a_credit_note_corrects_and_void_takes_back, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let (id, number) = issued(&client, ada, json!(100)).await;
    let credit = async |body: Value| client.post(&format!("/api/Invoice/{id}/creditNote"), &body).await;
    let too_much = credit(json!({"items": [{"itemProductName": "Tea", "itemCost": 100.01}]})).await;
    assert_eq!(code(&too_much, 409), "more_than_invoice");
    let part = credit(json!({"items": [{"itemProductName": "Tea", "itemCost": 30}], "notes": "broken"}))
        .await
        .expect(200);
    let note = part.json["responseData"].as_u64().unwrap();
    assert!(part.json["invoiceNumber"].as_str().unwrap().starts_with("CN-"), "{}", part.text);
    assert_eq!(stand(&client, id).await, is("open", 0.0, 70.0, 0.0));
    let shown_note = shown(&client, note).await;
    assert_eq!(shown_note["corrects"], json!({"invoiceId": id, "invoiceNumber": number}));
    assert_eq!((&shown_note["kind"], &shown_note["notes"]), (&json!("creditNote"), &json!("broken")));
    assert_eq!(code(&credit(json!({})).await, 400), "required", "what is left must be named");
    assert_eq!(code(&step(&client, id, "void").await, 409), "invoice_credited");
    client.post(&format!("/api/Invoice/{id}/payments"), &json!({})).await.expect(200);
    assert_eq!(stand(&client, id).await, is("paid", 70.0, 0.0, 0.0));
    credit(json!({"items": [{"itemProductName": "Tea", "itemCost": 70}]})).await.expect(200);
    assert_eq!(stand(&client, id).await, is("paid", 70.0, 0.0, 70.0), "what was paid is owed back");
    assert_eq!(
        code(&client.post(&format!("/api/Invoice/{note}/creditNote"), &json!({})).await, 409),
        "not_an_invoice"
    );
    assert_eq!(
        code(&client.post(&format!("/api/Invoice/{note}/payments"), &json!({"amount": 1})).await, 409),
        "not_an_invoice"
    );
    let response = client.get(&format!("/api/Invoice/{note}/pdf")).await;
    assert_eq!(response.status, 200);

    let (other, _) = issued(&client, ada, json!(9)).await;
    assert_eq!(step(&client, other, "void").await.expect(200).json["state"], "cancelled");
    step(&client, other, "void").await.expect(200);
    assert_eq!(
        code(&client.post(&format!("/api/Invoice/{other}/payments"), &json!({})).await, 409),
        "invoice_cancelled"
    );
    let whole = issued(&client, ada, json!(12)).await.0;
    client.post(&format!("/api/Invoice/{whole}/creditNote"), &json!({})).await.expect(200);
    assert_eq!(stand(&client, whole).await, is("paid", 0.0, 0.0, 0.0));
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_24_a_customer_with_open_invoices_is_not_deleted, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let (open, _) = issued(&client, ada, json!(100)).await;
    let draft = make(&client, &simple(ada, &json!(1))).await;
    let path = format!("/api/Customer/{ada}");
    let refused = client.delete(&path).await;
    assert_eq!(code(&refused, 409), "has_obligations");
    assert!(refused.text.contains("1 invoice is not paid"), "{}", refused.text);
    client.delete(&format!("{path}?cancelOpen=true")).await.expect(200);
    assert_eq!(shown(&client, open).await["state"], "cancelled");
    step(&client, draft, "finalize").await.expect_error(409);
    client.delete(&format!("{path}?erase=true")).await.expect(200);
    client.get(&format!("/api/Invoice/{draft}")).await.expect_error(404);
    server.cli(&["doctor", "--deep"]).success();
});
