//! `POST /Customer/{customerId}/consent`.

use actix_web::web::Payload;
use actix_web::{HttpResponse, post};

use super::DoneOut;
use super::update::write_bodiless;
use crate::api::http::call::Call;
use crate::api::http::error::Error;
use crate::api::http::params::{CustomerPath, KeyHeader};
use crate::domain::customers::consent::ConsentChange;
use crate::domain::decide::command::{Action, ChangeConsent};

/// Ask a customer for consent to messages
///
/// Sends an opt-in mail; `customerConsent` of the record is pending (-1) until its page confirms (1). A customer who opted in
/// before is not asked again. Without an e-mail address: 409.
#[utoipa::path(
    tag = "Customers",
    operation_id = "request_consent",
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
