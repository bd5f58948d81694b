//! Further rows of a customer in a file: each adds an address (rules 9).
//!
//! Files that repeat a customer in a row for each address put these rows one after another.

use super::command::{CreateCustomer, OnMatch};
use super::working_set::WorkingSet;
use crate::domain::addresses::book::AddressKind;
use crate::domain::addresses::draft::{AddressDraft, AddressList};
use crate::domain::addresses::fields::{AddressField, Role};
use crate::domain::addresses::view::addresses;
use crate::domain::customers::change::Change;
use crate::domain::customers::draft::Draft;
use crate::domain::customers::record::Customer;

/// Whether a create is a further row of the customer that it matches: the row before led to the same customer and was allowed
/// to write it, and this row has addresses that are not the whole list.
pub(super) fn is_further(working_set: &WorkingSet, create: &CreateCustomer, id: i64) -> bool {
    let Some(before) = working_set.row_before.filter(|before| before.id == id) else { return false };
    let may_write = match create.on_match {
        OnMatch::Merge | OnMatch::Replace => true,
        OnMatch::Get => before.is_new,
        OnMatch::Force => false,
    };
    may_write
        && match &create.draft.addresses {
            Change::Set(list) => list.adds,
            _ => Role::ALL.into_iter().any(|role| has_street(&create.draft, role)),
        }
}

/// The draft of a further row: its flat addresses are addresses of its list. One that the customer has is left out.
pub(super) fn listed(working_set: &WorkingSet, stored: &Customer, draft: &Draft) -> Draft {
    let existing = addresses(stored);
    // A blind sender must not learn whether a customer that the file did not make has an address.
    let knows = !draft.is_blind || working_set.row_before.is_some_and(|before| before.is_new);
    let mut draft = draft.clone();
    let mut list = match std::mem::take(&mut draft.addresses) {
        Change::Set(list) => list.addresses,
        _ => Vec::new(),
    };
    for role in Role::ALL {
        let Some(mut address) = take_flat(&mut draft, role) else { continue };
        let fits = existing.iter().any(|stored| address.fits(stored));
        if fits && knows && (draft.is_blind || address.default_of(role).is_none()) {
            continue;
        }
        if !fits && role == Role::Shipping {
            address.kind = Some(AddressKind::Shipping);
        }
        list.push(address);
    }
    if !list.is_empty() {
        draft.addresses = Change::Set(AddressList { addresses: list, adds: true });
    }
    draft
}

fn has_street(draft: &Draft, role: Role) -> bool {
    role.shared()
        .any(|(field, flat)| field == AddressField::Address && matches!(draft.text(flat), Change::Set(_)))
}

/// Takes the flat fields of a role out of a draft, as an address.
fn take_flat(draft: &mut Draft, role: Role) -> Option<AddressDraft> {
    if !has_street(draft, role) {
        return None;
    }
    let extras = draft.address_extras.get_mut(role.index()).and_then(Option::take);
    let mut address = extras.unwrap_or_default();
    // A default stays one until another address takes its place.
    address.defaults = address.defaults.map(|is| is.filter(|is| *is));
    for (field, flat) in role.shared() {
        address.set_text(field, draft.text(flat).clone());
        draft.set_text(flat, Change::Keep);
    }
    Some(address)
}
