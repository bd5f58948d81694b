//! The stream of a connection. The HTTP library answers what its parser refuses without a body and without our headers; here
//! such an answer gets the one error body of rules 6. And it gives the head of a first request a deadline, but not those of
//! the requests that follow; here a connection that stalls within a head is closed. It reads whatever comes, and keeps a
//! connection whose body never ends; here it gets one request at a time, none while an answer is unfinished, and a client has
//! no more than the time of a head for the rest of a body. It ends a connection without an answer when a chunk is broken; here
//! it never sees one, and whoever reads the body is told.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::error::Error;
use super::framing::{Body, Framing};
use super::security::{self, POLICY_OF_DATA};

/// How long a client may take to send the head of a request.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How much is read at a time before a body, in bytes.
const HEAD_BYTES: usize = 8192;
/// The library takes no longer address, and calls it a bad request.
const ADDRESS_BYTES_MAX: usize = 65_534;
/// The largest answer of the HTTP library itself, in bytes.
const REFUSAL_BYTES_MAX: usize = 256;

/// The requests of a connection, as the edge and the bodies count them.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    begun: AtomicUsize,
    open: AtomicUsize,
    /// How long the body of the last request is, unless it has chunks.
    length: AtomicU64,
    is_chunked: AtomicBool,
    /// Whether the last request has a body of which no end was read.
    has_body: AtomicBool,
    /// Whether somebody waits for bytes of it, or may.
    wants_body: AtomicBool,
    /// Whether the last request was answered within its body, which the library reads on for ever.
    leaves_body: AtomicBool,
    /// Whether the last request changes nothing, so that it ends when nobody waits for its answer.
    is_safe: AtomicBool,
    /// Whether the body of the last request is broken.
    is_broken: AtomicBool,
    /// Wakes who reads the connection once it may go on.
    reader: AtomicWaker,
    /// Wakes who reads a body once it is broken.
    body_reader: AtomicWaker,
}

impl Requests {
    /// Counts a request, which is open until the result is dropped. Its body may be read until
    /// [`Requests::want_body`] or [`Requests::end_body`] says otherwise.
    pub(crate) fn begin(self: &Arc<Self>, body: Body, is_safe: bool) -> OpenRequest {
        let (length, is_chunked) = match body {
            Body::Empty => (0, false),
            Body::Length(bytes) => (bytes, false),
            Body::Chunked => (0, true),
        };
        let has_body = body != Body::Empty;
        self.length.store(length, Ordering::Relaxed);
        self.is_chunked.store(is_chunked, Ordering::Relaxed);
        self.has_body.store(has_body, Ordering::Relaxed);
        self.wants_body.store(has_body, Ordering::Relaxed);
        self.leaves_body.store(false, Ordering::Relaxed);
        self.is_safe.store(is_safe, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.reader.wake();
        OpenRequest(Arc::clone(self))
    }

    /// The body of the last request.
    fn body(&self) -> Body {
        if self.is_chunked.load(Ordering::Relaxed) {
            return Body::Chunked;
        }
        match self.length.load(Ordering::Relaxed) {
            0 => Body::Empty,
            bytes => Body::Length(bytes),
        }
    }

    /// Somebody waits for bytes of the body, or does not.
    pub(crate) fn want_body(&self, wants: bool) {
        if self.wants_body.swap(wants, Ordering::Relaxed) != wants && wants {
            self.reader.wake();
        }
    }

    /// No more bytes of the body come, because it is broken.
    fn break_body(&self) {
        if !self.is_broken.swap(true, Ordering::Relaxed) {
            self.body_reader.wake();
        }
    }

    /// Whether the body is broken; if not, wakes the task once it is.
    pub(crate) fn is_body_broken(&self, context: &Context<'_>) -> bool {
        self.body_reader.register(context.waker());
        self.is_broken.load(Ordering::Relaxed)
    }

    /// The body is at its end.
    pub(crate) fn end_body(&self) {
        self.has_body.store(false, Ordering::Relaxed);
    }

    /// Whether a request has ever begun.
    pub(crate) fn have_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed) > 0
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }

    /// Whether somebody waits for bytes of a body.
    fn wants(&self) -> bool {
        self.has_body.load(Ordering::Relaxed) && self.wants_body.load(Ordering::Relaxed)
    }

    /// Whether only the rest of a body can come, for which nobody waits.
    fn is_left_in_body(&self) -> bool {
        !self.is_open() && self.leaves_body.load(Ordering::Relaxed)
    }
}

