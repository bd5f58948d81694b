//! A request for a page: its entrypoint, its language and the signed-in customer.

use actix_web::cookie::Cookie;
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse};

use super::Portal;
use super::texts::{Texts, texts};
use crate::domain::accounts::sight::Sight;
use crate::domain::accounts::sign_in::customer_actor;
use crate::domain::decide::command::{Action, Command, Outcome};
use crate::domain::entrypoints::Entrypoint;
use crate::domain::entrypoints::theme::Language;
use crate::store::{Found, StoreError};
use crate::vault::new_secret;
use crate::web::form::{self, FORM_COOKIE, Form};
use crate::web::page::{Frame, SignOut, guarded};
use crate::web::texts::asked_language;
use crate::web::{PageError, PageResult};

/// The session cookie of a signed-in customer.
pub(super) const SESSION_COOKIE: &str = "customary_session";

/// A request for a page of an entrypoint.
pub(super) struct Visit<'a> {
    pub(super) portal: &'a Portal,
    pub(super) request: &'a HttpRequest,
    pub(super) entrypoint: Entrypoint,
    pub(super) language: Language,
    /// The path of the entrypoint's pages.
    pub(super) base: String,
    /// The path of the pages that get the cookies of this one.
    cookie_path: String,
}

/// A signed-in customer.
pub(super) struct SignedIn {
    pub(super) token: String,
    pub(super) found: Found,
    /// The token for the forms of this session.
    pub(super) csrf: String,
}

