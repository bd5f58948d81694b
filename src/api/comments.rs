//! Comments on customers: `/Customer/{customerId}/comments` (rules 12).

use actix_web::http::header::ETAG;
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpResponse, delete, get, post, put};
use serde::Serialize;

use super::customers::{DoneOut, TokenRef};
use super::http::body;
use super::http::call::{Call, ok};
use super::http::error::{Error, unless_any};
use super::http::json::{self, RECORD_ROOM};
use super::http::params::{CommentPath, CustomerPath, IfMatchHeader, KeyHeader, PageQuery};
use super::lists::{SummaryOut, page_of};
use crate::domain::accounts::token::Scope;
use crate::domain::comments::{Comment, clean_text};
use crate::domain::decide::command::{Action, ChangeComment, CommentEdit, Outcome};
use crate::domain::kernel::members::Given;
use crate::domain::kernel::problem::Problem;
use crate::domain::kernel::text::hint;
use crate::domain::kernel::time::Micros;
use crate::domain::view::Seen;
use crate::store::Found;

/// A comment to write, or what to change of one.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommentIn {
    /// The text, up to 4,000 characters; line breaks stay.
    text: Option<String>,
    /// Whether it stands above the others.
    pinned: Option<bool>,
}

const MEMBERS: [&str; 2] = ["text", "pinned"];

/// A comment on a customer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommentOut {
    /// Its number within the customer.
    comment_id: i64,
    /// The text.
    text: String,
    /// Whether it stands above the others.
    pinned: bool,
    /// The token that wrote it.
    author: TokenRef,
    /// When it was written.
    #[schema(format = DateTime)]
    created_at: String,
    /// When its text last changed; null while it is the first one.
    #[schema(format = DateTime)]
    edited_at: Option<String>,
    /// The ETag to send as `If-Match` with a change of this comment.
    etag: String,
}

impl CommentOut {
    pub(super) fn new(comment: Comment) -> CommentOut {
        CommentOut {
            etag: etag(&comment),
            comment_id: comment.id,
            text: comment.text,
            pinned: comment.pinned,
            author: TokenRef { name: comment.author, jti: comment.author_jti },
            created_at: comment.created_at.to_rfc3339(),
            edited_at: comment.edited_at.map(Micros::to_rfc3339),
        }
    }
}

/// A customer's comments: those that are pinned first, then the newest.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CommentsOut {
    /// How many comments there are.
    summary: SummaryOut,
    /// The comments of this page.
    records: Vec<CommentOut>,
}

impl CommentsOut {
    pub(super) fn new(summary: SummaryOut, records: Vec<CommentOut>) -> CommentsOut {
        CommentsOut { summary, records }
    }
}

/// A strong ETag: a version, and a hash of what tells apart two states of the same version, as after a restored backup.
fn tag(version: i64, parts: &[i64]) -> String {
    let bytes: Vec<u8> = parts.iter().flat_map(|part| part.to_be_bytes()).collect();
    let hash = blake3::hash(&bytes).to_hex();
    format!("\"{version}-{}\"", hash.get(..16).unwrap_or_default())
}

fn etag(comment: &Comment) -> String {
    tag(
        comment.version,
        &[comment.created_at.0, comment.edited_at.map_or(-1, |at| at.0), i64::from(comment.pinned)],
    )
}

/// The customer in the path, for a token that has the scope and sees personal values.
async fn customer(call: &Call, scope: Scope) -> Result<Found, Error> {
    call.require(scope)?;
    call.require(Scope::PiiRead)?;
    call.customer(scope).await
}

/// List the comments on a customer
///
/// Those that are pinned first, then the newest. Everybody who sees the customer and personal values (`pii:read`) sees them;
/// the customer does not. The `ETag` changes with every change of the customer's comments.
#[utoipa::path(
    tag = "Comments",
    params(
        CustomerPath,
        PageQuery,
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where the comments are still the same"),
    ),
    responses(
        (status = 200, description = "A page of comments", body = CommentsOut),
        (status = 304, description = "The comments are still those of If-None-Match"),
    ),
)]
#[get("/api/Customer/{customerId}/comments")]
pub(crate) async fn list_comments(call: Call) -> Result<HttpResponse, Error> {
    let found = customer(&call, Scope::CustomersRead).await?;
    let mut params = call.params();
    let (skip, limit) = page_of(&mut params);
    params.done()?;
    let (place, id) = (found.entrypoint.id, found.record.stored.id);
    let page = call.app.store.comments().page(place, id, skip, limit).await?;
    let newest = page.comments.iter().map(|comment| comment.created_at.0).max().unwrap_or(-1);
    let tag = tag(page.version, &[id, page.total, newest]);
    let records = page.comments.into_iter().map(CommentOut::new).collect();
    let shown = CommentsOut::new(SummaryOut::new(limit, page.total), records);
    Ok(json::tagged(&call.request, &tag, json::written(&shown, RECORD_ROOM)?))
}

