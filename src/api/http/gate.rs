//! The first and last step of every request. The first step handles id, canonical path and token; the last step handles
//! error body, HEAD, log line and metrics.

use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{ALLOW, HeaderName, HeaderValue, LOCATION};
use actix_web::http::{Method, Uri};
use actix_web::middleware::Next;
use actix_web::rt;
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpResponse};

use super::allowance::Allowance;
use super::auth::{Admitted, Caller};
use super::connections::Connection;
use super::deadlines;
use super::error::Error;
use super::head::without_body_for_head;
use super::meters;
use super::pieces::Pieces;
use super::routes::{Routed, Routes, named_by};
use super::state::App;
use crate::domain::kernel::card;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The maximum length of a request id from a client, in characters.
const REQUEST_ID_CHARS_MAX: usize = 128;
/// A larger body is written in pieces.
const WHOLE_BYTES_MAX: u64 = 64 * 1024;
/// The routes whose bodies are files.
const UPLOAD: &str = "/api/Import/customersForm/{entry}";
const PAYMENT_UPLOAD: &str = "/api/Import/transactionsForm/{entry}";
/// The route whose bodies may have any number of lines.
const LINES: &str = "/api/Transaction/{entry}";

/// The middleware around all routes.
///
/// # Errors
/// None: the gate renders every error.
pub(crate) async fn gate(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let started = Instant::now();
    let request_id = request_id(&request);
    let method = request.method().clone();
    let routes = request.app_data::<Data<Routes>>().cloned();
    let routed = routes.as_ref().map_or(Routed::NotFound, |routes| routes.find(request.path(), &method));
    if routed.needs_token()
        && let Some(app) = request.app_data::<Data<App>>()
    {
        app.guard.wait_until_informed().await;
    }
    let is_file = matches!(&routed, Routed::Found { template, .. } if [UPLOAD, PAYMENT_UPLOAD, LINES].contains(&template.as_ref()));
    let unread = deadlines::limit(&mut request, is_file);
    let mut route = "unknown";
    let mut admitted = None;
    let mut allowance = None;
    let is_surplus = request.request().conn_data::<Connection>().is_some_and(Connection::is_surplus);
    let result = if is_surplus && !routed.is_health() {
        Err(Error::Unavailable)
    } else {
        admit(&mut request, &routed)
    };
    let refused = match result {
        Ok((caller, left)) => {
            allowance = left;
            if method == Method::HEAD {
                request.head_mut().method = Method::GET;
            }
            if let Routed::Found { template, canonical, .. } = &routed {
                route = template.as_ref();
                if let Some(caller) = caller {
                    admitted = Some(caller.clone());
                    request.extensions_mut().insert(Admitted {
                        caller,
                        route: Arc::clone(template),
                        is_head: method == Method::HEAD,
                    });
                }
                if let Some(canonical) = canonical {
                    rewrite(&mut request, canonical);
                }
            }
            None
        }
        Err(error) => Some(error),
    };
    let told = |error| rendered(&explained(error, route, admitted.as_ref()), &request_id);
    let mut longest = Duration::ZERO;
    let response = match (refused, &routed) {
        (Some(error), _) => {
            unread.discard_soon().await;
            request.into_response(told(error)).map_into_right_body()
        }
        (None, Routed::Redirect(place)) => {
            let mut response = HttpResponse::PermanentRedirect();
            response.insert_header((LOCATION, place.as_str()));
            request.into_response(response.finish()).map_into_right_body()
        }
        (None, _) => {
            let handler = measured(next.call(request));
            let (response, busy) = if method.is_safe() {
                handler.await
            } else {
                // Whoever goes away leaves nothing half done: a change goes on to its end.
                rt::spawn(handler).await.unwrap_or_else(|error| resume_unwind(error.into_panic()))
            };
            longest = busy;
            let response = response?;
            match error_of(&response) {
                Some(error) => {
                    unread.discard().await;
                    response.into_response(told(error)).map_into_right_body()
                }
                None => response.map_into_left_body(),
            }
        }
    };
    let mut response = without_body_for_head(response, &method);
    if let Some(allowance) = allowance {
        for (name, value) in allowance.headers() {
            response.headers_mut().insert(name, value);
        }
    }
    let token_name = admitted.as_ref().map_or("", |caller| caller.claims().logged_name());
    // The path of a page may hold a secret, so log its pattern instead.
    let page = response.request().match_pattern().filter(|_| matches!(routed, Routed::Page));
    let response = finish(
        response,
        &request_id,
        &method,
        page.as_deref().unwrap_or(route),
        token_name,
        started,
        longest,
    );
    Ok(response.map_body(|_, body| in_pieces(body)))
}

