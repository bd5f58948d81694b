//! `/console/at/{place}`: how many customers and how much money there are, and what waits.

mod stores;
mod texts;

use actix_web::http::StatusCode;
use actix_web::web::ServiceConfig;
use askama::Template;
use futures_util::future::join;
use serde_json::Value;

use self::texts::{Texts, texts};
use super::ask::{list, member, part, text};
use super::customers::shown::{self, METHOD_STATUSES, STAGES};
use super::frame::Frame;
use super::page::{Refused, Shown, html};
use super::states::{Badge, Of, badge};
use super::visit::{SignedIn, Store, Visit};
use super::{place, shows_own};
use crate::console::written::{amount, count, number};
use crate::domain::entrypoints::theme::Language;

/// The days of "new in 30 days".
const DAYS: usize = 30;
/// How many stages are those of customers who are not deleted.
const STAGES_OF_LIVE: usize = 6;
/// The height of the bars.
const HEIGHT: i64 = 60;
/// The width of a bar with its gap.
const STEP: usize = 10;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(place("").route(shows_own(show)));
}

/// A number that leads to a list.
struct Line {
    badge: Badge,
    number: String,
    address: String,
}

/// What payments in a currency come to.
struct Sum {
    currency: String,
    sales: String,
    gross: String,
    net: String,
}

/// A bar of the chart.
struct Bar {
    x: usize,
    y: i64,
    height: i64,
    title: String,
}

/// Something that waits.
struct Waiting {
    label: &'static str,
    number: String,
    address: String,
    is_urgent: bool,
}

#[derive(Template)]
#[template(path = "console/overview/store.html")]
struct StorePage {
    frame: Frame,
    texts: &'static Texts,
    is_empty: bool,
    total: String,
    new: String,
    sums: Vec<Sum>,
    /// Whether the member sees money.
    has_money: bool,
    bars: Vec<Bar>,
    width: usize,
    most: String,
    months: Vec<(String, String)>,
    stages: Vec<Line>,
    methods: Vec<Line>,
    waiting: Vec<Waiting>,
}

async fn show(visit: &Visit, signed_in: &SignedIn) -> Shown {
    match visit.place(signed_in)? {
        Some(store) => of_store(visit, signed_in, store).await,
        None => stores::show(visit, signed_in).await,
    }
}

/// How many customers are new in the last 30 days.
fn new_of(statistic: &Value) -> i64 {
    let days = list(statistic, "newPerDay");
    days.iter().rev().take(DAYS).filter_map(|day| member(day, "customers").as_i64()).sum()
}

fn sums(language: Language, statistic: &Value) -> Vec<Sum> {
    let sum = |money: &Value| {
        let currency = text(money, "currency");
        Sum {
            currency: currency.to_owned(),
            sales: count(language, member(money, "sales").as_i64().unwrap_or_default()),
            gross: amount(language, member(money, "gross"), currency),
            net: amount(language, member(money, "net"), currency),
        }
    };
    list(statistic, "money").iter().map(sum).collect()
}

fn bars(language: Language, statistic: &Value) -> (Vec<Bar>, i64) {
    let days: Vec<(&str, i64)> = list(statistic, "newPerDay")
        .iter()
        .map(|day| (text(day, "day"), member(day, "customers").as_i64().unwrap_or_default()))
        .collect();
    let most = days.iter().map(|(_, number)| *number).max().unwrap_or_default();
    let bar = |(place, (day, number)): (usize, &(&str, i64))| {
        // A day with anybody has a bar that is seen.
        let least = i64::from(*number > 0) * 2;
        let height = (number * HEIGHT / most.max(1)).max(least);
        let title = format!("{day}: {}", count(language, *number));
        Bar { x: place * STEP, y: HEIGHT - height, height, title }
    };
    (days.iter().enumerate().map(bar).collect(), most)
}

