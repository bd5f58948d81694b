//! Labels of an entrypoint with their counts, and changes to those of many customers (rules 12).

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpResponse, get, post, put};
use percent_encoding::percent_decode_str;
use serde::Serialize;

use super::http::body;
use super::http::call::{Call, Mutation, SERVICE, ok};
use super::http::error::{Error, unless_any};
use super::http::json::{self, RECORD_ROOM};
use super::http::params::{EntryPath, KeyHeader, LabelJobPath, LabelPath, PageQuery, StopKeyHeader};
use super::lists::{SummaryOut, page_of};
use super::selection::{Asked, read_members};
use crate::domain::accounts::token::Scope;
use crate::domain::bulk::BulkState;
use crate::domain::customers::record::{LABEL_CHARS_MAX, LABELS_MAX};
use crate::domain::kernel::members::Given;
use crate::domain::kernel::problem::{Problem, ValueError};
use crate::domain::kernel::text;
use crate::domain::kernel::time::Micros;
use crate::domain::labels::{LabelChange, LabelJob, LabelOutcome, LabelPlan};

/// A label, and how many customers have it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LabelOut {
    /// The label, by case.
    label: String,
    /// How many live customers have it.
    customers: i64,
}

/// The labels of an entrypoint: the most frequent first, then by name.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct LabelsOut {
    /// How many labels there are.
    summary: SummaryOut,
    /// The labels of this page.
    records: Vec<LabelOut>,
}

/// List the labels of an entrypoint
///
/// Each with the number of live customers who have it, the most frequent first. The numbers change with the customers, in
/// the same transaction; nothing is counted when you ask.
#[utoipa::path(
    tag = "Labels",
    params(
        EntryPath,
        PageQuery,
        ("If-None-Match" = Option<String>, Header, description = "An ETag; 304 without a body where the labels are still the same"),
    ),
    responses(
        (status = 200, description = "A page of labels", body = LabelsOut),
        (status = 304, description = "The labels are still those of If-None-Match"),
    ),
)]
#[get("/api/Paypoint/labels/{entry}")]
pub(crate) async fn list_labels(call: Call) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::CustomersRead).await?;
    let mut params = call.params();
    let (skip, limit) = page_of(&mut params);
    params.done()?;
    let labels = call.app.store.labels().all(entrypoint_id).await?;
    let total = i64::try_from(labels.len()).unwrap_or(i64::MAX);
    let place = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    let page = labels.into_iter().skip(place(skip)).take(place(limit));
    let records = page.map(|(label, customers)| LabelOut { label, customers }).collect();
    let body = LabelsOut { summary: SummaryOut::new(limit, total), records };
    let text = json::written(&body, RECORD_ROOM)?;
    Ok(json::tagged(&call.request, &json::tag("labels", &text), text))
}

/// Labels to give and to take, and whose where they are named; the query says it otherwise.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LabelsIn {
    /// Labels that each customer gets.
    add: Option<Vec<String>>,
    /// Labels that each customer loses.
    remove: Option<Vec<String>>,
    /// The customers' ids, at most 100,000.
    customer_ids: Option<Vec<i64>>,
}

/// The new name of a label.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct LabelIn {
    /// The label that takes its place, also where a customer has that one already.
    to: String,
}

/// A change of the labels of many customers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LabelJobOut {
    /// Its id.
    job_id: i64,
    /// How far it is.
    state: BulkState,
    /// How many customers it is about; null while nobody counted.
    total: Option<i64>,
    /// How many of them were looked at.
    done: i64,
    /// How many came to what.
    outcomes: BTreeMap<&'static str, i64>,
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

impl LabelJobOut {
    fn new(job: &LabelJob) -> LabelJobOut {
        LabelJobOut {
            job_id: job.id,
            state: job.state,
            total: job.total,
            done: job.done(),
            outcomes: job.counts.iter().map(|(outcome, number)| (outcome.name(), *number)).collect(),
            failure: job.failure.clone(),
            queued_at: job.queued_at.to_rfc3339(),
            started_at: job.started_at.map(Micros::to_rfc3339),
            ended_at: job.ended_at.map(Micros::to_rfc3339),
        }
    }
}

/// Changes of the labels of many, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct LabelJobsOut {
    /// How many there are.
    summary: SummaryOut,
    /// The changes of this page.
    records: Vec<LabelJobOut>,
}

/// Customers whose labels were not changed, by id.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct LabelReportsOut {
    /// How many there are.
    summary: SummaryOut,
    /// The customers of this page.
    records: Vec<LabelReportOut>,
}

/// A customer whose labels were not changed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LabelReportOut {
    /// The customer's id.
    customer_id: i64,
    /// Why.
    outcome: LabelOutcome,
}

