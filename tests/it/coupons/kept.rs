//! What rotations, erasures and tampering do to coupons.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::*;

async fn rotate(client: &Client) -> i64 {
    client.send(Method::POST, "/api/Paypoint/keys/rotate/demo", None, &[]).await.expect(200);
    wait_for("the rotation finishes", Duration::from_mins(2), async || {
        let keys = client.get("/api/Paypoint/keys/demo").await.expect(200).json;
        if keys["rotation"]["state"] == "finished" {
            Ok(keys["keys"][0]["keyId"].as_i64().expect("a key"))
        } else {
            Err(keys)
        }
    })
    .await
}

/// What doctor says where something is wrong.
fn examined(server: &Server) -> String {
    let output = server.cli(&["doctor", "--deep"]);
    assert!(!output.status.success(), "{}", output.stdout);
    output.stdout + &output.stderr
}

both!(rules_17_coupons_survive_a_rotation, |db| async {
    let mut server = Server::start(db).await;
    let client = master(&server);
    let (ada, erased) = (customer(&client, "ada").await, customer(&client, "erased").await);
    make(&client, &json!({"code": "TEN", "percentOff": 10, "name": "Ten", "maxRedemptions": 3})).await;
    make(&client, &json!({"code": "FIVE", "amountOff": 5, "currency": "USD"})).await;
    client.post(&of_customer(ada), &json!({"code": "TEN"})).await.expect(200);
    let keyed = client.header("idempotencyKey", "redeem-1");
    let first = redeem(&keyed, "TEN", &usage(ada, 20.0, "order 1")).await.expect(200);
    let gone = redeem(&client, "TEN", &usage(ada, 20.0, "order 2")).await.expect(200);
    release(&client, "TEN", &redemption_of(&gone)).await.expect(200);
    redeem(&client, "TEN", &usage(erased, 20.0, "order 3")).await.expect(200);
    client.delete(&format!("{}?erase=true", path(erased))).await.expect(200);
    client.post("/api/Product/demo", &json!({"name": "Tea", "unitPrice": 4})).await.expect(200);
    let see = async |client: &Client| {
        let coupons = client.get(COUPONS).await.expect(200);
        let products = client.get("/api/Product/demo").await.expect(200);
        (coupons.json, redemptions(client, "TEN").await, coupons_of(client, ada).await, products.json)
    };
    let before = see(&client).await;
    let key = rotate(&client).await;
    server.restart().await;
    assert_eq!(see(&client).await, before);
    // It is found by its code and by its reference still.
    let again = redeem(&client, "ten", &usage(ada, 20.0, "order 1")).await.expect(200);
    assert_eq!(again.json, first.json);
    let again = redeem(&keyed, "TEN", &usage(ada, 20.0, "order 1")).await.expect(200);
    assert_eq!((again.replayed(), again.json), (true, first.json));
    assert_eq!(
        refusal(&client.post(COUPONS, &json!({"code": "FIVE", "percentOff": 1})).await),
        "coupon_exists"
    );
    let mut sql = Sql::open(server.site());
    for query in sql::under_another_key(key) {
        assert_eq!(sql.number(&query), 0, "{query}");
    }
    server.cli(&["doctor", "--deep"]).success();
    // doctor notices a wrong count, and a limit that somebody else changed.
    sql.run(sql::MISCOUNT_COUPON_CUSTOMERS);
    assert!(examined(&server).contains("are counted wrongly"));
    sql.run(sql::RECOUNT_COUPON_CUSTOMERS);
    server.cli(&["doctor", "--deep"]).success();
    sql.run(sql::UNLIMIT_COUPONS);
    assert!(examined(&server).contains("does not open"));
});

both!(rules_17_an_erase_keeps_the_counts_and_nothing_else, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let (ada, bob) = (customer(&client, "ada").await, customer(&client, "bob").await);
    make(&client, &json!({"code": "TWO", "percentOff": 10, "maxRedemptions": 2})).await;
    client.post(&of_customer(ada), &json!({"code": "TWO"})).await.expect(200);
    let keyed = client.header("idempotencyKey", "redeem-1");
    let first = redeem(&keyed, "TWO", &usage(ada, 20.0, "For Ada's birthday")).await.expect(200);
    let mut sql = Sql::open(server.site());
    assert_eq!(sql.number(&sql::redemption_texts(ada)), 1);
    client.delete(&format!("{}?erase=true", path(ada))).await.expect(200);
    assert_eq!(sql.number(&sql::redemption_texts(ada)), 0);

    let shown = redemptions(&client, "TWO").await;
    assert_eq!(
        (&shown[0]["customerId"], &shown[0]["reference"], &shown[0]["amount"]),
        (&json!(ada), &Value::Null, &json!(20))
    );
    let own = coupons_of(&client, ada).await;
    assert_eq!((own.len(), &own[0]["assignedAt"], &own[0]["redeemed"]), (1, &Value::Null, &json!(1)));
    redeem(&keyed, "TWO", &usage(ada, 20.0, "For Ada's birthday")).await.expect_error(404);
    assert_eq!(refusal(&redeem(&client, "TWO", &usage(ada, 20.0, "x")).await), "unknown_customer");
    // The place is taken, until it is released.
    redeem(&client, "TWO", &usage(bob, 20.0, "1")).await.expect(200);
    assert_eq!(refusal(&redeem(&client, "TWO", &usage(bob, 20.0, "2")).await), "coupon_used_up");
    release(&client, "TWO", &redemption_of(&first)).await.expect(200);
    redeem(&client, "TWO", &usage(bob, 20.0, "2")).await.expect(200);
    server.cli(&["doctor", "--deep"]).success();
});
