//! Rules 6: what one client sends, or leaves unsent, does not keep the service from others. `bodies` has the requests that
//! take the most work, `connections` the clients that hold connections, `writes` a database that takes no writes.

mod bodies;
mod connections;
mod stops;
mod streams;
mod writes;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::harness::*;

/// The memory of a process, in bytes.
fn memory(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().strip_suffix(" kB").expect("in kB").trim().parse::<u64>().unwrap() * 1024
}

/// The lines of the metrics whose name, with labels or without, begins like this.
async fn metrics(server: &Server, name: &str) -> Vec<String> {
    let text = server.anonymous().get("/metrics").await.expect(200).text;
    text.lines().filter(|line| line.starts_with(name)).map(str::to_owned).collect()
}

/// The sum of the numbers of those lines.
async fn metric(server: &Server, name: &str) -> u64 {
    let numbers = metrics(server, name).await;
    numbers.iter().map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

/// An address for health alone.
fn health_address() -> String {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("127.0.0.1:{port}")
}

/// A connection without an HTTP library.
struct Raw(TcpStream);

impl Raw {
    fn open(base: &str) -> Raw {
        let stream = TcpStream::connect(base.replace("http://", "")).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Raw(stream)
    }

    fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).expect("it is read");
    }

    fn get(&mut self, path: &str) -> (u16, String, String) {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n"));
        self.answer()
    }

    /// Status, head and body of the next answer. Reads no byte of the one behind it.
    fn answer(&mut self) -> (u16, String, String) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            let count = self.0.read(&mut byte).unwrap_or(0);
            assert_eq!(count, 1, "no whole answer: {:?}", String::from_utf8_lossy(&head));
            head.extend(byte);
        }
        let head = String::from_utf8(head).expect("a head is text").to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.0.read_exact(&mut body).unwrap_or_else(|error| panic!("a body is cut ({error}): {head}"));
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
        (status, head, String::from_utf8_lossy(&body).into_owned())
    }

    fn more(&mut self, bytes: &mut Vec<u8>) -> bool {
        let mut buffer = [0; 16 * 1024];
        let count = self.0.read(&mut buffer).unwrap_or(0);
        bytes.extend_from_slice(&buffer[..count]);
        count > 0
    }

    /// Whether nothing arrives for so long.
    fn is_silent(&mut self, time: Duration) -> bool {
        let patience = self.0.read_timeout().unwrap();
        self.0.set_read_timeout(Some(time)).unwrap();
        let found = self.0.peek(&mut [0]);
        self.0.set_read_timeout(patience).unwrap();
        found.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    }

    /// Whether the service closes the connection, after what it may still send.
    fn ends(&mut self) -> bool {
        loop {
            match self.0.read(&mut [0; 16 * 1024]) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            }
        }
    }
}
