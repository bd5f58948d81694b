//! Payabli's `TokenStorage` (contract 15): the same methods by the contract's names. Only tokens are taken.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use actix_web::web::{Bytes, Payload};
use actix_web::{HttpResponse, delete, get, post, put};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::IntoParams;

use super::{change, random, seen, told};
use crate::api::customers::{CustomerOut, view_of};
use crate::api::http::body;
use crate::api::http::call::{Call, ok};
use crate::api::http::error::{Error, unless_any};
use crate::api::http::json::{self, RECORD_ROOM};
use crate::api::http::params::{IfMatchHeader, KeyHeader};
use crate::api::payer::{Payer, payer_of};
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::customers::draft::Context;
use crate::domain::customers::mask::MASKED_VALUE;
use crate::domain::decide::command::{Holder, MethodChange, Precondition};
use crate::domain::kernel::members::{Given, Members};
use crate::domain::kernel::problem::{At, Problem};
use crate::domain::methods::method::{Expiry, Method};
use crate::domain::methods::{MethodDraft, owner_of};
use crate::domain::view::{Seen, View};
use crate::store::Found;

/// Who issued the tokens of this route.
const PROVIDER: &str = "payabli";

/// Members that the contract has and this service has no use for.
const IGNORED: [&str; 6] =
    ["fallbackAuth", "fallbackAuthAmount", "methodDescription", "vendorData", "source", "subdomain"];

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
#[expect(dead_code, reason = "the texts and names of the OpenAPI document, and nothing else")]
struct StoredMethodPath {
    /// The method's id
    method_id: String,
}

/// A token to be stored, with its customer.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredMethodIn {
    /// Whose it is: `customerId`, or what identifies or makes a customer: `customerNumber`, `firstName`, `lastName`, `company`,
    /// `billingEmail`, `billingPhone`, `billingAddress1` and so on, `references`, `identifierFields`, `additionalData`.
    #[schema(value_type = Option<Object>)]
    customer_data: Option<()>,
    /// The entrypoint; required for a new method.
    entry_point: Option<String>,
    /// The token.
    payment_method: Option<StoredTokenIn>,
}

/// A token of the provider.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct StoredTokenIn {
    /// `card`, `ach`, `wallet` or `other`.
    method: String,
    /// The token.
    token_id: String,
}

/// The answer to a change of a stored method.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredMethodDoneOut {
    /// Always true.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
    /// Always null; kept for clients of the contract.
    page_identifier: Option<String>,
    /// The method's ids.
    response_data: StoredMethodRef,
}

/// The ids of a stored method.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct StoredMethodRef {
    /// The method's id.
    reference_id: String,
    /// The method's id.
    method_reference_id: String,
    /// Always 1.
    result_code: i32,
    /// `Approved`, or `Removed` after a deletion.
    result_text: &'static str,
    /// Whose it is.
    customer_id: i64,
}

/// A stored method by the contract's names.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredMethodOut {
    /// Always true.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
    /// The method.
    response_data: StoredMethodData,
}

/// A stored method by the contract's names.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct StoredMethodData {
    /// Its id.
    id_pmethod: String,
    /// `card`, `ach`, `wallet` or `other`.
    method: &'static str,
    /// The brand.
    descriptor: Option<String>,
    /// The account with all but the last digits hidden.
    masked_account: Option<String>,
    /// Its last month, as `cardExpirationFormat` says.
    exp_date: Option<String>,
    /// Whose account it is; masked without pii:read.
    holder_name: Option<String>,
    /// The account's postal code; masked without pii:read.
    postal_code: Option<String>,
    /// Who issued the token.
    method_type: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    last_updated: String,
    /// Its customer.
    customers: Vec<PayerOut>,
}

/// Whose method it is. What a token without pii:read may not see is masked.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct PayerOut {
    /// The customer's id.
    customer_id: i64,
    /// The caller's own id.
    customer_number: Option<String>,
    /// First name.
    firstname: Option<String>,
    /// Last name.
    lastname: Option<String>,
    /// Company.
    company: Option<String>,
    /// E-mail address.
    email: Option<String>,
    /// Telephone number.
    phone: Option<String>,
}

