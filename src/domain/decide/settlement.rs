//! Moves invoices by the transactions that name them (rules 19): a sale pays, and what pays it back takes back.

use std::sync::Arc;

use super::command::{Actor, Outcome};
use super::effects::{Effects, MailOrder};
use super::events::{Event, EventKind};
use super::issue::{event, next};
use super::ledger::{key_of, sale_of};
use super::missing::Missing;
use super::request::request_event;
use super::working_set::WorkingSet;
use crate::domain::invoices::{Invoice, InvoiceKind, InvoiceState, PAYMENTS_MAX};
use crate::domain::kernel::time::Micros;
use crate::domain::mail::MailKind;
use crate::domain::orders::{Collect, Order, OrderState};
use crate::domain::requests::Request;
use crate::domain::transactions::Transaction;
use crate::domain::transactions::id::TransId;
use crate::domain::transactions::status::{Operation, Status};

/// What a transaction adds to an invoice: its id, and the amount in ten-thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settled {
    invoice_id: i64,
    trans_id: TransId,
    units: i64,
    at: Micros,
}

/// What the change of a transaction adds to invoices, and 0 for each that it adds nothing to any more. Nothing is applied yet.
///
/// # Errors
/// Missing facts.
pub(super) fn settled_by(
    working_set: &WorkingSet,
    before: Option<&Transaction>,
    after: &Transaction,
) -> Result<Vec<Settled>, Missing> {
    if after.operation == Operation::Chargeback {
        let sales = [before.and_then(sale_of), sale_of(after)].into_iter().flatten();
        let mut all = Vec::new();
        for key in sales {
            let Some(sale) = working_set.ledger.get(&key)?.map(Arc::clone) else { continue };
            all.extend(added(working_set, &sale, Some(after))?);
        }
        if !all.is_empty() {
            return Ok(all);
        }
    }
    let new = added(working_set, after, None)?;
    let old = before.map_or(Ok(None), |before| named(working_set, before))?;
    let left = old.filter(|old| new.is_none_or(|new| new.invoice_id != old.id));
    let left = left.zip(before).map(|(invoice, before)| Settled {
        invoice_id: invoice.id,
        trans_id: before.id,
        units: 0,
        at: before.occurred_at,
    });
    Ok(left.into_iter().chain(new).collect())
}

/// The invoice that a transaction names, if it is its customer's and in its currency.
fn named<'a>(
    working_set: &'a WorkingSet,
    transaction: &Transaction,
) -> Result<Option<&'a Arc<Invoice>>, Missing> {
    let Some(number) = transaction.details.invoice_number.as_deref() else { return Ok(None) };
    let Some(invoice) = working_set.invoices.numbered(number)? else { return Ok(None) };
    let is_its = invoice.kind == InvoiceKind::Invoice
        && transaction.customer_id == Some(invoice.customer_id)
        && transaction.currency == invoice.currency;
    Ok(Some(invoice).filter(|_| is_its))
}

/// What a transaction adds to the invoice that it names. `changed` is a chargeback of it that is not applied yet.
fn added(
    working_set: &WorkingSet,
    transaction: &Transaction,
    changed: Option<&Transaction>,
) -> Result<Option<Settled>, Missing> {
    let Some(invoice) = named(working_set, transaction)? else { return Ok(None) };
    // An order may follow its invoice.
    waiting(working_set, invoice)?;
    let invoice_id = invoice.id;
    let units = paid_by(working_set, transaction, changed)?;
    Ok(Some(Settled { invoice_id, trans_id: transaction.id, units, at: transaction.occurred_at }))
}

/// What a transaction pays, in ten-thousandths: less than 0 if it takes money back, 0 while no money moved. A sale carries what
/// went back of it, so what names it as the sale that it pays back adds nothing itself.
fn paid_by(
    working_set: &WorkingSet,
    transaction: &Transaction,
    changed: Option<&Transaction>,
) -> Result<i64, Missing> {
    if !transaction.status.is_confirmed() {
        return Ok(0);
    }
    let amount = transaction.amount.units();
    Ok(match transaction.operation {
        // Its system says that all of it went back.
        Operation::Sale if transaction.status == Status::Refunded => 0,
        Operation::Sale => {
            let known = working_set.ledger.paid_back_by(&key_of(transaction))?;
            let others = known.iter().map(|part| &**part);
            let others = others.filter(|part| changed.is_none_or(|changed| changed.id != part.id));
            let taken = others.chain(changed).map(|part| taken_back(transaction, part)).sum::<i64>();
            amount.saturating_sub(transaction.refunded.units()).saturating_sub(taken).max(0)
        }
        _ if transaction.refund_of.is_some() => 0,
        Operation::Refund | Operation::Chargeback => amount.saturating_neg(),
        Operation::Credit => 0,
    })
}

