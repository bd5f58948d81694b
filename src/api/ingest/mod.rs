//! Webhooks of payment systems, and the secrets that prove them (rules 14).

mod secrets;

use actix_web::http::header::HeaderMap;
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse, post};
use serde::Serialize;

pub(crate) use self::secrets::{create_ingest_secret, delete_ingest_secret, list_ingest_secrets};
use super::http::auth::has_token;
use super::http::body::{self, Params};
use super::http::call::{broken_path, refuse_cards_in_address};
use super::http::error::{Error, unless_any};
use super::http::params::EntryPath;
use super::http::state::App;
use crate::clock;
use crate::domain::accounts::sight::Sight;
use crate::domain::accounts::token::Scope;
use crate::domain::customers::draft::Context;
use crate::domain::decide::command::{Action, Actor, Command, Outcome};
use crate::domain::decide::delivery::{Delivery, Ingest, ItemAnswer, ItemResult, OnUnknown, Reason};
use crate::domain::kernel::card;
use crate::domain::kernel::problem::Problem;
use crate::domain::transactions::dialects::signature::Claim;
use crate::domain::transactions::dialects::{Dialect, Place, Reading};
use crate::domain::transactions::secret::Proof;
use crate::store::EntrypointSettings;

/// The most headers of a request that are compared with a shared secret.
const HEADERS_MAX: usize = 100;

/// What became of a webhook.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookOut {
    /// Always true.
    is_success: bool,
    /// `Success`, or `Ignored` for an event that is about no transaction.
    response_text: &'static str,
    /// What became of its transactions.
    response_data: WebhookData,
}

/// What became of the transactions of a webhook.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct WebhookData {
    /// The type of an ignored event; null for others.
    ignored: Option<String>,
    /// The transactions of the webhook.
    items: Vec<WebhookItem>,
}

/// What became of a transaction of a webhook.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct WebhookItem {
    /// `created`, `moved`, `linked`, `unchanged` or `refused`.
    result: ItemResult,
    /// Its id in the payment system.
    external_id: Option<String>,
    /// Its id here; null if it was refused.
    trans_id: Option<String>,
    /// Whose it is; null while it belongs to nobody.
    customer_id: Option<i64>,
    /// Why it was refused, or why it belongs to nobody.
    reason: Option<WebhookReason>,
}

/// Why a transaction was refused, or why it belongs to nobody.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct WebhookReason {
    /// A stable code.
    code: String,
    /// What is wrong and what would do.
    message: String,
    /// The member of the item that it is about, as a JSON pointer; empty for the whole item.
    field: String,
}

impl WebhookItem {
    fn new(answer: &ItemAnswer) -> WebhookItem {
        let reason = |reason: &Reason| WebhookReason {
            code: reason.code.to_string(),
            message: reason.message.clone(),
            field: reason.field.clone(),
        };
        WebhookItem {
            result: answer.result,
            external_id: answer.external_id.as_deref().map(str::to_owned),
            trans_id: answer.trans_id.clone(),
            customer_id: answer.customer_id,
            reason: answer.reason.as_ref().map(reason),
        }
    }
}

/// Take a webhook of Payabli
///
/// Payabli calls this address itself: a custom header with a secret of the entrypoint (`POST Paypoint/ingest/{entry}`) takes
/// the place of a request token. Payments, voids, refunds, chargebacks and returns become transactions with the source
/// `payabli`; an event of another kind is acknowledged and ignored. The same webhook again changes nothing. A payment of
/// somebody unknown registers the customer once it is approved, unless the secret says otherwise.
///
/// With a request token of the scope `money:write` instead, webhooks can be sent by hand; they register customers only with
/// `customers:write` too.
#[utoipa::path(
    tag = "Transactions",
    params(
        EntryPath,
        ("X-Webhook-Secret" = Option<String>, Header, description = "The secret; a secret may name another header"),
    ),
    request_body(content = serde_json::Value, description = "The body as Payabli sends it", content_type = "application/json"),
    responses((status = 200, description = "The webhook is taken, or ignored", body = WebhookOut)),
)]
#[post("/api/Ingest/{entry}/payabli")]
pub(crate) async fn ingest_payabli(
    request: HttpRequest,
    app: Data<App>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    take(&request, &app, payload, Dialect::Payabli).await
}

