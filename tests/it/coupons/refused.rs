//! What is refused, and what a token may not learn.

use serde_json::json;

use super::*;

both!(rules_17_bad_coupons_and_redemptions_are_refused, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = customer(&client, "ada").await;
    for (body, wanted) in [
        (json!({}), [("/code", "required")].as_slice()),
        (json!({"code": "A"}), &[("/percentOff", "required")]),
        (json!({"code": "A B", "percentOff": 10}), &[("/code", "invalid_code")]),
        (json!({"code": "A", "percentOff": 0}), &[("/percentOff", "invalid_percent")]),
        (json!({"code": "A", "percentOff": 100.5}), &[("/percentOff", "invalid_percent")]),
        (
            json!({"code": "A", "percentOff": 10, "codes": 1, "status": "up"}),
            &[("/codes", "unknown_field"), ("/status", "invalid_value")],
        ),
        (json!({"code": "A", "amountOff": 1.5, "currency": "JPY"}), &[("/amountOff", "too_many_digits")]),
        (json!({"code": "A", "percentOff": 1, "name": "4111 1111 1111 1111"}), &[("/name", "raw_card_data")]),
        (json!({"code": "4111111111111111", "percentOff": 1}), &[("/code", "raw_card_data")]),
        (json!({"code": "A", "percentOff": 1, "cvv": "x"}), &[("/cvv", "raw_card_data")]),
        (
            json!({"code": "A", "percentOff": 1, "description": "a\u{7}"}),
            &[("/description", "control_character")],
        ),
    ] {
        for place in [COUPONS.to_owned(), of_customer(id)] {
            let answer = client.post(&place, &body).await;
            // A code alone names a coupon of a customer.
            if place != COUPONS && body == json!({"code": "A"}) {
                assert_eq!(refusal(&answer), "unknown_coupon");
                continue;
            }
            let found: Vec<_> = answer.expect_error(400).json["errors"]
                .as_array()
                .unwrap()
                .iter()
                .map(|error| (error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap()))
                .collect();
            assert_eq!(found, wanted, "{place} {body}: {}", answer.text);
            assert!(!answer.text.contains("4111111111111111"), "{}", answer.text);
        }
    }
    assert_eq!(client.get(COUPONS).await.expect(200).json["Summary"]["totalRecords"], 0);
    client.get(&coupon_path("4111111111111111")).await.expect_error(400);

    make(&client, &json!({"code": "TEN", "percentOff": 10})).await;
    for (body, place, code) in [
        (json!({"amount": 1, "currency": "USD"}), "/customerId", "required"),
        (json!({"customerId": id, "currency": "USD"}), "/amount", "required"),
        (json!({"customerId": id, "amount": 0, "currency": "USD"}), "/amount", "invalid_amount"),
        (json!({"customerId": id, "amount": -1, "currency": "USD"}), "/amount", "invalid_amount"),
        (json!({"customerId": id, "amount": 1.001, "currency": "USD"}), "/amount", "too_many_digits"),
        (json!({"customerId": id, "amount": 1}), "/currency", "required"),
        (
            json!({"customerId": id, "amount": 1, "currency": "USD", "reference": "x".repeat(251)}),
            "/reference",
            "too_long",
        ),
    ] {
        let answer = redeem(&client, "TEN", &body).await;
        assert_eq!(places(answer.expect_error(400)), set([place]), "{body}: {}", answer.text);
        assert_eq!(answer.json["errors"][0]["code"], code, "{body}: {}", answer.text);
    }
    redeem(&client, "NONE", &usage(id, 1.0, "x")).await.expect_error(404);
    let other = make(&client, &json!({"code": "OTHER", "percentOff": 10})).await;
    let used = redemption_of(&redeem(&client, "TEN", &usage(id, 1.0, "x")).await.expect(200));
    release(&client, "OTHER", &used).await.expect_error(404);
    release(&client, "TEN", other.json["couponId"].as_str().unwrap()).await.expect_error(404);
    release(&client, "TEN", &used.replacen("1-", "2-", 1)).await.expect_error(404);
    release(&client, "TEN", "x").await.expect_error(404);
    assert_eq!(client.get(&coupon_path("TEN")).await.expect(200).json["redeemed"], 1);

    // A customer of another entrypoint is nobody here, and a coupon of another one is none.
    new_entry(server.site(), "other", &[]);
    let theirs = created(&client, "other", &json!({"email": "bob@example.test"})).await;
    let foreign = redeem(&client, "TEN", &usage(theirs, 1.0, "x")).await;
    let nobody = redeem(&client, "TEN", &usage(987_654_321, 1.0, "x")).await;
    assert_eq!((refusal(&foreign), places(&foreign)), ("unknown_customer", set(["/customerId"])));
    assert_eq!(without_id(&foreign), without_id(&nobody));
    client.get("/api/Coupon/other/TEN").await.expect_error(404);
    assert_eq!(refusal(&client.post(&of_customer(theirs), &json!({"code": "TEN"})).await), "unknown_coupon");
    make_in(&client, "other", &json!({"code": "TEN", "percentOff": 50})).await;
});

async fn make_in(client: &Client, entry: &str, body: &Value) -> Answer {
    client.post(&format!("/api/Coupon/{entry}"), body).await.expect(200)
}

both!(rules_17_a_token_learns_no_more_than_its_scopes, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = customer(&client, "ada").await;
    make(&client, &json!({"code": "TEN", "percentOff": 10})).await;
    let used = redemption_of(&redeem(&client, "TEN", &usage(id, 20.0, "order of Ada")).await.expect(200));
    let with = |scopes: &[&str]| server.anonymous().token(&token_with(server.site(), scopes));

    // Without customers:read nobody learns who is a customer: a known and an unknown one get the same answer.
    let blind = with(&["money:read", "money:write", "pii:read"]);
    for somebody in [id, 987_654_321] {
        redeem(&blind, "TEN", &usage(somebody, 20.0, "x")).await.expect_error(403);
        blind.get(&of_customer(somebody)).await.expect_error(403);
        blind.post(&of_customer(somebody), &json!({"code": "TEN"})).await.expect_error(403);
    }
    let shown = redemptions(&blind, "TEN").await;
    assert_eq!((&shown[0]["customerId"], &shown[0]["reference"]), (&Value::Null, &json!("order of Ada")));
    let released = release(&blind, "TEN", &used).await.expect(200);
    assert!(!released.text.contains("customer"), "{}", released.text);

    // A reference is an id, which no token sees masked.
    let masked = with(&["money:read", "money:write", "customers:read"]);
    let shown = redemptions(&masked, "TEN").await;
    assert_eq!((&shown[0]["customerId"], &shown[0]["reference"]), (&json!(id), &json!("order of Ada")));
    redeem(&masked, "TEN", &usage(id, 20.0, "mine")).await.expect(200);
    assert_eq!(coupons_of(&masked, id).await[0]["redemptions"][0]["reference"], "mine");

    // A writer that does not read sees what it made, and nothing else.
    let writer = with(&["money:write"]);
    assert_eq!(make(&writer, &json!({"code": "MINE", "percentOff": 1})).await.json["code"], "MINE");
    writer.put(&coupon_path("MINE"), &json!({"name": "x"})).await.expect_error(403);
    writer.get(&coupon_path("MINE")).await.expect_error(403);
    writer.delete(&coupon_path("MINE")).await.expect(200);
    let reader = with(&["money:read"]);
    assert_eq!(reader.get(&coupon_path("ten")).await.expect(200).json["code"], "TEN");
    reader.delete(&coupon_path("TEN")).await.expect_error(403);
});
