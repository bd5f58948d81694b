//! Payment requests and links for payment methods in answers.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::api::lists::SummaryOut;
use crate::domain::customers::mask::MASK;
use crate::domain::entrypoints::theme::Language;
use crate::domain::kernel::money::Money;
use crate::domain::kernel::time::Micros;
use crate::domain::requests::{CollectField, MethodType, Request, RequestState};
use crate::domain::view::View;

/// A payment request. What is not known is null.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentRequestOut<'a> {
    /// Its id.
    payment_request_id: String,
    /// Whose it is; null for a reusable one.
    customer_id: Option<i64>,
    /// `NEW` waits to be paid, `INP` is being paid, `DON` was paid, `EXP` has expired, `DEC` was declined and can be paid, `CAN` was
    /// taken back.
    status: RequestState,
    /// The address to pay at. Only in the answer that makes the link: the service keeps its hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// How much it asks for; null if the payer says how much.
    #[schema(value_type = Option<f64>)]
    amount: Option<Box<RawValue>>,
    /// The limits of an amount that the payer says.
    open: Option<AmountLimitsOut>,
    /// The currency of all amounts.
    currency: &'static str,
    /// How the payer may pay.
    method_types: &'a [MethodType],
    /// What it is for.
    description: Option<&'a str>,
    /// What the page asks the payer for.
    collect: &'a [CollectField],
    /// Where the payer goes afterwards.
    success_url: Option<&'a str>,
    /// Where a payer goes who gives up.
    cancel_url: Option<&'a str>,
    /// The language of the page and of the mail; null for the customer's.
    language: Option<&'static str>,
    /// What you call it.
    reference: Option<&'a str>,
    /// The invoice that it asks to be paid.
    invoice_id: Option<i64>,
    /// The order that made it.
    order_id: Option<String>,
    /// How often it was paid.
    uses: i64,
    /// How often it can be paid; null for any number.
    max_uses: Option<i64>,
    /// The last payment of it.
    last_trans_id: Option<String>,
    /// From when on it cannot be paid.
    #[schema(format = DateTime)]
    expires_at: String,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    updated_at: String,
    /// 1 at first; every change adds one.
    version: i64,
}

/// The limits of an amount that the payer says.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct AmountLimitsOut {
    /// The least.
    #[schema(value_type = Option<f64>)]
    min: Option<Box<RawValue>>,
    /// The most.
    #[schema(value_type = Option<f64>)]
    max: Option<Box<RawValue>>,
}

/// A link by which a customer stores a payment method. What is not known is null.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MethodLinkOut<'a> {
    /// Its id.
    link_id: String,
    /// Whose it is.
    customer_id: Option<i64>,
    /// `NEW` waits, `INP` is being used, `DON` stored a method, `EXP` has expired, `DEC` failed and can be used, `CAN` was taken back.
    status: RequestState,
    /// The address. Only in the answer that makes it: the service keeps its hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Which methods may be stored.
    method_types: &'a [MethodType],
    /// What it is for.
    description: Option<&'a str>,
    /// Where the customer goes afterwards.
    complete_url: Option<&'a str>,
    /// Where a customer goes who gives up.
    cancel_url: Option<&'a str>,
    /// The language of the page and of the mail; null for the customer's.
    language: Option<&'static str>,
    /// What you call it.
    reference: Option<&'a str>,
    /// From when on it does not work.
    #[schema(format = DateTime)]
    expires_at: String,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    updated_at: String,
    /// 1 at first; every change adds one.
    version: i64,
}

/// A page of payment requests.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PaymentRequestsOut<'a> {
    /// How many payment requests there are.
    summary: SummaryOut,
    /// The payment requests of this page.
    records: Vec<PaymentRequestOut<'a>>,
}

impl<'a> PaymentRequestsOut<'a> {
    /// The first page of some requests of an entrypoint.
    pub(crate) fn new(
        summary: SummaryOut,
        (entrypoint_id, requests): (i64, &'a [Request]),
        view: View,
        now: Micros,
    ) -> PaymentRequestsOut<'a> {
        let shown = requests.iter().map(|one| PaymentRequestOut::new(entrypoint_id, one, view, now));
        PaymentRequestsOut { summary, records: shown.collect() }
    }
}

