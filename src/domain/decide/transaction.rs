//! Records transactions, finds or registers their customers, and links them (rules 14 and 15).
//!
//! The items of a command are decided one by one, each with the effects of those before it; a missing fact interrupts the
//! command, which then goes on where it was.

use std::borrow::Cow;
use std::sync::Arc;

use super::command::{Actor, Outcome};
use super::delivery::{
    CHANGES_MAX, Delivery, Ingest, ItemAnswer, ItemResult, LinkTransaction, OnUnknown, Reason,
};
use super::effects::Effects;
use super::events::{Event, EventKind};
use super::ledger::{self, Payer, key_of, sale_of};
use super::missing::{ExternalKey, Missing};
use super::payer::{
    Found, Named, Paying, as_create, complete_owner, find, first_with, found_by, number_key, payer_told,
    waiting_keys, whose,
};
use super::request::request_event;
use super::settlement::{settle_invoices, settled_by};
use super::working_set::WorkingSet;
use super::{Undecided, refused};
use crate::domain::accounts::sight::Sight;
use crate::domain::customers::draft::Draft;
use crate::domain::customers::identifier::{MatchKey, reference_key};
use crate::domain::invoices::SOURCE;
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::domain::requests::{Request, RequestKind};
use crate::domain::transactions::changes::changes;
use crate::domain::transactions::id::TransId;
use crate::domain::transactions::item::{Item, Whose};
use crate::domain::transactions::merge::merged;
use crate::domain::transactions::status::Operation;
use crate::domain::transactions::totals::sale_at;
use crate::domain::transactions::{Details, LINKED_MAX, PAID_BACK_MAX, Transaction, WAITING_MAX};

/// The name of the field that says whose a transaction is, in events.
const OWNER: &str = "customerId";

