//! Changes of one customer that have no body: archive and unarchive, consent, delete.

use actix_web::web::Payload;
use actix_web::{HttpResponse, delete, post};

use super::DoneOut;
use super::update::done;
use crate::api::http::body;
use crate::api::http::call::Call;
use crate::api::http::error::Error;
use crate::api::http::params::{CustomerPath, IfMatchHeader, KeyHeader};
use crate::domain::accounts::token::Scope;
use crate::domain::customers::consent::ConsentChange;
use crate::domain::decide::command::{Action, ArchiveCustomer, ChangeConsent, DeleteCustomer};

/// Archive a customer
///
/// The stage of the customer's life becomes `Archived`: the record stays in lists (filter by `lifecycle`) and matching, and
/// is not invited any more. Archiving again is no error.
#[utoipa::path(
    tag = "Customers",
    params(CustomerPath, IfMatchHeader, KeyHeader),
    responses((status = 200, description = "The customer is archived", body = DoneOut)),
)]
#[post("/api/Customer/{customerId}/archive")]
pub(crate) async fn archive_customer(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    archive(&call, payload, true).await
}

/// Take a customer out of the archive
///
/// Back to the stage before, or to `Active` where an account was made meanwhile. On a customer who is not archived it changes
/// nothing.
#[utoipa::path(
    tag = "Customers",
    params(CustomerPath, IfMatchHeader, KeyHeader),
    responses((status = 200, description = "The customer is not archived", body = DoneOut)),
)]
#[post("/api/Customer/{customerId}/unarchive")]
pub(crate) async fn unarchive_customer(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    archive(&call, payload, false).await
}

async fn archive(call: &Call, payload: Payload, archived: bool) -> Result<HttpResponse, Error> {
    let precondition = body::precondition(&call.request);
    write_bodiless(call, payload, |id| Action::Archive(ArchiveCustomer { id, archived, precondition })).await
}

/// Ask a customer for consent to messages
///
/// Sends an opt-in mail; `customerConsent` of the record is pending (-1) until its page confirms (1). A customer who opted in
/// before is not asked again. Without an e-mail address: 409.
#[utoipa::path(
    tag = "Customers",
    params(CustomerPath, KeyHeader),
    responses((status = 200, description = "The mail is on its way, or consent was given before", body = DoneOut)),
)]
#[post("/api/Customer/{customerId}/consent")]
pub(crate) async fn request_consent(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let link_ttl_secs = call.app.link_ttl_secs;
    write_bodiless(&call, payload, |id| {
        Action::Consent(ChangeConsent { id, change: ConsentChange::Ask, link_ttl_secs })
    })
    .await
}

/// Carries out an action without a body.
async fn write_bodiless(
    call: &Call,
    payload: Payload,
    action: impl FnOnce(i64) -> Action,
) -> Result<HttpResponse, Error> {
    let found = call.customer(Scope::CustomersWrite).await?;
    let mutation = call.bodiless(found.entrypoint.id, payload).await?;
    let action = call.params().done().map(|()| action(found.record.stored.id));
    Ok(done(&mutation.write(action).await?))
}

/// Delete a customer, or erase the person
///
/// Deleting is soft: the customer leaves lists, search and matching, and its identifiers are free at
/// once; the id still answers, with status -99. `erase=true` wipes every personal value for good, also of
/// a customer deleted before; id, status and balance stay. Deleting again is no error.
///
/// A customer with a subscription that is not over, or with a pending payment, answers 409 (`has_obligations`) with the
/// numbers; archive it instead, or send `cancelOpen=true`, which ends the records of its subscriptions first. It asks no other
/// system to end anything, and money keeps its customer's id.
#[utoipa::path(
    tag = "Customers",
    params(
        CustomerPath,
        ("erase" = Option<bool>, Query, description = "true: wipe every personal value for good; needs `pii:read` too"),
        ("cancelOpen" = Option<bool>, Query, description = "true: end what is open, such as running subscriptions, instead of a refusal"),
        IfMatchHeader,
        KeyHeader,
    ),
    responses((status = 200, description = "The customer is deleted", body = DoneOut)),
)]
#[delete("/api/Customer/{customerId}")]
pub(crate) async fn delete_customer(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::CustomersDelete)?;
    let mut params = call.params();
    let erase = params.flag("erase");
    let cancel_open = params.flag("cancelOpen");
    if erase {
        call.require(Scope::PiiRead)?;
    }
    let found = call.customer(Scope::CustomersDelete).await?;
    let mutation = call.bodiless(found.entrypoint.id, payload).await?;
    let action = params.done().map(|()| {
        let precondition = body::precondition(&call.request);
        Action::Delete(DeleteCustomer { id: found.record.stored.id, erase, cancel_open, precondition })
    });
    let answer = mutation.write(action).await?;
    if erase && !answer.replayed {
        call.app.store.customers().forget_erased().await;
    }
    Ok(done(&answer))
}
