//! Requests that are answered: in the sandbox, and on the pages of the reference adapter.

use serde_json::{Value, json};

use super::page_of;
use crate::harness::*;
use crate::portal::browser::{Browser, Page};
use crate::provider::http::{Program, site};
use crate::support::*;

fn till(server: &Server, provider: &str) -> Client {
    new_entry(server.site(), "till", &["--test", "--provider", provider]);
    master(server)
}

async fn asked(client: &Client, customer: u64, body: &Value) -> Value {
    let made = client.post(&format!("{}/paymentRequests", path(customer)), body).await;
    made.expect(200).json["responseData"].clone()
}

async fn reusable(client: &Client, body: &Value) -> Value {
    client.post("/api/PaymentRequest/till", body).await.expect(200).json["responseData"].clone()
}

async fn linked(client: &Client, customer: u64, body: &Value) -> Value {
    let made = client.post(&format!("{}/methodLinks", path(customer)), body).await;
    made.expect(200).json["responseData"].clone()
}

async fn state(client: &Client, request: &Value) -> Value {
    let id = request["paymentRequestId"].as_str().unwrap();
    client.get(&format!("/api/PaymentRequest/{id}")).await.expect(200).json
}

async fn transactions(client: &Client, customer: u64) -> Vec<Value> {
    let list = client.get(&format!("/api/Query/transactions/till?customerId={customer}")).await.expect(200);
    list.json["Records"].as_array().unwrap().clone()
}

async fn methods(client: &Client, customer: u64) -> Vec<Value> {
    let list = client.get(&format!("{}/methods", path(customer))).await.expect(200);
    list.json["Records"].as_array().unwrap().clone()
}

