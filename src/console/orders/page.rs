//! The page of an order: its lines, its invoice, how it is paid, and what can be done.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::Value;

use super::texts::{Texts, collect, texts};
use crate::console::ask::{list, member, part, shown, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::money::link::PayLink;
use crate::console::money::people::{self, Person};
use crate::console::money::texts::{Texts as Words, texts as words};
use crate::console::page::{Refused, Shown, html};
use crate::console::states::{Of, state_of};
use crate::console::visit::{SignedIn, Store, Visit};
use crate::console::written::{amount, minute, percent, quantity};
use crate::web::form::Form;

struct LineRow {
    name: String,
    more: String,
    quantity: String,
    price: String,
    tax_rate: String,
    net: String,
}

#[derive(Template)]
#[template(path = "console/orders/page.html")]
struct OrderPage {
    frame: Frame,
    texts: &'static Texts,
    words: &'static Words,
    form: Fields,
    here: String,
    total: String,
    at: String,
    badge: (&'static str, &'static str),
    customer: Person,
    lines: Vec<LineRow>,
    sums: Vec<(&'static str, String)>,
    facts: Vec<(&'static str, String)>,
    invoice_id: String,
    invoice: String,
    request_id: String,
    notes: String,
    is_cancelled: bool,
    is_resent: bool,
    link: Option<PayLink>,
}

/// The order that the address names, if it is one of the store.
async fn found<'s>(visit: &Visit, signed_in: &'s SignedIn) -> Result<(&'s Store, Value), Refused> {
    let store = visit.store(signed_in)?;
    let id = visit.part("orderId");
    // The id begins with the number of its entrypoint.
    if !id.starts_with(&format!("{}-", store.id)) {
        return Err(Refused::NotFound);
    }
    Ok((store, visit.get(signed_in, &format!("/Order/{}", part(id))).sent().await?))
}

/// `GET /console/at/{place}/orders/{orderId}`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    page(visit, signed_in, Fields::default(), None).await
}

/// The page; `answer` is what the API answered to a second sending.
async fn page(visit: &Visit, signed_in: &SignedIn, form: Fields, answer: Option<Value>) -> Shown {
    let (texts, words, language) = (texts(visit.language), words(visit.language), visit.language);
    let (store, one) = found(visit, signed_in).await?;
    let frame = visit.frame(signed_in, "orders", texts.order)?;
    let currency = text(&one, "currency").to_owned();
    let amounts = |of: &Value, name: &str| amount(language, member(of, name), &currency);
    let id = shown(&one, "customerId");
    let customer = people::owner(visit, signed_in, store, &id).await?;
    let line = |line: &Value| LineRow {
        name: text(line, "name").to_owned(),
        more: text(line, "description").to_owned(),
        quantity: quantity(language, member(line, "quantity")),
        price: amounts(line, "unitPrice"),
        tax_rate: percent(language, member(line, "taxRate")),
        net: amounts(line, "netAmount"),
    };
    let coupon = text(&one, "coupon");
    let status = text(&one, "status");
    let page = OrderPage {
        texts,
        words,
        here: format!("{}/orders/{}", frame.base, part(text(&one, "orderId"))),
        total: amounts(&one, "total"),
        at: minute(language, text(&one, "createdAt")),
        badge: state_of(language, Of::Order, status),
        customer,
        lines: list(&one, "lines").iter().map(line).collect(),
        sums: vec![
            (words.discount, amounts(&one, "discount")),
            (words.tax, amounts(&one, "tax")),
            (words.total, amounts(&one, "total")),
        ],
        facts: vec![
            (texts.collect, collect(language, text(&one, "collect")).to_owned()),
            (texts.coupon, coupon.to_owned()),
            (texts.purchase_order, text(&one, "purchaseOrder").to_owned()),
            (words.updated, minute(language, text(&one, "updatedAt"))),
        ],
        invoice_id: shown(&one, "invoiceId"),
        invoice: text(&one, "invoiceNumber").to_owned(),
        request_id: text(&one, "paymentRequestId").to_owned(),
        notes: text(&one, "notes").to_owned(),
        is_cancelled: status == "cancelled",
        is_resent: answer.is_some(),
        link: answer.as_ref().and_then(|answer| PayLink::of(answer, "paymentUrl")),
        form,
        frame,
    };
    let status = if page.form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &page)
}

/// `POST …/cancel`.
pub(super) async fn cancel(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (store, one) = found(visit, signed_in).await?;
    let id = part(text(&one, "orderId"));
    match visit.post(signed_in, &format!("/Order/{id}/cancel"), sent).tried().await? {
        Ok(_) => Ok(visit.go_to(&format!("/at/{}/orders/{id}?done=cancelled", part(&store.entry)))),
        Err(no) => {
            page(visit, signed_in, Fields::default().refused(&no).in_language(visit.language), None).await
        }
    }
}

/// `POST …/resend`. A new link to pay is shown on the page that answers, and never again.
pub(super) async fn resend(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let (_, one) = found(visit, signed_in).await?;
    let path = format!("/Order/{}/resend", part(text(&one, "orderId")));
    match visit.post(signed_in, &path, sent).tried().await? {
        Ok(answer) => page(visit, signed_in, Fields::default(), Some(answer)).await,
        Err(no) => {
            page(visit, signed_in, Fields::default().refused(&no).in_language(visit.language), None).await
        }
    }
}
