//! Moves invoices by the transactions that name them (rules 19): a sale pays, and what pays it back takes back.

use std::sync::Arc;

use super::command::Actor;
use super::events::EventKind;
use super::issue::{event, next};
use super::ledger::{key_of, sale_of};
use super::missing::Missing;
use super::working_set::WorkingSet;
use crate::domain::invoices::{Invoice, InvoiceKind, PAYMENTS_MAX};
use crate::domain::kernel::time::Micros;
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
    let Some(invoice_id) = named(working_set, transaction)?.map(|invoice| invoice.id) else {
        return Ok(None);
    };
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
        working_set.invoices.put(after);
    }
    Ok(())
}
