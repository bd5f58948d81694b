//! Makes, changes, issues, sends and settles invoices (rules 19).

use std::sync::Arc;

use super::Undecided;
use super::calls::refuse_running;
use super::command::{Actor, Holder, Outcome};
use super::effects::{Effects, MailOrder};
use super::events::EventKind;
use super::holder::holder;
use super::invoicing::{ChangeInvoice, InvoiceDone, InvoiceStep, NewPayment};
use super::issue::{event, issue, next, refused};
use super::lifecycle::settle;
use super::taking_back::{cancel_order, order_of, void_invoice};
use super::transaction::record_own;
use super::working_set::WorkingSet;
use crate::domain::accounts::sight::Sight;
use crate::domain::customers::fields::TextField;
use crate::domain::customers::record::Stored;
use crate::domain::invoices::draft::{InvoiceDraft, LineDraft};
use crate::domain::invoices::{
    CREDIT_NOTES_MAX, Content, Credit, Invoice, InvoiceKind, InvoiceState, PAYMENTS_MAX, SOURCE, day_of,
};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::domain::mail::MailKind;
use crate::domain::transactions::Transaction;
use crate::domain::transactions::currency::Currency;
use crate::domain::transactions::item::{Item, Whose};

pub(super) fn decide_invoice(
    working_set: &mut WorkingSet,
    change: &ChangeInvoice,
    actor: &Actor,
    sight: Sight,
) -> Result<Effects, Undecided> {
    let (id, step, precondition) = match change {
        ChangeInvoice::Make { holder, draft } => return make(working_set, holder, draft, actor, sight),
        ChangeInvoice::Change { id, step, precondition } => (*id, step, precondition),
    };
    let invoice = working_set.invoices.get(id)?.map(Arc::clone).ok_or(Rejection::NotFound)?;
    if !precondition.holds(invoice.version) {
        return Err(Rejection::Stale.into());
    }
    match step {
        InvoiceStep::Edit(draft) => edit(working_set, &invoice, draft, actor, sight),
        InvoiceStep::Delete => delete(working_set, &invoice, actor),
        InvoiceStep::Finalize => finalize(working_set, &invoice, actor),
        InvoiceStep::Void => void(working_set, &invoice, actor),
        InvoiceStep::Credit { lines, notes } => {
            credit(working_set, &invoice, lines.as_deref(), notes.as_deref(), actor)
        }
        InvoiceStep::Pay(payment) => pay(working_set, &invoice, payment, actor),
        InvoiceStep::Send => send(working_set, &invoice, actor),
    }
}

fn make(
    working_set: &mut WorkingSet,
    whose: &Holder,
    draft: &InvoiceDraft,
    actor: &Actor,
    sight: Sight,
) -> Result<Effects, Undecided> {
    let (revision, stored) = holder(working_set, whose, actor, sight)?;
    if stored.customer.is_deleted() {
        return Err(Rejection::Deleted.into());
    }
    let (content, currency) = written(draft, &Content::default(), working_set.entrypoint.currency, sight)?;
    expected_number(working_set, draft)?;
    let is_new = revision.as_ref().is_some_and(|revision| revision.before.is_none());
    if draft.issues && is_new {
        working_set.add_last_sale(stored.id, None);
    } else if draft.issues {
        working_set.last_sale(stored.id)?;
    }
    let mut invoice = new_invoice(working_set, InvoiceKind::Invoice, stored.id, (content, currency))?;
    if draft.issues {
        issue(working_set, &mut invoice, &stored, None)?;
    }
    // Nothing can be refused from here on. The customer comes first, so that the invoice finds it.
    if let Some(revision) = revision {
        working_set.take(Effects::new(Outcome::Linked { id: stored.id }, Some(revision)));
    }
    let mut effects = if draft.issues { issued(working_set, &invoice, actor)? } else { done(&invoice) };
    effects.events.insert(0, event(EventKind::InvoiceCreated, &invoice, &[], actor));
    working_set.invoices.put(invoice);
    Ok(effects)
}

/// A new draft.
pub(super) fn new_invoice(
    working_set: &mut WorkingSet,
    kind: InvoiceKind,
    customer_id: i64,
    (content, currency): (Content, Currency),
) -> Result<Invoice, Undecided> {
    let now = working_set.now;
    Ok(Invoice {
        id: working_set.next_id()?,
        version: 1,
        customer_id,
        kind,
        currency,
        content,
        issue: None,
        is_cancelled: false,
        payments: Vec::new(),
        credits: Vec::new(),
        created_at: now,
        updated_at: now,
        sent_at: None,
    })
}

