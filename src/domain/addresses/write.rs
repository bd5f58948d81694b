//! Writes addresses of requests onto a record (rules 11).

use super::book::{ADDRESSES_MAX, Address};
use super::draft::{AddressDraft, AddressList, MEMBER};
use super::fields::{AddressField, AddressTexts, Role};
use super::view::{addresses, count, has_flat, set_addresses, settle};
use crate::domain::customers::country;
use crate::domain::customers::record::Customer;
use crate::domain::kernel::problem::Problem;

/// Makes a list the addresses of `target`, or adds it. `stored` is the record before: an address with an id of it, or
/// with the same texts as one of it, keeps its id. To a blind sender the id must not tell that a masked text is the same: such an
/// address without an id is new.
pub fn write_list(
    target: &mut Customer,
    list: &AddressList,
    stored: &Customer,
    is_blind: bool,
) -> Vec<Problem> {
    let existing = addresses(stored);
    let mut left: Vec<&Address> = existing.iter().collect();
    let named: Vec<i64> = list.addresses.iter().filter_map(|draft| draft.id).collect();
    let mut written: Vec<Address> = Vec::new();
    let mut problems = Vec::new();
    for (index, draft) in list.addresses.iter().enumerate() {
        let place = index.to_string();
        let path = [MEMBER, place.as_str()];
        let is_it = |address: &&Address| match draft.id {
            Some(id) => address.id == id,
            None if is_blind && draft.has_masked_values() => false,
            None => !named.contains(&address.id) && draft.fits(address),
        };
        // Of several that fit, the one with the same defaults.
        let is_same = |address: &&Address| {
            is_it(address)
                && Role::ALL
                    .iter()
                    .all(|role| address.is_default(*role) == (draft.default_of(*role) == Some(true)))
        };
        let found = left.iter().position(is_same).or_else(|| left.iter().position(is_it));
        let base = found.map(|place| left.remove(place));
        if draft.id.is_some() && base.is_none() {
            let message = "is no address of this customer; leave it out for a new one";
            problems.push(Problem::field(&[MEMBER, &place, "id"], "unknown_address", message));
            continue;
        }
        // What is added onto a stored address leaves what it does not name.
        let empty = AddressTexts::default();
        let texts = base.filter(|_| list.adds).map_or(&empty, |base| &base.texts);
        let texts = match draft.texts(texts, base) {
            Ok(texts) => texts,
            Err(wrong) => {
                problems.extend(not_the_masks(&path, &wrong));
                continue;
            }
        };
        let mut address = Address {
            id: base.map_or_else(|| target.addresses.new_id(), |base| base.id),
            kind: match base {
                Some(base) if draft.id.is_none() => base.kind,
                _ => draft.kind_or_default(),
            },
            texts,
            defaults: [false; 2],
        };
        for role in Role::ALL {
            // To add an address makes no other one, and not even itself, lose what it is the default of by `false`.
            let is_kept = list.adds && base.is_some_and(|base| base.is_default(role));
            address.set_default(role, is_kept || draft.default_of(role).unwrap_or_default());
        }
        written.push(address);
    }
    if list.adds {
        for other in left {
            let mut other = other.clone();
            for role in Role::ALL {
                let is_taken = written.iter().any(|address| address.is_default(role));
                other.set_default(role, other.is_default(role) && !is_taken);
            }
            written.push(other);
        }
    }
    if problems.is_empty() {
        set_addresses(target, written);
        settle(stored, target);
    }
    problems
}

/// Adds an address; its id, unless there are problems.
///
/// # Errors
/// The problems of the address.
pub fn add(customer: &mut Customer, draft: &AddressDraft) -> Result<i64, Vec<Problem>> {
    let texts = draft.texts(&AddressTexts::default(), None).map_err(|wrong| not_the_masks(&[], &wrong))?;
    let id = customer.addresses.new_id();
    let address = Address { id, kind: draft.kind_or_default(), texts, defaults: [false; 2] };
    put(customer, address, draft);
    check(customer, id)?;
    Ok(id)
}

/// Changes an address; `None` if the customer has none of this id.
///
/// # Errors
/// The problems of the address.
pub fn change(customer: &mut Customer, id: i64, draft: &AddressDraft) -> Option<Result<(), Vec<Problem>>> {
    let mut address = addresses(customer).into_iter().find(|address| address.id == id)?;
    match draft.texts(&address.texts, Some(&address)) {
        Ok(texts) => address.texts = texts,
        Err(wrong) => return Some(Err(not_the_masks(&[], &wrong))),
    }
    address.kind = draft.kind.unwrap_or(address.kind);
    put(customer, address, draft);
    Some(check(customer, id))
}

