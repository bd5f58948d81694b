//! The invoices of the signed-in customer: rows of the record's page, and each as a PDF.

use std::collections::BTreeSet;

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

use super::texts::Texts;
use super::visit::{SignedIn, Visit};
use crate::clock;
use crate::documents;
use crate::domain::invoices::{Invoice, InvoiceKind, InvoiceState};
use crate::store::InvoiceRequest;
use crate::web::page::guarded;
use crate::web::{PageError, PageResult};

/// How many invoices the page shows, the newest first.
const SHOWN_MAX: i64 = 100;

/// A row of the page.
pub(super) struct InvoiceRow {
    pub(super) id: i64,
    pub(super) number: String,
    pub(super) day: String,
    pub(super) amount: String,
    pub(super) state: String,
    /// Whether it waits for money.
    pub(super) is_open: bool,
}

/// The rows of a customer's issued invoices, the newest first, and whether there are more.
pub(super) async fn rows(
    visit: &Visit<'_>,
    signed_in: &SignedIn,
) -> Result<(Vec<InvoiceRow>, bool), PageError> {
    let customer_id = signed_in.found.record.stored.id;
    let mut request = InvoiceRequest::newest_of(visit.entrypoint.id, customer_id, SHOWN_MAX);
    request.filter.states = Some(BTreeSet::from([
        InvoiceState::Open,
        InvoiceState::PartlyPaid,
        InvoiceState::Paid,
        InvoiceState::Cancelled,
    ]));
    let page = visit.portal.store.invoices().page(request).await?;
    let rows = page.records.iter().map(|one| row(visit.texts(), &one.invoice));
    Ok((rows.collect(), page.has_more))
}

fn row(texts: &Texts, invoice: &Invoice) -> InvoiceRow {
    let amount = invoice.content.sums.total;
    let written = |amount| format!("{} {}", invoice.currency.written(amount), invoice.currency);
    let issue = invoice.issue.as_ref();
    let due = issue.map(|issue| issue.due_day.to_string()).unwrap_or_default();
    let state = match invoice.state() {
        _ if invoice.kind == InvoiceKind::CreditNote => texts.credit_note.to_owned(),
        InvoiceState::Draft => String::new(),
        InvoiceState::Open if invoice.is_overdue(clock::now()) => format!("{} {due}", texts.was_due),
        InvoiceState::Open => format!("{} {due}", texts.due_by),
        InvoiceState::PartlyPaid => format!("{} {}", texts.still_open, written(invoice.open_amount())),
        InvoiceState::Paid => texts.paid.to_owned(),
        InvoiceState::Cancelled => texts.cancelled.to_owned(),
    };
    InvoiceRow {
        id: invoice.id,
        number: invoice.number().to_owned(),
        day: issue.map(|issue| issue.day.to_string()).unwrap_or_default(),
        amount: written(amount),
        state,
        is_open: invoice.state().is_open(),
    }
}

/// `GET /portal/{entry}/invoices/{invoiceId}`: an invoice of the customer as a PDF. One of somebody else is not found.
pub(super) async fn download(visit: &Visit<'_>, signed_in: &SignedIn) -> PageResult {
    let id = visit.request.match_info().query("invoiceId").parse().map_err(|_| PageError::NotFound)?;
    let store = &visit.portal.store;
    let one = store.invoices().find(visit.entrypoint.id, id).await?.ok_or(PageError::NotFound)?;
    if one.invoice.customer_id != signed_in.found.record.stored.id {
        return Err(PageError::NotFound);
    }
    let pdf = documents::of_invoice(store, visit.entrypoint.id, &one.invoice).await?;
    let pdf = pdf.ok_or(PageError::NotFound)?;
    let name = documents::file_name(one.invoice.number());
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, "application/pdf"));
    response.insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")));
    Ok(guarded(response.body(pdf)))
}
