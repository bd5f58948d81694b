//! Orders (rules 18): the order, its invoice, its payment and its coupon are one change.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::*;
use crate::invoices::{MONEY, ada, code};
use crate::support::*;

async fn product(client: &Client, body: &Value) -> String {
    let made = client.post("/api/Product/demo", body).await.expect(200);
    made.json["productId"].as_str().expect("an id").to_owned()
}

async fn take(client: &Client, customer: u64, body: &Value) -> Answer {
    client.post(&format!("/api/Customer/{customer}/orders"), body).await
}

async fn taken(client: &Client, customer: u64, body: &Value) -> Value {
    take(client, customer, body).await.expect(200).json["responseData"].clone()
}

async fn read(client: &Client, order: &Value) -> Value {
    client.get(&path_of(order)).await.expect(200).json
}

fn path_of(order: &Value) -> String {
    format!("/api/Order/{}", order["orderId"].as_str().expect("an id"))
}

async fn step(client: &Client, order: &Value, name: &str) -> Answer {
    client.send(Method::POST, &format!("{}/{name}", path_of(order)), None, &[]).await
}

async fn mails(client: &Client, customer: u64) -> Vec<String> {
    let list =
        client.get(&format!("/api/Mail/outbox/demo?customerId={customer}&limitRecord=100")).await.expect(200);
    let records = list.json["Records"].as_array().expect("records");
    records.iter().map(|mail| mail["kind"].as_str().expect("a kind").to_owned()).collect()
}

async fn invoice(client: &Client, order: &Value) -> Value {
    client.get(&format!("/api/Invoice/{}", order["invoiceId"])).await.expect(200).json
}

fn tea(price: f64) -> Value {
    json!({"lines": [{"name": "Tea", "unitPrice": price}]})
}

