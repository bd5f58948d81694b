//! The outbox: `GET /Mail/outbox/{entry}`, and another try for a mail that was given up.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::Serialize;

use super::customers::{key_use, parse_id, refuse_unless_replay, visible_entry};
use super::http::auth::Caller;
use super::http::body::{self, Params};
use super::http::error::Error;
use super::http::state::App;
use super::lists::{SummaryOut, page_of};
use crate::domain::accounts::token::Scope;
use crate::domain::customers::fields::TextField;
use crate::domain::customers::mask::mask;
use crate::domain::customers::record::CUSTOMER_ID_MAX;
use crate::domain::kernel::time::Micros;
use crate::domain::mail::{MailKind, MailState};
use crate::store::{OutboxMail, OutboxRequest};

/// Mails of an entrypoint, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct OutboxOut {
    /// How many there are.
    summary: SummaryOut,
    /// The mails of this page.
    records: Vec<MailOut>,
}

/// A mail and what became of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MailOut {
    /// Its id.
    mail_id: i64,
    /// To whom it goes.
    customer_id: i64,
    /// What it is about.
    #[schema(value_type = MailKind)]
    kind: &'static str,
    /// What became of it.
    #[schema(value_type = MailState)]
    state: &'static str,
    /// The address it goes to, masked without pii:read; null once it was sent or given up, when what it said was wiped.
    email: Option<String>,
    /// The random part of its Message-ID, the same at each try.
    message_id: String,
    /// How many tries came to nothing.
    attempts: i64,
    /// When the next try is due.
    #[schema(format = DateTime)]
    next_try_at: Option<String>,
    /// Why the last try came to nothing.
    problem: Option<String>,
    /// When it was queued.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was sent or given up.
    #[schema(format = DateTime)]
    ended_at: Option<String>,
}

impl MailOut {
    fn new(mail: OutboxMail, sees_pii: bool) -> MailOut {
        let shown = |address: String| if sees_pii { address } else { mask(TextField::Email, &address) };
        MailOut {
            mail_id: mail.id,
            customer_id: mail.customer_id,
            kind: mail.kind.name(),
            state: mail.state.name(),
            email: mail.address.map(shown),
            message_id: mail.message_id,
            attempts: mail.attempts,
            next_try_at: mail.next_try_at.map(Micros::to_rfc3339),
            problem: mail.problem,
            created_at: mail.created_at.to_rfc3339(),
            ended_at: mail.ended_at.map(Micros::to_rfc3339),
        }
    }
}

/// List the mails of an entrypoint
///
/// Newest first; those that were sent or given up for thirty days. `failed` mails were refused or tried too often; of an
/// `uncertain` one nobody knows whether it was sent, because the service died while it handed it over.
#[utoipa::path(
    tag = "Mail",
    operation_id = "list_outbox",
    params(
        ("entry" = String, Path, description = "The entrypoint, 1–50 characters, case-sensitive"),
        ("state" = inline(Option<MailState>), Query, description = "Only mails in this state"),
        ("customerId" = Option<i64>, Query, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "Only mails to this customer"),
        ("fromRecord" = Option<i64>, Query, minimum = 0, description = "How many to skip; 0 by default"),
        ("limitRecord" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "How many to answer; 20 by default"),
    ),
    responses((status = 200, description = "A page of mails", body = OutboxOut)),
)]
#[get("/api/Mail/outbox/{entry}")]
pub(crate) async fn list_outbox(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    entry: Path<String>,
) -> Result<HttpResponse, Error> {
    caller.require(Scope::CustomersRead)?;
    let entrypoint_id = visible_entry(&app, &caller, &entry).await?;
    let mut params = Params::of(&request);
    let (skip, limit) = page_of(&mut params);
    let customer_id = params.integer("customerId", 1, CUSTOMER_ID_MAX);
    let state = params.word::<MailState>("state");
    let problems = params.problems();
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    let wanted = OutboxRequest { state, customer_id, skip, limit };
    let (mails, total) = app.store.outbox(entrypoint_id, wanted).await?;
    let records = mails.into_iter().map(|mail| MailOut::new(mail, caller.sees_pii())).collect();
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "private, no-store"));
    Ok(response.json(OutboxOut { summary: SummaryOut::new(limit, total), records }))
}

/// Send a mail again
///
/// Of those that are `failed` or `uncertain`: to the address that the customer has now, and with a fresh link where it carries
/// one, which ends the earlier link.
#[utoipa::path(
    tag = "Mail",
    operation_id = "retry_mail",
    params(
        ("entry" = String, Path, description = "The entrypoint, 1–50 characters, case-sensitive"),
        ("mailId" = i64, Path, minimum = 1, description = "The mail's id"),
        ("idempotencyKey" = Option<String>, Header, description = "As for a create"),
    ),
    responses((status = 200, description = "The mail waits to be sent", body = MailOut)),
)]
#[post("/api/Mail/outbox/{entry}/{mailId}/retry")]
pub(crate) async fn retry_mail(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    caller.require(Scope::CustomersWrite)?;
    let entrypoint_id = visible_entry(&app, &caller, &path.0).await?;
    let mail_id = parse_id(&path.1)?;
    body::none(payload).await?;
    let route = "POST /Mail/outbox/{entry}/{mailId}/retry";
    let place = format!("{}/{mail_id}", path.0);
    let key = key_use(&app, &caller, 0, route, &place, &request, &[]).await?;
    let problems = Params::of(&request).problems();
    if !problems.is_empty() {
        refuse_unless_replay(&app, 0, key.as_ref(), Error::Invalid(problems)).await?;
    }
    let (mail, replayed) = app.store.retry_mail(entrypoint_id, mail_id, app.link_ttl_secs, key).await?;
    let mut response = HttpResponse::Ok();
    if replayed {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    Ok(response.json(MailOut::new(mail, caller.sees_pii())))
}
