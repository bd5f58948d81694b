//! The page with the customer's own record.

use actix_web::http::StatusCode;
use askama::Template;

use super::invoices::{self, InvoiceRow};
use super::methods::{self, MethodRow};
use super::orders::{self, OrderRow};
use super::requests::{self, RequestRow};
use super::texts::{Texts, label};
use super::visit::{SignedIn, Visit};
use crate::domain::customers::consent::{Channel, ConsentStatus};
use crate::domain::customers::country;
use crate::domain::customers::fields::TextField;
use crate::domain::customers::record::Customer;
use crate::domain::numbers;
use crate::web::PageResult;
use crate::web::page::{Frame, html};

/// The fields about the person. Customer number and login name are shown but never edited.
pub(super) const PERSON: [TextField; 9] = [
    TextField::Fullname,
    TextField::Firstname,
    TextField::Lastname,
    TextField::Company,
    TextField::Email,
    TextField::Phone,
    TextField::Birthday,
    TextField::CustomerUsername,
    TextField::CustomerNumber,
];
/// The fields of the billing address.
pub(super) const BILLING: [TextField; 6] = [
    TextField::Address,
    TextField::Address1,
    TextField::City,
    TextField::State,
    TextField::Zip,
    TextField::Country,
];
/// The fields of the shipping address.
pub(super) const SHIPPING: [TextField; 6] = [
    TextField::ShippingAddress,
    TextField::ShippingAddress1,
    TextField::ShippingCity,
    TextField::ShippingState,
    TextField::ShippingZip,
    TextField::ShippingCountry,
];

struct Item {
    label: &'static str,
    value: String,
}

struct Group {
    title: &'static str,
    items: Vec<Item>,
}

struct ConsentState {
    text: &'static str,
    since: Option<String>,
    /// The form token to withdraw consent.
    withdraw: Option<String>,
}

/// The stored payment methods.
struct OnFile {
    /// The one that is used first.
    first: Option<MethodRow>,
}

#[derive(Template)]
#[template(path = "record.html")]
struct RecordPage {
    frame: Frame,
    texts: &'static Texts,
    name: String,
    groups: Vec<Group>,
    orders: Vec<OrderRow>,
    has_more_orders: bool,
    invoices: Vec<InvoiceRow>,
    has_more_invoices: bool,
    /// The payments that the store asks for.
    requests: Vec<RequestRow>,
    /// The form token to pay, if somebody takes payments.
    pay: Option<String>,
    /// If the customer has, or may leave, payment methods.
    on_file: Option<OnFile>,
    consent: Option<ConsentState>,
    may_edit: bool,
    done: Option<&'static str>,
}

/// `GET /portal/{entry}`.
pub(super) async fn start(visit: &Visit<'_>) -> PageResult {
    let is_in = visit.signed_in().await?.is_some();
    Ok(visit.go_to(if is_in { "/record" } else { "/sign-in" }))
}

/// `GET /portal/{entry}/record`.
pub(super) async fn show(visit: &Visit<'_>, signed_in: &SignedIn) -> PageResult {
    let texts = visit.texts();
    let customer = &signed_in.found.record.stored.customer;
    let group = |title, fields: &[TextField]| Group { title, items: items(visit, customer, fields) };
    let done = match visit.request.query_string() {
        "done=saved" => Some(texts.done_saved),
        "done=password-changed" => Some(texts.done_password_changed),
        "done=withdrawn" => Some(texts.done_withdrawn),
        _ => None,
    };
    let (orders, has_more_orders) = orders::newest(visit, signed_in).await?;
    let (invoices, has_more_invoices) = invoices::newest(visit, signed_in).await?;
    let on_file = !customer.methods.is_empty() || visit.takes_methods();
    let page = RecordPage {
        frame: visit.frame(Some(signed_in)),
        texts,
        name: customer.name(),
        groups: vec![
            group(texts.about_you, &PERSON),
            group(texts.billing, &BILLING),
            group(texts.shipping, &SHIPPING),
        ],
        orders,
        has_more_orders,
        invoices,
        has_more_invoices,
        requests: requests::open(visit, signed_in).await?,
        pay: visit.takes_payments().then(|| signed_in.csrf.clone()),
        on_file: on_file.then(|| OnFile { first: methods::first(texts, customer) }),
        consent: consent(visit, signed_in),
        may_edit: !visit.entrypoint.editable_fields().is_empty(),
        done,
    };
    html(StatusCode::OK, &page)
}

fn items(visit: &Visit<'_>, customer: &Customer, fields: &[TextField]) -> Vec<Item> {
    let shown = |field: TextField, value: &str| match field {
        TextField::Country | TextField::ShippingCountry => {
            country::country_name(value, visit.language).unwrap_or(value).to_owned()
        }
        _ => value.to_owned(),
    };
    fields
        .iter()
        .filter_map(|field| {
            let value = customer.text(*field)?;
            Some(Item { label: label(visit.language, *field), value: shown(*field, value) })
        })
        .collect()
}

fn consent(visit: &Visit<'_>, signed_in: &SignedIn) -> Option<ConsentState> {
    let texts = visit.texts();
    let consent = signed_in.found.record.stored.customer.consent?;
    let channels = [Channel::ECommunication, Channel::Sms].map(|channel| consent.of(channel));
    let with = |status| channels.iter().find(|channel| channel.status == status);
    let withdraw = Some(signed_in.csrf.clone());
    let day = |time| numbers::day_of(visit.language, time);
    Some(if let Some(channel) = with(ConsentStatus::OptedIn) {
        ConsentState { text: texts.consent_yes, since: Some(day(channel.updated_at)), withdraw }
    } else if with(ConsentStatus::Pending).is_some() {
        ConsentState { text: texts.consent_none, since: None, withdraw }
    } else {
        ConsentState { text: texts.consent_no, since: None, withdraw: None }
    })
}