/// Take a webhook of Stripe
///
/// Stripe calls this address itself: its signature, at most five minutes old, takes the place of a request token. The charges
/// of payments become sales with the source `stripe` and the charge's id, whichever event tells of them:
/// `charge.succeeded`, `failed`, `captured`, `pending`, `updated`, `expired`, `refunded` and `payment_intent.succeeded`.
/// `refund.created`, `updated` and `failed` become refunds, `charge.dispute.created`, `closed`, `funds_withdrawn` and
/// `funds_reinstated` chargebacks. Any other event is acknowledged and ignored. The same event again changes nothing, and
/// events may come in any order.
///
/// With a request token of the scope `money:write` instead, webhooks can be sent by hand; they register customers only with
/// `customers:write` too.
#[utoipa::path(
    tag = "Transactions",
    params(
        EntryPath,
        ("Stripe-Signature" = Option<String>, Header, description = "Stripe's signature: `t=…,v1=…`"),
    ),
    request_body(content = serde_json::Value, description = "The event as Stripe sends it", content_type = "application/json"),
    responses((status = 200, description = "The webhook is taken, or ignored", body = WebhookOut)),
)]
#[post("/api/Ingest/{entry}/stripe")]
pub(crate) async fn ingest_stripe(
    request: HttpRequest,
    app: Data<App>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    take(&request, &app, payload, Dialect::Stripe).await
}

/// Take a Standard Webhook
///
/// For payment systems of your own: an event in the form of Standard Webhooks 1.0.0, signed with a secret of the entrypoint.
/// Its `type` is `transaction` or begins with `transaction.`, and `data` is an item as `POST Transaction/{entry}` takes it.
/// An event of another type is acknowledged and ignored. The same event again changes nothing.
///
/// With a request token of the scope `money:write` instead, webhooks can be sent by hand; they register customers only with
/// `customers:write` too.
#[utoipa::path(
    tag = "Transactions",
    params(
        EntryPath,
        ("webhook-id" = Option<String>, Header, description = "The id of the message"),
        ("webhook-timestamp" = Option<String>, Header, description = "When it was sent, in seconds since 1970"),
        ("webhook-signature" = Option<String>, Header, description = "`v1,` and base64 of HMAC-SHA256 of `id.timestamp.body`; several are divided by blanks"),
    ),
    request_body(content = serde_json::Value, description = "The event", content_type = "application/json"),
    responses((status = 200, description = "The webhook is taken, or ignored", body = WebhookOut)),
)]
#[post("/api/Ingest/{entry}/standard")]
pub(crate) async fn ingest_standard(
    request: HttpRequest,
    app: Data<App>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    take(&request, &app, payload, Dialect::Standard).await
}

/// Who sends a webhook, and what becomes of payments of somebody unknown.
struct Sender {
    entrypoint_id: i64,
    actor: Actor,
    sight: Sight,
    on_unknown: OnUnknown,
}

async fn take(
    request: &HttpRequest,
    app: &Data<App>,
    payload: Payload,
    dialect: Dialect,
) -> Result<HttpResponse, Error> {
    let body = body::json_up_to(request, payload, body::JSON_BYTES_MAX).await?;
    broken_path(request, &format!("/api/Ingest/{{entry}}/{}", dialect.name()))?;
    refuse_cards_in_address(request)?;
    Params::of(request).done()?;
    let sender = sender(request, app, dialect, &body).await?;
    let settings = app.store.entrypoints().settings(sender.entrypoint_id).await?.ok_or(Error::NotFound)?;
    let (items, ignored) = body::parsed(&body, move |body| read(body, dialect, &settings)).await?;
    let mut told = Vec::new();
    if !items.is_empty() {
        let ingest = Ingest::new(items, sender.on_unknown, uuid::Uuid::new_v4().as_u128());
        let command = Command {
            entrypoint_id: sender.entrypoint_id,
            actor: sender.actor,
            sight: sender.sight,
            idempotency: None,
            action: Action::Ingest(Box::new(ingest)),
        };
        let answer = app.store.customers().write(command).await?.seen_by(sender.sight);
        let Outcome::Ingested(answers) = answer.outcome else {
            return Err(Error::Internal("the outcome of a webhook is not that of deliveries".into()));
        };
        told = answers.iter().map(WebhookItem::new).collect();
    }
    Ok(HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(WebhookOut {
        is_success: true,
        response_text: if ignored.is_some() { "Ignored" } else { "Success" },
        response_data: WebhookData { ignored, items: told },
    }))
}

