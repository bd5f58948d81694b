//! The pages of requests, for whoever has the link.

use reqwest::Method;
use serde_json::{Value, json};

use super::{asked, linked, page_of, reusable, step, url};
use crate::harness::*;
use crate::invoices::{ada, issued};
use crate::portal::browser::Browser;
use crate::support::*;

/// Lets the store take payments, at an address of the operator's.
async fn take_payments(server: &Server, at: Option<&str>) {
    let settings = json!({"general": [{"key": "paymentUrl", "value": at.unwrap_or_default()}]});
    master(server).put("/api/Paypoint/settings/demo", &settings).await.expect(200);
}

const ELSEWHERE: Option<&str> = Some("https://pay.example/{requestId}");

both!(rules_20_the_page_says_who_asks_for_what_and_to_look_changes_nothing, |db| async {
    let server = Server::start(db).await;
    take_payments(&server, ELSEWHERE).await;
    let client = server.client();
    let ada = ada(&client).await;
    let body = json!({"amount": "12.50", "description": "Deposit for the <b>workshop</b>", "collect": ["phone", "email"],
        "cancelUrl": "https://shop.example/cart"});
    let request = asked(&client, ada, &body).await;
    let before = sql::dump_without_imports(server.site());
    let mut browser = Browser::new(&server, "demo");
    let path = page_of(&request);
    let page = browser.get(&path).await.expect(200).says("12.50 USD").says("Payable until").says("<svg");
    assert!(page.text.contains("Deposit for the &#60;b&#62;workshop"), "{}", page.text);
    let page = page.says("https://shop.example/cart").says("name=\"phone\"");
    assert!(!page.text.contains("<script") && page.field("email").is_none(), "{}", page.text);
    for (name, value) in
        [("cache-control", "no-store"), ("referrer-policy", "no-referrer"), ("x-frame-options", "DENY")]
    {
        assert_eq!(page.headers[name], value);
    }
    assert!(page.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    let head = server.anonymous().send(Method::HEAD, &path, None, &[]).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    for _ in 0..3 {
        browser.get(&path).await.expect(200);
    }
    assert_eq!(sql::dump_without_imports(server.site()), before, "a look changes nothing");
    browser.headers = vec![("accept-language", "fr-CA".to_owned())];
    browser
        .get(&path)
        .await
        .expect(200)
        .says("lang=\"fr\"")
        .says("Payable jusqu’au")
        .says("vous demande un paiement");
    let french = asked(&client, ada, &json!({"amount": 1, "language": "fr"})).await;
    browser.headers = vec![("accept-language", "en".to_owned())];
    browser.get(&page_of(&french)).await.expect(200).says("lang=\"fr\"");

    let large = json!({"amount": 1234.5, "currency": "EUR", "language": "fr", "expiresAt": "2027-02-01T09:05:00Z",
        "collect": ["address"]});
    let bea = created(&client, "demo", &json!({"email": "bea@example.test", "firstname": "Bea"})).await;
    let page = browser.get(&page_of(&asked(&client, bea, &large).await)).await.expect(200);
    let page = page.says("1\u{202f}234,50 EUR").says("1er février 2027, 09:05 UTC").says(">Allemagne<");
    let place = |name: &str| page.text.find(&format!(">{name}<")).unwrap_or_else(|| panic!("{name}"));
    assert!(place("Danemark") < place("Égypte") && place("Égypte") < place("Fidji"), "accents come last");

    let link = linked(&client, ada, &json!({"methodTypes": ["card"]})).await;
    let page = browser.get(&page_of(&link)).await.expect(200).says("asks you to save a payment method");
    assert!(!page.text.contains("USD") && page.says("Save a payment method").field("amount").is_none());
});

both!(rules_20_unknown_links_and_entrypoints_answer_alike, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    new_entry(server.site(), "other", &[]);
    let request = reusable(&client, &json!({"amount": 1})).await;
    let token = url(&request).rsplit('/').next().unwrap();
    let anonymous = server.anonymous();
    let unknown = "A".repeat(43);
    let mut answers = Vec::new();
    for path in [
        format!("/pay/other/{token}"),
        format!("/pay/nowhere/{token}"),
        format!("/pay/demo/{unknown}"),
        "/pay/demo/short".to_owned(),
        "/pay/demo".to_owned(),
        "/pay".to_owned(),
    ] {
        let answer = anonymous.get(&path).await;
        assert_eq!(answer.status, 404, "{path}");
        answers.push(answer.text.clone());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    // Whoever guesses is slowed down; whoever has the link is not.
    let mut refused = 0;
    for _ in 0..80 {
        refused += usize::from(anonymous.get(&format!("/pay/demo/{unknown}")).await.status == 429);
    }
    assert!(refused > 0, "nobody is slowed down");
    anonymous.get(&format!("/pay/demo/{token}")).await.expect(200);
});

both!(rules_20_a_form_is_checked_before_anything_is_paid, |db| async {
    let server = Server::start(db).await;
    take_payments(&server, ELSEWHERE).await;
    let client = server.client();
    let body = json!({"open": {"min": 5, "max": 50}, "methodTypes": ["card", "ach"], "collect": ["address"]});
    let request = reusable(&client, &body).await;
    let path = page_of(&request);
    let mut browser = Browser::new(&server, "demo");
    let page = browser.get(&path).await.expect(200).says("Between 5.00 USD and 50.00 USD");
    for name in ["amount", "email", "fullname", "address"] {
        assert_eq!(page.field(name).as_deref(), Some(""), "{name}");
    }
    let csrf = page.csrf();
    let all = [
        ("csrf", csrf.as_str()),
        ("amount", "12,50"),
        ("methodType", "ach"),
        ("email", "bea@example.test"),
        ("fullname", "Bea Moss"),
        ("address", "1 High Street"),
        ("city", "Oakton"),
        ("country", "US"),
    ];
    let before = sql::dump_without_imports(server.site());
    for (name, value, says) in [
        ("amount", "4.99", "amount-problem"),
        ("amount", "much", "amount-problem"),
        ("email", "", "email-problem"),
        ("email", "nobody", "email-problem"),
        ("city", "", "city-problem"),
        ("fullname", "4242424242424242", "card number"),
        ("methodType", "wallet", "Choose how to pay"),
    ] {
        let mut form = all.to_vec();
        form.iter_mut().find(|(field, _)| *field == name).unwrap().1 = value;
        let page = browser.post(&path, &form).await.expect(422).says(says);
        assert!(!page.text.contains("4242424242424242"), "{}", page.text);
        if name != "amount" {
            assert_eq!(page.field("amount").as_deref(), Some("12,50"), "the form keeps what was sent");
        }
    }
    let forged = [("csrf", "x"), ("amount", "12.50")];
    browser.post(&path, &forged).await.expect(403);
    assert_eq!(sql::dump_without_imports(server.site()), before);
    // Where nobody takes the money, there is no form, and one that was sent all the same does nothing.
    take_payments(&server, None).await;
    let before = sql::dump_without_imports(server.site());
    let page = browser.get(&path).await.expect(200).says("takes no online payments yet");
    assert!(page.field("email").is_none(), "{}", page.text);
    browser.post(&path, &all).await.expect(409).says("takes no online payments yet");
    assert_eq!(sql::dump_without_imports(server.site()), before);
});

both!(rules_20_the_page_of_a_request_that_is_over_says_so, |db| async {
    let server = Server::start(db).await;
    take_payments(&server, ELSEWHERE).await;
    let client = server.client();
    let ada = ada(&client).await;
    let mut browser = Browser::new(&server, "demo");
    let gone = asked(&client, ada, &json!({"amount": 1})).await;
    let csrf = browser.get(&page_of(&gone)).await.csrf();
    step(&client, &gone, "cancel", None).await.expect(200);
    browser.get(&page_of(&gone)).await.expect(410).says("taken back");
    browser.post(&page_of(&gone), &[("csrf", &csrf)]).await.expect(410).says("taken back");
    let (invoice, _) = issued(&client, ada, json!(20)).await;
    let bill = asked(&client, ada, &json!({"invoiceId": invoice})).await;
    client.post(&format!("/api/Invoice/{invoice}/payments"), &json!({"amount": 5})).await.expect(200);
    browser.get(&page_of(&bill)).await.expect(200).says("15.00 USD");
    client.post(&format!("/api/Invoice/{invoice}/payments"), &json!({})).await.expect(200);
    browser.get(&page_of(&bill)).await.expect(200).says("Thank you");
    let (invoice, _) = issued(&client, ada, json!(20)).await;
    let void = asked(&client, ada, &json!({"invoiceId": invoice})).await;
    client.send(Method::POST, &format!("/api/Invoice/{invoice}/void"), None, &[]).await.expect(200);
    browser.get(&page_of(&void)).await.expect(410);
    let value: Value = client.get("/api/PaymentRequests/demo?status=CAN").await.expect(200).json;
    assert_eq!(value["Summary"]["totalRecords"], 1);
});
