//! What clients of HTTP and browsers expect of every answer, whatever the route: security headers, compression, CORS, and
//! the end of a connection that must close.

use std::sync::atomic::Ordering;

use actix_cors::Cors;
use actix_web::HttpMessage as _;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{AcceptEncoding, HeaderMap, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;

use super::compression::compressed;
use super::connections::Connection;
use super::error::Error;
use super::gate::{REQUEST_ID, request_id};
use super::security::{self, POLICY_OF_DATA, POLICY_OF_SWAGGER_UI};
use super::state::App;

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
    let (_open, is_surplus) =
        (connection.map(Connection::begin), connection.is_some_and(Connection::is_surplus));
    let ends = request.app_data::<Data<App>>().is_some_and(|app| app.ends.load(Ordering::Relaxed));
    let response = next.call(request).await?;
    let response = match preflight {
        Some(id) => answered_preflight(response, &id),
        None => response.map_into_left_body(),
    };
    let mut response = compressed(response, &method, accepted.as_ref());
    let is_swagger_ui = response.request().path().starts_with("/swagger-ui");
    guard(response.headers_mut(), if is_swagger_ui { POLICY_OF_SWAGGER_UI } else { POLICY_OF_DATA });
    if is_surplus || ends {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
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
/// headers, so no answer depends on cookies. The pages of the portal are not for scripts.
pub(crate) fn cors(origins: &[String]) -> Cors {
    const HEADERS: [&str; 8] = [
        "requestToken",
        "Authorization",
        "Content-Type",
        "idempotencyKey",
        "Idempotency-Key",
        "If-Match",
        "If-None-Match",
        "X-Request-Id",
    ];
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
            (allows_all || origins.contains(origin)) && !request.uri.path().starts_with("/portal")
        })
        .allowed_methods(["GET", "HEAD", "POST", "PUT", "DELETE"])
        .allowed_headers(HEADERS)
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