both!(rules_18_an_order_copies_the_product_makes_the_invoice_and_tells_the_customer, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let mug = product(
        &client,
        &json!({"name": "Mug", "description": "Blue", "unitPrice": 12.5, "currency": "EUR",
        "taxRate": 20, "options": [{"name": "Size", "values": ["S", "L"]}, {"name": "Colour", "values": ["red"]}]}),
    )
    .await;
    client.post("/api/Coupon/demo", &json!({"code": "TEN", "percentOff": 10})).await.expect(200);
    let body = json!({"lines": [
            {"productId": mug, "options": {"Colour": "red", "Size": "L"}, "quantity": 2},
            {"description": "Engraving", "unitPrice": "5.005", "taxRate": 5.5}],
        "coupon": "ten", "dueInDays": 10, "purchaseOrder": "PO-9", "notes": "Ring twice"});
    let order = taken(&client, ada, &body).await;
    // 25 and 5.01, less 3 of the coupon; then 20 % of 22.50 and 5.5 % of 4.51.
    for (name, value) in [
        ("customerId", json!(ada)),
        ("status", json!("completed")),
        ("collect", json!("onAccount")),
        ("currency", json!("EUR")),
        ("coupon", json!("TEN")),
        ("discount", json!(3)),
        ("tax", json!(4.75)),
        ("total", json!(31.76)),
        ("purchaseOrder", json!("PO-9")),
        ("notes", json!("Ring twice")),
    ] {
        assert_eq!(order[name], value, "{name} of {order}");
    }
    assert_eq!(order["lines"][0]["name"], "Mug (Size: L, Colour: red)");
    assert_eq!(order["lines"][0]["description"], "Blue");
    assert_eq!((&order["lines"][0]["unitPrice"], &order["lines"][0]["taxRate"]), (&json!(12.5), &json!(20)));
    assert_eq!(read(&client, &order).await, order);
    let bill = invoice(&client, &order).await;
    assert_eq!((&bill["state"], &bill["invoiceAmount"]), (&json!("open"), &json!(31.76)));
    assert_eq!((&bill["invoiceNumber"], &bill["purchaseOrder"]), (&order["invoiceNumber"], &json!("PO-9")));
    let day = |name: &str| bill[name].as_str().unwrap().parse::<chrono::NaiveDate>().unwrap();
    assert_eq!((day("invoiceDueDate") - day("invoiceDate")).num_days(), 10);
    assert!(bill["invoiceSentDate"].is_string(), "{bill}");
    let mut sent = mails(&client, ada).await;
    sent.sort_unstable();
    assert_eq!(sent, ["invoice", "orderConfirmation"]);
    let customer = client.get(&path(ada)).await.expect(200).json;
    assert_eq!(customer["Lifecycle"], "Active", "{customer}");

    // A later price of the product changes no order.
    client.put(&format!("/api/Product/demo/{mug}"), &json!({"unitPrice": 99})).await.expect(200);
    assert_eq!(read(&client, &order).await, order);

    // The mails again, and an order without them.
    step(&client, &order, "resend").await.expect(200);
    assert_eq!(mails(&client, ada).await.len(), 4);
    let quiet =
        taken(&client, ada, &json!({"lines": [{"name": "Tea", "unitPrice": 1}], "notify": false})).await;
    assert_eq!(mails(&client, ada).await.len(), 4);
    assert_eq!((&quiet["currency"], &quiet["coupon"]), (&json!("USD"), &Value::Null));

    let all = client.get("/api/Query/orders/demo").await.expect(200).json;
    assert_eq!(all["Summary"]["totalRecords"], 2);
    assert_eq!(all["Records"], json!([quiet, read(&client, &order).await]));
    let own = client.get(&format!("{}/orders?limitRecord=1", path(ada))).await.expect(200);
    assert_eq!(own.json["Records"][0]["orderId"], quiet["orderId"]);
    let token = own.json["Summary"]["pageIdentifier"].as_str().unwrap();
    let next =
        client.get(&format!("{}/orders?limitRecord=1&pageIdentifier={token}", path(ada))).await.expect(200);
    assert_eq!(next.json["Records"][0]["orderId"], order["orderId"]);
    client.get(&format!("/api/Query/orders/demo?pageIdentifier={token}")).await.expect_error(400);
    for (filter, number) in [
        ("status=completed", 2),
        ("status(ne)=completed", 0),
        ("status(in)=pending|cancelled", 0),
        (&*format!("customerId={ada}"), 2),
        ("customerId=999999", 0),
        ("createdAt(ge)=2026-01-01", 2),
        ("createdAt(lt)=2026-01-01", 0),
    ] {
        let found = client.get(&format!("/api/Query/orders/demo?{filter}")).await.expect(200).json;
        assert_eq!(found["Summary"]["totalRecords"], number, "{filter}");
    }
    client.get("/api/Query/orders/demo?status=open").await.expect_error(400);
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_18_an_order_that_was_paid_on_the_spot_pays_its_invoice, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let body = json!({"lines": [{"name": "Tea", "unitPrice": 10, "quantity": 1.5, "taxRate": 20}],
        "collect": "paid", "method": "cash", "reference": "till 7"});
    let keyed = client.header("idempotencyKey", "order-1");
    let first = take(&keyed, ada, &body).await.expect(200);
    let again = take(&keyed, ada, &body).await.expect(200);
    assert_eq!(first.json["responseData"], again.json["responseData"], "the same key is the same order");
    let order = &first.json["responseData"];
    let bill = invoice(&client, order).await;
    assert_eq!((&bill["state"], &bill["invoicePaidAmount"]), (&json!("paid"), &json!(18)));
    assert_eq!(bill["payments"].as_array().unwrap().len(), 1);
    let list = client.get(&format!("/api/Query/transactions/demo?customerId={ada}")).await.expect(200).json;
    assert_eq!(list["Summary"]["totalRecords"], 1, "{list}");
    let paid = &list["Records"][0];
    assert_eq!((&paid["Method"], &paid["Source"]), (&json!("cash"), &json!("customary")), "{paid}");
    let customer = client.get(&path(ada)).await.expect(200).json;
    assert_eq!(customer["Lifecycle"], "Active", "{customer}");
    assert_eq!(code(&step(&client, order, "cancel").await, 409), "order_paid");
    // What costs nothing is paid without a payment.
    let gift =
        taken(&client, ada, &json!({"lines": [{"name": "Gift", "unitPrice": 0}], "collect": "paid"})).await;
    assert_eq!(invoice(&client, &gift).await["state"], "paid");
    let mut sql = Sql::open(server.site());
    let events = sql.texts(sql::EVENTS);
    let place = |name: &str| {
        events.iter().position(|event| event.contains(name)).unwrap_or_else(|| panic!("{name} in {events:?}"))
    };
    let wanted = ["order.created", "invoice.finalized", "transaction.created", "invoice.paid"].map(place);
    assert!(wanted.is_sorted(), "{events:?}");
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_18_a_cancelled_order_takes_back_its_invoice_and_its_coupon, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    client
        .post(
            "/api/Coupon/demo",
            &json!({"code": "ONE", "amountOff": 2, "currency": "USD", "maxRedemptions": 1}),
        )
        .await
        .expect(200);
    let body = json!({"lines": [{"name": "Tea", "unitPrice": 10}], "coupon": "ONE"});
    let order = taken(&client, ada, &body).await;
    assert_eq!(code(&take(&client, ada, &body).await, 409), "coupon_used_up");
    let cancelled = step(&client, &order, "cancel").await.expect(200).json["responseData"].clone();
    assert_eq!((&cancelled["status"], &cancelled["version"]), (&json!("cancelled"), &json!(2)));
    assert_eq!(invoice(&client, &order).await["state"], "cancelled");
    let again = step(&client, &order, "cancel").await.expect(200);
    assert_eq!(again.json["responseData"], cancelled, "the same again changes nothing");
    assert_eq!(code(&step(&client, &order, "resend").await, 409), "order_cancelled");
    let next = taken(&client, ada, &body).await;
    // To void its invoice cancels the order too. One that is paid in part is not cancelled.
    let id = &next["invoiceId"];
    client.send(Method::POST, &format!("/api/Invoice/{id}/void"), None, &[]).await.expect(200);
    assert_eq!(read(&client, &next).await["status"], "cancelled");
    assert_eq!(client.get("/api/Coupon/demo/ONE").await.json["redeemed"], 0);
    assert_eq!(step(&client, &next, "cancel").await.expect(200).json["responseData"]["version"], 2);
    let part = taken(&client, ada, &tea(10.0)).await;
    client
        .post(&format!("/api/Invoice/{}/payments", part["invoiceId"]), &json!({"amount": 1}))
        .await
        .expect(200);
    assert_eq!(code(&step(&client, &part, "cancel").await, 409), "order_paid");
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_18_a_refused_order_leaves_nothing, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let mug = json!({"name": "Mug", "unitPrice": 12.5, "options": [{"name": "Size", "values": ["S", "L"]}]});
    let mug = product(&client, &mug).await;
    let old = product(&client, &json!({"name": "Old", "unitPrice": 1, "active": false})).await;
    let euro = product(&client, &json!({"name": "Euro", "unitPrice": 1, "currency": "EUR"})).await;
    client
        .post("/api/Coupon/demo", &json!({"code": "TEN", "percentOff": 10, "maxRedemptions": 5}))
        .await
        .expect(200);
    client
        .post("/api/Coupon/demo", &json!({"code": "EUR", "amountOff": 1, "currency": "EUR"}))
        .await
        .expect(200);
    let number = client.get("/api/Invoice/getNumber/demo").await.json;
    let line = |line: Value| json!({"coupon": "TEN", "lines": [{"name": "Tea", "unitPrice": 1}, line]});
    let gone = mug.replace(|digit: char| digit.is_ascii_digit() && digit != '1', "0");
    let tea = json!([{"name": "Tea", "unitPrice": 1}]);
    for (body, status, wanted, place) in [
        (line(json!({"productId": gone})), 409, "unknown_product", "/lines/1/productId"),
        (line(json!({"productId": "x"})), 400, "unknown_product", "/lines/1/productId"),
        (line(json!({"productId": old})), 409, "inactive_product", "/lines/1/productId"),
        (line(json!({"productId": mug})), 409, "invalid_option", "/lines/1/options"),
        (
            line(json!({"productId": mug, "options": {"Size": "XL"}})),
            409,
            "invalid_option",
            "/lines/1/options",
        ),
        (
            line(json!({"productId": mug, "options": {"Size": "S", "Ink": "red"}})),
            409,
            "invalid_option",
            "/lines/1/options",
        ),
        (
            json!({"currency": "USD", "lines": [{"productId": euro}]}),
            409,
            "currency_mismatch",
            "/lines/0/productId",
        ),
        (json!({"coupon": "NONE", "lines": tea}), 409, "unknown_coupon", "/coupon"),
        (json!({"coupon": "EUR", "lines": tea}), 409, "currency_mismatch", "/coupon"),
        (json!({}), 400, "required", "/lines"),
        (json!({"lines": []}), 400, "required", "/lines"),
        (json!({"lines": [{"unitPrice": 1}]}), 400, "required", "/lines/0/name"),
        (json!({"lines": [{"name": "Tea"}]}), 400, "required", "/lines/0/unitPrice"),
        (json!({"lines": [{"name": "Tea", "unitPrice": -1}]}), 400, "invalid_amount", "/lines/0/unitPrice"),
        (
            json!({"lines": [{"name": "Tea", "unitPrice": 1, "quantity": 0}]}),
            400,
            "invalid_quantity",
            "/lines/0/quantity",
        ),
        (
            json!({"lines": [{"name": "Tea", "unitPrice": 1, "taxRate": 101}]}),
            400,
            "invalid_percent",
            "/lines/0/taxRate",
        ),
        (
            json!({"lines": [{"name": "Tea", "unitPrice": 1, "options": {"a": "b"}}]}),
            400,
            "contradiction",
            "/lines/0/options",
        ),
        (
            json!({"lines": [{"name": "4242424242424242", "unitPrice": 1}]}),
            400,
            "raw_card_data",
            "/lines/0/name",
        ),
        (json!({"lines": tea, "method": "cash"}), 400, "contradiction", "/method"),
        (json!({"lines": tea, "collect": "later"}), 400, "invalid_value", "/collect"),
        (json!({"lines": tea, "dueInDays": 366}), 400, "invalid_value", "/dueInDays"),
        (json!({"lines": tea, "currency": "XXXX"}), 400, "too_long", "/currency"),
        (json!({"lines": tea, "line": 1}), 400, "unknown_field", "/line"),
    ] {
        let answer = take(&client, ada, &body).await;
        assert_eq!(
            (answer.status, code(&answer, status)),
            (status, wanted.to_owned()),
            "{body}: {}",
            answer.text
        );
        assert_eq!(places(&answer), set([place]), "{body}: {}", answer.text);
    }
    assert_eq!(client.get("/api/Invoice/getNumber/demo").await.json, number, "the series stays");
    assert_eq!(client.get("/api/Query/orders/demo").await.json["Summary"]["totalRecords"], 0);
    assert_eq!(client.get("/api/Query/invoices/demo").await.json["Summary"]["totalRecords"], 0);
    assert_eq!(client.get("/api/Coupon/demo/TEN").await.json["redeemed"], 0);
    assert_eq!(mails(&client, ada).await.len(), 0);
    client.delete(&path(ada)).await.expect(200);
    take(&client, ada, &json!({"lines": tea})).await.expect_error(409);
});

