//! Moves the stage of a customer's life by itself (rules 15).

use std::sync::Arc;

use super::command::{Actor, MoveLifecycle, Outcome};
use super::effects::{Effects, Revision};
use super::working_set::{Missing, WorkingSet};
use super::{Undecided, change};
use crate::domain::customers::history::Operation;
use crate::domain::customers::lifecycle::{Facts, idle_at, moves, stage};
use crate::domain::customers::record::{Customer, Lifecycle, Stored};
use crate::domain::kernel::problem::Rejection;
use crate::domain::kernel::time::Micros;

/// What a customer's stage is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stage {
    /// The stage.
    pub(super) lifecycle: Lifecycle,
    /// When it becomes idle, if time alone makes it so.
    pub(super) idle_at: Option<Micros>,
}

/// The stage of a customer with the last paid sale at a time; `None` for a stage that does not move.
pub(super) fn stage_of(customer: &Customer, last_sale: Option<Micros>, now: Micros) -> Option<Stage> {
    if !moves(customer.lifecycle) {
        return None;
    }
    let lifecycle = stage(&Facts::of(customer, last_sale), now);
    let idle_at = last_sale.filter(|_| lifecycle == Lifecycle::Active).map(idle_at);
    Some(Stage { lifecycle, idle_at })
}

/// The change of a stored customer's stage after a fact changed: of its subscriptions, or of the time of its last paid sale.
/// `after` is the customer with the new facts. The revision is none if the stage stays.
///
/// # Errors
/// [`Missing::LastSale`].
pub(super) fn settle(
    working_set: &WorkingSet,
    stored: &Arc<Stored>,
    mut after: Customer,
    actor: &Actor,
) -> Result<Settled, Missing> {
    let last_sale = working_set.last_sale(stored.id)?;
    let mut idle = None;
    if let Some(stage) = stage_of(&after, last_sale, working_set.now)
        && stage.lifecycle != after.lifecycle
    {
        after.lifecycle = stage.lifecycle;
        idle = stage.idle_at.map(|at| (stored.id, at));
        let (_, revision) = change(working_set, stored, after.clone(), Operation::LifecycleMoved, actor);
        if let Some(revision) = revision {
            let after = Arc::clone(&revision.after);
            return Ok(Settled { after, revision: Some(revision), idle });
        }
    }
    let after = Arc::new(Stored { customer: after, ..Stored::clone(stored) });
    Ok(Settled { after, revision: None, idle })
}

/// Lets a new customer begin in the stage that follows from a paid sale that it comes with.
pub(super) fn begin(effects: &mut Effects, paid: Option<Micros>, now: Micros) {
    let Some(made) = effects.revisions.last_mut() else { return };
    let Some(stage) = stage_of(&made.after.customer, paid, now) else { return };
    let mut after = Stored::clone(&made.after);
    after.customer.lifecycle = stage.lifecycle;
    effects.idle.extend(stage.idle_at.map(|at| (after.id, at)));
    made.after = Arc::new(after);
}

/// A customer after its facts changed.
pub(super) struct Settled {
    /// The customer; at the next version if its stage moved.
    pub(super) after: Arc<Stored>,
    /// The move of the stage.
    pub(super) revision: Option<Revision>,
    /// When the customer becomes idle, with its id, if that is new.
    pub(super) idle: Option<(i64, Micros)>,
}

/// Lets the stage of a customer follow from the time.
pub(super) fn decide_lifecycle(
    working_set: &WorkingSet,
    moved: MoveLifecycle,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    let stored = Arc::clone(working_set.customer(moved.id).ok_or(Rejection::NotFound)?);
    let settled = settle(working_set, &stored, stored.customer.clone(), actor)?;
    let outcome = Outcome::Changed { id: stored.id, version: settled.after.version };
    let mut effects = Effects::new(outcome, settled.revision);
    let stays_active = settled.after.customer.lifecycle == Lifecycle::Active;
    let last_sale = working_set.last_sale(stored.id)?.filter(|_| stays_active);
    // A later sale put it off.
    effects.idle.extend(last_sale.map(|sale| (stored.id, idle_at(sale))));
    Ok(effects)
}
