//! What a record becomes when a request is written onto it (rules 2, 3 and 5).

use std::borrow::Cow;

use super::country;
use super::draft::{Change, Draft, Input};
use super::fields::TextField;
use super::mask::mask;
use super::phone;
use super::record::{ADDITIONAL_MAX, Customer};
use crate::domain::addresses::fields::{AddressField, Role};
use crate::domain::addresses::view::{set_addresses, settle, unshare};
use crate::domain::addresses::write::{too_many, write_extras, write_list};
use crate::domain::kernel::problem::Problem;
use crate::domain::kernel::time::Micros;
use crate::domain::references;

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
        methods: stored.methods.clone(),
        subscriptions: stored.subscriptions.clone(),
        identifier_fields: draft.identifier_fields.clone(),
        addresses: stored.addresses.emptied(),
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
/// that the field is not sent. What lists of addresses and references do not name stays (rules 11).
pub fn merge(stored: &Customer, draft: &Draft, country: Option<&str>) -> (Customer, Vec<Problem>) {
    let mut customer = stored.clone();
    let problems = write_sent(&mut customer, &adding(draft), country, OnClear::Skip, stored);
    (customer, problems)
}

/// The draft with lists of addresses and references that delete nothing but other references of the systems that they name.
fn adding(draft: &Draft) -> Cow<'_, Draft> {
    let is_whole = matches!(&draft.addresses, Change::Set(list) if !list.adds)
        || matches!(&draft.references, Change::Set(list) if list.of.is_none());
    if !is_whole {
        return Cow::Borrowed(draft);
    }
    let mut draft = draft.clone();
    if let Change::Set(list) = &mut draft.addresses {
        list.adds = true;
    }
    if let Change::Set(list) = &mut draft.references {
        list.only_of_its_systems();
    }
    Cow::Owned(draft)
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
    write_addresses(target, draft, clears, masked, &mut problems);
    // The flat fields are written onto what the list says.
    if draft.is_blind {
        let is_masked = |(_, flat): (AddressField, TextField)| {
            flat.spec().masked && matches!(draft.text(flat), Change::Set(Input::Value(_)))
        };
        for role in Role::ALL.into_iter().filter(|role| role.shared().any(is_masked)) {
            unshare(target, role);
        }
    }
    let listed = draft.addresses.is_sent().then(|| target.clone());
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
    settle(listed.as_ref().unwrap_or(masked), target);
    for (role, extras) in Role::ALL.into_iter().zip(&draft.address_extras) {
        if let Some(extras) = extras {
            write_extras(target, role, extras);
        }
    }
    if !target.addresses.is_plain() {
        problems.extend(too_many(target));
    }
    match &draft.references {
        Change::Set(list) => {
            list.write(&mut target.references);
            problems.extend(references::too_many(target.references.len()));
        }
        Change::Clear if clears => target.references.clear(),
        Change::Clear | Change::Keep => {}
    }
    set(&mut target.time_zone, &draft.time_zone, clears);
    set(&mut target.password_hash, &draft.password_hash, clears);
    set(&mut target.labels, &draft.labels, clears);
    set(&mut target.status, &draft.status, clears);
    set(&mut target.balance, &draft.balance, clears);
    problems
}

/// Writes the list of addresses, whose defaults are flat fields.
fn write_addresses(
    target: &mut Customer,
    draft: &Draft,
    clears: bool,
    stored: &Customer,
    problems: &mut Vec<Problem>,
) {
    match &draft.addresses {
        Change::Set(list) => {
            problems.extend(write_list(target, list, stored, draft.is_blind));
            if target.text(TextField::ShippingZip).is_some() {
                check_zip(target, problems);
            }
        }
        Change::Clear if clears => {
            set_addresses(target, Vec::new());
            settle(stored, target);
        }
        Change::Clear | Change::Keep => {}
    }
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
