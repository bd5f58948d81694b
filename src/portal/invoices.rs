//! The invoices of the signed-in customer: some on the record's page, a page with all of them, and each as a PDF.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use askama::Template;

use super::own;
use super::texts::{Texts, texts};
use super::visit::{SignedIn, Visit};
use crate::clock;
use crate::documents;
use crate::domain::entrypoints::theme::Language;
use crate::domain::invoices::{Invoice, InvoiceKind, InvoiceState};
use crate::domain::kernel::money::Money;
use crate::domain::numbers;
use crate::domain::requests::RequestKind;
use crate::domain::requests::draft::RequestDraft;
use crate::store::InvoiceRequest;
use crate::web::form::Form;
use crate::web::page::{Frame, guarded, html};
use crate::web::{PageError, PageResult};

/// How many invoices the record's page shows beside those that wait for money, the newest first.
const SHOWN_MAX: i64 = 10;
/// How many that wait for money it shows.
const OPEN_MAX: i64 = 50;
/// How many a page of the list shows.
const PAGE: i64 = 50;
/// The page of the list, below the portal's.
const LIST: &str = "/invoices";
/// Those that a customer sees.
const ISSUED: [InvoiceState; 4] =
    [InvoiceState::Open, InvoiceState::PartlyPaid, InvoiceState::Paid, InvoiceState::Cancelled];

/// A row of the page.
pub(super) struct InvoiceRow {
    pub(super) id: i64,
    pub(super) number: String,
    pub(super) day: String,
    pub(super) amount: String,
    pub(super) state: String,
    /// Whether it waits for money.
    pub(super) is_open: bool,
    /// Whether the customer can pay it.
    pub(super) is_payable: bool,
}

/// The invoices that wait for money, then the newest others, and whether there are more.
pub(super) async fn newest(
    visit: &Visit<'_>,
    signed_in: &SignedIn,
) -> Result<(Vec<InvoiceRow>, bool), PageError> {
    let open = [InvoiceState::Open, InvoiceState::PartlyPaid];
    let (mut shown, more_open) = rows(visit, signed_in, &open, (OPEN_MAX, None)).await?;
    let (others, more) = rows(visit, signed_in, &ISSUED, (SHOWN_MAX, None)).await?;
    shown.extend(others.into_iter().filter(|row| !row.is_open));
    Ok((shown, more_open.is_some() || more.is_some()))
}

/// Rows after an invoice, the newest first, and the last of them if there are more.
async fn rows(
    visit: &Visit<'_>,
    signed_in: &SignedIn,
    states: &[InvoiceState],
    (limit, after): (i64, Option<i64>),
) -> Result<(Vec<InvoiceRow>, Option<i64>), PageError> {
    let customer_id = signed_in.found.record.stored.id;
    let mut request = InvoiceRequest::newest_of(visit.entrypoint.id, customer_id, limit);
    request.filter.states = Some(states.iter().copied().collect());
    request.after = after.map(|id| (0, id));
    let page = visit.portal.store.invoices().page(request).await?;
    let rows = page.records.iter().map(|one| row(visit.language, &one.invoice));
    let last = page.records.last().map(|one| one.invoice.id).filter(|_| page.has_more);
    Ok((rows.collect(), last))
}

#[derive(Template)]
#[template(path = "invoices.html")]
struct InvoicesPage {
    frame: Frame,
    texts: &'static Texts,
    title: &'static str,
    invoices: Vec<InvoiceRow>,
    /// The form token to pay, if somebody takes payments.
    pay: Option<String>,
    older: Option<String>,
}

/// `GET /portal/{entry}/invoices`: all invoices, page by page.
pub(super) async fn show(visit: &Visit<'_>, signed_in: &SignedIn) -> PageResult {
    let after = visit.asked("after").and_then(|text| text.parse().ok());
    let (invoices, last) = rows(visit, signed_in, &ISSUED, (PAGE, after)).await?;
    let older = last.map(|id| format!("{}/invoices?after={id}", visit.base));
    let (frame, texts) = (visit.frame(Some(signed_in)), visit.texts());
    let pay = visit.takes_payments().then(|| signed_in.csrf.clone());
    html(StatusCode::OK, &InvoicesPage { frame, texts, title: texts.invoices, invoices, pay, older })
}

