//! Records transactions, finds or registers their customers, and links them (rules 14 and 15).
//!
//! The items of a command are decided one by one, each with the effects of those before it; a missing fact interrupts the
//! command, which then goes on where it was.

use std::sync::Arc;

use super::command::{Actor, CreateCustomer, Hung, OnMatch, Outcome};
use super::create::{check_required, decide_create};
use super::delivery::{Delivery, Ingest, ItemAnswer, ItemResult, LinkTransaction, OnUnknown, Reason};
use super::effects::Effects;
use super::events::{Event, EventKind};
use super::ledger::{self, Payer, key_of, sale_of};
use super::missing::{ExternalKey, Missing};
use super::unique::check_changed_identity;
use super::working_set::WorkingSet;
use super::{Undecided, guard, keys_of_create, lifecycle, refused, write};
use crate::domain::accounts::sight::Sight;
use crate::domain::customers::draft::{Change, Draft};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::fill::fill;
use crate::domain::customers::history::Operation as HistoryOperation;
use crate::domain::customers::identifier::{Identifier, MatchKey, reference_key};
use crate::domain::customers::matching::Candidates;
use crate::domain::customers::record::Customer;
use crate::domain::customers::{apply, matching};
use crate::domain::kernel::problem::Rejection;
use crate::domain::kernel::time::Micros;
use crate::domain::transactions::changes::changes;
use crate::domain::transactions::id::TransId;
use crate::domain::transactions::item::{Item, Whose};
use crate::domain::transactions::merge::merged;
use crate::domain::transactions::totals::sale_at;
use crate::domain::transactions::{CANDIDATES_MAX, Details, Transaction};

/// The name of the field that says whose a transaction is, in events.
const OWNER: &str = "customerId";

/// Whose a delivery says that its transaction is.
#[derive(Debug, Default)]
struct Named {
    customer_id: Option<i64>,
    candidates: Vec<i64>,
    /// Why there is no customer.
    reason: Option<Reason>,
}

impl Named {
    fn nobody(code: &str, message: &str, field: &str) -> Named {
        let reason = Reason { code: code.into(), message: message.into(), field: field.into() };
        Named { reason: Some(reason), ..Named::default() }
    }
}

pub(super) fn decide_ingest(
    working_set: &mut WorkingSet,
    ingest: &Ingest,
    actor: &Actor,
    sight: Sight,
) -> Result<Effects, Undecided> {
    loop {
        let index = working_set.ledger.answered.len();
        let Some(delivery) = ingest.items.get(index) else { break };
        let answer = match delivery {
            Delivery::Refused { external_id, reason } => {
                ItemAnswer { external_id: external_id.clone(), ..refusal(reason.clone()) }
            }
            Delivery::Item(item) => {
                let answer = deliver(working_set, item, (ingest, index), actor, sight)?;
                ItemAnswer { external_id: Some(item.external_id.clone()), ..answer }
            }
        };
        working_set.ledger.answered.push(answer);
    }
    let answered = std::mem::take(&mut working_set.ledger.answered);
    Ok(Effects::new(Outcome::Ingested(answered), None))
}

fn refusal(reason: Reason) -> ItemAnswer {
    ItemAnswer {
        result: ItemResult::Refused,
        external_id: None,
        trans_id: None,
        customer_id: None,
        candidates: Vec::new(),
        refund_of_unknown: false,
        reason: Some(reason),
        apart: None,
    }
}

