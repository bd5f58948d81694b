//! Pages: their frame, the headers of answers, and message pages, including errors.

use actix_web::HttpResponse;
use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use askama::Template;

use super::texts::{Texts, texts};
use super::theme::initial;
use super::{PageError, PageResult};
use crate::domain::entrypoints::Entrypoint;
use crate::domain::entrypoints::theme::Language;

/// Allows only our own style sheet and icon: no scripts, no other sites, no framing.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";

/// The frame around every page of an entrypoint.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) texts: &'static Texts,
    /// The path of the pages.
    pub(crate) base: String,
    pub(crate) store: String,
    pub(crate) initial: String,
    /// A short title of the pages.
    pub(crate) title: &'static str,
    /// The form that signs out, if somebody is signed in.
    pub(crate) sign_out: Option<SignOut>,
    /// Whether the page shows an error.
    pub(crate) is_wrong: bool,
}

/// A form that signs out.
#[derive(Debug)]
pub(crate) struct SignOut {
    pub(crate) csrf: String,
    pub(crate) label: &'static str,
}

impl Frame {
    /// The frame for pages of an entrypoint, whose paths begin with `base`.
    pub(crate) fn new(
        entrypoint: &Entrypoint,
        language: Language,
        base: String,
        title: &'static str,
    ) -> Frame {
        let store = entrypoint.store_name();
        Frame {
            texts: texts(language),
            base,
            store: store.to_owned(),
            initial: initial(store),
            title,
            sign_out: None,
            is_wrong: false,
        }
    }

    /// Marks a page that shows an error.
    pub(crate) fn wrong(self, is_wrong: bool) -> Frame {
        Frame { is_wrong, ..self }
    }
}

/// A page with a message.
#[derive(Template)]
#[template(path = "message.html")]
pub(crate) struct MessagePage<'a> {
    pub(crate) frame: Frame,
    pub(crate) title: &'a str,
    pub(crate) lead: &'a str,
    /// The link to the next page.
    pub(crate) next: Option<(String, &'a str)>,
    /// The link for whoever gives up.
    pub(crate) else_to: Option<(String, &'a str)>,
}

/// A message page without an entrypoint.
#[derive(Template)]
#[template(path = "plain.html")]
struct PlainPage<'a> {
    code: &'a str,
    /// The path of a style sheet; empty for none.
    style: &'a str,
    title: &'a str,
    lead: &'a str,
}

/// The page of an error: in the frame of an entrypoint, or in English without one.
pub(crate) fn refusal(frame: Option<Frame>, refused: &PageError) -> HttpResponse {
    let texts = frame.as_ref().map_or(texts(Language::English), |frame| frame.texts);
    let (status, title, lead) = match refused {
        PageError::NotFound => (StatusCode::NOT_FOUND, texts.not_found, texts.not_found_lead),
        PageError::OldForm => (StatusCode::FORBIDDEN, texts.old_form, texts.old_form_lead),
        PageError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, texts.too_large, texts.too_large_lead),
        PageError::Busy => (StatusCode::TOO_MANY_REQUESTS, texts.busy, texts.busy_lead),
        PageError::Unavailable => {
            (StatusCode::SERVICE_UNAVAILABLE, texts.unavailable, texts.unavailable_lead)
        }
        PageError::Defect(message) => {
            tracing::error!(error = %message, "a page failed");
            (StatusCode::INTERNAL_SERVER_ERROR, texts.unavailable, texts.unavailable_lead)
        }
    };
    let is_framed = frame.is_some();
    let page = match frame {
        Some(frame) => {
            let next = Some((frame.base.clone(), texts.start));
            html(status, &MessagePage { frame: frame.wrong(true), title, lead, next, else_to: None })
        }
        None => html(status, &PlainPage { code: texts.code, style: "", title, lead }),
    };
    let mut response = page.unwrap_or_else(|_| guarded(HttpResponse::build(status).finish()));
    let may_repeat = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    if is_framed && may_repeat {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(1));
    }
    response
}

/// A page of an error outside any entrypoint, in a language, with the style sheet at a path.
pub(crate) fn plain_refusal(
    status: StatusCode,
    language: Language,
    style: &str,
    (title, lead): (&str, &str),
) -> HttpResponse {
    let page = html(status, &PlainPage { code: texts(language).code, style, title, lead });
    page.unwrap_or_else(|_| guarded(HttpResponse::build(status).finish()))
}

/// Renders a page as HTML.
///
/// # Errors
/// A template error, which never occurs.
pub(crate) fn html(status: StatusCode, page: &impl Template) -> PageResult {
    let text = page.render()?;
    let mut response = HttpResponse::build(status);
    response.insert_header((CONTENT_TYPE, "text/html; charset=utf-8"));
    Ok(guarded(response.body(text)))
}

/// A page with a form. It sets the cookie if the cookie is new, and answers 422 if the form has problems.
///
/// # Errors
/// Same as [`html`].
pub(crate) fn form_page(page: &impl Template, is_wrong: bool, cookie: Option<Cookie<'_>>) -> PageResult {
    let status = if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut response = html(status, page)?;
    if let Some(cookie) = cookie {
        response.add_cookie(&cookie)?;
    }
    Ok(response)
}

/// Adds the headers of every page.
pub(crate) fn guarded(mut response: HttpResponse) -> HttpResponse {
    const HEADERS: [(&str, &str); 7] = [
        ("content-security-policy", CONTENT_SECURITY_POLICY),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ];
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}
