//! Raw card data (rules 10): no route, no file and no form takes it, and nothing repeats it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::harness::*;
use crate::support::*;

/// A number that Visa publishes for tests, and what must never be seen of it.
const CARD: &str = "4111 1111 1111 1111";
const BARE: &str = "4111111111111111";

/// Asserts the refusal, and that it repeats nothing of the card; the places that it names.
#[track_caller]
fn refused(answer: &Answer, what: &str) -> BTreeSet<String> {
    assert_eq!(answer.status, 400, "{what}: {}", answer.text);
    answer.expect_error(400);
    let codes: BTreeSet<&str> =
        answer.json["errors"].as_array().unwrap().iter().filter_map(|error| error["code"].as_str()).collect();
    assert!(codes.contains("raw_card_data"), "{what}: {}", answer.text);
    shows_nothing(&answer.text, what);
    places(answer)
}

/// Asserts that a batch takes the others, but not the item that the body has.
#[track_caller]
fn refused_item(answer: &Answer, body: &Value) {
    assert_eq!(answer.status, 200, "{body}: {}", answer.text);
    assert_eq!(answer.json["items"][0]["reason"]["code"], "raw_card_data", "{body}: {}", answer.text);
    shows_nothing(&answer.text, &body.to_string());
}

#[track_caller]
fn shows_nothing(text: &str, what: &str) {
    let bare: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-' && *c != '+').collect();
    let bare = bare.replace("%20", "");
    assert!(!bare.contains(BARE), "{what}: {text}");
}

/// The schema that a `$ref` leads to.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let Some(name) = schema["$ref"].as_str() else { return schema };
    document.pointer(name.trim_start_matches('#')).unwrap_or_else(|| panic!("no {name}"))
}

/// A body for each place in a schema where a text, a number or a name may stand, with that place as a JSON pointer.
fn bodies(document: &Value, schema: &Value, depth: usize) -> Vec<(String, Value)> {
    let schema = resolved(document, schema);
    let parts = ["allOf", "oneOf", "anyOf"].iter().filter_map(|word| schema[word].as_array()).flatten();
    let mut found: Vec<_> = parts.flat_map(|part| bodies(document, part, depth + 1)).collect();
    if depth > 6 {
        return found;
    }
    if let Some(properties) = schema["properties"].as_object() {
        for (name, part) in properties {
            let below = bodies(document, part, depth + 1);
            found.extend(
                below.into_iter().map(|(place, body)| (format!("/{name}{place}"), json!({name: body}))),
            );
        }
    }
    if schema["items"].is_object() {
        let below = bodies(document, &schema["items"], depth + 1);
        found.extend(below.into_iter().map(|(place, body)| (format!("/0{place}"), json!([body]))));
    }
    if schema["additionalProperties"].is_object() {
        found.push(("/x".into(), json!({"x": CARD})));
    }
    if !(schema["properties"].is_object() || schema["items"].is_object()) && found.is_empty() {
        found.push((String::new(), json!(CARD)));
    }
    found
}

