//! `GET /Customer/{customerId}`.

use actix_web::http::header::{CACHE_CONTROL, ETAG};
use actix_web::{HttpResponse, get};

use super::record::{CustomerOut, rendering};
use super::view_of;
use crate::api::http::body::is_fresh;
use crate::api::http::call::Call;
use crate::api::http::error::Error;
use crate::api::http::json;
use crate::api::http::params::CustomerPath;
use crate::domain::accounts::token::Scope;
use crate::store::Found;

/// Read a customer
///
/// A deleted customer is answered too, with status -99. The answer carries a strong `ETag`, to be sent
/// back as `If-None-Match` here or as `If-Match` with a change.
#[utoipa::path(
    tag = "Customers",
    params(
        CustomerPath,
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where the record is still the same"),
    ),
    responses(
        (status = 200, description = "The customer's record", body = CustomerOut<'_>),
        (status = 304, description = "The record is still the one of If-None-Match"),
    ),
)]
#[get("/api/Customer/{customerId}")]
pub(crate) async fn get_customer(call: Call) -> Result<HttpResponse, Error> {
    let view = view_of(&call.caller);
    let render = move |found: &Found| rendering(&found.record, &found.entrypoint, view);
    let rendering = call.customer_as(Scope::CustomersRead, render).await??;
    call.params().done()?;
    let fresh = is_fresh(&call.request, &rendering.etag);
    let mut response = if fresh { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((ETAG, rendering.etag.as_str()))
        .insert_header((CACHE_CONTROL, "private, no-cache"));
    Ok(if fresh { response.finish() } else { json::answer(&mut response, rendering.text.clone()) })
}
