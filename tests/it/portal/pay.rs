//! Payment methods and payments in the portal (rules 13 and 20): of the signed-in customer alone.

use std::time::Duration;

use reqwest::Method;

use super::*;
use crate::invoices::simple;
use crate::requests::{asked, page_of};

const PATIENCE: Duration = Duration::from_secs(20);

/// A client with every scope, and an entrypoint for tests with the sandbox, whose customer Ada can sign in.
async fn till(server: &Server) -> (Client, u64) {
    new_entry(server.site(), "till", &["--test", "--provider", "sandbox"]);
    let client = master(server);
    let ada = account(&client, "till").await;
    (client, ada)
}

async fn account(client: &Client, entry: &str) -> u64 {
    let body =
        json!({"email": EMAIL, "customerUsername": "ada", "customerPsw": PASSWORD, "fullname": "Ada Roe"});
    created(client, entry, &body).await
}

async fn signed_in(server: &Server, entry: &str) -> (Browser, String) {
    let mut browser = Browser::new(server, entry);
    browser.sign_in("ada", PASSWORD).await.expect(303);
    let page = browser.page("/record");
    let csrf = browser.get(&page).await.expect(200).csrf();
    (browser, csrf)
}

async fn press(browser: &mut Browser, csrf: &str, page: &str) -> Page {
    let page = browser.page(page);
    browser.post(&page, &[("csrf", csrf)]).await
}

/// Presses a button that leads to the page of a link; its path.
async fn link_after(browser: &mut Browser, csrf: &str, page: &str) -> String {
    let link = press(browser, csrf, page).await.location().to_owned();
    assert!(link.starts_with(&format!("/pay/{}/", browser.entry)), "{link}");
    link
}

/// Answers the page of a link by a test method; the page that tells the outcome.
async fn answer(browser: &mut Browser, link: &str, method: &str) -> Page {
    let next = browser.submit(link, &[("methodType", method)]).await.location().to_owned();
    assert!(next.starts_with(link), "{next}");
    browser.get(&next).await.expect(200)
}

/// The stored methods by their last four digits, each with whether it is the default.
async fn methods(client: &Client, id: u64) -> Vec<(String, bool)> {
    let list = client.get(&format!("{}/methods", path(id))).await.expect(200).json;
    let one = |method: &Value| {
        (method["last4"].as_str().unwrap().to_owned(), method["isDefault"].as_bool().unwrap())
    };
    let mut all: Vec<_> = list["Records"].as_array().unwrap().iter().map(one).collect();
    all.sort();
    all
}

async fn id_of(client: &Client, customer: u64, last4: &str) -> String {
    let list = client.get(&format!("{}/methods", path(customer))).await.expect(200).json;
    let found = list["Records"].as_array().unwrap().iter().find(|method| method["last4"] == last4);
    found.unwrap_or_else(|| panic!("{list}"))["methodId"].as_str().unwrap().to_owned()
}

async fn count(client: &Client, customer: u64, list: &str) -> Value {
    let list = client.get(&format!("{}/{list}", path(customer))).await.expect(200).json;
    list["Summary"]["totalRecords"].clone()
}

async fn issued(client: &Client, entry: &str, customer: u64, cost: f64) -> (u64, String) {
    let mut body = simple(customer, &json!(cost));
    body["invoiceData"]["invoiceStatus"] = json!(1);
    let made = client.post(&format!("/api/Invoice/{entry}"), &body).await.expect(200).json;
    (made["responseData"].as_u64().unwrap(), made["invoiceNumber"].as_str().unwrap().to_owned())
}

fn pair(last4: &str, is_default: bool) -> (String, bool) {
    (last4.to_owned(), is_default)
}

