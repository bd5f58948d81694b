//! Whose a transaction is: named, found, registered or linked later.

use super::*;
use crate::support::sql::*;
use crate::support::*;

fn link(customer: u64, item: &Value) -> String {
    format!(
        "/api/Customer/link/{customer}/{}",
        item["transId"].as_str().unwrap_or("1-00000000000000000000000000000000")
    )
}

both!(rules_14_a_customer_is_named_in_one_of_four_ways, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let body = json!({"email": "ada@example.test", "customerNumber": "A-1",
        "references": [{"system": "stripe", "externalId": "cus_1"}]});
    let ada = created(&client, "demo", &body).await;
    let ways = [
        json!({"customerId": ada}),
        json!({"customerNumber": "A-1"}),
        json!({"reference": {"system": "stripe", "externalId": "cus_1"}}),
        json!({"customer": {"email": "ADA@example.test", "lastname": "Roe"}}),
    ];
    for (number, way) in ways.into_iter().enumerate() {
        let item = one(&client, with(sale(&format!("T-{number}"), 1), way)).await;
        assert_eq!((&item["customerId"], &item["reason"]), (&json!(ada), &Value::Null), "{item}");
    }
    let ways = [
        json!({"customerId": 999_999}),
        json!({"customerNumber": "A-2"}),
        json!({"reference": {"system": "stripe", "externalId": "cus_2"}}),
        json!({"customer": {"email": "ben@example.test"}}),
    ];
    for (number, way) in ways.into_iter().enumerate() {
        let item = with(sale(&format!("U-{number}"), 1), way);
        let refused = one_as(&client, "refuse", item.clone()).await;
        assert_eq!(
            (refused["result"].as_str(), code(&refused)),
            (Some("refused"), "unknown_customer"),
            "{refused}"
        );
        let kept = one(&client, item).await;
        assert_eq!((kept["result"].as_str(), code(&kept)), (Some("created"), "unknown_customer"), "{kept}");
        assert_eq!(kept["customerId"], Value::Null);
    }
    assert_eq!(total(&client, "demo").await, 1, "nobody is registered unless asked");
    // Somebody else's transaction stays theirs.
    let ben = created(&client, "demo", &json!({"email": "ben@example.test", "customerNumber": "B-1"})).await;
    for whose in [json!({"customerId": ben}), json!({"customerNumber": "B-1"})] {
        let moved = with(
            with(sale("T-0", 1), json!({"status": "voided", "occurredAt": "2026-03-02T10:00:00Z"})),
            whose,
        );
        let refused = one(&client, moved).await;
        assert_eq!((refused["result"].as_str(), code(&refused)), (Some("refused"), "linked_to_another"));
    }
});

