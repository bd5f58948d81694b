//! Answers to HEAD.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Bytes;

/// An empty body under the headers of another one.
pub(crate) struct Headless(BodySize);

impl MessageBody for Headless {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}

/// The answer to HEAD is the one to GET without its body; the body is not even read.
pub(crate) fn without_body_for_head<B: MessageBody>(
    response: ServiceResponse<B>,
    method: &Method,
) -> ServiceResponse<EitherBody<B, Headless>> {
    if *method != Method::HEAD {
        return response.map_into_left_body();
    }
    response.map_body(|head, body| {
        let size = match body.size() {
            BodySize::None => BodySize::None,
            size => {
                // The length stands in the head alone, so that nothing waits for the bytes.
                if let BodySize::Sized(bytes) = size {
                    head.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
                }
                head.no_chunking(true);
                BodySize::Stream
            }
        };
        EitherBody::right(Headless(size))
    })
}
