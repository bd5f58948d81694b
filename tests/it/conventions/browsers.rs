//! What browsers are told: security headers everywhere, and CORS for the sites that the operator names.

use reqwest::Method;
use serde_json::json;

use super::*;
use crate::support::*;

const SHOP: &str = "https://shop.example";

#[tokio::test]
async fn every_answer_carries_security_headers() {
    let server = Server::start(Db::Sqlite).await;
    let client = master(&server);
    for path in [
        "/",
        "/swagger-ui/",
        "/swagger-ui/swagger-ui-bundle.js",
        "/swagger-ui/nowhere",
        "/openapi.json",
        "/health/live",
        "/metrics",
        "/nowhere",
        "/portal/demo/sign-in",
        "/portal/nowhere",
        "/api/Query/customers/demo",
        "/api/Customer/77",
        "/api/Export/customers/csv/demo",
    ] {
        for client in [&client, &server.anonymous()] {
            let answer = client.get(path).await;
            assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"), "{path}");
            assert_eq!(answer.header("X-Frame-Options"), Some("DENY"), "{path}");
            assert_eq!(answer.header("Referrer-Policy"), Some("no-referrer"), "{path}");
            let policy = answer.header("Content-Security-Policy").unwrap_or_else(|| panic!("{path}"));
            for part in ["default-src 'none'", "frame-ancestors 'none'"] {
                assert!(policy.contains(part), "{path}: {policy}");
            }
            assert!(!policy.contains("script-src 'unsafe") && !policy.contains("http"), "{path}: {policy}");
        }
    }
}

#[tokio::test]
async fn other_sites_are_told_nothing_by_default() {
    let server = Server::start(Db::Sqlite).await;
    let client = server.client().header("Origin", SHOP);
    for (method, path) in [
        (Method::GET, "/api/Query/customers/demo"),
        (Method::GET, "/health/live"),
        (Method::OPTIONS, "/api/Query/customers/demo"),
    ] {
        let answer =
            client.header("Access-Control-Request-Method", "GET").send(method, path, None, &[]).await;
        let told: Vec<_> =
            answer.headers.keys().filter(|name| name.as_str().starts_with("access-")).collect();
        assert!(told.is_empty(), "{path}: {told:?}");
    }
}

#[tokio::test]
async fn scripts_of_an_allowed_site_can_use_the_api() {
    let environment = [("CUSTOMARY_ALLOW_ORIGIN", "https://shop.example,http://localhost:3000")];
    let server = Server::start_on(&Site::with_environment(Db::Sqlite, &environment)).await;
    let id = created(&server.client(), "demo", &json!({"email": "ada@example.test"})).await;
    let customer = path(id);
    let anonymous = server.anonymous();
    for origin in [SHOP, "http://localhost:3000"] {
        let browser = anonymous.header("Origin", origin);
        for (method, path) in
            [("PUT", customer.as_str()), ("POST", "/api/Customer/single/demo"), ("HEAD", "/health/live")]
        {
            let asked = "requesttoken,content-type,idempotency-key,if-match";
            let preflight = browser
                .header("Access-Control-Request-Method", method)
                .header("Access-Control-Request-Headers", asked)
                .send(Method::OPTIONS, path, None, &[])
                .await
                .expect(204);
            assert_eq!(preflight.header("Access-Control-Allow-Origin"), Some(origin));
            assert!(preflight.header("Access-Control-Allow-Methods").unwrap().contains(method));
            assert_eq!(preflight.header("Access-Control-Max-Age"), Some("600"));
            assert!(preflight.header("X-Request-Id").is_some());
            assert!(preflight.header("Vary").unwrap().contains("Origin"));
        }
        let signed = browser.token(server.site().token());
        let read = signed.get(&customer).await.expect(200);
        assert_eq!(read.header("Access-Control-Allow-Origin"), Some(origin));
        let exposed = read.header("Access-Control-Expose-Headers").unwrap().to_ascii_lowercase();
        for name in ["etag", "x-request-id", "retry-after", "ratelimit", "location", "link"] {
            assert!(exposed.contains(name), "{name} in {exposed}");
        }
        // A script must also be able to read why it was refused.
        for refused in
            [browser.get(&customer).await.expect(401), signed.get("/api/nowhere").await.expect(404)]
        {
            assert_eq!(refused.header("Access-Control-Allow-Origin"), Some(origin));
        }
        assert_eq!(read.header("Access-Control-Allow-Credentials"), None);
        let page = browser.get("/portal/demo/sign-in").await.expect(200);
        assert_eq!(page.header("Access-Control-Allow-Origin"), None, "pages are not for scripts");
    }
    for (origin, method, headers) in [
        ("https://evil.example", "GET", "requesttoken"),
        ("https://shop.example.evil", "GET", "requesttoken"),
        ("http://shop.example", "GET", "requesttoken"),
        ("null", "GET", "requesttoken"),
        (SHOP, "PATCH", "requesttoken"),
    ] {
        let browser = anonymous.header("Origin", origin);
        let preflight = browser
            .header("Access-Control-Request-Method", method)
            .header("Access-Control-Request-Headers", headers)
            .send(Method::OPTIONS, &customer, None, &[])
            .await;
        preflight.expect_error(400);
        assert_eq!(preflight.header("Access-Control-Allow-Origin"), None, "{origin} {method} {headers}");
    }
    // Payabli's SDK sends headers of its own.
    let preflight = anonymous
        .header("Origin", SHOP)
        .header("Access-Control-Request-Method", "GET")
        .header("Access-Control-Request-Headers", "requesttoken,x-fern-language,x-fern-sdk-version")
        .send(Method::OPTIONS, &customer, None, &[])
        .await;
    let allowed = preflight.expect(204).header("Access-Control-Allow-Headers").unwrap().to_lowercase();
    assert!(allowed.contains("x-fern-language"), "{allowed}");
    let elsewhere = server.client().header("Origin", "https://evil.example").get(&customer).await.expect(200);
    assert_eq!(elsewhere.header("Access-Control-Allow-Origin"), None);
    // An OPTIONS that is no preflight is an unknown method as before.
    server.client().send(Method::OPTIONS, &customer, None, &[]).await.expect_error(405);
}

#[tokio::test]
async fn a_star_allows_all_sites() {
    let server =
        Server::start_on(&Site::with_environment(Db::Sqlite, &[("CUSTOMARY_ALLOW_ORIGIN", "*")])).await;
    let answer =
        server.client().header("Origin", "https://any.example").get("/api/Query/customers/demo").await;
    assert_eq!(answer.expect(200).header("Access-Control-Allow-Origin"), Some("https://any.example"));
}

#[test]
fn an_origin_that_no_browser_sends_is_refused_at_start() {
    let site = Site::new(Db::Sqlite);
    for origin in [
        "shop.example",
        "https://shop.example/",
        "https://shop.example/x",
        "HTTPS://SHOP.EXAMPLE",
        "null",
        "https://shop.example:443",
    ] {
        let output = site.cli(&["serve", "--allow-origin", origin]);
        assert!(!output.status.success() && output.stderr.contains("origin"), "{origin}: {}", output.stderr);
    }
}