/// Deletes an address; a deleted default empties its flat fields, and no other address becomes the default. False if the
/// customer has none of this id.
pub fn remove(customer: &mut Customer, id: i64) -> bool {
    let mut list = addresses(customer);
    let number = list.len();
    list.retain(|address| address.id != id);
    let is_removed = list.len() < number;
    if is_removed {
        let before = customer.clone();
        set_addresses(customer, list);
        settle(&before, customer);
    }
    is_removed
}

/// Writes what the flat fields lack of the default of a role, if there is one: what a file says of it beside the flat columns.
pub fn write_extras(customer: &mut Customer, role: Role, extras: &AddressDraft) {
    if !has_flat(customer, role) {
        return;
    }
    if extras.default_of(role.other()) == Some(true) {
        share(customer, role);
    }
    let Some(stored) = addresses(customer).into_iter().find(|address| address.is_default(role)) else {
        return;
    };
    let Ok(texts) = extras.texts(&stored.texts, Some(&stored)) else { return };
    let address = Address { texts, kind: extras.kind.unwrap_or(stored.kind), ..stored.clone() };
    if address != stored {
        put(customer, address, &AddressDraft::default());
    }
}

/// Makes the default of a role that of the other one too, unless the flat fields of this name another address.
fn share(customer: &mut Customer, role: Role) {
    let other = role.other();
    let mut list = addresses(customer);
    let Some(at) = list.iter().position(|address| address.is_default(role)) else { return };
    if let Some(rival) =
        list.iter().position(|address| address.is_default(other)).filter(|rival| *rival != at)
    {
        let texts = |at: usize| list.get(at).map(|address| &address.texts);
        let shared = |at: usize| {
            role.shared()
                .map(move |(field, _)| texts(at).and_then(|texts| texts.get(field)))
                .collect::<Vec<_>>()
        };
        if shared(at) != shared(rival) {
            return;
        }
        let has_more =
            |address: &&mut Address| address.texts.present().any(|(field, _)| field.spec().flat.is_none());
        match list.get_mut(rival).filter(has_more) {
            Some(rival) => rival.set_default(other, false),
            None => drop(list.remove(rival)),
        }
    }
    if let Some(address) = list.iter_mut().find(|address| address.is_default(role)) {
        address.set_default(other, true);
    }
    let before = customer.clone();
    set_addresses(customer, list);
    settle(&before, customer);
}

/// Puts an address in the place of the one with its id, and moves the defaults.
fn put(customer: &mut Customer, mut address: Address, draft: &AddressDraft) {
    let mut list = addresses(customer);
    list.retain(|other| other.id != address.id);
    for role in Role::ALL {
        if let Some(is) = draft.default_of(role) {
            address.set_default(role, is);
        }
        if address.is_default(role) {
            for other in &mut list {
                other.set_default(role, false);
            }
        }
    }
    list.push(address);
    let before = customer.clone();
    set_addresses(customer, list);
    settle(&before, customer);
}

/// Checks what depends on the other addresses, and on the country of a default shipping address.
fn check(customer: &Customer, id: i64) -> Result<(), Vec<Problem>> {
    let mut problems: Vec<Problem> = too_many(customer).into_iter().collect();
    let changed = addresses(customer)
        .into_iter()
        .find(|address| address.id == id && address.is_default(Role::Shipping));
    if let Some(zip) = changed.as_ref().and_then(|address| address.texts.get(AddressField::Zip)) {
        let country = changed.as_ref().and_then(|address| address.texts.get(AddressField::Country));
        if let Err((code, message)) = country::shipping_zip(zip, country) {
            problems.push(Problem::field(&[AddressField::Zip.name()], code, message));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// The problem of a customer with more addresses than allowed.
pub fn too_many(customer: &Customer) -> Option<Problem> {
    let number = count(customer);
    (number > ADDRESSES_MAX).then(|| {
        let message =
            format!("the customer would have {number} addresses; at most {ADDRESSES_MAX} are allowed");
        Problem::field(&[MEMBER], "too_many", message)
    })
}

fn not_the_masks(path: &[&str], wrong: &[AddressField]) -> Vec<Problem> {
    const MESSAGE: &str =
        "looks like a mask but is not that of the stored value; send the full value or leave it out";
    let at = |field: &AddressField| path.iter().copied().chain([field.name()]).collect::<Vec<_>>();
    wrong.iter().map(|field| Problem::field(&at(field), "masked_value", MESSAGE)).collect()
}
