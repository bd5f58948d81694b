//! Clients that hold connections: without sending, without reading, or while the service ends.

use serde_json::json;

use super::*;
use crate::support::*;

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

#[tokio::test]
async fn rules_6_who_sends_many_requests_at_once_costs_little_memory() {
    const CLIENTS: u64 = 120;
    let health = health_address();
    let site = Site::with_environment(Db::Sqlite, &[("CUSTOMARY_HEALTH_LISTEN", health.as_str())]);
    let server = Server::start_on(&site).await;
    Raw::open(&server.base()).get("/openapi.json");
    let before = memory(&server);
    let answered = metric(&server, "customary_http_requests_total").await;
    let mut held = Vec::new();
    for number in 0..CLIENTS {
        // The address for health has no large answers.
        let (base, path) = match number % 3 {
            0 => (format!("http://{health}"), "/metrics"),
            _ => (server.base(), "/openapi.json"),
        };
        let mut raw = Raw::open(&base);
        raw.send(&format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n").repeat(400));
        held.push(raw);
    }
    wait_until("all are at work", Duration::from_mins(1), async || {
        metric(&server, "customary_http_requests_total").await >= answered + 2 * CLIENTS
    })
    .await;
    let grown = memory(&server).saturating_sub(before);
    assert!(grown < CLIENTS * 300_000, "{grown} bytes");
    // Who reads at last gets its answers.
    for raw in &mut held[..4] {
        let mut come = Vec::new();
        for number in 0..50 {
            let found = next_status(raw, &mut come);
            assert_eq!(found, Some(200), "answer {number}");
        }
    }
}

/// A request of any kind that keeps its connection, and the status of its answer.
fn any_request(rng: &mut fastrand::Rng, token: &str) -> (String, u16) {
    let (line, status, has_body) = rng
        .choice([
            ("GET /health/live", 200, false),
            ("GET /openapi.json", 200, false),
            ("GET /nothing", 404, false),
            ("HEAD /health/live", 200, false),
            ("DELETE /health/live", 405, false),
            ("POST /api/Customer/match/demo", 400, true),
            ("POST /api/Customer/single/demo", 400, true),
            ("PUT /api/Customer/98765", 404, true),
        ])
        .unwrap();
    let line = format!(
        "{line} HTTP/1.1\r\nHost: here\r\nrequestToken: {token}\r\nContent-Type: application/json\r\n"
    );
    if !has_body {
        return (format!("{line}\r\n"), status);
    }
    // Blank lines in a body look like ends of heads.
    let body: String = (0..rng.usize(0..300)).map(|_| rng.choice(["\n", "\r\n", "x"]).unwrap()).collect();
    let framed = if rng.bool() {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    } else {
        let (mut rest, mut chunks) = (body.as_str(), Vec::new());
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(rng.usize(1..=rest.len()));
            chunks.push(format!("{:x}\r\n{chunk}\r\n", chunk.len()));
            rest = after;
        }
        format!("Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n", chunks.concat())
    };
    (format!("{line}{framed}"), status)
}

#[tokio::test]
async fn every_request_of_many_at_once_is_answered_in_order() {
    const CLIENTS: usize = 40;
    const REQUESTS: usize = 60;
    let server = Server::start(Db::Sqlite).await;
    let token = token_with(server.site(), &SCOPES);
    let mut rng = seeded();
    for _ in 0..CLIENTS {
        let (texts, expected): (Vec<_>, Vec<_>) =
            (0..REQUESTS).map(|_| any_request(&mut rng, &token)).unzip();
        let (texts, piece_max) = (texts.concat(), *rng.choice(&[7, 500, 100_000]).unwrap());
        let mut raw = Raw::open(&server.base());
        let mut writer = raw.0.try_clone().unwrap();
        writer.set_nodelay(true).unwrap();
        let mut pieces = rng.fork();
        let sending = std::thread::spawn(move || {
            let mut rest = texts.as_bytes();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(pieces.usize(1..=piece_max).min(rest.len()));
                std::io::Write::write_all(&mut writer, piece).expect("it reads on");
                rest = after;
            }
        });
        let mut come = Vec::new();
        for (number, status) in expected.iter().enumerate() {
            let found = next_status(&mut raw, &mut come);
            assert_eq!(found, Some(*status), "answer {number} of {expected:?} in pieces of {piece_max}");
        }
        sending.join().unwrap();
    }
}

/// The status of the next answer, past what comes between; `None` if the connection ends.
fn next_status(raw: &mut Raw, come: &mut Vec<u8>) -> Option<u16> {
    const BEGIN: &[u8] = b"HTTP/1.1 ";
    loop {
        let at = memchr::memmem::find(come, BEGIN);
        if let Some(status) = at.and_then(|at| come.get(at + BEGIN.len()..at + BEGIN.len() + 3)) {
            let status = std::str::from_utf8(status).unwrap();
            let status = status.parse().unwrap_or_else(|_| panic!("{:?}", String::from_utf8_lossy(come)));
            come.drain(..at.unwrap() + BEGIN.len());
            return Some(status);
        }
        // The words may lie on both sides of a border.
        come.drain(..at.unwrap_or(come.len().saturating_sub(BEGIN.len())));
        if !raw.more(come) {
            return None;
        }
    }
}

#[tokio::test]
async fn rules_6_a_body_that_never_ends_ends_its_connection() {
    let health = health_address();
    let site = Site::with_environment(Db::Sqlite, &[("CUSTOMARY_HEALTH_LISTEN", health.as_str())]);
    let server = Server::start_on(&site).await;
    let requests = [
        ("GET /health/live", "5\r\nab", 200),
        ("POST /nothing", "5\r\n{\"a\":", 404),
        ("PUT /api/Customer/1", "5", 401),
        ("POST /api/Customer/single/demo", "", 401),
        ("DELETE /health/live", "1\r\nx\r\n7;name", 405),
    ];
    let of_health = [("GET /health/live", "7\r\nxy", 200), ("POST /nothing", "", 404)];
    let all = requests.map(|request| (server.base(), request)).into_iter();
    let all = all.chain(of_health.map(|request| (format!("http://{health}"), request)));
    let ends: Vec<_> = all
        .map(|(base, (line, body, status))| {
            let mut raw = Raw::open(&base);
            raw.send(&format!("{line} HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n{body}"));
            tokio::task::spawn_blocking(move || {
                let (answered, head, _) = raw.answer();
                assert_eq!(answered, status, "{line}: {head}");
                assert!(head.contains("connection: close"), "{line}: {head}");
                assert!(raw.ends(), "{line} stays open");
            })
        })
        .collect();
    for end in ends {
        end.await.unwrap();
    }
    // A body that ends leaves the connection open.
    let mut whole = Raw::open(&server.base());
    whole.send(
        "POST /api/v2/Token/serverside HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    );
    assert!(whole.answer().0 >= 400);
    assert_eq!(whole.get("/health/live").0, 200);
}

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
        (&format!("GET /{} HTTP/1.1\r\nHost: here\r\n\r\n", "x".repeat(70_000)), 431),
        (&format!("GET / HTTP/1.1\r\n{}\r\n", "X-Many: 1\r\n".repeat(200)), 431),
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
