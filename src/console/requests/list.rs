//! The list of a store's payment requests.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::Value;

use super::texts::{Texts, texts};
use crate::console::ask::{list, member, part, shown, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::money::list::{Filters, LIMIT, Pager, Sort};
use crate::console::money::people::names;
use crate::console::money::texts::{Texts as Words, texts as words};
use crate::console::page::{Shown, html};
use crate::console::states::{Of, state_of};
use crate::console::visit::{SignedIn, Visit};
use crate::console::written::{amount, minute};

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
    expires: String,
    uses: String,
    amount: String,
}

#[derive(Template)]
#[template(path = "console/requests/list.html")]
struct ListPage {
    frame: Frame,
    texts: &'static Texts,
    words: &'static Words,
    form: Fields,
    states: Vec<(String, &'static str)>,
    rows: Vec<Row>,
    by_time: Sort,
    by_end: Sort,
    pager: Pager,
    is_filtered: bool,
}

/// How much a request asks for.
pub(super) fn asked_amount(visit: &Visit, texts: &Texts, one: &Value) -> String {
    let currency = text(one, "currency");
    let (min, max) = (member(member(one, "open"), "min"), member(member(one, "open"), "max"));
    let shown = |value: &Value| amount(visit.language, value, currency);
    match (member(one, "open").is_object(), min.is_null(), max.is_null()) {
        (false, ..) => shown(member(one, "amount")),
        (_, true, true) => texts.payer_says.to_owned(),
        (_, false, true) => format!("≥ {}", shown(min)),
        (_, true, false) => format!("≤ {}", shown(max)),
        (_, false, false) => format!("{} – {}", shown(min), shown(max)),
    }
}

/// How often a request was paid, of how often it can be.
pub(super) fn uses(texts: &Texts, one: &Value) -> String {
    let most = shown(one, "maxUses");
    let most = if most.is_empty() { texts.no_limit.to_owned() } else { most };
    format!("{} / {most}", shown(one, "uses"))
}

/// `GET /console/at/{place}/requests`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let (texts, words, language) = (texts(visit.language), words(visit.language), visit.language);
    let store = visit.store(signed_in)?;
    let frame = visit.frame(signed_in, "requests", texts.title)?;
    let filters = Filters::asked(visit, &NAMES);
    let ask = visit.get(signed_in, &format!("/PaymentRequests/{}", part(&store.entry)));
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
    let base = format!("{}/requests", frame.base);
    let row = |one: &Value| {
        let id = shown(one, "customerId");
        Row {
            address: format!("{base}/{}", part(text(one, "paymentRequestId"))),
            at: minute(language, text(one, "createdAt")),
            customer: match id.as_str() {
                "" => String::new(),
                id => names.get(id).cloned().unwrap_or_else(|| format!("#{id}")),
            },
            customer_address: format!("{}/customers/{id}", frame.base),
            badge: state_of(language, Of::Request, text(one, "status")),
            expires: minute(language, text(one, "expiresAt")),
            uses: uses(texts, one),
            amount: asked_amount(visit, texts, one),
        }
    };
    let rows = records.iter().map(row).collect();
    let word = |(name, shown): (&str, &'static str)| (name.to_owned(), shown);
    let states = ["NEW", "INP", "DON", "EXP", "DEC", "CAN"]
        .map(|name| word((name, state_of(language, Of::Request, name).1)));
    let page = ListPage {
        texts,
        words,
        states: [word(("", words.any_state))].into_iter().chain(states).collect(),
        rows,
        by_time: filters.sort(&base, "createdAt", true),
        by_end: filters.sort(&base, "expiresAt", false),
        pager: filters.pager(language, &base, &answer),
        is_filtered: !filters.is_empty(),
        form,
        frame,
    };
    let status = if page.form.is_wrong() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &page)
}
