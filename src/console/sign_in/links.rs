//! Pages behind links to members. To look at one changes nothing; the form uses it up.

use actix_web::http::StatusCode;
use askama::Template;

use super::texts::{Texts, texts};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::page::{Refused, Shown, html};
use crate::console::visit::Visit;
use crate::domain::accounts::password::Weakness;
use crate::domain::kernel::problem::{At, Rejection};
use crate::store::{FoundLink, StoreError};
use crate::web::form::{Form, is_secret};

#[derive(Template)]
#[template(path = "console/welcome.html")]
struct WelcomePage {
    frame: Frame,
    texts: &'static Texts,
    form: Fields,
    action: String,
    /// Whether the first owner comes, who still has no name here.
    is_first: bool,
    /// The address of an invited member.
    email: String,
}

#[derive(Template)]
#[template(path = "console/forgot.html")]
struct ForgotPage {
    frame: Frame,
    texts: &'static Texts,
    is_sent: bool,
}

/// `GET /console/begin/{token}` and `GET /console/welcome/{token}`.
pub(super) async fn show(visit: &Visit) -> Shown {
    let link = find(visit).await?;
    page(visit, &link, Fields::default()).await
}

async fn find(visit: &Visit) -> Result<FoundLink, Refused> {
    let token = visit.part("token");
    if !is_secret(token) {
        return Err(Refused::NotFound);
    }
    visit.console.store.staff().look_link(token.to_owned()).await?.ok_or(Refused::NotFound)
}

async fn page(visit: &Visit, link: &FoundLink, form: Fields) -> Shown {
    let texts = texts(visit.language);
    let (csrf, cookie) = visit.form_token().await?;
    let status = if form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut frame = visit.plain_frame(texts.welcome);
    frame.csrf = csrf;
    let page = WelcomePage {
        frame,
        texts,
        form,
        action: visit.request.path().to_owned(),
        is_first: link.member.is_none(),
        email: link.member.as_ref().map(|member| member.email.clone()).unwrap_or_default(),
    };
    let mut response = html(status, &page)?;
    if let Some(cookie) = cookie {
        response.add_cookie(&cookie)?;
    }
    Ok(response)
}

/// `POST /console/begin/{token}` and `POST /console/welcome/{token}`: sets the password, and signs in.
pub(super) async fn send(visit: &Visit, sent: &Form) -> Shown {
    let link = find(visit).await?;
    let texts = texts(visit.language);
    let mut form = Fields::sent(sent, &["name", "email"]);
    let (name, email) = (sent.get("name").trim().to_owned(), sent.get("email").trim().to_owned());
    let is_first = link.member.is_none();
    if is_first && name.is_empty() {
        form.add("name", texts.missing_name);
    }
    if is_first && email.is_empty() {
        form.add("email", texts.missing_email);
    }
    let known = match &link.member {
        Some(member) => vec![member.email.clone(), member.name.clone()],
        None => vec![name.clone(), email.clone()],
    };
    let Some(hash) = checked_password(visit, sent, known, &mut form).await? else {
        return page(visit, &link, form).await;
    };
    if form.is_wrong() {
        return page(visit, &link, form).await;
    }
    let person = is_first.then_some((name, email));
    let used = visit.console.store.staff().use_link(visit.part("token").to_owned(), person, hash).await;
    match used {
        Ok(Some(token)) => {
            let mut response = visit.go_to("");
            response.add_cookie(&visit.session_cookie(token))?;
            Ok(response)
        }
        Ok(None) => Err(Refused::NotFound),
        Err(StoreError::Rejected(Rejection::Invalid(problems) | Rejection::State(problems))) => {
            for problem in problems {
                let field = match &problem.at {
                    At::Pointer(pointer) => pointer.trim_start_matches('/').to_owned(),
                    _ => String::new(),
                };
                form.add(&field, problem.message);
            }
            page(visit, &link, form).await
        }
        Err(error) => Err(error.into()),
    }
}

/// The hash of the password in a form; `None` with the problems in the form if it is refused.
pub(super) async fn checked_password(
    visit: &Visit,
    sent: &Form,
    known: Vec<String>,
    form: &mut Fields,
) -> Result<Option<String>, Refused> {
    let texts = texts(visit.language);
    let (password, again) = (sent.get("password"), sent.get("passwordAgain"));
    if password.is_empty() {
        form.add("password", texts.missing_password);
        return Ok(None);
    }
    if password != again {
        form.add("passwordAgain", texts.different_passwords);
        return Ok(None);
    }
    visit.console.must_have_room()?;
    match visit.console.hash(password, known).await? {
        Ok(hash) => Ok(Some(hash)),
        Err(weakness) => {
            form.add("password", weak(texts, weakness));
            Ok(None)
        }
    }
}

fn weak(texts: &Texts, weakness: Weakness) -> &'static str {
    match weakness {
        Weakness::Short => texts.short_password,
        Weakness::Long => texts.long_password,
        _ => texts.weak_password,
    }
}

/// `GET /console/forgot`.
pub(super) async fn show_forgot(visit: &Visit) -> Shown {
    forgot(visit, false).await
}

/// `POST /console/forgot`. The answer is the same whoever asks.
pub(super) async fn send_forgot(visit: &Visit, sent: &Form) -> Shown {
    let email = sent.get("email").trim();
    if !email.is_empty() {
        visit.console.store.staff().reset_link(email.to_owned(), Some(visit.language)).await?;
    }
    forgot(visit, true).await
}

async fn forgot(visit: &Visit, is_sent: bool) -> Shown {
    let texts = texts(visit.language);
    let (csrf, cookie) = visit.form_token().await?;
    let mut frame = visit.plain_frame(texts.forgot);
    frame.csrf = csrf;
    let mut response = html(StatusCode::OK, &ForgotPage { frame, texts, is_sent })?;
    if let Some(cookie) = cookie {
        response.add_cookie(&cookie)?;
    }
    Ok(response)
}
