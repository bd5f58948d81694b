//! The facts that a decision may lack.

use compact_str::CompactString;

use crate::domain::coupons::{CouponId, RedemptionId};
use crate::domain::customers::identifier::MatchKey;
use crate::domain::invoices::InvoiceKind;
use crate::domain::orders::OrderId;
use crate::domain::products::ProductId;
use crate::domain::provider::CallId;
use crate::domain::references::Reference;
use crate::domain::requests::RequestId;
use crate::domain::transactions::id::TransId;

/// The source of a transaction and its id there, by which deliveries name it.
pub type ExternalKey = (CompactString, CompactString);

/// A fact that a decision needs and that is not loaded yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// Which customers have a key.
    Key(MatchKey),
    /// Ids for new customers.
    Ids,
    /// How many comments a customer has.
    CommentBook(i64),
    /// A comment of a customer, by its number.
    Comment(i64, i64),
    /// Whether a customer has a comment with a text.
    CommentText(i64, String),
    /// Who has a subscription, by the system that keeps it and its id there.
    Subscription(Reference),
    /// When a customer's last sale was paid.
    LastSale(i64),
    /// How many payments of a customer are pending.
    Pending(i64),
    /// The transactions with some keys, and what pays them back.
    Transactions(Vec<ExternalKey>),
    /// A transaction, by its id.
    TransactionId(TransId),
    /// Which transactions wait for the customers with some keys.
    Waiting(Vec<MatchKey>),
    /// Whether erased people were found by some keys.
    Erased(Vec<MatchKey>),
    /// Whether there is a live customer with an id.
    Payer(i64),
    /// An invoice, with its customer.
    Invoice(i64),
    /// Which invoice has a number, with its customer.
    InvoiceNumber(String),
    /// Where a series of numbers stands.
    InvoiceSeries(InvoiceKind),
    /// The invoices of a customer that are drafts or wait for money.
    UnsettledInvoices(i64),
    /// Something of the coupons.
    Coupon(CouponFact),
    /// An order, by its id.
    Order(OrderId),
    /// A call of a payment provider, with its customer.
    ProviderCall(CallId),
    /// The calls that answer a request and are not through yet.
    RunningCalls(RequestId),
    /// The calls that move money of a customer and are not through yet.
    RunningCallsBy(i64),
    /// All calls about a charge.
    CallsOfCharge(CallId),
    /// A request, by its id, with its customer.
    Request(RequestId),
    /// Which request has a link, by the hash of its token.
    RequestLink([u8; 32]),
    /// The requests of a customer that wait to be answered.
    OpenRequests(i64),
    /// A product, by its id.
    Product(ProductId),
    /// How many products there are.
    ProductCount,
}

/// A fact of the coupons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CouponFact {
    /// The coupon with a code, in the form by which codes compare.
    Code(String),
    /// A coupon, by its id.
    Id(CouponId),
    /// What a coupon has to do with a customer.
    Use(CouponId, i64),
    /// Which redemption of a coupon by a customer takes a place under a reference.
    Reference(CouponId, i64, String),
    /// A redemption, by its id.
    Redemption(RedemptionId),
    /// How many coupons are assigned to a customer.
    Assigned(i64),
}

impl From<CouponFact> for Missing {
    fn from(fact: CouponFact) -> Missing {
        Missing::Coupon(fact)
    }
}
