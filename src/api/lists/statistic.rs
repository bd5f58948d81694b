//! The numbers of an entrypoint's customers: `GET /Statistic/customers/{entry}` (rules 8 and 15).

use std::collections::BTreeMap;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use serde_json::value::RawValue;
use strum::VariantArray as _;

use crate::api::http::call::Call;
use crate::api::http::error::Error;
use crate::api::http::params::EntryPath;
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::customers::record::{Lifecycle, Status};
use crate::domain::kernel::money::shown;
use crate::domain::statistics::last_months;
use crate::domain::transactions::totals::Totals;

/// How many customers an entrypoint has.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatisticOut {
    /// Customers that are not deleted.
    total: i64,
    /// Customers by `customerStatus`, deleted ones (-99) included.
    by_status: BTreeMap<String, i64>,
    /// Customers by stage, deleted and anonymised ones included.
    by_lifecycle: BTreeMap<String, i64>,
    /// Customers that are not deleted, by how their default method stands today; `None` is without methods.
    by_payment_method_status: BTreeMap<&'static str, i64>,
    /// Customers that are not deleted, by the day on which they were created in UTC: the last 31 days, today last.
    new_per_day: Vec<DayOut>,
    /// The same by month: the last 12, this month last.
    new_per_month: Vec<MonthOut>,
    /// What the transactions of all customers come to, by currency; null without money:read.
    money: Option<Vec<MoneyOut>>,
}

/// What transactions in a currency come to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct MoneyOut {
    /// The currency by its ISO 4217 code.
    currency: String,
    /// Transactions in any state.
    transactions: i64,
    /// Paid sales.
    sales: i64,
    /// What these came to.
    #[schema(value_type = f64)]
    gross: Box<RawValue>,
    /// The same less fees, refunds and chargebacks.
    #[schema(value_type = f64)]
    net: Box<RawValue>,
}

impl MoneyOut {
    fn new(currency: String, totals: Totals) -> Result<MoneyOut, Error> {
        let number = |units: i128| Ok::<_, Error>(RawValue::from_string(shown(units))?);
        let (gross, net) = (number(totals.gross)?, number(totals.net)?);
        Ok(MoneyOut { currency, transactions: totals.transactions, sales: totals.sales, gross, net })
    }
}

/// The new customers of a day.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct DayOut {
    /// The day in UTC.
    #[schema(format = Date)]
    day: String,
    /// How many.
    customers: i64,
}

/// The new customers of a month.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct MonthOut {
    /// The month in UTC, such as `2026-03`.
    month: String,
    /// How many.
    customers: i64,
}

/// Count an entrypoint's customers
///
/// By status, by stage of their life, by the status of their default payment method, and by the day and month on which they
/// were created; and what their transactions come to, by currency. Counted as they are written, so it costs the same at any
/// size.
#[utoipa::path(
    tag = "Queries",
    params(EntryPath),
    responses((status = 200, description = "The numbers", body = StatisticOut)),
)]
#[get("/api/Statistic/customers/{entry}")]
pub(crate) async fn get_customer_statistic(call: Call) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::CustomersRead).await?;
    call.params().done()?;
    let now = clock::now();
    // All days that a month or a day shown is made of.
    let since = last_months(now).first().map(|month| format!("{month}-01")).unwrap_or_default();
    let customers = call.app.store.customers();
    let (counts, numbers, sums) = customers.counts(entrypoint_id, since).await?.ok_or(Error::NotFound)?;
    let mut by_status: BTreeMap<String, i64> =
        Status::VARIANTS.iter().map(|status| (status.code().to_string(), 0)).collect();
    let mut by_lifecycle: BTreeMap<String, i64> =
        Lifecycle::VARIANTS.iter().map(|stage| (stage.name().to_owned(), 0)).collect();
    let mut total = 0;
    for (key, number) in counts {
        let Some((status, stage)) = key.split_once('/') else { continue };
        if status != Status::Deleted.code().to_string() {
            total += number;
        }
        *by_status.entry(status.to_owned()).or_default() += number;
        *by_lifecycle.entry(stage.to_owned()).or_default() += number;
    }
    let reads_money = call.caller.claims().allows(Scope::MoneyRead);
    let money = sums.into_iter().map(|(currency, totals)| MoneyOut::new(currency, totals));
    let body = StatisticOut {
        money: reads_money.then(|| money.collect::<Result<_, _>>()).transpose()?,
        total,
        by_status,
        by_lifecycle,
        by_payment_method_status: numbers.by_method(total, now),
        new_per_day: numbers
            .by_day(now)
            .into_iter()
            .map(|(day, customers)| DayOut { day, customers })
            .collect(),
        new_per_month: numbers
            .by_month(now)
            .into_iter()
            .map(|(month, customers)| MonthOut { month, customers })
            .collect(),
    };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "private, no-cache")).json(body))
}
