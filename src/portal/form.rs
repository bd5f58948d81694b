//! What browsers send: forms, cookies, and the proof that a form is one of ours.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Payload;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::StreamExt as _;
use zeroize::Zeroizing;

use super::PageError;

/// The most bytes of a form.
const FORM_BYTES_MAX: usize = 64 * 1024;
/// The cookie of a customer who is signed in.
pub(super) const SESSION_COOKIE: &str = "customary_session";
/// The cookie that the forms of everybody else are bound to.
pub(super) const FORM_COOKIE: &str = "customary_form";
/// Characters of a secret of ours in a cookie or an address.
const SECRET_CHARS: usize = 43;

/// A submitted form.
pub(super) struct Form(Vec<(String, Zeroizing<String>)>);

impl Form {
    /// Reads a form.
    pub(super) async fn read(request: &HttpRequest, mut payload: Payload) -> Result<Form, PageError> {
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

    /// A field's value; empty where the form does not have it.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value)
    }

    /// Whether the form has a field.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(given, _)| given == name)
    }
}

/// Whether the browser itself says that another site sent this.
fn is_from_elsewhere(request: &HttpRequest) -> bool {
    let site = request.headers().get("sec-fetch-site").and_then(|value| value.to_str().ok());
    !matches!(site, None | Some("same-origin" | "none"))
}

/// A cookie of ours, where it has the shape of one.
pub(super) fn cookie(request: &HttpRequest, name: &str) -> Option<String> {
    request.cookie(name).map(|cookie| cookie.value().to_owned()).filter(|value| is_secret(value))
}

/// Whether a text has the shape of our secrets.
pub(super) fn is_secret(text: &str) -> bool {
    text.len() == SECRET_CHARS
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A cookie that only this entrypoint's pages get, and no script.
pub(super) fn new_cookie(name: &'static str, value: String, path: &str, is_secure: bool) -> Cookie<'static> {
    Cookie::build(name, value)
        .path(path.to_owned())
        .http_only(true)
        .secure(is_secure)
        .same_site(SameSite::Lax)
        .finish()
}

/// A form's token as it stands in the form.
pub(super) fn token_text(token: [u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(token)
}
