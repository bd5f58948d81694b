//! `GET /Customer/{customerId}` and its history.

use actix_web::{HttpResponse, get};
use serde::Serialize;

use super::record::{CustomerOut, Paid, rendering};
use super::view_of;
use crate::api::http::call::Call;
use crate::api::http::error::Error;
use crate::api::http::json::{self, RECORD_ROOM};
use crate::api::http::params::CustomerPath;
use crate::api::lists::{SummaryOut, page_of};
use crate::domain::accounts::sight::Sight;
use crate::domain::accounts::token::Scope;
use crate::domain::view;
use crate::store::{CustomerMoney, Found, HistoryEntry, HistoryPage};

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
    let sees_money = call.caller.sees_money();
    let render = move |found: &Found, money: Option<&CustomerMoney>| {
        rendering(&found.record, &found.entrypoint, view, Paid::seen(sees_money, money))
    };
    let (etag, text) = call.record_as(Scope::CustomersRead, render).await??;
    call.params().done()?;
    Ok(json::tagged(&call.request, &etag, text))
}

/// A customer's history, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HistoryOut {
    /// How many entries there are.
    summary: SummaryOut,
    /// The entries of this page.
    records: Vec<EntryOut>,
}

/// One change.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct EntryOut {
    /// The version that the change made; null where something changed that hangs on the customer, and the record did not.
    version: Option<i64>,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// `created`, `forced`, `replaced`, `merged`, `updated`, `deleted`, `erased`, `invited`, `consentAsked`,
    /// `consentGiven`, `consentWithdrawn`, `archived` or `unarchived`. Without a version it is an event, such as
    /// `transaction.created`, `invoice.paid`, `request.begun`, `method.updated` or `comment.deleted`.
    operation: String,
    /// The id of what changed, where it was not the record: a `transId`, an invoice, a request, a method, a comment.
    subject_id: Option<String>,
    /// The token that did it.
    token: TokenRef,
    /// The fields that changed, without those that the token sees masked; none once the person was erased. An event has no
    /// values.
    changes: Vec<ChangeOut>,
}

/// A token, by name and id.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TokenRef {
    /// Its name.
    pub(crate) name: String,
    /// Its id.
    pub(crate) jti: String,
}

/// One field's change; values only for tokens with `pii:read`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ChangeOut {
    /// The field, by its name in requests.
    field: String,
    /// The value before.
    from: Option<String>,
    /// The value after.
    to: Option<String>,
}

/// Read a customer's history
///
/// Every change, newest first: when, which token, what, and which fields. Charges, refunds, invoices, orders and requests stand
/// among the changes of the record for tokens with `money:read`, comments for those with `pii:read`. Masked fields and all values
/// need `pii:read`.
#[utoipa::path(
    tag = "Customers",
    params(
        CustomerPath,
        ("fromRecord" = Option<i64>, Query, minimum = 0, description = "How many entries to skip; 0 by default"),
        ("limitRecord" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "How many entries to answer; 20 by default"),
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where the history is still the same"),
    ),
    responses(
        (status = 200, description = "The history", body = HistoryOut),
        (status = 304, description = "The entries are still those of If-None-Match"),
    ),
)]
#[get("/api/Customer/{customerId}/history")]
pub(crate) async fn get_customer_history(call: Call) -> Result<HttpResponse, Error> {
    let found = call.customer(Scope::CustomersRead).await?;
    let mut params = call.params();
    let (skip, limit) = page_of(&mut params);
    params.done()?;
    let sight = call.caller.sight();
    let page = HistoryPage { skip, limit, kinds: view::events(sight, call.caller.sees_money()) };
    let (id, place) = (found.record.stored.id, found.entrypoint.id);
    let page = call.app.store.customers().history(place, id, page).await?;
    let (entries, total) = page.ok_or(Error::NotFound)?;
    let body = HistoryOut {
        summary: SummaryOut::new(limit, total),
        records: entries.into_iter().map(|entry| render(entry, sight)).collect(),
    };
    let text = json::written(&body, RECORD_ROOM)?;
    Ok(json::tagged(&call.request, &json::tag("history", &text), text))
}

fn render(entry: HistoryEntry, sight: Sight) -> EntryOut {
    let changes = view::changes(sight, entry.changes).into_iter();
    let changes = changes.map(|change| ChangeOut { field: change.field, from: change.from, to: change.to });
    EntryOut {
        version: entry.version,
        at: entry.at.to_rfc3339(),
        operation: entry.operation,
        subject_id: entry.subject_id,
        token: TokenRef { name: entry.token_name, jti: entry.token_jti },
        changes: changes.collect(),
    }
}
