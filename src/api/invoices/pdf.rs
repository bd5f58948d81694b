//! The PDF of an invoice.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::{HttpResponse, get};

use super::{InvoicePath, found};
use crate::api::http::call::Call;
use crate::api::http::error::Error;
use crate::documents;
use crate::domain::accounts::token::Scope;
use crate::domain::kernel::problem::Problem;

/// A PDF's bytes.
#[derive(utoipa::ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) struct PdfOut(Vec<u8>);

/// Download an invoice as a PDF
///
/// Made once, when the invoice was issued, and always the same bytes: later payments do not change it. It shows the buyer, so
/// it needs `pii:read`; once the buyer is erased also `money:legal`. A draft has none (409, `invoice_is_draft`).
#[utoipa::path(
    tag = "Invoices",
    params(InvoicePath),
    responses((status = 200, description = "The document", body = PdfOut, content_type = "application/pdf")),
)]
#[get("/api/Invoice/{invoiceId}/pdf")]
pub(crate) async fn get_invoice_pdf(call: Call) -> Result<HttpResponse, Error> {
    call.require(Scope::PiiRead)?;
    let one = found(&call, "invoiceId").await?;
    call.params().done()?;
    if one.found.record.stored.erased {
        call.require(Scope::MoneyLegal)?;
    }
    let place = one.found.entrypoint.id;
    let Some(pdf) = documents::of_invoice(&call.app.store, place, &one.invoice).await? else {
        let message = "a draft has no document; finalize it first";
        return Err(Error::State(vec![Problem::parameter("invoiceId", "invoice_is_draft", message)]));
    };
    let name = documents::file_name(one.invoice.number());
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "private, no-store"))
        .insert_header((CONTENT_TYPE, "application/pdf"))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(pdf))
}
