//! The list of a store's products.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::Value;

use super::texts::{Texts, texts};
use crate::console::ask::{list, member, part, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::money::list::{Filters, LIMIT, Pager};
use crate::console::money::texts::{Texts as Words, texts as words};
use crate::console::page::{Shown, html};
use crate::console::visit::{SignedIn, Visit};
use crate::console::written::{amount, percent};

struct Row {
    address: String,
    name: String,
    options: String,
    is_active: bool,
    tax_rate: String,
    price: String,
}

#[derive(Template)]
#[template(path = "console/products/list.html")]
struct ListPage {
    frame: Frame,
    texts: &'static Texts,
    words: &'static Words,
    form: Fields,
    states: Vec<(String, &'static str)>,
    rows: Vec<Row>,
    pager: Pager,
    is_filtered: bool,
}

/// `GET /console/at/{place}/products`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let (texts, words, language) = (texts(visit.language), words(visit.language), visit.language);
    let store = visit.store(signed_in)?;
    let frame = visit.frame(signed_in, "products", texts.title)?;
    let filters = Filters::asked(visit, &["active"]);
    let ask = visit.get(signed_in, &format!("/Product/{}", part(&store.entry))).with("limitRecord", LIMIT);
    let ask = ask.with_if("active", filters.get("active")).with_if("pageIdentifier", &filters.page);
    let answer = ask.sent().await?;
    let base = format!("{}/products", frame.base);
    let row = |one: &Value| Row {
        address: format!("{base}/{}", part(text(one, "productId"))),
        name: text(one, "name").to_owned(),
        options: list(one, "options")
            .iter()
            .map(|option| text(option, "name"))
            .collect::<Vec<_>>()
            .join(", "),
        is_active: member(one, "active").as_bool().unwrap_or_default(),
        tax_rate: percent(language, member(one, "taxRate")),
        price: amount(language, member(one, "unitPrice"), text(one, "currency")),
    };
    let word = |(name, shown): (&str, &'static str)| (name.to_owned(), shown);
    let page = ListPage {
        texts,
        words,
        form: filters.fields(),
        states: [("", texts.both), ("true", texts.on_sale), ("false", texts.off_sale)].map(word).into(),
        rows: list(&answer, "Records").iter().map(row).collect(),
        pager: filters.pager(language, &base, &answer),
        is_filtered: !filters.is_empty(),
        frame,
    };
    html(StatusCode::OK, &page)
}
