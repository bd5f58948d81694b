//! Orders over HTTP (rules 18).

mod out;

use actix_web::web::Payload;
use actix_web::{HttpResponse, get, post};
use serde::Serialize;
use utoipa::IntoParams;

use self::out::OrderOut;
use super::customers::view_of;
use super::http::body;
use super::http::call::{Call, ok};
use super::http::error::{Error, unless_any};
use super::http::json::{self, RECORD_ROOM};
use super::http::params::{CustomerPath, EntryPath, KeyHeader};
use super::lists::newest::{NO_FILTERS_SORTED, Wanted, order_of};
use super::lists::params::ListTarget;
use super::lists::{SummaryOut, newest};
use crate::domain::accounts::token::Scope;
use crate::domain::decide::command::{Action, Outcome};
use crate::domain::decide::ordering::ChangeOrder;
use crate::domain::filter::ListOrder;
use crate::domain::orders::draft::OrderDraft;
use crate::domain::orders::filter::{OrderField, OrderFilter};
use crate::domain::orders::{Collect, OrderId};
use crate::domain::requests::pay_url;
use crate::domain::transactions::id::TransId;
use crate::domain::view::{Seen, View};
use crate::store::{FoundOrder, OrderRequest};

/// The kind of a page token.
const CURSOR: &str = "orders";

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
#[expect(dead_code, reason = "the texts and names of the OpenAPI document, and nothing else")]
struct OrderPath {
    /// The order's id
    order_id: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "the texts and names of the OpenAPI document, and nothing else")]
struct OrderPageQuery {
    /// How many to skip; 0 by default
    #[param(minimum = 0)]
    from_record: Option<i64>,
    /// How many to answer; 20 by default, 0 or less for all of them
    limit_record: Option<i64>,
    /// The token of a page, from `Summary.pageIdentifier` of the page before
    page_identifier: Option<String>,
    /// `asc(field)` or `desc(field)`; the field is `createdAt` or `total`
    sort_by: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "the texts and names of the OpenAPI document, and nothing else")]
struct OrdersQuery {
    /// `pending`, `completed` or `cancelled`; also `status(ne)`, and `status(in)` with `|` between words
    status: Option<String>,
    /// Those of this customer; also `customerId(in)`
    #[param(minimum = 1)]
    customer_id: Option<i64>,
    /// Those that were taken on this day; also `createdAt(ge)`, `(gt)`, `(le)` and `(lt)`
    created_at: Option<String>,
}

/// An order as it is sent.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderIn {
    /// At most 200 lines.
    lines: Vec<OrderLineIn>,
    /// Its currency by ISO 4217; that of the first product, or of the entrypoint, by default.
    #[schema(max_length = 3)]
    currency: Option<String>,
    /// The code of a coupon to redeem.
    #[schema(max_length = 64)]
    coupon: Option<String>,
    /// `onAccount` (default): an open invoice; `paid`: an invoice that is paid with it; `request`: an invoice that
    /// the customer pays by a link, which the answer has; the order is `pending` until then.
    collect: Option<Collect>,
    /// Whether the customer gets the confirmation and the invoice by mail; true by default.
    notify: Option<bool>,
    /// How many days the customer has to pay; by default the setting `invoiceDueDays`.
    #[schema(minimum = 0, maximum = 365)]
    due_in_days: Option<i64>,
    /// The buyer's number of the order.
    #[schema(max_length = 250)]
    purchase_order: Option<String>,
    /// Notes for the buyer.
    #[schema(max_length = 1000)]
    notes: Option<String>,
    /// With `collect: paid`, how it was paid, such as `cash`.
    #[schema(max_length = 40)]
    method: Option<String>,
    /// With `collect: paid`, what tells the payment from others.
    #[schema(max_length = 250)]
    reference: Option<String>,
}

/// A line of an order.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderLineIn {
    /// The product from which the line copies what it does not say.
    product_id: Option<String>,
    /// The value that is chosen of each option of the product.
    #[schema(value_type = Option<Object>)]
    options: Option<()>,
    /// What is sold; without a product this or `description` is required.
    #[schema(max_length = 250)]
    name: Option<String>,
    /// More about it.
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// How much, with at most four fraction digits; 1 by default.
    #[schema(value_type = Option<f64>)]
    quantity: Option<()>,
    /// The price of one, without tax; without a product it is required.
    #[schema(value_type = Option<f64>)]
    unit_price: Option<()>,
    /// The rate of tax in percent; that of the product, or 0, by default.
    #[schema(value_type = Option<f64>)]
    tax_rate: Option<()>,
}

