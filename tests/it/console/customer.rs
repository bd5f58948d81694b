//! The page of a customer, and the forms for what may be done with one.

use serde_json::{Value, json};

use crate::harness::*;
use crate::portal::browser::{Browser, Page};
use crate::support::*;

const PASSWORD: &str = "tulip carbon harbour 94";
const EMAIL: &str = "lena.marchand@example.test";
const PHONE: &str = "+15555550117";

/// A member who is signed in.
async fn member(server: &Server, role: &str) -> Browser {
    let email = format!("{role}@staff.test");
    let all = ["staff", "invite", "--org", "1", "--email", &email, "--name", "Sam Staff", "--role", role];
    let printed = server.cli(&all).success();
    let at = printed.find("/console/welcome/").unwrap_or_else(|| panic!("no link in {printed}"));
    let link = printed[at..].split_whitespace().next().unwrap().to_owned();
    let mut browser = Browser::new(server, "till");
    let form = [("password", PASSWORD), ("passwordAgain", PASSWORD)];
    assert_eq!(browser.submit(&link, &form).await.status, 303);
    browser
}

/// The page of a customer.
fn home(id: u64) -> String {
    format!("/console/at/till/customers/{id}")
}

/// Opens a page, and sends a form with its hidden fields to another.
async fn send(browser: &mut Browser, from: &str, to: &str, form: &[(&str, &str)]) -> Page {
    let page = browser.get(from).await.expect(200);
    let (csrf, key) = (page.csrf(), page.field("key").unwrap_or_default());
    let mut all = vec![("csrf", csrf.as_str()), ("key", key.as_str())];
    all.extend(form);
    browser.post(to, &all).await
}

/// A store with a sandbox for payments, and a client for its API.
async fn start(db: Db) -> (Server, Client) {
    let server = Server::start(db).await;
    new_entry(server.site(), "till", &["--test", "--provider", "sandbox"]);
    let client = master(&server);
    (server, client)
}

async fn lena(client: &Client) -> u64 {
    let body = json!({"email": EMAIL, "firstname": "Lena", "lastname": "Marchand", "phone": PHONE,
        "address": "12 Harbour Street", "city": "Bath", "country": "GB", "labels": ["vip"],
        "references": [{"system": "shop", "externalId": "S-77"}], "additionalFields": {"Tier": "gold"}});
    created(client, "till", &body).await
}

async fn with_method(client: &Client, id: u64, method: &str) -> String {
    let body = json!({"provider": "sandbox", "providerMethodId": method, "method": "card", "brand": "visa", "last4": "0001",
        "expMonth": 12, "expYear": 2090});
    let made = client.post(&format!("{}/methods", path(id)), &body).await.expect(200);
    made.data()["methodId"].as_str().unwrap().to_owned()
}

