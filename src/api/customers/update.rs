//! `PUT /Customer/{customerId}`.

use actix_web::http::header::ETAG;
use actix_web::web::{Bytes, Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, put};

use super::record::etag;
use super::{DoneOut, key_use, parse_id, refuse_unless_replay, seal_password, view_of, visible};
use crate::api::http::auth::Caller;
use crate::api::http::body::{self, Params};
use crate::api::http::error::Error;
use crate::api::http::request::CustomerIn;
use crate::api::http::state::App;
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::customers::draft::{Context, Draft};
use crate::domain::customers::fields::TextField;
use crate::domain::decide::command::{Action, Answer, Command, UpdateCustomer};
use crate::store::Found;

/// Change a customer
///
/// Partial: absent fields stay, `null` or `""` clears, `additionalFields` merges by key. With `If-Match`
/// the change is made only on the version that was read. A change onto another customer's identity is
/// refused with 409.
#[utoipa::path(
    tag = "Customers",
    operation_id = "update_customer",
    params(
        ("customerId" = i64, Path, minimum = 1, description = "The customer's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the record as it was read; 412 where it has changed since"),
        ("idempotencyKey" = Option<String>, Header, description = "As for a create"),
    ),
    request_body(content = CustomerIn, description = "The fields to change; `identifierFields` and `createdAt` are ignored"),
    responses((status = 200, description = "The customer was changed, or was so already", body = DoneOut)),
)]
#[put("/api/Customer/{customerId}")]
pub(crate) async fn update_customer(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    caller.require(Scope::CustomersWrite)?;
    let found = visible(&app, &caller, parse_id(&id)?).await?;
    let entrypoint_id = found.entrypoint.id;
    let bytes = body::json(&request, payload).await?;
    let key =
        key_use(&app, &caller, entrypoint_id, "PUT /Customer/{customerId}", &id, &request, &bytes).await?;
    let draft = match read(&app, &found, &request, &bytes).await {
        Ok(draft) => draft,
        Err(error) => {
            refuse_unless_replay(&app, entrypoint_id, key.as_ref(), error).await?;
            Draft::default()
        }
    };
    let update =
        UpdateCustomer { id: found.record.stored.id, draft, precondition: body::precondition(&request) };
    let action = Action::Update(Box::new(update));
    let command = Command { entrypoint_id, actor: caller.actor(), idempotency: key, action };
    let answer = app.store.write(command).await?;
    Ok(done(&answer, &caller))
}

async fn read(app: &App, found: &Found, request: &HttpRequest, bytes: &Bytes) -> Result<Draft, Error> {
    let mut problems = Params::of(request).problems();
    let entrypoint_country = found.entrypoint.country.as_deref();
    let country = found.record.stored.customer.text(TextField::Country).or(entrypoint_country);
    let context = Context { now: clock::now(), country, entrypoint_country };
    let parsed =
        body::members(bytes).and_then(|members| Draft::parse(&members, context).map_err(Error::Invalid));
    match parsed {
        Ok(mut draft) if problems.is_empty() => {
            seal_password(app, &mut draft).await?;
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

/// The answer to a change; readers get the new tag with it.
pub(super) fn done(answer: &Answer, caller: &Caller) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if answer.replayed {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    if caller.claims().allows(Scope::CustomersRead)
        && let Some(stored) = &answer.stored
    {
        response.insert_header((ETAG, etag(stored, &answer.entrypoint, view_of(caller))));
    }
    response.json(DoneOut::SUCCESS)
}
