//! Invoices over HTTP (rules 19), by Payabli's routes and some more.

mod export;
mod list;
mod out;
mod pdf;
mod row;
mod write;

use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::IntoParams;

pub(super) use self::export::{export_invoices, export_organisation_invoices};
pub(super) use self::list::{list_invoices, list_organisation_invoices};
pub(super) use self::pdf::get_invoice_pdf;
pub(super) use self::row::InvoiceRowsOut;
pub(super) use self::write::{
    create_invoice, credit_invoice, delete_invoice, finalize_invoice, get_send_invoice, pay_invoice,
    send_invoice, update_invoice, void_invoice,
};

use self::out::InvoiceOut;
use super::http::body::Params;
use super::http::call::Call;
use super::http::error::Error;
use super::http::json::{self, RECORD_ROOM};
use super::http::params::EntryPath;
use super::lists::newest::NO_FILTERS_SORTED;
use crate::domain::accounts::token::Scope;
use crate::domain::invoices::filter::InvoiceFilter;
use crate::domain::kernel::problem::Problem;
use crate::domain::view::View;
use crate::store::FoundInvoice;

/// The parameter that asks a list for a file.
const FORMAT_PARAMETER: &str = "exportFormat";

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
#[expect(dead_code, reason = "the texts and names of the OpenAPI document, and nothing else")]
struct InvoicePath {
    /// The invoice's id
    #[param(minimum = 1)]
    invoice_id: i64,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
#[expect(dead_code, reason = "the texts and names of the OpenAPI document, and nothing else")]
struct TargetPath {
    /// The invoice's id; with POST the name of the entrypoint
    #[param(example = "demo")]
    target: String,
}

/// The number that comes next.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvoiceNumberOut {
    /// Always true.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
    /// The number.
    response_data: String,
}

/// Read the number that the next invoice gets
///
/// It reserves nothing: an invoice gets its number when it is finalized.
#[utoipa::path(
    tag = "Invoices",
    params(EntryPath),
    responses((status = 200, description = "The number", body = InvoiceNumberOut)),
)]
#[get("/api/Invoice/getNumber/{entry}")]
pub(crate) async fn get_invoice_number(call: Call) -> Result<HttpResponse, Error> {
    let id = call.entry(Scope::MoneyRead).await?;
    call.params().done()?;
    let number = call.app.store.invoices().next_number(id).await?.ok_or(Error::NotFound)?;
    let shown = InvoiceNumberOut { is_success: true, response_text: "Success", response_data: number };
    Ok(json::tagged(
        &call.request,
        &json::tag(0, &json::written(&shown, RECORD_ROOM)?),
        json::written(&shown, RECORD_ROOM)?,
    ))
}

/// Read an invoice
///
/// With its lines, sums, payments and credit notes. It needs `money:read` and `customers:read`; without `pii:read` the buyer's
/// contacts are masked. Once the buyer is erased, only a token with `money:legal` sees who that was.
#[utoipa::path(
    tag = "Invoices",
    params(
        TargetPath,
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where the invoice is still the same"),
    ),
    responses(
        (status = 200, description = "The invoice", body = InvoiceOut<'_>),
        (status = 304, description = "The invoice is still the one of If-None-Match"),
    ),
)]
#[get("/api/Invoice/{target}")]
pub(crate) async fn get_invoice(call: Call) -> Result<HttpResponse, Error> {
    let one = found(&call, "target").await?;
    call.params().done()?;
    let shown = InvoiceOut::new(&one, sight_of(&call));
    let text = json::written(&shown, RECORD_ROOM)?;
    // It begins with the version of the invoice, so it also works as `If-Match`.
    Ok(json::tagged(&call.request, &json::tag(one.invoice.version, &text), text))
}

/// The filters among the parameters that are left, and all problems.
fn filter_of(params: Params) -> (InvoiceFilter, Vec<Problem>) {
    let (pairs, mut problems) = params.rest();
    let others = [&NO_FILTERS_SORTED[..], &[FORMAT_PARAMETER]].concat();
    let filter = InvoiceFilter::parse(&pairs, &others).unwrap_or_else(|found| {
        problems.extend(found);
        InvoiceFilter::default()
    });
    (filter, problems)
}

/// How much a caller sees of buyers: as they are or masked, and whether also of those who are erased.
pub(super) fn sight_of(call: &Call) -> (View, bool) {
    (super::customers::view_of(&call.caller), call.caller.claims().allows(Scope::MoneyLegal))
}

/// The entrypoint of the invoice that a parameter of the path names, if the token sees it.
///
/// # Errors
/// 403, 404.
async fn place(call: &Call, parameter: &str, scope: Scope) -> Result<(i64, i64), Error> {
    call.require(scope)?;
    // What it refuses and answers tells of money.
    call.require(Scope::MoneyRead)?;
    // An invoice says who is a customer.
    call.require(Scope::CustomersRead)?;
    let id = call.id(parameter)?;
    // The ids of invoices and of customers come from the same blocks.
    let place = call.app.store.customers().entrypoint_of(id).await?.ok_or(Error::NotFound)?;
    call.entrypoint_seen(place).await?;
    Ok((place, id))
}

/// The invoice that a parameter of the path names, if the token sees it.
///
/// # Errors
/// 403, 404.
async fn found(call: &Call, parameter: &str) -> Result<FoundInvoice, Error> {
    let (place, id) = place(call, parameter, Scope::MoneyRead).await?;
    call.app.store.invoices().find(place, id).await?.ok_or(Error::NotFound)
}
