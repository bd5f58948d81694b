//! Invitations, consent and the archive: what they do to a customer, and which mails they send.

use std::sync::Arc;

use super::command::{Actor, ArchiveCustomer, ChangeConsent, InviteCustomer, Outcome};
use super::working_set::{MailOrder, Revision, WorkingSet};
use super::{Undecided, change};
use crate::domain::customers::consent::{Channel, Consent, ConsentChange, ConsentStatus};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::history::Operation;
use crate::domain::customers::identifier::{IdField, Identifier, MatchKey};
use crate::domain::customers::record::{Customer, Invitation, Lifecycle, Status, Stored};
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::domain::mail::MailKind;

/// What follows from a change, whichever road it came by: with a password a customer is active, and an invitation that
/// went to another address, or was taken up, is over.
pub(super) fn apply_consequences(before: Option<&Customer>, after: &mut Customer) {
    let email = |customer: &Customer| customer.text(TextField::Email).map(str::to_owned);
    if after.password_hash.is_some() {
        match after.lifecycle {
            Lifecycle::Prospect => after.lifecycle = Lifecycle::Active,
            Lifecycle::Archived if after.archived_from == Some(Lifecycle::Prospect) => {
                after.archived_from = Some(Lifecycle::Active);
            }
            _ => {}
        }
        after.invitation = None;
    }
    if before.is_some_and(|before| email(before) != email(after)) {
        after.invitation = None;
    }
}

fn email_key(customer: &Customer) -> Option<MatchKey> {
    Identifier::new(vec![IdField::Text(TextField::Email)]).key(customer)
}

/// The keys that an invitation asks the working set for.
pub(super) fn precomputed_keys(working_set: &WorkingSet, id: i64) -> Vec<MatchKey> {
    working_set.customer(id).and_then(|stored| email_key(&stored.customer)).into_iter().collect()
}

fn refused(code: &'static str, message: &str) -> Undecided {
    Rejection::State(vec![Problem::parameter("customerId", code, message)]).into()
}

pub(super) fn decide_invite(
    working_set: &WorkingSet,
    invite: &InviteCustomer,
    actor: &Actor,
) -> Result<(Outcome, Option<Revision>, Option<MailOrder>), Undecided> {
    let stored = Arc::clone(working_set.customer(invite.id).ok_or(Rejection::NotFound)?);
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
        MailOrder { customer_id: invite.id, kind: MailKind::Invitation, link_ttl_secs: invite.link_ttl_secs };
    Ok((Outcome::Changed { id: invite.id, version }, revision, Some(mail)))
}

/// Of several customers with one address only one may have an account: whoever has it or was invited, else the oldest.
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
    let problems = vec![Problem::parameter("customerId", "same_email", message)];
    Err(Rejection::Conflict { problems, ids }.into())
}

pub(super) fn decide_consent(
    working_set: &WorkingSet,
    consent: &ChangeConsent,
    actor: &Actor,
) -> Result<(Outcome, Option<Revision>, Option<MailOrder>), Undecided> {
    let stored = Arc::clone(working_set.customer(consent.id).ok_or(Rejection::NotFound)?);
    if stored.customer.is_deleted() {
        return Err(Rejection::Deleted.into());
    }
    let asks = consent.change == ConsentChange::Ask;
    if asks && stored.customer.text(TextField::Email).is_none() {
        return Err(refused("no_email", "the customer has no e-mail address"));
    }
    let mut after = stored.customer.clone();
    let given = Consent::after(after.consent, consent.change, working_set.now);
    after.consent = Some(given);
    let operation = match consent.change {
        ConsentChange::Ask => Operation::ConsentAsked,
        ConsentChange::OptIn(_) => Operation::ConsentGiven,
        ConsentChange::Withdraw(_) => Operation::ConsentWithdrawn,
    };
    let (version, revision) = change(working_set, &stored, after, operation, actor);
    let is_open = given.of(Channel::ECommunication).status == ConsentStatus::Pending;
    let mail = (asks && is_open).then_some(MailOrder {
        customer_id: consent.id,
        kind: MailKind::ConsentOptIn,
        link_ttl_secs: consent.link_ttl_secs,
    });
    Ok((Outcome::Changed { id: consent.id, version }, revision, mail))
}

pub(super) fn decide_archive(
    working_set: &WorkingSet,
    archive: &ArchiveCustomer,
    actor: &Actor,
) -> Result<(Outcome, Option<Revision>), Undecided> {
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
            // An archived customer is not to be written to.
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
    Ok((Outcome::Changed { id: archive.id, version }, revision))
}