both!(a_customers_page_shows_all_that_hangs_on_it_and_masks_it_for_viewers, |db| async {
    let (server, client) = start(db).await;
    let id = lena(&client).await;
    let method = with_method(&client, id, "test-visa").await;
    let charge = json!({"amount": 25, "description": "Green tea", "methodId": method});
    client.post(&format!("{}/charges", path(id)), &charge).await.expect(200);
    client
        .post(&format!("{}/comments", path(id)), &json!({"text": "Call on Friday", "pinned": true}))
        .await
        .expect(200);
    client
        .post(
            &format!("{}/orders", path(id)),
            &json!({"lines": [{"name": "Tea", "unitPrice": 40}], "notify": false}),
        )
        .await
        .expect(200);

    let mut agent = member(&server, "agent").await;
    let page = agent.get(&home(id)).await.expect(200);
    for text in [
        "Lena Marchand",
        EMAIL,
        PHONE,
        "12 Harbour Street",
        "vip",
        "S-77",
        "gold",
        "Visa ···· 0001",
        "25.00 USD",
        "40.00 USD",
        "Call on Friday",
        "1 × Tea",
        "Pinned",
    ] {
        assert!(page.text.contains(text), "{text} is not on the page");
    }
    assert_eq!(page.headers["cache-control"], "no-store");
    assert!(page.text.len() < 100_000 && !page.text.contains(" style=") && !page.text.contains("onclick"));
    // An agent asks for money, but charges nobody.
    assert!(page.text.contains("/request-payment") && !page.text.contains("/charge\""));
    // The history says it in a sentence.
    let history = agent.get(&format!("{}/history", home(id))).await.expect(200);
    assert!(history.text.contains("charged <a href=\"/console/at/till/payments/"), "{}", history.text);
    assert!(history.text.contains(">25.00 USD</a>"));

    // A viewer sees masks, in the source too, and nothing to do.
    let mut viewer = member(&server, "viewer").await;
    for page in [home(id), format!("{}/history", home(id))] {
        let page = viewer.get(&page).await.expect(200);
        for secret in [EMAIL, "lena.marchand", PHONE, "5550117", "12 Harbour Street", "Call on Friday"] {
            assert!(!page.text.contains(secret), "{secret} is on the page of a viewer");
        }
        assert!(
            !page.text.contains("/edit\"")
                && !page.text.contains("/do/")
                && !page.text.contains("/request-payment")
        );
    }
    let refused = send(&mut viewer, "/console/account", &format!("{}/do/archive", home(id)), &[]).await;
    assert_eq!(refused.status, 403);
    for form in ["edit", "delete", "erase", "charge", "orders/new", "addresses/new"] {
        viewer.get(&format!("{}/{form}", home(id))).await.expect(403);
    }

    // Another place, and a place that is none, have no such customer; all places lead to its own.
    agent.get(&format!("/console/at/demo/customers/{id}")).await.expect(404);
    agent.get(&format!("/console/at/nowhere/customers/{id}")).await.expect(404);
    agent.get(&format!("/console/at/demo/customers/{id}/edit")).await.expect(404);
    let all = agent.get(&format!("/console/at/~/customers/{id}")).await;
    assert_eq!(all.location(), home(id));
});

both!(a_customer_is_edited_and_nobody_overwrites_what_a_colleague_wrote, |db| async {
    let (server, client) = start(db).await;
    let id = lena(&client).await;
    let mut agent = member(&server, "agent").await;
    let edit = format!("{}/edit", home(id));
    let page = agent.get(&edit).await.expect(200).says("12 Harbour Street").says("Tier: gold");
    let hidden: Vec<(String, String)> =
        ["csrf", "key", "etag", "was.firstname", "was.city", "was.email", "was.additionalFields"]
            .iter()
            .map(|name| {
                (
                    (*name).to_owned(),
                    page.field(name).unwrap_or_else(|| panic!("no {name}")).replace("&#34;", "\""),
                )
            })
            .collect();
    let form = |own: &[(&str, &str)]| -> Vec<(String, String)> {
        let own = own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        hidden.iter().cloned().chain(own).collect()
    };
    let post = async |browser: &mut Browser, form: &[(String, String)]| {
        let form: Vec<(&str, &str)> =
            form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        browser.post(&edit, &form).await
    };
    let first = form(&[
        ("firstname", "Lena"),
        ("city", "Wells"),
        ("email", EMAIL),
        ("additionalFields", "Tier: silver\r\nNote: a: b"),
    ]);
    assert!(post(&mut agent, &first).await.location().ends_with("?done=saved"));
    assert!(post(&mut agent, &first).await.location().ends_with("?done=saved"), "a form that is sent twice");
    let now = read(&client, id).await.json;
    assert_eq!((now["City"].as_str(), now["Email"].as_str()), (Some("Wells"), Some(EMAIL)));
    assert_eq!(now["AdditionalFields"], json!({"Tier": "silver", "Note": "a: b"}));

    // The form of before is old: it says what changed, keeps what was typed, and takes over what was not touched.
    let mut late = form(&[
        ("firstname", "Helena"),
        ("city", "Bath"),
        ("email", EMAIL),
        ("additionalFields", "Tier: gold"),
    ]);
    "another-key".clone_into(&mut late[1].1);
    let page = post(&mut agent, &late)
        .await
        .expect(422)
        .says("value=\"Helena\"")
        .says("value=\"Wells\"")
        .says("Sam Staff");
    assert!(page.text.contains("Tier: silver"));
    assert_eq!(read(&client, id).await.json["Firstname"], "Lena");

    // What is wrong stands at its field.
    let wrong =
        send(&mut agent, &edit, &edit, &[("etag", "*"), ("email", "no address"), ("was.email", EMAIL)]).await;
    wrong.expect(422).says("id=\"p-email\"").says("no address");
});

