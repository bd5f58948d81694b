//! Invitation jobs: `POST /Customer/invite/{entry}`, their progress and their reports.

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpResponse, get, post};
use serde::Serialize;

use super::http::body;
use super::http::call::{Call, SERVICE, ok};
use super::http::error::{Error, unless_any};
use super::http::json;
use super::http::params::{EntryPath, InviteJobPath, KeyHeader, PageQuery, StopKeyHeader};
use super::lists::{SummaryOut, page_of};
use super::selection::{Asked, read_members};
use crate::domain::accounts::sight::Sight;
use crate::domain::accounts::token::Scope;
use crate::domain::bulk::BulkState;
use crate::domain::decide::guard;
use crate::domain::invitations::{InviteJob, InviteOutcome, InvitePlan, InviteReport};
use crate::domain::kernel::time::Micros;

/// Whom to invite, where they are named; empty where the query says it.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InviteIn {
    /// The customers' ids, at most 100,000.
    customer_ids: Option<Vec<i64>>,
}

/// An invitation of many customers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InviteJobOut {
    /// Its id.
    job_id: i64,
    /// How far it is.
    state: BulkState,
    /// How many customers it is about; null while nobody counted.
    total: Option<i64>,
    /// How many of them were looked at.
    done: i64,
    /// How many mails are on their way.
    invited: i64,
    /// How many customers were not invited; who and why is in its report.
    not_invited: i64,
    /// How many came to what.
    outcomes: std::collections::BTreeMap<&'static str, i64>,
    /// Why it failed; null for others.
    failure: Option<String>,
    /// When it was asked for.
    #[schema(format = DateTime)]
    queued_at: String,
    /// When a worker first took it.
    #[schema(format = DateTime)]
    started_at: Option<String>,
    /// When it came to its last state.
    #[schema(format = DateTime)]
    ended_at: Option<String>,
}

impl InviteJobOut {
    fn new(job: &InviteJob) -> InviteJobOut {
        let invited = job.counts.get(&InviteOutcome::Invited).copied().unwrap_or(0);
        InviteJobOut {
            job_id: job.id,
            state: job.state,
            total: job.total,
            done: job.done(),
            invited,
            not_invited: job.done() - invited,
            outcomes: job.counts.iter().map(|(outcome, number)| (outcome.name(), *number)).collect(),
            failure: job.failure.clone(),
            queued_at: job.queued_at.to_rfc3339(),
            started_at: job.started_at.map(Micros::to_rfc3339),
            ended_at: job.ended_at.map(Micros::to_rfc3339),
        }
    }
}

/// Invitations of many, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InviteJobsOut {
    /// How many there are.
    summary: SummaryOut,
    /// The invitations of this page.
    records: Vec<InviteJobOut>,
}

/// Customers who were not invited, by id.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InviteReportsOut {
    /// How many there are.
    summary: SummaryOut,
    /// The customers of this page.
    records: Vec<InviteReportOut>,
}

/// A customer who was not invited.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InviteReportOut {
    /// The customer's id.
    customer_id: i64,
    /// Why.
    outcome: InviteOutcome,
    /// The customer who has the same e-mail address; null for other outcomes, and without pii:read.
    other_customer_id: Option<i64>,
}

impl InviteReportOut {
    fn new(report: InviteReport, sight: Sight) -> InviteReportOut {
        InviteReportOut {
            customer_id: report.customer_id,
            outcome: report.outcome,
            // That two customers have one address tells a masked value.
            other_customer_id: report.other_id.filter(|_| sight.pii),
        }
    }
}

/// Invite many customers
///
/// Those whose ids the body names, or all that the query's filters and `search` let through, as in the list of customers:
/// `?lifecycle=Prospect` invites everybody who has no account and no order yet. It is a job: the answer leads to its
/// progress, and each customer's mail commits with the job's place, so that a stop loses and doubles nothing. Who has an
/// account, no e-mail address, another customer's address, or an invitation in force is reported and not invited.
#[utoipa::path(
    tag = "Invitations",
    params(
        EntryPath,
        ("again" = Option<bool>, Query, description = "true: send a fresh link also to those whose invitation is in force, and end the earlier one"),
        ("search" = Option<String>, Query, description = "Words or parts of words, as in the list of customers"),
        ("parameters" = Option<String>, Query, description = "Filters as a JSON object, as Payabli's SDKs send them; or each as a parameter of its own, `field(op)=value`"),
        KeyHeader,
    ),
    request_body(content = Option<InviteIn>, description = "The customers, where no filter says which"),
    responses((status = 202, description = "The invitation is queued; `Location` leads to it", body = InviteJobOut)),
)]
#[post("/api/Customer/invite/{entry}")]
pub(crate) async fn invite_customers(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::CustomersWrite)?;
    // An invitation by filter reveals which customers exist.
    let entrypoint_id = call.entry(Scope::CustomersRead).await?;
    let settings = call.app.store.entrypoints().settings(entrypoint_id).await?.ok_or(Error::NotFound)?;
    guard::check_invite(&settings.entrypoint.policy, call.caller.sight())?;
    let mutation = call.json(SERVICE, payload).await?;
    let render = |job: &InviteJob| serde_json::to_string(&InviteJobOut::new(job)).unwrap_or_default();
    let (text, replayed) = match read_plan(&call, &mutation.body).await {
        Ok(plan) => {
            let actor = call.caller.actor();
            call.app.store.invitations().queue(entrypoint_id, plan, actor, mutation.key, render).await?
        }
        Err(problems) => (mutation.replay(problems).await?, true),
    };
    let id = serde_json::from_str::<serde_json::Value>(&text)
        .ok()
        .and_then(|job| job.get("jobId").and_then(serde_json::Value::as_i64))
        .unwrap_or_default();
    let mut response = ok(replayed);
    let place = format!("/api/Customer/invite/{}/{id}", call.path("entry"));
    response.status(StatusCode::ACCEPTED).insert_header((LOCATION, place));
    Ok(json::answer(&mut response, text))
}

