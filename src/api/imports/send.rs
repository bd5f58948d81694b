//! The upload of a file: as a form, as Payabli's SDKs send it, or as the whole body.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use actix_multipart::{Multipart, MultipartError};
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, post};
use futures_util::stream::poll_fn;
use futures_util::{Stream, StreamExt as _};
use serde::Serialize;

use super::jobs::accepted;
use super::{ReasonOut, payments_need};
use crate::api::http::body::{self, discard};
use crate::api::http::call::{Call, ok};
use crate::api::http::error::Error;
use crate::api::http::params::EntryPath;
use crate::domain::accounts::sight::Sight;
use crate::domain::accounts::token::Scope;
use crate::domain::customers::identifier::{IdField, Identifier};
use crate::domain::decide::guard;
use crate::domain::imports::{ImportJob, ImportOptions, JobState, Preset, RowOutcome};
use crate::domain::kernel::card;
use crate::domain::kernel::problem::{Problem, noted};
use crate::domain::view;
use crate::store::{FileIntake, IntakeError, Queued, Why};

/// The name of the part that holds the file.
const PART: &str = "file";
/// How long a waiting request sleeps between two looks at its import: at first, and at most.
const LOOK_FIRST: Duration = Duration::from_millis(10);
const LOOK_LAST: Duration = Duration::from_millis(500);

/// The answer of contract 8.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportOut {
    /// Always true: rejected rows do not fail the request.
    is_success: bool,
    /// `Success`.
    response_text: &'static str,
    /// 1 for success.
    response_code: i32,
    /// Always null; kept for clients of the contract.
    page_identifier: Option<String>,
    /// What became of the file.
    response_data: ImportData,
}

/// What became of a file.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct ImportData {
    /// Rows that made a customer.
    added: i64,
    /// Rows that did nothing.
    rejected: i64,
    /// How many rows were rejected for which reason, the most frequent first.
    reasons: Vec<ReasonOut>,
    /// The first 100 errors, such as `Error on line 62: email: …`.
    errors: Vec<String>,
    /// Rows that replaced a customer.
    replaced: i64,
    /// Rows that were written onto a customer.
    merged: i64,
    /// Rows that found their customer and left it untouched.
    matched: i64,
    /// Bad values that were left out (`onBadValue=blank`).
    warnings: i64,
    /// The import's id, for `GET /api/Import/jobs/{entry}/{jobId}` and its rows.
    job_id: i64,
    /// `finished`, or `cancelled` or `failed`.
    state: &'static str,
    /// Why it failed; null for others.
    failure: Option<String>,
    /// Whether nothing was written but the report.
    dry_run: bool,
    /// Where the file seems to come from: `customary`, `doku`, `stripe`, `matrixify`, `shopify`, `quickbooksdesktop`,
    /// `quickbooksonline`, `xero`, `hubspot`, `mailchimp`, `recurly`, `chargebee`, `woocommerce`, `square` or `none`.
    preset: Preset,
    /// The columns that are left out.
    columns_left_out: Vec<String>,
    /// Whether this is an earlier import of the same file with the same options.
    repeated: bool,
}

/// A file, as a form.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "it stands in the OpenAPI document alone")]
pub(crate) struct FileForm {
    /// The file: CSV with a header line, of any name and media type.
    #[schema(value_type = String, format = Binary)]
    file: String,
}

