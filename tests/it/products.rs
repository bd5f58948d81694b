//! The catalogue (rules 18): what a shop sells.

use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

const PRODUCTS: &str = "/api/Product/demo";

async fn make(client: &Client, body: &Value) -> Answer {
    client.post(PRODUCTS, body).await.expect(200)
}

fn place(answer: &Answer) -> String {
    format!(
        "{PRODUCTS}/{}",
        answer.json["productId"].as_str().unwrap_or_else(|| panic!("no id in {}", answer.text))
    )
}

both!(rules_18_a_product_is_made_read_changed_and_deleted, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let body = json!({"name": " Green tea ", "description": "100 g\nloose", "unitPrice": "4.50", "currency": "eur",
        "taxRate": 5.5, "options": [{"name": "Size", "values": ["S", "L"]}]});
    let made = make(&client, &body).await;
    assert_eq!(
        (&made.json["name"], &made.json["unitPrice"], &made.json["taxRate"]),
        (&json!("Green tea"), &json!(4.5), &json!(5.5))
    );
    assert_eq!((&made.json["currency"], &made.json["active"]), (&json!("EUR"), &json!(true)));
    assert_eq!(made.json["options"], json!([{"name": "Size", "values": ["S", "L"]}]));
    let id = made.json["productId"].as_str().unwrap().to_owned();
    assert!(id.starts_with("1-") && id.len() == 34, "{id}");
    let read = client.get(&place(&made)).await.expect(200);
    assert_eq!((etag(&read), &read.json), (etag(&made), &made.json));
    assert_eq!(client.header("If-None-Match", &etag(&read)).get(&place(&made)).await.status, 304);

    let changed = client
        .put(&place(&made), &json!({"unitPrice": 5, "description": null, "active": false}))
        .await
        .expect(200);
    assert_eq!((&changed.json["unitPrice"], &changed.json["description"]), (&json!(5), &Value::Null));
    assert_eq!((&changed.json["taxRate"], &changed.json["active"]), (&json!(5.5), &json!(false)));
    let stale = client.header("If-Match", &etag(&made));
    stale.put(&place(&made), &json!({"active": true})).await.expect_error(412);
    stale.delete(&place(&made)).await.expect_error(412);
    let same = client.put(&place(&made), &json!({"active": false})).await.expect(200);
    assert_eq!((etag(&same), &same.json), (etag(&changed), &changed.json));
    let finer = client.put(&place(&made), &json!({"unitPrice": 5.5, "currency": "JPY"})).await;
    assert_eq!(places(finer.expect_error(400)), set(["/unitPrice"]));

    client.header("If-Match", &etag(&changed)).delete(&place(&made)).await.expect(200);
    client.get(&place(&made)).await.expect_error(404);
    client.delete(&place(&made)).await.expect_error(404);
    let mut sql = Sql::open(server.site());
    let events = sql.texts(sql::EVENTS);
    let wanted = [
        format!("product.created - {id} - "),
        format!("product.updated - {id} [\"description\",\"unitPrice\",\"active\"] "),
        format!("product.deleted - {id} - "),
    ];
    assert_eq!(events.len(), wanted.len(), "{events:?}");
    for (event, wanted) in events.iter().zip(wanted) {
        assert!(event.starts_with(&wanted), "{event} for {wanted}");
    }
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_18_bad_products_are_refused, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    for (body, place, code) in [
        (json!({"unitPrice": 1}), "/name", "required"),
        (json!({"name": "Tea"}), "/unitPrice", "required"),
        (json!({"name": "Tea", "unitPrice": -1}), "/unitPrice", "invalid_amount"),
        (json!({"name": "Tea", "unitPrice": 1.001}), "/unitPrice", "too_many_digits"),
        (json!({"name": "Tea", "unitPrice": 1, "taxRate": 100.01}), "/taxRate", "invalid_percent"),
        (json!({"name": "Tea", "unitPrice": 1, "options": [{"name": "Size"}]}), "/options", "required"),
        (json!({"name": "Tea", "unitPrice": 1, "price": 1}), "/price", "unknown_field"),
        (json!({"name": "4111111111111111", "unitPrice": 1}), "/name", "raw_card_data"),
        (
            json!({"name": "Tea", "unitPrice": 1, "options": [{"name": "a", "values": ["4111111111111111"]}]}),
            "/options/0/values/0",
            "raw_card_data",
        ),
    ] {
        let answer = client.post(PRODUCTS, &body).await;
        assert_eq!(places(answer.expect_error(400)), set([place]), "{body}: {}", answer.text);
        assert_eq!(answer.json["errors"][0]["code"], code, "{body}: {}", answer.text);
    }
    assert_eq!(client.get(PRODUCTS).await.expect(200).json["Summary"]["totalRecords"], 0);
    // The currency is that of the entrypoint unless the request names one.
    let made = make(&client, &json!({"name": "Tea", "unitPrice": 0})).await;
    assert_eq!(made.json["currency"], "USD");
    new_entry(server.site(), "other", &[]);
    let id = made.json["productId"].as_str().unwrap();
    client.get(&format!("/api/Product/other/{id}")).await.expect_error(404);
    client.get(&format!("{PRODUCTS}/{}", id.replacen("1-", "2-", 1))).await.expect_error(404);
    client.get(&format!("{PRODUCTS}/x")).await.expect_error(404);
    let keyed = client.header("idempotencyKey", "make-1");
    let first = make(&keyed, &json!({"name": "Mug", "unitPrice": 1})).await;
    let again = make(&keyed, &json!({"name": "Mug", "unitPrice": 1})).await;
    assert_eq!((again.replayed(), &again.json), (true, &first.json));
    keyed.post(PRODUCTS, &json!({"name": "Mug", "unitPrice": 2})).await.expect_error(422);
    let with = |scopes: &[&str]| server.anonymous().token(&token_with(server.site(), scopes));
    with(&["money:write"]).put(&place(&made), &json!({"name": "x"})).await.expect_error(403);
    with(&["money:read"]).put(&place(&made), &json!({"name": "x"})).await.expect_error(403);
    with(&["customers:read"]).get(PRODUCTS).await.expect_error(403);
});

both!(rules_18_the_catalogue_has_pages_and_exact_totals, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    for number in 0..5 {
        make(&client, &json!({"name": format!("P{number}"), "unitPrice": 1, "active": number % 2 == 0}))
            .await;
    }
    let names = |answer: &Answer| -> Vec<String> {
        answer.json["Records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect()
    };
    for (query, wanted) in [
        ("", &["P4", "P3", "P2", "P1", "P0"][..]),
        ("active=true", &["P4", "P2", "P0"]),
        ("active=false", &["P3", "P1"]),
    ] {
        let mut found = Vec::new();
        let mut next = format!("{PRODUCTS}?limitRecord=2&{query}");
        loop {
            let page = client.get(&next).await.expect(200);
            assert_eq!(page.json["Summary"]["totalRecords"], wanted.len(), "{query}: {}", page.text);
            found.extend(names(&page));
            let Some(token) = page.json["Summary"]["pageIdentifier"].as_str() else { break };
            next = format!("{PRODUCTS}?limitRecord=2&{query}&pageIdentifier={token}");
        }
        assert_eq!(found, wanted, "{query}");
    }
    assert_eq!(
        names(&client.get(&format!("{PRODUCTS}?fromRecord=1&limitRecord=2")).await.expect(200)),
        ["P3", "P2"]
    );
    client.get(&format!("{PRODUCTS}?active=yes")).await.expect_error(400);
    client.get(&format!("{PRODUCTS}?active=true&active=true")).await.expect_error(400);
});
