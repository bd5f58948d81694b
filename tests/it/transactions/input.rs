//! What is refused, and that the others are recorded.

use super::*;
use crate::support::sql::*;
use crate::support::*;

both!(rules_14_a_bad_item_refuses_itself_alone, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let no_id = json!({"source": "shop", "status": "approved", "amount": 1});
    let cases = [
        (no_id, "required", "/externalId"),
        (with(sale("B-1", 1), json!({"currency": "USX"})), "unknown_currency", "/currency"),
        (with(sale("B-2", "1050.5"), json!({"currency": "JPY"})), "too_many_digits", "/amount"),
        (sale("B-3", "1.005"), "too_many_digits", "/amount"),
        (with(sale("B-4", 1), json!({"occurredAt": "2999-01-01T00:00:00Z"})), "invalid_time", "/occurredAt"),
        (with(sale("B-5", 1), json!({"status": "paid"})), "invalid_value", "/status"),
        (
            with(sale("B-6", 1), json!({"description": "card 4111 1111 1111 1111"})),
            "raw_card_data",
            "/description",
        ),
        (with(sale("B-7", 1), json!({"cvv": "123"})), "raw_card_data", "/cvv"),
        (with(sale("B-8", 1), json!({"customer": {"email": "ada"}})), "invalid_email", "/customer/email"),
        (with(sale("B-9", 1), json!({"customerId": 1, "customerNumber": "x"})), "several_customers", ""),
        (sale("B-10", -1), "invalid_amount", "/amount"),
        (with(sale("B-13", 1), json!({"fee": "-0.30"})), "invalid_amount", "/fee"),
        (with(sale("B-14", 1), json!({"baseAmount": -2})), "invalid_amount", "/baseAmount"),
        // Digits of any script are digits of the account.
        (
            with(sale("B-15", 1), json!({"maskedAccount": "\u{661}\u{662}\u{663}\u{664}\u{665}"})),
            "invalid_value",
            "/maskedAccount",
        ),
        (
            with(sale("B-16", 1), json!({"maskedAccount": "42\u{967}\u{ff14}1"})),
            "invalid_value",
            "/maskedAccount",
        ),
        (sale("B-11", 1_000_000_000_000_i64), "invalid_amount", "/amount"),
        (json!("text"), "wrong_type", ""),
        (
            with(sale("B-12", 1), json!({"customer": {"customerPsw": "a long password"}})),
            "unknown_field",
            "/customer/customerPsw",
        ),
    ];
    let mut all: Vec<Value> = vec![sale("G-1", 1)];
    all.extend(cases.iter().map(|(item, ..)| item.clone()));
    all.push(sale("G-2", 1));
    let answer = record(&client, &all).await;
    let items = answer.json["items"].as_array().unwrap();
    for (item, (sent, code, field)) in items[1..].iter().zip(&cases) {
        assert_eq!(
            (item["result"].as_str(), item["reason"]["code"].as_str(), item["reason"]["field"].as_str()),
            (Some("refused"), Some(*code), Some(*field)),
            "{sent}: {item}"
        );
        assert!(!item.to_string().contains("4111"), "{item}");
    }
    assert_eq!(
        (&items[0]["result"], &items[cases.len() + 1]["result"]),
        (&json!("created"), &json!("created"))
    );
    assert_eq!(
        (&answer.json["received"], &answer.json["created"], &answer.json["refused"]),
        (&json!(cases.len() + 2), &json!(2), &json!(cases.len()))
    );
    assert_eq!(items[2]["externalId"], "B-1");
    assert_eq!(Sql::open(server.site()).number(&count("\"transaction\"")), 2);
    assert!(!server.logs().contains("4111"));
});

both!(rules_14_an_array_has_at_most_a_thousand_items, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let many: Vec<Value> = (0..1_001).map(|number| sale(&format!("M-{number}"), 1)).collect();
    let refused = client.post(ROUTE, &json!(many)).await;
    assert_eq!(refused.expect_error(400).json["errors"][0]["code"], "too_many");
    let answer = record(&client, &many[..1_000]).await;
    assert!(results(&answer).iter().all(|result| result == "created"));
    assert_eq!(record(&client, &many[..1_000]).await.json["unchanged"], 1_000);
    assert_eq!(record(&client, &[]).await.json["received"], 0);
    for (body, code) in [(json!({}), "wrong_type"), (json!(7), "wrong_type")] {
        assert_eq!(client.post(ROUTE, &body).await.expect_error(400).json["errors"][0]["code"], code);
    }
    let refused = client.post(&format!("{ROUTE}?onUnknownCustomer=guess&x=1"), &json!([])).await;
    refused.expect_error(400);
    assert_eq!(places(&refused), set(["?onUnknownCustomer", "?x"]));
    client.post("/api/Transaction/nowhere", &json!([])).await.expect_error(404);
    // A replay answers the same; another body under the key does not.
    let keyed = client.header("idempotencyKey", "batch-1");
    let first = record(&keyed, &[sale("K-1", 1)]).await;
    let again = record(&keyed, &[sale("K-1", 1)]).await;
    assert!(again.replayed() && again.json == first.json, "{}", again.text);
    keyed.post(ROUTE, &json!([sale("K-2", 1)])).await.expect_error(422);
});