/// Decides one delivery, and applies its effects. Before it applies the first one, every fact is there.
fn deliver(
    working_set: &mut WorkingSet,
    item: &Item,
    (ingest, index): (&Ingest, usize),
    actor: &Actor,
    sight: Sight,
) -> Result<ItemAnswer, Missing> {
    let (base, now) = (working_set.entrypoint.currency, working_set.now);
    if let Err(problems) = item.check_digits(base) {
        return Ok(refusal(Reason::first_of(&problems)));
    }
    let key = (item.source.clone(), item.external_id.clone());
    let before = working_set.ledger.get(&key)?.map(Arc::clone);
    let mut after = match &before {
        Some(before) => merged(before, item, (base, now), sight.pii),
        None => {
            // An odd factor makes each of a thousand ids another one.
            let place = u128::try_from(index).unwrap_or_default();
            let random = ingest.random ^ place.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            Transaction::new(item, TransId::new(working_set.entrypoint.id, now, random), base, now)
        }
    };
    // What the transaction touches must be there before anything is written.
    let sale = match sale_of(&after) {
        Some(sale) => working_set.ledger.get(&sale)?.map(Arc::clone),
        None => None,
    };
    if let Some(earlier) = before.as_deref().and_then(sale_of) {
        working_set.ledger.get(&earlier)?;
    }
    after.refunded = working_set.ledger.refunded(&after)?;
    let owners = [before.as_ref(), sale.as_ref()].map(|known| known.and_then(|known| known.customer_id));
    for owner in owners.into_iter().flatten() {
        working_set.payer(owner)?;
    }
    let owner_of_sale = sale.as_ref().and_then(|sale| sale.customer_id);
    let named = match before.as_ref().and_then(|before| before.customer_id) {
        // What pays a sale back is of the sale's customer, whomever the delivery names.
        _ if owner_of_sale.is_some() => Named { customer_id: owner_of_sale, ..Named::default() },
        Some(owner) => match other_owner(working_set, &item.whose, owner)? {
            // Whoever does not read customers must not learn that a name is somebody else's (rules 1).
            Some(reason) if sight.reads => return Ok(refusal(reason)),
            _ => Named { customer_id: Some(owner), ..Named::default() },
        },
        None => {
            let paid = sale_at(&after);
            let named = whose(working_set, &item.whose, (ingest.on_unknown, paid), actor, sight)?;
            match named.reason {
                Some(reason) if ingest.on_unknown == OnUnknown::Refuse => return Ok(refusal(reason)),
                _ => named,
            }
        }
    };
    after.customer_id = named.customer_id;
    if !named.candidates.is_empty() {
        after.details.candidates.clone_from(&named.candidates);
    }
    forget_erased(working_set, &mut after)?;
    let refund_of_unknown = sale.is_none() && sale_of(&after).is_some();
    let owner_before = before.as_ref().and_then(|before| before.customer_id);
    let result = match &before {
        None => ItemResult::Created,
        Some(before) if **before == after => ItemResult::Unchanged,
        Some(_) if owner_before != after.customer_id => ItemResult::Linked,
        Some(_) => ItemResult::Moved,
    };
    let apart = match &before {
        Some(before) if before.customer_id != after.customer_id || result == ItemResult::Moved => {
            let mut apart = after.clone();
            apart.customer_id = before.customer_id;
            apart.details.candidates.clone_from(&before.details.candidates);
            if apart == **before { ItemResult::Unchanged } else { ItemResult::Moved }
        }
        _ => result,
    };
    let answer = ItemAnswer {
        result,
        external_id: None,
        trans_id: Some(after.id.show(working_set.entrypoint.id)),
        customer_id: after.customer_id,
        candidates: named.candidates,
        refund_of_unknown,
        reason: named.reason.filter(|_| after.customer_id.is_none()),
        apart: Some(apart),
    };
    if result != ItemResult::Unchanged {
        record(working_set, before.as_deref(), after, actor)?;
    }
    Ok(answer)
}

/// Keeps no texts for an erased person.
fn forget_erased(working_set: &WorkingSet, transaction: &mut Transaction) -> Result<(), Missing> {
    let Some(owner) = transaction.customer_id else { return Ok(()) };
    transaction.details.candidates.clear();
    if working_set.payer(owner)? == Payer::Erased {
        transaction.details = Details::default();
    }
    Ok(())
}

