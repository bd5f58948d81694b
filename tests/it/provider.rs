//! Charges of stored methods (rules 20): the sandbox, refunds and voids, who may, and what one sees of them.

mod faults;
pub(crate) mod http;

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

/// How long something may take that takes moments.
const PATIENCE: Duration = Duration::from_secs(20);

/// What charges need.
pub(crate) const CHARGING: [&str; 5] =
    ["money:charge", "money:write", "money:read", "customers:read", "customers:write"];

/// A client with every scope, and an entrypoint for tests with a provider.
fn till(server: &Server, provider: &str) -> Client {
    new_entry(server.site(), "till", &["--test", "--provider", provider]);
    master(server)
}

/// A new customer of the entrypoint, with a stored method.
async fn with_method(client: &Client, email: &str, method: &str) -> (u64, String) {
    let id = created(client, "till", &json!({"email": email})).await;
    let body = json!({"provider": "sandbox", "providerMethodId": method, "method": "card", "last4": "0001"});
    let made = client.post(&format!("{}/methods", path(id)), &body).await.expect(200);
    (id, made.data()["methodId"].as_str().unwrap().to_owned())
}

async fn charge(client: &Client, id: u64, body: &Value) -> Answer {
    client.post(&format!("{}/charges", path(id)), body).await
}

async fn charged(client: &Client, id: u64, amount: f64) -> Value {
    charge(client, id, &json!({"amount": amount})).await.expect(200).json["responseData"].clone()
}

async fn post(client: &Client, path: &str) -> Answer {
    client.send(Method::POST, path, None, &[]).await
}

async fn refund(client: &Client, charge: &str, amount: &str) -> Answer {
    post(client, &format!("/api/MoneyIn/refund/{charge}/{amount}")).await
}

async fn read_charge(client: &Client, id: &str) -> Value {
    client.get(&format!("/api/Charge/{id}")).await.expect(200).json
}

fn id_of(charge: &Value) -> String {
    charge["transId"].as_str().expect("an id").to_owned()
}