/// Change the labels of many customers
///
/// Those whose ids the body names, or all that the query's filters and `search` let through, as in the list of customers:
/// `?city=Oakton` with `{"add": ["oakton"], "remove": ["new"]}`. It is a job: the answer leads to its progress, and each
/// customer's change commits with the job's place, so that a stop loses and doubles nothing. Labels compare by case.
#[utoipa::path(
    tag = "Labels",
    params(
        EntryPath,
        ("search" = Option<String>, Query, description = "Words or parts of words, as in the list of customers"),
        ("parameters" = Option<String>, Query, description = "Filters as a JSON object, as Payabli's SDKs send them; or each as a parameter of its own, `field(op)=value`"),
        KeyHeader,
    ),
    request_body(content = LabelsIn, description = "The labels, and the customers where no filter says which"),
    responses((status = 202, description = "The change is queued; `Location` leads to it", body = LabelJobOut)),
)]
#[post("/api/Customer/labels/{entry}")]
pub(crate) async fn change_labels(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::CustomersWrite)?;
    // A change by filter reveals which customers exist.
    let entrypoint_id = call.entry(Scope::CustomersRead).await?;
    let mutation = call.json(SERVICE, payload).await?;
    let plan = read_change(&call, &mutation.body).await;
    queued(&call, &mutation, entrypoint_id, plan).await
}

/// Rename a label
///
/// On every live customer who has it, by case; a customer who has both keeps the new one once. It is a job, as a change of
/// the labels of many is.
#[utoipa::path(
    tag = "Labels",
    params(LabelPath, KeyHeader),
    request_body = LabelIn,
    responses((status = 202, description = "The change is queued; `Location` leads to it", body = LabelJobOut)),
)]
#[put("/api/Paypoint/labels/{entry}/{label}")]
pub(crate) async fn rename_label(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::CustomersWrite)?;
    let entrypoint_id = call.entry(Scope::CustomersRead).await?;
    let mutation = call.json(SERVICE, payload).await?;
    let plan = read_rename(&call, &mutation.body);
    queued(&call, &mutation, entrypoint_id, plan).await
}

/// Queues a job, or answers as the earlier request with the key.
async fn queued(
    call: &Call,
    mutation: &Mutation<'_>,
    entrypoint_id: i64,
    plan: Result<LabelPlan, Error>,
) -> Result<HttpResponse, Error> {
    let render = |job: &LabelJob| serde_json::to_string(&LabelJobOut::new(job)).unwrap_or_default();
    let (text, replayed) = match plan {
        Ok(plan) => {
            let actor = call.caller.actor();
            call.app.store.labels().queue(entrypoint_id, plan, actor, mutation.key, render).await?
        }
        Err(problems) => (mutation.replay(problems).await?, true),
    };
    let id = serde_json::from_str::<serde_json::Value>(&text)
        .ok()
        .and_then(|job| job.get("jobId").and_then(serde_json::Value::as_i64))
        .unwrap_or_default();
    let mut response = ok(replayed);
    let place = format!("/api/Customer/labels/{}/{id}", call.path("entry"));
    response.status(StatusCode::ACCEPTED).insert_header((LOCATION, place));
    Ok(json::answer(&mut response, text))
}

async fn read_change(call: &Call, body: &Bytes) -> Result<LabelPlan, Error> {
    let asked = Asked::of(call, call.params(), &[]);
    let mut sent =
        body::parsed(body, |body| read_members(body, "a change of labels", &["add", "remove"])).await?;
    let others = std::mem::take(&mut sent.others);
    let (selection, mut problems) = asked.selection(sent);
    let mut change = LabelChange::default();
    for (name, json) in others {
        let labels = read_labels(name, &json, &mut problems);
        if name == "add" { change.add = labels } else { change.remove = labels }
    }
    if let Some(both) = change.add.iter().position(|label| change.remove.contains(label)) {
        let message = "is to be added and removed";
        problems.push(Problem::field(&["add", &both.to_string()], "invalid_value", message));
    }
    if change.add.is_empty() && change.remove.is_empty() && problems.is_empty() {
        problems.push(Problem::field(
            &["add"],
            "required",
            "is missing; send labels to add, to remove, or both",
        ));
    }
    unless_any(problems, Ok(LabelPlan { selection, change }))
}

/// A list of labels in their stored form, without duplicates.
fn read_labels(name: &str, json: &str, problems: &mut Vec<Problem>) -> Vec<String> {
    let Ok(sent) = serde_json::from_str::<Option<Vec<String>>>(json) else {
        problems.push(Problem::field(&[name], "wrong_type", "must be an array of strings"));
        return Vec::new();
    };
    let mut labels: Vec<String> = Vec::new();
    for (index, label) in sent.unwrap_or_default().iter().enumerate() {
        match read_label(label) {
            Ok(label) if labels.contains(&label) => {}
            Ok(label) => labels.push(label),
            Err((code, message)) => problems.push(Problem::field(&[name, &index.to_string()], code, message)),
        }
    }
    if labels.len() > LABELS_MAX {
        let message = format!("must have at most {LABELS_MAX} labels");
        problems.push(Problem::field(&[name], "too_many", message));
    }
    labels
}

fn read_label(sent: &str) -> Result<String, ValueError> {
    let label = text::clean(sent, LABEL_CHARS_MAX)?;
    if label.is_empty() { Err(("required", "must hold a label".into())) } else { Ok(label.into()) }
}

