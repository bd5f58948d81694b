//! Finds, registers and completes the customers who pay (rules 14).

use std::sync::Arc;

use super::command::{Actor, CreateCustomer, Hung, OnMatch, Outcome};
use super::create::{check_required, decide_create};
use super::delivery::{Delivery, Ingest, OnUnknown, Reason};
use super::effects::Effects;
use super::ledger::Payer;
use super::missing::Missing;
use super::unique::check_changed_identity;
use super::working_set::WorkingSet;
use super::{Undecided, guard, keys_of_create, lifecycle, write};
use crate::domain::accounts::sight::Sight;
use crate::domain::customers::draft::Draft;
use crate::domain::customers::fields::TextField;
use crate::domain::customers::fill::fill;
use crate::domain::customers::history::Operation;
use crate::domain::customers::identifier::{Identifier, MatchKey, reference_key, reference_keys};
use crate::domain::customers::matching::Candidates;
use crate::domain::customers::record::Customer;
use crate::domain::customers::{apply, matching};
use crate::domain::kernel::problem::Rejection;
use crate::domain::kernel::time::Micros;
use crate::domain::transactions::item::Whose;
use crate::domain::transactions::{CANDIDATES_MAX, Transaction};

/// Whose a delivery says that its transaction is.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub(super) customer_id: Option<i64>,
    pub(super) candidates: Vec<i64>,
    /// Why there is no customer.
    pub(super) reason: Option<Reason>,
    /// What the one who pays was found by, or is registered by.
    pub(super) keys: Vec<MatchKey>,
}

impl Named {
    fn nobody(code: &str, message: &str, field: &str) -> Named {
        let reason = Reason { code: code.into(), message: message.into(), field: field.into() };
        Named { reason: Some(reason), ..Named::default() }
    }
}

/// Who pays, as a record in JSON, so that the transaction can wait for its customer. The record has no times, since two
/// deliveries of one payer must give the same one.
pub(super) fn payer_told(working_set: &WorkingSet, whose: &Whose, sight: Sight) -> Option<String> {
    let record = match whose {
        Whose::Nobody | Whose::Id(_) => return None,
        Whose::Number(number) => numbered(number),
        Whose::Reference(reference) => {
            Customer { references: [reference.clone()].into_iter().collect(), ..Customer::default() }
        }
        Whose::Customer(draft) => {
            let entrypoint = &working_set.entrypoint;
            guard::check_create(&entrypoint.policy, draft, sight).ok()?;
            let (record, _) = apply::create(draft, entrypoint.country.as_deref(), working_set.now);
            Customer { created_at: Micros::default(), updated_at: Micros::default(), ..record }
        }
    };
    serde_json::to_string(&record).ok()
}

/// The keys by which a transaction waits for its customer.
pub(super) fn waiting_keys(working_set: &WorkingSet, transaction: &Transaction) -> Vec<MatchKey> {
    if !transaction.is_waiting() {
        return Vec::new();
    }
    let Some(record) = transaction.details.payer() else { return Vec::new() };
    matching::keys(&working_set.entrypoint, &as_create(&Draft::default()), &record).unwrap_or_default()
}

/// A record with nothing but a customer number.
fn numbered(number: &str) -> Customer {
    let mut named = Customer::default();
    named.texts.set(TextField::CustomerNumber, Some(number.into()));
    named
}

/// The key of a customer number.
pub(super) fn number_key(number: &str) -> Option<MatchKey> {
    Identifier::customer_number().key(&numbered(number))
}

pub(super) fn first_with(working_set: &WorkingSet, key: Option<&MatchKey>) -> Result<Option<i64>, Missing> {
    let Some(key) = key else { return Ok(None) };
    Ok(working_set.live_with(key)?.first().copied())
}

/// What a delivery may make of who pays.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paying {
    /// Whether it registers or completes the customer: it confirms a sale, and that is asked for.
    pub(super) registers: bool,
    /// When the sale was paid, as far as all deliveries tell.
    pub(super) paid: Option<Micros>,
    /// What becomes of one whose customer is not known.
    pub(super) on_unknown: OnUnknown,
}

