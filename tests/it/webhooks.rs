//! Webhooks of payment systems (rules 14): who may send them, what they become, and that they can be sent again.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

const SECRETS: &str = "/api/Paypoint/ingest/demo";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn signed(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// The header by which Stripe proves a body.
fn stripe_signature(secret: &str, at: u64, body: &str) -> String {
    format!("t={at},v1={}", hexadecimal(&signed(secret.as_bytes(), &format!("{at}.{body}"))))
}

async fn deliver(client: &Client, dialect: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = client.request(Method::POST, &format!("/api/Ingest/demo/{dialect}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request.header("Content-Type", "application/json").body(body.to_owned())).await
}

async fn secret(client: &Client, body: &Value) -> String {
    let made = client.post(SECRETS, body).await.expect(200);
    made.data()["secret"].as_str().unwrap().to_owned()
}

fn payabli(id: &str, event: &str, number: &str, amount: &str) -> String {
    json!({
        "Event": event, "transId": id, "NetAmount": amount, "Fee": "0.00", "TotalAmount": amount,
        "transTime": "5/23/2022 1:50:50 PM", "CustomerId": format!("9{number}"), "CustomerNumber": number,
        "Method": "card", "EntryPoint": "demo", "ResultCode": "1",
    })
    .to_string()
}

fn charge(id: &str, customer: &str, email: Option<&str>, amount: u64) -> Value {
    json!({
        "id": id, "object": "charge", "amount": amount, "amount_captured": amount, "captured": true,
        "created": 1_700_000_000, "currency": "usd", "customer": customer, "refunded": false, "status": "succeeded",
        "billing_details": { "name": "Ada Roe", "email": email, "phone": null, "address": { "line1": "9 Elm Row", "city": "Oakton" } },
        "payment_method_details": { "type": "card", "card": { "last4": "4242" } },
    })
}

fn event(kind: &str, object: &Value) -> String {
    json!({ "id": "evt_1", "type": kind, "created": 1_700_000_500, "data": { "object": object } }).to_string()
}

fn result(answer: &Answer) -> (&str, &Value) {
    let item = &answer.data()["items"][0];
    (item["result"].as_str().unwrap_or_else(|| panic!("{}", answer.text)), &item["customerId"])
}

both!(rules_14_webhooks_are_proved_by_secrets_of_their_entrypoint, |db| async {
    let server = Server::start(db).await;
    let (client, nobody) = (master(&server), server.anonymous());
    let body = payabli("45-1", "ApprovedPayment", "C-1", "10.00");
    deliver(&nobody, "payabli", &body, &[]).await.expect_error(401);
    let first = secret(&client, &json!({"dialect": "payabli"})).await;
    let wrong = first.replace("whsec_", "whsec-");
    for headers in [
        &[][..],
        &[("X-Webhook-Secret", &*wrong)],
        &[("X-Webhook-Secret", &first[1..])],
        &[("X-Other", &*first)],
        &[("Stripe-Signature", "t=1,v1=00")],
    ] {
        deliver(&nobody, "payabli", &body, headers).await.expect_error(401);
    }
    deliver(&nobody, "stripe", &body, &[("X-Webhook-Secret", &*first)]).await.expect_error(401);
    let elsewhere = nobody.request(Method::POST, "/api/Ingest/nowhere/payabli");
    let elsewhere = elsewhere.header("X-Webhook-Secret", &first).header("Content-Type", "application/json");
    send(elsewhere.body(body.clone())).await.expect_error(401);
    let told = deliver(&nobody, "payabli", &body, &[("X-Webhook-Secret", &*first)]).await.expect(200);
    assert_eq!(result(&told).0, "created", "{}", told.text);

    // Several secrets hold while one is changed.
    let second = json!({"dialect": "payabli", "secret": "0123456789abcdef", "header": "X-Own"});
    assert_eq!(secret(&client, &second).await, "0123456789abcdef");
    let listed = client.get(SECRETS).await.expect(200);
    let all = listed.json["Records"].as_array().unwrap();
    assert_eq!(all.iter().map(|it| it["secretId"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((&all[1]["header"], &all[0]["onUnknownCustomer"]), (&json!("x-own"), &json!("create")));
    assert!(!listed.text.contains(&first) && !listed.text.contains("0123456789abcdef"), "{}", listed.text);
    for header in [("X-Webhook-Secret", &*first), ("X-Own", "0123456789abcdef")] {
        let again = deliver(&nobody, "payabli", &body, &[header]).await.expect(200);
        assert_eq!(result(&again).0, "unchanged", "a webhook sent again changes nothing");
    }
    client.delete(&format!("{SECRETS}/1")).await.expect(200);
    client.delete(&format!("{SECRETS}/1")).await.expect_error(404);
    deliver(&nobody, "payabli", &body, &[("X-Webhook-Secret", &*first)]).await.expect_error(401);
    deliver(&nobody, "payabli", &body, &[("X-Own", "0123456789abcdef")]).await.expect(200);

    // A token sends webhooks by hand.
    let told =
        deliver(&client, "payabli", &payabli("45-2", "CardCreated", "C-1", "1"), &[]).await.expect(200);
    assert_eq!(
        (&told.json["responseText"], &told.data()["ignored"]),
        (&json!("Ignored"), &json!("CardCreated"))
    );
    let reader = server.anonymous().token(&token_with(server.site(), &["money:read"]));
    deliver(&reader, "payabli", &body, &[]).await.expect_error(403);
    reader.get(SECRETS).await.expect_error(403);

    // A new data key seals the secrets anew.
    server.cli(&["keys", "rotate", "--entry", "demo"]).success();
    deliver(&nobody, "payabli", &body, &[("X-Own", "0123456789abcdef")]).await.expect(200);
    server.cli(&["doctor", "--deep"]).success();
    assert!(!server.logs().contains("0123456789abcdef"));
});

both!(rules_14_signatures_hold_for_five_minutes, |db| async {
    let server = Server::start(db).await;
    let (client, nobody) = (master(&server), server.anonymous());
    let key = "whsec_0123456789abcdef0123456789abcdef";
    secret(&client, &json!({"dialect": "stripe", "secret": key})).await;
    let body = event("charge.succeeded", &charge("ch_1", "cus_1", Some("ada.roe@example.test"), 1_999));
    let at = now();
    for (header, status) in [
        (stripe_signature(key, at, &body), 200),
        (format!("t={at},v1=00,v1={}", hexadecimal(&signed(key.as_bytes(), &format!("{at}.{body}")))), 200),
        (stripe_signature(key, at - 290, &body), 200),
        (stripe_signature(key, at - 310, &body), 401),
        (stripe_signature(key, at + 320, &body), 401),
        (stripe_signature("whsec_other", at, &body), 401),
        (stripe_signature(key, at, &body.replace("1999", "9999")), 401),
        (format!("t={at}"), 401),
    ] {
        let told = deliver(&nobody, "stripe", &body, &[("Stripe-Signature", &header)]).await;
        assert_eq!(told.status, status, "{header}: {}", told.text);
    }

    let standard = secret(&client, &json!({"dialect": "standard", "onUnknownCustomer": "unlinked"})).await;
    let key = STANDARD.decode(standard.strip_prefix("whsec_").unwrap()).unwrap();
    let item = json!({"source": "pos", "externalId": "P-1", "status": "approved", "amount": "12.50",
        "customer": {"email": "eve@example.test"}});
    let body = json!({"type": "transaction.approved", "timestamp": "2026-03-01T10:00:00Z", "data": item})
        .to_string();
    for (message, at, status) in [("msg_1", now(), 200), ("msg_1", now() - 400, 401)] {
        let time = at.to_string();
        let tag = STANDARD.encode(signed(&key, &format!("{message}.{at}.{body}")));
        let tags = format!("v1a,xxx v1,{tag}");
        let headers = [("webhook-id", message), ("webhook-timestamp", &*time), ("webhook-signature", &*tags)];
        let told = deliver(&nobody, "standard", &body, &headers).await.expect(status);
        if status == 200 {
            assert_eq!(
                result(&told),
                ("created", &Value::Null),
                "the secret registers nobody: {}",
                told.text
            );
        }
        let other = [("webhook-id", "msg_2"), headers[1], headers[2]];
        deliver(&nobody, "standard", &body, &other).await.expect_error(401);
    }
});

both!(rules_14_a_payment_system_fills_the_list_of_customers, |db| async {
    let mut server = Server::start(db).await;
    let client = master(&server);
    let key = "whsec_0123456789abcdef0123456789abcdef";
    secret(&client, &json!({"dialect": "stripe", "secret": key})).await;
    let take = async |server: &Server, body: &str| {
        let header = stripe_signature(key, now(), body);
        deliver(&server.anonymous(), "stripe", body, &[("Stripe-Signature", &header)]).await.expect(200)
    };
    // A failed payment registers nobody.
    let mut failed = charge("ch_0", "cus_1", Some("ada.roe@example.test"), 500);
    failed["status"] = "failed".into();
    let told = take(&server, &event("charge.failed", &failed)).await;
    assert_eq!(result(&told), ("created", &Value::Null));
    assert_eq!(total(&client, "demo").await, 0);

    let first = take(
        &server,
        &event("charge.succeeded", &charge("ch_1", "cus_1", Some("ada.roe@example.test"), 1_999)),
    )
    .await;
    let (created, id) = result(&first);
    assert_eq!(created, "created");
    let id = id.as_u64().unwrap_or_else(|| panic!("{}", first.text));
    server.kill9();
    server.restart().await;
    // The second one says only what Stripe calls the payer.
    let second = take(&server, &event("charge.succeeded", &charge("ch_2", "cus_1", None, 2_500))).await;
    assert_eq!(result(&second), ("created", &json!(id)), "{}", second.text);
    assert_eq!(total(&client, "demo").await, 1);
    let intent = json!({"id": "pi_1", "amount": 2_500, "amount_received": 2_500, "currency": "usd", "created": 1_700_000_000,
        "customer": "cus_1", "latest_charge": "ch_2"});
    let told = take(&server, &event("payment_intent.succeeded", &intent)).await;
    assert_eq!(result(&told), ("unchanged", &json!(id)), "one payment is one row: {}", told.text);
    let refund = json!({"id": "re_1", "amount": 500, "charge": "ch_2", "currency": "usd", "created": 1_700_000_100, "status": "succeeded"});
    assert_eq!(result(&take(&server, &event("refund.created", &refund)).await), ("created", &json!(id)));

    let list = client.get(&format!("/api/Query/transactions/demo?customerId={id}")).await.expect(200);
    let records = list.json["Records"].as_array().unwrap();
    // The failed one found its customer once she had paid.
    assert_eq!(records.len(), 4, "{}", list.text);
    assert!(
        records
            .iter()
            .all(|it| it["splitCount"] == 0 && it["Customer"]["BillingEmail"] == "ada.roe@example.test")
    );
    let summary = &list.json["Summary"];
    assert_eq!(
        (&summary["totalRecords"], &summary["totalAmount"]),
        (&json!(4), &json!(44.99)),
        "{}",
        list.text
    );
    let record = read(&client, id).await;
    let seen = &record.json["customerSummary"];
    let seen = if seen.is_null() { &record.data()["customerSummary"] } else { seen };
    assert_eq!(
        (
            &seen["NumberofTransactions"],
            &seen["TotalAmountTransactions"],
            &seen["TotalNetAmountTransactions"]
        ),
        (&json!(2), &json!(44.99), &json!(39.99)),
        "{}",
        record.text
    );
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_14_a_webhook_that_is_wrong_is_refused_and_says_why, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    for (dialect, body, code) in [
        ("stripe", "[]".to_owned(), "invalid_json"),
        ("stripe", event("charge.succeeded", &json!({"id": "ch_1"})), "required"),
        (
            "stripe",
            event("charge.succeeded", &{
                let mut it = charge("ch_1", "cus_1", None, 100);
                it["currency"] = "zzz".into();
                it
            }),
            "invalid_item",
        ),
        ("payabli", payabli("45-1", "ApprovedPayment", "C-1", "much"), "invalid_item"),
        ("payabli", "{\"Event\":\"ApprovedPayment\"}".to_owned(), "required"),
        ("standard", "{\"type\":\"transaction\"}".to_owned(), "required"),
    ] {
        let told = deliver(&client, dialect, &body, &[]).await;
        told.expect_error(400);
        assert_eq!(told.json["errors"][0]["code"], code, "{body}: {}", told.text);
    }
    deliver(&client, "paypal", "{}", &[]).await.expect_error(404);
    // Card numbers beside a payment are left out, and the payment counts.
    let mut body: Value = serde_json::from_str(&payabli("45-1", "ApprovedPayment", "C-1", "10.00")).unwrap();
    body["OrderDescription"] = "4111111111111111".into();
    body["MaskedAccount"] = "4XXXXXXXXXXX1111".into();
    let told = deliver(&client, "payabli", &body.to_string(), &[]).await.expect(200);
    let place = format!("/api/MoneyIn/details/{}", told.data()["items"][0]["transId"].as_str().unwrap());
    let shown = client.get(&place).await.expect(200);
    assert_eq!(
        (&shown.json["maskedAccount"], &shown.json["description"]),
        (&json!("•••• 1111"), &Value::Null),
        "{}",
        shown.text
    );
});

both!(rules_10_the_id_of_a_secret_is_never_given_again, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let made = async || {
        let told = client.post(SECRETS, &json!({"dialect": "standard"})).await.expect(200);
        told.data()["secretId"].as_u64().expect("an id")
    };
    assert_eq!((made().await, made().await), (1, 2));
    for id in [2, 1] {
        client.delete(&format!("{SECRETS}/{id}")).await.expect(200);
    }
    assert_eq!((made().await, made().await), (3, 4));
    client.delete(&format!("{SECRETS}/2")).await.expect_error(404);
});

both!(rules_1_a_webhook_sent_by_hand_creates_nobody_without_the_scope, |db| async {
    let server = Server::start(db).await;
    let event = |id: &str, email: &str| {
        let data = json!({"source": "own", "externalId": id, "status": "approved", "amount": 1,
            "customer": {"email": email}});
        json!({"type": "transaction.created", "data": data})
    };
    let token = |scopes: &[&str]| server.anonymous().token(&token_with(server.site(), scopes));
    for (number, (scopes, customers)) in
        [(vec!["money:write"], 0), (vec!["money:write", "customers:write"], 1)].iter().enumerate()
    {
        let event = event(&format!("H-{number}"), "ada@example.test");
        token(scopes).post("/api/Ingest/demo/standard", &event).await.expect(200);
        assert_eq!(total(&server.client(), "demo").await, *customers, "{scopes:?}");
    }
});

both!(rules_14_a_webhook_that_would_be_lost_is_refused, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let sent = async |dialect: &str, body: String| deliver(&client, dialect, &body, &[]).await;
    // More digits than the currency has: the payment system must show it, and send it again.
    let refused = sent("payabli", payabli("45-d", "ApprovedPayment", "7", "12.001")).await;
    assert!(refused.expect_error(400).text.contains("too_many_digits"), "{}", refused.text);
    let item = json!({"source": "own", "externalId": "D-1", "status": "approved", "amount": "5.005"});
    let event = json!({"type": "transaction.created", "timestamp": "2026-11-28T10:00:00Z", "data": item});
    let refused = sent("standard", event.to_string()).await;
    assert_eq!(refused.expect_error(400).json["errors"][0]["pointer"], "/data/amount", "{}", refused.text);
    // What is about no transaction is none of ours, whatever it holds.
    for kind in ["customer.created", "v1.billing.meter.error_report_triggered"] {
        let told =
            sent("stripe", json!({"id": "evt_1", "type": kind, "related_object": null}).to_string()).await;
        assert_eq!(told.expect(200).data()["ignored"], *kind);
    }
    // Two spellings of an amount are one refund, and nobody is thanked for it.
    sent("payabli", payabli("45-e", "ApprovedPayment", "7", "9.50")).await.expect(200);
    for (amount, wanted) in [("2.50", "created"), ("2.5", "unchanged")] {
        let told = sent("payabli", payabli("45-e", "RefundedPayment", "7", amount)).await.expect(200);
        let item = &told.data()["items"][0];
        assert_eq!(item["result"], wanted, "{}", told.text);
        let receipt = format!("/api/MoneyIn/sendreceipt/{}", item["transId"].as_str().expect("an id"));
        let refused = client.post(&receipt, &json!({})).await;
        assert!(refused.expect_error(409).text.contains("not_paid"), "{}", refused.text);
    }
});
