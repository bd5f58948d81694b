//! The timeline of a customer: its history in sentences.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::Value;

use super::texts::{Texts, texts};
use super::{Customer, wording};
use crate::console::ask::{list, member, part, shown, text};
use crate::console::frame::Frame;
use crate::console::page::{Refused, Shown, html};
use crate::console::states::{Of, badge};
use crate::console::visit::{SignedIn, Visit};
use crate::console::written::{amount, minute};
use crate::domain::entrypoints::theme::Language;

/// How many entries a page of the history shows.
const PAGE: usize = 50;

/// A field that changed.
#[derive(Debug, Clone)]
pub(super) struct ChangedField {
    pub(super) field: String,
    pub(super) from: String,
    pub(super) to: String,
}

/// What somebody did, as a sentence.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) when: String,
    pub(super) who: String,
    pub(super) verb: String,
    pub(super) noun: String,
    pub(super) link: String,
    /// What follows, such as an amount.
    pub(super) tail: String,
    pub(super) version: String,
    pub(super) changes: Vec<ChangedField>,
}

/// What the page knows about the things that entries name, from reads that it made anyway.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// What belongs after an entry, such as `25.00 USD`, by the id of the thing.
    tails: BTreeMap<String, String>,
    /// Transactions of our own charges by id, with what they do and how far they came.
    charges: BTreeMap<String, (String, String)>,
    /// The links for payment methods.
    links: Vec<String>,
    /// Coupons by id, with their codes.
    coupons: BTreeMap<String, String>,
}

impl Known {
    /// From the details of a customer.
    pub(super) fn of_details(language: Language, details: &Value) -> Known {
        let mut known = Known::default();
        let summary = member(member(details, "record"), "customerSummary");
        known.add_transactions(language, list(summary, "RecentTransactions"));
        for one in list(member(details, "invoices"), "Records") {
            let amount = amount(language, member(one, "invoiceAmount"), text(one, "currency"));
            let number = text(one, "invoiceNumber");
            let words = if number.is_empty() { amount } else { format!("{number}, {amount}") };
            known.tails.insert(shown(one, "invoiceId"), words);
        }
        for (name, id, sum) in
            [("orders", "orderId", "total"), ("paymentRequests", "paymentRequestId", "amount")]
        {
            for one in list(member(details, name), "Records") {
                let amount = amount(language, member(one, sum), text(one, "currency"));
                known.tails.insert(text(one, id).to_owned(), amount);
            }
        }
        for one in list(member(details, "methodLinks"), "Records") {
            known.links.push(text(one, "linkId").to_owned());
        }
        for one in list(member(details, "coupons"), "Records") {
            let code = text(member(one, "coupon"), "code").to_owned();
            known.tails.insert(text(member(one, "coupon"), "couponId").to_owned(), code.clone());
            known.coupons.insert(text(member(one, "coupon"), "couponId").to_owned(), code);
        }
        let methods = list(details, "otherMethods").iter().chain([member(details, "defaultMethod")]);
        for one in methods {
            known.tails.insert(text(one, "methodId").to_owned(), super::words::method_name(language, one));
        }
        known
    }

    /// Adds transactions.
    pub(super) fn add_transactions(&mut self, language: Language, transactions: &[Value]) {
        for one in transactions {
            let id = text(one, "transId").to_owned();
            self.tails
                .insert(id.clone(), amount(language, member(one, "TotalAmount"), text(one, "currency")));
            let is_cashless =
                text(one, "Operation") != "sale" || matches!(text(one, "Method"), "card" | "ach" | "wallet");
            // Our own, and not what an order says was paid in cash.
            if text(one, "Source") == "customary" && is_cashless {
                self.charges.insert(id, (text(one, "Operation").to_owned(), text(one, "status").to_owned()));
            }
        }
    }
}

/// The entries of a history as sentences. `base` is the path of the place.
pub(super) fn lines(
    language: Language,
    customer: &Customer,
    base: &str,
    entries: &[Value],
    known: &Known,
) -> Vec<Line> {
    entries.iter().map(|entry| line(language, customer, base, entry, known)).collect()
}

