//! The outbox: `GET /Mail/outbox/{entry}`, and the retry of a mail.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Payload;
use actix_web::{HttpResponse, get, post};
use serde::Serialize;

use super::http::call::{Call, SERVICE, ok};
use super::http::error::Error;
use super::http::params::{EntryPath, KeyHeader, PageQuery};
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
    /// The folder that holds the mail as a file, where it was `written` for want of a mail server; null otherwise.
    folder: Option<String>,
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
            folder: mail.folder,
            created_at: mail.created_at.to_rfc3339(),
            ended_at: mail.ended_at.map(Micros::to_rfc3339),
        }
    }
}

/// List the mails of an entrypoint
///
/// Newest first; those that were sent or given up for thirty days. A `written` mail is a file in `folder`, because the
/// service has no mail server, and nobody got it. `failed` mails were refused or tried too often; of an
/// `uncertain` one nobody knows whether it was sent, because the service died while it handed it over.
#[utoipa::path(
    tag = "Mail",
    params(
        EntryPath,
        ("state" = inline(Option<MailState>), Query, description = "Only mails in this state"),
        ("customerId" = Option<i64>, Query, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "Only mails to this customer"),
        PageQuery,
    ),
    responses((status = 200, description = "A page of mails", body = OutboxOut)),
)]
#[get("/api/Mail/outbox/{entry}")]
pub(crate) async fn list_outbox(call: Call) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::CustomersRead).await?;
    let mut params = call.params();
    let (skip, limit) = page_of(&mut params);
    let customer_id = params.integer("customerId", 1, CUSTOMER_ID_MAX);
    let state = params.word::<MailState>("state");
    params.done()?;
    let wanted = OutboxRequest { state, customer_id, skip, limit };
    let (mails, total) = call.app.store.mail().outbox(entrypoint_id, wanted).await?;
    let records = mails.into_iter().map(|mail| MailOut::new(mail, call.caller.sees_pii())).collect();
    let body = OutboxOut { summary: SummaryOut::new(limit, total), records };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "private, no-store")).json(body))
}

/// Send a mail again
///
/// Of those that are `failed`, `uncertain` or `written`: to the address that the customer has now, and with a fresh link where it carries
/// one, which ends the earlier link.
#[utoipa::path(
    tag = "Mail",
    params(
        EntryPath,
        ("mailId" = i64, Path, minimum = 1, description = "The mail's id"),
        KeyHeader,
    ),
    responses((status = 200, description = "The mail waits to be sent", body = MailOut)),
)]
#[post("/api/Mail/outbox/{entry}/{mailId}/retry")]
pub(crate) async fn retry_mail(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::CustomersWrite).await?;
    let mail_id = call.id("mailId")?;
    let mutation = call.bodiless(SERVICE, payload).await?;
    let store = &call.app.store;
    let (mail, replayed) = match call.params().done() {
        Ok(()) => store.mail().retry(entrypoint_id, mail_id, call.app.link_ttl_secs, mutation.key).await?,
        Err(problems) => {
            mutation.replay(problems).await?;
            (store.mail().find(entrypoint_id, mail_id).await?, true)
        }
    };
    Ok(ok(replayed).json(MailOut::new(mail, call.caller.sees_pii())))
}
