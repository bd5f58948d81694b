//! Deletes a customer, and erases the person (rules 5).

use std::sync::Arc;

use super::command::{Actor, DeleteCustomer, Outcome};
use super::effects::{Effects, Revision};
use super::events::{Event, EventKind};
use super::taking_back::take_all_back;
use super::working_set::WorkingSet;
use super::{Undecided, time_of_change};
use crate::domain::customers::history::Operation;
use crate::domain::customers::record::{Customer, Lifecycle, Status, Stored};
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::domain::subscriptions;

pub(super) fn decide_delete(
    working_set: &mut WorkingSet,
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
    if !delete.cancel_open && !old.is_deleted() {
        let open = subscriptions::open(&old.subscriptions);
        let pending = working_set.pending(delete.id)?;
        let unsettled = working_set.invoices.unsettled(delete.id)?;
        let invoices = unsettled.iter().filter(|invoice| invoice.state().is_open()).count();
        has_no_obligations(open, pending, invoices)?;
    }
    let voided = if old.is_deleted() { Vec::new() } else { take_all_back(working_set, delete.id, actor)? };
    let mut ended = Vec::new();
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
        (after.subscriptions, ended) = subscriptions::end_all(&old.subscriptions, working_set.now);
        after.updated_at = time_of_change(working_set, old);
        (after, Operation::Deleted)
    };
    let version = stored.version + 1;
    let after = Arc::new(Stored { id: delete.id, version, customer: after, erased: delete.erase });
    let actor = actor.clone();
    let customer_id = Some(delete.id);
    let events = ended.iter().map(|id| Event {
        kind: EventKind::SubscriptionUpdated,
        customer_id,
        subject_id: Some(id.to_string()),
        changed: vec!["status"],
        actor: actor.clone(),
    });
    let events = events.chain(voided).collect();
    let deleted = Arc::clone(&after);
    let revision =
        Revision { before: Some(stored), after, operation, actor, precomputed: None, is_blind: false };
    let mut effects = Effects::new(Outcome::Changed { id: delete.id, version }, Some(revision));
    effects.events = events;
    if !ended.is_empty() {
        effects.subscriptions.push((deleted, ended));
    }
    Ok(effects)
}

/// Refuses to delete somebody who still owes or is owed something (rules 24).
///
/// # Errors
/// 409 with a problem for each kind, which says how many there are.
fn has_no_obligations(subscriptions: usize, payments: i64, invoices: usize) -> Result<(), Rejection> {
    let advice = "archive the customer instead, or send cancelOpen=true";
    let problem = |message: String| Problem::parameter("customerId", "has_obligations", message);
    let mut problems = Vec::new();
    match subscriptions {
        0 => {}
        1 => problems.push(problem(format!("1 subscription is not over; {advice} to end it"))),
        many => problems.push(problem(format!("{many} subscriptions are not over; {advice} to end them"))),
    }
    match payments {
        ..=0 => {}
        1 => problems
            .push(problem(format!("1 payment is pending; {advice} to delete the customer all the same"))),
        many => {
            problems.push(problem(format!(
                "{many} payments are pending; {advice} to delete the customer all the same"
            )));
        }
    }
    match invoices {
        0 => {}
        1 => problems.push(problem(format!("1 invoice is not paid; {advice} to void it"))),
        many => problems.push(problem(format!("{many} invoices are not paid; {advice} to void them"))),
    }
    if problems.is_empty() { Ok(()) } else { Err(Rejection::State(problems)) }
}
