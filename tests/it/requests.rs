//! Payment requests and links for payment methods (rules 13 and 20): made, sent, taken back, expired, erased.

mod pages;
mod pay_links;
mod paying;

use std::fmt::Write as _;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::*;
use crate::invoices::{MONEY, ada, code, issued};
use crate::support::*;

pub(crate) async fn ask(client: &Client, customer: u64, body: &Value) -> Answer {
    client.post(&format!("{}/paymentRequests", path(customer)), body).await
}

pub(crate) async fn asked(client: &Client, customer: u64, body: &Value) -> Value {
    ask(client, customer, body).await.expect(200).json["responseData"].clone()
}

pub(crate) async fn reusable(client: &Client, body: &Value) -> Value {
    client.post("/api/PaymentRequest/demo", body).await.expect(200).json["responseData"].clone()
}

pub(crate) async fn linked(client: &Client, customer: u64, body: &Value) -> Value {
    let made = client.post(&format!("{}/methodLinks", path(customer)), body).await;
    made.expect(200).json["responseData"].clone()
}

fn path_of(request: &Value) -> String {
    format!("/api/PaymentRequest/{}", request["paymentRequestId"].as_str().expect("an id"))
}

async fn read(client: &Client, request: &Value) -> Value {
    client.get(&path_of(request)).await.expect(200).json
}

async fn step(client: &Client, request: &Value, name: &str, body: Option<&Value>) -> Answer {
    client.send(Method::POST, &format!("{}/{name}", path_of(request)), body, &[]).await
}

pub(crate) fn url(request: &Value) -> &str {
    request["url"].as_str().unwrap_or_else(|| panic!("no url in {request}"))
}

/// The path of the page of a request.
pub(crate) fn page_of(request: &Value) -> String {
    let url = url(request);
    url[url.find("/pay/").expect("the page")..].to_owned()
}

fn token(request: &Value) -> &str {
    url(request).rsplit('/').next().expect("a token")
}

/// The request without its address.
fn without_url(request: &Value) -> Value {
    let mut request = request.clone();
    request.as_object_mut().expect("an object").remove("url");
    request
}

async fn mails(client: &Client, customer: u64) -> Vec<String> {
    let list =
        client.get(&format!("/api/Mail/outbox/demo?customerId={customer}&limitRecord=100")).await.expect(200);
    let records = list.json["Records"].as_array().expect("records");
    records.iter().map(|mail| mail["kind"].as_str().expect("a kind").to_owned()).collect()
}

