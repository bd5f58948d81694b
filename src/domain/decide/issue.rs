//! Issues invoices and credit notes (rules 19): the number is given here, under the lock of the entrypoint, so that a series has
//! no hole and its days ascend.

use super::Undecided;
use super::command::Actor;
use super::events::{Event, EventKind};
use super::working_set::WorkingSet;
use crate::domain::customers::record::Stored;
use crate::domain::invoices::{
    Invoice, InvoiceKind, Issue, buyer, day_of, due_day, language_of, look, seller,
};
use crate::domain::kernel::problem::{Problem, Rejection};

/// A refusal that the state of an invoice is the reason of.
pub(super) fn refused(code: &'static str, message: impl Into<String>) -> Undecided {
    Rejection::State(vec![Problem::field(&[], code, message)]).into()
}

/// Gives a draft its number, its days, and the snapshots of seller and buyer. `corrects` is the invoice that a credit note
/// corrects; `stored` its customer. The series moves on at once; whoever refuses something afterwards must do so before.
///
/// # Errors
/// 409 for a deleted customer, a day out of order, or a number that another invoice has; missing facts.
pub(super) fn issue(
    working_set: &mut WorkingSet,
    invoice: &mut Invoice,
    stored: &Stored,
    corrects: Option<(i64, String)>,
) -> Result<(), Undecided> {
    if stored.customer.is_deleted() {
        return Err(Rejection::Deleted.into());
    }
    let entrypoint = &working_set.entrypoint;
    let series = working_set.invoices.series(invoice.kind)?;
    // The clock of another instance may have been ahead.
    let today = series.last_day.map_or(day_of(working_set.now), |last| last.max(day_of(working_set.now)));
    let day = invoice.content.wanted_day.unwrap_or(today);
    if let Some(last) = series.last_day.filter(|last| day < *last) {
        let message = format!(
            "invoiceDate is before the day of the last number, {last}, and the days of a series ascend; change or clear invoiceDate"
        );
        return Err(refused("date_out_of_order", message));
    }
    if day > today {
        let message = "invoiceDate lies ahead; issue the invoice on that day, or change or clear invoiceDate";
        return Err(refused("date_out_of_order", message));
    }
    let pattern = invoice.kind.pattern(&entrypoint.invoicing);
    let taken = series.take(&pattern, entrypoint.invoicing.restart, day);
    if working_set.invoices.numbered(&taken.number)?.is_some() {
        let setting = match invoice.kind {
            InvoiceKind::Invoice => "invoiceNumberPattern",
            InvoiceKind::CreditNote => "creditNoteNumberPattern",
        };
        let message = format!(
            "another document already has the next number of the series, {}; change the setting {setting}",
            taken.number
        );
        return Err(refused("number_taken", message));
    }
    invoice.issue = Some(Issue {
        number: taken.number,
        day,
        due_day: due_day(&invoice.content, day, &entrypoint.invoicing),
        at: working_set.now,
        seller: seller(entrypoint),
        buyer: buyer(&stored.customer, &invoice.content, language_of(&stored.customer, entrypoint)),
        look: look(entrypoint, &stored.customer),
        corrects,
        is_paid: false,
    });
    working_set.invoices.put_series(invoice.kind, taken.series);
    Ok(())
}

/// The next version of an invoice.
pub(super) fn next(working_set: &WorkingSet, invoice: &Invoice) -> Invoice {
    Invoice {
        version: invoice.version.saturating_add(1),
        updated_at: working_set.now.max(invoice.updated_at),
        ..invoice.clone()
    }
}

/// The event of a change of an invoice.
pub(super) fn event(kind: EventKind, invoice: &Invoice, changed: &[&'static str], actor: &Actor) -> Event {
    Event {
        kind,
        customer_id: Some(invoice.customer_id),
        subject_id: Some(invoice.id.to_string()),
        changed: changed.to_vec(),
        actor: actor.clone(),
    }
}
