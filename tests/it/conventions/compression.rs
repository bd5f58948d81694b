//! Long answers are compressed for clients that ask for it; pages and short answers never are.

use std::fmt::Write as _;
use std::io::Read as _;

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::*;
use crate::support::*;

/// Status, headers and bytes of an answer.
async fn get(client: &Client, path: &str, accepted: &str) -> (HeaderMap, Vec<u8>) {
    let request = client.request(reqwest::Method::GET, path).header("Accept-Encoding", accepted);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    (response.headers().clone(), response.bytes().await.unwrap().to_vec())
}

/// All values of `Vary`.
fn vary(headers: &HeaderMap) -> Vec<&str> {
    headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect()
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
        assert_eq!(vary(&headers), ["Accept-Encoding"], "{path}");
        for (accepted, encoding) in [
            ("gzip", "gzip"),
            ("gzip, deflate, br, zstd", "br"),
            ("zstd, gzip;q=0.5", "zstd"),
            ("br;q=0, gzip", "gzip"),
            ("compress, br", "br"),
        ] {
            let (headers, bytes) = get(&client, path, accepted).await;
            assert_eq!(headers["content-encoding"], encoding, "{path} for {accepted}");
            assert_eq!(vary(&headers), ["Accept-Encoding"], "{path}");
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

#[tokio::test]
async fn each_form_of_a_static_file_has_a_tag_of_its_own() {
    let server = Server::start(Db::Sqlite).await;
    let client = server.anonymous();
    let ask = async |method: reqwest::Method, path: &str, accepted: &str, known: &str| {
        let request = client.request(method, path).header("Accept-Encoding", accepted);
        let response = request.header("If-None-Match", known).send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        (status, headers, response.bytes().await.unwrap())
    };
    for path in ["/openapi.json", "/swagger-ui/swagger-ui-bundle.js", "/swagger-ui/swagger-ui.css"] {
        let mut tags = std::collections::BTreeSet::new();
        for accepted in ["identity", "gzip", "br", "zstd"] {
            let (status, first, bytes) = ask(reqwest::Method::GET, path, accepted, "\"other\"").await;
            assert_eq!(status, 200, "{path}");
            let tag = first["etag"].to_str().unwrap().to_owned();
            assert!(tag.starts_with('"'), "{tag} is strong");
            assert!(tags.insert(tag.clone()), "{path}: {accepted} has the tag of another form");
            // The form is kept: the second answer has the same bytes.
            let (_, second, again) = ask(reqwest::Method::GET, path, accepted, "\"other\"").await;
            assert_eq!(bytes, again, "{path} as {accepted}");
            assert_eq!(second["etag"], first["etag"]);
            let length = first["content-length"].to_str().unwrap().parse::<usize>().unwrap();
            assert_eq!(length, bytes.len(), "{path} as {accepted}");
            let (status, head, nothing) = ask(reqwest::Method::HEAD, path, accepted, "\"other\"").await;
            assert_eq!((status, nothing.len()), (200, 0));
            for name in ["content-length", "content-encoding", "content-type", "etag", "vary"] {
                assert_eq!(head.get(name), first.get(name), "{name} of HEAD {path} as {accepted}");
            }
            for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
                let (status, unchanged, nothing) = ask(reqwest::Method::GET, path, accepted, &known).await;
                assert_eq!((status, nothing.len()), (304, 0), "{path} as {accepted} for {known}");
                assert_eq!(unchanged["etag"], first["etag"]);
                assert_eq!(vary(&unchanged), ["Accept-Encoding"]);
                assert!(!unchanged.contains_key("content-encoding"), "{unchanged:?}");
            }
        }
    }
    // A short file has one form.
    let (status, headers, _) = ask(reqwest::Method::GET, "/swagger-ui/", "gzip, br", "\"x\"").await;
    assert_eq!((status, vary(&headers).len()), (200, 0));
    assert!(headers.contains_key("etag") && !headers.contains_key("content-encoding"));
}

#[tokio::test]
async fn an_answer_to_another_site_names_each_header_once() {
    let environment = [("CUSTOMARY_ALLOW_ORIGIN", "https://shop.example")];
    let server = Server::start_on(&Site::with_environment(Db::Sqlite, &environment)).await;
    for (path, accepted) in [("/openapi.json", "br"), ("/openapi.json", "identity"), ("/health/live", "br")] {
        let request = server.anonymous().request(reqwest::Method::GET, path);
        let request = request.header("Accept-Encoding", accepted).header("Origin", "https://shop.example");
        let headers = request.send().await.unwrap().headers().clone();
        let all = vary(&headers).join(", ").to_lowercase();
        let mut names: Vec<&str> = all.split(", ").collect();
        assert_eq!(vary(&headers).len(), 1, "{path}: {all}");
        assert!(names.contains(&"origin"), "{path}: {all}");
        assert_eq!(names.contains(&"accept-encoding"), path == "/openapi.json", "{path}: {all}");
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{path}: {all}");
    }
}
