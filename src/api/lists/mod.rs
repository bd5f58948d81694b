//! Lists: `GET /Query/customers/{entry}` and `/org/{orgId}`, and the statistics of an entrypoint (rules 8).

mod cursor;
pub(crate) mod newest;
pub(crate) mod paged;
pub(crate) mod params;
mod statistic;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, LINK};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpResponse, get};
use serde::Serialize;

pub(super) use self::statistic::get_customer_statistic;

use self::params::{ListParams, ListTarget, PAGE_TIME_MAX, require_for_totals};
use super::customers::{CustomerOut, Paid, rendering, view_of};
use super::exports;
use super::http::body::Params;
use super::http::call::Call;
use super::http::error::Error;
use super::http::json::{self, RECORD_ROOM};
use super::http::params::{EntryPath, ListQuery, OrganisationPath};
use super::http::state::App;
use crate::domain::accounts::token::Scope;
use crate::domain::view::View;
use crate::store::{ListPage, ListRequest};

/// The default size of a page (contract 6).
pub(crate) const LIMIT_DEFAULT: i64 = 20;
/// The largest page built in memory. A longer answer is streamed in slices of this many records.
pub(crate) const SLICE: usize = 500;

/// How many records of a long answer to write before other work of the thread gets its turn.
const RECORDS_AT_ONCE: usize = 50;
/// The maximum size of a page in lists other than those of customers.
const RECORDS_MAX: i64 = 1_000;

/// `fromRecord` and `limitRecord` of lists other than those of customers.
pub(crate) fn page_of(params: &mut Params) -> (i64, i64) {
    let skip = params.integer("fromRecord", 0, i64::MAX).unwrap_or(0);
    let limit = params.integer("limitRecord", 1, RECORDS_MAX).unwrap_or(LIMIT_DEFAULT);
    (skip, limit)
}

/// `fromRecord` and `limitRecord` of lists that answer all records if the limit is 0 or less, as that of customers does
/// (contract 6).
pub(crate) fn any_page_of(params: &mut Params) -> (i64, i64) {
    let skip = params.integer("fromRecord", 0, i64::MAX).unwrap_or(0);
    let limit = params.integer("limitRecord", i64::MIN, i64::MAX).unwrap_or(LIMIT_DEFAULT);
    (skip, limit)
}

/// A page of customers.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "PascalCase")]
#[expect(dead_code, reason = "the shape of answers that are written in two pieces")]
pub(crate) struct ListOut<'a> {
    /// How many records there are.
    summary: SummaryOut,
    /// The records of this page.
    records: Vec<CustomerOut<'a>>,
}

/// How many records there are, and how they fall into pages.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SummaryOut {
    /// The next page's token, to be sent back as `pageIdentifier`; null on the last page.
    page_identifier: Option<String>,
    /// The same, in the spelling that some SDKs read.
    #[serde(rename = "pageidentifier")]
    pageidentifier: Option<String>,
    /// Records a page.
    page_size: i64,
    /// Always 0; kept for clients of the contract.
    total_amount: i64,
    /// Always 0; kept for clients of the contract.
    total_net_amount: i64,
    /// How many pages there are.
    total_pages: i64,
    /// How many records there are: exactly, unless `totalUpTo` limits what is counted.
    total_records: i64,
    /// False where there are more records than `totalRecords`; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    total_is_exact: Option<bool>,
}

impl SummaryOut {
    /// The summary of a list with this page size; 0 or less puts everything on one page.
    pub(crate) fn new(limit: i64, total: i64) -> SummaryOut {
        let page_size = if limit > 0 { limit } else { total };
        let total_pages = if page_size > 0 { total.saturating_add(page_size - 1) / page_size } else { 0 };
        SummaryOut { page_size, total_pages, total_records: total, ..SummaryOut::default() }
    }

    /// With a note where there are more records than were counted.
    fn that_has_uncounted(mut self, has_uncounted: bool) -> SummaryOut {
        self.total_is_exact = has_uncounted.then_some(false);
        self
    }

    pub(crate) fn with_next(mut self, token: Option<String>) -> SummaryOut {
        self.page_identifier.clone_from(&token);
        self.pageidentifier = token;
        self
    }
}