#[track_caller]
fn code(answer: &Answer, status: u16) -> String {
    answer.expect_error(status);
    answer.json["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
}

both!(rules_4_a_key_of_a_refund_takes_one_amount, |db| async {
    let server = Server::start(db).await;
    let client = till(&server, "sandbox");
    let (ada, _) = with_method(&client, "ada@example.test", "test-visa").await;
    let id = id_of(&charged(&client, ada, 10.0).await);
    let send = async |method: Method, amount: &str| {
        let place = format!("/api/MoneyIn/refund/{id}/{amount}");
        client.send(method, &place, None, &[("Idempotency-Key", "refund-1")]).await
    };
    send(Method::POST, "1").await.expect(200);
    // The same in another spelling, or by the GET of the SDKs, is the same.
    for (method, amount) in [(Method::POST, "1"), (Method::POST, "1.00"), (Method::GET, "1")] {
        send(method, amount).await.expect(200);
    }
    for amount in ["2", "0"] {
        send(Method::POST, amount).await.expect_error(422);
    }
    assert_eq!(read_charge(&client, &id).await["refundedAmount"], json!(1));
    // An exponent in a text is a mistake.
    charge(&client, ada, &json!({"amount": "1e3"})).await.expect_error(400);
});

both!(rules_20_the_history_of_a_customer_names_who_charged_and_paid_back, |db| async {
    let server = Server::start(db).await;
    let client = till(&server, "sandbox");
    let (ada, method) = with_method(&client, "ada@example.test", "test-visa").await;
    let clerk = server.site().new_token(&[
        "--org",
        "1",
        "--all-entries",
        "--name",
        "the clerk",
        "--scope",
        "customers:read",
        "--scope",
        "customers:write",
        "--scope",
        "pii:read",
        "--scope",
        "money:read",
        "--scope",
        "money:write",
        "--scope",
        "money:charge",
    ]);
    let clerk_jti = jti(&clerk);
    let clerk = server.anonymous().token(&clerk);
    let made = charge(&clerk, ada, &json!({"amount": 12.5, "methodId": method})).await.expect(200);
    let id = id_of(&made.json["responseData"]);
    let back = refund(&client, &id, "5").await.expect(200);
    let back = back.json["responseData"]["refundId"].as_str().map(str::to_owned);
    clerk.put(&path(ada), &json!({"city": "Oakton"})).await.expect(200);
    clerk.post(&format!("{}/comments", path(ada)), &json!({"text": "Called."})).await.expect(200);

    let history = async |client: &Client, query: &str| {
        client.get(&format!("{}/history{query}", path(ada))).await.expect(200).json
    };
    let all = history(&client, "?limitRecord=100").await;
    let entries = all["Records"].as_array().unwrap();
    let of =
        |kind: &str| -> Vec<&Value> { entries.iter().filter(|entry| entry["operation"] == kind).collect() };
    let charged = of("transaction.created");
    let mine: Vec<_> = charged.iter().filter(|entry| entry["subjectId"] == json!(id)).collect();
    assert_eq!(mine.len(), 1, "{all}");
    assert_eq!(mine[0]["token"], json!({"name": "the clerk", "jti": clerk_jti}));
    assert_eq!((&mine[0]["version"], &mine[0]["changes"]), (&Value::Null, &json!([])));
    assert_eq!(charged.len(), 2, "the charge and its refund: {all}");
    assert!(charged.iter().any(|entry| entry["token"]["name"] != "the clerk"), "{all}");
    if let Some(back) = back {
        assert!(charged.iter().any(|entry| entry["subjectId"] == json!(back)), "{back}: {all}");
    }
    assert_eq!((of("comment.created").len(), of("method.created").len(), of("updated").len()), (1, 1, 1));
    assert_eq!(all["Summary"]["totalRecords"], entries.len(), "{all}");
    // The newest first, and versions among the events.
    let times: Vec<&str> = entries.iter().map(|entry| entry["at"].as_str().unwrap()).collect();
    assert!(times.iter().rev().is_sorted(), "{times:?}");
    assert_eq!(entries.last().unwrap()["operation"], "created");
    assert_eq!(entries[0]["operation"], "comment.created");

    // Pages of any size are parts of the whole.
    for size in [1, 2, 3, 7] {
        let mut pages = Vec::new();
        for from in (0..entries.len() + size).step_by(size) {
            let page = history(&client, &format!("?fromRecord={from}&limitRecord={size}")).await;
            pages.extend(page["Records"].as_array().unwrap().clone());
        }
        assert_eq!(&pages, entries, "pages of {size}");
    }

    // Who may not read money or comments sees neither them nor how many there are.
    let short = server.site().new_token(&["--org", "1", "--all-entries", "--scope", "customers:read"]);
    let short = server.anonymous().token(&short);
    let seen = history(&short, "?limitRecord=100").await;
    let kinds: Vec<&str> = seen["Records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["operation"].as_str().unwrap())
        .collect();
    assert!(kinds.contains(&"method.created") && kinds.contains(&"updated"), "{kinds:?}");
    assert!(!kinds.iter().any(|kind| kind.starts_with("transaction.") || kind.starts_with("comment.")));
    assert_eq!(seen["Summary"]["totalRecords"], kinds.len());
    assert!(!seen.to_string().contains("transaction"), "{seen}");
});

both!(rules_20_a_stored_method_is_charged_in_the_sandbox, |db| async {
    let server = Server::start(db).await;
    let client = till(&server, "sandbox");
    let (ada, method) = with_method(&client, "ada@example.test", "test-visa").await;
    let answer = charge(
        &client,
        ada,
        &json!({"amount": 12.5, "methodId": method, "description": "Tea", "orderId": "o-1", "ipAddress": "::1"}),
    )
    .await
    .expect(200);
    assert_eq!((&answer.json["isSuccess"], &answer.json["responseText"]), (&json!(true), &json!("Success")));
    let made = &answer.json["responseData"];
    for (name, value) in [
        ("kind", json!("charge")),
        ("customerId", json!(ada)),
        ("status", json!("succeeded")),
        ("amount", json!(12.5)),
        ("currency", json!("USD")),
        ("methodId", json!(method)),
        ("description", json!("Tea")),
        ("orderId", json!("o-1")),
        ("authCode", json!("TEST")),
        ("refundableAmount", json!(12.5)),
        ("refundedAmount", json!(0)),
        ("isTest", json!(true)),
        ("isUnknown", json!(false)),
        ("isVoided", json!(false)),
    ] {
        assert_eq!(made[name], value, "{name} of {made}");
    }
    let id = id_of(made);
    assert_eq!(read_charge(&client, &id).await, *made);
    // It is a transaction of the customer under the same id.
    let paid = client.get(&format!("/api/MoneyIn/details/{id}")).await.expect(200).json;
    for (name, value) in [
        ("status", json!("approved")),
        ("Source", json!("customary")),
        ("externalId", json!(id)),
        ("customerId", json!(ada)),
        ("TotalAmount", json!(12.5)),
        ("Method", json!("card")),
        ("maskedAccount", json!("XXXX0001")),
        ("description", json!("Tea")),
        ("OrderId", json!("o-1")),
        ("isTest", json!(true)),
    ] {
        assert_eq!(paid[name], value, "{name} of {paid}");
    }
    assert_eq!(client.get(&path(ada)).await.expect(200).json["Lifecycle"], "Active");
    // Nobody else tells anything of it.
    let told = json!([{"source": "customary", "externalId": id, "status": "voided", "amount": 12.5}]);
    let told = client.post("/api/Transaction/till", &told).await.expect(200);
    assert!(told.text.contains("charged_here"), "{}", told.text);
    assert_eq!(read_charge(&client, &id).await, *made);

    // Declines say why, and the method shows it.
    for (token, why, shown) in [
        ("test-declined", "declined", "Active"),
        ("test-insufficient", "insufficient_funds", "Insufficient funds"),
        ("test-expired", "expired_card", "Invalid"),
        ("pm_of_somebody", "invalid_card", "Invalid"),
    ] {
        let (bob, _) = with_method(&client, &format!("{why}@example.test"), token).await;
        let answer = charge(&client, bob, &json!({"amount": 1})).await.expect(200);
        assert_eq!(
            (&answer.json["isSuccess"], &answer.json["responseText"]),
            (&json!(false), &json!("Declined"))
        );
        let made = &answer.json["responseData"];
        assert_eq!((&made["status"], &made["declineCode"]), (&json!("declined"), &json!(why)));
        assert!(made["message"].is_string());
        let paid = client.get(&format!("/api/MoneyIn/details/{}", id_of(made))).await.expect(200).json;
        assert_eq!(paid["status"], "declined");
        let methods = client.get(&format!("{}/methods", path(bob))).await.expect(200).json;
        assert_eq!(methods["Records"][0]["status"], shown, "{token}");
        assert_eq!(code(&refund(&client, &id_of(made), "0").await, 409), "charge_declined");
    }
    // A charge may take a while.
    let (eve, _) = with_method(&client, "eve@example.test", "test-pending").await;
    let answer = charge(&client, eve, &json!({"amount": 3})).await.expect(200);
    let slow = id_of(&answer.json["responseData"]);
    wait_until("the slow charge is through", PATIENCE, async || {
        read_charge(&client, &slow).await["status"] == "succeeded"
    })
    .await;
});

both!(rules_20_a_key_charges_once_and_a_charge_needs_its_rights, |db| async {
    let server = Server::start(db).await;
    let client = till(&server, "sandbox");
    let (ada, method) = with_method(&client, "ada@example.test", "test-visa").await;
    let url = format!("{}/charges", path(ada));
    let key = [("Idempotency-Key", "c-1")];
    let body = json!({"amount": 5});
    let all = join_all((0..8).map(|_| client.send(Method::POST, &url, Some(&body), &key))).await;
    let ids: std::collections::BTreeSet<String> =
        all.into_iter().map(|answer| id_of(&answer.expect(200).json["responseData"])).collect();
    assert_eq!(ids.len(), 1);
    client.send(Method::POST, &url, Some(&json!({"amount": 6})), &key).await.expect_error(422);
    let again = client.send(Method::POST, &url, Some(&body), &key).await.expect(200);
    assert!(again.replayed());

    // Every right is needed, and none is told apart from what is not there.
    for lacking in CHARGING.iter().take(4) {
        let scopes: Vec<&str> = CHARGING.iter().copied().filter(|scope| scope != lacking).collect();
        let token = server.anonymous().token(&token_with(server.site(), &scopes));
        let id = ids.first().unwrap();
        for answer in [
            charge(&token, ada, &body).await,
            refund(&token, id, "1").await,
            post(&token, &format!("/api/MoneyIn/void/{id}")).await,
            client_get_paid(&token, &method, 1.0).await,
        ] {
            answer.expect_error(403);
            assert!(answer.text.contains(lacking), "{}", answer.text);
        }
    }
    let wrong = json!({"amount": -1, "currency": "XXX", "methodId": 5, "ipAddress": "here", "card": "1"});
    let answer = charge(&client, ada, &wrong).await;
    answer.expect_error(400);
    assert_eq!(places(&answer), set(["/amount", "/currency", "/methodId", "/ipAddress", "/card"]));
    for (body, place, code) in [
        (json!({}), "/amount", "required"),
        (json!({"amount": 0}), "/amount", "invalid_amount"),
        (json!({"amount": 1.005}), "/amount", "too_many_digits"),
    ] {
        let answer = charge(&client, ada, &body).await;
        answer.expect_error(400);
        assert_eq!(answer.json["errors"][0]["pointer"], place);
        assert_eq!(answer.json["errors"][0]["code"], code);
    }
    let none = created(&client, "till", &json!({"email": "none@example.test"})).await;
    assert_eq!(code(&charge(&client, none, &body).await, 409), "no_method");
    let (_, other) = with_method(&client, "other@example.test", "test-visa").await;
    let answer = charge(&client, ada, &json!({"amount": 1, "methodId": other})).await;
    assert_eq!(code(&answer, 409), "unknown_method");
    // An entrypoint without a provider says what to set.
    let demo = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    assert_eq!(code(&charge(&client, demo, &body).await, 409), "no_provider");
    let answer = client
        .put("/api/Paypoint/settings/demo", &json!({"general": [{"key": "provider", "value": "sandbox"}]}))
        .await;
    assert_eq!(code(&answer, 409), "no_test_entrypoint");
    server
        .cli(&["entrypoint", "create", "live", "--org", "1", "--provider", "sandbox"])
        .status
        .success()
        .then(|| panic!("the sandbox is where money is real"));
    let http = json!({"general": [{"key": "provider", "value": "http"}]});
    client.put("/api/Paypoint/settings/demo", &http).await.expect(200);
    assert_eq!(code(&charge(&client, demo, &body).await, 409), "no_provider");
});

async fn client_get_paid(client: &Client, method: &str, amount: f64) -> Answer {
    let body = json!({"entryPoint": "till", "paymentDetails": {"totalAmount": amount},
        "paymentMethod": {"method": "card", "storedMethodId": method, "initiator": "merchant"},
        "customerData": {"customerId": 1}, "orderDescription": "Tea", "ipaddress": "10.0.0.1"});
    client.post("/api/MoneyIn/getpaid", &body).await
}

both!(rules_20_payablis_routes_charge_refund_and_void, |db| async {
    let server = Server::start(db).await;
    let client = till(&server, "sandbox");
    let (ada, method) = with_method(&client, "ada@example.test", "test-visa").await;
    let paid = client_get_paid(&client, &method, 20.0).await.expect(200);
    let data = paid.data();
    assert_eq!((&data["resultCode"], &data["resultText"]), (&json!(1), &json!("Approved")));
    assert_eq!((&data["customerId"], &data["methodReferenceId"]), (&json!(ada), &json!(method)));
    let id = data["referenceId"].as_str().unwrap().to_owned();
    // GET writes too, unless a browser only looks ahead.
    let back = client.get(&format!("/api/MoneyIn/refund/{id}/5.5")).await.expect(200);
    let refunded = back.data()["referenceId"].as_str().unwrap().to_owned();
    assert_ne!(refunded, id);
    let transaction = client.get(&format!("/api/MoneyIn/details/{refunded}")).await.expect(200).json;
    assert_eq!((&transaction["Operation"], &transaction["refundOf"]), (&json!("refund"), &json!(id)));
    let ahead = client.header("Sec-Purpose", "prefetch").get(&format!("/api/MoneyIn/refund/{id}/1")).await;
    ahead.expect_error(400);
    client.send(Method::HEAD, &format!("/api/MoneyIn/refund/{id}/1"), None, &[]).await;
    client.send(Method::HEAD, &format!("/api/MoneyIn/void/{id}"), None, &[]).await;
    let now = read_charge(&client, &id).await;
    assert_eq!((&now["refundedAmount"], &now["refundableAmount"]), (&json!(5.5), &json!(14.5)));
    assert_eq!(code(&refund(&client, &id, "14.51").await, 409), "amount_too_high");
    assert_eq!(code(&refund(&client, &id, "14.555").await, 400), "too_many_digits");
    assert_eq!(code(&refund(&client, &id, "-1").await, 400), "invalid_amount");
    assert_eq!(code(&refund(&client, &id, "all").await, 400), "invalid_amount");
    assert_eq!(code(&post(&client, &format!("/api/MoneyIn/void/{id}")).await, 409), "already_refunded");
    refund(&client, &id, "0").await.expect(200);
    assert_eq!(code(&refund(&client, &id, "0").await, 409), "already_refunded");
    let totals = client.get(&path(ada)).await.expect(200).json["customerSummary"].clone();
    assert_eq!(totals["TotalNetAmountTransactions"], 0, "{totals}");

    // A void takes all of it back, once.
    let other = id_of(&charged(&client, ada, 7.0).await);
    let void = client.get(&format!("/api/MoneyIn/void/{other}")).await.expect(200);
    assert_eq!((&void.json["responseCode"], &void.data()["referenceId"]), (&json!(1), &json!(other)));
    let again = post(&client, &format!("/api/MoneyIn/void/{other}")).await.expect(200);
    assert_eq!(again.data(), void.data());
    assert_eq!(code(&refund(&client, &other, "1").await, 409), "already_voided");
    assert_eq!(read_charge(&client, &other).await["isVoided"], true);
    let transaction = client.get(&format!("/api/MoneyIn/details/{other}")).await.expect(200).json;
    assert_eq!(transaction["status"], "voided");
    // Each call is an event with who asked for it.
    let asked = Sql::open(server.site()).texts(&format!(
        "SELECT kind || ' ' || actor_name AS value FROM event WHERE subject_id = '{other}' ORDER BY seq"
    ));
    assert_eq!(asked.len(), 4, "{asked:?}");
    assert!(asked[0].starts_with("transaction.created") && !asked[0].ends_with("customary"), "{asked:?}");
    assert_eq!(asked[1], "transaction.updated customary");
    assert!(
        asked[2].starts_with("transaction.voidRequested") && !asked[2].ends_with("customary"),
        "{asked:?}"
    );
    assert_eq!(asked[3], "transaction.updated customary");

    // What was not charged here is not paid back here.
    let sent = json!([{"source": "stripe", "externalId": "ch_1", "status": "approved", "amount": 3, "customerId": ada}]);
    let sent = client.post("/api/Transaction/till", &sent).await.expect(200);
    let foreign =
        sent.json["items"][0]["transId"].as_str().unwrap_or_else(|| panic!("{}", sent.text)).to_owned();
    assert_eq!(code(&refund(&client, &foreign, "1").await, 409), "not_charged_here");
    refund(&client, &id.replace('a', "b"), "1").await.expect_error(404);
    refund(&client, "1-0", "1").await.expect_error(404);
    // Methods that are nobody's, or of another entrypoint, answer alike.
    for method in ["nothing", "1-000000000000000000000000000000ff"] {
        assert_eq!(code(&client_get_paid(&client, method, 1.0).await, 409), "unknown_method");
    }
    let body = json!({"entryPoint": "till", "paymentDetails": {"totalAmount": 1}, "paymentMethod": {"method": "card"}});
    let answer = client.post("/api/MoneyIn/getpaid", &body).await;
    answer.expect_error(400);
    assert_eq!(places(&answer), set(["/paymentMethod/storedMethodId"]));
});

both!(rules_20_refunds_never_exceed_what_was_paid_also_in_parallel, |db| async {
    let server = Server::start(db).await;
    let client = till(&server, "sandbox");
    let (ada, _) = with_method(&client, "ada@example.test", "test-visa").await;
    for amounts in [vec!["3"; 12], vec!["0"; 6], vec!["7", "2.5", "0", "4", "1", "10", "9.99"]] {
        let id = id_of(&charged(&client, ada, 10.0).await);
        let all = join_all(amounts.iter().map(|amount| refund(&client, &id, amount))).await;
        let done = all.iter().filter(|answer| answer.status == 200).count();
        assert!(done > 0);
        for refused in all.iter().filter(|answer| answer.status != 200) {
            let code = code(refused, 409);
            assert!(code == "amount_too_high" || code == "already_refunded", "{code}");
        }
        let now = read_charge(&client, &id).await;
        let number = |name: &str| now[name].as_f64().unwrap();
        assert!(number("refundedAmount") <= 10.0, "{now}");
        assert!((number("refundedAmount") + number("refundableAmount") - 10.0).abs() < 1e-9, "{now}");
        let transaction = client.get(&format!("/api/MoneyIn/details/{id}")).await.expect(200).json;
        assert_eq!(transaction["refundedAmount"], now["refundedAmount"]);
        assert_eq!(transaction["overRefunded"], false);
    }
    // A void and refunds: either, never both.
    for _ in 0..5 {
        let id = id_of(&charged(&client, ada, 10.0).await);
        let url = format!("/api/MoneyIn/void/{id}");
        let (void, back) = tokio::join!(post(&client, &url), refund(&client, &id, "4"));
        assert_ne!(void.status == 200, back.status == 200, "{} {}", void.text, back.text);
    }
});

both!(rules_20_a_charge_pays_an_invoice, |db| async {
    let server = Server::start(db).await;
    let client = till(&server, "sandbox");
    let (ada, _) = with_method(&client, "ada@example.test", "test-visa").await;
    let bill = json!({"customerData": {"customerId": ada}, "invoiceData": {"invoiceStatus": 1,
        "items": [{"itemProductName": "Tea", "itemCost": 30, "itemQty": 1}]}});
    let bill = client.post("/api/Invoice/till", &bill).await.expect(200).data().clone();
    let invoice = bill.as_u64().or(bill["invoiceId"].as_u64()).unwrap_or_else(|| panic!("{bill}"));
    let body = json!({"invoiceId": invoice, "amount": 30.01});
    assert_eq!(code(&charge(&client, ada, &body).await, 409), "amount_too_high");
    let body = json!({"invoiceId": invoice, "currency": "EUR"});
    assert_eq!(code(&charge(&client, ada, &body).await, 409), "currency_mismatch");
    charge(&client, ada, &json!({"invoiceId": invoice, "amount": 10})).await.expect(200);
    let state = async || client.get(&format!("/api/Invoice/{invoice}")).await.expect(200).json;
    assert_eq!(state().await["state"], "partlyPaid");
    let rest = charge(&client, ada, &json!({"invoiceId": invoice})).await.expect(200);
    let rest = rest.json["responseData"].clone();
    assert_eq!(rest["amount"], 20);
    assert_eq!(rest["invoiceNumber"], state().await["invoiceNumber"]);
    assert_eq!(state().await["state"], "paid");
    assert_eq!(code(&charge(&client, ada, &json!({"invoiceId": invoice})).await, 409), "invoice_not_open");
    // Payabli's way to name it is no way around that.
    let by_number = async |amount: f64| {
        let body = json!({"entryPoint": "till", "paymentDetails": {"totalAmount": amount},
            "paymentMethod": {"method": "card", "storedMethodId": rest["methodId"]},
            "invoiceData": {"invoiceNumber": rest["invoiceNumber"]}});
        client.post("/api/MoneyIn/getpaid", &body).await
    };
    assert_eq!(code(&by_number(1.0).await, 409), "invoice_not_open");
    refund(&client, &id_of(&rest), "5").await.expect(200);
    assert_eq!(code(&by_number(5.01).await, 409), "amount_too_high");
    let many = join_all((0..6).map(|_| by_number(5.0))).await;
    assert_eq!(many.iter().filter(|answer| answer.status == 200).count(), 1, "paid twice");
    assert_eq!(state().await["state"], "paid");
    let last = many.iter().find(|answer| answer.status == 200).unwrap();
    refund(&client, last.data()["referenceId"].as_str().unwrap(), "0").await.expect(200);
    let after = state().await;
    assert_eq!((&after["state"], &after["invoicePaidAmount"]), (&json!("partlyPaid"), &json!(25)));
    let (bob, _) = with_method(&client, "bob@example.test", "test-visa").await;
    assert_eq!(code(&charge(&client, bob, &json!({"invoiceId": invoice})).await, 409), "unknown_invoice");
});

both!(rules_20_play_money_is_in_no_total_beside_money, |db| async {
    let server = Server::start(db).await;
    let client = till(&server, "sandbox");
    let (ada, _) = with_method(&client, "ada@example.test", "test-visa").await;
    charged(&client, ada, 4.0).await;
    let live = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let sent =
        json!([{"source": "shop", "externalId": "1", "status": "approved", "amount": 3, "customerId": live}]);
    client.post("/api/Transaction/demo", &sent).await.expect(200);
    let all = client.get("/api/Query/transactions/org/1").await.expect(200).json;
    assert_eq!(
        (&all["Summary"]["totalRecords"], &all["Summary"]["totalAmount"]),
        (&json!(1), &json!(3)),
        "{all}"
    );
    let own = client.get("/api/Query/transactions/till").await.expect(200).json;
    assert_eq!((&own["Summary"]["totalRecords"], &own["Records"][0]["isTest"]), (&json!(1), &json!(true)));
    let list = client.get("/api/Paypoint").await.expect(200).json;
    let till = list["Records"].as_array().unwrap().iter().find(|one| one["entry"] == "till").unwrap();
    assert_eq!((&till["isTest"], &till["provider"]), (&json!(true), &json!("sandbox")));
    // It stays what it is.
    let settings = json!({"general": [{"key": "isTest", "value": "false"}]});
    client.put("/api/Paypoint/settings/till", &settings).await.expect(200);
    let settings = client.get("/api/Paypoint/settings/till").await.expect(200).text;
    assert!(settings.contains(r#""key":"isTest","readOnly":true,"value":"true""#), "{settings}");
});

both!(rules_20_an_erase_takes_what_was_charged_and_leaves_that_money_moved, |db| async {
    let server = Server::start(db).await;
    let client = till(&server, "sandbox");
    let (ada, method) = with_method(&client, "ada@example.test", "test-visa").await;
    let body = json!({"amount": 9, "description": "Secret tea", "ipAddress": "203.0.113.9"});
    let made = charge(&client, ada, &body).await.expect(200).json["responseData"].clone();
    let id = id_of(&made);
    let masked = server.anonymous().token(&token_with(server.site(), &["money:read", "customers:read"]));
    let seen = masked.get(&format!("/api/Charge/{id}")).await.expect(200);
    assert!(!seen.text.contains("Secret"), "{}", seen.text);
    client.send(Method::DELETE, &format!("{}?erase=true", path(ada)), None, &[]).await.expect(200);
    let left = read_charge(&client, &id).await;
    for (name, value) in [
        ("status", json!("succeeded")),
        ("amount", json!(9)),
        ("description", Value::Null),
        ("methodId", Value::Null),
    ] {
        assert_eq!(left[name], value, "{name} of {left}");
    }
    // What was paid can still go back.
    let back = refund(&client, &id, "2").await;
    back.expect(200);
    assert_eq!(read_charge(&client, &id).await["refundedAmount"], 2);
    let dump = Sql::open(server.site()).texts("SELECT kind || '' AS value FROM event");
    assert!(!dump.iter().any(|line| line.contains(&method)));
    let doctor = server.cli(&["doctor", "--deep"]).success();
    assert!(doctor.contains("provider calls"), "{doctor}");
});

both!(rules_20_calls_turn_with_the_key, |db| async {
    let server = Server::start(db).await;
    let client = till(&server, "sandbox");
    let mut all = Vec::new();
    for number in 0..20 {
        let (id, _) = with_method(&client, &format!("c{number}@example.test"), "test-visa").await;
        all.push(charged(&client, id, 1.0 + f64::from(number)).await);
    }
    server.cli(&["keys", "rotate", "--entry", "till"]).success();
    wait_until("the rotation is over", PATIENCE, async || {
        !server.cli(&["keys", "list"]).success().contains("rotating")
    })
    .await;
    for made in &all {
        assert_eq!(read_charge(&client, &id_of(made)).await, *made);
    }
    refund(&client, &id_of(&all[3]), "0").await.expect(200);
    server.cli(&["doctor", "--deep"]).success();
});
