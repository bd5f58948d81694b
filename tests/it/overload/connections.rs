//! Clients that hold connections: without sending, without reading, or while the service ends.

use super::*;

/// An address for health alone.
fn health_address() -> String {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("127.0.0.1:{port}")
}

#[tokio::test]
async fn rules_6_too_many_connections_get_503_and_health_still_answers() {
    const MAX: usize = 30;
    let health = health_address();
    let max = MAX.to_string();
    let environment =
        [("CUSTOMARY_MAX_CONNECTIONS", max.as_str()), ("CUSTOMARY_HEALTH_LISTEN", health.as_str())];
    let site = Site::with_environment(Db::Sqlite, &environment);
    let server = Server::start_on(&site).await;
    let mut held: Vec<Raw> = (0..MAX + 20).map(|_| Raw::open(&server.base())).collect();
    for raw in &mut held {
        raw.send("POST /api/v2/Token/serverside HTTP/1.1\r\nHost: here\r\nContent-Length: 50\r\n\r\n{");
    }
    wait_until("all are counted", Duration::from_secs(20), async || {
        Raw::open(&format!("http://{health}"))
            .get("/metrics")
            .2
            .contains(&format!("customary_connections {}", MAX + 20))
    })
    .await;
    let mut late = Raw::open(&server.base());
    assert_eq!(late.get("/health/live").0, 200);
    let mut late = Raw::open(&server.base());
    let (status, head, body) = late.get("/api/Paypoint");
    assert!(
        status == 503 && head.contains("retry-after: ") && body.contains("\"requestId\""),
        "{head}{body}"
    );
    assert!(late.ends(), "its connection is closed");
    let mut apart = Raw::open(&format!("http://{health}"));
    assert_eq!(apart.get("/health/ready").0, 200);
    assert_eq!(apart.get("/api/Nothing").0, 401);
    let (status, head, _) = apart.get("/nothing");
    assert!(status == 404 && head.contains("x-request-id: "), "{head}");
    drop(held);
    wait_until("there is room again", Duration::from_secs(20), async || {
        Raw::open(&server.base()).get("/api/Paypoint").0 == 401
    })
    .await;
}

#[tokio::test]
async fn rules_6_who_reads_no_answer_costs_little_memory() {
    const CLIENTS: usize = 150;
    let server = Server::start(Db::Sqlite).await;
    let (_, _, page) = Raw::open(&server.base()).get("/swagger-ui/");
    assert!(page.contains("swagger-ui-bundle.js"), "{page}");
    let before = memory(&server);
    let answered = metric(&server, "customary_http_requests_total").await;
    let mut held = Vec::new();
    for number in 0..CLIENTS {
        let path =
            ["/openapi.json", "/swagger-ui/swagger-ui-bundle.js", "/swagger-ui/swagger-ui.css"][number % 3];
        let mut raw = Raw::open(&server.base());
        for _ in 0..40 {
            raw.send(&format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n"));
        }
        held.push(raw);
    }
    wait_until("all are at work", Duration::from_secs(20), async || {
        metric(&server, "customary_http_requests_total").await >= answered + 2 * CLIENTS as u64
    })
    .await;
    let grown = memory(&server).saturating_sub(before);
    // The documents have 0.5 to 1.5 MB each.
    assert!(grown < CLIENTS as u64 * 200_000, "{grown} bytes");
    let (status, _, body) = held[0].answer();
    assert_eq!(status, 200);
    assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok(), "the pieces are no document");
}

both!(rules_6_a_service_that_ends_answers_on_open_connections, |db| async {
    let site = Site::with_environment(db, &[("CUSTOMARY_DRAIN", "5s")]);
    let mut server = Server::start_on(&site).await;
    let mut kept = Raw::open(&server.base());
    let mut watching = Raw::open(&server.base());
    let (_, head, _) = kept.get("/health/ready");
    assert!(!head.contains("connection: close"), "{head}");
    assert_eq!(watching.get("/health/ready").0, 200);
    let base = server.base();
    let others = tokio::task::spawn_blocking(move || {
        let begun = std::time::Instant::now();
        while watching.get("/health/ready").0 == 200 {
            assert!(begun.elapsed() < Duration::from_secs(10), "it is ready although it ends");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(watching.ends());
        let answers = [kept.get("/openapi.json"), Raw::open(&base).get("/health/live")];
        (answers, kept.ends())
    });
    let status = server.terminate().await;
    let (answers, has_ended) = finished(others).await;
    for (status, head, _) in answers {
        assert!(status == 200 && head.contains("connection: close"), "{head}");
    }
    assert!(has_ended);
    assert_eq!(status.code(), Some(0), "{}", server.logs());
});

both!(the_metrics_explain_themselves_and_have_buckets, |db| async {
    let server = Server::start(db).await;
    let client = server.client();
    client.create("demo", &serde_json::json!({"email": "ada@example.test"}), &[], &[]).await.expect(200);
    client.list("demo").await;
    client.get("/metrics").await.expect(200);
    let text = client.get("/metrics").await.expect(200).text;
    let names = |kind: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(kind));
        lines.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    let (typed, explained) = (names("# TYPE "), names("# HELP "));
    assert!(typed.len() >= 5, "{text}");
    assert!(typed.iter().all(|name| explained.contains(name)), "{typed:?} {explained:?}");
    assert!(!text.contains(" summary"), "{text}");
    let route = "route=\"/api/Customer/single/{entry}\"";
    for bound in ["0.005", "1", "+Inf"] {
        let line = format!("customary_http_request_seconds_bucket{{{route},le=\"{bound}\"}}");
        assert!(text.contains(&line), "{line} is not in {text}");
    }
});
