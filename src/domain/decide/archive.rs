//! Archives and unarchives a customer.

use std::sync::Arc;

use super::command::{Actor, ArchiveCustomer, Outcome};
use super::effects::Effects;
use super::lifecycle::stage_of;
use super::working_set::WorkingSet;
use super::{Undecided, change};
use crate::domain::customers::history::Operation;
use crate::domain::customers::record::Lifecycle;
use crate::domain::kernel::problem::Rejection;

pub(super) fn decide_archive(
    working_set: &WorkingSet,
    archive: &ArchiveCustomer,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    let stored = Arc::clone(working_set.customer(archive.id).ok_or(Rejection::NotFound)?);
    if !archive.precondition.holds(stored.version) {
        return Err(Rejection::Stale.into());
    }
    if stored.customer.is_deleted() {
        return Err(Rejection::Deleted.into());
    }
    let mut after = stored.customer.clone();
    let mut idle = None;
    let is_archived = after.lifecycle == Lifecycle::Archived;
    let operation = if archive.archived {
        if !is_archived {
            after.archived_from = Some(after.lifecycle);
            after.lifecycle = Lifecycle::Archived;
            // Nobody may write to an archived customer.
            after.invitation = None;
        }
        Operation::Archived
    } else {
        if is_archived {
            after.lifecycle = after.archived_from.take().unwrap_or_default();
            // Meanwhile money may have come, subscriptions may have ended, and time went by.
            let last_sale = working_set.last_sale(archive.id)?;
            if let Some(stage) = stage_of(&after, last_sale, working_set.now) {
                after.lifecycle = stage.lifecycle;
                idle = stage.idle_at.map(|at| (archive.id, at));
            }
        }
        Operation::Unarchived
    };
    let (version, revision) = change(working_set, &stored, after, operation, actor);
    let mut effects = Effects::new(Outcome::Changed { id: archive.id, version }, revision);
    effects.idle.extend(idle);
    Ok(effects)
}
