//! The list of a store's coupons.

use actix_web::http::StatusCode;
use askama::Template;
use serde_json::Value;

use super::code_part;
use super::texts::{Texts, texts};
use crate::console::ask::{list, member, part, shown, text};
use crate::console::fields::Fields;
use crate::console::frame::Frame;
use crate::console::money::list::{Filters, LIMIT, Pager};
use crate::console::money::texts::{Texts as Words, texts as words};
use crate::console::page::{Shown, html};
use crate::console::states::{Of, state_of};
use crate::console::visit::{SignedIn, Visit};
use crate::console::written::{amount, day, percent};

struct Row {
    address: String,
    code: String,
    name: String,
    worth: String,
    badge: (&'static str, &'static str),
    used: String,
    until: String,
}

#[derive(Template)]
#[template(path = "console/coupons/list.html")]
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

/// What a coupon takes off.
pub(super) fn worth(visit: &Visit, one: &Value) -> String {
    if member(one, "percentOff").is_null() {
        amount(visit.language, member(one, "amountOff"), text(one, "currency"))
    } else {
        percent(visit.language, member(one, "percentOff"))
    }
}

/// How often a coupon was redeemed, of how often it can be.
pub(super) fn used(texts: &Texts, one: &Value) -> String {
    let most = shown(one, "maxRedemptions");
    let most = if most.is_empty() { texts.no_limit.to_owned() } else { most };
    format!("{} / {most}", shown(one, "redeemed"))
}

/// `GET /console/at/{place}/coupons`.
pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let (texts, words, language) = (texts(visit.language), words(visit.language), visit.language);
    let store = visit.store(signed_in)?;
    let frame = visit.frame(signed_in, "coupons", texts.title)?;
    let filters = Filters::asked(visit, &["status"]);
    let ask = visit.get(signed_in, &format!("/Coupon/{}", part(&store.entry))).with("limitRecord", LIMIT);
    let ask = ask.with_if("status", filters.get("status")).with_if("pageIdentifier", &filters.page);
    let answer = ask.sent().await?;
    let base = format!("{}/coupons", frame.base);
    let row = |one: &Value| Row {
        address: format!("{base}/{}", code_part(text(one, "code"))),
        code: text(one, "code").to_owned(),
        name: text(one, "name").to_owned(),
        worth: worth(visit, one),
        badge: state_of(language, Of::Coupon, text(one, "state")),
        used: used(texts, one),
        until: day(language, text(one, "redeemBy")),
    };
    let word = |(name, shown): (&str, &'static str)| (name.to_owned(), shown);
    let page = ListPage {
        texts,
        words,
        form: filters.fields(),
        states: [("", words.any_state), ("online", texts.online), ("offline", texts.offline)]
            .map(word)
            .into(),
        rows: list(&answer, "Records").iter().map(row).collect(),
        pager: filters.pager(language, &base, &answer),
        is_filtered: !filters.is_empty(),
        frame,
    };
    html(StatusCode::OK, &page)
}
