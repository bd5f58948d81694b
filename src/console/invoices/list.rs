//! The list of invoices, of a store or of all that the member sees, and the same as files.

use actix_web::http::StatusCode;
use askama::Template;
use rust_decimal::Decimal;
use serde_json::Value;

use super::texts::{Texts, texts};
use crate::console::ask::{Ask, list, member, part, shown, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::money::list::{Filters, LIMIT, Pager, Sort, file};
use crate::console::money::people::name_of;
use crate::console::money::texts::{Texts as Words, texts as words};
use crate::console::page::{Shown, html};
use crate::console::states::{Of, state_of};
use crate::console::visit::{SignedIn, Store, Visit};
use crate::console::written::{amount, day, decimal, price};
use crate::web::form::Form;

/// The filters, by their names in the address and at the API.
const FILTERS: [(&str, &str); 7] = [
    ("status", "status(eq)"),
    ("kind", "kind(eq)"),
    ("overdue", "overdue(eq)"),
    ("from", "invoiceDate(ge)"),
    ("until", "invoiceDate(le)"),
    ("customerId", "customerId(eq)"),
    ("sort", "sortBy"),
];
const NAMES: [&str; 7] = ["status", "kind", "overdue", "from", "until", "customerId", "sort"];

struct Row {
    address: String,
    number: String,
    is_credit: bool,
    customer: String,
    customer_address: String,
    day: String,
    due: String,
    badge: (&'static str, &'static str),
    store: String,
    amount: String,
    open: String,
}

struct Figure {
    total: String,
    open: String,
}

struct Sorts {
    day: Sort,
    due: Sort,
    total: Sort,
}

#[derive(Template)]
#[template(path = "console/invoices/list.html")]
struct ListPage {
    frame: Frame,
    texts: &'static Texts,
    words: &'static Words,
    form: Fields,
    states: Vec<(String, &'static str)>,
    kinds: Vec<(String, &'static str)>,
    rows: Vec<Row>,
    figures: Vec<Figure>,
    sorts: Sorts,
    pager: Pager,
    is_filtered: bool,
    /// The addresses of files; empty where the member may have none.
    csv: String,
    xlsx: String,
    zip: String,
}

fn path_of(store: Option<&Store>, signed_in: &SignedIn) -> String {
    match store {
        Some(store) => format!("/Query/invoices/{}", part(&store.entry)),
        None => format!("/Query/invoices/org/{}", signed_in.member.org_id),
    }
}

fn filtered<'a>(ask: Ask<'a>, filters: &Filters) -> Ask<'a> {
    FILTERS.iter().fold(ask, |ask, (name, of_api)| ask.with_if(of_api, filters.get(name)))
}

/// `GET /console/at/{place}/invoices`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    page(visit, signed_in, "").await
}

/// `POST /console/at/{place}/invoices`: the invoice with a number.
pub(super) async fn search(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    page(visit, signed_in, sent.get("number").trim()).await
}

