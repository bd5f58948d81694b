//! Payment requests and the links by which customers store payment methods over HTTP (rules 13 and 20).

mod out;
mod pay_link;
mod write;

use actix_web::{HttpResponse, get};
use utoipa::IntoParams;

use self::out::{MethodLinkOut, PaymentRequestOut};
pub(crate) use self::out::{MethodLinksOut, PaymentRequestsOut};
pub(crate) use self::pay_link::*;
pub(crate) use self::write::*;
use super::customers::view_of;
use super::http::call::Call;
use super::http::error::{Error, unless_any};
use super::http::json::{self, RECORD_ROOM};
use super::http::params::{CustomerPath, EntryPath};
use super::lists::newest::{self, NO_FILTERS_SORTED, Wanted, order_of};
use super::lists::params::ListTarget;
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::filter::ListOrder;
use crate::domain::requests::filter::{RequestField, RequestFilter};
use crate::domain::requests::{Request, RequestId, RequestKind};
use crate::domain::transactions::id::TransId;
use crate::store::RequestRequest;

/// The kind of a page token.
const CURSOR: &str = "requests";

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
#[expect(dead_code, reason = "the texts and names of the OpenAPI document, and nothing else")]
struct RequestTargetPath {
    /// The request's id
    target: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "the texts and names of the OpenAPI document, and nothing else")]
struct RequestPageQuery {
    /// How many to skip; 0 by default
    #[param(minimum = 0)]
    from_record: Option<i64>,
    /// How many to answer; 20 by default, 0 or less for all of them
    limit_record: Option<i64>,
    /// The token of a page, from `Summary.pageIdentifier` of the page before
    page_identifier: Option<String>,
    /// `asc(field)` or `desc(field)`; the field is `createdAt` or `expiresAt`
    sort_by: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "the texts and names of the OpenAPI document, and nothing else")]
struct RequestsQuery {
    /// `NEW`, `INP`, `DON`, `EXP`, `DEC` or `CAN`; also `status(ne)`, and `status(in)` with `|` between words
    status: Option<String>,
    /// Those of this customer; also `customerId(in)`
    #[param(minimum = 1)]
    customer_id: Option<i64>,
    /// Those that were made on this day; also `createdAt(ge)`, `(gt)`, `(le)` and `(lt)`
    created_at: Option<String>,
}

/// List the payment requests of a customer
///
/// The newest first unless `sortBy` says otherwise.
#[utoipa::path(
    tag = "Payment requests",
    params(CustomerPath, RequestPageQuery),
    responses((status = 200, description = "The customer's payment requests", body = PaymentRequestsOut<'_>)),
)]
#[get("/api/Customer/{customerId}/paymentRequests")]
pub(crate) async fn list_customer_payment_requests(call: Call) -> Result<HttpResponse, Error> {
    of_customer(&call, RequestKind::Payment).await
}

/// List the links by which a customer stores payment methods
///
/// The newest first unless `sortBy` says otherwise.
#[utoipa::path(
    tag = "Payment requests",
    params(CustomerPath, RequestPageQuery),
    responses((status = 200, description = "The customer's links", body = MethodLinksOut<'_>)),
)]
#[get("/api/Customer/{customerId}/methodLinks")]
pub(crate) async fn list_method_links(call: Call) -> Result<HttpResponse, Error> {
    of_customer(&call, RequestKind::Method).await
}

async fn of_customer(call: &Call, kind: RequestKind) -> Result<HttpResponse, Error> {
    call.require(Scope::CustomersRead)?;
    let found = call.customer(Scope::MoneyRead).await?;
    let mut params = call.params();
    let wanted = Wanted::read(&mut params);
    let order = order_of(&mut params);
    params.done()?;
    let id = found.record.stored.id;
    let filter = RequestFilter { customers: Some([id].into()), ..RequestFilter::default() };
    let target = ListTarget::of(&found.entrypoint, &format!("customer {id}"));
    answer(call, &target, (found.entrypoint.id, kind), (filter, order), wanted).await
}

