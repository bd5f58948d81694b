//! Records a subscription as its system tells it (rules 16). The version of the record stays, unless the stage of the
//! customer's life moves.

use std::sync::Arc;

use super::Undecided;
use super::command::{
    Actor, CreateCustomer, OnMatch, Outcome, PutResult, PutSubscription, SubscriptionOwner, UnknownCustomer,
};
use super::create;
use super::effects::{Effects, Revision};
use super::events::{Event, EventKind};
use super::lifecycle::{Settled, settle, stage_of};
use super::working_set::WorkingSet;
use crate::domain::accounts::sight::Sight;
use crate::domain::customers::record::Stored;
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::domain::subscriptions::{self, Put};

/// The code of a refusal of a customer that is not there.
const UNKNOWN_CUSTOMER: &str = "unknown_customer";

pub(super) fn decide_subscription(
    working_set: &mut WorkingSet,
    put: &PutSubscription,
    actor: &Actor,
    sight: Sight,
) -> Result<Effects, Undecided> {
    if let Some((customer_id, id)) = working_set.subscription(&put.external)? {
        return changed(working_set, put, (customer_id, id), actor, sight);
    }
    if !put.precondition.holds(0) {
        return Err(Rejection::Stale.into());
    }
    let (made, stored) = owner(working_set, put, actor, sight)?;
    if stored.customer.is_deleted() {
        return Err(unknown("the customer is deleted; name another one").into());
    }
    let now = working_set.now;
    // A refusal takes no id.
    subscriptions::add(&stored.customer.subscriptions, &put.draft, 0, &put.external, now)?;
    let id = working_set.next_id()?;
    let put = subscriptions::add(&stored.customer.subscriptions, &put.draft, id, &put.external, now)?;
    let kind = EventKind::SubscriptionCreated;
    match made {
        None => with_change(working_set, &stored, put, (id, PutResult::Created, kind), actor),
        Some(revision) => Ok(of_new(working_set, revision, put, id, actor)),
    }
}

/// The effects of a subscription that came with its customer. The customer begins in the stage that follows from it.
fn of_new(working_set: &WorkingSet, made: Revision, put: Put, id: i64, actor: &Actor) -> Effects {
    let mut customer = made.after.customer.clone();
    customer.subscriptions = put.all;
    if let Some(stage) = stage_of(&customer, None, working_set.now) {
        customer.lifecycle = stage.lifecycle;
    }
    let after = Arc::new(Stored { customer, ..Stored::clone(&made.after) });
    let revision = Revision { after: Arc::clone(&after), ..made };
    let settled = Settled { after, revision: Some(revision), idle: None };
    effects(settled, (id, PutResult::Created, EventKind::SubscriptionCreated), Vec::new(), actor)
}

fn changed(
    working_set: &mut WorkingSet,
    put: &PutSubscription,
    (customer_id, id): (i64, i64),
    actor: &Actor,
    sight: Sight,
) -> Result<Effects, Undecided> {
    let stored = Arc::clone(working_set.customer(customer_id).ok_or(Rejection::Defect)?);
    // An erase in the same batch has taken the subscription along.
    if stored.customer.is_deleted() {
        return Err(Rejection::Deleted.into());
    }
    let all = &stored.customer.subscriptions;
    let old = all.iter().find(|one| one.id == id).ok_or(Rejection::Defect)?;
    if !put.precondition.holds(old.version) {
        return Err(Rejection::Stale.into());
    }
    // Whoever does not read customers must not learn that a name is somebody else's (rules 1).
    if sight.reads && names_another(working_set, &put.whose, customer_id, sight)? {
        let message =
            "names another customer than the one that the subscription belongs to; leave the customer out";
        return Err(Rejection::State(vec![Problem::field(&[], "linked_to_another", message)]).into());
    }
    let put = subscriptions::change(all, id, &put.draft, working_set.now)?;
    if put.changed.is_empty() {
        let outcome = outcome(&stored, id, PutResult::Unchanged);
        return Ok(Effects::new(outcome, None));
    }
    with_change(working_set, &stored, put, (id, PutResult::Moved, EventKind::SubscriptionUpdated), actor)
}

