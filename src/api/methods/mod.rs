//! Stored payment methods over HTTP (rules 13): our own routes here, Payabli's `TokenStorage` in `token_storage`.

mod token_storage;

use actix_web::http::header::ETAG;
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpResponse, HttpResponseBuilder, delete, get, post, put};
use serde::Serialize;
use utoipa::IntoParams;

pub(super) use self::token_storage::{
    add_stored_method, delete_stored_method, get_stored_method, update_stored_method,
};
use super::customers::{DoneOut, view_of};
use super::http::body;
use super::http::call::{Call, ok};
use super::http::error::{Error, unless_any};
use super::http::json;
use super::http::params::{CustomerPath, IfMatchHeader, KeyHeader};
use crate::clock;
use crate::domain::accounts::sight::Sight;
use crate::domain::accounts::token::Scope;
use crate::domain::customers::mask::MASK;
use crate::domain::decide::command::{Action, ChangeMethod, Holder, MethodChange, Outcome, Precondition};
use crate::domain::kernel::problem::Problem;
use crate::domain::kernel::time::Micros;
use crate::domain::methods::MethodDraft;
use crate::domain::methods::method::{Kind, Method, MethodStatus};
use crate::domain::view::{Seen, View};
use crate::store::Found;

/// How many bytes most lists need.
const LIST_ROOM: usize = 2_048;

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
#[expect(dead_code, reason = "the texts and names of the OpenAPI document, and nothing else")]
struct MethodPath {
    /// The customer's id
    #[param(minimum = 1)]
    customer_id: i64,
    /// The method's id
    method_id: String,
}

/// A stored payment method. What a token without `pii:read` may not see is `***`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MethodOut {
    /// Its id: the entrypoint's number, `-`, and 32 hexadecimal digits.
    method_id: String,
    /// Whose it is.
    customer_id: i64,
    /// Who issued the token, such as `stripe`.
    provider: String,
    /// The provider's token; masked without pii:read.
    provider_method_id: String,
    /// The provider's id of the customer; masked without pii:read.
    provider_customer_id: Option<String>,
    /// The network's id of the first charge; masked without pii:read.
    network_transaction_id: Option<String>,
    /// `card`, `ach`, `wallet` or `other`.
    method: Kind,
    /// Such as `visa`.
    brand: Option<String>,
    /// The last four digits of the account.
    last4: Option<String>,
    /// Its last month.
    exp_month: Option<u8>,
    /// The year of its last month.
    exp_year: Option<u16>,
    /// The provider's name for the account behind the token; masked without pii:read.
    fingerprint: Option<String>,
    /// Whose account it is; masked without pii:read.
    holder_name: Option<String>,
    /// The account's postal code; masked without pii:read.
    postal_code: Option<String>,
    /// Whether it is the default. Exactly one method of a customer is.
    is_default: bool,
    /// How it stands today: `Active`, `Insufficient funds`, `Invalid`, `Expiring soon` (in less than 30 days), `Expired` or
    /// `Manual` (`method` is `other`).
    status: MethodStatus,
    /// When it was added.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    updated_at: String,
    /// The ETag to send as `If-Match` with a change of this method.
    etag: String,
}

impl MethodOut {
    pub(super) fn new(customer_id: i64, method: &Method, view: View, now: Micros) -> MethodOut {
        let shown = |value: &Option<String>| value.as_ref().map(|value| seen(value, view));
        MethodOut {
            method_id: method.id.clone(),
            customer_id,
            provider: method.provider.clone(),
            provider_method_id: seen(&method.provider_method_id, view),
            provider_customer_id: shown(&method.provider_customer_id),
            network_transaction_id: shown(&method.network_transaction_id),
            method: method.kind,
            brand: method.brand.clone(),
            last4: method.last4.clone(),
            exp_month: method.expiry.map(|expiry| expiry.month),
            exp_year: method.expiry.map(|expiry| expiry.year),
            fingerprint: shown(&method.fingerprint),
            holder_name: shown(&method.holder_name),
            postal_code: shown(&method.postal_code),
            is_default: method.is_default,
            status: method.status(now),
            created_at: method.created_at.to_rfc3339(),
            updated_at: method.updated_at.to_rfc3339(),
            etag: method_etag(method, view),
        }
    }
}

