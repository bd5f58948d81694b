//! The pages for what went wrong.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use askama::Template;

use super::frame::Frame;
use super::page::{Refused, html, ours};
use super::texts::texts;
use super::visit::Visit;
use crate::domain::entrypoints::theme::Language;

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

/// The page of an error. Without a visit it is plain.
pub(super) fn refusal(visit: Option<&Visit>, refused: &Refused) -> HttpResponse {
    let texts = texts(visit.map_or(Language::English, |visit| visit.language));
    let (status, title, lead) = match refused {
        Refused::NotFound => (StatusCode::NOT_FOUND, texts.not_found, texts.not_found_lead),
        Refused::Forbidden(_) => (StatusCode::FORBIDDEN, texts.forbidden, texts.forbidden_lead),
        Refused::OldForm => (StatusCode::FORBIDDEN, texts.old_form, texts.old_form_lead),
        Refused::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, texts.too_large, texts.too_large_lead),
        Refused::Busy => (StatusCode::TOO_MANY_REQUESTS, texts.busy, texts.busy_lead),
        Refused::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, texts.unavailable, texts.unavailable_lead),
        Refused::Other(_) => (StatusCode::CONFLICT, texts.refused, texts.refused_lead),
        Refused::Defect(message) => {
            tracing::error!(error = %message, "a page of the console failed");
            (StatusCode::INTERNAL_SERVER_ERROR, texts.defect, texts.defect_lead)
        }
    };
    if let Refused::Forbidden(message) = refused {
        // What a token lacks says nothing to a member, whom the lead tells what to do.
        tracing::debug!(%message, "a page of the console was refused");
    }
    let more = match refused {
        Refused::Other(message) => message.as_str(),
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
