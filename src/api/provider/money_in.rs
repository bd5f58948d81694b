//! The same by Payabli's routes, for its SDKs (contract 15).

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpResponse, get, post};
use serde::Serialize;

use super::{RefundPath, asked, charge_in_path, may_charge, require_provider};
use crate::api::http::body;
use crate::api::http::call::{Call, ok};
use crate::api::http::error::{Error, unless_any};
use crate::api::http::params::{KeyHeader, TransactionPath};
use crate::domain::accounts::token::Scope;
use crate::domain::decide::asking::AskProvider;
use crate::domain::decide::command::Action;
use crate::domain::kernel::members::{Given, Members};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::problem::{Problem, Rejection, ValueError};
use crate::domain::kernel::values::{some_amount, text, wrong_type};
use crate::domain::methods::owner_of;
use crate::domain::provider::draft::{ChargeDraft, ip_address};
use crate::domain::provider::{CallState, ProviderCall};
use crate::domain::transactions::currency::Currency;
use crate::store::FoundCall;

/// The most characters of ids and texts.
const TEXT_CHARS_MAX: usize = 250;
const DESCRIPTION_CHARS_MAX: usize = 1_000;
/// Parts of a body that change nothing here.
const IGNORED: [&str; 5] = ["accountId", "customerData", "source", "subdomain", "subscriptionId"];

/// A payment by a stored method, as Payabli's SDKs send it.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GetPaidIn {
    /// The entrypoint.
    entry_point: String,
    /// How much.
    payment_details: PaymentDetailsIn,
    /// By what.
    payment_method: PaymentMethodIn,
    /// The invoice that it pays.
    invoice_data: Option<PaidInvoiceIn>,
    /// What it is for.
    #[schema(max_length = 1000)]
    order_description: Option<String>,
    /// The id of an order.
    #[schema(max_length = 250)]
    order_id: Option<String>,
    /// Where the payer is.
    ipaddress: Option<String>,
    /// Ignored: the stored method says whose it is.
    #[schema(value_type = Option<Object>)]
    customer_data: Option<()>,
}

/// How much is paid.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct PaymentDetailsIn {
    /// The amount, service fee included.
    #[schema(exclusive_minimum = 0)]
    total_amount: f64,
    /// The currency by ISO 4217; the entrypoint's by default.
    #[schema(max_length = 3)]
    currency: Option<String>,
    /// Ignored: it is part of the amount.
    service_fee: Option<f64>,
}

/// By what is paid.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct PaymentMethodIn {
    /// The stored method. Raw card data is refused.
    #[schema(max_length = 250)]
    stored_method_id: String,
    /// Ignored: the stored method says it.
    method: Option<String>,
    /// Ignored.
    initiator: Option<String>,
    /// Ignored.
    stored_method_usage_type: Option<String>,
}

/// The invoice that is paid.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct PaidInvoiceIn {
    /// Its number.
    #[schema(max_length = 250)]
    invoice_number: Option<String>,
}

/// What became of money, in the contract's envelope.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MoneyInOut {
    /// 1, or 2 if it was declined.
    response_code: i64,
    /// Always null.
    page_identifier: Option<String>,
    /// Always 0.
    room_id: i64,
    /// False if it was declined.
    is_success: bool,
    /// `Success`, or `Declined`.
    response_text: &'static str,
    /// What became of it.
    response_data: MoneyInData,
}

/// What became of money.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct MoneyInData {
    /// The id of the transaction: of the charge, or of the refund.
    reference_id: String,
    /// 1 it is through, 2 it was declined, 10 the provider works on it.
    result_code: i64,
    /// The same for people.
    result_text: String,
    /// The bank's code; empty where there is none.
    #[serde(rename = "authCode")]
    auth_code: String,
    /// Empty: the provider checks the address.
    avs_response_text: &'static str,
    /// Empty: the provider checks the card.
    cvv_response_text: &'static str,
    /// Whose money it is.
    customer_id: Option<i64>,
    /// The stored method.
    method_reference_id: Option<String>,
}

