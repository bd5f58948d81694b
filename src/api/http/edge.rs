//! What clients of HTTP and browsers expect of every answer, whatever the route: security headers, compression, CORS, and
//! the end of a connection that must close.

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use actix_cors::Cors;
use actix_web::HttpMessage as _;
use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{AcceptEncoding, CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use actix_web::http::{ConnectionType, Method, StatusCode, Version};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};

use super::compression::compressed;
use super::connections::Connection;
use super::error::Error;
use super::framing::Body;
use super::gate::{REQUEST_ID, request_id};
use super::routes::is_page;
use super::security::{self, POLICY_OF_DATA, POLICY_OF_SWAGGER_UI};
use super::state::App;
use super::wire::OpenRequest;

/// How long a browser remembers the answer to a preflight, in seconds.
const PREFLIGHT_SECS: usize = 600;

/// The outermost middleware.
///
/// # Errors
/// None: the gate renders every error.
pub(crate) async fn edge(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let method = request.method().clone();
    // A preflight does not reach the gate, which makes the ids of all other requests.
    let preflight = (method == Method::OPTIONS).then(|| request_id(&request));
    let accepted = request.get_header::<AcceptEncoding>();
    let connection = request.request().conn_data::<Connection>();
    let body = body_of(request.headers());
    let open = connection.map(|connection| connection.begin(body, method.is_safe()));
    let is_surplus = connection.is_some_and(Connection::is_surplus);
    let ends = request.app_data::<Data<App>>().is_some_and(|app| app.ends.load(Ordering::Relaxed));
    let response = next.call(request).await?;
    let response = match preflight {
        Some(id) => answered_preflight(response, &id),
        None => response.map_into_left_body(),
    };
    let mut response = compressed(response, &method, accepted.as_ref());
    let is_swagger_ui = response.request().path().starts_with("/swagger-ui");
    guard(response.headers_mut(), if is_swagger_ui { POLICY_OF_SWAGGER_UI } else { POLICY_OF_DATA });
    // The library closes the connection itself if it knows the length of the body.
    let leaves_body = body == Body::Chunked && open.as_ref().is_some_and(OpenRequest::leaves_body);
    // The library cannot keep a connection whose client asks for another protocol.
    let asks_for_upgrade = response.request().head().upgrade();
    let is_old = response.request().version() < Version::HTTP_11;
    let is_endless = is_old && response.response().body().size() == BodySize::Stream;
    if is_endless {
        // Old clients do not know chunks: the answer lasts until the connection ends.
        response.response_mut().head_mut().no_chunking(true);
    }
    if is_surplus || ends || leaves_body || asks_for_upgrade || is_endless {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response.map_body(|_, body| Answered { body: BoxBody::new(body), _open: open }))
}

/// The body that follows a head which the library has accepted.
fn body_of(headers: &HeaderMap) -> Body {
    if headers.contains_key(TRANSFER_ENCODING) {
        return Body::Chunked;
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.trim().parse().ok());
    length.map_or(Body::Empty, Body::Length)
}

/// The body of an answer, whose request is open until its end.
struct Answered {
    body: BoxBody,
    _open: Option<OpenRequest>,
}

impl MessageBody for Answered {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}

/// Adds the security headers that a page has not set itself.
fn guard(headers: &mut HeaderMap, policy: &'static str) {
    for (name, value) in security::headers(policy) {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

/// The rules for scripts of other sites, by the origins that the operator allows; `*` allows all. Tokens travel in
/// headers, so no answer depends on cookies. The pages for people are not for scripts.
pub(crate) fn cors(origins: &[String]) -> Cors {
    const EXPOSED: [&str; 9] = [
        "ETag",
        "Link",
        "Location",
        "Content-Disposition",
        "Idempotent-Replayed",
        "Retry-After",
        "RateLimit",
        "RateLimit-Policy",
        "X-Request-Id",
    ];
    let origins: Vec<HeaderValue> =
        origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    let allows_all = origins.iter().any(|origin| origin == "*");
    Cors::default()
        .allowed_origin_fn(move |origin, request| {
            (allows_all || origins.contains(origin)) && !is_page(request.uri.path())
        })
        .allowed_methods(["GET", "HEAD", "POST", "PUT", "DELETE"])
        // SDKs send headers of their own, such as `X-Fern-Language`.
        .allow_any_header()
        .expose_headers(EXPOSED)
        .max_age(PREFLIGHT_SECS)
}

/// The answer to a preflight: 204 where the crate says 200, and our error body where it refuses.
fn answered_preflight<B: MessageBody + 'static>(
    response: ServiceResponse<B>,
    id: &str,
) -> ServiceResponse<EitherBody<B>> {
    // The gate has answered: cross-origin requests are not allowed at all, or this is none.
    if response.headers().contains_key(REQUEST_ID) {
        return response.map_into_left_body();
    }
    let mut response = if response.status() == StatusCode::OK {
        let (request, mut answer) = response.into_parts();
        *answer.status_mut() = StatusCode::NO_CONTENT;
        ServiceResponse::new(request, answer).map_into_left_body()
    } else {
        response.into_response(Error::CrossOrigin.render(id)).map_into_right_body()
    };
    if let Ok(value) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}
