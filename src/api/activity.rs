//! What members of staff did, over HTTP; scope `settings` (rules 25).

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use strum::{VariantArray as _, VariantNames as _};

use super::http::call::Call;
use super::http::error::Error;
use super::http::params::EntryPath;
use super::lists::LIMIT_DEFAULT;
use crate::domain::accounts::acts::Subject;
use crate::domain::accounts::sight::Sight;
use crate::domain::accounts::token::Scope;
use crate::domain::decide::events::{COMMENTS, EventKind, METHODS};
use crate::domain::view;
use crate::store::{ActivityBefore, ActivityEntry, ActivityRequest};

/// The most entries of a page.
const LIMIT_MAX: i64 = 1_000;

/// What members of staff did, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ActivityOut {
    /// What to send as `before` for the next page; null where there is none.
    next: Option<String>,
    /// The changes of this page.
    records: Vec<ActivityRecordOut>,
}

/// A change by a member of staff: ids and names of fields and settings, never a value.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActivityRecordOut {
    /// Its number among all changes to the entrypoint's customers and money; null for settings, tokens and staff.
    sequence: Option<i64>,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// As in the history of a customer: `created`, `updated`, `invited`…, or an event such as `comment.created`. Of settings
    /// `settings.updated`, `entrypoint.created`, `keys.rotated`, `webhook.created`, `webhook.deleted`; of tokens `token.created`,
    /// `token.revoked`; of staff `member.invited`, `member.linked`, `member.updated`, `member.removed`, and what a member did
    /// with the own account: `member.passwordSet`, `member.secondFactorOn`, `member.secondFactorOff`, `member.codesRenewed`.
    operation: String,
    /// The customer; null for what belongs to nobody, such as a product.
    customer_id: Option<i64>,
    /// The id of what changed, where it was not the record.
    subject_id: Option<String>,
    /// The names of the fields or settings that changed; empty for a new record. Those of customers need `customers:read`, and
    /// fields that the token sees masked are left out.
    changed: Vec<String>,
    /// What the change is a part of, such as `import:7`; null for one that was asked for by itself.
    cause: Option<String>,
    /// The member's id.
    member_id: String,
    /// The member's name, as it was then.
    member_name: String,
}

impl ActivityRecordOut {
    fn new(entry: ActivityEntry, sight: Sight) -> ActivityRecordOut {
        let mut changed = entry.changed;
        changed.retain(|name| view::shows_change(sight, name));
        if entry.version.is_some() && !sight.reads {
            changed.clear();
        }
        ActivityRecordOut {
            sequence: entry.seq,
            at: entry.at.to_rfc3339(),
            operation: entry.operation,
            customer_id: entry.customer_id,
            subject_id: entry.subject_id,
            changed,
            cause: entry.cause,
            member_id: entry.actor.jti,
            member_name: entry.actor.name,
        }
    }
}

/// The text by which a client asks for what comes after a page.
fn written(before: &ActivityBefore) -> String {
    let (at_us, id) = before.act.clone().unwrap_or((i64::MAX, String::new()));
    format!("{}.{at_us}.{id}", before.seq.unwrap_or(i64::MAX))
}

/// Reads such a text.
fn read_before(text: &str) -> Option<ActivityBefore> {
    let (seq, act) = text.split_once('.')?;
    let (at_us, id) = act.split_once('.')?;
    let is_id = id.len() <= 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then_some(())?;
    Some(ActivityBefore { seq: Some(seq.parse().ok()?), act: Some((at_us.parse().ok()?, id.to_owned())) })
}

/// The kinds of events of a subject that a token sees.
fn kinds(call: &Call, subject: Option<Subject>) -> Vec<&'static str> {
    let of_subject = |kind: &EventKind| match kind.list() {
        COMMENTS => Subject::Comments,
        METHODS => Subject::Customers,
        _ => Subject::Money,
    };
    let seen = view::events(call.caller.sight(), call.caller.sees_money());
    let wanted = EventKind::VARIANTS.iter().filter(|kind| subject.is_none_or(|one| one == of_subject(kind)));
    wanted.map(|kind| kind.name()).filter(|name| seen.contains(name)).collect()
}

/// List what staff did
///
/// The changes that members of staff made in an entrypoint, newest first: versions of customers, events of what hangs on them, and
/// changes of settings, tokens and staff. Events of money need `money:read` too, those of comments `pii:read`, tokens `tokens`, and
/// staff `staff`. A token learns of tokens and members only if it sees every entrypoint that these see.
#[utoipa::path(
    tag = "Staff",
    params(
        EntryPath,
        ("member" = Option<String>, Query, max_length = 50, description = "Only changes by this member, by its id"),
        ("kind" = Option<String>, Query, description = "Only changes of `customers`, `comments`, `money`, `settings`, `tokens` or `staff`"),
        ("before" = Option<String>, Query, max_length = 100, description = "Only older changes: `Next` of the page before"),
        ("limitRecord" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "How many to answer; 20 by default"),
    ),
    responses((status = 200, description = "A page of changes", body = ActivityOut)),
)]
#[get("/api/Activity/{entry}")]
pub(crate) async fn list_activity(call: Call) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::Settings).await?;
    let mut params = call.params();
    let kind = params.text("kind").filter(|kind| !kind.is_empty());
    let subject = kind.as_deref().and_then(|kind| kind.parse::<Subject>().ok());
    if kind.is_some() && subject.is_none() {
        params.refuse("kind", "invalid_value", format!("must be one of {}", Subject::VARIANTS.join(", ")));
    }
    let before = params.text("before").filter(|before| !before.is_empty());
    let read = before.as_deref().map(read_before);
    if let Some(None) = read {
        params.refuse("before", "invalid_value", "must be Next of the page before");
    }
    let limit = params.integer("limitRecord", 1, LIMIT_MAX).unwrap_or(LIMIT_DEFAULT);
    let member = params.text("member").filter(|member| !member.is_empty());
    // Nobody has another id; PostgreSQL accepts no NUL in a text.
    let member =
        member.map(|id| if id.bytes().all(|byte| byte.is_ascii_graphic()) { id } else { "-".into() });
    params.done()?;
    let request = ActivityRequest {
        entrypoint_id,
        entry: call.path("entry").to_owned(),
        claims: call.caller.claims().clone(),
        member,
        before: read.flatten().unwrap_or_default(),
        limit,
        records: matches!(subject, None | Some(Subject::Customers)),
        kinds: kinds(&call, subject),
        subject,
    };
    let page = call.app.store.customers().activity(request).await?;
    let sight = call.caller.sight();
    let next = page.next.as_ref().map(written);
    let records = page.entries.into_iter().map(|entry| ActivityRecordOut::new(entry, sight)).collect();
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "private, no-store"))
        .json(ActivityOut { next, records }))
}