/// Import customers from a file
///
/// CSV with a header line; comma, semicolon, tab or pipe; UTF-8, UTF-16 with a byte order mark, or what `encoding` says.
/// Columns are the fields of a customer by their names or the usual spellings of other systems; exports of this service,
/// DOKU, Stripe and Shopify are recognised. Each row goes the road of a create. Rows are imported exactly once, however
/// often the service dies meanwhile; the same file with the same options again is the same import. The answer comes when all rows
/// are dealt with; with `async=true` at once, with `Location`. A body of `text/csv` does in place of the form.
/// A file whose lines are JSON objects (NDJSON) does too: each is the body of a create, with `methods` and `comments` beside it.
#[utoipa::path(
    tag = "Imports",
    params(
        EntryPath,
        ("replaceExisting" = Option<i64>, Query, minimum = 0, maximum = 1, description = "As for a create, of every row"),
        ("mergeExisting" = Option<i64>, Query, minimum = 0, maximum = 1, description = "As for a create, of every row"),
        ("forceCustomerCreation" = Option<bool>, Query, description = "As for a create, of every row"),
        ("identifierFields" = Option<String>, Query, description = "Fields that together identify a customer in every row: `firstname,lastname,birthday`"),
        ("map" = Option<Vec<String>>, Query, description = "`Header:field` says what a column fills, `Header:-` leaves it out; repeatable"),
        ("unknownColumns" = Option<String>, Query, description = "`refuse` the file (the default), `ignore` the column, or fill an `additional` field"),
        ("onBadValue" = Option<String>, Query, description = "`reject` the row (the default), or `blank` the value and warn"),
        ("onError" = Option<String>, Query, description = "`skip` a rejected row (the default), or `stop` there"),
        ("dryRun" = Option<bool>, Query, description = "true: write nothing but the report"),
        ("again" = Option<bool>, Query, description = "true: import a file again that was imported before"),
        ("delimiter" = Option<String>, Query, description = "`comma`, `semicolon`, `tab` or `pipe`; found out by default"),
        ("encoding" = Option<String>, Query, description = "A label of the WHATWG's Encoding Standard, such as `windows-1252`"),
        ("dateFormat" = Option<String>, Query, description = "Such as `DD-MM-YYYY` or `MM/DD/YYYY`; by default that and ISO"),
        ("async" = Option<bool>, Query, description = "true: answer 202 at once"),
        ("idempotencyKey" = Option<String>, Header, description = "As for a create; while the import runs, 409 with `Retry-After`"),
    ),
    request_body(content((FileForm = "multipart/form-data"), (String = "text/csv"), (String = "application/x-ndjson")), description = "The file"),
    responses(
        (status = 200, description = "Every row was dealt with", body = ImportOut),
        (status = 202, description = "The import is queued (`async=true`); `Location` leads to it", body = super::JobOut),
    ),
)]
#[post("/api/Import/customersForm/{entry}")]
pub(crate) async fn import_customers(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    let entrypoint_id = call.entry(Scope::CustomersImport).await?;
    import(&call, entrypoint_id, payload, ImportOptions::parse).await
}

/// Import transactions from a file
///
/// CSV with a header line, or lines of JSON (NDJSON), each an item as `POST Transaction/{entry}` takes it. Columns are the members of
/// an item by their names or Payabli's (`totalAmount`, `transactionDate`), `reference-<system>`, `additional-<name>`, and the
/// fields of a customer (`email`, `customer-phone`). Of several ways to name the customer the first with a value counts:
/// `customerId`, `customerNumber`, a reference, the fields. `added` are new transactions, `merged` those with other values now, `matched`
/// the others; for tokens with `customers:read` a row names its customer, or a warning says why it has none. Rows are imported exactly once, however often the service dies
/// meanwhile. Job, rows and rejected rows are those of every import.
#[utoipa::path(
    tag = "Transactions",
    params(
        EntryPath,
        ("onUnknownCustomer" = Option<String>, Query, description = "What becomes of a transaction whose customer is not known: `refuse` it (needs customers:read), keep it `unlinked` (the default), or `create` the customer of an approved sale"),
        ("dateFormat" = Option<String>, Query, description = "How dates of `occurredAt` are written, beside ISO's: as for an import of customers"),
        ("map" = Option<Vec<String>>, Query, description = "`Header:field` says what a column fills, `Header:-` leaves it out; repeatable"),
        ("unknownColumns" = Option<String>, Query, description = "`refuse` the file (the default), `ignore` the column, or fill an `additional` value"),
        ("onError" = Option<String>, Query, description = "`skip` a rejected row (the default), or `stop` there"),
        ("dryRun" = Option<bool>, Query, description = "true: write nothing but the report"),
        ("again" = Option<bool>, Query, description = "true: import a file again that was imported before"),
        ("delimiter" = Option<String>, Query, description = "`comma`, `semicolon`, `tab` or `pipe`; found out by default"),
        ("encoding" = Option<String>, Query, description = "A label of the WHATWG's Encoding Standard, such as `windows-1252`"),
        ("async" = Option<bool>, Query, description = "true: answer 202 at once"),
        ("idempotencyKey" = Option<String>, Header, description = "As for a create; while the import runs, 409 with `Retry-After`"),
    ),
    request_body(content((FileForm = "multipart/form-data"), (String = "text/csv"), (String = "application/x-ndjson")), description = "The file"),
    responses(
        (status = 200, description = "Every row was dealt with", body = ImportOut),
        (status = 202, description = "The import is queued (`async=true`); `Location` leads to it", body = super::JobOut),
    ),
)]
#[post("/api/Import/transactionsForm/{entry}")]
pub(crate) async fn import_transactions(call: Call, payload: Payload) -> Result<HttpResponse, Error> {
    call.require(Scope::CustomersImport)?;
    if let Some(on_unknown) = call.params().text("onUnknownCustomer").and_then(|word| word.parse().ok()) {
        payments_need(&call, on_unknown)?;
    }
    let entrypoint_id = call.entry(Scope::MoneyWrite).await?;
    import(&call, entrypoint_id, payload, ImportOptions::parse_payments).await
}

