//! `PUT /Customer/{customerId}`.

use actix_web::http::header::ETAG;
use actix_web::web::Payload;
use actix_web::{HttpResponse, put};

use super::record::etag;
use super::{DoneOut, read_draft};
use crate::api::http::body;
use crate::api::http::call::{Call, Mutation, ok};
use crate::api::http::error::Error;
use crate::api::http::params::{CustomerPath, IfMatchHeader, KeyHeader};
use crate::api::http::request::CustomerIn;
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::customers::draft::{Context, Draft};
use crate::domain::customers::fields::TextField;
use crate::domain::decide::command::{Action, UpdateCustomer};
use crate::domain::view::Seen;
use crate::store::Found;

/// Change a customer
///
/// Partial: absent fields stay, `null` or `""` clears, `additionalFields` merges by key. With `If-Match`
/// the change is made only on the version that was read. A change onto another customer's identity is
/// refused with 409. A change of `email`, `customerUsername` or `customerPsw` needs `pii:read`; the customer is told by
/// mail, and is signed out of the portal.
#[utoipa::path(
    tag = "Customers",
    params(CustomerPath, IfMatchHeader, KeyHeader),
    request_body(content = CustomerIn, description = "The fields to change; `identifierFields` and `createdAt` are ignored"),
    responses((status = 200, description = "The customer was changed, or was so already", body = DoneOut)),
)]
#[put("/api/Customer/{customerId}")]
pub(crate) async fn update_customer(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let found = call.customer(Scope::CustomersWrite).await?;
    let mutation = call.json(found.entrypoint.id, payload).await?;
    let action = read(&call, &found, &mutation).await.map(|draft| {
        let precondition = body::precondition(&call.request);
        Action::Update(Box::new(UpdateCustomer { id: found.record.stored.id, draft, precondition }))
    });
    let answer = mutation.write(action).await?;
    Ok(done(&answer))
}

async fn read(call: &Call, found: &Found, mutation: &Mutation<'_>) -> Result<Draft, Error> {
    let entrypoint_country = found.entrypoint.country.as_deref();
    let country = found.record.stored.customer.text(TextField::Country).or(entrypoint_country);
    let context = Context { now: clock::now(), country, entrypoint_country };
    read_draft(&call.app, &mutation.body, context, call.params().problems()).await
}

/// The answer to a change; readers also get the new ETag.
pub(in crate::api) fn done(answer: &Seen) -> HttpResponse {
    let mut response = ok(answer.replayed);
    if let Some(stored) = &answer.record {
        response.insert_header((ETAG, etag(stored, &answer.entrypoint, answer.view)));
    }
    response.json(DoneOut::SUCCESS)
}
