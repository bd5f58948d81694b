//! Every member of a customer's body with a wrong type, too many characters, a control character or a wrong format.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::Fixture;
use crate::harness::*;
use crate::support::*;

/// The text members and their maximum lengths (contract 2, rules 2).
const TEXTS: [(&str, usize); 21] = [
    ("customerNumber", 250),
    ("customerUsername", 250),
    ("company", 250),
    ("firstname", 250),
    ("lastname", 250),
    ("fullname", 250),
    ("birthday", 10),
    ("phone", 50),
    ("email", 320),
    ("address", 250),
    ("address1", 100),
    ("city", 250),
    ("state", 250),
    ("zip", 50),
    ("country", 100),
    ("shippingAddress", 250),
    ("shippingAddress1", 100),
    ("shippingCity", 250),
    ("shippingState", 250),
    ("shippingZip", 50),
    ("shippingCountry", 100),
];

/// The text members that accept any text.
fn is_free(field: &str) -> bool {
    !["birthday", "phone", "email", "country", "shippingCountry"].contains(&field)
}

/// Every other member of a body.
const OTHERS: [&str; 8] = [
    "customerPsw",
    "customerStatus",
    "balance",
    "timeZone",
    "additionalFields",
    "labels",
    "identifierFields",
    "createdAt",
];

/// A body with one bad member, and where the problem is.
struct Case {
    what: String,
    /// Text, because a parsed body could not hold every number.
    body: String,
    place: String,
    /// A text that the answer must not repeat.
    secret: Option<String>,
}

fn case(kind: &str, field: &str, value: &Value, place: &str) -> Case {
    case_of(kind, field, &value.to_string(), place)
}

fn case_of(kind: &str, field: &str, value: &str, place: &str) -> Case {
    let body = format!("{{\"customerNumber\": \"CASE-1\", {}: {value}}}", json!(field));
    // A case of the number itself replaces the number that identifies the customer.
    let body = if field == "customerNumber" { format!("{{{}: {value}}}", json!(field)) } else { body };
    Case { what: format!("{kind} in {field}: {value:.80}"), body, place: place.to_owned(), secret: None }
}

/// Asserts that create, update and match refuse all cases.
async fn refused(fixture: &Fixture, cases: &[Case]) {
    for case in cases {
        for (method, path) in [
            (Method::POST, "/api/Customer/single/demo".to_owned()),
            (Method::PUT, fixture.path()),
            (Method::POST, "/api/Customer/match/demo".to_owned()),
        ] {
            let request =
                fixture.client.request(method.clone(), &path).header("Content-Type", "application/json");
            let answer = send(request.body(case.body.clone())).await;
            assert_eq!(answer.status, 400, "{} by {method} {path}: {}", case.what, answer.text);
            let found = places(answer.expect_error(400));
            assert_eq!(
                found,
                BTreeSet::from([case.place.clone()]),
                "{} by {method}: {}",
                case.what,
                answer.text
            );
            if let Some(secret) = &case.secret {
                assert!(!answer.text.contains(secret), "{} is repeated: {}", case.what, answer.text);
            }
        }
    }
    fixture.nothing_stored().await;
}

both!(rules_2_a_member_of_a_wrong_type_is_refused, |db| async {
    let fixture = Fixture::start(db).await;
    let mut cases = Vec::new();
    for (field, _) in TEXTS {
        for value in [json!(7), json!(true), json!(["x"]), json!({"x": "y"})] {
            cases.push(case("a wrong type", field, &value, &format!("/{field}")));
        }
    }
    for field in OTHERS {
        let wrong = match field {
            "customerPsw" | "createdAt" => vec![json!(7), json!(false), json!([]), json!({})],
            "customerStatus" | "timeZone" => vec![json!("1"), json!(1.5), json!(true), json!([1]), json!({})],
            "balance" => vec![json!("12.5"), json!(true), json!([1]), json!({})],
            "additionalFields" => vec![json!("x"), json!(7), json!(true), json!([["a", "b"]])],
            _ => vec![json!("email"), json!(7), json!(true), json!({"0": "email"})],
        };
        for value in wrong {
            cases.push(case("a wrong type", field, &value, &format!("/{field}")));
        }
    }
    for value in [json!(7), json!(true), json!(["x"]), json!({"x": "y"})] {
        cases.push(case(
            "a wrong type",
            "additionalFields",
            &json!({"ok": "x", "bad": value}),
            "/additionalFields/bad",
        ));
        cases.push(case("a wrong type", "labels", &json!(["ok", value]), "/labels/1"));
        cases.push(case("a wrong type", "identifierFields", &json!(["email", value]), "/identifierFields/1"));
    }
    for number in ["1e400", "99999999999999999999999999"] {
        cases.push(case_of("no such integer", "customerStatus", number, "/customerStatus"));
        cases.push(case_of("no such integer", "timeZone", number, "/timeZone"));
    }
    refused(&fixture, &cases).await;
});

