//! The page of a customer.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::Value;

use super::cards::{ListCard, Maker};
use super::comments::{Comment, shown_comments};
use super::texts::{Texts, texts};
use super::timeline::{Known, Line, lines};
use super::words::method_name;
use super::{Customer, wording};
use crate::console::ask::{list, member, part, shown, text};
use crate::console::frame::Frame;
use crate::console::page::{Refused, Shown, html};
use crate::console::states::{Badge, Of, badge};
use crate::console::visit::{ALL, SignedIn, Visit};
use crate::console::written::{amount, day, minute};
use crate::domain::customers::country::country_name;
use crate::domain::entrypoints::theme::Language;

/// How many entries of the history the page shows.
const LINES: usize = 8;
/// How many open invoices are added up.
const INVOICES: &str = "100";

/// An address of the customer.
pub(super) struct AddressBlock {
    id: String,
    lines: Vec<String>,
    kind: String,
    is_billing: bool,
    is_shipping: bool,
    /// Whether it stands in the list by itself, and so can be changed.
    note: String,
}

/// A stored payment method.
pub(super) struct MethodBlock {
    id: String,
    name: String,
    holder: String,
    expires: String,
    status: Badge,
    is_default: bool,
}

/// A fact about the customer.
pub(super) struct Fact {
    label: String,
    value: String,
    /// `mailto:…` or `tel:…`; empty where there is none, or a mask.
    link: String,
}

/// The state of the portal and of consent.
struct Portal {
    badge: Badge,
    facts: Vec<(&'static str, String)>,
    is_active: bool,
    is_invited: bool,
    consent: Badge,
    consent_since: String,
    may_ask: bool,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a question of the template")]
#[derive(Template)]
#[template(path = "console/customer/show.html")]
struct CustomerPage<'a> {
    frame: Frame,
    texts: &'static Texts,
    customer: &'a Customer,
    stage: Badge,
    status: Option<Badge>,
    status_code: String,
    labels: Vec<String>,
    known_labels: Vec<String>,
    facts: Vec<Fact>,
    addresses: Vec<AddressBlock>,
    methods: Vec<MethodBlock>,
    figures: Vec<(String, String)>,
    lists: Vec<ListCard>,
    links: Option<ListCard>,
    /// The comments, and how many there are in all; none without the right to see them.
    comments: Option<(Vec<Comment>, u64)>,
    has_more_comments: bool,
    references: Vec<(String, String)>,
    portal: Portal,
    lines: Vec<Line>,
    can_write: bool,
    can_delete: bool,
    can_ask_money: bool,
    can_charge: bool,
}

/// `GET /console/at/{place}/customers/{customerId}`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let id = visit.part("customerId");
    let (details, etag) = visit.get(signed_in, &format!("/Customer/{id}/details")).tagged().await?;
    if visit.part("place") == ALL {
        let entry = text(member(&details, "record"), "PaypointEntryname");
        return Ok(visit.go_to(&format!("/at/{}/customers/{id}", part(entry))));
    }
    let customer = Customer::of(visit, signed_in, member(&details, "record").clone(), etag)?;
    let frame = visit.frame(signed_in, "customers", customer.name.as_str())?;
    let history = visit.get(signed_in, &customer.api("/history")).with("limitRecord", LINES.to_string());
    let history = history.if_any().await?.unwrap_or_default();
    let invitation = visit.get(signed_in, &customer.api("/invite")).if_any().await?.unwrap_or_default();
    let figures = figures(visit, signed_in, &customer, &details).await?;
    let can_write = frame.may("customers:write") && !customer.is_deleted();
    let known_labels = if can_write { known_labels(visit, signed_in, &customer).await? } else { Vec::new() };
    let texts = texts(visit.language);
    let language = visit.language;
    let may_money = frame.may("money:write");
    let maker = Maker { language, texts, customer: &customer, base: &frame.base, may_write: may_money };
    let known = Known::of_details(language, &details);
    let lists = lists(&maker, &details);
    let record = &customer.record;
    let default = [member(&details, "defaultMethod")];
    let methods = default.into_iter().filter(|one| one.is_object()).chain(list(&details, "otherMethods"));
    let status_code = shown(record, "customerStatus");
    let comments = shown_comments(language, signed_in, member(&details, "comments"));
    let page = CustomerPage {
        texts,
        stage: badge(language, Of::Stage, text(record, "Lifecycle")),
        status: (!matches!(status_code.as_str(), "1" | "-99"))
            .then(|| badge(language, Of::Status, &status_code)),
        status_code,
        labels: list(record, "Labels").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        known_labels,
        facts: facts(language, texts, &customer),
        addresses: list(record, "Addresses").iter().map(|one| address(language, texts, one)).collect(),
        methods: methods.map(|one| method(language, one)).collect(),
        figures,
        links: member(&details, "methodLinks")
            .is_object()
            .then(|| maker.links(member(&details, "methodLinks"))),
        has_more_comments: comments.as_ref().is_some_and(|(shown, total)| is_more(*total, shown.len())),
        comments,
        references: list(record, "References")
            .iter()
            .map(|one| (text(one, "system").to_owned(), text(one, "externalId").to_owned()))
            .collect(),
        portal: portal(language, texts, &customer, &invitation),
        lines: lines_of(language, &customer, &frame, &history, &known),
        can_write,
        can_delete: frame.may("customers:delete") && !customer.is_erased(),
        can_ask_money: may_money && !customer.is_deleted(),
        can_charge: frame.may("money:charge") && !customer.is_deleted(),
        lists,
        frame,
        customer: &customer,
    };
    html(StatusCode::OK, &page)
}