impl MoneyInOut {
    /// `reference` is the transaction that the call is about.
    fn new(one: &FoundCall, call: &ProviderCall, reference: String) -> MoneyInOut {
        let content = call.content.as_ref();
        let declined = call.state == CallState::Declined;
        let (code, word) = match call.state {
            CallState::Succeeded => (1, "Approved"),
            CallState::Declined => (2, "Declined"),
            _ => (10, "Pending"),
        };
        let message = content.and_then(|content| content.message.clone()).filter(|_| declined);
        let method = content.and_then(|content| content.method.as_ref());
        MoneyInOut {
            response_code: if declined { 2 } else { 1 },
            page_identifier: None,
            room_id: 0,
            is_success: !declined,
            response_text: if declined { "Declined" } else { "Success" },
            response_data: MoneyInData {
                reference_id: reference,
                result_code: code,
                result_text: message.unwrap_or_else(|| word.to_owned()),
                auth_code: content.and_then(|content| content.auth_code.clone()).unwrap_or_default(),
                avs_response_text: "",
                cvv_response_text: "",
                customer_id: one.call.customer_id,
                method_reference_id: method.and_then(|method| method.method_id.clone()),
            },
        }
    }
}

/// Charge a stored method, as Payabli's SDKs do
///
/// The same as `POST Customer/{customerId}/charges`: `paymentMethod.storedMethodId` names the method, and the method its
/// customer. A `resultCode` of 10 says that the provider works on it; read `GET Charge/{transId}` with the `referenceId` then.
#[utoipa::path(
    tag = "Charges",
    params(
        ("achValidation" = Option<bool>, Query, description = "Ignored: the provider checks accounts"),
        ("forceCustomerCreation" = Option<bool>, Query, description = "Ignored: a stored method has its customer"),
        ("includeDetails" = Option<bool>, Query, description = "Ignored: read `GET MoneyIn/details/{transId}`"),
        KeyHeader,
    ),
    request_body(content = GetPaidIn, description = "The payment"),
    responses((status = 200, description = "The charge, as far as it came", body = MoneyInOut)),
)]
#[post("/api/MoneyIn/getpaid")]
pub(crate) async fn get_paid(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    may_charge(&call)?;
    let (place, mutation) = call.json_naming_entry(Scope::MoneyWrite, "entryPoint", payload).await?;
    let entrypoint = call.entrypoint_seen(place).await?;
    let mut params = call.params();
    for name in ["achValidation", "forceCustomerCreation", "includeDetails"] {
        params.flag(name);
    }
    let problems = params.problems();
    let random = uuid::Uuid::new_v4().as_u128();
    let read = body::parsed(&mutation.body, move |bytes| get_paid_of(bytes, problems)).await;
    let action = match read {
        Ok(draft) => {
            let owner = draft.method_id.as_deref().and_then(owner_of).filter(|(of, _)| *of == place);
            let Some((_, customer_id)) = owner else { return Err(unknown_method()) };
            // Of a customer that is not there no method is stored either.
            if call.app.store.customers().find(place, customer_id, |_| ()).await?.is_none() {
                return Err(unknown_method());
            }
            Ok(Action::Provider(Box::new(AskProvider::Charge {
                customer_id,
                draft: Box::new(draft),
                random,
            })))
        }
        Err(error) => Err(error),
    };
    require_provider(&call, &entrypoint)?;
    let answer = mutation.write(action).await?;
    let one = asked(&call, place, &answer).await?;
    let reference = one.call.id.show(place);
    Ok(ok(answer.replayed).json(MoneyInOut::new(&one, &one.call, reference)))
}

fn unknown_method() -> Error {
    let message = "is no stored method of a customer of this entrypoint";
    let at = ["paymentMethod", "storedMethodId"];
    Rejection::State(vec![Problem::field(&at, "unknown_method", message)]).into()
}

