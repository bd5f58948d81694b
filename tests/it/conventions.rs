//! What clients of HTTP and browsers try first, whatever the route: HEAD, CORS, compression, redirects, security headers,
//! request limits, and errors that say what to do.

mod browsers;
mod compression;
mod head;
mod health;
mod refusals;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::*;

/// What the server sends until it closes the connection.
async fn raw(server: &Server, request: impl AsRef<[u8]>) -> String {
    let address = server.base().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_ref()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

/// The value of a header in a raw answer.
fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = answer.split_once("\r\n\r\n").expect("a whole head");
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
}

/// One request without a body, and its raw answer. Redirects are not followed.
async fn ask(server: &Server, method: &str, path: &str) -> String {
    raw(server, format!("{method} {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")).await
}
