//! What a record becomes when a request is written onto it (rules 2, 3 and 5).

use super::country;
use super::draft::{Change, Draft, Input};
use super::fields::TextField;
use super::mask::mask;
use super::phone;
use super::record::{ADDITIONAL_MAX, Customer};
use crate::domain::kernel::problem::Problem;
use crate::domain::kernel::time::Micros;

/// The new record that a create makes. A mask is an error here: there is no stored value that it could stand for.
pub fn create(draft: &Draft, country: Option<&str>, now: Micros) -> (Customer, Vec<Problem>) {
    let mut customer = Customer {
        created_at: draft.created_at.unwrap_or(now),
        updated_at: now,
        identifier_fields: draft.identifier_fields.clone(),
        ..Customer::default()
    };
    let problems = write_sent(&mut customer, draft, country, OnClear::Skip, &Customer::default());
    (customer, problems)
}

/// Replaces the stored record by what a create sends: fields that are not sent become empty. `Created` stays;
/// balance, status, login and stage stay unless they are sent (rules 3).
pub fn replace(stored: &Customer, draft: &Draft, country: Option<&str>) -> (Customer, Vec<Problem>) {
    let mut customer = Customer {
        password_hash: stored.password_hash.clone(),
        status: stored.status,
        lifecycle: stored.lifecycle,
        balance: stored.balance,
        invitation: stored.invitation,
        consent: stored.consent,
        archived_from: stored.archived_from,
        identifier_fields: draft.identifier_fields.clone(),
        created_at: stored.created_at,
        updated_at: stored.updated_at,
        ..Customer::default()
    };
    let login = TextField::CustomerUsername;
    customer.texts.set(login, stored.text(login).map(Into::into));
    let problems = write_sent(&mut customer, draft, country, OnClear::Skip, stored);
    (customer, problems)
}

/// Writes the sent fields onto the stored record, as a create with `mergeExisting=1` does: `null` and `""` mean
/// that the field is not sent.
pub fn merge(stored: &Customer, draft: &Draft, country: Option<&str>) -> (Customer, Vec<Problem>) {
    let mut customer = stored.clone();
    let problems = write_sent(&mut customer, draft, country, OnClear::Skip, stored);
    (customer, problems)
}

/// Writes the sent fields onto the stored record, as PUT does: `null` and `""` clear a field.
pub fn update(stored: &Customer, draft: &Draft, country: Option<&str>) -> (Customer, Vec<Problem>) {
    let mut customer = stored.clone();
    let problems = write_sent(&mut customer, draft, country, OnClear::Clear, stored);
    (customer, problems)
}

/// The names of the sent fields whose values differ from those of the match.
pub fn differs(stored: &Customer, draft: &Draft, country: Option<&str>) -> Vec<String> {
    let (merged, _) = merge(stored, draft, country);
    let mut names: Vec<String> = super::history::difference(Some(stored), &merged)
        .into_iter()
        .map(|change| change.field)
        // The hash is salted, so a comparison cannot show whether the password differs.
        .filter(|field| field != "customerPsw")
        .collect();
    if draft.created_at.is_some_and(|sent| sent != stored.created_at) {
        names.push("createdAt".into());
    }
    names
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum OnClear {
    Clear,
    Skip,
}

/// Writes the sent fields onto `target`. A mask is right if it is the mask of the value in `masked`.
fn write_sent(
    target: &mut Customer,
    draft: &Draft,
    country: Option<&str>,
    on_clear: OnClear,
    masked: &Customer,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let clears = on_clear == OnClear::Clear;
    for field in TextField::all() {
        match draft.text(field) {
            Change::Set(Input::Value(value)) => target.texts.set(field, Some(value.clone())),
            Change::Set(Input::Mask(sent)) => match masked.text(field) {
                Some(kept) if mask(field, kept) == *sent => target.texts.set(field, Some(kept.into())),
                _ => problems.push(not_the_mask(&[field.name()])),
            },
            Change::Clear if clears => target.texts.set(field, None),
            Change::Clear | Change::Keep => {}
        }
    }
    reread_phone(target, draft, country, &mut problems);
    if draft.text(TextField::ShippingZip).is_sent() || draft.text(TextField::ShippingCountry).is_sent() {
        check_zip(target, &mut problems);
    }
    match &draft.additional {
        Change::Set(fields) => write_additional(target, fields, clears, masked, &mut problems),
        Change::Clear if clears => target.additional.clear(),
        Change::Clear | Change::Keep => {}
    }
    set(&mut target.time_zone, &draft.time_zone, clears);
    set(&mut target.password_hash, &draft.password_hash, clears);
    set(&mut target.labels, &draft.labels, clears);
    set(&mut target.status, &draft.status, clears);
    set(&mut target.balance, &draft.balance, clears);
    problems
}

/// Writes a change. Clearing sets the default of a new customer, because status and balance cannot be empty.
fn set<T: Default + From<U>, U: Clone>(target: &mut T, change: &Change<U>, clears: bool) {
    match change {
        Change::Set(value) => *target = value.clone().into(),
        Change::Clear if clears => *target = T::default(),
        Change::Clear | Change::Keep => {}
    }
}

fn not_the_mask(path: &[&str]) -> Problem {
    let message =
        "looks like a mask but is not that of the stored value; send the full value or leave it out";
    Problem::field(path, "masked_value", message)
}

/// Reads the phone again if the record has another country than the one it was read with.
fn reread_phone(target: &mut Customer, draft: &Draft, country: Option<&str>, problems: &mut Vec<Problem>) {
    let Some(local) = &draft.local_phone else { return };
    let actual = target.text(TextField::Country).or(country).map(str::to_owned);
    let read = match &local.refusal {
        None if actual == local.assumed => return,
        Some(refusal) if actual == local.assumed => Err(refusal.clone()),
        _ => phone::phone(&local.text, actual.as_deref()),
    };
    match read {
        Ok(phone) => target.texts.set(TextField::Phone, Some(phone.into())),
        Err((code, message)) => problems.push(Problem::field(&[TextField::Phone.name()], code, message)),
    }
}

fn check_zip(target: &Customer, problems: &mut Vec<Problem>) {
    let Some(zip) = target.text(TextField::ShippingZip) else { return };
    if let Err((code, message)) = country::shipping_zip(zip, target.text(TextField::ShippingCountry)) {
        problems.push(Problem::field(&[TextField::ShippingZip.name()], code, message));
    }
}

fn write_additional(
    target: &mut Customer,
    fields: &std::collections::BTreeMap<String, Option<Input>>,
    clears: bool,
    masked: &Customer,
    problems: &mut Vec<Problem>,
) {
    for (name, change) in fields {
        match change {
            Some(Input::Value(value)) => {
                target.additional.insert(name.clone(), value.clone().into());
            }
            Some(Input::Mask(_)) => match masked.additional.get(name) {
                Some(kept) => {
                    target.additional.insert(name.clone(), kept.clone());
                }
                None => problems.push(not_the_mask(&["additionalFields", name])),
            },
            None if clears => {
                target.additional.remove(name);
            }
            None => {}
        }
    }
    if target.additional.len() > ADDITIONAL_MAX {
        let message = format!("the customer would have more than {ADDITIONAL_MAX} additional fields");
        problems.push(Problem::field(&["additionalFields"], "too_many", message));
    }
}