/// Sends the form of a page, and follows the answer to the page that shows what became of it.
async fn pay(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Page {
    let sent = browser.submit(path, fields).await;
    if sent.status != 303 {
        return sent;
    }
    let to = sent.location().to_owned();
    browser.get(&to).await
}

both!(rules_20_a_customer_pays_a_request_with_a_test_card, |db| async {
    let server = Server::start(db).await;
    let client = till(&server, "sandbox");
    let ada = created(&client, "till", &json!({"email": "ada@example.test"})).await;
    let request = asked(
        &client,
        ada,
        &json!({"amount": 12.5, "description": "Deposit", "collect": ["phone"], "methodTypes": ["card"],
            "successUrl": "https://shop.example/thanks"}),
    )
    .await;
    let page = page_of(&request);
    let mut browser = Browser::new(&server, "till");
    let shown = browser.get(&page).await.expect(200).says("no money moves").says("Visa, ending in 0001");
    // Only ways that the request takes, and nothing to type a number into.
    assert!(!shown.text.contains("test-ach") && !shown.text.contains("test-wallet"), "{}", shown.text);
    for (form, problem) in [
        (vec![("methodType", "test-visa")], "Phone"),
        (vec![("phone", "abc"), ("methodType", "test-visa")], "This is no phone number"),
        (vec![("phone", "+15555550100"), ("methodType", "test-ach")], "Choose how to pay"),
        (vec![("phone", "+15555550100"), ("methodType", "card")], "Choose how to pay"),
    ] {
        browser.submit(&page, &form).await.expect(422).says(problem);
    }
    let phone = ("phone", "+15555550100");
    // A declined try can be repeated.
    pay(&mut browser, &page, &[phone, ("methodType", "test-declined")]).await.expect(200).says("declined");
    assert_eq!(state(&client, &request).await["status"], "DEC");
    // Nothing is filled in by a payment that was declined.
    assert!(read(&client, ada).await.json["Phone"].is_null());
    let done = pay(&mut browser, &page, &[phone, ("methodType", "test-visa")]).await.expect(200);
    let done = done.says("Thank you").says("https://shop.example/thanks");
    let now = state(&client, &request).await;
    assert_eq!((&now["status"], &now["uses"]), (&json!("DON"), &json!(1)), "{now}");
    let all = transactions(&client, ada).await;
    let words: Vec<&str> = all.iter().filter_map(|one| one["status"].as_str()).collect();
    assert_eq!(words, ["approved", "declined"], "{all:?}");
    let paid = &all[0];
    assert_eq!((&paid["TotalAmount"], &paid["description"]), (&json!(12.5), &json!("Deposit")));
    assert_eq!((&paid["Method"], &paid["maskedAccount"]), (&json!("card"), &json!("XXXX0001")));
    assert!(done.text.contains(paid["transId"].as_str().unwrap()));
    assert_eq!(read(&client, ada).await.json["Phone"], "+15555550100");
    // It is paid once.
    browser.get(&page).await.expect(200).says("Thank you");
    // Half of it goes back.
    let id = paid["transId"].as_str().unwrap();
    client.get(&format!("/api/MoneyIn/refund/{id}/6.25")).await.expect(200);
    let summary = read(&client, ada).await.json["customerSummary"].clone();
    assert_eq!(summary["TotalNetAmountTransactions"], 6.25, "{summary}");
    let kinds = Sql::open(server.site())
        .texts("SELECT kind AS value FROM event WHERE kind LIKE 'request.%' ORDER BY seq");
    assert_eq!(
        kinds,
        ["request.created", "request.begun", "request.declined", "request.begun", "request.paid"]
    );
});

both!(rules_20_a_reusable_request_registers_who_pays, |db| async {
    let server = Server::start(db).await;
    let client = till(&server, "sandbox");
    let known = created(&client, "till", &json!({"email": "known@example.test"})).await;
    let request =
        reusable(&client, &json!({"open": {"min": 1, "max": 50}, "collect": ["phone"], "maxUses": 3})).await;
    let page = page_of(&request);
    let mut browser = Browser::new(&server, "till");
    let form = |email: &'static str, amount: &'static str, method: &'static str| {
        vec![
            ("email", email),
            ("fullname", "Bob Lee"),
            ("phone", "+15555550101"),
            ("amount", amount),
            ("methodType", method),
        ]
    };
    browser.submit(&page, &form("bob@example.test", "51", "test-visa")).await.expect(422);
    // Whoever was declined is nobody yet.
    pay(&mut browser, &page, &form("bob@example.test", "5,50", "test-expired")).await.expect(200);
    assert_eq!(total(&client, "till").await, 1);
    pay(&mut browser, &page, &form("bob@example.test", "5,50", "test-visa"))
        .await
        .expect(200)
        .says("Thank you");
    assert_eq!(total(&client, "till").await, 2);
    let list = client.list("till").await;
    let bob =
        list.iter().find(|one| one["Email"] == "bob@example.test").unwrap_or_else(|| panic!("{list:?}"));
    assert_eq!(bob["Phone"], "+15555550101", "{bob}");
    assert!(bob.to_string().contains("Bob Lee"), "{bob}");
    let bob = bob["customerId"].as_u64().unwrap();
    // The declined try is found too.
    assert_eq!(transactions(&client, bob).await.len(), 2);
    // A customer that is known is found, and what it lacks is filled in.
    pay(&mut browser, &page, &form("KNOWN@example.test", "2", "test-ach"))
        .await
        .expect(200)
        .says("Thank you");
    assert_eq!(transactions(&client, known).await.len(), 1);
    assert_eq!(read(&client, known).await.json["Phone"], "+15555550101");
    assert_eq!(state(&client, &request).await["status"], "NEW");
    pay(&mut browser, &page, &form("eve@example.test", "2", "test-wallet"))
        .await
        .expect(200)
        .says("Thank you");
    let now = state(&client, &request).await;
    assert_eq!((&now["status"], &now["uses"]), (&json!("DON"), &json!(3)));
    // Whoever comes later learns nothing of who paid.
    let late = Browser::new(&server, "till").get(&page).await.expect(410).says("used up");
    assert!(!late.text.contains("Reference"), "{}", late.text);
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_20_a_request_that_can_be_answered_once_is_paid_once, |db| async {
    let server = Server::start(db).await;
    let client = till(&server, "sandbox");
    for round in 0..3 {
        let ada = created(&client, "till", &json!({"email": format!("ada{round}@example.test")})).await;
        let request = asked(&client, ada, &json!({"amount": 7})).await;
        let page = page_of(&request);
        let mut browsers: Vec<Browser> = (0..8).map(|_| Browser::new(&server, "till")).collect();
        let method = if round == 0 { "test-pending" } else { "test-visa" };
        let all = browsers.iter_mut().map(|browser| {
            let page = page.clone();
            async move { browser.submit(&page, &[("methodType", method)]).await.status }
        });
        futures_util::future::join_all(all).await;
        wait_until("the request is done", std::time::Duration::from_secs(20), async || {
            state(&client, &request).await["status"] == "DON"
        })
        .await;
        assert_eq!(transactions(&client, ada).await.len(), 1, "paid more than once");
    }
    // Nor does a reusable one take more than it may.
    let request = reusable(&client, &json!({"amount": 1, "maxUses": 3})).await;
    let page = page_of(&request);
    let all = (0..10).map(|number| {
        let (mut browser, page) = (Browser::new(&server, "till"), page.clone());
        async move {
            let email = format!("p{number}@example.test");
            let form = [("email", email.as_str()), ("fullname", "P"), ("methodType", "test-visa")];
            browser.submit(&page, &form).await.status
        }
    });
    futures_util::future::join_all(all).await;
    wait_until("all are through", std::time::Duration::from_secs(20), async || {
        state(&client, &request).await["status"] != "INP"
    })
    .await;
    let paid = client.get("/api/Query/transactions/till?limitRecord=100").await.expect(200).json;
    let paid = paid["Records"].as_array().unwrap().iter().filter(|one| one["TotalAmount"] == 1).count();
    assert_eq!(paid, 3);
});

both!(rules_13_a_link_saves_a_method_and_replaces_none_twice, |db| async {
    let server = Server::start(db).await;
    let client = till(&server, "sandbox");
    let ada = created(&client, "till", &json!({"email": "ada@example.test"})).await;
    let link = linked(&client, ada, &json!({"methodTypes": ["card", "ach"]})).await;
    let page = page_of(&link);
    let mut browser = Browser::new(&server, "till");
    browser.get(&page).await.expect(200).says("asks you to save a payment method");
    pay(&mut browser, &page, &[("methodType", "test-mastercard")]).await.expect(200).says("is saved");
    let all = methods(&client, ada).await;
    assert_eq!(all.len(), 1, "{all:?}");
    for (name, value) in [
        ("provider", json!("sandbox")),
        ("providerMethodId", json!("test-mastercard")),
        ("brand", json!("mastercard")),
        ("last4", json!("0002")),
        ("isDefault", json!(true)),
        ("status", json!("Active")),
    ] {
        assert_eq!(all[0][name], value, "{name} of {all:?}");
    }
    // The link works once.
    browser.get(&page).await.expect(200).says("is saved");
    // The same account again is no second method.
    let again = linked(&client, ada, &json!({})).await;
    pay(&mut browser, &page_of(&again), &[("methodType", "test-mastercard")]).await.says("is saved");
    assert_eq!(methods(&client, ada).await.len(), 1);
    // It can be charged at once: the virtual terminal.
    let charge = client.post(&format!("{}/charges", path(ada)), &json!({"amount": 3})).await.expect(200);
    assert_eq!(charge.json["responseData"]["status"], "succeeded");
    // No more than fit.
    let settings = json!({"general": [{"key": "maxMethods", "value": "1"}]});
    client.put("/api/Paypoint/settings/till", &settings).await.expect(200);
    let more = linked(&client, ada, &json!({})).await;
    browser
        .submit(&page_of(&more), &[("methodType", "test-visa")])
        .await
        .expect(409)
        .says("could not be saved");
});

both!(rules_18_an_order_is_paid_by_its_request, |db| async {
    let server = Server::start(db).await;
    let client = till(&server, "sandbox");
    let ada = created(&client, "till", &json!({"email": "ada@example.test"})).await;
    let order = json!({"lines": [{"name": "Tea", "unitPrice": 8}], "collect": "request"});
    let order = client.post(&format!("{}/orders", path(ada)), &order).await.expect(200).data().clone();
    assert_eq!(order["status"], "pending", "{order}");
    let url = order["paymentUrl"].as_str().unwrap_or_else(|| panic!("{order}"));
    let page = url[url.find("/pay/").unwrap()..].to_owned();
    let mut browser = Browser::new(&server, "till");
    pay(&mut browser, &page, &[("methodType", "test-visa")]).await.expect(200).says("Thank you");
    let read =
        client.get(&format!("/api/Order/{}", order["orderId"].as_str().unwrap())).await.expect(200).json;
    assert_eq!(read["status"], "completed", "{read}");
    let bill = client.get(&format!("/api/Invoice/{}", order["invoiceId"])).await.expect(200).json;
    assert_eq!(bill["state"], "paid");
    let all = transactions(&client, ada).await;
    assert_eq!((all.len(), &all[0]["OrderId"]), (1, &order["orderId"]));
    assert_eq!(all[0]["invoiceNumber"], bill["invoiceNumber"]);
});

both!(rules_20_the_adapters_pages_take_payments_and_methods, |db| async {
    let folder = tempfile::tempdir().unwrap();
    let adapter = Program::adapter(&folder.path().join("ledger.db"), &[]);
    let server = Server::start_on(&site(db, &adapter.url)).await;
    let client = till(&server, "http");
    let ada = created(&client, "till", &json!({"email": "ada@example.test", "firstname": "Ada"})).await;
    let request = asked(&client, ada, &json!({"amount": 20, "language": "fr"})).await;
    let page = page_of(&request);
    let mut browser = Browser::new(&server, "till");
    let csrf = browser.get(&page).await.csrf();
    let form = [("csrf", csrf.as_str()), ("methodType", "card")];
    let url = address(&browser.post(&page, &form).await.expect(200));
    assert!(url.starts_with(&adapter.url), "{url}");
    // Whoever sends the form again, or comes back too early, gets the same page of the provider.
    assert_eq!(address(&browser.post(&page, &form).await), url);
    browser.get(&page).await.expect(200).says(&url.replace('&', "&#38;"));
    assert_eq!(state(&client, &request).await["status"], "INP");
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let shown = http.get(&url).send().await.unwrap().text().await.unwrap();
    assert!(shown.contains("lang=\"fr\"") || shown.contains("lang=fr"), "{shown}");
    let back = http.post(&url).form(&[("choice", "test-visa")]).send().await.unwrap();
    assert_eq!(back.status(), 303);
    let back = back.headers()["location"].to_str().unwrap().to_owned();
    let back = back[back.find("/pay/").unwrap_or_else(|| panic!("{back}"))..].to_owned();
    wait_until("the payment is through", std::time::Duration::from_secs(30), async || {
        state(&client, &request).await["status"] == "DON"
    })
    .await;
    browser.get(&back).await.expect(200).says("Merci");
    let all = transactions(&client, ada).await;
    assert_eq!((all.len(), &all[0]["status"], &all[0]["FeeAmount"]), (1, &json!("approved"), &json!(0.88)));
    let id = all[0]["transId"].as_str().unwrap();
    client.get(&format!("/api/MoneyIn/refund/{id}/10")).await.expect(200);

    // A method is left, and charged.
    let link = linked(&client, ada, &json!({})).await;
    let page = page_of(&link);
    let url = address(&browser.submit(&page, &[("methodType", "card")]).await.expect(200));
    let back = http.post(&url).form(&[("choice", "test-mastercard")]).send().await.unwrap();
    assert_eq!(back.status(), 303);
    wait_until("the method is saved", std::time::Duration::from_secs(30), async || {
        !methods(&client, ada).await.is_empty()
    })
    .await;
    let all = methods(&client, ada).await;
    assert_eq!((all.len(), &all[0]["provider"], &all[0]["isDefault"]), (1, &json!("http"), &json!(true)));
    let charge = client.post(&format!("{}/charges", path(ada)), &json!({"amount": 3})).await.expect(200);
    assert_eq!(charge.json["responseData"]["status"], "succeeded", "{}", charge.text);
    let moved: Vec<String> = adapter
        .movements()
        .await
        .iter()
        .map(|one| format!("{} {}", one["kind"].as_str().unwrap(), one["amount"].as_str().unwrap()))
        .collect();
    assert_eq!(moved, ["charge 20.00", "refund -10.00", "charge 3.00"]);
});

both!(rules_20_a_payer_who_comes_back_learns_at_once_what_became_of_it, |db| async {
    let folder = tempfile::tempdir().unwrap();
    let adapter = Program::adapter(&folder.path().join("ledger.db"), &[]);
    let server = Server::start_on(&site(db, &adapter.url)).await;
    let client = till(&server, "http");
    let ada = created(&client, "till", &json!({"email": "ada@example.test"})).await;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let choose = async |url: &str, choice: &str| {
        let back = http.post(url).form(&[("choice", choice)]).send().await.unwrap();
        assert_eq!(back.status(), 303);
        let back = back.headers()["location"].to_str().unwrap().to_owned();
        back[back.find("/pay/").unwrap_or_else(|| panic!("{back}"))..].to_owned()
    };
    let mut browser = Browser::new(&server, "till");
    let request = asked(&client, ada, &json!({"amount": 20, "methodTypes": ["ach", "card"]})).await;
    let page = page_of(&request);
    let url = address(&browser.submit(&page, &[("methodType", "card")]).await.expect(200));
    // The payer chose a card, and may still think otherwise there.
    let shown = http.get(&url).send().await.unwrap().text().await.unwrap();
    assert!(shown.contains("test-visa") && shown.contains("test-ach"), "{shown}");
    // Meanwhile the store sends the customer another link.
    let id = request["paymentRequestId"].as_str().unwrap();
    let resent = client.post(&format!("/api/PaymentRequest/{id}/resend"), &json!({"notify": false})).await;
    let newest = page_of(&resent.expect(200).json["responseData"]);
    browser.get(&page).await.expect(404);
    let back = choose(&url, "test-visa").await;
    assert!(back.starts_with(&page), "{back}");
    // Nobody waits for the next time at which the service would have asked.
    browser.get(&back).await.expect(200).says("Thank you").says(&back[back.find("call=").unwrap() + 5..]);
    browser.get(&newest).await.expect(200).says("Thank you");
    // The id of a call leads nowhere without the link by which its payer came, nor does the link without it.
    let call = &back[back.find('?').unwrap()..];
    browser.get(&format!("/pay/till/{}{call}", "A".repeat(43))).await.expect(404);
    browser.get(&page).await.expect(404);
    browser.get(&format!("{page}?call=1-00000000000000000000000000000000")).await.expect(404);
    let other = asked(&client, ada, &json!({"amount": 3})).await;
    browser.get(&format!("{}{call}", page_of(&other))).await.expect(200).says("3.00 USD");
});

/// Where the page that leads to the provider goes.
fn address(page: &Page) -> String {
    let at = page.text.find("content=\"0; url=").unwrap_or_else(|| panic!("{}", page.text)) + 16;
    let url = &page.text[at..];
    url[..url.find('"').unwrap()].replace("&#38;", "&")
}

both!(rules_20_without_a_provider_the_operators_own_address_takes_the_payer, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let settings = |url: &str| json!({"general": [{"key": "paymentUrl", "value": url}]});
    for bad in ["javascript:alert(1)", "http://shop.example/", "https://shop.example/{token}"] {
        client.put("/api/Paypoint/settings/demo", &settings(bad)).await.expect_error(400);
    }
    let url = "https://shop.example/pay?r={requestId}&a={amount}&c={currency}";
    client.put("/api/Paypoint/settings/demo", &settings(url)).await.expect(200);
    let ada = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let request = asked(&client, ada, &json!({"amount": 12.5})).await;
    let mut browser = Browser::new(&server, "demo");
    let onward = browser.submit(&page_of(&request), &[("methodType", "card")]).await.expect(200);
    let id = request["paymentRequestId"].as_str().unwrap();
    assert_eq!(address(&onward), format!("https://shop.example/pay?r={id}&a=12.50&c=USD"));
    assert_eq!(state(&client, &request).await["status"], "INP");
    // The payment comes from the operator's own system, and names the request as its order.
    let paid = json!([{"source": "shop", "externalId": "1", "status": "approved", "amount": 12.5, "orderId": id,
        "customerId": ada}]);
    for _ in 0..2 {
        client.post("/api/Transaction/demo", &paid).await.expect(200);
        let now = state(&client, &request).await;
        assert_eq!((&now["status"], &now["uses"]), (&json!("DON"), &json!(1)));
    }
    browser.get(&page_of(&request)).await.expect(200).says("Thank you");
    // A method cannot be left there.
    let link = linked(&client, ada, &json!({})).await;
    browser.get(&page_of(&link)).await.expect(200).says("takes no online payments yet");
});

