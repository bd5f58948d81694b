//! `Customer/{customerId}/addresses` (rules 11).

use std::borrow::Cow;

use actix_web::http::header::ETAG;
use actix_web::web::Payload;
use actix_web::{HttpResponse, delete, get, post, put};
use serde::Serialize;

use super::customers::{DoneOut, etag, view_of};
use super::http::body;
use super::http::call::{Call, ok};
use super::http::error::{Error, unless_any};
use super::http::json::{self, RECORD_ROOM};
use super::http::params::{AddressPath, CustomerPath, IfMatchHeader, KeyHeader};
use super::http::request::AddressIn;
use super::lists::SummaryOut;
use crate::domain::accounts::token::Scope;
use crate::domain::addresses::book::{ADDRESSES_MAX, Address, AddressKind};
use crate::domain::addresses::draft::{AddressDraft, Form};
use crate::domain::addresses::fields::{AddressField, Role};
use crate::domain::addresses::view::addresses;
use crate::domain::customers::fields::TextField;
use crate::domain::decide::command::{Action, AddressChange, ChangeAddress, Outcome};
use crate::domain::kernel::problem::Problem;
use crate::domain::view::{Seen, View};
use crate::store::Found;

/// An address of a customer; texts that it does not have are absent.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AddressOut {
    /// Its id within the customer, never used again.
    id: i64,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<AddressKind>,
    /// Who receives there.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The company there.
    #[serde(skip_serializing_if = "Option::is_none")]
    company: Option<String>,
    /// Street; masked without pii:read.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// Second line of the street; masked without pii:read.
    #[serde(skip_serializing_if = "Option::is_none")]
    address1: Option<String>,
    /// Third line of the street; masked without pii:read.
    #[serde(skip_serializing_if = "Option::is_none")]
    address2: Option<String>,
    /// City.
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<String>,
    /// District or suburb.
    #[serde(skip_serializing_if = "Option::is_none")]
    district: Option<String>,
    /// State or province.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// Postal code.
    #[serde(skip_serializing_if = "Option::is_none")]
    zip: Option<String>,
    /// Country as ISO 3166-1 alpha-2.
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    /// Telephone number there, as E.164; masked without pii:read.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
    /// A note on the address; masked without pii:read.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// Whether it is the record's `Address`, `City` and so on.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_default_billing: Option<bool>,
    /// Whether it is the record's `ShippingAddress`, `ShippingCity` and so on.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_default_shipping: Option<bool>,
}

impl AddressOut {
    /// Renders an address.
    pub(super) fn new(address: &Address, view: View) -> AddressOut {
        let text = |field: AddressField| {
            address.texts.get(field).map(|value| match view {
                View::Masked if field.spec().masked => field.mask(value),
                _ => value.to_owned(),
            })
        };
        AddressOut {
            id: address.id,
            kind: Some(address.kind),
            name: text(AddressField::Name),
            company: text(AddressField::Company),
            address: text(AddressField::Address),
            address1: text(AddressField::Address1),
            address2: text(AddressField::Address2),
            city: text(AddressField::City),
            district: text(AddressField::District),
            state: text(AddressField::State),
            zip: text(AddressField::Zip),
            country: text(AddressField::Country),
            phone: text(AddressField::Phone),
            note: text(AddressField::Note),
            is_default_billing: Some(address.is_default(Role::Billing)),
            is_default_shipping: Some(address.is_default(Role::Shipping)),
        }
    }
}

/// A customer's addresses, by id.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
struct AddressesOut {
    /// How many there are.
    summary: SummaryOut,
    /// All of them.
    records: Vec<AddressOut>,
}

/// A written address.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct WrittenAddressOut {
    /// Always true.
    is_success: bool,
    /// `Success`.
    response_text: Cow<'static, str>,
    /// The address; its id alone if the token does not read customers.
    response_data: AddressOut,
}

/// List a customer's addresses
///
/// The default billing and shipping address are the record's flat fields: to write either is to write both. A customer has
/// at most 50 addresses.
#[utoipa::path(
    tag = "Addresses and references",
    params(
        CustomerPath,
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where the addresses are still the same"),
    ),
    responses(
        (status = 200, description = "The addresses", body = AddressesOut),
        (status = 304, description = "The addresses are still those of If-None-Match"),
    ),
)]
#[get("/api/Customer/{customerId}/addresses")]
pub(crate) async fn list_addresses(call: Call) -> Result<HttpResponse, Error> {
    let view = view_of(&call.caller);
    let render = move |found: &Found| {
        let list = addresses(&found.record.stored.customer);
        let shown: Vec<AddressOut> = list.iter().map(|address| AddressOut::new(address, view)).collect();
        (etag(&found.record.stored, &found.entrypoint, view), shown)
    };
    let (tag, records) = call.customer_as(Scope::CustomersRead, render).await?;
    call.params().done()?;
    let total = i64::try_from(records.len()).unwrap_or(i64::MAX);
    let page = i64::try_from(ADDRESSES_MAX).unwrap_or(i64::MAX);
    let body = AddressesOut { summary: SummaryOut::new(page, total), records };
    Ok(json::tagged(&call.request, &tag, json::written(&body, RECORD_ROOM)?))
}