/// List an entrypoint's customers
///
/// Filters are query parameters `field(op)=value`, all of which must hold: `email(ct)=example`,
/// `createdDate(ge)=2026-01-01`, `status(in)=0|1`; `field=value` means equal. Operators: `eq` `ne` `gt` `ge`
/// `lt` `le` `ct` (contains) `nct` `in` `nin`. The SDKs' `parameters` argument carries the same. Names ignore
/// case; an unknown one is refused, never ignored. Text ignores case, an absent value is the empty text, phones compare
/// digits. `search=` finds parts of words in name, company, e-mail, phone and customerNumber, without
/// accents too. Parts of one or two characters, `ne`, `nct` and `ct` on addresses and additional fields open
/// every record: correct, but slow on large entrypoints. So does a sort by anything but `customerId`, `createdDate`,
/// `transactionCount`, `totalSpent` and `lastTransaction`. After 10 s the answer is 503 and says how to narrow the list.
/// `totalUpTo=1000` opens no more matches than that to count them, and keeps frequent words fast.
///
/// Deleted customers are listed only by `status(eq)=-99` or `status(in)=…|-99`. Newest first by default. `Summary.pageIdentifier` (and
/// `Link: rel="next"`) leads to the next page, however deep, and skips or repeats no record while others write. Files are
/// under `/Export`; `exportFormat=csv` or `xlsx` here answers the same file, for clients of the contract.
#[utoipa::path(
    tag = "Queries",
    params(
        EntryPath,
        ListQuery,
        ("parameters" = Option<String>, Query, description = "Filters as a JSON object, as Payabli's SDKs send them: `{\"email(ct)\": \"example\"}`"),
    ),
    responses((status = 200, description = "A page of customers", body = ListOut<'_>)),
)]
#[get("/api/Query/customers/{entry}")]
pub(crate) async fn list_customers(call: Call) -> Result<HttpResponse, Error> {
    require_for_totals(&call)?;
    let target = ListTarget::of_entrypoint(&call, needed_scope(&call)?).await?;
    list(call, target).await
}

/// List an organisation's customers
///
/// Those of all its entrypoints that the token sees; otherwise as the list of one entrypoint.
#[utoipa::path(
    tag = "Queries",
    params(
        OrganisationPath,
        ListQuery,
        ("parameters" = Option<String>, Query, description = "Filters as a JSON object, as Payabli's SDKs send them"),
    ),
    responses((status = 200, description = "A page of customers", body = ListOut<'_>)),
)]
#[get("/api/Query/customers/org/{orgId}")]
pub(crate) async fn list_organisation_customers(call: Call) -> Result<HttpResponse, Error> {
    require_for_totals(&call)?;
    let target = ListTarget::of_organisation(&call, needed_scope(&call)?).await?;
    list(call, target).await
}

/// The scope that the caller needs: for a list, or for a list as a file.
///
/// # Errors
/// 403 without the first.
fn needed_scope(call: &Call) -> Result<Scope, Error> {
    call.require(Scope::CustomersRead)?;
    Ok(if params::asks_for_file(call) { Scope::CustomersExport } else { Scope::CustomersRead })
}

