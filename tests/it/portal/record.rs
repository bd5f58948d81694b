//! The customer's own record: what it shows, what the customer may edit, and in which language.

use super::*;

both!(a_customer_can_edit_the_fields_that_the_entrypoint_allows, |db| async {
    let server = start(db).await;
    let client = master(&server);
    let id = with_account(&client).await;
    let mut browser = Browser::new(&server, "demo");
    browser.sign_in("ada", PASSWORD).await.expect(303);
    let page = browser.get("/portal/demo/edit").await.expect(200);
    assert_eq!(page.field("phone").as_deref(), Some("+15555550117"));
    for never in ["email", "customerUsername", "firstname", "customerNumber"] {
        assert_eq!(page.field(never), None, "{never}");
    }
    let (csrf, version) = (page.csrf(), page.field("version").unwrap());
    let base = [("csrf", csrf.as_str()), ("version", version.as_str())];
    let with = |more: &[(&'static str, &'static str)]| [&base, more].concat();

    let wrong = with(&[("phone", "12"), ("city", "Wells"), ("shippingCountry", "US"), ("shippingZip", "x")]);
    let page = browser.post("/portal/demo/edit", &wrong).await.expect(422);
    let page = page.says("id=\"phone-problem\"").says("id=\"shippingZip-problem\"").says("value=\"Wells\"");
    assert_eq!(page.field("phone").as_deref(), Some("12"), "the form keeps what was sent");

    // A field that is not allowed is not written, even if it is sent.
    let sly = with(&[
        ("phone", "+15555550118"),
        ("city", ""),
        ("email", "evil@example.test"),
        ("customerStatus", "85"),
        ("balance", "99"),
        ("firstname", "Eve"),
        ("customerPsw", "something long"),
    ]);
    assert_eq!(browser.post("/portal/demo/edit", &sly).await.location(), "/portal/demo/record?done=saved");
    browser.get("/portal/demo/record?done=saved").await.expect(200).says("Your changes are saved");
    let record = client.get(&path(id)).await.expect(200).json;
    assert_eq!((&record["Phone"], &record["Email"]), (&json!("+15555550118"), &json!(EMAIL)));
    assert_eq!((&record["Firstname"], &record["customerStatus"]), (&json!("Ada"), &json!(1)));
    assert!(record["City"].is_null() && browser.is_in().await, "{record}");
    let history = client.get(&format!("{}/history", path(id))).await.expect(200).json;
    assert_eq!(history["Records"][0]["operation"], "updated", "{history}");

    // A form from before another client's change.
    let page = browser.post("/portal/demo/edit", &with(&[("phone", "+15555550119")])).await.expect(409);
    page.says("has changed since");
    let settings = json!({"general": [{"key": "editableFields", "value": "firstname"}]});
    client.put("/api/Paypoint/settings/demo", &settings).await.expect(200);
    let page = browser.get("/portal/demo/edit").await.expect(200);
    assert_eq!((page.field("firstname").as_deref(), page.field("phone")), (Some("Ada"), None));
});

both!(a_customer_sees_no_other_customer, |db| async {
    let server = start(db).await;
    let client = server.client();
    new_entry(server.site(), "other", &[]);
    with_account(&client).await;
    let bob = json!({"email": "bob@example.test", "customerUsername": "bob", "customerPsw": OTHER_PASSWORD,
        "fullname": "Bob Oak"});
    client.create("demo", &bob, &[], &[]).await.expect(200);
    client.create("other", &bob, &[], &[]).await.expect(200);
    let mut ada = Browser::new(&server, "demo");
    ada.sign_in("ada", PASSWORD).await.expect(303);
    let page = ada.get("/portal/demo/record").await.expect(200).says("Ada Roe");
    assert!(!page.text.contains("Bob"));
    ada.get("/portal/demo/record?customerId=2").await.expect(200).says("Ada Roe");
    // A session is valid for its own entrypoint alone, whatever a browser sends.
    assert_eq!(ada.get("/portal/other/record").await.location(), "/portal/other/sign-in");
    let mut bob = Browser::new(&server, "other");
    bob.sign_in("ada", PASSWORD).await.expect(422);
    bob.sign_in("bob", OTHER_PASSWORD).await.expect(303);
    let session = bob.cookies["customary_session"].clone();
    ada.cookies.insert("customary_session".into(), session);
    assert_eq!(ada.get("/portal/demo/record").await.location(), "/portal/demo/sign-in");
});

