//! Secrets of webhooks over HTTP; scope `settings`.

use actix_web::web::{Bytes, Payload};
use actix_web::{HttpResponse, delete, get, post};
use serde::Serialize;

use crate::api::customers::DoneOut;
use crate::api::http::body;
use crate::api::http::call::{Call, SERVICE};
use crate::api::http::error::{Error, unless_any};
use crate::api::http::params::{EntryPath, KeyHeader, SecretPath};
use crate::domain::accounts::acts::ActKind;
use crate::domain::accounts::token::Scope;
use crate::domain::decide::delivery::OnUnknown;
use crate::domain::kernel::problem::Problem;
use crate::domain::transactions::secret::{IngestSecret, NewSecret};

/// A secret to be kept.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IngestSecretIn {
    /// Whose webhooks it proves: `payabli`, `stripe` or `standard`.
    dialect: String,
    /// The secret, 16–250 printable characters. Stripe chooses it (`whsec_…`); for the others the service makes one by default.
    secret: Option<String>,
    /// For `payabli`: the header that holds the secret; `X-Webhook-Secret` by default.
    header: Option<String>,
    /// What becomes of a payment of somebody unknown: it is kept without a customer (`unlinked`), refused (`refuse`), or
    /// registers the customer once the money has moved (`create`, the default).
    on_unknown_customer: Option<OnUnknown>,
}

/// A secret as it is kept, without its text.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IngestSecretOut {
    /// Its number within the entrypoint.
    secret_id: i64,
    /// Whose webhooks it proves.
    dialect: &'static str,
    /// The header that holds it; null for signatures.
    header: Option<String>,
    /// What becomes of a payment of somebody unknown.
    on_unknown_customer: OnUnknown,
    /// Where the payment system sends its webhooks.
    path: String,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
}

impl IngestSecretOut {
    fn new(entry: &str, secret: &IngestSecret) -> IngestSecretOut {
        let dialect = secret.dialect.name();
        IngestSecretOut {
            secret_id: secret.id,
            dialect,
            header: secret.header.clone(),
            on_unknown_customer: secret.on_unknown,
            path: format!("/api/Ingest/{entry}/{dialect}"),
            created_at: secret.created_at.to_rfc3339(),
        }
    }
}

/// The secrets of an entrypoint.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct IngestSecretsOut {
    /// The secrets, oldest first.
    records: Vec<IngestSecretOut>,
}

/// A secret that was made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewIngestSecretOut {
    /// Always true.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
    /// The secret.
    response_data: NewIngestSecret,
}

/// A new secret; its text is told this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct NewIngestSecret {
    /// The text, for the payment system.
    secret: String,
    #[serde(flatten)]
    record: IngestSecretOut,
}

/// List the secrets of webhooks
///
/// Oldest first; never their texts.
#[utoipa::path(
    tag = "Settings",
    params(EntryPath),
    responses((status = 200, description = "The secrets", body = IngestSecretsOut)),
)]
#[get("/api/Paypoint/ingest/{entry}")]
pub(crate) async fn list_ingest_secrets(call: Call) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::Settings).await?;
    call.params().done()?;
    let secrets = call.app.store.ingest().list(entrypoint_id).await?;
    let entry = call.path("entry");
    let records = secrets.iter().map(|secret| IngestSecretOut::new(entry, secret)).collect();
    Ok(HttpResponse::Ok().json(IngestSecretsOut { records }))
}

/// Keep a secret of webhooks
///
/// A webhook that a payment system sends to `path` needs no request token: it is proved by this secret. Several secrets of
/// one dialect hold at the same time, so that a secret can be changed without a gap: make the new one, tell the payment
/// system, delete the old one. The text is answered this once.
#[utoipa::path(
    tag = "Settings",
    params(EntryPath, KeyHeader),
    request_body(content = IngestSecretIn, description = "The secret and its settings"),
    responses((status = 200, description = "The secret", body = NewIngestSecretOut)),
)]
#[post("/api/Paypoint/ingest/{entry}")]
pub(crate) async fn create_ingest_secret(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::Settings).await?;
    let mutation = call.json(SERVICE, payload).await?;
    let problems = call.params().problems();
    let new = body::parsed(&mutation.body, |body| read(body, problems)).await;
    let entry = call.path("entry").to_owned();
    let render = move |made: &IngestSecret, text: &str| {
        let record = IngestSecretOut::new(&entry, made);
        let response_data = NewIngestSecret { secret: text.to_owned(), record };
        let made = NewIngestSecretOut { is_success: true, response_text: "Success", response_data };
        serde_json::to_string(&made).unwrap_or_default()
    };
    let act = call.act_at(ActKind::WebhookCreated);
    let create = async |new, key| call.app.store.ingest().create(entrypoint_id, new, act, key, render).await;
    let mut answer = mutation.answer(new, create).await?;
    let no_store = actix_web::http::header::HeaderValue::from_static("no-store");
    answer.headers_mut().insert(actix_web::http::header::CACHE_CONTROL, no_store);
    Ok(answer)
}

fn read(body: &Bytes, problems: Vec<Problem>) -> Result<NewSecret, Error> {
    let members = body::members(body)?;
    unless_any(problems, NewSecret::parse(&members).map_err(Error::Invalid))
}

/// Delete a secret of webhooks
///
/// Webhooks that it proves are refused from now on.
#[utoipa::path(
    tag = "Settings",
    params(SecretPath, KeyHeader),
    responses((status = 200, description = "The secret is deleted", body = DoneOut)),
)]
#[delete("/api/Paypoint/ingest/{entry}/{secretId}")]
pub(crate) async fn delete_ingest_secret(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::Settings).await?;
    let secret_id = call.id("secretId")?;
    let mutation = call.bodiless(SERVICE, payload).await?;
    let read = unless_any(call.params().problems(), Ok(()));
    let done = serde_json::to_string(&DoneOut::SUCCESS).unwrap_or_default();
    let act = call.act_at(ActKind::WebhookDeleted).of(secret_id.to_string());
    let ingest = call.app.store.ingest();
    let delete = async |(), key| ingest.delete(entrypoint_id, secret_id, act, key, done).await;
    mutation.answer(read, delete).await
}
