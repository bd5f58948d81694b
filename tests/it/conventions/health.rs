//! The address that tells how the service is, and nothing else.

use super::*;

#[tokio::test]
async fn the_address_for_health_has_no_other_place_and_says_so() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let site = Site::with_environment(Db::Sqlite, &[("CUSTOMARY_HEALTH_LISTEN", &address)]);
    let server = Server::start_on(&site).await;
    let health = Client::new(format!("http://{address}"));
    for path in ["/health/live", "/health/ready", "/metrics"] {
        health.get(path).await.expect(200);
    }
    let elsewhere = [
        "/",
        "/swagger-ui",
        "/swagger-ui/",
        "/openapi.json",
        "/portal/demo",
        "/portal/demo/",
        "/portal",
        "/nowhere",
    ];
    for path in elsewhere {
        for method in [reqwest::Method::GET, reqwest::Method::HEAD, reqwest::Method::POST] {
            let answer = health.send(method.clone(), path, None, &[]).await;
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text);
            assert_eq!(answer.header("location"), None, "{path}");
            if method == reqwest::Method::GET {
                assert_eq!(answer.expect_error(404).json["responseText"], "No such route", "{path}");
            }
        }
    }
    // Below /api every path needs a token before it is known whether there is anything.
    for path in ["/api/Token", "/api/Query/customers/demo"] {
        health.get(path).await.expect_error(401);
        health.token(server.site().token()).get(path).await.expect_error(404);
    }
    // The address of the service itself goes on to say what runs there.
    assert!(ask(&server, "GET", "/").await.starts_with("HTTP/1.1 200"));
}