/// Why a delivery has no customer, and what would do: an unlinked transaction can be linked, a refused one cannot.
fn nobody_found(
    code: &str,
    what: &str,
    (link, send): (&str, &str),
    field: &str,
    on_unknown: OnUnknown,
) -> Named {
    let what_would_do = if on_unknown == OnUnknown::Refuse { send } else { link };
    Named::nobody(code, &format!("{what}; {what_would_do}"), field)
}

/// Finds the customer that a delivery names; registers or completes the one who paid, if that is asked for.
pub(super) fn whose(
    working_set: &mut WorkingSet,
    whose: &Whose,
    paying: Paying,
    actor: &Actor,
    sight: Sight,
) -> Result<Named, Missing> {
    const UNKNOWN: &str = "leads to no customer of this entrypoint, or to a deleted one";
    const WHAT_WOULD_DO: (&str, &str) = (
        "link the transaction once the customer is there",
        "send the transaction again once the customer is there",
    );
    let known = |found: Option<i64>, key: Option<MatchKey>, field: &str| match found {
        Some(id) => Named { customer_id: Some(id), keys: key.into_iter().collect(), ..Named::default() },
        None => nobody_found("unknown_customer", UNKNOWN, WHAT_WOULD_DO, field, paying.on_unknown),
    };
    match whose {
        Whose::Nobody => Ok(Named::default()),
        Whose::Id(id) => {
            let is_live = working_set.payer(*id)? == Payer::Live;
            Ok(known(is_live.then_some(*id), None, "/customerId"))
        }
        Whose::Number(number) => {
            let key = number_key(number);
            Ok(known(first_with(working_set, key.as_ref())?, key, "/customerNumber"))
        }
        Whose::Reference(reference) => {
            let key = reference_key(&reference.system, &reference.external_id);
            Ok(known(first_with(working_set, Some(&key))?, Some(key), "/reference"))
        }
        Whose::Customer(draft) => match payer(working_set, draft, paying, actor, sight) {
            Ok(named) => Ok(named),
            Err(Undecided::Missing(missing)) => Err(missing),
            Err(Undecided::Rejected(rejection)) => Ok(not_found(rejection, paying.on_unknown)),
        },
    }
}

/// Links nobody: several customers fit, or the one that fits may be another person.
fn ambiguous(mut candidates: Vec<i64>, on_unknown: OnUnknown) -> Named {
    const AMBIGUOUS: &str = "several customers fit, or one with another customerNumber or e-mail address";
    const WHAT_WOULD_DO: (&str, &str) =
        ("link the transaction to one of its candidates", "name one of them by customerId");
    candidates.truncate(CANDIDATES_MAX);
    let named = nobody_found("ambiguous_customer", AMBIGUOUS, WHAT_WOULD_DO, "/customer", on_unknown);
    Named { candidates, ..named }
}

/// The customers with one of the identifiers, if more than one has the same. A create takes the oldest of them (rules 3), but
/// money never changes its owner.
fn several(found: &Candidates) -> Option<Vec<i64>> {
    let (_, ids) = found.iter().find(|(_, ids)| ids.len() > 1)?;
    Some(ids.clone())
}

/// Whether a customer whom another identifier found has an e-mail address, and a different one than who paid.
fn has_another_email(working_set: &WorkingSet, id: i64, record: &Customer) -> bool {
    let Some(stored) = working_set.customer(id) else { return false };
    stored.customer.text(TextField::Email).is_some()
        && record.text(TextField::Email).is_some()
        && !stored.customer.is_same(TextField::Email, record)
}

