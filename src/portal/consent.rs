//! Consent to messages. A customer gives consent with the link of an opt-in mail and a button, so a mail scanner that
//! opens the link agrees to nothing. A signed-in customer withdraws it.

use actix_web::http::StatusCode;
use askama::Template;

use super::set_password::{dead_link, look};
use super::texts::Texts;
use super::visit::{SignedIn, Visit};
use crate::domain::accounts::link::LinkKind;
use crate::domain::customers::consent::{Channel, ConsentStatus};
use crate::web::PageResult;
use crate::web::form::Form;
use crate::web::page::{Frame, MessagePage, form_page, html};

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    frame: Frame,
    texts: &'static Texts,
    csrf: String,
    token: &'a str,
}

/// `GET /portal/{entry}/consent/{token}`.
pub(super) async fn show(visit: &Visit<'_>) -> PageResult {
    if visit.request.query_string() == "done=given" {
        let texts = visit.texts();
        let frame = visit.frame(None);
        let next = Some((visit.base.clone(), frame.texts.start));
        let (title, lead) = (texts.consent_done, texts.consent_done_lead);
        return html(StatusCode::OK, &MessagePage { frame, title, lead, next, else_to: None });
    }
    if look(visit, &[LinkKind::Consent]).await?.is_none() {
        return dead_link(visit);
    }
    let (csrf, cookie) = visit.form_token().await?;
    let token = visit.request.match_info().query("token");
    let (frame, texts) = (visit.frame(None), visit.texts());
    form_page(&ConsentPage { frame, texts, csrf, token }, false, cookie)
}

/// `POST /portal/{entry}/consent/{token}`.
pub(super) async fn send(visit: &Visit<'_>, _: &Form) -> PageResult {
    let token = visit.request.match_info().query("token").to_owned();
    if !visit.portal.store.accounts().give_consent(visit.entrypoint.id, token).await? {
        return dead_link(visit);
    }
    Ok(visit.go_to("/consent/done?done=given"))
}

/// `POST /portal/{entry}/withdraw-consent`.
pub(super) async fn withdraw(visit: &Visit<'_>, signed_in: &SignedIn, _: &Form) -> PageResult {
    let stored = &signed_in.found.record.stored;
    for channel in [Channel::ECommunication, Channel::Sms] {
        let held = stored.customer.consent.map(|consent| consent.of(channel).status);
        if held.is_some_and(|status| status != ConsentStatus::NotOptedIn) {
            visit.portal.store.accounts().withdraw_consent(visit.entrypoint.id, stored.id, channel).await?;
        }
    }
    Ok(visit.go_to("/record?done=withdrawn"))
}
