//! Lists of transactions: `GET /Query/transactions/{entry}` and `/org/{orgId}`, and the same as files (rules 14).

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, LINK};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, get};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::TransactionOut;
use super::listed::{ListedOut, TransactionPayerOut, TransactionSummaryOut, TransactionsOut};
use crate::api::customers::view_of;
use crate::api::exports::{WorkbookOut, broken_off, download};
use crate::api::http::call::Call;
use crate::api::http::error::{Error, unless_any};
use crate::api::http::json::{self, RECORD_ROOM};
use crate::api::http::params::{
    EntryPath, FormatPath, OrganisationPath, TransactionExportQuery, TransactionListQuery,
};
use crate::api::http::state::App;
use crate::api::lists::params::{ListTarget, PAGE_TIME_MAX, asks_for_file, next_link};
use crate::api::lists::{SLICE, any_page_of};
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::exports::{
    COLUMNS_PARAMETER, Format, PaymentColumn, default_payment_columns, parse_payment_columns,
};
use crate::domain::filter::direction;
use crate::domain::kernel::problem::{Problem, noted};
use crate::domain::transactions::filter::Filter;
use crate::domain::view::View;
use crate::export::{PaymentExport, PaymentOrder, payment_file_name};
use crate::store::{ListedTransaction, TransactionKey, TransactionPage, TransactionRequest, TransactionSums};

/// How long a file may look for each of its pages.
const FILE_TIME_MAX: Duration = Duration::from_mins(1);
/// What page tokens of these lists are sealed as.
const KIND: &str = "transactions";
/// The query parameter that requests a file instead of a page.
const FORMAT_PARAMETER: &str = "exportFormat";
/// The parameter of the order, and the names of the field that gives it.
const SORT_PARAMETER: &str = "sortBy";
const SORTS: [&str; 3] = ["transactionDate", "transactionTime", "occurredAt"];

/// List an entrypoint's transactions
///
/// Newest first. Filters are query parameters `field(op)=value`, as in the list of customers, by Payabli's names: `transId`,
/// `transactionDate`, `status`, `operation`, `method`, `totalAmount`, `netAmount`, `feeAmount`, `orderId`, `source`,
/// `invoiceNumber`, `payaccountLastfour`, `customerId` (0 for transactions of nobody), `customerNumber`, `additional-<name>`,
/// and our own `externalId`, `refundOf` and `currency`. Dates, states, amounts and customers are read by an index; the other fields open
/// every record that those leave. After 10 s the answer is 503 and says how to narrow the list.
///
/// `Summary` counts all matches exactly, and sums up what confirmed sales among them came to, gross and net. `Summary.pageIdentifier` (and `Link: rel="next"`) leads to the next page,
/// which costs the same at any depth. Files are under `/Export`; `exportFormat=csv` or `xlsx` answers the same file here.
#[utoipa::path(
    tag = "Transactions",
    params(
        EntryPath,
        TransactionListQuery,
        ("parameters" = Option<String>, Query, description = "Filters as a JSON object, as Payabli's SDKs send them: `{\"status(in)\": \"1\"}`"),
    ),
    responses((status = 200, description = "A page of transactions", body = TransactionsOut<'_>)),
)]
#[get("/api/Query/transactions/{entry}")]
pub(crate) async fn list_transactions(call: Call) -> Result<HttpResponse, Error> {
    require_for_file(&call)?;
    let target = ListTarget::of_entrypoint(&call, Scope::MoneyRead).await?;
    list(&call, &target).await
}

/// List an organisation's transactions
///
/// Those of all its entrypoints that the token sees; otherwise as the list of one entrypoint.
#[utoipa::path(
    tag = "Transactions",
    params(
        OrganisationPath,
        TransactionListQuery,
        ("parameters" = Option<String>, Query, description = "Filters as a JSON object, as Payabli's SDKs send them"),
    ),
    responses((status = 200, description = "A page of transactions", body = TransactionsOut<'_>)),
)]
#[get("/api/Query/transactions/org/{orgId}")]
pub(crate) async fn list_organisation_transactions(call: Call) -> Result<HttpResponse, Error> {
    require_for_file(&call)?;
    let target = ListTarget::of_live_money(&call, Scope::MoneyRead).await?;
    list(&call, &target).await
}

