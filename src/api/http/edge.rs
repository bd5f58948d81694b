//! What clients of HTTP and browsers expect of every answer, whatever the route: security headers, compression, CORS.

use actix_cors::Cors;
use actix_http::encoding::Encoder;
use actix_web::HttpMessage as _;
use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    self, AcceptEncoding, ContentEncoding, ETAG, Encoding, HeaderMap, HeaderValue,
};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;

use super::error::Error;
use super::gate::{REQUEST_ID, request_id};

/// The least size of an answer that is compressed, in bytes. Below it, the work costs more than the bytes: a record is
/// smaller.
const COMPRESSED_BYTES_MIN: u64 = 4 * 1024;
/// How long a browser remembers the answer to a preflight, in seconds.
const PREFLIGHT_SECS: usize = 600;
/// Answers in JSON and files are not documents: a browser that shows one runs and loads nothing.
const POLICY_OF_DATA: &str = "default-src 'none'; frame-ancestors 'none'";
/// Swagger UI has its own scripts, styles and icons, and talks to this service alone.
const POLICY_OF_SWAGGER_UI: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

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
    let response = next.call(request).await?;
    let response = match preflight {
        Some(id) => answered_preflight(response, &id),
        None => response.map_into_left_body(),
    };
    let mut response = compressed(response, &method, accepted.as_ref());
    let is_swagger_ui = response.request().path().starts_with("/swagger-ui");
    guard(response.headers_mut(), if is_swagger_ui { POLICY_OF_SWAGGER_UI } else { POLICY_OF_DATA });
    Ok(response)
}

/// Adds the security headers that a page has not set itself.
fn guard(headers: &mut HeaderMap, policy: &'static str) {
    let all = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in all {
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

/// Compresses a long answer in the encoding that the client prefers. Pages stay as they are: they mix secrets with what
/// visitors send, and their compressed length would tell about the secret. So do answers with an ETag, which is one of the
/// bytes as they are.
fn compressed<B: MessageBody>(
    mut response: ServiceResponse<B>,
    method: &Method,
    accepted: Option<&AcceptEncoding>,
) -> ServiceResponse<EitherBody<Encoder<B>, B>> {
    let headers = response.headers();
    // The answer to HEAD tells the length of the body that it leaves out.
    let told = || headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse::<u64>().ok();
    let is_long = match response.response().body().size() {
        BodySize::Sized(bytes) => bytes >= COMPRESSED_BYTES_MIN,
        BodySize::Stream => told().is_none_or(|bytes| bytes >= COMPRESSED_BYTES_MIN),
        BodySize::None => false,
    };
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_text = ["application/json", "text/csv", "text/plain"].iter().any(|start| media.starts_with(start))
        || response.request().path().starts_with("/swagger-ui") && !media.starts_with("image/");
    if !is_long || !is_text || headers.contains_key(ETAG) {
        return response.map_into_right_body();
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    let Some(accepted) = accepted.filter(|_| *method != Method::HEAD) else {
        return response.map_into_right_body();
    };
    let supported = [Encoding::identity(), Encoding::brotli(), Encoding::zstd(), Encoding::gzip()];
    let encoding = match accepted.negotiate(supported.iter()) {
        Some(Encoding::Known(encoding)) => encoding,
        _ => ContentEncoding::Identity,
    };
    response.map_body(|head, body| EitherBody::left(Encoder::response(encoding, head, body)))
}