/// Why who paid was not found and not registered.
fn not_found(rejection: Rejection, on_unknown: OnUnknown) -> Named {
    const FIELD: &str = "/customer";
    match rejection {
        Rejection::Conflict { ids, .. } => ambiguous(ids, on_unknown),
        Rejection::Invalid(problems) | Rejection::NeedsPii(problems) | Rejection::State(problems) => {
            let reason = Reason::first_of(&problems);
            Named {
                reason: Some(Reason { field: format!("{FIELD}{}", reason.field), ..reason }),
                ..Named::default()
            }
        }
        Rejection::NoIdentifier { wanted } => {
            let message = format!("has no value of what identifies a customer here: {}", wanted.join(", "));
            Named::nobody("no_identifier", &message, FIELD)
        }
        _ => Named::nobody("unknown_customer", "finds no customer", FIELD),
    }
}

/// The create that a payment's customer stands for.
pub(super) fn as_create(draft: &Draft) -> CreateCustomer {
    CreateCustomer { draft: draft.clone(), hung: Hung::default(), on_match: OnMatch::Get, precomputed: None }
}

/// Whom the one matcher (rules 3) finds for who pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    One(i64),
    /// It cannot choose.
    Several(Vec<i64>),
    Nobody,
}

/// Finds who pays. `compares_email`: whether the e-mail address may tell that a customer is another person.
pub(super) fn find(
    working_set: &WorkingSet,
    create: &CreateCustomer,
    record: &Customer,
    compares_email: bool,
) -> Result<Found, Undecided> {
    // What another system calls a customer leads to this one and to no other.
    for key in reference_keys(record) {
        if let Some(id) = first_with(working_set, Some(&key))? {
            return Ok(Found::One(id));
        }
    }
    let keys = matching::keys(&working_set.entrypoint, create, record)?;
    let found = matching::candidates(working_set, &keys)?;
    if let Some(candidates) = several(&found) {
        return Ok(Found::Several(candidates));
    }
    Ok(match matching::hit(working_set, create, record, &found)? {
        // A shared phone or name makes nobody the same person as the one with another address.
        Some(hit) if compares_email && has_another_email(working_set, hit.id, record) => {
            Found::Several(vec![hit.id])
        }
        Some(hit) => Found::One(hit.id),
        None => Found::Nobody,
    })
}

/// Whether the e-mail address may tell that a customer is another person. Whoever does not see e-mail addresses must not learn
/// one, save where it identifies (rules 1).
fn compares_email(keys: &[MatchKey], sight: Sight) -> bool {
    sight.pii || keys.iter().any(|key| key.identifier.to_string() == TextField::Email.name())
}

/// Finds, registers or completes who paid.
fn payer(
    working_set: &mut WorkingSet,
    draft: &Draft,
    paying: Paying,
    actor: &Actor,
    sight: Sight,
) -> Result<Named, Undecided> {
    let entrypoint = Arc::clone(&working_set.entrypoint);
    guard::check_create(&entrypoint.policy, draft, sight)?;
    let create = as_create(draft);
    let (record, problems) = apply::create(draft, entrypoint.country.as_deref(), working_set.now);
    let keys = matching::keys(&entrypoint, &create, &record)?;
    let customer_id = match find(working_set, &create, &record, compares_email(&keys, sight))? {
        Found::Several(candidates) => return Ok(ambiguous(candidates, paying.on_unknown)),
        Found::One(id) => {
            if paying.registers && sight.pii {
                complete(working_set, draft, id, actor)?;
            }
            id
        }
        Found::Nobody if paying.registers && working_set.ledger.was_erased(&keys)? => {
            const MESSAGE: &str = "the person was erased here, and no payment registers the person again; create the customer and link the transaction";
            return Ok(Named::nobody("erased_customer", MESSAGE, "/customer"));
        }
        Found::Nobody if paying.registers => {
            check_required(working_set, draft, &record, &problems)?;
            let mut effects = decide_create(working_set, &create, actor, sight)?;
            lifecycle::begin(&mut effects, paying.paid, working_set.now);
            let made = effects.outcome.record().ok_or(Rejection::Defect)?;
            working_set.take(effects);
            made.0
        }
        Found::Nobody if paying.on_unknown == OnUnknown::Create => {
            const MESSAGE: &str = "no customer fits, and only a delivery that confirms a sale (status approved or refunded) registers one";
            return Ok(Named::nobody("not_confirmed", MESSAGE, "/customer"));
        }
        Found::Nobody => {
            const MESSAGE: &str = "no customer fits; create the customer, or send onUnknownCustomer=create";
            return Ok(Named::nobody("unknown_customer", MESSAGE, "/customer"));
        }
    };
    Ok(Named { customer_id: Some(customer_id), keys, ..Named::default() })
}