both!(rules_20_a_customer_adds_replaces_and_removes_its_payment_methods, |db| async {
    let server = start(db).await;
    let (client, ada) = till(&server).await;
    let (mut browser, csrf) = signed_in(&server, "till").await;
    let before = sql::dump_without_imports(server.site());
    let page = browser.get("/portal/till/record").await.expect(200);
    page.says("No payment method is stored").says("/portal/till/methods");
    let page = browser.get("/portal/till/methods").await.expect(200);
    page.says("No payment method is stored").says("Add a payment method");
    browser.get("/portal/till/methods/add").await.expect(404);
    press(&mut browser, "forged", "/methods/add").await.expect(403);
    assert_eq!(sql::dump_without_imports(server.site()), before, "a look changes nothing");

    // Who presses again gets the same request, with a new link.
    let first = link_after(&mut browser, &csrf, "/methods/add").await;
    let link = link_after(&mut browser, &csrf, "/methods/add").await;
    browser.get(&first).await.expect(404);
    assert_eq!(count(&client, ada, "methodLinks").await, 1);
    browser.get(&link).await.expect(200).says("For your payments to").says("Save a payment method");
    let page = answer(&mut browser, &link, "test-visa").await;
    page.says("Your payment method is saved").says(&format!("{}/portal/till/methods\"", server.base()));
    assert_eq!(methods(&client, ada).await, [pair("0001", true)]);
    let link = link_after(&mut browser, &csrf, "/methods/add").await;
    answer(&mut browser, &link, "test-mastercard").await;
    assert_eq!(methods(&client, ada).await, [pair("0001", true), pair("0002", false)]);

    // The new one comes in the place of the old one.
    let visa = id_of(&client, ada, "0001").await;
    let link = link_after(&mut browser, &csrf, &format!("/methods/{visa}/replace")).await;
    browser.get(&link).await.expect(200).says("In place of Visa •••• 0001");
    answer(&mut browser, &link, "test-ach").await;
    assert_eq!(methods(&client, ada).await, [pair("0002", false), pair("0003", true)]);
    press(&mut browser, &csrf, &format!("/methods/{visa}/remove")).await.expect(404);

    // The default goes last.
    let (ach, card) = (id_of(&client, ada, "0003").await, id_of(&client, ada, "0002").await);
    let page = browser.get("/portal/till/methods").await.expect(200).says("Used first").says("Bank account");
    let page = page.says("Mastercard •••• 0002").says("12/2090").says("once you use another one first");
    assert!(!page.text.contains("test-") && !page.text.contains(&format!("{ach}/remove")), "{}", page.text);
    let refused = press(&mut browser, &csrf, &format!("/methods/{ach}/remove")).await.expect(409);
    refused.says("once you use another one first").says(&format!("{card}/first"));
    let done = press(&mut browser, &csrf, &format!("/methods/{card}/first")).await.location().to_owned();
    browser.get(&done).await.expect(200).says("used first from now on");
    assert_eq!(methods(&client, ada).await, [pair("0002", true), pair("0003", false)]);
    press(&mut browser, "forged", &format!("/methods/{ach}/remove")).await.expect(403);
    let done = press(&mut browser, &csrf, &format!("/methods/{ach}/remove")).await.location().to_owned();
    browser.get(&done).await.expect(200).says("The payment method is removed");
    press(&mut browser, &csrf, &format!("/methods/{card}/remove")).await.expect(303);
    assert_eq!(methods(&client, ada).await, []);
    let actors = Sql::open(server.site())
        .texts("SELECT DISTINCT actor_name AS value FROM event WHERE kind = 'method.deleted'");
    assert!(actors.contains(&"portal".to_owned()), "{actors:?}");
});

both!(rules_20_there_is_room_for_so_many_methods, |db| async {
    let server = start(db).await;
    let (client, ada) = till(&server).await;
    let settings = json!({"general": [{"key": "maxMethods", "value": "1"}]});
    client.put("/api/Paypoint/settings/till", &settings).await.expect(200);
    let (mut browser, csrf) = signed_in(&server, "till").await;
    let link = link_after(&mut browser, &csrf, "/methods/add").await;
    answer(&mut browser, &link, "test-visa").await;
    let page = browser.get("/portal/till/methods").await.expect(200).says("No more payment methods");
    assert!(!page.text.contains("/methods/add"), "{}", page.text);
    assert_eq!(press(&mut browser, &csrf, "/methods/add").await.location(), "/portal/till/methods");
    // The one that is replaced makes room.
    let visa = id_of(&client, ada, "0001").await;
    let link = link_after(&mut browser, &csrf, &format!("/methods/{visa}/replace")).await;
    answer(&mut browser, &link, "test-mastercard").await;
    assert_eq!(methods(&client, ada).await, [pair("0002", true)]);
});

