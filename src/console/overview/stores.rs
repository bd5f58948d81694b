//! The overview over all stores that the member sees: their sums in a table.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use askama::Template;
use futures_util::future::try_join_all;
use rust_decimal::Decimal;

use super::texts::{Texts, texts};
use super::{Sum, new_of, sums};
use crate::console::ask::{list, member, part, text};
use crate::console::frame::Frame;
use crate::console::page::{Shown, html};
use crate::console::visit::{SignedIn, Visit};
use crate::console::written::{count, price};

/// A store with its numbers.
struct Row {
    name: String,
    address: String,
    is_test: bool,
    customers: String,
    new: String,
    sums: Vec<Sum>,
}

#[derive(Template)]
#[template(path = "console/overview/all.html")]
struct AllPage {
    frame: Frame,
    texts: &'static Texts,
    rows: Vec<Row>,
    customers: String,
    new: String,
    totals: Vec<(String, String)>,
    has_money: bool,
    has_tests: bool,
}

pub(super) async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    let language = visit.language;
    let frame = visit.frame(signed_in, "overview", visit.texts().menu_overview)?;
    let asked = signed_in.stores.iter().map(|store| {
        let address = format!("/Statistic/customers/{}", part(&store.entry));
        let ask = visit.get(signed_in, &address);
        async move { Ok::<_, crate::console::page::Refused>((store, ask.sent().await?)) }
    });
    let all = try_join_all(asked).await?;
    let (mut customers, mut new) = (0, 0);
    let mut totals: BTreeMap<String, (Decimal, Decimal)> = BTreeMap::new();
    let mut rows = Vec::new();
    for (store, statistic) in &all {
        let total = member(statistic, "total").as_i64().unwrap_or_default();
        customers += total;
        new += new_of(statistic);
        for money in list(statistic, "money").iter().filter(|_| !store.is_test) {
            let number = |name: &str| member(money, name).to_string().parse::<Decimal>().unwrap_or_default();
            let sum = totals.entry(text(money, "currency").to_owned()).or_default();
            *sum = (sum.0 + number("gross"), sum.1 + number("net"));
        }
        rows.push(Row {
            name: store.name.clone(),
            address: format!("{}/at/{}", visit.root, part(&store.entry)),
            is_test: store.is_test,
            customers: count(language, total),
            new: count(language, new_of(statistic)),
            sums: sums(language, statistic),
        });
    }
    let totals = totals
        .iter()
        .map(|(currency, (gross, net))| (price(language, currency, *gross), price(language, currency, *net)));
    let page = AllPage {
        texts: texts(language),
        customers: count(language, customers),
        new: count(language, new),
        totals: totals.collect(),
        has_money: frame.may("money:read"),
        has_tests: rows.iter().any(|row| row.is_test),
        rows,
        frame,
    };
    html(StatusCode::OK, &page)
}
