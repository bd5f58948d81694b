//! No value of a request makes the database refuse a statement: whatever stands in a path, a parameter, a body or a file, the
//! answer is no error of the service. PostgreSQL refuses more than SQLite: NUL in a text, and numbers that a column
//! cannot hold (class 22 of the SQLSTATEs), which nothing tells from an error of the environment.

use std::fmt::Write as _;

use reqwest::Method;
use serde_json::{Value, json};

use super::Fixture;
use crate::harness::*;
use crate::support::*;

/// How many requests are sent at the same time.
const AT_ONCE: usize = 16;
/// Texts as they stand in an address, encoded.
const TEXTS: [&str; 15] = [
    "%00",
    "a%00b",
    "%EF%BF%BF",
    "%ff",
    "%F0%9F%98%80",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "2147483648",
    "1e309",
    "0.00000000000000000001",
    "NaN",
    "999999-12-31",
    "0000-01-01T00:00:00Z",
    "%27%3B--%5C",
];

fn values() -> Vec<Value> {
    let texts =
        ["\0", "a\0b", "\u{ffff}", "\u{1f600}", "9223372036854775808", "-0001-01-01", "NaN", "';--\\"];
    let mut values: Vec<Value> = texts.into_iter().map(Value::from).collect();
    values.extend([
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(2_147_483_648_i64),
        json!(-1),
        json!(1e308),
        json!(1e-308),
        json!(999_999_999_999.999_9),
        json!(true),
        json!([]),
        json!({"\0": "\0"}),
        json!(["\0"]),
    ]);
    values
}

/// The body with each of its values, at any depth, replaced by each of the others.
fn replaced(body: &Value, others: &[Value]) -> Vec<Value> {
    let mut bodies = others.to_vec();
    match body {
        Value::Object(members) => {
            for (name, value) in members {
                bodies.extend(replaced(value, others).into_iter().map(|value| {
                    let mut body = body.clone();
                    body[name] = value;
                    body
                }));
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                bodies.extend(replaced(item, others).into_iter().map(|item| {
                    let mut body = body.clone();
                    body[place] = item;
                    body
                }));
            }
        }
        _ => {}
    }
    bodies
}

fn resolved<'a>(document: &'a Value, node: &'a Value) -> &'a Value {
    match node["$ref"].as_str() {
        Some(path) => document.pointer(path.trim_start_matches('#')).expect("a component"),
        None => node,
    }
}

/// The address of a template with harmless values in its path, or with another value for one of them.
fn filled(template: &str, other: Option<(&str, &str)>) -> String {
    let value = |name: &str| match (other, name) {
        (Some((own, value)), _) if own == name => value.to_owned(),
        (_, "entry") => "demo".to_owned(),
        (_, "format") => "csv".to_owned(),
        (_, "jti") => "0d5e7a3c-9b1f-4c62-8a57-2f4be9d01c66".to_owned(),
        _ => "1".to_owned(),
    };
    let segments = template.split('/').map(|segment| {
        segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).map_or(segment.to_owned(), value)
    });
    segments.collect::<Vec<_>>().join("/")
}

/// A request: its method, address and body.
type Request = (Method, String, Option<Value>);

async fn no_fault(client: Client, (method, path, body): Request) {
    let answer = client.send(method.clone(), &path, body.as_ref(), &[]).await;
    assert!(answer.status < 500, "{method} {path} {body:?}: {} {}", answer.status, answer.text);
}

both!(rules_6_no_value_of_a_request_is_an_error_of_the_service, |db| async {
    let fixture = Fixture::start(db).await;
    let client = master(&fixture.server);
    let document = client.get("/openapi.json").await.expect(200).json;
    let mut requests: Vec<Request> = Vec::new();
    for (template, item) in addresses(&document) {
        for (name, operation) in item.as_object().expect("operations") {
            let Ok(method) = name.to_uppercase().parse::<Method>() else { continue };
            if !["GET", "PUT", "POST", "DELETE"].contains(&method.as_str()) {
                continue;
            }
            let body = &operation["requestBody"]["content"]["application/json"]["example"];
            let body = (!body.is_null()).then_some(body);
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let parameter = resolved(&document, parameter);
                let name = parameter["name"].as_str().expect("a name");
                for text in TEXTS {
                    let path = match parameter["in"].as_str() {
                        Some("path") => filled(&template, Some((name, text))),
                        Some("query") => format!("{}?{name}={text}", filled(&template, None)),
                        _ => continue,
                    };
                    requests.push((method.clone(), path, body.cloned()));
                }
            }
            for body in body.map(|body| replaced(body, &values())).into_iter().flatten() {
                requests.push((method.clone(), filled(&template, None), Some(body)));
            }
        }
    }
    let filters = document["components"]["schemas"]["CustomerFilters"]["properties"].as_object().unwrap();
    for filter in filters.keys() {
        for text in ["%00", "a%00b", "9223372036854775807", "9223372036854775808", "-1", "0000-01-01"] {
            let path = format!("/api/Query/customers/demo?{filter}={text}");
            requests.push((Method::GET, path, None));
        }
    }
    assert!(requests.len() > 2_000, "{} requests", requests.len());
    for some in requests.chunks(AT_ONCE) {
        at_once(some.iter().map(|request| no_fault(client.clone(), request.clone()))).await;
    }
    client.get("/health/ready").await.expect(200);
});

both!(rules_9_no_cell_of_a_file_is_an_error_of_the_service, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    let template = client.get("/api/Import/template/customers.csv").await.expect(200).text;
    let header = template.trim_start_matches('\u{feff}').lines().next().expect("a header").to_owned();
    let columns: Vec<&str> = header.split(',').collect();
    let email = columns.iter().position(|name| *name == "email").expect("a column of addresses");
    let cells =
        ["a\0b", "\u{ffff}", "9223372036854775808", "-9223372036854775809", "1e308", "999999-12-31", "-0001"];
    let mut file = header.clone();
    let mut rows = 0;
    for place in 0..columns.len() {
        for cell in cells {
            let mut row = vec![String::new(); columns.len()];
            row[email] = format!("row{rows}@example.test");
            cell.clone_into(&mut row[place]);
            write!(file, "\n{}", row.join(",")).unwrap();
            rows += 1;
        }
    }
    let path = "/api/Import/customersForm/demo?onBadValue=reject";
    let request = client.request(Method::POST, path).header("Content-Type", "text/csv").body(file);
    let queued = send(request).await;
    assert!(queued.status < 300, "{}", queued.text);
    let job = format!("/api/Import/jobs/demo/{}", queued.data()["jobId"]);
    wait_until("the import ends", std::time::Duration::from_mins(1), async || {
        client.get(&job).await.json["state"] == "finished"
    })
    .await;
    let ended = client.get(&job).await.json;
    let count = |name: &str| ended[name].as_u64().unwrap_or_default();
    assert_eq!(count("rowsRead"), rows, "{ended}");
    assert_eq!(
        count("added") + count("matched") + count("rejected"),
        rows,
        "each row has its own outcome: {ended}"
    );
    assert!(count("rejected") > 0 && count("added") > 0, "{ended}");
});
