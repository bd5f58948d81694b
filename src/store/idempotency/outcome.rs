//! The sealed part of an idempotency record, under its customer's key or its entrypoint's.

use super::IdempotencyRow;
use crate::domain::comments::Comment;
use crate::domain::decide::asking::AskDone;
use crate::domain::decide::command::{MatchReport, Outcome, PutResult};
use crate::domain::decide::delivery::ItemAnswer;
use crate::domain::decide::invoicing::InvoiceDone;
use crate::domain::decide::ordering::OrderDone;
use crate::domain::decide::requesting::RequestDone;
use crate::domain::decide::shop::{CouponOutcome, ProductOutcome};
use crate::domain::decide::working_set::IdempotencyRecord;
use crate::domain::methods::method::Method;
use crate::domain::subscriptions::Subscription;
use crate::domain::transactions::id::TransId;
use crate::store::customers::rows::CustomerRow;
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::keys::keyring::{ENTRYPOINT_SALT, KeyRing};
use crate::vault::Ad;

/// The parts of an outcome that may contain the caller's own text, and are therefore sealed.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct OutcomeDetail {
    pub matched_on: Option<Vec<String>>,
    pub differs: Vec<String>,
    pub report: Option<MatchReport>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Comment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Box<Method>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscribed: Option<(PutResult, Option<Box<Subscription>>)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoiced: Option<InvoiceDone>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ItemAnswer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon: Option<Box<CouponOutcome>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<Box<ProductOutcome>>,
    /// The token of a new link of a request, or of that of an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// The kinds of records for deliveries of transactions, and for links of them.
pub(crate) const INGEST_KIND: &str = "ingest";
pub(crate) const LINK_KIND: &str = "link";

/// The kind of a record for a change of an invoice.
pub(crate) const INVOICE_KIND: &str = "invoice";
/// The beginning of the kind of a record for a change of an order; its version and its id follow, which outlive an erase.
pub(crate) const ORDER_KIND: &str = "order/";
/// The beginning of the kind of a record for a call of a payment provider; its version and its id follow, likewise.
pub(crate) const ASK_KIND: &str = "ask/";
/// The beginning of the kind of a record for a change of a request; its version and its id follow, likewise.
pub(crate) const REQUEST_KIND: &str = "request/";
/// The kinds of records for coupons and products.
pub(crate) const COUPON_KIND: &str = "coupon";
pub(crate) const PRODUCT_KIND: &str = "product";

/// The beginning of the kind of a record for a change of a stored method; the method's id follows, which outlives an erase.
pub(crate) const METHOD_KIND: &str = "method/";

/// The beginning of the kind of a record for a subscription; its id follows, likewise.
pub(crate) const SUBSCRIPTION_KIND: &str = "subscription/";

/// The beginning of the kind of a record for a change of an address; the address's id follows, likewise.
pub(crate) const ADDRESS_KIND: &str = "address/";

/// Binds the sealed part to its idempotency key and customer.
pub(crate) fn outcome_ad(row: &IdempotencyRow) -> Ad {
    let place = [row.entrypoint_id, row.customer_id.unwrap_or(0), row.version.unwrap_or(0), row.key_id];
    Ad::new("outcome", &place).and(&row.key_hash).and(&row.fingerprint).and(row.kind.as_bytes())
}