both!(labels_addresses_references_and_comments_are_looked_after, |db| async {
    let (server, client) = start(db).await;
    let id = lena(&client).await;
    let (home, mut agent) = (home(id), member(&server, "agent").await);
    let to = |tail: &str| format!("{home}{tail}");

    send(&mut agent, &home, &to("/labels"), &[("label", "press")]).await.location();
    send(&mut agent, &home, &to("/labels"), &[("label", "press")]).await.location();
    send(&mut agent, &home, &to("/labels"), &[("remove", "vip")]).await.location();
    assert_eq!(read(&client, id).await.json["Labels"], json!(["press"]));

    let street = [("address", "3 Mill Lane"), ("city", "Essex"), ("country", "GB"), ("kind", "shipping")];
    send(&mut agent, &to("/addresses/new"), &to("/addresses/new"), &street).await.location();
    send(&mut agent, &to("/addresses/new"), &to("/addresses/new"), &[("city", "Essex")])
        .await
        .expect(422)
        .says("p-address");
    let all = client.get(&format!("{}/addresses", path(id))).await.json["Records"].clone();
    let new =
        all.as_array().unwrap().iter().find(|one| one["address"] == "3 Mill Lane").unwrap()["id"].to_string();
    send(&mut agent, &home, &to(&format!("/addresses/{new}/default")), &[("use", "shipping")])
        .await
        .location();
    assert_eq!(read(&client, id).await.json["ShippingAddress"], "3 Mill Lane");
    let page = agent.get(&to(&format!("/addresses/{new}"))).await.expect(200).says("3 Mill Lane");
    let etag = page.field("etag").unwrap().replace("&#34;", "\"");
    let form = [
        ("etag", etag.as_str()),
        ("address", "4 Mill Lane"),
        ("kind", "shipping"),
        ("isDefaultShipping", "true"),
    ];
    send(&mut agent, &home, &to(&format!("/addresses/{new}")), &form).await.location();
    send(&mut agent, &home, &to(&format!("/addresses/{new}/delete")), &[]).await.location();
    assert_eq!(
        client.get(&format!("{}/addresses", path(id))).await.json["Records"].as_array().unwrap().len(),
        1
    );

    let crm = [("system", "crm"), ("externalId", "a/b c")];
    send(&mut agent, &home, &to("/references"), &crm).await.location();
    assert_eq!(read(&client, id).await.json["References"].as_array().unwrap().len(), 2);
    send(&mut agent, &home, &to("/references/delete"), &crm).await.location();
    send(&mut agent, &home, &to("/references"), &[("system", "C R M"), ("externalId", "1")])
        .await
        .expect(422);

    send(&mut agent, &home, &to("/comments"), &[("text", "Prefers mornings")]).await.location();
    agent.get(&home).await.says("Prefers mornings").says("Sam Staff").says("wrote <a href");
    let page = agent.get(&to("/comments/1")).await.expect(200).says("Prefers mornings");
    let etag = page.field("etag").unwrap().replace("&#34;", "\"");
    send(&mut agent, &home, &to("/comments/1"), &[("etag", &etag), ("text", "Prefers evenings")])
        .await
        .location();
    // The comment is another one by now.
    let old = send(&mut agent, &home, &to("/comments/1"), &[("etag", &etag), ("text", "Prefers noon")]).await;
    old.expect(422).says("Prefers noon").says("Prefers evenings");
    send(&mut agent, &home, &to("/comments/1/delete"), &[]).await.location();
    assert!(!agent.get(&home).await.text.contains("Prefers"));
});

