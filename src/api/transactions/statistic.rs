//! What a customer paid over time: `GET /Statistic/customerbasic/{mode}/{freq}/{customerId}` (contract 12.5).

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use strum::VariantNames;

use super::listed::Exact;
use crate::api::http::call::Call;
use crate::api::http::error::Error;
use crate::api::http::params::StatisticPath;
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::transactions::statistic::{Freq, Interval, Mode, intervals};

/// What a customer paid in one interval. Three of its members repeat the others by the names that some SDKs read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IntervalOut {
    /// The interval: `2026-9` for a month, `2026-37` for a week, `2026-9-14` for a day, `2026-9-14 13` for an hour.
    stat_x: String,
    /// How many approved sales there were.
    in_transactions: i64,
    /// What they came to before fees, in the entrypoint's currency.
    #[schema(value_type = f64)]
    in_transactions_volume: Exact,
    /// The same as `statX`.
    interval: String,
    /// The same as `inTransactions`.
    count: i64,
    /// The same as `inTransactionsVolume`.
    #[schema(value_type = f64)]
    volume: Exact,
}

impl From<Interval> for IntervalOut {
    fn from(found: Interval) -> IntervalOut {
        IntervalOut {
            stat_x: found.name.clone(),
            in_transactions: found.count,
            in_transactions_volume: Exact(found.volume),
            interval: found.name,
            count: found.count,
            volume: Exact(found.volume),
        }
    }
}

/// Read what a customer paid over time
///
/// Approved sales in the entrypoint's currency, before fees, with an item for each interval of the period, oldest first, also
/// where nothing was paid. A sale in another currency counts by its `baseAmount`. Periods (`mode`): `ytd`, `mtd`, `wtd` (this
/// year, month, week so far), `today`, `m12` (twelve months), `d30`, `h24`, `lasty`, `lastm`, `lastw`, `yesterday`. Intervals
/// (`freq`): `m`, `w`, `d`, `h`. Days are those of UTC, and weeks begin on Monday.
#[utoipa::path(
    tag = "Transactions",
    params(StatisticPath),
    responses((status = 200, description = "The intervals", body = Vec<IntervalOut>)),
)]
#[get("/api/Statistic/customerbasic/{mode}/{freq}/{customerId}")]
pub(crate) async fn get_customer_basic_statistic(call: Call) -> Result<HttpResponse, Error> {
    // That the customer is there tells who is one.
    call.require(Scope::CustomersRead)?;
    let found = call.customer(Scope::MoneyRead).await?;
    let mut params = call.params();
    let mode = call.path("mode").parse::<Mode>();
    if mode.is_err() {
        params.refuse("mode", "invalid_value", format!("must be one of {}", Mode::VARIANTS.join(", ")));
    }
    let freq = call.path("freq").parse::<Freq>();
    if freq.is_err() {
        params.refuse("freq", "invalid_value", format!("must be one of {}", Freq::VARIANTS.join(", ")));
    }
    params.done()?;
    let (Ok(mode), Ok(freq)) = (mode, freq) else { return Err(Error::NotFound) };
    let now = clock::now();
    let base = found.entrypoint.currency.code();
    let (place, id) = (found.entrypoint.id, found.record.stored.id);
    let sales = call.app.store.transactions().sales_of(place, id, mode.period(now), base).await?;
    let body: Vec<IntervalOut> =
        intervals(mode, freq, now, &sales).into_iter().map(IntervalOut::from).collect();
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "private, no-cache")).json(body))
}