pub(super) fn decide_ingest(
    working_set: &mut WorkingSet,
    ingest: &Ingest,
    actor: &Actor,
    sight: Sight,
) -> Result<Effects, Undecided> {
    let done = working_set.ledger.answered.len();
    if done == 0 {
        working_set.ledger.begin_command();
    }
    for (index, delivery) in ingest.deliveries().skip(done) {
        if !working_set.ledger.answered.is_empty() && working_set.ledger.changed_by_command() >= CHANGES_MAX {
            break;
        }
        let answer = match delivery {
            Delivery::Refused { external_id, reason } => {
                ItemAnswer { external_id: external_id.clone(), ..refusal(reason.clone()) }
            }
            Delivery::Item(item) if is_own(working_set, item)? => {
                ItemAnswer { external_id: Some(item.external_id.clone()), ..refusal(charged_here()) }
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

/// Whether a delivery is about a charge or a refund of this service, which nobody else tells anything of (rules 20).
fn is_own(working_set: &WorkingSet, item: &Item) -> Result<bool, Missing> {
    if item.source != SOURCE {
        return Ok(false);
    }
    let known = working_set.ledger.get(&(item.source.clone(), item.external_id.clone()))?;
    let place = working_set.entrypoint.id;
    Ok(known.is_some_and(|known| known.external_id == known.id.show(place)))
}

fn charged_here() -> Reason {
    Reason {
        code: "charged_here".into(),
        message:
            "the service charged or paid this itself, so no delivery changes it: read GET Charge/{transId}"
                .into(),
        field: "/externalId".into(),
    }
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
    let item = &*completed(working_set, item)?;
    if let Err(problems) = item.check_digits(base) {
        return Ok(refusal(Reason::first_of(&problems)));
    }
    let key = (item.source.clone(), item.external_id.clone());
    let before = working_set.ledger.get(&key)?.map(Arc::clone);
    let is_linked = before.as_ref().is_some_and(|before| before.customer_id.is_some());
    let payer = if is_linked { None } else { payer_told(working_set, &item.whose, sight) };
    let mut after = match &before {
        Some(before) => merged(before, (item, payer.as_ref()), (base, now), sight.pii),
        None => {
            // An odd factor makes each of a thousand ids another one.
            let place = u128::try_from(index).unwrap_or_default();
            let random = ingest.random ^ place.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            let id = TransId::new(working_set.entrypoint.id, now, random);
            Transaction::new(item, payer, id, (base, now))
        }
    };
    // What the transaction touches must be there before anything is written.
    let sale = match sale_of(&after) {
        Some(sale) => working_set.ledger.get(&sale)?.map(Arc::clone),
        None => None,
    };
    let earlier_sale = before.as_deref().and_then(sale_of);
    if let Some(earlier) = &earlier_sale {
        working_set.ledger.get(earlier)?;
    }
    if let Some(sale) = sale_of(&after).filter(|sale| Some(sale) != earlier_sale.as_ref())
        && working_set.ledger.number_paid_back(&sale)? >= PAID_BACK_MAX
    {
        return Ok(refusal(too_many_refunds()));
    }
    after.refunded = working_set.ledger.refunded(&after)?;
    let owners = [before.as_ref(), sale.as_ref()].map(|known| known.and_then(|known| known.customer_id));
    for owner in owners.into_iter().flatten() {
        working_set.payer(owner)?;
    }
    // What pays a sale back belongs to the sale's customer, whomever the delivery names.
    let follows = sale_of(&after).is_some();
    let owner_of_sale = sale.as_ref().and_then(|sale| sale.customer_id);
    // A later delivery may say that the money went back; the customer paid all the same.
    let confirms = item.operation == Operation::Sale && item.status.is_confirmed();
    let registers = confirms && ingest.on_unknown == OnUnknown::Create;
    let named = match before.as_ref().and_then(|before| before.customer_id) {
        // Whoever does not read customers must not learn that the two have different ones (rules 1).
        Some(owner) if follows && sight.reads && owner_of_sale.is_some_and(|of_sale| of_sale != owner) => {
            return Ok(refusal(another("/refundOf", "send the sale that it pays back as refundOf")));
        }
        owner if follows => Named { customer_id: owner.or(owner_of_sale), ..Named::default() },
        Some(owner) => match other_owner(working_set, &item.whose, owner, sight)? {
            // Whoever does not read customers must not learn that a name is somebody else's (rules 1).
            Some(reason) if sight.reads => return Ok(refusal(reason)),
            _ => {
                if let (true, Whose::Customer(draft)) = (registers, &item.whose) {
                    complete_owner(working_set, draft, owner, actor, sight)?;
                }
                Named { customer_id: Some(owner), ..Named::default() }
            }
        },
        None => {
            let paying = Paying { registers, paid: sale_at(&after), on_unknown: ingest.on_unknown };
            let named = whose(working_set, &item.whose, paying, actor, sight)?;
            match named.reason {
                Some(reason) if ingest.on_unknown == OnUnknown::Refuse => return Ok(refusal(reason)),
                _ => named,
            }
        }
    };
    if let Some(owner) = named.customer_id {
        link_waiting(working_set, (&named.keys, &key), owner, actor)?;
    }
    after.customer_id = named.customer_id;
    if follows {
        after.forget_payer();
    }
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
    let answer = ItemAnswer {
        result,
        external_id: None,
        trans_id: Some(after.id.show(working_set.entrypoint.id)),
        customer_id: after.customer_id,
        candidates: named.candidates,
        refund_of_unknown,
        reason: named.reason.filter(|_| after.customer_id.is_none()),
        apart: Some(apart(before.as_deref(), &after)),
    };
    if result != ItemResult::Unchanged {
        record(working_set, before.as_deref(), after, actor)?;
    }
    Ok(answer)
}

/// What became of a transaction, leaving out its customer and the one whom it waits for.
fn apart(before: Option<&Transaction>, after: &Transaction) -> ItemResult {
    let Some(before) = before else { return ItemResult::Created };
    let nobodys = |transaction: &Transaction| {
        let mut nobodys = Transaction { customer_id: None, ..transaction.clone() };
        nobodys.forget_payer();
        nobodys
    };
    if nobodys(before) == nobodys(after) { ItemResult::Unchanged } else { ItemResult::Moved }
}

fn too_many_refunds() -> Reason {
    Reason {
        code: "too_many_refunds".into(),
        message: format!("the sale has {PAID_BACK_MAX} refunds and chargebacks, and takes no more"),
        field: "/refundOf".into(),
    }
}

/// Drops what only an unlinked transaction needs, and all texts of an erased person.
fn forget_erased(working_set: &WorkingSet, transaction: &mut Transaction) -> Result<(), Missing> {
    let Some(owner) = transaction.customer_id else { return Ok(()) };
    transaction.forget_payer();
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
            moved.refunded = if ledger::is_greatest(sale.refunded) {
                // The sum may be greater than what is kept of it.
                let refunds = working_set.ledger.paid_back_by(&key_of(&sale))?;
                let others = refunds.iter().filter(|refund| refund.id != after.id).map(|refund| part(refund));
                ledger::sum(others.chain([new]))
            } else {
                ledger::sum([sale.refunded.units(), -old, new])
            };
            all.push((Some(sale), moved));
        }
    }
    if let Some(owner) = after.customer_id {
        for part in paid_back_by.into_iter().filter(|part| part.customer_id.is_none()) {
            let mut linked = Transaction::clone(&part);
            linked.customer_id = Some(owner);
            forget_erased(working_set, &mut linked)?;
            all.push((Some(part), linked));
        }
    }
    let answered = answered_by(working_set, before, &after)?;
    let mut settled = settled_by(working_set, before, &after)?;
    for (before, part) in &all {
        settled.extend(settled_by(working_set, before.as_deref(), part)?);
    }
    note(working_set, before, &after, actor);
    let waits_for = waiting_keys(working_set, &after);
    working_set.ledger.put(after, base);
    working_set.ledger.wait(waits_for, &key);
    for (before, after) in all {
        note(working_set, before.as_deref(), &after, actor);
        working_set.ledger.put(after, base);
    }
    settle_invoices(working_set, settled, actor)?;
    if let Some((request, trans_id)) = answered {
        settle_answered(working_set, &request, trans_id, actor);
    }
    Ok(())
}

/// The request that a payment from elsewhere answers: it names the request as its order.
///
/// # Errors
/// Missing facts.
fn answered_by(
    working_set: &WorkingSet,
    before: Option<&Transaction>,
    after: &Transaction,
) -> Result<Option<(Arc<Request>, TransId)>, Missing> {
    let place = working_set.entrypoint.id;
    let is_paid = |one: &Transaction| one.operation == Operation::Sale && one.status.is_confirmed();
    if !is_paid(after) || before.is_some_and(is_paid) || after.source == SOURCE {
        return Ok(None);
    }
    let named = after.details.order_id.as_deref().and_then(TransId::parse).filter(|(of, _)| *of == place);
    let Some((_, id)) = named else { return Ok(None) };
    let fits = |request: &&Arc<Request>| {
        request.kind == RequestKind::Payment
            && request.state.is_open()
            && request.currency == after.currency
            && request.customer_id.is_none_or(|owner| after.customer_id.is_none_or(|payer| payer == owner))
    };
    let Some(request) = working_set.requests.get(id)?.filter(fits).map(Arc::clone) else { return Ok(None) };
    let invoice = match request.invoice_id {
        None => None,
        Some(id) => working_set.invoices.get(id)?.map(Arc::clone),
    };
    let is_enough = request.is_paid_by(after.amount, invoice.as_deref());
    Ok(is_enough.then_some((request, after.id)))
}

/// A payment from elsewhere with what the request says that it names as its order: whose it is, and which invoice it pays.
///
/// # Errors
/// Missing facts.
fn completed<'i>(working_set: &WorkingSet, item: &'i Item) -> Result<Cow<'i, Item>, Missing> {
    let place = working_set.entrypoint.id;
    let named = item.optional.order_id.as_deref().and_then(TransId::parse).filter(|(of, _)| *of == place);
    let Some((_, id)) = named.filter(|_| item.source != SOURCE) else { return Ok(Cow::Borrowed(item)) };
    let Some(request) = working_set.requests.get(id)?.filter(|one| one.kind == RequestKind::Payment) else {
        return Ok(Cow::Borrowed(item));
    };
    let invoice = match request.invoice_id {
        None => None,
        Some(id) => working_set.invoices.get(id)?,
    };
    let mut item = item.clone();
    if let (Whose::Nobody, Some(owner)) = (&item.whose, request.customer_id) {
        item.whose = Whose::Id(owner);
    }
    if item.optional.invoice_number.is_none() {
        item.optional.invoice_number = invoice.map(|invoice| invoice.number().into());
    }
    Ok(Cow::Owned(item))
}