/// A request that is being answered: until the last byte of its answer is on its way.
#[derive(Debug)]
pub(crate) struct OpenRequest(Arc<Requests>);

impl OpenRequest {
    /// Whether a chunked body has not ended although its request is answered. If so, the client has the time of a
    /// head from now on to send the rest.
    pub(crate) fn leaves_body(&self) -> bool {
        let leaves = self.0.has_body.load(Ordering::Relaxed);
        self.0.leaves_body.store(leaves, Ordering::Relaxed);
        leaves
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        self.0.reader.wake();
    }
}

/// The parts of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Until its request has begun, nobody knows whether it has a body.
    Head,
    Body,
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
    /// How long the head is so far.
    head_bytes: usize,
    head_timeout: Duration,
    head_timer: Option<Pin<Box<Sleep>>>,
    /// What has come too early.
    held: Bytes,
    framing: Framing,
    /// What was read to its end, on which the library must work before it gets more.
    ended: Option<End>,
    /// Whether the client has not taken the last bytes of an answer.
    is_blocked: bool,
}

impl Wire {
    /// A new connection, whose client has so long to send a head.
    pub fn new(stream: TcpStream, head_timeout: Duration) -> Wire {
        Wire {
            stream,
            head_timeout,
            refusal: Vec::new(),
            requests: Arc::default(),
            seen: 0,
            has_begun_head: false,
            head_bytes: 0,
            head_timer: None,
            held: Bytes::new(),
            framing: Framing::default(),
            ended: None,
            is_blocked: false,
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
        let is_new = std::mem::replace(&mut self.seen, begun) != begun;
        if is_new {
            self.head_bytes = 0;
            self.ended = None;
            self.framing.begin(self.requests.body());
        }
        is_new || self.requests.is_open()
    }

    /// Whether nothing more is read for now: what comes is the next request, or a body for which nobody waits yet.
    fn withholds(&self) -> bool {
        let reads_body = self.framing.is_in_body() && self.requests.wants();
        self.is_blocked || self.ended == Some(End::Head) || self.requests.is_open() && !reads_body
    }

    /// Waits until the connection may be read again, and holds up to [`HEAD_BYTES`] of what comes meanwhile. A safe
    /// request ends if its client goes away, unless that much is held already; a change goes on, and the client may
    /// wait for its answer although it sends no more.
    fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.held.len() < HEAD_BYTES {
            let mut space = [MaybeUninit::uninit(); HEAD_BYTES];
            let (space, _) = space.split_at_mut(HEAD_BYTES.saturating_sub(self.held.len()));
            let mut come = ReadBuf::uninit(space);
            match Pin::new(&mut self.stream).poll_read(context, &mut come) {
                Poll::Ready(Ok(())) if !come.filled().is_empty() => {
                    self.held = [&self.held, come.filled()].concat().into();
                }
                // Before the request has begun, nobody knows whether it is safe.
                Poll::Ready(Ok(()))
                    if self.ended.is_none() && self.requests.is_safe.load(Ordering::Relaxed) =>
                {
                    return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(())) | Poll::Pending => break,
            }
        }
        self.requests.reader.register(context.waker());
        // The state may have changed before the waker was registered.
        if !self.withholds() {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Gives the library nothing more of a broken body. Once its request is answered, [`Wire::poll_end`] ends the
    /// connection; if no answer leaves a body, the library does.
    fn poll_broken(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.requests.break_body();
        self.requests.reader.register(context.waker());
        let is_over = !self.requests.is_open() && !self.requests.is_left_in_body();
        if is_over { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Tells the client that nothing more comes, and drops what it sends until it has seen that: a connection that ends
    /// with bytes unread would take the answer with it.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The client may be gone already.
        let _ = Pin::new(&mut self.stream).poll_shutdown(context);
        let mut space = [MaybeUninit::uninit(); HEAD_BYTES];
        let mut come = ReadBuf::uninit(&mut space);
        match Pin::new(&mut self.stream).poll_read(context, &mut come) {
            Poll::Ready(Ok(())) if !come.filled().is_empty() => context.waker().wake_by_ref(),
            Poll::Ready(_) => return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            Poll::Pending => {}
        }
        self.poll_late(context)
    }

    /// Lets the library work on what it has, and asks it to come back if there is more.
    fn poll_next_turn(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.ended = None;
        if !self.held.is_empty() || self.stream.poll_read_ready(context).is_ready() {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Reads on in the head or body that has begun, or begins a head.
    fn poll_one(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.held = self.held.slice_ref(self.framing.without_blank_lines(&self.held));
        if self.held.is_empty() && self.framing.is_in_body() {
            let before = buffer.filled().len();
            let read = Pin::new(&mut self.stream).poll_read(context, buffer);
            let (_, come) = buffer.filled().split_at(before);
            let (taken, rest, has_ended) = self.framing.take(come);
            let end = before.saturating_add(taken.len());
            (self.held, self.ended) = (Bytes::copy_from_slice(rest), has_ended.then_some(End::Body));
            buffer.set_filled(end);
            return read;
        }
        if self.held.is_empty() {
            ready!(self.poll_held(context))?;
            if self.held.is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
        let come = self.held.slice(..self.held.len().min(buffer.remaining()));
        let end = if self.framing.is_in_body() { End::Body } else { End::Head };
        let (taken, _, has_ended) = self.framing.take(&come);
        buffer.put_slice(taken);
        self.head_bytes = self.head_bytes.saturating_add(taken.len());
        self.held = self.held.split_off(taken.len());
        self.ended = has_ended.then_some(end);
        Poll::Ready(Ok(()))
    }

    /// Holds what comes next, without blank lines before a head: some clients send one behind a body, and the library
    /// would think that a request has begun. Holds nothing if the client sends no more.
    fn poll_held(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut space = [MaybeUninit::uninit(); HEAD_BYTES];
            let mut come = ReadBuf::uninit(&mut space);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut come))?;
            let begun = self.framing.without_blank_lines(come.filled());
            if !begun.is_empty() || come.filled().is_empty() {
                self.held = Bytes::copy_from_slice(begun);
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Ends a connection that is late with a head, or with the rest of a body.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let timer = self.head_timer.get_or_insert_with(|| Box::pin(sleep(self.head_timeout)));
        timer.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_answer(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.refusal.is_empty() {
            let Some(refusal) = refusal_for(bytes, self.head_bytes) else {
                return Pin::new(&mut self.stream).poll_write(context, bytes);
            };
            self.refusal = refusal;
        }
        while !self.refusal.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.refusal))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.refusal.drain(..written);
        }
        Poll::Ready(Ok(bytes.len()))
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
        if this.ended == Some(End::Body) {
            return this.poll_next_turn(context);
        }
        if this.framing.is_broken() {
            return this.poll_broken(context);
        }
        if this.withholds() {
            return this.poll_gone(context);
        }
        let is_open = this.requests.is_open();
        let before = buffer.filled().len();
        let read = this.poll_one(context, buffer);
        match read {
            // Nothing at all would mean that the client sends no more.
            _ if this.framing.is_broken() && buffer.filled().len() == before => this.poll_broken(context),
            _ if is_open => read,
            Poll::Ready(_) => {
                this.has_begun_head |= buffer.filled().len() > before;
                read
            }
            Poll::Pending if this.has_begun_head || this.requests.is_left_in_body() => {
                this.poll_late(context)
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
        let written = this.poll_answer(context, bytes);
        if std::mem::replace(&mut this.is_blocked, written.is_pending()) && !this.is_blocked {
            this.requests.reader.wake();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        // The library asks for no more bytes once it has answered, unless some come.
        if !self.requests.is_left_in_body() {
            return Poll::Ready(Ok(()));
        }
        let ended = if self.framing.is_broken() { self.poll_end(context) } else { self.poll_late(context) };
        if ended.is_ready() { ended } else { Poll::Ready(Ok(())) }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The answer in place of the library's own: that has no body, and no request id, which every answer of the gate has.
fn refusal_for(bytes: &[u8], head_bytes: usize) -> Option<Vec<u8>> {
    if bytes.len() > REFUSAL_BYTES_MAX || !bytes.starts_with(b"HTTP/1.1 4") || !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let head = std::str::from_utf8(bytes).ok()?.to_ascii_lowercase();
    if head.contains("\r\nx-request-id:") {
        return None;
    }
    let error = match head.get(9..12)? {
        "400" if head_bytes > ADDRESS_BYTES_MAX => Error::HeadTooLarge,
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
            |head: &str| refusal_for(head.as_bytes(), 70).map(|answer| String::from_utf8(answer).unwrap());
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
