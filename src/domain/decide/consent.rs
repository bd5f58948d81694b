//! Asks for consent, and records the customer's answer.

use std::sync::Arc;

use super::command::{Actor, ChangeConsent, Outcome};
use super::effects::{Effects, MailOrder};
use super::working_set::WorkingSet;
use super::{Undecided, change, refused};
use crate::domain::customers::consent::{Channel, Consent, ConsentChange, ConsentStatus};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::history::Operation;
use crate::domain::kernel::problem::Rejection;
use crate::domain::mail::MailKind;

pub(super) fn decide_consent(
    working_set: &WorkingSet,
    consent: &ChangeConsent,
    actor: &Actor,
) -> Result<Effects, Undecided> {
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
        link_ttl_secs: consent.link_ttl_secs,
        ..MailOrder::of(consent.id, MailKind::ConsentOptIn)
    });
    Ok(Effects::new(Outcome::Changed { id: consent.id, version }, revision).with_mail(mail))
}
