//! Renders pages of the console.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use askama::Template;

pub(super) use super::refused::{Refused, Shown};
use crate::web::page::guarded;

/// Allows our own style sheet and script, and what the script fetches here; nothing from elsewhere, nothing inline, no framing.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Adds the headers of every page.
pub(super) fn ours(response: HttpResponse) -> HttpResponse {
    let mut response = guarded(response);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

/// Renders a page.
///
/// # Errors
/// A template error, which never occurs.
pub(super) fn html(status: StatusCode, page: &impl Template) -> Shown {
    let text = page.render()?;
    let mut response = HttpResponse::build(status);
    response.insert_header((CONTENT_TYPE, "text/html; charset=utf-8"));
    Ok(ours(response.body(text)))
}
