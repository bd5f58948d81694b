//! Payment requests as Payabli's SDKs ask for them: `PaymentLink`, for the open invoice of a customer (contract 15).

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpResponse, delete, get, post};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::IntoParams;

use super::write::{PaymentRequestPath, action, payment};
use super::{RequestTargetPath, place};
use crate::api::http::body;
use crate::api::http::call::{Call, Mutation, ok};
use crate::api::http::error::{Error, unless_any};
use crate::api::http::params::KeyHeader;
use crate::domain::accounts::token::Scope;
use crate::domain::decide::command::{Action, Outcome};
use crate::domain::decide::requesting::{ChangeRequest, NamedRequest};
use crate::domain::kernel::members::Given;
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::domain::kernel::text::hint;
use crate::domain::requests::draft::RequestDraft;
use crate::domain::requests::{MethodType, NewLink, RequestContent, pay_url};
use crate::domain::requests::{Request, RequestKind};
use crate::domain::view::Seen;

/// The parts of Payabli's page. The page here has the look of the store, so they are taken and not used.
const PARTS: [&str; 11] = [
    "contactUs",
    "invoices",
    "logo",
    "messageBeforePaying",
    "notes",
    "page",
    "paymentButton",
    "paymentMethods",
    "payor",
    "review",
    "settings",
];

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
#[expect(dead_code, reason = "the texts and names of the OpenAPI document, and nothing else")]
struct InvoiceTargetPath {
    /// The invoice's id
    target: String,
}

/// The parts of a payment page as Payabli's SDKs send them. The page here has the look of the store: they are taken and not used.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PayLinkIn {
    /// The invoices on the page; it always shows the one of the path.
    #[schema(value_type = Option<Object>)]
    invoices: Option<()>,
    /// Title and description of the page.
    #[schema(value_type = Option<Object>)]
    page: Option<()>,
}

/// How to send a payment link.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PushIn {
    /// `email`; messages to telephones are not sent (409, `no_sms`).
    channel: String,
    /// Refused unless empty: the link goes to the customer's own address alone.
    additional_emails: Option<Vec<String>>,
    /// Ignored.
    attach_file: Option<bool>,
}

/// The answer to a change of a payment link.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PayLinkOut {
    /// Always true.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
    /// The id of the payment request.
    response_data: String,
    /// The address to pay at, if the link is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_url: Option<String>,
}

/// A payment link.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LoadedPayLinkOut {
    /// Always true.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
    /// The payment link.
    response_data: PayLinkDataOut,
}

/// What Payabli's SDKs read of a payment link.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct PayLinkDataOut {
    /// The id of the payment request; `GET /PaymentRequest/{paymentRequestId}` tells all of it.
    #[serde(rename = "PageIdentifier")]
    page_identifier: String,
    /// How often it was paid.
    uses: i64,
    /// How much it asks for.
    #[schema(value_type = Option<f64>)]
    amount: Option<Box<RawValue>>,
}

/// Ask for the payment of an invoice, as Payabli's SDKs do
///
/// A payment request of what is open of the invoice. With `mail2`, which must be the customer's own address, the link goes there. The
/// parts of the page in the body are taken and not used: the page has the look of the store. `amountFixed=false` is refused: a payer
/// pays what is open.
#[utoipa::path(
    tag = "Payment requests",
    params(
        InvoiceTargetPath,
        ("amountFixed" = Option<bool>, Query, description = "Always true: a payer pays what is open"),
        ("mail2" = Option<String>, Query, description = "The customer's own address; another one is refused. It needs pii:read"),
        KeyHeader,
    ),
    request_body(content = PayLinkIn, description = "The parts of the page"),
    responses((status = 200, description = "The request is made", body = PayLinkOut)),
)]
#[post("/api/PaymentLink/{target}")]
pub(crate) async fn create_pay_link(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    use crate::domain::customers::fields::TextField;
    call.require(Scope::CustomersRead)?;
    call.require(Scope::MoneyRead)?;
    call.require(Scope::MoneyWrite)?;
    let id = call.id("target")?;
    // The ids of invoices and of customers come from the same blocks.
    let place = call.app.store.customers().entrypoint_of(id).await?.ok_or(Error::NotFound)?;
    call.entrypoint_seen(place).await?;
    let invoice = call.app.store.invoices().find(place, id).await?.ok_or(Error::NotFound)?;
    let stored = &invoice.found.record.stored;
    let mutation = call.json(place, payload).await?;
    let mut params = call.params();
    if params.text("amountFixed").is_some_and(|text| text != "true") {
        params.refuse(
            "amountFixed",
            "invalid_value",
            "must be true: a payer pays what is open of the invoice",
        );
    }
    let address = params.text("mail2").filter(|text| !text.trim().is_empty());
    let notify = address.is_some();
    if let Some(address) = address {
        let own = stored.customer.text(TextField::Email).unwrap_or_default();
        if !call.caller.sees_pii() {
            let message = "is masked for this token; leave it out, and send the link yourself";
            params.refuse("mail2", "masked_field", message);
        } else if !own.eq_ignore_ascii_case(address.trim()) {
            params.refuse(
                "mail2",
                "other_address",
                "is not the customer's; a link goes to the customer alone",
            );
        }
    }
    let link = call.app.store.requests().new_link()?;
    let draft = parts(&mutation.body).map(|()| RequestDraft {
        kind: RequestKind::Payment,
        invoice_id: Some(id),
        notify,
        content: RequestContent {
            method_types: vec![MethodType::Card, MethodType::Ach, MethodType::Wallet],
            ..RequestContent::default()
        },
        ..RequestDraft::default()
    });
    let (customer_id, random) = (Some(stored.id), uuid::Uuid::new_v4().as_u128());
    let read = unless_any(params.problems(), draft)
        .map(|draft| action(ChangeRequest::Make { customer_id, draft: Box::new(draft), link, random }));
    done(&call, place, &mutation.write(read).await?)
}

