//! `GET /Query/customers/{entry}`: the live customers of an entrypoint, newest first.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse, get};
use serde::Serialize;

use super::auth::Caller;
use super::body::Params;
use super::customers::{CustomerOut, View, view_of, visible_entry};
use super::error::Error;
use super::state::App;
use crate::domain::token::Scope;
use crate::store::Page;

/// How many records a page has where nobody says (contract 6).
pub(super) const LIMIT_DEFAULT: i64 = 20;
/// The largest page that is put together in memory; longer answers are streamed in slices of this.
const SLICE: i64 = 500;

/// A page of customers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListOut<'a> {
    /// How many records there are.
    summary: SummaryOut,
    /// The records of this page.
    records: Vec<CustomerOut<'a>>,
}

/// How many records there are, and how they fall into pages.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SummaryOut {
    /// Null; becomes the next page's token once lists have cursors.
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
    /// How many records there are, exactly.
    total_records: i64,
}

impl SummaryOut {
    /// For pages of some size; 0 or less means everything on one.
    pub(super) fn new(limit: i64, total: i64) -> SummaryOut {
        let page_size = if limit > 0 { limit } else { total };
        let total_pages = if page_size > 0 { total.saturating_add(page_size - 1) / page_size } else { 0 };
        SummaryOut {
            page_identifier: None,
            pageidentifier: None,
            page_size,
            total_amount: 0,
            total_net_amount: 0,
            total_pages,
            total_records: total,
        }
    }
}

/// List an entrypoint's customers
///
/// The live customers, newest first. Deleted ones do not stand in lists. Filters and sorting are refused
/// until this release has them; nothing is silently ignored.
#[utoipa::path(
    tag = "Queries",
    operation_id = "list_customers",
    params(
        ("entry" = String, Path, description = "The entrypoint, 1–50 characters, case-sensitive"),
        ("fromRecord" = Option<i64>, Query, minimum = 0, description = "How many records to skip; 0 by default"),
        ("limitRecord" = Option<i64>, Query, description = "How many records to answer; 20 by default, 0 or less for all of them"),
    ),
    responses((status = 200, description = "A page of customers", body = ListOut<'_>)),
)]
#[get("/api/Query/customers/{entry}")]
pub(crate) async fn list_customers(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    entry: Path<String>,
) -> Result<HttpResponse, Error> {
    caller.require(Scope::CustomersRead)?;
    let entrypoint_id = visible_entry(&app, &caller, &entry).await?;
    let mut params = Params::of(&request);
    let skip = params.integer("fromRecord", 0, i64::MAX).unwrap_or(0);
    let limit = params.integer("limitRecord", i64::MIN, i64::MAX).unwrap_or(LIMIT_DEFAULT);
    let problems = params.problems();
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    let wanted = if limit > 0 { limit } else { i64::MAX };
    let page = app.store.customers(entrypoint_id, skip, wanted.min(SLICE)).await?.ok_or(Error::NotFound)?;
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "private, no-cache"));
    if wanted <= SLICE || page.total <= skip.saturating_add(SLICE) {
        let view = view_of(&caller);
        let records =
            page.records.iter().map(|stored| CustomerOut::new(stored, &page.entrypoint, view)).collect();
        return Ok(response.json(ListOut { summary: SummaryOut::new(limit, page.total), records }));
    }
    response.insert_header((CONTENT_TYPE, "application/json"));
    Ok(response.streaming(stream(app, entrypoint_id, page, wanted, limit, view_of(&caller))))
}

/// The records in slices, no transaction held between them, the summary last.
fn stream(
    app: Data<App>,
    entrypoint_id: i64,
    first: Page,
    wanted: i64,
    limit: i64,
    view: View,
) -> impl futures_util::Stream<Item = Result<Bytes, actix_web::Error>> {
    async_stream::try_stream! {
        let Page { entrypoint, mut records, total } = first;
        let mut left = wanted;
        let mut text: Vec<u8> = b"{\"Records\":[".to_vec();
        let mut is_first = true;
        while !records.is_empty() {
            for stored in &records {
                if !is_first {
                    text.push(b',');
                }
                is_first = false;
                serde_json::to_writer(&mut text, &CustomerOut::new(stored, &entrypoint, view)).map_err(actix_web::Error::from)?;
            }
            yield Bytes::from(std::mem::take(&mut text));
            left = left.saturating_sub(SLICE);
            let below = records.last().map_or(0, |stored| stored.id);
            if left <= 0 {
                break;
            }
            records = app.store.customers_below(entrypoint_id, below, left.min(SLICE)).await.map_err(Error::from)?;
        }
        text.extend_from_slice(b"],\"Summary\":");
        serde_json::to_writer(&mut text, &SummaryOut::new(limit, total)).map_err(actix_web::Error::from)?;
        text.push(b'}');
        yield Bytes::from(text);
    }
}
