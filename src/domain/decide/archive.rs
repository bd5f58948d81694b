//! Archives and unarchives a customer.

use std::sync::Arc;

use super::command::{Actor, ArchiveCustomer, Outcome};
use super::effects::Effects;
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
        }
        Operation::Unarchived
    };
    let (version, revision) = change(working_set, &stored, after, operation, actor);
    Ok(Effects::new(Outcome::Changed { id: archive.id, version }, revision))
}