/// Store a token (Payabli)
///
/// For the customer that `customerData` names, finds or makes, as a create does. Only tokens are taken: a card number is
/// refused with 400 (`raw_card_data`).
#[utoipa::path(
    tag = "Stored methods",
    params(
        ("achValidation" = Option<bool>, Query, description = "Ignored; kept for clients of the contract"),
        ("createAnonymous" = Option<bool>, Query, description = "Only false: every method has a customer"),
        ("forceCustomerCreation" = Option<bool>, Query, description = "As for a create"),
        ("temporary" = Option<bool>, Query, description = "Only false: every method is kept"),
        KeyHeader,
    ),
    request_body(content = StoredMethodIn, description = "The token and its customer"),
    responses((status = 200, description = "The token is stored", body = StoredMethodDoneOut)),
)]
#[post("/api/TokenStorage/add")]
pub(crate) async fn add_stored_method(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let (entrypoint_id, mutation) =
        call.json_naming_entry(Scope::CustomersWrite, "entryPoint", payload).await?;
    let mut params = call.params();
    params.flag("achValidation");
    for name in ["createAnonymous", "temporary"] {
        if params.flag(name) {
            params.refuse(
                name,
                "invalid_value",
                "must be false: every method here has a customer and is kept",
            );
        }
    }
    let force = params.flag("forceCustomerCreation");
    let country = call.app.store.entrypoints().country(entrypoint_id).await?.flatten();
    let random = random();
    let problems = params.problems();
    let read = body::parsed(&mutation.body, move |bytes| {
        let context = Context {
            now: clock::now(),
            country: country.as_deref(),
            entrypoint_country: country.as_deref(),
        };
        let (owner, draft) = read(bytes, problems, context, None)?;
        let owner = owner.ok_or_else(|| Error::invalid(required("customerData")))?;
        if !draft.masks.is_empty() {
            let at = ["paymentMethod", "tokenId"];
            return Err(Error::invalid(Problem::field(&at, "masked_value", MASKED_VALUE)));
        }
        if draft.provider_method_id.is_none() {
            return Err(Error::invalid(required("paymentMethod")));
        }
        let owner = owner.holder(force);
        Ok(change(owner, MethodChange::Add { draft, random }, Precondition::None))
    });
    let answer = mutation.write(read.await).await?;
    done(&answer, &call, "Approved")
}

/// Read a stored method (Payabli)
#[utoipa::path(
    tag = "Stored methods",
    params(
        StoredMethodPath,
        ("cardExpirationFormat" = Option<i64>, Query, minimum = 0, maximum = 2, description = "2 for `MM/YY`; else `MMYY`"),
        ("includeTemporary" = Option<bool>, Query, description = "Ignored; kept for clients of the contract"),
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where the method is still the same"),
    ),
    responses(
        (status = 200, description = "The method", body = StoredMethodOut),
        (status = 304, description = "The method is still the one of If-None-Match"),
    ),
)]
#[get("/api/TokenStorage/{methodId}")]
pub(crate) async fn get_stored_method(call: Call) -> Result<HttpResponse, Error> {
    let (found, method) = found(&call, Scope::CustomersRead).await?;
    let mut params = call.params();
    let format = params.integer("cardExpirationFormat", 0, 2);
    params.flag("includeTemporary");
    params.done()?;
    let view = view_of(&call.caller);
    let shown = |value: &Option<String>| value.as_ref().map(|value| seen(value, view));
    let response_data = StoredMethodData {
        id_pmethod: method.id.clone(),
        method: method.kind.into(),
        descriptor: method.brand.clone(),
        masked_account: method.masked_account(),
        exp_date: method.expiry.map(|expiry| exp_date(expiry, if format == Some(2) { "/" } else { "" })),
        holder_name: shown(&method.holder_name),
        postal_code: shown(&method.postal_code),
        method_type: method.provider.clone(),
        last_updated: method.updated_at.to_rfc3339(),
        customers: vec![payer(&found, view)],
    };
    let shown = StoredMethodOut { is_success: true, response_text: "Success", response_data };
    let text = json::written(&shown, RECORD_ROOM)?;
    // It begins with the version of the method, so it also works as `If-Match`.
    Ok(json::tagged(&call.request, &json::tag(method.version, &text), text))
}