/// Puts a transaction in its place, with all that follows: the sale that it pays back, and what pays it back.
fn record(
    working_set: &mut WorkingSet,
    before: Option<&Transaction>,
    after: Transaction,
    actor: &Actor,
) -> Result<(), Missing> {
    let base = working_set.entrypoint.currency;
    let key = key_of(&after);
    let paid_back_by = working_set.ledger.paid_back_by(&key)?;
    let mut sales: Vec<ExternalKey> = before.and_then(sale_of).into_iter().collect();
    sales.extend(sale_of(&after).filter(|sale| !sales.contains(sale)));
    let mut all = Vec::new();
    for sale in sales {
        let Some(sale) = working_set.ledger.get(&sale)?.map(Arc::clone) else { continue };
        let part = |refund: &Transaction| ledger::refunded_of(&sale, refund);
        let (old, new) = (before.map_or(0, part), part(&after));
        if old != new {
            let mut moved = Transaction::clone(&sale);
            moved.refunded = ledger::sum([sale.refunded.units(), -old, new]);
            all.push((Some(sale), moved));
        }
    }
    if let Some(owner) = after.customer_id {
        for part in paid_back_by.into_iter().filter(|part| part.customer_id != Some(owner)) {
            let mut linked = Transaction::clone(&part);
            linked.customer_id = Some(owner);
            forget_erased(working_set, &mut linked)?;
            all.push((Some(part), linked));
        }
    }
    note(working_set, before, &after, actor);
    working_set.ledger.put(after, base);
    for (before, after) in all {
        note(working_set, before.as_deref(), &after, actor);
        working_set.ledger.put(after, base);
    }
    Ok(())
}

/// Writes the event of a change.
fn note(working_set: &mut WorkingSet, before: Option<&Transaction>, after: &Transaction, actor: &Actor) {
    let (kind, changed) = match before {
        None => (EventKind::TransactionCreated, Vec::new()),
        Some(before) => {
            let mut changed = changes(before, after);
            if before.customer_id == after.customer_id {
                (EventKind::TransactionUpdated, changed)
            } else {
                changed.push(OWNER);
                (EventKind::TransactionLinked, changed)
            }
        }
    };
    working_set.note(Event {
        kind,
        customer_id: after.customer_id,
        subject_id: Some(after.id.show(working_set.entrypoint.id)),
        changed,
        actor: actor.clone(),
    });
}

/// Why a delivery may not change a linked transaction: it names another customer.
fn other_owner(working_set: &WorkingSet, whose: &Whose, owner: i64) -> Result<Option<Reason>, Missing> {
    let (named, field) = match whose {
        // Who pays was found out when it was linked.
        Whose::Nobody | Whose::Customer(_) => return Ok(None),
        Whose::Id(id) => (Some(*id), "/customerId"),
        Whose::Number(number) => (first_with(working_set, number_key(number).as_ref())?, "/customerNumber"),
        Whose::Reference(reference) => {
            let key = reference_key(&reference.system, &reference.external_id);
            (first_with(working_set, Some(&key))?, "/reference")
        }
    };
    Ok(named.filter(|named| *named != owner).map(|_| Reason {
        code: "linked_to_another".into(),
        message: "the transaction belongs to another customer, and money never changes its owner".into(),
        field: field.into(),
    }))
}

/// The key of a customer number.
fn number_key(number: &str) -> Option<MatchKey> {
    let mut named = Customer::default();
    named.texts.set(TextField::CustomerNumber, Some(number.into()));
    Identifier::customer_number().key(&named)
}

fn first_with(working_set: &WorkingSet, key: Option<&MatchKey>) -> Result<Option<i64>, Missing> {
    let Some(key) = key else { return Ok(None) };
    Ok(working_set.live_with(key)?.first().copied())
}