/// What a chargeback takes back of a sale.
fn taken_back(sale: &Transaction, part: &Transaction) -> i64 {
    let is_its = part.operation == Operation::Chargeback
        && part.status.is_confirmed()
        && part.source == sale.source
        && part.refund_of.as_ref() == Some(&sale.external_id)
        && part.currency == sale.currency;
    if is_its { part.amount.units() } else { 0 }
}

/// Applies what transactions add to invoices.
///
/// # Errors
/// Missing facts.
pub(super) fn settle_invoices(
    working_set: &mut WorkingSet,
    settled: Vec<Settled>,
    actor: &Actor,
) -> Result<(), Missing> {
    for Settled { invoice_id, trans_id, units, at } in settled {
        let Some(invoice) = working_set.invoices.get(invoice_id)?.map(Arc::clone) else { continue };
        let is_known = invoice.payments.iter().any(|payment| payment.trans_id == trans_id);
        if !is_known && invoice.payments.len() >= PAYMENTS_MAX {
            continue;
        }
        let mut after: Invoice = next(working_set, &invoice);
        if !after.settle(trans_id, units, at) {
            continue;
        }
        let note = event(EventKind::InvoicePaid, &after, &["paid"], actor);
        working_set.note(note);
        if after.state() == InvoiceState::Paid
            && let Some((order, request)) = waiting(working_set, &after)?
        {
            complete(working_set, (&order, request.as_deref()), (&mut after, trans_id), actor);
        }
        working_set.invoices.put(after);
    }
    Ok(())
}

/// An order that waits for its payment, with the payment request that collects its money.
type Waiting = (Arc<Order>, Option<Arc<Request>>);

/// The order that waits for the payment of an invoice, with the payment request that collects its money.
///
/// # Errors
/// Missing facts.
fn waiting(working_set: &WorkingSet, invoice: &Invoice) -> Result<Option<Waiting>, Missing> {
    let Some(id) = invoice.content.order_id else { return Ok(None) };
    let order = working_set.orders.get(id)?.map(Arc::clone);
    let is_waiting =
        |order: &Arc<Order>| order.state == OrderState::Pending && order.collect == Collect::Request;
    let Some(order) = order.filter(is_waiting) else { return Ok(None) };
    let request = match order.content.as_ref().and_then(|content| content.request_id) {
        Some(id) => working_set.requests.get(id)?.map(Arc::clone),
        None => None,
    };
    Ok(Some((order, request)))
}

/// Completes an order whose invoice is paid, in whichever way: its request is done, and the customer gets the invoice.
fn complete(
    working_set: &mut WorkingSet,
    (order, request): (&Order, Option<&Request>),
    (invoice, trans_id): (&mut Invoice, TransId),
    actor: &Actor,
) {
    let now = working_set.now;
    let after = Order {
        version: order.version.saturating_add(1),
        state: OrderState::Completed,
        updated_at: now.max(order.updated_at),
        ..order.clone()
    };
    working_set.note(Event {
        kind: EventKind::OrderCompleted,
        customer_id: Some(after.customer_id),
        subject_id: Some(after.id.show(working_set.entrypoint.id)),
        changed: vec!["status"],
        actor: actor.clone(),
    });
    if after.content.as_ref().is_some_and(|content| content.sends_invoice) {
        let mut effects = Effects::new(Outcome::Linked { id: after.customer_id }, None);
        effects.mails.push(MailOrder {
            invoice_id: Some(invoice.id),
            ..MailOrder::of(invoice.customer_id, MailKind::Invoice)
        });
        invoice.sent_at = Some(now);
        working_set.take(effects);
    }
    working_set.orders.put(after);
    // Whoever took the payment by the link may have settled the request already.
    if let Some(request) = request.filter(|request| request.state.is_open()) {
        let paid = request.settle(true, trans_id, now);
        let note = request_event(EventKind::RequestPaid, working_set, &paid, actor);
        working_set.note(note);
        working_set.requests.put(paid);
    }
}