/// Change a stored method (Payabli)
///
/// Another token is another account: its provider is `payabli`, and brand, last digits, end, holder and what else was known
/// of the former account are gone. It stays the default if it was. The same token keeps them, save for a token without
/// `pii:read`, which must not find out the stored one. The customer stays too: `customerData` changes nothing, and `entryPoint`
/// and `customerId`, if sent, must be those of the method.
#[utoipa::path(
    tag = "Stored methods",
    params(
        StoredMethodPath,
        ("achValidation" = Option<bool>, Query, description = "Ignored; kept for clients of the contract"),
        IfMatchHeader,
        KeyHeader,
    ),
    request_body(content = StoredMethodIn, description = "The new token"),
    responses((status = 200, description = "The method is changed", body = StoredMethodDoneOut)),
)]
#[put("/api/TokenStorage/{methodId}")]
pub(crate) async fn update_stored_method(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let (found, id) = owner(&call, Scope::CustomersWrite).await?;
    let mutation = call.json(found.entrypoint.id, payload).await?;
    let mut params = call.params();
    params.flag("achValidation");
    let problems = params.problems();
    let customer_id = found.record.stored.id;
    let entrypoint = Arc::clone(&found.entrypoint);
    let precondition = body::precondition(&call.request);
    let read = body::parsed(&mutation.body, move |bytes| {
        let country = entrypoint.country.as_deref();
        let context = Context { now: clock::now(), country, entrypoint_country: country };
        let (owner, draft) = read(bytes, problems, context, Some(&entrypoint.entry))?;
        if matches!(owner, Some(Payer::Known(other)) if other != customer_id) {
            let message = "is not whose method this is; a method stays with its customer";
            return Err(Error::invalid(Problem::field(
                &["customerData", "customerId"],
                "invalid_value",
                message,
            )));
        }
        // Another token is another account: what the former one had does not fit it.
        let draft = MethodDraft { is_account: draft.provider_method_id.is_some(), ..draft };
        Ok(change(Holder::Customer(customer_id), MethodChange::Update { id, draft }, precondition))
    });
    let answer = mutation.write(read.await).await?;
    done(&answer, &call, "Approved")
}

/// Delete a stored method (Payabli)
///
/// The default can be deleted only as the last one: else 409 (`default_method`).
#[utoipa::path(
    tag = "Stored methods",
    params(StoredMethodPath, IfMatchHeader, KeyHeader),
    responses((status = 200, description = "The method is deleted", body = StoredMethodDoneOut)),
)]
#[delete("/api/TokenStorage/{methodId}")]
pub(crate) async fn delete_stored_method(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let (found, id) = owner(&call, Scope::CustomersWrite).await?;
    let mutation = call.bodiless(found.entrypoint.id, payload).await?;
    let owner = Holder::Customer(found.record.stored.id);
    let precondition = body::precondition(&call.request);
    let action = call.params().done().map(|()| change(owner, MethodChange::Delete { id }, precondition));
    let answer = mutation.write(action).await?;
    done(&answer, &call, "Removed")
}

fn done(answer: &Seen, call: &Call, result_text: &'static str) -> Result<HttpResponse, Error> {
    let (customer_id, id, method) = told(answer, call.caller.sight())?;
    let response_data = StoredMethodRef {
        reference_id: id.to_owned(),
        method_reference_id: id.to_owned(),
        result_code: 1,
        result_text,
        customer_id,
    };
    let mut response = ok(answer.replayed);
    super::tagged(&mut response, method, answer.view);
    Ok(response.json(StoredMethodDoneOut {
        is_success: true,
        response_text: "Success",
        page_identifier: None,
        response_data,
    }))
}

/// The customer that the method's id in the path names, if the token may see the customer.
async fn owner(call: &Call, scope: Scope) -> Result<(Found, String), Error> {
    call.require(scope)?;
    let id = call.path("methodId").to_owned();
    let place = owner_of(&id).ok_or(Error::NotFound)?;
    Ok((call.customer_at(place).await?, id))
}

/// The same with the method itself.
async fn found(call: &Call, scope: Scope) -> Result<(Found, Method), Error> {
    let (found, id) = owner(call, scope).await?;
    let method = found.record.stored.customer.methods.iter().find(|method| method.id == id).cloned();
    Ok((found, method.ok_or(Error::NotFound)?))
}

