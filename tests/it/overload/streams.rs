//! What clients do with the bytes of a connection: blank lines, half-closed connections, broken chunks, other protocols.

use serde_json::json;

use super::*;
use crate::support::*;

/// Bodies that break at some place, in the forms in which chunks, and trailers behind them, may break.
const BROKEN_BODIES: [&str; 12] = [
    "x\r\n",
    "\r\n{}\r\n0\r\n\r\n",
    "-2\r\n{}\r\n0\r\n\r\n",
    "2\n{}\r\n0\r\n\r\n",
    "2;\u{1}\r\n{}\r\n0\r\n\r\n",
    "10000000000000002\r\n{}\r\n0\r\n\r\n",
    "2\r\n{}0\r\n\r\n",
    "2\r\n{}\n0\r\n\r\n",
    "1\r\n{\r\nzz\r\n}\r\n0\r\n\r\n",
    "1\r\n{\r\n1\r\n}}\r\n0\r\n\r\n",
    "2\r\n{}\r\n0\r\n\n",
    "2\r\n{}\r\n0\r\nSum: 7\n\r\n",
];

#[tokio::test]
async fn rules_6_a_broken_chunk_is_answered_once_and_ends_its_connection() {
    const ORIGIN: &str = "https://shop.example";
    let site = Site::with_environment(Db::Sqlite, &[("CUSTOMARY_ALLOW_ORIGIN", ORIGIN)]);
    let server = Server::start_on(&site).await;
    let token = token_with(&site, &SCOPES);
    // Handlers that read the body, as JSON, as a file, or to drop it; the gate, which reads it before it refuses; and a
    // handler that reads nothing, whose answer stands.
    let requests = [
        ("POST /api/Customer/single/demo", 400),
        ("POST /api/Mail/outbox/demo/1/retry", 400),
        ("POST /api/v2/Token/serverside", 400),
        ("POST /api/Import/customersForm/demo", 400),
        ("PUT /api/Customer/98765", 404),
        ("DELETE /api/Customer/98765", 404),
        ("POST /nothing", 404),
        ("DELETE /health/live", 405),
        ("GET /health/live", 200),
    ];
    let before = "GET /health/live HTTP/1.1\r\nHost: here\r\n\r\n\
        POST /nothing HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let mut ends = Vec::new();
    for (number, body) in BROKEN_BODIES.into_iter().enumerate() {
        for (line, status) in requests {
            let kind = if line.contains("Import") { "text/csv" } else { "application/json" };
            let head = format!(
                "{line} HTTP/1.1\r\nHost: here\r\nrequestToken: {token}\r\nOrigin: {ORIGIN}\r\n\
                 Content-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
            );
            let mut raw = Raw::open(&server.base());
            ends.push(tokio::task::spawn_blocking(move || {
                let is_first = number % 2 == 0;
                let sent = if is_first { head } else { format!("{before}{head}") };
                // What follows is no request any more.
                let rest = format!("{body}GET /health/live HTTP/1.1\r\nHost: here\r\n\r\n");
                if number % 3 == 0 {
                    raw.send(&sent);
                    std::thread::sleep(Duration::from_millis(50));
                    raw.send(&rest);
                } else {
                    raw.send(&format!("{sent}{rest}"));
                }
                if !is_first {
                    assert_eq!((raw.answer().0, raw.answer().0), (200, 404), "{line} {body:?}");
                }
                let (answered, head, text) = raw.answer();
                assert_eq!(answered, status, "{line} {body:?}: {head}{text}");
                assert!(head.contains("connection: close"), "{line} {body:?}: {head}");
                assert!(head.contains(&format!("access-control-allow-origin: {ORIGIN}")), "{line}: {head}");
                let text: serde_json::Value =
                    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
                if status != 200 {
                    let id = text["requestId"].as_str().expect("an id");
                    assert!(head.contains(&format!("x-request-id: {id}\r\n")), "{line}: {head}");
                }
                if status == 400 {
                    assert_eq!(text["errors"][0]["code"], "broken_body", "{line} {body:?}: {text}");
                }
                let mut more = Vec::new();
                while raw.more(&mut more) {}
                assert_eq!(String::from_utf8_lossy(&more), "", "{line} {body:?}");
                assert!(raw.ends(), "{line} {body:?} stays open");
            }));
        }
    }
    for end in ends {
        end.await.unwrap();
    }
    let client = server.client();
    assert_eq!(total(&client, "demo").await, 0);
    let imports = client.get("/api/Import/jobs/demo").await.expect(200);
    assert_eq!(imports.json["Summary"]["totalRecords"], 0, "{}", imports.text);
    // A client that sends on before it reads gets the answer too.
    let mut raw = Raw::open(&server.base());
    raw.send(&format!(
        "POST /api/Customer/single/demo HTTP/1.1\r\nHost: here\r\nrequestToken: {token}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}zz"
    ));
    for _ in 0..20 {
        raw.0.write_all(&vec![b'x'; 32 * 1024]).ok();
        std::thread::sleep(Duration::from_millis(5));
    }
    let (status, _, text) = raw.answer();
    assert!(status == 400 && text.contains("broken_body"), "{text}");
    assert!(!server.logs().contains("ERROR"), "{}", server.logs());
}

