//! Everything around a body: query, path, method and headers.

use reqwest::Method;
use serde_json::{Value, json};

use super::Fixture;
use crate::harness::*;
use crate::support::*;

/// The methods and paths of the served document, each parameter replaced by something of `demo`.
fn operations(
    document: &Value,
    customer: u64,
    token: &str,
    import: &str,
    invitation: &str,
    label_job: &str,
    [
        method_id,
        trans_id,
        subscription_id,
        redemption_id,
        product_id,
        invoice_id,
        order_id,
        request_id,
        link_id,
    ]: [&str; 9],
) -> Vec<(Method, String)> {
    let mut found = Vec::new();
    for (template, item) in addresses(document) {
        let before = |segment: &str| template.contains(&format!("{segment}/{{"));
        let filled = if before("Organization/settings") || before("org") {
            "1".to_owned()
        } else if before("Token") {
            token.to_owned()
        } else if before("/Customer") {
            customer.to_string()
        } else {
            "demo".to_owned()
        };
        let own = customer.to_string();
        let segments = template.split('/').map(|segment| match segment {
            "{format}" => "csv",
            "{jobId}" if template.contains("/invite/") => invitation,
            "{jobId}" if template.contains("/labels/") => label_job,
            "{jobId}" => import,
            "{mailId}" | "{secretId}" | "{amount}" => "1",
            "{methodId}" => method_id,
            "{transId}" => trans_id,
            "{subscriptionId}" | "{id}" if template.contains("/Subscription/") => subscription_id,
            "{invoiceId}" => invoice_id,
            "{customerId}" => &*own,
            "{code}" => "TEN",
            "{redemptionId}" => redemption_id,
            "{productId}" => product_id,
            "{orderId}" => order_id,
            "{paymentRequestId}" => request_id,
            "{linkId}" => link_id,
            "{mode}" => "ytd",
            "{freq}" => "m",
            segment if segment.starts_with('{') => &*filled,
            segment => segment,
        });
        let path = segments.collect::<Vec<_>>().join("/");
        for method in item.as_object().expect("operations").keys() {
            if let Ok(method) = method.to_uppercase().parse::<Method>()
                && ["GET", "PUT", "POST", "DELETE", "PATCH"].contains(&method.as_str())
            {
                // Only a POST names the entrypoint there.
                let is_by_id = (template.ends_with("/Invoice/{target}") && method != Method::POST)
                    || (template.ends_with("/PaymentLink/{target}") && method == Method::POST);
                let is_request = (template.ends_with("/PaymentRequest/{target}")
                    || template.ends_with("/PaymentLink/{target}"))
                    && method != Method::POST;
                let path = match (is_by_id, is_request) {
                    (true, _) => path.replace("demo", invoice_id),
                    (_, true) => path.replace("demo", request_id),
                    _ => path.clone(),
                };
                found.push((method, path));
            }
        }
    }
    found
}

async fn send_file(client: &Client, path: &str, file: &'static str) -> Answer {
    send(client.request(Method::POST, path).header("Content-Type", "text/csv").body(file)).await
}

/// The id of an import that wrote nothing.
async fn dry_run(client: &Client) -> String {
    let path = "/api/Import/customersForm/demo?dryRun=true";
    let answer = send_file(client, path, "email\nada@example.test\n").await.expect(200);
    answer.data()["jobId"].to_string()
}

/// The id of an invitation that reaches nobody.
async fn empty_invitation(client: &Client) -> String {
    let body = json!({"customerIds": [987_654_321]});
    client.post("/api/Customer/invite/demo", &body).await.expect(202).json["jobId"].to_string()
}

/// The id of a change of the labels of nobody.
async fn empty_label_job(client: &Client) -> String {
    let body = json!({"add": ["made"], "customerIds": [987_654_321]});
    client.post("/api/Customer/labels/demo", &body).await.expect(202).json["jobId"].to_string()
}