fn line(language: Language, customer: &Customer, base: &str, entry: &Value, known: &Known) -> Line {
    let texts = texts(language);
    let id = text(entry, "subjectId");
    let sent = text(entry, "operation");
    let changes: Vec<ChangedField> = list(entry, "changes").iter().map(|one| change(language, one)).collect();
    let charge = known.charges.get(id).map(|(operation, status)| (operation.as_str(), status.as_str()));
    let by = text(member(entry, "token"), "name");
    let is_payer = matches!(by, "portal" | "payer");
    let operation = match (sent, charge) {
        ("transaction.created", Some(("sale", "declined" | "error"))) if is_payer => {
            "payer.declined".to_owned()
        }
        ("transaction.created", Some(("sale", _))) if is_payer => "payer.paid".to_owned(),
        ("transaction.created", Some(("sale", "declined" | "error"))) => "charge.declined".to_owned(),
        ("transaction.created", Some(("sale", _))) => "charged".to_owned(),
        ("transaction.created", Some(("refund", _))) => "paidBack".to_owned(),
        _ if known.links.iter().any(|link| link == id) => sent.replace("request.", "link."),
        _ => sent.to_owned(),
    };
    let (verb, noun) = wording::told(language, &operation);
    let is_declined = matches!(operation.as_str(), "charge.declined" | "payer.declined");
    let is_charge = is_declined || matches!(operation.as_str(), "charged" | "payer.paid" | "paidBack");
    let tail = known.tails.get(id).filter(|_| !id.is_empty()).cloned().unwrap_or_default();
    let (mut noun, mut tail) = (noun.to_owned(), tail);
    let mut verb = verb.to_owned();
    if is_charge && !tail.is_empty() {
        // "charged 25.00 USD": the amount stands in place of the thing.
        noun = std::mem::take(&mut tail);
        if is_declined {
            tail = format!(" – {}", badge(language, Of::Payment, "declined").text);
        }
    } else if !tail.is_empty() && !noun.is_empty() {
        tail = format!(" ({tail})");
    } else {
        tail.clear();
    }
    if operation == "updated" {
        verb = format!("{verb} {}", changed_words(texts, &changes));
    } else if operation == "lifecycleMoved"
        && let Some(stage) = list(entry, "changes").iter().find(|one| text(one, "field") == "lifecycle")
        && !text(stage, "to").is_empty()
    {
        let colon = if language == Language::French { " : " } else { ": " };
        tail = format!("{colon}{}", badge(language, Of::Stage, text(stage, "to")).text);
    }
    if !noun.is_empty() && !verb.ends_with('’') {
        verb.push(' ');
    }
    Line {
        when: minute(language, text(entry, "at")),
        who: wording::who(texts, by),
        verb,
        noun,
        link: link(customer, base, sent, id, known),
        tail,
        version: shown(entry, "version"),
        // An event names fields without values, which tells nobody anything.
        changes: changes
            .into_iter()
            .filter(|change| !change.from.is_empty() || !change.to.is_empty())
            .collect(),
    }
}

/// The fields that changed, in a sentence; "the record" where there are none to be seen.
fn changed_words(texts: &Texts, changes: &[ChangedField]) -> String {
    let names: Vec<String> = changes.iter().take(4).map(|change| lowercase(&change.field)).collect();
    match changes.len() {
        0 => texts.the_record.to_owned(),
        1..=4 => names.join(", "),
        many => format!("{} +{}", names.join(", "), many - 4),
    }
}

/// A name of a field within a sentence. Abbreviations keep their capitals.
fn lowercase(name: &str) -> String {
    let mut chars = name.chars();
    let Some(first) = chars.next() else { return String::new() };
    if chars.clone().next().is_some_and(char::is_uppercase) {
        return name.to_owned();
    }
    first.to_lowercase().chain(chars).collect()
}