fn read_rename(call: &Call, bytes: &Bytes) -> Result<LabelPlan, Error> {
    let mut problems = call.params().problems();
    let from = percent_decode_str(call.path("label")).decode_utf8().ok();
    // No customer has a label that is none.
    let from = from.and_then(|from| read_label(&from).ok()).ok_or(Error::NotFound)?;
    let mut to = None;
    for (name, raw) in &body::members(bytes)?.0 {
        let mut refuse = |code, message: String| problems.push(Problem::field(&[name], code, message));
        match (name.as_ref(), Given::of(raw)) {
            ("to", _) if to.is_some() => refuse("duplicate_field", "stands in the body twice".into()),
            ("to", Given::Text(text)) => match read_label(&text) {
                Ok(label) => to = Some(label),
                Err((code, message)) => refuse(code, message),
            },
            ("to", other) => refuse("wrong_type", format!("must be a string, not {}", other.kind())),
            _ => refuse("unknown_field", "is no field of a new name; send `to`".into()),
        }
    }
    if to.is_none() && problems.is_empty() {
        problems.push(Problem::field(&["to"], "required", "is missing; it is the new name of the label"));
    }
    unless_any(problems, Ok(LabelPlan::rename(from, to.unwrap_or_default())))
}

/// The job in the path, if the token has the scope and may see it.
async fn visible_job(call: &Call, scope: Scope) -> Result<LabelJob, Error> {
    let entrypoint_id = call.entry(scope).await?;
    call.app.store.labels().job(entrypoint_id, call.id("jobId")?).await?.ok_or(Error::NotFound)
}

/// List changes of the labels of many
///
/// Those of an entrypoint, newest first, for thirty days after their end.
#[utoipa::path(
    tag = "Labels",
    params(EntryPath, PageQuery),
    responses((status = 200, description = "A page of changes", body = LabelJobsOut)),
)]
#[get("/api/Customer/labels/{entry}")]
pub(crate) async fn list_label_jobs(call: Call) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::CustomersRead).await?;
    let mut params = call.params();
    let (skip, limit) = page_of(&mut params);
    params.done()?;
    let (jobs, total) = call.app.store.labels().jobs(entrypoint_id, skip, limit).await?;
    let records = jobs.iter().map(LabelJobOut::new).collect();
    Ok(HttpResponse::Ok().json(LabelJobsOut { summary: SummaryOut::new(limit, total), records }))
}

/// Read how far a change of the labels of many is
///
/// Its state and its numbers.
#[utoipa::path(
    tag = "Labels",
    params(LabelJobPath),
    responses((status = 200, description = "The change", body = LabelJobOut)),
)]
#[get("/api/Customer/labels/{entry}/{jobId}")]
pub(crate) async fn get_label_job(call: Call) -> Result<HttpResponse, Error> {
    let job = visible_job(&call, Scope::CustomersRead).await?;
    call.params().done()?;
    Ok(HttpResponse::Ok().json(LabelJobOut::new(&job)))
}

/// Read whose labels were not changed
///
/// By id, with the reason; `outcome=tooMany` for one reason alone.
#[utoipa::path(
    tag = "Labels",
    params(
        LabelJobPath,
        ("outcome" = inline(Option<LabelOutcome>), Query, description = "Only customers with this outcome"),
        PageQuery,
    ),
    responses((status = 200, description = "A page of customers", body = LabelReportsOut)),
)]
#[get("/api/Customer/labels/{entry}/{jobId}/report")]
pub(crate) async fn get_label_report(call: Call) -> Result<HttpResponse, Error> {
    let job = visible_job(&call, Scope::CustomersRead).await?;
    let mut params = call.params();
    let (skip, limit) = page_of(&mut params);
    let outcome = params.word::<LabelOutcome>("outcome");
    params.done()?;
    let (reports, total) =
        call.app.store.labels().reports(job.entrypoint_id, job.id, outcome, skip, limit).await?;
    let records = reports
        .into_iter()
        .map(|report| LabelReportOut { customer_id: report.customer_id, outcome: report.outcome })
        .collect();
    Ok(HttpResponse::Ok().json(LabelReportsOut { summary: SummaryOut::new(limit, total), records }))
}

/// Stop a change of the labels of many
///
/// Before its next step; what is changed stays changed.
#[utoipa::path(
    tag = "Labels",
    params(LabelJobPath, StopKeyHeader),
    responses((status = 200, description = "The change as it is now", body = LabelJobOut)),
)]
#[post("/api/Customer/labels/{entry}/{jobId}/cancel")]
pub(crate) async fn cancel_label_job(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let job = visible_job(&call, Scope::CustomersWrite).await?;
    call.bodiless(SERVICE, payload).await?;
    call.params().done()?;
    let job = call.app.store.labels().cancel(job.entrypoint_id, job.id).await?;
    Ok(HttpResponse::Ok().json(LabelJobOut::new(&job)))
}
