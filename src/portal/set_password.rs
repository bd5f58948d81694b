//! The page to set a password with an invitation or reset link. Opening the page does not use the link, as mail
//! scanners open links too. It signs nobody in, so a link cannot lead into another person's session.

use actix_web::http::StatusCode;
use askama::Template;

use super::texts::Texts;
use super::visit::Visit;
use crate::domain::accounts::link::LinkKind;
use crate::domain::accounts::password::{self, Weakness};
use crate::domain::customers::record::Customer;
use crate::domain::entrypoints::Entrypoint;
use crate::store::{Found, Link};
use crate::web::form::{Checked, Form, is_secret};
use crate::web::page::{Frame, MessagePage, form_page, html};
use crate::web::{PageError, PageResult};

#[derive(Template)]
#[template(path = "set_password.html")]
struct SetPasswordPage<'a> {
    frame: Frame,
    texts: &'static Texts,
    csrf: String,
    form: Checked,
    token: &'a str,
}

/// `GET /portal/{entry}/set-password/{token}`.
pub(super) async fn show(visit: &Visit<'_>) -> PageResult {
    if live(visit).await?.is_none() {
        return dead_link(visit);
    }
    page(visit, Checked::default()).await
}

fn token<'a>(visit: &Visit<'a>) -> &'a str {
    visit.request.match_info().query("token")
}

async fn live(visit: &Visit<'_>) -> Result<Option<(Link, Found)>, PageError> {
    look(visit, &[LinkKind::Invitation, LinkKind::Reset]).await
}

/// The valid link in the path, if it has one of these kinds.
pub(super) async fn look(visit: &Visit<'_>, kinds: &[LinkKind]) -> Result<Option<(Link, Found)>, PageError> {
    let token = token(visit);
    if !is_secret(token) {
        return Ok(None);
    }
    let found = visit.portal.store.accounts().look_at_link(visit.entrypoint.id, token.to_owned()).await?;
    Ok(found.filter(|(link, _)| kinds.contains(&link.kind)))
}

async fn page(visit: &Visit<'_>, form: Checked) -> PageResult {
    let (csrf, cookie) = visit.form_token().await?;
    let is_wrong = form.is_wrong();
    let frame = visit.frame(None).wrong(is_wrong);
    let page = SetPasswordPage { frame, texts: visit.texts(), csrf, form, token: token(visit) };
    form_page(&page, is_wrong, cookie)
}

/// The page for a link that is used, expired, unknown, or of another entrypoint.
pub(super) fn dead_link(visit: &Visit<'_>) -> PageResult {
    let texts = visit.texts();
    let frame = visit.frame(None).wrong(true);
    let next = Some((format!("{}/forgot-password", visit.base), texts.new_mail));
    html(
        StatusCode::GONE,
        &MessagePage { frame, title: texts.dead_link, lead: texts.dead_link_lead, next, else_to: None },
    )
}

/// `POST /portal/{entry}/set-password/{token}`.
pub(super) async fn send(visit: &Visit<'_>, form: &Form) -> PageResult {
    let Some((link, found)) = live(visit).await? else { return dead_link(visit) };
    let store = &visit.portal.store;
    let known = known(&found.record.stored.customer, &visit.entrypoint);
    let mut checked = Checked::default();
    match new_password(visit, form, known, &mut checked).await? {
        None => {
            if link.opened_at.is_none() {
                store.accounts().set_opened(visit.entrypoint.id, token(visit).to_owned()).await?;
            }
            page(visit, checked).await
        }
        Some(hash) => {
            if !store.accounts().set_password(visit.entrypoint.id, token(visit).to_owned(), hash).await? {
                return dead_link(visit);
            }
            Ok(visit.go_to("/sign-in?done=password-set"))
        }
    }
}

/// The personal texts that a password must not consist of.
pub(super) fn known(customer: &Customer, entrypoint: &Entrypoint) -> Vec<String> {
    let mut known = password::personal(customer);
    known.extend([entrypoint.store_name().to_owned(), entrypoint.entry.clone()]);
    known
}

/// Hashes the new password, which the form must contain twice; otherwise adds the problems.
pub(super) async fn new_password(
    visit: &Visit<'_>,
    form: &Form,
    known: Vec<String>,
    checked: &mut Checked,
) -> Result<Option<String>, PageError> {
    let texts = visit.texts();
    let password = form.get("password");
    if !password.is_empty() && password != form.get("repeat") {
        checked.add("repeat", texts.repeat_password, texts.not_equal);
    }
    match visit.portal.hash(password, known).await? {
        Err(weakness) => {
            checked.add("password", texts.new_password, words_of(texts, weakness));
            Ok(None)
        }
        Ok(hash) => Ok(checked.problems.is_empty().then_some(hash)),
    }
}

fn words_of(texts: &Texts, weakness: Weakness) -> &'static str {
    match weakness {
        Weakness::Short => texts.short,
        Weakness::Long => texts.long,
        Weakness::Control => texts.control,
        Weakness::Common => texts.common,
        Weakness::Personal => texts.personal,
    }
}