both!(a_customer_is_invited_archived_locked_deleted_and_erased, |db| async {
    let (server, client) = start(db).await;
    let id = lena(&client).await;
    let (home, mut manager) = (home(id), member(&server, "manager").await);
    let to = |tail: &str| format!("{home}{tail}");
    for (action, word) in
        [("invite", "invited"), ("invite", "invited"), ("ask-consent", "sent"), ("archive", "archived")]
    {
        let gone = send(&mut manager, &home, &to(&format!("/do/{action}")), &[]).await;
        assert_eq!(gone.location(), format!("{home}?done={word}"));
    }
    let page = manager.get(&home).await.expect(200).says("Asked, not answered").says("Archived");
    assert!(page.text.contains("invited the customer to the portal"));
    // What the API refuses is said in words.
    send(&mut manager, &home, &to("/do/invite"), &[])
        .await
        .expect(409)
        .says("Take it out of the archive first");
    send(&mut manager, &home, &to("/do/unarchive"), &[]).await.location();
    send(&mut manager, &home, &to("/do/lock"), &[]).await.location();
    assert_eq!(read(&client, id).await.json["customerStatus"], 85);
    send(&mut manager, &home, &to("/do/enable"), &[]).await.location();

    // While money is open, the deletion says why it does not happen, and what to do.
    let order = json!({"lines": [{"name": "Tea", "unitPrice": 40}], "notify": false});
    client.post(&format!("{}/orders", path(id)), &order).await.expect(200);
    let refused = send(&mut manager, &to("/delete"), &to("/delete"), &[]).await.expect(422);
    let refused = refused.says("1 invoice is not paid.").says("name=\"cancelOpen\"");
    assert!(!refused.text.contains("cancelOpen=true"));
    let gone = send(&mut manager, &to("/delete"), &to("/delete"), &[("cancelOpen", "true")]).await;
    assert_eq!(gone.location(), format!("{home}?done=deleted"));
    manager.get(&home).await.expect(200).says("This customer is deleted");
    let wrong = send(&mut manager, &to("/erase"), &to("/erase"), &[("confirm", "7777")]).await;
    wrong.expect(422).says("id=\"p-confirm\"");
    let number = id.to_string();
    let gone = send(&mut manager, &to("/erase"), &to("/erase"), &[("confirm", &number)]).await;
    assert_eq!(gone.location(), format!("{home}?done=erased"));
    let page = manager.get(&home).await.expect(200).says("erased for good");
    assert!(!page.text.contains("Marchand"));
});

