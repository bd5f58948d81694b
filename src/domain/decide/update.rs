//! Changes the sent fields of a customer (rules 5).

use std::sync::Arc;

use super::command::{Actor, Outcome, UpdateCustomer};
use super::effects::Effects;
use super::unique::check_changed_identity;
use super::working_set::WorkingSet;
use super::{Undecided, guard, invalid, write};
use crate::domain::accounts::sight::Sight;
use crate::domain::customers::apply;
use crate::domain::customers::history::Operation;
use crate::domain::kernel::problem::Rejection;

pub(super) fn decide_update(
    working_set: &WorkingSet,
    update: &UpdateCustomer,
    actor: &Actor,
    sight: Sight,
) -> Result<Effects, Undecided> {
    let stored = Arc::clone(working_set.customer(update.id).ok_or(Rejection::NotFound)?);
    guard::check_update(&update.draft, sight)?;
    let country = working_set.entrypoint.country.as_deref();
    let draft = guard::marked(&update.draft, sight);
    let (after, problems) = apply::update(&stored.customer, &draft, country);
    // A deleted record answers 409 in any case, so masks and zips need no check.
    if !stored.customer.is_deleted() {
        invalid(problems)?;
    }
    if !update.precondition.holds(stored.version) {
        return Err(Rejection::Stale.into());
    }
    if stored.customer.is_deleted() {
        return Err(Rejection::Deleted.into());
    }
    check_changed_identity(working_set, &stored, &after)?;
    let is_blind = guard::is_blind(&update.draft, &[], sight);
    let (version, revision) = write(working_set, &stored, after, Operation::Updated, actor, is_blind);
    Ok(Effects::new(Outcome::Changed { id: update.id, version }, revision))
}