/// List an entrypoint's payment requests
///
/// The newest first unless `sortBy` says otherwise. Filters: `status`, `customerId` and `createdAt`, as `field(op)=value` or in
/// `parameters`.
#[utoipa::path(
    tag = "Payment requests",
    params(EntryPath, RequestPageQuery, RequestsQuery),
    responses((status = 200, description = "A page of payment requests", body = PaymentRequestsOut<'_>)),
)]
#[get("/api/PaymentRequests/{entry}")]
pub(crate) async fn list_payment_requests(call: Call) -> Result<HttpResponse, Error> {
    call.require(Scope::CustomersRead)?;
    let entrypoint_id = call.entry(Scope::MoneyRead).await?;
    let target = ListTarget::of_entrypoint(&call, Scope::MoneyRead).await?;
    let mut params = call.params();
    let wanted = Wanted::read(&mut params);
    let order = order_of(&mut params);
    let (pairs, mut problems) = params.rest();
    let filter = RequestFilter::parse(&pairs, &NO_FILTERS_SORTED).unwrap_or_else(|found| {
        problems.extend(found);
        RequestFilter::default()
    });
    unless_any(problems, Ok(()))?;
    answer(&call, &target, (entrypoint_id, RequestKind::Payment), (filter, order), wanted).await
}

/// Read a payment request
///
/// The address to pay at is only in the answer that makes it: the service keeps no more than its hash.
#[utoipa::path(
    tag = "Payment requests",
    params(
        RequestTargetPath,
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where the request is still the same"),
    ),
    responses(
        (status = 200, description = "The payment request", body = PaymentRequestOut<'_>),
        (status = 304, description = "The payment request is still the one of If-None-Match"),
    ),
)]
#[get("/api/PaymentRequest/{target}")]
pub(crate) async fn get_payment_request(call: Call) -> Result<HttpResponse, Error> {
    let (place, id) = place(&call, "target", Scope::MoneyRead).await?;
    call.params().done()?;
    let found = call.app.store.requests().find(place, id).await?;
    let request = found.filter(|request| request.kind == RequestKind::Payment).ok_or(Error::NotFound)?;
    let shown = PaymentRequestOut::new(place, &request, view_of(&call.caller), clock::now());
    let text = json::written(&shown, RECORD_ROOM)?;
    Ok(json::tagged(&call.request, &json::tag(request.version, &text), text))
}

/// The entrypoint of the request that a parameter of the path names, if the token sees it.
///
/// # Errors
/// 403, 404.
async fn place(call: &Call, parameter: &str, scope: Scope) -> Result<(i64, RequestId), Error> {
    call.require(scope)?;
    // What it refuses and answers tells of money.
    call.require(Scope::MoneyRead)?;
    // A request says who is a customer.
    call.require(Scope::CustomersRead)?;
    let (place, id) = TransId::parse(call.path(parameter)).ok_or(Error::NotFound)?;
    call.entrypoint_seen(place).await?;
    Ok((place, id))
}

async fn answer(
    call: &Call,
    target: &ListTarget,
    (entrypoint_id, kind): (i64, RequestKind),
    (filter, order): (RequestFilter, ListOrder<RequestField>),
    wanted: Wanted,
) -> Result<HttpResponse, Error> {
    let name = format!("{}/{kind:?}/{filter:?}/{order:?}", target.name);
    let (app, view, now) = (call.app.clone(), view_of(&call.caller), clock::now());
    newest::answer(call, CURSOR, &name, wanted, move |part| {
        let (app, filter) = (app.clone(), filter.clone());
        let newest::Part { after, skip, limit, counts } = part;
        let asked = RequestRequest { entrypoint_id, kind, filter, now, order, after, skip, limit, counts };
        async move {
            let page = app.store.requests().page(asked.clone()).await?;
            let written = page.records.iter().map(|one: &Request| {
                let text = match kind {
                    RequestKind::Payment => {
                        serde_json::to_vec(&PaymentRequestOut::new(entrypoint_id, one, view, now))
                    }
                    RequestKind::Method => {
                        serde_json::to_vec(&MethodLinkOut::new(entrypoint_id, one, view, now))
                    }
                };
                Ok::<_, Error>((asked.place(one), text?))
            });
            let records = written.collect::<Result<_, _>>()?;
            Ok(newest::Fetched { records, total: page.total, has_more: page.has_more })
        }
    })
    .await
}
