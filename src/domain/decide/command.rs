//! Commands that change customers, and their outcomes.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

use super::asking::{AskDone, AskProvider};
pub use super::creation::{CreateCustomer, Holder, Hung, OnMatch, Precomputed};
use super::delivery::{Ingest, ItemAnswer, LinkTransaction};
use super::invoicing::{ChangeInvoice, InvoiceDone};
use super::ordering::{ChangeOrder, OrderDone};
pub use super::precondition::Precondition;
use super::requesting::{ChangeRequest, RequestDone};
use super::shop::{ChangeCoupon, ChangeProduct, CouponOutcome, ProductOutcome};
use crate::domain::accounts::sight::Sight;
use crate::domain::addresses::draft::AddressDraft;
use crate::domain::comments::Comment;
use crate::domain::customers::consent::ConsentChange;
use crate::domain::customers::draft::Draft;
use crate::domain::customers::identifier::MatchKey;
use crate::domain::customers::record::Stored;
use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::problem::Problem;
use crate::domain::labels::LabelChange;
use crate::domain::methods::MethodDraft;
use crate::domain::methods::method::Method;
use crate::domain::references::Reference;
use crate::domain::subscriptions::{Subscription, SubscriptionDraft};
use std::sync::Arc;

/// A requested change, with everything from the request that the decision needs.
#[derive(Debug, Clone)]
pub struct Command {
    /// The entrypoint that the command locks.
    pub entrypoint_id: i64,
    /// Who asks; recorded in the history.
    pub actor: Actor,
    /// How much the asker sees of stored customers (rules 1).
    pub sight: Sight,
    /// The key under which a retry finds the outcome of this command.
    pub idempotency: Option<KeyUse>,
    /// What to do.
    pub action: Action,
}

/// What to do.
#[derive(Debug, Clone)]
pub enum Action {
    /// Get or create a customer (rules 3).
    Create(Box<CreateCustomer>),
    /// Change the sent fields of a customer (rules 5).
    Update(Box<UpdateCustomer>),
    /// Delete a customer, and erase the person on request (rules 5).
    Delete(DeleteCustomer),
    /// Report what a create would do; changes nothing.
    Match(Box<CreateCustomer>),
    /// Invite a customer to the portal.
    Invite(InviteCustomer),
    /// Ask for consent, or record the customer's answer.
    Consent(ChangeConsent),
    /// Archive or unarchive a customer.
    Archive(ArchiveCustomer),
    /// Add, change or delete an address (rules 11).
    Address(Box<ChangeAddress>),
    /// Add or delete a reference (rules 11).
    Reference(ChangeReference),
    /// Change the labels of a customer (rules 12).
    Label(ChangeLabels),
    /// Write, change or delete a comment on a customer (rules 12).
    Comment(ChangeComment),
    /// Change a stored method of a customer.
    Method(Box<ChangeMethod>),
    /// Record a subscription (rules 16).
    Subscription(Box<PutSubscription>),
    /// Make, change, issue or settle an invoice (rules 19).
    Invoice(Box<ChangeInvoice>),
    /// Let the stages of customers follow from the time (rules 15).
    Lifecycle(MoveLifecycle),
    /// Record transactions (rules 14).
    Ingest(Box<Ingest>),
    /// Link a transaction to a customer (rules 14).
    Link(LinkTransaction),
    /// Change, redeem or release a coupon (rules 17).
    Coupon(Box<ChangeCoupon>),
    /// Change a product (rules 18).
    Product(Box<ChangeProduct>),
    /// Take, cancel or send an order.
    Order(Box<ChangeOrder>),
    /// Ask a payment provider for something, or take what it answered (rules 20).
    Provider(Box<AskProvider>),
    /// Make, cancel or send a request for money or for a payment method.
    Request(Box<ChangeRequest>),
    /// Do nothing: answer the outcome kept under the key, or refuse with these problems if there is none (rules 4).
    Replay(Vec<Problem>),
}

/// The token that the caller used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The token's name (`sub`).
    pub name: String,
    /// The token's id (`jti`).
    pub jti: String,
}

impl Actor {
    /// The command line.
    pub fn cli() -> Actor {
        Actor { name: "cli".into(), jti: "cli".into() }
    }

    /// The service itself, for changes that come with the time.
    pub fn service() -> Actor {
        Actor { name: "customary".into(), jti: String::new() }
    }
}