fn get_paid_of(bytes: &Bytes, mut problems: Vec<Problem>) -> Result<ChargeDraft, Error> {
    let mut draft = ChargeDraft::default();
    let members = body::members(bytes)?;
    for (name, raw) in &members.0 {
        let given = Given::of(raw);
        let inner = |given: &Given<'_>,
                     problems: &mut Vec<Problem>,
                     read: &mut dyn FnMut(&str, &Given<'_>) -> Result<(), ValueError>| {
            match given {
                Given::Null => Ok(()),
                Given::Object(members) => {
                    problems.extend(each(members, read).into_iter().map(|problem| problem.within(name)));
                    Ok(())
                }
                other => Err(wrong_type("an object", other)),
            }
        };
        let read = match name.as_ref() {
            "entryPoint" => Ok(()),
            "orderDescription" => text(&given, DESCRIPTION_CHARS_MAX).map(|text| draft.description = text),
            "orderId" => text(&given, TEXT_CHARS_MAX).map(|text| draft.order_id = text),
            "ipaddress" => {
                text(&given, TEXT_CHARS_MAX).and_then(ip_address).map(|address| draft.ip_address = address)
            }
            "paymentDetails" => inner(&given, &mut problems, &mut |name, given| {
                match name {
                    "totalAmount" => draft.amount = some_amount(given)?,
                    "currency" => {
                        draft.currency = text(given, 3)?.map(|code| Currency::parse(&code)).transpose()?;
                    }
                    _ => {}
                }
                Ok(())
            }),
            "paymentMethod" => inner(&given, &mut problems, &mut |name, given| {
                if name == "storedMethodId" {
                    draft.method_id = text(given, TEXT_CHARS_MAX)?;
                }
                Ok(())
            }),
            "invoiceData" => inner(&given, &mut problems, &mut |name, given| {
                if name == "invoiceNumber" {
                    draft.invoice_number = text(given, TEXT_CHARS_MAX)?;
                }
                Ok(())
            }),
            name if IGNORED.contains(&name) => Ok(()),
            _ => Err(("unknown_field", "is no part of a payment".into())),
        };
        if let Err((code, message)) = read {
            problems.push(Problem::field(&[name], code, message));
        }
    }
    let missing = [
        (draft.amount.is_none(), ["paymentDetails", "totalAmount"], "is required"),
        (
            draft.method_id.is_none(),
            ["paymentMethod", "storedMethodId"],
            "is required: the service charges stored methods only, and takes no card data",
        ),
    ];
    if problems.is_empty() {
        let missing = missing.into_iter().filter(|(is_missing, ..)| *is_missing);
        problems.extend(missing.map(|(_, at, message)| Problem::field(&at, "required", message)));
    }
    unless_any(problems, Ok(draft))
}

/// Reads each member of an object; returns what is wrong.
fn each(
    members: &Members<'_>,
    read: &mut dyn FnMut(&str, &Given<'_>) -> Result<(), ValueError>,
) -> Vec<Problem> {
    let read = members.0.iter().filter_map(|(name, raw)| {
        let (code, message) = read(name, &Given::of(raw)).err()?;
        Some(Problem::field(&[name], code, message))
    });
    read.collect()
}

/// Pay back a charge, as Payabli's SDKs do
///
/// The same as `POST` on this address, which is the one to use: a GET that writes is easily sent by accident. It needs
/// the same scopes, and is refused while a browser only fetches ahead (`Sec-Purpose: prefetch` and its older names). HEAD pays
/// nothing back.
#[utoipa::path(
    tag = "Charges",
    params(RefundPath, KeyHeader),
    responses((status = 200, description = "The refund, as far as it came", body = MoneyInOut)),
)]
#[get("/api/MoneyIn/refund/{transId}/{amount}")]
pub(crate) async fn get_refund(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.refuse_prefetch()?;
    refund(&call, payload).await
}