/// A value of a method in a view.
fn seen(value: &str, view: View) -> String {
    if view == View::Masked { MASK.to_owned() } else { value.to_owned() }
}

/// The ETag of a method.
fn method_etag(method: &Method, view: View) -> String {
    let text = format!("{}/{}/{}/{}", method.id, method.version, method.updated_at.0, view == View::Masked);
    let hash = blake3::hash(text.as_bytes()).to_hex();
    format!("\"{}-{}\"", method.version, hash.get(..16).unwrap_or_default())
}

/// A customer's stored methods.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MethodsOut {
    /// All methods, the default one first, the others in the order in which they were added.
    records: Vec<MethodOut>,
}

/// A changed method in the contract's envelope.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MethodDoneOut {
    /// Always true.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
    /// The method.
    response_data: MethodData,
}

/// The method after a change.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
enum MethodData {
    /// All of it.
    Whole(Box<MethodOut>),
    /// Its id alone, for a token that may not read it.
    Id(MethodId),
}

/// The id of a method.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MethodId {
    /// Its id.
    method_id: String,
    /// Whose it is.
    customer_id: i64,
}

/// A method as a request sends it.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MethodIn {
    /// Who issued the token, such as `stripe`: 1–40 of a-z 0-9 _ -. Required for a new method.
    #[schema(max_length = 40)]
    provider: Option<String>,
    /// The provider's token; never a card number. Required for a new method.
    #[schema(max_length = 255)]
    provider_method_id: Option<String>,
    /// The provider's id of the customer.
    #[schema(max_length = 255)]
    provider_customer_id: Option<String>,
    /// The network's id of the first charge.
    #[schema(max_length = 255)]
    network_transaction_id: Option<String>,
    /// `card`, `ach`, `wallet` or `other`. Required for a new method.
    method: Option<String>,
    /// Such as `visa`.
    #[schema(max_length = 50)]
    brand: Option<String>,
    /// The last four digits of the account.
    last4: Option<String>,
    /// Its last month, from 1 to 12.
    exp_month: Option<i64>,
    /// The year of its last month, such as 2027.
    exp_year: Option<i64>,
    /// The provider's name for the account behind the token.
    #[schema(max_length = 255)]
    fingerprint: Option<String>,
    /// Whose account it is.
    #[schema(max_length = 250)]
    holder_name: Option<String>,
    /// The account's postal code.
    #[schema(max_length = 50)]
    postal_code: Option<String>,
    /// true: it becomes the default, and the former default is no longer.
    is_default: Option<bool>,
}

/// List a customer's stored methods
///
/// Tokens of payment providers, with the last digits and the end of the accounts behind them; never a card number. The `ETag`
/// changes with every part of the answer.
#[utoipa::path(
    tag = "Stored methods",
    params(
        CustomerPath,
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where the methods are still the same"),
    ),
    responses(
        (status = 200, description = "The methods", body = MethodsOut),
        (status = 304, description = "The methods are still those of If-None-Match"),
    ),
)]
#[get("/api/Customer/{customerId}/methods")]
pub(crate) async fn list_methods(call: Call) -> Result<HttpResponse, Error> {
    let (view, now) = (view_of(&call.caller), clock::now());
    let render = move |found: &Found| {
        let stored = &found.record.stored;
        let mut methods: Vec<&Method> = stored.customer.methods.iter().collect();
        methods.sort_by_key(|method| !method.is_default);
        methods.into_iter().map(|method| MethodOut::new(stored.id, method, view, now)).collect()
    };
    let records = call.customer_as(Scope::CustomersRead, render).await?;
    call.params().done()?;
    let text = json::written(&MethodsOut { records }, LIST_ROOM)?;
    // It names no version: no method can be changed with it.
    Ok(json::tagged(&call.request, &json::tag("methods", &text), text))
}

