//! Sign-in, the second factor, and the links by which members come: the first owner, the invited, and who forgot a password.

mod account;
mod links;
mod second_factor;
mod texts;

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::ServiceConfig;
use askama::Template;
use tokio::time::{Instant, sleep, sleep_until};

use self::texts::{Texts, texts};
use super::fields::Fields;
use super::frame::Frame;
use super::page::{Refused, Shown, html};
use super::visit::Visit;
use super::{resource, shows, shows_own, takes, takes_own};
use crate::domain::accounts::sign_in::{LOCK_FAILURES, login_wait};
use crate::domain::kernel::card;
use crate::web::form::Form;

/// The minimum time of a refusal.
const REFUSAL_TIME: Duration = Duration::from_millis(250);

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("").route(shows_own(start)))
        .service(resource("/sign-in").route(shows(show)).route(takes(send)))
        .service(resource("/sign-out").route(takes_own(account::sign_out)))
        .service(resource("/confirm").route(shows(second_factor::show)).route(takes(second_factor::send)))
        .service(resource("/forgot").route(shows(links::show_forgot)).route(takes(links::send_forgot)))
        .service(resource("/begin/{token}").route(shows(links::show)).route(takes(links::send)))
        .service(resource("/welcome/{token}").route(shows(links::show)).route(takes(links::send)))
        .service(resource("/account").route(shows_own(account::show)))
        .service(resource("/account/password").route(takes_own(account::change_password)))
        .service(resource("/account/look").route(takes_own(account::change_look)))
        .service(
            resource("/account/second-factor")
                .route(shows_own(second_factor::show_setup))
                .route(takes_own(second_factor::set_up)),
        )
        .service(resource("/account/second-factor/codes").route(takes_own(second_factor::new_codes)))
        .service(resource("/account/second-factor/off").route(takes_own(second_factor::turn_off)));
}

#[derive(Template)]
#[template(path = "console/sign_in.html")]
struct SignInPage {
    frame: Frame,
    texts: &'static Texts,
    form: Fields,
}

/// `GET /console`: the overview of the first place.
async fn start(visit: &Visit, signed_in: &super::visit::SignedIn) -> Shown {
    Ok(visit.go_to(&format!("/at/{}", visit.last_place(signed_in))))
}

/// `GET /console/sign-in`.
async fn show(visit: &Visit) -> Shown {
    match visit.session().await? {
        Some(session) if !session.is_half => return Ok(visit.go_to("")),
        _ => {}
    }
    page(visit, Fields::default()).await
}

async fn page(visit: &Visit, form: Fields) -> Shown {
    let texts = texts(visit.language);
    let (csrf, cookie) = visit.form_token().await?;
    let status = if form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut frame = visit.plain_frame(texts.sign_in);
    frame.csrf = csrf;
    let mut response = html(status, &SignInPage { frame, texts, form })?;
    if let Some(cookie) = cookie {
        response.add_cookie(&cookie)?;
    }
    Ok(response)
}

/// `POST /console/sign-in`. Neither the answer nor its time shows whether a member has the address.
async fn send(visit: &Visit, sent: &Form) -> Shown {
    let refused_at = Instant::now() + REFUSAL_TIME;
    let texts = texts(visit.language);
    let (email, password) = (sent.get("email").trim(), sent.get("password"));
    let mut form = Fields::sent(sent, &["email"]);
    if email.is_empty() || card::holds(email) {
        form.add("email", texts.missing_email);
    }
    if password.is_empty() {
        form.add("password", texts.missing_password);
    }
    if form.is_wrong() {
        return page(visit, form).await;
    }
    let (answer, is_locked) = match attempt(visit, email, password).await? {
        Attempted::In(token, is_half) => {
            let mut response = visit.go_to(if is_half { "/confirm" } else { "" });
            response.add_cookie(&visit.session_cookie(token))?;
            return Ok(response);
        }
        Attempted::Wrong => (texts.wrong_sign_in, false),
        Attempted::Locked => (texts.locked_sign_in, true),
    };
    form.add("", answer);
    sleep_until(refused_at).await;
    let mut response = page(visit, form).await?;
    if is_locked {
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    }
    Ok(response)
}

enum Attempted {
    /// The session, and whether it waits for the second factor.
    In(String, bool),
    Wrong,
    Locked,
}

async fn attempt(visit: &Visit, email: &str, password: &str) -> Result<Attempted, Refused> {
    let console = &visit.console;
    console.must_have_room()?;
    let staff = console.store.staff();
    let Some(attempt) = staff.begin_sign_in(email.to_owned()).await? else {
        return Ok(Attempted::Locked);
    };
    sleep(login_wait(attempt.failures, console.settings.first_wait)).await;
    let hash = attempt.account.as_ref().map(|account| account.password_hash.as_str());
    let is_right = console.verify(password, hash).await?;
    match attempt.account {
        Some(account) if is_right => {
            let session = staff.sign_in(email.to_owned(), account).await?;
            Ok(session.map_or(Attempted::Wrong, |(token, is_half)| Attempted::In(token, is_half)))
        }
        _ if attempt.failures + 1 >= LOCK_FAILURES => Ok(Attempted::Locked),
        _ => Ok(Attempted::Wrong),
    }
}
