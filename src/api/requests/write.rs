//! Makes, cancels and sends payment requests and links for payment methods.

use actix_web::web::{Bytes, Payload};
use actix_web::{HttpResponse, post};
use serde::Serialize;
use utoipa::IntoParams;

use super::out::{MethodLinkOut, PaymentRequestOut};
use super::place;
use crate::api::customers::view_of;
use crate::api::http::body;
use crate::api::http::call::{Call, ok};
use crate::api::http::error::{Error, unless_any};
use crate::api::http::params::{CustomerPath, KeyHeader};
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::decide::command::{Action, Outcome};
use crate::domain::decide::requesting::{ChangeRequest, NamedRequest};
use crate::domain::kernel::problem::Problem;
use crate::domain::kernel::values::flag;
use crate::domain::requests::draft::RequestDraft;
use crate::domain::requests::{CollectField, MethodType, NewLink, RequestId, RequestKind, pay_url};
use crate::domain::transactions::id::TransId;
use crate::domain::view::Seen;

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
#[expect(dead_code, reason = "the texts and names of the OpenAPI document, and nothing else")]
struct EntryTargetPath {
    /// The entrypoint, 1–50 characters, case-sensitive
    target: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
#[expect(dead_code, reason = "the texts and names of the OpenAPI document, and nothing else")]
pub(super) struct PaymentRequestPath {
    /// The request's id
    payment_request_id: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
#[expect(dead_code, reason = "the texts and names of the OpenAPI document, and nothing else")]
struct MethodLinkPath {
    /// The customer's id
    #[param(minimum = 1)]
    customer_id: i64,
    /// The link's id
    link_id: String,
}

/// A payment request as it is sent.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentRequestIn {
    /// How much to ask for. Required, unless `open` or `invoiceId` is sent.
    #[schema(value_type = Option<f64>)]
    amount: Option<()>,
    /// Let the payer say how much, between these limits.
    open: Option<AmountLimitsIn>,
    /// The currency by ISO 4217; that of the invoice, or of the entrypoint, by default.
    #[schema(max_length = 3)]
    currency: Option<String>,
    /// How the payer may pay; in every way by default.
    method_types: Option<Vec<MethodType>>,
    /// What it is for; the payer reads it.
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// Until when it can be paid: a time, or the end of a day; 1 minute to 365 days ahead, by default 14 days.
    expires_at: Option<String>,
    /// The same as a number of days from now.
    #[schema(minimum = 1, maximum = 365)]
    expires_in_days: Option<i64>,
    /// How often it can be paid. A customer's request is paid once; a reusable one any number of times by default.
    #[schema(minimum = 1, maximum = 1_000_000)]
    max_uses: Option<i64>,
    /// What the page asks the payer for where the record lacks it. A reusable one always asks for the e-mail address.
    collect: Option<Vec<CollectField>>,
    /// Where the payer goes afterwards; https.
    #[schema(max_length = 2000)]
    success_url: Option<String>,
    /// Where a payer goes who gives up; https.
    #[schema(max_length = 2000)]
    cancel_url: Option<String>,
    /// The language of the page and of the mail, `en` or `fr`; the customer's by default.
    #[schema(max_length = 2)]
    language: Option<String>,
    /// The open invoice of the customer that it asks to be paid. `amount` is then what is open of it by default, and at most.
    #[schema(minimum = 1)]
    invoice_id: Option<i64>,
    /// Whether the customer gets the link by mail; false by default.
    notify: Option<bool>,
    /// What you call it.
    #[schema(max_length = 250)]
    reference: Option<String>,
}

/// The limits of an amount that the payer says.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub(crate) struct AmountLimitsIn {
    /// The least.
    #[schema(value_type = Option<f64>)]
    min: Option<()>,
    /// The most.
    #[schema(value_type = Option<f64>)]
    max: Option<()>,
}

/// A link for a payment method as it is sent.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MethodLinkIn {
    /// Which methods may be stored; all by default.
    method_types: Option<Vec<MethodType>>,
    /// What it is for; the customer reads it.
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// Until when it works: a time, or the end of a day; 1 minute to 30 days ahead, by default 14 days.
    expires_at: Option<String>,
    /// The same as a number of days from now.
    #[schema(minimum = 1, maximum = 30)]
    expires_in_days: Option<i64>,
    /// Where the customer goes afterwards; https.
    #[schema(max_length = 2000)]
    complete_url: Option<String>,
    /// Where a customer goes who gives up; https.
    #[schema(max_length = 2000)]
    cancel_url: Option<String>,
    /// The language of the page and of the mail, `en` or `fr`; the customer's by default.
    #[schema(max_length = 2)]
    language: Option<String>,
    /// Whether the customer gets the link by mail; false by default.
    notify: Option<bool>,
    /// What you call it.
    #[schema(max_length = 250)]
    reference: Option<String>,
}

/// How to send a request again.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub(crate) struct ResendIn {
    /// Whether the customer gets the new link by mail; true by default, if the request has a customer.
    notify: Option<bool>,
}

