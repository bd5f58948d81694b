//! Subscriptions over HTTP (rules 16): records of what another system keeps and charges.

mod out;

use actix_web::http::header::ETAG;
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpResponse, get, post, put};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use utoipa::IntoParams;

pub(crate) use self::out::SubscriptionOut;
use self::out::{SubscriberOut, etag};
use super::customers::{CustomerOut, view_of};
use super::http::body;
use super::http::call::{Call, SERVICE, ok};
use super::http::error::{Error, unless_any};
use super::http::json::{self, RECORD_ROOM};
use super::http::params::{EntryPath, IfMatchHeader, KeyHeader, OrganisationPath};
use super::lists::SummaryOut;
use super::lists::newest::{self, Fetched, NO_FILTERS, Part, Wanted};
use super::lists::params::ListTarget;
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::customers::draft::Context;
use crate::domain::customers::identifier::{Identifier, MatchKey, reference_key};
use crate::domain::decide::command::{
    Action, CreateCustomer, Hung, OnMatch, Outcome, PutResult, PutSubscription, SubscriptionOwner,
    UnknownCustomer,
};
use crate::domain::kernel::problem::Problem;
use crate::domain::references::Reference;
use crate::domain::subscriptions::filter::SubscriptionFilter;
use crate::domain::subscriptions::{Subscription, SubscriptionDraft};
use crate::domain::transactions::whose::{self, WHOSE, Whose};
use crate::domain::view::{Seen, View};
use crate::store::{Found, SubscriptionRequest};

/// The kind of a page token.
const CURSOR: &str = "subscriptions";

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
#[expect(dead_code, reason = "the texts and names of the OpenAPI document, and nothing else")]
struct SubscriptionPath {
    /// The subscription's id
    #[param(minimum = 1)]
    subscription_id: i64,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
#[expect(dead_code, reason = "the texts and names of the OpenAPI document, and nothing else")]
struct ExternalPath {
    /// The entrypoint, 1–50 characters, case-sensitive
    entry: String,
    /// The system that keeps the subscription, 1–40 of `a-z 0-9 _ -`
    source: String,
    /// The subscription's id there, 1–250 characters, case-sensitive; `/` is sent as `%2F`
    external_id: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "the texts and names of the OpenAPI document, and nothing else")]
struct SubscriptionsQuery {
    /// How many to skip; 0 by default
    #[param(minimum = 0)]
    from_record: Option<i64>,
    /// How many to answer; 20 by default, 0 or less for all of them
    limit_record: Option<i64>,
    /// The token of a page, from `Summary.pageIdentifier` of the page before
    page_identifier: Option<String>,
    /// `running`, `trial`, `paused` or `ended`, or Payabli's 1 and 0; also `status(ne)`, and `status(in)` with `|` between words
    status: Option<String>,
    /// Those of this customer; also `customerId(in)`
    #[param(minimum = 1)]
    customer_id: Option<i64>,
    /// Those that are charged next on this day; also `nextDate(ge)`, `(gt)`, `(le)` and `(lt)`
    next_date: Option<String>,
}

/// A subscription as its system tells it.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SubscriptionIn {
    /// Whose it is. A new subscription needs this or one of the next three.
    customer_id: Option<i64>,
    /// The caller's own id of the customer.
    #[schema(max_length = 250)]
    customer_number: Option<String>,
    /// What another system calls the customer: `system` and `externalId`.
    #[schema(value_type = Option<Object>)]
    reference: Option<()>,
    /// The customer as a create sends it, to be matched as a create matches.
    #[schema(value_type = Option<Object>)]
    customer: Option<()>,
    /// `running` (default), `trial`, `paused` or `ended`.
    status: Option<String>,
    /// The name of what is subscribed to.
    #[schema(max_length = 250)]
    plan: Option<String>,
    /// What a cycle costs, with no more fraction digits than the currency has.
    amount: Option<f64>,
    /// Its currency by ISO 4217; required beside an amount.
    #[schema(max_length = 3)]
    currency: Option<String>,
    /// How often it is charged, such as `monthly`.
    #[schema(max_length = 40)]
    frequency: Option<String>,
    /// When it began or begins: a day, or a time with its zone.
    start_date: Option<String>,
    /// When it is charged next.
    next_date: Option<String>,
    /// When it ends or ended.
    end_date: Option<String>,
    /// How many cycles it has in all.
    total_cycles: Option<i64>,
    /// How many are left.
    left_cycles: Option<i64>,
}

