//! Invites a customer to the portal.

use std::sync::Arc;

use super::command::{Actor, InviteCustomer, Outcome};
use super::effects::{Effects, MailOrder};
use super::working_set::WorkingSet;
use super::{Undecided, change, guard, refused};
use crate::domain::accounts::sight::Sight;
use crate::domain::customers::fields::TextField;
use crate::domain::customers::history::Operation;
use crate::domain::customers::identifier::{Identifier, MatchKey};
use crate::domain::customers::record::{Customer, Invitation, Lifecycle, Status, Stored};
use crate::domain::kernel::problem::{Problem, Rejection, Tells};
use crate::domain::mail::MailKind;

fn email_key(customer: &Customer) -> Option<MatchKey> {
    Identifier::of(TextField::Email).key(customer)
}

/// The keys that an invitation looks up in the working set.
pub(super) fn precomputed_keys(working_set: &WorkingSet, id: i64) -> Vec<MatchKey> {
    working_set.customer(id).and_then(|stored| email_key(&stored.customer)).into_iter().collect()
}

pub(super) fn decide_invite(
    working_set: &WorkingSet,
    invite: &InviteCustomer,
    actor: &Actor,
    sight: Sight,
) -> Result<Effects, Undecided> {
    let stored = Arc::clone(working_set.customer(invite.id).ok_or(Rejection::NotFound)?);
    guard::check_invite(&working_set.entrypoint.policy, sight)?;
    let customer = &stored.customer;
    if customer.is_deleted() {
        return Err(Rejection::Deleted.into());
    }
    if customer.password_hash.is_some() {
        return Err(refused("active", "the customer has an account already"));
    }
    if customer.lifecycle == Lifecycle::Archived {
        return Err(refused("archived", "the customer is archived; unarchive first"));
    }
    if customer.status == Status::Inactive {
        return Err(refused("inactive", "the customer is inactive and could not sign in"));
    }
    let Some(key) = email_key(customer) else {
        return Err(refused("no_email", "the customer has no e-mail address"));
    };
    check_email_is_its_own(working_set, &stored, &key)?;
    if !invite.again && customer.is_invited(working_set.now) {
        return Err(refused("invited", "the customer is invited already"));
    }
    let mut after = customer.clone();
    after.invitation =
        Some(Invitation { at: working_set.now, expires_at: working_set.now.plus_secs(invite.link_ttl_secs) });
    let (version, revision) = change(working_set, &stored, after, Operation::Invited, actor);
    let mail =
        MailOrder { link_ttl_secs: invite.link_ttl_secs, ..MailOrder::of(invite.id, MailKind::Invitation) };
    Ok(Effects::new(Outcome::Changed { id: invite.id, version }, revision).with_mail(Some(mail)))
}

/// Only one customer of an address may have an account: one with an account or an invitation, else the oldest.
fn check_email_is_its_own(
    working_set: &WorkingSet,
    stored: &Stored,
    key: &MatchKey,
) -> Result<(), Undecided> {
    let is_first = |id: &i64| {
        let other = working_set.customer(*id).map(|other| &other.customer);
        let is_taken =
            other.is_some_and(|other| other.password_hash.is_some() || other.is_invited(working_set.now));
        is_taken || *id < stored.id
    };
    let ids: Vec<i64> =
        working_set.live_with(key)?.into_iter().filter(|id| *id != stored.id).filter(is_first).collect();
    let Some(first) = ids.first() else { return Ok(()) };
    let message = format!("customer {first} has the same e-mail address");
    let problems = vec![Problem::parameter("customerId", "same_email", message).telling(Tells::Masked)];
    Err(Rejection::Conflict { problems, ids }.into())
}
