//! `POST /Customer/single/{entry}` and `POST /Customer/match/{entry}`.

use actix_web::http::header::{CACHE_CONTROL, ETAG};
use actix_web::web::Payload;
use actix_web::{HttpResponse, post};
use serde::Serialize;

use super::read_draft;
use super::record::{CustomerOut, Paid, etag};
use crate::api::http::call::{Call, Mutation, ok};
use crate::api::http::error::Error;
use crate::api::http::json::{self, RECORD_ROOM};
use crate::api::http::params::{EntryPath, KeyHeader};
use crate::api::http::request::CustomerIn;
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::customers::draft::Context;
use crate::domain::decide::command::{Action, CreateCustomer, Hung, OnMatch, Outcome, Verdict};
use crate::domain::kernel::problem::Problem;
use crate::domain::view::Seen;
use crate::store::CustomerMoney;

/// The answer of contract 4, E1.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreatedOut<'a> {
    /// Always true.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
    /// The record, and what came of the create.
    response_data: CreatedRecord<'a>,
}

/// A record and what came of the create.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct CreatedRecord<'a> {
    #[serde(flatten)]
    record: CustomerOut<'a>,
    /// What came of the create.
    outcome: Verdict,
    /// The fields that led to an existing customer, without those that the token sees masked; null for a new one.
    matched_on: Option<&'a [String]>,
    /// The fields that were sent with other values than the matched customer has, without those that the token sees
    /// masked; null unless matched.
    differs: Option<&'a [String]>,
}

/// Create a customer, or get the one it is
///
/// An atomic get-or-create: a customer who matches by the entrypoint's identifiers (or by
/// `identifierFields`, or by `customerNumber`) is answered and left untouched, unless a flag says
/// otherwise. However many requests race, one person is one record. `outcome` tells what happened.
#[utoipa::path(
    tag = "Customers",
    params(
        EntryPath,
        ("replaceExisting" = Option<i64>, Query, minimum = 0, maximum = 1, description = "1: a matching customer is replaced by what is sent; absent fields become empty"),
        ("mergeExisting" = Option<i64>, Query, minimum = 0, maximum = 1, description = "1: the sent fields are written onto a matching customer"),
        ("forceCustomerCreation" = Option<bool>, Query, description = "true: a second record is created beside a matching customer"),
        ("idempotencyKey" = Option<String>, Header, description = "A key of your choice (1–255 printable ASCII): the same request with the same key is carried out once and answered the same. `Idempotency-Key` is the same header"),
    ),
    request_body(content = CustomerIn, description = "The customer; every field is optional, but something must identify the customer"),
    responses((status = 200, description = "The customer's record and what came of the create", body = CreatedOut<'_>)),
)]
#[post("/api/Customer/single/{entry}")]
pub(crate) async fn create_customer(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::CustomersWrite).await?;
    let mutation = call.json(entrypoint_id, payload).await?;
    let create = read(&call, entrypoint_id, &mutation).await;
    let answer = mutation.write(create.map(|create| Action::Create(Box::new(create)))).await?;
    let money = money_of(&call, &answer).await?;
    render(&call, &answer, money.as_ref())
}

/// Reads query and body; reports the problems of both together.
async fn read(call: &Call, entrypoint_id: i64, mutation: &Mutation<'_>) -> Result<CreateCustomer, Error> {
    let (on_match, problems) = flags(call);
    let country = call.app.store.entrypoints().country(entrypoint_id).await?.ok_or(Error::NotFound)?;
    let country = country.as_deref();
    let context = Context { now: clock::now(), country, entrypoint_country: country };
    let draft = read_draft(&call.app, &mutation.body, context, problems).await?;
    Ok(CreateCustomer { draft, hung: Hung::default(), on_match, precomputed: None })
}

fn flags(call: &Call) -> (OnMatch, Vec<Problem>) {
    let mut params = call.params();
    let replace = params.bit("replaceExisting");
    let merge = params.bit("mergeExisting");
    let force = params.flag("forceCustomerCreation");
    if [replace, merge, force].into_iter().filter(|flag| *flag).count() > 1 {
        let message = "replaceExisting, mergeExisting and forceCustomerCreation exclude each other";
        params.refuse("replaceExisting", "exclusive_flags", message);
    }
    let on_match = match (replace, merge, force) {
        (true, ..) => OnMatch::Replace,
        (_, true, _) => OnMatch::Merge,
        (_, _, true) => OnMatch::Force,
        _ => OnMatch::Get,
    };
    (on_match, params.problems())
}