/// An idempotency key: the hash of the key, and a hash of the request (rules 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUse {
    /// Keyed hash of organisation, method, route, ids and key.
    pub key: [u8; 32],
    /// Keyed hash of query and body.
    pub fingerprint: [u8; 32],
}

impl KeyUse {
    /// The key of a part of the request, by where that begins: that of the request for the first one.
    #[must_use]
    pub fn of_part(mut self, from: usize) -> KeyUse {
        // The key is random to everybody without the key of its hash, so no other request has the changed one.
        for (byte, number) in self.key.iter_mut().zip(from.to_be_bytes()) {
            *byte ^= number;
        }
        self
    }
}

/// `PUT /Customer/{customerId}`.
#[derive(Debug, Clone)]
pub struct UpdateCustomer {
    /// `customerId`.
    pub id: i64,
    /// The checked body.
    pub draft: Draft,
    /// `If-Match`.
    pub precondition: Precondition,
}

/// `DELETE /Customer/{customerId}`.
#[derive(Debug, Clone)]
pub struct DeleteCustomer {
    /// `customerId`.
    pub id: i64,
    /// Whether to erase every personal value for good.
    pub erase: bool,
    /// Whether to end what is open instead of a refusal (rules 24).
    pub cancel_open: bool,
    /// `If-Match`.
    pub precondition: Precondition,
}

/// `POST /Customer/{customerId}/invite`, and each customer of an invitation of many.
#[derive(Debug, Clone, Copy)]
pub struct InviteCustomer {
    /// `customerId`.
    pub id: i64,
    /// Whether a customer who is invited already gets a new link; the earlier link ends.
    pub again: bool,
    /// How long the link is valid, in seconds.
    pub link_ttl_secs: i64,
}

/// `POST /Customer/{customerId}/consent`, and the customer's own choice in the portal.
#[derive(Debug, Clone, Copy)]
pub struct ChangeConsent {
    /// `customerId`.
    pub id: i64,
    /// The change of the consent.
    pub change: ConsentChange,
    /// How long the link in the opt-in mail is valid, in seconds.
    pub link_ttl_secs: i64,
}

/// `POST /Customer/{customerId}/archive` and `/unarchive`.
#[derive(Debug, Clone)]
pub struct ArchiveCustomer {
    /// `customerId`.
    pub id: i64,
    /// Whether to archive the customer; `false` unarchives.
    pub archived: bool,
    /// `If-Match`.
    pub precondition: Precondition,
}

/// `POST /Customer/{customerId}/addresses`, and PUT and DELETE of one.
#[derive(Debug, Clone)]
pub struct ChangeAddress {
    /// `customerId`.
    pub id: i64,
    /// What to do.
    pub change: AddressChange,
    /// `If-Match`.
    pub precondition: Precondition,
}

/// What to do with an address.
#[derive(Debug, Clone)]
pub enum AddressChange {
    /// Add it.
    Add(AddressDraft),
    /// Change the address with this id.
    Update(i64, AddressDraft),
    /// Delete the address with this id.
    Remove(i64),
}

/// `PUT` and `DELETE /Customer/{customerId}/references/{system}/{externalId}`.
#[derive(Debug, Clone)]
pub struct ChangeReference {
    /// `customerId`.
    pub id: i64,
    /// The reference.
    pub reference: Reference,
    /// Whether the customer has it afterwards.
    pub is_kept: bool,
    /// `If-Match`.
    pub precondition: Precondition,
}

/// Each customer of `POST /Customer/labels/{entry}` and of `PUT /Paypoint/labels/{entry}/{label}`.
#[derive(Debug, Clone)]
pub struct ChangeLabels {
    /// `customerId`.
    pub id: i64,
    /// The change; the customers of a job share it.
    pub change: Arc<LabelChange>,
}

/// `POST /Customer/{customerId}/comments`, and `PUT` and `DELETE` of one.
#[derive(Debug, Clone)]
pub struct ChangeComment {
    /// `customerId`.
    pub id: i64,
    /// What to do.
    pub edit: CommentEdit,
    /// Whether the asker may change comments of others.
    pub may_change_others: bool,
}

