//! Invites a member, and changes one.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::{Value, json};
use strum::VariantArray as _;

use super::list::{role_lead, state_of};
use super::texts::{Texts, texts};
use crate::clock;
use crate::console::ask;
use crate::console::ask::{No, list, part, set, shown, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::page::{Refused, Shown, html};
use crate::console::visit::{SignedIn, Visit, role_name};
use crate::console::written::{minute, moment};
use crate::domain::accounts::staff::Role;
use crate::domain::accounts::token::Entries;
use crate::web::form::Form;

struct RoleChoice {
    word: &'static str,
    name: &'static str,
    lead: &'static str,
    is_chosen: bool,
}

struct Seen {
    entry: String,
    name: String,
    is_on: bool,
}

/// What a page says of a member who is there already.
struct Known {
    id: String,
    email: String,
    etag: String,
    state: (&'static str, &'static str),
    is_disabled: bool,
    is_own: bool,
    has_totp: bool,
    created_at: String,
    signed_in_at: String,
    /// How many tokens in force the member made.
    tokens: usize,
}

#[derive(Template)]
#[template(path = "console/staff/edit.html")]
struct EditPage {
    frame: Frame,
    texts: &'static Texts,
    form: Fields,
    /// The member; none for an invitation.
    known: Option<Known>,
    roles: Vec<RoleChoice>,
    stores: Vec<Seen>,
    modes: Vec<(String, &'static str)>,
    may_all: bool,
}

/// A link that was just made; it is shown this once.
#[derive(Template)]
#[template(path = "console/staff/link.html")]
struct LinkPage {
    frame: Frame,
    texts: &'static Texts,
    name: String,
    link: String,
    mail: String,
    email: String,
    /// Whether the service sends the link by mail too.
    is_mailed: bool,
    is_reset: bool,
}

/// `GET /console/staff/new`.
pub(super) async fn show_new(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let mode = if signed_in.member.entries == Entries::All { "all" } else { "chosen" };
    let form = Fields::of([("role", "agent".to_owned()), ("entriesMode", mode.to_owned())]);
    page(visit, signed_in, form, None, &[]).await
}

/// How many tokens in force a member made, as far as the asking member sees tokens.
async fn tokens_of(visit: &Visit, signed_in: &SignedIn, member: &Value) -> Result<usize, Refused> {
    let tokens = visit.get(signed_in, "/Token").if_any().await?.unwrap_or_default();
    let (id, now) = (text(member, "memberId"), clock::now());
    let is_in_force = |token: &&Value| {
        text(token, "mintedBy") == id
            && !ask::member(token, "revokedAt").is_string()
            && moment(text(token, "expiresAt")).is_some_and(|end| end > now)
    };
    Ok(list(&tokens, "Records").iter().filter(is_in_force).count())
}

async fn page(
    visit: &Visit,
    signed_in: &SignedIn,
    form: Fields,
    member: Option<&Value>,
    entries: &[String],
) -> Shown {
    let texts = texts(visit.language);
    // Nobody gives a right that the giver lacks.
    let roles = Role::VARIANTS.iter().filter(|role| role.scopes().iter().all(|scope| signed_in.may(*scope)));
    let tokens = match member {
        Some(member) => tokens_of(visit, signed_in, member).await?,
        None => 0,
    };
    let known = member.map(|member| Known {
        id: shown(member, "memberId"),
        email: shown(member, "email"),
        etag: shown(member, "etag"),
        state: state_of(texts, member),
        is_disabled: ask::member(member, "isDisabled") == true,
        is_own: text(member, "memberId") == signed_in.member.id,
        has_totp: ask::member(member, "hasTotp") == true,
        created_at: minute(visit.language, text(member, "createdAt")),
        signed_in_at: minute(visit.language, text(member, "signedInAt")),
        tokens,
    });
    let title = if known.is_some() { form.value("name").to_owned() } else { texts.invite.to_owned() };
    let status = if form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = EditPage {
        frame: visit.frame(signed_in, "staff", title)?,
        texts,
        known,
        roles: roles
            .map(|role| RoleChoice {
                word: role.name(),
                name: role_name(visit.texts(), *role),
                lead: role_lead(texts, *role),
                is_chosen: form.value("role") == role.name(),
            })
            .collect(),
        stores: signed_in
            .stores
            .iter()
            .map(|store| Seen {
                entry: store.entry.clone(),
                name: store.name.clone(),
                is_on: entries.contains(&store.entry),
            })
            .collect(),
        modes: vec![("all".to_owned(), texts.all_stores), ("chosen".to_owned(), texts.chosen_stores)],
        may_all: signed_in.member.entries == Entries::All,
        form,
    };
    html(status, &page)
}

/// The fields of a member in a form: what is shown again, what the API gets, and the entrypoints that were ticked.
fn read(visit: &Visit, sent: &Form) -> (Fields, Value, Vec<String>) {
    let texts = texts(visit.language);
    let mut form = Fields::sent(sent, &["name", "email", "role", "entriesMode"]);
    let chosen: Vec<String> = sent.all("entries").map(str::to_owned).collect();
    let is_all = sent.get("entriesMode") == "all";
    if !is_all && chosen.is_empty() {
        form.add("entries", texts.no_store);
    }
    let entries = if is_all { json!("*") } else { json!(chosen) };
    let body = json!({"name": sent.get("name").trim(), "role": sent.get("role"), "entries": entries});
    (form, body, chosen)
}

fn refused(visit: &Visit, form: Fields, no: &No) -> Fields {
    form.refused(no).by_name().in_language(visit.language)
}

/// `POST /console/staff/new`: the answer shows the link, this once. The same form again shows the same link.
pub(super) async fn invite(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (form, mut body, chosen) = read(visit, sent);
    set(&mut body, "email", sent.get("email").trim());
    if form.is_wrong() {
        return page(visit, signed_in, form, None, &chosen).await;
    }
    match visit.post(signed_in, "/Staff", sent).json(&body).tried().await? {
        Ok(made) => link_page(visit, signed_in, ask::member(&made, "responseData")),
        Err(no) => page(visit, signed_in, refused(visit, form, &no), None, &chosen).await,
    }
}

fn link_page(visit: &Visit, signed_in: &SignedIn, member: &Value) -> Shown {
    let texts = texts(visit.language);
    let link = shown(member, "link");
    let mut mail = form_urlencoded::Serializer::new(String::new());
    mail.append_pair("subject", texts.mail_subject);
    mail.append_pair("body", &format!("{}\n\n{link}\n", texts.mail_body));
    let email = shown(member, "email");
    // Mail programs read `+` as a plus.
    let mail = format!("mailto:{}?{}", part(&email), mail.finish().replace('+', "%20"));
    let page = LinkPage {
        frame: visit.frame(signed_in, "staff", texts.link_made)?,
        texts,
        name: shown(member, "name"),
        link,
        mail,
        email,
        is_mailed: ask::member(member, "isMailed") == true,
        is_reset: ask::member(member, "hasPassword") == true,
    };
    html(StatusCode::OK, &page)
}

fn path(visit: &Visit) -> String {
    format!("/Staff/{}", part(visit.part("memberId")))
}

/// `GET /console/staff/{memberId}`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let member = visit.get(signed_in, &path(visit)).sent().await?;
    let (form, entries) = stored(&member);
    page(visit, signed_in, form, Some(&member), &entries).await
}

/// The form of a member as it is kept.
fn stored(member: &Value) -> (Fields, Vec<String>) {
    let mode = if ask::member(member, "entries").is_array() { "chosen" } else { "all" };
    let form = Fields::of([
        ("name", shown(member, "name")),
        ("role", shown(member, "role")),
        ("entriesMode", mode.to_owned()),
    ]);
    let entries = list(member, "entries").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    (form, entries)
}

/// `POST /console/staff/{memberId}`.
pub(super) async fn save(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (form, body, chosen) = read(visit, sent);
    if form.is_wrong() {
        let member = visit.get(signed_in, &path(visit)).sent().await?;
        return page(visit, signed_in, form, Some(&member), &chosen).await;
    }
    change(visit, signed_in, sent, &body, (form, chosen)).await
}

/// Changes a member, unless somebody else did since the page was made.
async fn change(
    visit: &Visit,
    signed_in: &SignedIn,
    sent: &Form,
    body: &Value,
    (form, chosen): (Fields, Vec<String>),
) -> Shown {
    let mut ask = visit.put(signed_in, &path(visit), sent, body);
    if !sent.get("etag").is_empty() {
        ask = ask.header("if-match", sent.get("etag"));
    }
    match ask.tried().await? {
        Ok(_) => Ok(visit.go_to(&format!("/staff/{}?done=saved", part(visit.part("memberId"))))),
        Err(no) => {
            let member = visit.get(signed_in, &path(visit)).sent().await?;
            page(visit, signed_in, refused(visit, form, &no), Some(&member), &chosen).await
        }
    }
}

/// `POST /console/staff/{memberId}/state`: disables a member, or enables one again.
pub(super) async fn set_state(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let member = visit.get(signed_in, &path(visit)).sent().await?;
    let body = json!({"isDisabled": sent.get("isDisabled") == "true"});
    change(visit, signed_in, sent, &body, stored(&member)).await
}

/// `POST /console/staff/{memberId}/link`: another link; the one before ends.
pub(super) async fn link(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    match visit.post(signed_in, &format!("{}/invite", path(visit)), sent).tried().await? {
        Ok(made) => link_page(visit, signed_in, ask::member(&made, "responseData")),
        Err(no) => as_stored(visit, signed_in, &no).await,
    }
}

/// The page of a member as it is kept, with what was refused.
async fn as_stored(visit: &Visit, signed_in: &SignedIn, no: &No) -> Shown {
    let member = visit.get(signed_in, &path(visit)).sent().await?;
    let (form, entries) = stored(&member);
    page(visit, signed_in, refused(visit, form, no), Some(&member), &entries).await
}

/// `POST /console/staff/{memberId}/remove`.
pub(super) async fn remove(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let mut ask = visit.delete(signed_in, &path(visit), sent);
    if sent.get("revokeTokens") == "true" {
        ask = ask.with("revokeTokens", "true");
    }
    match ask.tried().await? {
        Ok(_) => Ok(visit.go_to("/staff?done=deleted")),
        Err(no) => as_stored(visit, signed_in, &no).await,
    }
}
