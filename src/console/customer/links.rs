//! The links by which a customer stores a payment method.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::{Value, json};

use super::cards::{ListCard, Maker};
use super::form::{Button, FormParts, Row, page, pair};
use super::shared::{LinkParts, METHOD_TYPES, link_page, method_types, types_words};
use super::texts::{Texts, texts};
use super::{Customer, filled, pressed, refused, whole};
use crate::console::ask::{member, part, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::page::{Shown, html};
use crate::console::visit::{SignedIn, Visit};
use crate::console::written::minute;
use crate::web::form::Form;

const NAMES: [&str; 8] = [
    "description",
    "expiresInDays",
    "language",
    "reference",
    "notify",
    "methodTypes.card",
    "methodTypes.ach",
    "methodTypes.wallet",
];

/// The rows by which a form chooses types of payment method.
pub(super) fn type_rows(texts: &Texts) -> Vec<Row> {
    let mut rows = vec![Row::note(texts.method_types)];
    rows.extend(
        METHOD_TYPES.iter().map(|kind| Row::check(&format!("methodTypes.{kind}"), texts.method_type(kind))),
    );
    rows
}

/// The languages of a page for the customer.
pub(super) fn languages(texts: &Texts) -> Vec<(String, String)> {
    [("", texts.customers_language), ("en", "English"), ("fr", "Français")]
        .map(|(code, name)| (code.to_owned(), name.to_owned()))
        .into()
}

fn parts(visit: &Visit, form: Fields) -> FormParts {
    let texts = texts(visit.language);
    let mut rows = vec![Row::field("description", texts.link_for).hint(texts.payer_reads)];
    rows.extend(type_rows(texts));
    rows.extend(pair([
        Row::field("expiresInDays", texts.expires_in).input("number").hint(texts.expires_in_30),
        Row::select("language", texts.page_language, languages(texts)),
        Row::field("reference", texts.own_reference),
    ]));
    rows.push(Row::check("notify", texts.notify));
    FormParts {
        title: texts.ask_for_card.to_owned(),
        lead: texts.ask_for_card_lead.to_owned(),
        rows,
        form,
        button: Button { label: texts.make_link.to_owned(), ..Button::default() },
        ..FormParts::default()
    }
}

/// `GET …/method-links/new`.
pub(super) async fn show_new(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    page(visit, signed_in, &customer, parts(visit, Fields::of([("expiresInDays", "14".to_owned())])))
}

/// `POST …/method-links/new`: the answer shows the address.
pub(super) async fn make(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let mut body = filled(form, &["description", "language", "reference"]);
    if !form.get("expiresInDays").trim().is_empty() {
        body.insert("expiresInDays".to_owned(), whole(form.get("expiresInDays")));
    }
    let types = method_types(form);
    if !types.is_empty() {
        body.insert("methodTypes".to_owned(), types.into());
    }
    body.insert("notify".to_owned(), Value::from(form.get("notify") == "true"));
    let ask = visit.post(signed_in, &customer.api("/methodLinks"), form).json(&body.into());
    match ask.tried().await? {
        Ok(answer) => {
            made(visit, signed_in, &customer, member(&answer, "responseData"), form.get("notify") == "true")
        }
        Err(no) => {
            let fields = refused(Fields::sent(form, &NAMES), &no, visit.language);
            page(visit, signed_in, &customer, parts(visit, fields))
        }
    }
}

fn made(visit: &Visit, signed_in: &SignedIn, customer: &Customer, link: &Value, is_mailed: bool) -> Shown {
    let texts = texts(visit.language);
    let parts = LinkParts {
        title: texts.method_link,
        url: text(link, "url"),
        is_mailed,
        facts: vec![
            (texts.method, types_words(texts, link)),
            (texts.expires, minute(visit.language, text(link, "expiresAt"))),
        ],
        tail: format!("/method-links/{}", part(text(link, "linkId"))),
        address: String::new(),
    };
    link_page(visit, signed_in, customer, parts)
}

fn path(visit: &Visit, customer: &Customer, what: &str) -> String {
    customer.api(&format!("/methodLinks/{}/{what}", part(visit.part("linkId"))))
}

/// `POST …/method-links/{linkId}/resend`.
pub(super) async fn resend(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let notify = form.get("notify") == "true";
    let ask = visit.post(signed_in, &path(visit, &customer, "resend"), form).json(&json!({"notify": notify}));
    let answer = match ask.tried().await? {
        Ok(answer) => answer,
        Err(no) => {
            return Err(crate::console::page::Refused::Other(super::wording::why(visit.language, &no)));
        }
    };
    made(visit, signed_in, &customer, member(&answer, "responseData"), notify)
}

/// `POST …/method-links/{linkId}/cancel`.
pub(super) async fn cancel(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let path = path(visit, &customer, "cancel");
    pressed(visit, &customer, visit.post(signed_in, &path, form), "cancelled").await
}

#[derive(Template)]
#[template(path = "console/customer/links.html")]
struct LinksPage<'a> {
    frame: Frame,
    texts: &'static Texts,
    customer: &'a Customer,
    card: ListCard,
    older: Option<String>,
}

/// `GET …/method-links`: all of them, the newest first.
pub(super) async fn list(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let skip = visit.asked("from").parse::<usize>().unwrap_or_default();
    let ask = visit.get(signed_in, &customer.api("/methodLinks")).with("fromRecord", skip.to_string());
    let answer = ask.with("limitRecord", "50").sent().await?;
    let texts = texts(visit.language);
    let frame = visit.frame(signed_in, "customers", format!("{} · {}", texts.method_links, customer.name))?;
    let maker = Maker {
        language: visit.language,
        texts,
        customer: &customer,
        base: &frame.base,
        may_write: frame.may("money:write"),
    };
    let mut card = maker.links(&answer);
    card.all.clear();
    let last = skip.saturating_add(card.rows.len());
    let total = super::total(&answer);
    let has_more = usize::try_from(total).is_ok_and(|total| last < total);
    let older = has_more.then(|| format!("{}/method-links?from={last}", customer.home));
    html(StatusCode::OK, &LinksPage { texts, customer: &customer, card, older, frame })
}
