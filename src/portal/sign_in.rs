//! Sign-in and sign-out. Neither the answer nor its time shows whether a login name exists. Unknown names are counted,
//! delayed and locked like others, and every attempt verifies a password.

use std::time::Duration;

use actix_web::http::StatusCode;
use askama::Template;
use tokio::time::{Instant, sleep, sleep_until};

use super::texts::Texts;
use super::visit::{SESSION_COOKIE, Visit};
use crate::domain::accounts::sign_in::{LOCK_FAILURES, login_wait};
use crate::domain::kernel::card;
use crate::web::form::{Checked, Form};
use crate::web::page::{Frame, form_page};
use crate::web::{PageError, PageResult};

/// The minimum time of a refusal.
const REFUSAL_TIME: Duration = Duration::from_millis(250);

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    frame: Frame,
    texts: &'static Texts,
    csrf: String,
    form: Checked,
    login: &'a str,
    done: Option<&'static str>,
}

/// `GET /portal/{entry}/sign-in`.
pub(super) async fn show(visit: &Visit<'_>) -> PageResult {
    if visit.signed_in().await?.is_some() {
        return Ok(visit.go_to("/record"));
    }
    let texts = visit.texts();
    let done = match visit.request.query_string() {
        "done=password-set" => Some(texts.done_password_set),
        "done=signed-out" => Some(texts.done_signed_out),
        _ => None,
    };
    page(visit, Checked::default(), "", done).await
}

async fn page(visit: &Visit<'_>, form: Checked, login: &str, done: Option<&'static str>) -> PageResult {
    let (csrf, cookie) = visit.form_token().await?;
    let is_wrong = form.is_wrong();
    let frame = visit.frame(None).wrong(is_wrong);
    form_page(&SignInPage { frame, texts: visit.texts(), csrf, form, login, done }, is_wrong, cookie)
}

/// `POST /portal/{entry}/sign-in`.
pub(super) async fn send(visit: &Visit<'_>, form: &Form) -> PageResult {
    let refused_at = Instant::now() + REFUSAL_TIME;
    let (login, password) = (form.get("login"), form.get("password"));
    // The page repeats the login, but no card number (rules 10).
    let shown = if card::holds(login) { "" } else { login };
    let mut checked = Checked::default();
    let texts = visit.texts();
    for (field, label, value) in [("login", texts.login, login), ("password", texts.password, password)] {
        if value.trim().is_empty() {
            checked.add(field, label, texts.missing);
        }
    }
    if !checked.problems.is_empty() {
        return page(visit, checked, shown, None).await;
    }
    match attempt(visit, login, password).await? {
        Attempted::In(token) => visit.go_with_cookie("/record", &visit.cookie(SESSION_COOKIE, token)),
        Attempted::Wrong => {
            checked.add("", "", texts.wrong_login);
            sleep_until(refused_at).await;
            page(visit, checked, shown, None).await
        }
        Attempted::Locked => {
            checked.add("", "", texts.locked_login);
            sleep_until(refused_at).await;
            let mut response = page(visit, checked, shown, None).await?;
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            Ok(response)
        }
    }
}

enum Attempted {
    In(String),
    Wrong,
    Locked,
}

async fn attempt(visit: &Visit<'_>, login: &str, password: &str) -> Result<Attempted, PageError> {
    let (portal, place) = (visit.portal, visit.entrypoint.id);
    portal.must_have_room()?;
    let Some(attempt) = portal.store.accounts().begin_sign_in(place, login.to_owned()).await? else {
        return Ok(Attempted::Locked);
    };
    sleep(login_wait(attempt.failures, portal.settings.first_wait)).await;
    let hash = attempt.account.as_ref().map(|account| account.password_hash.as_str());
    let is_right = portal.verify(password, hash).await?;
    let is_last = attempt.failures + 1 >= LOCK_FAILURES;
    match attempt.account {
        Some(account) if is_right => {
            let token = portal.store.accounts().sign_in(place, login.to_owned(), account).await?;
            return Ok(token.map_or(Attempted::Wrong, Attempted::In));
        }
        Some(account) if is_last => portal.store.accounts().lock(place, account).await?,
        _ => {}
    }
    Ok(if is_last { Attempted::Locked } else { Attempted::Wrong })
}

/// `POST /portal/{entry}/sign-out`.
pub(super) async fn sign_out(visit: &Visit<'_>, form: &Form) -> PageResult {
    if let Some(signed_in) = visit.signed_in().await? {
        form.check(&signed_in.csrf)?;
        visit.portal.store.accounts().sign_out(signed_in.found.entrypoint.id, signed_in.token).await?;
    }
    let mut response = visit.go_to("/sign-in?done=signed-out");
    if visit.sent_cookie(SESSION_COOKIE).is_some() {
        let gone = visit.cookie(SESSION_COOKIE, String::new());
        response.add_removal_cookie(&gone)?;
    }
    Ok(response)
}