both!(rules_14_a_transaction_is_linked_once, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let ben = created(&client, "demo", &json!({"email": "ben@example.test"})).await;
    let item = one(&client, with(sale("T-1", 25), json!({"description": "Two seats"}))).await;
    let scopes = ["customers:read", "money:read", "pii:read"];
    let reader = server.anonymous().token(&token_with(server.site(), &scopes));
    for method in [reqwest::Method::GET, reqwest::Method::POST] {
        reader.send(method, &link(ada, &item), None, &[]).await.expect_error(403);
    }
    for (header, value) in [
        ("Sec-Purpose", "prefetch;prerender"),
        ("Purpose", "prefetch"),
        ("Purpose", "Preview"),
        ("X-Purpose", "preview"),
        ("X-Moz", "prefetch"),
    ] {
        let refused = client.header(header, value).get(&link(ada, &item)).await;
        refused.expect_error(400);
        assert_eq!(places(&refused), set([format!("@{header}").as_str()]), "{value}");
    }
    client.send(reqwest::Method::HEAD, &link(ada, &item), None, &[]).await.expect(200);
    assert_eq!(shown(&client, &item).await["customerId"], Value::Null, "HEAD and a prefetch link nothing");
    for _ in 0..2 {
        let linked = client.get(&link(ada, &item)).await.expect(200);
        assert_eq!(
            (linked.json["responseText"].as_str(), linked.header("Cache-Control")),
            (Some("Success"), Some("no-store"))
        );
    }
    client.post(&link(ada, &item), &Value::Null).await.expect(200);
    let conflict = client.post(&link(ben, &item), &Value::Null).await;
    assert_eq!(conflict.expect_error(409).json["errors"][0]["code"], "linked_to_another");
    let seen = shown(&client, &item).await;
    assert_eq!((&seen["customerId"], &seen["description"]), (&json!(ada), &json!("Two seats")));
    for path in [link(ada, &json!({})), link(999_999, &item), format!("/api/Customer/link/{ada}/nothing")] {
        client.post(&path, &Value::Null).await.expect_error(404);
    }
    // Another entrypoint's customer cannot have it.
    new_entry(server.site(), "other", &[]);
    let far = created(&client, "other", &json!({"email": "ada@example.test"})).await;
    client.post(&link(far, &item), &Value::Null).await.expect_error(404);
    client.delete(&path(ben)).await.expect(200);
    let second = one(&client, sale("T-2", 1)).await;
    client.post(&link(ben, &second), &Value::Null).await.expect_error(409);
    let kinds =
        Sql::open(server.site()).texts("SELECT kind AS value FROM event WHERE kind = 'transaction.linked'");
    assert_eq!(kinds.len(), 1);
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_14_an_approved_sale_registers_who_paid, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let who = json!({"customer": {"email": "ada@example.test", "firstname": "Ada", "city": "Oakton"}});
    // Money that did not move registers nobody.
    for (number, status) in ["declined", "initiated", "voided"].into_iter().enumerate() {
        let item = with(with(sale(&format!("F-{number}"), 5), who.clone()), json!({"status": status}));
        let kept = one_as(&client, "create", item).await;
        assert_eq!((&kept["customerId"], code(&kept)), (&Value::Null, "not_confirmed"), "{kept}");
    }
    let refund = with(with(sale("F-9", 5), who.clone()), json!({"operation": "credit"}));
    assert_eq!(one_as(&client, "create", refund).await["customerId"], Value::Null);
    assert_eq!(total(&client, "demo").await, 0);
    // The same one, once it is approved.
    let approved = with(with(sale("F-1", 5), who), json!({"occurredAt": "2026-03-02T10:00:00Z"}));
    let linked = one_as(&client, "create", approved).await;
    assert_eq!(linked["result"], "linked", "{linked}");
    let ada = linked["customerId"].as_u64().expect("a customer");
    assert_eq!(operations(&client, ada).await, ["created"]);
    // The next one completes the record, and overwrites nothing.
    let more = json!({"customer": {"email": "Ada@example.test", "firstname": "Eve", "lastname": "Roe", "phone": "+12025550117"}});
    let second = one_as(&client, "create", with(sale("S-2", 7), more)).await;
    assert_eq!(second["customerId"], ada);
    let record = read(&client, ada).await.json;
    assert_eq!((&record["Firstname"], &record["Lastname"]), (&json!("Ada"), &json!("Roe")));
    assert_eq!(record["Email"], "ada@example.test");
    assert_eq!(operations(&client, ada).await, ["merged", "created"]);
    // The same phone is not the same person.
    let other = json!({"customer": {"email": "ben@example.test", "phone": "+12025550117"}});
    let third = one_as(&client, "create", with(sale("S-3", 7), other)).await;
    assert_ne!(third["customerId"], ada);
    assert_eq!(total(&client, "demo").await, 2);
    // Who fits two customers is not chosen.
    let numbered =
        created(&client, "demo", &json!({"customerNumber": "N-1", "email": "cy@example.test"})).await;
    let both = json!({"customer": {"email": "ada@example.test", "customerNumber": "N-1"}});
    let unclear = one_as(&client, "create", with(sale("S-4", 7), both)).await;
    assert_eq!((&unclear["customerId"], code(&unclear)), (&Value::Null, "ambiguous_customer"), "{unclear}");
    assert_eq!(unclear["candidates"], json!([ada, numbered]));
    assert_eq!(shown(&client, &unclear).await["candidates"], json!([ada, numbered]));
    client.post(&link(numbered, &unclear), &Value::Null).await.expect(200);
    assert_eq!(shown(&client, &unclear).await["candidates"], json!([]));
    // To register somebody needs the right to do so.
    let token = token_with(server.site(), &["money:write", "customers:read"]);
    let answer =
        server.anonymous().token(&token).post(&format!("{ROUTE}?onUnknownCustomer=create"), &json!([])).await;
    answer.expect_error(403);
    server.cli(&["doctor", "--deep"]).success();
});

fleets!(rules_14_many_payments_of_a_new_client_make_one_customer, |fleet| async {
    let answers = fleet
        .race(64, |number, client| async move {
            let who = json!({"customer": {"email": "ada@example.test", "firstname": "Ada"}});
            one_as(&client, "create", with(sale(&format!("P-{number}"), 10), who)).await
        })
        .await;
    let ids: std::collections::BTreeSet<u64> =
        answers.iter().map(|item| item["customerId"].as_u64().unwrap_or_else(|| panic!("{item}"))).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(total(&fleet.client(0), "demo").await, 1);
    let mut sql = Sql::open(fleet.site());
    assert_eq!(sql.texts(TOTALS)[0].split(' ').skip(2).take(3).collect::<Vec<_>>(), ["64", "64", "6400000"]);
});