async fn read_plan(call: &Call, body: &Bytes) -> Result<InvitePlan, Error> {
    let mut params = call.params();
    let again = params.flag("again");
    let asked = Asked::of(call, params, &["again"]);
    let members = body::parsed(body, |body| read_members(body, "an invitation", &[])).await?;
    let (selection, problems) = asked.selection(members);
    unless_any(problems, Ok(InvitePlan { selection, again, link_ttl_secs: call.app.link_ttl_secs }))
}

/// The invitation job in the path, if the token has the scope and may see it.
async fn visible_job(call: &Call, scope: Scope) -> Result<InviteJob, Error> {
    let entrypoint_id = call.entry(scope).await?;
    call.app.store.invitations().job(entrypoint_id, call.id("jobId")?).await?.ok_or(Error::NotFound)
}

/// List invitations of many
///
/// Those of an entrypoint, newest first, for thirty days after their end.
#[utoipa::path(
    tag = "Invitations",
    params(EntryPath, PageQuery),
    responses((status = 200, description = "A page of invitations", body = InviteJobsOut)),
)]
#[get("/api/Customer/invite/{entry}")]
pub(crate) async fn list_invite_jobs(call: Call) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::CustomersRead).await?;
    let mut params = call.params();
    let (skip, limit) = page_of(&mut params);
    params.done()?;
    let (jobs, total) = call.app.store.invitations().jobs(entrypoint_id, skip, limit).await?;
    let records = jobs.iter().map(InviteJobOut::new).collect();
    Ok(HttpResponse::Ok().json(InviteJobsOut { summary: SummaryOut::new(limit, total), records }))
}

/// Read how far an invitation of many is
///
/// Its state and its numbers.
#[utoipa::path(
    tag = "Invitations",
    params(InviteJobPath),
    responses((status = 200, description = "The invitation", body = InviteJobOut)),
)]
#[get("/api/Customer/invite/{entry}/{jobId}")]
pub(crate) async fn get_invite_job(call: Call) -> Result<HttpResponse, Error> {
    let job = visible_job(&call, Scope::CustomersRead).await?;
    call.params().done()?;
    Ok(HttpResponse::Ok().json(InviteJobOut::new(&job)))
}

/// Read who was not invited
///
/// By id, with the reason; `outcome=noEmail` for one reason alone.
#[utoipa::path(
    tag = "Invitations",
    params(
        InviteJobPath,
        ("outcome" = inline(Option<InviteOutcome>), Query, description = "Only customers with this outcome"),
        PageQuery,
    ),
    responses((status = 200, description = "A page of customers", body = InviteReportsOut)),
)]
#[get("/api/Customer/invite/{entry}/{jobId}/report")]
pub(crate) async fn get_invite_report(call: Call) -> Result<HttpResponse, Error> {
    let job = visible_job(&call, Scope::CustomersRead).await?;
    let mut params = call.params();
    let (skip, limit) = page_of(&mut params);
    let outcome = params.word::<InviteOutcome>("outcome");
    params.done()?;
    let (reports, total) =
        call.app.store.invitations().reports(job.entrypoint_id, job.id, outcome, skip, limit).await?;
    let sight = call.caller.sight();
    let records = reports.into_iter().map(|report| InviteReportOut::new(report, sight)).collect();
    Ok(HttpResponse::Ok().json(InviteReportsOut { summary: SummaryOut::new(limit, total), records }))
}

/// Stop an invitation of many
///
/// Before its next step; mails that are on their way are sent.
#[utoipa::path(
    tag = "Invitations",
    params(InviteJobPath, StopKeyHeader),
    responses((status = 200, description = "The invitation as it is now", body = InviteJobOut)),
)]
#[post("/api/Customer/invite/{entry}/{jobId}/cancel")]
pub(crate) async fn cancel_invite_job(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let job = visible_job(&call, Scope::CustomersWrite).await?;
    call.bodiless(SERVICE, payload).await?;
    call.params().done()?;
    let job = call.app.store.invitations().cancel(job.entrypoint_id, job.id).await?;
    Ok(HttpResponse::Ok().json(InviteJobOut::new(&job)))
}