both!(rules_10_no_route_takes_a_card_number_anywhere, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let body = json!({"provider": "stripe", "providerMethodId": "pm_1", "method": "card"});
    let answer = client.post(&format!("{}/methods", path(id)), &body).await.expect(200);
    let stored = answer.data()["methodId"].as_str().unwrap().to_owned();
    let invoice = json!({"customerData": {"customerId": id}, "invoiceData": {"items": [{"itemProductName": "Tea", "itemCost": 1}]}});
    let invoice =
        client.post("/api/Invoice/demo", &invoice).await.expect(200).json["responseData"].to_string();
    let product = client.post("/api/Product/demo", &json!({"name": "Tea", "unitPrice": 1})).await.expect(200);
    let product = product.json["productId"].as_str().unwrap().to_owned();
    client.post("/api/Coupon/demo", &json!({"code": "TEN", "percentOff": 10})).await.expect(200);
    let request =
        client.post(&format!("{}/paymentRequests", path(id)), &json!({"amount": 1})).await.expect(200);
    let request = request.data()["paymentRequestId"].as_str().unwrap().to_owned();
    let link = client.post(&format!("{}/methodLinks", path(id)), &json!({})).await.expect(200);
    let link = link.data()["linkId"].as_str().unwrap().to_owned();
    let document = client.get("/openapi.json").await.expect(200).json;
    let mut asked = 0;
    for (path, item) in addresses(&document) {
        if path.starts_with("/health") {
            continue;
        }
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            if !["GET", "POST", "PUT", "DELETE"].contains(&method.as_str()) {
                continue;
            }
            let is_public = operation["security"].as_array().is_some_and(Vec::is_empty);
            let filled =
                |card: Option<&str>| {
                    let mut parts = Vec::new();
                    for part in path.split('/') {
                        let name = part.trim_start_matches('{').trim_end_matches('}');
                        let usual =
                            match name {
                                "customerId" => id.to_string(),
                                "target" if path.starts_with("/api/PaymentLink/") => {
                                    if method == Method::POST { invoice.clone() } else { request.clone() }
                                }
                                "target" if method == Method::POST => "demo".to_owned(),
                                "target" | "invoiceId" => invoice.clone(),
                                "productId" => product.clone(),
                                "paymentRequestId" => request.clone(),
                                "linkId" => link.clone(),
                                "code" => "TEN".to_owned(),
                                "entry" => "demo".to_owned(),
                                "methodId" => stored.clone(),
                                "format" => "csv".to_owned(),
                                name if name.ends_with("Id") => "1".to_owned(),
                                name => name.to_owned(),
                            };
                        let is_card = part.starts_with('{') && card == Some(name);
                        parts.push(if is_card {
                            CARD.replace(' ', "%20")
                        } else if part.starts_with('{') {
                            usual
                        } else {
                            part.to_owned()
                        });
                    }
                    parts.join("/")
                };
            if !is_public {
                for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                    let place = filled(Some(name));
                    let answer = client.send(method.clone(), &place, None, &[]).await;
                    assert!(
                        refused(&answer, &format!("{method} {path} with {name}"))
                            .contains(&format!("?{name}"))
                    );
                    asked += 1;
                }
                let documented = operation["parameters"].as_array().into_iter().flatten();
                let documented = documented.map(|one| resolved(&document, one));
                let queries =
                    documented.filter(|one| one["in"] == "query").filter_map(|one| one["name"].as_str());
                for name in queries.chain(["x", "company(eq)"]) {
                    let shown = name.replace('{', "(").replace('}', ")");
                    let request = client.request(method.clone(), &filled(None)).query(&[(name, CARD)]);
                    let answer = send(request).await;
                    if shown.starts_with("phone") {
                        continue;
                    }
                    refused(&answer, &format!("{method} {path}?{name}"));
                    asked += 1;
                }
            }
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            if !schema.is_object() {
                continue;
            }
            for (place, body) in bodies(&document, schema, 0) {
                let answer = client.send(method.clone(), &filled(None), Some(&body), &[]).await;
                if place.to_lowercase().ends_with("phone") {
                    shows_nothing(&answer.text, &place);
                    continue;
                }
                if path == "/api/Transaction/{entry}" {
                    refused_item(&answer, &body);
                    continue;
                }
                let places = refused(&answer, &format!("{method} {path} with {body}"));
                assert_eq!(places, set([&place]), "{method} {path} with {body}");
                asked += 1;
            }
            // Neither as a name, nor as a number, nor where nothing is expected.
            for body in [
                json!({CARD: 1}),
                json!({"x": {"y": [4_111_111_111_111_111_u64]}}),
                json!({"Card_Number": ""}),
                json!({"cvv": null}),
            ] {
                let is_batch = path == "/api/Transaction/{entry}";
                let body = if is_batch { json!([body]) } else { body };
                let answer = client.send(method.clone(), &filled(None), Some(&body), &[]).await;
                if is_batch {
                    refused_item(&answer, &body);
                } else {
                    refused(&answer, &format!("{method} {path} with {body}"));
                }
                asked += 1;
            }
        }
    }
    assert!(asked > 150, "only {asked} places were asked");
    assert_eq!(operations(&client, id).await, ["created"]);
    shows_nothing(&server.logs(), "the log");
});