/// An order after a change.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderDoneOut<'a> {
    /// Always true.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
    /// The order as it is now.
    response_data: Option<OrderOut<'a>>,
}

/// A page of orders.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct OrdersOut<'a> {
    /// How many orders there are.
    summary: SummaryOut,
    /// The orders of this page.
    records: Vec<OrderOut<'a>>,
}

impl<'a> OrdersOut<'a> {
    pub(crate) fn new(summary: SummaryOut, orders: &'a [FoundOrder], view: View) -> OrdersOut<'a> {
        OrdersOut { summary, records: orders.iter().map(|one| OrderOut::new(one, view)).collect() }
    }
}

/// Take an order of a customer
///
/// Makes an invoice at once, redeems the coupon, records the payment of one that was paid on the spot or asks for it by a link,
/// and sends confirmation and invoice by mail: all of it, or nothing. The customer's stage moves as by a sale.
#[utoipa::path(
    tag = "Orders",
    params(CustomerPath, KeyHeader),
    request_body(content = OrderIn, description = "The order"),
    responses((status = 200, description = "The order is taken", body = OrderDoneOut<'_>)),
)]
#[post("/api/Customer/{customerId}/orders")]
pub(crate) async fn take_order(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::CustomersRead)?;
    call.require(Scope::MoneyRead)?;
    let found = call.customer(Scope::MoneyWrite).await?;
    let (place, customer_id) = (found.entrypoint.id, found.record.stored.id);
    let mutation = call.json(place, payload).await?;
    let problems = call.params().problems();
    let random = uuid::Uuid::new_v4().as_u128();
    let link = call.app.store.requests().new_link()?;
    let read = body::parsed(&mutation.body, move |bytes| {
        let read = body::members(bytes)
            .and_then(|members| OrderDraft::parse(&members, place).map_err(Error::Invalid));
        let draft = Box::new(unless_any(problems, read)?);
        Ok(Action::Order(Box::new(ChangeOrder::Take { customer_id, draft, link, random })))
    });
    let answer = mutation.write(read.await).await?;
    done(&call, place, &answer).await
}

/// List the orders of a customer
///
/// The newest first unless `sortBy` says otherwise.
#[utoipa::path(
    tag = "Orders",
    params(CustomerPath, OrderPageQuery),
    responses((status = 200, description = "The customer's orders", body = OrdersOut<'_>)),
)]
#[get("/api/Customer/{customerId}/orders")]
pub(crate) async fn list_customer_orders(call: Call) -> Result<HttpResponse, Error> {
    call.require(Scope::CustomersRead)?;
    let found = call.customer(Scope::MoneyRead).await?;
    let mut params = call.params();
    let wanted = Wanted::read(&mut params);
    let order = order_of(&mut params);
    params.done()?;
    let id = found.record.stored.id;
    let filter = OrderFilter { customers: Some([id].into()), ..OrderFilter::default() };
    let target = ListTarget::of(&found.entrypoint, &format!("customer {id}"));
    answer(&call, target, (filter, order), wanted).await
}

/// Read an order
#[utoipa::path(
    tag = "Orders",
    params(
        OrderPath,
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where the order is still the same"),
    ),
    responses(
        (status = 200, description = "The order", body = OrderOut<'_>),
        (status = 304, description = "The order is still the one of If-None-Match"),
    ),
)]
#[get("/api/Order/{orderId}")]
pub(crate) async fn get_order(call: Call) -> Result<HttpResponse, Error> {
    let (place, id) = place(&call, Scope::MoneyRead).await?;
    call.params().done()?;
    let one = call.app.store.orders().find(place, id).await?.ok_or(Error::NotFound)?;
    let text = json::written(&OrderOut::new(&one, view_of(&call.caller)), RECORD_ROOM)?;
    Ok(json::tagged(&call.request, &json::tag(one.order.version, &text), text))
}

/// List an entrypoint's orders
///
/// The newest first unless `sortBy` says otherwise. Filters: `status`, `customerId` and `createdAt`, as `field(op)=value` or in `parameters`.
#[utoipa::path(
    tag = "Orders",
    params(EntryPath, OrderPageQuery, OrdersQuery),
    responses((status = 200, description = "A page of orders", body = OrdersOut<'_>)),
)]
#[get("/api/Query/orders/{entry}")]
pub(crate) async fn list_orders(call: Call) -> Result<HttpResponse, Error> {
    call.require(Scope::CustomersRead)?;
    let target = ListTarget::of_entrypoint(&call, Scope::MoneyRead).await?;
    let mut params = call.params();
    let wanted = Wanted::read(&mut params);
    let order = order_of(&mut params);
    let (pairs, mut problems) = params.rest();
    let filter = OrderFilter::parse(&pairs, &NO_FILTERS_SORTED).unwrap_or_else(|found| {
        problems.extend(found);
        OrderFilter::default()
    });
    unless_any(problems, Ok(()))?;
    answer(&call, target, (filter, order), wanted).await
}

