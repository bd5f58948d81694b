//! `POST /Customer/{customerId}/archive` and `/unarchive`.

use actix_web::web::Payload;
use actix_web::{HttpResponse, post};

use super::DoneOut;
use super::update::write_bodiless;
use crate::api::http::body;
use crate::api::http::call::Call;
use crate::api::http::error::Error;
use crate::api::http::params::{CustomerPath, IfMatchHeader, KeyHeader};
use crate::domain::decide::command::{Action, ArchiveCustomer};

/// Archive a customer
///
/// The stage of the customer's life becomes `Archived`: the record stays in lists (filter by `lifecycle`) and matching, and
/// is not invited any more. Archiving again is no error.
#[utoipa::path(
    tag = "Customers",
    operation_id = "archive_customer",
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
    operation_id = "unarchive_customer",
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
