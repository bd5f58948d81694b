//! The list of imports.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::Value;

use super::job::state_of;
use super::preset_name;
use super::texts::{Texts, texts};
use crate::console::ask::{list, member, part, shown, text};
use crate::console::frame::Frame;
use crate::console::page::{Shown, html};
use crate::console::visit::{SignedIn, Visit};
use crate::console::written::{count, minute, number};

/// How many imports a page shows.
const ROWS: i64 = 20;

struct Row {
    id: String,
    kind: &'static str,
    is_dry_run: bool,
    state: (&'static str, &'static str),
    source: &'static str,
    read: String,
    added: String,
    known: String,
    rejected: String,
    queued_at: String,
}

#[derive(Template)]
#[template(path = "console/imports/list.html")]
struct ListPage {
    frame: Frame,
    texts: &'static Texts,
    rows: Vec<Row>,
    from: i64,
    last: i64,
    total: i64,
    /// Where the newer and the older ones begin.
    newer: Option<i64>,
    older: Option<i64>,
}

/// `GET …/imports`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let store = visit.store(signed_in)?;
    let texts = texts(visit.language);
    let from = visit.asked("from").parse::<i64>().unwrap_or_default().max(0);
    let jobs = visit
        .get(signed_in, &format!("/Import/jobs/{}", part(&store.entry)))
        .with("fromRecord", from.to_string())
        .with("limitRecord", ROWS.to_string())
        .sent()
        .await?;
    let total = number(member(&jobs, "Summary"), "totalRecords");
    let rows: Vec<Row> = list(&jobs, "Records").iter().map(|job| row(visit, texts, job)).collect();
    let page = ListPage {
        frame: visit.frame(signed_in, "imports", texts.imports)?,
        texts,
        rows,
        from,
        last: (from + ROWS).min(total),
        total,
        newer: (from > 0).then_some((from - ROWS).max(0)),
        older: (from + ROWS < total).then_some(from + ROWS),
    };
    html(StatusCode::OK, &page)
}

fn row(visit: &Visit, texts: &'static Texts, job: &Value) -> Row {
    let language = visit.language;
    let number = |name| number(job, name);
    Row {
        id: shown(job, "jobId"),
        kind: if text(job, "kind") == "transactions" { texts.transactions } else { texts.customers },
        is_dry_run: member(job, "dryRun") == true,
        state: state_of(texts, text(job, "state")),
        source: preset_name(text(job, "preset")),
        read: count(language, number("rowsRead")),
        added: count(language, number("added")),
        known: count(language, number("matched") + number("merged") + number("replaced")),
        rejected: count(language, number("rejected")),
        queued_at: minute(language, text(job, "queuedAt")),
    }
}