/// Export an entrypoint's transactions
///
/// As CSV (UTF-8, RFC 4180) or as a workbook, oldest first, with the filters of the list. `columnsExport` chooses and names
/// columns. It needs `money:read` and `customers:export`; columns of customers are empty without `customers:read`. Without
/// `pii:read` contacts, descriptions and accounts are masked.
#[utoipa::path(
    tag = "Exports",
    params(
        FormatPath,
        EntryPath,
        TransactionExportQuery,
        ("parameters" = Option<String>, Query, description = "Filters as a JSON object, as Payabli's SDKs send them: `{\"status(in)\": \"1\"}`"),
    ),
    responses((status = 200, description = "The file", content(
        (String = "text/csv"),
        (WorkbookOut = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ))),
)]
#[get("/api/Export/transactions/{format}/{entry}")]
pub(crate) async fn export_transactions(call: Call) -> Result<HttpResponse, Error> {
    call.require(Scope::CustomersExport)?;
    let target = ListTarget::of_entrypoint(&call, Scope::MoneyRead).await?;
    export(&call, &target).await
}

/// Export an organisation's transactions
///
/// Those of all its entrypoints that the token sees; otherwise as the export of one entrypoint. By default a column `entry`
/// stands before the others.
#[utoipa::path(
    tag = "Exports",
    params(
        FormatPath,
        OrganisationPath,
        TransactionExportQuery,
        ("parameters" = Option<String>, Query, description = "Filters as a JSON object, as Payabli's SDKs send them"),
    ),
    responses((status = 200, description = "The file", content(
        (String = "text/csv"),
        (WorkbookOut = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ))),
)]
#[get("/api/Export/transactions/{format}/org/{orgId}")]
pub(crate) async fn export_organisation_transactions(call: Call) -> Result<HttpResponse, Error> {
    call.require(Scope::CustomersExport)?;
    let target = ListTarget::of_live_money(&call, Scope::MoneyRead).await?;
    export(&call, &target).await
}

/// A file needs one more scope.
fn require_for_file(call: &Call) -> Result<(), Error> {
    if asks_for_file(call) { call.require(Scope::CustomersExport) } else { Ok(()) }
}

/// A requested file.
struct File {
    format: Format,
    parameter: &'static str,
    columns: Option<Vec<(PaymentColumn, String)>>,
}

/// A checked query.
struct Query {
    filter: Filter,
    descending: bool,
    skip: i64,
    limit: i64,
    page: Option<String>,
    file: Option<File>,
}

impl Query {
    /// Reads the query; `format` is the format in the path of an export.
    fn read(call: &Call, format: Option<String>) -> Result<Query, Error> {
        let mut params = call.params();
        let format = match (format, params.text(FORMAT_PARAMETER).filter(|text| !text.is_empty())) {
            (Some(_), Some(_)) => {
                let message = "is not for exports: the address names the format";
                params.refuse(FORMAT_PARAMETER, "unknown_parameter", message);
                None
            }
            (Some(text), None) => Some((text, "format")),
            (None, sent) => sent.map(|text| (text, FORMAT_PARAMETER)),
        };
        let is_file = format.is_some();
        let (skip, limit) = if is_file {
            let skip = params.integer("fromRecord", 0, i64::MAX).unwrap_or(0);
            (skip, params.integer("limitRecord", i64::MIN, i64::MAX).unwrap_or(0))
        } else {
            any_page_of(&mut params)
        };
        if params.text("search").is_some() {
            let message = "is for customers; search them first, then filter transactions by customerId";
            params.refuse("search", "unknown_parameter", message);
        }
        let page = params.text("pageIdentifier").filter(|token| !token.is_empty());
        if page.is_some() && is_file {
            params.refuse("pageIdentifier", "exclusive_parameters", "is not for files, which have no pages");
        } else if page.is_some() && skip > 0 {
            params.refuse("fromRecord", "exclusive_parameters", "cannot stand beside pageIdentifier");
        }
        let sort = params.text(SORT_PARAMETER).filter(|text| !text.is_empty());
        let descending = match sort.as_deref().map(descending) {
            None => !is_file,
            Some(Some(descending)) => descending,
            Some(None) => {
                let message = format!(
                    "must be asc(field) or desc(field); transactions sort by transactionDate alone, whose names are {}",
                    SORTS.join(", ")
                );
                params.refuse(SORT_PARAMETER, "invalid_sort", message);
                true
            }
        };
        let columns = params.text(COLUMNS_PARAMETER).filter(|text| !text.is_empty());
        if columns.is_some() && !is_file {
            let message = "is for files; send exportFormat=csv or exportFormat=xlsx beside it";
            params.refuse(COLUMNS_PARAMETER, "missing_parameter", message);
        }
        let format = format.and_then(|(text, parameter)| match text.parse::<Format>() {
            Ok(format) => Some((format, parameter)),
            Err(why) => {
                params.refuse(parameter, "invalid_value", why);
                None
            }
        });
        let (pairs, mut problems) = params.rest();
        let filter = noted(Filter::parse(&pairs), &mut problems);
        let columns =
            columns.filter(|_| is_file).map(|text| noted(parse_payment_columns(&text), &mut problems));
        if !call.caller.sees_pii() {
            problems.extend(filter.masked_fields());
        }
        if !call.caller.claims().allows(Scope::CustomersRead) {
            problems.extend(filter.fields_of_customers());
        }
        let file = format.map(|(format, parameter)| File { format, parameter, columns });
        unless_any(problems, Ok(Query { filter, descending, skip, limit, page, file }))
    }

