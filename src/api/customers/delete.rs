//! `DELETE /Customer/{customerId}`.

use actix_web::web::Payload;
use actix_web::{HttpResponse, delete};

use super::DoneOut;
use super::update::done;
use crate::api::http::body;
use crate::api::http::call::Call;
use crate::api::http::error::Error;
use crate::api::http::params::{CustomerPath, IfMatchHeader, KeyHeader};
use crate::domain::accounts::token::Scope;
use crate::domain::decide::command::{Action, DeleteCustomer};

/// Delete a customer, or erase the person
///
/// Deleting is soft: the customer leaves lists, search and matching, and its identifiers are free at
/// once; the id still answers, with status -99. `erase=true` wipes every personal value for good, also of
/// a customer deleted before; id, status and balance stay. Deleting again is no error.
#[utoipa::path(
    tag = "Customers",
    operation_id = "delete_customer",
    params(
        CustomerPath,
        ("erase" = Option<bool>, Query, description = "true: wipe every personal value for good; needs `pii:read` too"),
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
    if erase {
        call.require(Scope::PiiRead)?;
    }
    let found = call.customer().await?;
    let mutation = call.bodiless(found.entrypoint.id, payload).await?;
    let action = params.done().map(|()| {
        let precondition = body::precondition(&call.request);
        Action::Delete(DeleteCustomer { id: found.record.stored.id, erase, precondition })
    });
    let answer = mutation.write(action).await?;
    if erase && !answer.replayed {
        call.app.store.customers().forget_erased().await;
    }
    Ok(done(&answer, &call.caller))
}
