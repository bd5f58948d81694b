//! Payments, invoices, orders, payment requests, coupons and products.

use serde_json::{Value, json};

use crate::harness::*;
use crate::portal::browser::{Browser, Page};
use crate::support::*;

const PASSWORD: &str = "tulip-carbon-94";
const EMAIL: &str = "ada.roe@example.test";
const PHONE: &str = "+15555550117";

/// A member of a role, who is signed in.
async fn member(server: &Server, role: &str, entries: &Value) -> Browser {
    let body = json!({"name": format!("The {role}"), "email": format!("{role}@staff.example.test"), "role": role,
        "entries": entries});
    let made = master(server).post("/api/Staff", &body).await.expect(200);
    let link = made.data()["link"].as_str().unwrap();
    let mut browser = Browser::new(server, "demo");
    let form = [("password", PASSWORD), ("passwordAgain", PASSWORD)];
    let path = &link[link.find("/console/").unwrap()..];
    assert_eq!(browser.submit(path, &form).await.location(), "/console");
    browser
}

/// Opens a page and sends one of its forms to an address.
async fn send(browser: &mut Browser, page: &str, to: &str, fields: &[(&str, &str)]) -> Page {
    let page = browser.get(page).await.expect(200);
    let (csrf, key) = (page.csrf(), page.field("key").unwrap_or_default());
    let mut form = vec![("csrf", csrf.as_str()), ("key", key.as_str())];
    form.extend(fields);
    browser.post(to, &form).await
}

/// The address without what was done.
fn place_of(page: &Page) -> String {
    page.location().split('?').next().unwrap().to_owned()
}

async fn ada(client: &Client, entry: &str) -> u64 {
    created(client, entry, &json!({"email": EMAIL, "phone": PHONE, "firstname": "Ada", "lastname": "Roe"}))
        .await
}

const INVOICES: &str = "/console/at/demo/invoices";

