//! The form for the own record: the fields that the entrypoint allows, with the checks of a PUT.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use askama::Template;

use super::record::{BILLING, PERSON, SHIPPING};
use super::texts::{Texts, label};
use super::visit::{SignedIn, Visit};
use crate::clock;
use crate::domain::customers::country;
use crate::domain::customers::draft::{Context, Draft};
use crate::domain::customers::fields::TextField;
use crate::domain::kernel::card::{self, CardGuard};
use crate::domain::kernel::members::Members;
use crate::domain::kernel::problem::{At, Problem, Rejection};
use crate::store::StoreError;
use crate::web::form::{Checked, Form};
use crate::web::page::{Frame, form_page};
use crate::web::{PageError, PageResult};

/// A field of a form.
pub(super) struct Item {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) kind: &'static str,
    pub(super) value: String,
    pub(super) autocomplete: &'static str,
    /// For a field with a list of choices: values and names.
    pub(super) options: Vec<(String, String)>,
}

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

/// The field of a form for a text of the record.
pub(super) fn item(visit: &Visit<'_>, field: TextField, value: String) -> Item {
    use TextField as F;
    let (kind, autocomplete) = match field {
        F::Company => ("text", "organization"),
        F::Firstname => ("text", "given-name"),
        F::Lastname => ("text", "family-name"),
        F::Fullname => ("text", "name"),
        F::Birthday => ("date", "bday"),
        F::Phone => ("tel", "tel"),
        F::Email => ("email", "email"),
        F::CustomerNumber | F::CustomerUsername => ("text", "off"),
        F::Address => ("text", "billing address-line1"),
        F::Address1 => ("text", "billing address-line2"),
        F::City => ("text", "billing address-level2"),
        F::State => ("text", "billing address-level1"),
        F::Zip => ("text", "billing postal-code"),
        F::Country => ("text", "billing country"),
        F::ShippingAddress => ("text", "shipping address-line1"),
        F::ShippingAddress1 => ("text", "shipping address-line2"),
        F::ShippingCity => ("text", "shipping address-level2"),
        F::ShippingState => ("text", "shipping address-level1"),
        F::ShippingZip => ("text", "shipping postal-code"),
        F::ShippingCountry => ("text", "shipping country"),
    };
    let options = match field {
        F::Country | F::ShippingCountry => countries(&value),
        _ => Vec::new(),
    };
    Item { name: field.name(), label: label(visit.language, field), kind, value, autocomplete, options }
}

fn countries(kept: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> =
        country::countries().map(|(code, name)| (code.to_owned(), name.to_owned())).collect();
    if !kept.is_empty() && !all.iter().any(|(code, _)| code == kept) {
        all.push((kept.to_owned(), kept.to_owned()));
    }
    all.sort_by(|a, b| a.1.cmp(&b.1));
    all
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

/// The fields of a form as a draft, with the checks of a PUT. `country` is the one that the record has.
pub(super) fn checked_draft(
    visit: &Visit<'_>,
    country: Option<&str>,
    changed: &BTreeMap<&str, &str>,
) -> Result<Result<Draft, Vec<Problem>>, PageError> {
    let defect = |error: serde_json::Error| {
        PageError::Defect(format!("cannot write a form as JSON ({:?})", error.classify()))
    };
    let json = zeroize::Zeroizing::new(serde_json::to_string(changed).map_err(defect)?);
    let cards = card::in_json(json.as_bytes()).into_iter();
    let refused = cards.filter(|found| !found.is_id || visit.entrypoint.card_guard == CardGuard::All);
    let refused: Vec<Problem> = refused.map(|found| found.problem).collect();
    if !refused.is_empty() {
        return Ok(Err(refused));
    }
    let members: Members<'_> = serde_json::from_str(&json).map_err(defect)?;
    let entrypoint_country = visit.entrypoint.country.as_deref();
    let country = country.or(entrypoint_country);
    Ok(Draft::parse(&members, Context { now: clock::now(), country, entrypoint_country }))
}

/// The problems of a draft in the words of the page, each at its field.
pub(super) fn problems_of(visit: &Visit<'_>, problems: &[Problem]) -> Checked {
    let mut checked = Checked::default();
    for problem in problems {
        let At::Pointer(pointer) = &problem.at else { continue };
        let name = pointer.trim_start_matches('/');
        let text = words_of(visit.texts(), problem);
        match TextField::of_request(name) {
            Some(field) => checked.add(name, label(visit.language, field), text),
            None => checked.add("", "", text),
        }
    }
    checked
}

fn words_of(texts: &Texts, problem: &Problem) -> &'static str {
    match problem.code {
        "too_long" => texts.too_long,
        "control_character" => texts.control,
        "invalid_zip" => texts.bad_zip,
        "invalid_birthday" => texts.bad_birthday,
        card::CODE => texts.card,
        code if code.contains("phone") => texts.bad_phone,
        _ => texts.bad_value,
    }
}
