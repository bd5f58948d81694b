//! Writes down what payment providers are to do, and what they made of it (rules 20). Nothing here talks to a provider.

use std::sync::Arc;

use super::Undecided;
use super::asking::AskProvider;
use super::calls::{done, item, new_call, open_of};
use super::command::Actor;
use super::delivery::OnUnknown;
use super::effects::Effects;
use super::events::{Event, EventKind};
use super::issue::refused;
use super::ledger::key_of;
use super::paying;
use super::transaction::{record_as, record_own};
use super::working_set::WorkingSet;
use crate::domain::customers::record::{Customer, Stored};
use crate::domain::entrypoints::provider::Provider;
use crate::domain::invoices::{Invoice, InvoiceKind};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::domain::methods::method::{LastCharge, Method};
use crate::domain::provider::answer::Report;
use crate::domain::provider::draft::ChargeDraft;
use crate::domain::provider::{CallContent, CallId, CallKind, CallState, ChargedMethod, ProviderCall};
use crate::domain::transactions::Transaction;
use crate::domain::transactions::currency::Currency;
use crate::domain::transactions::id::TransId;
use crate::domain::transactions::item::Item;
use crate::domain::transactions::status::Status;

pub(super) fn decide_provider(
    working_set: &mut WorkingSet,
    ask: &AskProvider,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    match ask {
        AskProvider::Charge { customer_id, draft, random } => {
            charge(working_set, *customer_id, draft, *random, actor)
        }
        AskProvider::Refund { charge_id, amount, random } => {
            refund(working_set, *charge_id, *amount, *random, actor)
        }
        AskProvider::Void { charge_id, random } => void(working_set, *charge_id, *random, actor),
        AskProvider::Answer { request_id, answer, random } => {
            paying::answer(working_set, *request_id, answer, *random, actor)
        }
        AskProvider::Settle { id, report } => settle(working_set, *id, report, actor),
    }
}

/// Who moves the money of the entrypoint.
fn provider_of(working_set: &WorkingSet) -> Result<Provider, Undecided> {
    match working_set.entrypoint.provider {
        Provider::None => {
            let message = "the entrypoint has no payment provider; set provider to http, or to sandbox for tests, with PUT Paypoint/settings/{entry}";
            Err(refused("no_provider", message))
        }
        provider => Ok(provider),
    }
}

fn charge(
    working_set: &mut WorkingSet,
    customer_id: i64,
    draft: &ChargeDraft,
    random: u128,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    let provider = provider_of(working_set)?;
    let stored = working_set.customer(customer_id).map(Arc::clone).ok_or(Rejection::NotFound)?;
    if stored.customer.is_deleted() {
        return Err(Rejection::Deleted.into());
    }
    let method = ChargedMethod::from(method_of(&stored.customer, draft.method_id.as_deref())?);
    let invoice = match (draft.invoice_id, &draft.invoice_number) {
        (Some(id), _) => Some(invoice_of(working_set, customer_id, id)?),
        // A number that is none of ours is a text of the caller's.
        (None, Some(number)) => match working_set.invoices.numbered(number)?.map(|invoice| invoice.id) {
            Some(id) => Some(invoice_of(working_set, customer_id, id)?),
            None => None,
        },
        (None, None) => None,
    };
    let open = match &invoice {
        Some(invoice) => Some(open_of(working_set, invoice)?),
        None => None,
    };
    let (amount, currency) = amount_of(working_set, draft, invoice.as_deref().zip(open))?;
    let id = TransId::new(working_set.entrypoint.id, working_set.now, random);
    let content = CallContent {
        description: draft.description.clone(),
        invoice_number: invoice
            .as_ref()
            .map(|invoice| invoice.number().to_owned())
            .or_else(|| draft.invoice_number.clone()),
        order_id: draft.order_id.clone(),
        ip_address: draft.ip_address.clone(),
        asked_by: Some(actor.name.clone()),
        method: Some(method),
        ..CallContent::default()
    };
    let call = ProviderCall {
        customer_id: Some(customer_id),
        currency,
        amount,
        content: Some(content),
        ..new_call(working_set, provider, CallKind::Charge, id)
    };
    // It is refused or interrupted before it changes anything.
    record_own(working_set, &item(working_set, &call), random, actor)?;
    let outcome = done(&call);
    working_set.calls.put(call);
    Ok(Effects::new(outcome, None))
}

