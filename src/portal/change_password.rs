//! The change of the password by a signed-in customer who knows the old one.

use askama::Template;

use super::set_password::{known, new_password};
use super::texts::Texts;
use super::visit::{SESSION_COOKIE, SignedIn, Visit};
use crate::store::Account;
use crate::web::PageResult;
use crate::web::form::{Checked, Form};
use crate::web::page::{Frame, form_page};

#[derive(Template)]
#[template(path = "change_password.html")]
struct ChangePasswordPage {
    frame: Frame,
    texts: &'static Texts,
    csrf: String,
    form: Checked,
}

/// `GET /portal/{entry}/change-password`.
pub(super) fn show(visit: &Visit<'_>, signed_in: &SignedIn) -> PageResult {
    page(visit, signed_in, Checked::default())
}

fn page(visit: &Visit<'_>, signed_in: &SignedIn, form: Checked) -> PageResult {
    let is_wrong = form.is_wrong();
    let frame = visit.frame(Some(signed_in)).wrong(is_wrong);
    let (texts, csrf) = (visit.texts(), signed_in.csrf.clone());
    form_page(&ChangePasswordPage { frame, texts, csrf, form }, is_wrong, None)
}

/// `POST /portal/{entry}/change-password`.
pub(super) async fn send(visit: &Visit<'_>, signed_in: &SignedIn, form: &Form) -> PageResult {
    let (portal, place, texts) = (visit.portal, visit.entrypoint.id, visit.texts());
    let stored = &signed_in.found.record.stored;
    let Some(account) = Account::of(stored) else { return Ok(visit.go_to("/sign-in")) };
    let mut checked = Checked::default();
    portal.must_have_room()?;
    if !portal.store.accounts().begin_password_change(place, stored.id).await? {
        checked.add("old", texts.old_password, texts.locked_old);
        return page(visit, signed_in, checked);
    }
    if !portal.verify(form.get("old"), Some(&account.password_hash)).await? {
        checked.add("old", texts.old_password, texts.wrong_old);
        return page(visit, signed_in, checked);
    }
    let known = known(&stored.customer, &visit.entrypoint);
    let Some(hash) = new_password(visit, form, known, &mut checked).await? else {
        return page(visit, signed_in, checked);
    };
    let Some(token) = portal.store.accounts().change_password(place, account, hash).await? else {
        return Ok(visit.go_to("/sign-in"));
    };
    visit.go_with_cookie("/record?done=password-changed", &visit.cookie(SESSION_COOKIE, token))
}
