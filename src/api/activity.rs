//! What members of staff did, over HTTP; scope `settings` (rules 25).

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, get};
use serde::Serialize;

use super::http::call::Call;
use super::http::error::Error;
use super::http::params::EntryPath;
use super::lists::LIMIT_DEFAULT;
use crate::domain::accounts::token::Scope;
use crate::domain::view;
use crate::store::{ActivityEntry, ActivityRequest};

/// The most entries of a page.
const LIMIT_MAX: i64 = 1_000;

/// What members of staff did, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ActivityOut {
    /// What to send as `before` for the next page; null where there is none.
    next: Option<i64>,
    /// The changes of this page.
    records: Vec<ActivityRecordOut>,
}

/// A change by a member of staff: ids and names of fields, never a value.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActivityRecordOut {
    /// Its number among all changes of the entrypoint.
    sequence: i64,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// As in the history of a customer: `created`, `updated`, `invited`…, or an event such as `comment.created`.
    operation: String,
    /// The customer; null for what belongs to nobody, such as a product.
    customer_id: Option<i64>,
    /// The id of what changed, where it was not the record.
    subject_id: Option<String>,
    /// The fields that an event names. The history of the customer has those of a change to the record.
    changed: Vec<String>,
    /// What the change is a part of, such as `import:7`; null for one that was asked for by itself.
    cause: Option<String>,
    /// The member's id.
    member_id: String,
    /// The member's name, as it was then.
    member_name: String,
}

impl From<ActivityEntry> for ActivityRecordOut {
    fn from(entry: ActivityEntry) -> ActivityRecordOut {
        ActivityRecordOut {
            sequence: entry.seq,
            at: entry.at.to_rfc3339(),
            operation: entry.operation,
            customer_id: entry.customer_id,
            subject_id: entry.subject_id,
            changed: entry.changed,
            cause: entry.cause,
            member_id: entry.actor.jti,
            member_name: entry.actor.name,
        }
    }
}

/// List what staff did
///
/// The changes that members of staff made in an entrypoint, newest first: versions of customers, and events of what hangs on them. Events
/// of money need `money:read` too, those of comments `pii:read`.
#[utoipa::path(
    tag = "Staff",
    params(
        EntryPath,
        ("member" = Option<String>, Query, max_length = 50, description = "Only changes by this member, by its id"),
        ("before" = Option<i64>, Query, minimum = 1, description = "Only changes with a smaller number: `Next` of the page before"),
        ("limitRecord" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "How many to answer; 20 by default"),
    ),
    responses((status = 200, description = "A page of changes", body = ActivityOut)),
)]
#[get("/api/Activity/{entry}")]
pub(crate) async fn list_activity(call: Call) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::Settings).await?;
    let mut params = call.params();
    let before = params.integer("before", 1, i64::MAX);
    let limit = params.integer("limitRecord", 1, LIMIT_MAX).unwrap_or(LIMIT_DEFAULT);
    let member = params.text("member").filter(|member| !member.is_empty());
    // Nobody has another id; PostgreSQL accepts no NUL in a text.
    let member =
        member.map(|id| if id.bytes().all(|byte| byte.is_ascii_graphic()) { id } else { "-".into() });
    params.done()?;
    let kinds = view::events(call.caller.sight(), call.caller.sees_money());
    let request = ActivityRequest { entrypoint_id, member, before, limit, kinds };
    let (entries, has_more) = call.app.store.customers().activity(request).await?;
    let next = entries.last().map(|entry| entry.seq).filter(|_| has_more);
    let records = entries.into_iter().map(ActivityRecordOut::from).collect();
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "private, no-store"))
        .json(ActivityOut { next, records }))
}