/// The stored method with an id, or the default one.
fn method_of<'a>(customer: &'a Customer, id: Option<&str>) -> Result<&'a Method, Undecided> {
    let of_field = |code, message: &str| Rejection::State(vec![Problem::field(&["methodId"], code, message)]);
    match id {
        Some(id) => {
            let found = customer.methods.iter().find(|method| method.id == id);
            let unknown = || of_field("unknown_method", "is no stored method of the customer");
            Ok(found.ok_or_else(unknown)?)
        }
        None => {
            let found = customer.methods.iter().find(|method| method.is_default);
            let none = || of_field("no_method", "the customer has no stored method; add one, or ask for one");
            Ok(found.ok_or_else(none)?)
        }
    }
}

/// An invoice of the customer that waits for money.
fn invoice_of(working_set: &WorkingSet, customer_id: i64, id: i64) -> Result<Arc<Invoice>, Undecided> {
    let of_field =
        |code, message: &str| Rejection::State(vec![Problem::field(&["invoiceId"], code, message)]);
    let found = working_set.invoices.get(id)?.filter(|invoice| invoice.customer_id == customer_id);
    let invoice = found.ok_or_else(|| of_field("unknown_invoice", "is no invoice of the customer"))?;
    let waits = invoice.kind == InvoiceKind::Invoice && invoice.state().is_open();
    if !waits {
        return Err(of_field("invoice_not_open", "does not wait for money").into());
    }
    Ok(Arc::clone(invoice))
}

/// How much is charged: what is sent, or what is open of the invoice.
fn amount_of(
    working_set: &WorkingSet,
    draft: &ChargeDraft,
    invoice: Option<(&Invoice, Money)>,
) -> Result<(Money, Currency), Undecided> {
    let (invoice, open) = invoice.unzip();
    let refuse = |field: &str, code, message: String| -> Undecided {
        Rejection::State(vec![Problem::field(&[field], code, message)]).into()
    };
    let currency = match (draft.currency, invoice) {
        (Some(sent), Some(invoice)) if sent != invoice.currency => {
            let message = format!("the invoice is in {}", invoice.currency);
            return Err(refuse("currency", "currency_mismatch", message));
        }
        (_, Some(invoice)) => invoice.currency,
        (sent, None) => sent.unwrap_or(working_set.entrypoint.currency),
    };
    if open == Some(Money::default()) {
        let message = "is being paid already; try again once that is through";
        return Err(refuse("invoiceId", "invoice_not_open", message.to_owned()));
    }
    let amount = draft.amount.or(open).ok_or(Rejection::Defect)?;
    if let Some(open) = open.filter(|open| amount > *open) {
        let message =
            format!("is more than the {} {currency} that are open of the invoice", currency.written(open));
        return Err(refuse("amount", "amount_too_high", message));
    }
    if let Err((code, message)) = currency.check(amount) {
        return Err(Rejection::Invalid(vec![Problem::field(&["amount"], code, message)]).into());
    }
    Ok((amount, currency))
}

/// A charge that was made here, with its transaction.
fn charge_of(
    working_set: &WorkingSet,
    id: CallId,
) -> Result<(Arc<ProviderCall>, Arc<Transaction>), Undecided> {
    let transaction = working_set.ledger.by_id(id)?.map(Arc::clone).ok_or(Rejection::NotFound)?;
    let call = working_set.calls.get(id)?.map(Arc::clone);
    let call = call.filter(|call| matches!(call.kind, CallKind::Charge | CallKind::Session));
    let Some(call) = call else {
        let message =
            "the payment was not charged here; pay it back where it was charged, and its webhook tells";
        return Err(refused("not_charged_here", message));
    };
    match call.state {
        CallState::Succeeded => Ok((call, transaction)),
        CallState::Declined => {
            Err(refused("charge_declined", "the charge was declined, so there is nothing to give back"))
        }
        _ => Err(refused("charge_not_settled", "the charge is not through yet; try again once it is")),
    }
}

/// The calls about a charge that are not through yet.
fn running(calls: &[Arc<ProviderCall>], kind: CallKind) -> impl Iterator<Item = &Arc<ProviderCall>> {
    calls.iter().filter(move |call| call.kind == kind && !call.state.is_final())
}