both!(rules_20_a_payment_request_is_made_listed_sent_and_taken_back, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let body = json!({"amount": "12.50", "description": "Deposit", "methodTypes": ["card"], "expiresInDays": 30,
        "collect": ["phone", "address"], "successUrl": "https://shop.example/thanks", "language": "fr",
        "reference": "R-1"});
    let keyed = client.header("idempotencyKey", "request-1");
    let first = ask(&keyed, ada, &body).await.expect(200);
    let again = ask(&keyed, ada, &body).await.expect(200);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(first.json["responseData"], again.json["responseData"], "a repeat has the same address");
    let request = &first.json["responseData"];
    for (name, value) in [
        ("customerId", json!(ada)),
        ("status", json!("NEW")),
        ("amount", json!(12.5)),
        ("open", Value::Null),
        ("currency", json!("USD")),
        ("methodTypes", json!(["card"])),
        ("description", json!("Deposit")),
        ("collect", json!(["phone", "address"])),
        ("successUrl", json!("https://shop.example/thanks")),
        ("language", json!("fr")),
        ("reference", json!("R-1")),
        ("uses", json!(0)),
        ("maxUses", json!(1)),
        ("invoiceId", Value::Null),
        ("version", json!(1)),
    ] {
        assert_eq!(request[name], value, "{name} of {request}");
    }
    assert_eq!(token(request).len(), 43);
    assert!(url(request).contains("/pay/demo/"), "{request}");
    assert_eq!(read(&client, request).await, without_url(request), "a read has no address");
    assert_eq!(mails(&client, ada).await.len(), 0);

    // Another link, by mail; the one before ends.
    let sent = step(&client, request, "resend", None).await.expect(200).json["responseData"].clone();
    assert_ne!(url(&sent), url(request));
    assert_eq!(sent["version"], 2);
    assert_eq!(mails(&client, ada).await, ["paymentRequest"]);
    let quiet = json!({"notify": false});
    let sent = step(&client, request, "resend", Some(&quiet)).await.expect(200).json["responseData"].clone();
    assert_eq!(mails(&client, ada).await.len(), 1);
    let anonymous = server.anonymous();
    anonymous.get(&page_of(request)).await.expect(404);
    anonymous.get(&page_of(&sent)).await.expect(200);

    let cancelled = step(&client, request, "cancel", None).await.expect(200).json["responseData"].clone();
    assert_eq!((&cancelled["status"], &cancelled["version"]), (&json!("CAN"), &json!(4)));
    assert!(cancelled["url"].is_null(), "{cancelled}");
    let again = step(&client, request, "cancel", None).await.expect(200);
    assert_eq!(again.json["responseData"], cancelled, "the same again changes nothing");
    assert_eq!(code(&step(&client, request, "resend", None).await, 409), "request_cancelled");

    let told =
        asked(&client, ada, &json!({"open": {"min": 5, "max": "20"}, "currency": "EUR", "notify": true}))
            .await;
    assert_eq!((&told["open"], &told["amount"]), (&json!({"min": 5, "max": 20}), &Value::Null));
    assert_eq!(mails(&client, ada).await.len(), 2);
    let open = reusable(&client, &json!({"amount": 3, "maxUses": 10})).await;
    assert_eq!((&open["customerId"], &open["maxUses"]), (&Value::Null, &json!(10)));
    assert_eq!(reusable(&client, &json!({"open": {}})).await["maxUses"], Value::Null);
    assert_eq!(code(&step(&client, &open, "resend", Some(&json!({"notify": true}))).await, 409), "no_email");
    step(&client, &open, "resend", None).await.expect(200);
    let all = client.get("/api/PaymentRequests/demo").await.expect(200).json;
    assert_eq!(all["Summary"]["totalRecords"], 4);
    assert!(!all.to_string().contains("\"url\""), "{all}");
    for (filter, number) in [
        ("status=NEW", 3),
        ("status=can", 1),
        ("status(ne)=NEW", 1),
        ("status(in)=EXP|DON|INP", 0),
        (&*format!("customerId={ada}"), 2),
        ("createdAt(lt)=2026-01-01", 0),
        ("createdAt(ge)=2026-01-01", 4),
    ] {
        let found = client.get(&format!("/api/PaymentRequests/demo?{filter}")).await.expect(200).json;
        assert_eq!(found["Summary"]["totalRecords"], number, "{filter}");
    }
    client.get("/api/PaymentRequests/demo?status=open").await.expect_error(400);
    let own = client.get(&format!("{}/paymentRequests?limitRecord=1", path(ada))).await.expect(200).json;
    assert_eq!(own["Records"][0]["paymentRequestId"], told["paymentRequestId"]);
    let next = own["Summary"]["pageIdentifier"].as_str().unwrap();
    let next = client
        .get(&format!("{}/paymentRequests?limitRecord=1&pageIdentifier={next}", path(ada)))
        .await
        .expect(200);
    assert_eq!(next.json["Records"][0], cancelled);
    let details = client.get(&format!("{}/details", path(ada))).await.expect(200).json;
    assert_eq!(details["paymentRequests"]["Summary"]["totalRecords"], 2, "{details}");
    let events = Sql::open(server.site()).texts(sql::EVENTS);
    for kind in ["request.created", "request.sent", "request.cancelled"] {
        assert!(events.iter().any(|event| event.starts_with(kind)), "{kind} in {events:?}");
    }
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_20_a_request_of_an_invoice_asks_for_what_is_open_of_it, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let bob = created(&client, "demo", &json!({"customerNumber": "BOB-1"})).await;
    let (invoice, _) = issued(&client, ada, json!(20)).await;
    let of_invoice = asked(&client, ada, &json!({"invoiceId": invoice})).await;
    assert_eq!((&of_invoice["amount"], &of_invoice["invoiceId"]), (&json!(20), &json!(invoice)));
    let part = asked(&client, ada, &json!({"invoiceId": invoice, "amount": 5})).await;
    assert_eq!(part["amount"], 5);
    for (customer, body, status, wanted, place) in [
        (ada, json!({"invoiceId": invoice, "amount": 21}), 409, "more_than_open", "/amount"),
        (ada, json!({"invoiceId": invoice, "currency": "EUR"}), 409, "currency_mismatch", "/currency"),
        (bob, json!({"invoiceId": invoice}), 409, "unknown_invoice", "/invoiceId"),
        (ada, json!({"invoiceId": 999_999}), 409, "unknown_invoice", "/invoiceId"),
        (bob, json!({"amount": 1, "notify": true}), 409, "no_email", "/notify"),
        (ada, json!({}), 400, "required", "/amount"),
        (ada, json!({"amount": 1.001}), 400, "too_many_digits", "/amount"),
        (ada, json!({"open": {"max": 1.001}}), 400, "too_many_digits", "/open/max"),
        (ada, json!({"amount": 1, "expiresAt": "2020-01-01"}), 400, "invalid_time", "/expiresAt"),
        (ada, json!({"amount": 1, "expiresAt": "2999-01-01"}), 400, "invalid_time", "/expiresAt"),
        (ada, json!({"amount": 1, "successUrl": "http://shop.example"}), 400, "invalid_url", "/successUrl"),
        (ada, json!({"amount": 1, "description": "4242424242424242"}), 400, "raw_card_data", "/description"),
        (ada, json!({"amount": 1, "amounts": 1}), 400, "unknown_field", "/amounts"),
    ] {
        let answer = ask(&client, customer, &body).await;
        assert_eq!((code(&answer, status), places(&answer)), (wanted.to_owned(), set([place])), "{body}");
    }
    client.post(&format!("/api/Invoice/{invoice}/payments"), &json!({})).await.expect(200);
    assert_eq!(code(&ask(&client, ada, &json!({"invoiceId": invoice})).await, 409), "invoice_not_open");
    assert_eq!(client.get("/api/PaymentRequests/demo").await.json["Summary"]["totalRecords"], 2);
});