both!(rules_20_a_customer_pays_an_open_invoice_in_the_portal, |db| async {
    let server = start(db).await;
    let (client, ada) = till(&server).await;
    let bob = created(&client, "till", &json!({"email": "bob@example.test"})).await;
    let (own, number) = issued(&client, "till", ada, 20.0).await;
    let (foreign, _) = issued(&client, "till", bob, 30.0).await;
    let draft = client.post("/api/Invoice/till", &simple(ada, &json!(5))).await.expect(200).json;
    let (mut browser, csrf) = signed_in(&server, "till").await;
    let pay = format!("/invoices/{own}/pay");
    let before = sql::dump_without_imports(server.site());
    for page in ["record", "invoices"] {
        let page = browser.get(&format!("/portal/till/{page}")).await.expect(200);
        page.says(&pay).says(&format!("aria-label=\"Pay {number}\""));
    }
    browser.get(&format!("/portal/till{pay}")).await.expect(404);
    press(&mut browser, "forged", &pay).await.expect(403);
    for id in [json!(foreign), json!(999_999), draft["responseData"].clone(), json!("x")] {
        press(&mut browser, &csrf, &format!("/invoices/{id}/pay")).await.expect(404);
    }
    assert_eq!(sql::dump_without_imports(server.site()), before, "a look changes nothing");
    let first = link_after(&mut browser, &csrf, &pay).await;
    let link = link_after(&mut browser, &csrf, &pay).await;
    browser.get(&first).await.expect(404);
    assert_eq!(count(&client, ada, "paymentRequests").await, 1, "no pile of requests");
    let page = browser.get(&link).await.expect(200).says("20.00 USD").says(&format!("Invoice {number}"));
    assert!(!page.text.contains("asks you"), "{}", page.text);
    // What the customer asked for itself is no request of the store.
    let page = browser.get("/portal/till/record").await.expect(200);
    assert!(!page.text.contains("Payment requests"), "{}", page.text);
    browser.submit(&link, &[("methodType", "test-declined")]).await.expect(303);
    browser.get(&link).await.expect(200).says("declined");
    let link = link_after(&mut browser, &csrf, &pay).await;
    let page = answer(&mut browser, &link, "test-visa").await.says("You paid");
    page.says(&format!("{}/portal/till/invoices\"", server.base()));
    assert_eq!(client.get(&format!("/api/Invoice/{own}")).await.json["state"], "paid");
    let page = browser.get("/portal/till/invoices").await.expect(200).says("Paid");
    assert!(!page.text.contains("/pay\""), "{}", page.text);
    assert_eq!(press(&mut browser, &csrf, &pay).await.location(), "/portal/till/invoices");

    // While a payment is under way nobody begins a second one.
    let (slow, _) = issued(&client, "till", ada, 7.0).await;
    let pay = format!("/invoices/{slow}/pay");
    let link = link_after(&mut browser, &csrf, &pay).await;
    let (mut other, path) = (browser.clone(), link.clone());
    let paying =
        tokio::spawn(async move { other.submit(&path, &[("methodType", "test-pending")]).await.status });
    wait_until("the payment has begun", PATIENCE, async || {
        client.get(&format!("/api/PaymentRequests/till?customerId={ada}&status=INP")).await.json["Summary"]
            ["totalRecords"]
            == 1
    })
    .await;
    let running = press(&mut browser, &csrf, &pay).await.location().to_owned();
    assert!(running.starts_with("/portal/till/requests/"), "{running}");
    let page = browser.get(&running).await.expect(200);
    assert!(page.text.contains("Not over yet") || page.text.contains("You paid"), "{}", page.text);
    assert_eq!(paying.await.unwrap(), 303);
    browser.get(&link).await.expect(200).says("You paid");
    assert_eq!(client.get(&format!("/api/Invoice/{slow}")).await.json["state"], "paid");
    assert_eq!(count(&client, ada, "paymentRequests").await, 2);
});