both!(money_is_asked_for_charged_ordered_and_written_down, |db| async {
    let (server, client) = start(db).await;
    let id = lena(&client).await;
    let good = with_method(&client, id, "test-visa").await;
    let bad = with_method(&client, id, "test-insufficient").await;
    let (home, mut manager) = (home(id), member(&server, "manager").await);
    let to = |tail: &str| format!("{home}{tail}");

    // A request: its address to copy, as a QR code, and the same again for the same form.
    let ask = to("/request-payment");
    let page = manager.get(&ask).await.expect(200);
    let (csrf, key) = (page.csrf(), page.field("key").unwrap());
    let form = [
        ("csrf", csrf.as_str()),
        ("key", &key),
        ("amount", "60,50"),
        ("currency", "USD"),
        ("description", "Deposit"),
        ("methodTypes.card", "true"),
        ("expiresInDays", "3"),
        ("collect.phone", "true"),
    ];
    let made = manager.post(&ask, &form).await.expect(200).says("/pay/till/").says("<svg").says("60.50 USD");
    let again = manager.post(&ask, &form).await.expect(200);
    let url = |page: &Page| page.text.split("/pay/till/").nth(1).map(|rest| rest[..43].to_owned());
    assert_eq!(url(&made), url(&again), "a form that is sent twice");
    let requests = client.get(&format!("{}/paymentRequests", path(id))).await.json["Records"].clone();
    assert_eq!(requests.as_array().unwrap().len(), 1);
    assert_eq!((&requests[0]["amount"], &requests[0]["methodTypes"]), (&json!(60.5), &json!(["card"])));
    send(&mut manager, &ask, &ask, &[("description", "Nothing")]).await.expect(422).says("p-amount");
    let request = requests[0]["paymentRequestId"].as_str().unwrap();
    let other = send(&mut manager, &home, &to(&format!("/requests/{request}/resend")), &[]).await.expect(200);
    assert_ne!(url(&other), url(&made));
    send(&mut manager, &home, &to(&format!("/requests/{request}/cancel")), &[]).await.location();

    // Links for cards.
    let new = to("/method-links/new");
    send(&mut manager, &new, &new, &[("notify", "true")]).await.expect(200).says("<svg").says("on its way");
    let links = client.get(&format!("{}/methodLinks", path(id))).await.json["Records"].clone();
    let link = links[0]["linkId"].as_str().unwrap();
    send(&mut manager, &home, &to(&format!("/method-links/{link}/cancel")), &[]).await.location();
    manager.get(&to("/method-links")).await.expect(200).says("Taken back");

    // Charges: once, and in words when the bank declines.
    let charge = to("/charge");
    let page = manager.get(&charge).await.expect(200).says("Visa ···· 0001");
    let (csrf, key) = (page.csrf(), page.field("key").unwrap());
    let form = [
        ("csrf", csrf.as_str()),
        ("key", &key),
        ("methodId", &good),
        ("amount", "25.00"),
        ("currency", "USD"),
    ];
    let result = manager.post(&charge, &form).await.location().to_owned();
    assert_eq!(manager.post(&charge, &form).await.location(), result, "a form that is sent twice");
    manager.get(&result).await.expect(200).says("25.00 USD").says("Paid");
    let declined = send(&mut manager, &charge, &charge, &[("methodId", &bad), ("amount", "80")])
        .await
        .location()
        .to_owned();
    manager.get(&declined).await.expect(200).says("too little money on the account");
    assert_eq!(read(&client, id).await.json["customerSummary"]["NumberofTransactions"], 1);

    // Methods.
    let edit = to(&format!("/methods/{bad}"));
    let etag = manager.get(&edit).await.expect(200).field("etag").unwrap().replace("&#34;", "\"");
    send(
        &mut manager,
        &home,
        &edit,
        &[("etag", &etag), ("holderName", "L. Marchand"), ("isDefault", "true")],
    )
    .await
    .location();
    send(&mut manager, &home, &to(&format!("/methods/{good}/default")), &[]).await.location();
    send(&mut manager, &home, &to(&format!("/methods/{bad}/delete")), &[]).await.location();
    assert_eq!(
        client.get(&format!("{}/methods", path(id))).await.json["Records"].as_array().unwrap().len(),
        1
    );

    // An order with a coupon that was made for the customer; problems stand at their lines.
    let coupon = to("/coupons/new");
    send(&mut manager, &coupon, &coupon, &[("code", "LENA10"), ("percentOff", "10")]).await.location();
    let order = to("/orders/new");
    let wrong = [("lines/1/name", "Tea"), ("lines/1/unitPrice", "much")];
    send(&mut manager, &order, &order, &wrong).await.expect(422).says("p-lines/1/unitPrice");
    let more = send(
        &mut manager,
        &order,
        &order,
        &[("moreLines", "true"), ("lineCount", "3"), ("lines/0/name", "Tea")],
    )
    .await;
    more.expect(200).says("lines/5/name").says("value=\"Tea\"");
    let lines = [
        ("lines/1/name", "Tea"),
        ("lines/1/unitPrice", "40"),
        ("lines/1/quantity", "2"),
        ("coupon", "lena10"),
        ("collect", "request"),
        ("dueInDays", "5"),
    ];
    send(&mut manager, &order, &order, &lines).await.expect(200).says("/pay/till/").says("72.00 USD");
    send(&mut manager, &home, &to("/coupons/assign"), &[("code", "NOPE")])
        .await
        .expect(422)
        .says("no coupon with this code");
    let redeem = [("code", "LENA10"), ("amount", "50"), ("currency", "USD")];
    send(&mut manager, &home, &to("/coupons/redeem"), &redeem).await.expect(200).says("45.00 USD");

    // Cash.
    let cash = [
        ("operation", "sale"),
        ("status", "approved"),
        ("amount", "10"),
        ("currency", "USD"),
        ("method", "cash"),
    ];
    let gone = send(&mut manager, &to("/payments/new"), &to("/payments/new"), &cash).await;
    assert_eq!(gone.location(), format!("{home}?done=recorded"));
    assert_eq!(read(&client, id).await.json["customerSummary"]["TotalAmountTransactions"], json!(35));
    let wrong = [("operation", "sale"), ("status", "approved"), ("amount", "much")];
    send(&mut manager, &to("/payments/new"), &to("/payments/new"), &wrong).await.expect(422).says("p-amount");
    let page: Value = read(&client, id).await.json;
    assert_eq!(page["Lifecycle"], "Active");
});