both!(rules_13_a_link_for_a_payment_method_is_made_sent_and_taken_back, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let link =
        linked(&client, ada, &json!({"completeUrl": "https://shop.example/done", "expiresInDays": 30})).await;
    assert_eq!((&link["status"], &link["methodTypes"]), (&json!("NEW"), &json!(["card", "ach", "wallet"])));
    assert_eq!(link["completeUrl"], "https://shop.example/done");
    let of = format!("{}/methodLinks/{}", path(ada), link["linkId"].as_str().unwrap());
    let list = client.get(&format!("{}/methodLinks", path(ada))).await.expect(200).json;
    assert_eq!(list["Records"], json!([without_url(&link)]));
    // It is no payment request.
    client.get(&format!("/api/PaymentRequest/{}", link["linkId"].as_str().unwrap())).await.expect_error(404);
    assert_eq!(client.get("/api/PaymentRequests/demo").await.json["Summary"]["totalRecords"], 0);
    let sent = client.send(Method::POST, &format!("{of}/resend"), None, &[]).await.expect(200);
    assert_ne!(url(&sent.json["responseData"]), url(&link));
    assert_eq!(mails(&client, ada).await, ["methodLink"]);
    let bob = created(&client, "demo", &json!({"customerNumber": "BOB-2"})).await;
    let others = format!("{}/methodLinks/{}/cancel", path(bob), link["linkId"].as_str().unwrap());
    client.send(Method::POST, &others, None, &[]).await.expect_error(404);
    let gone = client.send(Method::POST, &format!("{of}/cancel"), None, &[]).await.expect(200);
    assert_eq!(gone.json["responseData"]["status"], "CAN");
    let links = format!("{}/methodLinks", path(ada));
    assert_eq!(code(&client.post(&links, &json!({"expiresInDays": 31})).await, 400), "invalid_value");
    assert_eq!(code(&client.post(&links, &json!({"amount": 1})).await, 400), "unknown_field");
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_20_a_request_expires_by_itself, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let request = asked(&client, ada, &json!({"amount": 1})).await;
    let kept = asked(&client, ada, &json!({"amount": 2})).await;
    // An hour ago. A row that somebody changed does not open, so its document goes with it.
    let id = request["paymentRequestId"].as_str().unwrap().split('-').nth(1).unwrap().to_owned();
    Sql::open(server.site()).run(&sql::expire_request(db, &id));
    assert_eq!(read(&client, &request).await["status"], "EXP");
    for (filter, number) in
        [("status=EXP", 1), ("status=NEW", 1), ("status(ne)=EXP", 1), ("status(in)=EXP|NEW", 2)]
    {
        let found = client.get(&format!("/api/PaymentRequests/demo?{filter}")).await.expect(200).json;
        assert_eq!(found["Summary"]["totalRecords"], number, "{filter}");
    }
    assert_eq!(code(&step(&client, &request, "resend", None).await, 409), "request_expired");
    let page = server.anonymous().get(&page_of(&request)).await;
    assert_eq!(page.status, 410, "{}", page.text);
    let gone = step(&client, &request, "cancel", None).await.expect(200);
    assert_eq!(gone.json["responseData"]["status"], "CAN");
    assert_eq!(read(&client, &kept).await["status"], "NEW");
});