/// Where the thing of an entry can be seen.
fn link(customer: &Customer, base: &str, operation: &str, id: &str, known: &Known) -> String {
    if id.is_empty() {
        return String::new();
    }
    let home = &customer.home;
    match operation.split('.').next().unwrap_or_default() {
        "transaction" => format!("{base}/payments/{}", part(id)),
        "invoice" => format!("{base}/invoices/{}", part(id)),
        "order" => format!("{base}/orders/{}", part(id)),
        "request" if known.links.iter().any(|link| link == id) => format!("{home}/method-links"),
        "request" => format!("{base}/requests/{}", part(id)),
        "coupon" => {
            known.coupons.get(id).map(|code| format!("{base}/coupons/{}", part(code))).unwrap_or_default()
        }
        "comment" if operation != "comment.deleted" => format!("{home}/comments#comment-{id}"),
        "method" if operation != "method.deleted" => format!("{home}#methods"),
        _ => String::new(),
    }
}

/// A field that changed, with words for the values that have some.
fn change(language: Language, change: &Value) -> ChangedField {
    let name = text(change, "field");
    let words = |value: &str| match name {
        "customerStatus" if !value.is_empty() => badge(language, Of::Status, value).text,
        "lifecycle" if !value.is_empty() => badge(language, Of::Stage, value).text,
        "invitation" => minute(language, value),
        _ if name.starts_with("customerConsent") && !value.is_empty() => {
            badge(language, Of::Consent, value).text
        }
        _ => value.to_owned(),
    };
    ChangedField {
        field: wording::field(language, name),
        from: words(text(change, "from")),
        to: words(text(change, "to")),
    }
}

#[derive(Template)]
#[template(path = "console/customer/history.html")]
struct HistoryPage<'a> {
    frame: Frame,
    texts: &'static Texts,
    customer: &'a Customer,
    lines: Vec<Line>,
    range: String,
    newer: Option<String>,
    older: Option<String>,
}

/// `GET /console/at/{place}/customers/{customerId}/history`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let (details, etag) =
        visit.get(signed_in, &format!("/Customer/{}/details", visit.part("customerId"))).tagged().await?;
    let customer = Customer::of(visit, signed_in, member(&details, "record").clone(), etag)?;
    let skip = visit.asked("from").parse::<usize>().unwrap_or_default();
    let page = visit
        .get(signed_in, &customer.api("/history"))
        .with("fromRecord", skip.to_string())
        .with("limitRecord", PAGE.to_string())
        .sent()
        .await?;
    let texts = texts(visit.language);
    let frame = visit.frame(signed_in, "customers", format!("{} · {}", texts.timeline, customer.name))?;
    let mut known = Known::of_details(visit.language, &details);
    known.add_transactions(visit.language, &transactions(visit, signed_in, &customer).await?);
    let entries = list(&page, "Records");
    let lines = lines(visit.language, &customer, &frame.base, entries, &known);
    let total = super::total(&page);
    let last = skip.saturating_add(lines.len());
    let at = |from: usize| format!("{}/history?from={from}", customer.home);
    let page = HistoryPage {
        range: format!("{}–{last} {} {total}", skip.saturating_add(1).min(last), frame.texts.of_total),
        newer: (skip > 0).then(|| at(skip.saturating_sub(PAGE))),
        older: usize::try_from(total).is_ok_and(|total| last < total).then(|| at(last)),
        frame,
        texts,
        customer: &customer,
        lines,
    };
    html(StatusCode::OK, &page)
}

/// The newest payments of the customer, in one read, so that entries can tell amounts.
async fn transactions(
    visit: &Visit,
    signed_in: &SignedIn,
    customer: &Customer,
) -> Result<Vec<Value>, Refused> {
    let found = visit
        .get(signed_in, &format!("/Query/transactions/{}", part(&customer.store.entry)))
        .with("customerId(eq)", &customer.id)
        .with("limitRecord", "100")
        .if_any()
        .await?;
    Ok(found.map(|page| list(&page, "Records").to_vec()).unwrap_or_default())
}
