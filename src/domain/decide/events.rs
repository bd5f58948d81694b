//! Events of changes that are no revisions of a record: what hangs on a customer changed.
//!
//! An event names ids and fields, never a value. It takes its number from the same counter as the revisions do, so that both
//! together tell all changes of an entrypoint in their order.

use strum::{IntoStaticStr, VariantArray};

use super::command::Actor;

/// The name of the list of comments.
pub const COMMENTS: &str = "comments";
/// The name of the list of stored methods.
pub const METHODS: &str = "methods";
/// The name of the list of subscriptions.
pub const SUBSCRIPTIONS: &str = "subscriptions";
/// The name of the list of transactions.
pub const TRANSACTIONS: &str = "transactions";
/// The name of the list of invoices.
pub const INVOICES: &str = "invoices";
/// The name of the list of coupons.
pub const COUPONS: &str = "coupons";
/// The name of the list of orders.
pub const ORDERS: &str = "orders";
/// The name of the list of requests for money and for payment methods.
pub const REQUESTS: &str = "requests";
/// The name of the list of products.
pub const PRODUCTS: &str = "products";

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
pub enum EventKind {
    /// A comment was written.
    #[strum(serialize = "comment.created")]
    CommentCreated,
    /// A comment was changed.
    #[strum(serialize = "comment.updated")]
    CommentUpdated,
    /// A comment was deleted.
    #[strum(serialize = "comment.deleted")]
    CommentDeleted,
    /// A stored method was added.
    #[strum(serialize = "method.created")]
    MethodCreated,
    /// A stored method was changed.
    #[strum(serialize = "method.updated")]
    MethodUpdated,
    /// A stored method was deleted.
    #[strum(serialize = "method.deleted")]
    MethodDeleted,
    /// A subscription came.
    #[strum(serialize = "subscription.created")]
    SubscriptionCreated,
    /// A subscription was changed.
    #[strum(serialize = "subscription.updated")]
    SubscriptionUpdated,
    /// A draft of an invoice was made.
    #[strum(serialize = "invoice.created")]
    InvoiceCreated,
    /// A draft of an invoice was changed.
    #[strum(serialize = "invoice.updated")]
    InvoiceUpdated,
    /// A draft of an invoice was deleted.
    #[strum(serialize = "invoice.deleted")]
    InvoiceDeleted,
    /// An invoice or a credit note was issued.
    #[strum(serialize = "invoice.finalized")]
    InvoiceFinalized,
    /// What is paid of an invoice changed.
    #[strum(serialize = "invoice.paid")]
    InvoicePaid,
    /// An invoice was taken back by a credit note, as a whole or in part.
    #[strum(serialize = "invoice.credited")]
    InvoiceCredited,
    /// An invoice was taken back.
    #[strum(serialize = "invoice.voided")]
    InvoiceVoided,
    /// An invoice was sent by mail.
    #[strum(serialize = "invoice.sent")]
    InvoiceSent,
    /// A transaction was recorded.
    #[strum(serialize = "transaction.created")]
    TransactionCreated,
    /// A transaction has other values.
    #[strum(serialize = "transaction.updated")]
    TransactionUpdated,
    /// A transaction has its customer now.
    #[strum(serialize = "transaction.linked")]
    TransactionLinked,
    /// A payment provider is asked to take a charge back.
    #[strum(serialize = "transaction.voidRequested")]
    VoidRequested,
    /// A coupon was made.
    #[strum(serialize = "coupon.created")]
    CouponCreated,
    /// A coupon was changed.
    #[strum(serialize = "coupon.updated")]
    CouponUpdated,
    /// A coupon was deleted.
    #[strum(serialize = "coupon.deleted")]
    CouponDeleted,
    /// A coupon was assigned to a customer.
    #[strum(serialize = "coupon.assigned")]
    CouponAssigned,
    /// A customer redeemed a coupon.
    #[strum(serialize = "coupon.redeemed")]
    CouponRedeemed,
    /// A redemption gave its place back.
    #[strum(serialize = "coupon.released")]
    CouponReleased,
    /// An order was taken.
    #[strum(serialize = "order.created")]
    OrderCreated,
    /// An order was paid by its payment request, or its invoice in another way.
    #[strum(serialize = "order.completed")]
    OrderCompleted,
    /// An order was taken back.
    #[strum(serialize = "order.cancelled")]
    OrderCancelled,
    /// The mails of an order were sent again.
    #[strum(serialize = "order.sent")]
    OrderSent,
    /// A request for money or for a payment method was made.
    #[strum(serialize = "request.created")]
    RequestCreated,
    /// A request was taken back.
    #[strum(serialize = "request.cancelled")]
    RequestCancelled,
    /// A request got another link.
    #[strum(serialize = "request.sent")]
    RequestSent,
    /// Somebody began to answer a request.
    #[strum(serialize = "request.begun")]
    RequestBegun,
    /// A request was answered.
    #[strum(serialize = "request.paid")]
    RequestPaid,
    /// A payment of a request was declined.
    #[strum(serialize = "request.declined")]
    RequestDeclined,
    /// A product was made.
    #[strum(serialize = "product.created")]
    ProductCreated,
    /// A product was changed.
    #[strum(serialize = "product.updated")]
    ProductUpdated,
    /// A product was deleted.
    #[strum(serialize = "product.deleted")]
    ProductDeleted,
}

impl EventKind {
    /// The list of a customer that changed, by its name in rows of files.
    pub const fn list(self) -> &'static str {
        match self {
            EventKind::CommentCreated | EventKind::CommentUpdated | EventKind::CommentDeleted => COMMENTS,
            EventKind::MethodCreated | EventKind::MethodUpdated | EventKind::MethodDeleted => METHODS,
            EventKind::SubscriptionCreated | EventKind::SubscriptionUpdated => SUBSCRIPTIONS,
            EventKind::TransactionCreated
            | EventKind::TransactionUpdated
            | EventKind::TransactionLinked
            | EventKind::VoidRequested => TRANSACTIONS,
            EventKind::InvoiceCreated
            | EventKind::InvoiceUpdated
            | EventKind::InvoiceDeleted
            | EventKind::InvoiceFinalized
            | EventKind::InvoicePaid
            | EventKind::InvoiceCredited
            | EventKind::InvoiceVoided
            | EventKind::InvoiceSent => INVOICES,
            EventKind::CouponCreated
            | EventKind::CouponUpdated
            | EventKind::CouponDeleted
            | EventKind::CouponAssigned
            | EventKind::CouponRedeemed
            | EventKind::CouponReleased => COUPONS,
            EventKind::OrderCreated
            | EventKind::OrderCompleted
            | EventKind::OrderCancelled
            | EventKind::OrderSent => ORDERS,
            EventKind::RequestCreated
            | EventKind::RequestCancelled
            | EventKind::RequestSent
            | EventKind::RequestBegun
            | EventKind::RequestPaid
            | EventKind::RequestDeclined => REQUESTS,
            EventKind::ProductCreated | EventKind::ProductUpdated | EventKind::ProductDeleted => PRODUCTS,
        }
    }

    /// The name on the wire and in the database.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// A change that is no revision of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// `customerId`; `None` for a transaction that belongs to nobody, and for coupons, products and reusable requests themselves.
    pub customer_id: Option<i64>,
    /// The id of what changed.
    pub subject_id: Option<String>,
    /// The fields that changed; empty where the kind says all.
    pub changed: Vec<&'static str>,
    /// Who made the change.
    pub actor: Actor,
}
