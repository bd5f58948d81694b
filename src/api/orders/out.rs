//! An order in an answer.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::domain::customers::mask::MASK;
use crate::domain::invoices::Line;
use crate::domain::orders::{Collect, OrderState};
use crate::domain::view::View;
use crate::store::FoundOrder;

/// An order. What is not known is null.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderOut<'a> {
    /// Its id.
    order_id: String,
    /// Whose it is.
    customer_id: i64,
    /// `pending`, `completed` or `cancelled`.
    status: OrderState,
    /// How its money is collected.
    collect: Collect,
    /// The currency of all amounts.
    currency: &'static str,
    /// The lines; empty once the person is erased.
    lines: Vec<OrderLineOut<'a>>,
    /// The code of the coupon that it used.
    coupon: Option<&'a str>,
    /// What the coupon takes off.
    #[schema(value_type = Option<f64>)]
    discount: Option<Box<RawValue>>,
    /// The tax.
    #[schema(value_type = Option<f64>)]
    tax: Option<Box<RawValue>>,
    /// What it comes to, with tax.
    #[schema(value_type = f64)]
    total: Option<Box<RawValue>>,
    /// The payment request that collects its money.
    payment_request_id: Option<String>,
    /// The address to pay at. Only in the answer that makes the link: the service keeps its hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_url: Option<String>,
    /// Its invoice.
    invoice_id: Option<i64>,
    /// The number of that.
    invoice_number: Option<&'a str>,
    /// The buyer's number of the order.
    purchase_order: Option<&'a str>,
    /// Notes for the buyer.
    notes: Option<&'a str>,
    /// When it was taken.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    updated_at: String,
    /// 1 at first; every change adds one.
    version: i64,
}

/// A line of an order.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct OrderLineOut<'a> {
    /// What is sold, with the chosen options.
    name: Option<&'a str>,
    /// More about it.
    description: Option<&'a str>,
    /// How much.
    #[schema(value_type = f64)]
    quantity: Option<Box<RawValue>>,
    /// The price of one, without tax.
    #[schema(value_type = f64)]
    unit_price: Option<Box<RawValue>>,
    /// The rate of tax in percent.
    #[schema(value_type = f64)]
    tax_rate: Option<Box<RawValue>>,
    /// Without tax, the discount taken off.
    #[schema(value_type = f64)]
    net_amount: Option<Box<RawValue>>,
    /// The tax.
    #[schema(value_type = f64)]
    tax: Option<Box<RawValue>>,
}

impl<'a> OrderOut<'a> {
    /// Renders an order in a view.
    pub(super) fn new(one: &'a FoundOrder, view: View) -> OrderOut<'a> {
        let (order, content) = (&one.order, one.order.content.as_ref());
        let free = |text: Option<&'a str>| text.map(|text| if view == View::Masked { MASK } else { text });
        OrderOut {
            order_id: order.id.show(one.found.entrypoint.id),
            customer_id: order.customer_id,
            status: order.state,
            collect: order.collect,
            currency: order.currency.code(),
            lines: content.into_iter().flat_map(|content| &content.lines).map(OrderLineOut::new).collect(),
            coupon: content.and_then(|content| content.coupon.as_ref()).map(|coupon| &*coupon.code),
            discount: content
                .and_then(|content| content.coupon.as_ref())
                .and_then(|coupon| decimal(&coupon.discount)),
            tax: content.and_then(|content| decimal(&content.sums.tax)),
            total: decimal(&order.total),
            payment_request_id: content
                .and_then(|content| content.request_id)
                .map(|id| id.show(one.found.entrypoint.id)),
            payment_url: None,
            invoice_id: order.invoice_id,
            invoice_number: content.and_then(|content| content.invoice_number.as_deref()),
            purchase_order: content.and_then(|content| content.purchase_order.as_deref()),
            notes: free(content.and_then(|content| content.notes.as_deref())),
            created_at: order.created_at.to_rfc3339(),
            updated_at: order.updated_at.to_rfc3339(),
            version: order.version,
        }
    }

    /// The same with the address to pay at.
    pub(super) fn with_payment_url(self, payment_url: Option<String>) -> OrderOut<'a> {
        OrderOut { payment_url, ..self }
    }
}

impl<'a> OrderLineOut<'a> {
    fn new(line: &'a Line) -> OrderLineOut<'a> {
        OrderLineOut {
            name: line.name.as_deref(),
            description: line.description.as_deref(),
            quantity: decimal(&line.quantity),
            unit_price: decimal(&line.price),
            tax_rate: decimal(&line.rate),
            net_amount: decimal(&line.net),
            tax: decimal(&line.tax),
        }
    }
}

fn decimal(value: &impl ToString) -> Option<Box<RawValue>> {
    RawValue::from_string(value.to_string()).ok()
}