/// What a handler answers, and how long it kept its thread from other requests at a time.
async fn measured<T>(handler: impl Future<Output = T>) -> (T, Duration) {
    let mut handler = pin!(handler);
    let mut longest = Duration::ZERO;
    let answer = poll_fn(|context| {
        let begun = Instant::now();
        let polled = handler.as_mut().poll(context);
        longest = longest.max(begun.elapsed());
        polled
    });
    (answer.await, longest)
}

/// The body, in pieces if it is large.
fn in_pieces<B: MessageBody>(body: B) -> EitherBody<B, Pieces> {
    match body.size() {
        BodySize::Sized(size) if size > WHOLE_BYTES_MAX => match body.try_into_bytes() {
            Ok(bytes) => EitherBody::right(Pieces(bytes)),
            Err(body) => EitherBody::left(body),
        },
        _ => EitherBody::left(body),
    }
}

/// Checks the token if the path needs one, then whether the path exists (rules 1).
fn admit(
    request: &mut ServiceRequest,
    routed: &Routed<'_>,
) -> Result<(Option<Caller>, Option<Allowance>), Error> {
    let (mut caller, mut allowance) = (None, None);
    if routed.needs_token() {
        let app =
            request.app_data::<Data<App>>().ok_or_else(|| Error::Internal("no application state".into()))?;
        // Only pages of this process put a caller there.
        let known = request.extensions().get::<Caller>().cloned();
        (caller, allowance) = match known {
            Some(known) => (Some(known), None),
            None => {
                let (found, left) = app.guard.authenticate(&app.store, request.headers())?;
                (Some(found), left)
            }
        };
    }
    match routed {
        Routed::Found { .. } | Routed::Elsewhere | Routed::Page | Routed::Redirect(_) => {
            Ok((caller, allowance))
        }
        Routed::WrongMethod { allow, .. } => Err(Error::MethodNotAllowed(allow.clone())),
        Routed::NotFound | Routed::NotFoundProtected => Err(Error::NoRoute),
    }
}

/// The request id of the client if it is harmless, otherwise a new one.
pub(super) fn request_id(request: &ServiceRequest) -> String {
    let sent = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let harmless = |text: &&str| {
        !text.is_empty()
            && text.len() <= REQUEST_ID_CHARS_MAX
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
            // It is logged and repeated.
            && !card::holds(text)
    };
    sent.filter(harmless).map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned)
}

/// Rewrites a request to the canonical spelling of its path.
fn rewrite(request: &mut ServiceRequest, path: &str) {
    let address = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    if let Ok(uri) = address.parse::<Uri>() {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
}

/// An error with what only the gate knows: the route that found nothing, and the token that lacks something.
fn explained(error: Error, route: &str, caller: Option<&Caller>) -> Error {
    match (error, caller) {
        (Error::NotFound, _) => Error::NoSuch(named_by(route)),
        (Error::Forbidden(what), Some(caller)) => Error::Lacks { what, command: caller.command_with(what) },
        (error, _) => error,
    }
}

/// The error in a response, if there is one: ours, the framework's own, or a bare status of either.
fn error_of<B: MessageBody>(response: &ServiceResponse<B>) -> Option<Error> {
    let Some(error) = response.response().error() else {
        let is_empty = matches!(response.response().body().size(), BodySize::None | BodySize::Sized(0));
        return match response.status().as_u16() {
            404 if is_empty => Some(Error::NoRoute),
            405 if is_empty => {
                let allow = response.headers().get(ALLOW).and_then(|value| value.to_str().ok());
                Some(Error::MethodNotAllowed(allow.unwrap_or("GET, HEAD, POST").to_owned()))
            }
            400.. if is_empty => Some(Error::Internal(format!("a bare {}", response.status()))),
            _ => None,
        };
    };
    if let Some(own) = error.as_error::<Error>() {
        return Some(own.clone());
    }
    let status = error.as_response_error().status_code();
    Some(match status.as_u16() {
        413 => Error::TooLarge(super::body::JSON_BYTES_MAX),
        400..=499 => Error::NotFound,
        _ => Error::Internal(error.to_string()),
    })
}

fn rendered(error: &Error, request_id: &str) -> HttpResponse {
    if let Error::Internal(message) = error {
        tracing::error!(request_id, error = %message, "a defect");
    }
    error.render(request_id)
}

fn finish<B>(
    mut response: ServiceResponse<B>,
    request_id: &str,
    method: &Method,
    route: &str,
    token: &str,
    started: Instant,
    longest: Duration,
) -> ServiceResponse<B> {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let status = response.status().as_u16();
    let elapsed = started.elapsed();
    meters::count(route, method, status, elapsed, longest);
    let duration_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    tracing::info!(request_id, method = meters::label(method), route, status, duration_us, token, "request");
    response
}
