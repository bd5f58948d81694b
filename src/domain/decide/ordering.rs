//! Changes of orders as commands, and what becomes of them (rules 18).

use serde::{Deserialize, Serialize};

use crate::domain::orders::OrderId;
use crate::domain::orders::draft::OrderDraft;

/// A change of orders.
#[derive(Debug, Clone)]
pub enum ChangeOrder {
    /// Take one.
    Take {
        /// Whose it is.
        customer_id: i64,
        /// The checked body.
        draft: Box<OrderDraft>,
        /// Random bits for ids.
        random: u128,
    },
    /// Take one back.
    Cancel(OrderId),
    /// Send its mails again.
    Resend(OrderId),
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
}