async fn list(call: Call, target: ListTarget) -> Result<HttpResponse, Error> {
    let mut params = ListParams::read(&call)?;
    let (view, sees_money) = (view_of(&call.caller), call.caller.sees_money());
    let Call { request, app, .. } = call;
    if let Some(file) = params.file.take() {
        return exports::answer(&app, &target, &params, file, view).await;
    }
    let context = params.context(&target, view);
    let (after, known_total) = cursor::open(&app, context, params.page.as_deref()).await?;
    let limit = usize::try_from(params.limit).ok().filter(|limit| *limit > 0);
    let is_long = limit.is_none_or(|limit| limit > SLICE);
    let wanted = ListRequest {
        after,
        limit: limit.unwrap_or(usize::MAX),
        counts: known_total.is_none(),
        shows_money: sees_money,
        ..params.request(&target, view)
    };
    if is_long {
        return streamed(app, wanted, params.limit, view, context, known_total).await;
    }
    let wanted = ListRequest { time_max: PAGE_TIME_MAX, ..wanted };
    let render = move |page: &ListPage| {
        let total = page.total.map(|total| (total, page.has_uncounted));
        (records(page, view, sees_money), total, page.next.clone())
    };
    let (records, total, next) = app.store.customers().list(wanted, render).await?;
    let (total, has_uncounted) = known_total.or(total).unwrap_or_default();
    let next = cursor::seal(&app, context, next, (total, has_uncounted)).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "private, no-cache"));
    if let Some(token) = &next {
        response.insert_header((LINK, params::next_link(&request, token)));
    }
    let total = i64::try_from(total).unwrap_or(i64::MAX);
    let summary = SummaryOut::new(params.limit, total).that_has_uncounted(has_uncounted).with_next(next);
    let records = records?;
    let mut text = Vec::with_capacity(records.len() + RECORD_ROOM);
    text.extend_from_slice(b"{\"Summary\":");
    serde_json::to_writer(&mut text, &summary)?;
    text.extend_from_slice(b",\"Records\":");
    text.extend_from_slice(&records);
    text.push(b'}');
    Ok(json::answer(&mut response, text))
}

/// Renders the records of a page as JSON.
fn records(page: &ListPage, view: View, sees_money: bool) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = Vec::with_capacity((page.records.len() + 1) * RECORD_ROOM);
    text.push(b'[');
    for (index, (record, entrypoint)) in page.records.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        let paid = Paid::seen(sees_money, page.money.get(&record.stored.id));
        text.extend_from_slice(&rendering(record, entrypoint, view, paid)?.1);
    }
    text.push(b']');
    Ok(text)
}

/// A long answer. It fixes the order at the start, reads the records in slices without a common transaction, and writes
/// the summary last.
///
/// # Errors
/// Errors before the first byte.
async fn streamed(
    app: Data<App>,
    wanted: ListRequest,
    limit: i64,
    view: View,
    context: [u8; 32],
    known_total: Option<cursor::Total>,
) -> Result<HttpResponse, Error> {
    let (wants_deleted, sees_money) = (wanted.filter.wants_deleted(), wanted.shows_money);
    let page = app.store.customers().id_page(wanted).await?;
    let stream = async_stream::try_stream! {
        let counted = page.total.map(|total| (total, false));
        let (total, has_uncounted) = known_total.or(counted).unwrap_or_default();
        let mut text: Vec<u8> = b"{\"Records\":[".to_vec();
        let mut is_first = true;
        for slice in page.ids.chunks(SLICE) {
            let found = app.store.customers().records(slice.to_vec()).await.map_err(Error::from)?;
            let places = if sees_money { slice.to_vec() } else { Vec::new() };
            let money = app.store.transactions().of_customers(places).await.map_err(Error::from)?;
            for (index, (record, entrypoint)) in found.into_iter().enumerate() {
                if index.is_multiple_of(RECORDS_AT_ONCE) {
                    tokio::task::yield_now().await;
                }
                let stored = &record.stored;
                // The customer was deleted after the order was fixed.
                if stored.customer.is_deleted() && !wants_deleted {
                    continue;
                }
                if !is_first {
                    text.push(b',');
                }
                is_first = false;
                let paid = Paid::seen(sees_money, money.get(&stored.id));
                let record = CustomerOut::new(stored, &entrypoint, view).with_money(paid, &entrypoint, view);
                serde_json::to_writer(&mut text, &record).map_err(actix_web::Error::from)?;
            }
            yield Bytes::from(std::mem::take(&mut text));
        }
        let next = cursor::seal(&app, context, page.next, (total, has_uncounted)).await?;
        let summary = SummaryOut::new(limit, i64::try_from(total).unwrap_or(i64::MAX));
        let summary = summary.that_has_uncounted(has_uncounted).with_next(next);
        text.extend_from_slice(b"],\"Summary\":");
        serde_json::to_writer(&mut text, &summary).map_err(actix_web::Error::from)?;
        text.push(b'}');
        yield Bytes::from(text);
    };
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "private, no-cache"))
        .insert_header((CONTENT_TYPE, "application/json"))
        .streaming::<_, actix_web::Error>(stream))
}
