//! Long answers are compressed for clients that ask for it; pages and short answers never are.

use std::fmt::Write as _;
use std::io::Read as _;

use serde_json::Value;

use super::*;
use crate::support::*;

/// Status, headers and bytes of an answer.
async fn get(client: &Client, path: &str, accepted: &str) -> (reqwest::header::HeaderMap, Vec<u8>) {
    let request = client.request(reqwest::Method::GET, path).header("Accept-Encoding", accepted);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    (response.headers().clone(), response.bytes().await.unwrap().to_vec())
}

fn decoded(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    match encoding {
        "gzip" => flate2::read::GzDecoder::new(bytes).read_to_end(&mut text).unwrap(),
        "br" => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut text).unwrap(),
        "zstd" => zstd::stream::read::Decoder::new(bytes).unwrap().read_to_end(&mut text).unwrap(),
        other => panic!("{other}"),
    };
    text
}

both!(long_answers_are_compressed_as_the_client_prefers, |db| async {
    let server = Server::start(db).await;
    let client = master(&server);
    let mut file = "email,firstname,lastname,company\n".to_owned();
    for number in 0..600 {
        writeln!(file, "c{number}@example.test,First {number},Last,Company").unwrap();
    }
    let import = client.request(reqwest::Method::POST, "/api/Import/customersForm/demo");
    send(import.header("Content-Type", "text/csv").body(file)).await.expect(200);
    for path in [
        "/openapi.json",
        "/swagger-ui/swagger-ui-bundle.js",
        // Built in memory, and streamed; neither has a next page, whose token is another one each time.
        "/api/Query/customers/demo?limitRecord=500&email(ct)=c1",
        "/api/Query/customers/demo?limitRecord=0",
        "/api/Export/customers/csv/demo",
    ] {
        let (headers, plain) = get(&client, path, "identity").await;
        assert_eq!(headers.get("content-encoding"), None, "{path}");
        assert_eq!(headers["vary"], "Accept-Encoding", "{path}");
        for (accepted, encoding) in [
            ("gzip", "gzip"),
            ("gzip, deflate, br, zstd", "br"),
            ("zstd, gzip;q=0.5", "zstd"),
            ("br;q=0, gzip", "gzip"),
            ("compress, br", "br"),
        ] {
            let (headers, bytes) = get(&client, path, accepted).await;
            assert_eq!(headers["content-encoding"], encoding, "{path} for {accepted}");
            assert_eq!(headers["vary"], "Accept-Encoding", "{path}");
            assert!(bytes.len() * 2 < plain.len(), "{path}: {} of {}", bytes.len(), plain.len());
            assert_eq!(decoded(encoding, &bytes), plain, "{path} as {encoding}");
        }
        for accepted in ["", "deflate", "compress", "*;q=0", "identity;q=0", "gzip;q=x"] {
            let (headers, bytes) = get(&client, path, accepted).await;
            assert_eq!(headers.get("content-encoding"), None, "{path} for {accepted:?}");
            assert_eq!(bytes, plain, "{path} for {accepted:?}");
        }
    }
    // A workbook is compressed already.
    let (headers, bytes) = get(&client, "/api/Export/customers/xlsx/demo", "gzip, br").await;
    assert_eq!(headers.get("content-encoding"), None);
    assert!(bytes.starts_with(b"PK"));
    let (_, page) = get(&client, "/api/Query/customers/demo?limitRecord=1", "gzip, br").await;
    let page: Value = serde_json::from_slice(&page).expect("a short answer stays as it is");
    let id = page["Records"][0]["customerId"].as_u64().unwrap();
    let (headers, _) = get(&client, &path(id), "gzip, br").await;
    assert!(headers.get("content-encoding").is_none() && headers.contains_key("etag"));
    // Pages mix secrets with what visitors send.
    for path in ["/portal/demo/sign-in", "/portal/demo/style.css", "/portal/demo/forgot-password"] {
        let (headers, _) = get(&client, path, "gzip, br, zstd").await;
        assert_eq!(headers.get("content-encoding"), None, "{path}");
    }
});
