//! Bodies, queries and forms that take as much work as their size allows.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use super::*;
use crate::support::*;

const MIB: usize = 1 << 20;

/// An object of as many members as fit, with names that resemble fields.
fn many_members() -> String {
    let members: Vec<String> = (0..55_000).map(|number| format!("\"firstnam{number}\":1")).collect();
    format!("{{{}}}", members.join(","))
}

/// Bodies of almost a mebibyte, each the worst for some part of a reader.
fn worst_bodies() -> Vec<(&'static str, String)> {
    let list = |item: &str| {
        let items = vec![item; MIB / (item.len() + 1) - 100];
        format!("[{}]", items.join(","))
    };
    let numbered = |count: usize| {
        let items: Vec<String> = (0..count).map(|number| format!("\"emial{number}\"")).collect();
        format!("[{}]", items.join(","))
    };
    let near = MIB - 100;
    let mut bodies = vec![
        ("members", many_members()),
        ("one long name", format!("{{\"{}\":1}}", "firstname".repeat(near / 9))),
        ("a deep value", format!("{{\"email\":{}{}}}", "[".repeat(100), "]".repeat(100))),
        ("a long text", json!({"email": "x".repeat(near), "name": "x", "entry": "x"}).to_string()),
        ("marks", json!({"firstname": "\u{301}".repeat(near / 2), "name": "\u{301}"}).to_string()),
        ("escapes", format!("{{\"firstname\":\"{}\"}}", "\\u00e9".repeat(near / 6))),
        ("a long number", format!("{{\"balance\":{}}}", "9".repeat(near))),
        ("blanks", format!("{{\"createdAt\":\"{}x\"}}", " ".repeat(near))),
        ("additional fields", format!("{{\"additionalFields\":{}}}", many_members())),
    ];
    for member in
        ["labels", "identifierFields", "identifiers", "requiredFields", "entries", "scopes", "customerIds"]
    {
        for (name, items) in [("empty", list("\"\"")), ("numbers", list("7")), ("names", numbered(70_000))] {
            bodies.push((name, format!("{{\"{member}\":{items}}}")));
        }
    }
    let item = r#"{"key":"requiredFields","value":"emial"}"#;
    for member in ["general", "identifiers"] {
        bodies.push(("settings", format!("{{\"{member}\":{}}}", list(item))));
    }
    let editable = vec!["emial"; near / 6].join(",");
    bodies.push(("names", json!({"general": [{"key": "requiredFields", "value": editable}]}).to_string()));
    bodies.push(("names", json!({"general": [{"key": "editableFields", "value": editable}]}).to_string()));
    bodies
}

/// For each route, how many requests kept their thread for longer than a number of seconds; this is one of the bounds of
/// the metric.
async fn long_polls(server: &Server, over: &str) -> BTreeMap<String, u64> {
    let name = "customary_http_longest_poll_seconds_bucket";
    let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for line in metrics(server, name).await {
        let route = line.split("route=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a route");
        let number = line.rsplit(' ').next().unwrap().parse().unwrap();
        let count = counts.entry(route.to_owned()).or_default();
        if line.contains("le=\"+Inf\"") {
            count.0 = number;
        } else if line.contains(&format!("le=\"{over}\"")) {
            count.1 = number;
        }
    }
    counts.into_iter().map(|(route, (all, short))| (route, all - short)).collect()
}

/// The routes that take a JSON body, for the demo entrypoint.
fn routes(customer: u64) -> Vec<(Method, String)> {
    [
        (Method::POST, "/api/Customer/single/demo".to_owned()),
        (Method::POST, "/api/Customer/match/demo".to_owned()),
        (Method::PUT, path(customer)),
        (Method::POST, "/api/Customer/invite/demo".to_owned()),
        (Method::PUT, "/api/Paypoint/settings/demo".to_owned()),
        (Method::POST, "/api/Paypoint".to_owned()),
        (Method::PUT, "/api/Organization/settings/1".to_owned()),
        (Method::POST, "/api/Organization".to_owned()),
        (Method::POST, "/api/Token".to_owned()),
        (Method::POST, "/api/v2/Token/serverside".to_owned()),
    ]
    .into()
}

async fn send_body(client: &Client, method: &Method, path: &str, body: &str) -> Answer {
    let request = client.request(method.clone(), path).header("Content-Type", "application/json");
    send(request.body(body.to_owned())).await
}