fn lines_of(
    language: Language,
    customer: &Customer,
    frame: &Frame,
    history: &Value,
    known: &Known,
) -> Vec<Line> {
    lines(language, customer, &frame.base, list(history, "Records"), known)
}

/// The cards about money that the member sees.
fn lists(maker: &Maker<'_>, details: &Value) -> Vec<ListCard> {
    let summary = member(member(details, "record"), "customerSummary");
    let mut cards = Vec::new();
    if summary.is_object() || member(details, "invoices").is_object() {
        cards.push(maker.payments(summary));
    }
    let seen = |name: &str| Some(member(details, name)).filter(|page| page.is_object());
    cards.extend(seen("invoices").map(|page| maker.invoices(page)));
    cards.extend(seen("orders").map(|page| maker.orders(page)));
    cards.extend(seen("paymentRequests").map(|page| maker.requests(page)));
    cards.extend(seen("coupons").map(|page| maker.coupons(page)));
    let subscriptions = maker.subscriptions();
    if !subscriptions.rows.is_empty() {
        cards.push(subscriptions);
    }
    cards
}

/// Whether there are more than shown.
fn is_more(total: u64, shown: usize) -> bool {
    usize::try_from(total).map_or(true, |total| total > shown)
}

/// What was paid, what went back, and what is open.
async fn figures(
    visit: &Visit,
    signed_in: &SignedIn,
    customer: &Customer,
    details: &Value,
) -> Result<Vec<(String, String)>, Refused> {
    let texts = texts(visit.language);
    let language = visit.language;
    let summary = member(&customer.record, "customerSummary");
    if !summary.is_object() && !member(details, "invoices").is_object() {
        return Ok(Vec::new());
    }
    let own = &customer.store.currency;
    let mut figures = Vec::new();
    let totals = list(summary, "totalsByCurrency");
    for one in totals {
        let currency = text(one, "currency");
        figures.push((texts.paid.to_owned(), amount(language, member(one, "totalAmount"), currency)));
        figures.push((texts.net.to_owned(), amount(language, member(one, "totalNetAmount"), currency)));
    }
    if totals.is_empty() {
        figures.push((texts.paid.to_owned(), amount(language, &Value::from(0), own)));
    }
    let page = member(details, "invoices");
    let mut invoices = list(page, "Records").to_vec();
    if is_more(super::total(page), invoices.len()) {
        let ask = visit.get(signed_in, &format!("/Query/invoices/{}", part(&customer.store.entry)));
        let ask = ask.with("customerId", &customer.id).with("status(in)", "open|partlyPaid");
        let all = ask.with("limitRecord", INVOICES).if_any().await?.unwrap_or_default();
        invoices = list(&all, "Records").to_vec();
    }
    let mut open = std::collections::BTreeMap::<String, f64>::new();
    for one in invoices.iter().filter(|one| matches!(text(one, "state"), "open" | "partlyPaid")) {
        *open.entry(text(one, "currency").to_owned()).or_default() +=
            member(one, "openAmount").as_f64().unwrap_or_default();
    }
    open.retain(|_, sum| *sum > 0.0);
    if open.is_empty() {
        open.insert(own.clone(), 0.0);
    }
    for (currency, sum) in open {
        // Sums of amounts with at most four digits, so rounding there takes the noise of floats away.
        let sum = Value::from((sum * 10_000.0).round() / 10_000.0);
        figures.push((texts.open_invoices.to_owned(), amount(language, &sum, &currency)));
    }
    let sales = shown(summary, "NumberofTransactions");
    figures.push((texts.sales.to_owned(), if sales.is_empty() { "0".to_owned() } else { sales }));
    Ok(figures)
}

/// The labels of the entrypoint, to choose from.
async fn known_labels(
    visit: &Visit,
    signed_in: &SignedIn,
    customer: &Customer,
) -> Result<Vec<String>, Refused> {
    let ask = visit.get(signed_in, &format!("/Paypoint/labels/{}", part(&customer.store.entry)));
    let found = ask.with("limitRecord", "50").if_any().await?.unwrap_or_default();
    let own = list(&customer.record, "Labels");
    let names =
        list(&found, "Records").iter().map(|one| member(one, "label")).filter(|label| !own.contains(label));
    Ok(names.filter_map(Value::as_str).map(str::to_owned).collect())
}

