//! Bodies that are no JSON object, too large, too deep, or of another media type.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::Fixture;
use crate::harness::*;
use crate::support::*;

const MIB: usize = 1024 * 1024;

/// Every route that takes a JSON body.
fn routes(fixture: &Fixture) -> Vec<(Method, String)> {
    vec![
        (Method::POST, "/api/Customer/single/demo".to_owned()),
        (Method::POST, "/api/Customer/match/demo".to_owned()),
        (Method::PUT, fixture.path()),
        (Method::POST, "/api/Paypoint".to_owned()),
        (Method::PUT, "/api/Paypoint/settings/demo".to_owned()),
        (Method::POST, "/api/Organization".to_owned()),
        (Method::PUT, "/api/Organization/settings/1".to_owned()),
        (Method::POST, "/api/Token".to_owned()),
        (Method::POST, "/api/v2/Token/serverside".to_owned()),
    ]
}

fn as_json(request: RequestBuilder) -> RequestBuilder {
    request.header("Content-Type", "application/json")
}

both!(rules_6_a_body_that_is_no_json_object_is_refused, |db| async {
    let fixture = Fixture::start(db).await;
    let master = master(&fixture.server);
    let deep = 200_000;
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("empty", vec![]),
        ("blank", b" \n ".to_vec()),
        ("open", b"{".to_vec()),
        ("a missing value", br#"{"email": }"#.to_vec()),
        ("a missing brace", br#"{"email": "a@example.test""#.to_vec()),
        ("a trailing comma", br#"{"email": "a@example.test",}"#.to_vec()),
        ("two values", br#"{"email": "a@example.test"} {}"#.to_vec()),
        ("single quotes", b"{'email': 'a@example.test'}".to_vec()),
        ("a comment", br#"{/* */"email": "a@example.test"}"#.to_vec()),
        ("NaN", br#"{"balance": NaN}"#.to_vec()),
        ("a word", b"nope".to_vec()),
        ("an array", br#"[{"email": "a@example.test"}]"#.to_vec()),
        ("a string", br#""a@example.test""#.to_vec()),
        ("a number", b"7".to_vec()),
        ("null", b"null".to_vec()),
        ("bytes that are no UTF-8", b"{\"city\": \"\xff\xfe\"}".to_vec()),
        ("UTF-16", "{\"city\": \"x\"}".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("a form", b"email=a%40example.test".to_vec()),
        ("a raw line end in a text", b"{\"city\": \"a\nb\"}".to_vec()),
        ("a lone surrogate", br#"{"city": "\ud800"}"#.to_vec()),
        ("deep arrays", [b"[".repeat(deep), b"]".repeat(deep)].concat()),
        ("deep objects", [b"{\"a\":".repeat(deep / 2), b"1".to_vec(), b"}".repeat(deep / 2)].concat()),
        (
            "deep in a member",
            [b"{\"additionalFields\":{\"a\":".to_vec(), b"[".repeat(deep), b"]".repeat(deep), b"}}".to_vec()]
                .concat(),
        ),
        (
            "deep in an unknown member",
            [b"{\"x\":".to_vec(), b"[".repeat(deep), b"]".repeat(deep), b"}".to_vec()].concat(),
        ),
    ];
    let entrypoints = master.get("/api/Paypoint").await.expect(200).json;
    for (what, body) in bodies {
        for (method, path) in routes(&fixture) {
            let request = as_json(master.request(method.clone(), &path)).body(body.clone());
            let answer = send(request).await;
            assert_eq!(answer.status, 400, "{what} by {method} {path}: {}", answer.text);
            answer.expect_error(400);
        }
    }
    assert_eq!(master.get("/api/Paypoint").await.expect(200).json, entrypoints);
    fixture.nothing_stored().await;
});

both!(rules_6_a_body_over_1_mib_is_answered_413_and_the_client_sees_it, |db| async {
    let fixture = Fixture::start(db).await;
    let padded = |length: usize| {
        let body = json!({"customerNumber": "BIG-1"}).to_string();
        let padding = " ".repeat(length - body.len());
        body + &padding
    };
    // A client that is still sending sees the answer too, up to 16 MiB.
    for length in [MIB + 1, 10 * MIB] {
        for (method, path) in [
            (Method::POST, "/api/Customer/single/demo".to_owned()),
            (Method::POST, "/api/Customer/match/demo".to_owned()),
            (Method::PUT, fixture.path()),
            (Method::POST, "/api/v2/Token/serverside".to_owned()),
        ] {
            let answer =
                send(as_json(fixture.client.request(method.clone(), &path)).body(padded(length))).await;
            assert_eq!(answer.status, 413, "{length} bytes by {method} {path}: {}", answer.text);
            answer.expect_error(413);
        }
    }
    // A DELETE takes no body, and does not wait for a large one.
    let answer = send(fixture.client.request(Method::DELETE, &fixture.path()).body(padded(10 * MIB))).await;
    answer.expect_error(413);
    fixture.nothing_stored().await;
    // Exactly 1 MiB is not too large.
    let request = as_json(fixture.client.request(Method::POST, "/api/Customer/single/demo"));
    send(request.body(padded(MIB))).await.expect(200);
});

both!(rules_6_another_media_type_is_answered_415, |db| async {
    let fixture = Fixture::start(db).await;
    let master = master(&fixture.server);
    let body = json!({"customerNumber": "MEDIA-1"}).to_string();
    for media in [
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/octet-stream",
        "application/json; charset=iso-8859-1",
        "json",
        "*/*",
    ] {
        for (method, path) in routes(&fixture) {
            let request = master.request(method.clone(), &path).header("Content-Type", media);
            let answer = send(request.body(body.clone())).await;
            assert_eq!(answer.status, 415, "{media} by {method} {path}: {}", answer.text);
            answer.expect_error(415);
        }
    }
    let bare = master.request(Method::POST, "/api/Customer/single/demo").body(body.clone());
    send(bare).await.expect_error(415);
    let packed = as_json(master.request(Method::POST, "/api/Customer/single/demo"));
    send(packed.header("Content-Encoding", "gzip").body(body)).await.expect_error(415);
    fixture.nothing_stored().await;

    for (number, media) in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
        "application/vnd.mine+json",
        "application/*+json",
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({"customerNumber": format!("JSON-{number}")}).to_string();
        let request = master.request(Method::POST, "/api/Customer/single/demo").header("Content-Type", media);
        send(request.body(body)).await.expect(200);
    }
});
