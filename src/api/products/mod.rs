//! The catalogue over HTTP (rules 18).

use actix_web::http::header::{CACHE_CONTROL, ETAG};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpResponse, delete, get, post, put};
use serde::Serialize;
use serde_json::value::RawValue;

use super::customers::DoneOut;
use super::http::body;
use super::http::call::{Call, ok};
use super::http::error::{Error, unless_any};
use super::http::json::{self, RECORD_ROOM, number};
use super::http::params::{EntryPath, IfMatchHeader, KeyHeader, PagedQuery, ProductPath};
use super::lists::SummaryOut;
use super::lists::paged::{Paged, linked};
use crate::domain::accounts::token::Scope;
use crate::domain::decide::command::{Action, Outcome};
use crate::domain::decide::shop::{ChangeProduct, ProductOutcome};
use crate::domain::kernel::problem::Problem;
use crate::domain::products::draft::ProductDraft;
use crate::domain::products::{Product, ProductId, ProductOption};
use crate::domain::transactions::id::TransId;
use crate::domain::view::Seen;
use crate::store::ProductRequest;

/// A product to make, or what to change of one.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProductIn {
    /// What people call it. Required for a new product.
    #[schema(max_length = 250)]
    name: Option<String>,
    /// What it is; line breaks stay.
    #[schema(max_length = 4000)]
    description: Option<String>,
    /// What one costs before tax, with no more fraction digits than the currency has. Required for a new product.
    #[schema(minimum = 0)]
    unit_price: Option<f64>,
    /// The currency of the price, by ISO 4217; that of the entrypoint by default.
    #[schema(max_length = 3)]
    currency: Option<String>,
    /// The tax on it in percent, from 0 to 100, with at most two fraction digits.
    tax_rate: Option<f64>,
    /// In which forms it comes, such as sizes: the whole list.
    #[schema(max_items = 10)]
    options: Option<Vec<ProductOption>>,
    /// Whether it is on sale; true by default.
    active: Option<bool>,
}

/// A product.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProductOut {
    /// Its id: the entrypoint's number, `-`, and 32 hexadecimal digits.
    product_id: String,
    /// What people call it.
    name: String,
    /// What it is.
    description: Option<String>,
    /// What one costs, before tax.
    #[schema(value_type = f64)]
    unit_price: Option<Box<RawValue>>,
    /// The currency of the price.
    currency: &'static str,
    /// The tax on it in percent; null where none was told.
    #[schema(value_type = Option<f64>)]
    tax_rate: Option<Box<RawValue>>,
    /// In which forms it comes.
    options: Vec<ProductOption>,
    /// Whether it is on sale.
    active: bool,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    updated_at: String,
    /// The ETag to send as `If-Match` with a change of this product.
    etag: String,
}

impl ProductOut {
    fn new(entrypoint_id: i64, product: &Product) -> ProductOut {
        ProductOut {
            product_id: product.id.show(entrypoint_id),
            name: product.name.clone(),
            description: product.description.clone(),
            unit_price: number(product.unit_price),
            currency: product.currency.code(),
            tax_rate: product.tax_rate.and_then(number),
            options: product.options.clone(),
            active: product.active,
            created_at: product.created_at.to_rfc3339(),
            updated_at: product.updated_at.to_rfc3339(),
            etag: etag(product),
        }
    }
}

/// The strong ETag of a product. It begins with the version, so it also works as `If-Match`.
fn etag(product: &Product) -> String {
    let text = format!("{}/{}", product.id.show(0), product.updated_at.0);
    let hash = blake3::hash(text.as_bytes()).to_hex();
    format!("\"{}-{}\"", product.version, hash.get(..16).unwrap_or_default())
}

/// A page of products, the newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ProductsOut {
    /// How many products there are.
    summary: SummaryOut,
    /// The products of this page.
    records: Vec<ProductOut>,
}

/// The product that the path names. An impossible id is answered like an unknown one.
fn id_of(call: &Call, entrypoint_id: i64) -> Result<ProductId, Error> {
    let named = TransId::parse(call.path("productId")).filter(|(place, _)| *place == entrypoint_id);
    named.map(|(_, id)| id).ok_or(Error::NotFound)
}

fn action(change: ChangeProduct) -> Action {
    Action::Product(Box::new(change))
}

fn read(bytes: &Bytes, problems: Vec<Problem>, is_new: bool) -> Result<ProductDraft, Error> {
    let members = body::members(bytes);
    let draft = members.and_then(|members| ProductDraft::parse(&members, is_new).map_err(Error::Invalid));
    unless_any(problems, draft)
}

fn shown(answer: &Seen) -> Result<HttpResponse, Error> {
    let product = match &answer.outcome {
        Outcome::Product(outcome) => match outcome.as_ref() {
            ProductOutcome::Kept(product) => product,
            ProductOutcome::Deleted => return Err(Error::Internal("the product is deleted".into())),
        },
        _ => return Err(Error::Internal("the outcome is not that of a product".into())),
    };
    let mut response = ok(answer.replayed);
    response.insert_header((ETAG, etag(product)));
    Ok(response.json(ProductOut::new(answer.entrypoint.id, product)))
}

