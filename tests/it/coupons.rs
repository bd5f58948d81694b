//! Coupons (rules 17): what they take off, who may use them and how often, and what is left of a person who used them.

mod kept;
mod limits;
mod refused;

use serde_json::{Value, json};

use crate::harness::*;
use crate::support::*;

const COUPONS: &str = "/api/Coupon/demo";

fn coupon_path(code: &str) -> String {
    format!("{COUPONS}/{code}")
}

fn of_customer(id: u64) -> String {
    format!("{}/coupons", path(id))
}

async fn customer(client: &Client, name: &str) -> u64 {
    created(client, "demo", &json!({"email": format!("{name}@example.test")})).await
}

async fn make(client: &Client, body: &Value) -> Answer {
    client.post(COUPONS, body).await.expect(200)
}

fn usage(customer: u64, amount: f64, reference: &str) -> Value {
    json!({"customerId": customer, "amount": amount, "currency": "USD", "reference": reference})
}

async fn redeem(client: &Client, code: &str, body: &Value) -> Answer {
    client.post(&format!("{}/redeem", coupon_path(code)), body).await
}

async fn release(client: &Client, code: &str, redemption: &str) -> Answer {
    client
        .send(
            reqwest::Method::POST,
            &format!("{}/redemptions/{redemption}/release", coupon_path(code)),
            None,
            &[],
        )
        .await
}

fn redemption_of(answer: &Answer) -> String {
    answer.json["redemptionId"].as_str().unwrap_or_else(|| panic!("no id in {}", answer.text)).to_owned()
}

#[track_caller]
fn refusal(answer: &Answer) -> &str {
    answer.expect_error(409).json["errors"][0]["code"].as_str().expect("a code")
}

async fn redemptions(client: &Client, code: &str) -> Vec<Value> {
    let path = format!("{}/redemptions?limitRecord=1000", coupon_path(code));
    client.get(&path).await.expect(200).json["Records"].as_array().expect("records").clone()
}

async fn coupons_of(client: &Client, id: u64) -> Vec<Value> {
    client.get(&of_customer(id)).await.expect(200).json["Records"].as_array().expect("records").clone()
}

