//! `GET /Customer/{customerId}`.

use actix_web::http::header::{CACHE_CONTROL, ETAG};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get};

use super::record::{CustomerOut, rendering};
use super::{parse_id, view_of, visible_as};
use crate::api::http::auth::Caller;
use crate::api::http::body::{Params, is_fresh};
use crate::api::http::error::Error;
use crate::api::http::json;
use crate::api::http::state::App;
use crate::domain::accounts::token::Scope;
use crate::store::Found;

/// Read a customer
///
/// A deleted customer is answered too, with status -99. The answer carries a strong `ETag`, to be sent
/// back as `If-None-Match` here or as `If-Match` with a change.
#[utoipa::path(
    tag = "Customers",
    operation_id = "get_customer",
    params(
        ("customerId" = i64, Path, minimum = 1, description = "The customer's id"),
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where the record is still the same"),
    ),
    responses(
        (status = 200, description = "The customer's record", body = CustomerOut<'_>),
        (status = 304, description = "The record is still the one of If-None-Match"),
    ),
)]
#[get("/api/Customer/{customerId}")]
pub(crate) async fn get_customer(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    caller.require(Scope::CustomersRead)?;
    let view = view_of(&caller);
    let told = move |found: &Found| rendering(&found.record, &found.entrypoint, view);
    let rendering = visible_as(&app, &caller, parse_id(&id)?, told).await??;
    Params::none(&request)?;
    let fresh = is_fresh(&request, &rendering.etag);
    let mut response = if fresh { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((ETAG, rendering.etag.as_str()))
        .insert_header((CACHE_CONTROL, "private, no-cache"));
    Ok(if fresh { response.finish() } else { json::answer(&mut response, rendering.text.clone()) })
}