    fn request(&self, call: &Call, target: &ListTarget) -> TransactionRequest {
        TransactionRequest {
            entrypoints: target.entrypoints.clone(),
            filter: self.filter.clone(),
            descending: self.descending,
            after: None,
            skip: usize::try_from(self.skip).unwrap_or(usize::MAX),
            limit: usize::try_from(self.limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX),
            counts: false,
            owner: call.caller.claims().org,
            time_max: PAGE_TIME_MAX,
        }
    }

    /// The hash of the query that binds a page token to it.
    fn context(&self, target: &ListTarget) -> [u8; 32] {
        let direction = if self.descending { "desc" } else { "asc" };
        let mut hasher = blake3::Hasher::new();
        for part in [target.name.as_str(), &self.filter.canonical(), direction] {
            hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }
}

/// Whether an order of transactions is descending; `None` if the text is no such order.
fn descending(text: &str) -> Option<bool> {
    let (descending, name) = direction(text)?;
    SORTS.iter().any(|known| known.eq_ignore_ascii_case(name)).then_some(descending)
}

/// A page token: the last transaction of the page, and the sums over the whole list.
#[derive(Serialize, Deserialize)]
struct Cursor {
    after: TransactionKey,
    count: i64,
    /// As text, since sums may be greater than the numbers of JSON.
    amount: String,
    net: String,
}

async fn list(call: &Call, target: &ListTarget) -> Result<HttpResponse, Error> {
    let mut query = Query::read(call, None)?;
    if let Some(file) = query.file.take() {
        return answer_file(call, target, &query, file).await;
    }
    let context = query.context(target);
    let (after, known) = opened(call, context, query.page.as_deref()).await?;
    let request = TransactionRequest { after, counts: known.is_none(), ..query.request(call, target) };
    let shown = Shown {
        view: view_of(&call.caller),
        sees_customers: call.caller.claims().allows(Scope::CustomersRead),
    };
    if request.limit > SLICE {
        return streamed(call, request, query.limit, shown, (context, known)).await;
    }
    let render = move |page: &TransactionPage| (rendered(page, shown), page.sums, page.next);
    let (records, sums, next) = call.app.store.transactions().list(request, render).await?;
    let sums = known.or(sums).unwrap_or_default();
    let token = sealed(&call.app, context, next, sums).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "private, no-cache"));
    if let Some(token) = &token {
        response.insert_header((LINK, next_link(&call.request, token)));
    }
    let mut text = json::written(&TransactionSummaryOut::new(query.limit, sums, token), RECORD_ROOM)?;
    text.splice(0..0, *b"{\"Summary\":");
    text.extend_from_slice(b",\"Records\":[");
    text.extend_from_slice(&records?);
    text.extend_from_slice(b"]}");
    Ok(json::answer(&mut response, text))
}

