//! Comments on a customer.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::{Value, json};

use super::form::{Button, FormParts, Row, page};
use super::texts::{Texts, texts};
use super::{Customer, pressed, refused};
use crate::console::ask::{list as records, member, shown, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::page::{Refused, Shown, html};
use crate::console::visit::{SignedIn, Visit};
use crate::console::written::minute;
use crate::domain::accounts::token::Scope;
use crate::domain::entrypoints::theme::Language;
use crate::web::form::Form;

/// How many comments a page shows.
const PAGE: usize = 50;

/// A comment as a page shows it.
#[derive(Debug, Clone)]
pub(super) struct Comment {
    pub(super) id: String,
    pub(super) author: String,
    pub(super) when: String,
    pub(super) text: String,
    pub(super) etag: String,
    pub(super) is_pinned: bool,
    pub(super) is_edited: bool,
    pub(super) may_change: bool,
}

/// The comments of an answer and how many there are in all; `None` where the member may not see them.
pub(super) fn shown_comments(
    language: Language,
    signed_in: &SignedIn,
    answer: &Value,
) -> Option<(Vec<Comment>, u64)> {
    if !answer.is_object() {
        return None;
    }
    let comment = |one: &Value| {
        let is_own = text(member(one, "author"), "jti") == signed_in.member.id;
        Comment {
            id: shown(one, "commentId"),
            author: text(member(one, "author"), "name").to_owned(),
            when: minute(language, text(one, "createdAt")),
            text: text(one, "text").to_owned(),
            etag: text(one, "etag").to_owned(),
            is_pinned: member(one, "pinned") == true,
            is_edited: !member(one, "editedAt").is_null(),
            may_change: signed_in.may(Scope::CustomersWrite) && (is_own || signed_in.may(Scope::Settings)),
        }
    };
    let total = super::total(answer);
    Some((records(answer, "Records").iter().map(comment).collect(), total))
}

#[derive(Template)]
#[template(path = "console/customer/comments.html")]
struct CommentsPage<'a> {
    frame: Frame,
    texts: &'static Texts,
    customer: &'a Customer,
    form: Fields,
    comments: Vec<Comment>,
    newer: Option<String>,
    older: Option<String>,
    can_write: bool,
}

/// `GET /console/at/{place}/customers/{customerId}/comments`: all of them.
pub(super) async fn list(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    comments_page(visit, signed_in, &customer, Fields::default()).await
}

async fn comments_page(visit: &Visit, signed_in: &SignedIn, customer: &Customer, form: Fields) -> Shown {
    let skip = visit.asked("from").parse::<usize>().unwrap_or_default();
    let answer = visit
        .get(signed_in, &customer.api("/comments"))
        .with("fromRecord", skip.to_string())
        .with("limitRecord", PAGE.to_string())
        .sent()
        .await?;
    let texts = texts(visit.language);
    let (comments, total) = shown_comments(visit.language, signed_in, &answer).unwrap_or_default();
    let frame = visit.frame(signed_in, "customers", format!("{} · {}", texts.comments, customer.name))?;
    let status = if form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let last = skip.saturating_add(comments.len());
    let at = |from: usize| format!("{}/comments?from={from}", customer.home);
    let page = CommentsPage {
        newer: (skip > 0).then(|| at(skip.saturating_sub(PAGE))),
        older: usize::try_from(total).is_ok_and(|total| last < total).then(|| at(last)),
        can_write: frame.may("customers:write") && !customer.is_deleted(),
        frame,
        texts,
        customer,
        form,
        comments,
    };
    html(status, &page)
}

/// `POST …/comments`.
pub(super) async fn write(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let body = json!({"text": form.get("text"), "pinned": form.get("pinned") == "true"});
    match visit.post(signed_in, &customer.api("/comments"), form).json(&body).tried().await? {
        Ok(_) => Ok(visit.go(&format!("{}?done=saved#comments", customer.home))),
        Err(no) => {
            let fields = refused(Fields::sent(form, &["text", "pinned"]), &no, visit.language);
            comments_page(visit, signed_in, &customer, fields).await
        }
    }
}

/// The comment that the address names, among those of the customer.
async fn find(visit: &Visit, signed_in: &SignedIn, customer: &Customer) -> Result<Value, Refused> {
    let id = visit.part("commentId");
    // A customer has at most 1,000 comments.
    let all = visit.get(signed_in, &customer.api("/comments")).with("limitRecord", "1000").sent().await?;
    records(&all, "Records")
        .iter()
        .find(|one| shown(one, "commentId") == id)
        .cloned()
        .ok_or(Refused::NotFound)
}

fn parts(visit: &Visit, form: Fields, etag: String) -> FormParts {
    let texts = texts(visit.language);
    FormParts {
        title: texts.edit_comment.to_owned(),
        rows: vec![Row::area("text", texts.comment_word).must(), Row::check("pinned", texts.pin)],
        hidden: vec![("etag".to_owned(), etag)],
        button: Button { label: visit.texts().save.to_owned(), ..Button::default() },
        second: Some((
            format!("/comments/{}/delete", visit.part("commentId")),
            Button {
                label: texts.delete_comment.to_owned(),
                kind: "bad",
                sure: texts.delete_comment_sure.to_owned(),
            },
        )),
        form,
        ..FormParts::default()
    }
}

/// `GET …/comments/{commentId}`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let comment = find(visit, signed_in, &customer).await?;
    let form =
        Fields::of([("text", text(&comment, "text").to_owned()), ("pinned", shown(&comment, "pinned"))]);
    page(visit, signed_in, &customer, parts(visit, form, text(&comment, "etag").to_owned()))
}

/// `POST …/comments/{commentId}`.
pub(super) async fn save(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let body = json!({"text": form.get("text"), "pinned": form.get("pinned") == "true"});
    let path = customer.api(&format!("/comments/{}", visit.part("commentId")));
    let ask = visit.put(signed_in, &path, form, &body).header("if-match", form.get("etag"));
    match ask.tried().await? {
        Ok(_) => Ok(visit.go(&format!("{}?done=saved#comments", customer.home))),
        Err(no) => {
            let fields = refused(Fields::sent(form, &["text", "pinned"]), &no, visit.language);
            // After a look at what it says, the next attempt is about the comment as it is now.
            let now = find(visit, signed_in, &customer).await?;
            let mut parts = parts(visit, fields, text(&now, "etag").to_owned());
            if no.status == 412 {
                parts.warnings.push(format!("{} {}", texts(visit.language).now_it_says, text(&now, "text")));
            }
            page(visit, signed_in, &customer, parts)
        }
    }
}

/// `POST …/comments/{commentId}/pin`.
pub(super) async fn pin(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let path = customer.api(&format!("/comments/{}", visit.part("commentId")));
    let body = json!({"pinned": form.get("pinned") == "true"});
    let ask = visit.put(signed_in, &path, form, &body).header("if-match", form.get("etag"));
    pressed(visit, &customer, ask, "saved").await
}

/// `POST …/comments/{commentId}/delete`.
pub(super) async fn delete(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let path = customer.api(&format!("/comments/{}", visit.part("commentId")));
    pressed(visit, &customer, visit.delete(signed_in, &path, form), "deleted").await
}