both!(rules_10_phones_are_read_as_phones_and_shop_ids_pass, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    for (number, body) in [
        json!({"customerNumber": "4222222222222", "company": "1234567890123456"}),
        json!({"customerNumber": "41111111-1111-4111-8111-111111111111"}),
        json!({"phone": "+372 5123 4567", "balance": 411_111_111_111.5, "zip": "22124-4111"}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body: Map<String, Value> = serde_json::from_value(body).unwrap();
        body.insert("email".into(), json!(format!("ada{number}@example.test")));
        created(&client, "demo", &Value::Object(body)).await;
    }
    let answer = client.create("demo", &json!({"email": "b@example.test", "phone": CARD}), &[], &[]).await;
    answer.expect_error(400);
    assert!(!answer.text.contains("raw_card_data"), "{}", answer.text);
});

both!(rules_10_the_entrypoint_decides_about_ids, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let settings = "/api/Paypoint/settings/demo";
    let guard = |word: &str| json!({"general": [{"key": "cardGuard", "readOnly": false, "value": word}]});
    let body = json!({"email": "ada@example.test", "customerNumber": BARE});
    let answer = client.create("demo", &body, &[], &[]).await;
    assert_eq!(refused(&answer, "an id"), set(["/customerNumber"]));
    assert!(answer.text.contains("cardGuard"), "{}", answer.text);
    client.put(settings, &guard("none")).await.expect_error(400);
    client.put(settings, &guard("texts")).await.expect(200);
    let shown = client.get(settings).await.expect(200);
    assert!(
        shown.json["general"]
            .as_array()
            .unwrap()
            .contains(&json!({"key": "cardGuard", "readOnly": false, "value": "texts"}))
    );
    let id = created(&client, "demo", &body).await;
    for query in [format!("customerNumber(eq)={BARE}"), format!("search={BARE}")] {
        let list = client.get(&format!("/api/Query/customers/demo?{query}")).await.expect(200);
        assert_eq!(list.json["Summary"]["totalRecords"], 1, "{query}");
    }
    let file = format!(
        "email,customerNumber,company\nb@example.test,{},Oak\nc@example.test,1,{CARD}\n",
        "5555555555554444"
    );
    let done = upload(&client, "", &file).await.expect(200);
    assert_eq!(
        (done.data()["added"].as_i64(), done.data()["rejected"].as_i64()),
        (Some(1), Some(1)),
        "{}",
        done.text
    );
    // The ids of transactions are ids too.
    let sale = |members: &Value| {
        let mut item = json!({"source": "shop", "externalId": "T-1", "status": "approved", "amount": 1});
        item.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        item
    };
    let items = json!([
        sale(&json!({"externalId": BARE})),
        sale(&json!({"externalId": "R-1", "operation": "refund", "refundOf": BARE})),
        sale(&json!({"externalId": "T-2", "customerNumber": BARE})),
        sale(&json!({"externalId": "T-3", "reference": {"system": "shop", "externalId": BARE}})),
        sale(&json!({"externalId": "T-4", "orderId": BARE})),
        sale(&json!({"externalId": BARE, "description": CARD})),
    ]);
    let told = client.post("/api/Transaction/demo", &items).await.expect(200);
    assert_eq!((&told.json["created"], &told.json["refused"]), (&json!(4), &json!(2)), "{}", told.text);
    assert_eq!(
        (&told.json["items"][0]["externalId"], &told.json["items"][2]["customerId"]),
        (&json!(BARE), &json!(id))
    );
    // Texts are refused as before, and the customers of other entrypoints too.
    for body in
        [json!({"company": CARD}), json!({"additionalFields": {"customerNumber": BARE}}), json!({"cvv": "1"})]
    {
        refused(&client.put(&path(id), &body).await, "a text");
    }
    refused(&client.get(&format!("/api/Query/customers/demo?company(eq)={BARE}")).await, "a filter");
    client.put(settings, &guard("")).await.expect(200);
    refused(&client.get(&format!("/api/Query/customers/demo?search={BARE}")).await, "a search");
    new_entry(server.site(), "second", &[]);
    refused(&client.create("second", &body, &[], &[]).await, "another entrypoint");
    let told = client.post("/api/Transaction/second", &items).await.expect(200);
    assert_eq!((&told.json["created"], &told.json["items"][0]["externalId"]), (&json!(0), &Value::Null));
});

