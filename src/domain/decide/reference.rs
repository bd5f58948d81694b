//! Adds and deletes a reference of a customer (rules 11).

use std::sync::Arc;

use super::command::{Actor, ChangeReference, Outcome};
use super::effects::Effects;
use super::unique::check_changed_identity;
use super::working_set::WorkingSet;
use super::{Undecided, change, invalid};
use crate::domain::customers::history::Operation;
use crate::domain::kernel::problem::Rejection;
use crate::domain::references::too_many;

pub(super) fn decide_reference(
    working_set: &WorkingSet,
    command: &ChangeReference,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    let stored = Arc::clone(working_set.customer(command.id).ok_or(Rejection::NotFound)?);
    if !command.precondition.holds(stored.version) {
        return Err(Rejection::Stale.into());
    }
    if stored.customer.is_deleted() {
        return Err(Rejection::Deleted.into());
    }
    let mut after = stored.customer.clone();
    if command.is_kept {
        after.references.insert(command.reference.clone());
        invalid(too_many(after.references.len()).into_iter().collect())?;
    } else if !after.references.remove(&command.reference) {
        return Err(Rejection::NotFound.into());
    }
    check_changed_identity(working_set, &stored, &after)?;
    let (version, revision) = change(working_set, &stored, after, Operation::Updated, actor);
    Ok(Effects::new(Outcome::Changed { id: command.id, version }, revision))
}
