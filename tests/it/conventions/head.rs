//! HEAD wherever GET is, and redirects of addresses that people try.

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::json;

use super::*;
use crate::support::*;

/// The headers that say something about the answer, not about the moment.
fn lasting(headers: &HeaderMap) -> Vec<(String, String)> {
    const FLEETING: [&str; 6] =
        ["date", "x-request-id", "set-cookie", "ratelimit", "connection", "transfer-encoding"];
    let all = headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let mut all: Vec<_> = all.filter(|(name, _)| !FLEETING.contains(&name.as_str())).collect();
    all.sort();
    all
}

both!(head_answers_as_get_does_without_a_body, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let id = created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let document = client.get("/openapi.json").await.expect(200).json;
    let mut paths: Vec<String> = addresses(&document)
        .into_iter()
        .filter(|(_, item)| item.get("get").is_some())
        // The metrics count the requests for them.
        .filter(|(path, _)| path != "/metrics")
        .map(|(path, _)| path)
        .collect();
    assert!(paths.len() > 20, "{paths:?}");
    for (parameter, value) in [
        ("{customerId}", id.to_string()),
        ("{entry}", "demo".into()),
        ("{orgId}", "1".into()),
        ("{format}", "csv".into()),
        ("{jobId}", "1".into()),
    ] {
        for path in &mut paths {
            *path = path.replace(parameter, &value);
        }
    }
    let more = [
        "/",
        "/openapi.json",
        "/swagger-ui",
        "/swagger-ui/",
        "/swagger-ui/swagger-ui-bundle.js",
        "/swagger-ui/nowhere.js",
        "/portal/demo",
        "/portal/demo/sign-in",
        "/portal/demo/style.css",
        "/portal/nowhere",
        "/nowhere",
        "/api/nowhere",
        "/api/Customer/999999",
        "/api/Query/customers/demo?limitRecord=0&search=ada",
        "/api/Query/customers/demo?nonsense=1",
        "/api/Export/customers/xlsx/demo",
    ];
    for path in paths.iter().map(String::as_str).chain(more) {
        for client in [&client, &server.anonymous()] {
            let get = client.get(path).await;
            let head = client.send(Method::HEAD, path, None, &[]).await;
            assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
            // A workbook holds the time at which it was made.
            if !path.contains("xlsx") {
                assert_eq!(lasting(&head.headers), lasting(&get.headers), "{path}");
            }
        }
    }
    // A request to change something is none to look at it.
    client.send(Method::HEAD, "/api/Customer/single/demo", None, &[]).await.expect(405);
});

#[tokio::test]
async fn a_head_among_pipelined_requests_has_no_body() {
    let server = Server::start(Db::Sqlite).await;
    for path in ["/openapi.json", "/health/ready", "/portal/demo/sign-in"] {
        let head = format!("HEAD {path} HTTP/1.1\r\nHost: here\r\n\r\n");
        let last = "GET /health/live HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";
        let answer = raw(&server, &format!("{head}{head}{last}")).await;
        let parts: Vec<&str> = answer.split("HTTP/1.1 200 OK\r\n").collect();
        assert_eq!(parts.len(), 4, "{path}: {answer}");
        assert!(parts[1].ends_with("\r\n\r\n") && parts[2].ends_with("\r\n\r\n"), "{path}: {answer}");
        assert!(parts[3].contains("\"ok\""), "{path}: {answer}");
    }
}

#[tokio::test]
async fn addresses_that_people_try_redirect() {
    let server = Server::start(Db::Sqlite).await;
    for (path, place) in [
        ("/swagger-ui", "./swagger-ui/"),
        ("/portal/demo/", "../demo"),
        ("/portal/demo/sign-in/", "../sign-in"),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = ask(&server, method, path).await;
            assert!(answer.starts_with("HTTP/1.1 308 "), "{method} {path}: {answer}");
            assert_eq!(header(&answer, "location"), Some(place), "{method} {path}");
        }
    }
    for path in ["/", "/swagger-ui/", "/portal/demo/sign-in"] {
        assert!(ask(&server, "GET", path).await.starts_with("HTTP/1.1 200 "), "{path}");
    }
}