/// A payment request after a change.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentRequestDoneOut<'a> {
    /// Always true.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
    /// The request as it is now, with its address if the link is new.
    response_data: Option<PaymentRequestOut<'a>>,
}

/// A link for a payment method after a change.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MethodLinkDoneOut<'a> {
    /// Always true.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
    /// The link as it is now, with its address if that is new.
    response_data: Option<MethodLinkOut<'a>>,
}

/// Ask a customer for money
///
/// The answer has the address to send to the customer: a page in the store's look where it pays. With `notify` the service sends
/// it by mail. Only this answer has the address, and a repeat with the same idempotency key.
#[utoipa::path(
    tag = "Payment requests",
    params(CustomerPath, KeyHeader),
    request_body(content = PaymentRequestIn, description = "The request; `amount`, `open` or `invoiceId` is required"),
    responses((status = 200, description = "The request is made", body = PaymentRequestDoneOut<'_>)),
)]
#[post("/api/Customer/{customerId}/paymentRequests")]
pub(crate) async fn create_payment_request(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    of_customer(&call, payload, RequestKind::Payment).await
}

/// Ask a customer for a payment method
///
/// The answer has the address of a page where the customer hands over to the payment provider, which stores the method: no card
/// data comes here. With `notify` the service sends it by mail. Only this answer has the address, and a repeat with the same
/// idempotency key. It works once.
#[utoipa::path(
    tag = "Payment requests",
    params(CustomerPath, KeyHeader),
    request_body(content = MethodLinkIn, description = "The link"),
    responses((status = 200, description = "The link is made", body = MethodLinkDoneOut<'_>)),
)]
#[post("/api/Customer/{customerId}/methodLinks")]
pub(crate) async fn create_method_link(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    of_customer(&call, payload, RequestKind::Method).await
}

async fn of_customer(call: &Call, payload: Payload, kind: RequestKind) -> Result<HttpResponse, Error> {
    call.require(Scope::CustomersRead)?;
    call.require(Scope::MoneyRead)?;
    let found = call.customer(Scope::MoneyWrite).await?;
    make(call, payload, (found.entrypoint.id, Some(found.record.stored.id)), kind).await
}

/// Make a payment request that whoever has its link can pay
///
/// For a shop window, a bill on paper, a collection: its page asks each payer for an e-mail address and a name, and every payment
/// registers its customer. `maxUses` says how often it can be paid.
#[utoipa::path(
    tag = "Payment requests",
    params(EntryTargetPath, KeyHeader),
    request_body(content = PaymentRequestIn, description = "The request; `amount` or `open` is required"),
    responses((status = 200, description = "The request is made", body = PaymentRequestDoneOut<'_>)),
)]
#[post("/api/PaymentRequest/{target}")]
pub(crate) async fn create_reusable_payment_request(
    call: Call,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    call.require(Scope::CustomersRead)?;
    call.require(Scope::MoneyRead)?;
    let place = call.entry_in("target", Scope::MoneyWrite).await?;
    make(&call, payload, (place, None), RequestKind::Payment).await
}

async fn make(
    call: &Call,
    payload: Payload,
    (place, customer_id): (i64, Option<i64>),
    kind: RequestKind,
) -> Result<HttpResponse, Error> {
    let mutation = call.json(place, payload).await?;
    let problems = call.params().problems();
    let random = uuid::Uuid::new_v4().as_u128();
    let link = call.app.store.requests().new_link()?;
    let read = body::parsed(&mutation.body, move |bytes| {
        let is_reusable = customer_id.is_none();
        let read = body::members(bytes)
            .and_then(|members| RequestDraft::parse(&members, kind, is_reusable).map_err(Error::Invalid));
        let draft = Box::new(unless_any(problems, read)?);
        Ok(action(ChangeRequest::Make { customer_id, draft, link, random }))
    });
    let answer = mutation.write(read.await).await?;
    done(call, place, kind, &answer).await
}

pub(super) fn action(change: ChangeRequest) -> Action {
    Action::Request(Box::new(change))
}

/// Take a payment request back
///
/// Its link leads to a page that says so. A request that was paid is not taken back (409, `request_done`), nor one that an order
/// made (409, `request_of_order`). The same again changes nothing.
#[utoipa::path(
    tag = "Payment requests",
    params(PaymentRequestPath, KeyHeader),
    responses((status = 200, description = "The request is taken back", body = PaymentRequestDoneOut<'_>)),
)]
#[post("/api/PaymentRequest/{paymentRequestId}/cancel")]
pub(crate) async fn cancel_payment_request(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let (place, id) = place(&call, "paymentRequestId", Scope::MoneyWrite).await?;
    cancel(&call, payload, place, payment(id)).await
}

/// Give a payment request another link
///
/// The link before ends at once. The answer has the new address; with `notify`, which is true by default, the customer gets it by
/// mail.
#[utoipa::path(
    tag = "Payment requests",
    params(PaymentRequestPath, KeyHeader),
    request_body(content = Option<ResendIn>, description = "How to send it"),
    responses((status = 200, description = "The request has another link", body = PaymentRequestDoneOut<'_>)),
)]
#[post("/api/PaymentRequest/{paymentRequestId}/resend")]
pub(crate) async fn resend_payment_request(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let (place, id) = place(&call, "paymentRequestId", Scope::MoneyWrite).await?;
    resend(&call, payload, place, payment(id)).await
}

