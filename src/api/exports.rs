//! Customers as files: `GET /Export/customers/{format}/{entry}` and `…/org/{orgId}` (contract 9.1, rules 1 and 9).
//! A list answers the same file if `exportFormat` asks for it.

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpResponse, get};
use futures_util::Stream;

use super::customers::view_of;
use super::http::call::Call;
use super::http::error::Error;
use super::http::params::{EntryPath, ExportQuery, FormatPath, OrganisationPath};
use super::http::state::App;
use super::lists::params::{FileParams, ListParams, ListTarget, require_for_totals};
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::exports::{COLUMNS_PARAMETER, Column, ExportColumn, Format, default_columns};
use crate::domain::kernel::problem::Problem;
use crate::domain::view::View;
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
    params(
        FormatPath,
        EntryPath,
        ExportQuery,
        ("parameters" = Option<String>, Query, description = "Filters as a JSON object, as Payabli's SDKs send them: `{\"email(ct)\": \"example\"}`"),
    ),
    responses((status = 200, description = "The file", content(
        (String = "text/csv"),
        (WorkbookOut = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ))),
)]
#[get("/api/Export/customers/{format}/{entry}")]
pub(crate) async fn export_customers(call: Call) -> Result<HttpResponse, Error> {
    require_for_totals(&call)?;
    export(&call, &ListTarget::of_entrypoint(&call, Scope::CustomersExport).await?).await
}

/// Export an organisation's customers
///
/// Those of all its entrypoints that the token sees; otherwise as the export of one entrypoint. By default a
/// column `entry` stands before the others.
#[utoipa::path(
    tag = "Exports",
    params(
        FormatPath,
        OrganisationPath,
        ExportQuery,
        ("parameters" = Option<String>, Query, description = "Filters as a JSON object, as Payabli's SDKs send them"),
    ),
    responses((status = 200, description = "The file", content(
        (String = "text/csv"),
        (WorkbookOut = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ))),
)]
#[get("/api/Export/customers/{format}/org/{orgId}")]
pub(crate) async fn export_organisation_customers(call: Call) -> Result<HttpResponse, Error> {
    require_for_totals(&call)?;
    export(&call, &ListTarget::of_organisation(&call, Scope::CustomersExport).await?).await
}

async fn export(call: &Call, target: &ListTarget) -> Result<HttpResponse, Error> {
    let mut params = ListParams::of_export(call)?;
    let file = params.file.take().ok_or_else(|| Error::Internal("an export of no format".into()))?;
    answer(&call.app, target, &params, file, view_of(&call.caller)).await
}

/// The file. The service knows its customers before it sends the first byte. If a later read fails, the service breaks
/// the connection, so that nobody takes a part for the whole.
///
/// # Errors
/// 400 if there are more customers than the format holds; 403 for comments without `pii:read`; 503 without the database.
pub(super) async fn answer(
    app: &Data<App>,
    target: &ListTarget,
    params: &ListParams,
    file: FileParams,
    view: View,
) -> Result<HttpResponse, Error> {
    let FileParams { format, parameter, columns } = file;
    let shows_comments = |columns: &[Column]| columns.iter().any(|it| it.source == ExportColumn::Comment);
    if view == View::Masked && columns.as_deref().is_some_and(shows_comments) {
        // Even a mask would tell who has comments.
        let message = "has the column comment, which a token with the scope pii:read may export";
        let problem = Problem::parameter(COLUMNS_PARAMETER, "needs_pii_read", message);
        return Err(Error::NeedsPii(vec![problem]));
    }
    let limit = usize::try_from(params.limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let request = ListRequest { limit, ..params.request(target, view) };
    let columns = columns.unwrap_or_else(|| default_columns(target.is_organisation));
    let order = Order { request, format, parameter, columns, now: clock::now() };
    let mut export = Export::begin(Arc::clone(&app.store), order).await?;
    let name = file_name(&target.file_name, clock::now(), format);
    let stream = async_stream::try_stream! {
        while let Some(bytes) = export.next().await.map_err(broken_off)? {
            yield Bytes::from(bytes);
        }
    };
    Ok(download(format, &name, stream))
}

/// The answer that a browser saves as a file of this name.
pub(super) fn download(
    format: Format,
    name: &str,
    stream: impl Stream<Item = Result<Bytes, actix_web::Error>> + 'static,
) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "private, no-store"))
        .insert_header((CONTENT_TYPE, format.media_type()))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .streaming(stream)
}

/// Logs an error after the first bytes, which no answer can show.
pub(super) fn broken_off(error: StoreError) -> Error {
    tracing::error!(%error, "an export was broken off");
    error.into()
}
