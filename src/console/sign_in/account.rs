//! A member's own page: who it is, password, second factor, language and look.

use actix_web::http::StatusCode;
use askama::Template;

use super::links::checked_password;
use super::texts::{Texts, texts};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::page::{Refused, Shown, html};
use crate::console::visit::{SignedIn, Visit};
use crate::domain::accounts::sign_in::{LOCK_FAILURES, login_wait};
use crate::web::form::Form;

#[derive(Template)]
#[template(path = "console/account.html")]
struct AccountPage {
    frame: Frame,
    texts: &'static Texts,
    form: Fields,
    email: String,
    has_totp: bool,
    modes: Vec<(String, &'static str)>,
    languages: Vec<(String, &'static str)>,
}

/// `GET /console/account`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    page(visit, signed_in, Fields::default())
}

fn page(visit: &Visit, signed_in: &SignedIn, mut form: Fields) -> Shown {
    let texts = texts(visit.language);
    let frame = visit.frame(signed_in, "account", texts.account)?;
    let status = if form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let words = frame.texts;
    let modes = [("auto", words.mode_auto), ("light", words.mode_light), ("dark", words.mode_dark)];
    form.set("mode", frame.mode);
    form.set("language", visit.language.code());
    let page = AccountPage {
        texts,
        form,
        email: signed_in.member.email.clone(),
        has_totp: signed_in.member.has_totp,
        modes: modes.map(|(word, name)| (word.to_owned(), name)).into(),
        languages: vec![("en".to_owned(), "English"), ("fr".to_owned(), "Français")],
        frame,
    };
    html(status, &page)
}

/// Whether a text is the member's password. It counts as an attempt to sign in.
pub(super) async fn is_own_password(
    visit: &Visit,
    signed_in: &SignedIn,
    password: &str,
) -> Result<bool, Refused> {
    let console = &visit.console;
    console.must_have_room()?;
    let Some(attempt) = console.store.staff().begin_sign_in(signed_in.member.email.clone()).await? else {
        return Err(Refused::Busy);
    };
    if attempt.failures >= LOCK_FAILURES {
        return Err(Refused::Busy);
    }
    tokio::time::sleep(login_wait(attempt.failures, console.settings.first_wait)).await;
    let own = attempt.account.filter(|account| account.member_id == signed_in.member.id);
    console.verify(password, own.as_ref().map(|account| account.password_hash.as_str())).await
}

/// `POST /console/account/password`. All other sessions of the member end.
pub(super) async fn change_password(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let texts = texts(visit.language);
    let mut form = Fields::default();
    if !is_own_password(visit, signed_in, sent.get("currentPassword")).await? {
        form.add("currentPassword", texts.wrong_password);
        return page(visit, signed_in, form);
    }
    let known = vec![signed_in.member.email.clone(), signed_in.member.name.clone()];
    let Some(hash) = checked_password(visit, sent, known, &mut form).await? else {
        return page(visit, signed_in, form);
    };
    let (id, token) = (signed_in.member.id.clone(), signed_in.token.clone());
    visit.console.store.staff().change_password(id, hash, token).await?;
    Ok(visit.go_to("/account?done=saved"))
}

/// `POST /console/account/look`: language, and light or dark.
pub(super) async fn change_look(visit: &Visit, _: &SignedIn, sent: &Form) -> Shown {
    let mut response = visit.go_to("/account?done=saved");
    if matches!(sent.get("mode"), "auto" | "light" | "dark") {
        response.add_cookie(&visit.choice_cookie(false, sent.get("mode").to_owned()))?;
    }
    if matches!(sent.get("language"), "en" | "fr") {
        response.add_cookie(&visit.choice_cookie(true, sent.get("language").to_owned()))?;
    }
    Ok(response)
}

/// `POST /console/sign-out`.
pub(super) async fn sign_out(visit: &Visit, signed_in: &SignedIn, _: &Form) -> Shown {
    visit.console.store.staff().sign_out(signed_in.token.clone()).await?;
    let mut response = visit.go_to("/sign-in?done=signed-out");
    response.add_removal_cookie(&visit.session_cookie(String::new()))?;
    Ok(response)
}
