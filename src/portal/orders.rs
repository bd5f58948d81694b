//! The orders of the signed-in customer, as rows of the record's page.

use super::texts::Texts;
use super::visit::{SignedIn, Visit};
use crate::domain::orders::{Order, OrderState};
use crate::store::OrderRequest;
use crate::web::PageError;

/// How many orders the page shows, the newest first.
const SHOWN_MAX: i64 = 100;

/// A row of the page.
pub(super) struct OrderRow {
    pub(super) day: String,
    /// What was ordered, such as `3 × Tea`.
    pub(super) lines: Vec<String>,
    pub(super) amount: String,
    pub(super) state: &'static str,
    /// Whether the customer still waits for something.
    pub(super) is_open: bool,
    /// The id and the number of its invoice.
    pub(super) invoice: Option<(i64, String)>,
}

/// The rows of a customer's orders, the newest first, and whether there are more.
pub(super) async fn rows(
    visit: &Visit<'_>,
    signed_in: &SignedIn,
) -> Result<(Vec<OrderRow>, bool), PageError> {
    let customer_id = signed_in.found.record.stored.id;
    let request = OrderRequest::newest_of(visit.entrypoint.id, customer_id, SHOWN_MAX);
    let page = visit.portal.store.orders().page(request).await?;
    let rows = page.records.iter().map(|one| row(visit.texts(), &one.order));
    Ok((rows.collect(), page.has_more))
}

fn row(texts: &'static Texts, order: &Order) -> OrderRow {
    let content = order.content.as_ref();
    let lines = content.into_iter().flat_map(|content| &content.lines).map(|line| {
        let what = line.name.as_deref().or(line.description.as_deref()).unwrap_or_default();
        format!("{} × {what}", line.quantity)
    });
    let number = content.and_then(|content| content.invoice_number.clone());
    OrderRow {
        day: order.created_at.day(),
        lines: lines.collect(),
        amount: format!("{} {}", order.currency.written(order.total), order.currency),
        state: match order.state {
            OrderState::Pending => texts.order_pending,
            OrderState::Completed => texts.order_completed,
            OrderState::Cancelled => texts.cancelled,
        },
        is_open: order.state == OrderState::Pending,
        invoice: order.invoice_id.zip(number),
    }
}
