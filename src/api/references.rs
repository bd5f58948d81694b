//! `Customer/{customerId}/references`, and a customer by what another system calls it (rules 11).

use actix_web::web::Payload;
use actix_web::{HttpResponse, delete, get, put};
use percent_encoding::percent_decode_str;
use serde::Serialize;

use super::customers::{CustomerOut, DoneOut, Paid, done, etag, rendering, view_of};
use super::http::body;
use super::http::call::Call;
use super::http::error::{Error, unless_any};
use super::http::json::{self, RECORD_ROOM};
use super::http::params::{CustomerPath, IfMatchHeader, KeyHeader, ReferencePath, ReferenceQueryPath};
use super::lists::SummaryOut;
use crate::domain::accounts::token::Scope;
use crate::domain::customers::record::Customer;
use crate::domain::decide::command::{Action, ChangeReference};
use crate::domain::kernel::problem::Problem;
use crate::domain::references::{REFERENCES_MAX, Reference};
use crate::store::{CustomerMoney, Found};

/// What another system calls a customer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReferenceOut<'a> {
    /// The other system: 1–40 of `a-z 0-9 _ -`.
    system: &'a str,
    /// The customer's id there.
    external_id: &'a str,
}

impl<'a> ReferenceOut<'a> {
    /// The references of a customer, by system and id.
    pub(super) fn all(customer: &'a Customer) -> Vec<ReferenceOut<'a>> {
        let shown = |reference: &'a Reference| ReferenceOut {
            system: &reference.system,
            external_id: &reference.external_id,
        };
        customer.references.iter().map(shown).collect()
    }
}

/// A customer's references, by system and id.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
struct ReferencesOut<'a> {
    /// How many there are.
    summary: SummaryOut,
    /// All of them.
    records: Vec<ReferenceOut<'a>>,
}

/// List a customer's references
///
/// What other systems call the customer. A customer has at most 50, several of one system among them.
#[utoipa::path(
    tag = "Addresses and references",
    params(
        CustomerPath,
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where the references are still the same"),
    ),
    responses(
        (status = 200, description = "The references", body = ReferencesOut<'_>),
        (status = 304, description = "The references are still those of If-None-Match"),
    ),
)]
#[get("/api/Customer/{customerId}/references")]
pub(crate) async fn list_references(call: Call) -> Result<HttpResponse, Error> {
    let view = view_of(&call.caller);
    let found = call.customer(Scope::CustomersRead).await?;
    call.params().done()?;
    let stored = &found.record.stored;
    let records = ReferenceOut::all(&stored.customer);
    let total = i64::try_from(records.len()).unwrap_or(i64::MAX);
    let page = i64::try_from(REFERENCES_MAX).unwrap_or(i64::MAX);
    let body = ReferencesOut { summary: SummaryOut::new(page, total), records };
    let tag = etag(stored, &found.entrypoint, view);
    Ok(json::tagged(&call.request, &tag, json::written(&body, RECORD_ROOM)?))
}

/// Add a reference
///
/// A reference leads to one live customer of the entrypoint: 409 names the owner. Adding it again is no error.
#[utoipa::path(
    tag = "Addresses and references",
    params(ReferencePath, IfMatchHeader, KeyHeader),
    responses((status = 200, description = "The customer has the reference", body = DoneOut)),
)]
#[put("/api/Customer/{customerId}/references/{system}/{externalId}")]
pub(crate) async fn put_reference(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    change(&call, payload, true).await
}

/// Delete a reference
///
/// It is free for another customer at once.
#[utoipa::path(
    tag = "Addresses and references",
    params(ReferencePath, IfMatchHeader, KeyHeader),
    responses((status = 200, description = "The customer no longer has the reference", body = DoneOut)),
)]
#[delete("/api/Customer/{customerId}/references/{system}/{externalId}")]
pub(crate) async fn delete_reference(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    change(&call, payload, false).await
}

async fn change(call: &Call, payload: Payload, is_kept: bool) -> Result<HttpResponse, Error> {
    let found = call.customer(Scope::CustomersWrite).await?;
    let mutation = call.bodiless(found.entrypoint.id, payload).await?;
    let reference = named(call);
    let has = |reference| found.record.stored.customer.references.contains(reference);
    if !is_kept && reference.as_ref().is_ok_and(has) {
        call.allow_card_id("externalId");
    }
    let action = unless_any(call.params().problems(), reference).map(|reference| {
        let precondition = body::precondition(&call.request);
        Action::Reference(ChangeReference { id: found.record.stored.id, reference, is_kept, precondition })
    });
    Ok(done(&mutation.write(action).await?))
}

/// Read a customer by what another system calls it
///
/// The live customer of the entrypoint with this reference, as the read by id answers it.
#[utoipa::path(
    tag = "Addresses and references",
    params(
        ReferenceQueryPath,
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where the record is still the same"),
    ),
    responses(
        (status = 200, description = "The customer's record", body = CustomerOut<'_>),
        (status = 304, description = "The record is still the one of If-None-Match"),
    ),
)]
#[get("/api/Customer/byReference/{entry}/{system}/{externalId}")]
pub(crate) async fn get_customer_by_reference(call: Call) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::CustomersRead).await?;
    let view = view_of(&call.caller);
    call.params().done()?;
    // No customer has a reference that none can have.
    let Ok(reference) = named(&call) else { return Err(Error::NotFound) };
    let sees_money = call.caller.sees_money();
    let render = move |found: &Found, money: Option<&CustomerMoney>| {
        rendering(&found.record, &found.entrypoint, view, Paid::seen(sees_money, money))
    };
    let found = call.app.store.customers().find_by_reference(entrypoint_id, reference, render).await?;
    let (etag, text) = found.ok_or(Error::NotFound)??;
    Ok(json::tagged(&call.request, &etag, text))
}

/// The reference that the path names. The server has decoded all of the path but `%25`, `%2B` and `%2F`.
fn named(call: &Call) -> Result<Reference, Error> {
    let decoded = |name: &str| percent_decode_str(call.path(name)).decode_utf8_lossy().into_owned();
    Reference::of(&decoded("system"), &decoded("externalId"))
        .map_err(|(name, (code, message))| Error::invalid(Problem::parameter(name, code, message)))
}