both!(rules_10_a_stored_id_that_looks_like_a_card_can_be_removed, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let settings = "/api/Paypoint/settings/demo";
    let guard = |word: &str| json!({"general": [{"key": "cardGuard", "readOnly": false, "value": word}]});
    client.put(settings, &guard("texts")).await.expect(200);
    let (first, second) = ("5555555555554444", "378282246310005");
    let references =
        json!([{"system": "shop", "externalId": first}, {"system": "shop", "externalId": second}]);
    let body = json!({"email": "ada@example.test", "references": references});
    let id = created(&client, "demo", &body).await;
    client.put(settings, &guard("all")).await.expect(200);
    let place = |external: &str| format!("{}/references/shop/{external}", path(id));
    let other = created(&client, "demo", &json!({"email": "bob@example.test"})).await;
    // It can neither be given again, nor be taken from whoever lacks it, nor bring another one along.
    refused(&client.send(Method::PUT, &place(first), None, &[]).await, "the same again");
    for place in [
        format!("{}/references/shop/{first}", path(other)),
        place(BARE),
        place(first).replace("shop", "crm"),
        format!("{}?x={BARE}", place(first)),
    ] {
        refused(&client.delete(&place).await, &place);
    }
    client.delete(&place(first)).await.expect(200);
    refused(&client.delete(&place(first)).await, "gone");
    client.put(&path(id), &json!({"references": []})).await.expect(200);
    let left = client.get(&format!("{}/references", path(id))).await.expect(200);
    assert_eq!(left.json["Records"], json!([]));
    shows_nothing(&server.logs(), "the log");
});

async fn upload(client: &Client, query: &str, file: &str) -> Answer {
    let path = format!("/api/Import/customersForm/demo{query}");
    send(client.request(Method::POST, &path).header("Content-Type", "text/csv").body(file.to_owned())).await
}

