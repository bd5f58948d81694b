//! Compresses long answers.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_http::encoding::Encoder;
use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use actix_web::http::header::{
    self, AcceptEncoding, ContentEncoding, ETAG, Encoding, HeaderMap, HeaderValue,
};
use actix_web::web::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::routes::is_page;

/// The least size of an answer that is compressed, in bytes. Below it, compression costs more than it saves. A record is
/// smaller.
pub(super) const BYTES_MIN: u64 = 4 * 1024;
/// How many answers are compressed at a time. Further ones go out as they are: an encoder takes up to some MB until its client
/// has read the answer.
const ENCODERS_MAX: usize = 32;

static ENCODERS: Semaphore = Semaphore::const_new(ENCODERS_MAX);

/// A body on its way through an encoder.
pub(crate) struct Compressed<B> {
    body: Pin<Box<Encoder<B>>>,
    _permit: SemaphorePermit<'static>,
}

impl<B: MessageBody> MessageBody for Compressed<B> {
    type Error = <Encoder<B> as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.get_mut().body.as_mut().poll_next(context)
    }
}

/// Compresses a long answer in the encoding that the client prefers. Pages stay as they are: they mix secrets with what
/// visitors send, and their compressed length would tell about the secret. So do answers with an `ETag`, which is one of the
/// bytes as they are.
pub(crate) fn compressed<B: MessageBody>(
    mut response: ServiceResponse<B>,
    method: &Method,
    accepted: Option<&AcceptEncoding>,
) -> ServiceResponse<EitherBody<Compressed<B>, B>> {
    let headers = response.headers();
    // The answer to HEAD tells the length of the body that it leaves out.
    let told = || headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse::<u64>().ok();
    let is_long = match response.response().body().size() {
        BodySize::Sized(bytes) => bytes >= BYTES_MIN,
        BodySize::Stream => told().is_none_or(|bytes| bytes >= BYTES_MIN),
        BodySize::None => false,
    };
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_page = is_page(response.request().path());
    if !is_long || !is_text(media) || is_page || headers.contains_key(ETAG) {
        merge_vary(response.headers_mut());
        return response.map_into_right_body();
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    let encoding = accepted.filter(|_| *method != Method::HEAD).and_then(chosen);
    let permit = encoding.and_then(|encoding| Some((encoding, ENCODERS.try_acquire().ok()?)));
    let mut response = match permit {
        Some((encoding, permit)) => response.map_body(|head, body| {
            let body = Box::pin(Encoder::response(encoding, head, body));
            EitherBody::left(Compressed { body, _permit: permit })
        }),
        None => response.map_into_right_body(),
    };
    merge_vary(response.headers_mut());
    response
}

/// Whether files of a media type are text, which compresses well. Pictures and workbooks are compressed already.
pub(super) fn is_text(media: &str) -> bool {
    const STARTS: [&str; 6] =
        ["application/json", "text/csv", "text/plain", "text/html", "text/css", "text/javascript"];
    STARTS.iter().any(|start| media.starts_with(start))
}

/// The encoding that the client prefers; none if it prefers the bytes as they are.
pub(super) fn chosen(accepted: &AcceptEncoding) -> Option<ContentEncoding> {
    let supported = [Encoding::identity(), Encoding::brotli(), Encoding::zstd(), Encoding::gzip()];
    match accepted.negotiate(supported.iter()) {
        Some(Encoding::Known(encoding)) if encoding != ContentEncoding::Identity => Some(encoding),
        _ => None,
    }
}

/// Makes one `Vary` of several, which the encoder and CORS add, and names each header once.
fn merge_vary(headers: &mut HeaderMap) {
    if headers.get_all(header::VARY).count() < 2 {
        return;
    }
    let mut names: Vec<String> = Vec::new();
    for value in headers.get_all(header::VARY) {
        for name in value.to_str().unwrap_or_default().split(',').map(str::trim) {
            if !name.is_empty() && !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                names.push(name.to_owned());
            }
        }
    }
    if let Ok(value) = HeaderValue::from_str(&names.join(", ")) {
        headers.insert(header::VARY, value);
    }
}

#[cfg(test)]
mod tests {
    use actix_web::HttpResponse;
    use actix_web::body::{BoxBody, to_bytes};
    use actix_web::test::TestRequest;

    use super::*;

    fn answer() -> ServiceResponse<EitherBody<Compressed<BoxBody>, BoxBody>> {
        let request = TestRequest::with_uri("/openapi.json").to_srv_request();
        let response = HttpResponse::Ok().content_type("application/json").body("x".repeat(5000));
        let accepted = AcceptEncoding(vec!["gzip".parse().unwrap()]);
        compressed(request.into_response(response), &Method::GET, Some(&accepted))
    }

    fn is_compressed(response: &ServiceResponse<impl MessageBody>) -> bool {
        response.headers().contains_key(header::CONTENT_ENCODING)
    }

    #[actix_web::test]
    async fn the_number_of_encoders_is_bounded_and_other_answers_go_out_as_they_are() {
        let mut held: Vec<_> = (0..ENCODERS_MAX).map(|_| answer()).collect();
        assert!(held.iter().all(is_compressed));
        let further = answer();
        assert!(!is_compressed(&further));
        assert_eq!(to_bytes(further.into_body()).await.unwrap(), "x".repeat(5000));
        let read = to_bytes(held.remove(0).into_body()).await.unwrap();
        assert!(read.len() < 500, "{} bytes", read.len());
        assert!(is_compressed(&answer()), "an encoder is free again");
    }
}