/// Finds the customer that a delivery names; registers or completes the one who paid, if that is asked for.
fn whose(
    working_set: &mut WorkingSet,
    whose: &Whose,
    (on_unknown, paid): (OnUnknown, Option<Micros>),
    actor: &Actor,
    sight: Sight,
) -> Result<Named, Missing> {
    const UNKNOWN: &str = "there is no such customer at this entrypoint";
    let known = |found: Option<i64>, field: &str| match found {
        Some(id) => Named { customer_id: Some(id), ..Named::default() },
        None => Named::nobody("unknown_customer", UNKNOWN, field),
    };
    match whose {
        Whose::Nobody => Ok(Named::default()),
        Whose::Id(id) => {
            let is_live = working_set.payer(*id)? == Payer::Live;
            Ok(known(is_live.then_some(*id), "/customerId"))
        }
        Whose::Number(number) => {
            Ok(known(first_with(working_set, number_key(number).as_ref())?, "/customerNumber"))
        }
        Whose::Reference(reference) => {
            let key = reference_key(&reference.system, &reference.external_id);
            Ok(known(first_with(working_set, Some(&key))?, "/reference"))
        }
        Whose::Customer(draft) => {
            let registers = on_unknown == OnUnknown::Create;
            match payer(working_set, draft, (registers, paid), actor, sight) {
                Ok(named) => Ok(named),
                Err(Undecided::Missing(missing)) => Err(missing),
                Err(Undecided::Rejected(rejection)) => Ok(not_found(rejection)),
            }
        }
    }
}