fn with_change(
    working_set: &WorkingSet,
    stored: &Arc<Stored>,
    put: Put,
    of: (i64, PutResult, EventKind),
    actor: &Actor,
) -> Result<Effects, Undecided> {
    let mut after = stored.customer.clone();
    after.subscriptions = put.all;
    Ok(effects(settle(working_set, stored, after, actor)?, of, put.changed, actor))
}

fn effects(
    settled: Settled,
    (id, result, kind): (i64, PutResult, EventKind),
    changed: Vec<&'static str>,
    actor: &Actor,
) -> Effects {
    let Settled { after, revision, idle } = settled;
    let mut effects = Effects::new(outcome(&after, id, result), revision);
    let (customer_id, subject_id, actor) = (Some(after.id), Some(id.to_string()), actor.clone());
    effects.events.push(Event { kind, customer_id, subject_id, changed, actor });
    effects.subscriptions.push((after, vec![id]));
    effects.idle.extend(idle);
    effects
}

fn outcome(stored: &Stored, id: i64, result: PutResult) -> Outcome {
    let subscription = stored.customer.subscriptions.iter().find(|one| one.id == id);
    Outcome::Subscribed {
        id: stored.id,
        version: stored.version,
        subscription_id: id,
        result,
        subscription: subscription.cloned().map(Box::new),
    }
}

/// The customer of a new subscription, and the change that makes a new one.
fn owner(
    working_set: &mut WorkingSet,
    put: &PutSubscription,
    actor: &Actor,
    sight: Sight,
) -> Result<(Option<Revision>, Arc<Stored>), Undecided> {
    match &put.whose {
        SubscriptionOwner::Unnamed => {
            let message = "say whose the subscription is: customerId, customerNumber, reference or customer";
            Err(Rejection::Invalid(vec![Problem::field(&[], "required", message)]).into())
        }
        SubscriptionOwner::Id(id) => {
            let known = working_set.customer(*id).map(Arc::clone);
            Ok((None, known.ok_or_else(|| unknown("no customer of this entrypoint has this name"))?))
        }
        SubscriptionOwner::Key(key) => {
            let first = working_set.live_with(key)?.first().copied();
            let known = first.and_then(|id| working_set.customer(id)).map(Arc::clone);
            Ok((None, known.ok_or_else(|| unknown("no customer of this entrypoint has this name"))?))
        }
        SubscriptionOwner::Customer(create, unknown_customer) => {
            if *unknown_customer == UnknownCustomer::Refuse {
                let found = create::evaluate(working_set, create, sight)?.hit?;
                let known = found.and_then(|hit| working_set.customer(hit.id)).map(Arc::clone);
                let refusal = || {
                    unknown(
                        "matches no customer of this entrypoint; onUnknownCustomer=create makes one, with the scope customers:write",
                    )
                };
                return Ok((None, known.ok_or_else(refusal)?));
            }
            let mut effects = create::decide_create(working_set, create, actor, sight)?;
            let made = effects.revisions.pop();
            let known =
                || effects.outcome.record().and_then(|(id, _)| working_set.customer(id)).map(Arc::clone);
            let stored = made.as_ref().map(|made| Arc::clone(&made.after)).or_else(known);
            Ok((made, stored.ok_or(Rejection::Defect)?))
        }
    }
}

/// Whether a name of a customer leads to somebody else, or to nobody where it can lead to one person only.
fn names_another(
    working_set: &WorkingSet,
    whose: &SubscriptionOwner,
    customer_id: i64,
    sight: Sight,
) -> Result<bool, Undecided> {
    Ok(match whose {
        SubscriptionOwner::Unnamed => false,
        SubscriptionOwner::Id(id) => *id != customer_id,
        SubscriptionOwner::Key(key) => !working_set.live_with(key)?.contains(&customer_id),
        SubscriptionOwner::Customer(create, _) => {
            let create = CreateCustomer { on_match: OnMatch::Get, ..CreateCustomer::clone(create) };
            let hit = create::evaluate(working_set, &create, sight)?.hit;
            matches!(hit, Ok(Some(hit)) if hit.id != customer_id)
        }
    })
}

fn unknown(message: &str) -> Rejection {
    Rejection::State(vec![Problem::field(&[], UNKNOWN_CUSTOMER, message)])
}