both!(rules_14_an_erased_customer_keeps_old_money_and_gets_none, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = created(&client, "demo", &json!({"email": "ada@example.test", "customerNumber": "A-1"})).await;
    let item = with(
        sale("T-1", 25),
        json!({"customerId": ada, "description": "Zebra tickets", "maskedAccount": "•• 4242"}),
    );
    let first = one(&client, item.clone()).await;
    client.delete(&format!("{}?erase=true", path(ada))).await.expect(200);
    let seen = shown(&client, &first).await;
    assert_eq!(
        (&seen["customerId"], &seen["TotalAmount"], &seen["externalId"]),
        (&json!(ada), &json!(25), &json!("T-1"))
    );
    assert_eq!((&seen["description"], &seen["maskedAccount"]), (&Value::Null, &Value::Null));
    let mut sql = Sql::open(server.site());
    assert_eq!((sql.number(TRANSACTION_TEXTS), sql.texts(TOTALS).len()), (0, 2));
    for whose in [json!({"customerId": ada}), json!({"customerNumber": "A-1"})] {
        let later = one(&client, with(sale("L-1", 5), whose)).await;
        assert_eq!((&later["customerId"], code(&later)), (&Value::Null, "unknown_customer"), "{later}");
    }
    // A late delivery of the old one finds it, brings no text back, and a refund of it keeps its owner.
    // It waits for a customer with the number that it names, and for nobody else.
    sql.run("DELETE FROM transaction_payer; UPDATE \"transaction\" SET document = NULL");
    let late = with(item, json!({"status": "refunded", "occurredAt": "2026-03-02T10:00:00Z"}));
    assert_eq!(one(&client, late.clone()).await["transId"], first["transId"]);
    assert_eq!(one(&client, late).await["result"], "unchanged");
    assert_eq!(shown(&client, &first).await["description"], Value::Null);
    let refund =
        with(sale("R-1", 25), json!({"operation": "refund", "refundOf": "T-1", "description": "Zebra"}));
    assert_eq!(one(&client, refund).await["customerId"], ada);
    assert_eq!(sql.number(TRANSACTION_TEXTS), 0);
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_1_only_who_may_register_customers_does_so_by_payments, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let payer = |name: &str| json!({"email": format!("{name}@example.test")});
    let told = |name: &str| with(sale(&format!("T-{name}"), 5), json!({"customer": payer(name)}));
    // A webhook that is sent by hand.
    let webhook = |name: &str| json!({"type": "transaction.updated", "timestamp": "2026-11-28T10:00:00Z", "data": told(name)});
    let hand = server.anonymous().token(&token_with(server.site(), &["money:write", "customers:read"]));
    let sent = hand.post("/api/Ingest/demo/standard", &webhook("ada")).await.expect(200);
    let item = &sent.json["responseData"]["items"][0];
    assert_eq!((&item["result"], &item["customerId"]), (&json!("created"), &Value::Null), "{item}");
    assert_eq!(total(&client, "demo").await, 0);
    // A dry run needs what its file would do, and so does its commit.
    let scopes = ["customers:import", "customers:write", "money:write"];
    let whole = server.anonymous().token(&token_with(server.site(), &scopes));
    let route = "/api/Import/transactionsForm/demo?dryRun=true&onUnknownCustomer=create";
    let file = "source,externalId,status,amount,Email\nshop,C-1,approved,5,cy@example.test\n";
    let request = whole.request(reqwest::Method::POST, route).header("Content-Type", "text/csv").body(file);
    let job = crate::support::send(request).await.expect(200).json["responseData"]["jobId"].clone();
    let commit = format!("/api/Import/jobs/demo/{job}/commit");
    for lacking in scopes {
        let held: Vec<&str> = scopes.into_iter().filter(|scope| *scope != lacking).collect();
        let token = token_with(server.site(), &held);
        let refused = server.anonymous().token(&token).post(&commit, &Value::Null).await;
        assert!(refused.expect_error(403).text.contains(lacking), "{}", refused.text);
    }
    assert_eq!(total(&client, "demo").await, 0);
    whole.post(&commit, &Value::Null).await.expect(202);
    wait_until("the file is imported", std::time::Duration::from_secs(30), async || {
        total(&client, "demo").await == 1
    })
    .await;
});