/// Nobody, as several customers may be the one who paid, or one who may be another person.
fn ambiguous(mut candidates: Vec<i64>) -> Named {
    const MESSAGE: &str =
        "fits several customers, or one with another number or e-mail; link the transaction to the right one";
    candidates.truncate(CANDIDATES_MAX);
    Named { candidates, ..Named::nobody("ambiguous_customer", MESSAGE, "/customer") }
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
fn not_found(rejection: Rejection) -> Named {
    const FIELD: &str = "/customer";
    match rejection {
        Rejection::Conflict { ids, .. } => ambiguous(ids),
        Rejection::Invalid(problems) | Rejection::NeedsPii(problems) | Rejection::State(problems) => {
            let reason = Reason::first_of(&problems);
            Named {
                reason: Some(Reason { field: format!("{FIELD}{}", reason.field), ..reason }),
                ..Named::default()
            }
        }
        _ => Named::nobody(
            "unknown_customer",
            "has no value for anything that identifies a customer here",
            FIELD,
        ),
    }
}

/// The keys of the references that a payment's customer has.
fn reference_keys(draft: &Draft) -> Vec<MatchKey> {
    let Change::Set(list) = &draft.references else { return Vec::new() };
    list.references.iter().map(|it| reference_key(&it.system, &it.external_id)).collect()
}

/// The create that a payment's customer stands for.
fn as_create(draft: &Draft) -> CreateCustomer {
    CreateCustomer { draft: draft.clone(), hung: Hung::default(), on_match: OnMatch::Get, precomputed: None }
}

/// Finds who paid by the one matcher (rules 3).
fn payer(
    working_set: &mut WorkingSet,
    draft: &Draft,
    (registers, paid): (bool, Option<Micros>),
    actor: &Actor,
    sight: Sight,
) -> Result<Named, Undecided> {
    let entrypoint = Arc::clone(&working_set.entrypoint);
    guard::check_create(&entrypoint.policy, draft, sight)?;
    // What another system calls a customer leads to this one and to no other.
    for key in reference_keys(draft) {
        if let Some(id) = first_with(working_set, Some(&key))? {
            if registers && paid.is_some() && sight.pii {
                complete(working_set, draft, id, actor)?;
            }
            return Ok(Named { customer_id: Some(id), ..Named::default() });
        }
    }
    let create = as_create(draft);
    let (record, problems) = apply::create(draft, entrypoint.country.as_deref(), working_set.now);
    let keys = matching::keys(&entrypoint, &create, &record)?;
    let found = matching::candidates(working_set, &keys)?;
    // Whoever does not see e-mail addresses must not learn one, save where it identifies (rules 1).
    let compares_email =
        sight.pii || keys.iter().any(|key| key.identifier.to_string() == TextField::Email.name());
    if let Some(candidates) = several(&found) {
        return Ok(ambiguous(candidates));
    }
    let customer_id = match matching::hit(working_set, &create, &record, &found)? {
        // A shared phone or name makes nobody the same person as the one with another address.
        Some(hit) if compares_email && has_another_email(working_set, hit.id, &record) => {
            return Ok(ambiguous(vec![hit.id]));
        }
        Some(hit) => {
            if registers && paid.is_some() && sight.pii {
                complete(working_set, draft, hit.id, actor)?;
            }
            hit.id
        }
        None if !registers => {
            return Ok(Named::nobody("unknown_customer", "no customer fits", "/customer"));
        }
        None if paid.is_none() => {
            const MESSAGE: &str = "no customer fits; an approved sale will register one";
            return Ok(Named::nobody("not_confirmed", MESSAGE, "/customer"));
        }
        None => {
            check_required(working_set, draft, &record, &problems)?;
            let mut effects = decide_create(working_set, &create, actor, sight)?;
            lifecycle::begin(&mut effects, paid, working_set.now);
            let made = effects.outcome.record().ok_or(Rejection::Defect)?;
            working_set.take(effects);
            made.0
        }
    };
    Ok(Named { customer_id: Some(customer_id), ..Named::default() })
}

/// Fills in what a customer lacks. What would get in the way of another customer is left.
fn complete(working_set: &mut WorkingSet, draft: &Draft, id: i64, actor: &Actor) -> Result<(), Undecided> {
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
    let (version, revision) = write(working_set, &stored, after, HistoryOperation::Merged, actor, false);
    working_set.take(Effects::new(Outcome::Changed { id, version }, revision));
    Ok(())
}

/// The keys by which deliveries name customers.
pub(super) fn precomputed_keys(working_set: &WorkingSet, ingest: &Ingest, sight: Sight) -> Vec<MatchKey> {
    let mut keys = Vec::new();
    for delivery in &ingest.items {
        let Delivery::Item(item) = delivery else { continue };
        match &item.whose {
            Whose::Nobody | Whose::Id(_) => {}
            Whose::Number(number) => keys.extend(number_key(number)),
            Whose::Reference(reference) => {
                keys.push(reference_key(&reference.system, &reference.external_id));
            }
            Whose::Customer(draft) => {
                keys.extend(reference_keys(draft));
                keys.extend(keys_of_create(working_set, &as_create(draft), sight));
            }
        }
    }
    keys
}

pub(super) fn decide_link(
    working_set: &mut WorkingSet,
    link: &LinkTransaction,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    match working_set.payer(link.id)? {
        Payer::Live => {}
        Payer::Nobody => return Err(Rejection::NotFound.into()),
        Payer::Deleted | Payer::Erased => return Err(Rejection::Deleted.into()),
    }
    let before = working_set.ledger.by_id(link.trans_id)?.map(Arc::clone).ok_or(Rejection::NotFound)?;
    match before.customer_id {
        Some(owner) if owner == link.id => {}
        Some(_) => {
            const MESSAGE: &str =
                "the transaction belongs to another customer, and money never changes its owner";
            return Err(refused("linked_to_another", MESSAGE));
        }
        None => {
            let sale = match sale_of(&before) {
                Some(sale) => working_set.ledger.get(&sale)?.is_some(),
                None => false,
            };
            if sale {
                const MESSAGE: &str = "the transaction pays back a sale without a customer; link the sale, and this one follows";
                return Err(refused("sale_is_unlinked", MESSAGE));
            }
            let mut after = Transaction::clone(&before);
            after.customer_id = Some(link.id);
            after.details.candidates.clear();
            record(working_set, Some(&before), after, actor)?;
        }
    }
    Ok(Effects::new(Outcome::Linked { id: link.id }, None))
}