/// Refuses a body with other members than parts of a page.
fn parts(bytes: &Bytes) -> Result<(), Error> {
    let members = body::members_if_any(bytes)?;
    let unknown = members.0.iter().filter(|(name, _)| !PARTS.contains(&name.as_ref()));
    let problems = unknown.map(|(name, _)| {
        let message = format!("is no part of a payment page{}", hint(name, PARTS.into_iter()));
        Problem::field(&[name], "unknown_field", message)
    });
    unless_any(problems.collect(), Ok(()))
}

/// Read a payment link, as Payabli's SDKs do
#[utoipa::path(
    tag = "Payment requests",
    params(PaymentRequestPath),
    responses((status = 200, description = "The payment link", body = LoadedPayLinkOut)),
)]
#[get("/api/PaymentLink/load/{paymentRequestId}")]
pub(crate) async fn load_pay_link(call: Call) -> Result<HttpResponse, Error> {
    let (place, id) = place(&call, "paymentRequestId", Scope::MoneyRead).await?;
    call.params().done()?;
    let found = call.app.store.requests().find(place, id).await?;
    let is_payment = |request: &Request| request.kind == RequestKind::Payment;
    let request = found.filter(is_payment).ok_or(Error::NotFound)?;
    let amount = request.amount.and_then(|amount| RawValue::from_string(amount.to_string()).ok());
    let response_data =
        PayLinkDataOut { page_identifier: request.id.show(place), uses: request.uses, amount };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "private, no-cache")).json(LoadedPayLinkOut {
        is_success: true,
        response_text: "Success",
        response_data,
    }))
}

/// Refresh a payment link, as Payabli's SDKs do
///
/// The page reads the invoice whenever somebody looks, so there is nothing to renew: it answers the link as it is.
#[utoipa::path(
    tag = "Payment requests",
    params(PaymentRequestPath),
    responses((status = 200, description = "The payment link", body = PayLinkOut)),
)]
#[get("/api/PaymentLink/refresh/{paymentRequestId}")]
pub(crate) async fn refresh_pay_link(call: Call) -> Result<HttpResponse, Error> {
    let (place, id) = place(&call, "paymentRequestId", Scope::MoneyRead).await?;
    call.params().done()?;
    let found = call.app.store.requests().find(place, id).await?;
    let request = found.filter(|request| request.kind == RequestKind::Payment).ok_or(Error::NotFound)?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "private, no-cache")).json(PayLinkOut {
        is_success: true,
        response_text: "Success",
        response_data: request.id.show(place),
        payment_url: None,
    }))
}

