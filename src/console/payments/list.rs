//! The list of payments, of a store or of all that the member sees, and the same as a file.

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
use crate::console::page::{Refused, Shown, html};
use crate::console::states::{Of, state_of};
use crate::console::texts::method;
use crate::console::visit::{SignedIn, Store, Visit};
use crate::console::written::{amount, decimal, minute, price};

/// The filters, by their names in the address and at the API.
const FILTERS: [(&str, &str); 7] = [
    ("status", "status(eq)"),
    ("operation", "operation(eq)"),
    ("from", "transactionDate(ge)"),
    ("until", "transactionDate(le)"),
    ("currency", "currency(eq)"),
    ("source", "source(eq)"),
    ("customerId", "customerId(eq)"),
];
const NAMES: [&str; 8] = ["status", "operation", "from", "until", "currency", "source", "customerId", "sort"];
/// Of how many stores the sums of an organisation are asked for.
const SUMS_MAX: usize = 12;

struct Row {
    address: String,
    at: String,
    operation: &'static str,
    badge: (&'static str, &'static str),
    amount: String,
    method: String,
    source: String,
    customer: String,
    customer_address: String,
    store: String,
}

struct Figure {
    gross: String,
    net: String,
}

#[derive(Template)]
#[template(path = "console/payments/list.html")]
struct ListPage {
    frame: Frame,
    texts: &'static Texts,
    words: &'static Words,
    form: Fields,
    statuses: Vec<(String, &'static str)>,
    operations: Vec<(String, &'static str)>,
    rows: Vec<Row>,
    figures: Vec<Figure>,
    sort: Sort,
    pager: Pager,
    is_filtered: bool,
    /// The addresses of files; empty where the member may have none.
    csv: String,
    xlsx: String,
}

fn path_of(store: Option<&Store>, signed_in: &SignedIn) -> String {
    match store {
        Some(store) => format!("/Query/transactions/{}", part(&store.entry)),
        None => format!("/Query/transactions/org/{}", signed_in.member.org_id),
    }
}

fn filtered<'a>(ask: Ask<'a>, filters: &Filters) -> Ask<'a> {
    FILTERS.iter().fold(ask, |ask, (name, of_api)| ask.with_if(of_api, filters.get(name)))
}

/// `GET /console/at/{place}/payments`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let (texts, words, language) = (texts(visit.language), words(visit.language), visit.language);
    let frame = visit.frame(signed_in, "payments", texts.title)?;
    let store = visit.place(signed_in)?;
    let filters = Filters::asked(visit, &NAMES);
    let ask = visit.get(signed_in, &path_of(store, signed_in)).with("limitRecord", LIMIT);
    let ask = ask.with_if("sortBy", filters.get("sort")).with_if("pageIdentifier", &filters.page);
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
    let base = format!("{}/payments", frame.base);
    let rows = list(&answer, "Records").iter().map(|one| row(visit, signed_in, one)).collect();
    let figures = match store {
        _ if form.is_wrong() => Vec::new(),
        Some(store) => figure(visit, &store.currency, member(&answer, "Summary")).into_iter().collect(),
        None => sums(visit, signed_in, &filters).await?,
    };
    let file_of = |format: &str| {
        let may = frame.may("customers:export");
        if may { filters.address(&format!("{base}/export/{format}"), ("", "")) } else { String::new() }
    };
    let word = |(name, shown): (&str, &'static str)| (name.to_owned(), shown);
    let statuses = ["approved", "refunded", "authorised", "initiated", "declined", "voided", "error"];
    let statuses = statuses.map(|name| word((name, state_of(language, Of::Payment, name).1)));
    let operations = ["sale", "refund", "chargeback", "credit"];
    let operations = operations.map(|name| word((name, state_of(language, Of::Operation, name).1)));
    let page = ListPage {
        texts,
        words,
        statuses: [word(("", words.any_state))].into_iter().chain(statuses).collect(),
        operations: [word(("", texts.any_operation))].into_iter().chain(operations).collect(),
        rows,
        figures,
        sort: filters.sort(&base, "transactionDate", true),
        pager: filters.pager(language, &base, &answer),
        is_filtered: !filters.is_empty(),
        csv: file_of("csv"),
        xlsx: file_of("xlsx"),
        form,
        frame,
    };
    let status = if page.form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &page)
}

fn row(visit: &Visit, signed_in: &SignedIn, one: &Value) -> Row {
    let language = visit.language;
    let at = format!("{}/at/{}", visit.root, part(text(one, "PaypointEntryname")));
    let customer = shown(one, "customerId");
    Row {
        address: format!("{at}/payments/{}", part(text(one, "transId"))),
        at: minute(language, text(one, "TransactionTime")),
        operation: state_of(language, Of::Operation, text(one, "Operation")).1,
        badge: state_of(language, Of::payment(text(one, "Operation")), text(one, "status")),
        amount: amount(language, member(one, "TotalAmount"), text(one, "currency")),
        method: method(language, text(one, "Method")),
        source: text(one, "Source").to_owned(),
        customer: if customer.is_empty() { String::new() } else { name_of(member(one, "Customer")) },
        customer_address: format!("{at}/customers/{customer}"),
        store: signed_in
            .store(text(one, "PaypointEntryname"))
            .map(|store| store.name.clone())
            .unwrap_or_default(),
    }
}

fn figure(visit: &Visit, currency: &str, summary: &Value) -> Option<Figure> {
    let of = |name: &str| decimal(member(summary, name)).map(|value| price(visit.language, currency, value));
    Some(Figure { gross: of("totalAmount")?, net: of("totalNetAmount")? })
}

/// The sums of all stores by currency: amounts in different currencies are never added.
async fn sums(visit: &Visit, signed_in: &SignedIn, filters: &Filters) -> Result<Vec<Figure>, Refused> {
    let stores: Vec<&Store> = signed_in.stores.iter().filter(|store| !store.is_test).collect();
    if stores.len() > SUMS_MAX {
        return Ok(Vec::new());
    }
    let mut sums: Vec<(&str, Decimal, Decimal)> = Vec::new();
    for store in stores {
        let ask = visit.get(signed_in, &path_of(Some(store), signed_in)).with("limitRecord", "1");
        let Ok(answer) = filtered(ask, filters).tried().await? else { continue };
        let of = |name: &str| decimal(member(member(&answer, "Summary"), name)).unwrap_or_default();
        let (gross, net) = (of("totalAmount"), of("totalNetAmount"));
        match sums.iter_mut().find(|(currency, ..)| *currency == store.currency) {
            Some(sum) => {
                sum.1 += gross;
                sum.2 += net;
            }
            None => sums.push((&store.currency, gross, net)),
        }
    }
    let shown = sums.into_iter().map(|(currency, gross, net)| Figure {
        gross: price(visit.language, currency, gross),
        net: price(visit.language, currency, net),
    });
    Ok(shown.collect())
}

/// `GET /console/at/{place}/payments/export/{format}`.
pub(super) async fn export(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let store = visit.place(signed_in)?;
    let filters = Filters::asked(visit, &NAMES);
    let path = path_of(store, signed_in);
    let path = path.replacen(
        "/Query/transactions",
        &format!("/Export/transactions/{}", part(visit.part("format"))),
        1,
    );
    file(filtered(visit.get(signed_in, &path), &filters)).await
}
