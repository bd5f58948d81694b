//! What members of staff did in a store, newest first.

mod texts;

use actix_web::http::StatusCode;
use actix_web::web::ServiceConfig;
use askama::Template;
use serde_json::Value;

use self::texts::{Texts, operation_name, texts};
use super::ask::{list, part, shown, text};
use super::frame::Frame;
use super::moments::minute;
use super::page::{Shown, html};
use super::visit::{SignedIn, Visit};
use super::{place, shows_own};

/// How many changes a page shows.
const ROWS: i64 = 50;

/// Registers the page.
pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(place("/activity").route(shows_own(show)));
}

struct Row {
    at: String,
    member_id: String,
    member: String,
    operation: String,
    customer: String,
    subject: String,
    changed: String,
    /// The import that it is a part of; empty for none.
    import: String,
}

struct Choice {
    id: String,
    name: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "console/activity/list.html")]
struct ActivityPage {
    frame: Frame,
    texts: &'static Texts,
    members: Vec<Choice>,
    member: String,
    rows: Vec<Row>,
    is_later: bool,
    next: String,
}

/// `GET …/activity`; `?member=…` for one member, `?before=…` for older changes.
async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let store = visit.store(signed_in)?;
    let texts = texts(visit.language);
    let member = visit.asked("member");
    let before = visit.asked("before").parse::<i64>().ok().filter(|before| *before > 0);
    let before = before.map(|before| before.to_string()).unwrap_or_default();
    let changes = visit
        .get(signed_in, &format!("/Activity/{}", part(&store.entry)))
        .with_if("member", &member)
        .with_if("before", &before)
        .with("limitRecord", ROWS.to_string())
        .sent()
        .await?;
    let staff = visit.get(signed_in, "/Staff").if_any().await?.unwrap_or_default();
    let choice = |one: &Value| Choice {
        id: shown(one, "memberId"),
        name: shown(one, "name"),
        is_chosen: text(one, "memberId") == member,
    };
    let row = |change: &Value| Row {
        at: minute(visit.language, change, "at"),
        member_id: shown(change, "memberId"),
        member: shown(change, "memberName"),
        operation: operation_name(texts, text(change, "operation")),
        customer: shown(change, "customerId"),
        subject: shown(change, "subjectId"),
        changed: list(change, "changed").iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        import: text(change, "cause").strip_prefix("import:").unwrap_or_default().to_owned(),
    };
    let page = ActivityPage {
        frame: visit.frame(signed_in, "activity", texts.activity)?,
        texts,
        members: list(&staff, "Records").iter().map(choice).collect(),
        rows: list(&changes, "Records").iter().map(row).collect(),
        is_later: !before.is_empty(),
        next: shown(&changes, "Next"),
        member,
    };
    html(StatusCode::OK, &page)
}
