//! Renders pages of the console, and pages for what went wrong.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use askama::Template;

use super::ask::No;
use super::frame::Frame;
use super::texts::texts;
use super::visit::Visit;
use crate::domain::entrypoints::theme::Language;
use crate::store::StoreError;
use crate::web::PageError;
use crate::web::page::guarded;

/// Allows our own style sheet and script, and what the script fetches here; nothing from elsewhere, nothing inline, no framing.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The answer of a page, or why there is no page.
pub(super) type Shown = Result<HttpResponse, Refused>;

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Refused {
    /// There is no such page, or the member may not see what it is about.
    NotFound,
    /// The member's role lacks a right; what the API says.
    Forbidden(String),
    /// Another site made the form, or the browser has lost its cookie since.
    OldForm,
    /// The form or the file is too large.
    TooLarge,
    /// Too many requests.
    Busy,
    /// The database is unavailable.
    Unavailable,
    /// The API refused it for another reason; what it says.
    Other(String),
    /// A defect.
    Defect(String),
}

impl From<No> for Refused {
    fn from(no: No) -> Refused {
        match no.status {
            404 | 405 => Refused::NotFound,
            401 | 403 => Refused::Forbidden(no.message),
            413 => Refused::TooLarge,
            429 => Refused::Busy,
            502..=504 => Refused::Unavailable,
            400..=499 => Refused::Other(no.message),
            _ => Refused::Defect(no.message),
        }
    }
}

impl From<PageError> for Refused {
    fn from(error: PageError) -> Refused {
        match error {
            PageError::NotFound => Refused::NotFound,
            PageError::OldForm => Refused::OldForm,
            PageError::TooLarge => Refused::TooLarge,
            PageError::Busy => Refused::Busy,
            PageError::Unavailable => Refused::Unavailable,
            PageError::Defect(message) => Refused::Defect(message),
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Refused {
        match error {
            StoreError::Rejected(_) => Refused::NotFound,
            StoreError::Busy | StoreError::Slow | StoreError::Unavailable(_) => Refused::Unavailable,
            error => Refused::Defect(error.to_string()),
        }
    }
}

impl From<askama::Error> for Refused {
    fn from(error: askama::Error) -> Refused {
        Refused::Defect(error.to_string())
    }
}

impl From<actix_web::error::HttpError> for Refused {
    fn from(error: actix_web::error::HttpError) -> Refused {
        Refused::Defect(error.to_string())
    }
}

/// A page with a message.
#[derive(Template)]
#[template(path = "console/message.html")]
struct MessagePage<'a> {
    frame: Frame,
    title: &'a str,
    lead: &'a str,
    /// What else is said, in the words of the API.
    more: &'a str,
}

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

/// The page of an error. Without a visit it is plain.
pub(super) fn refusal(visit: Option<&Visit>, refused: &Refused) -> HttpResponse {
    let texts = texts(visit.map_or(Language::English, |visit| visit.language));
    let (status, title, lead) = match refused {
        Refused::NotFound => (StatusCode::NOT_FOUND, texts.not_found, texts.not_found_lead),
        Refused::Forbidden(_) => (StatusCode::FORBIDDEN, texts.forbidden, texts.forbidden_lead),
        Refused::OldForm => (StatusCode::FORBIDDEN, texts.old_form, texts.old_form_lead),
        Refused::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, texts.too_large, texts.too_large_lead),
        Refused::Busy => (StatusCode::TOO_MANY_REQUESTS, texts.busy, texts.busy_lead),
        Refused::Unavailable => {
            (StatusCode::SERVICE_UNAVAILABLE, texts.unavailable, texts.unavailable_lead)
        }
        Refused::Other(_) => (StatusCode::CONFLICT, texts.refused, texts.refused_lead),
        Refused::Defect(message) => {
            tracing::error!(error = %message, "a page of the console failed");
            (StatusCode::INTERNAL_SERVER_ERROR, texts.defect, texts.defect_lead)
        }
    };
    let more = match refused {
        Refused::Forbidden(message) | Refused::Other(message) => message.as_str(),
        _ => "",
    };
    let page = match visit {
        Some(visit) => html(status, &MessagePage { frame: visit.plain_frame(title), title, lead, more }),
        None => Err(Refused::NotFound),
    };
    let mut response = page.unwrap_or_else(|_| ours(HttpResponse::build(status).body(lead)));
    if [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&status) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(1));
    }
    response
}
