//! The result of a decision: the outcome, the changes to save and the mails to send.

use std::sync::Arc;

use super::catalogue::ProductEffect;
use super::command::{Actor, Outcome, Precomputed};
use super::coupon_book::CouponEffect;
use super::events::Event;
use crate::domain::comments::CommentChange;
use crate::domain::customers::draft::Secret;
use crate::domain::customers::history::Operation;
use crate::domain::customers::record::Stored;
use crate::domain::kernel::time::Micros;
use crate::domain::mail::{MailKind, OrderEnclosed, RequestEnclosed};

/// The result of a command.
#[derive(Debug, Clone)]
pub struct Effects {
    /// The outcome that the command answers.
    pub outcome: Outcome,
    /// The changes to save, in order.
    pub revisions: Vec<Revision>,
    /// The mails to send once the changes are saved.
    pub mails: Vec<MailOrder>,
    /// The events of changes that are no revisions; they come after the revisions.
    pub events: Vec<Event>,
    /// The changes of comments to save.
    pub comments: Vec<CommentEffect>,
    /// Customers whose stored methods changed, at the same version; they come after the revisions.
    pub methods: Vec<Arc<Stored>>,
    /// Customers whose subscriptions changed, with the ids of those; they come after the revisions too.
    pub subscriptions: Vec<(Arc<Stored>, Vec<i64>)>,
    /// When customers become idle unless they buy something (rules 15).
    pub idle: Vec<(i64, Micros)>,
    /// The changes of coupons to save.
    pub coupons: Vec<CouponEffect>,
    /// The changes of products to save.
    pub products: Vec<ProductEffect>,
}

impl Effects {
    /// An outcome with its change, if there is one.
    pub fn new(outcome: Outcome, revision: Option<Revision>) -> Effects {
        Effects {
            outcome,
            revisions: revision.into_iter().collect(),
            mails: Vec::new(),
            events: Vec::new(),
            comments: Vec::new(),
            methods: Vec::new(),
            subscriptions: Vec::new(),
            idle: Vec::new(),
            coupons: Vec::new(),
            products: Vec::new(),
        }
    }

    /// The same effects with one more mail.
    #[must_use]
    pub fn with_mail(mut self, mail: Option<MailOrder>) -> Effects {
        self.mails.extend(mail);
        self
    }
}

/// A change to the comments of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentEffect {
    /// `customerId`.
    pub customer_id: i64,
    /// The change.
    pub change: CommentChange,
}

/// One change to save.
#[derive(Debug, Clone)]
pub struct Revision {
    /// The record before; `None` for a new one.
    pub before: Option<Arc<Stored>>,
    /// The record after.
    pub after: Arc<Stored>,
    /// The operation.
    pub operation: Operation,
    /// Who made the change.
    pub actor: Actor,
    /// What was computed in advance for a new record.
    pub precomputed: Option<Arc<Precomputed>>,
    /// Whether the actor must not learn if anything changed, not even from the work that the change costs (rules 1).
    pub is_blind: bool,
}

/// A mail to send once the effects of the decision are saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailOrder {
    /// The recipient.
    pub customer_id: i64,
    /// The subject.
    pub kind: MailKind,
    /// How long the link in the mail is valid, in seconds, if the mail carries one.
    pub link_ttl_secs: i64,
    /// The customer as it was, if the mail goes to the address before the change.
    pub to: Option<Arc<Stored>>,
    /// The invoice that the mail brings.
    pub invoice_id: Option<i64>,
    /// The order that the mail confirms.
    pub order: Option<Box<OrderEnclosed>>,
    /// The request that the mail brings.
    pub request: Option<Box<RequestEnclosed>>,
    /// The token of the link to the page of a request, if the mail brings one.
    pub link: Option<Secret>,
}

impl MailOrder {
    /// A mail to the present address of a customer that carries nothing.
    pub fn of(customer_id: i64, kind: MailKind) -> MailOrder {
        MailOrder {
            customer_id,
            kind,
            link_ttl_secs: 0,
            to: None,
            invoice_id: None,
            order: None,
            request: None,
            link: None,
        }
    }
}
