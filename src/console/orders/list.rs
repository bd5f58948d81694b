//! The list of a store's orders.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::Value;

use super::texts::{Texts, collect, texts};
use crate::console::ask::{list, member, part, shown, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::money::list::{Filters, LIMIT, Pager, Sort};
use crate::console::money::people::{Choice, names, search};
use crate::console::money::texts::{Texts as Words, texts as words};
use crate::console::money::whom::{self, Whom};
use crate::console::page::{Shown, html};
use crate::console::states::{Of, state_of};
use crate::console::visit::{SignedIn, Visit};
use crate::console::written::{amount, minute};
use crate::web::form::Form;

/// The filters, by their names in the address and at the API.
const FILTERS: [(&str, &str); 5] = [
    ("status", "status(eq)"),
    ("from", "createdAt(ge)"),
    ("until", "createdAt(le)"),
    ("customerId", "customerId(eq)"),
    ("sort", "sortBy"),
];
const NAMES: [&str; 5] = ["status", "from", "until", "customerId", "sort"];

struct Row {
    address: String,
    at: String,
    customer: String,
    customer_address: String,
    badge: (&'static str, &'static str),
    collect: &'static str,
    invoice: String,
    total: String,
}

#[derive(Template)]
#[template(path = "console/orders/list.html")]
struct ListPage {
    frame: Frame,
    texts: &'static Texts,
    words: &'static Words,
    form: Fields,
    states: Vec<(String, &'static str)>,
    rows: Vec<Row>,
    by_time: Sort,
    by_total: Sort,
    pager: Pager,
    is_filtered: bool,
}

/// `GET /console/at/{place}/orders`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let (texts, words, language) = (texts(visit.language), words(visit.language), visit.language);
    let store = visit.store(signed_in)?;
    let frame = visit.frame(signed_in, "orders", texts.title)?;
    let filters = Filters::asked(visit, &NAMES);
    let ask = visit.get(signed_in, &format!("/Query/orders/{}", part(&store.entry)));
    let ask = ask.with("limitRecord", LIMIT).with_if("pageIdentifier", &filters.page);
    let ask = FILTERS.iter().fold(ask, |ask, (name, of_api)| ask.with_if(of_api, filters.get(name)));
    let mut form = filters.fields();
    let answer = match ask.tried().await? {
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
    let records = list(&answer, "Records");
    let names = names(visit, signed_in, store, records).await?;
    let base = format!("{}/orders", frame.base);
    let row = |one: &Value| {
        let id = shown(one, "customerId");
        Row {
            address: format!("{base}/{}", part(text(one, "orderId"))),
            at: minute(language, text(one, "createdAt")),
            customer: names.get(&id).cloned().unwrap_or_else(|| format!("#{id}")),
            customer_address: format!("{}/customers/{id}", frame.base),
            badge: state_of(language, Of::Order, text(one, "status")),
            collect: collect(language, text(one, "collect")),
            invoice: text(one, "invoiceNumber").to_owned(),
            total: amount(language, member(one, "total"), text(one, "currency")),
        }
    };
    let rows = records.iter().map(row).collect();
    let word = |(name, shown): (&str, &'static str)| (name.to_owned(), shown);
    let states =
        ["pending", "completed", "cancelled"].map(|name| word((name, state_of(language, Of::Order, name).1)));
    let page = ListPage {
        texts,
        words,
        states: [word(("", words.any_state))].into_iter().chain(states).collect(),
        rows,
        by_time: filters.sort(&base, "createdAt", true),
        by_total: filters.sort(&base, "total", false),
        pager: filters.pager(language, &base, &answer),
        is_filtered: !filters.is_empty(),
        form,
        frame,
    };
    let status = if page.form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &page)
}

fn whom(visit: &Visit) -> Whom {
    let texts = texts(visit.language);
    Whom { here: "orders", list: texts.title, title: texts.new, target: ("/customers/", "/orders/new") }
}

/// `GET /console/at/{place}/orders/new`: whom the order is for.
pub(super) async fn new(visit: &Visit, signed_in: &SignedIn) -> Shown {
    visit.store(signed_in)?;
    whom::page(visit, signed_in, whom(visit), Choice::default())
}

/// `POST /console/at/{place}/orders/new`.
pub(super) async fn find(visit: &Visit, signed_in: &SignedIn, sent: &Form) -> Shown {
    let store = visit.store(signed_in)?;
    let choice = search(visit, signed_in, store, sent.get("search")).await?;
    whom::page(visit, signed_in, whom(visit), choice)
}
