//! The secrets by which webhooks of payment systems are proved.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::{Value, json};

use super::{Tab, Texts, tabs, texts};
use crate::console::ask::{list, member, part, set, shown, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::page::{Refused, Shown, html};
use crate::console::visit::{SignedIn, Visit};
use crate::console::written::minute;
use crate::web::form::Form;

type Choice = (String, &'static str);

struct Row {
    id: String,
    dialect: &'static str,
    header: String,
    unknown: &'static str,
    url: String,
    created_at: String,
}

/// A secret that was just made; it is shown this once.
struct New {
    secret: String,
    url: String,
}

#[derive(Template)]
#[template(path = "console/settings/webhooks.html")]
struct WebhooksPage {
    frame: Frame,
    texts: &'static Texts,
    tabs: Vec<Tab>,
    form: Fields,
    rows: Vec<Row>,
    new: Option<New>,
    dialects: Vec<Choice>,
    unknown: Vec<Choice>,
}

fn path(visit: &Visit, signed_in: &SignedIn) -> Result<String, Refused> {
    Ok(format!("/Paypoint/ingest/{}", part(&visit.store(signed_in)?.entry)))
}

/// `GET …/settings/webhooks`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    page(visit, signed_in, Fields::default(), None).await
}

fn dialect_name(word: &str) -> &'static str {
    match word {
        "payabli" => "Payabli",
        "stripe" => "Stripe",
        _ => "Standard Webhooks",
    }
}

fn unknown_name(texts: &'static Texts, word: &str) -> &'static str {
    match word {
        "unlinked" => texts.unknown_unlinked,
        "refuse" => texts.unknown_refuse,
        _ => texts.unknown_create,
    }
}

async fn page(visit: &Visit, signed_in: &SignedIn, form: Fields, new: Option<New>) -> Shown {
    let texts = texts(visit.language);
    let secrets = visit.get(signed_in, &path(visit, signed_in)?).sent().await?;
    let row = |secret: &Value| Row {
        id: shown(secret, "secretId"),
        dialect: dialect_name(text(secret, "dialect")),
        header: shown(secret, "header"),
        unknown: unknown_name(texts, text(secret, "onUnknownCustomer")),
        url: format!("{}{}", visit.console.settings.public_url, text(secret, "path")),
        created_at: minute(visit.language, text(secret, "createdAt")),
    };
    let frame = visit.frame(signed_in, "settings", texts.tab_webhooks)?;
    let status = if form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = WebhooksPage {
        tabs: tabs(visit, &frame.base, "webhooks"),
        frame,
        texts,
        form,
        rows: list(&secrets, "Records").iter().map(row).collect(),
        new,
        dialects: ["payabli", "stripe", "standard"].map(|word| (word.to_owned(), dialect_name(word))).into(),
        unknown: ["create", "unlinked", "refuse"]
            .map(|word| (word.to_owned(), unknown_name(texts, word)))
            .into(),
    };
    html(status, &page)
}

/// `POST …/settings/webhooks`: the answer shows the secret, this once. The same form again shows the same secret.
pub(super) async fn create(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let mut form = Fields::sent(sent, &["dialect", "header", "onUnknownCustomer"]);
    let mut body =
        json!({"dialect": sent.get("dialect"), "onUnknownCustomer": sent.get("onUnknownCustomer")});
    for name in ["secret", "header"] {
        if !sent.get(name).trim().is_empty() {
            set(&mut body, name, sent.get(name).trim());
        }
    }
    let made = visit.post(signed_in, &path(visit, signed_in)?, sent).json(&body).tried().await?;
    match made {
        Ok(made) => {
            let made = member(&made, "responseData");
            let url = format!("{}{}", visit.console.settings.public_url, text(made, "path"));
            let new = New { secret: shown(made, "secret"), url };
            page(visit, signed_in, Fields::default(), Some(new)).await
        }
        Err(no) => {
            form = form.refused(&no).by_name().in_language(visit.language);
            page(visit, signed_in, form, None).await
        }
    }
}

/// `POST …/settings/webhooks/{secretId}/delete`.
pub(super) async fn delete(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let id: i64 = visit.part("secretId").parse().map_err(|_| Refused::NotFound)?;
    visit.delete(signed_in, &format!("{}/{id}", path(visit, signed_in)?), sent).sent().await?;
    let place = &visit.store(signed_in)?.entry;
    Ok(visit.go_to(&format!("/at/{place}/settings/webhooks?done=deleted")))
}