/// What to do with a comment.
#[derive(Debug, Clone)]
pub enum CommentEdit {
    /// Write a new one.
    Add {
        /// Its text, checked.
        text: String,
        /// Whether it stands above the others.
        pinned: bool,
    },
    /// Change what is sent.
    Change {
        /// Which one.
        comment_id: i64,
        /// Its text, checked.
        text: Option<String>,
        /// Whether it stands above the others.
        pinned: Option<bool>,
        /// `If-Match`.
        precondition: Precondition,
    },
    /// Delete it.
    Remove {
        /// Which one.
        comment_id: i64,
        /// `If-Match`.
        precondition: Precondition,
    },
}

/// A change of a customer's stored methods.
#[derive(Debug, Clone)]
pub struct ChangeMethod {
    /// Whose method it is.
    pub owner: Holder,
    /// The change.
    pub change: MethodChange,
    /// `If-Match`, for versions of the method.
    pub precondition: Precondition,
}

/// A change of a stored method.
#[derive(Debug, Clone)]
pub enum MethodChange {
    /// A new method.
    Add {
        /// The checked body.
        draft: MethodDraft,
        /// Random bits for the id.
        random: u32,
    },
    /// Other values.
    Update {
        /// The method.
        id: String,
        /// The checked body.
        draft: MethodDraft,
    },
    /// No longer there.
    Delete {
        /// The method.
        id: String,
    },
}

/// `PUT /Subscription/external/{entry}/{source}/{externalId}`.
#[derive(Debug, Clone)]
pub struct PutSubscription {
    /// The system that keeps it, and its id there.
    pub external: Reference,
    /// The checked body.
    pub draft: SubscriptionDraft,
    /// Whose it is.
    pub whose: SubscriptionOwner,
    /// `If-Match`, for versions of the subscription.
    pub precondition: Precondition,
}

/// Whose a subscription is said to be.
#[derive(Debug, Clone)]
pub enum SubscriptionOwner {
    /// Not said: it is known, and stays whose it is.
    Unnamed,
    /// `customerId`.
    Id(i64),
    /// `customerNumber`, or a reference.
    Key(MatchKey),
    /// Whoever matches.
    Customer(Box<CreateCustomer>, UnknownCustomer),
}

/// What becomes of something whose customer nobody knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum UnknownCustomer {
    /// It is refused.
    #[default]
    Refuse,
    /// A new customer is made.
    Create,
}

/// A customer whose stage may have changed with the time.
#[derive(Debug, Clone, Copy)]
pub struct MoveLifecycle {
    /// `customerId`.
    pub id: i64,
}

/// What a create came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[derive(Serialize, Deserialize, utoipa::ToSchema, IntoStaticStr, EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Verdict {
    /// No match: a new record.
    Created,
    /// The stored record, unchanged.
    Matched,
    /// The stored record now holds exactly what was sent.
    Replaced,
    /// The sent fields were written onto the stored record.
    Merged,
    /// A second record, although a customer matched.
    Forced,
}

impl Verdict {
    /// The word in the wire format.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The outcome of a command. It is small enough to be stored under the idempotency key: the values of the record stay
/// in the versions of the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// A create.
    Created {
        /// The result.
        verdict: Verdict,
        /// `customerId`.
        id: i64,
        /// The version in the answer.
        version: i64,
        /// The fields that matched.
        matched_on: Option<Vec<String>>,
        /// The sent fields whose values differ from those of the match.
        differs: Vec<String>,
    },
    /// An update or a deletion.
    Changed {
        /// `customerId`.
        id: i64,
        /// The version after the change.
        version: i64,
    },
    /// A change of an address of the customer.
    AddressChanged {
        /// `customerId`.
        id: i64,
        /// The version after the change.
        version: i64,
        /// The id of the address.
        address_id: i64,
    },
    /// The answer to a match request.
    Matched(MatchReport),
    /// A comment was written, changed or deleted.
    Commented {
        /// `customerId`.
        id: i64,
        /// The comment after the change; none if it was deleted, or the person erased since.
        comment: Option<Comment>,
    },
    /// A change of a stored method.
    Method {
        /// `customerId`.
        id: i64,
        /// The version of the record, which stays.
        version: i64,
        /// The method.
        method_id: String,
        /// The method after the change; `None` after a deletion, and once the person is erased.
        method: Option<Box<Method>>,
    },
    /// A subscription was recorded.
    Subscribed {
        /// `customerId`.
        id: i64,
        /// The version of the record.
        version: i64,
        /// The id of the subscription.
        subscription_id: i64,
        /// What became of it.
        result: PutResult,
        /// The subscription; `None` once the person is erased.
        subscription: Option<Box<Subscription>>,
    },
    /// A change of an invoice.
    Invoiced(InvoiceDone),
    /// What became of deliveries of transactions, in the order sent.
    Ingested(Vec<ItemAnswer>),
    /// A transaction is the customer's.
    Linked {
        /// `customerId`.
        id: i64,
    },
    /// Something happened to a coupon.
    Coupon(Box<CouponOutcome>),
    /// Something happened to a product.
    Product(Box<ProductOutcome>),
    /// Something became of an order.
    Ordered(OrderDone),
    /// Something became of a call of a payment provider.
    Asked(AskDone),
    /// Something became of a request for money or for a payment method.
    Requested(RequestDone),
}