/// Pay back a charge
///
/// All of it or a part; an amount of 0 is all that is left. All refunds together never exceed the charge, also when several are
/// sent at once (409 `amount_too_high`, `already_refunded`). Each is a transaction of its own. Without an `Idempotency-Key` a
/// request that is sent twice pays back twice, as far as something is left.
#[utoipa::path(
    tag = "Charges",
    params(RefundPath, KeyHeader),
    responses((status = 200, description = "The refund, as far as it came", body = MoneyInOut)),
)]
#[post("/api/MoneyIn/refund/{transId}/{amount}")]
pub(crate) async fn refund_charge(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    refund(&call, payload).await
}

async fn refund(call: &Call, payload: Payload) -> Result<HttpResponse, Error> {
    let (entrypoint, charge_id) = charge_in_path(call).await?;
    let place = entrypoint.id;
    let mutation = call.bodiless(place, payload).await?;
    let mut params = call.params();
    let amount = Money::parse(call.path("amount").trim());
    let amount = match amount {
        Ok(amount) if amount >= Money::default() => Some(amount),
        Ok(_) => {
            params.refuse("amount", "invalid_amount", "must not be negative");
            None
        }
        Err(error) => {
            params.refuse("amount", "invalid_amount", error.to_string());
            None
        }
    };
    let amount = amount.filter(|amount| *amount != Money::default());
    let random = uuid::Uuid::new_v4().as_u128();
    let action = Action::Provider(Box::new(AskProvider::Refund { charge_id, amount, random }));
    let read = unless_any(params.problems(), Ok(action));
    if call.is_head {
        return read.map(|_| uncached(ok(false).finish()));
    }
    require_provider(call, &entrypoint)?;
    let answer = mutation.write(read).await?;
    let one = asked(call, place, &answer).await?;
    let reference = one.call.id.show(place);
    Ok(uncached(ok(answer.replayed).json(MoneyInOut::new(&one, &one.call, reference))))
}

/// Void a charge, as Payabli's SDKs do
///
/// The same as `POST` on this address, which is the one to use: a GET that writes is easily sent by accident. It needs
/// the same scopes, and is refused while a browser only fetches ahead (`Sec-Purpose: prefetch` and its older names). HEAD voids
/// nothing.
#[utoipa::path(
    tag = "Charges",
    params(TransactionPath, KeyHeader),
    responses((status = 200, description = "The void, as far as it came", body = MoneyInOut)),
)]
#[get("/api/MoneyIn/void/{transId}")]
pub(crate) async fn get_void(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.refuse_prefetch()?;
    void(&call, payload).await
}

/// Void a charge
///
/// Takes it back before its money moves; the provider declines that once it is too late, and a refund is the way then. A charge
/// of which a part went back is not voided (409 `already_refunded`). The same again changes nothing.
#[utoipa::path(
    tag = "Charges",
    params(TransactionPath, KeyHeader),
    responses((status = 200, description = "The void, as far as it came", body = MoneyInOut)),
)]
#[post("/api/MoneyIn/void/{transId}")]
pub(crate) async fn void_charge(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    void(&call, payload).await
}

async fn void(call: &Call, payload: Payload) -> Result<HttpResponse, Error> {
    let (entrypoint, charge_id) = charge_in_path(call).await?;
    let place = entrypoint.id;
    let mutation = call.bodiless(place, payload).await?;
    let random = uuid::Uuid::new_v4().as_u128();
    let action = Action::Provider(Box::new(AskProvider::Void { charge_id, random }));
    let read = unless_any(call.params().problems(), Ok(action));
    if call.is_head {
        return read.map(|_| uncached(ok(false).finish()));
    }
    require_provider(call, &entrypoint)?;
    let answer = mutation.write(read).await?;
    let one = asked(call, place, &answer).await?;
    // A void moves no money of its own: it is about the charge.
    let reference = one.call.charge_id.show(place);
    Ok(uncached(ok(answer.replayed).json(MoneyInOut::new(&one, &one.call, reference))))
}

/// An answer to a GET that writes must not be kept by anybody in between.
fn uncached(mut response: HttpResponse) -> HttpResponse {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
