//! The page of an invoice: its lines and sums, what was paid, and what can be done.

use actix_web::http::StatusCode;
use askama::Template;
use rust_decimal::Decimal;
use serde_json::Value;

use super::texts::{Texts, texts};
use crate::console::ask::{list, member, part, shown, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::money::link::PayLink;
use crate::console::money::list::file;
use crate::console::money::people::name_of;
use crate::console::money::texts::{Texts as Words, texts as words};
use crate::console::page::{Refused, Shown, html};
use crate::console::states::{Of, state_of};
use crate::console::visit::{SignedIn, Store, Visit};
use crate::console::written::{amount, day, decimal, input, minute, percent, quantity};

/// A line as the page shows it.
pub(super) struct LineRow {
    pub(super) name: String,
    pub(super) more: String,
    pub(super) quantity: String,
    pub(super) price: String,
    pub(super) tax_rate: String,
    pub(super) net: String,
}

/// A seller or a buyer as the document prints it.
struct Party {
    title: &'static str,
    name: String,
    company: String,
    address: Vec<String>,
    vat_number: String,
}

/// An entry of a list that leads somewhere.
struct Entry {
    address: String,
    name: String,
    amount: String,
}

/// What the member can do.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "one right a line")]
struct Can {
    edit: bool,
    pay: bool,
    send: bool,
    credit: bool,
    void: bool,
}

#[derive(Template)]
#[template(path = "console/invoices/page.html")]
struct InvoicePage {
    frame: Frame,
    texts: &'static Texts,
    words: &'static Words,
    form: Fields,
    here: String,
    title: String,
    badge: (&'static str, &'static str),
    total: String,
    customer: String,
    customer_address: String,
    is_draft: bool,
    is_credit: bool,
    next_number: String,
    facts: Vec<(&'static str, String)>,
    corrects: Option<Entry>,
    lines: Vec<LineRow>,
    sums: Vec<(&'static str, String)>,
    taxes: Vec<(String, String, String)>,
    notes: String,
    conditions: String,
    parties: Vec<Party>,
    payments: Vec<Entry>,
    credits: Vec<Entry>,
    methods: Vec<(String, &'static str)>,
    can: Can,
    link: Option<PayLink>,
}

/// The invoice that the address names, if it is one of the store.
pub(super) async fn found<'s>(visit: &Visit, signed_in: &'s SignedIn) -> Result<(&'s Store, Value), Refused> {
    let store = visit.store(signed_in)?;
    let id = visit.part("invoiceId");
    if id.parse::<i64>().is_err() {
        return Err(Refused::NotFound);
    }
    let one = visit.get(signed_in, &format!("/Invoice/{id}")).sent().await?;
    if member(&one, "paypointId").as_i64() == Some(store.id) {
        Ok((store, one))
    } else {
        Err(Refused::NotFound)
    }
}

/// The ETag with which a change names the version that the member saw.
pub(super) fn etag(version: &str) -> String {
    format!("\"{version}-{}\"", "0".repeat(16))
}

/// `GET /console/at/{place}/invoices/{invoiceId}`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    page(visit, signed_in, Fields::default(), None).await
}

/// `GET …/pdf`.
pub(super) async fn pdf(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let (_, one) = found(visit, signed_in).await?;
    file(visit.get(signed_in, &format!("/Invoice/{}/pdf", shown(&one, "invoiceId")))).await
}

/// The lines of an invoice or a draft.
pub(super) fn lines(visit: &Visit, one: &Value) -> Vec<LineRow> {
    let (language, currency) = (visit.language, text(one, "currency"));
    let line = |line: &Value| {
        let (name, more) = (text(line, "itemProductName"), text(line, "itemDescription"));
        LineRow {
            name: if name.is_empty() { more.to_owned() } else { name.to_owned() },
            more: if name.is_empty() { String::new() } else { more.to_owned() },
            quantity: quantity(language, member(line, "itemQty")),
            price: amount(language, member(line, "itemCost"), currency),
            tax_rate: percent(language, member(line, "itemTaxRate")),
            net: amount(language, member(line, "itemTotalAmount"), currency),
        }
    };
    list(one, "items").iter().map(line).collect()
}

/// What an invoice is called.
pub(super) fn title_of(texts: &Texts, one: &Value) -> String {
    let number = text(one, "invoiceNumber");
    let kind = if text(one, "kind") == "creditNote" { texts.credit_note } else { texts.invoice };
    if number.is_empty() { texts.draft_title.to_owned() } else { format!("{kind} {number}") }
}

/// The number that the next invoice gets.
async fn next_number(visit: &Visit, signed_in: &SignedIn, store: &Store) -> Result<String, Refused> {
    let path = format!("/Invoice/getNumber/{}", part(&store.entry));
    let answer = visit.get(signed_in, &path).if_any().await?;
    Ok(answer.map(|answer| text(&answer, "responseData").to_owned()).unwrap_or_default())
}

/// The page with a form that was refused, or with an address to pay at.
#[expect(clippy::too_many_lines, reason = "one line for each part of the page")]
pub(super) async fn page(
    visit: &Visit,
    signed_in: &SignedIn,
    mut form: Fields,
    link: Option<PayLink>,
) -> Shown {
    let (texts, words, language) = (texts(visit.language), words(visit.language), visit.language);
    let (store, one) = found(visit, signed_in).await?;
    let title = title_of(texts, &one);
    let frame = visit.frame(signed_in, "invoices", title.clone())?;
    let currency = text(&one, "currency").to_owned();
    let amounts = |name: &str| amount(language, member(&one, name), &currency);
    let some = |name: &str| if is_some(member(&one, name)) { amounts(name) } else { String::new() };
    let word = text(&one, "state");
    let is_draft = word == "draft";
    let is_credit = text(&one, "kind") == "creditNote";
    let is_overdue = member(&one, "overdue").as_bool().unwrap_or_default();
    if form.value("amount").is_empty() {
        form.set("amount", input(member(&one, "openAmount")));
    }
    let next_number = if is_draft { next_number(visit, signed_in, store).await? } else { String::new() };
    let may = frame.may("money:write");
    let is_open = matches!(word, "open" | "partlyPaid") && !is_credit;
    let can = Can {
        edit: may && is_draft,
        pay: may && is_open,
        send: may && !is_draft && word != "cancelled",
        credit: may && !is_credit && matches!(word, "open" | "partlyPaid" | "paid"),
        void: may && !is_credit && word == "open",
    };
    let at = frame.base.clone();
    let sums = vec![
        (words.discount, some("discount")),
        (words.net, amounts("netAmount")),
        (words.tax, amounts("tax")),
        (words.total, amounts("invoiceAmount")),
        (texts.paid_amount, if is_draft { String::new() } else { some("invoicePaidAmount") }),
        (texts.open_amount, if is_draft || is_credit { String::new() } else { amounts("openAmount") }),
        (texts.overpaid, some("credit")),
    ];
    let tax = |tax: &Value| {
        let rate = percent(language, member(tax, "rate"));
        (
            rate,
            amount(language, member(tax, "netAmount"), &currency),
            amount(language, member(tax, "tax"), &currency),
        )
    };
    let facts = vec![
        (texts.issued_on, day(language, text(&one, "invoiceDate"))),
        (texts.due, day(language, text(&one, "invoiceDueDate"))),
        (texts.terms, text(&one, "paymentTerms").to_owned()),
        (texts.purchase_order, text(&one, "purchaseOrder").to_owned()),
        (texts.sent_on, minute(language, text(&one, "invoiceSentDate"))),
        (words.created, minute(language, text(&one, "createdAt"))),
    ];
    let invoice = |of: &Value| Entry {
        address: format!("{at}/invoices/{}", shown(of, "invoiceId")),
        name: text(of, "invoiceNumber").to_owned(),
        amount: amount(language, member(of, "amount"), &currency),
    };
    let payment = |of: &Value| Entry {
        address: format!("{at}/payments/{}", part(text(of, "transId"))),
        name: minute(language, text(of, "paidAt")),
        amount: amount(language, member(of, "amount"), &currency),
    };
    let party = |title, name: &str| {
        let of = member(&one, name);
        of.is_object().then(|| Party {
            title,
            name: text(of, "name").to_owned(),
            company: text(of, "company").to_owned(),
            address: list(of, "address").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            vat_number: text(of, "vatNumber").to_owned(),
        })
    };
    let page = InvoicePage {
        texts,
        words,
        here: format!("{at}/invoices/{}", shown(&one, "invoiceId")),
        title,
        badge: state_of(language, Of::Invoice, if is_overdue { "overdue" } else { word }),
        total: amounts("invoiceAmount"),
        customer: name_of(member(&one, "Customer")),
        customer_address: format!("{at}/customers/{}", shown(&one, "customerId")),
        is_draft,
        is_credit,
        next_number,
        facts,
        corrects: member(&one, "corrects").is_object().then(|| invoice(member(&one, "corrects"))),
        lines: lines(visit, &one),
        sums,
        taxes: list(&one, "taxes").iter().map(tax).collect(),
        notes: text(&one, "notes").to_owned(),
        conditions: text(&one, "termsConditions").to_owned(),
        parties: [party(texts.seller, "seller"), party(texts.buyer, "buyer")].into_iter().flatten().collect(),
        payments: list(&one, "payments").iter().map(payment).collect(),
        credits: list(&one, "creditNotes").iter().map(invoice).collect(),
        methods: methods(texts),
        can,
        link,
        form,
        frame,
    };
    let status = if page.form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &page)
}

fn is_some(value: &Value) -> bool {
    decimal(value).is_some_and(|value| value != Decimal::ZERO)
}

fn methods(texts: &Texts) -> Vec<(String, &'static str)> {
    let known = [
        ("transfer", texts.transfer),
        ("cash", texts.cash),
        ("cheque", texts.cheque),
        ("card", texts.card),
        ("other", texts.other),
    ];
    known.map(|(name, word)| (name.to_owned(), word)).into()
}
