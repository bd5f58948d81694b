//! Values that no two live customers of an entrypoint may share.

use super::Undecided;
use super::working_set::WorkingSet;
use crate::domain::customers::identifier::Identifier;
use crate::domain::customers::matching;
use crate::domain::customers::record::{Customer, Stored};
use crate::domain::kernel::problem::Rejection;

pub(super) fn check_changed_identity(
    working_set: &WorkingSet,
    stored: &Stored,
    after: &Customer,
) -> Result<(), Undecided> {
    let mut changed = working_set.entrypoint.policy.unique();
    changed.retain(|identifier| identifier.key(after) != identifier.key(&stored.customer));
    check_unique(working_set, Some(stored.id), after, &changed)
}

/// Refuses values that another live customer has.
pub(super) fn check_unique(
    working_set: &WorkingSet,
    own: Option<i64>,
    after: &Customer,
    identifiers: &[Identifier],
) -> Result<(), Undecided> {
    let mut problems = Vec::new();
    let mut in_the_way = Vec::new();
    for key in identifiers.iter().filter_map(|identifier| identifier.key(after)) {
        let others: Vec<i64> =
            working_set.live_with(&key)?.into_iter().filter(|id| Some(*id) != own).collect();
        if others.is_empty() {
            continue;
        }
        let mut problem = matching::taken(&key, &others, "belongs to");
        if key.identifier == Identifier::customer_username() {
            problem.message = format!("same username exists already: {}", problem.message);
        }
        problems.push(problem);
        in_the_way.extend(others);
    }
    if problems.is_empty() {
        return Ok(());
    }
    in_the_way.sort_unstable();
    in_the_way.dedup();
    Err(Rejection::Conflict { problems, ids: in_the_way }.into())
}