both!(rules_17_a_coupon_is_made_read_changed_and_deleted, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let body = json!({"code": " Spring-10 ", "name": "Spring", "description": "Ten off\nuntil June", "percentOff": 10.5,
        "startsAt": "2026-01-01", "redeemBy": "2099-06-30", "maxRedemptions": 100, "perCustomerLimit": 2});
    let made = make(&client, &body).await;
    assert_eq!(made.json["code"], "Spring-10");
    assert_eq!((&made.json["percentOff"], &made.json["amountOff"]), (&json!(10.5), &Value::Null));
    assert_eq!(made.json["redeemBy"], "2099-06-30T23:59:59.999999Z");
    assert_eq!((&made.json["status"], &made.json["state"]), (&json!("online"), &json!("online")));
    assert_eq!((&made.json["customersOnly"], &made.json["redeemed"]), (&json!(false), &json!(0)));
    assert!(
        made.json["couponId"].as_str().is_some_and(|id| id.starts_with("1-") && id.len() == 34),
        "{}",
        made.text
    );

    // The code is found in any case and with blanks around it.
    for code in ["Spring-10", "SPRING-10", "%20spring-10%20"] {
        let read = client.get(&coupon_path(code)).await.expect(200);
        assert_eq!((etag(&read), &read.json), (etag(&made), &made.json), "{code}");
        let known = client.header("If-None-Match", &etag(&read));
        assert_eq!(known.get(&coupon_path(code)).await.status, 304);
    }
    for code in ["spring", "spring_10", "%2e%2e%2e", "x".repeat(65).as_str()] {
        client.get(&coupon_path(code)).await.expect_error(404);
    }
    let again = client.post(COUPONS, &json!({"code": "SPRING-10", "percentOff": 1})).await;
    assert_eq!((refusal(&again), places(&again)), ("coupon_exists", set(["/code"])), "{}", again.text);

    // A change keeps what is not sent, and holds for the version that was read.
    let changed =
        client.put(&coupon_path("spring-10"), &json!({"name": null, "status": "offline"})).await.expect(200);
    assert_eq!((&changed.json["name"], &changed.json["state"]), (&Value::Null, &json!("offline")));
    assert_eq!(changed.json["description"], "Ten off\nuntil June");
    let stale = client.header("If-Match", &etag(&made));
    stale.put(&coupon_path("spring-10"), &json!({"status": "online"})).await.expect_error(412);
    stale.delete(&coupon_path("spring-10")).await.expect_error(412);
    let same = client.put(&coupon_path("spring-10"), &json!({"status": "offline"})).await.expect(200);
    assert_eq!((etag(&same), same.json), (etag(&changed), changed.json.clone()));
    let other = json!({"percentOff": null, "amountOff": "5.00", "currency": "eur"});
    let other =
        client.header("If-Match", &etag(&changed)).put(&coupon_path("spring-10"), &other).await.expect(200);
    assert_eq!((&other.json["amountOff"], &other.json["currency"]), (&json!(5), &json!("EUR")));

    let id = made.json["couponId"].as_str().unwrap();
    client.delete(&coupon_path("SPRING-10")).await.expect(200);
    client.get(&coupon_path("spring-10")).await.expect_error(404);
    client.delete(&coupon_path("spring-10")).await.expect_error(404);
    let next = make(&client, &json!({"code": "spring-10", "percentOff": 1})).await;
    assert_ne!(next.json["couponId"], made.json["couponId"], "an id is never used again");
    let mut sql = Sql::open(server.site());
    let events = sql.texts(sql::EVENTS);
    let wanted = [
        format!("coupon.created - {id} - "),
        format!("coupon.updated - {id} [\"name\",\"status\"] "),
        format!("coupon.updated - {id} [\"percentOff\",\"amountOff\",\"currency\"] "),
        format!("coupon.deleted - {id} - "),
        "coupon.created - ".to_owned(),
    ];
    assert_eq!(events.len(), wanted.len(), "{events:?}");
    for (event, wanted) in events.iter().zip(wanted) {
        assert!(event.starts_with(&wanted), "{event} for {wanted}");
    }
    assert_eq!(sql.number(sql::SEQ_GAPS), 0);
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_17_a_coupon_takes_off_its_part_or_its_amount, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = customer(&client, "ada").await;
    make(&client, &json!({"code": "PART", "percentOff": 15})).await;
    make(&client, &json!({"code": "FIVE", "amountOff": 5, "currency": "USD"})).await;
    make(&client, &json!({"code": "ALL", "percentOff": 100})).await;
    for (code, amount, currency, discount, total) in [
        ("PART", json!(9.90), "USD", 1.49, 8.41),
        ("PART", json!("10"), "JPY", 2.0, 8.0),
        ("PART", json!(0.01), "USD", 0.0, 0.01),
        ("FIVE", json!(20), "USD", 5.0, 15.0),
        ("FIVE", json!(3.5), "USD", 3.5, 0.0),
        ("ALL", json!(999_999_999_999.99), "USD", 999_999_999_999.99, 0.0),
    ] {
        let body = json!({"customerId": id, "amount": amount, "currency": currency});
        let told = redeem(&client, code, &body).await.expect(200);
        let numbers = (told.json["discount"].as_f64().unwrap(), told.json["total"].as_f64().unwrap());
        assert_eq!(numbers, (discount, total), "{code} of {amount} {currency}: {}", told.text);
        assert_eq!(told.json["currency"], currency);
    }
    let other = json!({"customerId": id, "amount": 20, "currency": "EUR"});
    let other = redeem(&client, "FIVE", &other).await;
    assert_eq!(
        (refusal(&other), places(&other)),
        ("currency_mismatch", set(["/currency"])),
        "{}",
        other.text
    );
    assert!(other.text.contains("USD"), "{}", other.text);
    assert_eq!(redemptions(&client, "FIVE").await.len(), 2, "a refusal takes no place");
});