/// Blank lines after a request do not begin a head, so the connection closes as usual.
#[tokio::test]
async fn blank_lines_behind_a_request_keep_no_connection_open() {
    let site = Site::with_environment(Db::Sqlite, &[("CUSTOMARY_KEEP_ALIVE", "1s")]);
    let server = Server::start_on(&site).await;
    let head = "GET /health/live HTTP/1.1\r\nHost: here\r\n\r\n";
    let posted = "POST /nothing HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\n{}";
    let sent = [
        (format!("{head}\r\n"), 1),
        (format!("{head}\n\n\r\n"), 1),
        (format!("\r\n{head}\r\n{head}\r\n"), 2),
        (format!("{posted}\r\n{head}\r\n"), 2),
    ];
    let ends = sent.map(|(sent, count)| {
        let mut raw = Raw::open(&server.base());
        tokio::task::spawn_blocking(move || {
            raw.send(&sent);
            std::thread::sleep(Duration::from_millis(300));
            raw.0.write_all(b"\r\n").ok();
            let mut whole = Vec::new();
            while raw.more(&mut whole) {}
            let whole = String::from_utf8(whole).unwrap();
            let answers = whole.matches("HTTP/1.1 200 ").count() + whole.matches("HTTP/1.1 404 ").count();
            assert_eq!(answers, count, "{sent:?}: {whole}");
            // The server closed the connection; the test did not just time out.
            assert!(raw.ends(), "{sent:?} stays open");
        })
    });
    for end in ends {
        end.await.unwrap();
    }
}