both!(rules_20_the_same_form_sent_twice_pays_once, |db| async {
    let server = Server::start(db).await;
    let client = till(&server, "sandbox");
    let request = reusable(&client, &json!({"amount": 11})).await;
    let page = page_of(&request);
    let mut browser = Browser::new(&server, "till");
    let shown = browser.get(&page).await.expect(200);
    let (csrf, key) = (shown.csrf(), shown.field("key").expect("a key"));
    let form = |method: &'static str| {
        let fields = [("csrf", csrf.clone()), ("key", key.clone()), ("methodType", method.to_owned())];
        let person = [("email", "eve@example.test".to_owned()), ("fullname", "Eve Moss".to_owned())];
        fields.into_iter().chain(person).collect::<Vec<_>>()
    };
    let mut places = Vec::new();
    for method in ["test-declined", "test-visa", "test-visa", "test-visa"] {
        let fields = form(method);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let sent = browser.post(&page, &fields).await.expect(303);
        places.push(sent.location().to_owned());
    }
    // Whoever goes back after a decline and chooses otherwise begins another payment.
    assert_ne!(places[0], places[1]);
    assert_eq!((&places[1], &places[1]), (&places[2], &places[3]));
    assert_eq!(state(&client, &request).await["uses"], 1);
    browser.get(&places[3]).await.expect(200).says("You paid 11.00 USD.");
    // Its payments are found by the request.
    let id = request["paymentRequestId"].as_str().unwrap();
    let list = client.get(&format!("/api/Query/transactions/till?orderId(eq)={id}")).await.expect(200);
    assert_eq!(list.json["Records"].as_array().unwrap().len(), 2, "{}", list.text);
});