both!(rules_10_an_import_refuses_the_row_and_repeats_nothing, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let template = client.get("/api/Import/template/customers.csv").await;
    let columns: Vec<String> = if template.status == 200 {
        template
            .text
            .lines()
            .next()
            .unwrap()
            .trim_start_matches('\u{feff}')
            .split(',')
            .map(str::to_owned)
            .collect()
    } else {
        [
            "email",
            "firstname",
            "customerNumber",
            "company",
            "address",
            "labels",
            "additional-tier",
            "createdAt",
            "balance",
            "customerPsw",
        ]
        .map(str::to_owned)
        .to_vec()
    };
    let columns: Vec<String> = columns.into_iter().chain(["notes".to_owned()]).collect();
    let mut file = columns.join(",") + "\n";
    let mut bad = 0;
    for (number, column) in columns.iter().enumerate() {
        let cells = columns.iter().map(|other| match other.to_lowercase() {
            _ if other == column => CARD.to_owned(),
            name if name == "email" => format!("row{number}@example.test"),
            _ => String::new(),
        });
        file += &(cells.collect::<Vec<_>>().join(",") + "\n");
        bad += i64::from(!column.to_lowercase().ends_with("phone"));
    }
    let good =
        columns.iter().map(|name| if name.eq_ignore_ascii_case("email") { "good@example.test" } else { "" });
    file += &(good.collect::<Vec<_>>().join(",") + "\n");
    // A cell beyond the header.
    file.push_str(&",".repeat(columns.len()));
    file.push_str(CARD);
    file.push('\n');
    let done = upload(&client, "?unknownColumns=ignore", &file).await.expect(200);
    shows_nothing(&done.text, "the answer");
    assert_eq!(done.data()["added"], 1, "{}", done.text);
    let job = done.data()["jobId"].as_u64().unwrap();
    let rows = client.get(&format!("/api/Import/jobs/demo/{job}/rows?limitRecord=500")).await.expect(200);
    shows_nothing(&rows.text, "the report");
    let found = rows.text.matches("\"code\":\"raw_card_data\"").count();
    assert_eq!(i64::try_from(found).unwrap(), bad + 1, "{}", rows.text);
    let rejected = client.get(&format!("/api/Import/jobs/demo/{job}/rejected.csv")).await;
    if rejected.status == 200 {
        shows_nothing(&rejected.text, "the rejected rows");
    }
    shows_nothing(&server.logs(), "the log");

    // With `blank` the value is left out.
    let file = format!("email,company\nblank@example.test,{CARD}\n");
    let done = upload(&client, "?onBadValue=blank", &file).await.expect(200);
    assert_eq!(
        (done.data()["added"].as_i64(), done.data()["warnings"].as_i64()),
        (Some(1), Some(1)),
        "{}",
        done.text
    );

    // A header with card data refuses the file, and so does the file's name.
    for header in ["email,CVV", "email,Card Number", &format!("email,{CARD}")] {
        let answer =
            upload(&client, "?unknownColumns=ignore", &format!("{header}\na@example.test,1\n")).await;
        assert_eq!(refused(&answer, header), set(["#1"]));
    }
    // And so does a title line above the header, whatever the setting.
    for guard in ["texts", ""] {
        let body = json!({"general": [{"key": "cardGuard", "readOnly": false, "value": guard}]});
        client.put("/api/Paypoint/settings/demo", &body).await.expect(200);
        for (titles, line) in
            [(format!("Customers of {CARD}\n\n"), "#1"), (format!("\"Roe, Ada\"\n{BARE},12 March\n"), "#2")]
        {
            let file = format!("{titles}email,firstname,lastname,city\na@example.test,Ada,Roe,Oakton\n");
            assert_eq!(refused(&upload(&client, "", &file).await, &titles), set([line]));
        }
    }
    let titled =
        "Customers 4111 1111 1111 1112\nemail,firstname,lastname,city\ntitled@example.test,Ada,Roe,Oakton\n";
    assert_eq!(upload(&client, "", titled).await.expect(200).data()["added"], 1);
    let part = reqwest::multipart::Part::text("email\nc@example.test\n").file_name(format!("{CARD}.csv"));
    let form = reqwest::multipart::Form::new().part("file", part);
    let request = client.request(Method::POST, "/api/Import/customersForm/demo").multipart(form);
    refused(&send(request).await, "a file's name");
    let map = format!("email:{BARE}");
    let request = client.request(Method::POST, "/api/Import/customersForm/demo").query(&[("map", map)]);
    refused(&send(request.header("Content-Type", "text/csv").body("email\nd@example.test\n")).await, "map");
});

