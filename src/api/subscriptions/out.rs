//! A subscription in an answer (contract 12.2).

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::api::http::json::number;
use crate::domain::entrypoints::Entrypoint;
use crate::domain::kernel::time::Micros;
use crate::domain::subscriptions::{Subscription, SubscriptionStatus};

/// A subscription. What is not known is null.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SubscriptionOut<'a> {
    /// Its id, never used again.
    id_sub: i64,
    /// 1 while it runs, a trial included; 0 when it is paused or over.
    sub_status: i32,
    /// `running`, `trial`, `paused` or `ended`.
    status: SubscriptionStatus,
    /// The system that keeps it.
    source: &'a str,
    /// Its id there.
    external_id: &'a str,
    /// The name of what is subscribed to.
    plan: Option<&'a str>,
    /// Always null; kept for clients of the contract, which has numbers here.
    #[schema(value_type = Option<i64>)]
    plan_id: Option<()>,
    /// What a cycle costs.
    #[schema(value_type = Option<f64>)]
    total_amount: Option<Box<RawValue>>,
    /// The same; fees are not known here.
    #[schema(value_type = Option<f64>)]
    net_amount: Option<Box<RawValue>>,
    /// Always null; fees are not known here.
    #[schema(value_type = Option<f64>)]
    fee_amount: Option<()>,
    /// The currency of the amounts.
    currency: Option<&'a str>,
    /// How often it is charged, such as `monthly`.
    frequency: Option<&'a str>,
    /// When it began or begins.
    #[schema(format = DateTime)]
    start_date: Option<String>,
    /// When it is charged next.
    #[schema(format = DateTime)]
    next_date: Option<String>,
    /// When it ends or ended.
    #[schema(format = DateTime)]
    end_date: Option<String>,
    /// Always null; charges are transactions.
    #[schema(value_type = Option<String>)]
    last_run: Option<()>,
    /// How many cycles it has in all.
    total_cycles: Option<u32>,
    /// How many are left.
    left_cycles: Option<u32>,
    /// Whether it has neither an end nor a number of cycles.
    until_cancelled: bool,
    /// Always null; kept for clients of the contract.
    #[schema(value_type = Option<String>)]
    method: Option<()>,
    /// Always null; kept for clients of the contract.
    #[schema(value_type = Option<Object>)]
    payment_data: Option<()>,
    /// Always null; kept for clients of the contract.
    #[schema(value_type = Option<Object>)]
    stored_method: Option<()>,
    /// Always null; kept for clients of the contract.
    #[schema(value_type = Option<Vec<Object>>)]
    sub_events: Option<()>,
    /// Whose it is; null inside a record of the customer.
    customer: Option<SubscriberOut<'a>>,
    /// Legal name of the entrypoint.
    paypoint_legalname: Option<&'a str>,
    /// Trading name of the entrypoint.
    paypoint_dbaname: Option<&'a str>,
    /// Name of the entrypoint.
    paypoint_entryname: Option<&'a str>,
    /// Name of the organisation.
    parent_org_name: Option<&'a str>,
    /// When this service learnt of it.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    last_updated: String,
    /// The ETag to send as `If-Match` with a change of this subscription.
    #[serde(rename = "etag")]
    etag: String,
}

/// Whose subscription it is. What a token without pii:read may not see is masked.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SubscriberOut<'a> {
    /// The customer's id.
    #[serde(rename = "customerId")]
    customer_id: i64,
    /// The caller's own id of the customer.
    customer_number: Option<Cow<'a, str>>,
    /// First name.
    first_name: Option<Cow<'a, str>>,
    /// Last name.
    last_name: Option<Cow<'a, str>>,
    /// Company name.
    company_name: Option<Cow<'a, str>>,
    /// E-mail address.
    billing_email: Option<Cow<'a, str>>,
    /// Telephone number.
    billing_phone: Option<Cow<'a, str>>,
}

impl<'a> SubscriberOut<'a> {
    /// The customer with this id and payer.
    pub(super) fn new(customer_id: i64, payer: [Option<Cow<'a, str>>; 6]) -> SubscriberOut<'a> {
        let [customer_number, first_name, last_name, company_name, billing_email, billing_phone] = payer;
        SubscriberOut {
            customer_id,
            customer_number,
            first_name,
            last_name,
            company_name,
            billing_email,
            billing_phone,
        }
    }
}

impl<'a> SubscriptionOut<'a> {
    /// Renders a subscription.
    pub(crate) fn new(
        one: &'a Subscription,
        entrypoint: &'a Entrypoint,
        customer: Option<SubscriberOut<'a>>,
    ) -> SubscriptionOut<'a> {
        let time = |time: Option<Micros>| time.map(Micros::to_rfc3339);
        SubscriptionOut {
            id_sub: one.id,
            sub_status: one.status.code(),
            status: one.status,
            source: &one.external.system,
            external_id: &one.external.external_id,
            plan: one.plan.as_deref(),
            total_amount: one.amount.and_then(number),
            net_amount: one.amount.and_then(number),
            currency: one.currency.as_deref(),
            frequency: one.frequency.as_deref(),
            start_date: time(one.start_date),
            next_date: time(one.next_date),
            end_date: time(one.end_date.or(one.ended_at)),
            total_cycles: one.total_cycles,
            left_cycles: one.left_cycles,
            until_cancelled: one.end_date.is_none() && one.total_cycles.is_none() && one.status.is_open(),
            customer,
            paypoint_legalname: entrypoint.legal_name.as_deref(),
            paypoint_dbaname: entrypoint.dba_name.as_deref(),
            paypoint_entryname: Some(&entrypoint.entry),
            parent_org_name: Some(&entrypoint.org_name),
            created_at: one.created_at.to_rfc3339(),
            last_updated: one.updated_at.to_rfc3339(),
            etag: etag(one),
            ..SubscriptionOut::default()
        }
    }
}

/// The ETag of a subscription.
pub(super) fn etag(one: &Subscription) -> String {
    let text = format!("{}/{}/{}", one.id, one.version, one.updated_at.0);
    let hash = blake3::hash(text.as_bytes()).to_hex();
    format!("\"{}-{}\"", one.version, hash.get(..16).unwrap_or_default())
}
