//! Hints of the payment provider: something became of a call (rules 20).

use actix_web::http::header::HeaderMap;
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse, post};
use serde::{Deserialize, Serialize};

use crate::api::http::body::{self, Params};
use crate::api::http::call::{broken_path, refuse_cards_in_address};
use crate::api::http::error::{Error, unless_any};
use crate::api::http::params::EntryPath;
use crate::api::http::state::App;
use crate::domain::kernel::card;
use crate::domain::kernel::problem::Problem;
use crate::domain::transactions::dialects::signature::Claim;
use crate::domain::transactions::id::TransId;

/// A hint.
#[derive(Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub(crate) struct HintIn {
    /// Such as `charge.updated`.
    #[serde(rename = "type")]
    kind: String,
    /// What it is about.
    data: HintData,
}

/// What a hint is about.
#[derive(Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
struct HintData {
    /// The service's id of the call.
    id: String,
}

/// A hint is taken.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HintOut {
    /// Always true.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
}

/// Take a hint of the payment provider
///
/// The adapter of the entrypoint's payment provider calls this address itself, signed as Standard Webhooks 1.0.0 says with the
/// secret of the service (`CUSTOMARY_PROVIDER_SECRET`), which takes the place of a request token. A hint says that something
/// became of a call, and not what: the service asks the adapter then. So a hint may come twice, late, or never.
#[utoipa::path(
    tag = "Charges",
    params(
        EntryPath,
        ("webhook-id" = Option<String>, Header, description = "The id of the message"),
        ("webhook-timestamp" = Option<String>, Header, description = "When it was sent, in seconds since 1970"),
        ("webhook-signature" = Option<String>, Header, description = "`v1,` and base64 of HMAC-SHA256 of `id.timestamp.body`; several are divided by blanks"),
    ),
    request_body(content = HintIn, description = "The hint"),
    responses((status = 200, description = "The hint is taken", body = HintOut)),
)]
#[post("/api/Ingest/{entry}/provider")]
pub(crate) async fn ingest_provider(
    request: HttpRequest,
    app: Data<App>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let body = body::json_up_to(&request, payload, body::JSON_BYTES_MAX).await?;
    broken_path(&request, "/api/Ingest/{entry}/provider")?;
    refuse_cards_in_address(&request)?;
    Params::of(&request).done()?;
    // Nobody may send card data here, whoever it is.
    unless_any(card::in_json(&body).into_iter().map(|found| found.problem).collect(), Ok(()))?;
    let proves = claim(request.headers())
        .zip(app.provider.as_ref())
        .is_some_and(|(claim, provider)| provider.proves(&claim, &body));
    if !proves {
        return Err(Error::Unproven);
    }
    let place = app.store.entrypoints().find(request.match_info().query("entry")).await?;
    let (place, _) = place.ok_or(Error::NotFound)?;
    let (of, id) = id_of(&body)?;
    if of == place {
        app.store.provider().hint(place, id).await?;
    }
    let out = HintOut { is_success: true, response_text: "Success" };
    Ok(HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(out))
}

fn claim(headers: &HeaderMap) -> Option<Claim> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Claim::of_standard(text("webhook-id")?, text("webhook-timestamp")?, text("webhook-signature")?)
}

/// The call that a hint is about.
///
/// # Errors
/// 400 for a body that names none.
fn id_of(body: &Bytes) -> Result<(i64, TransId), Error> {
    let hint: HintIn = serde_json::from_slice(body)
        .map_err(|error| Error::invalid(Problem::field(&[], "invalid_json", body::no_json(&error))))?;
    let wrong = || {
        let message = "must be the id of a call, as it was sent to the adapter";
        Error::invalid(Problem::field(&["data", "id"], "invalid_value", message))
    };
    TransId::parse(&hint.data.id).ok_or_else(wrong)
}
