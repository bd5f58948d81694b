//! Takes invoices back, with the orders that made them: one change, whoever asks for it (rules 18, 19 and 24).

use std::sync::Arc;

use super::Undecided;
use super::command::{Actor, Outcome};
use super::coupon::{Redeemed, release};
use super::effects::Effects;
use super::events::{Event, EventKind};
use super::issue::{event as invoice_event, next};
use super::request::{cancel_all, request_event};
use super::working_set::WorkingSet;
use crate::domain::invoices::{Invoice, InvoiceState};
use crate::domain::orders::{Order, OrderState};
use crate::domain::requests::Request;

/// The order that made an invoice, if it is not cancelled.
///
/// # Errors
/// Missing facts.
pub(super) fn order_of(working_set: &WorkingSet, invoice: &Invoice) -> Result<Option<Arc<Order>>, Undecided> {
    let Some(id) = invoice.content.order_id else { return Ok(None) };
    let order = working_set.orders.get(id)?.map(Arc::clone);
    Ok(order.filter(|order| order.state != OrderState::Cancelled))
}

/// The place of its coupon that an order gives back, if it used one.
///
/// # Errors
/// Missing facts.
pub(super) fn released(
    working_set: &WorkingSet,
    order: &Order,
    actor: &Actor,
) -> Result<Option<Redeemed>, Undecided> {
    let coupon = order.content.as_ref().and_then(|content| content.coupon.as_ref());
    coupon.map(|coupon| release(working_set, coupon.redemption_id, actor)).transpose()
}

/// The payment request that collects the money of an order.
///
/// # Errors
/// Missing facts.
fn request_of(working_set: &WorkingSet, order: &Order) -> Result<Option<Arc<Request>>, Undecided> {
    let Some(id) = order.content.as_ref().and_then(|content| content.request_id) else { return Ok(None) };
    Ok(working_set.requests.get(id)?.map(Arc::clone))
}

/// Cancels an order with its payment request, and gives the place of its coupon back. Returns the order as it is then.
///
/// # Errors
/// Missing facts; then nothing has changed.
pub(super) fn cancel_order(
    working_set: &mut WorkingSet,
    order: &Order,
    actor: &Actor,
) -> Result<(Order, Vec<Event>), Undecided> {
    let request = request_of(working_set, order)?;
    let mut effects = Effects::new(Outcome::Linked { id: order.customer_id }, None);
    if let Some(released) = released(working_set, order, actor)? {
        released.onto(&mut effects);
    }
    let after = Order {
        version: order.version.saturating_add(1),
        state: OrderState::Cancelled,
        updated_at: working_set.now.max(order.updated_at),
        ..order.clone()
    };
    let mut events = std::mem::take(&mut effects.events);
    events.push(order_event(EventKind::OrderCancelled, working_set, &after, actor));
    if let Some(request) = request.and_then(|request| request.cancel(working_set.now)) {
        events.push(request_event(EventKind::RequestCancelled, working_set, &request, actor));
        working_set.requests.put(request);
    }
    working_set.take(effects);
    working_set.orders.put(after.clone());
    Ok((after, events))
}

/// Takes an invoice back.
pub(super) fn void_invoice(
    working_set: &mut WorkingSet,
    invoice: &Invoice,
    actor: &Actor,
) -> (Invoice, Event) {
    let after = Invoice { is_cancelled: true, ..next(working_set, invoice) };
    let event = invoice_event(EventKind::InvoiceVoided, &after, &[], actor);
    working_set.invoices.put(after.clone());
    (after, event)
}

/// Takes back what a customer owes, before somebody deletes the customer: its open invoices, the orders that made them, and what
/// was asked of it.
/// Drafts are deleted with the customer's data.
///
/// # Errors
/// Missing facts; then nothing has changed.
pub(super) fn take_all_back(
    working_set: &mut WorkingSet,
    customer_id: i64,
    actor: &Actor,
) -> Result<Vec<Event>, Undecided> {
    let mut voidable = working_set.invoices.unsettled(customer_id)?;
    let requests = working_set.requests.open_of(customer_id)?;
    voidable.retain(|invoice| invoice.state() == InvoiceState::Open && invoice.credits.is_empty());
    let mut orders = Vec::new();
    for invoice in &voidable {
        let Some(order) = order_of(working_set, invoice)? else { continue };
        // Loads what the coupon and the request need, before anything changes.
        released(working_set, &order, actor)?;
        request_of(working_set, &order)?;
        orders.push(order);
    }
    let mut events = Vec::new();
    for invoice in &voidable {
        events.push(void_invoice(working_set, invoice, actor).1);
    }
    // One at a time, because several orders may have used the same coupon.
    for order in orders {
        events.extend(cancel_order(working_set, &order, actor)?.1);
    }
    events.extend(cancel_all(working_set, &requests, actor)?);
    Ok(events)
}

/// The event of a change of an order.
pub(super) fn order_event(kind: EventKind, working_set: &WorkingSet, order: &Order, actor: &Actor) -> Event {
    Event {
        kind,
        customer_id: Some(order.customer_id),
        subject_id: Some(order.id.show(working_set.entrypoint.id)),
        changed: Vec::new(),
        actor: actor.clone(),
    }
}
