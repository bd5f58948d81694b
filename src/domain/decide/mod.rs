//! Applies a command to the working set: pure, deterministic, one command at a time (rules 3, 4 and 5).

mod address;
mod archive;
pub mod asking;
mod calls;
pub mod catalogue;
pub mod command;
mod comment;
mod consent;
pub mod coupon;
pub mod coupon_book;
mod create;
pub mod creation;
mod delete;
pub mod delivery;
pub mod effects;
pub mod events;
pub mod follow_ups;
mod further;
pub mod guard;
mod holder;
mod hung;
mod invite;
mod invoice;
pub mod invoice_book;
pub mod invoicing;
mod issue;
mod label;
pub mod ledger;
mod lifecycle;
mod match_;
mod method;
pub mod missing;
mod order;
pub mod order_book;
pub mod ordering;
mod payer;
pub mod paying;
pub mod precondition;
pub mod product;
mod provider;
pub mod provider_book;
mod reference;
mod request;
pub mod request_book;
pub mod requesting;
mod settlement;
pub mod shop;
mod subscription;
mod taking_back;
mod transaction;
mod unique;
mod update;
pub mod working_set;

use std::sync::Arc;

use self::command::{Action, Actor, Answer, Command, CreateCustomer, Holder, Outcome, SubscriptionOwner};
use self::effects::Revision;
use self::working_set::{IdempotencyRecord, Missing, WorkingSet};
use super::accounts::sight::Sight;
use super::customers::apply;
use super::customers::fields::TextField;
use super::customers::history::Operation;
use super::customers::identifier::{Identifier, MatchKey, reference_key};
use super::customers::matching;
use super::customers::record::{Customer, Lifecycle, Stored};
use super::kernel::problem::{Problem, Rejection};
use super::kernel::time::Micros;

/// Why a command has no outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undecided {
    /// The command is refused; it has no effect.
    Rejected(Rejection),
    /// A fact is missing: load it into the working set, then decide again.
    Missing(Missing),
}

impl From<Rejection> for Undecided {
    fn from(rejection: Rejection) -> Undecided {
        Undecided::Rejected(rejection)
    }
}

impl From<Missing> for Undecided {
    fn from(missing: Missing) -> Undecided {
        Undecided::Missing(missing)
    }
}

/// Decides one command. Applies its effects to the working set, or leaves the working set unchanged.
///
/// # Errors
/// [`Undecided`]. A rejected command has no effect. A command with a missing fact may be decided again.
pub fn decide(working_set: &mut WorkingSet, command: &Command) -> Result<Answer, Undecided> {
    if let Some(key_use) = &command.idempotency
        && let Some(record) = working_set.idempotency(&key_use.key)
    {
        if record.fingerprint != key_use.fingerprint {
            return Err(Rejection::KeyReused.into());
        }
        let outcome = remembered(working_set, record.outcome.clone());
        return Ok(answer(working_set, outcome, true));
    }
    let actor = &command.actor;
    let effects = match &command.action {
        Action::Create(create) => create::decide_create(working_set, create, actor, command.sight)?,
        Action::Update(update) => update::decide_update(working_set, update, actor, command.sight)?,
        Action::Delete(delete) => delete::decide_delete(working_set, delete, actor)?,
        Action::Match(create) => match_::decide_match(working_set, create, command.sight)?,
        Action::Invite(invite) => invite::decide_invite(working_set, invite, actor, command.sight)?,
        Action::Consent(consent) => consent::decide_consent(working_set, consent, actor)?,
        Action::Archive(archive) => archive::decide_archive(working_set, archive, actor)?,
        Action::Address(change) => address::decide_address(working_set, change, actor, command.sight)?,
        Action::Reference(change) => reference::decide_reference(working_set, change, actor)?,
        Action::Label(labels) => label::decide_labels(working_set, labels, actor)?,
        Action::Comment(change) => comment::decide_comment(working_set, change, actor)?,
        Action::Method(change) => method::decide_method(working_set, change, actor, command.sight)?,
        Action::Subscription(put) => {
            subscription::decide_subscription(working_set, put, actor, command.sight)?
        }
        Action::Invoice(change) => invoice::decide_invoice(working_set, change, actor, command.sight)?,
        Action::Lifecycle(moved) => lifecycle::decide_lifecycle(working_set, *moved, actor)?,
        Action::Ingest(ingest) => transaction::decide_ingest(working_set, ingest, actor, command.sight)?,
        Action::Link(link) => transaction::decide_link(working_set, link, actor)?,
        Action::Coupon(change) => coupon::decide_coupon(working_set, change, actor)?,
        Action::Product(change) => product::decide_product(working_set, change, actor)?,
        Action::Order(change) => order::decide_order(working_set, change, actor)?,
        Action::Provider(ask) => provider::decide_provider(working_set, ask, actor)?,
        Action::Request(change) => request::decide_request(working_set, change, actor)?,
        Action::Replay(problems) => return Err(Rejection::Invalid(problems.clone()).into()),
    };
    let outcome = working_set.take(effects);
    if let Some(key_use) = &command.idempotency {
        let record = IdempotencyRecord { fingerprint: key_use.fingerprint, outcome: outcome.clone() };
        working_set.keep_outcome(key_use.key, record);
    }
    Ok(answer(working_set, outcome, false))
}