/// A recorded subscription in the contract's envelope.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SubscriptionDoneOut<'a> {
    /// Always true.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
    /// What became of it.
    response_data: SubscriptionData<'a>,
}

/// What became of a recorded subscription.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct SubscriptionData<'a> {
    /// Its id.
    id_sub: i64,
    /// Whose it is; null for a token without customers:read.
    customer_id: Option<i64>,
    /// `created`, `moved` or `unchanged`.
    result: PutResult,
    /// The subscription as it is now; null for a token without money:read.
    subscription: Option<SubscriptionOut<'a>>,
}

/// A page of subscriptions.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SubscriptionsOut<'a> {
    /// How many subscriptions there are.
    summary: SummaryOut,
    /// The subscriptions of this page, the newest first.
    records: Vec<SubscriptionOut<'a>>,
}

/// Record a subscription of another system
///
/// A subscription is known by the system that keeps it and its id there: the first call makes the record, later ones change
/// what they send. The same again changes nothing. It stays with its customer, and a call that names another one answers 409
/// (`linked_to_another`). A customer that is not there: 409 (`unknown_customer`); with `onUnknownCustomer=create`, a `customer`
/// whom nobody matches is created in the same transaction. To name a customer in another way needs `customers:read`. A customer
/// has up to 100 subscriptions.
///
/// Nothing is charged here: the system that keeps the subscription charges it, and tells what it charged as transactions.
/// While a subscription runs its customer is a `Subscriber`; when the last one ends, `Churned`.
#[utoipa::path(
    tag = "Subscriptions",
    params(
        ExternalPath,
        ("onUnknownCustomer" = Option<String>, Query, description = "`refuse` (default) or `create`, which needs customers:write too"),
        IfMatchHeader,
        KeyHeader,
    ),
    request_body(content = SubscriptionIn, description = "The subscription; what is not sent stays"),
    responses((status = 200, description = "The subscription is recorded", body = SubscriptionDoneOut<'_>)),
)]
#[put("/api/Subscription/external/{entry}/{source}/{externalId}")]
pub(crate) async fn put_subscription(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::MoneyWrite)?;
    let unknown = call.params().word::<UnknownCustomer>("onUnknownCustomer").unwrap_or_default();
    if unknown == UnknownCustomer::Create {
        call.require(Scope::CustomersWrite)?;
    }
    let entrypoint_id = call.entry(Scope::MoneyWrite).await?;
    // The entrypoint may allow an id that looks like a card number.
    let mut params = call.params();
    params.word::<UnknownCustomer>("onUnknownCustomer");
    let mutation = call.json(entrypoint_id, payload).await?;
    let country = call.app.store.entrypoints().country(entrypoint_id).await?.flatten();
    let (external, precondition) = (named(&call), body::precondition(&call.request));
    let problems = params.problems();
    let read = body::parsed(&mutation.body, move |bytes| {
        let external = external?;
        let now = clock::now();
        let context = Context { now, country: country.as_deref(), entrypoint_country: country.as_deref() };
        let (whose, draft) = read(bytes, problems, context, unknown)?;
        Ok(Action::Subscription(Box::new(PutSubscription { external, draft, whose, precondition })))
    });
    let action = read.await;
    if let Ok(Action::Subscription(put)) = &action
        && !matches!(
            put.whose,
            SubscriptionOwner::Unnamed | SubscriptionOwner::Customer(_, UnknownCustomer::Create)
        )
    {
        // Whether there is such a customer only readers of customers learn. A create tells no more than any create.
        call.require(Scope::CustomersRead)?;
    }
    let answer = mutation.write(action).await?;
    rendered(&call, &answer)
}