impl Outcome {
    /// The id and version of the record that the answer shows, if it shows one.
    pub fn record(&self) -> Option<(i64, i64)> {
        match self {
            Outcome::Created { id, version, .. }
            | Outcome::Changed { id, version }
            | Outcome::AddressChanged { id, version, .. }
            | Outcome::Method { id, version, .. }
            | Outcome::Subscribed { id, version, .. } => Some((*id, *version)),
            Outcome::Matched(_)
            | Outcome::Commented { .. }
            | Outcome::Invoiced(_)
            | Outcome::Ingested(_)
            | Outcome::Coupon(_)
            | Outcome::Product(_)
            | Outcome::Ordered(_)
            | Outcome::Asked(_)
            | Outcome::Requested(_)
            | Outcome::Linked { .. } => None,
        }
    }

    /// The customer under whose salt the outcome is kept.
    pub fn customer(&self) -> Option<i64> {
        match self {
            Outcome::Created { id, .. }
            | Outcome::Changed { id, .. }
            | Outcome::AddressChanged { id, .. }
            | Outcome::Method { id, .. }
            | Outcome::Subscribed { id, .. }
            | Outcome::Linked { id }
            | Outcome::Commented { id, .. } => Some(*id),
            Outcome::Invoiced(done) => Some(done.customer_id),
            Outcome::Ordered(done) => Some(done.customer_id),
            Outcome::Asked(done) => done.customer_id,
            Outcome::Requested(done) => done.customer_id,
            Outcome::Coupon(outcome) => outcome.customer(),
            Outcome::Matched(_) | Outcome::Ingested(_) | Outcome::Product(_) => None,
        }
    }
}

/// What became of a record of another system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PutResult {
    /// It is new.
    Created,
    /// It changed.
    Moved,
    /// It was so already.
    #[default]
    Unchanged,
}

/// What a create would do (`POST /Customer/match/{entry}`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchReport {
    /// The result, or `None` for a conflict.
    pub verdict: Option<Verdict>,
    /// The customer that would match.
    pub id: Option<i64>,
    /// The fields that match.
    pub matched_on: Option<Vec<String>>,
    /// The sent fields whose values differ.
    pub differs: Vec<String>,
    /// Each identifier of the request, with the customers that have it.
    pub candidates: Vec<(String, Vec<i64>)>,
    /// Why a create would be refused with 409.
    pub conflicts: Vec<String>,
}

/// An outcome with the data needed to render it. Only [`Answer::seen_by`](crate::domain::view) opens it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The outcome of the command.
    pub(in crate::domain) outcome: Outcome,
    /// The record at the outcome's version; `None` for a match report.
    pub(in crate::domain) stored: Option<Arc<Stored>>,
    /// The entrypoint, as read under the lock.
    pub(in crate::domain) entrypoint: Arc<Entrypoint>,
    /// Whether this repeats the outcome of an earlier request.
    pub(in crate::domain) replayed: bool,
}

impl Answer {
    /// How many deliveries are decided.
    pub fn decided(&self) -> usize {
        match &self.outcome {
            Outcome::Ingested(answers) => answers.len(),
            _ => 0,
        }
    }

    /// Adds the answer to the next part of the same request. The whole answer counts as a replay if its first part does. So of
    /// several equal requests at once, one answer is no replay.
    pub fn join(&mut self, next: Answer) {
        if let (Outcome::Ingested(all), Outcome::Ingested(more)) = (&mut self.outcome, next.outcome) {
            all.extend(more);
        }
    }
}