both!(pages_use_the_language_of_the_reader_and_the_colour_of_the_store, |db| async {
    let server = start(db).await;
    let client = master(&server);
    let settings = json!({"general": [{"key": "storeName", "value": "Épicerie du Chêne"},
        {"key": "language", "value": "fr"}, {"key": "color", "value": "#ffee00"}]});
    client.put("/api/Paypoint/settings/demo", &settings).await.expect(200);
    let mut browser = Browser::new(&server, "demo");
    let page = browser.get("/portal/demo/sign-in").await.expect(200).says("Se connecter – Épicerie du Chêne");
    page.says("<html lang=\"fr\">");
    browser.headers = vec![("accept-language", "de, en-GB;q=0.8, fr;q=0.5".into())];
    browser.get("/portal/demo/sign-in").await.expect(200).says("Sign in – Épicerie du Chêne");
    let style = browser.get("/portal/demo/style.css").await.expect(200);
    assert_eq!(style.headers["content-type"], "text/css; charset=utf-8");
    let style = style.says("--brand: #ffee00; --on-brand: #000000;");
    assert!(!style.text.contains("--brand-text: #ffee00"), "yellow cannot be read on white");
    browser.get("/portal/demo/icon.svg").await.expect(200).says(">É</text>");
});

both!(rules_18_a_customer_sees_its_orders_and_its_invoices_and_nobody_elses, |db| async {
    let server = start(db).await;
    let client = server.client();
    let ada = with_account(&client).await;
    let bob = created(&client, "demo", &json!({"email": "bob@example.test"})).await;
    let order =
        |name: &str| json!({"lines": [{"name": name, "unitPrice": 4.5, "quantity": 2}], "notify": false});
    let take = async |id: u64, name: &str| {
        let taken = client.post(&format!("{}/orders", path(id)), &order(name)).await.expect(200);
        taken.json["responseData"].clone()
    };
    let mut browser = Browser::new(&server, "demo");
    browser.sign_in("ada", PASSWORD).await.expect(303);
    let empty = browser.get("/portal/demo/record").await.expect(200).says("You have no invoices.");
    assert!(!empty.text.contains("Orders"));
    let (own, foreign) = (take(ada, "Green tea").await, take(bob, "Black tea").await);
    let gone = take(ada, "Stale tea").await;
    let cancel = format!("/api/Order/{}/cancel", gone["orderId"].as_str().unwrap());
    client.send(reqwest::Method::POST, &cancel, None, &[]).await.expect(200);

    let page = browser.get("/portal/demo/record").await.expect(200);
    let number = |order: &Value| order["invoiceNumber"].as_str().unwrap().to_owned();
    let page = page.says("Orders").says("2 × Green tea").says("9.00 USD").says("Completed").says("Cancelled");
    let page = page.says(&number(&own)).says(&number(&gone)).says("Please pay by");
    assert!(!page.text.contains("Black tea") && !page.text.contains(&number(&foreign)));
    let pdf = |order: &Value| format!("/portal/demo/invoices/{}", order["invoiceId"]);
    let file = browser.get(&pdf(&own)).await.expect(200);
    assert!(file.text.starts_with("%PDF"), "{}", file.text.chars().take(20).collect::<String>());
    browser.get(&pdf(&foreign)).await.expect(404);
    browser.headers = vec![("accept-language", "fr".into())];
    let french = browser.get("/portal/demo/record").await.expect(200);
    french.says("Terminée").says("À payer jusqu’au");
});

both!(rules_18_a_customer_pages_through_all_orders_and_invoices, |db| async {
    let server = start(db).await;
    let client = server.client();
    let ada = with_account(&client).await;
    let mut numbers = Vec::new();
    for number in 0..60 {
        let lines: Vec<Value> = (0..if number == 59 { 9 } else { 1 })
            .map(|line| json!({"name": format!("Tea {line}"), "unitPrice": 1}))
            .collect();
        let order = json!({"lines": lines, "notify": false, "collect": "paid"});
        let taken = client.post(&format!("{}/orders", path(ada)), &order).await.expect(200);
        numbers.push(taken.json["responseData"]["invoiceNumber"].as_str().unwrap().to_owned());
    }
    // The oldest invoice waits for money; it is on the first page all the same.
    let open = json!({"lines": [{"name": "Cup", "unitPrice": 1}], "notify": false});
    let open = client.post(&format!("{}/orders", path(ada)), &open).await.expect(200);
    let mut browser = Browser::new(&server, "demo");
    browser.sign_in("ada", PASSWORD).await.expect(303);
    let page = browser.get("/portal/demo/record").await.expect(200);
    let page = page.says("All orders").says("All invoices").says("+ 4 more lines");
    page.says(open.json["responseData"]["invoiceNumber"].as_str().unwrap());
    for list in ["orders", "invoices"] {
        let (mut next, mut seen, mut pages) =
            (format!("/portal/demo/{list}"), std::collections::BTreeSet::new(), 0);
        loop {
            let page = browser.get(&next).await.expect(200);
            pages += 1;
            seen.extend(numbers.iter().filter(|number| page.text.contains(&format!(">{number}<"))).cloned());
            let Some(at) = page.text.find("?after=") else { break };
            let rest = &page.text[at..];
            next = format!("/portal/demo/{list}{}", &rest[..rest.find('"').unwrap()]);
        }
        assert_eq!((seen.len(), pages), (60, 2), "{list}");
        browser.get(&format!("/portal/demo/{list}?after=odd")).await.expect(200);
    }
});