/// Take the link for a payment method back
///
/// Its page says so. One that was used is not taken back (409, `request_done`). The same again changes nothing.
#[utoipa::path(
    tag = "Payment requests",
    params(MethodLinkPath, KeyHeader),
    responses((status = 200, description = "The link is taken back", body = MethodLinkDoneOut<'_>)),
)]
#[post("/api/Customer/{customerId}/methodLinks/{linkId}/cancel")]
pub(crate) async fn cancel_method_link(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let (place, named) = link_of(&call).await?;
    cancel(&call, payload, place, named).await
}

/// Give the link for a payment method another address
///
/// The address before ends at once. The answer has the new one; with `notify`, which is true by default, the customer gets it by
/// mail.
#[utoipa::path(
    tag = "Payment requests",
    params(MethodLinkPath, KeyHeader),
    request_body(content = Option<ResendIn>, description = "How to send it"),
    responses((status = 200, description = "The link has another address", body = MethodLinkDoneOut<'_>)),
)]
#[post("/api/Customer/{customerId}/methodLinks/{linkId}/resend")]
pub(crate) async fn resend_method_link(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let (place, named) = link_of(&call).await?;
    resend(&call, payload, place, named).await
}

pub(super) const fn payment(id: RequestId) -> NamedRequest {
    NamedRequest { id, kind: RequestKind::Payment, customer_id: None }
}

/// The link for a payment method that the path names with its customer.
///
/// # Errors
/// 403, 404.
async fn link_of(call: &Call) -> Result<(i64, NamedRequest), Error> {
    call.require(Scope::CustomersRead)?;
    call.require(Scope::MoneyRead)?;
    let found = call.customer(Scope::MoneyWrite).await?;
    let own = TransId::parse(call.path("linkId")).filter(|(place, _)| *place == found.entrypoint.id);
    let (place, id) = own.ok_or(Error::NotFound)?;
    let customer_id = Some(found.record.stored.id);
    Ok((place, NamedRequest { id, kind: RequestKind::Method, customer_id }))
}

async fn cancel(
    call: &Call,
    payload: Payload,
    place: i64,
    named: NamedRequest,
) -> Result<HttpResponse, Error> {
    let mutation = call.bodiless(place, payload).await?;
    let read = unless_any(call.params().problems(), Ok(action(ChangeRequest::Cancel(named))));
    let answer = mutation.write(read).await?;
    done(call, place, named.kind, &answer).await
}

async fn resend(
    call: &Call,
    payload: Payload,
    place: i64,
    named: NamedRequest,
) -> Result<HttpResponse, Error> {
    let mutation = call.json(place, payload).await?;
    let link = call.app.store.requests().new_link()?;
    let read = unless_any(call.params().problems(), resent(&mutation.body, named, link));
    let answer = mutation.write(read).await?;
    done(call, place, named.kind, &answer).await
}

fn resent(bytes: &Bytes, named: NamedRequest, link: NewLink) -> Result<Action, Error> {
    let members = body::members_if_any(bytes)?;
    let (mut notify, mut problems, mut is_read) = (None, Vec::new(), false);
    for (name, raw) in &members.0 {
        let read = match name.as_ref() {
            "notify" if is_read => Err(("duplicate_field", "stands in the body twice".into())),
            "notify" => {
                is_read = true;
                flag(raw).map(|told| notify = told)
            }
            _ => Err(("unknown_field", "is no field of this body; the only one is notify".into())),
        };
        if let Err((code, message)) = read {
            problems.push(Problem::field(&[name], code, message));
        }
    }
    unless_any(problems, Ok(action(ChangeRequest::Resend { named, link, notify })))
}

async fn done(call: &Call, place: i64, kind: RequestKind, answer: &Seen) -> Result<HttpResponse, Error> {
    let Outcome::Requested(done) = &answer.outcome else {
        return Err(Error::Internal("the outcome is not that of a request".into()));
    };
    let entry = &answer.entrypoint.entry;
    let url = done.token.as_ref().map(|token| pay_url(&call.app.public_url, entry, token));
    let request = call.app.store.requests().find(place, done.request_id).await?;
    let (view, now) = (view_of(&call.caller), clock::now());
    let (is_success, response_text, mut response) = (true, "Success", ok(answer.replayed));
    Ok(match kind {
        RequestKind::Payment => {
            let shown = request.as_ref().map(|request| PaymentRequestOut::new(place, request, view, now));
            let response_data = shown.map(|shown| shown.with_url(url));
            response.json(PaymentRequestDoneOut { is_success, response_text, response_data })
        }
        RequestKind::Method => {
            let shown = request.as_ref().map(|request| MethodLinkOut::new(place, request, view, now));
            let response_data = shown.map(|shown| shown.with_url(url));
            response.json(MethodLinkDoneOut { is_success, response_text, response_data })
        }
    })
}
