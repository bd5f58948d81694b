//! How long a client may take to send a body (rules 6), and what becomes of a body that nobody read.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix_web::HttpMessage as _;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::header::UPGRADE;
use actix_web::web::Bytes;
use futures_util::stream::poll_fn;
use futures_util::{Stream, StreamExt as _};
use tokio::time::{Instant, Sleep, sleep_until};

use super::body::{discard, discard_without_pause};
use super::connections::Connection;
use super::wire::Requests;

/// How long a client may pause within a body.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long a client may pause within the body of a request that is refused already.
const REFUSED_PAUSE_MAX: Duration = Duration::from_secs(1);
/// How long a whole body may take, unless it is a file.
const WHOLE_MAX: Duration = Duration::from_mins(5);

/// The body of a request, for whoever answers in place of a handler that did not read it.
pub(crate) struct Unread(Option<Rc<RefCell<TimedBody<Payload>>>>);

impl Unread {
    /// Reads and drops a body as long as it comes without pauses: a client that writes before it reads sees the refusal.
    pub(crate) async fn discard_soon(self) {
        let Some(body) = self.0 else { return };
        let pieces = poll_fn(|context| body.borrow_mut().poll_next_unpin(context));
        discard_without_pause(pieces, REFUSED_PAUSE_MAX).await;
    }

    /// Reads and drops a body of which the handler has read nothing. Otherwise the library would close the connection if,
    /// and only if, the body is still on its way, and so show how soon the answer was known.
    pub(crate) async fn discard(self) {
        let Some(body) = self.0 else { return };
        let is_begun = body.borrow().is_begun;
        if !is_begun {
            discard(poll_fn(|context| body.borrow_mut().poll_next_unpin(context))).await;
        }
    }
}

/// Whether the library treats all bytes after the head as another protocol. The service speaks no other, so such a
/// request has no body.
fn asks_for_websocket(request: &ServiceRequest) -> bool {
    let upgrade = request.headers().get(UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|protocols| protocols.to_ascii_lowercase().contains("websocket"))
}

/// Gives the body of a request its deadlines. A file may take as long as it needs, without long pauses.
pub(crate) fn limit(request: &mut ServiceRequest, is_file: bool) -> Unread {
    let requests = request.request().conn_data::<Connection>().map(Connection::requests);
    let is_none = asks_for_websocket(request);
    let payload = match request.take_payload() {
        payload if is_none || matches!(payload, Payload::None) => {
            if let Some(requests) = requests {
                requests.end_body();
            }
            return Unread(None);
        }
        body => {
            if let Some(requests) = &requests {
                requests.want_body(false);
            }
            Rc::new(RefCell::new(TimedBody::new(body, (!is_file).then_some(WHOLE_MAX), requests)))
        }
    };
    let body = Rc::clone(&payload);
    let stream: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> =
        Box::pin(poll_fn(move |context| body.borrow_mut().poll_next_unpin(context)));
    request.set_payload(Payload::from(stream));
    Unread(Some(payload))
}

/// A body that ends with an error when it is late, and tells the connection whether somebody waits for it.
struct TimedBody<S: Stream<Item = Result<Bytes, PayloadError>> + Unpin> {
    body: S,
    /// When the whole body must be here.
    whole_until: Option<Instant>,
    /// When the next bytes must be here; set while they are waited for.
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether somebody has asked for bytes.
    is_begun: bool,
    requests: Option<Arc<Requests>>,
}

impl<S: Stream<Item = Result<Bytes, PayloadError>> + Unpin> TimedBody<S> {
    fn new(body: S, whole: Option<Duration>, requests: Option<Arc<Requests>>) -> TimedBody<S> {
        TimedBody {
            body,
            whole_until: whole.map(|whole| Instant::now() + whole),
            timer: None,
            is_begun: false,
            requests,
        }
    }

    fn poll_body(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        let mut polled = Pin::new(&mut self.body).poll_next(context);
        if polled.is_pending() && self.requests.iter().any(|requests| requests.is_body_broken(context)) {
            polled = Poll::Ready(Some(Err(PayloadError::EncodingCorrupted)));
        }
        if let Some(requests) = &self.requests {
            requests.want_body(polled.is_pending());
            if matches!(polled, Poll::Ready(None)) {
                requests.end_body();
            }
        }
        polled
    }
}

impl<S: Stream<Item = Result<Bytes, PayloadError>> + Unpin> Drop for TimedBody<S> {
    fn drop(&mut self) {
        // A handler that has all it needs may not have read the end of the body, which may have arrived.
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(Ok(_))) = self.poll_body(&mut context) {}
        self.requests.iter().for_each(|requests| requests.want_body(false));
    }
}

impl<S: Stream<Item = Result<Bytes, PayloadError>> + Unpin> Stream for TimedBody<S> {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        this.is_begun = true;
        if let Poll::Ready(found) = this.poll_body(context) {
            this.timer = None;
            return Poll::Ready(found);
        }
        let until = || {
            let pause_until = Instant::now() + PAUSE_MAX;
            this.whole_until.map_or(pause_until, |whole| whole.min(pause_until))
        };
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep_until(until())));
        timer.as_mut().poll(context).map(|()| Some(Err(PayloadError::Io(io::ErrorKind::TimedOut.into()))))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use tokio::sync::mpsc;

    use super::*;

    /// A body whose bytes the test sends.
    fn body(
        whole: Option<Duration>,
    ) -> (mpsc::UnboundedSender<Bytes>, TimedBody<impl Stream<Item = Result<Bytes, PayloadError>> + Unpin>)
    {
        let (sender, mut sent) = mpsc::unbounded_channel();
        let stream =
            futures_util::stream::poll_fn(move |context| sent.poll_recv(context).map(|bytes| bytes.map(Ok)));
        (sender, TimedBody::new(stream, whole, None))
    }

    fn is_late(found: Option<&Result<Bytes, PayloadError>>) -> bool {
        matches!(found, Some(Err(PayloadError::Io(error))) if error.kind() == io::ErrorKind::TimedOut)
    }

    #[tokio::test(start_paused = true)]
    async fn rules_6_a_body_may_not_pause_for_long() {
        let (sender, mut body) = body(Some(WHOLE_MAX));
        for _ in 0..9 {
            sender.send(Bytes::from_static(b"x")).unwrap();
            assert!(body.next().await.unwrap().is_ok());
            tokio::time::sleep(PAUSE_MAX.saturating_sub(Duration::from_secs(1))).await;
        }
        let begun = Instant::now();
        assert!(is_late(body.next().await.as_ref()));
        assert!(begun.elapsed() <= PAUSE_MAX, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn rules_6_a_body_may_not_take_forever_unless_it_is_a_file() {
        for (whole, lasts) in [(Some(WHOLE_MAX), false), (None, true)] {
            let (sender, mut body) = body(whole);
            let sending = tokio::spawn(async move {
                for _ in 0..100 {
                    tokio::time::sleep(Duration::from_secs(10)).await;
                    if sender.send(Bytes::from_static(b"x")).is_err() {
                        return;
                    }
                }
            });
            let begun = Instant::now();
            let end = loop {
                match body.next().await {
                    Some(Ok(_)) => {}
                    end => break end,
                }
            };
            assert_eq!(is_late(end.as_ref()), !lasts);
            assert_eq!(begun.elapsed() > WHOLE_MAX, lasts, "{:?}", begun.elapsed());
            drop(body);
            sending.await.unwrap();
        }
    }
}
