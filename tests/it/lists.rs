//! Lists against a plain evaluation of the same rules, and a search that sees what was written a moment ago (rules 8).

use std::cmp::Ordering;

use serde_json::{Value, json};

use crate::harness::*;

const NAMES: [&str; 12] = [
    "Zoë",
    "zoe\u{308}",
    "ZOË",
    "José",
    "Jose",
    "Straße",
    "STRASSE",
    "Ada",
    "Adam",
    "O'Neil",
    "李雷",
    "Δέλτα",
];
const CITIES: [&str; 5] = ["Oakton", "oakton", "Oak Ton", "Ångström", "Vienna"];

fn random_customer(rng: &mut fastrand::Rng, number: usize) -> Value {
    let mut body = json!({"customerNumber": format!("N-{number}")});
    let mut maybe = |rng: &mut fastrand::Rng, field: &str, value: Value| {
        if rng.u8(0..3) > 0 {
            body[field] = value;
        }
    };
    let name = NAMES[rng.usize(0..NAMES.len())];
    maybe(rng, "firstname", json!(name));
    let last = NAMES[rng.usize(0..NAMES.len())];
    maybe(rng, "lastname", json!(last));
    let city = CITIES[rng.usize(0..CITIES.len())];
    maybe(rng, "city", json!(city));
    let mail = format!("u{}@example{}.test", rng.u16(0..500), rng.u8(0..3));
    maybe(rng, "email", json!(mail));
    let phone = format!("+1202555{:04}", rng.u16(0..10_000));
    maybe(rng, "phone", json!(phone));
    let balance = i32::from(rng.i8(-3..4));
    maybe(rng, "balance", json!(balance));
    let status = [0, 1, 85][rng.usize(0..3)];
    maybe(rng, "customerStatus", json!(status));
    let tier = ["gold", "Gold", "silver"][rng.usize(0..3)];
    maybe(rng, "additionalFields", json!({"tier": tier}));
    body
}

/// Case and composition do not matter; these letters are all that the data holds.
fn fold(text: &str) -> String {
    text.replace("e\u{308}", "ë").to_lowercase().replace('ß', "ss").replace('ς', "σ")
}

fn text<'a>(record: &'a Value, key: &str) -> &'a str {
    record[key].as_str().unwrap_or_default()
}

type Check = Box<dyn Fn(&Value) -> bool>;

/// A random condition as a query parameter, and what it means.
fn random_condition(rng: &mut fastrand::Rng) -> (String, String, Check) {
    let texts = [("firstname", "Firstname"), ("lastname", "Lastname"), ("city", "City"), ("email", "Email")];
    match rng.u8(0..9) {
        0..=3 => {
            let (name, key) = texts[rng.usize(0..texts.len())];
            let pool: Vec<&str> = match name {
                "city" => CITIES.to_vec(),
                "email" => vec!["u1@example0.test", "U2@EXAMPLE1.test", "example2", "@", "u1"],
                _ => NAMES.to_vec(),
            };
            let value = pool[rng.usize(0..pool.len())].to_owned();
            let cut: String = value.chars().take(rng.usize(1..5)).collect();
            let op = ["eq", "ne", "ct", "nct"][rng.usize(0..4)];
            let value = if op.ends_with("ct") { cut } else { value };
            let needle = fold(&value);
            let check: Check = Box::new(move |record| {
                let own = fold(text(record, key));
                match op {
                    "eq" => own == needle,
                    "ne" => own != needle,
                    "ct" => own.contains(&needle),
                    _ => !own.contains(&needle),
                }
            });
            (format!("{name}({op})"), value, check)
        }
        4 => {
            let limit = i64::from(rng.i8(-3..4));
            let op = ["gt", "ge", "lt", "le", "eq", "ne"][rng.usize(0..6)];
            let check: Check = Box::new(move |record| {
                let order = record["Balance"].as_i64().unwrap().cmp(&limit);
                match op {
                    "gt" => order == Ordering::Greater,
                    "ge" => order != Ordering::Less,
                    "lt" => order == Ordering::Less,
                    "le" => order != Ordering::Greater,
                    "eq" => order == Ordering::Equal,
                    _ => order != Ordering::Equal,
                }
            });
            (format!("balance({op})"), limit.to_string(), check)
        }
        5 => {
            let op = ["in", "nin"][rng.usize(0..2)];
            let check: Check = Box::new(move |record| {
                let within = [0, 85].contains(&record["customerStatus"].as_i64().unwrap());
                within == (op == "in")
            });
            (format!("status({op})"), "0|85".into(), check)
        }
        6 => {
            let digits = rng.u16(0..100).to_string();
            let needle = digits.clone();
            let check: Check = Box::new(move |record| text(record, "Phone").contains(&needle));
            ("phone(ct)".into(), digits, check)
        }
        7 => {
            let check: Check = Box::new(|record| fold(text(&record["AdditionalFields"], "tier")) == "gold");
            ("additional-tier".into(), "GOLD".into(), check)
        }
        _ => {
            let needle = ["ada", "zoë", "n-1", "jose"][rng.usize(0..4)];
            let bare = |text: &str| fold(text).replace(['ë', 'é'], "e");
            let wanted = bare(needle);
            let check: Check = Box::new(move |record| {
                let name = match record["Fullname"].as_str() {
                    Some(full) => full.to_owned(),
                    None => format!("{} {}", text(record, "Firstname"), text(record, "Lastname"))
                        .trim()
                        .to_owned(),
                };
                let company = text(record, "Company").to_owned();
                let all = [
                    name,
                    company,
                    text(record, "Email").to_owned(),
                    text(record, "customerNumber").to_owned(),
                ];
                all.iter().any(|text| bare(text).contains(&wanted))
            });
            ("search".into(), needle.into(), check)
        }
    }
}