both!(rules_25_an_invoice_is_drafted_issued_paid_and_credited_in_the_console, |db| async move {
    let server = Server::start(db).await;
    let client = master(&server);
    let ada = ada(&client, "demo").await;
    let mut olga = member(&server, "owner", &json!("*")).await;
    olga.get(INVOICES).await.expect(200).says("No invoices yet");

    let new = format!("{INVOICES}/new");
    let found = send_search(&mut olga, &new, "Roe").await;
    let address = format!("{new}?customerId={ada}");
    let page = found.expect(200).says("Ada Roe");
    assert!(page.text.contains(&address.replace('&', "&amp;")), "{}", page.text);
    let id = ada.to_string();
    let head = [("customerId", id.as_str()), ("lines", "2"), ("currency", "USD")];

    // A line more, without script.
    let more = [&head[..], &[("step", "addLine"), ("items/0/itemProductName", "Tea")]].concat();
    send(&mut olga, &address, &new, &more).await.expect(200).says("items/2/itemCost");

    // The problem stands at its row, though the row before it is empty.
    let wrong =
        [&head[..], &[("step", "draft"), ("items/1/itemProductName", "Tea"), ("items/1/itemCost", "x")]]
            .concat();
    let page = send(&mut olga, &address, &new, &wrong).await.expect(422);
    assert!(page.text.contains("id=\"p-items/1/itemCost\""), "{}", page.text);

    let lines = [
        ("items/0/itemProductName", "Tea"),
        ("items/0/itemQty", "2"),
        ("items/0/itemCost", "1 000,50"),
        ("items/0/itemTaxRate", "10"),
    ];
    let whole = [&head[..], &lines, &[("step", "draft"), ("notes", "Thank you")]].concat();
    let page = olga.get(&address).await.expect(200);
    let (csrf, key) = (page.csrf(), page.field("key").unwrap());
    let keyed = [&[("csrf", csrf.as_str()), ("key", key.as_str())], &whole[..]].concat();
    let made = olga.post(&new, &keyed).await;
    let here = place_of(&made);
    // Sent twice, it acts once.
    assert_eq!(place_of(&olga.post(&new, &keyed).await), here);
    let page = olga.get(&format!("{here}?done=created")).await.expect(200);
    let page = page.says("2,201.10 USD").says("Draft").says("Created.").says("Ada Roe");
    assert!(!page.text.contains("/pdf"));

    let edit = format!("{here}/edit");
    let stored = olga.get(&edit).await.expect(200).field("version").unwrap();
    let changed = [
        &whole[..],
        &[("version", stored.as_str()), ("items/1/itemProductName", "Cup"), ("items/1/itemCost", "4")],
    ];
    let changed = changed.concat();
    assert_eq!(place_of(&send(&mut olga, &edit, &edit, &changed).await), here);
    // Somebody who saw the version before is told.
    send(&mut olga, &edit, &edit, &changed).await.expect(422);
    olga.get(&here).await.expect(200).says("2,205.10 USD");

    let issued = send(&mut olga, &here, &format!("{here}/issue"), &[]).await;
    assert_eq!(issued.location(), format!("{here}?done=issued"));
    let page = olga.get(&here).await.expect(200).says("INV-").says("Open");
    assert!(!page.text.contains("/edit\""));
    let pdf = olga.get(&format!("{here}/pdf")).await.expect(200);
    assert_eq!(pdf.headers["content-type"], "application/pdf");
    assert_eq!(pdf.headers["x-content-type-options"], "nosniff");

    let request = format!("{here}/request");
    let page = send(&mut olga, &here, &request, &[]).await.expect(200).says("/pay/demo/");
    assert!(page.text.contains("<svg"), "{}", page.text);
    assert!(!olga.get(&here).await.text.contains("/pay/demo/"));

    let pay = format!("{here}/pay");
    let part = [("amount", "1000"), ("method", "transfer"), ("reference", "R-1")];
    assert_eq!(send(&mut olga, &here, &pay, &part).await.location(), format!("{here}?done=recorded"));
    olga.get(&here).await.expect(200).says("Partly paid").says("1,205.10 USD");
    send(&mut olga, &here, &format!("{here}/void"), &[]).await.expect(422);

    let credit = format!("{here}/credit");
    send(&mut olga, &credit, &credit, &[("items/0/itemQty", "")]).await.expect(422);
    let unclear = [("whole", "true"), ("items/0/itemQty", "1")];
    send(&mut olga, &credit, &credit, &unclear).await.expect(422);
    let part = [("items/0/itemQty", ""), ("items/1/itemQty", "1")];
    let note = send(&mut olga, &credit, &credit, &part).await;
    assert!(note.location().ends_with("?done=credited"), "{}", note.location());
    olga.get(&place_of(&note)).await.expect(200).says("Credit note").says("4.00 USD");

    let list = olga.get(&format!("{INVOICES}?status=partlyPaid")).await.expect(200).says("Partly paid");
    assert!(!list.text.contains(EMAIL));
    let number = client.get(&format!("/api/Invoice/{}", here.rsplit('/').next().unwrap())).await.json;
    let number = number["invoiceNumber"].as_str().unwrap().to_owned();
    send(&mut olga, INVOICES, INVOICES, &[("number", &number)]).await.expect(200).says(&number);
    send(&mut olga, INVOICES, INVOICES, &[("number", "INV-0")]).await.expect(200).says("Nothing matches");
    let file = olga.get(&format!("{INVOICES}/export/csv?status=partlyPaid")).await.expect(200);
    assert!(file.headers["content-disposition"].to_str().unwrap().contains("attachment"));
    assert!(file.text.contains(&number));
    olga.get("/console/at/~/invoices").await.expect(200).says(&number);
});

/// Sends a search on a page that has no key.
async fn send_search(browser: &mut Browser, page: &str, text: &str) -> Page {
    let csrf = browser.get(page).await.expect(200).csrf();
    browser.post(page, &[("csrf", &csrf), ("search", text)]).await
}

