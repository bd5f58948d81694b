//! `PUT /Customer/{customerId}`.

use actix_web::http::header::ETAG;
use actix_web::web::Payload;
use actix_web::{HttpResponse, put};

use super::record::etag;
use super::{DoneOut, seal_password, view_of};
use crate::api::http::auth::Caller;
use crate::api::http::body;
use crate::api::http::call::{Call, Mutation, mark_replayed};
use crate::api::http::error::Error;
use crate::api::http::params::{CustomerPath, IfMatchHeader, KeyHeader};
use crate::api::http::request::CustomerIn;
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::customers::draft::{Context, Draft};
use crate::domain::customers::fields::TextField;
use crate::domain::decide::command::{Action, Answer, UpdateCustomer};
use crate::store::Found;

/// Change a customer
///
/// Partial: absent fields stay, `null` or `""` clears, `additionalFields` merges by key. With `If-Match`
/// the change is made only on the version that was read. A change onto another customer's identity is
/// refused with 409.
#[utoipa::path(
    tag = "Customers",
    operation_id = "update_customer",
    params(CustomerPath, IfMatchHeader, KeyHeader),
    request_body(content = CustomerIn, description = "The fields to change; `identifierFields` and `createdAt` are ignored"),
    responses((status = 200, description = "The customer was changed, or was so already", body = DoneOut)),
)]
#[put("/api/Customer/{customerId}")]
pub(crate) async fn update_customer(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::CustomersWrite)?;
    let found = call.customer().await?;
    let mutation = call.json(found.entrypoint.id, payload).await?;
    let action = read(&call, &found, &mutation).await.map(|draft| {
        let precondition = body::precondition(&call.request);
        Action::Update(Box::new(UpdateCustomer { id: found.record.stored.id, draft, precondition }))
    });
    let answer = mutation.write(action).await?;
    Ok(done(&answer, &call.caller))
}

async fn read(call: &Call, found: &Found, mutation: &Mutation<'_>) -> Result<Draft, Error> {
    let mut problems = call.params().problems();
    let entrypoint_country = found.entrypoint.country.as_deref();
    let country = found.record.stored.customer.text(TextField::Country).or(entrypoint_country);
    let context = Context { now: clock::now(), country, entrypoint_country };
    let parsed = body::members(&mutation.body)
        .and_then(|members| Draft::parse(&members, context).map_err(Error::Invalid));
    match parsed {
        Ok(mut draft) if problems.is_empty() => {
            seal_password(&call.app, &mut draft).await?;
            Ok(draft)
        }
        Ok(_) => Err(Error::Invalid(problems)),
        Err(Error::Invalid(of_body)) => {
            problems.extend(of_body);
            Err(Error::Invalid(problems))
        }
        Err(error) => Err(error),
    }
}

/// Carries out an action without a body.
pub(super) async fn write_bodiless(
    call: &Call,
    payload: Payload,
    action: impl FnOnce(i64) -> Action,
) -> Result<HttpResponse, Error> {
    call.require(Scope::CustomersWrite)?;
    let found = call.customer().await?;
    let mutation = call.bodiless(found.entrypoint.id, payload).await?;
    let action = call.params().done().map(|()| action(found.record.stored.id));
    Ok(done(&mutation.write(action).await?, &call.caller))
}

/// The answer to a change; readers also get the new ETag.
pub(super) fn done(answer: &Answer, caller: &Caller) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    mark_replayed(&mut response, answer.replayed);
    if caller.claims().allows(Scope::CustomersRead)
        && let Some(stored) = &answer.stored
    {
        response.insert_header((ETAG, etag(stored, &answer.entrypoint, view_of(caller))));
    }
    response.json(DoneOut::SUCCESS)
}