fn settle_answered(working_set: &mut WorkingSet, request: &Request, trans_id: TransId, actor: &Actor) {
    let paid = request.settle(true, trans_id, working_set.now);
    let note = request_event(EventKind::RequestPaid, working_set, &paid, actor);
    working_set.note(note);
    working_set.requests.put(paid);
}

/// Records a payment that somebody tells by hand, of the customer that it names; returns its id.
///
/// # Errors
/// 409 with the reason if it is refused; missing facts.
pub(super) fn record_own(
    working_set: &mut WorkingSet,
    item: &Item,
    random: u128,
    actor: &Actor,
) -> Result<String, Undecided> {
    record_as(working_set, item, (OnUnknown::Refuse, random), actor)
}

/// As [`record_own`], for a payment of somebody who may be unknown.
///
/// # Errors
/// As [`record_own`].
pub(super) fn record_as(
    working_set: &mut WorkingSet,
    item: &Item,
    (on_unknown, random): (OnUnknown, u128),
    actor: &Actor,
) -> Result<String, Undecided> {
    let ingest = Ingest::new(Vec::new(), on_unknown, random);
    let answer = deliver(working_set, item, (&ingest, 0), actor, Sight::FULL)?;
    match (answer.trans_id, answer.reason) {
        (Some(id), _) => Ok(id),
        (None, reason) => {
            let message = reason.map_or_else(String::new, |reason| reason.message);
            Err(Rejection::State(vec![Problem::field(&[], "payment_refused", message)]).into())
        }
    }
}

