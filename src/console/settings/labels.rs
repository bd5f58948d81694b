//! The labels of a store with their counts; each can be renamed.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::{Value, json};

use super::{Tab, Texts, tabs, texts};
use crate::console::ask::{list, part, shown, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::page::{Shown, html};
use crate::console::visit::{SignedIn, Visit};
use crate::console::written::{count, number};
use crate::web::form::Form;

/// How many labels the page shows, the most frequent first.
const ROWS: i64 = 200;

struct Row {
    label: String,
    customers: String,
}

#[derive(Template)]
#[template(path = "console/settings/labels.html")]
struct LabelsPage {
    frame: Frame,
    texts: &'static Texts,
    tabs: Vec<Tab>,
    form: Fields,
    rows: Vec<Row>,
    /// The newest change of the labels of many, if it still runs.
    is_running: bool,
}

/// `GET …/settings/labels`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    page(visit, signed_in, Fields::default()).await
}

async fn page(visit: &Visit, signed_in: &SignedIn, form: Fields) -> Shown {
    let texts = texts(visit.language);
    let entry = part(&visit.store(signed_in)?.entry);
    let labels = visit.get(signed_in, &format!("/Paypoint/labels/{entry}"));
    let labels = labels.with("limitRecord", ROWS.to_string()).sent().await?;
    let jobs =
        visit.get(signed_in, &format!("/Customer/labels/{entry}")).with("limitRecord", "1").sent().await?;
    let newest = list(&jobs, "Records").first();
    let row = |row: &Value| Row {
        label: shown(row, "label"),
        customers: count(visit.language, number(row, "customers")),
    };
    let frame = visit.frame(signed_in, "settings", texts.tab_labels)?;
    let status = if form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = LabelsPage {
        tabs: tabs(visit, &frame.base, "labels"),
        frame,
        texts,
        form,
        rows: list(&labels, "Records").iter().map(row).collect(),
        is_running: newest.is_some_and(|job| matches!(text(job, "state"), "queued" | "running")),
    };
    html(status, &page)
}

/// `POST …/settings/labels`: renames a label; a job changes the customers who have it.
pub(super) async fn rename(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let place = &visit.store(signed_in)?.entry;
    let form = Fields::sent(sent, &["from", "to"]);
    let path = format!("/Paypoint/labels/{}/{}", part(place), part(sent.get("from")));
    let body = json!({"to": sent.get("to")});
    match visit.put(signed_in, &path, sent, &body).tried().await? {
        Ok(_) => Ok(visit.go_to(&format!("/at/{place}/settings/labels?done=started"))),
        Err(no) => page(visit, signed_in, form.refused(&no).in_language(visit.language)).await,
    }
}