/// What a body of `invoiceData` makes of a content.
fn written(
    draft: &InvoiceDraft,
    old: &Content,
    currency: Currency,
    sight: Sight,
) -> Result<(Content, Currency), Rejection> {
    let unmasked = draft.unmasked(old, sight.pii).map_err(Rejection::Invalid);
    unmasked.and_then(|draft| draft.write_to(old, currency)).map_err(|rejection| match rejection {
        Rejection::Invalid(problems) => {
            Rejection::Invalid(problems.into_iter().map(|problem| problem.within("invoiceData")).collect())
        }
        other => other,
    })
}

/// Refuses a number that the sender expects and the invoice would not get.
fn expected_number(working_set: &WorkingSet, draft: &InvoiceDraft) -> Result<(), Undecided> {
    let Some(expected) = &draft.number else { return Ok(()) };
    let invoicing = &working_set.entrypoint.invoicing;
    let series = working_set.invoices.series(InvoiceKind::Invoice)?;
    let today = day_of(working_set.now);
    let next = series.take(&InvoiceKind::Invoice.pattern(invoicing), invoicing.restart, today).number;
    if next == *expected {
        return Ok(());
    }
    let message = format!(
        "is not the next number of the series, {next}; leave it out: an invoice gets its number when it is finalized"
    );
    Err(Rejection::State(vec![Problem::field(&["invoiceData", "invoiceNumber"], "number_not_next", message)])
        .into())
}

fn edit(
    working_set: &mut WorkingSet,
    invoice: &Invoice,
    draft: &InvoiceDraft,
    actor: &Actor,
    sight: Sight,
) -> Result<Effects, Undecided> {
    must_be_draft(invoice, "an issued invoice never changes; correct it by a credit note")?;
    let stored = somebody(working_set, invoice)?;
    let (content, currency) = written(draft, &invoice.content, invoice.currency, sight)?;
    expected_number(working_set, draft)?;
    let is_changed = content != invoice.content || currency != invoice.currency;
    if !is_changed && !draft.issues {
        return Ok(done(invoice));
    }
    let mut after = Invoice { currency, content, ..next(working_set, invoice) };
    let mut effects = if draft.issues {
        working_set.last_sale(invoice.customer_id)?;
        issue(working_set, &mut after, &stored, None)?;
        issued(working_set, &after, actor)?
    } else {
        done(&after)
    };
    if is_changed {
        effects.events.insert(0, event(EventKind::InvoiceUpdated, &after, &["content"], actor));
    }
    working_set.invoices.put(after);
    Ok(effects)
}

fn delete(working_set: &mut WorkingSet, invoice: &Invoice, actor: &Actor) -> Result<Effects, Undecided> {
    must_be_draft(invoice, "an issued invoice stays; void it, or correct it by a credit note")?;
    let mut effects = done(invoice);
    effects.events.push(event(EventKind::InvoiceDeleted, invoice, &[], actor));
    working_set.invoices.remove(invoice.id);
    Ok(effects)
}

fn finalize(working_set: &mut WorkingSet, invoice: &Invoice, actor: &Actor) -> Result<Effects, Undecided> {
    if invoice.issue.is_some() {
        // The same again is the same.
        return Ok(done(invoice));
    }
    let stored = somebody(working_set, invoice)?;
    working_set.last_sale(invoice.customer_id)?;
    let mut after = next(working_set, invoice);
    issue(working_set, &mut after, &stored, None)?;
    let effects = issued(working_set, &after, actor)?;
    working_set.invoices.put(after);
    Ok(effects)
}

/// The effects of an issued invoice: its event, and the stage of its customer, who bought something.
pub(super) fn issued(
    working_set: &mut WorkingSet,
    invoice: &Invoice,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    let stored = Arc::clone(working_set.customer(invoice.customer_id).ok_or(Rejection::Defect)?);
    let mut effects = done(invoice);
    if invoice.kind == InvoiceKind::Invoice {
        let last = working_set.last_sale(stored.id)?;
        working_set.renew_last_sale(stored.id, last.max(Some(working_set.now)));
        let settled = settle(working_set, &stored, stored.customer.clone(), actor)?;
        effects.revisions.extend(settled.revision);
        effects.idle.extend(settled.idle);
    }
    effects.events.push(event(EventKind::InvoiceFinalized, invoice, &[], actor));
    Ok(effects)
}

