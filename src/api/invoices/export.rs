//! Invoices as files.

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, get};
use utoipa::IntoParams;

use super::{filter_of, sight_of};
use crate::api::exports::WorkbookOut;
use crate::api::http::call::Call;
use crate::api::http::error::{Error, unless_any};
use crate::api::http::params::{EntryPath, OrganisationPath};
use crate::api::lists::newest::order_of;
use crate::api::lists::params::ListTarget;
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::exports::invoices::InvoiceSight;
use crate::domain::kernel::problem::Problem;
use crate::domain::view::View;
use crate::export::{InvoiceExport, InvoiceFormat};
use crate::store::InvoiceRequest;

/// An archive's bytes.
#[derive(utoipa::ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) struct ArchiveOut(Vec<u8>);

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
#[expect(dead_code, reason = "the texts and names of the OpenAPI document, and nothing else")]
struct InvoiceFormatPath {
    /// `csv` or `xlsx` for a table, `zip` for an archive of PDFs
    #[param(example = "csv")]
    format: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "the texts and names of the OpenAPI document, and nothing else")]
struct InvoiceExportQuery {
    /// `asc(field)` or `desc(field)`; the field is `invoiceDate`, `dueDate`, `createdAt` or `totalAmount`
    sort_by: Option<String>,
    /// As in the list of invoices, like the next ones
    status: Option<String>,
    /// `invoice` or `creditNote`
    kind: Option<String>,
    /// Whether they wait for money and their due date is over
    overdue: Option<bool>,
    /// Those of this customer
    #[param(minimum = 1)]
    customer_id: Option<i64>,
    /// The one with this number
    invoice_number: Option<String>,
    /// Those of this day; also `invoiceDate(ge)`, `(gt)`, `(le)` and `(lt)`, as for the next three
    invoice_date: Option<String>,
    /// Those that are due on this day
    due_date: Option<String>,
    /// Those that were made on this day
    created_at: Option<String>,
    /// Those that come to this amount
    total_amount: Option<String>,
}

/// Export an entrypoint's invoices
///
/// The newest first unless `sortBy` says otherwise: as a table (`csv`, `xlsx`) of all of them, drafts too, or as an archive
/// (`zip`) of the PDFs of those that are issued. Filters are those of the list. It needs `customers:export`, `customers:read` and `money:read`; the archive also
/// needs `pii:read`, and leaves out what was issued to erased people unless the token has `money:legal`.
#[utoipa::path(
    tag = "Exports",
    params(InvoiceFormatPath, EntryPath, InvoiceExportQuery),
    responses((status = 200, description = "The file", content(
        (String = "text/csv"),
        (WorkbookOut = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (ArchiveOut = "application/zip"),
    ))),
)]
#[get("/api/Export/invoices/{format}/{entry}")]
pub(crate) async fn export_invoices(call: Call) -> Result<HttpResponse, Error> {
    let format = call.path("format").to_owned();
    may_export(&call, &format)?;
    let target = ListTarget::of_entrypoint(&call, Scope::MoneyRead).await?;
    export(&call, target, (&format, "format")).await
}

/// Export an organisation's invoices
///
/// Those of all its entrypoints that the token sees; otherwise as the export of one entrypoint.
#[utoipa::path(
    tag = "Exports",
    params(InvoiceFormatPath, OrganisationPath, InvoiceExportQuery),
    responses((status = 200, description = "The file", content(
        (String = "text/csv"),
        (WorkbookOut = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (ArchiveOut = "application/zip"),
    ))),
)]
#[get("/api/Export/invoices/{format}/org/{orgId}")]
pub(crate) async fn export_organisation_invoices(call: Call) -> Result<HttpResponse, Error> {
    let format = call.path("format").to_owned();
    may_export(&call, &format)?;
    let target = ListTarget::of_live_money(&call, Scope::MoneyRead).await?;
    export(&call, target, (&format, "format")).await
}

/// Checks the scopes, before anything tells what there is.
///
/// # Errors
/// 403.
pub(super) fn may_export(call: &Call, format: &str) -> Result<(), Error> {
    call.require(Scope::CustomersExport)?;
    call.require(Scope::CustomersRead)?;
    match InvoiceFormat::parse(format) {
        Ok(InvoiceFormat::Zip) => call.require(Scope::PiiRead),
        _ => Ok(()),
    }
}

/// Answers a file. `format` comes with the name of the parameter that asks for it.
///
/// # Errors
/// 400; errors before the first byte.
pub(super) async fn export(
    call: &Call,
    target: ListTarget,
    (format, parameter): (&str, &'static str),
) -> Result<HttpResponse, Error> {
    let mut params = call.params();
    let order = order_of(&mut params);
    let (filter, problems) = filter_of(params);
    let format = InvoiceFormat::parse(format)
        .map_err(|message| Error::invalid(Problem::parameter(parameter, "invalid_value", message)));
    let format = unless_any(problems, format)?;
    let name = format.file_name(&target.file_name, clock::now());
    let request = InvoiceRequest {
        entrypoints: target.entrypoints,
        filter,
        order,
        after: None,
        skip: 0,
        limit: 0,
        counts: false,
    };
    let (view, sees_erased) = sight_of(call);
    let sight = InvoiceSight { masked: view == View::Masked, sees_erased };
    let mut export = InvoiceExport::begin(Arc::clone(&call.app.store), request, format, sight).await?;
    let stream = async_stream::try_stream! {
        while let Some(bytes) = export.next().await.map_err(Error::from)? {
            yield Bytes::from(bytes);
        }
    };
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "private, no-store"))
        .insert_header((CONTENT_TYPE, format.media_type()))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .streaming::<_, actix_web::Error>(stream))
}