/// Write a comment on a customer
///
/// Its author is the token. A customer has up to 1,000 comments. It needs `pii:read`, as comments are personal.
#[utoipa::path(
    tag = "Comments",
    params(CustomerPath, KeyHeader),
    request_body(content = CommentIn, description = "The comment; `text` is required"),
    responses((status = 200, description = "The comment was written", body = CommentOut)),
)]
#[post("/api/Customer/{customerId}/comments")]
pub(crate) async fn create_comment(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let found = customer(&call, Scope::CustomersWrite).await?;
    let mutation = call.json(found.entrypoint.id, payload).await?;
    let edit = read(&call, &mutation.body, true).map(|sent| CommentEdit::Add {
        text: sent.text.unwrap_or_default(),
        pinned: sent.pinned.unwrap_or_default(),
    });
    let answer = mutation.write(edit.map(|edit| action(&call, &found, edit))).await?;
    answered(answer)
}

/// Change a comment
///
/// What is not sent stays. Only the token that wrote it may change it, or one with the scope `settings`.
#[utoipa::path(
    tag = "Comments",
    params(CommentPath, IfMatchHeader, KeyHeader),
    request_body(content = CommentIn, description = "What to change"),
    responses((status = 200, description = "The comment as it is now", body = CommentOut)),
)]
#[put("/api/Customer/{customerId}/comments/{commentId}")]
pub(crate) async fn update_comment(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::CustomersWrite)?;
    // The answer shows the whole comment.
    let found = customer(&call, Scope::CustomersRead).await?;
    let comment_id = call.id("commentId")?;
    let mutation = call.json(found.entrypoint.id, payload).await?;
    let precondition = body::precondition(&call.request);
    let edit = read(&call, &mutation.body, false).map(|sent| CommentEdit::Change {
        comment_id,
        text: sent.text,
        pinned: sent.pinned,
        precondition,
    });
    let answer = mutation.write(edit.map(|edit| action(&call, &found, edit))).await?;
    answered(answer)
}

/// Delete a comment
///
/// Only the token that wrote it may delete it, or one with the scope `settings`. Its number is not used again.
#[utoipa::path(
    tag = "Comments",
    params(CommentPath, IfMatchHeader, KeyHeader),
    responses((status = 200, description = "The comment is deleted", body = DoneOut)),
)]
#[delete("/api/Customer/{customerId}/comments/{commentId}")]
pub(crate) async fn delete_comment(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let found = customer(&call, Scope::CustomersWrite).await?;
    let comment_id = call.id("commentId")?;
    let mutation = call.bodiless(found.entrypoint.id, payload).await?;
    let precondition = body::precondition(&call.request);
    let edit = call.params().done().map(|()| CommentEdit::Remove { comment_id, precondition });
    let answer = mutation.write(edit.map(|edit| action(&call, &found, edit))).await?;
    Ok(ok(answer.replayed).json(DoneOut::SUCCESS))
}

fn action(call: &Call, found: &Found, edit: CommentEdit) -> Action {
    let may_change_others = call.caller.claims().allows(Scope::Settings);
    Action::Comment(ChangeComment { id: found.record.stored.id, edit, may_change_others })
}

/// The answer with the comment. An erase since the first request took it from a replay.
fn answered(answer: Seen) -> Result<HttpResponse, Error> {
    let Outcome::Commented { comment: Some(comment), .. } = answer.outcome else {
        return Err(Error::NotFound);
    };
    let mut response = ok(answer.replayed);
    response.insert_header((ETAG, etag(&comment)));
    Ok(response.json(CommentOut::new(comment)))
}

/// Reads a comment, or what to change of one, and checks that the query is empty.
fn read(call: &Call, bytes: &Bytes, is_new: bool) -> Result<CommentIn, Error> {
    let mut problems = call.params().problems();
    let members = body::members(bytes)?;
    let mut sent = CommentIn::default();
    let mut seen: Vec<&str> = Vec::new();
    for (name, raw) in &members.0 {
        let mut refuse = |code, message: String| problems.push(Problem::field(&[name], code, message));
        if seen.contains(&name.as_ref()) {
            refuse("duplicate_field", "stands in the body twice".into());
            continue;
        }
        seen.push(name);
        match (name.as_ref(), Given::of(raw)) {
            ("text", Given::Text(text)) => match clean_text(&text) {
                Ok(text) => sent.text = Some(text),
                Err((code, message)) => refuse(code, message),
            },
            ("text", Given::Null) if is_new => {}
            ("text", Given::Null) => refuse("required", "must hold a text".into()),
            ("text", other) => refuse("wrong_type", format!("must be a string, not {}", other.kind())),
            ("pinned", Given::Bool) => sent.pinned = Some(raw.get() == "true"),
            ("pinned", Given::Null) => {}
            ("pinned", other) => refuse("wrong_type", format!("must be true or false, not {}", other.kind())),
            _ => {
                let hint = hint(name, MEMBERS.into_iter());
                refuse("unknown_field", format!("is no field of a comment{hint}"));
            }
        }
    }
    let is_text_refused = seen.contains(&"text") && !problems.is_empty();
    if is_new && sent.text.is_none() && !is_text_refused {
        problems.push(Problem::field(&["text"], "required", "is missing; a comment has a text"));
    }
    unless_any(problems, Ok(sent))
}