/// Read a subscription
#[utoipa::path(
    tag = "Subscriptions",
    params(
        SubscriptionPath,
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where the subscription is still the same"),
    ),
    responses(
        (status = 200, description = "The subscription", body = SubscriptionOut<'_>),
        (status = 304, description = "The subscription is still the one of If-None-Match"),
    ),
)]
#[get("/api/Subscription/{subscriptionId}")]
pub(crate) async fn get_subscription(call: Call) -> Result<HttpResponse, Error> {
    call.require(Scope::MoneyRead)?;
    let id = call.id("subscriptionId")?;
    call.params().done()?;
    let store = &call.app.store;
    // The ids of subscriptions and of customers come from the same blocks.
    let place = store.customers().entrypoint_of(id).await?.ok_or(Error::NotFound)?;
    let found = store.subscriptions().find(place, id).await?.ok_or(Error::NotFound)?;
    if !call.sees(&found.entrypoint) {
        return Err(Error::NotFound);
    }
    let one = of(&found, id).ok_or(Error::NotFound)?;
    let shown = shown(one, &found, sight_of(&call));
    let text = json::written(&shown, RECORD_ROOM)?;
    // It begins with the version of the subscription, so it also works as `If-Match`.
    Ok(json::tagged(&call.request, &json::tag(one.version, &text), text))
}

/// List an entrypoint's subscriptions
///
/// The newest first. Filters: `status`, `customerId` and `nextDate`, as `field(op)=value` or in `parameters` as the SDKs send
/// them; `status=1` is what runs, `status=0` what is paused or over.
#[utoipa::path(
    tag = "Subscriptions",
    params(
        EntryPath,
        SubscriptionsQuery,
    ),
    responses((status = 200, description = "A page of subscriptions", body = SubscriptionsOut<'_>)),
)]
#[get("/api/Query/subscriptions/{entry}")]
pub(crate) async fn list_subscriptions(call: Call) -> Result<HttpResponse, Error> {
    let target = ListTarget::of_entrypoint(&call, Scope::MoneyRead).await?;
    list(&call, target).await
}

/// List an organisation's subscriptions
///
/// Those of all its entrypoints that the token sees; otherwise as the list of one entrypoint.
#[utoipa::path(
    tag = "Subscriptions",
    params(
        OrganisationPath,
        SubscriptionsQuery,
    ),
    responses((status = 200, description = "A page of subscriptions", body = SubscriptionsOut<'_>)),
)]
#[get("/api/Query/subscriptions/org/{orgId}")]
pub(crate) async fn list_organisation_subscriptions(call: Call) -> Result<HttpResponse, Error> {
    let target = ListTarget::of_organisation(&call, Scope::MoneyRead).await?;
    list(&call, target).await
}

/// Add a subscription (Payabli): there is no billing engine
///
/// Always 409 (`no_billing_engine`): this service charges nobody. Make the subscription in the system that charges it, and
/// record it with `PUT /Subscription/external/{entry}/{source}/{externalId}`.
#[utoipa::path(
    tag = "Subscriptions",
    params(KeyHeader),
    request_body(content = SubscriptionIn, description = "Whatever the contract has"),
    responses((status = 200, description = "Never: kept for clients of the contract", body = SubscriptionDoneOut<'_>)),
)]
#[post("/api/Subscription/add")]
pub(crate) async fn add_subscription(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::MoneyWrite)?;
    call.json(SERVICE, payload).await?;
    call.params().done()?;
    let message = "this service charges nobody; make the subscription in the system that charges it, and record it with \
                   PUT /api/Subscription/external/{entry}/{source}/{externalId}";
    Err(Error::State(vec![Problem::field(&[], "no_billing_engine", message)]))
}

/// The subscription that the path names. The server has decoded all of the path but `%25`, `%2B` and `%2F`.
fn named(call: &Call) -> Result<Reference, Error> {
    let decoded = |name: &str| percent_decode_str(call.path(name)).decode_utf8_lossy().into_owned();
    Reference::of(&decoded("source"), &decoded("externalId")).map_err(|(name, (code, message))| {
        let name = if name == "system" { "source" } else { name };
        Error::invalid(Problem::parameter(name, code, message))
    })
}

