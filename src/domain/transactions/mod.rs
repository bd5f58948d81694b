//! Transactions: money that the operator's payment systems moved, and whose it was (rules 14 and 15).
//!
//! A transaction is told by deliveries, which may come late, twice or in the wrong order. Each delivery is an [`Item`];
//! [`merge`](merge::merged) makes the same [`Transaction`] of them in whatever order they come.

pub mod changes;
pub mod currency;
pub mod dialects;
pub mod filter;
pub mod id;
pub mod item;
pub mod merge;
pub mod secret;
pub mod statistic;
pub mod status;
pub mod totals;
pub mod whose;

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use self::currency::Currency;
use self::id::TransId;
use self::item::Item;
use self::status::{Operation, Status};
use super::customers::record::Customer;
use super::kernel::money::Money;
use super::kernel::time::Micros;

/// The most transactions in one array (rules 14).
pub const ITEMS_MAX: usize = 1_000;
/// How many customers an ambiguous match keeps as candidates.
pub const CANDIDATES_MAX: usize = 20;
/// The most refunds and chargebacks of one sale, in any state (rules 14). All of them are read when the sale is.
pub const PAID_BACK_MAX: usize = 200;
/// The most transactions that one payment brings to its customer, of those that waited for it (rules 14).
pub const WAITING_MAX: usize = 200;
/// After so many transactions, with those that pay them back, one payment links no more of what waited. The customer's next
/// request with a payment goes on.
pub const LINKED_MAX: usize = 1_000;

/// A transaction as all deliveries so far tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// `transId`.
    pub id: TransId,
    /// The system that it comes from.
    pub source: CompactString,
    /// Its id there.
    pub external_id: CompactString,
    /// Whose it is; `None` while it is unlinked.
    pub customer_id: Option<i64>,
    /// What it does.
    pub operation: Operation,
    /// How far it came.
    pub status: Status,
    /// The time of the delivery that tells the status.
    pub state_at: Micros,
    /// When it began: the earliest time of all deliveries.
    pub occurred_at: Micros,
    /// When the first delivery came.
    pub received_at: Micros,
    /// The amount, never negative.
    pub amount: Money,
    /// Its currency.
    pub currency: Currency,
    /// What the provider keeps.
    pub fee: Option<Money>,
    /// The amount less what the provider keeps, as the sender says it.
    pub net: Option<Money>,
    /// The amount in the entrypoint's base currency, as the sender says it.
    pub base_amount: Option<Money>,
    /// How it was paid, such as `card`.
    pub method: Option<CompactString>,
    /// Of a refund or a chargeback: the external id of the sale.
    pub refund_of: Option<CompactString>,
    /// Of a sale: what its confirmed refunds in its currency come to. The store keeps it.
    pub refunded: Money,
    /// What only its own pages show.
    pub details: Details,
    /// When each field was told, where that differs from the status.
    pub stamps: BTreeMap<Field, Stamp>,
}

/// The texts of a transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Details {
    /// `invoiceNumber`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice_number: Option<CompactString>,
    /// `orderId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<CompactString>,
    /// `maskedAccount`: at most four digits of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masked_account: Option<CompactString>,
    /// `description`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<CompactString>,
    /// `additionalData`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub additional: BTreeMap<CompactString, CompactString>,
    /// The customers among whom an ambiguous match could not choose, oldest first; empty once linked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<i64>,
    /// Who pays, as a record in JSON, until the transaction is linked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payer: Option<String>,
}

impl Details {
    /// The record of who pays, while no customer is known to be that.
    pub fn payer(&self) -> Option<Customer> {
        self.payer.as_deref().and_then(|json| serde_json::from_str(json).ok())
    }
}

/// When a delivery was told: its time, then the rank of its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp(pub Micros, pub i16);

/// A field that a delivery may leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Field {
    /// `fee`.
    Fee,
    /// `net`.
    Net,
    /// `baseAmount`.
    BaseAmount,
    /// `method`.
    Method,
    /// `refundOf`.
    RefundOf,
    /// `invoiceNumber`.
    InvoiceNumber,
    /// `orderId`.
    OrderId,
    /// `maskedAccount`.
    MaskedAccount,
    /// `description`.
    Description,
    /// `additionalData`.
    Additional,
    /// Who pays, while no customer is known to be that.
    Payer,
}

impl Field {
    /// Whether a token without `pii:read` sees it masked.
    pub fn is_masked(self) -> bool {
        matches!(self, Field::MaskedAccount | Field::Description | Field::Additional | Field::Payer)
    }
}

impl Transaction {
    /// The transaction of a first delivery, without its customer. `payer` is who pays, as a record in JSON. `currency` counts
    /// where the item names none.
    pub fn new(
        item: &Item,
        payer: Option<String>,
        id: TransId,
        (currency, now): (Currency, Micros),
    ) -> Transaction {
        let at = item.occurred_at.unwrap_or(now);
        let optional = item.optional.clone();
        Transaction {
            id,
            source: item.source.clone(),
            external_id: item.external_id.clone(),
            customer_id: None,
            operation: item.operation,
            status: item.status,
            state_at: at,
            occurred_at: item.began_at.unwrap_or(at).min(at),
            received_at: now,
            amount: item.amount,
            currency: item.currency.unwrap_or(currency),
            fee: optional.fee,
            net: optional.net,
            base_amount: optional.base_amount,
            method: optional.method,
            refund_of: optional.refund_of,
            refunded: Money::default(),
            details: Details {
                invoice_number: optional.invoice_number,
                order_id: optional.order_id,
                masked_account: optional.masked_account,
                description: optional.description,
                additional: optional.additional.unwrap_or_default(),
                candidates: Vec::new(),
                payer,
            },
            stamps: BTreeMap::new(),
        }
    }

    /// When its status was told.
    pub fn stamp(&self) -> Stamp {
        Stamp(self.state_at, self.status.rank())
    }

    /// Whether it waits for the customer who pays.
    pub fn is_waiting(&self) -> bool {
        self.customer_id.is_none() && self.details.payer.is_some()
    }

    /// Drops what only an unlinked transaction needs: the candidates, and who pays.
    pub fn forget_payer(&mut self) {
        self.details.candidates.clear();
        self.details.payer = None;
        self.stamps.remove(&Field::Payer);
    }

    /// Whether more was refunded than was paid.
    pub fn is_over_refunded(&self) -> bool {
        self.operation == Operation::Sale && self.refunded > self.amount
    }
}