impl<'a> Visit<'a> {
    /// Finds the entrypoint of a request.
    ///
    /// # Errors
    /// [`PageError::NotFound`] if there is no entrypoint with that name.
    pub(super) async fn new(portal: &'a Portal, request: &'a HttpRequest) -> Result<Visit<'a>, PageError> {
        let entry = request.match_info().query("entry");
        let (id, _) = portal.store.entrypoints().find(entry).await?.ok_or(PageError::NotFound)?;
        let settings = portal.store.entrypoints().settings(id).await?.ok_or(PageError::NotFound)?;
        let entrypoint = settings.entrypoint;
        let language = asked_language(request).unwrap_or(entrypoint.theme.language);
        let base = format!("{}/portal/{}", portal.settings.base_path, entrypoint.entry);
        // A cookie of the portal does not come along to the pages of requests, which lie elsewhere.
        let is_pay = request.match_pattern().is_some_and(|pattern| pattern.starts_with("/pay/"));
        let cookie_path = if is_pay {
            format!("{}/pay/{}", portal.settings.base_path, entrypoint.entry)
        } else {
            base.clone()
        };
        Ok(Visit { portal, request, entrypoint, language, base, cookie_path })
    }

    /// The same visit in another language.
    pub(super) fn in_language(&self, language: Language) -> Visit<'a> {
        Visit {
            portal: self.portal,
            request: self.request,
            entrypoint: self.entrypoint.clone(),
            language,
            base: self.base.clone(),
            cookie_path: self.cookie_path.clone(),
        }
    }

    pub(super) fn texts(&self) -> &'static Texts {
        texts(self.language)
    }

    /// The signed-in customer, if there is one.
    pub(super) async fn signed_in(&self) -> Result<Option<SignedIn>, PageError> {
        let Some(token) = self.sent_cookie(SESSION_COOKIE) else { return Ok(None) };
        let store = &self.portal.store;
        let limits = self.portal.settings.session;
        let Some(found) = store.accounts().session(self.entrypoint.id, token.clone(), limits).await? else {
            return Ok(None);
        };
        let csrf = form::token_text(store.accounts().form_token(token.clone()).await?);
        Ok(Some(SignedIn { token, found, csrf }))
    }

    /// Does something in the name of a customer.
    pub(super) async fn act(&self, action: Action) -> Result<Outcome, StoreError> {
        let command = Command {
            entrypoint_id: self.entrypoint.id,
            actor: customer_actor(),
            sight: Sight::FULL,
            idempotency: None,
            action,
        };
        let answer = self.portal.store.customers().write(command).await?;
        Ok(answer.seen_by(Sight::FULL).outcome)
    }

    /// Whether somebody takes payment methods at this entrypoint.
    pub(super) fn takes_methods(&self) -> bool {
        self.entrypoint.takes_methods(self.portal.settings.has_provider)
    }

    /// Whether somebody takes payments at this entrypoint.
    pub(super) fn takes_payments(&self) -> bool {
        self.entrypoint.takes_payments(self.portal.settings.has_provider)
    }

    /// The token for forms of a visitor who is not signed in, and its cookie if the cookie is new.
    pub(super) async fn form_token(&self) -> Result<(String, Option<Cookie<'static>>), PageError> {
        let (secret, cookie) = match self.sent_cookie(FORM_COOKIE) {
            Some(secret) => (secret, None),
            None => {
                let secret = new_secret().map_err(|error| PageError::Defect(error.to_string()))?.to_string();
                let cookie = self.cookie(FORM_COOKIE, secret.clone());
                (secret, Some(cookie))
            }
        };
        Ok((form::token_text(self.portal.store.accounts().form_token(secret).await?), cookie))
    }

    /// Refuses a form of such a visitor unless this service made it for this browser.
    pub(super) async fn check_form(&self, form: &Form) -> Result<(), PageError> {
        let secret = self.sent_cookie(FORM_COOKIE).ok_or(PageError::OldForm)?;
        let token = form::token_text(self.portal.store.accounts().form_token(secret).await?);
        form.check(&token)
    }

    /// The value of one of our cookies, if the browser sent it.
    pub(super) fn sent_cookie(&self, kind: &str) -> Option<String> {
        form::cookie(self.request, &self.cookie_name(kind))
    }

    /// The name of a cookie. Over an encrypted connection it begins with `__Host-`: browsers then take it from this very host
    /// alone, not from its subdomains or an unencrypted page. Such a cookie has no path, so its name holds the entrypoint.
    fn cookie_name(&self, kind: &str) -> String {
        if self.portal.settings.is_secure {
            format!("__Host-{kind}-{}", self.entrypoint.entry)
        } else {
            kind.to_owned()
        }
    }

    /// A cookie for the pages of this entrypoint.
    pub(super) fn cookie(&self, kind: &str, value: String) -> Cookie<'static> {
        let is_secure = self.portal.settings.is_secure;
        let path = if is_secure { "/" } else { &self.cookie_path };
        form::new_cookie(self.cookie_name(kind), value, path, is_secure)
    }

    /// The frame of a page.
    pub(super) fn frame(&self, signed_in: Option<&SignedIn>) -> Frame {
        let texts = self.texts();
        let mut frame = Frame::new(&self.entrypoint, self.language, self.base.clone(), texts.portal_of);
        let form = |signed_in: &SignedIn| SignOut { csrf: signed_in.csrf.clone(), label: texts.sign_out };
        frame.sign_out = signed_in.map(form);
        frame
    }

    /// A parameter of the query.
    pub(super) fn asked(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.request.query_string().as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The address of a page of the portal, for a link that leaves this service and comes back.
    pub(super) fn address(&self, page: &str) -> String {
        format!("{}/portal/{}{page}", self.portal.settings.public_url, self.entrypoint.entry)
    }

    /// Redirects to the page of a request's link.
    pub(super) fn go_to_link(&self, token: &str) -> HttpResponse {
        let path = format!("{}/pay/{}/{token}", self.portal.settings.base_path, self.entrypoint.entry);
        guarded(HttpResponse::SeeOther().insert_header((LOCATION, path)).finish())
    }

    /// Redirects to another page of this entrypoint; the target never comes from a request.
    pub(super) fn go_to(&self, page: &str) -> HttpResponse {
        let mut response = HttpResponse::SeeOther();
        response.insert_header((LOCATION, format!("{}{page}", self.base)));
        guarded(response.finish())
    }

    /// Same as [`Visit::go_to`], with a cookie.
    pub(super) fn go_with_cookie(&self, page: &str, cookie: &Cookie<'_>) -> PageResult {
        let mut response = self.go_to(page);
        response.add_cookie(cookie)?;
        Ok(response)
    }
}