/// The one customer that the payer matches, if there is one.
///
/// # Errors
/// A missing fact.
pub(super) fn found_by(
    working_set: &WorkingSet,
    draft: &Draft,
    sight: Sight,
) -> Result<Option<i64>, Missing> {
    let entrypoint = &working_set.entrypoint;
    let create = as_create(draft);
    let (record, _) = apply::create(draft, entrypoint.country.as_deref(), working_set.now);
    let found = guard::check_create(&entrypoint.policy, draft, sight)
        .map_err(Undecided::from)
        .and_then(|()| Ok(matching::keys(entrypoint, &create, &record)?))
        .and_then(|keys| find(working_set, &create, &record, compares_email(&keys, sight)));
    match found {
        Ok(Found::One(id)) => Ok(Some(id)),
        Err(Undecided::Missing(missing)) => Err(missing),
        Ok(_) | Err(Undecided::Rejected(_)) => Ok(None),
    }
}

/// Fills in what the customer of a known transaction lacks, if the matcher finds that customer and nobody else.
///
/// # Errors
/// A missing fact.
pub(super) fn complete_owner(
    working_set: &mut WorkingSet,
    draft: &Draft,
    owner: i64,
    actor: &Actor,
    sight: Sight,
) -> Result<(), Missing> {
    if !sight.pii || found_by(working_set, draft, sight)? != Some(owner) {
        return Ok(());
    }
    match complete(working_set, draft, owner, actor) {
        Err(Undecided::Missing(missing)) => Err(missing),
        Ok(()) | Err(Undecided::Rejected(_)) => Ok(()),
    }
}

/// Fills in what a customer lacks. What would get in the way of another customer is left.
pub(super) fn complete(
    working_set: &mut WorkingSet,
    draft: &Draft,
    id: i64,
    actor: &Actor,
) -> Result<(), Undecided> {
    let stored = Arc::clone(working_set.customer(id).ok_or(Rejection::Defect)?);
    let (after, problems) = fill(&stored.customer, draft, working_set.entrypoint.country.as_deref());
    if !problems.is_empty() || after == stored.customer {
        return Ok(());
    }
    match check_changed_identity(working_set, &stored, &after) {
        Ok(()) => {}
        Err(Undecided::Missing(missing)) => return Err(missing.into()),
        Err(Undecided::Rejected(_)) => return Ok(()),
    }
    let (version, revision) = write(working_set, &stored, after, Operation::Merged, actor, false);
    working_set.take(Effects::new(Outcome::Changed { id, version }, revision));
    Ok(())
}

/// The keys by which deliveries name customers.
pub(super) fn precomputed_keys(working_set: &WorkingSet, ingest: &Ingest, sight: Sight) -> Vec<MatchKey> {
    let mut keys = Vec::new();
    for (_, delivery) in ingest.deliveries() {
        let Delivery::Item(item) = delivery else { continue };
        match &item.whose {
            Whose::Nobody | Whose::Id(_) => {}
            Whose::Number(number) => keys.extend(number_key(number)),
            Whose::Reference(reference) => {
                keys.push(reference_key(&reference.system, &reference.external_id));
            }
            Whose::Customer(draft) => {
                keys.extend(keys_of_create(working_set, &as_create(draft), sight));
            }
        }
    }
    keys
}