/// A long answer. It reads the records in slices without a common transaction, each slice from where the one before it ended,
/// and writes the summary last.
///
/// # Errors
/// Errors before the first byte.
async fn streamed(
    call: &Call,
    request: TransactionRequest,
    limit: i64,
    shown: Shown,
    (context, known): ([u8; 32], Option<TransactionSums>),
) -> Result<HttpResponse, Error> {
    let app = call.app.clone();
    let render =
        move |page: &TransactionPage| (rendered(page, shown), page.records.len(), page.sums, page.next);
    let first = TransactionRequest { limit: SLICE, ..request.clone() };
    let (mut records, mut number, sums, mut next) = app.store.transactions().list(first, render).await?;
    let sums = known.or(sums).unwrap_or_default();
    let stream = async_stream::try_stream! {
        let mut text: Vec<u8> = b"{\"Records\":[".to_vec();
        let mut left = request.limit;
        loop {
            text.extend_from_slice(&records.map_err(actix_web::Error::from)?);
            left = left.saturating_sub(number);
            if next.is_none() || left == 0 {
                break;
            }
            yield Bytes::from(std::mem::take(&mut text));
            tokio::task::yield_now().await;
            let slice = TransactionRequest {
                after: next,
                skip: 0,
                limit: left.min(SLICE),
                counts: false,
                time_max: FILE_TIME_MAX,
                ..request.clone()
            };
            (records, number, _, next) = app.store.transactions().list(slice, render).await.map_err(Error::from)?;
            if number > 0 {
                text.push(b',');
            }
        }
        let token = sealed(&app, context, next, sums).await?;
        let summary = TransactionSummaryOut::new(limit, sums, token);
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

/// How much the reader of a list sees.
#[derive(Debug, Clone, Copy)]
struct Shown {
    view: View,
    sees_customers: bool,
}

/// The transactions of a page as JSON, with commas between them.
fn rendered(page: &TransactionPage, shown: Shown) -> Result<Vec<u8>, serde_json::Error> {
    let Shown { view, sees_customers } = shown;
    let record = |listed: &ListedTransaction| {
        let out = ListedOut {
            transaction: TransactionOut::new(&listed.transaction, &listed.entrypoint, view, sees_customers),
            customer: listed
                .customer
                .as_ref()
                .filter(|_| sees_customers)
                .map(|(record, _)| TransactionPayerOut::new(&record.stored, view)),
        };
        json::written(&out, RECORD_ROOM)
    };
    let mut text = Vec::with_capacity((page.records.len() + 1) * RECORD_ROOM);
    for (index, listed) in page.records.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        text.extend_from_slice(&record(listed)?);
    }
    Ok(text)
}

/// Opens the page token of the same query, if one was sent.
async fn opened(
    call: &Call,
    context: [u8; 32],
    token: Option<&str>,
) -> Result<(Option<TransactionKey>, Option<TransactionSums>), Error> {
    let Some(token) = token else { return Ok((None, None)) };
    let refused = || {
        let message = "is no token of this list; send it with the filters and order it came from";
        Error::invalid(Problem::parameter("pageIdentifier", "invalid_page", message))
    };
    let sealed = URL_SAFE_NO_PAD.decode(token).map_err(|_| refused())?;
    let text = call.app.store.keys().open_note(KIND, context, sealed).await?.ok_or_else(refused)?;
    let cursor: Cursor = serde_json::from_slice(&text).map_err(|_| refused())?;
    let (Ok(amount), Ok(net)) = (cursor.amount.parse(), cursor.net.parse()) else { return Err(refused()) };
    Ok((Some(cursor.after), Some(TransactionSums { count: cursor.count, amount, net })))
}

/// The token of the next page, if there is one.
async fn sealed(
    app: &App,
    context: [u8; 32],
    next: Option<TransactionKey>,
    sums: TransactionSums,
) -> Result<Option<String>, Error> {
    let Some(after) = next else { return Ok(None) };
    let TransactionSums { count, amount, net } = sums;
    let cursor = Cursor { after, count, amount: amount.to_string(), net: net.to_string() };
    let text = serde_json::to_vec(&cursor).unwrap_or_default();
    Ok(Some(URL_SAFE_NO_PAD.encode(app.store.keys().seal_note(KIND, context, text).await?)))
}

async fn export(call: &Call, target: &ListTarget) -> Result<HttpResponse, Error> {
    let mut query = Query::read(call, Some(call.path("format").to_owned()))?;
    let file = query.file.take().ok_or_else(|| Error::Internal("an export of no format".into()))?;
    answer_file(call, target, &query, file).await
}

async fn answer_file(
    call: &Call,
    target: &ListTarget,
    query: &Query,
    file: File,
) -> Result<HttpResponse, Error> {
    let File { format, parameter, columns } = file;
    let order = PaymentOrder {
        request: TransactionRequest { time_max: FILE_TIME_MAX, ..query.request(call, target) },
        format,
        parameter,
        columns: columns.unwrap_or_else(|| default_payment_columns(target.is_organisation)),
        masked: view_of(&call.caller) == View::Masked,
        sees_customers: call.caller.claims().allows(Scope::CustomersRead),
    };
    let mut export = PaymentExport::begin(Arc::clone(&call.app.store), order).await?;
    let name = payment_file_name(&target.file_name, clock::now(), format);
    let stream = async_stream::try_stream! {
        while let Some(bytes) = export.next().await.map_err(broken_off)? {
            yield Bytes::from(bytes);
        }
    };
    Ok(download(format, &name, stream))
}