fn exp_date(expiry: Expiry, between: &str) -> String {
    format!("{:02}{between}{:02}", expiry.month, expiry.year % 100)
}

fn payer(found: &Found, view: View) -> PayerOut {
    let shown = CustomerOut::new(&found.record.stored, &found.entrypoint, view);
    let [customer_number, firstname, lastname, company, email, phone] =
        shown.payer().map(|text| text.map(Cow::into_owned));
    PayerOut {
        customer_id: found.record.stored.id,
        customer_number,
        firstname,
        lastname,
        company,
        email,
        phone,
    }
}

fn required(name: &str) -> Problem {
    Problem::field(&[name], "required", "is required")
}

/// Reads the customer and the token in a body. `entry` is the entrypoint of the method that it is about.
fn read(
    bytes: &Bytes,
    mut problems: Vec<Problem>,
    context: Context<'_>,
    entry: Option<&str>,
) -> Result<(Option<Payer>, MethodDraft), Error> {
    let members = body::members(bytes)?;
    let (mut owner, mut draft) = (None, MethodDraft::default());
    for (name, raw) in &members.0 {
        match (name.as_ref(), Given::of(raw)) {
            ("entryPoint", Given::Text(text)) if entry.is_some_and(|entry| entry != text) => {
                let message = "is not the entrypoint of this method; leave it out";
                problems.push(Problem::field(&["entryPoint"], "invalid_value", message));
            }
            ("customerData" | "entryPoint" | "paymentMethod", Given::Null)
            | ("entryPoint", Given::Text(_)) => {}
            ("customerData", Given::Object(members)) => match payer_of(&members, context) {
                Ok(found) => owner = Some(found),
                Err(found) => problems.extend(found),
            },
            ("paymentMethod", Given::Object(members)) => match token_of(&members) {
                Ok(found) => draft = found,
                Err(found) => problems.extend(found),
            },
            ("customerData" | "entryPoint" | "paymentMethod", given) => {
                let message = format!("must not be {}", given.kind());
                problems.push(Problem::field(&[name], "wrong_type", message));
            }
            (name, _) if IGNORED.contains(&name) => {}
            (name, _) => {
                problems.push(Problem::field(&[name], "unknown_field", "is no field of a stored method"));
            }
        }
    }
    unless_any(problems, Ok((owner, draft)))
}

/// The token as a method.
fn token_of(members: &Members<'_>) -> Result<MethodDraft, Vec<Problem>> {
    const PLACE: &str = "paymentMethod";
    const ONLY: &str = "is not taken: send `method` and `tokenId`, a token of the payment provider";
    let mut fields: HashMap<&str, &RawValue> = HashMap::new();
    let mut problems = Vec::new();
    for (name, raw) in &members.0 {
        let field = match name.as_ref() {
            "method" => "method",
            "tokenId" => "providerMethodId",
            _ => {
                problems.push(Problem::field(&[PLACE, name], "unknown_field", ONLY));
                continue;
            }
        };
        fields.insert(field, raw);
    }
    for (own, field) in [("method", "method"), ("tokenId", "providerMethodId")] {
        if !fields.contains_key(field) && problems.is_empty() {
            problems.push(Problem::field(&[PLACE, own], "required", "is required"));
        }
    }
    let json = serde_json::to_string(&fields).unwrap_or_default();
    let parsed = serde_json::from_str::<Members<'_>>(&json).map_err(|_| vec![required(PLACE)])?;
    match MethodDraft::parse(&parsed) {
        Ok(draft) if problems.is_empty() => {
            // A mask stands for the token that is there, whoever issued it.
            let provider = draft.provider_method_id.as_ref().map(|_| PROVIDER.to_owned());
            Ok(MethodDraft { provider, ..draft })
        }
        Ok(_) => Err(problems),
        Err(found) => {
            let renamed = |problem: Problem| {
                let name = if problem.at == At::Pointer("/method".into()) { "method" } else { "tokenId" };
                Problem { at: At::Pointer(format!("/{PLACE}/{name}")), ..problem }
            };
            problems.extend(found.into_iter().map(renamed));
            Err(problems)
        }
    }
}
