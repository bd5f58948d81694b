//! What members of staff did in a store, newest first.

mod names;
mod texts;

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::web::ServiceConfig;
use askama::Template;
use serde_json::Value;

use self::texts::{Texts, operation_name, texts};
use super::ask::{list, part, shown, text};
use super::frame::Frame;
use super::page::{Shown, html};
use super::visit::{SignedIn, Visit};
use super::{place, shows_own};
use crate::console::written::minute;
use crate::domain::accounts::token::Scope;

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
    subject: Subject,
    changed: String,
    /// The import that it is a part of; empty for none.
    import: String,
}

/// What a change was done to, beside a customer: its name or id, and its page below the console's root.
struct Subject {
    name: String,
    page: String,
    is_id: bool,
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
    kinds: Vec<Choice>,
    /// The filters in the query of a link: nothing, or parameters that begin with `?`.
    filters: String,
    rows: Vec<Row>,
    is_later: bool,
    /// The query of the link to older changes; empty where there are none.
    older: String,
}

/// The subjects that a member may ask for, in their order.
fn kinds(texts: &'static Texts, signed_in: &SignedIn, kind: &str) -> Vec<Choice> {
    let all = [
        ("customers", texts.kind_customers, Scope::Settings),
        ("comments", texts.kind_comments, Scope::PiiRead),
        ("money", texts.kind_money, Scope::MoneyRead),
        ("settings", texts.kind_settings, Scope::Settings),
        ("tokens", texts.kind_tokens, Scope::Tokens),
        ("staff", texts.kind_staff, Scope::Staff),
    ];
    let own = all.into_iter().filter(|(.., scope)| signed_in.may(*scope));
    let choice = |(id, name, _): (&str, &str, Scope)| Choice {
        id: id.into(),
        name: name.into(),
        is_chosen: id == kind,
    };
    own.map(choice).collect()
}

/// The names of members and tokens by their ids: those that are there, and members who left and did something on this page.
fn names_by_id(staff: &Value, tokens: &Value, changes: &Value) -> BTreeMap<String, String> {
    let named = |list: &[Value], id: &str, name: &str| -> Vec<(String, String)> {
        list.iter().map(|one| (shown(one, id), shown(one, name))).collect()
    };
    let left = named(list(changes, "Records"), "memberId", "memberName");
    let present = named(list(staff, "Records"), "memberId", "name");
    left.into_iter().chain(present).chain(named(list(tokens, "Records"), "jti", "name")).collect()
}

/// What a change was done to.
fn subject(change: &Value, staff: &Value, names: &BTreeMap<String, String>) -> Subject {
    let id = shown(change, "subjectId");
    let page = match text(change, "operation").split('.').next() {
        Some("member") if list(staff, "Records").iter().any(|one| text(one, "memberId") == id) => {
            format!("/staff/{id}")
        }
        Some("token") => "/tokens?all=1".to_owned(),
        _ => String::new(),
    };
    match names.get(&id) {
        Some(name) => Subject { name: name.clone(), page, is_id: false },
        None => Subject { name: id, page, is_id: true },
    }
}

/// Parameters as the query of a link, without the empty ones.
fn query(parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters.iter().filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    if query.is_empty() { query } else { format!("?{query}") }
}

/// `GET …/activity`; `?member=…` for one member, `?kind=…` for one subject, `?before=…` for older changes.
async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let store = visit.store(signed_in)?;
    let texts = texts(visit.language);
    let (member, before) = (visit.asked("member"), visit.asked("before"));
    let kinds = kinds(texts, signed_in, &visit.asked("kind"));
    let kind = kinds.iter().find(|kind| kind.is_chosen).map(|kind| kind.id.clone()).unwrap_or_default();
    let changes = visit
        .get(signed_in, &format!("/Activity/{}", part(&store.entry)))
        .with_if("member", &member)
        .with_if("kind", &kind)
        .with_if("before", &before)
        .with("limitRecord", ROWS.to_string())
        .sent()
        .await?;
    let staff = visit.get(signed_in, "/Staff").if_any().await?.unwrap_or_default();
    let tokens = visit.get(signed_in, "/Token").if_any().await?.unwrap_or_default();
    let by_id = names_by_id(&staff, &tokens, &changes);
    let choice = |one: &Value| Choice {
        id: shown(one, "memberId"),
        name: shown(one, "name"),
        is_chosen: text(one, "memberId") == member,
    };
    let row = |change: &Value| {
        let operation = text(change, "operation");
        let names = list(change, "changed").iter().filter_map(Value::as_str);
        let changed = names.map(|name| names::changed(visit.language, operation, name)).collect::<Vec<_>>();
        Row {
            at: minute(visit.language, text(change, "at")),
            member_id: shown(change, "memberId"),
            member: shown(change, "memberName"),
            operation: operation_name(texts, operation),
            customer: shown(change, "customerId"),
            subject: subject(change, &staff, &by_id),
            changed: changed.join(", "),
            import: text(change, "cause").strip_prefix("import:").unwrap_or_default().to_owned(),
        }
    };
    let next = shown(&changes, "Next");
    let older = query(&[("before", &next), ("member", &member), ("kind", &kind)]);
    let page = ActivityPage {
        frame: visit.frame(signed_in, "activity", texts.activity)?,
        texts,
        members: list(&staff, "Records").iter().map(choice).collect(),
        kinds,
        filters: query(&[("member", &member), ("kind", &kind)]),
        rows: list(&changes, "Records").iter().map(row).collect(),
        is_later: !before.is_empty(),
        older: if next.is_empty() { next } else { older },
    };
    html(StatusCode::OK, &page)
}