/// The outcome of an idempotency record, without values if the person was erased.
fn remembered(working_set: &WorkingSet, outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Created { verdict, id, version, .. }
            if working_set.customer(id).is_some_and(|stored| stored.erased) =>
        {
            Outcome::Created { verdict, id, version, matched_on: None, differs: Vec::new() }
        }
        other => other,
    }
}

fn answer(working_set: &WorkingSet, outcome: Outcome, replayed: bool) -> Answer {
    let stored = outcome.record().and_then(|(id, version)| working_set.version(id, version));
    Answer { outcome, stored, entrypoint: Arc::clone(&working_set.entrypoint), replayed }
}

/// The keys that the command needs, as far as the request shows them. [`decide`] reports further keys as missing.
pub fn precomputed_keys(working_set: &WorkingSet, command: &Command) -> Vec<MatchKey> {
    match &command.action {
        Action::Invoice(change) => match change.holder() {
            Some(Holder::Found(create)) => keys_of_create(working_set, create, command.sight),
            Some(Holder::Customer(_)) | None => Vec::new(),
        },
        Action::Method(change) => match &change.owner {
            Holder::Found(create) => keys_of_create(working_set, create, command.sight),
            Holder::Customer(_) => Vec::new(),
        },
        Action::Create(create) | Action::Match(create) => keys_of_create(working_set, create, command.sight),
        Action::Update(update) => {
            let Some(stored) = working_set.customer(update.id) else { return Vec::new() };
            if guard::check_update(&update.draft, command.sight).is_err() {
                return Vec::new();
            }
            let (after, _) =
                apply::update(&stored.customer, &update.draft, working_set.entrypoint.country.as_deref());
            let policy = &working_set.entrypoint.policy;
            let mut keys = unique::changed_keys(policy, &stored.customer, &after);
            keys.extend(unique::login_keys(Some(&stored.customer), &after).into_iter().map(|(_, key)| key));
            keys
        }
        Action::Invite(_) if guard::check_invite(&working_set.entrypoint.policy, command.sight).is_err() => {
            Vec::new()
        }
        Action::Invite(invite) => invite::precomputed_keys(working_set, invite.id),
        Action::Reference(change) if change.is_kept => {
            vec![reference_key(&change.reference.system, &change.reference.external_id)]
        }
        Action::Subscription(put) => match &put.whose {
            SubscriptionOwner::Key(key) => vec![key.clone()],
            SubscriptionOwner::Customer(create, _) => keys_of_create(working_set, create, command.sight),
            SubscriptionOwner::Unnamed | SubscriptionOwner::Id(_) => Vec::new(),
        },
        Action::Ingest(ingest) => payer::precomputed_keys(working_set, ingest, command.sight),
        Action::Delete(_)
        | Action::Link(_)
        | Action::Consent(_)
        | Action::Archive(_)
        | Action::Address(_)
        | Action::Reference(_)
        | Action::Label(_)
        | Action::Comment(_)
        | Action::Lifecycle(_)
        | Action::Coupon(_)
        | Action::Product(_)
        | Action::Order(_)
        | Action::Provider(_)
        | Action::Request(_)
        | Action::Replay(_) => Vec::new(),
    }
}

/// The keys that a create needs.
fn keys_of_create(working_set: &WorkingSet, create: &CreateCustomer, sight: Sight) -> Vec<MatchKey> {
    let entrypoint = &working_set.entrypoint;
    if guard::check_create(&entrypoint.policy, &create.draft, sight).is_err() {
        return Vec::new();
    }
    let made;
    let record = match &create.precomputed {
        Some(precomputed) => &precomputed.record,
        None => {
            let country = entrypoint.country.as_deref();
            made = apply::create(&create.draft, country, working_set.now).0;
            &made
        }
    };
    let mut keys = matching::keys(entrypoint, create, record).unwrap_or_default();
    keys.extend(Identifier::customer_username().key(record));
    keys.extend(unique::login_keys(None, record).into_iter().map(|(_, key)| key));
    keys
}