both!(rules_10_no_column_or_filter_is_named_for_card_data, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let names =
        ["additional-CVC", "Additional Card Number", "additional_cvv2", "method-3-cvv", "reference-cvc2"];
    for name in names {
        for unknown in ["refuse", "ignore", "additional"] {
            let file = format!("email,{name}\nnames@example.test,123\n");
            let answer = upload(&client, &format!("?unknownColumns={unknown}"), &file).await;
            assert_eq!(refused(&answer, name), set(["#1"]));
        }
        let map = format!("note:{name}");
        let request = client.request(Method::POST, "/api/Import/customersForm/demo").query(&[("map", &map)]);
        let request = request.header("Content-Type", "text/csv").body("email,note\nmap@example.test,123\n");
        assert_eq!(refused(&send(request).await, &map), set(["?map"]));
        let lists = ["/api/Query/customers/demo", "/api/Export/customers/csv/demo"];
        for path in lists {
            let request = client.request(Method::GET, path).query(&[(format!("{name}(eq)"), "123")]);
            refused(&send(request).await, name);
            let request = client.request(Method::GET, path).query(&[("sortBy", format!("asc({name})"))]);
            assert_eq!(refused(&send(request).await, name), set(["?sortBy"]));
        }
        let columns = format!("customerNumber,{name}:Code");
        let request = client.request(Method::GET, lists[1]).query(&[("columnsExport", &columns)]);
        assert_eq!(refused(&send(request).await, name), set(["?columnsExport"]));
        let key = name.split_once(['-', ' ', '_']).unwrap().1.rsplit_once('-').map_or(name, |(_, last)| last);
        let body = json!({"email": "body@example.test", "additionalFields": {key: "123"}});
        refused(&client.post("/api/Customer/single/demo", &body).await, key);
    }
    // The command line knows the same names.
    let output = server.cli(&["export", "--entry", "demo", "--output", "-", "--columns", "additional-cvv"]);
    assert!(!output.status.success());
    assert_eq!(client.list("demo").await, [Value::Null; 0]);
    let fine = upload(&client, "", "email,additional-card,reference-card\nfine@example.test,x,7\n")
        .await
        .expect(200);
    assert_eq!(fine.data()["added"], 1, "{}", fine.text);
});

both!(rules_10_a_card_number_with_an_exponent_is_one, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let written = ["4.111111111111111E+15", "5.555555555554444e15", "'4.111111111111111E+15"];
    let mut file = "email,company,notes\n".to_owned();
    for (number, cell) in written.iter().enumerate() {
        writeln!(file, "e{number}@example.test,{cell},\nf{number}@example.test,,{cell}").unwrap();
    }
    file.push_str(
        "g@example.test,\"4,111111111111111E+15\",\nh@example.test,1.5E+10,4.111111111111111E+14\n",
    );
    let done = upload(&client, "?unknownColumns=ignore", &file).await.expect(200);
    assert_eq!((&done.data()["added"], &done.data()["rejected"]), (&json!(1), &json!(7)), "{}", done.text);
    let job = done.data()["jobId"].as_u64().unwrap();
    for part in ["rows?limitRecord=500", "rejected.csv"] {
        let report = client.get(&format!("/api/Import/jobs/demo/{job}/{part}")).await.expect(200);
        assert!(!report.text.contains("111111111111111"), "{}", report.text);
    }
    let blank =
        upload(&client, "?onBadValue=blank", "email,company\ni@example.test,4.111111111111111E+15\n").await;
    assert_eq!((&blank.data()["added"], &blank.data()["warnings"]), (&json!(1), &json!(1)), "{}", blank.text);
    // In a body a text is refused as the number is.
    for company in [json!("4.111111111111111E+15"), json!(["x", 4.111_111_111_111_111e15])] {
        refused(&client.post("/api/Customer/single/demo", &json!({"labels": [company]})).await, "a body");
    }
});

both!(rules_10_a_request_id_that_looks_like_a_card_is_not_taken, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let answer = client
        .send(Method::GET, "/api/Query/customers/demo", None, &[("X-Request-Id", BARE)])
        .await
        .expect(200);
    assert_ne!(answer.header("X-Request-Id"), Some(BARE));
    shows_nothing(&server.logs(), "the log");
});