both!(rules_20_no_table_has_a_token_and_what_a_token_may_not_see_no_request_tells, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let keyed = client.header("idempotencyKey", "request-2");
    let body = json!({"amount": 1, "description": "call Ada", "notify": true});
    let request = asked(&keyed, ada, &body).await;
    let open = reusable(&client, &json!({"amount": 1, "description": "for all"})).await;
    let link = linked(&client, ada, &json!({})).await;
    let rows = sql::dump_without_imports(server.site());
    for made in [&request, &open, &link] {
        let mut hexadecimal = String::new();
        for byte in token(made).bytes() {
            write!(hexadecimal, "{byte:02x}").unwrap();
        }
        let holds = |row: &&String| row.contains(token(made)) || row.to_lowercase().contains(&hexadecimal);
        assert_eq!(rows.iter().find(holds), None);
    }
    let with = |scopes: &[&str]| server.anonymous().token(&token_with(server.site(), scopes));
    for scopes in [&["customers:read"][..], &["money:read"], &["money:write", "customers:read"]] {
        with(scopes).get(&path_of(&request)).await.expect_error(403);
        with(scopes).get("/api/PaymentRequests/demo").await.expect_error(403);
        ask(&with(scopes), ada, &json!({"amount": 1})).await.expect_error(403);
        step(&with(scopes), &request, "cancel", None).await.expect_error(403);
    }
    let blind = with(&["customers:read", "money:read"]);
    assert!(!read(&blind, &request).await.to_string().contains("call Ada"));
    ask(&blind, ada, &json!({"amount": 1})).await.expect_error(403);
    new_entry(server.site(), "other", &[]);
    let other = token_of(server.site(), &["--org", "1", "--entry", "other"], &MONEY);
    let outsider = server.anonymous().token(&other);
    let known = outsider.get(&path_of(&request)).await;
    let unknown = outsider.get("/api/PaymentRequest/1-00000000000000000000000987000001").await;
    known.expect_error(404);
    assert_eq!(known.json["responseText"], unknown.json["responseText"]);
    step(&outsider, &request, "cancel", None).await.expect_error(404);
    ask(&outsider, ada, &json!({"amount": 1})).await.expect_error(404);
    outsider.post("/api/PaymentRequest/demo", &json!({"amount": 1})).await.expect_error(404);

    // A rotation takes requests along; an erase takes the words, and nothing can be paid any more.
    let before = read(&client, &request).await;
    server.cli(&["keys", "rotate", "--entry", "demo"]).success();
    assert_eq!(read(&client, &request).await, before);
    assert_eq!(read(&client, &open).await["description"], "for all");
    client.delete(&format!("{}?erase=true&cancelOpen=true", path(ada))).await.expect(200);
    let kept = read(&client, &request).await;
    assert_eq!(
        (&kept["description"], &kept["status"], &kept["amount"]),
        (&Value::Null, &json!("CAN"), &json!(1))
    );
    let again = ask(&keyed, ada, &body).await.expect(200);
    assert!(again.json["responseData"]["url"].is_null(), "{}", again.text);
    assert_eq!(server.anonymous().get(&page_of(&request)).await.status, 410);
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_24_a_deleted_customer_has_no_open_request, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let request = asked(&client, ada, &json!({"amount": 1})).await;
    client.delete(&path(ada)).await.expect(200);
    assert_eq!(read(&client, &request).await["status"], "CAN");
    ask(&client, ada, &json!({"amount": 1})).await.expect_error(409);
    let mut sql = Sql::open(server.site());
    let events = sql.texts(sql::EVENTS);
    assert!(events.iter().any(|event| event.starts_with("request.cancelled")), "{events:?}");
    assert_eq!(sql.number(sql::SEQ_GAPS), 0);
});