both!(rules_2_a_value_that_is_too_long_is_refused, |db| async {
    let fixture = Fixture::start(db).await;
    let mut cases = Vec::new();
    for (field, most) in TEXTS {
        let value = match field {
            "email" => format!("{}@example.test", "x".repeat(most)),
            "phone" => format!("+1555555{}", "0".repeat(most)),
            _ => "x".repeat(most + 1),
        };
        cases.push(case("too long", field, &json!(value), &format!("/{field}")));
        // Limits count characters, not bytes.
        cases.push(case("too long", field, &json!("\u{fc}".repeat(most + 1)), &format!("/{field}")));
    }
    cases.push(case("too long", "customerPsw", &json!("x".repeat(10_000)), "/customerPsw"));
    cases.push(case("too long", "createdAt", &json!("2".repeat(1000)), "/createdAt"));
    let long = "x".repeat(501);
    cases.push(case("too long", "additionalFields", &json!({"a": long}), "/additionalFields/a"));
    let key = "k".repeat(41);
    let place = format!("/additionalFields/{key}");
    cases.push(case("too long", "additionalFields", &json!({key: "x"}), &place));
    cases.push(case("too long", "labels", &json!(["ok", "x".repeat(51)]), "/labels/1"));
    cases.push(case("too long", "identifierFields", &json!(["x".repeat(300)]), "/identifierFields/0"));
    let many: Map<_, _> = (0..51).map(|number| (format!("k{number}"), json!("x"))).collect();
    cases.push(case("too many", "additionalFields", &Value::Object(many), "/additionalFields"));
    let many: Vec<_> = (0..51).map(|number| format!("label {number}")).collect();
    cases.push(case("too many", "labels", &json!(many), "/labels"));
    refused(&fixture, &cases).await;
});

both!(rules_2_a_value_of_maximum_length_is_stored_whole, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let mut body = Map::new();
    let mut expected = Vec::new();
    for (field, most) in TEXTS.into_iter().filter(|(field, _)| is_free(field)) {
        let value = "\u{fc}".repeat(most);
        let key = match field {
            "customerNumber" | "customerUsername" => field.to_owned(),
            _ => format!("{}{}", field[..1].to_uppercase(), &field[1..]),
        };
        expected.push((key, value.clone()));
        body.insert(field.to_owned(), json!(value));
    }
    let additional: Map<_, _> =
        (0..50).map(|number| (format!("{number:k>40}"), json!("\u{fc}".repeat(500)))).collect();
    let labels: Vec<_> = (0..50).map(|number| format!("{number:\u{fc}>50}")).collect();
    body.insert("additionalFields".into(), json!(additional));
    body.insert("labels".into(), json!(labels));
    let record = client.create("demo", &Value::Object(body), &[], &[]).await.expect(200);
    let record = read(&client, record.id()).await.json;
    for (key, value) in expected {
        assert_eq!(record[&key], json!(value), "{key}");
    }
    assert_eq!(record["AdditionalFields"], json!(additional));
    assert_eq!(record["Labels"], json!(labels));
});

both!(rules_2_control_characters_are_refused, |db| async {
    let fixture = Fixture::start(db).await;
    let mut cases = Vec::new();
    // Line breaks and tabs are white space.
    let controls = ['\0', '\u{1}', '\u{8}', '\u{e}', '\u{1b}', '\u{7f}', '\u{84}', '\u{9f}'];
    for (field, _) in TEXTS {
        // Every kind of control character in one field, two kinds in all fields.
        let some = if field == "city" { &controls[..] } else { &controls[..2] };
        for control in some {
            let value = match field {
                "email" => format!("ada{control}@example.test"),
                "phone" => format!("+1555555{control}0117"),
                "birthday" => format!("1985{control}04-12"),
                _ => format!("a{control}b"),
            };
            cases.push(case("a control character", field, &json!(value), &format!("/{field}")));
        }
    }
    for control in controls {
        let value = format!("a{control}b");
        cases.push(case(
            "a control character",
            "additionalFields",
            &json!({"a": value}),
            "/additionalFields/a",
        ));
        cases.push(case("a control character", "labels", &json!([value]), "/labels/0"));
        cases.push(case("a control character", "identifierFields", &json!([value]), "/identifierFields/0"));
    }
    cases.push(case("a control character", "customerPsw", &json!("long enough\u{0}"), "/customerPsw"));
    cases.push(case("a control character", "createdAt", &json!("2020-01-01\u{0}00:00:00"), "/createdAt"));
    let place = "/additionalFields/a\u{0}b";
    cases.push(case("a control character", "additionalFields", &json!({"a\u{0}b": "x"}), place));
    refused(&fixture, &cases).await;
});

