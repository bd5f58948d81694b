//! Lists of invoices.

use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::IntoParams;

use super::export::{export, may_export};
use super::out::InvoiceOut;
use super::{FORMAT_PARAMETER, filter_of, sight_of};
use crate::api::http::call::Call;
use crate::api::http::error::{Error, unless_any};
use crate::api::http::params::{EntryPath, OrganisationPath};
use crate::api::lists::SummaryOut;
use crate::api::lists::newest::{self, Fetched, Part, Wanted, order_of};
use crate::api::lists::params::ListTarget;
use crate::domain::accounts::token::Scope;
use crate::store::InvoiceRequest;

/// The kind of a page token.
const CURSOR: &str = "invoices";

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "the texts and names of the OpenAPI document, and nothing else")]
struct InvoicesQuery {
    /// How many to skip; 0 by default
    #[param(minimum = 0)]
    from_record: Option<i64>,
    /// How many to answer; 20 by default, 0 or less for all of them
    limit_record: Option<i64>,
    /// The token of a page, from `Summary.pageIdentifier` of the page before
    page_identifier: Option<String>,
    /// `asc(field)` or `desc(field)`; the field is `invoiceDate`, `dueDate`, `createdAt` or `totalAmount`
    sort_by: Option<String>,
    /// `draft`, `open`, `partlyPaid`, `paid` or `cancelled`, or Payabli's 0, 1, 2, 4 and 99; also `status(ne)`, and `status(in)` with `|` between words
    status: Option<String>,
    /// `invoice` or `creditNote`
    kind: Option<String>,
    /// Whether they wait for money and their due date is over
    overdue: Option<bool>,
    /// Those of this customer; also `customerId(in)`
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

/// A page of invoices.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InvoicesOut<'a> {
    /// How many invoices there are.
    summary: SummaryOut,
    /// The invoices of this page.
    records: Vec<InvoiceOut<'a>>,
}

/// List an entrypoint's invoices
///
/// The newest first unless `sortBy` says otherwise, drafts and credit notes too. Files are under `/Export`; `exportFormat=csv`,
/// `xlsx` or `zip` here answers the same file, for clients of the contract. Filters are `field(op)=value`, or
/// `parameters` as the SDKs send them. It needs `money:read` and `customers:read`.
#[utoipa::path(
    tag = "Invoices",
    params(EntryPath, InvoicesQuery),
    responses((status = 200, description = "A page of invoices", body = InvoicesOut<'_>)),
)]
#[get("/api/Query/invoices/{entry}")]
pub(crate) async fn list_invoices(call: Call) -> Result<HttpResponse, Error> {
    let format = asked_format(&call)?;
    call.require(Scope::CustomersRead)?;
    let target = ListTarget::of_entrypoint(&call, Scope::MoneyRead).await?;
    list(&call, target, format).await
}

/// List an organisation's invoices
///
/// Those of all its entrypoints that the token sees; otherwise as the list of one entrypoint.
#[utoipa::path(
    tag = "Invoices",
    params(OrganisationPath, InvoicesQuery),
    responses((status = 200, description = "A page of invoices", body = InvoicesOut<'_>)),
)]
#[get("/api/Query/invoices/org/{orgId}")]
pub(crate) async fn list_organisation_invoices(call: Call) -> Result<HttpResponse, Error> {
    let format = asked_format(&call)?;
    call.require(Scope::CustomersRead)?;
    let target = ListTarget::of_live_money(&call, Scope::MoneyRead).await?;
    list(&call, target, format).await
}

/// The file that `exportFormat` asks for, if it asks for one and the token may have it.
///
/// # Errors
/// 403.
fn asked_format(call: &Call) -> Result<Option<String>, Error> {
    let asked = call.params().text(FORMAT_PARAMETER).filter(|text| !text.is_empty());
    if let Some(format) = &asked {
        may_export(call, format)?;
    }
    Ok(asked)
}

async fn list(call: &Call, target: ListTarget, format: Option<String>) -> Result<HttpResponse, Error> {
    if let Some(format) = format {
        return export(call, target, (&format, FORMAT_PARAMETER)).await;
    }
    let mut params = call.params();
    let wanted = Wanted::read(&mut params);
    let order = order_of(&mut params);
    let (filter, problems) = filter_of(params);
    unless_any(problems, Ok(()))?;
    let name = format!("{}/{filter:?}/{order:?}", target.name);
    let (app, sight) = (call.app.clone(), sight_of(call));
    newest::answer(call, CURSOR, &name, wanted, move |part| {
        let (app, filter) = (app.clone(), filter.clone());
        let Part { after, skip, limit, counts } = part;
        let entrypoints = target.entrypoints.clone();
        let request = InvoiceRequest { entrypoints, filter, order, after, skip, limit, counts };
        async move {
            let page = app.store.invoices().page(request.clone()).await?;
            let written = page.records.iter().map(|one| {
                let place = request.place(&one.invoice);
                Ok::<_, Error>((place, serde_json::to_vec(&InvoiceOut::new(one, sight))?))
            });
            let records = written.collect::<Result<_, _>>()?;
            Ok(Fetched { records, total: page.total, has_more: page.has_more })
        }
    })
    .await
}
