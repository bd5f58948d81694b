//! Import jobs: list, read, cancel, and commit a dry run.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpResponse, get, post};
use serde::Serialize;

use super::{JobOut, RowOut, payments_need};
use crate::api::http::call::{Call, SERVICE, ok};
use crate::api::http::error::Error;
use crate::api::http::params::{EntryPath, ImportPath, KeyHeader, PageQuery, StopKeyHeader};
use crate::api::lists::{SummaryOut, page_of};
use crate::clock;
use crate::domain::accounts::token::Scope;
use crate::domain::imports::{ImportJob, JobState, RowOutcome, rejected_header, rejected_rows, template};
use crate::domain::kernel::problem::Problem;
use crate::domain::view;
use crate::store::{Queued, Why};

/// How many rows of a report one read fetches for a file.
const LIMIT_MAX: i64 = 1_000;

/// Imports of an entrypoint, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct JobsOut {
    /// How many there are.
    summary: SummaryOut,
    /// The imports of this page.
    records: Vec<JobOut>,
}

/// Rows of an import in the file's order.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RowsOut {
    /// How many there are.
    summary: SummaryOut,
    /// The rows of this page.
    records: Vec<RowOut>,
}

/// The import in the path, if the token has the scope and may see it.
async fn visible_job(call: &Call, scope: Scope) -> Result<ImportJob, Error> {
    let entrypoint_id = call.entry(scope).await?;
    let job = call.app.store.imports().job(entrypoint_id, call.id("jobId")?).await?.ok_or(Error::NotFound)?;
    if !view::tells_numbers(call.caller.sight(), &job) {
        call.require(Scope::CustomersRead)?;
    }
    Ok(job)
}

/// List imports
///
/// Those of an entrypoint, newest first.
#[utoipa::path(
    tag = "Imports",
    params(EntryPath, PageQuery),
    responses((status = 200, description = "A page of imports", body = JobsOut)),
)]
#[get("/api/Import/jobs/{entry}")]
pub(crate) async fn list_imports(call: Call) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::CustomersImport).await?;
    let mut params = call.params();
    let (skip, limit) = page_of(&mut params);
    params.done()?;
    let (jobs, total) = call.app.store.imports().jobs(entrypoint_id, skip, limit).await?;
    let (now, sight) = (clock::now(), call.caller.sight());
    let records = jobs.iter().map(|job| JobOut::new(job, sight, false, now)).collect();
    Ok(HttpResponse::Ok().json(JobsOut { summary: SummaryOut::new(limit, total), records }))
}

/// Read how far an import is
///
/// Its state, its numbers, its rate, and the first errors.
#[utoipa::path(
    tag = "Imports",
    params(ImportPath),
    responses((status = 200, description = "The import", body = JobOut)),
)]
#[get("/api/Import/jobs/{entry}/{jobId}")]
pub(crate) async fn get_import(call: Call) -> Result<HttpResponse, Error> {
    let job = visible_job(&call, Scope::CustomersImport).await?;
    call.params().done()?;
    Ok(HttpResponse::Ok().json(JobOut::new(&job, call.caller.sight(), false, clock::now())))
}

/// Read what became of each row
///
/// In the file's order; `outcome=rejected` for those alone. Needs `pii:read` too for the cells of rejected rows.
#[utoipa::path(
    tag = "Imports",
    params(
        ImportPath,
        ("outcome" = inline(Option<RowOutcome>), Query, description = "`created`, `matched`, `replaced`, `merged`, `forced` or `rejected`"),
        PageQuery,
    ),
    responses((status = 200, description = "A page of rows", body = RowsOut)),
)]
#[get("/api/Import/jobs/{entry}/{jobId}/rows")]
pub(crate) async fn get_import_rows(call: Call) -> Result<HttpResponse, Error> {
    let job = visible_job(&call, Scope::CustomersImport).await?;
    let mut params = call.params();
    let (skip, limit) = page_of(&mut params);
    let outcome = params.word::<RowOutcome>("outcome");
    params.done()?;
    let (rows, total) =
        call.app.store.imports().rows(job.entrypoint_id, job.id, outcome, skip, limit).await?;
    let sight = call.caller.sight();
    let records = rows.into_iter().map(|row| RowOut::new(row, sight)).collect();
    let body = RowsOut { summary: SummaryOut::new(limit, total), records };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "private, no-store")).json(body))
}