fn read(
    bytes: &Bytes,
    of_address: Vec<Problem>,
    context: Context<'_>,
    unknown: UnknownCustomer,
) -> Result<(SubscriptionOwner, SubscriptionDraft), Error> {
    let read = body::members(bytes).and_then(|members| {
        let mut problems = Vec::new();
        let draft = SubscriptionDraft::parse(&members, &WHOSE).map_err(|found| problems.extend(found));
        let whose = whose::parse(&members, context).map_err(|found| problems.extend(found));
        let (Ok(draft), Ok(whose)) = (draft, whose) else { return Err(Error::Invalid(problems)) };
        let owner = match whose {
            Whose::Nobody => SubscriptionOwner::Unnamed,
            Whose::Id(id) => SubscriptionOwner::Id(id),
            Whose::Number(number) => SubscriptionOwner::Key(MatchKey {
                identifier: Identifier::customer_number(),
                values: vec![number],
            }),
            Whose::Reference(reference) => {
                SubscriptionOwner::Key(reference_key(&reference.system, &reference.external_id))
            }
            Whose::Customer(draft) => {
                if draft.password.is_sent() {
                    let message = "is not taken with a subscription; send it with the customer itself";
                    problems.push(Problem::field(&["customer", "customerPsw"], "unknown_field", message));
                }
                let create = CreateCustomer {
                    draft: *draft,
                    hung: Hung::default(),
                    on_match: OnMatch::Get,
                    precomputed: None,
                };
                SubscriptionOwner::Customer(Box::new(create), unknown)
            }
        };
        unless_any(problems, Ok((owner, draft)))
    });
    unless_any(of_address, read)
}

fn rendered(call: &Call, answer: &Seen) -> Result<HttpResponse, Error> {
    let Outcome::Subscribed { id, subscription_id, result, subscription, .. } = &answer.outcome else {
        return Err(Error::Internal("the outcome is not that of a subscription".into()));
    };
    let reads = call.caller.claims().allows(Scope::MoneyRead);
    let seen = subscription.as_deref().filter(|_| reads);
    let response_data = SubscriptionData {
        id_sub: *subscription_id,
        customer_id: Some(*id).filter(|_| call.caller.claims().allows(Scope::CustomersRead)),
        result: *result,
        subscription: seen.map(|one| SubscriptionOut::new(one, &answer.entrypoint, None)),
    };
    let mut response = ok(answer.replayed);
    if let Some(one) = seen {
        response.insert_header((ETAG, etag(one)));
    }
    Ok(response.json(SubscriptionDoneOut { is_success: true, response_text: "Success", response_data }))
}

fn of(found: &Found, id: i64) -> Option<&Subscription> {
    found.record.stored.customer.subscriptions.iter().find(|one| one.id == id)
}

/// A subscription, with its customer for readers of customers.
fn shown<'a>(one: &'a Subscription, found: &'a Found, (view, reads): (View, bool)) -> SubscriptionOut<'a> {
    let stored = &found.record.stored;
    let payer = || CustomerOut::new(stored, &found.entrypoint, view).payer();
    let subscriber = reads.then(|| SubscriberOut::new(stored.id, payer()));
    SubscriptionOut::new(one, &found.entrypoint, subscriber)
}

/// How much a caller sees of customers, and whether it sees whose a subscription is.
fn sight_of(call: &Call) -> (View, bool) {
    (view_of(&call.caller), call.caller.claims().allows(Scope::CustomersRead))
}

async fn list(call: &Call, target: ListTarget) -> Result<HttpResponse, Error> {
    let mut params = call.params();
    let wanted = Wanted::read(&mut params);
    let (pairs, mut problems) = params.rest();
    let filter = SubscriptionFilter::parse(&pairs, &NO_FILTERS).unwrap_or_else(|found| {
        problems.extend(found);
        SubscriptionFilter::default()
    });
    if filter.customers.is_some() && !call.caller.claims().allows(Scope::CustomersRead) {
        let message = "customerId tells who is a customer; a token with the scope customers:read may use it";
        problems.push(Problem::parameter("customerId", "masked_field", message));
    }
    unless_any(problems, Ok(()))?;
    let name = format!("{}/{filter:?}", target.name);
    let (app, view) = (call.app.clone(), sight_of(call));
    newest::answer(call, CURSOR, &name, wanted, move |part| {
        let (app, filter) = (app.clone(), filter.clone());
        let Part { after, skip, limit, counts } = part;
        let request = SubscriptionRequest {
            entrypoints: target.entrypoints.clone(),
            filter,
            before: after,
            skip,
            limit,
            counts,
        };
        async move {
            let page = app.store.subscriptions().page(request).await?;
            let mut records = Vec::with_capacity(page.records.len());
            for (id, found) in &page.records {
                let Some(one) = of(found, *id) else { continue };
                records.push((*id, serde_json::to_vec(&shown(one, found, view))?));
            }
            Ok(Fetched { records, total: page.total, has_more: page.has_more })
        }
    })
    .await
}