fn row(language: Language, invoice: &Invoice) -> InvoiceRow {
    let amount = invoice.content.sums.total;
    let texts = texts(language);
    let written = |amount| numbers::price(language, invoice.currency, amount);
    let issue = invoice.issue.as_ref();
    let due = issue.map(|issue| numbers::day(language, issue.due_day)).unwrap_or_default();
    let state = match invoice.state() {
        _ if invoice.kind == InvoiceKind::CreditNote => texts.credit_note.to_owned(),
        InvoiceState::Draft => String::new(),
        InvoiceState::Open if invoice.is_overdue(clock::now()) => format!("{} {due}", texts.was_due),
        InvoiceState::Open => format!("{} {due}", texts.due_by),
        InvoiceState::PartlyPaid => {
            let day = if invoice.is_overdue(clock::now()) { texts.was_due } else { texts.due_by };
            format!("{} {}. {day} {due}", texts.still_open, written(invoice.open_amount()))
        }
        InvoiceState::Paid => texts.paid.to_owned(),
        InvoiceState::Cancelled => texts.cancelled.to_owned(),
    };
    InvoiceRow {
        id: invoice.id,
        number: invoice.number().to_owned(),
        day: issue.map(|issue| numbers::day(language, issue.day)).unwrap_or_default(),
        amount: written(amount),
        state,
        is_open: invoice.state().is_open(),
        is_payable: is_payable(invoice),
    }
}

fn is_payable(invoice: &Invoice) -> bool {
    let is_open = invoice.state().is_open() && invoice.open_amount() > Money::default();
    invoice.kind == InvoiceKind::Invoice && is_open
}

/// `POST /portal/{entry}/invoices/{invoiceId}/pay`: to the page where the customer pays it. One of somebody else is not found.
pub(super) async fn pay(visit: &Visit<'_>, signed_in: &SignedIn, _: &Form) -> PageResult {
    let invoice = named(visit, signed_in).await?;
    if !visit.takes_payments() || !ISSUED.contains(&invoice.state()) {
        return Err(PageError::NotFound);
    }
    if !is_payable(&invoice) {
        return Ok(visit.go_to(LIST));
    }
    let mut draft = RequestDraft::own(RequestKind::Payment, visit.address(LIST), clock::now());
    draft.invoice_id = Some(invoice.id);
    draft.content.description = Some(format!("{} {}", visit.texts().invoice, invoice.number()));
    own::ask(visit, signed_in, draft, LIST).await
}

/// The customer's invoice that the path names.
async fn named(visit: &Visit<'_>, signed_in: &SignedIn) -> Result<Arc<Invoice>, PageError> {
    let id = visit.request.match_info().query("invoiceId").parse().map_err(|_| PageError::NotFound)?;
    let found = visit.portal.store.invoices().find(visit.entrypoint.id, id).await?;
    let own = found.filter(|one| one.invoice.customer_id == signed_in.found.record.stored.id);
    own.map(|one| one.invoice).ok_or(PageError::NotFound)
}

/// `GET /portal/{entry}/invoices/{invoiceId}`: an invoice of the customer as a PDF. One of somebody else is not found.
pub(super) async fn download(visit: &Visit<'_>, signed_in: &SignedIn) -> PageResult {
    let invoice = named(visit, signed_in).await?;
    let pdf = documents::of_invoice(&visit.portal.store, visit.entrypoint.id, &invoice).await?;
    let pdf = pdf.ok_or(PageError::NotFound)?;
    let name = documents::file_name(invoice.number());
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, "application/pdf"));
    response.insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")));
    Ok(guarded(response.body(pdf)))
}