/// The deliveries of a webhook, or the type of an event that is ignored. What makes the sender's own body invalid refuses the
/// request, so that the payment system shows it and tries again once it is mended.
fn read(
    body: &Bytes,
    dialect: Dialect,
    settings: &EntrypointSettings,
) -> Result<(Vec<Delivery>, Option<String>), Error> {
    let entrypoint = &settings.entrypoint;
    let country = entrypoint.country.as_deref();
    let context = Context { now: clock::now(), country, entrypoint_country: country };
    let place = Place { currency: entrypoint.currency.code(), context };
    let items = match dialect.read(body, place) {
        Ok(Reading::Ignored(kind)) => return Ok((Vec::new(), Some(kind))),
        Ok(Reading::Items(items)) => items,
        Err(problems) => {
            let cards: Vec<Problem> = card::in_json(body).into_iter().map(|found| found.problem).collect();
            return Err(Error::Invalid(if cards.is_empty() { problems } else { cards }));
        }
    };
    let mut problems = Vec::new();
    let mut deliveries = Vec::with_capacity(items.len());
    for item in items {
        match Delivery::read(item.as_bytes(), context, entrypoint.card_guard) {
            Delivery::Refused { reason, .. } => problems.push(problem(&reason, dialect)),
            Delivery::Item(item) => match item.check_digits(entrypoint.currency) {
                Ok(()) => deliveries.push(Delivery::Item(item)),
                Err(found) => problems.push(problem(&Reason::first_of(&found), dialect)),
            },
        }
    }
    unless_any(problems, Ok((deliveries, None)))
}

/// A refusal of an item as a problem of the request. The bodies of Payabli and Stripe have other members than an item has.
fn problem(reason: &Reason, dialect: Dialect) -> Problem {
    let path: Vec<&str> = match dialect {
        Dialect::Standard => std::iter::once("data").chain(reason.field.split('/').skip(1)).collect(),
        Dialect::Payabli | Dialect::Stripe => Vec::new(),
    };
    let member = reason.field.trim_start_matches('/');
    let code = if reason.code == card::CODE { card::CODE } else { "invalid_item" };
    let message = match dialect {
        Dialect::Standard => format!("{}: {}", reason.code, reason.message),
        _ => format!("what became {member} of the transaction {} ({})", reason.message, reason.code),
    };
    Problem::field(&path, code, message)
}

/// Who sends a webhook: whoever has a secret of the entrypoint, or a token. An entrypoint that does not exist answers like one
/// that has no such secret.
async fn sender(
    request: &HttpRequest,
    app: &Data<App>,
    dialect: Dialect,
    body: &Bytes,
) -> Result<Sender, Error> {
    let entry = request.match_info().query("entry");
    let found = app.store.entrypoints().find(entry).await?;
    if has_token(request.headers()) {
        app.guard.wait_until_informed().await;
        let (caller, _) = app.guard.authenticate(&app.store, request.headers())?;
        let claims = caller.claims();
        if !claims.allows(Scope::MoneyWrite) {
            return Err(Error::Forbidden(Scope::MoneyWrite.name()));
        }
        let (entrypoint_id, _) = found.filter(|(_, org)| claims.sees(*org, entry)).ok_or(Error::NotFound)?;
        let (actor, sight) = (caller.actor(), caller.sight());
        // To register somebody needs the right to do so, as in a request with transactions.
        let registers = claims.allows(Scope::CustomersWrite);
        let on_unknown = if registers { OnUnknown::Create } else { OnUnknown::Unlinked };
        return Ok(Sender { entrypoint_id, actor, sight, on_unknown });
    }
    let proof = proof(request.headers(), dialect);
    let (entrypoint_id, _) = found.ok_or(Error::Unproven)?;
    let proven = app.store.ingest().proven(entrypoint_id, dialect, proof, body.clone()).await?;
    let actor = Actor { name: format!("webhook of {}", dialect.name()), jti: String::new() };
    proven
        .map(|on_unknown| Sender { entrypoint_id, actor, sight: Sight::FULL, on_unknown })
        .ok_or(Error::Unproven)
}

/// What a request shows.
fn proof(headers: &HeaderMap, dialect: Dialect) -> Proof {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match dialect {
        Dialect::Payabli => {
            let all = headers.iter().take(HEADERS_MAX);
            let headers = all.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
            Proof { claim: None, headers: headers.collect() }
        }
        Dialect::Stripe => {
            Proof { claim: text("stripe-signature").and_then(Claim::of_stripe), ..Proof::default() }
        }
        Dialect::Standard => {
            let sent = (text("webhook-id"), text("webhook-timestamp"), text("webhook-signature"));
            let claim = match sent {
                (Some(id), Some(time), Some(signatures)) => Claim::of_standard(id, time, signatures),
                _ => None,
            };
            Proof { claim, ..Proof::default() }
        }
    }
}