/// Takes in a file and answers for its import. `parse` reads the parameters of the route.
async fn import(
    call: &Call,
    entrypoint_id: i64,
    payload: Payload,
    parse: impl FnOnce(&[(String, String)]) -> Result<ImportOptions, Vec<Problem>>,
) -> Result<HttpResponse, Error> {
    let (app, request) = (&call.app, &call.request);
    let Some(kind) = BodyKind::of(request) else {
        discard(payload).await;
        return Err(Error::UnsupportedMediaType("multipart/form-data with a part named file, or text/csv"));
    };
    let mut params = call.params();
    let answers_at_once = params.flag("async");
    let (pairs, mut problems) = params.rest();
    let pairs: Vec<(String, String)> = pairs.into_iter().filter(|(name, _)| name != "async").collect();
    let options = noted(parse(&pairs), &mut problems);
    problems.extend(forbidden_identifiers(call, entrypoint_id, &options).await?);
    // The fingerprint of the key needs the hash of the file, but the form of the key can be checked before the upload.
    let refusal = call.idempotency_key(entrypoint_id).await.err();
    let refusal = refusal.or_else(|| (!problems.is_empty()).then_some(Error::Invalid(problems)));
    if let Some(error) = refusal {
        discard(payload).await;
        return Err(error);
    }
    let store = std::sync::Arc::clone(&app.store);
    let sender = (call.caller.actor(), call.caller.sight());
    let begun = FileIntake::begin(store, entrypoint_id, sender, &options, app.import_bytes_max);
    let mut intake = begun.await?;
    if let Err(error) = receive(request, kind, payload, &mut intake).await {
        intake.abandon().await;
        return Err(error);
    }
    let mut new = intake.finish().await.map_err(refused)?;
    new.key_use = call.key_use(entrypoint_id, &new.plan.file_hash).await?;
    let queued = app.store.imports().queue(new).await?;
    if answers_at_once {
        return accepted(call, entrypoint_id, queued).await;
    }
    wait(call, entrypoint_id, queued).await
}

/// The fields of `identifierFields` that the caller's token may not look customers up by (rules 1).
async fn forbidden_identifiers(
    call: &Call,
    entrypoint_id: i64,
    options: &ImportOptions,
) -> Result<Vec<Problem>, Error> {
    let sight = call.caller.sight();
    let named: Vec<IdField> =
        options.identifier_fields.iter().filter_map(|name| IdField::parse(name).ok()).collect();
    if sight.pii || named.is_empty() {
        return Ok(Vec::new());
    }
    let settings = call.app.store.entrypoints().settings(entrypoint_id).await?.ok_or(Error::NotFound)?;
    let identifier = Identifier::new(named);
    let forbidden = settings.entrypoint.policy.forbidden(&identifier, sight);
    let problem =
        |field| Problem::parameter("identifierFields", "masked_field", guard::hidden_identifier(field));
    Ok(forbidden.map(problem).collect())
}

/// The kind of a request body.
#[derive(Debug, Clone, Copy)]
enum BodyKind {
    /// A form with the file in it.
    Form,
    /// The file itself.
    File,
}

impl BodyKind {
    fn of(request: &HttpRequest) -> Option<BodyKind> {
        match request.content_type().to_ascii_lowercase().as_str() {
            "multipart/form-data" => Some(BodyKind::Form),
            "text/csv"
            | "application/csv"
            | "text/plain"
            | "text/tab-separated-values"
            | "application/x-ndjson"
            | "application/jsonl"
            | "application/octet-stream" => Some(BodyKind::File),
            _ => None,
        }
    }
}