/// Read an address
#[utoipa::path(
    tag = "Addresses and references",
    params(
        AddressPath,
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where the address is still the same"),
    ),
    responses(
        (status = 200, description = "The address", body = AddressOut),
        (status = 304, description = "The address is still the one of If-None-Match"),
    ),
)]
#[get("/api/Customer/{customerId}/addresses/{addressId}")]
pub(crate) async fn get_address(call: Call) -> Result<HttpResponse, Error> {
    let view = view_of(&call.caller);
    let id = call.id("addressId");
    let render = move |found: &Found| {
        let list = addresses(&found.record.stored.customer);
        let shown = list.iter().find(|address| Ok(address.id) == id.as_ref().copied().map_err(drop));
        let shown = shown.map(|address| AddressOut::new(address, view));
        shown.map(|shown| (etag(&found.record.stored, &found.entrypoint, view), shown))
    };
    let found = call.customer_as(Scope::CustomersRead, render).await?;
    call.params().done()?;
    let (tag, shown) = found.ok_or(Error::NotFound)?;
    Ok(json::tagged(&call.request, &tag, json::written(&shown, RECORD_ROOM)?))
}

/// Add an address
///
/// With `isDefaultBilling` or `isDefaultShipping` it takes the place of the present default, which stays in the list, and the
/// record's flat fields show it.
#[utoipa::path(
    tag = "Addresses and references",
    params(CustomerPath, IfMatchHeader, KeyHeader),
    request_body(content = AddressIn, description = "The address; `address` is required"),
    responses((status = 200, description = "The address as stored", body = WrittenAddressOut)),
)]
#[post("/api/Customer/{customerId}/addresses")]
pub(crate) async fn create_address(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let found = call.customer(Scope::CustomersWrite).await?;
    write(&call, &found, payload, Form::New, AddressChange::Add).await
}

/// Change an address
///
/// Partial: absent fields stay, `null` or `""` clears. An address that stops being a default empties the record's flat fields.
#[utoipa::path(
    tag = "Addresses and references",
    params(AddressPath, IfMatchHeader, KeyHeader),
    request_body(content = AddressIn, description = "The fields to change"),
    responses((status = 200, description = "The address as stored", body = WrittenAddressOut)),
)]
#[put("/api/Customer/{customerId}/addresses/{addressId}")]
pub(crate) async fn update_address(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let found = call.customer(Scope::CustomersWrite).await?;
    let id = call.id("addressId")?;
    write(&call, &found, payload, Form::Part, |draft| AddressChange::Update(id, draft)).await
}

/// Delete an address
///
/// Deleting a default empties the record's flat fields; no other address takes its place. The id is never used again.
#[utoipa::path(
    tag = "Addresses and references",
    params(AddressPath, IfMatchHeader, KeyHeader),
    responses((status = 200, description = "The address is deleted", body = DoneOut)),
)]
#[delete("/api/Customer/{customerId}/addresses/{addressId}")]
pub(crate) async fn delete_address(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let found = call.customer(Scope::CustomersWrite).await?;
    let id = call.id("addressId")?;
    let mutation = call.bodiless(found.entrypoint.id, payload).await?;
    let action = call.params().done().map(|()| action(&call, &found, AddressChange::Remove(id)));
    Ok(super::customers::done(&mutation.write(action).await?))
}

async fn write(
    call: &Call,
    found: &Found,
    payload: Payload,
    form: Form,
    change: impl FnOnce(AddressDraft) -> AddressChange,
) -> Result<HttpResponse, Error> {
    let mutation = call.json(found.entrypoint.id, payload).await?;
    let own = found.record.stored.customer.text(TextField::Country);
    let country = own.or(found.entrypoint.country.as_deref()).map(str::to_owned);
    let problems = call.params().problems();
    let named = call.id("addressId").ok();
    let read = move |bytes: &actix_web::web::Bytes| {
        let members = body::members(bytes)?;
        let draft = AddressDraft::parse(&members, &[], country.as_deref(), form).and_then(|draft| {
            let message = "is not the id of this address; leave it out";
            match draft.id {
                Some(id) if Some(id) != named => Err(vec![Problem::field(&["id"], "invalid_value", message)]),
                _ => Ok(draft),
            }
        });
        unless_any(problems, draft.map_err(Error::Invalid))
    };
    let draft = body::parsed(&mutation.body, read).await;
    let answer = mutation.write(draft.map(|draft| action(call, found, change(draft)))).await?;
    written(&answer)
}

fn action(call: &Call, found: &Found, change: AddressChange) -> Action {
    let precondition = body::precondition(&call.request);
    Action::Address(Box::new(ChangeAddress { id: found.record.stored.id, change, precondition }))
}

/// The address at the version that the change made; readers also get the new ETag.
fn written(answer: &Seen) -> Result<HttpResponse, Error> {
    let Outcome::AddressChanged { address_id, .. } = answer.outcome else {
        return Err(Error::Internal("the outcome is not that of an address".into()));
    };
    let mut response = ok(answer.replayed);
    let mut shown = AddressOut { id: address_id, ..AddressOut::default() };
    if let Some(stored) = &answer.record {
        response.insert_header((ETAG, etag(stored, &answer.entrypoint, answer.view)));
        let list = addresses(&stored.customer);
        if let Some(address) = list.iter().find(|address| address.id == address_id) {
            shown = AddressOut::new(address, answer.view);
        }
    }
    Ok(response.json(WrittenAddressOut {
        is_success: true,
        response_text: "Success".into(),
        response_data: shown,
    }))
}
