//! Receipts of transactions, by mail.

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::Payload;
use actix_web::{HttpResponse, get, post};

use crate::api::customers::DoneOut;
use crate::api::http::call::{Call, SERVICE, ok};
use crate::api::http::error::{Error, unless_any};
use crate::api::http::params::{KeyHeader, TransactionPath};
use crate::domain::accounts::token::Scope;
use crate::domain::kernel::problem::Problem;
use crate::domain::transactions::id::TransId;

/// Send a receipt, as Payabli's SDKs do
///
/// The same as `POST` on this address, which is the one to use: a GET that writes is easily sent by accident. It is refused
/// while a browser only fetches ahead (`Sec-Purpose: prefetch`). HEAD sends nothing.
#[utoipa::path(
    tag = "Transactions",
    params(
        TransactionPath,
        ("email" = Option<String>, Query, description = "The customer's own address; another one is refused"),
        KeyHeader,
    ),
    responses((status = 200, description = "The receipt is queued", body = DoneOut)),
)]
#[get("/api/MoneyIn/sendreceipt/{transId}")]
pub(crate) async fn get_send_receipt(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let purposes = call.request.headers().get_all("sec-purpose").filter_map(|value| value.to_str().ok());
    if purposes.into_iter().any(|purpose| purpose.to_ascii_lowercase().contains("prefetch")) {
        const MESSAGE: &str = "says that nobody asked for this address yet, and it writes; send POST";
        return Err(Error::invalid(Problem::header("Sec-Purpose", "prefetch", MESSAGE)));
    }
    send(&call, payload).await
}

/// Send a receipt
///
/// A mail to the address of the customer who paid, in the language of the entrypoint: amount, day, and what it was for. Only
/// for money that moved; 409 for a transaction of nobody (`unlinked`) or without an address (`no_email`).
#[utoipa::path(
    tag = "Transactions",
    params(
        TransactionPath,
        ("email" = Option<String>, Query, description = "The customer's own address; another one is refused"),
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
    let (entrypoint_id, id) = TransId::parse(call.path("transId")).ok_or(Error::NotFound)?;
    call.entrypoint_seen(entrypoint_id).await?;
    let mutation = call.bodiless(SERVICE, payload).await?;
    let mut params = call.params();
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