fn void(working_set: &mut WorkingSet, invoice: &Invoice, actor: &Actor) -> Result<Effects, Undecided> {
    match invoice.state() {
        InvoiceState::Cancelled => return Ok(done(invoice)),
        InvoiceState::Draft => {
            return Err(refused("invoice_is_draft", "a draft has no number; delete it instead"));
        }
        InvoiceState::Open if invoice.credits.is_empty() => {}
        InvoiceState::Open => {
            return Err(refused("invoice_credited", "it has a credit note; correct the rest by another one"));
        }
        InvoiceState::PartlyPaid | InvoiceState::Paid => {
            let message = if invoice.kind == InvoiceKind::CreditNote {
                "a credit note is not taken back; issue a new invoice"
            } else {
                "money was paid for it; correct it by a credit note"
            };
            return Err(refused("invoice_paid", message));
        }
    }
    refuse_running(working_set, invoice)?;
    let order = order_of(working_set, invoice)?;
    // The order first: it may lack a fact.
    let of_order = order.map(|order| cancel_order(working_set, &order, actor)).transpose()?;
    let (after, voided) = void_invoice(working_set, invoice, actor);
    let mut effects = done(&after);
    effects.events.push(voided);
    effects.events.extend(of_order.into_iter().flat_map(|(_, events)| events));
    // The customer's stage may follow from another sale now.
    effects.idle.push((invoice.customer_id, working_set.now));
    Ok(effects)
}

fn credit(
    working_set: &mut WorkingSet,
    invoice: &Invoice,
    lines: Option<&[LineDraft]>,
    notes: Option<&str>,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    if invoice.kind == InvoiceKind::CreditNote {
        return Err(refused("not_an_invoice", "a credit note is not credited; issue a new invoice"));
    }
    match invoice.state() {
        InvoiceState::Draft => {
            return Err(refused("invoice_is_draft", "a draft can be changed; nothing is to be corrected"));
        }
        InvoiceState::Cancelled => return Err(refused("invoice_cancelled", "it is taken back already")),
        InvoiceState::Open | InvoiceState::PartlyPaid | InvoiceState::Paid => {}
    }
    if invoice.credits.len() >= CREDIT_NOTES_MAX {
        let message = format!("it has {CREDIT_NOTES_MAX} credit notes, as many as there may be");
        return Err(refused("too_many_credit_notes", message));
    }
    let total = invoice.content.sums.total;
    let credited: i64 = invoice.credits.iter().map(|credit| credit.total.units()).sum();
    if credited >= total.units() && credited > 0 {
        return Err(refused("invoice_credited", "all of it is credited already"));
    }
    let content = match lines {
        Some(lines) => {
            InvoiceDraft::of_lines(lines.to_vec()).write_to(&Content::default(), invoice.currency)?.0
        }
        None if credited == 0 => Content {
            lines: invoice.content.lines.clone(),
            discount: invoice.content.discount,
            sums: invoice.content.sums,
            ..Content::default()
        },
        None => {
            let message = "is required: a part of the invoice is credited already, so say which lines this note takes back";
            return Err(Rejection::Invalid(vec![Problem::field(&["items"], "required", message)]).into());
        }
    };
    let left = total.units() - credited;
    if content.sums.total.units() > left {
        let left = Money::from_units(left).unwrap_or_default();
        let message =
            format!("come to {}, and only {left} of the invoice is left to be credited", content.sums.total);
        return Err(Rejection::State(vec![Problem::field(&["items"], "more_than_invoice", message)]).into());
    }
    let buyer = &invoice.content;
    let content = Content {
        notes: notes.map(str::to_owned),
        buyer_name: buyer.buyer_name.clone(),
        buyer_company: buyer.buyer_company.clone(),
        buyer_vat_number: buyer.buyer_vat_number.clone(),
        purchase_order: buyer.purchase_order.clone(),
        ..content
    };
    let stored = somebody(working_set, invoice)?;
    let mut note =
        new_invoice(working_set, InvoiceKind::CreditNote, invoice.customer_id, (content, invoice.currency))?;
    issue(working_set, &mut note, &stored, Some((invoice.id, invoice.number().to_owned())))?;
    let mut after = next(working_set, invoice);
    let total = note.content.sums.total;
    after.credits.push(Credit { invoice_id: note.id, number: note.number().to_owned(), total });
    let mut effects = done(&note);
    effects.events.push(event(EventKind::InvoiceFinalized, &note, &[], actor));
    effects.events.push(event(EventKind::InvoiceCredited, &after, &["credits"], actor));
    working_set.invoices.put(note);
    working_set.invoices.put(after);
    Ok(effects)
}