both!(rules_2_an_unknown_parameter_is_refused_on_every_route, |db| async {
    let mut fixture = Fixture::start(db).await;
    let master = master(&fixture.server);
    let token = jti(&token_with(fixture.server.site(), &["tokens"]));
    let document = master.get("/openapi.json").await.expect(200).json;
    let import = dry_run(&master).await;
    let invitation = empty_invitation(&master).await;
    let labels = empty_label_job(&master).await;
    let method = json!({"provider": "stripe", "providerMethodId": "pm_1", "method": "card"});
    let method = master.post(&format!("{}/methods", fixture.path()), &method).await.expect(200);
    let method = method.data()["methodId"].as_str().expect("an id");
    let item = json!([{"source": "shop", "externalId": "T-1", "status": "approved", "amount": 1,
        "customerId": fixture.customer}]);
    let paid = master.post("/api/Transaction/demo", &item).await.expect(200);
    let paid = paid.json["items"][0]["transId"].as_str().expect("an id").to_owned();
    let subscription = json!({"customerId": fixture.customer, "status": "running", "plan": "gold"});
    let subscribed = master.put("/api/Subscription/external/demo/shop/S-1", &subscription).await.expect(200);
    let subscribed = subscribed.data()["idSub"].to_string();
    let invoice = json!({"customerData": {"customerId": fixture.customer},
        "invoiceData": {"items": [{"itemProductName": "Tea", "itemCost": 5}]}});
    let invoice = master.post("/api/Invoice/demo", &invoice).await.expect(200);
    let invoice = invoice.json["responseData"].to_string();
    master.post("/api/Coupon/demo", &json!({"code": "TEN", "percentOff": 10})).await.expect(200);
    let usage = json!({"customerId": fixture.customer, "amount": 1, "currency": "USD"});
    let used = master.post("/api/Coupon/demo/TEN/redeem", &usage).await.expect(200);
    let used = used.json["redemptionId"].as_str().expect("an id").to_owned();
    let product = master.post("/api/Product/demo", &json!({"name": "Tea", "unitPrice": 1})).await.expect(200);
    let product = product.json["productId"].as_str().expect("an id").to_owned();
    let order = json!({"lines": [{"name": "Tea", "unitPrice": 1}]});
    let order = master.post(&format!("{}/orders", fixture.path()), &order).await.expect(200);
    let order = order.data()["orderId"].as_str().expect("an id").to_owned();
    let request = json!({"amount": 1});
    let request = master.post(&format!("{}/paymentRequests", fixture.path()), &request).await.expect(200);
    let request = request.data()["paymentRequestId"].as_str().expect("an id").to_owned();
    let link = master.post(&format!("{}/methodLinks", fixture.path()), &json!({})).await.expect(200);
    let link = link.data()["linkId"].as_str().expect("an id").to_owned();
    let own = [method, &paid, &subscribed, &used, &product, &invoice, &order, &request, &link];
    let operations = operations(&document, fixture.customer, &token, &import, &invitation, &labels, own);
    fixture.before = Fixture::state(&fixture.client, fixture.customer).await;
    assert!(operations.len() >= 17, "{operations:?}");
    for (method, path) in operations {
        // An object, as every route expects, that is valid for none of them.
        let body = (method == Method::POST || method == Method::PUT).then(|| {
            let names_entry = path.ends_with("/TokenStorage/add") || path.ends_with("/MoneyIn/getpaid");
            if names_entry { json!({"entryPoint": "demo"}) } else { json!({}) }
        });
        for query in ["nonsense=1", "nonsense", "=1", "nonsense=%ff"] {
            let asked = format!("{path}?{query}");
            let answer = if path.contains("sForm/") {
                send_file(&master, &asked, "email\nada@example.test\n").await
            } else {
                master.send(method.clone(), &asked, body.as_ref(), &[]).await
            };
            assert_eq!(answer.status, 400, "{method} {path}?{query}: {}", answer.text);
            let found = places(answer.expect_error(400));
            assert!(
                found.iter().any(|place| place.starts_with('?')),
                "{method} {path}?{query}: {}",
                answer.text
            );
        }
    }
    for (method, path, near) in [
        (Method::POST, "/api/Customer/single/demo?forceCustomerCreate=true", "forceCustomerCreation"),
        (Method::GET, "/api/Query/customers/demo?limit_record=5", "limitRecord"),
    ] {
        let body = (method == Method::POST).then(|| json!({"customerNumber": "CASE-1"}));
        let answer = master.send(method, path, body.as_ref(), &[]).await;
        let message = answer.expect_error(400).json["errors"][0]["message"].as_str().expect("a message");
        assert!(message.contains(near), "{path}: {message}");
    }
    fixture.nothing_stored().await;
});

