//! What all calls of payment providers have in common (rules 20).

use super::Undecided;
use super::asking::AskDone;
use super::command::Outcome;
use super::issue::refused;
use super::working_set::WorkingSet;
use crate::domain::entrypoints::provider::Provider;
use crate::domain::invoices::{Invoice, SOURCE};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::time::Micros;
use crate::domain::provider::saga::VALID_US;
use crate::domain::provider::{CallContent, CallId, CallKind, CallState, ProviderCall};
use crate::domain::transactions::currency::Currency;
use crate::domain::transactions::item::{Item, Whose};
use crate::domain::transactions::status::{Operation, Status};

/// The outcome of a command about a call.
pub(super) fn done(call: &ProviderCall) -> Outcome {
    let (customer_id, call_id, version) = (call.customer_id, call.id, call.version);
    Outcome::Asked(AskDone { customer_id, call_id, version })
}

/// A call that is to be made at once.
pub(super) fn new_call(
    working_set: &WorkingSet,
    provider: Provider,
    kind: CallKind,
    id: CallId,
) -> ProviderCall {
    let now = working_set.now;
    ProviderCall {
        id,
        charge_id: id,
        customer_id: None,
        request_id: None,
        version: 1,
        provider,
        kind,
        state: CallState::Requested,
        currency: Currency::default(),
        amount: Money::default(),
        valid_until: Micros(now.0.saturating_add(VALID_US)),
        created_at: now,
        updated_at: now,
        attempts: 0,
        due_at: Some(now),
        content: Some(CallContent::default()),
    }
}

/// What is open of an invoice, without what is on its way.
///
/// # Errors
/// Missing facts.
pub(super) fn open_of(working_set: &WorkingSet, invoice: &Invoice) -> Result<Money, Undecided> {
    let calls = working_set.calls.running_by(invoice.customer_id)?;
    let going = calls
        .iter()
        .filter(|call| pays(call, invoice))
        .map(|call| i128::from(call.amount.units()))
        .sum::<i128>();
    Ok(Money::clamped((i128::from(invoice.open_amount().units()) - going).max(0)))
}

/// Refuses to take an invoice back while somebody pays it: the money would come for nothing.
///
/// # Errors
/// 409 `payment_running`, with the time at which it is over at the latest; missing facts.
pub(super) fn refuse_running(working_set: &WorkingSet, invoice: &Invoice) -> Result<(), Undecided> {
    let calls = working_set.calls.running_by(invoice.customer_id)?;
    let last = calls.iter().filter(|call| pays(call, invoice)).map(|call| call.valid_until).max();
    match last {
        None => Ok(()),
        Some(until) => {
            let until = until.to_rfc3339();
            Err(refused(
                "payment_running",
                format!("somebody is paying it; that is over by {until} at the latest"),
            ))
        }
    }
}

/// Whether a call pays an invoice.
fn pays(call: &ProviderCall, invoice: &Invoice) -> bool {
    matches!(call.kind, CallKind::Charge | CallKind::Session)
        && call.currency == invoice.currency
        && call.content.as_ref().and_then(|content| content.invoice_number.as_deref())
            == Some(invoice.number())
}

/// The transaction of a charge or a refund, as far as the call has come.
pub(super) fn item(working_set: &WorkingSet, call: &ProviderCall) -> Item {
    let place = working_set.entrypoint.id;
    let mut item = Item::bare(SOURCE, &call.id.show(place));
    item.whose = call.customer_id.map_or(Whose::Nobody, Whose::Id);
    item.amount = call.amount;
    item.currency = Some(call.currency);
    item.status = call.status().unwrap_or(Status::Initiated);
    item.began_at = Some(call.created_at);
    item.occurred_at = Some(working_set.now.max(call.created_at));
    if call.kind == CallKind::Refund {
        item.operation = Operation::Refund;
        item.optional.refund_of = Some(call.charge_id.show(place).into());
    }
    if let Some(content) = &call.content {
        let method = content.method.as_ref();
        item.optional.method = method.map(|method| <&str>::from(method.kind).into());
        item.optional.masked_account =
            method.and_then(|method| method.masked_account.as_deref()).map(Into::into);
        item.optional.description = content.description.as_deref().map(Into::into);
        item.optional.invoice_number = content.invoice_number.as_deref().map(Into::into);
        // Payments of a request are found by it, as payments from elsewhere are that name it.
        let request = call.request_id.filter(|_| call.kind == CallKind::Session).map(|id| id.show(place));
        item.optional.order_id = content.order_id.clone().or(request).map(Into::into);
    }
    item
}