/// What may still be paid back of a charge: what was paid, without what went back and what is going back.
fn left(
    working_set: &WorkingSet,
    transaction: &Transaction,
    calls: &[Arc<ProviderCall>],
) -> Result<Money, Undecided> {
    let parts = working_set.ledger.paid_back_by(&key_of(transaction))?;
    let gone = parts
        .iter()
        .filter(|part| part.status.is_confirmed() && part.currency == transaction.currency)
        .map(|part| i128::from(part.amount.units()))
        .sum::<i128>();
    let going = running(calls, CallKind::Refund).map(|call| i128::from(call.amount.units())).sum::<i128>();
    Ok(Money::clamped((i128::from(transaction.amount.units()) - gone - going).max(0)))
}

/// Refuses what cannot be done to a charge that is taken back, or on its way to be.
fn refuse_voided(transaction: &Transaction, calls: &[Arc<ProviderCall>]) -> Result<(), Undecided> {
    if transaction.status == Status::Voided {
        return Err(refused(
            "already_voided",
            "the charge was voided, so nothing of it is left to give back",
        ));
    }
    if running(calls, CallKind::Void).next().is_some() {
        return Err(refused("void_running", "the charge is being voided; try again once that is through"));
    }
    Ok(())
}

fn refund(
    working_set: &mut WorkingSet,
    charge_id: CallId,
    amount: Option<Money>,
    random: u128,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    let (charge, transaction) = charge_of(working_set, charge_id)?;
    let calls = working_set.calls.of_charge(charge_id)?;
    refuse_voided(&transaction, &calls)?;
    let (left, currency) = (left(working_set, &transaction, &calls)?, charge.currency);
    if left <= Money::default() {
        let message = "all of the charge went back already, or is on its way";
        return Err(refused("already_refunded", message));
    }
    let amount = amount.unwrap_or(left);
    if let Err((code, message)) = currency.check(amount) {
        return Err(Rejection::Invalid(vec![Problem::parameter("amount", code, message)]).into());
    }
    if amount > left {
        let message =
            format!("is more than the {} {currency} that are left of the charge", currency.written(left));
        return Err(Rejection::State(vec![Problem::parameter("amount", "amount_too_high", message)]).into());
    }
    let id = TransId::new(working_set.entrypoint.id, working_set.now, random);
    let call = about(working_set, (&charge, actor), CallKind::Refund, id, amount);
    record_own(working_set, &item(working_set, &call), random, actor)?;
    let outcome = done(&call);
    working_set.calls.put(call);
    Ok(Effects::new(outcome, None))
}

/// A call about a charge.
fn about(
    working_set: &WorkingSet,
    (charge, actor): (&ProviderCall, &Actor),
    kind: CallKind,
    id: CallId,
    amount: Money,
) -> ProviderCall {
    let charge_provider_id = charge.content.as_ref().and_then(|content| content.provider_id.clone());
    ProviderCall {
        charge_id: charge.id,
        customer_id: charge.customer_id,
        currency: charge.currency,
        amount,
        content: Some(CallContent {
            charge_provider_id,
            asked_by: Some(actor.name.clone()),
            ..CallContent::default()
        }),
        ..new_call(working_set, charge.provider, kind, id)
    }
}

fn void(
    working_set: &mut WorkingSet,
    charge_id: CallId,
    random: u128,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    let (charge, transaction) = charge_of(working_set, charge_id)?;
    let calls = working_set.calls.of_charge(charge_id)?;
    let is_void =
        |call: &&Arc<ProviderCall>| call.kind == CallKind::Void && call.state != CallState::Declined;
    if let Some(same) = calls.iter().find(is_void) {
        return Ok(Effects::new(done(same), None));
    }
    refuse_voided(&transaction, &calls)?;
    if left(working_set, &transaction, &calls)? != transaction.amount {
        let message = "a part of the charge went back already, or is on its way; refund the rest instead";
        return Err(refused("already_refunded", message));
    }
    let id = TransId::new(working_set.entrypoint.id, working_set.now, random);
    let call = about(working_set, (&charge, actor), CallKind::Void, id, charge.amount);
    let mut effects = Effects::new(done(&call), None);
    effects.events.push(Event {
        kind: EventKind::VoidRequested,
        customer_id: call.customer_id,
        subject_id: Some(charge_id.show(working_set.entrypoint.id)),
        changed: Vec::new(),
        actor: actor.clone(),
    });
    working_set.calls.put(call);
    Ok(effects)
}

