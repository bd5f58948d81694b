//! Charges of stored methods, and what is paid back (rules 20).

mod money_in;
mod out;
mod webhook;

use std::time::Duration;

use actix_web::web::Payload;
use actix_web::{HttpResponse, get, post};
use serde::Serialize;
use utoipa::IntoParams;

pub(crate) use self::money_in::{get_paid, get_refund, get_void, refund_charge, void_charge};
use self::out::ChargeOut;
pub(crate) use self::webhook::ingest_provider;
use super::customers::view_of;
use super::http::body;
use super::http::call::{Call, ok};
use super::http::error::{Error, unless_any};
use super::http::json::{self, RECORD_ROOM};
use super::http::params::{CustomerPath, KeyHeader, TransactionPath};
use crate::domain::accounts::token::Scope;
use crate::domain::decide::asking::AskProvider;
use crate::domain::decide::command::{Action, Outcome};
use crate::domain::entrypoints::Entrypoint;
use crate::domain::entrypoints::provider::Provider;
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::domain::provider::CallId;
use crate::domain::provider::draft::ChargeDraft;
use crate::domain::transactions::id::TransId;
use crate::domain::view::Seen;
use crate::store::FoundCall;

/// How long a request waits for the provider. What takes longer goes on, and its answer says so.
const PATIENCE: Duration = Duration::from_secs(10);

/// A charge as it is sent.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChargeIn {
    /// How much; with `invoiceId` what is open of the invoice by default.
    #[schema(value_type = Option<f64>, exclusive_minimum = 0)]
    amount: Option<()>,
    /// Its currency by ISO 4217; that of the invoice or of the entrypoint by default.
    #[schema(max_length = 3)]
    currency: Option<String>,
    /// The stored method; the customer's default one by default.
    #[schema(max_length = 250)]
    method_id: Option<String>,
    /// What it is for.
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// The invoice that it pays; it must be the customer's, and open.
    invoice_id: Option<i64>,
    /// The id of an order in the caller's system.
    #[schema(max_length = 250)]
    order_id: Option<String>,
    /// Where the payer is, for the provider's check of fraud.
    #[schema(max_length = 250)]
    ip_address: Option<String>,
}

/// A charge after a request.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChargeDoneOut<'a> {
    /// Whether the money moved, or may still: false once the charge is declined.
    is_success: bool,
    /// `Success`, or `Declined`.
    response_text: &'static str,
    /// The charge as it is now.
    response_data: Option<ChargeOut<'a>>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
#[expect(dead_code, reason = "the texts and names of the OpenAPI document, and nothing else")]
struct RefundPath {
    /// The charge: `transId`
    trans_id: String,
    /// How much to pay back; 0 for all that is left
    amount: f64,
}

/// Charge a stored method of a customer
///
/// The virtual terminal: writes the charge down, asks the entrypoint's payment provider, and waits some seconds for its answer.
/// The charge is a transaction of the customer at once, with the source `customary`. `status` says how far it came: `succeeded`,
/// `declined`, or `requested` and `pending` where the provider takes longer; read `GET Charge/{transId}` then. A charge is never
/// made twice under one `Idempotency-Key`, and never lost, whatever breaks in between.
#[utoipa::path(
    tag = "Charges",
    params(CustomerPath, KeyHeader),
    request_body(content = ChargeIn, description = "The charge"),
    responses((status = 200, description = "The charge, as far as it came", body = ChargeDoneOut<'_>)),
)]
#[post("/api/Customer/{customerId}/charges")]
pub(crate) async fn charge_customer(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    may_charge(&call)?;
    let found = call.customer(Scope::MoneyWrite).await?;
    let (place, customer_id) = (found.entrypoint.id, found.record.stored.id);
    let mutation = call.json(place, payload).await?;
    let problems = call.params().problems();
    let random = uuid::Uuid::new_v4().as_u128();
    let read = body::parsed(&mutation.body, move |bytes| {
        let read =
            body::members(bytes).and_then(|members| ChargeDraft::parse(&members).map_err(Error::Invalid));
        let draft = Box::new(unless_any(problems, read)?);
        Ok(Action::Provider(Box::new(AskProvider::Charge { customer_id, draft, random })))
    });
    let read = read.await;
    require_provider(&call, &found.entrypoint)?;
    let answer = mutation.write(read).await?;
    let charge = asked(&call, place, &answer).await?;
    let is_success =
        !charge.call.state.is_final() || charge.call.state == crate::domain::provider::CallState::Succeeded;
    Ok(ok(answer.replayed).json(ChargeDoneOut {
        is_success,
        response_text: if is_success { "Success" } else { "Declined" },
        response_data: Some(ChargeOut::new(&charge, view_of(&call.caller))),
    }))
}