/// A page of links for payment methods.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MethodLinksOut<'a> {
    /// How many links there are.
    summary: SummaryOut,
    /// The links of this page.
    records: Vec<MethodLinkOut<'a>>,
}

impl<'a> MethodLinksOut<'a> {
    /// The first page of some links of an entrypoint.
    pub(crate) fn new(
        summary: SummaryOut,
        (entrypoint_id, requests): (i64, &'a [Request]),
        view: View,
        now: Micros,
    ) -> MethodLinksOut<'a> {
        let shown = requests.iter().map(|one| MethodLinkOut::new(entrypoint_id, one, view, now));
        MethodLinksOut { summary, records: shown.collect() }
    }
}

/// A text of people in a view.
fn free(text: Option<&str>, view: View) -> Option<&str> {
    text.map(|text| if view == View::Masked { MASK } else { text })
}

fn decimal(amount: Money) -> Option<Box<RawValue>> {
    RawValue::from_string(amount.to_string()).ok()
}

impl<'a> PaymentRequestOut<'a> {
    /// Renders a request in a view at a time.
    pub(super) fn new(
        entrypoint_id: i64,
        request: &'a Request,
        view: View,
        now: Micros,
    ) -> PaymentRequestOut<'a> {
        let content = request.content.as_ref();
        let limits =
            || AmountLimitsOut { min: request.min.and_then(decimal), max: request.max.and_then(decimal) };
        PaymentRequestOut {
            payment_request_id: request.id.show(entrypoint_id),
            customer_id: request.customer_id,
            status: request.state_at(now),
            url: None,
            amount: request.amount.and_then(decimal),
            open: request.amount.is_none().then(limits),
            currency: request.currency.code(),
            method_types: content.map_or(&[], |content| &content.method_types),
            description: free(content.and_then(|content| content.description.as_deref()), view),
            collect: content.map_or(&[], |content| &content.collect),
            success_url: content.and_then(|content| content.success_url.as_deref()),
            cancel_url: content.and_then(|content| content.cancel_url.as_deref()),
            language: content.and_then(|content| content.language).map(Language::code),
            reference: content.and_then(|content| content.reference.as_deref()),
            invoice_id: request.invoice_id,
            order_id: request.order_id.map(|id| id.show(entrypoint_id)),
            uses: request.uses,
            max_uses: request.max_uses,
            last_trans_id: request.last_trans_id.map(|id| id.show(entrypoint_id)),
            expires_at: request.expires_at.to_rfc3339(),
            created_at: request.created_at.to_rfc3339(),
            updated_at: request.updated_at.to_rfc3339(),
            version: request.version,
        }
    }

    /// The same with its address.
    pub(super) fn with_url(self, url: Option<String>) -> PaymentRequestOut<'a> {
        PaymentRequestOut { url, ..self }
    }
}

impl<'a> MethodLinkOut<'a> {
    /// Renders a link in a view at a time.
    pub(super) fn new(
        entrypoint_id: i64,
        request: &'a Request,
        view: View,
        now: Micros,
    ) -> MethodLinkOut<'a> {
        let content = request.content.as_ref();
        MethodLinkOut {
            link_id: request.id.show(entrypoint_id),
            customer_id: request.customer_id,
            status: request.state_at(now),
            url: None,
            method_types: content.map_or(&[], |content| &content.method_types),
            description: free(content.and_then(|content| content.description.as_deref()), view),
            complete_url: content.and_then(|content| content.success_url.as_deref()),
            cancel_url: content.and_then(|content| content.cancel_url.as_deref()),
            language: content.and_then(|content| content.language).map(Language::code),
            reference: content.and_then(|content| content.reference.as_deref()),
            expires_at: request.expires_at.to_rfc3339(),
            created_at: request.created_at.to_rfc3339(),
            updated_at: request.updated_at.to_rfc3339(),
            version: request.version,
        }
    }

    /// The same with its address.
    pub(super) fn with_url(self, url: Option<String>) -> MethodLinkOut<'a> {
        MethodLinkOut { url, ..self }
    }
}
