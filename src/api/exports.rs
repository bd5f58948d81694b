//! Customers as files: `GET /Export/customers/{format}/{entry}` and `…/org/{orgId}` (contract 9.1, rules 1 and 9).
//! Lists answer the same files where `exportFormat` asks for them.

use std::pin::Pin;
use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse, get};

use super::customers::{View, view_of, visible_entry};
use super::http::auth::Caller;
use super::http::error::Error;
use super::http::state::App;
use super::lists::{FileParams, ListParams, ListTarget, organisation};
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::exports::{Format, default_columns};
use crate::export::{Export, Order, file_name};
use crate::store::{ListRequest, StoreError};

/// A workbook's bytes.
#[derive(utoipa::ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) struct WorkbookOut(Vec<u8>);

/// Export an entrypoint's customers
///
/// All of them, as CSV (UTF-8, RFC 4180) or as a workbook; filters, `search` and `sortBy` are those of the list. The
/// oldest come first. Without `columnsExport` the file has every column that an import takes back. Source columns
/// are the record's fields by name, `additional-<name>` for one additional field, `entry`, `orgId`, and the names
/// of entrypoint and organisation.
///
/// In CSV a text that a spreadsheet would run as a formula has one `'` before it; an import strips it. In a
/// workbook texts are text and numbers are numbers; it holds at most 1,048,575 customers. An answer that breaks off
/// is not a whole file. Without `pii:read` contacts are masked, as everywhere.
#[utoipa::path(
    tag = "Exports",
    operation_id = "export_customers",
    params(
        ("format" = inline(Format), Path, description = "The kind of file"),
        ("entry" = String, Path, description = "The entrypoint, 1–50 characters, case-sensitive"),
        ("columnsExport" = Option<String>, Query, description = "`Source:Heading,Source2:Heading2`; a source alone is headed as it is written"),
        ("fromRecord" = Option<i64>, Query, minimum = 0, description = "How many customers to skip; 0 by default"),
        ("limitRecord" = Option<i64>, Query, description = "How many customers to export; 0 or less, and by default, all of them"),
        ("sortBy" = Option<String>, Query, description = "`asc(field)` or `desc(field)` of any field of the record; oldest first by default"),
        ("search" = Option<String>, Query, description = "Words or parts of words, all of which must occur"),
        ("parameters" = Option<String>, Query, description = "Filters as a JSON object, as Payabli's SDKs send them: `{\"email(ct)\": \"example\"}`"),
    ),
    responses((status = 200, description = "The file", content(
        (String = "text/csv"),
        (WorkbookOut = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ))),
)]
#[get("/api/Export/customers/{format}/{entry}")]
pub(crate) async fn export_customers(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Error> {
    caller.require(Scope::CustomersExport)?;
    let (format, entry) = path.into_inner();
    let entrypoint_id = visible_entry(&app, &caller, &entry).await?;
    export(app, &caller, &request, &format, &ListTarget::entrypoint(&entry, entrypoint_id)).await
}

/// Export an organisation's customers
///
/// Those of all its entrypoints that the token sees; otherwise as the export of one entrypoint. By default a
/// column `entry` stands before the others.
#[utoipa::path(
    tag = "Exports",
    operation_id = "export_organisation_customers",
    params(
        ("format" = inline(Format), Path, description = "The kind of file"),
        ("orgId" = i64, Path, description = "The organisation"),
        ("columnsExport" = Option<String>, Query, description = "`Source:Heading,Source2:Heading2`; a source alone is headed as it is written"),
        ("fromRecord" = Option<i64>, Query, minimum = 0, description = "How many customers to skip; 0 by default"),
        ("limitRecord" = Option<i64>, Query, description = "How many customers to export; 0 or less, and by default, all of them"),
        ("sortBy" = Option<String>, Query, description = "`asc(field)` or `desc(field)` of any field of the record; oldest first by default"),
        ("search" = Option<String>, Query, description = "Words or parts of words, all of which must occur"),
        ("parameters" = Option<String>, Query, description = "Filters as a JSON object, as Payabli's SDKs send them"),
    ),
    responses((status = 200, description = "The file", content(
        (String = "text/csv"),
        (WorkbookOut = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ))),
)]
#[get("/api/Export/customers/{format}/org/{orgId}")]
pub(crate) async fn export_organisation_customers(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Error> {
    caller.require(Scope::CustomersExport)?;
    let (format, id) = path.into_inner();
    let place = organisation(&app, &caller, &id).await?;
    export(app, &caller, &request, &format, &place).await
}

async fn export(
    app: Data<App>,
    caller: &Caller,
    request: &HttpRequest,
    format: &str,
    place: &ListTarget,
) -> Result<HttpResponse, Error> {
    let mut params = ListParams::of_export(request, caller, format)?;
    let file = params.file.take().ok_or_else(|| Error::Internal("an export of no format".into()))?;
    answer(app, place, &params, file, view_of(caller)).await
}

/// The file itself. Which customers it has is known before its first byte; if reading them fails later the
/// connection is broken off, so that nobody takes a part for the whole.
///
/// # Errors
/// 400 for more customers than the format holds; 503 without the database.
pub(super) async fn answer(
    app: Data<App>,
    place: &ListTarget,
    params: &ListParams,
    file: FileParams,
    view: View,
) -> Result<HttpResponse, Error> {
    let FileParams { format, parameter, columns } = file;
    let limit = usize::try_from(params.limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let request = ListRequest { limit, ..params.request(place, view) };
    let columns = columns.unwrap_or_else(|| default_columns(place.is_organisation));
    let order = Order { request, format, parameter, columns };
    let mut export = Export::begin(Arc::clone(&app.store), order).await?;
    let name = file_name(&place.file_name, clock::now(), format);
    let stream = async_stream::try_stream! {
        while let Some(bytes) = export.next().await.map_err(broken_off)? {
            yield Bytes::from(bytes);
        }
    };
    let stream: Pin<Box<dyn futures_util::Stream<Item = Result<Bytes, actix_web::Error>>>> = Box::pin(stream);
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CACHE_CONTROL, "private, no-store"))
        .insert_header((CONTENT_TYPE, format.media_type()))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")));
    Ok(response.streaming(stream))
}

/// Nobody renders an error that comes after the first bytes, so it is logged here.
fn broken_off(error: StoreError) -> Error {
    tracing::error!(%error, "an export was broken off");
    error.into()
}
