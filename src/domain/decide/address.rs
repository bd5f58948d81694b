//! Adds, changes and deletes an address of a customer (rules 11).

use std::sync::Arc;

use super::command::{Actor, AddressChange, ChangeAddress, Outcome};
use super::effects::Effects;
use super::unique::check_changed_identity;
use super::working_set::WorkingSet;
use super::{Undecided, guard, write};
use crate::domain::accounts::sight::Sight;
use crate::domain::addresses::write::{add, change, remove};
use crate::domain::customers::history::Operation;
use crate::domain::kernel::problem::Rejection;

pub(super) fn decide_address(
    working_set: &WorkingSet,
    command: &ChangeAddress,
    actor: &Actor,
    sight: Sight,
) -> Result<Effects, Undecided> {
    let stored = Arc::clone(working_set.customer(command.id).ok_or(Rejection::NotFound)?);
    if !command.precondition.holds(stored.version) {
        return Err(Rejection::Stale.into());
    }
    if stored.customer.is_deleted() {
        return Err(Rejection::Deleted.into());
    }
    let mut after = stored.customer.clone();
    let mut is_blind = false;
    let address_id = match &command.change {
        AddressChange::Add(draft) => {
            guard::check_address(draft, sight)?;
            add(&mut after, draft).map_err(Rejection::Invalid)?
        }
        AddressChange::Update(id, draft) => {
            guard::check_address(draft, sight)?;
            change(&mut after, *id, draft).ok_or(Rejection::NotFound)?.map_err(Rejection::Invalid)?;
            // Whether a masked text changed would tell what it was.
            is_blind = !sight.pii && draft.masked_values().next().is_some();
            *id
        }
        AddressChange::Remove(id) => {
            if !remove(&mut after, *id) {
                return Err(Rejection::NotFound.into());
            }
            *id
        }
    };
    check_changed_identity(working_set, &stored, &after)?;
    let (version, revision) = write(working_set, &stored, after, Operation::Updated, actor, is_blind);
    Ok(Effects::new(Outcome::AddressChanged { id: command.id, version, address_id }, revision))
}
