//! The second factor: codes of an authenticator app (RFC 6238), and recovery codes.

use actix_web::http::StatusCode;
use askama::Template;

use super::texts::{Texts, texts};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::page::{Refused, Shown, html};
use crate::console::visit::{SignedIn, Visit};
use crate::store::Confirmed;
use crate::web::form::Form;
use crate::web::qr::{Qr, qr};

#[derive(Template)]
#[template(path = "console/confirm.html")]
struct ConfirmPage {
    frame: Frame,
    texts: &'static Texts,
    form: Fields,
}

#[derive(Template)]
#[template(path = "console/second_factor.html")]
struct SetUpPage {
    frame: Frame,
    texts: &'static Texts,
    form: Fields,
    is_on: bool,
    /// The secret of the app, and its QR code, while it is being set up.
    secret: String,
    qr: Option<Qr>,
    /// The recovery codes, once.
    codes: Vec<String>,
}

/// `GET /console/confirm`.
pub(super) async fn show(visit: &Visit) -> Shown {
    match visit.session().await? {
        None => Ok(visit.go_to("/sign-in")),
        Some(session) if !session.is_half => Ok(visit.go_to("")),
        Some(_) => confirm_page(visit, Fields::default()).await,
    }
}

async fn confirm_page(visit: &Visit, form: Fields) -> Shown {
    let texts = texts(visit.language);
    let (csrf, cookie) = visit.form_token().await?;
    let status = if form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut frame = visit.plain_frame(texts.confirm);
    frame.csrf = csrf;
    let mut response = html(status, &ConfirmPage { frame, texts, form })?;
    if let Some(cookie) = cookie {
        response.add_cookie(&cookie)?;
    }
    Ok(response)
}

/// `POST /console/confirm`.
pub(super) async fn send(visit: &Visit, sent: &Form) -> Shown {
    let texts = texts(visit.language);
    let Some(session) = visit.session().await? else { return Ok(visit.go_to("/sign-in")) };
    let mut form = Fields::default();
    match visit.console.store.staff().confirm(session.token, sent.get("code").trim().to_owned()).await? {
        Confirmed::Yes => return Ok(visit.go_to("")),
        Confirmed::Wrong => form.add("code", texts.wrong_code),
        Confirmed::Locked => form.add("code", texts.locked_sign_in),
    }
    confirm_page(visit, form).await
}

/// `GET /console/account/second-factor`.
pub(super) async fn show_setup(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let secret = visit.console.store.staff().new_totp_secret()?;
    setup_page(visit, signed_in, Fields::default(), secret, Vec::new())
}

fn setup_page(
    visit: &Visit,
    signed_in: &SignedIn,
    form: Fields,
    secret: String,
    codes: Vec<String>,
) -> Shown {
    let texts = texts(visit.language);
    let status = if form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let is_on = signed_in.member.has_totp || !codes.is_empty();
    let label = crate::console::ask::part(&signed_in.member.email);
    let address = format!("otpauth://totp/Customary:{label}?secret={secret}&issuer=Customary");
    let page = SetUpPage {
        frame: visit.frame(signed_in, "account", texts.second_factor)?,
        texts,
        form,
        is_on,
        qr: if is_on { None } else { qr(&address) },
        secret: if is_on { String::new() } else { secret },
        codes,
    };
    html(status, &page)
}

/// `POST /console/account/second-factor`: turns it on, once a code of the app proves that it is set up.
pub(super) async fn set_up(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let texts = texts(visit.language);
    let secret = sent.get("secret").to_owned();
    let code = sent.get("code").trim().to_owned();
    let member_id = signed_in.member.id.clone();
    match visit.console.store.staff().turn_on_totp(member_id, secret.clone(), code).await? {
        Some(codes) => setup_page(visit, signed_in, Fields::default(), secret, codes),
        None => {
            let mut form = Fields::default();
            form.add("code", texts.wrong_code);
            setup_page(visit, signed_in, form, secret, Vec::new())
        }
    }
}

/// `POST /console/account/second-factor/codes`: other recovery codes; those before end.
pub(super) async fn new_codes(visit: &Visit, signed_in: &SignedIn, _: &Form) -> Shown {
    let codes = visit.console.store.staff().new_recovery_codes(signed_in.member.id.clone()).await?;
    setup_page(visit, signed_in, Fields::default(), String::new(), codes)
}

/// `POST /console/account/second-factor/off`, with the password.
pub(super) async fn turn_off(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let texts = texts(visit.language);
    if !super::account::is_own_password(visit, signed_in, sent.get("currentPassword")).await? {
        let mut form = Fields::default();
        form.add("currentPassword", texts.wrong_password);
        return setup_page(visit, signed_in, form, String::new(), Vec::new());
    }
    visit.console.store.staff().turn_off_totp(signed_in.member.id.clone()).await?;
    Ok::<_, Refused>(visit.go_to("/account?done=saved"))
}
