//! Receipts of transactions, by mail.

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::Payload;
use actix_web::{HttpResponse, get, post};

use crate::api::customers::DoneOut;
use crate::api::http::call::{Call, SERVICE, ok};
use crate::api::http::error::{Error, unless_any};
use crate::api::http::params::{KeyHeader, TransactionPath};
use crate::domain::accounts::token::Scope;
use crate::domain::transactions::id::TransId;

/// Send a receipt, as Payabli's SDKs do
///
/// The same as `POST` on this address, which is the one to use: a GET that writes is easily sent by accident. It is refused
/// while a browser only fetches ahead (`Sec-Purpose: prefetch` and its older names). HEAD sends nothing.
#[utoipa::path(
    tag = "Transactions",
    params(
        TransactionPath,
        ("email" = Option<String>, Query, description = "The customer's own address; another one is refused. It needs pii:read"),
        KeyHeader,
    ),
    responses((status = 200, description = "The receipt is queued", body = DoneOut)),
)]
#[get("/api/MoneyIn/sendreceipt/{transId}")]
pub(crate) async fn get_send_receipt(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.refuse_prefetch()?;
    send(&call, payload).await
}

/// Send a receipt
///
/// A mail to the address of the customer who paid, in the language of the entrypoint: amount, day, and what it was for. Only
/// for money that moved; 409 for a transaction of nobody (`unlinked`) or without an address (`no_email`). It needs `money:write`
/// and `customers:read`.
#[utoipa::path(
    tag = "Transactions",
    params(
        TransactionPath,
        ("email" = Option<String>, Query, description = "The customer's own address; another one is refused. It needs pii:read"),
        KeyHeader,
    ),
    responses((status = 200, description = "The receipt is queued", body = DoneOut)),
)]
#[post("/api/MoneyIn/sendreceipt/{transId}")]
pub(crate) async fn send_receipt(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    send(&call, payload).await
}

async fn send(call: &Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::MoneyWrite)?;
    // Whose the transaction is, and whether they have an address, only readers of customers learn.
    call.require(Scope::CustomersRead)?;
    let (entrypoint_id, id) = TransId::parse(call.path("transId")).ok_or(Error::NotFound)?;
    call.entrypoint_seen(entrypoint_id).await?;
    let mutation = call.bodiless(SERVICE, payload).await?;
    let mut params = call.params();
    if params.text("email").is_some() && !call.caller.sees_pii() {
        const MESSAGE: &str =
            "is masked for this token; leave it out, and the receipt goes to the customer's address";
        params.refuse("email", "masked_field", MESSAGE);
    }
    let address = params.text("email").map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let read = unless_any(params.problems(), Ok(address));
    let done = serde_json::to_string(&DoneOut::SUCCESS).unwrap_or_default();
    let mut answer = if call.is_head {
        ok(false).json(DoneOut::SUCCESS)
    } else {
        let send = async |address, key| {
            call.app.store.transactions().send_receipt(entrypoint_id, id, address, key, done).await
        };
        mutation.answer(read, send).await?
    };
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}