/// Records a payment as a transaction of its own, which then moves the invoice.
fn pay(
    working_set: &mut WorkingSet,
    invoice: &Invoice,
    payment: &NewPayment,
    actor: &Actor,
) -> Result<Effects, Undecided> {
    if invoice.kind == InvoiceKind::CreditNote {
        return Err(refused("not_an_invoice", "nobody pays a credit note; record a payment of the invoice"));
    }
    match invoice.state() {
        InvoiceState::Draft => return Err(refused("invoice_is_draft", "finalize it first")),
        InvoiceState::Cancelled => {
            return Err(refused("invoice_cancelled", "it is taken back; issue another one"));
        }
        InvoiceState::Open | InvoiceState::PartlyPaid | InvoiceState::Paid => {}
    }
    somebody(working_set, invoice)?;
    if payment.currency.is_some_and(|currency| currency != invoice.currency) {
        let message = format!("must be that of the invoice, {}", invoice.currency);
        return Err(
            Rejection::State(vec![Problem::field(&["currency"], "currency_mismatch", message)]).into()
        );
    }
    let external_id = match &payment.reference {
        Some(reference) => format!("{}/{reference}", invoice.id),
        None => format!("{}/{:032x}", invoice.id, payment.random),
    };
    let known = working_set.ledger.get(&(SOURCE.into(), external_id.as_str().into()))?.map(Arc::clone);
    if let Some(known) = known {
        return repeated(working_set, invoice, payment, &known);
    }
    if invoice.payments.len() >= PAYMENTS_MAX {
        let message = format!(
            "it has {PAYMENTS_MAX} payments, as many as there may be; issue another invoice for the rest"
        );
        return Err(refused("too_many_payments", message));
    }
    let amount = match payment.amount {
        Some(amount) => amount,
        None if invoice.open_amount() > Money::default() => invoice.open_amount(),
        None => return Err(refused("invoice_paid", "nothing of it is open; name the amount to record more")),
    };
    if let Err((code, message)) = invoice.currency.check(amount) {
        return Err(Rejection::Invalid(vec![Problem::field(&["amount"], code, message)]).into());
    }
    let mut item = Item::bare(SOURCE, &external_id);
    item.whose = Whose::Id(invoice.customer_id);
    item.amount = amount;
    item.currency = Some(invoice.currency);
    item.occurred_at = Some(payment.paid_at.unwrap_or(working_set.now));
    item.optional.invoice_number = Some(invoice.number().into());
    item.optional.method.clone_from(&payment.method);
    item.optional.description.clone_from(&payment.description);
    let trans_id = record_own(working_set, &item, payment.random, actor)?;
    let after = working_set.invoices.get(invoice.id)?.map(Arc::clone).ok_or(Rejection::Defect)?;
    let done = InvoiceDone { trans_id: Some(trans_id), ..InvoiceDone::of(&after) };
    Ok(Effects::new(Outcome::Invoiced(done), None))
}

/// A payment whose reference was recorded before: the same one again, or another one, which is refused.
fn repeated(
    working_set: &WorkingSet,
    invoice: &Invoice,
    payment: &NewPayment,
    known: &Transaction,
) -> Result<Effects, Undecided> {
    let is_same = payment.amount.is_none_or(|amount| amount == known.amount)
        && (payment.method.is_none() || payment.method == known.method)
        && (payment.description.is_none() || payment.description == known.details.description)
        && payment.paid_at.is_none_or(|at| at == known.occurred_at);
    if !is_same {
        let message = format!(
            "another payment of {} {} has this reference; send another one, or the same payment again",
            known.amount, known.currency
        );
        return Err(Rejection::State(vec![Problem::field(&["reference"], "reference_used", message)]).into());
    }
    let trans_id = Some(known.id.show(working_set.entrypoint.id));
    let done = InvoiceDone { trans_id, ..InvoiceDone::of(invoice) };
    Ok(Effects::new(Outcome::Invoiced(done), None))
}

fn send(working_set: &mut WorkingSet, invoice: &Invoice, actor: &Actor) -> Result<Effects, Undecided> {
    if invoice.issue.is_none() {
        return Err(refused("invoice_is_draft", "a draft is sent to nobody; finalize it first"));
    }
    let stored = somebody(working_set, invoice)?;
    if stored.customer.text(TextField::Email).is_none() {
        return Err(refused("no_email", "the customer has no e-mail address"));
    }
    let after = Invoice { sent_at: Some(working_set.now), ..next(working_set, invoice) };
    let mut effects = done(&after).with_mail(Some(mail_of(&after)));
    effects.events.push(event(EventKind::InvoiceSent, &after, &["sentAt"], actor));
    working_set.invoices.put(after);
    Ok(effects)
}

/// The mail that brings an invoice to its customer.
pub(super) fn mail_of(invoice: &Invoice) -> MailOrder {
    MailOrder { invoice_id: Some(invoice.id), ..MailOrder::of(invoice.customer_id, MailKind::Invoice) }
}

fn must_be_draft(invoice: &Invoice, message: &str) -> Result<(), Undecided> {
    if invoice.issue.is_none() { Ok(()) } else { Err(refused("invoice_issued", message)) }
}

/// The customer of an invoice, who is not deleted.
fn somebody(working_set: &WorkingSet, invoice: &Invoice) -> Result<Arc<Stored>, Undecided> {
    let stored = working_set.customer(invoice.customer_id).ok_or(Rejection::Defect)?;
    if stored.customer.is_deleted() { Err(Rejection::Deleted.into()) } else { Ok(Arc::clone(stored)) }
}

fn done(invoice: &Invoice) -> Effects {
    Effects::new(Outcome::Invoiced(InvoiceDone::of(invoice)), None)
}
