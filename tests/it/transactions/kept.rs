//! What is kept of transactions, sealed, and who sees what.

use super::*;
use crate::support::sql::*;
use crate::support::*;

both!(rules_1_scopes_and_masks_hold_for_transactions, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let item = with(
        sale("T-1", 25),
        json!({"customerId": ada, "description": "Zebra tickets",
        "maskedAccount": "•• 4242", "orderId": "O-1", "additionalData": {"seat": "17"}}),
    );
    let item = one(&client, item).await;
    let route = format!("/api/MoneyIn/details/{}", item["transId"].as_str().unwrap());
    let token = |scopes: &[&str]| server.anonymous().token(&token_with(server.site(), scopes));
    token(&["customers:read", "pii:read"]).get(&route).await.expect_error(403);
    token(&["money:read"]).post(ROUTE, &json!([])).await.expect_error(403);
    let seen = token(&["money:read"]).get(&route).await.expect(200).json;
    assert_eq!((&seen["description"], &seen["maskedAccount"]), (&json!("***"), &json!("***")));
    assert_eq!((&seen["additionalData"], &seen["OrderId"]), (&json!({"seat": "***"}), &json!("O-1")));
    let seen = token(&["money:read", "pii:read"]).get(&route).await.expect(200).json;
    assert_eq!(
        (&seen["description"], &seen["additionalData"]),
        (&json!("Zebra tickets"), &json!({"seat": "17"}))
    );
    // A token that reads no customers does not learn whom it found.
    let writer = token(&["money:write"]);
    let found = one(&writer, with(sale("T-2", 1), json!({"customer": {"email": "ada@example.test"}}))).await;
    assert_eq!((&found["result"], &found["customerId"]), (&json!("created"), &Value::Null));
    assert_eq!(shown(&client, &found).await["customerId"], ada);
    let far = server.anonymous().token(&token_of(
        server.site(),
        &["--org", "1", "--entry", "demo"],
        &["money:read"],
    ));
    far.get(&route).await.expect(200);
    new_entry(server.site(), "other", &[]);
    let far = server.anonymous().token(&token_of(
        server.site(),
        &["--org", "1", "--entry", "other"],
        &["money:read"],
    ));
    far.get(&route).await.expect_error(404);
    for id in ["1-00000000000000000000000000000000", "nothing", "99-00000000000000000000000000000000"] {
        client.get(&format!("/api/MoneyIn/details/{id}")).await.expect_error(404);
    }
    assert!(server.site().token().len() > 10);
});

both!(rules_7_transactions_are_sealed_and_rotated, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let eve = created(&client, "demo", &json!({"email": "eve@example.test"})).await;
    let mut items: Vec<Value> = (0..40)
        .map(|number| {
            with(
                sale(&format!("Zebra-{number}"), 10),
                json!({"customerId": ada, "description": "Zebra tickets"}),
            )
        })
        .collect();
    items.push(with(sale("Quagga-1", 10), json!({"description": "Quagga"})));
    items.push(with(sale("Quagga-2", 4), json!({"operation": "refund", "refundOf": "Quagga-1"})));
    items.push(with(sale("Quagga-3", 4), json!({"customerId": eve, "description": "Quagga"})));
    let sent = record(&client, &items).await;
    client.delete(&format!("{}?erase=true", path(eve))).await.expect(200);
    let mut sql = Sql::open(server.site());
    let totals = sql.texts(TOTALS);
    server.cli(&["keys", "rotate", "--entry", "demo"]).success();
    server.cli(&["doctor", "--deep"]).success();
    let keys = sql.texts("SELECT DISTINCT CAST(key_id AS TEXT) AS value FROM \"transaction\"");
    assert_eq!(keys.len(), 1, "{keys:?}");
    let again = record(&client, &items).await;
    assert_eq!(again.json["unchanged"], items.len(), "{}", again.text);
    assert_eq!(again.json["items"][0]["transId"], sent.json["items"][0]["transId"]);
    assert_eq!(shown(&client, &sent.json["items"][40]).await["refundedAmount"], 4);
    assert_eq!(shown(&client, &sent.json["items"][0]).await["description"], "Zebra tickets");
    assert_eq!(sql.texts(TOTALS), totals);
});

both!(rules_15_doctor_finds_wrong_totals, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    record(
        &client,
        &[
            with(sale("T-1", 25), json!({"customerId": ada})),
            with(sale("T-2", 5), json!({"customerId": ada})),
        ],
    )
    .await;
    let sound = server.cli(&["doctor", "--deep"]).success();
    assert!(sound.contains("transactions"), "{sound}");
    let mut sql = Sql::open(server.site());
    sql.run(&spoil_totals(ada));
    let output = server.cli(&["doctor", "--deep"]);
    assert!(!output.status.success(), "{}", output.stdout);
    assert!(
        (output.stdout.clone() + &output.stderr).contains(&format!("the totals of customer {ada}")),
        "{}",
        output.stdout
    );
    sql.run("UPDATE customer_total SET gross_units = gross_units - 1");
    server.cli(&["doctor", "--deep"]).success();
    sql.run("UPDATE \"transaction\" SET amount_units = amount_units + 10000");
    let output = server.cli(&["doctor", "--deep"]);
    assert!(
        !output.status.success() && (output.stdout.clone() + &output.stderr).contains("does not open"),
        "{}",
        output.stdout
    );
});

