//! Request tokens of the organisation: the list, new ones, and revocation.

mod texts;

use actix_web::http::StatusCode;
use actix_web::web::ServiceConfig;
use askama::Template;
use serde_json::{Value, json};
use strum::VariantArray as _;

use self::texts::{Texts, texts};
use super::ask::{list, member, part, set, shown, text};
use super::fields::Fields;
use super::frame::Frame;
use super::page::{Shown, html};
use super::visit::{SignedIn, Visit};
use super::{resource, shows_own, takes_own};
use crate::clock;
use crate::console::written::{day, moment};
use crate::domain::accounts::token::{Entries, Scope};
use crate::domain::entrypoints::theme::Language;
use crate::web::form::Form;

/// Registers the pages.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/tokens").route(shows_own(show)))
        .service(resource("/tokens/new").route(shows_own(show_new)).route(takes_own(create)))
        .service(resource("/tokens/{jti}/revoke").route(takes_own(revoke)));
}

struct Row {
    id: String,
    name: String,
    state: (&'static str, &'static str),
    is_in_force: bool,
    entries: String,
    scopes: Vec<String>,
    issued_at: String,
    expires_at: String,
}

#[derive(Template)]
#[template(path = "console/tokens/list.html")]
struct ListPage {
    frame: Frame,
    texts: &'static Texts,
    rows: Vec<Row>,
    /// Whether tokens stand here too that have ended.
    has_all: bool,
    ended: usize,
}

/// The entrypoints that a token or a member sees, in words.
pub(super) fn entries_shown(value: &Value, all: &'static str) -> String {
    match member(value, "entries").as_array() {
        Some(entries) => entries.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        None => all.to_owned(),
    }
}

/// `GET /console/tokens`: those in force; with `?all=1` those that have ended too.
async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let texts = texts(visit.language);
    let tokens = visit.get(signed_in, "/Token").sent().await?;
    let now = clock::now();
    let row = |token: &Value| {
        let is_expired = moment(text(token, "expiresAt")).is_some_and(|end| end <= now);
        let state = match (member(token, "revokedAt").is_string(), is_expired) {
            (true, _) => ("bad", texts.state_revoked),
            (false, true) => ("", texts.state_expired),
            (false, false) => ("good", texts.state_in_force),
        };
        Row {
            id: shown(token, "jti"),
            name: shown(token, "name"),
            is_in_force: state.0 == "good",
            state,
            entries: entries_shown(token, texts.all_stores),
            scopes: list(token, "scopes").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            issued_at: day(visit.language, text(token, "issuedAt")),
            expires_at: day(visit.language, text(token, "expiresAt")),
        }
    };
    let rows: Vec<Row> = list(&tokens, "Records").iter().map(row).collect();
    let has_all = !visit.asked("all").is_empty();
    let ended = rows.iter().filter(|row| !row.is_in_force).count();
    let page = ListPage {
        frame: visit.frame(signed_in, "tokens", texts.tokens)?,
        texts,
        rows: rows.into_iter().filter(|row| has_all || row.is_in_force).collect(),
        has_all,
        ended,
    };
    html(StatusCode::OK, &page)
}

/// A right that the new token may get.
struct Right {
    name: &'static str,
    means: &'static str,
    is_on: bool,
}

/// A store that the new token may see.
struct Seen {
    entry: String,
    name: String,
    is_on: bool,
}