both!(rules_20_a_payment_from_elsewhere_finds_customer_and_invoice_by_the_request, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let settings =
        json!({"general": [{"key": "paymentUrl", "value": "https://shop.example/pay?r={requestId}"}]});
    client.put("/api/Paypoint/settings/demo", &settings).await.expect(200);
    let ada = crate::invoices::ada(&client).await;
    let (bill, _) = crate::invoices::issued(&client, ada, json!(20)).await;
    let request = asked(&client, ada, &json!({"invoiceId": bill})).await;
    let id = request["paymentRequestId"].as_str().unwrap();
    let total = request["amount"].as_f64().unwrap_or_else(|| panic!("{request}"));
    let paid = |name: &str, amount: f64| {
        json!([{"source": "shop", "externalId": name, "status": "approved",
        "amount": amount, "orderId": id}])
    };
    // Less than what is asked for does not answer it.
    client.post("/api/Transaction/demo", &paid("1", 0.01)).await.expect(200);
    assert_ne!(state(&client, &request).await["status"], "DON");
    assert_eq!(crate::invoices::shown(&client, bill).await["state"], "partlyPaid");
    let rest = total.mul_add(100.0, -1.0).round() / 100.0;
    client.post("/api/Transaction/demo", &paid("2", rest)).await.expect(200);
    assert_eq!(state(&client, &request).await["status"], "DON");
    assert_eq!(crate::invoices::shown(&client, bill).await["state"], "paid");
    let list = client.get(&format!("/api/Query/transactions/demo?customerId={ada}")).await.expect(200);
    assert_eq!(list.json["Records"].as_array().unwrap().len(), 2, "{}", list.text);
});

