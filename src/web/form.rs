//! Forms, cookies, and the check that this service made a form.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Payload;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::StreamExt as _;
use zeroize::Zeroizing;

use super::PageError;
use crate::vault::secret_hash;

/// The maximum size of a form, in bytes.
const FORM_BYTES_MAX: usize = 64 * 1024;
/// The cookie that binds the forms of visitors who are not signed in.
pub(crate) const FORM_COOKIE: &str = "customary_form";
/// The length of our secrets in cookies and addresses, in characters.
const SECRET_CHARS: usize = 43;

/// A submitted form.
pub(crate) struct Form(Vec<(String, Zeroizing<String>)>);

impl Form {
    /// Reads a form.
    pub(crate) async fn read(request: &HttpRequest, mut payload: Payload) -> Result<Form, PageError> {
        let media =
            request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim();
        if !media.eq_ignore_ascii_case("application/x-www-form-urlencoded") || is_from_elsewhere(request) {
            return Err(PageError::OldForm);
        }
        let mut bytes = Zeroizing::new(Vec::new());
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| PageError::OldForm)?;
            if bytes.len() + chunk.len() > FORM_BYTES_MAX {
                return Err(PageError::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        let pairs = form_urlencoded::parse(&bytes);
        Ok(Form(pairs.map(|(name, value)| (name.into_owned(), Zeroizing::new(value.into_owned()))).collect()))
    }

    /// A form that was read in another way.
    pub(crate) const fn of(pairs: Vec<(String, Zeroizing<String>)>) -> Form {
        Form(pairs)
    }

    /// The values of a field that may stand several times.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The value of a field; empty if the form lacks the field.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value)
    }

    /// Refuses a form without the right token.
    ///
    /// # Errors
    /// [`PageError::OldForm`].
    pub(crate) fn check(&self, token: &str) -> Result<(), PageError> {
        // Compare hashes, so that the time reveals nothing about the token.
        if secret_hash(self.get("csrf")) == secret_hash(token) { Ok(()) } else { Err(PageError::OldForm) }
    }

    /// Whether the form has a field.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(given, _)| given == name)
    }
}

/// Whether the browser reports that another site sent the form.
pub(crate) fn is_from_elsewhere(request: &HttpRequest) -> bool {
    let site = request.headers().get("sec-fetch-site").and_then(|value| value.to_str().ok());
    !matches!(site, None | Some("same-origin" | "none"))
}

/// One of our cookies, if its value has the right shape.
pub(crate) fn cookie(request: &HttpRequest, name: &str) -> Option<String> {
    request.cookie(name).map(|cookie| cookie.value().to_owned()).filter(|value| is_secret(value))
}

/// Whether a text has the shape of our secrets.
pub(crate) fn is_secret(text: &str) -> bool {
    text.len() == SECRET_CHARS
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A cookie for the pages below a path, hidden from scripts.
pub(crate) fn new_cookie(name: String, value: String, path: &str, is_secure: bool) -> Cookie<'static> {
    Cookie::build(name, value)
        .path(path.to_owned())
        .http_only(true)
        .secure(is_secure)
        .same_site(SameSite::Lax)
        .finish()
}

/// The text of a form token.
pub(crate) fn token_text(token: [u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(token)
}

/// A problem of a field.
#[derive(Debug, Clone)]
pub(crate) struct FieldProblem {
    /// The name of the field in the form; empty for the form as a whole.
    pub(crate) field: String,
    pub(crate) label: &'static str,
    pub(crate) text: &'static str,
}

/// The problems to show with a form.
#[derive(Debug, Clone, Default)]
pub(crate) struct Checked {
    pub(crate) problems: Vec<FieldProblem>,
}

impl Checked {
    /// The problems of a field.
    pub(crate) fn of(&self, field: &str) -> Vec<&FieldProblem> {
        self.problems.iter().filter(|problem| problem.field == field).collect()
    }

    /// Adds a problem.
    pub(crate) fn add(&mut self, field: &str, label: &'static str, text: &'static str) {
        self.problems.push(FieldProblem { field: field.to_owned(), label, text });
    }

    /// Whether there is any problem.
    pub(crate) fn is_wrong(&self) -> bool {
        !self.problems.is_empty()
    }
}
