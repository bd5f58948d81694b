//! Clients that hold connections: without sending, without reading, or while the service ends.

use serde_json::json;

use super::*;
use crate::support::*;

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
    let (status, head, body) = apart.get("/nothing");
    assert!(status == 404 && head.contains("x-request-id: ") && head.contains("nosniff"), "{head}");
    assert!(body.contains("No such route"), "{body}");
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
    // One answer to each client is 95 MB, and all answers are forty times that.
    assert!(grown < CLIENTS as u64 * 400_000, "{grown} bytes");
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

both!(rules_1_a_foreign_place_is_answered_like_none_while_the_body_is_on_its_way, |db| async {
    let server = Server::start(db).await;
    let site = server.site();
    let org = new_org(site, "Elsewhere");
    new_entry_of(site, org, "elsewhere", &[]);
    let stranger = token_of(site, &["--org", &org.to_string(), "--all-entries"], &SCOPES);
    let stranger = server.anonymous().token(&stranger);
    // From now on the service knows the entrypoint without the database.
    let hidden = created(&stranger, "elsewhere", &json!({"email": "ada@example.test"})).await;
    let token = token_with(site, &SCOPES);
    let body = r#"{"city":   "Oakton"}"#;
    for (method, template) in [
        ("POST", "/api/Customer/single/{entry}"),
        ("POST", "/api/Customer/match/{entry}"),
        ("POST", "/api/Customer/invite/{entry}"),
        ("POST", "/api/Import/customersForm/{entry}"),
        ("PUT", "/api/Paypoint/settings/{entry}"),
        ("POST", "/api/Paypoint/keys/rotate/{entry}"),
        ("POST", "/api/Mail/outbox/{entry}/1/retry"),
        ("PUT", "/api/Customer/{customerId}"),
        ("DELETE", "/api/Customer/{customerId}"),
        ("POST", "/api/Customer/{customerId}/archive"),
        ("POST", "/api/Customer/{customerId}/invite"),
        ("PUT", "/api/Organization/settings/{orgId}"),
    ] {
        let mut answers = Vec::new();
        for (entry, customer, organisation) in
            [("elsewhere", hidden.to_string(), org.to_string()), ("nowhere", "98765".into(), "98765".into())]
        {
            let path = template.replace("{entry}", entry);
            let path = path.replace("{customerId}", &customer).replace("{orgId}", &organisation);
            let mut raw = Raw::open(&server.base());
            raw.send(&format!(
                "{method} {path} HTTP/1.1\r\nHost: here\r\nrequestToken: {token}\r\nX-Request-Id: 7\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                body.len()
            ));
            assert!(raw.is_silent(Duration::from_millis(150)), "{method} {path} is answered before its body");
            raw.send(body);
            let (status, head, text) = raw.answer();
            assert_eq!(status, 404, "{method} {path}: {text}");
            assert_eq!(raw.get("/health/live").0, 200, "{method} {path}: the connection goes on");
            // The order of headers is random.
            let lines = head.lines().filter(|line| !line.starts_with("date: "));
            let head: std::collections::BTreeSet<_> = lines.map(str::to_owned).collect();
            answers.push((head, text));
        }
        assert_eq!(answers[0], answers[1], "{method} {template}");
    }
    // A token without the scope is refused in the same way.
    let reader = token_with(site, &["customers:read"]);
    let mut raw = Raw::open(&server.base());
    raw.send(&format!(
        "POST /api/Customer/single/demo HTTP/1.1\r\nHost: here\r\nrequestToken: {reader}\r\nContent-Length: 2\r\n\r\n"
    ));
    assert!(raw.is_silent(Duration::from_millis(150)));
    raw.send("{}");
    assert_eq!(raw.answer().0, 403);
    assert_eq!(raw.get("/health/live").0, 200);
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

#[tokio::test]
async fn rules_6_what_is_no_request_gets_the_one_error_body_and_no_error_in_the_log() {
    let server = Server::start(Db::Sqlite).await;
    let large = format!("GET / HTTP/1.1\r\nX-Large: {}", "x".repeat(131_072));
    for (sent, status) in [
        ("GET / HTTP/9.9\r\n\r\n", 400),
        ("\u{16}\u{3}\u{1}\u{2}\r\n\r\n", 400),
        ("GET /two words HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        ("POST /api/Token HTTP/1.1\r\nContent-Length: two\r\n\r\n", 400),
        (&large[..131_072], 431),
    ] {
        let mut raw = Raw::open(&server.base());
        raw.send(sent);
        let (answered, head, body) = raw.answer();
        let sent = &sent[..sent.len().min(40)];
        assert_eq!(answered, status, "{sent:?}: {head}{body}");
        let body: serde_json::Value =
            serde_json::from_str(&body).unwrap_or_else(|_| panic!("{sent:?}: {body}"));
        assert_eq!(body["isSuccess"], false, "{sent:?}");
        let id = body["requestId"].as_str().expect("an id");
        assert!(head.contains(&format!("x-request-id: {id}\r\n")), "{sent:?}: {head}");
        for line in ["content-type: application/json", "x-content-type-options: nosniff"] {
            assert!(head.contains(&format!("{line}\r\n")), "{sent:?}: {head}");
        }
        assert!(raw.ends(), "{sent:?}");
    }
    assert!(!server.logs().contains("ERROR"), "{}", server.logs());
}

#[tokio::test]
async fn rules_6_a_head_that_stalls_ends_its_connection_and_an_idle_one_stays() {
    let site = Site::with_environment(Db::Sqlite, &[("CUSTOMARY_ALLOW_ORIGIN", "*")]);
    let server = Server::start_on(&site).await;
    let mut idle = Raw::open(&server.base());
    assert_eq!(idle.get("/health/live").0, 200);
    let mut of_a_browser = Raw::open(&server.base());
    of_a_browser.send(
        "OPTIONS /api/Token HTTP/1.1\r\nHost: here\r\nOrigin: https://shop.example\r\n\
         Access-Control-Request-Method: GET\r\n\r\n",
    );
    assert_eq!(of_a_browser.answer().0, 204);
    let mut stalled = Raw::open(&server.base());
    // The head of a first request has its own deadline in the library; here is a second one.
    assert_eq!(stalled.get("/health/live").0, 200);
    stalled.send("GET /health");
    assert!(tokio::task::spawn_blocking(move || stalled.ends()).await.unwrap());
    assert_eq!(idle.get("/health/live").0, 200);
    assert_eq!(of_a_browser.get("/health/live").0, 200, "a preflight is a whole request");
}

#[tokio::test]
async fn the_service_raises_its_limit_of_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // The service inherits the limit of this process.
    setrlimit(Resource::Nofile, Rlimit { current: Some(256), ..limit }).unwrap();
    let server = Server::start(Db::Sqlite).await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid())).unwrap();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("a limit");
    let [soft, hard] = [0, 1].map(|at| files.split_whitespace().nth(at).unwrap().to_owned());
    assert_eq!(soft, hard, "{files}");
    assert_ne!(soft, "256", "{files}");
}