both!(rules_6_a_read_ends_with_its_asker_although_more_was_sent, |db| async {
    const GONE: usize = 60;
    let server = Server::start(db).await;
    let token = token_with(server.site(), &["customers:read"]);
    let client = server.client();
    for number in 0..300 {
        let body = json!({"customerNumber": format!("G-{number}"), "company": "a".repeat(250)});
        created(&client, "demo", &body).await;
    }
    let before = metric(&server, "customary_http_requests_total").await;
    let mut askers = Vec::new();
    for number in 0..GONE {
        let mut raw = Raw::open(&server.base());
        raw.send(&format!(
            "GET /api/Query/customers/demo?company(nct)={number}x HTTP/1.1\r\nHost: here\r\nrequestToken: {token}\r\n\r\n"
        ));
        askers.push(raw);
    }
    let open = u64::try_from(GONE).unwrap();
    wait_until("all are connected", Duration::from_secs(20), async || {
        metric(&server, "customary_connections").await >= open
    })
    .await;
    for raw in &mut askers {
        raw.send("G");
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(askers);
    wait_until("nobody is connected", Duration::from_secs(20), async || {
        metric(&server, "customary_connections").await <= 2
    })
    .await;
    // Requests that end with their client are not counted as answered.
    let answered = metric(&server, "customary_http_requests_total").await - before;
    assert!(answered < open / 2, "{answered} answers for nobody");
});

both!(a_change_is_answered_although_its_client_sends_no_more, |db| async {
    let server = Server::start(db).await;
    let token = server.site().token().to_owned();
    for number in 0..20 {
        let body = json!({"customerNumber": format!("H-{number}")}).to_string();
        let mut raw = Raw::open(&server.base());
        raw.send(&format!(
            "POST /api/Customer/single/demo HTTP/1.1\r\nHost: here\r\nrequestToken: {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        raw.0.shutdown(std::net::Shutdown::Write).unwrap();
        let (status, _, text) = raw.answer();
        assert_eq!(status, 200, "{text}");
        assert!(raw.ends());
    }
});

#[tokio::test]
async fn a_refused_body_is_read_before_its_answer() {
    let server = Server::start(Db::Sqlite).await;
    for (line, status) in
        [("POST /api/Customer/single/demo", 401), ("POST /nothing", 404), ("DELETE /health/live", 405)]
    {
        let mut raw = Raw::open(&server.base());
        raw.send(&format!("{line} HTTP/1.1\r\nHost: here\r\nContent-Length: 20000\r\n\r\n"));
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(20));
            raw.send(&"x".repeat(1000));
        }
        assert_eq!(raw.answer().0, status, "{line}");
        assert_eq!(raw.get("/health/live").0, 200, "{line}: the connection goes on");
    }
    // A client that pauses for a second gets the answer, and the connection ends.
    let mut raw = Raw::open(&server.base());
    raw.send("POST /nothing HTTP/1.1\r\nHost: here\r\nContent-Length: 20000\r\n\r\nx");
    let (status, head, _) = raw.answer();
    assert!(status == 404 && head.contains("connection: close"), "{head}");
}

#[tokio::test]
async fn who_asks_for_another_protocol_is_told_that_the_connection_closes() {
    let server = Server::start(Db::Sqlite).await;
    for upgrade in ["h2c", "websocket", "websocket\r\nContent-Length: 2"] {
        let mut raw = Raw::open(&server.base());
        raw.send(&format!(
            "GET /health/live HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: {upgrade}\r\n\r\n"
        ));
        let (status, head, _) = raw.answer();
        assert!(status == 200 && head.contains("connection: close"), "{upgrade}: {head}");
        assert!(raw.ends(), "{upgrade}");
    }
    let client = server.client();
    created(&client, "demo", &json!({"email": "ada@example.test"})).await;
    let mut raw = Raw::open(&server.base());
    let token = server.site().token().to_owned();
    raw.send(&format!("GET /api/Export/customers/csv/demo HTTP/1.0\r\nrequestToken: {token}\r\n\r\n"));
    let mut whole = Vec::new();
    while raw.more(&mut whole) {}
    let whole = String::from_utf8(whole).unwrap().to_lowercase();
    assert!(!whole.contains("transfer-encoding") && whole.contains("ada@example.test"), "{whole}");
}

#[tokio::test]
async fn silent_clients_do_not_keep_health_from_others() {
    const SILENT: usize = 600;
    let health = health_address();
    let site = Site::with_environment(Db::Sqlite, &[("CUSTOMARY_HEALTH_LISTEN", health.as_str())]);
    let server = Server::start_on(&site).await;
    let base = format!("http://{health}");
    let silent: Vec<Raw> = (0..SILENT).map(|_| Raw::open(&base)).collect();
    let begun = std::time::Instant::now();
    assert_eq!(Raw::open(&base).get("/health/ready").0, 200);
    assert!(begun.elapsed() < Duration::from_secs(8), "health waited for silent clients");
    for mut raw in silent {
        assert!(raw.ends());
    }
    drop(server);
}
