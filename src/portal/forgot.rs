//! The request for a mail with a link. Answer and response time are the same, whether or not anybody gets a mail.

use std::time::Duration;

use actix_web::http::StatusCode;
use askama::Template;
use tokio::time::{Instant, sleep_until};

use super::texts::Texts;
use super::visit::Visit;
use crate::web::PageResult;
use crate::web::form::{Checked, Form};
use crate::web::page::{Frame, MessagePage, form_page, html};

/// The minimum time of an answer.
const ANSWER_TIME: Duration = Duration::from_millis(250);

#[derive(Template)]
#[template(path = "forgot.html")]
struct ForgotPage {
    frame: Frame,
    texts: &'static Texts,
    csrf: String,
    form: Checked,
}

/// `GET /portal/{entry}/forgot-password`.
pub(super) async fn show(visit: &Visit<'_>) -> PageResult {
    if visit.request.query_string() != "done=sent" {
        return page(visit, Checked::default()).await;
    }
    let texts = visit.texts();
    let message = MessagePage {
        frame: visit.frame(None),
        title: texts.forgot_sent,
        lead: texts.forgot_sent_lead,
        next: Some((format!("{}/sign-in", visit.base), texts.back_to_sign_in)),
        else_to: None,
    };
    html(StatusCode::OK, &message)
}

async fn page(visit: &Visit<'_>, form: Checked) -> PageResult {
    let (csrf, cookie) = visit.form_token().await?;
    let is_wrong = form.is_wrong();
    let frame = visit.frame(None).wrong(is_wrong);
    form_page(&ForgotPage { frame, texts: visit.texts(), csrf, form }, is_wrong, cookie)
}

/// `POST /portal/{entry}/forgot-password`.
pub(super) async fn send(visit: &Visit<'_>, form: &Form) -> PageResult {
    let answered_at = Instant::now() + ANSWER_TIME;
    let login = form.get("login");
    if login.trim().is_empty() {
        let mut checked = Checked::default();
        checked.add("login", visit.texts().login, visit.texts().missing);
        return page(visit, checked).await;
    }
    let link_secs = visit.portal.settings.link_secs;
    visit.portal.store.accounts().mail_link(visit.entrypoint.id, login.to_owned(), link_secs).await?;
    sleep_until(answered_at).await;
    Ok(visit.go_to("/forgot-password?done=sent"))
}