both!(rules_14_no_payment_registers_an_erased_person_again, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let who = json!({"customer": {"email": "ada@example.test", "firstname": "Ada"}});
    let ada = one_as(&client, "create", with(sale("T-1", 5), who.clone())).await["customerId"].clone();
    client.delete(&format!("{}?erase=true", path(ada.as_u64().expect("an id")))).await.expect(200);
    server.cli(&["keys", "rotate", "--entry", "demo"]).success();
    for id in ["T-2", "T-3"] {
        let later = one_as(&client, "create", with(sale(id, 5), who.clone())).await;
        assert_eq!((&later["customerId"], code(&later)), (&Value::Null, "erased_customer"), "{later}");
    }
    // Somebody else, and the same address elsewhere, are other people.
    new_entry(server.site(), "other", &[]);
    let route = "/api/Transaction/other?onUnknownCustomer=create";
    let other = client.post(route, &json!([with(sale("T-4", 5), who.clone())])).await.expect(200);
    assert!(other.json["items"][0]["customerId"].is_u64(), "{}", other.text);
    // Whoever creates the customer again wants the payments, and those that waited.
    let again = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let paid = one_as(&client, "create", with(sale("T-5", 5), who)).await;
    assert_eq!(paid["customerId"], again);
    let owned = client.get(&format!("/api/Query/transactions/demo?customerId={again}")).await.expect(200);
    assert_eq!(owned.json["Summary"]["totalRecords"], 3, "{}", owned.text);
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_14_a_refund_stays_with_its_customer, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let ben = created(&client, "demo", &json!({"email": "ben@example.test"})).await;
    one(&client, with(sale("S-1", 9), json!({"customerId": ada}))).await;
    // A credit that is later said to pay back somebody else's sale.
    let back = |id: &str| with(sale(id, 3), json!({"operation": "refund", "customerId": ben}));
    let late = |id: &str| {
        let members = json!({"operation": "refund", "refundOf": "S-1", "occurredAt": "2026-03-02T10:00:00Z"});
        with(sale(id, 3), members)
    };
    let blind = server.anonymous().token(&token_with(server.site(), &["money:write"]));
    for (id, sender, wanted) in [("R-1", &client, "refused"), ("R-2", &blind, "moved")] {
        let first = one(&client, back(id)).await;
        let answer = one(sender, late(id)).await;
        assert_eq!(answer["result"], wanted, "{answer}");
        assert_eq!(shown(&client, &first).await["customerId"], ben, "money never changes its owner");
    }
    assert_eq!(code(&one(&client, late("R-1")).await), "linked_to_another");
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_14_a_later_delivery_completes_the_customer, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let told = |who: Value| with(sale("T-1", 5), json!({"customer": who}));
    let ada =
        one_as(&client, "create", told(json!({"email": "ada@example.test"}))).await["customerId"].clone();
    let references = json!([{"system": "stripe", "externalId": "cus_1"}]);
    let more = json!({"email": "ada@example.test", "lastname": "Roe", "references": references});
    assert_eq!(one_as(&client, "create", told(more)).await["result"], "unchanged");
    let record = read(&client, ada.as_u64().expect("an id")).await.json;
    assert_eq!(record["Lastname"], "Roe");
    // So the next payment by the reference alone is hers, and somebody else's data are not taken.
    let next = json!({"customer": {"references": [{"system": "stripe", "externalId": "cus_1"}]}});
    assert_eq!(one_as(&client, "create", with(sale("T-2", 5), next)).await["customerId"], ada);
    one_as(&client, "create", told(json!({"email": "eve@example.test", "company": "Acme"}))).await;
    assert_eq!(read(&client, ada.as_u64().expect("an id")).await.json["Company"], Value::Null);
    assert_eq!(total(&client, "demo").await, 1);
});

both!(rules_14_a_delivery_that_finds_another_customer_is_refused, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let ada = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    created(&client, "demo", &json!({"email": "ben@example.test"})).await;
    one(&client, with(sale("T-1", 10), json!({"customerId": ada}))).await;
    let later = json!({"occurredAt": "2026-03-05T10:00:00Z", "description": "Hers"});
    let of = |email: &str| with(with(sale("T-1", 10), later.clone()), json!({"customer": {"email": email}}));
    for mode in ["unlinked", "create", "refuse"] {
        let told = one_as(&client, mode, of("ben@example.test")).await;
        let wanted = (&json!("refused"), "linked_to_another", &json!("/customer"));
        assert_eq!((&told["result"], code(&told), &told["reason"]["field"]), wanted, "{mode}: {told}");
    }
    // Who is nobody here yet may be the same person under another address.
    assert_eq!(one(&client, of("ada.roe@example.test")).await["result"], "moved");
    // What is refused cannot be linked.
    let told = one_as(&client, "refuse", with(sale("T-2", 1), json!({"customerNumber": "N-9"}))).await;
    assert!(told["reason"]["message"].as_str().unwrap().contains("send the transaction again"), "{told}");
    let told = one_as(&client, "unlinked", with(sale("T-2", 1), json!({"customerNumber": "N-9"}))).await;
    assert!(told["reason"]["message"].as_str().unwrap().contains("link the transaction"), "{told}");
});