/// Sends a body as JSON lines.
async fn lines(client: &Client, query: &str, body: String) -> Answer {
    let request = client.request(reqwest::Method::POST, &format!("{ROUTE}{query}"));
    crate::support::send(request.header("content-type", "application/x-ndjson").body(body)).await
}

both!(rules_14_lines_have_no_end_and_a_broken_one_names_itself, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let mut body = String::new();
    for number in 1..=2_500 {
        match number {
            700 => body.push_str("{\"source\": \"shop\", \"externalId\": \"broken\n"),
            1_200 => body.push_str(&with(sale("L-1200", 1), json!({"currency": "ZZZ"})).to_string()),
            1_300 => body.push_str("   \r"),
            number => body.push_str(&sale(&format!("L-{number}"), "1.25").to_string()),
        }
        if number != 700 {
            body.push_str(if number == 2_500 { "" } else { "\n" });
        }
    }
    let answer = lines(&client, "", body.clone()).await.expect(200);
    let told: Vec<(u64, &str)> = answer.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["line"].as_u64().unwrap(), item["reason"]["code"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [(700, "invalid_json"), (1_200, "unknown_currency")]);
    assert_eq!(
        (&answer.json["received"], &answer.json["created"]),
        (&json!(2_499), &json!(2_497)),
        "{}",
        answer.text
    );
    let again = lines(&client, "", body).await.expect(200);
    assert_eq!(again.json["unchanged"], 2_497);
    assert_eq!(Sql::open(server.site()).number(&count("\"transaction\"")), 2_497);
    assert_eq!(lines(&client, "", String::new()).await.expect(200).json["received"], 0);
    let long = format!("{}\n{}\n", "x".repeat(300_000), sale("X-1", 1));
    let answer = lines(&client, "", long).await.expect(200);
    assert_eq!((code(&answer.json["items"][0]), &answer.json["created"]), ("too_long", &json!(1)));
    lines(&client, "?onUnknownCustomer=x", sale("X-2", 1).to_string()).await.expect_error(400);
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_15_the_base_currency_stays_once_there_is_money, |db| async {
    let server = Server::start(db).await;
    let admin = master(&server);
    let setting = |value: &str| json!({"general": [{"key": "currency", "readOnly": false, "value": value}]});
    let route = "/api/Paypoint/settings/demo";
    assert_eq!(
        admin.put(route, &setting("dollars")).await.expect_error(400).json["errors"][0]["code"],
        "unknown_currency"
    );
    admin.put(route, &setting("eur")).await.expect(200);
    assert!(admin.get(route).await.text.contains(r#"{"key":"currency","readOnly":false,"value":"EUR"}"#));
    let item = one(&admin, sale("T-1", 1)).await;
    assert_eq!(shown(&admin, &item).await["currency"], "EUR");
    let refused = admin.put(route, &setting("USD")).await;
    assert_eq!(refused.expect_error(409).json["errors"][0]["code"], "has_transactions");
    admin.put(route, &setting("EUR")).await.expect(200);
});

both!(rules_14_a_byte_order_mark_and_half_a_surrogate_pair_are_told_apart, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let lines = |text: Vec<u8>| {
        let request = client.request(reqwest::Method::POST, ROUTE);
        send(request.header("Content-Type", "application/x-ndjson").body(text))
    };
    let text = format!("\u{feff}{}\n\n\u{feff}{}\n{}", sale("N-1", 1), sale("N-2", 1), sale("N-3", 1));
    let told = lines(text.into_bytes()).await.expect(200);
    // A mark in the middle of a body is no mark.
    assert_eq!(
        (&told.json["created"], &told.json["items"][0]["line"]),
        (&json!(2), &json!(3)),
        "{}",
        told.text
    );
    let told = lines("\u{feff}".into()).await.expect(200);
    assert_eq!(told.json["received"], 0, "{}", told.text);

    let broken =
        r#"{"source":"shop","externalId":"S-1","status":"approved","amount":1,"description":"Tea \ud83d"}"#;
    let name = r#"{"source":"shop","externalId":"S-1","status":"approved","amount":1,"\udc00x":"Tea"}"#;
    let told = lines(format!("{broken}\n{name}\n").into_bytes()).await.expect(200);
    for (at, code) in [(0, "wrong_type"), (1, "invalid_json")] {
        let reason = &told.json["items"][at]["reason"];
        assert_eq!(reason["code"], code, "{}", told.text);
        assert!(reason["message"].as_str().unwrap().contains("lone surrogate"), "{reason}");
    }
    let create = client.request(reqwest::Method::POST, "/api/Customer/single/demo");
    let refused =
        send(create.header("Content-Type", "application/json").body(r#"{"firstname":"\ud83d"}"#)).await;
    assert!(refused.expect_error(400).text.contains("lone surrogate"), "{}", refused.text);
});
