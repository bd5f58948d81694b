//! Changing the password of a customer who is signed in and knows the old one.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::form::{Form, SESSION_COOKIE};
use super::page::{Checked, Frame, SignedIn, Visit, check_token, form_page};
use super::set_password::{known, new_password};
use super::{PageError, Portal, answer};
use crate::store::Account;

#[derive(Template)]
#[template(path = "change_password.html")]
struct ChangePasswordPage {
    frame: Frame,
    csrf: String,
    form: Checked,
}

/// `GET /portal/{entry}/change-password`.
pub(super) async fn show(request: HttpRequest, portal: Data<Portal>) -> HttpResponse {
    answer(&portal, &request, async |visit: &Visit<'_>| match visit.signed_in().await? {
        Some(signed_in) => page(visit, &signed_in, Checked::default()),
        None => Ok(visit.go_to("/sign-in")),
    })
    .await
}

fn page(visit: &Visit<'_>, signed_in: &SignedIn, form: Checked) -> Result<HttpResponse, PageError> {
    let mut frame = visit.frame(Some(signed_in));
    frame.is_wrong = !form.problems.is_empty();
    let is_wrong = frame.is_wrong;
    form_page(&ChangePasswordPage { frame, csrf: signed_in.csrf.clone(), form }, is_wrong, None)
}

/// `POST /portal/{entry}/change-password`.
pub(super) async fn send(request: HttpRequest, portal: Data<Portal>, payload: Payload) -> HttpResponse {
    answer(&portal, &request, async |visit: &Visit<'_>| {
        let form = Form::read(visit.request, payload).await?;
        let Some(signed_in) = visit.signed_in().await? else { return Ok(visit.go_to("/sign-in")) };
        check_token(&form, &signed_in.csrf)?;
        let (portal, place, texts) = (visit.portal, visit.entrypoint.id, visit.texts());
        let stored = &signed_in.found.record.stored;
        let Some(account) = Account::of(stored) else { return Ok(visit.go_to("/sign-in")) };
        let mut checked = Checked::default();
        if !portal.store.begin_password_change(place, stored.id).await? {
            checked.add("old", texts.old_password, texts.locked_old);
            return page(visit, &signed_in, checked);
        }
        if !portal.verify(form.get("old"), Some(&account.password_hash)).await? {
            checked.add("old", texts.old_password, texts.wrong_old);
            return page(visit, &signed_in, checked);
        }
        let known = known(&stored.customer, &visit.entrypoint);
        let Some(hash) = new_password(visit, &form, known, &mut checked).await? else {
            return page(visit, &signed_in, checked);
        };
        let Some(token) = portal.store.change_password(place, account, hash).await? else {
            return Ok(visit.go_to("/sign-in"));
        };
        visit.go_with_cookie("/record?done=password-changed", &visit.cookie(SESSION_COOKIE, token))
    })
    .await
}