fn encoded(pairs: &[(String, String)]) -> String {
    let mut query = reqwest::Url::parse("http://x/").unwrap();
    query.query_pairs_mut().extend_pairs(pairs);
    query.query().unwrap_or_default().to_owned()
}

both!(rules_8_lists_are_what_a_plain_evaluation_says, |db| async move {
    let mut rng = seeded();
    let server = Server::start(db).await;
    let client = server.client();
    let bodies: Vec<Value> = (0..250).map(|number| random_customer(&mut rng, number)).collect();
    let mut created = Vec::new();
    for body in &bodies {
        // Phones and e-mails repeat: each is a record of its own.
        created.push(
            client.create("demo", body, &[("forceCustomerCreation", "true")], &[]).await.expect(200).id(),
        );
    }
    for id in created.iter().step_by(17) {
        client.delete(&format!("/api/Customer/{id}")).await.expect(200);
    }
    let all = client.list("demo").await;
    let cases = setting("LIST_CASES", 150);
    for case in 0..cases {
        let mut conditions = Vec::new();
        for _ in 0..rng.usize(1..4) {
            let condition = random_condition(&mut rng);
            if condition.0 != "search"
                || conditions.iter().all(|(name, ..): &(String, _, _)| name != "search")
            {
                conditions.push(condition);
            }
        }
        let mut expected: Vec<&Value> =
            all.iter().filter(|record| conditions.iter().all(|(_, _, check)| check(record))).collect();
        let mut pairs: Vec<(String, String)> =
            conditions.iter().map(|(name, value, _)| (name.clone(), value.clone())).collect();
        // Newest first, or by city: folded, absent first, ties by id in the same direction.
        expected.sort_by_key(|record| std::cmp::Reverse(record["customerId"].as_u64()));
        if rng.bool() {
            let direction = ["asc", "desc"][rng.usize(0..2)];
            expected.sort_by_key(|record| (fold(text(record, "City")), record["customerId"].as_u64()));
            if direction == "desc" {
                expected.reverse();
            }
            pairs.push(("sortBy".into(), format!("{direction}(city)")));
        }
        let ids: Vec<u64> = expected.iter().map(|record| record["customerId"].as_u64().unwrap()).collect();
        let limit = rng.usize(1..30);
        pairs.push(("limitRecord".into(), limit.to_string()));
        // Page by page with the token of the one before.
        let mut walked: Vec<u64> = Vec::new();
        let mut page_token: Option<String> = None;
        loop {
            let mut asked = pairs.clone();
            asked.extend(page_token.take().map(|token| ("pageIdentifier".to_owned(), token)));
            let page =
                client.get(&format!("/api/Query/customers/demo?{}", encoded(&asked))).await.expect(200).json;
            assert_eq!(page["Summary"]["totalRecords"], ids.len(), "case {case}: {asked:?}");
            let records = page["Records"].as_array().unwrap();
            walked.extend(records.iter().map(|record| record["customerId"].as_u64().unwrap()));
            match page["Summary"]["pageIdentifier"].as_str() {
                Some(token) => page_token = Some(token.to_owned()),
                None => break,
            }
        }
        assert_eq!(walked, ids, "case {case}: {pairs:?}");
        // The same in one streamed answer.
        let last = pairs.len() - 1;
        pairs[last].1 = "0".into();
        let whole =
            client.get(&format!("/api/Query/customers/demo?{}", encoded(&pairs))).await.expect(200).json;
        let streamed: Vec<u64> = whole["Records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|record| record["customerId"].as_u64().unwrap())
            .collect();
        assert_eq!(streamed, ids, "case {case}, streamed: {pairs:?}");
    }
});

both!(rules_8_a_search_sees_what_was_written_before_it, |db| async move {
    let server = Server::start(db).await;
    let client = server.client();
    let found = |word: &'static str| {
        let client = client.clone();
        async move {
            let query = encoded(&[("search".into(), word.into())]);
            client.get(&format!("/api/Query/customers/demo?{query}")).await.expect(200).json["Summary"]["totalRecords"]
                .as_u64()
                .unwrap()
        }
    };
    let body = json!({"firstname": "José", "lastname": "Núñez", "company": "Roe & Søn", "email": "jose.nunez@example.test",
        "phone": "+1 202 555 0117", "customerNumber": "ACC-77"});
    let created = client.create("demo", &body, &[], &[]).await.expect(200);
    for word in [
        "jos",
        "NUÑ",
        "nez",
        "ose nun",
        "202 555",
        "202-555-0117",
        "(202) 555",
        "5550117",
        "acc-77",
        "exam",
        "jo",
    ] {
        assert_eq!(found(word).await, 1, "{word}");
    }
    let path = format!("/api/Customer/{}", created.id());
    client.put(&path, &json!({"firstname": "Karla", "phone": null})).await.expect(200);
    for (word, number) in [("karla", 1), ("5550117", 0), ("nunez", 1)] {
        assert_eq!(found(word).await, number, "{word}");
    }
    client.delete(&path).await.expect(200);
    assert_eq!(found("karla").await, 0);
    let masked = server.site().new_token(&["--org", "1", "--all-entries", "--scope", "customers:read"]);
    let masked = client.token(&masked);
    for query in ["email(ct)=x", "sortBy=asc(email)", "phone=1", "additional-tier=x", "address(ne)=x"] {
        masked.get(&format!("/api/Query/customers/demo?{query}")).await.expect_error(400);
    }
    for query in
        ["emial=x", "email(gt)=x", "limitRecord=x", "sortBy=up(email)", "balance=x", "pageIdentifier=x"]
    {
        client.get(&format!("/api/Query/customers/demo?{query}")).await.expect_error(400);
    }
});