both!(rules_17_a_customer_has_coupons, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let (ada, bob) = (customer(&client, "ada").await, customer(&client, "bob").await);
    make(&client, &json!({"code": "OPEN", "percentOff": 10})).await;
    // A new code makes a coupon for this customer; a known one is assigned.
    let own = client.post(&of_customer(ada), &json!({"code": "ADA", "percentOff": 20})).await.expect(200);
    assert_eq!(
        (&own.json["coupon"]["code"], &own.json["coupon"]["customersOnly"]),
        (&json!("ADA"), &json!(true))
    );
    assert!(own.json["assignedAt"].is_string(), "{}", own.text);
    let told = client.post(&of_customer(bob), &json!({"code": "ada"})).await.expect(200);
    assert_eq!(told.json["coupon"]["couponId"], own.json["coupon"]["couponId"]);
    let again = client.post(&of_customer(bob), &json!({"code": "ADA"})).await.expect(200);
    assert_eq!(again.json, told.json, "to assign twice is to assign once");
    let all = json!({"code": "EVERYONE", "percentOff": 5, "customersOnly": false});
    client.post(&of_customer(ada), &all).await.expect(200);
    let unknown = client.post(&of_customer(ada), &json!({"code": "NONE"})).await;
    assert_eq!((refusal(&unknown), places(&unknown)), ("unknown_coupon", set(["/code"])));
    let taken = client.post(&of_customer(ada), &json!({"code": "open", "percentOff": 1})).await;
    assert_eq!(refusal(&taken), "coupon_exists");

    // Only those whom it is assigned to redeem it.
    let cara = customer(&client, "cara").await;
    let stranger = redeem(&client, "ADA", &usage(cara, 10.0, "c-1")).await;
    assert_eq!(refusal(&stranger), "coupon_not_assigned");
    redeem(&client, "ADA", &usage(ada, 10.0, "a-1")).await.expect(200);
    redeem(&client, "EVERYONE", &usage(cara, 10.0, "c-1")).await.expect(200);
    let used = redeem(&client, "OPEN", &usage(ada, 10.0, "a-2")).await.expect(200);
    let known = etag(&client.get(&of_customer(ada)).await.expect(200));
    release(&client, "OPEN", &redemption_of(&used)).await.expect(200);

    let list = client.get(&of_customer(ada)).await.expect(200);
    assert_ne!(etag(&list), known, "a release changes the list");
    assert_eq!(list.json["Summary"]["totalRecords"], 3);
    let told: Vec<_> = coupons_of(&client, ada)
        .await
        .iter()
        .map(|one| {
            let uses: Vec<_> = one["redemptions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|use_| (use_["reference"].as_str().unwrap().to_owned(), use_["releasedAt"].is_string()))
                .collect();
            let code = one["coupon"]["code"].as_str().unwrap().to_owned();
            (code, one["assignedAt"].is_string(), one["redeemed"].as_u64().unwrap(), uses)
        })
        .collect();
    let wanted = [
        ("EVERYONE".to_owned(), true, 0, vec![]),
        ("ADA".to_owned(), true, 1, vec![("a-1".to_owned(), false)]),
        ("OPEN".to_owned(), false, 0, vec![("a-2".to_owned(), true)]),
    ];
    assert_eq!(told, wanted, "{}", list.text);

    // The page about the customer shows them too.
    let details = client.get(&format!("{}/details", path(ada))).await.expect(200);
    assert_eq!(details.json["coupons"]["Records"], list.json["Records"]);
    let poor = server.anonymous().token(&token_with(server.site(), &["customers:read", "pii:read"]));
    assert_eq!(poor.get(&format!("{}/details", path(ada))).await.expect(200).json["coupons"], Value::Null);
    let masked = server.anonymous().token(&token_with(server.site(), &["customers:read", "money:read"]));
    let details = masked.get(&format!("{}/details", path(ada))).await.expect(200);
    assert_eq!(details.json["coupons"]["Records"], list.json["Records"]);
    assert_eq!(details.json["comments"], Value::Null);

    // A deleted customer takes no coupon, and those assigned are gone from its list; the counts hold.
    client.delete(&path(ada)).await.expect(200);
    client.post(&of_customer(ada), &json!({"code": "OPEN"})).await.expect_error(409);
    let codes: Vec<_> =
        coupons_of(&client, ada).await.iter().map(|one| one["coupon"]["code"].clone()).collect();
    assert_eq!(codes, ["ADA", "OPEN"]);
    assert!(coupons_of(&client, ada).await.iter().all(|one| one["assignedAt"].is_null()));
    assert_eq!(client.get(&coupon_path("ADA")).await.expect(200).json["redeemed"], 1);
    assert_eq!(refusal(&redeem(&client, "OPEN", &usage(ada, 10.0, "a-3")).await), "unknown_customer");
    let mut sql = Sql::open(server.site());
    let events = sql.texts(sql::EVENTS);
    for (kind, number) in
        [("coupon.created", 3), ("coupon.assigned", 3), ("coupon.redeemed", 3), ("coupon.released", 1)]
    {
        assert_eq!(
            events.iter().filter(|event| event.starts_with(kind)).count(),
            number,
            "{kind}: {events:?}"
        );
    }
    assert!(!events.join("\n").contains("ADA"), "an event names no code: {events:?}");
    server.cli(&["doctor", "--deep"]).success();
});