/// What the customer of an outcome paid. A new one paid nothing yet.
async fn money_of(call: &Call, answer: &Seen) -> Result<Option<CustomerMoney>, Error> {
    let Outcome::Created { verdict, id, .. } = &answer.outcome else { return Ok(None) };
    let is_new = matches!(verdict, Verdict::Created | Verdict::Forced);
    if (is_new && !answer.replayed) || answer.record.is_none() || !call.caller.sees_money() {
        return Ok(None);
    }
    let places = vec![(answer.entrypoint.id, *id)];
    Ok(call.app.store.transactions().of_customers(places).await?.remove(id))
}

fn render(call: &Call, answer: &Seen, money: Option<&CustomerMoney>) -> Result<HttpResponse, Error> {
    let Outcome::Created { verdict, id, matched_on, differs, .. } = &answer.outcome else {
        return Err(Error::Internal("the outcome is not that of a create".into()));
    };
    let mut response = ok(answer.replayed);
    response.insert_header((CACHE_CONTROL, "private, no-cache"));
    let record = match &answer.record {
        Some(stored) => {
            response.insert_header((ETAG, etag(stored, &answer.entrypoint, answer.view)));
            let paid = Paid::seen(call.caller.sees_money(), money);
            CustomerOut::new(stored, &answer.entrypoint, answer.view).with_money(
                paid,
                &answer.entrypoint,
                answer.view,
            )
        }
        None => CustomerOut::blank(*id),
    };
    let is_compared = answer.record.is_some() && *verdict == Verdict::Matched;
    let response_data = CreatedRecord {
        record,
        outcome: *verdict,
        matched_on: matched_on.as_deref(),
        differs: is_compared.then_some(differs.as_slice()),
    };
    let created = CreatedOut { is_success: true, response_text: "Success", response_data };
    Ok(json::answer(&mut response, json::written(&created, 2 * RECORD_ROOM)?))
}

/// The answer to "who would this hit?".
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MatchOut<'a> {
    /// Always true.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
    /// What a create would do.
    response_data: MatchData<'a>,
}

/// What a create with this body and these flags would do.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct MatchData<'a> {
    /// `created`, `matched`, `replaced`, `merged`, `forced`, or `conflict` where a create would answer 409.
    outcome: &'static str,
    /// The customer that would be hit.
    customer_id: Option<i64>,
    /// The fields that lead to it.
    matched_on: Option<&'a [String]>,
    /// The fields that were sent with other values than that customer has.
    differs: &'a [String],
    /// Each identifier of the body that leads to somebody.
    candidates: Vec<CandidateOut<'a>>,
    /// Why a create would be refused with 409.
    conflicts: &'a [String],
}

/// An identifier and whom it leads to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct CandidateOut<'a> {
    /// The identifier, such as `email` or `firstname+lastname`.
    identifier: &'a str,
    /// The live customers it leads to, oldest first.
    customer_ids: &'a [i64],
}

/// Say who a create would hit
///
/// Takes the body and flags of a create and tells what it would do, and by which fields. Writes
/// nothing. It is the very matcher of create and import. Needs `customers:read` and `pii:read`.
#[utoipa::path(
    tag = "Customers",
    params(
        EntryPath,
        ("replaceExisting" = Option<i64>, Query, minimum = 0, maximum = 1, description = "As for a create"),
        ("mergeExisting" = Option<i64>, Query, minimum = 0, maximum = 1, description = "As for a create"),
        ("forceCustomerCreation" = Option<bool>, Query, description = "As for a create"),
        KeyHeader,
    ),
    request_body(content = CustomerIn, description = "The customer as a create would send it"),
    responses((status = 200, description = "What a create would do", body = MatchOut<'_>)),
)]
#[post("/api/Customer/match/{entry}")]
pub(crate) async fn match_customer(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::CustomersRead)?;
    let entrypoint_id = call.entry(Scope::PiiRead).await?;
    let mutation = call.json(entrypoint_id, payload).await?;
    let create = read(&call, entrypoint_id, &mutation).await;
    let answer = match create.map(|create| Action::Match(Box::new(create))) {
        // The writer is needed only to keep the answer.
        Ok(action) if mutation.key.is_none() => mutation.consult(action).await?,
        action => mutation.write(action).await?,
    };
    let Outcome::Matched(report) = &answer.outcome else {
        return Err(Error::Internal("the outcome is not that of a match".into()));
    };
    let candidates = report
        .candidates
        .iter()
        .map(|(identifier, customer_ids)| CandidateOut { identifier, customer_ids })
        .collect();
    Ok(ok(answer.replayed).json(MatchOut {
        is_success: true,
        response_text: "Success",
        response_data: MatchData {
            outcome: report.verdict.map_or("conflict", Verdict::name),
            customer_id: report.id,
            matched_on: report.matched_on.as_deref(),
            differs: &report.differs,
            candidates,
            conflicts: &report.conflicts,
        },
    }))
}