/// Opens an idempotency record; also returns the hash of its key. `owner` is the customer of its outcome.
///
/// # Errors
/// [`StoreError::Corrupt`] if it does not open; the database's.
pub(crate) fn open(
    conn: &mut Conn,
    ring: &KeyRing,
    row: &IdempotencyRow,
    owner: Option<&CustomerRow>,
) -> Result<([u8; 32], IdempotencyRecord), StoreError> {
    let corrupt = || StoreError::Corrupt("an idempotency record".into());
    let salt = match row.customer_id {
        Some(_) => owner.ok_or_else(corrupt)?.salt.as_deref(),
        None => Some(ENTRYPOINT_SALT),
    };
    let detail = match salt {
        Some(salt) => {
            let seal = ring.data_key(conn, row.key_id)?.seal_key(salt)?;
            serde_json::from_slice(&seal.open(&outcome_ad(row), &row.detail)?)?
        }
        // An erase of the person also erased the detail. The record still says that the key was used.
        None => OutcomeDetail::default(),
    };
    let outcome = match (row.kind.as_str(), row.customer_id, row.version) {
        ("changed", Some(id), Some(version)) => Outcome::Changed { id, version },
        (kind, Some(id), Some(version)) if kind.starts_with(ADDRESS_KIND) => {
            let address_id = kind.trim_start_matches(ADDRESS_KIND).parse().map_err(|_| corrupt())?;
            Outcome::AddressChanged { id, version, address_id }
        }
        ("comment", Some(id), _) => Outcome::Commented { id, comment: detail.comment },
        (INGEST_KIND, ..) => Outcome::Ingested(detail.items),
        (LINK_KIND, Some(id), _) => Outcome::Linked { id },
        // Of an erased person nothing is left to be told but that the key was used.
        (INVOICE_KIND, Some(id), _) => match detail.invoiced {
            Some(done) => Outcome::Invoiced(done),
            None => Outcome::Linked { id },
        },
        (kind, Some(customer_id), _) if kind.starts_with(ORDER_KIND) => {
            let (version, order_id) = versioned(kind, ORDER_KIND).ok_or_else(corrupt)?;
            Outcome::Ordered(OrderDone { customer_id, order_id, version, token: detail.link })
        }
        (kind, customer_id, _) if kind.starts_with(REQUEST_KIND) => {
            let (version, request_id) = versioned(kind, REQUEST_KIND).ok_or_else(corrupt)?;
            Outcome::Requested(RequestDone { customer_id, request_id, version, token: detail.link })
        }
        (kind, customer_id, _) if kind.starts_with(ASK_KIND) => {
            let (version, call_id) = versioned(kind, ASK_KIND).ok_or_else(corrupt)?;
            Outcome::Asked(AskDone { customer_id, call_id, version })
        }
        // What was of an erased person says no more.
        (COUPON_KIND, Some(id), _) => {
            Outcome::Coupon(detail.coupon.unwrap_or_else(|| Box::new(CouponOutcome::Forgotten(id))))
        }
        (COUPON_KIND, None, _) => Outcome::Coupon(detail.coupon.ok_or_else(corrupt)?),
        (PRODUCT_KIND, ..) => Outcome::Product(detail.product.ok_or_else(corrupt)?),
        ("match", ..) => Outcome::Matched(detail.report.ok_or_else(corrupt)?),
        (kind, Some(id), Some(version)) if kind.starts_with(METHOD_KIND) => {
            let method_id = kind.trim_start_matches(METHOD_KIND).to_owned();
            Outcome::Method { id, version, method_id, method: detail.method }
        }
        (kind, Some(id), Some(version)) if kind.starts_with(SUBSCRIPTION_KIND) => {
            let subscription_id =
                kind.trim_start_matches(SUBSCRIPTION_KIND).parse().map_err(|_| corrupt())?;
            let (result, subscription) = detail.subscribed.unwrap_or_default();
            Outcome::Subscribed { id, version, subscription_id, result, subscription }
        }
        (kind, Some(id), Some(version)) => {
            let verdict = kind.parse().map_err(|_| corrupt())?;
            Outcome::Created { verdict, id, version, matched_on: detail.matched_on, differs: detail.differs }
        }
        _ => return Err(corrupt()),
    };
    let fingerprint = row.fingerprint.as_slice().try_into().map_err(|_| corrupt())?;
    let key_hash = row.key_hash.as_slice().try_into().map_err(|_| corrupt())?;
    Ok((key_hash, IdempotencyRecord { fingerprint, outcome }))
}

/// The version and the id that follow the beginning of a kind.
fn versioned(kind: &str, beginning: &str) -> Option<(i64, TransId)> {
    let (version, id) = kind.strip_prefix(beginning)?.split_once('/')?;
    Some((version.parse().ok()?, TransId::parse(id)?.1))
}