/// Download the rejected rows
///
/// The file's own header with `importLine` and `importError` before it, and the rows as they stand in the file: mend
/// them and import the result. Needs `pii:read` too.
#[utoipa::path(
    tag = "Imports",
    params(ImportPath),
    responses((status = 200, description = "The rejected rows", content_type = "text/csv", body = String)),
)]
#[get("/api/Import/jobs/{entry}/{jobId}/rejected.csv")]
pub(crate) async fn get_rejected_rows(call: Call) -> Result<HttpResponse, Error> {
    call.require(Scope::CustomersImport)?;
    let job = visible_job(&call, Scope::PiiRead).await?;
    call.params().done()?;
    let sight = call.caller.sight();
    let name = format!("attachment; filename=\"rejected-{}.csv\"", job.id);
    let stream = async_stream::try_stream! {
        yield Bytes::from(rejected_header(&job.plan));
        let mut skip = 0;
        loop {
            let page = call.app.store.imports().rows(job.entrypoint_id, job.id, Some(RowOutcome::Rejected), skip, LIMIT_MAX).await;
            let (rows, _) = page.map_err(Error::from)?;
            if rows.is_empty() {
                break;
            }
            skip += LIMIT_MAX;
            let rows: Vec<_> = rows.into_iter().map(|row| view::row(sight, row)).collect();
            yield Bytes::from(rejected_rows(&job.plan, &rows));
        }
    };
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "private, no-store"))
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8"))
        .insert_header((CONTENT_DISPOSITION, name))
        .streaming::<_, actix_web::Error>(stream))
}

/// Stop an import
///
/// At once where it waits, else before its next step; what is done stays done. The same file with the same options goes
/// on from there.
#[utoipa::path(
    tag = "Imports",
    params(ImportPath, StopKeyHeader),
    responses((status = 200, description = "The import as it is now", body = JobOut)),
)]
#[post("/api/Import/jobs/{entry}/{jobId}/cancel")]
pub(crate) async fn cancel_import(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let job = visible_job(&call, Scope::CustomersImport).await?;
    call.bodiless(SERVICE, payload).await?;
    call.params().done()?;
    let job = call.app.store.imports().cancel(job.entrypoint_id, job.id).await?;
    Ok(HttpResponse::Ok().json(JobOut::new(&job, call.caller.sight(), false, clock::now())))
}

/// Do for real what a dry run rehearsed
///
/// Imports the very file of a finished dry run, with its options. Rows are decided anew; those of which something else
/// becomes than the dry run had said are marked `changedSinceDryRun`. Asked again, it is the same import. It needs the scopes
/// that the dry run needed.
#[utoipa::path(
    tag = "Imports",
    params(
        EntryPath,
        ("jobId" = i64, Path, minimum = 1, description = "The dry run's id"),
        KeyHeader,
    ),
    responses((status = 202, description = "The import that was queued; `Location` leads to it", body = JobOut)),
)]
#[post("/api/Import/jobs/{entry}/{jobId}/commit")]
pub(crate) async fn commit_import(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let job = visible_job(&call, Scope::CustomersImport).await?;
    if let Some(on_unknown) = job.plan.options.payments {
        payments_need(&call, on_unknown)?;
    }
    let mutation = call.bodiless(job.entrypoint_id, payload).await?;
    if let Err(problems) = call.params().done() {
        let job_id = serde_json::from_str(&mutation.replay(problems).await?)?;
        return accepted(&call, job.entrypoint_id, Queued { job_id, why: Why::Replayed }).await;
    }
    if !job.is_dry_run || job.state != JobState::Finished {
        let message = "only a finished dry run can be committed";
        return Err(Error::State(vec![Problem::parameter("jobId", "not_rehearsed", message)]));
    }
    let queued = call
        .app
        .store
        .imports()
        .commit(&job, (call.caller.actor(), call.caller.sight()), mutation.key)
        .await?;
    accepted(&call, job.entrypoint_id, queued).await
}

/// The 202 answer for a queued import.
pub(super) async fn accepted(call: &Call, entrypoint_id: i64, queued: Queued) -> Result<HttpResponse, Error> {
    let job = call.app.store.imports().job(entrypoint_id, queued.job_id).await?.ok_or(Error::NotFound)?;
    let repeated = matches!(queued.why, Why::Report | Why::Same | Why::Resumed);
    let mut response = ok(queued.why == Why::Replayed);
    let place = format!("/api/Import/jobs/{}/{}", call.path("entry"), job.id);
    response.status(StatusCode::ACCEPTED).insert_header((LOCATION, place));
    Ok(response.json(JobOut::new(&job, call.caller.sight(), repeated, clock::now())))
}

/// Download a file to begin with
///
/// A header and two example rows, fit to be imported.
#[utoipa::path(
    tag = "Imports",
    responses((status = 200, description = "The template", content_type = "text/csv", body = String)),
)]
#[get("/api/Import/template/customers.csv")]
pub(crate) async fn get_import_template(call: Call) -> Result<HttpResponse, Error> {
    call.require(Scope::CustomersImport)?;
    call.params().done()?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"customers.csv\""))
        .body(template()))
}
