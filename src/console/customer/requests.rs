//! Asks a customer for a payment by a link.

use serde_json::{Map, Value, json};

use super::form::{Button, FormParts, Row, page, pair};
use super::links::{languages, type_rows};
use super::shared::{LinkParts, link_page, method_types, types_words};
use super::texts::texts;
use super::{Customer, decimal, filled, pressed, refused, whole, wording};
use crate::console::ask::{list, member, part, shown, text};
use crate::console::fields::Fields;
use crate::console::page::{Refused, Shown};
use crate::console::visit::{SignedIn, Visit};
use crate::console::written::{amount, minute};
use crate::web::form::Form;

const COLLECT: [&str; 3] = ["email", "phone", "address"];
const NAMES: [&str; 19] = [
    "amount",
    "currency",
    "open/min",
    "open/max",
    "invoiceId",
    "description",
    "expiresInDays",
    "language",
    "reference",
    "successUrl",
    "cancelUrl",
    "notify",
    "isOpen",
    "methodTypes.card",
    "methodTypes.ach",
    "methodTypes.wallet",
    "collect.email",
    "collect.phone",
    "collect.address",
];

/// The open invoices of a customer to choose from, and none of them.
pub(super) async fn open_invoices(
    visit: &Visit,
    signed_in: &SignedIn,
    customer: &Customer,
) -> Result<Vec<(String, String)>, Refused> {
    let ask = visit.get(signed_in, &format!("/Query/invoices/{}", part(&customer.store.entry)));
    let ask =
        ask.with("customerId", &customer.id).with("status(in)", "open|partlyPaid").with("kind", "invoice");
    let found = ask.with("limitRecord", "50").if_any().await?.unwrap_or_default();
    let one = |one: &Value| {
        let open = amount(visit.language, member(one, "openAmount"), text(one, "currency"));
        (shown(one, "invoiceId"), format!("{} – {open}", text(one, "invoiceNumber")))
    };
    let none = (String::new(), texts(visit.language).no_invoice.to_owned());
    Ok([none].into_iter().chain(list(&found, "Records").iter().map(one)).collect())
}

async fn parts(
    visit: &Visit,
    signed_in: &SignedIn,
    customer: &Customer,
    form: Fields,
) -> Result<FormParts, Refused> {
    let texts = texts(visit.language);
    let invoices = open_invoices(visit, signed_in, customer).await?;
    let mut rows = pair([
        Row::field("amount", texts.amount).hint(texts.amount_hint),
        Row::field("currency", texts.currency),
    ]);
    if invoices.len() > 1 {
        rows.push(Row::select("invoiceId", texts.of_invoice, invoices));
    }
    rows.push(Row::field("description", texts.link_for).hint(texts.payer_reads));
    rows.extend(type_rows(texts));
    rows.push(Row::heading(texts.payer_says));
    rows.push(Row::check("isOpen", texts.let_payer_say));
    rows.extend(pair([Row::field("open/min", texts.at_least), Row::field("open/max", texts.at_most)]));
    rows.push(Row::heading(texts.more_choices));
    rows.push(Row::note(texts.collect_lead));
    rows.extend([
        Row::check("collect.email", texts.email),
        Row::check("collect.phone", texts.phone),
        Row::check("collect.address", texts.address_word),
    ]);
    rows.extend(pair([
        Row::field("expiresInDays", texts.expires_in).input("number").hint(texts.expires_in_365),
        Row::select("language", texts.page_language, languages(texts)),
        Row::field("reference", texts.own_reference),
    ]));
    rows.extend(pair([
        Row::field("successUrl", texts.success_url).input("url"),
        Row::field("cancelUrl", texts.cancel_url).input("url"),
    ]));
    rows.push(Row::check("notify", texts.notify));
    Ok(FormParts {
        title: texts.request_payment.to_owned(),
        lead: texts.request_payment_lead.to_owned(),
        rows,
        form,
        button: Button { label: texts.make_link.to_owned(), ..Button::default() },
        ..FormParts::default()
    })
}

/// `GET …/request-payment`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let form = Fields::of([
        ("currency", customer.store.currency.clone()),
        ("expiresInDays", "14".to_owned()),
        ("invoiceId", visit.asked("invoiceId")),
    ]);
    let parts = parts(visit, signed_in, &customer, form).await?;
    page(visit, signed_in, &customer, parts)
}