// The database makes no difference to parsing. The bound on the machine of a test is a hundred times that of rules 6, because
// the program is not optimised there and shares its cores; what grows with the square of a body takes seconds.
#[tokio::test]
async fn rules_6_no_body_or_query_keeps_a_thread_from_other_requests() {
    let server = Server::start(Db::Sqlite).await;
    let master = master(&server);
    let customer = created(&master, "demo", &json!({"email": "ada@example.test"})).await;
    let bodies = worst_bodies();
    for (name, body) in &bodies {
        assert!(body.len() < MIB, "{name} has {} bytes", body.len());
        for (method, path) in routes(customer) {
            let answer = send_body(&master, &method, &path, body).await;
            assert!((400..500).contains(&answer.status), "{name} to {path}: {}", answer.text);
            assert!(answer.text.len() < 64 * 1024, "{name} to {path}: {} bytes", answer.text.len());
            let problems = answer.json["errors"].as_array().expect("errors").len();
            assert!(problems <= 101, "{name} to {path}: {problems} problems");
        }
    }
    let many: Vec<_> = (0..9_000).map(|number| format!("x{number}&")).collect();
    let filters: Vec<_> = (0..2_000).map(|number| format!("emial{number}(ct)=x&")).collect();
    for query in [
        many.concat(),
        filters.concat(),
        format!("{}=1", "emial".repeat(9_000)),
        format!("search={}", "ab+".repeat(15_000)),
    ] {
        for path in [
            "/api/Query/customers/demo",
            "/api/Export/customers/csv/demo",
            "/health/live",
            "/api/Mail/outbox/demo",
        ] {
            let answer = master.get(&format!("{path}?{query}")).await;
            assert!((400..500).contains(&answer.status), "{path}: {}", answer.text);
            assert!(answer.text.len() < 128 * 1024, "{path}: {} bytes", answer.text.len());
        }
    }
    let header: Vec<_> = (0..60_000).map(|number| format!("colum{number},")).collect();
    let file =
        master.request(Method::POST, "/api/Import/customersForm/demo").header("Content-Type", "text/csv");
    let answer = send(file.body(header.concat() + "\n1\n")).await;
    assert!(answer.expect_error(400).text.len() < 64 * 1024, "{} bytes", answer.text.len());
    let slow = long_polls(&server, "0.5").await;
    assert!(slow.len() > 12, "{slow:?}");
    assert!(slow.values().all(|count| *count == 0), "requests that kept a thread too long: {slow:?}");
}

both!(rules_6_problems_beyond_a_hundred_are_counted, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let fields = |count: usize| -> Value {
        (0..count)
            .map(|number| (format!("colour{number}"), json!("red")))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    for (count, listed) in [(100, 100), (101, 101), (350, 101)] {
        let answer = client.create("demo", &fields(count), &[], &[]).await;
        let errors = answer.expect_error(400).json["errors"].as_array().unwrap();
        assert_eq!(errors.len(), listed, "{count}");
        let last = &errors[listed - 1];
        match count - 100 {
            0 => assert_eq!(last["code"], "unknown_field"),
            more => {
                assert_eq!(last["code"], "more_problems");
                assert!(last["message"].as_str().unwrap().starts_with(&format!("{more} more ")), "{last}");
            }
        }
        assert!(
            answer.json["responseText"].as_str().unwrap().contains(&count.to_string()),
            "{}",
            answer.text
        );
    }
    let answer = client.create("demo", &fields(513), &[], &[]).await;
    let errors = answer.expect_error(400).json["errors"].as_array().unwrap();
    assert_eq!((errors.len(), errors[0]["code"].as_str()), (1, Some("too_many")), "{}", answer.text);
    assert_eq!(errors[0]["pointer"], "", "{}", answer.text);
    // As many members as a body may have: each is looked at.
    assert_eq!(
        client.create("demo", &fields(512), &[], &[]).await.json["errors"][0]["code"],
        "unknown_field"
    );
});

#[tokio::test]
async fn rules_6_ids_of_clients_that_nobody_has_take_no_memory() {
    let server = Server::start(Db::Sqlite).await;
    let client = server.anonymous();
    let attempt = async |number: usize| {
        let id = format!("{number}{}", "x".repeat(MIB - 200));
        let body = json!({"clientId": id, "clientSecret": "secret"}).to_string();
        send_body(&client, &Method::POST, "/api/v2/Token/serverside", &body).await.expect(400)
    };
    attempt(0).await;
    let before = memory(&server);
    for number in 1..150 {
        let answer = attempt(number).await;
        assert_eq!(answer.json["responseText"], "Invalid client credentials", "{}", answer.text);
    }
    let grown = memory(&server).saturating_sub(before);
    assert!(grown < 60 << 20, "{grown} bytes");
    // An id as long as ours is limited as before.
    let body = json!({"clientId": "0".repeat(36), "clientSecret": "secret"});
    let mut statuses = Vec::new();
    for _ in 0..25 {
        statuses.push(client.post("/api/v2/Token/serverside", &body).await.status);
    }
    assert_eq!((statuses[0], statuses[24]), (400, 429), "{statuses:?}");
}