/// Reads the file from the request.
async fn receive(
    request: &HttpRequest,
    kind: BodyKind,
    payload: Payload,
    intake: &mut FileIntake,
) -> Result<(), Error> {
    // Shared, so that the rest of a refused form can still be read and dropped.
    let payload = Rc::new(RefCell::new(payload));
    let source = Rc::clone(&payload);
    let mut pieces = poll_fn(move |context| source.borrow_mut().poll_next_unpin(context));
    let received = match kind {
        BodyKind::Form => receive_form(Multipart::new(request.headers(), pieces), intake).await,
        BodyKind::File => receive_file(&mut pieces, intake, broken).await,
    };
    if received.is_err() {
        discard(poll_fn(move |context| payload.borrow_mut().poll_next_unpin(context))).await;
    }
    received
}

async fn receive_form(mut form: Multipart, intake: &mut FileIntake) -> Result<(), Error> {
    let mut has_file = false;
    while let Some(part) = form.next().await {
        let mut part = part.map_err(|error| broken_form(&error))?;
        let name = part.name().unwrap_or_default().to_owned();
        let disposition = part.content_disposition().and_then(|found| found.get_filename());
        if [disposition, Some(&*name)].into_iter().flatten().any(card::holds) {
            let (code, message) = card::refusal("");
            return Err(Error::invalid(Problem::field(&[PART], code, format!("the file's name {message}"))));
        }
        if name != PART || has_file {
            let message = "the form must have one part named file, and no other";
            return Err(Error::invalid(Problem::field(&[&name], "unknown_part", message)));
        }
        has_file = true;
        receive_file(&mut part, intake, broken_form).await?;
    }
    if has_file {
        return Ok(());
    }
    let message = "the form has no part named file";
    Err(Error::invalid(Problem::field(&[PART], "required", message)))
}

async fn receive_file<E>(
    pieces: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
    intake: &mut FileIntake,
    broken: impl Fn(&E) -> Error,
) -> Result<(), Error> {
    while let Some(bytes) = pieces.next().await {
        let bytes = bytes.map_err(|error| broken(&error))?;
        intake.push(&bytes).await.map_err(refused)?;
    }
    Ok(())
}

fn broken(error: &PayloadError) -> Error {
    body::broken(error, "the body ended early")
}

fn broken_form(error: &MultipartError) -> Error {
    match error {
        MultipartError::Payload(error) => broken(error),
        _ => Error::invalid(Problem::field(&[], "broken_body", "the body ended early or is no form")),
    }
}

fn refused(error: IntakeError) -> Error {
    match error {
        IntakeError::TooLarge(limit) => Error::TooLarge(usize::try_from(limit).unwrap_or(usize::MAX)),
        IntakeError::Store(error) => error.into(),
    }
}

/// Answers once the import has ended.
async fn wait(call: &Call, entrypoint_id: i64, queued: Queued) -> Result<HttpResponse, Error> {
    let mut look = LOOK_FIRST;
    loop {
        let job = call.app.store.imports().job(entrypoint_id, queued.job_id).await?.ok_or(Error::NotFound)?;
        if job.state.is_over() {
            return Ok(answer(&job, queued.why, call.caller.sight()));
        }
        if queued.why == Why::Replayed {
            return Err(Error::StillRunning);
        }
        tokio::time::sleep(look).await;
        look = (look * 2).min(LOOK_LAST);
    }
}

fn answer(job: &ImportJob, why: Why, sight: Sight) -> HttpResponse {
    let counts = &job.counts;
    ok(why == Why::Replayed).json(ImportOut {
        is_success: true,
        response_text: "Success",
        response_code: 1,
        page_identifier: None,
        response_data: ImportData {
            added: counts.added(),
            rejected: counts.of(RowOutcome::Rejected),
            reasons: super::reasons(job, sight),
            errors: super::errors(job, sight),
            replaced: counts.of(RowOutcome::Replaced),
            merged: counts.of(RowOutcome::Merged),
            matched: counts.of(RowOutcome::Matched),
            warnings: view::warnings(sight, job),
            job_id: job.id,
            state: job.state.name(),
            failure: job.failure.clone().filter(|_| job.state == JobState::Failed),
            dry_run: job.is_dry_run,
            preset: job.preset,
            columns_left_out: job.plan.left_out.clone(),
            repeated: matches!(why, Why::Report | Why::Same | Why::Resumed),
        },
    })
}