both!(rules_18_an_order_with_a_request_is_completed_by_its_payment, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let orders = format!("{}/orders", path(ada));
    let body = json!({"lines": [{"name": "Tea", "unitPrice": 10}], "collect": "request"});
    let keyed = client.header("idempotencyKey", "order-1");
    let first = taken(&keyed, &orders, &body).await;
    assert_eq!(taken(&keyed, &orders, &body).await, first, "a repeat has the same address");
    assert_eq!((&first["status"], &first["collect"]), (&json!("pending"), &json!("request")));
    let link = first["paymentUrl"].as_str().expect("an address");
    let page = &link[link.find("/pay/").unwrap()..];
    server.anonymous().get(page).await.expect(200);
    assert_eq!(mails(&client, ada).await, ["orderConfirmation"]);
    let place = format!("/api/Order/{}", first["orderId"].as_str().unwrap());
    assert!(client.get(&place).await.json["paymentUrl"].is_null());
    let request = format!("/api/PaymentRequest/{}", first["paymentRequestId"].as_str().unwrap());
    let asked = client.get(&request).await.expect(200).json;
    for (name, value) in [
        ("status", json!("NEW")),
        ("amount", json!(10)),
        ("orderId", first["orderId"].clone()),
        ("invoiceId", first["invoiceId"].clone()),
    ] {
        assert_eq!(asked[name], value, "{name} of {asked}");
    }
    let refused = client.send(Method::POST, &format!("{request}/cancel"), None, &[]).await;
    assert_eq!(code(&refused, 409), "request_of_order");

    // Another link; the one before ends.
    let sent = client.send(Method::POST, &format!("{place}/resend"), None, &[]).await.expect(200);
    assert_ne!(sent.json["responseData"]["paymentUrl"], first["paymentUrl"]);
    server.anonymous().get(page).await.expect(404);
    assert_eq!(mails(&client, ada).await.len(), 2);

    // A part of the payment leaves the order waiting.
    let payments = format!("/api/Invoice/{}/payments", first["invoiceId"]);
    client.post(&payments, &json!({"amount": 4})).await.expect(200);
    assert_eq!(client.get(&place).await.json["status"], "pending");
    client.post(&payments, &json!({})).await.expect(200);
    assert_eq!(client.get(&place).await.json["status"], "completed");
    let paid = client.get(&request).await.json;
    assert_eq!((&paid["status"], &paid["uses"]), (&json!("DON"), &json!(1)));
    assert!(paid["lastTransId"].is_string(), "{paid}");
    let mut sent = mails(&client, ada).await;
    sent.sort_unstable();
    assert_eq!(sent, ["invoice", "orderConfirmation", "orderConfirmation"]);

    // A delivery of another system pays it too; a cancelled one asks for nothing.
    let other = taken(&client, &orders, &body).await;
    let item = json!([{"source": "shop", "externalId": "P-1", "status": "approved", "amount": 10, "customerId": ada,
        "invoiceNumber": other["invoiceNumber"]}]);
    client.post("/api/Transaction/demo", &item).await.expect(200);
    let place = format!("/api/Order/{}", other["orderId"].as_str().unwrap());
    assert_eq!(client.get(&place).await.json["status"], "completed");
    let third = taken(&client, &orders, &body).await;
    let place = format!("/api/Order/{}", third["orderId"].as_str().unwrap());
    client.send(Method::POST, &format!("{place}/cancel"), None, &[]).await.expect(200);
    let request = format!("/api/PaymentRequest/{}", third["paymentRequestId"].as_str().unwrap());
    assert_eq!(client.get(&request).await.json["status"], "CAN");
    let free = json!({"lines": [{"name": "Gift", "unitPrice": 0}], "collect": "request"});
    let gift = taken(&client, &orders, &free).await;
    assert_eq!((&gift["status"], &gift["paymentUrl"]), (&json!("completed"), &Value::Null));
    let mut sql = Sql::open(server.site());
    let events = sql.texts(sql::EVENTS);
    for kind in ["order.completed", "request.paid", "request.cancelled"] {
        assert!(events.iter().any(|event| event.starts_with(kind)), "{kind} in {events:?}");
    }
    assert_eq!(sql.number(sql::SEQ_GAPS), 0);
    // To delete the customer takes back what waits.
    let last = taken(&client, &orders, &body).await;
    client.delete(&format!("{}?erase=true&cancelOpen=true", path(ada))).await.expect(200);
    let place = format!("/api/Order/{}", last["orderId"].as_str().unwrap());
    assert_eq!(client.get(&place).await.json["status"], "cancelled");
    server.cli(&["doctor", "--deep"]).success();
});

async fn taken(client: &Client, orders: &str, body: &Value) -> Value {
    client.post(orders, body).await.expect(200).json["responseData"].clone()
}
