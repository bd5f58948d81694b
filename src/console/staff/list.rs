//! The list of members, and what each role may do.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::{Value, json};
use strum::VariantArray as _;

use super::texts::{Texts, texts};
use crate::console::ask;
use crate::console::ask::{list, shown, text};
use crate::console::frame::Frame;
use crate::console::page::{Shown, html};
use crate::console::tokens::{entries_shown, means};
use crate::console::visit::{SignedIn, Visit, role_name};
use crate::console::written::minute;
use crate::domain::accounts::staff::Role;
use crate::domain::accounts::token::{Entries, Scope};
use crate::web::form::Form;

/// The organisation's setting that requires a second factor.
const REQUIRES: &str = "requiresTotp";

struct Row {
    id: String,
    name: String,
    email: String,
    role: &'static str,
    entries: String,
    state: (&'static str, &'static str),
    has_totp: bool,
    signed_in_at: String,
    is_own: bool,
}

/// A right, and whether each role has it.
struct Right {
    name: &'static str,
    roles: Vec<bool>,
}

#[derive(Template)]
#[template(path = "console/staff/list.html")]
struct ListPage {
    frame: Frame,
    texts: &'static Texts,
    rows: Vec<Row>,
    roles: Vec<(&'static str, &'static str)>,
    rights: Vec<Right>,
    requires_totp: bool,
    /// Whether the member may say what all of the organisation must do.
    may_require: bool,
}

/// A member's kind of badge and state.
pub(super) fn state_of(texts: &'static Texts, member: &Value) -> (&'static str, &'static str) {
    if ask::member(member, "isDisabled") == true {
        ("bad", texts.state_disabled)
    } else if ask::member(member, "hasPassword") == true {
        ("good", texts.state_active)
    } else {
        ("warn", texts.state_invited)
    }
}

/// What a role is for.
pub(super) fn role_lead(texts: &'static Texts, role: Role) -> &'static str {
    match role {
        Role::Viewer => texts.viewer_lead,
        Role::Agent => texts.agent_lead,
        Role::Manager => texts.manager_lead,
        Role::Owner => texts.owner_lead,
    }
}

/// `GET /console/staff`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let texts = texts(visit.language);
    let staff = visit.get(signed_in, "/Staff").sent().await?;
    let row = |member: &Value| Row {
        id: shown(member, "memberId"),
        name: shown(member, "name"),
        email: shown(member, "email"),
        role: text(member, "role").parse().map(|role| role_name(visit.texts(), role)).unwrap_or_default(),
        entries: entries_shown(member, texts.all_stores),
        state: state_of(texts, member),
        has_totp: ask::member(member, "hasTotp") == true,
        signed_in_at: minute(visit.language, text(member, "signedInAt")),
        is_own: text(member, "memberId") == signed_in.member.id,
    };
    let right = |scope: &Scope| Right {
        name: means(visit.language, *scope),
        roles: Role::VARIANTS.iter().map(|role| role.scopes().contains(scope)).collect(),
    };
    let settings = visit.get(signed_in, &organisation(signed_in)).if_any().await?.unwrap_or_default();
    let requires = |setting: &Value| text(setting, "key") == REQUIRES && text(setting, "value") == "true";
    let page = ListPage {
        frame: visit.frame(signed_in, "staff", texts.staff)?,
        texts,
        rows: list(&staff, "Records").iter().map(row).collect(),
        roles: Role::VARIANTS
            .iter()
            .map(|role| (role_name(visit.texts(), *role), role_lead(texts, *role)))
            .collect(),
        rights: Scope::VARIANTS.iter().filter(|scope| **scope != Scope::Service).map(right).collect(),
        requires_totp: list(&settings, "general").iter().any(requires),
        may_require: signed_in.may(Scope::Settings) && signed_in.member.entries == Entries::All,
    };
    html(StatusCode::OK, &page)
}

/// The path of the organisation's settings in the API.
fn organisation(signed_in: &SignedIn) -> String {
    format!("/Organization/settings/{}", signed_in.member.org_id)
}

/// `POST /console/staff/second-factor`: whether all members of the organisation must have a second factor.
pub(super) async fn require_second_factor(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let requires = if sent.get("requires") == "true" { "true" } else { "false" };
    let body = json!({"general": [{"key": REQUIRES, "value": requires}]});
    visit.put(signed_in, &organisation(signed_in), sent, &body).sent().await?;
    Ok(visit.go_to("/staff?done=saved"))
}
