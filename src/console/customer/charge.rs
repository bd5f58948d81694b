//! Charges a stored payment method of a customer at once, and says how it ended.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::Value;

use super::form::{Button, FormParts, Row, page, pair};
use super::requests::open_invoices;
use super::texts::{Texts, texts};
use super::words::method_name;
use super::{Customer, decimal, filled, refused, whole, wording};
use crate::console::ask::{list, member, part, shown, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::page::{Refused, Shown, html};
use crate::console::states::{Badge, Of, badge};
use crate::console::visit::{SignedIn, Visit};
use crate::console::written::{amount, minute};
use crate::web::form::Form;

const NAMES: [&str; 6] = ["methodId", "amount", "currency", "invoiceId", "description", "orderId"];

/// The stored methods to choose from, the default one first.
async fn methods(
    visit: &Visit,
    signed_in: &SignedIn,
    customer: &Customer,
) -> Result<Vec<(String, String)>, Refused> {
    let all = visit.get(signed_in, &customer.api("/methods")).sent().await?;
    let mut records: Vec<&Value> = list(&all, "Records").iter().collect();
    records.sort_by_key(|one| member(one, "isDefault") != true);
    let name = |one: &&Value| {
        let status = badge(visit.language, Of::Method, text(one, "status")).text;
        (text(one, "methodId").to_owned(), format!("{} ({status})", method_name(visit.language, one)))
    };
    Ok(records.iter().map(name).collect())
}

async fn parts(
    visit: &Visit,
    signed_in: &SignedIn,
    customer: &Customer,
    form: Fields,
) -> Result<FormParts, Refused> {
    let texts = texts(visit.language);
    let methods = methods(visit, signed_in, customer).await?;
    let invoices = open_invoices(visit, signed_in, customer).await?;
    let warnings = if methods.is_empty() { vec![texts.no_method_to_charge.to_owned()] } else { Vec::new() };
    let mut rows = vec![Row::select("methodId", texts.method, methods)];
    rows.extend(pair([
        Row::field("amount", texts.amount).hint(texts.amount_hint),
        Row::field("currency", texts.currency),
    ]));
    if invoices.len() > 1 {
        rows.push(Row::select("invoiceId", texts.of_invoice, invoices));
    }
    rows.push(Row::field("description", texts.what_for));
    rows.push(Row::field("orderId", texts.order_reference));
    Ok(FormParts {
        title: texts.charge_title.to_owned(),
        lead: texts.charge_lead.to_owned(),
        rows,
        form,
        warnings,
        button: Button {
            label: texts.charge_now.to_owned(),
            sure: texts.charge_sure.to_owned(),
            ..Button::default()
        },
        ..FormParts::default()
    })
}

/// `GET …/charge`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let form = Fields::of([
        ("currency", customer.store.currency.clone()),
        ("methodId", visit.asked("method")),
        ("invoiceId", visit.asked("invoiceId")),
    ]);
    let parts = parts(visit, signed_in, &customer, form).await?;
    page(visit, signed_in, &customer, parts)
}

/// `POST …/charge`.
pub(super) async fn make(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let mut body = filled(form, &["methodId", "description", "orderId"]);
    let amount = form.get("amount").trim();
    if !amount.is_empty() {
        body.insert("amount".to_owned(), decimal(amount).into());
    }
    let invoice = form.get("invoiceId").trim();
    if invoice.is_empty() {
        body.extend(filled(form, &["currency"]));
    } else {
        body.insert("invoiceId".to_owned(), whole(invoice));
    }
    let ask = visit.post(signed_in, &customer.api("/charges"), form).json(&body.into());
    match ask.tried().await? {
        Ok(answer) => {
            let charge = member(&answer, "responseData");
            Ok(visit.go(&format!("{}/charge/{}", customer.home, part(text(charge, "transId")))))
        }
        Err(no) => {
            let fields = refused(Fields::sent(form, &NAMES), &no, visit.language);
            let parts = parts(visit, signed_in, &customer, fields).await?;
            page(visit, signed_in, &customer, parts)
        }
    }
}

#[derive(Template)]
#[template(path = "console/customer/charge.html")]
struct ResultPage<'a> {
    frame: Frame,
    texts: &'static Texts,
    customer: &'a Customer,
    amount: String,
    status: Badge,
    /// Why it was declined, and what to do.
    why: String,
    is_open: bool,
    is_declined: bool,
    facts: Vec<(&'static str, String)>,
    payment: String,
}

/// `GET …/charge/{transId}`: how a charge stands.
pub(super) async fn result(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let customer = Customer::read(visit, signed_in).await?;
    let id = visit.part("transId");
    let answer = visit.get(signed_in, &format!("/Charge/{}", part(id))).sent().await?;
    let charge = &answer;
    if shown(charge, "customerId") != customer.id {
        return Err(Refused::NotFound);
    }
    let texts = texts(visit.language);
    let language = visit.language;
    let status = text(charge, "status");
    let frame = visit.frame(signed_in, "customers", format!("{} · {}", texts.charge_title, customer.name))?;
    let said = text(charge, "message");
    let why = match status {
        "declined" => wording::declined(language, text(charge, "declineCode")).unwrap_or(said).to_owned(),
        "requested" | "pending" => texts.charge_pending.to_owned(),
        "requiresAction" => texts.charge_action.to_owned(),
        _ => String::new(),
    };
    let page = ResultPage {
        texts,
        amount: amount(language, member(charge, "amount"), text(charge, "currency")),
        status: badge(language, Of::Charge, status),
        why,
        is_open: matches!(status, "requested" | "pending" | "requiresAction"),
        is_declined: status == "declined",
        facts: vec![
            (texts.date, minute(language, text(charge, "createdAt"))),
            (texts.what_for, text(charge, "description").to_owned()),
            (texts.of_invoice, text(charge, "invoiceNumber").to_owned()),
            (texts.auth_code, text(charge, "authCode").to_owned()),
            (texts.decline_code, text(charge, "declineCode").to_owned()),
            (texts.asked_by, text(charge, "askedBy").to_owned()),
        ],
        payment: format!("{}/payments/{}", frame.base, part(id)),
        frame,
        customer: &customer,
    };
    html(StatusCode::OK, &page)
}