/// Cancel an order
///
/// Voids its invoice, takes its payment request back, and gives the place of its coupon back. An order whose invoice is paid or credited is not cancelled (409,
/// `order_paid`). The same again changes nothing.
#[utoipa::path(
    tag = "Orders",
    params(OrderPath, KeyHeader),
    responses((status = 200, description = "The order is cancelled", body = OrderDoneOut<'_>)),
)]
#[post("/api/Order/{orderId}/cancel")]
pub(crate) async fn cancel_order(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    change(&call, payload, ChangeOrder::Cancel).await
}

/// Send the mails of an order again
///
/// The confirmation and the invoice, to the present address of the customer. The confirmation of an order that waits for its
/// payment has a new link to pay by, which the answer has too; the one before ends.
#[utoipa::path(
    tag = "Orders",
    params(OrderPath, KeyHeader),
    responses((status = 200, description = "The mails are queued", body = OrderDoneOut<'_>)),
)]
#[post("/api/Order/{orderId}/resend")]
pub(crate) async fn resend_order(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let link = call.app.store.requests().new_link()?;
    change(&call, payload, |id| ChangeOrder::Resend { id, link }).await
}

async fn change(
    call: &Call,
    payload: Payload,
    step: impl FnOnce(OrderId) -> ChangeOrder,
) -> Result<HttpResponse, Error> {
    let (place, id) = place(call, Scope::MoneyWrite).await?;
    let mutation = call.bodiless(place, payload).await?;
    let read = unless_any(call.params().problems(), Ok(Action::Order(Box::new(step(id)))));
    let answer = mutation.write(read).await?;
    done(call, place, &answer).await
}

/// The entrypoint of the order in the path, if the token sees it.
///
/// # Errors
/// 403, 404.
async fn place(call: &Call, scope: Scope) -> Result<(i64, OrderId), Error> {
    call.require(scope)?;
    // What it refuses and answers tells of money.
    call.require(Scope::MoneyRead)?;
    // An order says who is a customer.
    call.require(Scope::CustomersRead)?;
    let (place, id) = TransId::parse(call.path("orderId")).ok_or(Error::NotFound)?;
    call.entrypoint_seen(place).await?;
    Ok((place, id))
}

async fn done(call: &Call, place: i64, answer: &Seen) -> Result<HttpResponse, Error> {
    let (id, token) = match &answer.outcome {
        Outcome::Ordered(done) => (done.order_id, done.token.as_deref()),
        Outcome::Linked { .. } => return Err(Error::NotFound),
        _ => return Err(Error::Internal("the outcome is not that of an order".into())),
    };
    let one = call.app.store.orders().find(place, id).await?;
    let url = token.map(|token| pay_url(&call.app.public_url, &answer.entrypoint.entry, token));
    let shown = one.as_ref().map(|one| OrderOut::new(one, view_of(&call.caller)));
    let response_data = shown.map(|shown| shown.with_payment_url(url));
    Ok(ok(answer.replayed).json(OrderDoneOut { is_success: true, response_text: "Success", response_data }))
}

async fn answer(
    call: &Call,
    target: ListTarget,
    (filter, order): (OrderFilter, ListOrder<OrderField>),
    wanted: Wanted,
) -> Result<HttpResponse, Error> {
    let name = format!("{}/{filter:?}/{order:?}", target.name);
    let (app, view) = (call.app.clone(), view_of(&call.caller));
    newest::answer(call, CURSOR, &name, wanted, move |part| {
        let (app, filter) = (app.clone(), filter.clone());
        let newest::Part { after, skip, limit, counts } = part;
        let entrypoints = target.entrypoints.clone();
        let request = OrderRequest { entrypoints, filter, order, after, skip, limit, counts };
        async move {
            let page = app.store.orders().page(request.clone()).await?;
            let written = page.records.iter().map(|one: &FoundOrder| {
                Ok::<_, Error>((request.place(&one.order), serde_json::to_vec(&OrderOut::new(one, view))?))
            });
            let records = written.collect::<Result<_, _>>()?;
            Ok(newest::Fetched { records, total: page.total, has_more: page.has_more })
        }
    })
    .await
}
