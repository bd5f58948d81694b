//! The stream of a connection. The HTTP library answers what its parser refuses without a body and without our headers; here
//! such an answer gets the one error body of rules 6. And it gives the head of a first request a deadline, but not those of
//! the requests that follow; here a connection that stalls within a head is closed.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::error::Error;
use super::security::{self, POLICY_OF_DATA};

/// How long a client may take to send the head of a request.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer of the HTTP library itself, in bytes.
const REFUSAL_BYTES_MAX: usize = 256;

/// The requests of a connection, as the gate counts them.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    begun: AtomicUsize,
    open: AtomicUsize,
}

impl Requests {
    /// Counts a request, which is open until the result is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> OpenRequest {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        OpenRequest(Arc::clone(self))
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct OpenRequest(Arc<Requests>);

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The stream of a client's connection.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    /// What is left of the answer that replaces the library's own.
    refusal: Vec<u8>,
    requests: Arc<Requests>,
    /// How many requests had begun at the last read.
    seen: usize,
    /// Whether bytes have come since, with which a head may begin.
    has_begun_head: bool,
    head_timer: Option<Pin<Box<Sleep>>>,
}

impl Wire {
    /// A new connection.
    pub fn new(stream: TcpStream) -> Wire {
        Wire {
            stream,
            refusal: Vec::new(),
            requests: Arc::default(),
            seen: 0,
            has_begun_head: false,
            head_timer: None,
        }
    }

    /// The stream itself.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// The requests of the connection.
    pub(crate) fn requests(&self) -> Arc<Requests> {
        Arc::clone(&self.requests)
    }

    /// Whether the bytes that came last belong to a request.
    fn has_request(&mut self) -> bool {
        let begun = self.requests.begun.load(Ordering::Relaxed);
        std::mem::replace(&mut self.seen, begun) != begun || self.requests.open.load(Ordering::Relaxed) > 0
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.has_request() {
            (this.has_begun_head, this.head_timer) = (false, None);
        }
        let is_open = this.requests.open.load(Ordering::Relaxed) > 0;
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        match read {
            _ if is_open => read,
            Poll::Ready(_) => {
                this.has_begun_head |= buffer.filled().len() > before;
                read
            }
            Poll::Pending if this.has_begun_head => {
                let timer = this.head_timer.get_or_insert_with(|| Box::pin(sleep(HEAD_TIMEOUT)));
                ready!(timer.as_mut().poll(context));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        // While an answer is written, the next request may wait.
        this.head_timer = None;
        if this.refusal.is_empty() {
            let Some(refusal) = refusal_for(bytes) else {
                return Pin::new(&mut this.stream).poll_write(context, bytes);
            };
            this.refusal = refusal;
        }
        while !this.refusal.is_empty() {
            let written = ready!(Pin::new(&mut this.stream).poll_write(context, &this.refusal))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            this.refusal.drain(..written);
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The answer in place of the library's own: that has no body, and no request id, which every answer of the gate has.
fn refusal_for(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() > REFUSAL_BYTES_MAX || !bytes.starts_with(b"HTTP/1.1 4") || !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let head = std::str::from_utf8(bytes).ok()?.to_ascii_lowercase();
    if head.contains("\r\nx-request-id:") {
        return None;
    }
    let error = match head.get(9..12)? {
        "400" => Error::NoHttp,
        "408" => Error::Timeout,
        "431" => Error::HeadTooLarge,
        _ => return None,
    };
    let request_id = uuid::Uuid::new_v4().to_string();
    let (status, body) = error.written(&request_id);
    let mut answer = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\ncontent-type: application/json\r\nx-request-id: {request_id}\r\n\
         connection: close\r\n",
        body.len()
    )
    .into_bytes();
    for (name, value) in security::headers(POLICY_OF_DATA) {
        answer.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    answer.extend_from_slice(b"\r\n");
    answer.extend_from_slice(&body);
    tracing::debug!(request_id, %status, "no request");
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_refusals_of_the_library_are_replaced() {
        let refusal =
            |head: &str| refusal_for(head.as_bytes()).map(|answer| String::from_utf8(answer).unwrap());
        for (status, words) in
            [("400 Bad Request", "no HTTP"), ("408 Request Timeout", "in time"), ("431 x", "head")]
        {
            let answer =
                refusal(&format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\ndate: x\r\n\r\n")).unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&status[..3]) || head.contains(&status[..3]), "{head}");
            assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert!(head.contains(body["requestId"].as_str().unwrap()), "{head}");
            assert!(body.to_string().contains(words), "{body}");
        }
        for own in [
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nX-Request-Id: 7\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
            "400",
        ] {
            assert_eq!(refusal(own), None, "{own}");
        }
    }
}