#[derive(Template)]
#[template(path = "console/tokens/new.html")]
struct NewPage {
    frame: Frame,
    texts: &'static Texts,
    form: Fields,
    rights: Vec<Right>,
    stores: Vec<Seen>,
    modes: Vec<(String, &'static str)>,
    may_all: bool,
}

/// A token that was just made; its text is shown this once.
#[derive(Template)]
#[template(path = "console/tokens/made.html")]
struct MadePage {
    frame: Frame,
    texts: &'static Texts,
    name: String,
    token: String,
    expires_at: String,
}

/// `GET /console/tokens/new`.
async fn show_new(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let form = Fields::of([("expiresInDays", "365".to_owned()), ("entriesMode", "chosen".to_owned())]);
    let scopes = [Scope::CustomersRead.name(), Scope::CustomersWrite.name(), Scope::PiiRead.name()];
    new_page(visit, signed_in, form, &scopes, &[])
}

/// What a right lets its holder do.
pub(super) fn means(language: Language, scope: Scope) -> &'static str {
    let texts = texts(language);
    match scope {
        Scope::CustomersRead => texts.customers_read,
        Scope::CustomersWrite => texts.customers_write,
        Scope::CustomersDelete => texts.customers_delete,
        Scope::CustomersImport => texts.customers_import,
        Scope::CustomersExport => texts.customers_export,
        Scope::PiiRead => texts.pii_read,
        Scope::MoneyRead => texts.money_read,
        Scope::MoneyWrite => texts.money_write,
        Scope::MoneyCharge => texts.money_charge,
        Scope::MoneyLegal => texts.money_legal,
        Scope::Settings => texts.scope_settings,
        Scope::Tokens => texts.scope_tokens,
        Scope::Staff => texts.scope_staff,
        Scope::Service => texts.scope_service,
    }
}

fn new_page(visit: &Visit, signed_in: &SignedIn, form: Fields, scopes: &[&str], entries: &[&str]) -> Shown {
    let texts = texts(visit.language);
    let may_all = signed_in.member.entries == Entries::All;
    let rights = Scope::VARIANTS.iter().filter(|scope| signed_in.may(**scope)).map(|scope| Right {
        name: scope.name(),
        means: means(visit.language, *scope),
        is_on: scopes.contains(&scope.name()),
    });
    let stores = signed_in.stores.iter().map(|store| Seen {
        entry: store.entry.clone(),
        name: store.name.clone(),
        is_on: entries.contains(&store.entry.as_str()) || signed_in.stores.len() == 1,
    });
    let status = if form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = NewPage {
        frame: visit.frame(signed_in, "tokens", texts.new_token)?,
        texts,
        form,
        rights: rights.collect(),
        stores: stores.collect(),
        modes: vec![("chosen".to_owned(), texts.chosen_stores), ("all".to_owned(), texts.all_stores)],
        may_all,
    };
    html(status, &page)
}

/// `POST /console/tokens/new`: the answer shows the token, this once.
async fn create(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let texts = texts(visit.language);
    let mut form = Fields::sent(sent, &["name", "expiresInDays", "requestsPerMinute", "entriesMode"]);
    let scopes: Vec<&str> = sent.all("scopes").collect();
    let chosen: Vec<&str> = sent.all("entries").collect();
    let is_all = sent.get("entriesMode") == "all";
    if sent.get("name").trim().is_empty() {
        form.add("name", texts.no_name);
    }
    if scopes.is_empty() {
        form.add("scopes", texts.no_scope);
    }
    if !is_all && chosen.is_empty() {
        form.add("entries", texts.no_store);
    }
    let mut body = json!({"name": sent.get("name").trim(), "scopes": scopes});
    set(&mut body, "entries", if is_all { json!("*") } else { json!(chosen) });
    for (name, missing) in [("expiresInDays", texts.bad_days), ("requestsPerMinute", texts.bad_rpm)] {
        match sent.get(name).trim() {
            "" => {}
            number => match number.parse::<i64>() {
                Ok(number) => set(&mut body, name, number),
                Err(_) => form.add(name, missing),
            },
        }
    }
    if form.is_wrong() {
        return new_page(visit, signed_in, form, &scopes, &chosen);
    }
    match visit.post(signed_in, "/Token", sent).json(&body).tried().await? {
        Ok(made) => {
            let made = member(&made, "responseData");
            let page = MadePage {
                frame: visit.frame(signed_in, "tokens", texts.made)?,
                texts,
                name: shown(made, "name"),
                token: text(made, "token").to_owned(),
                expires_at: day(visit.language, text(made, "expiresAt")),
            };
            html(StatusCode::OK, &page)
        }
        Err(no) => {
            let form = form.refused(&no).by_name().in_language(visit.language);
            new_page(visit, signed_in, form, &scopes, &chosen)
        }
    }
}

/// `POST /console/tokens/{jti}/revoke`.
async fn revoke(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    visit.delete(signed_in, &format!("/Token/{}", part(visit.part("jti"))), sent).sent().await?;
    Ok(visit.go_to("/tokens?done=revoked"))
}
