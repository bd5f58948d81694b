//! Orders that staff take for customers (rules 18). An order makes an invoice at once, and tells its customer by mail.

pub mod draft;
pub mod filter;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use strum::{EnumString, FromRepr, IntoStaticStr, VariantNames};

use super::coupons::RedemptionId;
use super::invoices::Line;
use super::invoices::amounts::Sums;
use super::kernel::money::Money;
use super::kernel::time::Micros;
use super::transactions::currency::Currency;
use super::transactions::id::TransId;

/// The id of an order, in the form of a transaction's.
pub type OrderId = TransId;

/// The most lines of an order (rules 18).
pub const LINES_MAX: usize = 200;

/// How an order stands. The number is the one in the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, EnumString, IntoStaticStr, VariantNames, FromRepr)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
#[repr(i16)]
pub enum OrderState {
    /// It waits for its payment.
    #[default]
    Pending = 0,
    /// It is invoiced, and paid if a payment request collects its money.
    Completed = 1,
    /// It was taken back.
    Cancelled = 2,
}

impl OrderState {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The number in the database.
    #[expect(clippy::as_conversions, reason = "the number is the representation")]
    pub const fn number(self) -> i16 {
        self as i16
    }
}

/// How the money of an order is collected. The number is the one in the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, EnumString, IntoStaticStr, VariantNames, FromRepr)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
#[repr(i16)]
pub enum Collect {
    /// It was paid on the spot: the invoice is paid with it.
    Paid = 0,
    /// By an open invoice.
    #[default]
    OnAccount = 1,
    /// By a payment request.
    Request = 2,
}

impl Collect {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The number in the database.
    #[expect(clippy::as_conversions, reason = "the number is the representation")]
    pub const fn number(self) -> i16 {
        self as i16
    }
}

/// The coupon that an order used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsedCoupon {
    /// Its code.
    pub code: String,
    /// The redemption.
    pub redemption_id: RedemptionId,
    /// What it takes off.
    pub discount: Money,
}

/// What an order says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OrderContent {
    /// The lines, with what they come to.
    pub lines: Vec<Line>,
    /// What all of them come to.
    pub sums: Sums,
    /// The coupon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coupon: Option<UsedCoupon>,
    /// The buyer's number of the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_order: Option<CompactString>,
    /// Notes for the buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// The number of its invoice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice_number: Option<String>,
    /// The payment request that collects its money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<TransId>,
    /// Whether the customer gets the invoice by mail once it is paid.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sends_invoice: bool,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// 1 at first; every change adds one.
    pub version: i64,
    /// Whose it is.
    pub customer_id: i64,
    /// How it stands.
    pub state: OrderState,
    /// How its money is collected.
    pub collect: Collect,
    /// Its currency.
    pub currency: Currency,
    /// What it comes to.
    pub total: Money,
    /// Its invoice.
    pub invoice_id: Option<i64>,
    /// What it says; `None` once the person is erased.
    pub content: Option<OrderContent>,
    /// When it was made.
    pub created_at: Micros,
    /// When it last changed.
    pub updated_at: Micros,
}