/// Links what waited for the customer who has some keys, so that it does not matter which of a person's payments came first.
/// `but`: the transaction in hand.
fn link_waiting(
    working_set: &mut WorkingSet,
    (keys, but): (&[MatchKey], &ExternalKey),
    owner: i64,
    actor: &Actor,
) -> Result<(), Missing> {
    let waiting = working_set.ledger.waiting(keys)?;
    let changed = working_set.ledger.changed_by_command();
    let mut fitting = Vec::new();
    for key in waiting.into_iter().filter(|key| key != but) {
        if fitting.len() >= WAITING_MAX {
            break;
        }
        let Some(before) = working_set.ledger.get(&key)?.map(Arc::clone) else { continue };
        let Some(payer) = before.details.payer().filter(|_| before.is_waiting()) else { continue };
        let found = match find(working_set, &as_create(&Draft::default()), &payer, true) {
            Ok(found) => found,
            Err(Undecided::Missing(missing)) => return Err(missing),
            Err(Undecided::Rejected(_)) => continue,
        };
        if found == Found::One(owner) {
            fitting.push((key, before));
        }
    }
    // What pays them back comes along, and is loaded for all of them at once.
    let unknown = fitting.iter().map(|(key, _)| key).filter(|key| !working_set.ledger.knows(key));
    let unknown: Vec<ExternalKey> = unknown.cloned().collect();
    if !unknown.is_empty() {
        return Err(Missing::Transactions(unknown));
    }
    for (_, before) in fitting {
        let mut after = Transaction::clone(&before);
        after.customer_id = Some(owner);
        forget_erased(working_set, &mut after)?;
        record(working_set, Some(&before), after, actor)?;
        if working_set.ledger.changed_by_command().saturating_sub(changed) >= LINKED_MAX {
            break;
        }
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
fn other_owner(
    working_set: &WorkingSet,
    whose: &Whose,
    owner: i64,
    sight: Sight,
) -> Result<Option<Reason>, Missing> {
    let (named, field) = match whose {
        Whose::Nobody => return Ok(None),
        Whose::Customer(draft) => (found_by(working_set, draft, sight)?, "/customer"),
        Whose::Id(id) => (Some(*id), "/customerId"),
        Whose::Number(number) => (first_with(working_set, number_key(number).as_ref())?, "/customerNumber"),
        Whose::Reference(reference) => {
            let key = reference_key(&reference.system, &reference.external_id);
            (first_with(working_set, Some(&key))?, "/reference")
        }
    };
    Ok(named
        .filter(|named| *named != owner)
        .map(|_| another(field, "leave the customer out to change the rest")))
}

/// A delivery would take a transaction from its customer.
fn another(field: &str, what_would_do: &str) -> Reason {
    let message = format!(
        "the transaction belongs to another customer, and money never changes its owner; {what_would_do}"
    );
    Reason { code: "linked_to_another".into(), message, field: field.into() }
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
            if sale_of(&before).is_some() {
                const MESSAGE: &str = "the transaction pays back a sale that is unlinked or has not come; link the sale, and this one follows";
                return Err(refused("sale_is_unlinked", MESSAGE));
            }
            let mut after = Transaction::clone(&before);
            after.customer_id = Some(link.id);
            after.forget_payer();
            record(working_set, Some(&before), after, actor)?;
        }
    }
    Ok(Effects::new(Outcome::Linked { id: link.id }, None))
}
