//! What every page shares: the entrypoint it belongs to, its language, its headers, its problems.

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::http::header::{AcceptLanguage, CACHE_CONTROL, CONTENT_TYPE, Header as _, LOCATION};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::form::{self, FORM_COOKIE, Form, SESSION_COOKIE};
use super::texts::{Texts, texts};
use super::theme;
use super::{PageError, Portal};
use crate::domain::entrypoints::Entrypoint;
use crate::domain::entrypoints::theme::Language;
use crate::store::Found;
use crate::vault::new_secret;

/// Nothing but our own style sheet and mark: no script, nothing from elsewhere, in no frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";

/// One request for a page of an entrypoint.
pub(super) struct Visit<'a> {
    pub(super) portal: &'a Portal,
    pub(super) request: &'a HttpRequest,
    pub(super) entrypoint: Entrypoint,
    pub(super) language: Language,
    /// Where the entrypoint's pages are.
    pub(super) base: String,
}

/// A customer who is signed in.
pub(super) struct SignedIn {
    pub(super) token: String,
    pub(super) found: Found,
    /// What this session's forms carry.
    pub(super) csrf: String,
}

/// What the frame around every page shows.
pub(super) struct Frame {
    pub(super) texts: &'static Texts,
    pub(super) base: String,
    pub(super) store: String,
    pub(super) initial: String,
    /// The token of the form that signs out, where somebody is signed in.
    pub(super) sign_out: Option<String>,
    /// Whether the page tells of an error.
    pub(super) is_wrong: bool,
}

/// Something to mend in a form.
#[derive(Debug, Clone)]
pub(super) struct FieldProblem {
    /// The field's name in the form; empty for the form as a whole.
    pub(super) field: String,
    pub(super) label: &'static str,
    pub(super) text: String,
}

/// The problems of a form as it is shown again.
#[derive(Debug, Clone, Default)]
pub(super) struct Checked {
    pub(super) problems: Vec<FieldProblem>,
}

impl Checked {
    /// The problems of a field.
    pub(super) fn of(&self, field: &str) -> Vec<&FieldProblem> {
        self.problems.iter().filter(|problem| problem.field == field).collect()
    }

    /// One more.
    pub(super) fn add(&mut self, field: &str, label: &'static str, text: impl Into<String>) {
        self.problems.push(FieldProblem { field: field.to_owned(), label, text: text.into() });
    }
}

/// The language that a browser asks for among ours, if it does.
fn asked_language(request: &HttpRequest) -> Option<Language> {
    let asked = AcceptLanguage::parse(request).ok()?;
    asked.ranked().iter().find_map(|preference| {
        let tag = preference.item()?.to_string();
        tag.split('-').next()?.parse().ok()
    })
}