fn invalid(problems: Vec<Problem>) -> Result<(), Rejection> {
    if problems.is_empty() { Ok(()) } else { Err(Rejection::Invalid(problems)) }
}

fn refused(code: &'static str, message: &str) -> Undecided {
    Rejection::State(vec![Problem::parameter("customerId", code, message)]).into()
}

/// Rules for every change, whichever command made it: a customer with a password is active, and an invitation ends once
/// its address changes or it is accepted.
fn apply_consequences(before: Option<&Customer>, after: &mut Customer) {
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
    if before.is_some_and(|before| !before.is_same(TextField::Email, after)) {
        after.invitation = None;
    }
}

/// The time of a change: now, but never before the last change, whose instance may have had a clock ahead of this one's
/// (rules 5).
fn time_of_change(working_set: &WorkingSet, before: &Customer) -> Micros {
    working_set.now.max(before.updated_at)
}

/// The next version of a record, or the same version if nothing changed (rules 5).
fn change(
    working_set: &WorkingSet,
    stored: &Arc<Stored>,
    after: Customer,
    operation: Operation,
    actor: &Actor,
) -> (i64, Option<Revision>) {
    write(working_set, stored, after, operation, actor, false)
}

/// The next version of a record, or the same version if nothing changed and the actor may learn that (rules 1).
fn write(
    working_set: &WorkingSet,
    stored: &Arc<Stored>,
    mut after: Customer,
    operation: Operation,
    actor: &Actor,
    is_blind: bool,
) -> (i64, Option<Revision>) {
    apply_consequences(Some(&stored.customer), &mut after);
    if after == stored.customer && !is_blind {
        return (stored.version, None);
    }
    after.updated_at = time_of_change(working_set, &stored.customer);
    let version = stored.version + 1;
    let after = Arc::new(Stored { id: stored.id, version, customer: after, erased: false });
    let before = Some(Arc::clone(stored));
    let revision = Revision { before, after, operation, actor: actor.clone(), precomputed: None, is_blind };
    (version, Some(revision))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::command::{ArchiveCustomer, DeleteCustomer, Precondition};
    use super::*;
    use crate::domain::accounts::sight::Sight;
    use crate::domain::entrypoints::Entrypoint;

    /// A change of a customer, by number.
    fn action(number: u8) -> Action {
        let precondition = Precondition::None;
        match number {
            0 => Action::Archive(ArchiveCustomer { id: 1, archived: true, precondition }),
            1 => Action::Archive(ArchiveCustomer { id: 1, archived: false, precondition }),
            2 => Action::Delete(DeleteCustomer { id: 1, erase: false, cancel_open: false, precondition }),
            _ => Action::Delete(DeleteCustomer { id: 1, erase: true, cancel_open: false, precondition }),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Rules 5: each batch comes from an instance with another clock.
        #[test]
        fn the_time_of_a_record_never_goes_back(
            batches in prop::collection::vec((0_i64..1_000, prop::collection::vec(0_u8..2, 1..4)), 1..12),
            (ends_at, ends) in (0_i64..1_000, 2_u8..4),
        ) {
            let mut stored = Stored { id: 1, version: 1, customer: Customer::default(), erased: false };
            let mut last = Micros(500);
            stored.customer.updated_at = last;
            for (now, actions) in batches.into_iter().chain([(ends_at, vec![ends])]) {
                let mut set = WorkingSet::new(Arc::new(Entrypoint::default()), Micros(now), 0..0);
                set.add_customer(stored.clone());
                set.add_last_sale(1, None);
                set.add_pending(1, 0);
                set.invoices.add_unsettled(1, Vec::new());
                set.requests.add_open(1, Vec::new());
                for number in actions {
                    let actor = Actor { name: "test".into(), jti: String::new() };
                    let action = action(number);
                    let command = Command { entrypoint_id: 0, actor, sight: Sight::FULL, idempotency: None, action };
                    decide(&mut set, &command).unwrap();
                }
                for revision in set.revisions() {
                    let at = revision.after.customer.updated_at;
                    prop_assert!(at >= last && at >= Micros(now), "{at:?} after {last:?} at {now}");
                    last = at;
                }
                stored = Stored::clone(set.customer(1).unwrap());
            }
            prop_assert_eq!(stored.customer.updated_at, last);
        }
    }
}
