//! Transactions: record them, read one, link it to a customer (rules 14).

mod list;
mod listed;
mod out;
mod receipt;
mod send;
mod statistic;
mod summary;

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::Payload;
use actix_web::{HttpResponse, get, post};

pub(super) use self::list::{
    export_organisation_transactions, export_transactions, list_organisation_transactions, list_transactions,
};
pub(in crate::api) use self::out::{Amount, TransactionOut};
pub(super) use self::receipt::{get_send_receipt, send_receipt};
pub(super) use self::send::record_transactions;
pub(super) use self::statistic::get_customer_basic_statistic;
pub(in crate::api) use self::summary::CustomerSummaryOut;
use super::customers::{DoneOut, view_of};
use super::http::call::{Call, ok};
use super::http::error::Error;
use super::http::json::{self, RECORD_ROOM};
use super::http::params::{CustomerTransactionPath, KeyHeader, TransactionPath};
use crate::domain::accounts::token::Scope;
use crate::domain::decide::command::Action;
use crate::domain::decide::delivery::LinkTransaction;
use crate::domain::transactions::id::TransId;

/// Read a transaction
///
/// By the id that the service gave it. The `ETag` changes with everything that the answer shows.
#[utoipa::path(
    tag = "Transactions",
    params(
        TransactionPath,
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where the transaction is still the same"),
    ),
    responses(
        (status = 200, description = "The transaction", body = TransactionOut<'_>),
        (status = 304, description = "The transaction is still the one of If-None-Match"),
    ),
)]
#[get("/api/MoneyIn/details/{transId}")]
pub(crate) async fn get_transaction(call: Call) -> Result<HttpResponse, Error> {
    call.require(Scope::MoneyRead)?;
    let (entrypoint_id, id) = TransId::parse(call.path("transId")).ok_or(Error::NotFound)?;
    let entrypoint = call.entrypoint_seen(entrypoint_id).await?;
    let found = call.app.store.transactions().find(entrypoint_id, id).await?.ok_or(Error::NotFound)?;
    call.params().done()?;
    let sees_customers = call.caller.claims().allows(Scope::CustomersRead);
    let out = TransactionOut::new(&found, &entrypoint, view_of(&call.caller), sees_customers);
    let text = json::written(&out, RECORD_ROOM)?;
    // It names no version: no transaction can be changed with it.
    Ok(json::tagged(&call.request, &json::tag("transaction", &text), text))
}

/// Link a transaction to a customer, as Payabli's SDKs do
///
/// The same as `POST` on this address, which is the one to use: a GET that writes is easily sent by accident. It needs
/// the same scopes, and is refused while a browser only fetches ahead (`Sec-Purpose: prefetch` and its older names). HEAD links
/// nothing.
#[utoipa::path(
    tag = "Transactions",
    params(CustomerTransactionPath, KeyHeader),
    responses((status = 200, description = "The transaction is the customer's", body = DoneOut)),
)]
#[get("/api/Customer/link/{customerId}/{transId}")]
pub(crate) async fn get_link_transaction(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.refuse_prefetch()?;
    link(&call, payload).await
}

/// Link a transaction to a customer
///
/// What is unlinked becomes the customer's, with all that pays it back; what is the customer's stays so. The transaction of
/// another customer: 409 (`linked_to_another`), as money never changes its owner. It needs `money:write` and `customers:read`.
#[utoipa::path(
    tag = "Transactions",
    params(CustomerTransactionPath, KeyHeader),
    responses((status = 200, description = "The transaction is the customer's", body = DoneOut)),
)]
#[post("/api/Customer/link/{customerId}/{transId}")]
pub(crate) async fn link_transaction(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    link(&call, payload).await
}

async fn link(call: &Call, payload: Payload) -> Result<HttpResponse, Error> {
    // Whether there is such a customer, and whose the transaction is, only readers of customers learn.
    call.require(Scope::CustomersRead)?;
    let found = call.customer(Scope::MoneyWrite).await?;
    let entrypoint_id = found.entrypoint.id;
    let named = TransId::parse(call.path("transId")).filter(|(place, _)| *place == entrypoint_id);
    let (_, trans_id) = named.ok_or(Error::NotFound)?;
    let mutation = call.bodiless(entrypoint_id, payload).await?;
    let action =
        call.params().done().map(|()| Action::Link(LinkTransaction { id: found.record.stored.id, trans_id }));
    let replayed = if call.is_head { false } else { mutation.write(action).await?.replayed };
    let mut response = ok(replayed).json(DoneOut::SUCCESS);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
