//! Invoices in a few words, for the page about a customer.

use serde::Serialize;
use serde_json::value::RawValue;

use super::out::decimal;
use crate::api::lists::SummaryOut;
use crate::domain::invoices::{InvoiceKind, InvoiceState};
use crate::domain::kernel::time::Micros;
use crate::store::FoundInvoice;

/// The invoices of a customer, the newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InvoiceRowsOut<'a> {
    /// How many invoices there are.
    summary: SummaryOut,
    /// The newest ones.
    records: Vec<InvoiceRowOut<'a>>,
}

impl<'a> InvoiceRowsOut<'a> {
    pub(crate) fn new(summary: SummaryOut, invoices: &'a [FoundInvoice], now: Micros) -> InvoiceRowsOut<'a> {
        InvoiceRowsOut { summary, records: invoices.iter().map(|one| InvoiceRowOut::new(one, now)).collect() }
    }
}

/// An invoice or a credit note in a few words. `GET /Invoice/{invoiceId}` answers all of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct InvoiceRowOut<'a> {
    /// Its id.
    invoice_id: i64,
    /// Its number; empty for a draft.
    invoice_number: &'a str,
    /// `invoice` or `creditNote`.
    kind: InvoiceKind,
    /// `draft`, `open`, `partlyPaid`, `paid` or `cancelled`.
    state: InvoiceState,
    /// Whether it waits for money and its due date is over.
    overdue: bool,
    /// The day of issue; null for a draft.
    #[schema(format = Date)]
    invoice_date: Option<String>,
    /// The day by which it is to be paid; null for a draft.
    #[schema(format = Date)]
    invoice_due_date: Option<String>,
    /// The currency of the amounts.
    currency: &'static str,
    /// What it comes to, with tax.
    #[schema(value_type = f64)]
    invoice_amount: Option<Box<RawValue>>,
    /// What is still to be paid.
    #[schema(value_type = f64)]
    open_amount: Option<Box<RawValue>>,
}

impl<'a> InvoiceRowOut<'a> {
    fn new(one: &'a FoundInvoice, now: Micros) -> InvoiceRowOut<'a> {
        let invoice = &*one.invoice;
        let issue = invoice.issue.as_ref();
        InvoiceRowOut {
            invoice_id: invoice.id,
            invoice_number: invoice.number(),
            kind: invoice.kind,
            state: invoice.state(),
            overdue: invoice.is_overdue(now),
            invoice_date: issue.map(|issue| issue.day.to_string()),
            invoice_due_date: issue.map(|issue| issue.due_day.to_string()),
            currency: invoice.currency.code(),
            invoice_amount: decimal(&invoice.content.sums.total),
            open_amount: decimal(&invoice.open_amount()),
        }
    }
}