both!(rules_2_a_bad_parameter_is_refused, |db| async {
    let fixture = Fixture::start(db).await;
    let body = json!({"customerNumber": "CASE-1"});
    for name in ["replaceExisting", "mergeExisting", "forceCustomerCreation"] {
        for value in ["2", "-1", "yes", "", "1.0", "0x1", "%00", "null"] {
            for route in ["single", "match"] {
                let path = format!("/api/Customer/{route}/demo?{name}={value}");
                let answer = fixture.client.post(&path, &body).await;
                assert_eq!(answer.status, 400, "{path}: {}", answer.text);
                assert_eq!(places(answer.expect_error(400)), set([&format!("?{name}")]), "{path}");
            }
        }
        let twice = format!("/api/Customer/single/demo?{name}=0&{name}=1");
        let answer = fixture.client.post(&twice, &body).await;
        assert_eq!(places(answer.expect_error(400)), set([&format!("?{name}")]), "{twice}");
    }
    for (name, values) in [
        ("fromRecord", ["-1", "x", "", "1.5", "99999999999999999999"]),
        ("limitRecord", ["x", "", "1.5", "99999999999999999999", "1e3"]),
    ] {
        for value in values {
            let path = format!("/api/Query/customers/demo?{name}={value}");
            let answer = fixture.client.get(&path).await;
            assert_eq!(
                places(answer.expect_error(400)),
                set([&format!("?{name}")]),
                "{path}: {}",
                answer.text
            );
        }
    }
    for value in ["yes", "2", "", "TRUEISH"] {
        let path = format!("{}?erase={value}", fixture.path());
        let answer = fixture.client.delete(&path).await;
        assert_eq!(places(answer.expect_error(400)), set(["?erase"]), "{path}: {}", answer.text);
    }
    fixture.nothing_stored().await;
});

both!(rules_1_a_bad_path_answers_404, |db| async {
    let fixture = Fixture::start(db).await;
    let body = json!({"customerNumber": "CASE-1"});
    let ids = [
        "abc",
        "0",
        "-1",
        "9007199254740992",
        "9007199254740991",
        "99999999999999999999999",
        "1.0",
        "1e3",
        "%00",
        "1%20",
        "%2f",
        "\u{661}",
        "0x1",
    ];
    for id in ids {
        for (method, path) in [
            (Method::GET, format!("/api/Customer/{id}")),
            (Method::PUT, format!("/api/Customer/{id}")),
            (Method::DELETE, format!("/api/Customer/{id}")),
            (Method::GET, format!("/api/Customer/{id}/history")),
            (Method::GET, format!("/api/Customer/{id}/addresses/1")),
            (Method::GET, format!("{}/addresses/{id}", fixture.path())),
            (Method::GET, format!("/api/Customer/{id}/references")),
            (Method::GET, format!("/api/Import/jobs/demo/{id}")),
            (Method::GET, format!("/api/Import/jobs/demo/{id}/rows")),
            (Method::POST, format!("/api/Import/jobs/demo/{id}/commit")),
        ] {
            let body = (method == Method::PUT).then_some(&body);
            let answer = fixture.client.send(method.clone(), &path, body, &[]).await;
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text);
            answer.expect_error(404);
        }
    }
    let longest = "x".repeat(51);
    for entry in
        ["Demo", "DEMO", "demo%20", "de%2Fmo", "demo!", "%00", "d\u{e9}mo", "..%2Fdemo", "nowhere", &longest]
    {
        for (method, path) in [
            (Method::POST, format!("/api/Customer/single/{entry}")),
            (Method::POST, format!("/api/Customer/match/{entry}")),
            (Method::GET, format!("/api/Query/customers/{entry}")),
            (Method::GET, format!("/api/Export/customers/csv/{entry}")),
            (Method::POST, format!("/api/Import/customersForm/{entry}")),
            (Method::GET, format!("/api/Import/jobs/{entry}")),
        ] {
            let body = (method == Method::POST).then_some(&body);
            let answer = fixture.client.send(method.clone(), &path, body, &[]).await;
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text);
            answer.expect_error(404);
        }
    }
    let master = master(&fixture.server);
    for path in [
        "/api/Paypoint/settings/nowhere",
        "/api/Paypoint/settings/%00",
        "/api/Export/customers/csv/org/0",
        "/api/Export/customers/csv",
        "/api/Organization/settings/0",
        "/api/Organization/settings/x",
    ] {
        master.get(path).await.expect_error(404);
    }
    for path in
        ["/nowhere", "/api/nowhere", "/api", "/api/Customer", "/api/Customer/", "/api/Customer/single/"]
    {
        master.get(path).await.expect_error(404);
    }
    fixture.nothing_stored().await;
});

