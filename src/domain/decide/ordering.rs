//! Changes of orders as commands, and what becomes of them (rules 18).

use serde::{Deserialize, Serialize};

use crate::domain::orders::OrderId;
use crate::domain::orders::draft::OrderDraft;
use crate::domain::requests::NewLink;

/// A change of orders.
#[derive(Debug, Clone)]
pub enum ChangeOrder {
    /// Take one.
    Take {
        /// Whose it is.
        customer_id: i64,
        /// The checked body.
        draft: Box<OrderDraft>,
        /// The link of its payment request, if one collects its money.
        link: NewLink,
        /// Random bits for ids.
        random: u128,
    },
    /// Take one back.
    Cancel(OrderId),
    /// Send its mails again.
    Resend {
        /// Which one.
        id: OrderId,
        /// The new link of its payment request, if it waits to be paid by one.
        link: NewLink,
    },
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderDone {
    /// `customerId`.
    pub customer_id: i64,
    /// The order.
    pub order_id: OrderId,
    /// Its version after the change.
    pub version: i64,
    /// The token of the new link of its payment request, if it got one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}