async fn of_store(visit: &Visit, signed_in: &SignedIn, store: &Store) -> Shown {
    let (language, texts) = (visit.language, texts(visit.language));
    let frame = visit.frame(signed_in, "overview", visit.texts().menu_overview)?;
    let address = format!("/Statistic/customers/{}", part(&store.entry));
    let statistic = visit.get(signed_in, &address).sent();
    let (statistic, waiting) = join(statistic, waiting(visit, signed_in, store, &frame)).await;
    let (statistic, waiting) = (statistic?, waiting?);
    let total = number(&statistic, "total");
    let line = |(badge, number, query): (Badge, &Value, String)| Line {
        badge,
        number: count(language, number.as_i64().unwrap_or_default()),
        address: format!("{}/customers?{query}", frame.base),
    };
    let some = |(_, number, _): &(Badge, &Value, String)| number.as_i64().is_some_and(|number| number > 0);
    let stages = STAGES.iter().take(STAGES_OF_LIVE).map(|stage| {
        (
            badge(language, Of::Stage, stage),
            member(member(&statistic, "byLifecycle"), stage),
            format!("stage={stage}"),
        )
    });
    let methods = METHOD_STATUSES.iter().map(|status| {
        let number = member(member(&statistic, "byPaymentMethodStatus"), status);
        (badge(language, Of::Method, status), number, format!("payment={}", part(status)))
    });
    let (stages, methods) =
        (stages.filter(some).map(line).collect(), methods.filter(some).map(line).collect());
    let (bars, most) = bars(language, &statistic);
    let months = list(&statistic, "newPerMonth").iter().rev();
    let page = StorePage {
        texts,
        is_empty: total == 0,
        total: count(language, total),
        new: count(language, new_of(&statistic)),
        sums: sums(language, &statistic),
        has_money: member(&statistic, "money").is_array(),
        width: bars.len() * STEP,
        bars,
        most: count(language, most),
        months: months
            .map(|month| {
                let number = member(month, "customers").as_i64().unwrap_or_default();
                (text(month, "month").to_owned(), count(language, number))
            })
            .collect(),
        stages,
        methods,
        waiting,
        frame,
    };
    html(StatusCode::OK, &page)
}

/// How many records a list has; none where the member may not see it.
async fn count_of(
    visit: &Visit,
    signed_in: &SignedIn,
    address: &str,
    filter: (&str, &str),
) -> Result<i64, Refused> {
    let ask = visit.get(signed_in, address).with("limitRecord", "1").with(filter.0, filter.1);
    let found = ask.if_any().await?.unwrap_or_default();
    Ok(shown::total_of(&found))
}

async fn waiting(
    visit: &Visit,
    signed_in: &SignedIn,
    store: &Store,
    frame: &Frame,
) -> Result<Vec<Waiting>, Refused> {
    let (texts, entry) = (texts(visit.language), part(&store.entry));
    let invoices = format!("/Query/invoices/{entry}");
    let requests = format!("/PaymentRequests/{entry}");
    let jobs = format!("/Import/jobs/{entry}");
    let running = async {
        let found = visit.get(signed_in, &jobs).with("limitRecord", "50").if_any().await?.unwrap_or_default();
        let runs = |job: &&Value| matches!(text(job, "state"), "uploading" | "queued" | "running");
        Ok::<_, Refused>(
            i64::try_from(list(&found, "Records").iter().filter(runs).count()).unwrap_or_default(),
        )
    };
    let money = join(
        join(
            count_of(visit, signed_in, &invoices, ("status(in)", "open|partlyPaid")),
            count_of(visit, signed_in, &invoices, ("overdue", "true")),
        ),
        count_of(visit, signed_in, &requests, ("status(in)", "NEW|INP")),
    );
    let (((open, overdue), requests), running) = join(money, running).await;
    let all = [
        (texts.overdue_invoices, overdue?, "invoices?overdue=true", true),
        (texts.open_invoices, open?, "invoices?status=open", false),
        (texts.requests, requests?, "requests", false),
        (texts.imports, running?, "imports", false),
    ];
    Ok(all
        .into_iter()
        .filter(|(_, number, ..)| *number > 0)
        .map(|(label, number, page, is_urgent)| Waiting {
            label,
            number: count(visit.language, number),
            address: format!("{}/{page}", frame.base),
            is_urgent,
        })
        .collect())
}