both!(rules_6_an_unknown_method_answers_405_with_the_allowed_ones, |db| async {
    let fixture = Fixture::start(db).await;
    let master = master(&fixture.server);
    for (path, allowed) in [
        (&*fixture.path(), &["DELETE", "GET", "PUT"][..]),
        ("/api/Customer/single/demo", &["POST"]),
        ("/api/Customer/match/demo", &["POST"]),
        (&format!("{}/history", fixture.path()), &["GET"]),
        (&format!("{}/addresses", fixture.path()), &["GET", "POST"]),
        (&format!("{}/addresses/1", fixture.path()), &["DELETE", "GET", "PUT"]),
        (&format!("{}/references/shop/1", fixture.path()), &["DELETE", "PUT"]),
        ("/api/TokenStorage/add", &["POST"]),
        ("/api/TokenStorage/1-00", &["DELETE", "GET", "PUT"]),
        ("/api/Query/customers/demo", &["GET"]),
        ("/api/Export/customers/csv/demo", &["GET"]),
        ("/api/Export/customers/xlsx/org/1", &["GET"]),
        ("/api/Import/customersForm/demo", &["POST"]),
        ("/api/Import/template/customers.csv", &["GET"]),
        ("/api/Import/jobs/demo", &["GET"]),
        ("/api/Import/jobs/demo/1", &["GET"]),
        ("/api/Import/jobs/demo/1/rejected.csv", &["GET"]),
        ("/api/Import/jobs/demo/1/commit", &["POST"]),
        ("/api/Paypoint", &["GET", "POST"]),
        ("/api/Paypoint/settings/demo", &["GET", "PUT"]),
        ("/api/Paypoint/keys/demo", &["GET"]),
        ("/api/Paypoint/keys/rotate/demo", &["POST"]),
        ("/api/Organization", &["POST"]),
        ("/api/Organization/settings/1", &["GET", "PUT"]),
        ("/api/Token", &["GET", "POST"]),
        ("/api/Token/x", &["DELETE"]),
        ("/api/Staff", &["GET", "POST"]),
        ("/api/Staff/x", &["DELETE", "GET", "PUT"]),
        ("/api/Staff/x/invite", &["POST"]),
        ("/api/v2/Token/serverside", &["POST"]),
        ("/health/live", &["GET"]),
        ("/openapi.json", &["GET"]),
    ] {
        for method in ["PATCH", "TRACE", "BREW", "GET", "POST", "PUT", "DELETE"] {
            if allowed.contains(&method) {
                continue;
            }
            let answer = master.send(method.parse().unwrap(), path, None, &[]).await;
            assert_eq!(answer.status, 405, "{method} {path}: {}", answer.text);
            answer.expect_error(405);
            let allow = answer.header("Allow").unwrap_or_else(|| panic!("{method} {path}: no Allow"));
            let mut listed: Vec<_> = allow
                .split(',')
                .map(str::trim)
                .filter(|method| !["HEAD", "OPTIONS"].contains(method))
                .collect();
            listed.sort_unstable();
            assert_eq!(listed, allowed, "{method} {path}");
        }
    }
    fixture.nothing_stored().await;
});

/// Bytes, because an invalid header need not be text.
type Header<'a> = (&'a str, &'a [u8]);