both!(rules_15_a_record_shows_totals_and_the_last_five, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let none = read(&client, ada).await;
    assert_eq!(none.json["customerSummary"]["NumberofTransactions"], 0);
    assert_eq!(none.json["customerSummary"]["RecentTransactions"], Value::Null);
    let items: Vec<Value> = (0..7)
        .map(|number| {
            let at = format!("2026-03-0{}T10:00:00Z", number + 1);
            with(
                sale(&format!("T-{number}"), "10.50"),
                json!({"customerId": ada, "occurredAt": at, "description": "Zebra"}),
            )
        })
        .chain([
            with(sale("R-1", 3), json!({"operation": "refund", "refundOf": "T-1"})),
            with(sale("E-1", 5), json!({"customerId": ada, "currency": "EUR"})),
            with(sale("D-1", 99), json!({"customerId": ada, "status": "declined"})),
        ])
        .collect();
    record(&client, &items).await;
    let shown = read(&client, ada).await;
    assert_ne!(etag(&shown), etag(&none), "what is rendered changed");
    let summary = &shown.json["customerSummary"];
    assert_eq!(summary["NumberofTransactions"], 8);
    assert_eq!(
        (&summary["TotalAmountTransactions"], &summary["TotalNetAmountTransactions"]),
        (&json!(73.5), &json!(70.5))
    );
    assert_eq!(summary["incomplete"], true);
    let recent: Vec<&str> = summary["RecentTransactions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["externalId"].as_str().unwrap())
        .collect();
    assert_eq!(recent, ["T-6", "T-5", "T-4", "T-3", "T-2"]);
    assert!(summary["RecentTransactions"].as_array().unwrap().iter().all(|one| one["splitCount"] == 0));
    let currencies: Vec<&str> = summary["totalsByCurrency"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["currency"].as_str().unwrap())
        .collect();
    assert_eq!(currencies, ["EUR", "USD"]);
    // Everywhere the same.
    assert_eq!(client.list("demo").await[0]["customerSummary"], *summary);
    let all = client.get("/api/Query/customers/demo?limitRecord=0").await.expect(200);
    assert_eq!(all.json["Records"][0]["customerSummary"], *summary);
    let details = client.get(&format!("{}/details", path(ada))).await.expect(200);
    assert_eq!(details.json["record"], shown.json);
    let matched = client.create("demo", &json!({"email": "ada@example.test"}), &[], &[]).await.expect(200);
    assert_eq!(matched.data()["customerSummary"], *summary);
    let fresh = client.header("If-None-Match", &etag(&shown));
    assert_eq!(fresh.get(&path(ada)).await.status, 304);
    one(&client, with(sale("T-9", 1), json!({"customerId": ada}))).await;
    assert_eq!(fresh.get(&path(ada)).await.status, 200);
    // The tag still guards the record alone.
    client.header("If-Match", &etag(&shown)).put(&path(ada), &json!({"city": "Oakton"})).await.expect(200);
    let token = |scopes: &[&str]| server.anonymous().token(&token_with(server.site(), scopes));
    let blind = token(&["customers:read", "pii:read"]);
    assert_eq!(read(&blind, ada).await.json["customerSummary"], Value::Null);
    assert_eq!(blind.list("demo").await[0]["customerSummary"], Value::Null);
    let masked = read(&token(&["customers:read", "money:read"]), ada).await.json;
    assert_eq!(masked["customerSummary"]["RecentTransactions"][0]["description"], "***");
});

both!(rules_14_refunds_beyond_the_greatest_amount_are_still_added_up, |db| async {
    const MOST: &str = "999999999999.99";
    let server = Server::start(db).await;
    let client = master(&server);
    let refund = |id: &str, status: &str, day: u8| {
        let own = json!({"operation": "refund", "refundOf": "S", "status": status,
            "occurredAt": format!("2026-03-{day:02}T10:00:00Z")});
        with(sale(id, MOST), own)
    };
    record(&client, &[sale("S", 5), refund("R-1", "approved", 2), refund("R-2", "approved", 2)]).await;
    // The sum is greater than an amount can be; without one of them it is not.
    record(&client, &[refund("R-2", "voided", 3)]).await;
    let list = client.get("/api/Query/transactions/demo?operation=sale").await.expect(200);
    assert_eq!(list.json["Records"][0]["refundedAmount"].to_string(), MOST, "{}", list.text);
    server.cli(&["doctor", "--deep"]).success();
});
