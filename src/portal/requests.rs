//! The payments that the store asks the signed-in customer for, on the record's page.

use super::pay::until;
use super::visit::{SignedIn, Visit};
use crate::clock;
use crate::domain::invoices::Invoice;
use crate::domain::numbers;
use crate::domain::requests::Request;
use crate::web::PageError;

/// How many requests the record's page shows, the newest first.
const SHOWN_MAX: i64 = 50;

/// A row of the page.
pub(super) struct RequestRow {
    pub(super) id: String,
    /// What it is for.
    pub(super) what: String,
    /// How much it asks for; `None` if the payer says how much.
    pub(super) amount: Option<String>,
    pub(super) until: String,
}

/// The requests that wait for the customer.
pub(super) async fn open(visit: &Visit<'_>, signed_in: &SignedIn) -> Result<Vec<RequestRow>, PageError> {
    let (place, customer_id) = (visit.entrypoint.id, signed_in.found.record.stored.id);
    let all = visit.portal.store.requests().payable(place, customer_id, clock::now(), SHOWN_MAX).await?;
    Ok(all.iter().map(|(request, invoice)| row(visit, request, invoice.as_ref())).collect())
}

fn row(visit: &Visit<'_>, request: &Request, invoice: Option<&Invoice>) -> RequestRow {
    let texts = visit.texts();
    let described = request.content.as_ref().and_then(|content| content.description.clone());
    let number = invoice.map(|invoice| format!("{} {}", texts.invoice, invoice.number()));
    let written = |amount| numbers::price(visit.language, request.currency, amount);
    RequestRow {
        id: request.id.show(visit.entrypoint.id),
        what: described.or(number).unwrap_or_else(|| texts.pay_title.to_owned()),
        amount: request.asked(invoice).map(written),
        until: until(visit, request),
    }
}