/// What the form asks for.
fn body(form: &Form) -> Value {
    let mut body = filled(form, &["description", "language", "reference", "successUrl", "cancelUrl"]);
    let invoice = form.get("invoiceId").trim();
    if invoice.is_empty() {
        body.extend(filled(form, &["currency"]));
    } else {
        body.insert("invoiceId".to_owned(), whole(invoice));
    }
    let amount = form.get("amount").trim();
    if !amount.is_empty() {
        body.insert("amount".to_owned(), decimal(amount).into());
    }
    let (min, max) = (form.get("open/min").trim(), form.get("open/max").trim());
    if form.get("isOpen") == "true" || !min.is_empty() || !max.is_empty() {
        let mut open = Map::new();
        for (name, value) in [("min", min), ("max", max)] {
            if !value.is_empty() {
                open.insert(name.to_owned(), decimal(value).into());
            }
        }
        body.insert("open".to_owned(), open.into());
    }
    if !form.get("expiresInDays").trim().is_empty() {
        body.insert("expiresInDays".to_owned(), whole(form.get("expiresInDays")));
    }
    let types = method_types(form);
    if !types.is_empty() {
        body.insert("methodTypes".to_owned(), types.into());
    }
    let collect = COLLECT.iter().filter(|name| form.get(&format!("collect.{name}")) == "true");
    let collect: Vec<Value> = collect.map(|name| Value::from(*name)).collect();
    if !collect.is_empty() {
        body.insert("collect".to_owned(), collect.into());
    }
    body.insert("notify".to_owned(), (form.get("notify") == "true").into());
    body.into()
}

/// `POST …/request-payment`: the answer shows the address.
pub(super) async fn make(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let ask = visit.post(signed_in, &customer.api("/paymentRequests"), form).json(&body(form));
    match ask.tried().await? {
        Ok(answer) => {
            made(visit, signed_in, &customer, member(&answer, "responseData"), form.get("notify") == "true")
        }
        Err(no) => {
            let mut fields = refused(Fields::sent(form, &NAMES), &no, visit.language);
            for problem in
                fields.problems.iter_mut().filter(|one| one.code == "required" && one.field == "amount")
            {
                texts(visit.language).no_amount.clone_into(&mut problem.message);
            }
            let parts = parts(visit, signed_in, &customer, fields).await?;
            page(visit, signed_in, &customer, parts)
        }
    }
}

/// The page with the address of a request.
pub(super) fn made(
    visit: &Visit,
    signed_in: &SignedIn,
    customer: &Customer,
    request: &Value,
    is_mailed: bool,
) -> Shown {
    let texts = texts(visit.language);
    let id = part(text(request, "paymentRequestId"));
    let amount = amount(visit.language, member(request, "amount"), text(request, "currency"));
    let parts = LinkParts {
        title: texts.request_word,
        url: text(request, "url"),
        is_mailed,
        facts: vec![
            (texts.amount, if amount.is_empty() { texts.payer_says.to_owned() } else { amount }),
            (texts.link_for, text(request, "description").to_owned()),
            (texts.method, types_words(texts, request)),
            (texts.expires, minute(visit.language, text(request, "expiresAt"))),
        ],
        tail: format!("/requests/{id}"),
        address: format!("{}/at/{}/requests/{id}", visit.root, customer.store.entry),
    };
    link_page(visit, signed_in, customer, parts)
}

/// The request that the address names, if it is the customer's.
async fn path(
    visit: &Visit,
    signed_in: &SignedIn,
    customer: &Customer,
    what: &str,
) -> Result<String, Refused> {
    let path = format!("/PaymentRequest/{}", part(visit.part("requestId")));
    let request = visit.get(signed_in, &path).sent().await?;
    if shown(&request, "customerId") == customer.id {
        Ok(format!("{path}/{what}"))
    } else {
        Err(Refused::NotFound)
    }
}

/// `POST …/requests/{requestId}/resend`.
pub(super) async fn resend(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let path = path(visit, signed_in, &customer, "resend").await?;
    let notify = form.get("notify") == "true";
    match visit.post(signed_in, &path, form).json(&json!({"notify": notify})).tried().await? {
        Ok(answer) => made(visit, signed_in, &customer, member(&answer, "responseData"), notify),
        Err(no) => Err(Refused::Other(wording::why(visit.language, &no))),
    }
}

/// `POST …/requests/{requestId}/cancel`.
pub(super) async fn cancel(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let path = path(visit, signed_in, &customer, "cancel").await?;
    pressed(visit, &customer, visit.post(signed_in, &path, form), "cancelled").await
}