fn facts(language: Language, texts: &'static Texts, customer: &Customer) -> Vec<Fact> {
    let record = &customer.record;
    let mut facts = Vec::new();
    let mut add = |label: &str, value: String, link: String| {
        if !value.is_empty() {
            facts.push(Fact { label: label.to_owned(), value, link });
        }
    };
    let email = text(record, "Email");
    // A mask leads nowhere.
    let is_clear = |value: &str| !value.is_empty() && !value.contains('*') && !value.contains('•');
    add(
        texts.email,
        email.to_owned(),
        if is_clear(email) { format!("mailto:{email}") } else { String::new() },
    );
    let phone = text(record, "Phone");
    add(texts.phone, phone.to_owned(), if is_clear(phone) { format!("tel:{phone}") } else { String::new() });
    for (name, label) in [
        ("Firstname", texts.firstname),
        ("Lastname", texts.lastname),
        ("Fullname", texts.fullname),
        ("Company", texts.company),
        ("customerNumber", texts.customer_number),
        ("customerUsername", texts.username),
    ] {
        add(label, text(record, name).to_owned(), String::new());
    }
    add(texts.birthday, day(language, text(record, "Birthday")), String::new());
    if let Some(zone) = member(record, "TimeZone").as_i64() {
        add(texts.time_zone, format!("UTC{zone:+}"), String::new());
    }
    if !matches!(shown(record, "Balance").as_str(), "" | "0" | "0.0") {
        add(
            texts.balance,
            amount(language, member(record, "Balance"), &customer.store.currency),
            String::new(),
        );
    }
    let identifiers: Vec<String> = list(record, "IdentifierFields")
        .iter()
        .filter_map(Value::as_str)
        .map(|name| wording::field(language, name))
        .collect();
    add(texts.identifiers, identifiers.join(", "), String::new());
    if let Some(more) = member(record, "AdditionalFields").as_object() {
        for (name, value) in more {
            add(name, value.as_str().map_or_else(|| value.to_string(), str::to_owned), String::new());
        }
    }
    add(texts.created, minute(language, text(record, "Created")), String::new());
    add(texts.changed, minute(language, text(record, "LastUpdated")), String::new());
    facts
}

fn address(language: Language, texts: &'static Texts, one: &Value) -> AddressBlock {
    let place = [text(one, "zip"), text(one, "city")].join(" ");
    let country = text(one, "country");
    let country = country_name(country, language).unwrap_or(country);
    let all = [
        text(one, "name"),
        text(one, "company"),
        text(one, "address"),
        text(one, "address1"),
        text(one, "address2"),
        text(one, "district"),
        place.trim(),
        text(one, "state"),
        country,
        text(one, "phone"),
    ];
    AddressBlock {
        id: shown(one, "id"),
        lines: all.into_iter().filter(|line| !line.is_empty()).map(str::to_owned).collect(),
        kind: texts.address_kind(text(one, "kind")).to_owned(),
        is_billing: member(one, "isDefaultBilling") == true,
        is_shipping: member(one, "isDefaultShipping") == true,
        note: text(one, "note").to_owned(),
    }
}

fn method(language: Language, one: &Value) -> MethodBlock {
    let expires = match (member(one, "expMonth").as_i64(), member(one, "expYear").as_i64()) {
        (Some(month), Some(year)) => format!("{month:02}/{year}"),
        _ => String::new(),
    };
    MethodBlock {
        id: text(one, "methodId").to_owned(),
        name: method_name(language, one),
        holder: text(one, "holderName").to_owned(),
        expires,
        status: badge(language, Of::Method, text(one, "status")),
        is_default: member(one, "isDefault") == true,
    }
}

fn portal(language: Language, texts: &'static Texts, customer: &Customer, invitation: &Value) -> Portal {
    let state = text(invitation, "state");
    let mut facts = Vec::new();
    for (name, label) in
        [("invitedAt", texts.invited_at), ("openedAt", texts.opened_at), ("expiresAt", texts.expires)]
    {
        let time = text(invitation, name);
        if !time.is_empty() && (state == "invited" || name == "invitedAt") {
            facts.push((label, minute(language, time)));
        }
    }
    if state == "invited" && member(invitation, "expired") == true {
        facts.push((texts.status, texts.link_expired.to_owned()));
    }
    let channel = member(member(&customer.record, "customerConsent"), "eCommunication");
    let code = member(channel, "status").as_i64().unwrap_or_default();
    Portal {
        badge: badge(language, Of::Portal, state),
        facts,
        is_active: state == "active",
        is_invited: state == "invited",
        consent: badge(language, Of::Consent, &code.to_string()),
        consent_since: minute(language, text(channel, "updatedAt")),
        may_ask: code != 1,
    }
}