/// Add a stored method
///
/// The first one is the default. The same token, or the same `fingerprint` of the same provider, again: 409. The entrypoint's
/// setting `maxMethods` says how many a customer may have. Raw card data is refused with 400 (`raw_card_data`).
#[utoipa::path(
    tag = "Stored methods",
    params(CustomerPath, KeyHeader),
    request_body(content = MethodIn, description = "The method"),
    responses((status = 200, description = "The method is stored", body = MethodDoneOut)),
)]
#[post("/api/Customer/{customerId}/methods")]
pub(crate) async fn add_method(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let found = call.customer(Scope::CustomersWrite).await?;
    let mutation = call.json(found.entrypoint.id, payload).await?;
    let draft = read(&mutation.body, call.params().problems());
    let random = random();
    let owner = Holder::Customer(found.record.stored.id);
    let action = draft.map(|draft| change(owner, MethodChange::Add { draft, random }, Precondition::None));
    rendered(&call, &mutation.write(action).await?)
}

/// Change a stored method
///
/// Partial: absent fields stay, `null` or `""` clears. `isDefault: true` makes it the default in place of the former one.
#[utoipa::path(
    tag = "Stored methods",
    params(MethodPath, IfMatchHeader, KeyHeader),
    request_body(content = MethodIn, description = "The fields to change"),
    responses((status = 200, description = "The method was changed, or was so already", body = MethodDoneOut)),
)]
#[put("/api/Customer/{customerId}/methods/{methodId}")]
pub(crate) async fn update_method(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let found = call.customer(Scope::CustomersWrite).await?;
    let id = call.path("methodId").to_owned();
    let mutation = call.json(found.entrypoint.id, payload).await?;
    let draft = read(&mutation.body, call.params().problems());
    let owner = Holder::Customer(found.record.stored.id);
    let precondition = body::precondition(&call.request);
    let action = draft.map(|draft| change(owner, MethodChange::Update { id, draft }, precondition));
    rendered(&call, &mutation.write(action).await?)
}

/// Delete a stored method
///
/// The default can be deleted only as the last one: else 409 (`default_method`).
#[utoipa::path(
    tag = "Stored methods",
    params(MethodPath, IfMatchHeader, KeyHeader),
    responses((status = 200, description = "The method is deleted", body = DoneOut)),
)]
#[delete("/api/Customer/{customerId}/methods/{methodId}")]
pub(crate) async fn delete_method(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let found = call.customer(Scope::CustomersWrite).await?;
    let id = call.path("methodId").to_owned();
    let mutation = call.bodiless(found.entrypoint.id, payload).await?;
    let owner = Holder::Customer(found.record.stored.id);
    let precondition = body::precondition(&call.request);
    let action = call.params().done().map(|()| change(owner, MethodChange::Delete { id }, precondition));
    let answer = mutation.write(action).await?;
    Ok(ok(answer.replayed).json(DoneOut::SUCCESS))
}

fn change(owner: Holder, change: MethodChange, precondition: Precondition) -> Action {
    Action::Method(Box::new(ChangeMethod { owner, change, precondition }))
}

/// Random bits for the id of a new method.
fn random() -> u32 {
    uuid::Uuid::new_v4().as_fields().0
}

fn read(bytes: &Bytes, problems: Vec<Problem>) -> Result<MethodDraft, Error> {
    let members = body::members(bytes);
    unless_any(problems, members.and_then(|members| MethodDraft::parse(&members).map_err(Error::Invalid)))
}

/// What a token that may read sees of the method in an outcome, with the ids of the customer and the method.
fn told(answer: &Seen, sight: Sight) -> Result<(i64, &str, Option<&Method>), Error> {
    match &answer.outcome {
        Outcome::Method { id, method_id, method, .. } => {
            Ok((*id, method_id, method.as_deref().filter(|_| sight.reads)))
        }
        _ => Err(Error::Internal("the outcome is not that of a stored method".into())),
    }
}

fn tagged(response: &mut HttpResponseBuilder, method: Option<&Method>, view: View) {
    if let Some(method) = method {
        response.insert_header((ETAG, method_etag(method, view)));
    }
}

fn rendered(call: &Call, answer: &Seen) -> Result<HttpResponse, Error> {
    let (customer_id, id, method) = told(answer, call.caller.sight())?;
    let response_data = match method {
        Some(method) => {
            MethodData::Whole(Box::new(MethodOut::new(customer_id, method, answer.view, clock::now())))
        }
        None => MethodData::Id(MethodId { method_id: id.to_owned(), customer_id }),
    };
    let mut response = ok(answer.replayed);
    tagged(&mut response, method, answer.view);
    Ok(response.json(MethodDoneOut { is_success: true, response_text: "Success", response_data }))
}
