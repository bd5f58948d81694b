//! Hangs the stored methods of a row of an import on its customer (rules 9 and 13).

use std::sync::Arc;

use super::Undecided;
use super::command::Actor;
use super::effects::Effects;
use super::events::{Event, EventKind};
use super::working_set::WorkingSet;
use crate::domain::accounts::sight::Sight;
use crate::domain::customers::record::{Customer, Stored};
use crate::domain::kernel::problem::Rejection;
use crate::domain::methods::{self, MethodDraft};

/// The effects of a create, with stored methods on its customer. A method with the same token stays the one that it is, so
/// that a file can be imported again; `changes` says whether it gets the values of the row. Another token of an account that
/// the customer has is refused as everywhere: to leave it out, or to put it in the place of the stored one, would lose a token.
pub(super) fn with_methods(
    working_set: &WorkingSet,
    mut effects: Effects,
    drafts: &[MethodDraft],
    (random, changes): (u32, bool),
    sight: Sight,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    let Some((customer_id, _)) = effects.outcome.record() else { return Ok(effects) };
    let made = effects.revisions.last().map(|revision| Arc::clone(&revision.after));
    let known = || working_set.customer(customer_id).map(Arc::clone);
    let stored = made.or_else(known).ok_or(Rejection::Defect)?;
    let (now, most) = (working_set.now, usize::from(working_set.entrypoint.max_methods.0));
    let mut all = stored.customer.methods.clone();
    for draft in drafts {
        let same = all.iter().find(|method| draft.has_token_of(method)).map(|method| method.id.clone());
        let (id, new, kind, changed) = match same {
            Some(id) if changes => {
                // The default stays the default: another row, or another method of this one, may take its place.
                let draft = MethodDraft { is_default: draft.is_default.filter(|is| *is), ..draft.clone() };
                let (new, changed) = methods::update(&all, &id, &draft, now, sight)?;
                (id, new, EventKind::MethodUpdated, changed)
            }
            Some(_) => continue,
            None => {
                let taken = |id: &str| all.iter().any(|method| method.id == id);
                let now = methods::time_after(&all, now);
                let id = methods::new_id((working_set.entrypoint.id, customer_id), now, random, taken);
                let new = methods::add(&all, draft, id.clone(), now, most)?;
                (id, new, EventKind::MethodCreated, Vec::new())
            }
        };
        if new != all {
            let (customer_id, subject_id, actor) = (Some(customer_id), Some(id), actor.clone());
            effects.events.push(Event { kind, customer_id, subject_id, changed, actor });
        }
        all = new;
    }
    if all != stored.customer.methods {
        let customer = Customer { methods: all, ..stored.customer.clone() };
        effects.methods.push(Arc::new(Stored { customer, ..Stored::clone(&stored) }));
    }
    Ok(effects)
}