both!(rules_2_a_value_of_a_wrong_format_is_refused, |db| async {
    let fixture = Fixture::start(db).await;
    let mut cases = Vec::new();
    let mut wrong = |field: &str, values: &[&str]| {
        for value in values {
            let mut case = case("a wrong format", field, &json!(value), &format!("/{field}"));
            // A short value could occur in the answer by chance.
            case.secret = Some((*value).to_owned()).filter(|value| value.len() > 8);
            cases.push(case);
        }
    };
    wrong("email", &["sentinel-no-mail", "@sentinel.test", "sentinel@", "two words@example.test"]);
    wrong("email", &["a@b@example.test", "sentinel@-bad-.test", "sentinel@exam ple.test"]);
    wrong("phone", &["sentinel", "12", "+1", "+999123456789", "+155555501171234567890"]);
    wrong("birthday", &["12-04-1985", "1985-4-12", "1985-02-30", "1899-12-31", "2999-01-01"]);
    wrong("birthday", &["19850412", "1985-04-1x"]);
    wrong("country", &["XX", "ZZZ", "Atlantis-on-Sea", "U", "1"]);
    wrong("shippingCountry", &["XX", "ZZZ", "Atlantis-on-Sea"]);
    wrong("customerPsw", &["short", "sentinel9"]);
    wrong("createdAt", &["01/02/2020", "2020-01-02", "2020-01-02T03:04:05", "2999-01-01T00:00:00Z"]);
    wrong("createdAt", &["2020-13-01T00:00:00Z", "2020-01-02 25:00:00", "sentinel-time"]);
    for status in [-99, -1, 2, 84, 86] {
        cases.push(case("a wrong status", "customerStatus", &json!(status), "/customerStatus"));
    }
    for hours in [-13, 15, 100] {
        cases.push(case("a wrong time zone", "timeZone", &json!(hours), "/timeZone"));
    }
    for amount in
        ["0.00001", "1000000000000", "-1000000000000", "999999999999.99991", "1e12", "1e300", "1e-5"]
    {
        cases.push(case_of("a wrong amount", "balance", amount, "/balance"));
    }
    for key in ["", " ", "a.b", "a/b", "a~b", "\u{fc}", "a:b"] {
        let place = format!("/additionalFields/{}", key.replace('~', "~0").replace('/', "~1"));
        cases.push(case("a wrong name", "additionalFields", &json!({key: "x"}), &place));
    }
    for name in ["balance", "customerPsw", "labels", "customerStatus", "a.b", "firstname+lastname"] {
        cases.push(case("no identifier", "identifierFields", &json!([name]), "/identifierFields/0"));
    }
    for (country, zip) in [
        ("US", "2212"),
        ("US", "K1A 0B1"),
        ("USA", "22124-12"),
        ("United States", "221241"),
        ("CA", "22124"),
        ("CA", "11A 0B1"),
        ("Canada", "K1A 0B"),
    ] {
        let body =
            json!({"customerNumber": "CASE-1", "shippingCountry": country, "shippingZip": zip}).to_string();
        let what = format!("{zip} as a code of {country}");
        cases.push(Case { what, body, place: "/shippingZip".to_owned(), secret: None });
    }
    refused(&fixture, &cases).await;

    // The two errors that have numbers of their own (contract 11).
    for (body, code) in [(json!({"timeZone": 15}), 3004), (json!({"customerStatus": 7}), 3006)] {
        let answer = fixture.client.put(&fixture.path(), &body).await;
        assert_eq!(answer.expect_error(400).json["responseCode"], code, "{}", answer.text);
    }
});