both!(rules_25_a_payment_is_linked_charged_and_paid_back_in_the_console, |db| async move {
    let server = Server::start(db).await;
    let client = master(&server);
    new_entry(server.site(), "till", &["--test", "--provider", "sandbox"]);
    let ada = ada(&client, "till").await;
    let method =
        json!({"provider": "sandbox", "providerMethodId": "test-visa", "method": "card", "last4": "0001"});
    client.post(&format!("{}/methods", path(ada)), &method).await.expect(200);
    let charge = client.post(&format!("{}/charges", path(ada)), &json!({"amount": 30})).await.expect(200);
    let charge = charge.json["responseData"]["transId"].as_str().unwrap().to_owned();
    let told = json!([{"source": "psp", "externalId": "1", "amount": "7.5", "currency": "USD", "status": "approved"}]);
    let told = client.post("/api/Transaction/till", &told).await.expect(200);
    let payments = "/console/at/till/payments";

    let mut olga = member(&server, "owner", &json!("*")).await;
    let page = olga
        .get(payments)
        .await
        .expect(200)
        .says("30.00 USD")
        .says("7.50 USD")
        .says("37.50 USD")
        .says("Ada Roe");
    assert!(!page.text.contains(EMAIL) && !page.text.contains(PHONE));
    let loose = page.text.split("href=\"").map(|part| part.split('"').next().unwrap_or_default());
    let loose = loose.filter(|address| address.contains("/payments/") && !address.contains("export"));
    let loose = loose
        .map(str::to_owned)
        .find(|address| !address.ends_with(&charge))
        .unwrap_or_else(|| panic!("{}", told.text));
    olga.get(&format!("{payments}?status=declined")).await.expect(200).says("Nothing matches");
    olga.get(&format!("{payments}?from=2020-01-01&until=2020-01-02"))
        .await
        .expect(200)
        .says("Nothing matches");
    olga.get(&format!("{payments}?customerId=x")).await.expect(422).says("id=\"p-customerId\"");

    let csrf = olga.get(&loose).await.expect(200).says("It belongs to nobody yet").csrf();
    let found = olga.post(&loose, &[("csrf", &csrf), ("search", "roe")]).await.expect(200);
    let id = found.field("customerId").unwrap();
    assert_eq!(id, ada.to_string());
    let linked = send(&mut olga, &loose, &format!("{loose}/link"), &[("customerId", &id)]).await;
    assert_eq!(linked.location(), format!("{loose}?done=linked"));
    let page = olga.get(&loose).await.expect(200).says("Ada Roe");
    assert!(!page.text.contains("/refund"));

    let here = format!("{payments}/{charge}");
    let page = olga.get(&here).await.expect(200).says("At the payment provider").says("30.00 USD");
    assert_eq!(page.field("amount").as_deref(), Some("30"));
    send(&mut olga, &here, &format!("{here}/refund"), &[("amount", "99")]).await.expect(422);
    let part = send(&mut olga, &here, &format!("{here}/refund"), &[("amount", "12,50")]).await;
    assert_eq!(part.location(), format!("{here}?done=refunded"));
    let page = olga.get(&here).await.expect(200).says("12.50 USD").says("17.50 USD");
    assert_eq!(page.field("amount").as_deref(), Some("17.5"));
    assert_eq!(
        send(&mut olga, &here, &format!("{here}/receipt"), &[]).await.location(),
        format!("{here}?done=sent")
    );
    let file = olga.get(&format!("{payments}/export/xlsx")).await.expect(200);
    assert!(file.headers["content-type"].to_str().unwrap().contains("spreadsheetml"));

    // Another entrypoint's address reaches nothing of this one, and whoever does not see it finds nothing at all.
    olga.get(&format!("/console/at/demo/payments/{charge}")).await.expect(404);
    let mut agent = member(&server, "agent", &json!(["demo"])).await;
    for address in [payments, here.as_str(), "/console/at/till/invoices", "/console/at/~/payments/1-1"] {
        agent.get(address).await.expect(404);
    }
    // Who sees masks sees them here too, and may neither pay back nor have files.
    let mut viewer = member(&server, "viewer", &json!("*")).await;
    for address in [payments, here.as_str()] {
        let page = viewer.get(address).await.expect(200).says("Ada Roe");
        assert!(!page.text.contains(EMAIL) && !page.text.contains(PHONE), "{}", page.text);
        assert!(!page.text.contains("/refund") && !page.text.contains("/export/"), "{}", page.text);
    }
    viewer.get(&format!("{payments}/export/csv")).await.expect(403);
});