both!(rules_18_orders_at_once_share_a_coupon_and_leave_no_number_out, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    client
        .post("/api/Coupon/demo", &json!({"code": "FIVE", "percentOff": 50, "maxRedemptions": 5}))
        .await
        .expect(200);
    let body = json!({"lines": [{"name": "Tea", "unitPrice": 10}], "coupon": "FIVE", "collect": "paid", "notify": false});
    let calls = (0..32).map(|_| take(&client, ada, &body));
    let answers = futures_util::future::join_all(calls).await;
    let (taken, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(taken.len(), 5);
    for answer in refused {
        assert_eq!(code(answer, 409), "coupon_used_up");
    }
    let numbers: BTreeSet<u64> = taken
        .iter()
        .map(|answer| answer.json["responseData"]["invoiceNumber"].as_str().unwrap())
        .map(|number| number.rsplit('-').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(numbers.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    let list = client
        .get(&format!("/api/Query/transactions/demo?customerId={ada}&limitRecord=100"))
        .await
        .expect(200);
    assert_eq!(list.json["Summary"]["totalRecords"], 5);
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_18_what_a_token_may_not_see_no_order_tells, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let order =
        taken(&client, ada, &json!({"lines": [{"name": "Tea", "unitPrice": 1}], "notes": "call Ada"})).await;
    let with = |scopes: &[&str]| server.anonymous().token(&token_with(server.site(), scopes));
    for scopes in [&["customers:read"][..], &["money:read"], &["money:write", "customers:read"]] {
        with(scopes).get(&path_of(&order)).await.expect_error(403);
        with(scopes).get("/api/Query/orders/demo").await.expect_error(403);
    }
    let blind = with(&["customers:read", "money:read"]);
    assert!(!read(&blind, &order).await.to_string().contains("call Ada"));
    // What an order refuses and answers tells of money.
    let writer = with(&["customers:read", "money:write"]);
    take(&writer, ada, &tea(1.0)).await.expect_error(403);
    step(&writer, &order, "resend").await.expect_error(403);
    new_entry(server.site(), "other", &[]);
    let other = token_of(server.site(), &["--org", "1", "--entry", "other"], &MONEY);
    let outsider = server.anonymous().token(&other);
    let known = outsider.get(&path_of(&order)).await;
    let unknown = outsider.get("/api/Order/1-00000000000000000000000987000001").await;
    known.expect_error(404);
    assert_eq!(known.json["responseText"], unknown.json["responseText"]);
    step(&outsider, &order, "cancel").await.expect_error(404);
    take(&outsider, ada, &tea(1.0)).await.expect_error(404);

    // A rotation takes orders along; an erase leaves the amount alone.
    let before = read(&client, &order).await;
    server.cli(&["keys", "rotate", "--entry", "demo"]).success();
    assert_eq!(read(&client, &order).await, before);
    client.delete(&format!("{}?erase=true&cancelOpen=true", path(ada))).await.expect(200);
    let kept = read(&client, &order).await;
    assert_eq!((&kept["lines"], &kept["notes"], &kept["total"]), (&json!([]), &Value::Null, &json!(1)));
    step(&client, &order, "cancel").await.expect(200);
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_24_to_delete_a_customer_with_cancel_open_cancels_its_open_orders, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    for erase in [false, true] {
        let code = if erase { "ERASED" } else { "DELETED" };
        let coupon = json!({"code": code, "percentOff": 10, "maxRedemptions": 3});
        client.post("/api/Coupon/demo", &coupon).await.expect(200);
        let customer = created(&client, "demo", &json!({"email": format!("{code}@example.test")})).await;
        let body = json!({"lines": [{"name": "Tea", "unitPrice": 10}], "coupon": code, "notify": false});
        let (first, second) = (taken(&client, customer, &body).await, taken(&client, customer, &body).await);
        let mut paid = body.clone();
        paid["collect"] = json!("paid");
        let paid = taken(&client, customer, &paid).await;
        client.delete(&format!("{}?erase={erase}", path(customer))).await.expect_error(409);
        assert_eq!(client.get(&format!("/api/Coupon/demo/{code}")).await.json["redeemed"], 3);
        client.delete(&format!("{}?erase={erase}&cancelOpen=true", path(customer))).await.expect(200);
        for order in [&first, &second] {
            assert_eq!(read(&client, order).await["status"], "cancelled");
        }
        assert_eq!(read(&client, &paid).await["status"], "completed");
        // Both places of the same coupon are free again; the paid order keeps its place.
        assert_eq!(client.get(&format!("/api/Coupon/demo/{code}")).await.json["redeemed"], 1);
    }
    let events = Sql::open(server.site()).texts(sql::EVENTS);
    let number = events.iter().filter(|event| event.contains("order.cancelled")).count();
    assert_eq!(number, 4, "{events:?}");
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_18_a_list_of_orders_can_be_sorted, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    for price in [5, 1, 3, 3, 2] {
        taken(&client, ada, &tea(f64::from(price))).await;
    }
    for (list, sort, wanted) in [
        ("/api/Query/orders/demo".to_owned(), "desc(total)", [5, 3, 3, 2, 1]),
        (format!("{}/orders", path(ada)), "asc(total)", [1, 2, 3, 3, 5]),
        ("/api/Query/orders/demo".to_owned(), "asc(createdAt)", [5, 1, 3, 3, 2]),
        ("/api/Query/orders/demo".to_owned(), "DESC(createdat)", [2, 3, 3, 1, 5]),
    ] {
        let (ids, totals) = pages(&client, &list, sort, "orderId", "total").await;
        assert_eq!(totals, wanted.map(f64::from), "{list} {sort}");
        assert_eq!(ids.into_iter().collect::<BTreeSet<_>>().len(), 5, "each once");
    }
    for wrong in ["total", "desc(notes)", "up(total)"] {
        let answer = client.get(&format!("/api/Query/orders/demo?sortBy={wrong}")).await;
        assert_eq!(code(&answer, 400), "invalid_sort", "{wrong}");
    }
    let one = client.get("/api/Query/orders/demo?limitRecord=1&sortBy=desc(total)").await.expect(200);
    let token = one.json["Summary"]["pageIdentifier"].as_str().expect("a token");
    let other = format!("/api/Query/orders/demo?limitRecord=1&sortBy=asc(total)&pageIdentifier={token}");
    client.get(&other).await.expect_error(400);
});

/// Walks a sorted list in pages of two; the ids and the numbers under `value`.
pub(crate) async fn pages(
    client: &Client,
    list: &str,
    sort: &str,
    id: &str,
    value: &str,
) -> (Vec<String>, Vec<f64>) {
    let (mut ids, mut values, mut token) = (Vec::new(), Vec::new(), String::new());
    loop {
        let next = format!("{list}?limitRecord=2&sortBy={sort}&pageIdentifier={token}");
        let page = client.get(&next).await.expect(200).json;
        for record in page["Records"].as_array().expect("records") {
            ids.push(record[id].to_string());
            values.push(record[value].as_f64().expect("a number"));
        }
        match page["Summary"]["pageIdentifier"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => return (ids, values),
        }
    }
}

both!(rules_4_an_erase_does_not_take_the_answer_to_a_repeated_order, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let ada = ada(&client).await;
    let keyed = client.header("idempotencyKey", "order-erased");
    let first = take(&keyed, ada, &tea(2.0)).await.expect(200);
    client.delete(&format!("{}?erase=true&cancelOpen=true", path(ada))).await.expect(200);
    let again = take(&keyed, ada, &tea(2.0)).await.expect(200);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let (first, again) = (&first.json["responseData"], &again.json["responseData"]);
    assert_eq!(again["orderId"], first["orderId"]);
    assert_eq!((&again["lines"], &again["status"]), (&json!([]), &json!("cancelled")));
});