async fn page(visit: &Visit, signed_in: &SignedIn, number: &str) -> Shown {
    let (texts, words, language) = (texts(visit.language), words(visit.language), visit.language);
    let frame = visit.frame(signed_in, "invoices", texts.title)?;
    let store = visit.place(signed_in)?;
    let filters = Filters::asked(visit, &NAMES);
    let ask = visit.get(signed_in, &path_of(store, signed_in)).with("limitRecord", LIMIT);
    let ask = ask.with_if("pageIdentifier", &filters.page).with_if("invoiceNumber(eq)", number);
    let mut form = filters.fields();
    let answer = match filtered(ask, &filters).tried().await? {
        Ok(answer) => answer,
        Err(no) => {
            form = form.refused(&no).in_language(language);
            for problem in &mut form.problems {
                let known = FILTERS.iter().find(|(_, of_api)| *of_api == problem.field);
                problem.field = known.map(|(name, _)| (*name).to_owned()).unwrap_or_default();
            }
            Value::Null
        }
    };
    form.set("number", number);
    let base = format!("{}/invoices", frame.base);
    let records = list(&answer, "Records");
    let rows = records.iter().map(|one| row(visit, signed_in, one)).collect();
    let file_of = |format: &str, may: bool| {
        if may { filters.address(&format!("{base}/export/{format}"), ("", "")) } else { String::new() }
    };
    let may = frame.may("customers:export");
    let word = |(name, shown): (&str, &'static str)| (name.to_owned(), shown);
    let states = ["draft", "open", "partlyPaid", "paid", "cancelled"];
    let states = states.map(|name| word((name, state_of(language, Of::Invoice, name).1)));
    let page = ListPage {
        texts,
        words,
        states: [word(("", words.any_state))].into_iter().chain(states).collect(),
        kinds: [("", texts.kinds), ("invoice", texts.title), ("creditNote", texts.credit_notes)]
            .map(word)
            .into(),
        rows,
        figures: figures(visit, records),
        sorts: Sorts {
            day: filters.sort(&base, "invoiceDate", false),
            due: filters.sort(&base, "dueDate", false),
            total: filters.sort(&base, "totalAmount", false),
        },
        pager: filters.pager(language, &base, &answer),
        is_filtered: !filters.is_empty() || !number.is_empty(),
        csv: file_of("csv", may),
        xlsx: file_of("xlsx", may),
        zip: file_of("zip", may && frame.may("pii:read")),
        form,
        frame,
    };
    let status = if page.form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &page)
}

fn row(visit: &Visit, signed_in: &SignedIn, one: &Value) -> Row {
    let language = visit.language;
    let at = format!("{}/at/{}", visit.root, part(text(one, "PaypointEntryname")));
    let currency = text(one, "currency");
    let number = text(one, "invoiceNumber");
    let texts = texts(language);
    let is_overdue = member(one, "overdue").as_bool().unwrap_or_default();
    Row {
        address: format!("{at}/invoices/{}", shown(one, "invoiceId")),
        number: if number.is_empty() { texts.no_number.to_owned() } else { number.to_owned() },
        is_credit: text(one, "kind") == "creditNote",
        customer: name_of(member(one, "Customer")),
        customer_address: format!("{at}/customers/{}", shown(one, "customerId")),
        day: day(language, text(one, "invoiceDate")),
        due: day(language, text(one, "invoiceDueDate")),
        badge: state_of(language, Of::Invoice, if is_overdue { "overdue" } else { text(one, "state") }),
        store: signed_in
            .store(text(one, "PaypointEntryname"))
            .map(|store| store.name.clone())
            .unwrap_or_default(),
        amount: amount(language, member(one, "invoiceAmount"), currency),
        open: match text(one, "state") {
            "open" | "partlyPaid" => amount(language, member(one, "openAmount"), currency),
            _ => String::new(),
        },
    }
}

/// What the invoices of a page come to, by currency. Credit notes, drafts and cancelled ones do not count.
fn figures(visit: &Visit, records: &[Value]) -> Vec<Figure> {
    let mut sums: Vec<(&str, Decimal, Decimal)> = Vec::new();
    for one in records {
        let counts = matches!(text(one, "state"), "open" | "partlyPaid" | "paid");
        if !counts || text(one, "kind") != "invoice" {
            continue;
        }
        let of = |name: &str| decimal(member(one, name)).unwrap_or_default();
        let (total, open) = (of("invoiceAmount"), of("openAmount"));
        match sums.iter_mut().find(|(currency, ..)| *currency == text(one, "currency")) {
            Some(sum) => {
                sum.1 += total;
                sum.2 += open;
            }
            None => sums.push((text(one, "currency"), total, open)),
        }
    }
    let shown = sums.into_iter().map(|(currency, total, open)| Figure {
        total: price(visit.language, currency, total),
        open: price(visit.language, currency, open),
    });
    shown.collect()
}

/// `GET /console/at/{place}/invoices/export/{format}`.
pub(super) async fn export(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let store = visit.place(signed_in)?;
    let filters = Filters::asked(visit, &NAMES);
    let path = path_of(store, signed_in);
    let path =
        path.replacen("/Query/invoices", &format!("/Export/invoices/{}", part(visit.part("format"))), 1);
    file(filtered(visit.get(signed_in, &path), &filters)).await
}