both!(rules_19_an_invoice_is_not_taken_back_while_somebody_pays_it, |db| async {
    let folder = tempfile::tempdir().unwrap();
    let adapter = Program::adapter(&folder.path().join("ledger.db"), &[]);
    let server = Server::start_on(&site(db, &adapter.url)).await;
    let client = till(&server, "http");
    let ada = created(&client, "till", &json!({"email": "ada@example.test"})).await;
    let order = json!({"lines": [{"name": "Tea", "unitPrice": 8}], "collect": "request"});
    let order = client.post(&format!("{}/orders", path(ada)), &order).await.expect(200).data().clone();
    let page = order["paymentUrl"].as_str().unwrap();
    let page = page[page.find("/pay/").unwrap()..].to_owned();
    let mut browser = Browser::new(&server, "till");
    let url = address(&browser.submit(&page, &[("methodType", "card")]).await.expect(200));
    let order_id = order["orderId"].as_str().unwrap();
    for place in
        [format!("/api/Order/{order_id}/cancel"), format!("/api/Invoice/{}/void", order["invoiceId"])]
    {
        let refused = client.send(reqwest::Method::POST, &place, None, &[]).await;
        assert_eq!(refused.json["errors"][0]["code"], "payment_running", "{place}: {}", refused.text);
    }
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    assert_eq!(http.post(&url).form(&[("choice", "test-visa")]).send().await.unwrap().status(), 303);
    wait_until("the payment is through", std::time::Duration::from_mins(1), async || {
        client.get(&format!("/api/Order/{order_id}")).await.expect(200).json["status"] == "completed"
    })
    .await;
});
