//! Changes the labels of a customer (rules 12).

use std::sync::Arc;

use super::command::{Actor, ChangeLabels, Outcome};
use super::effects::Effects;
use super::working_set::WorkingSet;
use super::{Undecided, change, refused};
use crate::domain::customers::history::Operation;
use crate::domain::customers::record::LABELS_MAX;
use crate::domain::kernel::problem::Rejection;

pub(super) fn decide_labels(
    working_set: &WorkingSet,
    labels: &ChangeLabels,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    let stored = Arc::clone(working_set.customer(labels.id).ok_or(Rejection::NotFound)?);
    if stored.customer.is_deleted() {
        return Err(Rejection::Deleted.into());
    }
    let Some(new) = labels.change.applied(&stored.customer.labels) else {
        let message = format!("the customer would have more than {LABELS_MAX} labels");
        return Err(refused("too_many", &message));
    };
    let mut after = stored.customer.clone();
    after.labels = new;
    let (version, revision) = change(working_set, &stored, after, Operation::Updated, actor);
    Ok(Effects::new(Outcome::Changed { id: labels.id, version }, revision))
}