impl<'a> Visit<'a> {
    /// Finds the entrypoint of a request.
    ///
    /// # Errors
    /// [`PageError::NotFound`] where there is none of that name.
    pub(super) async fn new(portal: &'a Portal, request: &'a HttpRequest) -> Result<Visit<'a>, PageError> {
        let entry = request.match_info().query("entry");
        let (id, _) = portal.store.find_entry(entry).await?.ok_or(PageError::NotFound)?;
        let settings = portal.store.entrypoint_settings(id).await?.ok_or(PageError::NotFound)?;
        let entrypoint = settings.entrypoint;
        let language = asked_language(request).unwrap_or(entrypoint.theme.language);
        let base = format!("{}/portal/{}", portal.settings.base_path, entrypoint.entry);
        Ok(Visit { portal, request, entrypoint, language, base })
    }

    pub(super) fn texts(&self) -> &'static Texts {
        texts(self.language)
    }

    /// The customer who is signed in, if one is.
    pub(super) async fn signed_in(&self) -> Result<Option<SignedIn>, PageError> {
        let Some(token) = form::cookie(self.request, SESSION_COOKIE) else { return Ok(None) };
        let store = &self.portal.store;
        let limits = self.portal.settings.session;
        let Some(found) = store.portal_session(self.entrypoint.id, token.clone(), limits).await? else {
            return Ok(None);
        };
        let csrf = form::token_text(store.form_token(token.clone()).await?);
        Ok(Some(SignedIn { token, found, csrf }))
    }

    /// The token for the forms of somebody who is not signed in, and the cookie it is bound to where that is new.
    pub(super) async fn form_token(&self) -> Result<(String, Option<Cookie<'static>>), PageError> {
        let (secret, cookie) = match form::cookie(self.request, FORM_COOKIE) {
            Some(secret) => (secret, None),
            None => {
                let secret = new_secret().map_err(|error| PageError::Defect(error.to_string()))?.to_string();
                let cookie = self.cookie(FORM_COOKIE, secret.clone());
                (secret, Some(cookie))
            }
        };
        Ok((form::token_text(self.portal.store.form_token(secret).await?), cookie))
    }

    /// Refuses a form of somebody who is not signed in unless it is one of ours, made for this browser.
    pub(super) async fn check_form(&self, form: &Form) -> Result<(), PageError> {
        let secret = form::cookie(self.request, FORM_COOKIE).ok_or(PageError::OldForm)?;
        let token = form::token_text(self.portal.store.form_token(secret).await?);
        check_token(form, &token)
    }

    pub(super) fn cookie(&self, name: &'static str, value: String) -> Cookie<'static> {
        form::new_cookie(name, value, &self.base, self.portal.settings.is_secure)
    }

    /// The frame of a page.
    pub(super) fn frame(&self, signed_in: Option<&SignedIn>) -> Frame {
        let store = self.entrypoint.store_name();
        Frame {
            texts: self.texts(),
            base: self.base.clone(),
            store: store.to_owned(),
            initial: theme::initial(store),
            sign_out: signed_in.map(|signed_in| signed_in.csrf.clone()),
            is_wrong: false,
        }
    }

    /// On to another page of this entrypoint, after a form was done: addresses never come from a request.
    pub(super) fn go_to(&self, page: &str) -> HttpResponse {
        let mut response = HttpResponse::SeeOther();
        response.insert_header((LOCATION, format!("{}{page}", self.base)));
        guarded(response.finish())
    }

    /// As [`Visit::go_to`], with a cookie.
    pub(super) fn go_with_cookie(&self, page: &str, cookie: &Cookie<'_>) -> Result<HttpResponse, PageError> {
        let mut response = self.go_to(page);
        response.add_cookie(cookie).map_err(|error| PageError::Defect(error.to_string()))?;
        Ok(response)
    }
}

/// Refuses a form whose token is not the one it must have.
///
/// # Errors
/// [`PageError::OldForm`].
pub(super) fn check_token(form: &Form, token: &str) -> Result<(), PageError> {
    // Hashes are compared, so that the time says nothing about the token.
    let hashed = crate::vault::secret_hash;
    if hashed(form.get("csrf")) == hashed(token) { Ok(()) } else { Err(PageError::OldForm) }
}

/// A page as HTML.
///
/// # Errors
/// A template that fails, which none does.
pub(super) fn html(status: StatusCode, page: &impl Template) -> Result<HttpResponse, PageError> {
    let text = page.render().map_err(|error| PageError::Defect(error.to_string()))?;
    let mut response = HttpResponse::build(status);
    response.insert_header((CONTENT_TYPE, "text/html; charset=utf-8"));
    Ok(guarded(response.body(text)))
}

/// A page with a form: bound to a cookie where that is new, and marked where it tells of problems.
///
/// # Errors
/// As [`html`].
pub(super) fn form_page(
    page: &impl Template,
    is_wrong: bool,
    cookie: Option<Cookie<'_>>,
) -> Result<HttpResponse, PageError> {
    let status = if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut response = html(status, page)?;
    if let Some(cookie) = cookie {
        response.add_cookie(&cookie).map_err(|error| PageError::Defect(error.to_string()))?;
    }
    Ok(response)
}

/// The headers of every answer of the portal.
pub(super) fn guarded(mut response: HttpResponse) -> HttpResponse {
    use actix_web::http::header::{HeaderName, HeaderValue};
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