both!(rules_4_a_bad_idempotency_key_is_refused, |db| async {
    let fixture = Fixture::start(db).await;
    let long = "k".repeat(256);
    let bad: [(&str, &[Header<'_>]); 8] = [
        ("two different", &[("idempotencyKey", b"one"), ("Idempotency-Key", b"two")]),
        ("one twice, different", &[("Idempotency-Key", b"one"), ("Idempotency-Key", b"two")]),
        ("empty", &[("idempotencyKey", b"")]),
        ("quoted empty", &[("Idempotency-Key", b"\"\"")]),
        ("too long", &[("Idempotency-Key", long.as_bytes())]),
        ("a tab", &[("idempotencyKey", b"a\tb")]),
        ("no ASCII", &[("Idempotency-Key", b"a\xc3\xa9")]),
        ("no text", &[("idempotencyKey", b"a\xff")]),
    ];
    for (what, headers) in bad {
        for (method, path) in [
            (Method::POST, "/api/Customer/single/demo".to_owned()),
            (Method::PUT, fixture.path()),
            (Method::DELETE, fixture.path()),
        ] {
            let mut request = fixture.client.request(method.clone(), &path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            if method != Method::DELETE {
                request = request.json(&json!({"customerNumber": "CASE-1"}));
            }
            let answer = send(request).await;
            assert_eq!(answer.status, 400, "{what} by {method}: {}", answer.text);
            let found = places(answer.expect_error(400));
            assert!(found.iter().all(|place| place.starts_with('@')), "{what} by {method}: {}", answer.text);
            assert_eq!(found.len(), 1, "{what} by {method}: {}", answer.text);
        }
    }
    fixture.nothing_stored().await;
    // A key may have 255 printable characters.
    let key = "~ ".repeat(127) + "k";
    let created = fixture.client.header("Idempotency-Key", &key);
    created.post("/api/Customer/single/demo", &json!({"customerNumber": "KEY-1"})).await.expect(200);
});

both!(fixed_path_segments_ignore_case, |db| async {
    let fixture = Fixture::start(db).await;
    let master = master(&fixture.server);
    let body = json!({"customerNumber": "CASE-1"});
    let answer = master.post("/API/customer/SINGLE/demo", &body).await.expect(200);
    let id = answer.id();
    let again = master.post("/api/CUSTOMER/match/demo", &body).await.expect(200);
    assert_eq!(again.data()["customerId"], id, "{}", again.text);
    for path in [
        format!("/api/customer/{id}"),
        format!("/Api/CUSTOMER/{id}/HISTORY"),
        "/api/query/Customers/demo".to_owned(),
        "/api/EXPORT/Customers/csv/demo".to_owned(),
        "/api/import/JOBS/demo".to_owned(),
        "/api/IMPORT/Template/Customers.csv".to_owned(),
        "/api/paypoint/Settings/demo".to_owned(),
        "/api/organization/SETTINGS/1".to_owned(),
        "/api/token".to_owned(),
        "/HEALTH/live".to_owned(),
    ] {
        master.get(&path).await.expect(200);
    }
    master.put(&format!("/api/customer/{id}"), &json!({"city": "Oakton"})).await.expect(200);
    // Names of entrypoints do not ignore case.
    master.post("/api/customer/single/Demo", &body).await.expect_error(404);
});

both!(rules_6_every_answer_carries_a_request_id_of_its_own, |db| async {
    let fixture = Fixture::start(db).await;
    let mut seen = std::collections::BTreeSet::new();
    for path in [&*fixture.path(), "/api/Customer/0", "/nowhere", "/health/live", "/openapi.json", "/metrics"]
    {
        for client in [&fixture.client, &fixture.server.anonymous()] {
            let answer = client.get(path).await;
            let id = answer.header("X-Request-Id").unwrap_or_else(|| panic!("{path} has none")).to_owned();
            assert!(!id.is_empty(), "{path}");
            assert!(seen.insert(id), "{path}: the id of an earlier request");
        }
    }
});

// Each time series stays in memory, so an invented method must not begin one.
both!(invented_methods_share_one_metric, |db| async {
    let fixture = Fixture::start(db).await;
    let client = fixture.server.anonymous();
    let counted = async |labels: &str| -> u64 {
        let text = client.get("/metrics").await.expect(200).text;
        let line = format!("customary_http_requests_total{{{labels}}} ");
        text.lines().find_map(|found| found.strip_prefix(&line)?.parse().ok()).unwrap_or(0)
    };
    let live = r#"route="/health/live",method="GET",status="200""#;
    let before = counted(live).await;
    let asks = (0..40).map(|n| {
        let client = client.clone();
        async move {
            let method = Method::from_bytes(format!("BREW{n}").as_bytes()).expect("a method");
            client.send(method, "/nowhere", None, &[]).await.expect(404);
            client.get("/health/live").await.expect(200);
        }
    });
    at_once(asks.collect::<Vec<_>>()).await;
    assert_eq!(counted(r#"route="unknown",method="other",status="404""#).await, 40);
    assert_eq!(counted(live).await, before + 40);
    assert!(!client.get("/metrics").await.text.contains("BREW"));
});