both!(rules_2_a_value_of_the_right_format_is_accepted, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let mut good: Vec<(&str, Value, &str, Value)> = Vec::new();
    for (zip, country, code) in [
        ("22124", "US", "US"),
        ("22124-1234", "usa", "US"),
        ("K1A 0B1", "CA", "CA"),
        ("k1a0b1", "Canada", "CA"),
        ("anything at all", "FR", "FR"),
    ] {
        let body = json!({"shippingCountry": country, "shippingZip": zip});
        good.push(("ShippingZip", body.clone(), "a zip", json!(zip)));
        good.push(("ShippingCountry", body, "a country", json!(code)));
    }
    for (text, code) in [("us", "US"), ("GBR", "GB"), ("Bangladesh", "BD"), ("United Kingdom", "GB")] {
        good.push(("Country", json!({"country": text}), "a country", json!(code)));
    }
    for email in ["Ada.Roe+tag@Example.TEST", "a@b.co", "o'hara@example.test"] {
        good.push(("Email", json!({"email": email}), "an e-mail", json!(email)));
    }
    for hours in [-12, 0, 14] {
        good.push(("TimeZone", json!({"timeZone": hours}), "a time zone", json!(hours)));
    }
    for status in [0, 1, 85] {
        good.push(("customerStatus", json!({"customerStatus": status}), "a status", json!(status)));
    }
    good.push(("Birthday", json!({"birthday": "1900-01-01"}), "a birthday", json!("1900-01-01")));
    good.push(("City", json!({"city": "  Zoe\u{308}ville \u{a0}"}), "NFC, trimmed", json!("Zo\u{eb}ville")));
    good.push((
        "City",
        json!({"city": "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}"}),
        "an emoji",
        json!("\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}"),
    ));
    for (number, (key, mut body, what, expected)) in good.into_iter().enumerate() {
        body["customerNumber"] = json!(format!("GOOD-{number}"));
        let id = created(&client, "demo", &body).await;
        assert_eq!(read(&client, id).await.json[key], expected, "{what}: {body}");
    }
});

both!(rules_2_all_problems_are_reported_at_once_with_pointers, |db| async {
    let fixture = Fixture::start(db).await;
    let body = r#"{
        "firstname": 7, "email": "nobody", "colour": "red", "timeZone": 15, "customerStatus": -99, "balance": "1",
        "city": "a\u0000b", "createdAt": "soon", "phone": "5", "birthday": "1800-01-01", "customerPsw": "short",
        "additionalFields": {"a/b~c": "1", "ok": "x", "wrong": 2}, "labels": ["ok", 1], "company": "a", "company": "b"
    }"#;
    let expected = [
        "/firstname",
        "/email",
        "/colour",
        "/timeZone",
        "/customerStatus",
        "/balance",
        "/city",
        "/createdAt",
        "/phone",
        "/birthday",
        "/customerPsw",
        "/additionalFields/a~1b~0c",
        "/additionalFields/wrong",
        "/labels/1",
        "/company",
    ];
    for (method, path, query) in [
        (Method::POST, "/api/Customer/single/demo".to_owned(), &["replaceExisting", "nonsense"][..]),
        (Method::PUT, fixture.path(), &["nonsense"]),
    ] {
        let sent = query.iter().map(|name| format!("{name}=7")).collect::<Vec<_>>().join("&");
        let request = fixture.client.request(method.clone(), &format!("{path}?{sent}"));
        let answer = send(request.header("Content-Type", "application/json").body(body)).await;
        let mut expected: BTreeSet<_> = expected.iter().map(|place| (*place).to_owned()).collect();
        expected.extend(query.iter().map(|name| format!("?{name}")));
        assert_eq!(places(answer.expect_error(400)), expected, "{method}: {}", answer.text);
    }
    fixture.nothing_stored().await;
});

