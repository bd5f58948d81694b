//! Deletes a customer, and erases the person (rules 5).

use std::sync::Arc;

use super::command::{Actor, DeleteCustomer, Outcome};
use super::effects::{Effects, Revision};
use super::working_set::WorkingSet;
use super::{Undecided, time_of_change};
use crate::domain::customers::history::Operation;
use crate::domain::customers::record::{Customer, Lifecycle, Status, Stored};
use crate::domain::kernel::problem::Rejection;

pub(super) fn decide_delete(
    working_set: &WorkingSet,
    delete: &DeleteCustomer,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    let stored = Arc::clone(working_set.customer(delete.id).ok_or(Rejection::NotFound)?);
    if !delete.precondition.holds(stored.version) {
        return Err(Rejection::Stale.into());
    }
    let done = if delete.erase { stored.erased } else { stored.customer.is_deleted() };
    if done {
        return Ok(Effects::new(Outcome::Changed { id: delete.id, version: stored.version }, None));
    }
    let old = &stored.customer;
    let (after, operation) = if delete.erase {
        let after = Customer::erased(
            Status::Deleted,
            Lifecycle::Anonymised,
            old.balance,
            old.created_at,
            time_of_change(working_set, old),
        );
        (after, Operation::Erased)
    } else {
        let mut after = old.clone();
        after.status = Status::Deleted;
        after.lifecycle = Lifecycle::Deleted;
        after.invitation = None;
        after.archived_from = None;
        after.updated_at = time_of_change(working_set, old);
        (after, Operation::Deleted)
    };
    let version = stored.version + 1;
    let after = Arc::new(Stored { id: delete.id, version, customer: after, erased: delete.erase });
    let actor = actor.clone();
    let revision =
        Revision { before: Some(stored), after, operation, actor, precomputed: None, is_blind: false };
    Ok(Effects::new(Outcome::Changed { id: delete.id, version }, Some(revision)))
}
