//! Adds, changes and deletes a stored method of a customer (rules 13). The version of the record stays.

use std::sync::Arc;

use super::Undecided;
use super::command::{Actor, ChangeMethod, MethodChange, Outcome};
use super::effects::Effects;
use super::events::{Event, EventKind};
use super::holder::holder;
use super::working_set::WorkingSet;
use crate::domain::accounts::sight::Sight;
use crate::domain::customers::record::Stored;
use crate::domain::kernel::problem::Rejection;
use crate::domain::methods;

pub(super) fn decide_method(
    working_set: &mut WorkingSet,
    change: &ChangeMethod,
    actor: &Actor,
    sight: Sight,
) -> Result<Effects, Undecided> {
    let (revision, stored) = holder(working_set, &change.owner, actor, sight)?;
    let old = &stored.customer.methods;
    let of = |id: &str| old.iter().find(|method| method.id == id);
    if let MethodChange::Update { id, .. } | MethodChange::Delete { id } = &change.change {
        let method = of(id).ok_or(Rejection::NotFound)?;
        if !change.precondition.holds(method.version) {
            return Err(Rejection::Stale.into());
        }
    }
    if stored.customer.is_deleted() {
        return Err(Rejection::Deleted.into());
    }
    let now = working_set.now;
    let (id, new, kind, changed) = match &change.change {
        MethodChange::Add { draft, random } => {
            let place = (working_set.entrypoint.id, stored.id);
            let now = methods::time_after(old, now);
            let id = methods::new_id(place, now, *random, |id| of(id).is_some());
            let most = usize::from(working_set.entrypoint.max_methods.0);
            let new = methods::add(old, draft, id.clone(), now, most)?;
            (id, new, EventKind::MethodCreated, Vec::new())
        }
        MethodChange::Update { id, draft } => {
            let (new, changed) = methods::update(old, id, draft, now, sight)?;
            (id.clone(), new, EventKind::MethodUpdated, changed)
        }
        MethodChange::Delete { id } => {
            (id.clone(), methods::remove(old, id)?, EventKind::MethodDeleted, Vec::new())
        }
    };
    let method = new.iter().find(|method| method.id == id).cloned().map(Box::new);
    let outcome = Outcome::Method { id: stored.id, version: stored.version, method_id: id.clone(), method };
    let mut effects = Effects::new(outcome, revision);
    if new != *old {
        let mut customer = stored.customer.clone();
        customer.methods = new;
        effects.methods.push(Arc::new(Stored { customer, ..Stored::clone(&stored) }));
        let (customer_id, actor) = (Some(stored.id), actor.clone());
        effects.events.push(Event { kind, customer_id, subject_id: Some(id), changed, actor });
    }
    Ok(effects)
}