both!(rules_20_a_customer_pays_what_the_store_asks_for_in_the_portal, |db| async {
    let server = start(db).await;
    let (client, ada) = till(&server).await;
    let bob = created(&client, "till", &json!({"email": "bob@example.test"})).await;
    let body = json!({"amount": "12.50", "description": "Deposit", "collect": ["phone"]});
    let request = asked(&client, ada, &body).await;
    let foreign = asked(&client, bob, &json!({"amount": 1, "description": "Not hers"})).await;
    let free = asked(&client, ada, &json!({"open": {"min": 5}, "description": "A gift"})).await;
    let gone = asked(&client, ada, &json!({"amount": 3, "description": "Taken back"})).await;
    let id = |request: &Value| request["paymentRequestId"].as_str().unwrap().to_owned();
    let cancel = format!("/api/PaymentRequest/{}/cancel", id(&gone));
    client.send(Method::POST, &cancel, None, &[]).await.expect(200);
    let page = |request: &Value| format!("/portal/till/requests/{}", id(request));
    let (mut browser, csrf) = signed_in(&server, "till").await;
    let before = sql::dump_without_imports(server.site());
    let record = browser.get("/portal/till/record").await.expect(200).says("Payment requests");
    let record = record.says("Deposit").says("12.50 USD").says("Amount of your choice").says(&page(&request));
    assert!(!record.text.contains("Not hers") && !record.text.contains("Taken back"), "{}", record.text);
    let shown = browser.get(&page(&request)).await.expect(200).says("asks you for a payment").says("Deposit");
    let shown = shown.says(&format!("action=\"{}\"", page(&request))).says("Sign out");
    assert!(!shown.text.contains("<svg") && shown.field("phone").is_some(), "{}", shown.text);
    browser.get(&page(&gone)).await.expect(410).says("taken back");
    let mut answers = Vec::new();
    let unknown = id(&request).replace(['a', '0'], "f");
    for path in [page(&foreign), format!("/portal/till/requests/{unknown}"), "/portal/till/requests/x".into()]
    {
        answers.push(browser.get(&path).await.expect(404).text);
        answers.push(browser.post(&path, &[("csrf", &csrf)]).await.expect(404).text);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    browser.post(&page(&request), &[("csrf", "forged"), ("methodType", "test-visa")]).await.expect(403);
    let mut stranger = Browser::new(&server, "till");
    assert_eq!(stranger.get(&page(&request)).await.location(), "/portal/till/sign-in");
    assert_eq!(stranger.post(&page(&request), &[]).await.location(), "/portal/till/sign-in");
    browser.post(&page(&request), &[("csrf", &csrf)]).await.expect(422).says("Choose how to pay");
    assert_eq!(sql::dump_without_imports(server.site()), before, "nothing was paid");

    let form = [("csrf", csrf.as_str()), ("methodType", "test-visa"), ("phone", "+15555550117")];
    let next = browser.post(&page(&request), &form).await.location().to_owned();
    assert!(next.starts_with(&page(&request)), "{next}");
    browser.get(&next).await.expect(200).says("You paid").says("Back to your record");
    let read = client.get(&format!("/api/PaymentRequest/{}", id(&request))).await.expect(200).json;
    assert_eq!(read["status"], "DON");
    assert_eq!(client.get(&path(ada)).await.json["Phone"], "+15555550117");
    // The mailed link is the same one all the time.
    browser.get(&page_of(&request)).await.expect(200).says("Thank you");
    let actor = "SELECT actor_name AS value FROM event WHERE kind = 'request.begun'";
    assert_eq!(Sql::open(server.site()).texts(actor), ["portal"]);

    let form = [("csrf", csrf.as_str()), ("methodType", "test-ach"), ("amount", "4")];
    browser.post(&page(&free), &form).await.expect(422).says("amount-problem");
    browser.headers = vec![("accept-language", "fr".into())];
    browser.get(&page(&free)).await.expect(200).says("vous demande un paiement").says("Au moins");
    let form = [("csrf", csrf.as_str()), ("methodType", "test-ach"), ("amount", "6,50")];
    let next = browser.post(&page(&free), &form).await.location().to_owned();
    browser.get(&next).await.expect(200).says("Merci").says("Retour à votre fiche");
    let record = browser.get("/portal/till/record").await.expect(200);
    assert!(!record.text.contains("id=\"requests\""), "{}", record.text);
});

both!(rules_20_a_store_without_a_provider_offers_no_payments_in_the_portal, |db| async {
    let server = start(db).await;
    let client = master(&server);
    let ada = account(&client, "demo").await;
    let (invoice, number) = issued(&client, "demo", ada, 20.0).await;
    let request = asked(&client, ada, &json!({"amount": 5, "description": "Deposit"})).await;
    let body = json!({"provider": "stripe", "providerMethodId": "pm_1", "method": "card", "brand": "visa", "last4": "4242"});
    client.post(&format!("{}/methods", path(ada)), &body).await.expect(200);
    let (mut browser, csrf) = signed_in(&server, "demo").await;
    let pay = format!("/invoices/{invoice}/pay");
    let id = id_of(&client, ada, "4242").await;
    let offered = async |browser: &mut Browser| {
        let mut all = String::new();
        for page in ["record", "invoices", "methods"] {
            all += &browser.get(&format!("/portal/demo/{page}")).await.expect(200).text;
        }
        assert!(all.contains("Deposit") && all.contains(&number) && all.contains("Visa •••• 4242"), "{all}");
        let links =
            [pay.clone(), "/methods/add".into(), format!("/methods/{id}/replace"), "/requests/".into()];
        links.map(|link| all.contains(&link))
    };
    let set = async |key: &str, value: &str| {
        let settings = json!({"general": [{"key": key, "value": value}]});
        client.put("/api/Paypoint/settings/demo", &settings).await.expect(200);
    };
    assert_eq!(offered(&mut browser).await, [false; 4]);
    // The service knows no provider.
    set("provider", "http").await;
    assert_eq!(offered(&mut browser).await, [false; 4]);
    for page in [pay.as_str(), "/methods/add", &format!("/methods/{id}/replace")] {
        press(&mut browser, &csrf, page).await.expect(404);
    }
    // The money can move elsewhere; methods cannot.
    set("provider", "none").await;
    set("paymentUrl", "https://pay.example/{requestId}?a={amount}").await;
    assert_eq!(offered(&mut browser).await, [true, false, false, true]);
    let link = link_after(&mut browser, &csrf, &pay).await;
    browser.submit(&link, &[("methodType", "card")]).await.expect(200).says("?a=20.00");
    let own = format!("/portal/demo/requests/{}", request["paymentRequestId"].as_str().unwrap());
    browser.post(&own, &[("csrf", &csrf), ("methodType", "card")]).await.expect(200).says("?a=5.00");
    press(&mut browser, &csrf, &format!("/methods/{id}/remove")).await.expect(303);
});

both!(rules_20_a_deleted_customer_pays_nothing_in_the_portal, |db| async {
    let server = start(db).await;
    let (client, ada) = till(&server).await;
    let request = asked(&client, ada, &json!({"amount": 5})).await;
    let (mut browser, csrf) = signed_in(&server, "till").await;
    let link = link_after(&mut browser, &csrf, "/methods/add").await;
    client.delete(&path(ada)).await.expect(200);
    let own = format!("/requests/{}", request["paymentRequestId"].as_str().unwrap());
    for page in ["/methods", &own] {
        let page = browser.page(page);
        assert_eq!(browser.get(&page).await.location(), "/portal/till/sign-in");
    }
    for page in ["/methods/add", &own] {
        assert_eq!(press(&mut browser, &csrf, page).await.location(), "/portal/till/sign-in");
    }
    browser.get(&link).await.expect(410).says("taken back");
});