both!(rules_2_an_unknown_member_is_refused_with_the_nearest_name, |db| async {
    let fixture = Fixture::start(db).await;
    for (unknown, near) in [
        ("firstName", "firstname"),
        ("first_name", "firstname"),
        ("e_mail", "email"),
        ("customernumber", "customerNumber"),
        ("additionalField", "additionalFields"),
        ("Email", "email"),
    ] {
        for (method, path) in
            [(Method::POST, "/api/Customer/single/demo".to_owned()), (Method::PUT, fixture.path())]
        {
            let body = json!({"customerNumber": "CASE-1", unknown: "x"});
            let answer = fixture.client.send(method, &path, Some(&body), &[]).await;
            assert_eq!(places(answer.expect_error(400)), set([&format!("/{unknown}")]), "{}", answer.text);
            let message = answer.json["errors"][0]["message"].as_str().expect("a message");
            assert!(message.contains(near), "{unknown} for {near}: {message}");
        }
    }
    // A null is refused too, and so is a member of the record that nobody may write.
    for unknown in ["colour", "customerId", "Lifecycle", "MFA", "__proto__", ""] {
        let answer = fixture.client.put(&fixture.path(), &json!({unknown: null})).await;
        assert_eq!(places(answer.expect_error(400)), set([&format!("/{unknown}")]), "{}", answer.text);
    }
    // Lists of objects take no null.
    let nothing = json!({"addresses": [null], "references": [{"system": "shop", "externalId": "1"}, null]});
    let answer = fixture.client.put(&fixture.path(), &nothing).await;
    assert_eq!(places(answer.expect_error(400)), set(["/addresses/0", "/references/1"]), "{}", answer.text);
    fixture.nothing_stored().await;
});

both!(rules_2_null_and_empty_mean_absent_on_create, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let nothing = read(&client, created(&client, "demo", &json!({"customerNumber": "N-0"})).await).await.json;
    for (number, empty) in [json!(null), json!(""), json!("  \u{a0} ")].into_iter().enumerate() {
        let mut body = Map::new();
        for (field, _) in TEXTS {
            body.insert(field.to_owned(), empty.clone());
        }
        if empty.is_null() {
            for field in OTHERS {
                body.insert(field.to_owned(), Value::Null);
            }
        }
        // Without numbers the three empty records would be one customer.
        body.insert("customerNumber".to_owned(), json!(format!("N-{}", number + 1)));
        let id = created(&client, "demo", &Value::Object(body)).await;
        let record = read(&client, id).await.json;
        for (key, value) in record.as_object().expect("a record") {
            if !["customerId", "customerNumber", "Created", "LastUpdated"].contains(&key.as_str()) {
                assert_eq!(value, &nothing[key], "{key} after {empty}");
            }
        }
    }
    // Items of lists too.
    let body = json!({"customerNumber": "N-9", "additionalFields": {"a": null, "b": "", "c": "kept"},
                      "identifierFields": [null], "labels": [null, "", "kept"]});
    let record = read(&client, created(&client, "demo", &body).await).await.json;
    assert_eq!(record["AdditionalFields"], json!({"c": "kept"}));
    assert_eq!(record["IdentifierFields"], json!([]));
    assert_eq!(record["Labels"], json!(["kept"]));
    // Absent values alone identify nobody.
    let answer =
        client.create("demo", &json!({"email": null, "firstname": "", "phone": " "}), &[], &[]).await;
    answer.expect_error(400);
    assert!(answer.json["responseText"].as_str().expect("text").contains("Invalid customer identifiers"));
});

both!(rules_5_null_and_empty_clear_on_put, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let nothing = read(&client, created(&client, "demo", &json!({"customerNumber": "N-0"})).await).await.json;
    for (number, empty) in [json!(null), json!("")].into_iter().enumerate() {
        let mut full = json!({
            "customerUsername": format!("portal{number}"), "customerPsw": "long enough", "email": format!("full{number}@example.test"),
            "phone": "+15555550117", "birthday": "1985-04-12", "country": "US", "shippingCountry": "US",
            "shippingZip": "22124", "balance": 12.5, "timeZone": -5, "labels": ["x"], "additionalFields": {"a": "b"},
            "customerNumber": format!("F-{number}"),
        });
        for (field, _) in TEXTS {
            if full.get(field).is_none() {
                full[field] = json!("something");
            }
        }
        let id = created(&client, "demo", &full).await;
        let mut clearing = Map::new();
        for (field, _) in TEXTS {
            clearing.insert(field.to_owned(), empty.clone());
        }
        clearing.insert("customerPsw".to_owned(), empty.clone());
        for field in ["balance", "timeZone", "labels", "additionalFields"] {
            clearing.insert(field.to_owned(), Value::Null);
        }
        client.put(&path(id), &Value::Object(clearing)).await.expect(200);
        let record = read(&client, id).await.json;
        for (key, value) in record.as_object().expect("a record") {
            // A customer who had an account does not become a prospect again.
            let stays = ["customerId", "Created", "LastUpdated", "customerNumber", "Lifecycle"];
            if !stays.contains(&key.as_str()) {
                assert_eq!(value, &nothing[key], "{key} after {empty}");
            }
        }
        assert_eq!(record["customerNumber"], Value::Null, "after {empty}");
    }
});