/// List an entrypoint's products
///
/// The newest first. `active` lists those that are on sale, or those that are not. `Summary.pageIdentifier` (and
/// `Link: rel="next"`) leads to the next page.
#[utoipa::path(
    tag = "Products",
    params(
        EntryPath,
        PagedQuery,
        ("active" = Option<bool>, Query, description = "`true` or `false`; both by default"),
    ),
    responses((status = 200, description = "A page of products", body = ProductsOut)),
)]
#[get("/api/Product/{entry}")]
pub(crate) async fn list_products(call: Call) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::MoneyRead).await?;
    let mut params = call.params();
    let active = match params.text("active").as_deref() {
        None | Some("") => None,
        Some(_) => Some(params.flag("active")),
    };
    let paged = Paged::read(&mut params, &format!("products of {entrypoint_id}, {active:?}"));
    params.done()?;
    let slice = paged.slice(&call.app).await?;
    let (before, skip, limit) = (slice.before, slice.skip, slice.limit);
    let request = ProductRequest { entrypoint_id, active, before, skip, limit };
    let page = call.app.store.products().page(request).await?;
    let last = page.records.last().filter(|_| page.has_more).map(|product| product.id);
    let summary = paged.summary(&call.app, page.total, last).await?;
    let records = page.records.iter().map(|product| ProductOut::new(entrypoint_id, product)).collect();
    let shown = ProductsOut { summary, records };
    let response = HttpResponse::Ok().insert_header((CACHE_CONTROL, "private, no-cache")).json(&shown);
    Ok(linked(&call.request, response, &shown.summary))
}

/// Make a product
///
/// There are up to 10,000 products in an entrypoint, each with up to 10 options of up to 50 values.
#[utoipa::path(
    tag = "Products",
    params(EntryPath, KeyHeader),
    request_body(content = ProductIn, description = "The product; `name` and `unitPrice` are required"),
    responses((status = 200, description = "The product was made", body = ProductOut)),
)]
#[post("/api/Product/{entry}")]
pub(crate) async fn create_product(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::MoneyWrite).await?;
    let mutation = call.json(entrypoint_id, payload).await?;
    let draft = read(&mutation.body, call.params().problems(), true);
    let random = uuid::Uuid::new_v4().as_u128();
    let answer = mutation.write(draft.map(|draft| action(ChangeProduct::Create { draft, random }))).await?;
    shown(&answer)
}

/// Read a product
#[utoipa::path(
    tag = "Products",
    params(
        ProductPath,
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where the product is still the same"),
    ),
    responses(
        (status = 200, description = "The product", body = ProductOut),
        (status = 304, description = "The product is still the one of If-None-Match"),
    ),
)]
#[get("/api/Product/{entry}/{productId}")]
pub(crate) async fn get_product(call: Call) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::MoneyRead).await?;
    let id = id_of(&call, entrypoint_id)?;
    let product = call.app.store.products().find(entrypoint_id, id).await?.ok_or(Error::NotFound)?;
    call.params().done()?;
    let text = json::written(&ProductOut::new(entrypoint_id, &product), RECORD_ROOM)?;
    Ok(json::tagged(&call.request, &etag(&product), text))
}

/// Change a product
///
/// Partial: absent fields stay, `null` or `""` clears what may be empty. What orders copied stays as it was. It needs
/// `money:read` too, because the answer shows the product.
#[utoipa::path(
    tag = "Products",
    params(ProductPath, IfMatchHeader, KeyHeader),
    request_body(content = ProductIn, description = "What to change"),
    responses((status = 200, description = "The product as it is now", body = ProductOut)),
)]
#[put("/api/Product/{entry}/{productId}")]
pub(crate) async fn update_product(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::MoneyWrite)?;
    let entrypoint_id = call.entry(Scope::MoneyRead).await?;
    let id = id_of(&call, entrypoint_id)?;
    let mutation = call.json(entrypoint_id, payload).await?;
    let precondition = body::precondition(&call.request);
    let draft = read(&mutation.body, call.params().problems(), false);
    let answer =
        mutation.write(draft.map(|draft| action(ChangeProduct::Update { id, draft, precondition }))).await?;
    shown(&answer)
}

/// Delete a product
///
/// What orders copied from it stays. `active: false` takes it off sale without a deletion.
#[utoipa::path(
    tag = "Products",
    params(ProductPath, IfMatchHeader, KeyHeader),
    responses((status = 200, description = "The product is deleted", body = DoneOut)),
)]
#[delete("/api/Product/{entry}/{productId}")]
pub(crate) async fn delete_product(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::MoneyWrite).await?;
    let id = id_of(&call, entrypoint_id)?;
    let mutation = call.bodiless(entrypoint_id, payload).await?;
    let precondition = body::precondition(&call.request);
    let change = call.params().done().map(|()| action(ChangeProduct::Delete { id, precondition }));
    let answer = mutation.write(change).await?;
    Ok(ok(answer.replayed).json(DoneOut::SUCCESS))
}
