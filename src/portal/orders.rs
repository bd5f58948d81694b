//! The orders of the signed-in customer: the newest on the record's page, and a page with all of them.

use actix_web::http::StatusCode;
use askama::Template;

use super::texts::{Texts, texts};
use super::visit::{SignedIn, Visit};
use crate::domain::entrypoints::theme::Language;
use crate::domain::numbers;
use crate::domain::orders::{Order, OrderId, OrderState};
use crate::domain::transactions::id::TransId;
use crate::store::OrderRequest;
use crate::web::page::{Frame, html};
use crate::web::{PageError, PageResult};

/// How many orders the record's page shows, the newest first.
const SHOWN_MAX: i64 = 5;
/// How many a page of the list shows.
const PAGE: i64 = 50;
/// How many lines of an order a row shows.
const LINES_MAX: usize = 5;

/// A row of the page.
pub(super) struct OrderRow {
    pub(super) day: String,
    /// What was ordered, such as `3 × Tea`.
    pub(super) lines: Vec<String>,
    /// How many lines are not shown.
    pub(super) more_lines: usize,
    pub(super) amount: String,
    pub(super) state: &'static str,
    /// Whether the customer still waits for something.
    pub(super) is_open: bool,
    /// The id and the number of its invoice.
    pub(super) invoice: Option<(i64, String)>,
}

/// The newest rows, and whether there are more.
pub(super) async fn newest(
    visit: &Visit<'_>,
    signed_in: &SignedIn,
) -> Result<(Vec<OrderRow>, bool), PageError> {
    let (rows, next) = rows(visit, signed_in, SHOWN_MAX, None).await?;
    Ok((rows, next.is_some()))
}

/// Rows after an order, the newest first, and the last of them if there are more.
async fn rows(
    visit: &Visit<'_>,
    signed_in: &SignedIn,
    limit: i64,
    after: Option<OrderId>,
) -> Result<(Vec<OrderRow>, Option<OrderId>), PageError> {
    let customer_id = signed_in.found.record.stored.id;
    let mut request = OrderRequest::newest_of(visit.entrypoint.id, customer_id, limit);
    request.after = after.map(|id| (0, id));
    let page = visit.portal.store.orders().page(request).await?;
    let rows = page.records.iter().map(|one| row(visit.language, &one.order));
    let last = page.records.last().map(|one| one.order.id).filter(|_| page.has_more);
    Ok((rows.collect(), last))
}

#[derive(Template)]
#[template(path = "orders.html")]
struct OrdersPage {
    frame: Frame,
    texts: &'static Texts,
    title: &'static str,
    orders: Vec<OrderRow>,
    older: Option<String>,
}

/// `GET /portal/{entry}/orders`: all orders, page by page.
pub(super) async fn show(visit: &Visit<'_>, signed_in: &SignedIn) -> PageResult {
    let after = visit.asked("after").and_then(|text| TransId::parse(&text));
    let after = after.filter(|(place, _)| *place == visit.entrypoint.id).map(|(_, id)| id);
    let (orders, last) = rows(visit, signed_in, PAGE, after).await?;
    let older = last.map(|id| format!("{}/orders?after={}", visit.base, id.show(visit.entrypoint.id)));
    let (frame, texts) = (visit.frame(Some(signed_in)), visit.texts());
    html(StatusCode::OK, &OrdersPage { frame, texts, title: texts.orders, orders, older })
}

fn row(language: Language, order: &Order) -> OrderRow {
    let texts = texts(language);
    let content = order.content.as_ref();
    let lines = content.into_iter().flat_map(|content| &content.lines).map(|line| {
        let what = line.name.as_deref().or(line.description.as_deref()).unwrap_or_default();
        format!("{} × {what}", line.quantity)
    });
    let lines: Vec<String> = lines.collect();
    let number = content.and_then(|content| content.invoice_number.clone());
    OrderRow {
        day: numbers::day_of(language, order.created_at),
        more_lines: lines.len().saturating_sub(LINES_MAX),
        lines: lines.into_iter().take(LINES_MAX).collect(),
        amount: numbers::price(language, order.currency, order.total),
        state: match order.state {
            OrderState::Pending => texts.order_pending,
            OrderState::Completed => texts.order_completed,
            OrderState::Cancelled => texts.cancelled,
        },
        is_open: order.state == OrderState::Pending,
        invoice: order.invoice_id.zip(number),
    }
}