/// Send a payment link, as Payabli's SDKs do
///
/// It gets another link, which goes to the customer's own address; the one before ends. A GET that writes is easily sent by accident:
/// `POST /PaymentRequest/{paymentRequestId}/resend` is the call to use. It is refused while a browser only fetches ahead. HEAD sends
/// nothing.
#[utoipa::path(
    tag = "Payment requests",
    params(
        PaymentRequestPath,
        ("attachfile" = Option<bool>, Query, description = "Ignored: the link leads to the page"),
        KeyHeader,
    ),
    responses((status = 200, description = "The mail is queued", body = PayLinkOut)),
)]
#[get("/api/PaymentLink/send/{paymentRequestId}")]
pub(crate) async fn send_pay_link(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.refuse_prefetch()?;
    let (place, id) = place(&call, "paymentRequestId", Scope::MoneyWrite).await?;
    let mutation = call.bodiless(place, payload).await?;
    let mut params = call.params();
    params.flag("attachfile");
    let link = call.app.store.requests().new_link()?;
    let read = unless_any(params.problems(), Ok(told(payment(id), link)));
    let mut answer =
        if call.is_head { ok(false).finish() } else { done(&call, place, &mutation.write(read).await?)? };
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

fn told(named: NamedRequest, link: NewLink) -> Action {
    action(ChangeRequest::Resend { named, link, notify: Some(true) })
}

/// Send a payment link by mail, as Payabli's SDKs do
///
/// It gets another link, which goes to the customer's own address; the one before ends.
#[utoipa::path(
    tag = "Payment requests",
    params(PaymentRequestPath, KeyHeader),
    request_body(content = PushIn, description = "How to send it"),
    responses((status = 200, description = "The mail is queued", body = PayLinkOut)),
)]
#[post("/api/PaymentLink/push/{paymentRequestId}")]
pub(crate) async fn push_pay_link(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let (place, id) = place(&call, "paymentRequestId", Scope::MoneyWrite).await?;
    let mutation = call.json(place, payload).await?;
    let link = call.app.store.requests().new_link()?;
    let read = pushed(&mutation.body).map(|()| told(payment(id), link));
    let read = unless_any(call.params().problems(), read);
    done(&call, place, &mutation.write(read).await?)
}

/// Checks how a link is to be sent.
fn pushed(bytes: &Bytes) -> Result<(), Error> {
    let members = body::members(bytes)?;
    let (mut problems, mut is_by_phone, mut has_channel) = (Vec::new(), false, false);
    for (name, raw) in &members.0 {
        let given = Given::of(raw);
        let read = match (name.as_ref(), &given) {
            ("channel", Given::Text(word)) if word == "email" || word == "sms" => {
                has_channel = true;
                is_by_phone = word == "sms";
                Ok(())
            }
            ("channel", _) => Err(("invalid_value", "must be email")),
            ("additionalEmails", Given::Null) | ("attachFile", Given::Null | Given::Bool) => Ok(()),
            ("additionalEmails", Given::List(list)) if list.0.is_empty() => Ok(()),
            ("additionalEmails", _) => {
                Err(("other_address", "must be empty: a link goes to the customer alone"))
            }
            ("attachFile", _) => Err(("wrong_type", "must be true or false")),
            _ => Err(("unknown_field", "is no field of this body")),
        };
        if let Err((code, message)) = read {
            problems.push(Problem::field(&[name], code, message));
        }
    }
    if !has_channel && problems.is_empty() {
        problems.push(Problem::field(&["channel"], "required", "is required: email"));
    }
    if is_by_phone && problems.is_empty() {
        let message = "no messages are sent to telephones; send channel: email";
        return Err(Rejection::State(vec![Problem::field(&["channel"], "no_sms", message)]).into());
    }
    unless_any(problems, Ok(()))
}

/// Take a payment link back, as Payabli's SDKs do
///
/// The same as `POST /PaymentRequest/{paymentRequestId}/cancel`.
#[utoipa::path(
    tag = "Payment requests",
    params(RequestTargetPath, KeyHeader),
    responses((status = 200, description = "The request is taken back", body = PayLinkOut)),
)]
#[delete("/api/PaymentLink/{target}")]
pub(crate) async fn delete_pay_link(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let (place, id) = place(&call, "target", Scope::MoneyWrite).await?;
    let mutation: Mutation<'_> = call.bodiless(place, payload).await?;
    let read = unless_any(call.params().problems(), Ok(action(ChangeRequest::Cancel(payment(id)))));
    done(&call, place, &mutation.write(read).await?)
}

fn done(call: &Call, place: i64, answer: &Seen) -> Result<HttpResponse, Error> {
    let Outcome::Requested(done) = &answer.outcome else {
        return Err(Error::Internal("the outcome is not that of a request".into()));
    };
    let entry = &answer.entrypoint.entry;
    Ok(ok(answer.replayed).json(PayLinkOut {
        is_success: true,
        response_text: "Success",
        response_data: done.request_id.show(place),
        payment_url: done.token.as_ref().map(|token| pay_url(&call.app.public_url, entry, token)),
    }))
}