both!(rules_17_lists_have_pages_and_exact_totals, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    for number in 0..7 {
        let status = if number % 3 == 0 { "offline" } else { "online" };
        make(&client, &json!({"code": format!("C{number}"), "percentOff": 1, "status": status})).await;
    }
    let id = customer(&client, "ada").await;
    for number in 0..5 {
        client.post(&of_customer(id), &json!({"code": format!("C{number}")})).await.expect(200);
        redeem(&client, "C1", &usage(id, 1.0, &format!("r-{number}"))).await.expect(200);
    }
    for (place, total) in [
        (COUPONS.to_owned(), 7),
        (format!("{COUPONS}?status=online"), 4),
        (format!("{COUPONS}?status=offline"), 3),
        (format!("{}/redemptions", coupon_path("c1")), 5),
        (of_customer(id), 5),
    ] {
        let sign = if place.contains('?') { '&' } else { '?' };
        let whole = client.get(&place).await.expect(200);
        let all = whole.json["Records"].as_array().unwrap();
        assert_eq!(
            (all.len(), &whole.json["Summary"]["totalRecords"]),
            (total, &json!(total)),
            "{}",
            whole.text
        );
        let mut found = Vec::new();
        let mut next = format!("{place}{sign}limitRecord=2");
        loop {
            let page = client.get(&next).await.expect(200);
            assert_eq!(page.json["Summary"]["totalRecords"], total);
            found.extend(page.json["Records"].as_array().unwrap().clone());
            let Some(token) = page.json["Summary"]["pageIdentifier"].as_str() else {
                assert_eq!(page.header("Link"), None);
                break;
            };
            assert!(page.header("Link").is_some_and(|link| link.contains(token)), "{place}");
            next = format!("{place}{sign}limitRecord=2&pageIdentifier={token}");
        }
        assert_eq!(&found, all, "{place}");
        let skipped = client.get(&format!("{place}{sign}fromRecord=1&limitRecord=1")).await.expect(200);
        assert_eq!(skipped.json["Records"], json!([all[1]]));
        // A token holds for its own list.
        let token =
            client.get(&format!("{COUPONS}?limitRecord=1")).await.json["Summary"]["pageIdentifier"].clone();
        if place != COUPONS {
            let foreign = format!("{place}{sign}pageIdentifier={}", token.as_str().unwrap());
            assert_eq!(places(client.get(&foreign).await.expect_error(400)), set(["?pageIdentifier"]));
        }
        client.get(&format!("{place}{sign}limitRecord=0")).await.expect_error(400);
        client.get(&format!("{place}{sign}sort=code")).await.expect_error(400);
    }
    client.get(&format!("{COUPONS}?status=expired")).await.expect_error(400);
});