/// Read a charge
///
/// How far it came, and what was paid back of it. The same id as a transaction: `GET MoneyIn/details/{transId}`.
#[utoipa::path(
    tag = "Charges",
    params(
        TransactionPath,
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where the charge is still the same"),
    ),
    responses(
        (status = 200, description = "The charge", body = ChargeOut<'_>),
        (status = 304, description = "The charge is still the one of If-None-Match"),
    ),
)]
#[get("/api/Charge/{transId}")]
pub(crate) async fn get_charge(call: Call) -> Result<HttpResponse, Error> {
    call.require(Scope::CustomersRead)?;
    call.require(Scope::MoneyRead)?;
    let (place, id) = TransId::parse(call.path("transId")).ok_or(Error::NotFound)?;
    call.entrypoint_seen(place).await?;
    call.params().done()?;
    let charge = call.app.store.provider().find(place, id).await?.ok_or(Error::NotFound)?;
    let text = json::written(&ChargeOut::new(&charge, view_of(&call.caller)), RECORD_ROOM)?;
    let version: i64 = charge.about.iter().map(|call| call.version).sum();
    Ok(json::tagged(&call.request, &json::tag(charge.call.version.max(version), &text), text))
}

/// Refuses a token that may not move money. What is refused tells of customers and their money.
///
/// # Errors
/// 403.
fn may_charge(call: &Call) -> Result<(), Error> {
    call.require(Scope::MoneyCharge)?;
    call.require(Scope::MoneyWrite)?;
    call.require(Scope::MoneyRead)?;
    call.require(Scope::CustomersRead)
}

/// Refuses a charge for which the service has nobody to ask.
///
/// # Errors
/// 409 `no_provider`.
fn require_provider(call: &Call, entrypoint: &Entrypoint) -> Result<(), Error> {
    if entrypoint.provider != Provider::Http || call.app.provider.is_some() {
        return Ok(());
    }
    let message =
        "the service knows no payment provider; start it with --provider-url and CUSTOMARY_PROVIDER_SECRET";
    Err(Rejection::State(vec![Problem::field(&[], "no_provider", message)]).into())
}

/// The charge in the path, if the token sees its entrypoint.
///
/// # Errors
/// 403, 404.
async fn charge_in_path(call: &Call) -> Result<(Entrypoint, CallId), Error> {
    may_charge(call)?;
    let (place, id) = TransId::parse(call.path("transId")).ok_or(Error::NotFound)?;
    Ok((call.entrypoint_seen(place).await?, id))
}

/// What became of a call, some seconds after it was written down at the latest.
async fn asked(call: &Call, place: i64, answer: &Seen) -> Result<FoundCall, Error> {
    let Outcome::Asked(done) = &answer.outcome else {
        return Err(Error::Internal("the outcome is not that of a call".into()));
    };
    let calls = call.app.store.provider();
    calls.wait(place, done.call_id, (PATIENCE, true)).await?;
    calls.find(place, done.call_id).await?.ok_or(Error::NotFound)
}
