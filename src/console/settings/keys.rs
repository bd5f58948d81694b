//! The data keys of a store, and their rotation.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::Value;

use super::{Tab, Texts, tabs, texts};
use crate::console::ask::{list, member, part, shown, text};
use crate::console::frame::Frame;
use crate::console::page::{Shown, html};
use crate::console::visit::{SignedIn, Visit};
use crate::console::written::{count, minute, number};
use crate::web::form::Form;

struct Key {
    id: String,
    epoch: String,
    master: String,
    created_at: String,
}

struct Rotation {
    is_running: bool,
    done: String,
    total: String,
    percent: i64,
    started_at: String,
    ended_at: String,
}

#[derive(Template)]
#[template(path = "console/settings/keys.html")]
struct KeysPage {
    frame: Frame,
    texts: &'static Texts,
    tabs: Vec<Tab>,
    keys: Vec<Key>,
    rotation: Option<Rotation>,
    is_running: bool,
}

/// `GET …/settings/keys`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let texts = texts(visit.language);
    let language = visit.language;
    let entry = part(&visit.store(signed_in)?.entry);
    let answer = visit.get(signed_in, &format!("/Paypoint/keys/{entry}")).sent().await?;
    let key = |key: &Value| Key {
        id: shown(key, "keyId"),
        epoch: shown(key, "epoch"),
        master: shown(key, "masterKeyId"),
        created_at: minute(language, text(key, "createdAt")),
    };
    let rotation = Some(member(&answer, "rotation")).filter(|rotation| rotation.is_object());
    let rotation = rotation.map(|rotation| {
        let (done, total) = (number(rotation, "customersDone"), number(rotation, "customersTotal"));
        Rotation {
            is_running: text(rotation, "state") == "running",
            done: count(language, done),
            total: count(language, total),
            percent: (done * 100 / total.max(1)).clamp(0, 100),
            started_at: minute(language, text(rotation, "startedAt")),
            ended_at: minute(language, text(rotation, "endedAt")),
        }
    });
    let frame = visit.frame(signed_in, "settings", texts.tab_keys)?;
    let page = KeysPage {
        tabs: tabs(visit, &frame.base, "keys"),
        frame,
        texts,
        keys: list(&answer, "keys").iter().map(key).collect(),
        is_running: rotation.as_ref().is_some_and(|rotation| rotation.is_running),
        rotation,
    };
    html(StatusCode::OK, &page)
}

/// `POST …/settings/keys`: begins a rotation.
pub(super) async fn rotate(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let place = &visit.store(signed_in)?.entry;
    visit.post(signed_in, &format!("/Paypoint/keys/rotate/{}", part(place)), sent).sent().await?;
    Ok(visit.go_to(&format!("/at/{place}/settings/keys?done=started")))
}
