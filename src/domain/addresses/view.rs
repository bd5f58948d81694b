//! The flat fields and the book as one list, and back (rules 11).

use super::book::{Address, AddressKind};
use super::fields::{AddressField, Role};
use crate::domain::customers::record::Customer;

/// All addresses of a customer with all their texts, by id.
pub fn addresses(customer: &Customer) -> Vec<Address> {
    let book = &customer.addresses;
    let mut list: Vec<Address> = Role::ALL.into_iter().filter_map(|role| implicit(customer, role)).collect();
    list.reserve(book.entries.len());
    for entry in &book.entries {
        let mut address = entry.clone();
        if let Some(role) = entry.roles().next() {
            copy_flat(customer, role, &mut address);
        }
        list.push(address);
    }
    list.sort_by_key(|address| address.id);
    list
}

/// How many addresses a customer has.
pub fn count(customer: &Customer) -> usize {
    customer.addresses.entries.len()
        + Role::ALL.into_iter().filter(|role| is_implicit(customer, *role)).count()
}

/// Makes a list the addresses of a customer: the flat fields become its defaults, and are empty where it has none. The list
/// has at most one default of each role.
pub fn set_addresses(customer: &mut Customer, mut list: Vec<Address>) {
    for role in Role::ALL {
        let default = list.iter().find(|address| address.is_default(role));
        for (field, flat) in role.shared() {
            let value = default.and_then(|address| address.texts.get(field)).map(Into::into);
            customer.texts.set(flat, value);
        }
    }
    let book = &mut customer.addresses;
    list.retain(|address| Role::ALL.into_iter().all(|role| !is_plain(address, role, book.implicit_id(role))));
    for address in &mut list {
        if address.roles().next().is_some() {
            drop_shared(address);
        }
    }
    list.sort_by_key(|address| address.id);
    book.entries = list;
}

/// Mends the book after the flat fields of `after` were written; `before` is the record without these changes. An emptied
/// default is deleted. An address that was the default of both roles stays the one that was not written, and the other
/// becomes an address of its own. An id is never used again.
pub fn settle(before: &Customer, after: &mut Customer) {
    if before.addresses.is_plain() && after.addresses.is_plain() {
        let is_kept = |role: &Role| {
            !is_implicit(before, *role) || is_implicit(after, *role) || !has_flat(before, *role)
        };
        if Role::ALL.iter().all(is_kept) {
            return;
        }
    }
    let flat: [bool; 2] = Role::ALL.map(|role| has_flat(after, role));
    for (role, is_there) in Role::ALL.into_iter().zip(flat) {
        for entry in &mut after.addresses.entries {
            if entry.is_default(role) && !is_there {
                entry.set_default(role, false);
                // Of a default of both roles, the other remains.
                if entry.roles().next().is_none() {
                    entry.id = 0;
                }
            }
        }
    }
    after.addresses.entries.retain(|entry| entry.id != 0);
    split(before, after);
    for role in Role::ALL {
        if is_implicit(before, role) && !is_implicit(after, role) {
            after.addresses.spend(role);
        }
        let is_homeless = has_flat(after, role) && after.addresses.default_of(role).is_none();
        if is_homeless && after.addresses.implicit_id(role).is_none() {
            // A replaced default is the same address with other texts.
            let replaced = before.addresses.default_of(role).map(|entry| entry.id);
            let is_free = |id: &i64| after.addresses.entries.iter().all(|entry| entry.id != *id);
            let id = replaced.filter(is_free).unwrap_or_else(|| after.addresses.new_id());
            let mut entry = Address { id, kind: AddressKind::of(role), ..Address::default() };
            entry.set_default(role, true);
            after.addresses.entries.push(entry);
        }
    }
    after.addresses.entries.sort_by_key(|entry| entry.id);
}

/// Splits an address that is the default of both roles if the flat fields of these differ.
fn split(before: &Customer, after: &mut Customer) {
    if same_flat(after, after, Role::Billing, Role::Shipping) {
        return;
    }
    let role =
        if same_flat(before, after, Role::Billing, Role::Billing) { Role::Shipping } else { Role::Billing };
    // If both were written, the shipping address is the new one.
    let role = if same_flat(before, after, Role::Shipping, Role::Shipping) { role } else { Role::Shipping };
    unshare(after, role);
}

/// Gives a role a default of its own, if one address is the default of both.
pub fn unshare(customer: &mut Customer, role: Role) {
    let both = |entry: &&mut Address| entry.defaults == [true; 2];
    let Some(kept) = customer.addresses.entries.iter_mut().find(both) else { return };
    let mut own = kept.clone();
    kept.set_default(role, false);
    own.set_default(role.other(), false);
    own.id = customer.addresses.new_id();
    customer.addresses.entries.push(own);
}

fn same_flat(one: &Customer, two: &Customer, of_one: Role, of_two: Role) -> bool {
    of_one.shared().zip(of_two.shared()).all(|((_, a), (_, b))| one.text(a) == two.text(b))
}

/// Whether the flat fields of a role hold anything.
pub fn has_flat(customer: &Customer, role: Role) -> bool {
    role.shared().any(|(_, flat)| customer.text(flat).is_some())
}

/// Whether only the flat fields hold the default of a role.
fn is_implicit(customer: &Customer, role: Role) -> bool {
    let book = &customer.addresses;
    book.implicit_id(role).is_some() && book.default_of(role).is_none() && has_flat(customer, role)
}

fn implicit(customer: &Customer, role: Role) -> Option<Address> {
    if !is_implicit(customer, role) {
        return None;
    }
    let id = customer.addresses.implicit_id(role)?;
    let mut address = Address { id, kind: AddressKind::of(role), ..Address::default() };
    address.set_default(role, true);
    copy_flat(customer, role, &mut address);
    Some(address)
}

fn copy_flat(customer: &Customer, role: Role, address: &mut Address) {
    for (field, flat) in role.shared() {
        address.texts.set(field, customer.text(flat).map(Into::into));
    }
}

fn drop_shared(address: &mut Address) {
    for (field, _) in Role::Billing.shared() {
        address.texts.set(field, None);
    }
}

/// Whether the flat fields alone hold this address: it has no other text, and the id of the implicit default.
fn is_plain(address: &Address, role: Role, implicit_id: Option<i64>) -> bool {
    Some(address.id) == implicit_id
        && address.roles().eq([role])
        && address.kind == AddressKind::of(role)
        && address.texts.present().all(|(field, _)| field.spec().flat.is_some())
}

/// The text in which the filter `anyaddress` looks: everything of an address on one line.
pub fn line(address: &Address) -> String {
    let searched = |field: &AddressField| !matches!(field, AddressField::Phone | AddressField::Note);
    let texts = AddressField::all().filter(searched).filter_map(|field| address.texts.get(field));
    texts.collect::<Vec<_>>().join(", ")
}
