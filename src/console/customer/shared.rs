//! The page with the address of a link, which only the answer to its making has: to copy, or to scan.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::Value;

use super::Customer;
use super::texts::{Texts, texts};
use crate::console::ask::list;
use crate::console::frame::Frame;
use crate::console::page::{Shown, html};
use crate::console::visit::{SignedIn, Visit};
use crate::web::form::Form;
use crate::web::qr::{Qr, qr};

#[derive(Template)]
#[template(path = "console/customer/link.html")]
struct LinkPage<'a> {
    frame: Frame,
    texts: &'static Texts,
    customer: &'a Customer,
    title: &'static str,
    url: &'a str,
    qr: Option<Qr>,
    is_mailed: bool,
    facts: Vec<(&'static str, String)>,
    /// The path of the link below the customer's, for the buttons.
    tail: String,
    address: String,
}

/// What the page says.
pub(super) struct LinkParts<'a> {
    pub(super) title: &'static str,
    pub(super) url: &'a str,
    pub(super) is_mailed: bool,
    pub(super) facts: Vec<(&'static str, String)>,
    /// Where its buttons send their forms, after the customer's path; empty for none.
    pub(super) tail: String,
    /// Its own page; empty for none.
    pub(super) address: String,
}

/// Answers the page. A second sending of the form shows the same link, by the form's key.
pub(super) fn link_page(
    visit: &Visit,
    signed_in: &SignedIn,
    customer: &Customer,
    parts: LinkParts<'_>,
) -> Shown {
    let frame = visit.frame(signed_in, "customers", format!("{} · {}", parts.title, customer.name))?;
    let LinkParts { title, url, is_mailed, facts, tail, address } = parts;
    let texts = texts(visit.language);
    html(
        StatusCode::OK,
        &LinkPage { frame, texts, customer, title, url, qr: qr(url), is_mailed, facts, tail, address },
    )
}

/// The types of payment method that a form ticks: none for all of them.
pub(super) fn method_types(form: &Form) -> Vec<Value> {
    let ticked = METHOD_TYPES.iter().filter(|kind| form.get(&format!("methodTypes.{kind}")) == "true");
    let ticked: Vec<Value> = ticked.map(|kind| Value::from(*kind)).collect();
    if ticked.len() == METHOD_TYPES.len() { Vec::new() } else { ticked }
}

/// The types of payment method that can be asked for.
pub(super) const METHOD_TYPES: [&str; 3] = ["card", "ach", "wallet"];

/// The words of the types in an answer.
pub(super) fn types_words(texts: &Texts, answer: &Value) -> String {
    let types = list(answer, "methodTypes").iter().filter_map(Value::as_str);
    types.map(|kind| texts.method_type(kind)).collect::<Vec<_>>().join(", ")
}