fn settle(
    working_set: &mut WorkingSet,
    id: CallId,
    report: &Report,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    let before = working_set.calls.get(id)?.map(Arc::clone).ok_or(Rejection::NotFound)?;
    let mut after = before.after(report, working_set.now);
    let mut effects = Effects::new(done(&after), None);
    if after.state != before.state && after.state.is_final() {
        // A decision that lacks a fact is taken again, and each of these steps changes nothing the second time.
        paying::load_request(working_set, &after)?;
        let answer = match report {
            Report::Answer(answer) => Some(answer),
            _ => None,
        };
        if after.state == CallState::Succeeded {
            paying::fill_in(working_set, &before, actor)?;
        }
        if let Some(mut item) = moved(working_set, &after)? {
            let is_paid = matches!(after.kind, CallKind::Charge | CallKind::Session);
            item.optional.fee = answer.and_then(|answer| answer.fee).filter(|_| is_paid);
            settle_transaction(working_set, (&before, &after), item, actor)?;
            let transaction = working_set.ledger.by_id(after.id)?;
            after.customer_id = after.customer_id.or(transaction.and_then(|paid| paid.customer_id));
        }
        effects.methods.extend(told_method(working_set, &after));
        if let Some(method) = answer.and_then(|answer| answer.method.as_ref())
            && after.kind == CallKind::Setup
            && let Some((stored, events)) = paying::keep_method(working_set, &mut after, method, actor)
        {
            effects.methods.push(stored);
            effects.events.extend(events);
        }
        paying::settle_request(working_set, &after, actor)?;
    }
    if after != *before {
        working_set.calls.put(after);
    }
    Ok(effects)
}

/// Tells the transaction of a call what became of it. A payer who cannot be found or registered leaves it without a customer.
fn settle_transaction(
    working_set: &mut WorkingSet,
    (before, after): (&ProviderCall, &ProviderCall),
    mut item: Item,
    actor: &Actor,
) -> Result<(), Undecided> {
    if after.kind != CallKind::Session {
        return record_own(working_set, &item, 0, actor).map(drop);
    }
    let method = after.content.as_ref().and_then(|content| content.method.as_ref());
    item.optional.method = method.map(|method| <&str>::from(method.kind).into());
    item.optional.masked_account = method.and_then(|method| method.masked_account.as_deref()).map(Into::into);
    let bare = item.clone();
    let item = paying::paid_by(working_set, before, item);
    match record_as(working_set, &item, (OnUnknown::Create, 0), actor) {
        Err(Undecided::Rejected(_)) => record_own(working_set, &bare, 0, actor).map(drop),
        done => done.map(drop),
    }
}

/// What a call that is through does to its transaction.
fn moved(working_set: &WorkingSet, call: &ProviderCall) -> Result<Option<Item>, Undecided> {
    let Some(status) = call.status() else { return Ok(None) };
    let id = if call.kind == CallKind::Void { call.charge_id } else { call.id };
    let Some(transaction) = working_set.ledger.by_id(id)?.map(Arc::clone) else { return Ok(None) };
    let mut item = Item::bare(&transaction.source, &transaction.external_id);
    item.operation = transaction.operation;
    item.status = status;
    item.amount = transaction.amount;
    item.currency = Some(transaction.currency);
    // The clock of whoever told the last status may have been ahead.
    item.occurred_at = Some(working_set.now.max(transaction.state_at));
    Ok(Some(item))
}

/// The customer whose method has another status after its charge.
fn told_method(working_set: &WorkingSet, call: &ProviderCall) -> Option<Arc<Stored>> {
    let content = call.content.as_ref().filter(|_| call.kind == CallKind::Charge)?;
    let method_id = content.method.as_ref()?.method_id.as_deref()?;
    let stored = working_set.customer(call.customer_id?)?;
    let told = match (call.state, content.error.as_deref()) {
        (CallState::Succeeded, _) => LastCharge::Well,
        (CallState::Declined, Some("insufficient_funds")) => LastCharge::InsufficientFunds,
        (CallState::Declined, Some("invalid_card" | "expired_card" | "invalid_method")) => {
            LastCharge::Invalid
        }
        _ => return None,
    };
    let mut customer = stored.customer.clone();
    let method = customer.methods.iter_mut().find(|method| method.id == method_id)?;
    if method.last_charge == told {
        return None;
    }
    method.last_charge = told;
    Some(Arc::new(Stored { customer, ..Stored::clone(stored) }))
}
