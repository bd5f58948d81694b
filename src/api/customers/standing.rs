//! Consent and the archive: `POST /Customer/{customerId}/consent`, `/archive`, `/unarchive`.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, post};

use super::update::done;
use super::{DoneOut, key_use, parse_id, refuse_unless_replay, visible};
use crate::api::http::auth::Caller;
use crate::api::http::body::{self, Params};
use crate::api::http::error::Error;
use crate::api::http::state::App;
use crate::domain::accounts::token::Scope;
use crate::domain::customers::consent::ConsentChange;
use crate::domain::decide::command::{Action, ArchiveCustomer, ChangeConsent, Command};

/// Does something to a customer that needs no body.
async fn action(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    payload: Payload,
    route: &'static str,
    action: impl FnOnce(i64, &App) -> Action,
) -> Result<HttpResponse, Error> {
    caller.require(Scope::CustomersWrite)?;
    let found = visible(&app, &caller, parse_id(&id)?).await?;
    let entrypoint_id = found.entrypoint.id;
    body::none(payload).await?;
    let key = key_use(&app, &caller, entrypoint_id, route, &id, &request, &[]).await?;
    let problems = Params::of(&request).problems();
    if !problems.is_empty() {
        refuse_unless_replay(&app, entrypoint_id, key.as_ref(), Error::Invalid(problems)).await?;
    }
    let action = action(found.record.stored.id, &app);
    let command = Command { entrypoint_id, actor: caller.actor(), idempotency: key, action };
    Ok(done(&app.store.write(command).await?, &caller))
}

/// Ask a customer for consent to messages
///
/// Sends an opt-in mail; `customerConsent` of the record is pending (-1) until its page confirms (1). A customer who opted in
/// before is not asked again. Without an e-mail address: 409.
#[utoipa::path(
    tag = "Customers",
    operation_id = "request_consent",
    params(
        ("customerId" = i64, Path, minimum = 1, description = "The customer's id"),
        ("idempotencyKey" = Option<String>, Header, description = "As for a create"),
    ),
    responses((status = 200, description = "The mail is on its way, or consent was given before", body = DoneOut)),
)]
#[post("/api/Customer/{customerId}/consent")]
pub(crate) async fn request_consent(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let route = "POST /Customer/{customerId}/consent";
    action(request, app, caller, id, payload, route, |id, app| {
        Action::Consent(ChangeConsent { id, change: ConsentChange::Ask, link_ttl_secs: app.link_ttl_secs })
    })
    .await
}

/// Archive a customer
///
/// The stage of the customer's life becomes `Archived`: the record stays in lists (filter by `lifecycle`) and matching, and
/// is not invited any more. Archiving again is no error.
#[utoipa::path(
    tag = "Customers",
    operation_id = "archive_customer",
    params(
        ("customerId" = i64, Path, minimum = 1, description = "The customer's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the record as it was read; 412 where it has changed since"),
        ("idempotencyKey" = Option<String>, Header, description = "As for a create"),
    ),
    responses((status = 200, description = "The customer is archived", body = DoneOut)),
)]
#[post("/api/Customer/{customerId}/archive")]
pub(crate) async fn archive_customer(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let precondition = body::precondition(&request);
    let route = "POST /Customer/{customerId}/archive";
    action(request, app, caller, id, payload, route, |id, _| {
        Action::Archive(ArchiveCustomer { id, archived: true, precondition })
    })
    .await
}

/// Take a customer out of the archive
///
/// Back to the stage before, or to `Active` where an account was made meanwhile. On a customer who is not archived it changes
/// nothing.
#[utoipa::path(
    tag = "Customers",
    operation_id = "unarchive_customer",
    params(
        ("customerId" = i64, Path, minimum = 1, description = "The customer's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the record as it was read; 412 where it has changed since"),
        ("idempotencyKey" = Option<String>, Header, description = "As for a create"),
    ),
    responses((status = 200, description = "The customer is not archived", body = DoneOut)),
)]
#[post("/api/Customer/{customerId}/unarchive")]
pub(crate) async fn unarchive_customer(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let precondition = body::precondition(&request);
    let route = "POST /Customer/{customerId}/unarchive";
    action(request, app, caller, id, payload, route, |id, _| {
        Action::Archive(ArchiveCustomer { id, archived: false, precondition })
    })
    .await
}
