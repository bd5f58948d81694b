//! Finds or makes the customer whom a new stored method or invoice belongs to.

use std::sync::Arc;

use super::command::{Actor, Holder};
use super::effects::Revision;
use super::working_set::WorkingSet;
use super::{Undecided, create};
use crate::domain::accounts::sight::Sight;
use crate::domain::customers::record::Stored;
use crate::domain::kernel::problem::Rejection;

/// The customer, and the change that makes it if it is new, or completes it.
///
/// # Errors
/// 404 for an unknown customer; those of a create.
pub(super) fn holder(
    working_set: &mut WorkingSet,
    holder: &Holder,
    actor: &Actor,
    sight: Sight,
) -> Result<(Option<Revision>, Arc<Stored>), Undecided> {
    match holder {
        Holder::Customer(id) => Ok((None, Arc::clone(working_set.customer(*id).ok_or(Rejection::NotFound)?))),
        Holder::Found(create) => {
            let mut effects = create::decide_create(working_set, create, actor, sight)?;
            let id = effects.outcome.record().map(|(id, _)| id);
            let revision = effects.revisions.pop();
            let known = || id.and_then(|id| working_set.customer(id)).map(Arc::clone);
            let stored = revision.as_ref().map(|revision| Arc::clone(&revision.after)).or_else(known);
            Ok((revision, stored.ok_or(Rejection::NotFound)?))
        }
    }
}
