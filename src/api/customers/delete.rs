//! `DELETE /Customer/{customerId}`.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, delete};

use super::update::done;
use super::{DoneOut, key_use, parse_id, refuse_unless_replay, visible};
use crate::api::http::auth::Caller;
use crate::api::http::body::{self, Params};
use crate::api::http::error::Error;
use crate::api::http::state::App;
use crate::domain::accounts::token::Scope;
use crate::domain::decide::command::{Action, Command, DeleteCustomer};

/// Delete a customer, or erase the person
///
/// Deleting is soft: the customer leaves lists, search and matching, and its identifiers are free at
/// once; the id still answers, with status -99. `erase=true` wipes every personal value for good, also of
/// a customer deleted before; id, status and balance stay. Deleting again is no error.
#[utoipa::path(
    tag = "Customers",
    operation_id = "delete_customer",
    params(
        ("customerId" = i64, Path, minimum = 1, description = "The customer's id"),
        ("erase" = Option<bool>, Query, description = "true: wipe every personal value for good; needs `pii:read` too"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the record as it was read; 412 where it has changed since"),
        ("idempotencyKey" = Option<String>, Header, description = "As for a create"),
    ),
    responses((status = 200, description = "The customer is deleted", body = DoneOut)),
)]
#[delete("/api/Customer/{customerId}")]
pub(crate) async fn delete_customer(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    caller.require(Scope::CustomersDelete)?;
    let mut params = Params::of(&request);
    let erase = params.flag("erase");
    if erase {
        caller.require(crate::domain::accounts::token::Scope::PiiRead)?;
    }
    let found = visible(&app, &caller, parse_id(&id)?).await?;
    let entrypoint_id = found.entrypoint.id;
    body::none(payload).await?;
    let key =
        key_use(&app, &caller, entrypoint_id, "DELETE /Customer/{customerId}", &id, &request, &[]).await?;
    let problems = params.problems();
    if !problems.is_empty() {
        refuse_unless_replay(&app, entrypoint_id, key.as_ref(), Error::Invalid(problems)).await?;
    }
    let delete =
        DeleteCustomer { id: found.record.stored.id, erase, precondition: body::precondition(&request) };
    let command =
        Command { entrypoint_id, actor: caller.actor(), idempotency: key, action: Action::Delete(delete) };
    let answer = app.store.write(command).await?;
    if erase && !answer.replayed {
        app.store.forget_erased().await;
    }
    Ok(done(&answer, &caller))
}
