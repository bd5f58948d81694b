//! The form for the own record: the fields that the entrypoint allows, with the checks of a PUT.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use askama::Template;

use super::fields::{Item, checked_draft, item, problems_of};
use super::record::{BILLING, PERSON, SHIPPING};
use super::texts::Texts;
use super::visit::{SignedIn, Visit};
use crate::domain::customers::draft::Draft;
use crate::domain::customers::fields::TextField;
use crate::domain::kernel::card;
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::store::StoreError;
use crate::web::form::{Checked, Form};
use crate::web::page::{Frame, form_page};
use crate::web::{PageError, PageResult};

struct Group {
    title: &'static str,
    items: Vec<Item>,
}

#[derive(Template)]
#[template(path = "edit.html")]
struct EditPage {
    frame: Frame,
    texts: &'static Texts,
    csrf: String,
    form: Checked,
    version: i64,
    groups: Vec<Group>,
}

/// `GET /portal/{entry}/edit`.
pub(super) fn show(visit: &Visit<'_>, signed_in: &SignedIn) -> PageResult {
    page(visit, signed_in, Checked::default(), None)
}

/// The form with the stored values, or with the submitted ones.
fn page(visit: &Visit<'_>, signed_in: &SignedIn, form: Checked, sent: Option<&Form>) -> PageResult {
    let stored = &signed_in.found.record.stored;
    let value = |field: TextField| {
        let kept = stored.customer.text(field).unwrap_or_default();
        let sent = sent.filter(|sent| sent.has(field.name())).map(|sent| sent.get(field.name()));
        // A card number is not even repeated to whoever typed it.
        sent.filter(|text| !card::holds(text)).unwrap_or(kept).to_owned()
    };
    let group = |title, fields: &[TextField]| {
        let editable = fields.iter().filter(|field| visit.entrypoint.editable_fields().contains(field));
        Group { title, items: editable.map(|field| item(visit, *field, value(*field))).collect() }
    };
    let texts = visit.texts();
    let mut groups = vec![
        group(texts.about_you, &PERSON),
        group(texts.billing, &BILLING),
        group(texts.shipping, &SHIPPING),
    ];
    groups.retain(|group| !group.items.is_empty());
    let is_wrong = form.is_wrong();
    let frame = visit.frame(Some(signed_in)).wrong(is_wrong);
    let page = EditPage { frame, texts, csrf: signed_in.csrf.clone(), form, version: stored.version, groups };
    form_page(&page, is_wrong, None)
}

/// `POST /portal/{entry}/edit`.
pub(super) async fn send(visit: &Visit<'_>, signed_in: &SignedIn, form: &Form) -> PageResult {
    let texts = visit.texts();
    let Ok(version) = form.get("version").parse() else { return Err(PageError::OldForm) };
    let draft = match draft(visit, signed_in, form)? {
        Ok(draft) => draft,
        Err(problems) => return page(visit, signed_in, problems_of(visit, &problems), Some(form)),
    };
    let stored = &signed_in.found.record.stored;
    let done =
        visit.portal.store.accounts().edit_own_record(visit.entrypoint.id, stored.id, version, draft).await;
    match done {
        Ok(_) => Ok(visit.go_to("/record?done=saved")),
        Err(StoreError::Rejected(Rejection::Invalid(problems))) => {
            page(visit, signed_in, problems_of(visit, &problems), Some(form))
        }
        Err(StoreError::Rejected(Rejection::Conflict { problems, .. })) => {
            let mut checked = problems_of(visit, &problems);
            checked.problems.iter_mut().for_each(|problem| problem.text = texts.taken);
            page(visit, signed_in, checked, Some(form))
        }
        Err(StoreError::Rejected(Rejection::Stale)) => {
            let mut checked = Checked::default();
            checked.add("", "", texts.stale);
            let mut response = page(visit, signed_in, checked, None)?;
            *response.status_mut() = StatusCode::CONFLICT;
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

/// The changes in a form: the allowed fields that differ from the stored values, with the checks of a PUT.
fn draft(
    visit: &Visit<'_>,
    signed_in: &SignedIn,
    form: &Form,
) -> Result<Result<Draft, Vec<Problem>>, PageError> {
    let customer = &signed_in.found.record.stored.customer;
    let changed: BTreeMap<&str, &str> = visit
        .entrypoint
        .editable_fields()
        .iter()
        .map(|field| (*field, field.name()))
        .filter(|(field, name)| form.has(name) && form.get(name) != customer.text(*field).unwrap_or_default())
        .map(|(_, name)| (name, form.get(name)))
        .collect();
    checked_draft(visit, customer.text(TextField::Country), &changed)
}
