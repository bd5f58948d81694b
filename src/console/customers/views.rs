//! The views of the list that a member keeps.

use super::list::with_note;
use super::query::Query;
use super::texts::texts;
use crate::console::page::{Refused, Shown};
use crate::console::visit::{SignedIn, Visit};
use crate::store::{StaffView, StoreError};
use crate::web::form::Form;

/// The most characters of a view's name.
const NAME_CHARS_MAX: usize = 60;

/// `POST /console/at/{place}/customers/views`.
pub(super) async fn save(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let frame = visit.frame(signed_in, "customers", "")?;
    let texts = texts(visit.language);
    let query = Query::of_form(sent).allowed(&frame);
    let name = sent.get("viewName").trim();
    let is_name =
        !name.is_empty() && name.chars().count() <= NAME_CHARS_MAX && !name.contains(char::is_control);
    if !is_name {
        return with_note(visit, signed_in, query, texts.view_needs_name.to_owned()).await;
    }
    // A form that is sent twice keeps one view.
    let id = format!("view-{}", key_of(sent)?);
    let view = StaffView { id, name: name.to_owned(), query: query.kept() };
    let saved = visit.console.store.staff().save_view(signed_in.member.id.clone(), view).await;
    match saved {
        Ok(id) => Ok(visit.go(&format!("{}/customers?view={id}&done=saved", frame.base))),
        Err(StoreError::Rejected(_)) => {
            with_note(visit, signed_in, query, texts.too_many_views.to_owned()).await
        }
        Err(error) => Err(error.into()),
    }
}

fn key_of(sent: &Form) -> Result<uuid::Uuid, Refused> {
    sent.get("key").parse().map_err(|_| Refused::OldForm)
}

/// `POST /console/at/{place}/customers/views/delete`.
pub(super) async fn delete(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let frame = visit.frame(signed_in, "customers", "")?;
    let (member, id) = (signed_in.member.id.clone(), sent.get("view").to_owned());
    if id.bytes().all(|byte| byte.is_ascii_graphic()) {
        visit.console.store.staff().delete_view(member, id).await?;
    }
    Ok(visit.go(&format!("{}/customers?done=deleted", frame.base)))
}