both!(rules_10_an_idempotency_key_is_no_place_for_a_card_number, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let dashed = "4111-1111-1111-1111";
    for header in ["Idempotency-Key", "idempotencyKey"] {
        for card in [CARD, BARE, dashed, &format!("\"{BARE}\""), &format!("order {dashed}")] {
            let keyed = client.header(header, card);
            let method = json!({"provider": "stripe", "providerMethodId": "pm_1", "method": "card"});
            let answers = [
                keyed.create("demo", &json!({"email": "bea@example.test"}), &[], &[]).await,
                keyed.put(&path(id), &json!({"city": "Oakton"})).await,
                keyed.post(&format!("{}/methods", path(id)), &method).await,
                keyed.post(&format!("{}/comments", path(id)), &json!({"text": "Called."})).await,
                keyed.delete(&path(id)).await,
                upload(&keyed, "", "email\nbea@example.test\n").await,
            ];
            for answer in answers {
                assert_eq!(refused(&answer, header), set(["@Idempotency-Key"]));
            }
        }
    }
    assert_eq!(operations(&client, id).await, ["created"]);
    assert_eq!(client.list("demo").await.len(), 1);
    // Keys that only look a little like it.
    for key in ["41111111-1111-4111-8111-111111111111", "4111111111111112", "order-7001"] {
        client.header("Idempotency-Key", key).put(&path(id), &json!({"city": "Oakton"})).await.expect(200);
    }
    // A platform whose ids look like card numbers makes its keys of them.
    let guard = json!({"general": [{"key": "cardGuard", "readOnly": false, "value": "texts"}]});
    client.put("/api/Paypoint/settings/demo", &guard).await.expect(200);
    let keyed = client.header("Idempotency-Key", BARE);
    keyed.put(&path(id), &json!({"city": "Reston"})).await.expect(200);
    assert!(keyed.put(&path(id), &json!({"city": "Reston"})).await.expect(200).replayed());
    shows_nothing(&server.logs(), "the log");
});

both!(rules_10_neither_the_log_nor_a_name_repeats_a_card_number, |db| async {
    let server = Server::start(db).await;
    // Whatever a client makes up: a method, a path, a header.
    let method = Method::from_bytes(BARE.as_bytes()).unwrap();
    for (method, place) in [
        (method, format!("/api/{BARE}")),
        (Method::GET, format!("/{BARE}?x={BARE}")),
        (Method::GET, format!("/portal/{BARE}/sign-in")),
        (Method::GET, format!("/swagger-ui/{BARE}")),
    ] {
        let headers =
            [("User-Agent", BARE), ("Referer", BARE), ("Accept-Language", BARE), ("If-Match", BARE)];
        let answer = server.anonymous().send(method.clone(), &place, None, &headers).await;
        assert!(answer.status >= 400, "{method} {place}");
        shows_nothing(&answer.text, &place);
    }
    // The command line names tokens, organisations and entrypoints.
    for arguments in [
        ["token", "create", "--org", "1", "--all-entries", "--name", CARD].as_slice(),
        &["org", "create", CARD],
        &["entrypoint", "create", BARE, "--org", "1"],
        &["entrypoint", "create", "shop", "--org", "1", "--legal-name", CARD],
        &["entrypoint", "create", "shop", "--org", "1", "--store-name", CARD],
        &["entrypoint", "create", "shop", "--org", "1", "--dba-name", CARD],
        &["entrypoint", "create", "shop", "--org", "1", "--sender-name", CARD],
        &["import", "-", "--entry", "demo", "--map", &format!("x:additional-{BARE}")],
        &["import", &format!("{BARE}.csv"), "--entry", "demo"],
        &["import", &format!("of {CARD}/all.csv"), "--entry", "demo"],
        &["import", "-", "--entry", "demo", "--rejected", &format!("{CARD}.csv")],
    ] {
        let ran = server.cli(arguments);
        assert!(!ran.status.success(), "{arguments:?}");
        let told = format!("{}{}", ran.stdout, ran.stderr);
        assert!(told.contains("card number"), "{arguments:?}: {told}");
        shows_nothing(&told, "the command line");
    }
    shows_nothing(&server.logs(), "the log");
});