both!(rules_25_orders_and_payment_requests_are_followed_in_the_console, |db| async move {
    let server = Server::start(db).await;
    let client = master(&server);
    new_entry(server.site(), "till", &["--test", "--provider", "sandbox"]);
    let ada = ada(&client, "till").await;
    let mut olga = member(&server, "owner", &json!("*")).await;
    let (orders, requests) = ("/console/at/till/orders", "/console/at/till/requests");
    olga.get(orders).await.expect(200).says("No orders yet");
    let page = send_search(&mut olga, &format!("{orders}/new"), "Roe").await.expect(200);
    assert!(page.text.contains(&format!("/console/at/till/customers/{ada}/orders/new")), "{}", page.text);

    let order = json!({"lines": [{"name": "Tea", "quantity": 2, "unitPrice": 3.5}], "collect": "request"});
    let order = client.post(&format!("{}/orders", path(ada)), &order).await.expect(200);
    let id = order.json["responseData"]["orderId"].as_str().unwrap().to_owned();
    olga.get(orders).await.expect(200).says("Ada Roe").says("Waits for payment").says("7.00 USD");
    let here = format!("{orders}/{id}");
    olga.get(&here).await.expect(200).says("Tea").says("By a link to pay");
    let page = send(&mut olga, &here, &format!("{here}/resend"), &[]).await.expect(200).says("/pay/till/");
    assert!(page.text.contains("<svg"), "{}", page.text);
    assert!(!olga.get(&here).await.text.contains("/pay/till/"));
    let done = send(&mut olga, &here, &format!("{here}/cancel"), &[]).await;
    assert_eq!(done.location(), format!("{here}?done=cancelled"));
    olga.get(&here).await.expect(200).says("Cancelled");
    olga.get(&here.replace("/till/", "/demo/")).await.expect(404);

    let new = format!("{requests}/new");
    let both = [("amount", "5"), ("open/min", "1")];
    send(&mut olga, &new, &new, &both).await.expect(422);
    let open = [
        ("open/min", "2,50"),
        ("maxUses", "3"),
        ("card", "true"),
        ("phone", "true"),
        ("description", "Donation"),
    ];
    let page = olga.get(&new).await.expect(200);
    let (csrf, key) = (page.csrf(), page.field("key").unwrap());
    let keyed = [&[("csrf", csrf.as_str()), ("key", key.as_str())], &open[..]].concat();
    let made = olga.post(&new, &keyed).await.expect(200).says("/pay/till/").says("≥ 2.50 USD").says("0 / 3");
    // Sent twice it shows the same address.
    let url = |page: &Page| {
        page.text.split("id=\"pay-link\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    assert_eq!(url(&made), url(&olga.post(&new, &keyed).await.expect(200)));
    let list = client.get("/api/PaymentRequests/till").await.expect(200).json;
    let id = list["Records"][0]["paymentRequestId"].as_str().unwrap().to_owned();
    assert_eq!(list["Records"].as_array().unwrap().len(), 2, "{list}");
    olga.get(requests).await.expect(200).says("Whoever has it");
    let here = format!("{requests}/{id}");
    let again = send(&mut olga, &here, &format!("{here}/resend"), &[]).await.expect(200);
    assert_ne!(url(&again), url(&made));
    let done = send(&mut olga, &here, &format!("{here}/cancel"), &[]).await;
    assert_eq!(done.location(), format!("{here}?done=cancelled"));
    olga.get(&here).await.expect(200).says("Taken back");
    olga.get(&here.replace("/till/", "/demo/")).await.expect(404);
});

both!(rules_25_coupons_and_products_are_kept_in_the_console, |db| async move {
    let server = Server::start(db).await;
    let client = master(&server);
    let ada = ada(&client, "demo").await;
    let mut olga = member(&server, "owner", &json!("*")).await;
    let (coupons, products) = ("/console/at/demo/coupons", "/console/at/demo/products");
    olga.get(coupons).await.expect(200).says("No coupons yet");
    let new = format!("{coupons}/new");
    send(&mut olga, &new, &new, &[("code", "new"), ("status", "online")])
        .await
        .expect(422)
        .says("id=\"p-percentOff\"");
    let made = [("code", "new"), ("percentOff", "12,5"), ("status", "online"), ("maxRedemptions", "5")];
    let here = place_of(&send(&mut olga, &new, &new, &made).await);
    assert_eq!(here, format!("{coupons}/NEW"));
    olga.get(&here).await.expect(200).says("12.5%").says("0 / 5").says("Nobody redeemed it yet");
    let edit = format!("{here}/edit");
    let etag = olga.get(&edit).await.expect(200).field("etag").unwrap().replace("&#34;", "\"");
    let change = [("etag", etag.as_str()), ("percentOff", "10"), ("name", "Spring"), ("status", "online")];
    assert_eq!(send(&mut olga, &edit, &edit, &change).await.location(), format!("{here}?done=saved"));
    send(&mut olga, &edit, &edit, &change).await.expect(422);
    olga.get(&here).await.expect(200).says("10%").says("Spring").says("no limit");
    let usage = json!({"customerId": ada, "amount": 50, "currency": "USD", "reference": "A-1"});
    client.post("/api/Coupon/demo/new/redeem", &usage).await.expect(200);
    let page = olga.get(&here).await.expect(200).says("Ada Roe").says("5.00 USD");
    let redemption = page.field("redemptionId").unwrap();
    send(&mut olga, &here, &format!("{here}/delete"), &[]).await.expect(422);
    let done = send(&mut olga, &here, &format!("{here}/release"), &[("redemptionId", &redemption)]).await;
    assert_eq!(done.location(), format!("{here}?done=released"));
    olga.get(&here).await.expect(200).says("Released");

    olga.get(products).await.expect(200).says("No products yet");
    let new = format!("{products}/new");
    let made = [
        ("name", "Tea"),
        ("unitPrice", "3,5"),
        ("taxRate", "5,5"),
        ("options", "Size: S, M"),
        ("active", "true"),
    ];
    assert_eq!(send(&mut olga, &new, &new, &made).await.location(), format!("{products}?done=created"));
    olga.get(products).await.expect(200).says("3.50 USD").says("5.5%").says("Size");
    let list = client.get("/api/Product/demo").await.expect(200).json;
    let here = format!("{products}/{}", list["Records"][0]["productId"].as_str().unwrap());
    let etag =
        olga.get(&here).await.expect(200).says("Size: S, M").field("etag").unwrap().replace("&#34;", "\"");
    let change = [("etag", etag.as_str()), ("name", "Green tea"), ("unitPrice", "4")];
    assert_eq!(send(&mut olga, &here, &here, &change).await.location(), format!("{products}?done=saved"));
    let invoice = format!("{INVOICES}/new");
    let address = format!("{invoice}?customerId={ada}");
    olga.get(products).await.expect(200).says("Green tea").says("Not on sale");
    let page = olga.get(&address).await.expect(200);
    assert!(!page.text.contains("Green tea"));
    let done = send(&mut olga, &here, &format!("{here}/delete"), &[]).await;
    assert_eq!(done.location(), format!("{products}?done=deleted"));

    let mut viewer = member(&server, "viewer", &json!("*")).await;
    for address in [coupons, products, INVOICES, "/console/at/demo/orders", "/console/at/demo/requests"] {
        let page = viewer.get(address).await.expect(200);
        assert!(!page.text.contains("data-new"), "{}", page.text);
    }
    send(&mut olga, products, &new, &[]).await.expect(422);
    let csrf = viewer.get(products).await.csrf();
    viewer.post(&new, &[("csrf", csrf.as_str()), ("name", "X"), ("unitPrice", "1")]).await.expect(403);
});
